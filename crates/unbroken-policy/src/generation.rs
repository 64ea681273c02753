//! What a policy asks of chains, as one digest: what was proven under it holds for no other.

use std::num::NonZeroU32;

use unbroken_crypto::hash;

use super::keys::KeyTexts;
use super::{Binding, ChainPolicy, Demands};

/// A digest of everything on which the verdict about a chain depends, but evidence and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(pub [u8; 32]);

impl ChainPolicy {
    /// Returns the digest of what is asked of chains: layout, keys, parameters, places, binding.
    pub fn generation(&self) -> Generation {
        self.generation
    }
}

impl From<Demands> for ChainPolicy {
    fn from(demands: Demands) -> Self {
        Self { generation: demands.generation(), demands }
    }
}

impl Demands {
    fn generation(&self) -> Generation {
        // Whatever is added to a policy does not compile until it is thought of here.
        let Self {
            layout,
            owners,
            threshold,
            min_layout_version,
            parameters,
            evidence,
            inspectors,
            binding,
        } = self;
        let mut text = Text::default();
        text.add(layout);
        text.add_keys(owners);
        text.add_keys(inspectors);
        // Zero is neither a threshold nor a version.
        text.add(&threshold.map_or(0, NonZeroU32::get).to_le_bytes());
        text.add(&min_layout_version.unwrap_or(0).to_le_bytes());
        text.add(&parameters.len().to_le_bytes());
        for (name, value) in parameters {
            text.add(name.as_bytes());
            text.add(value.as_bytes());
        }
        text.add(&evidence.len().to_le_bytes());
        for place in evidence {
            text.add(place.to_string().as_bytes());
        }
        match binding {
            Binding::Optional => text.add(b"optional"),
            Binding::Required { max_age: None } => text.add(b"required"),
            Binding::Required { max_age: Some(age) } => text.add(&age.to_le_bytes()),
        }
        Generation(hash::sha256(&text.0))
    }
}

/// Parts one after the other, each with its length, so that no two lists of parts are one text.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    fn add(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&part.len().to_le_bytes());
        self.0.extend_from_slice(part);
    }

    fn add_keys<Role>(&mut self, keys: &KeyTexts<Role>) {
        self.add(&keys.texts().len().to_le_bytes());
        keys.texts().iter().for_each(|text| self.add(text));
    }
}
