//! What keeps earlier layouts and links from passing: the account of the layouts that passed, in a file
//! of the verifier, and what is asked of links.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_crypto::{KeySet, Owner};
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;
use unbroken_record::atomic::Overwrite;
use unbroken_verify::{
    BindingDemands, BindingPolicy, Freshness, LayoutIdentity, PinnedLayouts, Pinning,
    VerifiedSupplyChain,
};

use crate::commands::binding::parse_nonce;
use crate::error::{CliError, Result};
use crate::files;

/// How old a layout may be.
#[derive(Args, Debug)]
pub(crate) struct StateOptions {
    /// Keep account of the layouts that pass, and refuse an older one later
    #[arg(long, value_name = "FILE", help_heading = "Replay")]
    state: Option<PathBuf>,
    /// Which layout of the same owners this is, where the state file keeps account of several
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    #[arg(requires = "state", hide_short_help = true, help_heading = "Replay")]
    layout_name: String,
    /// Refuse a layout of a lower version, or of none
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(help_heading = "Replay")]
    min_layout_version: Option<u64>,
}

/// What links must be bound to.
#[derive(Args, Debug)]
pub(crate) struct BindingRequirements {
    /// Count only links that were made for this layout: unbroken run --bind
    #[arg(long, help_heading = "Replay")]
    require_binding: bool,
    /// Count only links of the run with this word
    #[arg(long, value_name = "WORD", requires = "require_binding", value_parser = parse_nonce)]
    #[arg(hide_short_help = true, help_heading = "Replay")]
    nonce: Option<String>,
    /// Count only links that were begun at this time or later
    #[arg(long, value_name = "TIME", requires = "require_binding")]
    #[arg(hide_short_help = true, help_heading = "Replay")]
    links_not_before: Option<Timestamp>,
    /// Count only links that were begun at most so many seconds ago
    #[arg(long, value_name = "SECONDS", requires = "require_binding")]
    #[arg(hide_short_help = true, help_heading = "Replay")]
    link_max_age: Option<u32>,
}

impl BindingRequirements {
    /// Returns the word of the run.
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    pub(crate) fn policy(&self, now: Timestamp) -> BindingPolicy {
        if !self.require_binding {
            return BindingPolicy::Report;
        }
        let youngest = self
            .link_max_age
            .map(|age| Timestamp::from_unix(now.unix().saturating_sub(i64::from(age))));
        BindingPolicy::Require(BindingDemands {
            nonce: self.nonce.clone(),
            // The later of the two: each of them is to hold.
            not_before: self.links_not_before.max(youngest),
        })
    }
}

impl StateOptions {
    /// Reads what is known of the layout of these owners.
    pub(crate) fn freshness(&self, owners: &KeySet<Owner>) -> Result<Freshness> {
        let pin = match &self.state {
            None => Pinning::NotKept,
            Some(path) => read(path)?.pinning(&self.identity(owners)),
        };
        Ok(Freshness { pin, minimum: self.min_layout_version })
    }

    /// Keeps the layout of a chain that passed.
    pub(crate) fn keep(&self, owners: &KeySet<Owner>, chain: &VerifiedSupplyChain) -> Result<()> {
        let (Some(path), Some(pin)) = (&self.state, chain.layout_pin()) else { return Ok(()) };
        // Verifications at the same time may keep a newer one: none must be lost between reading and
        // writing. The file itself cannot be locked, since it is replaced.
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let lock = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
        let lock = lock.map_err(|error| {
            let message = format!("the layout cannot be kept in {}", path.display());
            CliError::undecided(message).because(error)
        })?;
        let before = read(path)?;
        let mut after = before.clone();
        after.keep(self.identity(owners), pin);
        if after != before {
            files::write(path, &after.to_bytes(), 0o644, Overwrite::Replace)?;
        }
        drop(lock);
        Ok(())
    }

    fn identity(&self, owners: &KeySet<Owner>) -> LayoutIdentity {
        LayoutIdentity::new(owners, &self.layout_name)
    }
}

/// Reads an account; none was kept before the first layout passed.
fn read(path: &Path) -> Result<PinnedLayouts> {
    let there = path.try_exists().map_err(|error| {
        CliError::undecided(format!("cannot read {}", path.display())).because(error)
    })?;
    if !there {
        return Ok(PinnedLayouts::default());
    }
    PinnedLayouts::parse(&files::read(path)?, &Limits::default()).map_err(|error| {
        CliError::undecided(format!("the state {} cannot be used", path.display()))
            .because(error)
            .remedy("restore the file; only if it is known to be lost, begin a new one")
    })
}
