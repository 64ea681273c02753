//! A short run of the webhook's fuzz targets on their corpora and on input made of these.

use std::fs;

use unbroken_testkit::Random;
use unbroken_testkit::entries::fuzz_folder;

use crate::entries::ALL;

#[test]
fn every_target_of_the_webhook_stands_its_corpus_and_what_is_made_of_it() {
    for entry in ALL {
        let folder = fuzz_folder().join("corpus").join(entry.name);
        let mut paths: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        paths.sort();
        let corpus: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        assert!(!corpus.is_empty(), "{}", entry.name);
        for input in &corpus {
            (entry.run)(input);
        }
        entry.run_mutated(&corpus, 3000, &mut Random::new(2026));
    }
}
