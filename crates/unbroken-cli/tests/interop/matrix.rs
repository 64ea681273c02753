//! Producer, verifier, kind of key, envelope: every cell of the matrix is measured, printed, and held
//! to `docs/interop.md`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use crate::peers::{MAKER, OWNER, Peer, Peers, Task};
use crate::plan::{Form, Plan, StepPlan};

const KINDS: [&str; 11] = [
    "ed25519",
    "ecdsa-p256",
    "ecdsa-p384",
    "ecdsa-p521",
    "rsa-3072",
    "ml-dsa-65",
    "x509 ed25519",
    "x509 ecdsa-p256",
    "x509 ecdsa-p384",
    "x509 ecdsa-p521",
    "x509 rsa-3072",
];
const TASKS: [Task; 2] = [
    Task { step: "make", materials: &[], products: &["app"], script: "echo app > app" },
    Task { step: "pack", materials: &["app"], products: &["app.gz"], script: "gzip -nk app" },
];
const BEGIN: &str = "<!-- matrix: UPDATE=1 cargo test -p unbroken-cli --test interop matrix -->\n";
const END: &str = "<!-- end -->";

/// The cells of a row by the names of their columns.
type Row = BTreeMap<String, String>;
/// The rows by kind of key, envelope and producer.
type Table = BTreeMap<[String; 3], Row>;

/// What it came to that a producer makes something: the first column of cells.
const MAKES: &str = "is made";

fn plan() -> Plan {
    let step = |name, materials| StepPlan {
        name,
        keys: &[MAKER],
        threshold: 1,
        materials,
        products: "CREATE app*\nDISALLOW *",
    };
    let steps = vec![
        step("make", "DISALLOW *"),
        step("pack", "MATCH app WITH PRODUCTS FROM make\nDISALLOW *"),
    ];
    Plan { steps, inspections: Vec::new() }
}

/// Tells whether a rejection is for a bad signature of a link, by the reasons of all verifiers.
fn is_bad_link(reason: &str) -> bool {
    [
        "link-signature-invalid",
        "ThresholdVerificationError",
        "have a valid signature from an authorized signer",
        // What golang looks for where no key fits.
        "Signature has empty Certificate",
    ]
    .contains(&reason)
}

/// Tells whether a rejection is for a certificate that no root stands above.
fn is_untrusted(reason: &str) -> bool {
    ["certificate-untrusted", "cert cannot be verified by provided roots and intermediates"]
        .contains(&reason)
}

/// Tells whether a rejection is for a layout that this owner has not signed.
fn is_other_owner(reason: &str) -> bool {
    [
        "signature-threshold-not-met",
        "SignatureVerificationError",
        "no signature found for key",
        "accepted signatures do not match threshold",
    ]
    .contains(&reason)
}

/// Lets every verifier judge one chain: as it is, for another owner, without the authority that stands
/// between root and certificate where there is one, and with a digest edited.
fn measure(peers: &mut Peers) -> Row {
    let verifiers: Vec<Peer> =
        Peer::VERIFIERS.into_iter().filter(|peer| peers.has(*peer)).collect();
    let mut row = Row::new();
    let mut accepted = Vec::new();
    for verifier in verifiers {
        let cell = match peers.judge(verifier, OWNER) {
            Err(reason) => format!("no: {reason}"),
            Ok(()) => match peers.judge(verifier, MAKER) {
                Err(reason) if is_other_owner(&reason) => {
                    accepted.push(verifier);
                    "yes".to_owned()
                }
                other => format!("UNSAFE: for another owner {other:?}"),
            },
        };
        row.insert(verifier.name().to_owned(), cell);
    }
    let mut unsafe_unless = |peers: &mut Peers, what, is_due: fn(&str) -> bool| {
        for verifier in &accepted {
            match peers.judge(*verifier, OWNER) {
                Err(reason) if is_due(&reason) => {}
                other => {
                    row.insert(verifier.name().to_owned(), format!("UNSAFE: {what} {other:?}"));
                }
            }
        }
    };
    let authorities = std::mem::take(&mut peers.authorities);
    if !authorities.is_empty() {
        unsafe_unless(peers, "without the authority", is_untrusted);
    }
    peers.authorities = authorities;
    peers.edit("make");
    unsafe_unless(peers, "edited", is_bad_link);
    row
}

fn page() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/interop.md"))
}

/// Writes the table as it stands in the page.
fn write(table: &Table) -> String {
    let columns: Vec<&str> =
        std::iter::once(MAKES).chain(Peer::VERIFIERS.map(Peer::name)).collect();
    let mut out = format!("| key | envelope | made by | {} |\n", columns.join(" | "));
    writeln!(out, "|{}", " --- |".repeat(columns.len() + 3)).unwrap();
    for kind in KINDS {
        for form in Form::BOTH {
            for producer in Peer::PRODUCERS {
                let key = [kind.to_owned(), form.name().to_owned(), producer.name().to_owned()];
                let Some(row) = table.get(&key) else { continue };
                let cells = columns.iter().map(|&name| row.get(name).map_or("", String::as_str));
                let cells: Vec<&str> = cells.collect();
                writeln!(out, "| {} | {} |", key.join(" | "), cells.join(" | ")).unwrap();
            }
        }
    }
    out
}

/// Reads the table of the page.
fn read(page: &str) -> Table {
    let (_, rest) = page.split_once(BEGIN).expect("the page has the matrix");
    let (text, _) = rest.split_once(END).unwrap();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = text.lines();
    let columns = cells(lines.next().unwrap());
    let rows = lines.skip(1).map(|line| {
        let [kind, form, producer, rest @ ..]: [String; 9] = cells(line).try_into().unwrap();
        let row = columns[3..].iter().cloned().zip(rest).collect();
        ([kind, form, producer], row)
    });
    rows.collect()
}

#[test]
fn the_matrix_is_as_the_page_says() {
    let mut peers = Peers::start("the_matrix_is_as_the_page_says");
    let plan = plan();
    let mut table = Table::new();
    for kind in KINDS {
        peers.make_keys(kind);
        for form in Form::BOTH {
            for producer in
                Peer::PRODUCERS.into_iter().filter(|peer| peers.has(*peer)).collect::<Vec<_>>()
            {
                let made = peers.make_chain(producer, form, &plan, &TASKS);
                let mut row = if made.is_ok() { measure(&mut peers) } else { Row::new() };
                let made =
                    made.map_or_else(|reason| format!("no: {reason}"), |()| "yes".to_owned());
                row.insert(MAKES.to_owned(), made);
                let key = [kind.to_owned(), form.name().to_owned(), producer.name().to_owned()];
                table.insert(key, row);
            }
        }
    }
    println!("{}", write(&table));
    let there = std::fs::read_to_string(page()).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        let (before, rest) = there.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        std::fs::write(page(), format!("{before}{BEGIN}{}{END}{after}", write(&table))).unwrap();
        return;
    }
    // Peers that are not here leave their cells unmeasured.
    let expected = read(&there);
    let mut wrong = String::new();
    for (key, row) in &table {
        for (column, cell) in row {
            let due = expected.get(key).and_then(|row| row.get(column)).map_or("", String::as_str);
            if due != cell {
                writeln!(
                    wrong,
                    "{}, {column}: {cell:?}, but the page says {due:?}",
                    key.join(", ")
                )
                .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}UPDATE=1 writes the page anew");
}
