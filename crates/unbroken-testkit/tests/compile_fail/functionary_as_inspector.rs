//! Keys of functionaries in the place of those that may inspect.

use unbroken_crypto::{Functionary, KeySet};
use unbroken_verify::Inspectors;

fn trust(functionaries: KeySet<Functionary>) -> Inspectors {
    Inspectors::AnyOf(functionaries) //~ E0308: mismatched types: expected `KeySet<Inspector>`, found `KeySet<Functionary>`
}

fn main() {}
