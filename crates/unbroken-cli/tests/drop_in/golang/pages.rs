//! `in-toto gendoc`: the pages of both, named and parted alike.

use super::pair;
use crate::pair::Ended;

/// What a page of golang's holds beside sentences: headings, options and links, in the order of the page.
fn parts(page: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(page).unwrap();
    // What stands under this heading is another way to say what the page is about.
    let lines = text.lines().filter(|line| *line != "### Synopsis");
    let part = |line: &str| match line.trim_start() {
        heading if heading.starts_with("##") => Some(heading.to_owned()),
        link if link.starts_with("* [") => Some(link.split_once('\t').unwrap().0.to_owned()),
        flag if flag.starts_with('-') && line.starts_with("  ") => {
            let (_, long) = flag.split_once("--").unwrap();
            Some(long.split("  ").next().unwrap().trim_end().to_owned())
        }
        _ => None,
    };
    let mut parts: Vec<String> = lines.filter_map(part).collect();
    // Golang's options stand by name.
    for options in parts.split_mut(|part| part.starts_with('#')) {
        if options.iter().all(|option| !option.starts_with('*')) {
            options.sort();
        }
    }
    parts
}

#[test]
fn pages_are_named_and_parted_alike() {
    let Some(pair) = pair("pages beside golang's") else { return };
    pair.each(|folder| {
        std::fs::create_dir_all(folder.join("doc")).unwrap();
        std::fs::create_dir_all(folder.join("other/in-toto_key.md")).unwrap();
    });
    for line in ["gendoc", "gendoc -d src", "gendoc --dir=", "gendoc -d other"] {
        let (theirs, ours) = pair.run("in-toto", &line.split(' ').collect::<Vec<_>>());
        assert_eq!((&ours.code, &ours.stderr), (&theirs.code, &theirs.stderr), "{line}");
        assert_eq!(ours.code, Some(i32::from(line.ends_with("other"))), "{line}");
        let names = |ended: &Ended| ended.files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&theirs), "{line}");
        for (name, page) in
            ours.files.iter().filter(|(name, _)| name.extension().is_some_and(|end| end == "md"))
        {
            let mut ours = parts(page);
            ours.retain(|part| {
                ![
                    "at string",
                    "format string",
                    "allow-sublayout-inspections",
                    "timestamp-authority strings",
                ]
                .contains(&part.as_str())
            });
            assert_eq!(ours, parts(&theirs.files[name]), "{}", name.display());
        }
    }
}
