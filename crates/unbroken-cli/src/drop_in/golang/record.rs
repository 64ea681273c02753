//! `in-toto record start` and `stop`: record a step that is no single command.

use std::path::Path;

use unbroken_crypto::Signer;
use unbroken_model::envelope::Envelope;
use unbroken_model::json::Object;
use unbroken_model::limits::Limits;
use unbroken_model::link::{Link, LinkForm};
use unbroken_record::{
    RecordError, link_file_name, read_unfinished, remove_unfinished, unfinished_file_name,
};

use super::pflag::{Flag, Parsed};
use super::recording::{
    COMMON, MATERIALS, PRODUCTS, envelope_kind, folder, hash, key_id, signed, signing_key,
    step_name, system, write,
};
use crate::drop_in::failure::reasons;
use crate::drop_in::record::started;

pub(super) const START: &[&[Flag]] = &[COMMON, &[MATERIALS]];
pub(super) const STOP: &[&[Flag]] = &[COMMON, &[PRODUCTS]];

/// What both halves need.
struct Recording {
    key: Box<dyn Signer>,
    id: String,
    name: unbroken_model::name::StepName,
    folder: String,
    /// The name of the file between the halves.
    begun: String,
}

impl Recording {
    fn of(parsed: &Parsed) -> Result<Self, String> {
        let key = signing_key(parsed)?;
        parsed.require(&["name"])?;
        let (name, id) = (step_name(parsed)?, key_id(&*key));
        let begun = unfinished_file_name(&name, &id).map_err(|error| reasons(&error))?;
        Ok(Self { key, id, name, folder: folder(parsed), begun })
    }
}

pub(super) fn start(parsed: &Parsed) -> Result<u8, String> {
    let recording = Recording::of(parsed)?;
    let failed = |reason| format!("failed to create start link file: {reason}");
    let link = Link {
        form: LinkForm::default(),
        name: recording.name.clone(),
        command: Vec::new(),
        materials: hash(parsed.many("materials"), parsed).map_err(failed)?,
        products: unbroken_model::artifact::ArtifactSet::default(),
        byproducts: Object::new(),
        environment: Object::new(),
        extra: Object::new(),
    };
    let bytes = signed(&link, envelope_kind(parsed), &*recording.key).map_err(failed)?;
    let Recording { folder, begun, .. } = &recording;
    write(&format!("{folder}{begun}"), &bytes)
        .map_err(|reason| format!("failed to write start link file to {begun}: {reason}"))?;
    Ok(0)
}

pub(super) fn stop(parsed: &Parsed) -> Result<u8, String> {
    let recording = Recording::of(parsed)?;
    let Recording { key, id, name, folder, begun } = &recording;
    let place = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let bytes = read_unfinished(place, name, id).map_err(|error| {
        let cause = match &error {
            RecordError::Read { source, .. } => {
                format!("open {folder}{begun}: {}", system(source))
            }
            other => reasons(other),
        };
        format!("failed to load start link file at {begun}: {cause}")
    })?;
    let envelope = Envelope::parse(&bytes, &Limits::default()).map_err(|error| {
        format!("failed to load start link file at {begun}: {}", reasons(&error))
    })?;
    let failed = |reason| format!("failed to create stop link file: {reason}");
    let begun_link = started(envelope, &**key, name).map_err(|failure| failed(failure.message))?;
    let products = hash(parsed.many("products"), parsed).map_err(failed)?;
    let link = Link { products, ..begun_link };
    let bytes = signed(&link, envelope_kind(parsed), &**key).map_err(failed)?;
    let file = link_file_name(name, id).map_err(|error| reasons(&error))?;
    write(&format!("{folder}{file}"), &bytes)
        .map_err(|reason| format!("failed to write stop link file to {begun}: {reason}"))?;
    remove_unfinished(place, name, id).map_err(|error| {
        format!("failed to remove start link file at {begun}: {}", reasons(&error))
    })?;
    Ok(0)
}
