//! A layout that is held against the time without its signatures having been checked.

use unbroken_model::layout::Layout;
use unbroken_model::timestamp::Timestamp;
use unbroken_verify::InForce;

fn enforce(layout: &Layout, now: Timestamp) -> InForce {
    InForce::at(layout, now).unwrap() //~ E0308: mismatched types: expected `&Authentic<Layout, Owner>`, found `&Layout`
}

fn main() {}
