//! `--pattern-dialect go`: every pattern of a table and many random ones decide as in-toto-golang's
//! own matcher, run here on the same pairs.

use std::fmt::Write;
use std::process::Command;

use serde_json::json;
use unbroken_model::pattern::{Pattern, PatternDialect, PatternFault};
use unbroken_testkit::Random;

use crate::reference::Servant;
use crate::tools::component;

/// Each against each of [`NAMES`]: what the two dialects read differently, and what Go calls
/// malformed.
const PATTERNS: &str = r"
* ** *** a* *a *a* a*b a**b *.c a*b*c a*b?c*x a*b*c*d*e*/f */b a*/b ? ?? ??? a?b a???b *? *?? *??? ?* ??*
abc ab/c a/b/c ./a ./a* a//b a/ a/. /a / . ./ src/*.c src/**/x.c **/foo dir/** src/./x.c
[a] [ab] [a-c] [a-c]* [!a] [!a-c] [!!] [!!a] [^a] [^a-z] [^] [z-a] [a-b-c] [a-\-] [--a] [a-] [-] [-x] [x-] [x-a-b]
[ [] [!] [!]a] []a] []] [a [a- [a-b a[ a*[ *[ [a]* *[a] a[b]c a[!b]c [[] [[a]] [a]] ] a]
\a \* a\*b \\ \ a\ [\a] [\]] [\]a] [\-] [\-x] [x\-] [x\-a] [a\] [\!a] [!\]] [\[-\]] \[a\] *\*
[α-ζ] [α-ζ]* *[α-ζ] ä [ä] [!ä] ?ä *ä* ☺ [☺] *☺ [☺-♥]* a☺b a?b [!a]? [!a]* *[!a]
";
const NAMES: &str = r"
a b c ab abc ab/c a/b a/b/c abxbbxdbxebxczzx axbxcxdxe/f - ! ^ ] [ \ \a * a*b acb a] [a] []a] z x m _ .
src/x.c src/.c src/a/x.c foo a/foo dir/x α β ζ ä ☺ ♥ a☺b a☺ ☺b ää x-y a-b --- ..a file.c.bak é
";

/// What pairs random ones are made of.
const PIECES: [&str; 24] = [
    "a", "b", "c", "ab", "/", "*", "?", "[", "]", "[a-c]", "[!b]", "^", "!", "-", "\\", "\\*",
    "[^a]", "α", "☺", ".", "./", "*/", "[\\]a]", "x",
];
const LETTERS: [&str; 10] = ["a", "b", "c", "x", "/", "-", "]", "α", "☺", "\\"];
const RANDOM_PAIRS: usize = 40_000;

/// Says of a pair what our matcher says, in the letters of the servant; nothing where a `..` is
/// refused here, which golang cleans away.
fn ours(pattern: &str, name: &str) -> Option<char> {
    match Pattern::new(pattern).in_dialect(PatternDialect::Go) {
        Ok(read) if read.matches(name) => Some('y'),
        Ok(_) => Some('n'),
        Err(PatternFault::Parent) => {
            assert!(pattern.contains(".."), "{pattern:?}");
            None
        }
        Err(_) => Some('!'),
    }
}

fn text(random: &mut Random, pieces: &[&str], most: usize) -> String {
    let count = random.below(most) + 1;
    (0..count).map(|_| pieces[random.below(pieces.len())]).collect()
}

#[test]
fn patterns_match_as_golangs_own() {
    let name = "patterns_match_as_golangs_own";
    let Some(program) = component("UNBROKEN_TEST_IN_TOTO_GO", name) else { return };
    let mut servant = Servant::of(&mut Command::new(program.with_file_name("peer")));
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pattern in PATTERNS.split_whitespace() {
        pairs.extend(NAMES.split_whitespace().map(|name| (pattern.to_owned(), name.to_owned())));
    }
    let of_table = pairs.len();
    let mut random = Random::new(2024);
    for _ in 0..RANDOM_PAIRS {
        pairs.push((text(&mut random, &PIECES, 7), text(&mut random, &LETTERS, 6)));
    }
    let answer = servant.ask(&json!({"do": "match", "pairs": pairs}));
    let answers: Vec<char> = answer["answers"].as_str().unwrap().chars().collect();
    assert_eq!(answers.len(), pairs.len());
    let mut wrong = String::new();
    let mut differing = 0;
    for (at, ((pattern, name), theirs)) in pairs.iter().zip(&answers).enumerate() {
        let Some(ours) = ours(pattern, name) else { continue };
        if ours != *theirs {
            writeln!(wrong, "{pattern:?} {name:?}: golang {theirs}, here {ours}").unwrap();
        }
        let python = if Pattern::new(pattern.as_str()).matches(name) { 'y' } else { 'n' };
        differing += usize::from(at < of_table && python != *theirs);
    }
    for letter in ['y', 'n', '!'] {
        let count = answers.iter().filter(|answer| **answer == letter).count();
        assert!(count > 1000, "{letter}: {count} pairs are too few to tell anything");
    }
    println!("{of_table} pairs of the table, {differing} of them otherwise in python's dialect");
    println!("{RANDOM_PAIRS} random pairs");
    assert!(wrong.is_empty(), "{wrong}");
}
