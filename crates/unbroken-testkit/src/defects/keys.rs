//! What can be wrong with keys and with who signs.

use unbroken_crypto::{KeyIdStyle, SignatureScheme};
use unbroken_model::json::Value;

use super::Defect;
use crate::chain::Chain;
use crate::draft::Signer;
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    [owners(), ids(), one_key_twice()].concat()
}

fn owners() -> Vec<Defect> {
    let not_met = ["signature-threshold-not-met"];
    vec![
        Defect::of(
            "layout-unsigned",
            "nobody signed the layout",
            "specification 1.0, 5.2",
            |chain| {
                chain.layout.unsign();
            },
        )
        .rejected(&not_met),
        Defect::of(
            "layout-signed-by-stranger",
            "a stranger signed the layout under the owner's key id",
            "a key id proves nothing",
            |chain| {
                chain.layout.unsign();
                let stranger = Signer::named("stranger").under(Some(&keys::id("owner")));
                chain.layout = chain.layout.clone().signed(stranger);
            },
        )
        .rejected(&not_met),
        Defect::of(
            "layout-changed-after-signing",
            "the end of the layout was put off after the owner signed",
            "specification 1.0, 5.2",
            |chain| chain.layout.tamper("2030-01-01", "2099-01-01"),
        )
        .rejected(&not_met),
        Defect::of(
            "layout-one-of-two-owners",
            "two owners are due, one signed",
            "every given key must have signed",
            |chain| chain.owners.push(keys::key("second-owner").public().clone()),
        )
        .rejected(&not_met),
        Defect::of(
            "layout-owner-signs-twice",
            "two owners are due, one signed twice",
            "signatures counted in place of keys",
            |chain| {
                chain.owners.push(keys::key("second-owner").public().clone());
                chain.layout = chain.layout.clone().signed_by("owner");
            },
        )
        .rejected(&not_met),
        Defect::of(
            "layout-two-owners",
            "two owners are due, and both signed",
            "control",
            |chain| {
                chain.owners.push(keys::key("second-owner").public().clone());
                chain.layout = chain.layout.clone().signed_by("second-owner");
            },
        ),
        Defect::of(
            "owner-keys-none",
            "the verifier was given no key of an owner",
            "no key satisfied is not every key satisfied",
            |chain| chain.owners.clear(),
        )
        .in_process()
        .rejected(&not_met),
        Defect::of(
            "signature-invalid-before-valid",
            "a bad signature under the owner's key id stands before the good one",
            "whoever can prepend a signature could make the layout fail",
            |chain| {
                chain.layout.unsign();
                let bogus = Signer::named("stranger").under(Some(&keys::id("owner")));
                chain.layout = chain.layout.clone().signed(bogus).signed_by("owner");
            },
        ),
    ]
}

fn ids() -> Vec<Defect> {
    let listed_as = |name, title, reference, id: &'static str| {
        Defect::of(name, title, reference, move |chain| {
            let key = chain.layout.get(&format!("keys/{}", keys::id("builder"))).clone();
            chain.layout.set(&format!("keys/{id}"), key);
        })
        .rejected(&["key-id-invalid"])
    };
    vec![
        listed_as(
            "keyid-not-hex",
            "a key id is a path",
            "it becomes part of a file name",
            "..~1..~1..~1etc~1passwd",
        ),
        listed_as(
            "keyid-multibyte",
            "a key id has characters of several bytes",
            "cutting it after eight bytes panics",
            "鍵鍵鍵鍵鍵鍵鍵鍵",
        ),
        Defect::of(
            "keyid-dangling",
            "a step names a key that the layout does not have",
            "the reference implementation notices late or never",
            |chain| chain.layout.set("steps/1/pubkeys/1", keys::id("stranger")),
        )
        .rejected(&["key-id-invalid"]),
        Defect::of(
            "keyid-named-twice",
            "a step with threshold 2 names one key twice",
            "ids counted in place of keys",
            |chain| {
                chain.layout.set("steps/1/pubkeys/1", keys::id("builder"));
                chain.layout.set("steps/1/threshold", 2_i64);
            },
        )
        .rejected(&["key-id-invalid", "threshold-above-keys", "link-threshold-not-met"]),
        Defect::of(
            "keyid-differs-inside",
            "a key is listed under one id and calls itself by another",
            "which of them is meant depends on the reader",
            |chain| {
                chain.authorise(1, "second-builder");
                let place = format!("keys/{}/keyid", keys::id("second-builder"));
                chain.layout.set(&place, keys::id("stranger"));
            },
        )
        .rejected(&["key-unusable"]),
        Defect::of(
            "keyid-is-any-name",
            "a key is listed under an id that no implementation computes for it",
            "control: an id is a name that the owner signed, and decides nothing",
            |chain| {
                let id = "c0ffee".repeat(10);
                chain.layout.remove(&format!("keys/{}", keys::id("builder")));
                list_builder_as(chain, 0, &id, "builder");
                let mut link = chain.take(&keys::stem("build", "builder"));
                link.unsign();
                let signer = Signer::named("builder").under(Some(&id));
                chain.put(format!("build.{}", &id[..8]), link.signed(signer));
            },
        ),
        Defect::of(
            "keyid-prefixes-collide",
            "two functionaries are due, whose key ids begin with the same eight digits",
            "the names of link files have eight digits: one file would hide the other",
            |chain| {
                let ids = ["aaaaaaaa11111111", "aaaaaaaa22222222"];
                let link = chain.take(&keys::stem("build", "builder"));
                chain.layout.remove(&format!("keys/{}", keys::id("builder")));
                for (index, (id, name)) in ids.iter().zip(["builder", "second-builder"]).enumerate()
                {
                    list_builder_as(chain, index, id, name);
                    let mut link = link.clone();
                    link.unsign();
                    let signer = Signer::named(name).under(Some(id));
                    chain.put(format!("build.{id}"), link.signed(signer));
                }
                chain.layout.set("steps/1/threshold", 2_i64);
            },
        ),
        Defect::of("pubkeys-empty", "a step names no key", "specification 1.0, 4.3.1", |chain| {
            chain.layout.set_json("steps/1/pubkeys", "[]");
        })
        .rejected(&[
            "threshold-above-keys",
            "functionary-not-authorised",
            "link-threshold-not-met",
        ]),
    ]
}

/// Lists a seeded key under any id and lets it sign for `build`.
fn list_builder_as(chain: &mut Chain, index: usize, id: &str, name: &str) {
    let mut key = keys::key(name).public().to_layout_key(KeyIdStyle::default()).unwrap().object;
    key.insert("keyid", id.to_owned());
    chain.layout.set(&format!("keys/{id}"), Value::from(key));
    chain.layout.set(&format!("steps/1/pubkeys/{index}"), id.to_owned());
}

fn one_key_twice() -> Vec<Defect> {
    let twice = ["key-listed-twice", "threshold-above-keys", "link-threshold-not-met"];
    vec![
        Defect::of(
            "same-key-two-keyids",
            "a step with threshold 2 names one key under two ids, and has two links by it",
            "the reference implementation counts two functionaries",
            |chain| {
                let key = keys::key("builder");
                let second = key.public().to_layout_key(KeyIdStyle::Legacy).unwrap();
                let id = second.id.to_string();
                chain.layout.set(&format!("keys/{id}"), Value::from(second.object));
                chain.layout.set("steps/1/pubkeys/1", id.clone());
                chain.layout.set("steps/1/threshold", 2_i64);
                let mut link = chain.link("build").clone();
                link.unsign();
                let link = link.signed(Signer::of(key).under(Some(&id)));
                chain.put(format!("build.{}", &id[..8]), link);
            },
        )
        .rejected(&twice),
        Defect::of(
            "same-key-two-schemes",
            "a step with threshold 2 names one RSA key with two schemes",
            "votes counted by key id in place of key material",
            |chain| {
                chain.layout.set_json("steps/1/pubkeys", "[]");
                chain.layout.set("steps/1/threshold", 2_i64);
                let mut link = chain.take(&keys::stem("build", "builder"));
                link.unsign();
                let schemes =
                    [SignatureScheme::RsaPkcs1v15Sha256, SignatureScheme::RsaPkcs1v15Sha512];
                for (index, scheme) in schemes.into_iter().enumerate() {
                    let key = keys::rsa().with_scheme(scheme).unwrap();
                    let listed = key.public().to_layout_key(KeyIdStyle::default()).unwrap();
                    let id = listed.id.to_string();
                    chain.layout.set(&format!("keys/{id}"), Value::from(listed.object));
                    chain.layout.set(&format!("steps/1/pubkeys/{index}"), id.clone());
                    let link = link.clone().signed(Signer::of(key.into()));
                    chain.put(format!("build.{}", &id[..8]), link);
                }
            },
        )
        .rejected(&twice),
        Defect::of(
            "same-key-two-encodings",
            "a step with threshold 2 names one RSA key in two encodings",
            "votes counted by the text of a key in place of its numbers",
            |chain| {
                chain.layout.set_json("steps/1/pubkeys", "[]");
                chain.layout.set("steps/1/threshold", 2_i64);
                let mut link = chain.take(&keys::stem("build", "builder"));
                link.unsign();
                let key = std::sync::Arc::new(keys::rsa_pkcs1v15());
                let listed = key.public().to_layout_key(KeyIdStyle::default()).unwrap();
                let ids = ["1111111111111111", "2222222222222222"];
                let texts =
                    [key.public().spki_pem(), key.public().spki_pem().replace('\n', "\r\n")];
                for (index, (id, text)) in ids.into_iter().zip(texts).enumerate() {
                    let mut object = listed.object.clone();
                    object.insert("keyid", id);
                    chain.layout.set(&format!("keys/{id}"), Value::from(object));
                    chain.layout.set(&format!("keys/{id}/keyval/public"), text);
                    chain.layout.set(&format!("steps/1/pubkeys/{index}"), id);
                    let signer = Signer::of(std::sync::Arc::clone(&key)).under(Some(id));
                    chain.put(format!("build.{}", &id[..8]), link.clone().signed(signer));
                }
            },
        )
        .rejected(&twice),
        Defect::of(
            "same-key-signs-twice",
            "two functionaries are due, and one of them made both links",
            "links counted in place of keys",
            |chain| {
                second_builder_due(chain);
                let link = chain.link("build").clone();
                chain.put(keys::stem("build", "second-builder"), link);
            },
        )
        .rejected(&["link-threshold-not-met"]),
        Defect::of(
            "one-link-two-signers",
            "two functionaries are due, and both signed one and the same link",
            "nobody but one did the step",
            |chain| {
                second_builder_due(chain);
                let link = chain.link("build");
                *link = link.clone().signed_by("second-builder");
            },
        )
        .rejected(&["link-threshold-not-met"]),
        Defect::of(
            "two-functionaries-agree",
            "two functionaries are due, and each made a link",
            "control",
            |chain| {
                second_builder_due(chain);
                let mut link = chain.link("build").clone();
                link.unsign();
                let stem = keys::stem("build", "second-builder");
                chain.put(stem, link.signed_by("second-builder"));
            },
        ),
    ]
}

fn second_builder_due(chain: &mut Chain) {
    chain.authorise(1, "second-builder");
    chain.layout.set("steps/1/threshold", 2_i64);
}
