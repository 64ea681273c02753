//! One repository of a registry as a place of content.

use std::io::Read;
use std::time::{Duration, Instant};

use unbroken_model::digest::Digest;
use ureq::http::Method;

use super::address::Address;
use super::exchange::{Answer, Ask, Content as Carried};
use super::token::Action;
use super::{Client, Settings};
use crate::content::{Content, Pushed};
use crate::descriptor::Descriptor;
use crate::digest::{CheckedReader, mismatch};
use crate::error::{OciError, Result};
use crate::limits::Limits;
use crate::manifest::{Due, Fetched, Manifest};
use crate::media_type;
use crate::reference::{Repository, Selector};

/// A repository of a registry.
#[derive(Clone)]
pub struct RegistryRepository {
    client: Client,
    repository: Repository,
    /// The repository under the name of each registry that is read: mirrors, then itself.
    read_from: Vec<Repository>,
    deadline: Option<Instant>,
}

impl RegistryRepository {
    pub(super) fn new(client: Client, repository: Repository) -> Self {
        let mirrors = client.settings().mirrors.get(repository.registry());
        let mirrors = mirrors.into_iter().flatten().map(|mirror| repository.at(mirror));
        let read_from = mirrors.chain(std::iter::once(repository.clone())).collect();
        let deadline = client.deadline;
        Self { client, repository, read_from, deadline }
    }

    /// Bounds everything that is done with the result, in all, by a moment.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// Returns the name of the repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn settings(&self) -> &Settings {
        self.client.settings()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the time that is left, if it is bounded.
    pub(super) fn time_left(&self, action: &str) -> Result<Option<Duration>> {
        let Some(deadline) = self.deadline else { return Ok(None) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(OciError::Deadline { action: action.to_owned() });
        }
        Ok(Some(left))
    }

    /// Returns the repository by the name that it has at a registry: credentials are kept by names.
    pub(super) fn repository_at(&self, registry: &Address) -> &Repository {
        let at = |repository: &&Repository| {
            self.client.address(repository.registry()).is_ok_and(|of| of.is_of_one_origin(registry))
        };
        self.read_from.iter().find(at).unwrap_or(&self.repository)
    }

    fn mirrors(&self) -> &[Repository] {
        self.read_from.split_last().map_or(&[], |(_, mirrors)| mirrors)
    }

    /// Asks the mirrors, then the registry, until one has it. What all said is not lost: the last
    /// answer is the registry's own.
    fn read<T>(&self, read: impl Fn(&Address) -> Result<T>) -> Result<T> {
        for mirror in self.mirrors() {
            if let Ok(found) = read(&self.client.address(mirror.registry())?) {
                return Ok(found);
            }
        }
        read(&self.own()?)
    }

    fn get<'a>(&self, registry: &Address, path: &str, action: String) -> Ask<'a> {
        let path = format!("/v2/{}/{path}", self.repository.path());
        Ask {
            method: Method::GET,
            address: Address { path, ..registry.clone() },
            action,
            scope: Action::Pull,
            accept: None,
            content: Carried::None,
            is_transfer: false,
        }
    }

    fn fetch(&self, registry: &Address, selector: &Selector) -> Result<Fetched> {
        let what = format!("{}{selector}", self.repository);
        let reference = match selector {
            Selector::Tag(tag) => tag.clone(),
            Selector::Digest(digest) => digest.to_string(),
        };
        let action = format!("fetching {what}");
        let mut ask = self.get(registry, &format!("manifests/{reference}"), action.clone());
        ask.accept = Some(media_type::MANIFESTS.join(", "));
        let answer = self.exchange(registry, ask)?;
        match answer.status {
            200 => {}
            404 => return Err(OciError::NotFound { what }),
            _ => return Err(answer.refused(&action)),
        }
        let told = answer.header("content-type").map(str::to_owned);
        let claimed = answer.header("docker-content-digest").map(str::to_owned);
        let bytes = answer.bytes(&what, self.settings().limits.manifest_bytes)?;
        let due = match selector {
            Selector::Tag(_) => Due::Tag,
            Selector::Digest(digest) => Due::Digest(digest),
        };
        let fetched = Fetched::check(&what, bytes, told.as_deref(), &due, self.limits())?;
        // A header that says otherwise would have misled a client that believes it.
        let digest = &fetched.descriptor.digest;
        if let Some(claimed) = claimed.and_then(|claimed| crate::digest::parse(&claimed).ok())
            && claimed.algorithm() == digest.algorithm()
            && claimed != *digest
        {
            return Err(mismatch(&what, "digest", &claimed, digest));
        }
        Ok(fetched)
    }

    fn referrers_at(
        &self,
        registry: &Address,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>> {
        let limits = self.limits();
        let action = format!("listing what refers to {}@{subject}", self.repository);
        let mut ask = self.get(registry, &format!("referrers/{subject}"), action.clone());
        let mut found = Vec::new();
        for page in 0.. {
            if page >= limits.pages {
                let limit = u64::try_from(limits.pages).unwrap_or(u64::MAX);
                return Err(OciError::limit(action, limit, "pages"));
            }
            ask.accept = Some(media_type::INDEX.to_owned());
            let answer = self.exchange(registry, ask)?;
            let told =
                answer.header("content-type").map(|told| media_type::essence(told).to_owned());
            match answer.status {
                200 if told.as_deref() == Some(media_type::INDEX) => {}
                // Neither the path nor what comes from it is that of the referrers' interface.
                200 | 400 | 404 | 405 | 406 | 501 if page == 0 => return Ok(None),
                _ => return Err(answer.refused(&action)),
            }
            let next = answer.header("link").and_then(next_page).map(str::to_owned);
            let from = answer.from.clone();
            let bytes = answer.bytes(&action, limits.manifest_bytes)?;
            match Manifest::parse(&action, &bytes, told.as_deref(), limits)?.0 {
                Manifest::Index(index) => found.extend(index.manifests),
                Manifest::Image(_) => return Err(OciError::malformed(action, "it is no list")),
            }
            if found.len() > limits.referrers {
                let limit = u64::try_from(limits.referrers).unwrap_or(u64::MAX);
                return Err(OciError::limit(action, limit, "referrers"));
            }
            let Some(next) = next else { break };
            ask = self.get(registry, "", action.clone());
            ask.address = Self::own_address(registry, &from, &next, &action)?;
        }
        Ok(Some(found))
    }

    fn own(&self) -> Result<Address> {
        self.client.address(self.repository.registry())
    }

    /// Takes an address that the registry named and that must be its own.
    fn own_address(
        registry: &Address,
        from: &Address,
        named: &str,
        action: &str,
    ) -> Result<Address> {
        let refuse = |url: String, fault: &str| OciError::Host {
            action: action.to_owned(),
            url,
            fault: fault.to_owned(),
        };
        let target = from.join(named).map_err(|fault| {
            refuse(crate::error::short(named.split('?').next().unwrap_or_default()), fault)
        })?;
        if target.is_of_one_origin(registry) {
            return Ok(target);
        }
        Err(refuse(target.without_query(), "it is not the registry's own"))
    }

    /// Opens an upload, or finds the blob to be there.
    fn begin_upload(&self, registry: &Address, blob: &Digest) -> Result<Option<Address>> {
        let action = format!("uploading {blob} to {}", self.repository);
        let mount = format!("blobs/uploads/?mount={blob}&from={}", self.repository.path());
        let mut ask = self.get(registry, &mount, action.clone());
        ask.method = Method::POST;
        ask.scope = Action::Push;
        ask.content = Carried::Bytes { media_type: media_type::OCTETS, bytes: b"" };
        let answer = self.exchange(registry, ask)?;
        match answer.status {
            201 => Ok(None),
            202 => {
                let location = answer.header("location").ok_or_else(|| OciError::Answer {
                    action: action.clone(),
                    fault: "it names no place for the upload".to_owned(),
                })?;
                Self::own_address(registry, &answer.from, location, &action).map(Some)
            }
            _ => Err(answer.refused(&action)),
        }
    }
}

impl Content for RegistryRepository {
    fn place(&self) -> String {
        self.repository.to_string()
    }

    fn limits(&self) -> &Limits {
        &self.settings().limits
    }

    fn manifest(&self, selector: &Selector) -> Result<Fetched> {
        self.read(|registry| self.fetch(registry, selector))
    }

    fn blob(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>> {
        let what = format!("{}@{}", self.repository, blob.digest);
        let action = format!("fetching {what}");
        let answer = self.read(|registry| {
            let path = format!("blobs/{}", blob.digest);
            let mut ask = self.get(registry, &path, action.clone());
            ask.is_transfer = true;
            let answer = self.exchange(registry, ask)?;
            match answer.status {
                200 => Ok(answer),
                404 => Err(OciError::NotFound { what: what.clone() }),
                _ => Err(answer.refused(&action)),
            }
        })?;
        let stream = self.patient(answer);
        Ok(Box::new(CheckedReader::new(stream, what, blob.digest.clone(), blob.size)?))
    }

    fn referrers(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>> {
        if self.client.keeps_to_fallback(&self.repository) {
            return Ok(None);
        }
        // A mirror may keep the image and not what lies beside it: an empty list of its says nothing.
        for mirror in self.mirrors() {
            let listed = self.referrers_at(&self.client.address(mirror.registry())?, subject);
            if let Ok(Some(found)) = listed
                && !found.is_empty()
            {
                return Ok(Some(found));
            }
        }
        self.referrers_at(&self.own()?, subject)
    }

    fn has_fallback(&self) {
        self.client.note_fallback(&self.repository);
    }

    fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        let registry = self.own()?;
        let action = format!("looking for {} in {}", blob.digest, self.repository);
        let mut ask = self.get(&registry, &format!("blobs/{}", blob.digest), action.clone());
        ask.method = Method::HEAD;
        let answer: Answer = self.exchange(&registry, ask)?;
        match answer.status {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(answer.refused(&action)),
        }
    }

    fn push_blob(&self, blob: &Descriptor, content: &mut (dyn Read + Send)) -> Result<()> {
        let registry = self.own()?;
        let Some(mut address) = self.begin_upload(&registry, &blob.digest)? else { return Ok(()) };
        let action = format!("uploading {} to {}", blob.digest, self.repository);
        let joint = if address.path.contains('?') { '&' } else { '?' };
        address.path = format!("{}{joint}digest={}", address.path, blob.digest);
        let what = blob.digest.to_string();
        let mut checked = CheckedReader::new(content, what, blob.digest.clone(), blob.size)?;
        let mut ask = self.get(&registry, "", action.clone());
        ask.method = Method::PUT;
        ask.address = address;
        ask.scope = Action::Push;
        ask.is_transfer = true;
        ask.content = Carried::Stream { length: blob.size, stream: &mut checked };
        let answer = self.exchange(&registry, ask)?;
        match answer.status {
            201 | 204 => Ok(()),
            _ => Err(answer.refused(&action)),
        }
    }

    fn push_manifest(&self, manifest: &Fetched, selector: &Selector) -> Result<Pushed> {
        let registry = self.own()?;
        let reference = match selector {
            Selector::Tag(tag) => tag.clone(),
            Selector::Digest(digest) => digest.to_string(),
        };
        let action = format!("storing {}{selector}", self.repository);
        let mut ask = self.get(&registry, &format!("manifests/{reference}"), action.clone());
        ask.method = Method::PUT;
        ask.scope = Action::Push;
        let media_type = &manifest.descriptor.media_type;
        ask.content = Carried::Bytes { media_type, bytes: &manifest.bytes };
        let answer = self.exchange(&registry, ask)?;
        if !matches!(answer.status, 200 | 201) {
            return Err(answer.refused(&action));
        }
        let due = manifest.manifest.subject().map(|subject| subject.digest.to_string());
        let listed = due.is_some() && answer.header("oci-subject") == due.as_deref();
        Ok(if listed { Pushed::Listed } else { Pushed::Unlisted })
    }
}

/// Finds the next page in a `Link` header.
fn next_page(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next =
            parameters.split(';').any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
        next.then_some(address)
    })
}
