//! An admission that no look at a subject has given, field by field.

use unbroken_verify::{Admissible, Binding};

fn forge(binding: Binding<'_>) -> Admissible<'_> {
    Admissible { binding } //~ E0451: field `binding` of struct `Admissible` is private: private field
}

fn main() {}
