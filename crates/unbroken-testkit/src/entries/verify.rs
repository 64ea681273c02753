//! The whole verifier, with one document of the pipeline replaced.

use std::collections::BTreeMap;

use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload, Signature};
use unbroken_model::json::{Object, Value};
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;

use unbroken_verify::PinnedLayouts;

use super::text;
use crate::case::Case;
use crate::chain::Chain;
use crate::keys;

/// Judges twice: the verdict is a function of what was given.
fn judge(case: &Case) -> bool {
    let verdict = case.judge();
    assert_eq!(case.judge(), verdict);
    assert_eq!(verdict.verified, verdict.errors.is_empty());
    verdict.verified
}

/// Opens what was verified.
fn opened<T: Payload>(bytes: &[u8]) -> T {
    let limits = Limits::default();
    let envelope = Envelope::parse(bytes, &limits).expect("what was verified is an envelope");
    let payload = envelope.into_unverified_payload().decode(&limits);
    payload.expect("what was verified is of its type")
}

/// Signs any JSON as if it were metadata: what comes behind the signature check sees it.
fn signed(bytes: &[u8], by: &str) -> Option<Vec<u8>> {
    let value = Value::parse(bytes, &Limits::default()).ok()?;
    value.as_object()?;
    let mut envelope = Envelope::unsigned(EnvelopeKind::Metablock, value);
    let key = keys::key(by);
    let bytes = key.sign(envelope.signing_input()).ok()?;
    let key_id = Some(keys::id(by));
    envelope.push_signature(Signature { key_id, bytes, extra: Object::new() });
    Some(envelope.to_bytes())
}

/// Without the owner's key only his own layout is verified.
pub(super) fn layout_unsigned(bytes: &[u8]) {
    let case = Case { layout: bytes.to_vec(), ..Chain::pipeline().case() };
    if judge(&case) {
        let own = Chain::pipeline().case().layout;
        assert!(opened::<Layout>(&own) == opened::<Layout>(bytes), "another layout is verified");
    }
}

pub(super) fn layout_signed(bytes: &[u8]) {
    let Some(layout) = signed(bytes, "owner") else { return };
    judge(&Case { layout, ..Chain::pipeline().case() });
}

fn with_link(bytes: Vec<u8>) -> Case {
    let mut case = Chain::pipeline().case();
    case.evidence.insert(keys::stem("build", "builder"), bytes);
    case
}

/// Without the builder's key only his own link is verified.
pub(super) fn link_unsigned(bytes: &[u8]) {
    if judge(&with_link(bytes.to_vec())) {
        let own: Link = opened(&Chain::pipeline().link("build").bytes());
        // The builder signed a statement that says the same too.
        let link = Link { form: own.form, ..opened(bytes) };
        assert!(own == link, "another link is verified");
    }
}

pub(super) fn link_signed(bytes: &[u8]) {
    if let Some(link) = signed(bytes, "builder") {
        judge(&with_link(link));
    }
}

/// The builder hands in a layout of his own, with the links that would suit the testkit's one.
pub(super) fn sublayout_signed(bytes: &[u8]) {
    let Some(layout) = signed(bytes, "builder") else { return };
    let mut case = with_link(layout);
    let stem = keys::stem("build", "builder");
    for (inner, link) in Chain::compile().case().evidence {
        case.evidence.insert(format!("{stem}/{inner}"), link);
    }
    judge(&case);
}

/// Rules of the build, one a line, as they stand in text.
pub(super) fn rules(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let words = |line: &str| {
        let words = line.split(' ').filter(|word| !word.is_empty());
        Value::Array(words.map(|word| Value::from(word.to_owned())).collect())
    };
    let rules: Vec<Value<'static>> = text.lines().take(64).map(words).collect();
    for place in ["steps/1/expected_materials", "steps/1/expected_products"] {
        let mut chain = Chain::pipeline();
        chain.layout.set(place, rules.clone());
        judge(&chain.case());
    }
}

/// A value for a parameter, and a text that has the parameter in it.
pub(super) fn parameters(bytes: &[u8]) {
    let Some((value, pattern)) = text(bytes).and_then(|text| text.split_once('\n')) else { return };
    let mut chain = Chain::pipeline();
    chain.options.parameters = BTreeMap::from([("NAME".to_owned(), value.to_owned())]);
    let rule = ["DISALLOW", pattern].map(|word| Value::from(word.to_owned())).to_vec();
    chain.layout.set("steps/2/expected_products/0", rule);
    judge(&chain.case());
}

/// A readme of the layout, with whatever directives stand in it.
pub(super) fn readme(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let mut chain = Chain::pipeline();
    chain.layout.set("readme", text.to_owned());
    judge(&chain.case());
}

/// What is read of an account and written is read again as the same.
pub(super) fn pinned_layouts(bytes: &[u8]) {
    let limits = Limits::default();
    let Ok(pinned) = PinnedLayouts::parse(bytes, &limits) else { return };
    let again = PinnedLayouts::parse(&pinned.to_bytes(), &limits);
    assert!(again.is_ok_and(|again| again == pinned), "it is read again as another one");
}
