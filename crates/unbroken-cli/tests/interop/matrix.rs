//! Producer, verifier, kind of key, envelope: every cell of the matrix is measured, printed and asserted.

use std::fmt::Write;

use crate::plan::{Form, Plan, Side, StepPlan};
use crate::site::{Site, Work};
use crate::tools::Reference;
use crate::verdict::Verdict;

const KINDS: [&str; 6] =
    ["ed25519", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-3072", "ml-dsa-65"];

const MAKE: Work = Work {
    step: "make",
    key: "maker",
    materials: &[],
    products: &["app"],
    script: "echo app > app",
};
const PACK: Work = Work {
    step: "pack",
    key: "maker",
    materials: &["app"],
    products: &["app.gz"],
    script: "gzip -nk app",
};

/// What one verifier said of one chain: untouched, with a digest edited, and for another owner.
struct Cell {
    untouched: Verdict,
    edited: Verdict,
    other_owner: Verdict,
}

impl Cell {
    /// Says whether every verdict is as it has to be, each rejection for its own reason.
    fn passed(&self) -> bool {
        let rejected = |verdict: &Verdict, reasons: [&str; 2]| {
            !verdict.accepted && verdict.reasons.iter().any(|told| reasons.contains(&told.as_str()))
        };
        self.untouched.accepted
            && rejected(&self.edited, ["link-signature-invalid", "ThresholdVerificationError"])
            && rejected(
                &self.other_owner,
                ["signature-threshold-not-met", "SignatureVerificationError"],
            )
    }

    fn reasons(&self) -> String {
        let Self { untouched, edited, other_owner } = self;
        format!("untouched {untouched:?}\n  edited {edited:?}\n  other owner {other_owner:?}")
    }
}

fn measure(site: &mut Site, producer: Side, form: Form) -> [Cell; 2] {
    let step = |name, materials| StepPlan {
        name,
        keys: &["maker"],
        threshold: 1,
        materials,
        products: "CREATE app*\nDISALLOW *",
    };
    let steps = vec![
        step("make", "DISALLOW *"),
        step("pack", "MATCH app WITH PRODUCTS FROM make\nDISALLOW *"),
    ];
    let plan = Plan { steps, inspections: Vec::new() };
    site.layout(producer, form, &plan, &["owner"], "links/root.layout");
    site.run(producer, form, &MAKE, "links");
    site.run(producer, form, &PACK, "links");
    let untouched = Side::BOTH.map(|verifier| site.verify(verifier, &["owner"]));
    let other_owner = Side::BOTH.map(|verifier| site.verify(verifier, &["maker"]));
    site.edit_digest("make", "maker");
    let edited = Side::BOTH.map(|verifier| site.verify(verifier, &["owner"]));
    site.clear();
    let mut rest = edited.into_iter().zip(other_owner);
    untouched.map(|untouched| {
        let (edited, other_owner) = rest.next().unwrap();
        Cell { untouched, edited, other_owner }
    })
}

#[test]
fn the_matrix_of_keys_and_envelopes() {
    let Some(reference) = Reference::find("the_matrix_of_keys_and_envelopes") else { return };
    let mut table = format!("{:<12} {:<10}", "key", "envelope");
    for producer in Side::BOTH {
        for verifier in Side::BOTH {
            write!(table, " {:<24}", format!("{producer:?} -> {verifier:?}")).unwrap();
        }
    }
    let mut failures = String::new();
    for kind in KINDS {
        let mut rows = Form::BOTH.map(|form| format!("\n{kind:<12} {:<10}", format!("{form:?}")));
        for producer in Side::BOTH {
            let mut site = Site::new(&reference);
            site.make_key(producer, kind, "owner");
            site.make_key(producer, kind, "maker");
            for (form, row) in Form::BOTH.into_iter().zip(&mut rows) {
                let cells = measure(&mut site, producer, form);
                for (verifier, cell) in Side::BOTH.into_iter().zip(cells) {
                    let mark = if cell.passed() { "pass" } else { "FAIL" };
                    write!(row, " {mark:<24}").unwrap();
                    if !cell.passed() {
                        let reasons = cell.reasons();
                        writeln!(
                            failures,
                            "{kind} {form:?} {producer:?} -> {verifier:?}\n  {reasons}"
                        )
                        .unwrap();
                    }
                }
            }
        }
        table.extend(rows);
    }
    println!(
        "{table}\n\
         pass: accepted as it is; rejected with one digit of a digest changed, and for another owner"
    );
    assert!(failures.is_empty(), "{failures}");
}
