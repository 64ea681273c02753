//! A layout that is said to be in force, field by field.

use unbroken_model::layout::Layout;
use unbroken_verify::InForce;

fn forge(layout: Layout) -> InForce {
    InForce { layout, signers: Vec::new() } //~ cannot construct `InForce` with struct literal syntax due to private fields
}

fn main() {}
