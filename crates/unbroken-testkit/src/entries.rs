//! Every place where foreign bytes enter, as functions of bytes: for the fuzz targets under `fuzz/`
//! and for the short run of all of them among the tests.
//!
//! An entry returns for every input. It panics when something that must hold for every input does
//! not: what was read and written is read again as the same, or two ways to decide decide alike.

mod crypto;
mod model;
mod mutation;
mod oci;
mod seeds;
mod verify;

use std::path::{Path, PathBuf};

use crate::random::Random;

/// One place where foreign bytes enter.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its name: that of the fuzz target and of the folder of its corpus.
    pub name: &'static str,
    /// What is done with the bytes.
    pub run: fn(&[u8]),
}

/// All entries.
pub const ALL: &[Entry] = &[
    Entry { name: "json", run: model::json },
    Entry { name: "json_writers", run: model::json_writers },
    Entry { name: "canonical_json", run: model::canonical_json },
    Entry { name: "envelope", run: model::envelope },
    Entry { name: "layout", run: model::layout },
    Entry { name: "link", run: model::link },
    Entry { name: "statement", run: model::statement },
    Entry { name: "rule_words", run: model::rule_words },
    Entry { name: "rule_text", run: model::rule_text },
    Entry { name: "pattern", run: model::pattern },
    Entry { name: "pae", run: model::pae },
    Entry { name: "timestamp", run: model::timestamp },
    Entry { name: "step_name", run: model::step_name },
    Entry { name: "artifact_path", run: model::artifact_path },
    Entry { name: "key_id", run: model::key_id },
    Entry { name: "digest", run: model::digest },
    Entry { name: "image_name", run: oci::image_name },
    Entry { name: "image_manifest", run: oci::image_manifest },
    Entry { name: "image_evidence", run: oci::image_evidence },
    Entry { name: "image_archive", run: oci::image_archive },
    Entry { name: "registry_challenge", run: oci::registry_challenge },
    Entry { name: "registry_credentials", run: oci::registry_credentials },
    Entry { name: "public_key", run: crypto::public_key },
    Entry { name: "spki_der", run: crypto::spki_der },
    Entry { name: "private_key", run: crypto::private_key },
    Entry { name: "encrypted_private_key", run: crypto::encrypted_private_key },
    Entry { name: "layout_key", run: crypto::layout_key },
    Entry { name: "key_id_hint", run: crypto::key_id_hint },
    Entry { name: "signature_ed25519", run: crypto::signature_ed25519 },
    Entry { name: "signature_ecdsa", run: crypto::signature_ecdsa },
    Entry { name: "signature_rsa_pss", run: crypto::signature_rsa_pss },
    Entry { name: "openpgp_headers", run: crypto::openpgp_headers },
    Entry { name: "openpgp_signature", run: crypto::openpgp_signature },
    Entry { name: "openpgp_certificate", run: crypto::openpgp_certificate },
    Entry { name: "certificate_pem", run: crypto::certificate_pem },
    Entry { name: "certificate_der", run: crypto::certificate_der },
    Entry { name: "timestamp_token", run: crypto::timestamp_token },
    Entry { name: "layout_unsigned", run: verify::layout_unsigned },
    Entry { name: "layout_signed", run: verify::layout_signed },
    Entry { name: "link_unsigned", run: verify::link_unsigned },
    Entry { name: "link_signed", run: verify::link_signed },
    Entry { name: "sublayout_signed", run: verify::sublayout_signed },
    Entry { name: "rules", run: verify::rules },
    Entry { name: "parameters", run: verify::parameters },
    Entry { name: "readme", run: verify::readme },
    Entry { name: "pinned_layouts", run: verify::pinned_layouts },
];

impl Entry {
    /// Returns input to begin with.
    ///
    /// # Panics
    /// When nobody wrote any.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        seeds::of(self.name)
    }

    /// Runs the entry on so many inputs made of the given ones, the same in every run.
    pub fn run_mutated(&self, corpus: &[Vec<u8>], rounds: u32, random: &mut Random) {
        for _ in 0..rounds {
            (self.run)(&mutation::of(corpus, random));
        }
    }
}

/// Returns the folder of the fuzz targets and their corpora.
pub fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// Runs the entry of this name.
///
/// # Panics
/// When there is none, and when something does not hold that must.
pub fn run(name: &str, bytes: &[u8]) {
    let entry = ALL.iter().find(|entry| entry.name == name).expect("an entry of this name");
    (entry.run)(bytes);
}

/// Reads bytes as text; there is nothing to be done with others.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
