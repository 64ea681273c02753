//! A layout that a functionary signed, in the place of one that the owner signed.

use unbroken_crypto::{Authentic, Functionary};
use unbroken_model::layout::Layout;
use unbroken_model::timestamp::Timestamp;
use unbroken_verify::InForce;

fn enforce(layout: &Authentic<Layout, Functionary>, now: Timestamp) -> InForce {
    InForce::at(layout, now).unwrap() //~ E0308: mismatched types: expected `&Authentic<Layout, Owner>`, found `&Authentic<Layout, Functionary>`
}

fn main() {}
