//! An authentic link in the place of a layout.

use unbroken_crypto::{Authentic, Owner};
use unbroken_model::link::Link;
use unbroken_model::timestamp::Timestamp;
use unbroken_verify::InForce;

fn enforce(link: &Authentic<Link, Owner>, now: Timestamp) -> InForce {
    InForce::at(link, now).unwrap() //~ E0308: mismatched types: expected `&Authentic<Layout, Owner>`, found `&Authentic<Link, Owner>`
}

fn main() {}
