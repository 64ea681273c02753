//! A client for each registry that runs as a process.

use unbroken_oci::reference::Reference;
use unbroken_oci::registry::{Client, RegistryRepository, Settings};
use unbroken_testkit::registry::RegistryProcess;

/// Opens a repository by a client of its own, as another process would have.
pub(crate) fn repository(server: &RegistryProcess, name: &str) -> RegistryRepository {
    let reference: Reference = format!("{}/{name}", server.host()).parse().unwrap();
    Client::new(Settings::default()).repository(reference.repository())
}
