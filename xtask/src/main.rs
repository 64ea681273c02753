//! Maintenance commands of the repository.
fn main() {}
