//! A session of the first steps never gives a verified chain, and none is made of what it gives.

use unbroken_verify::{AwaitingInspections, PartialSupplyChain, Session, UpTo, VerifiedSupplyChain};

fn conclude(session: Session<UpTo>) -> AwaitingInspections {
    session.evaluate().unwrap() //~ E0308: mismatched types: expected `AwaitingInspections`, found `PartialSupplyChain`
}

fn widen(session: Session<UpTo>) -> Session {
    session //~ E0308: mismatched types: expected `Session`, found `Session<UpTo>`
}

fn promote(chain: PartialSupplyChain) -> VerifiedSupplyChain {
    chain //~ E0308: mismatched types: expected `VerifiedSupplyChain`, found `PartialSupplyChain`
}

fn main() {}
