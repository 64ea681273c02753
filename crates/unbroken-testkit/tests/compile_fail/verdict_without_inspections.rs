//! A chain that is taken for verified although its inspections are missing.

use unbroken_model::digest::Digest;
use unbroken_verify::{AwaitingInspections, VerifiedSupplyChain};

fn skip(waiting: AwaitingInspections) -> VerifiedSupplyChain {
    waiting.into() //~ E0277: the trait bound `VerifiedSupplyChain: std::convert::From<AwaitingInspections>` is not satisfied: the trait `std::convert::From<AwaitingInspections>` is not implemented for `VerifiedSupplyChain`
}

fn admit(waiting: &AwaitingInspections, subject: &Digest) {
    waiting.admits(subject); //~ E0599: no method named `admits` found for reference `&AwaitingInspections` in the current scope: method not found in `&AwaitingInspections`
}

fn main() {}
