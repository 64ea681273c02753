//! A verdict that no verification has given.

use unbroken_verify::{Assessment, VerifiedSupplyChain};

fn forge(assessment: Assessment) -> VerifiedSupplyChain {
    VerifiedSupplyChain { assessment, chains: Vec::new() }
}

fn make(assessment: Assessment) -> VerifiedSupplyChain {
    VerifiedSupplyChain::new(assessment, Vec::new())
}

fn main() {}
