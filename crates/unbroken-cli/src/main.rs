//! The unbroken command line.
fn main() {}
