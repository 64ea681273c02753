//! Small chains drawn at random, with faults, judged by both sides: the verdicts are the same.

mod artifacts;
mod case;
mod fault;
mod rules;
mod sublayout;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;
use unbroken_testkit::{Random, amount, figure, keys};

use self::case::Case;
use self::fault::Fault;
use crate::reference::Servant;
use crate::site::write;
use crate::tools::Reference;
use crate::verdict::{Verdict, judge_ours};

/// How many chains are drawn; `cargo xtask compare chains` draws ten thousand.
const CASES: usize = 2_000;
const SEED: u64 = 20_261_122;

/// Where we reject and the reference does not, on purpose: the rows of `docs/differences.md` as far
/// as the generator reaches them.
const STRICTER: [&str; 4] = [
    "match-source-missing",
    "link-name-mismatch",
    "links-disagree",
    "sublayout-inspection-refused",
];

/// Our codes for each exception of the reference, which stops at its first.
fn same_reason(theirs: &str) -> &'static [&'static str] {
    match theirs {
        "SignatureVerificationError" => &["signature-threshold-not-met"],
        "LayoutExpiredError" => &["layout-expired"],
        "LinkNotFoundError" => &["link-missing", "link-threshold-not-met"],
        "ThresholdVerificationError" => &["link-threshold-not-met", "links-disagree"],
        "RuleVerificationError" => &["rule-disallow", "rule-require"],
        "BadReturnValueError" => &["inspection-failed"],
        // Raised by `str.format` for a parameter that has no value.
        "KeyError" => &["parameter-invalid"],
        "JSONDecodeError" => &["link-malformed"],
        other => panic!("the generator does not expect the reference to raise {other}"),
    }
}

/// Compares two verdicts, and names the class that the case belongs to.
fn compare(case: &Case, ours: &Verdict, theirs: &Verdict) -> Result<String, &'static str> {
    // The one row of "Accepted here" that is reached: a broken file beside enough good links.
    let one_is_broken = case.fault == Fault::LinkTruncated && theirs.reasons == ["JSONDecodeError"];
    if one_is_broken && !ours.reasons.iter().any(|code| code == "link-malformed") {
        return Ok("a broken link file does not count here".to_owned());
    }
    // The same row: a sublayout that fails as the reference says, or is refused here before its rules
    // are looked at, beside enough good links.
    let beside = |theirs: &str| {
        let failed = |code: &str| same_reason(theirs).contains(&code) || STRICTER.contains(&code);
        case.has_sublayout && ours.warned.iter().any(|code| failed(code))
    };
    if ours.accepted && !theirs.accepted && beside(&theirs.reasons[0]) {
        return Ok("a sublayout that fails does not count here".to_owned());
    }
    match (ours.accepted, theirs.accepted) {
        (true, true) => Ok("both accept".to_owned()),
        (true, false) => Err("we accept what the reference rejects"),
        (false, true) => {
            let stricter = |code: &String| STRICTER.contains(&code.as_str());
            let Some(code) = ours.reasons.iter().find(|code| stricter(code)) else {
                return Err("we reject what the reference accepts");
            };
            Ok(format!("stricter here: {code}"))
        }
        (false, false) => {
            let theirs = &theirs.reasons[0];
            let wanted = same_reason(theirs);
            let said = |code: &String| {
                wanted.contains(&code.as_str()) || STRICTER.contains(&code.as_str())
            };
            if ours.reasons.iter().any(said) || beside(theirs) {
                Ok(format!("both reject: {theirs}"))
            } else {
                Err("both reject, for different reasons")
            }
        }
    }
}

/// The folders of a case, and both judges.
struct Court {
    folder: tempfile::TempDir,
    servant: Servant,
}

impl Court {
    fn judge(&mut self, number: usize, case: &Case) -> (Verdict, Verdict) {
        let folder = self.folder.path().join(number.to_string());
        for (name, bytes) in &case.links {
            write(&folder.join("links").join(name), bytes);
        }
        write(&folder.join("root.layout"), &case.layout);
        for name in ["links", "product"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        for (path, content) in &case.product {
            write(&folder.join("product").join(path), content);
        }
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let owners: Vec<String> = case.owners.iter().map(|key| self.public_key(key)).collect();
        let parameters: Vec<String> = case
            .parameters
            .iter()
            .flat_map(|(n, v)| ["--parameter".into(), format!("{n}={v}")])
            .collect();
        let ours = judge_ours(
            Path::new(&path("root.layout")),
            Path::new(&path("links")),
            &owners,
            Path::new(&path("product")),
            &parameters,
        );
        let answer = self.servant.ask(&json!({
            "do": "judge", "layout": path("root.layout"), "links": path("links"),
            "product": path("product"), "keys": owners, "parameters": case.parameters,
        }));
        fs::remove_dir_all(folder).unwrap();
        let accepted = answer["accepted"].as_bool().unwrap();
        let reason = answer["error"].as_str().unwrap().to_owned();
        (ours, Verdict { accepted, reasons: vec![reason], warned: Vec::new() })
    }

    /// Writes a public key once, and returns its file.
    fn public_key(&self, name: &str) -> String {
        let file = self.folder.path().join(format!("{name}.pub"));
        fs::write(&file, keys::key(name).public().spki_pem()).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

/// What judging some cases came to.
struct Tally {
    classes: BTreeMap<String, usize>,
    differences: Vec<String>,
}

impl Tally {
    /// Judges the cases of these numbers; each is drawn from a seed of its own.
    fn of(numbers: std::ops::Range<usize>, reference: &Reference) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut court = Court { folder, servant: Servant::start(reference) };
        let mut tally = Self { classes: BTreeMap::new(), differences: Vec::new() };
        for number in numbers {
            let case = Case::draw(&mut Random::new(SEED + u64::try_from(number).unwrap()));
            let (ours, theirs) = court.judge(number, &case);
            match compare(&case, &ours, &theirs) {
                Ok(class) => {
                    let kind = if case.has_sublayout { " (with a sublayout)" } else { "" };
                    *tally.classes.entry(format!("{class}{kind}")).or_default() += 1;
                }
                Err(why) => tally.differences.push(format!(
                    "case {number}: {why}\n  ours {ours:?}\n  theirs {theirs:?}\n  {:?}, parameters {:?}\n{}",
                    case.fault, case.parameters, case.readable
                )),
            }
        }
        tally
    }
}

#[test]
fn verdicts_over_random_chains_are_the_same() {
    let Some(reference) = Reference::find("verdicts_over_random_chains_are_the_same") else {
        return;
    };
    let cases = amount("UNBROKEN_RANDOM_CHAINS", CASES);
    let half = cases / 2;
    let (mut tally, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| Tally::of(half..cases, &reference));
        (Tally::of(0..half, &reference), other.join().unwrap())
    });
    for (class, count) in other.classes {
        *tally.classes.entry(class).or_default() += count;
    }
    tally.differences.extend(other.differences);
    let Tally { classes, differences } = tally;
    for (class, count) in &classes {
        println!("{count:>5}  {class}");
    }
    let shown: Vec<_> = differences.iter().take(3).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), shown.join("\n"));
    // The generator draws enough of everything, or the comparison would prove little.
    let least = |class: &str| classes.get(class).copied().unwrap_or(0);
    let delegated = least("both accept (with a sublayout)");
    assert!(least("both accept") + delegated >= cases / 5, "{classes:?}");
    assert!(least("both reject: RuleVerificationError") >= cases / 10, "{classes:?}");
    assert!(least("both reject: ThresholdVerificationError") >= 5, "{classes:?}");
    assert!(least("both reject: SignatureVerificationError") >= 5, "{classes:?}");
    assert!(least("both reject: BadReturnValueError") >= 3, "{classes:?}");
    assert!(delegated >= cases / 40, "{classes:?}");
    assert!(least("both reject: RuleVerificationError (with a sublayout)") >= 20, "{classes:?}");
    figure("random chains beside the reference: judged", cases);
    for (class, count) in &classes {
        figure(&format!("random chains beside the reference: {class}"), count);
    }
    figure(
        "random chains beside the reference: differences that are not documented",
        differences.len(),
    );
}
