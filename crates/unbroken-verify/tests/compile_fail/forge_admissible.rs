//! An admission that no look at a subject has given, field by field.

use unbroken_verify::{Admissible, Binding};

fn forge(binding: Binding<'_>) -> Admissible<'_> {
    Admissible { binding }
}

fn main() {}
