//! OpenPGP functionaries: their keys count at the time of verification and not after their end.

use unbroken_model::timestamp::Timestamp;
use unbroken_testkit::{Chain, Draft, keys};

use crate::{rejected, the, verified};

const KEY: &str = include_str!("../../../unbroken-crypto/tests/data/gpg/rsa-2-years.key.json");
const LINK: &[u8] =
    include_bytes!("../../../unbroken-crypto/tests/data/gpg/rsa-2-years.metablock.link");
const SUBKEY: &str = include_str!("../../../unbroken-crypto/tests/data/gpg/subkey.key.json");
const MAIN: &str = "7e50c0de3e2834fbefc27eebb180951311080c41";
const SUB: &str = "0d166e621d517310379f4d28dfd321087158cbaa";
const ID: &str = "fbd130ddf91d557dce7d0ca25fc8c3352d87a3b6";
/// When the key was made, and for how long.
const MADE: i64 = 1_795_390_544;
const TWO_YEARS: i64 = 63_072_000;

/// A layout with one step, by the key that gpg made, and the link that it signed.
fn chain() -> Chain {
    let mut chain = Chain::pipeline();
    for (step, by) in [("checkout", "developer"), ("build", "builder"), ("scan", "scanner")] {
        chain.take(&keys::stem(step, by));
    }
    chain.layout.set("expires", "2040-01-01T00:00:00Z");
    chain.layout.set_json("keys", &format!(r#"{{"{ID}": {KEY}}}"#));
    chain.layout.set_json("inspect", "[]");
    chain.layout.set_json(
        "steps",
        &format!(
            r#"[{{"_type": "step", "name": "build", "threshold": 1, "pubkeys": ["{ID}"],
                "expected_command": [], "expected_materials": [], "expected_products": []}}]"#
        ),
    );
    chain.put("build.fbd130dd", Draft::raw(LINK));
    chain.now = Timestamp::from_unix(MADE + 10);
    chain
}

#[test]
fn a_link_that_gpg_signed_counts_until_the_key_ends() {
    let mut chain = chain();
    verified(&chain);
    chain.now = Timestamp::from_unix(MADE + TWO_YEARS - 1);
    verified(&chain);
    for now in [MADE + TWO_YEARS, MADE + 2 * TWO_YEARS, MADE - 1] {
        chain.now = Timestamp::from_unix(now);
        let verdict = rejected(
            &chain,
            &[
                "key-unusable",
                "link-signature-invalid",
                "link-threshold-not-met",
                "threshold-above-keys",
            ],
        );
        let said = &the(&verdict, "key-unusable").message;
        let due = if now < MADE { "not valid before 2026-" } else { "the key expired at 2028-" };
        assert!(said.contains(due), "{said}");
    }
}

#[test]
fn a_subkey_that_is_listed_as_a_key_too_is_one_key_listed_twice() {
    let mut chain = chain();
    chain.layout.set_json(&format!("keys/{MAIN}"), SUBKEY);
    verified(&chain);
    let subkey = chain.layout.get(&format!("keys/{MAIN}/subkeys/{SUB}")).clone();
    chain.layout.set(&format!("keys/{SUB}"), subkey);
    rejected(&chain, &["key-listed-twice"]);
}
