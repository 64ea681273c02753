//! A session of the first steps never gives a verified chain, and none is made of what it gives.

use unbroken_verify::{AwaitingInspections, PartialSupplyChain, Session, UpTo, VerifiedSupplyChain};

fn conclude(session: Session<UpTo>) -> AwaitingInspections {
    session.evaluate().unwrap()
}

fn widen(session: Session<UpTo>) -> Session {
    session
}

fn promote(chain: PartialSupplyChain) -> VerifiedSupplyChain {
    chain
}

fn main() {}
