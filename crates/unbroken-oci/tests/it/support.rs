//! A client for a registry on the loopback, with the patience of a test.

use std::time::Duration;

use unbroken_oci::limits::Limits;
use unbroken_oci::reference::Reference;
use unbroken_oci::registry::{Client, RegistryRepository, Settings};
use unbroken_oci::{OciError, Result};
use unbroken_testkit::registry::TestRegistry;

pub(crate) fn settings() -> Settings {
    let limits = Limits {
        tries: 1,
        answer_time: Duration::from_secs(2),
        request_time: Duration::from_secs(3),
        drip_time: Duration::from_secs(1),
        ..Limits::default()
    };
    Settings { limits, ..Settings::default() }
}

pub(crate) fn reference(registry: &TestRegistry, rest: &str) -> Reference {
    format!("{}/{rest}", registry.host()).parse().unwrap()
}

pub(crate) fn repository_with(registry: &TestRegistry, settings: Settings) -> RegistryRepository {
    Client::new(settings).repository(reference(registry, "app").repository())
}

pub(crate) fn repository(registry: &TestRegistry) -> RegistryRepository {
    repository_with(registry, settings())
}

/// The variant of an error, for assertions.
pub(crate) fn kind<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => "Ok".to_owned(),
        Err(error) => {
            let text = format!("{error:?}");
            text.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
        }
    }
}

pub(crate) fn status<T>(result: &Result<T>) -> Option<u16> {
    match result {
        Err(OciError::Status { status, .. }) => Some(*status),
        _ => None,
    }
}
