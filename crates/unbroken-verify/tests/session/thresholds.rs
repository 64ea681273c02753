//! Who vouches for a step, and whether they agree.

use unbroken_crypto::KeyAlgorithm;
use unbroken_crypto::KeyIdStyle;
use unbroken_model::json::Value;
use unbroken_testkit::{Chain, Draft, Signer, keys};
use unbroken_verify::Judgement;

use crate::{rejected, the, verified, warned};

/// The functionaries that may build.
const BUILDERS: [&str; 4] = ["builder", "second-builder", "third-builder", "fourth-builder"];

/// A pipeline whose build may be done by four functionaries, of whom so many are due, and nobody
/// has done it yet; with the link that each of them would sign.
fn many_builders(threshold: i64) -> (Chain, Draft) {
    let mut chain = Chain::pipeline();
    for name in &BUILDERS[1..] {
        chain.authorise(1, name);
    }
    chain.layout.set("steps/1/threshold", threshold);
    let mut link = chain.take(&keys::stem("build", "builder"));
    link.unsign();
    (chain, link)
}

/// Hands in the link with these signatures, in a file of the given number.
fn put(chain: &mut Chain, number: usize, link: &Draft, signers: &[&str]) {
    let link = signers.iter().fold(link.clone(), |link, name| link.signed_by(name));
    chain.put(format!("build.{number:08x}"), link);
}

#[test]
fn a_threshold_is_met_by_as_many_functionaries() {
    let (mut chain, link) = many_builders(3);
    for (number, name) in BUILDERS.iter().enumerate().take(2) {
        put(&mut chain, number, &link, &[name]);
    }
    let verdict = rejected(&chain, &["link-threshold-not-met"]);
    let finding = the(&verdict, "link-threshold-not-met");
    assert_eq!(finding.item.as_deref(), Some("build"));
    assert!(finding.message.contains("2 of 3"), "{}", finding.message);

    put(&mut chain, 2, &link, &[BUILDERS[2]]);
    verified(&chain);
    let chain = chain.case().verify().unwrap();
    let build = &chain.assessment().chains[0].steps[1];
    assert_eq!(build.functionaries.len(), 3);
    assert!(build.evidence.iter().all(|piece| piece.accepted && !piece.sublayout));
}

#[test]
fn one_functionary_with_many_links_is_one() {
    let (mut chain, link) = many_builders(2);
    for number in 0..5 {
        put(&mut chain, number, &link, &["builder"]);
    }
    rejected(&chain, &["link-threshold-not-met"]);
}

#[test]
fn one_link_with_many_signatures_is_one_vote() {
    let (mut chain, link) = many_builders(2);
    put(&mut chain, 0, &link, &BUILDERS);
    rejected(&chain, &["link-threshold-not-met"]);

    // And one functionary is named for it.
    chain.layout.set("steps/1/threshold", 1_i64);
    let verified = chain.case().verify().unwrap();
    assert_eq!(verified.assessment().chains[0].steps[1].functionaries.len(), 1);
}

/// Three pieces, each signed by two of three functionaries: each piece can have a voter of its
/// own, in whatever order they come.
#[test]
fn votes_are_shared_out_so_that_none_is_lost() {
    let pairs = [[0, 1], [0, 2], [1, 2]];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (mut chain, link) = many_builders(3);
        for (number, pair) in order.into_iter().enumerate() {
            put(&mut chain, number, &link, &pairs[pair].map(|who| BUILDERS[who]));
        }
        verified(&chain);
    }
    // Three pieces of two functionaries are two votes all the same.
    let (mut chain, link) = many_builders(3);
    for number in 0..3 {
        put(&mut chain, number, &link, &BUILDERS[..2]);
    }
    rejected(&chain, &["link-threshold-not-met"]);
}

#[test]
fn links_that_differ_are_named_with_both_digests() {
    for threshold in [1, 2] {
        let (mut chain, link) = many_builders(threshold);
        put(&mut chain, 0, &link, &["builder"]);
        let mut other = link.clone();
        other.set("products/image.tar/sha256", "ab".repeat(32));
        put(&mut chain, 1, &other, &["second-builder"]);
        let verdict = rejected(&chain, &["links-disagree"]);
        let finding = the(&verdict, "links-disagree");
        assert_eq!(finding.artifact.as_deref(), Some("image.tar"));
        let difference = finding.difference.as_ref().unwrap();
        assert_eq!(difference.expected_at, "build.00000000.link");
        assert!(difference.found.as_ref().unwrap().to_string().starts_with("sha256:abababababab"));
        assert_ne!(difference.expected, difference.found);

        // Nothing is judged by one of two records that differ.
        let rejection = chain.case().verify().unwrap_err();
        let steps = &rejection.assessment().chains[0].steps;
        assert_eq!(steps[1].judgement, Judgement::Failed);
        assert_eq!(steps[2].judgement, Judgement::NotJudged);
        assert!(steps[1].product_rules.rules.is_empty());
    }
}

#[test]
fn what_does_not_count_is_not_asked_to_agree() {
    let (mut chain, link) = many_builders(1);
    put(&mut chain, 0, &link, &["builder"]);
    let mut evil = link.clone();
    evil.set("products/image.tar/sha256", "ab".repeat(32));
    // A functionary of another step, a stranger, and nobody.
    put(&mut chain, 1, &evil, &["scanner"]);
    put(&mut chain, 2, &evil, &["stranger"]);
    put(&mut chain, 3, &evil, &[]);
    let verdict = warned(&chain, &["functionary-not-authorised", "link-signature-invalid"]);
    let who = the(&verdict, "functionary-not-authorised").functionary.clone();
    assert_eq!(who, Some(keys::key("scanner").public().describe()));
    let invalid = verdict.findings.iter().filter(|finding| {
        finding.code.as_str() == "link-signature-invalid" && finding.source.is_some()
    });
    assert_eq!(invalid.count(), 2);
    let verified = chain.case().verify().unwrap();
    let pieces = &verified.assessment().chains[0].steps[1].evidence;
    assert_eq!(
        pieces.iter().map(|piece| piece.accepted).collect::<Vec<_>>(),
        [true, false, false, false]
    );
    assert!(pieces.iter().all(|piece| !piece.sublayout));
}

#[test]
fn keys_of_every_algorithm_vouch() {
    for algorithm in KeyAlgorithm::ALL {
        for dsse in [false, true] {
            let mut chain = Chain::pipeline();
            let key = keys::generated(algorithm);
            let listed = key.public().to_layout_key(KeyIdStyle::default()).unwrap();
            chain.layout.set(&format!("keys/{}", listed.id), Value::from(listed.object.clone()));
            chain.layout.set("steps/1/pubkeys/0", listed.id.to_string());
            let link = chain.link("build");
            link.unsign();
            let signed = link.clone().signed(Signer::of(key));
            *link = if dsse { signed.dsse() } else { signed };
            verified(&chain);
        }
    }
}

/// A functionary who vouches by a classical and a post-quantum key together.
#[test]
fn a_classical_and_a_post_quantum_key_are_one_functionary() {
    let [classical, quantum] = [KeyAlgorithm::Ed25519, KeyAlgorithm::MlDsa65].map(keys::generated);
    let mut chain = Chain::pipeline();
    let mut ids = Vec::new();
    for key in [&classical, &quantum] {
        let key = key.public().to_layout_key(KeyIdStyle::default()).unwrap();
        ids.push(key.id.as_str().to_owned());
        chain.layout.set(&format!("keys/{}", key.id), Value::from(key.object));
    }
    chain.layout.set("readme", format!("unbroken: all-of {}", ids.join(" ")));
    let named: Vec<Value<'static>> = ids.iter().cloned().map(Value::from).collect();
    chain.layout.set("steps/1/pubkeys", named);
    let mut link = chain.take(&keys::stem("build", "builder"));
    link.unsign();
    let signed = |by: &[&std::sync::Arc<unbroken_crypto::SigningKey>]| {
        by.iter()
            .fold(link.clone(), |link, key| link.signed(Signer::of(std::sync::Arc::clone(key))))
    };
    for alone in [&classical, &quantum] {
        chain.put("build.00000000", signed(&[alone]));
        let verdict = rejected(&chain, &["functionary-key-missing", "link-threshold-not-met"]);
        let finding = the(&verdict, "functionary-key-missing");
        let other = if alone.public() == classical.public() { &quantum } else { &classical };
        let told = format!("nothing is by {}", other.public().describe());
        assert!(finding.message.ends_with(&told), "{}", finding.message);
    }
    chain.put("build.00000000", signed(&[&classical, &quantum]));
    verified(&chain);
    let assessment = chain.case().verify().unwrap();
    let who = &assessment.assessment().chains[0].steps[1].functionaries;
    let both = [&classical, &quantum].map(|key| key.public().describe());
    assert!(who.len() == 1 && both.iter().all(|one| who[0].contains(one)), "{who:?}");
    chain.put("build.00000000", signed(&[&classical]));
    chain.put("build.11111111", signed(&[&quantum]));
    verified(&chain);
}
