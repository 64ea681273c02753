//! A layout that is said to be in force without its signatures having been checked.

use unbroken_model::layout::Layout;
use unbroken_model::timestamp::Timestamp;
use unbroken_verify::InForce;

fn forge(layout: Layout) -> InForce {
    InForce { layout, signers: Vec::new() }
}

fn unsigned(layout: &Layout, now: Timestamp) -> InForce {
    InForce::at(layout, now).unwrap()
}

fn main() {}
