//! The resources that one document may spend, each with the reason for its number.

/// Bounds what parsing one untrusted document may cost.
///
/// The defaults admit a link of 400,000 artifacts and stop a document that was made to exhaust
/// memory or the stack. Lowering a limit is always safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size of a document in bytes. A link of 400,000 materials and products is about 90 MB.
    pub bytes: usize,
    /// How deep arrays and objects may nest. In-toto metadata needs eight levels.
    pub depth: usize,
    /// How many values (members, elements, scalars) a document may hold in all. An artifact is two, and
    /// no value takes more than 64 bytes besides its text.
    pub values: usize,
    /// The length of one string or member name in bytes. The payload of a DSSE envelope is one string, so
    /// that the default is the size of a document.
    pub string: usize,
    /// How many signatures an envelope may carry: each costs a public-key operation.
    pub signatures: usize,
    /// The size of one decoded signature in bytes: ML-DSA-87 needs 4,627.
    pub signature: usize,
    /// The size in bytes of the certificates that stand with a signature, as PEM: some forty of them.
    pub certificate: usize,
    /// How many time-stamp tokens may stand with a signature: each costs several public-key operations.
    pub timestamps: usize,
    /// The size in bytes of a time-stamp token: one with its authority's certificates has some 6,000.
    pub timestamp: usize,
}

/// How many steps a layout may have: each asks for evidence. Real pipelines have a dozen.
pub const MOST_STEPS: usize = 1024;
/// How many inspections a layout may have: each runs a command.
pub const MOST_INSPECTIONS: usize = 64;
/// How many keys a layout may list: in DSSE each is tried on each signature.
pub const MOST_KEYS: usize = 1024;
/// How many rules one list of a step or an inspection may have: each looks at every artifact.
pub const MOST_RULES: usize = 4096;

impl Limits {
    /// Bounds a layout, which names no artifacts and is small.
    pub fn of_layout() -> Self {
        Self { bytes: 16 << 20, string: 16 << 20, values: 1_000_000, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            depth: 64,
            values: 2_000_000,
            string: 256 << 20,
            signatures: 256,
            signature: 64 << 10,
            certificate: 64 << 10,
            timestamps: 8,
            timestamp: 64 << 10,
        }
    }
}
