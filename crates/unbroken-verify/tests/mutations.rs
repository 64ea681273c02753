//! Every mutation of every sound chain that is drawn is found, by its name.

use std::collections::BTreeSet;

use unbroken_testkit::mutation::{ALL, Sound};
use unbroken_testkit::{Random, catalogue};
use unbroken_verify::FindingCode;

/// How many chains are drawn; each is changed in every way.
const CHAINS: usize = 12;

#[test]
fn every_mutation_of_a_sound_chain_is_found() {
    let mut random = Random::new(4);
    let mut shapes = BTreeSet::new();
    for number in 0..CHAINS {
        let sound = Sound::draw(&mut random);
        let verdict = sound.chain.case().judge();
        assert!(verdict.verified, "chain {number}: {:#?}", verdict.findings);
        assert!(verdict.findings.is_empty(), "chain {number}: {:#?}", verdict.findings);
        shapes.insert(format!("{:?}", sound.steps));
        for mutation in ALL {
            let mut changed = sound.clone();
            let step = random.below(changed.steps.len());
            (mutation.apply)(&mut changed, step);
            let verdict = changed.chain.case().judge();
            let is_due = verdict.errors.iter().any(|code| code == mutation.code);
            assert!(
                !verdict.verified && is_due,
                "chain {number}, {} at {step}: {:#?}",
                mutation.name,
                verdict.findings
            );
        }
    }
    assert!(ALL.len() * CHAINS > 400 && shapes.len() == CHAINS);
}

#[test]
fn every_mutation_is_of_the_catalogue_and_has_a_name_of_its_own() {
    let ids: BTreeSet<String> = catalogue::lines().into_iter().map(|line| line.id).collect();
    let names: BTreeSet<&str> = ALL.iter().map(|mutation| mutation.name).collect();
    assert_eq!(names.len(), ALL.len());
    for mutation in ALL {
        assert!(ids.contains(mutation.line), "{}", mutation.name);
        assert!(FindingCode::from_word(mutation.code).is_some(), "{}", mutation.name);
    }
}
