//! An admission without a look at what is admitted.

use unbroken_verify::{Admissible, VerifiedSupplyChain};

fn convert(chain: &VerifiedSupplyChain) -> Admissible<'_> {
    chain.into() //~ E0277: the trait bound `Admissible<'_>: From<&VerifiedSupplyChain>` is not satisfied: the trait `From<&VerifiedSupplyChain>` is not implemented for `Admissible<'_>`
}

fn admit(chain: &VerifiedSupplyChain) -> Admissible<'_> {
    chain.admits().unwrap() //~ E0061: this method takes 1 argument but 0 arguments were supplied
}

fn main() {}
