//! Binds a link to a layout and a run, so that it cannot pass for one of a later run.

use std::path::PathBuf;

use clap::Args;
use unbroken_crypto::hash;
use unbroken_model::envelope::{Envelope, PayloadType};
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;
use unbroken_model::link::binding::bind;
use unbroken_model::timestamp::Timestamp;

use crate::commands::verify::clock;
use crate::error::{CliError, Result};
use crate::files;
use crate::output::input_name;

/// The longest nonce, in characters.
const LONGEST_NONCE: usize = 128;

/// What a link is bound to.
#[derive(Args, Clone, Debug)]
pub(crate) struct BindingOptions {
    /// Bind the link to this layout: its digest and the time stand in the link
    #[arg(long, value_name = "LAYOUT", help_heading = "Link")]
    bind: Option<PathBuf>,
    /// Bind the link to this run, by a word that the verifier will name too
    #[arg(long, value_name = "WORD", requires = "bind", value_parser = parse_nonce)]
    #[arg(hide_short_help = true, help_heading = "Link")]
    nonce: Option<String>,
}

/// What a link is bound to, read before the work begins.
pub(crate) struct Binding {
    layout: [u8; 32],
    nonce: Option<String>,
    time: Timestamp,
}

impl BindingOptions {
    /// Reads the layout; nothing is bound where none is named. Its signatures are not looked at.
    pub(crate) fn read(&self) -> Result<Option<Binding>> {
        let Some(path) = &self.bind else { return Ok(None) };
        let bytes = files::read(path)?;
        let limits = Limits::default();
        let refused = || CliError::usage(format!("{} is no layout", input_name(path)));
        let envelope =
            Envelope::parse(&bytes, &limits).map_err(|error| refused().because(error))?;
        let layout = hash::sha256(envelope.signing_input());
        match envelope.into_unverified_payload().peek_type(&limits) {
            Ok(PayloadType::Layout) => {}
            _ => return Err(refused()),
        }
        Ok(Some(Binding { layout, nonce: self.nonce.clone(), time: clock() }))
    }
}

impl Binding {
    /// Binds to a layout of this digest.
    pub(crate) fn to(layout: [u8; 32], nonce: Option<String>, time: Timestamp) -> Self {
        Self { layout, nonce, time }
    }

    /// Binds a link before it is signed.
    pub(crate) fn bind(&self, link: &mut Link) {
        bind(&mut link.environment, &self.layout, self.nonce.as_deref(), self.time);
    }
}

/// Takes what is one word to a shell, a log and a reader.
pub(crate) fn parse_nonce(text: &str) -> std::result::Result<String, String> {
    let fits = (1..=LONGEST_NONCE).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(format!("a nonce is one word of at most {LONGEST_NONCE} ASCII characters"))
}
