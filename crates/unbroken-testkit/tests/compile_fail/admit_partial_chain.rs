//! The first steps of a chain vouch for nothing, however well they passed.

use unbroken_model::digest::Digest;
use unbroken_verify::{Admissible, PartialSupplyChain};

fn admit<'a>(chain: &'a PartialSupplyChain, image: &Digest) -> Admissible<'a> {
    chain.admits(image).unwrap() //~ E0599: no method named `admits` found for reference `&'a PartialSupplyChain` in the current scope: method not found in `&'a PartialSupplyChain`
}

fn main() {}
