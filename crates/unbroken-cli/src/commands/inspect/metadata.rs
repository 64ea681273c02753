//! Links, layouts and statements, written for people.

use std::fmt::Write;

use unbroken_crypto::PublicKey;
use unbroken_model::json::Value;
use unbroken_model::layout::{KeyId, Layout};
use unbroken_model::link::{Link, LinkForm};
use unbroken_model::statement::Statement;
use unbroken_verify::Directives;

use super::{certificate, foreign};
use crate::commands::verify::clock;
use crate::output::escape_line;

pub(super) fn describe_link(out: &mut String, link: &Link) {
    let form = match link.form {
        LinkForm::Plain => "link",
        LinkForm::Statement => "link in a statement, its subjects as products,",
    };
    let _ = writeln!(out, "{form} of the step {}", link.name);
    let _ = writeln!(out, "  command    {}", escape_line(&link.command.join(" ")));
    if let Some(status) = link.return_value() {
        let _ = writeln!(out, "  exit       {status}");
    }
    for (side, artifacts) in [("materials", &link.materials), ("products", &link.products)] {
        let _ = writeln!(out, "  {side:<9}  {}", artifacts.len());
        for (path, digests) in artifacts.iter().take(20) {
            let _ = writeln!(out, "    {path}  {digests}");
        }
        if artifacts.len() > 20 {
            let _ = writeln!(out, "    … and {} more", artifacts.len() - 20);
        }
    }
}

pub(super) fn describe_layout(out: &mut String, layout: &Layout) {
    let _ = writeln!(out, "layout, expires {}", layout.expires);
    for (id, key) in &layout.keys {
        let described = PublicKey::from_layout_key_at(key, clock())
            .map_or_else(|error| error.to_string(), |key| key.describe());
        let _ = writeln!(out, "  key        {id}  {}", escape_line(&described));
    }
    // A line that cannot be held is told by `verify`, which rejects it.
    if let Ok(Directives { version, all_of }) = Directives::of(layout) {
        if let Some(version) = version {
            let _ = writeln!(out, "  version    {version}");
        }
        for group in all_of {
            let ids: Vec<&str> = group.iter().map(KeyId::prefix).collect();
            let _ = writeln!(out, "  all of     {}: one functionary, one vote", ids.join(", "));
        }
    }
    certificate::describe_authorities(out, layout);
    for step in &layout.steps {
        let ids: Vec<&str> = step.pubkeys.iter().map(KeyId::prefix).collect();
        let _ =
            writeln!(out, "  step       {} by {} of {}", step.name, step.threshold, ids.join(", "));
        certificate::describe_constraints(out, step);
        for (side, rules) in
            [("materials", &step.expected_materials), ("products", &step.expected_products)]
        {
            for rule in rules {
                let _ = writeln!(out, "    {side:<9}  {}", escape_line(&rule.to_string()));
            }
        }
    }
    for inspection in &layout.inspections {
        let run = escape_line(&inspection.run.join(" "));
        let _ = writeln!(out, "  inspection {} runs {run}", inspection.name);
        for (side, rules) in [
            ("materials", &inspection.expected_materials),
            ("products", &inspection.expected_products),
        ] {
            for rule in rules {
                let _ = writeln!(out, "    {side:<9}  {}", escape_line(&rule.to_string()));
            }
        }
    }
}

pub(super) fn describe_statement(out: &mut String, statement: &Statement) {
    let _ = writeln!(out, "statement, {}", escape_line(&statement.kind));
    let predicate = &statement.predicate_type;
    let name = foreign::predicate(predicate).map(|name| format!(": {name}")).unwrap_or_default();
    let _ = writeln!(out, "  predicate  {}{name}", escape_line(predicate));
    for subject in statement.subjects.iter().take(20) {
        let digests = subject.digest.iter().map(|(algorithm, value)| {
            let value = value.as_str().unwrap_or_default();
            escape_line(&format!("{algorithm}:{}", value.chars().take(12).collect::<String>()))
        });
        let digests: Vec<String> = digests.take(8).collect();
        let name = if subject.name.is_empty() { "(no name)" } else { &subject.name };
        let _ = writeln!(out, "  subject    {}  {}…", escape_line(name), digests.join(", "));
    }
    if statement.subjects.len() > 20 {
        let _ = writeln!(out, "  … and {} more subjects", statement.subjects.len() - 20);
    }
    let members: Vec<&str> = statement.predicate.iter().map(|(name, _)| name).take(20).collect();
    let _ = writeln!(out, "  members    {}", escape_line(&members.join(", ")));
    if let Some(Value::Array(attestations)) = statement.predicate.get("attestations") {
        for attestation in attestations.iter().take(40) {
            let kind = attestation.as_object().and_then(|object| object.get("type"));
            let kind = kind.and_then(Value::as_str).unwrap_or("(no type)");
            let _ = writeln!(out, "    attestation  {}", escape_line(kind));
        }
    }
}
