//! A verdict that no verification has given, by the engine's own function.

use unbroken_verify::{Assessment, VerifiedSupplyChain};

fn make(assessment: Assessment) -> VerifiedSupplyChain {
    VerifiedSupplyChain::new(assessment, Vec::new()) //~ E0624: associated function `new` is private: private associated function
}

fn main() {}
