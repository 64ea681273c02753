//! Where an image or evidence lies: a registry, a folder, an archive, or the store of a program.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::digest;
use crate::error::{OciError, Result, short};
use crate::reference::{Reference, Selector};

/// A place of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// `[docker://]registry/repository[:tag][@digest]`
    Registry(Reference),
    /// `oci:FOLDER[:TAG][@digest]`, an image layout
    Layout(PathBuf, Option<Selector>),
    /// `oci-archive:FILE[:TAG][@digest]`, an image layout in a tar file
    OciArchive(PathBuf, Option<Selector>),
    /// `docker-archive:FILE[:NAME:TAG]`, what `docker save` writes
    DockerArchive(PathBuf, Option<String>),
    /// `containers-storage:NAME`, the store of buildah and podman
    ContainersStorage(String),
    /// `docker-daemon:NAME`, the store of docker
    DockerDaemon(String),
    /// `digest-file:FILE`, the digest that a builder such as kaniko wrote
    DigestFile(PathBuf),
    /// `folder:FOLDER`, evidence in plain files
    Folder(PathBuf),
}

impl FromStr for Location {
    type Err = OciError;

    fn from_str(text: &str) -> Result<Self> {
        let empty = |rest: &str| {
            let fault = "nothing stands behind its prefix";
            if rest.is_empty() {
                return Err(OciError::Reference { text: short(text), fault });
            }
            Ok(())
        };
        let (prefix, rest) = text.split_once(':').unwrap_or_default();
        match prefix {
            "oci" => {
                let (path, selector) = path_and_selector(rest)?;
                empty(path).map(|()| Self::Layout(path.into(), selector))
            }
            "oci-archive" => {
                let (path, selector) = path_and_selector(rest)?;
                empty(path).map(|()| Self::OciArchive(path.into(), selector))
            }
            "docker-archive" => {
                let (path, name) = match rest.split_once(':') {
                    None => (rest, None),
                    Some((path, name)) => (path, Some(name.to_owned())),
                };
                empty(path).map(|()| Self::DockerArchive(path.into(), name))
            }
            "containers-storage" => empty(rest).map(|()| Self::ContainersStorage(rest.to_owned())),
            "docker-daemon" => empty(rest).map(|()| Self::DockerDaemon(rest.to_owned())),
            "digest-file" => empty(rest).map(|()| Self::DigestFile(rest.into())),
            "folder" => empty(rest).map(|()| Self::Folder(rest.into())),
            _ => Ok(Self::Registry(text.parse()?)),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let selected = |selector: &Option<Selector>| {
            selector.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        match self {
            Self::Registry(reference) => reference.fmt(out),
            Self::Layout(path, selector) => {
                write!(out, "oci:{}{}", path.display(), selected(selector))
            }
            Self::OciArchive(path, selector) => {
                write!(out, "oci-archive:{}{}", path.display(), selected(selector))
            }
            Self::DockerArchive(path, None) => write!(out, "docker-archive:{}", path.display()),
            Self::DockerArchive(path, Some(name)) => {
                write!(out, "docker-archive:{}:{name}", path.display())
            }
            Self::ContainersStorage(name) => write!(out, "containers-storage:{name}"),
            Self::DockerDaemon(name) => write!(out, "docker-daemon:{name}"),
            Self::DigestFile(path) => write!(out, "digest-file:{}", path.display()),
            Self::Folder(path) => write!(out, "folder:{}", path.display()),
        }
    }
}

/// Splits `PATH[:TAG][@digest]`; a digest outweighs a tag.
fn path_and_selector(text: &str) -> Result<(&str, Option<Selector>)> {
    let (text, digest) = match text.rsplit_once("@sha") {
        None => (text, None),
        Some((rest, tail)) => (rest, Some(digest::parse(&format!("sha{tail}"))?)),
    };
    let (path, tag) = match text.split_once(':') {
        None => (text, None),
        // What tools write there may be a whole name, which is no tag of a registry.
        Some((path, tag)) => (path, Some(Selector::Tag(tag.to_owned()))),
    };
    Ok((path, digest.map(Selector::Digest).or(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart_and_written_as_they_are_read() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for text in [
            "oci:build/image",
            "oci:build/image:app:1.0",
            &format!("oci:/x@{digest}"),
            "oci-archive:x.tar:1",
            "docker-archive:x.tar",
            "docker-archive:x.tar:app:1",
            "containers-storage:localhost/app:1",
            "docker-daemon:app:1",
            "digest-file:digest.txt",
            "folder:links",
            "localhost:5000/app:1",
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), text);
        }
        for text in ["oci:", "folder:", "oci::tag", "oci:x@sha256:ab", "docker-daemon:"] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
