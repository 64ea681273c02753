//! A link that was decoded without a signature check, handed in as evidence.

use unbroken_model::envelope::Envelope;
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_verify::{ChainId, Session, Submission};

fn submit_link(session: &mut Session, chain: ChainId, step: &StepName, link: &Link) {
    session.submit(chain, Submission { step, source: "", stem: "", bytes: link }); //~ E0308: mismatched types: expected `&[u8]`, found `&Link`
}

fn submit_envelope(session: &mut Session, chain: ChainId, step: &StepName, link: &Envelope<'_>) {
    session.submit(chain, Submission { step, source: "", stem: "", bytes: link }); //~ E0308: mismatched types: expected `&[u8]`, found `&Envelope<'_>`
}

fn main() {}
