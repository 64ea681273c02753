//! Names of images in registries, in their one normal form.

mod host;

use std::fmt;
use std::str::FromStr;

use unbroken_model::digest::Digest;

pub use self::host::Host;
use crate::digest;
use crate::error::{OciError, short};

/// The longest repository with its registry, as the distribution specification has it.
const LONGEST: usize = 255;
/// The longest tag.
const LONGEST_TAG: usize = 128;

/// The registry of names that have none.
const DEFAULT_REGISTRY: &str = "docker.io";

/// A repository of a registry: `registry.example:5000/team/app`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    registry: Host,
    path: String,
}

/// The name of an image: a repository with a tag, a digest, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    repository: Repository,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Which manifest of a place is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// What a tag names at the moment.
    Tag(String),
    /// The manifest of a digest.
    Digest(Digest),
}

impl Repository {
    /// Returns the registry.
    pub fn registry(&self) -> &Host {
        &self.registry
    }

    /// Returns the path within the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the repository of the same path at another registry.
    pub(crate) fn at(&self, registry: &Host) -> Self {
        Self { registry: registry.clone(), path: self.path.clone() }
    }

    /// Returns the name of the artifact by which a link records an image of this repository.
    pub fn artifact_name(&self) -> String {
        format!("oci:{self}")
    }
}

impl Reference {
    /// Names what lies in a repository.
    pub fn new(repository: Repository, selector: Selector) -> Self {
        let (tag, digest) = match selector {
            Selector::Tag(tag) => (Some(tag), None),
            Selector::Digest(digest) => (None, Some(digest)),
        };
        Self { repository, tag, digest }
    }

    /// Returns the repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns the digest, if the name has one.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns which manifest is meant. A digest outweighs a tag beside it: the tag may have moved.
    pub fn selector(&self) -> Selector {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Selector::Digest(digest.clone()),
            (None, Some(tag)) => Selector::Tag(tag.clone()),
            (None, None) => Selector::Tag("latest".to_owned()),
        }
    }
}

impl FromStr for Reference {
    type Err = OciError;

    fn from_str(text: &str) -> Result<Self, OciError> {
        parse(text).map_err(|fault| OciError::Reference { text: short(text), fault })
    }
}

impl FromStr for Repository {
    type Err = OciError;

    fn from_str(text: &str) -> Result<Self, OciError> {
        repository(text).map_err(|fault| OciError::Reference { text: short(text), fault })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.registry, self.path)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(out, ":{tag}")?;
        }
        match (&self.digest, &self.tag) {
            (Some(digest), _) => write!(out, "@{digest}"),
            (None, None) => out.write_str(":latest"),
            (None, Some(_)) => Ok(()),
        }
    }
}

impl Selector {
    /// Parses a tag.
    ///
    /// # Errors
    /// [`OciError::Reference`] for what cannot be one.
    pub fn tag(text: &str) -> Result<Self, OciError> {
        if is_tag(text) {
            return Ok(Self::Tag(text.to_owned()));
        }
        let fault = "a tag has at most 128 letters, digits, '_', '.' and '-'";
        Err(OciError::Reference { text: short(text), fault })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(out, ":{tag}"),
            Self::Digest(digest) => write!(out, "@{digest}"),
        }
    }
}

fn parse(text: &str) -> Result<Reference, &'static str> {
    let text = text.strip_prefix("docker://").unwrap_or(text);
    if text.contains("://") {
        return Err("it is an address: leave out the scheme");
    }
    let (name, digest) = match text.split_once('@') {
        None => (text, None),
        Some((_, rest)) if rest.contains('@') => return Err("it has more than one @"),
        Some((name, digest)) => {
            let parsed = digest::parse(digest);
            (name, Some(parsed.map_err(|_| "behind the @ stands no sha256 or sha512 digest")?))
        }
    };
    let last_segment = name.rfind('/').map_or(0, |slash| slash + 1);
    let colon = name.get(last_segment..).and_then(|last| last.rfind(':'));
    let (name, tag) = match colon.and_then(|colon| name.split_at_checked(last_segment + colon)) {
        None => (name, None),
        Some((name, tag)) => (name, Some(tag.trim_start_matches(':').to_owned())),
    };
    if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
        return Err("a tag has at most 128 letters, digits, '_', '.' and '-'");
    }
    // What every client adds stands in the one form of the name.
    let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
    Ok(Reference { repository: repository(name)?, tag, digest })
}

fn repository(name: &str) -> Result<Repository, &'static str> {
    if name.len() > LONGEST {
        return Err("it is longer than 255 bytes");
    }
    if !name.is_ascii() {
        return Err("it has characters that are not ASCII");
    }
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if is_registry(host) => (host, path.to_owned()),
        // Names without a registry are those of Docker Hub, where single words lie in `library`.
        _ => (DEFAULT_REGISTRY, name.to_owned()),
    };
    let registry: Host = match host {
        "index.docker.io" => DEFAULT_REGISTRY.parse()?,
        host => host.parse()?,
    };
    let path = if registry.name() == DEFAULT_REGISTRY && !path.contains('/') {
        format!("library/{path}")
    } else {
        path
    };
    if !path.split('/').all(is_path_component) {
        return Err("a repository has lower-case words of letters and digits between '/'");
    }
    Ok(Repository { registry, path })
}

/// Tells a registry from the first word of a path, as every client does.
fn is_registry(text: &str) -> bool {
    text.contains(['.', ':', '[']) || text == "localhost"
}

/// Letters and digits, joined by one `.`, one or two `_`, or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut joint = String::new();
    let mut last_was_word = false;
    for character in text.chars() {
        if u8::try_from(character).is_ok_and(word) {
            let joined =
                joint.bytes().all(|byte| byte == b'-') || matches!(&*joint, "." | "_" | "__");
            if !joined || (!last_was_word && !joint.is_empty()) {
                return false;
            }
            joint.clear();
            last_was_word = true;
        } else if last_was_word && matches!(character, '.' | '_' | '-') {
            joint.push(character);
        } else {
            return false;
        }
    }
    last_was_word && joint.is_empty()
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= LONGEST_TAG
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        text.parse::<Reference>().unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
    }

    #[test]
    fn o12_names_have_one_normal_form() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (text, due) in [
            ("app", "docker.io/library/app:latest"),
            ("docker.io/app:1", "docker.io/library/app:1"),
            ("index.docker.io/library/app:1", "docker.io/library/app:1"),
            ("team/app", "docker.io/team/app:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app:1.4", "localhost:5000/app:1.4"),
            ("reg.example/a/b-c/d__e.f:V1", "reg.example/a/b-c/d__e.f:V1"),
            ("docker://reg.example/app", "reg.example/app:latest"),
            ("[::1]:5000/app", "[::1]:5000/app:latest"),
            ("127.0.0.1:5000/app", "127.0.0.1:5000/app:latest"),
            (&format!("reg.example/app@{digest}"), &format!("reg.example/app@{digest}")),
            (&format!("reg.example/app:1@{digest}"), &format!("reg.example/app:1@{digest}")),
        ] {
            assert_eq!(normal(text), due);
            assert_eq!(normal(due), due);
        }
    }

    #[test]
    fn o12_other_ways_to_write_a_name_are_refused() {
        let hex = "ab".repeat(32);
        for text in [
            "",
            "/",
            "app:",
            ":1",
            "app@",
            "App",
            "REG.example/app",
            "reg.example/App",
            "reg.example/",
            "reg.example//app",
            "reg.example/app/",
            "reg.example/../app",
            "reg.example/a..b",
            "reg.example/a___b",
            "reg.example/-a",
            "reg.example:0/app",
            "reg.example:65536/app",
            "reg.example:05000/app",
            "reg.example:/app",
            "user:secret@reg.example/app",
            "https://reg.example/app",
            "reg.example/app?x",
            "reg.example/app#x",
            "reg.example/app:a b",
            "bücher.example/app",
            "-reg.example/app",
            "reg..example/app",
            "[::1/app",
            "[::g]:1/app",
            "::1/app",
            &format!("evil.example/x@sha256:{hex}@sha256:{hex}"),
            &format!("reg.example/app@sha256:{}", hex.to_uppercase()),
            &format!("reg.example/app@md5:{}", "ab".repeat(16)),
            &format!("reg.example/app@sha256:{}", "ab".repeat(31)),
            &format!("reg.example/app:{}", "a".repeat(129)),
            &format!("reg.example/{}", "a".repeat(250)),
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn o11_a_digest_outweighs_the_tag_beside_it() {
        let hex = "ab".repeat(32);
        let reference: Reference = format!("reg.example/app:1@sha256:{hex}").parse().unwrap();
        assert_eq!(reference.selector().to_string(), format!("@sha256:{hex}"));
    }
}
