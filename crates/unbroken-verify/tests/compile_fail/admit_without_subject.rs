//! An admission without a look at what is admitted.

use unbroken_verify::{Admissible, VerifiedSupplyChain};

fn convert(chain: &VerifiedSupplyChain) -> Admissible<'_> {
    chain.into()
}

fn admit(chain: &VerifiedSupplyChain) -> Admissible<'_> {
    chain.admits().unwrap()
}

fn main() {}
