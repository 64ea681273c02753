//! A verdict that no verification has given, field by field.

use unbroken_verify::{Assessment, VerifiedSupplyChain};

fn forge(assessment: Assessment) -> VerifiedSupplyChain {
    VerifiedSupplyChain { assessment, chains: Vec::new() } //~ E0451: fields `assessment` and `chains` of struct `VerifiedSupplyChain` are private: private field //~ type `unbroken_verify::session::conclude::JudgedChain` is private: private type
}

fn main() {}
