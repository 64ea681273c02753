//! `in-toto verify`: holds links and product against a signed layout.

use std::path::Path;

use unbroken_crypto::{Certificate, KeySet, Owner};
use unbroken_model::envelope::{EnvelopeKind, Payload};
use unbroken_model::link::Link;
use unbroken_model::pattern::PatternDialect;
use unbroken_model::timestamp::Timestamp;
use unbroken_record::unsigned_link_file_name;
use unbroken_verify::{FindingCode, Options, Severity, SublayoutInspections};

use super::files;
use super::pflag::{Flag, Parsed, Takes};
use super::recording::{system, write};
use super::sign::public_key;
use crate::commands::verify::clock;
use crate::commands::verify::inspections::Recorded;
use crate::drop_in::failure::{Failure, reasons};
use crate::drop_in::log::{print, say};
use crate::drop_in::verify::{
    FORMATS, INSPECTION_SECONDS, Judgement, print_report, timestamp_authorities,
};
use crate::output::escape_line;

pub(super) const FLAGS: &[&[Flag]] = &[&[
    Flag::new("layout", Some('l'), Takes::One, "the signed layout"),
    Flag::new(
        "layout-keys",
        Some('k'),
        Takes::Commas,
        "public keys of the owners; each must have signed the layout",
    ),
    Flag::new(
        "link-dir",
        Some('d'),
        Takes::One,
        "folder of the links; the working directory by default",
    ),
    Flag::new(
        "intermediate-certs",
        Some('i'),
        Takes::Commas,
        "certificates between a functionary's and the roots",
    ),
    Flag::new("normalize-line-endings", None, Takes::Nothing, "inspections hash CRLF and CR as LF"),
    // Our own.
    Flag::new(
        "timestamp-authority",
        None,
        Takes::Commas,
        "root certificates of authorities whose time-stamp tokens prove when certificates were used",
    ),
    Flag::new(
        "at",
        None,
        Takes::One,
        "verify as if it were this time, YYYY-MM-DDTHH:MM:SSZ, for audits",
    ),
    Flag::new("format", None, Takes::One, "print a report on stdout: text, json, sarif or junit"),
    Flag::new(
        "allow-sublayout-inspections",
        None,
        Takes::Nothing,
        "run the commands of sublayouts too: whoever may sign for a step may then run anything here",
    ),
]];

pub(super) fn act(parsed: &Parsed) -> Result<u8, String> {
    parsed.require(&["layout", "layout-keys"])?;
    let path = parsed.one("layout").unwrap_or_default();
    let bytes = std::fs::read(path).map_err(|error| {
        format!("failed to load layout at {path}: open {path}: {}", system(&error))
    })?;
    let keys = parsed.many("layout-keys").iter().map(|path| public_key(path));
    let keys: KeySet<Owner> = KeySet::new(keys.collect::<Result<Vec<_>, _>>()?);
    let now: Timestamp = match parsed.one("at") {
        None => clock(),
        Some(text) => text.parse().map_err(|_| format!("--at: {text:?} is no time"))?,
    };
    let format = parsed.one("format");
    if let Some(format) = format.filter(|format| !FORMATS.contains(format)) {
        return Err(format!("--format: {format:?} is none of {}", FORMATS.join(", ")));
    }
    let sublayout_inspections = if parsed.is_on("allow-sublayout-inspections") {
        SublayoutInspections::Allow
    } else {
        SublayoutInspections::Refuse
    };
    let mut intermediates = Vec::new();
    for path in parsed.many("intermediate-certs") {
        let failed = |reason| format!("failed to read intermediate {path}: {reason}");
        let bytes = std::fs::read(path)
            .map_err(|error| failed(format!("open {path}: {}", system(&error))))?;
        let read = Certificate::read_all(&bytes).map_err(|error| failed(reasons(&error)))?;
        intermediates.extend(read);
    }
    let authorities = timestamp_authorities(parsed.many("timestamp-authority"));
    let judgement = Judgement {
        now,
        options: Options {
            patterns: PatternDialect::Go,
            intermediates,
            timestamp_authorities: authorities.map_err(|failure| failure.message)?,
            sublayout_inspections,
            ..Options::default()
        },
        links: Path::new(parsed.one("link-dir").unwrap_or(".")),
        limit: INSPECTION_SECONDS,
        recorded: Recorded::Everything {
            normalize_line_endings: parsed.is_on("normalize-line-endings"),
        },
    };
    let leave = |link: &Link| {
        files::of_payload(link.to_value(), EnvelopeKind::Metablock, None)
            .and_then(|bytes| write(&unsigned_link_file_name(&link.name), &bytes))
            .map_err(|reason| Failure::new("error", reason))
    };
    let verdict = judgement
        .of(&bytes, &keys, leave)
        .map_err(|failure| format!("inspection failed: {}", failure.message))?;
    if let Some(format) = format {
        print_report(format, &verdict, Path::new(path), now);
    }
    let assessment = match &verdict {
        Ok(chain) => chain.assessment(),
        Err(rejection) => rejection.assessment(),
    };
    for finding in &assessment.findings {
        // The original tells of differing commands on stdout, and of nothing else; a report does too.
        let is_told = finding.code == FindingCode::CommandDiffers && format.is_none();
        if finding.severity == Severity::Warning && is_told {
            print(&format!("WARNING: {}\n", escape_line(&finding.to_string())));
        }
    }
    if verdict.is_ok() {
        return Ok(0);
    }
    for finding in assessment.errors() {
        say(&format!("inspection failed: {finding}"));
    }
    Ok(1)
}
