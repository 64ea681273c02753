//! What the tests share.

use std::path::{Path, PathBuf};

use unbroken_crypto::{KeyError, Passphrase, PublicKey, SigningKey};
use unbroken_model::json::{Object, Value};
use unbroken_model::layout::LayoutKey;
use unbroken_model::limits::Limits;

/// Reads a file of `tests/data`.
pub(crate) fn data(name: &str) -> Vec<u8> {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name))
}

/// Reads a file of the metadata that others made, or says that it is absent.
pub(crate) fn shared(name: &str) -> Option<Vec<u8>> {
    let path = shared_folder().join(name);
    if path.exists() {
        return Some(read(&path));
    }
    println!("skipped: {} is not here", path.display());
    None
}

fn shared_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors")
}

#[expect(clippy::disallowed_methods, reason = "tests read their vectors from files")]
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn public(name: &str) -> PublicKey {
    PublicKey::from_pem_or_other(&data(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn private(name: &str) -> SigningKey {
    SigningKey::read(&data(name), None).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn hunter2() -> Passphrase {
    Passphrase::new("hunter2".to_owned())
}

pub(crate) fn object(text: &str) -> Object<'static> {
    match Value::parse(text.as_bytes(), &Limits::default()).unwrap() {
        Value::Object(object) => object.into_owned(),
        other => panic!("{other:?} is no object"),
    }
}

/// Makes a layout's key of the text of its object, listed under the id inside.
pub(crate) fn layout_key(text: &str) -> LayoutKey {
    let object = object(text);
    let id = object.get("keyid").and_then(Value::as_str).unwrap().parse().unwrap();
    LayoutKey { id, object }
}

/// The refusal, where a key that can be used would be a fault.
pub(crate) fn refusal<T>(result: Result<T, KeyError>) -> KeyError {
    result.err().expect("the key was accepted")
}
