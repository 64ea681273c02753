//! Artifacts of a finding with what was expected of them and what was found.

use unbroken_model::digest::DigestSet;
use unbroken_model::rule::Side;
use unbroken_verify::{Difference, Finding};

use super::Detail;
use super::canvas::{Canvas, Ink, Span};
use super::findings::{BAR, BAR_REST, and_more, item, shown};
use super::group::Group;

/// What the engine compares with when no rule named a record.
const NO_RECORD: &str = "no record";

/// One line of the table of artifacts.
struct Row {
    sign: &'static str,
    artifact: String,
    expected: String,
    found: String,
}

/// Draws the artifacts with both digests: as a table where it fits, else below one another.
pub(super) fn draw(canvas: &mut Canvas, group: &Group<'_>) {
    let Some(difference) = &group.first.difference else { return };
    let shown = shown(canvas, group);
    let detail = canvas.style().detail;
    // Where no rule compared the artifact with a record, there is no other side.
    let compared = group
        .iter()
        .take(shown)
        .any(|finding| finding.difference.as_ref().is_some_and(|it| it.expected.is_some()))
        || difference.expected_at != NO_RECORD;
    let mut rows = vec![Row {
        sign: "",
        artifact: "artifact".to_owned(),
        expected: if compared { difference.expected_at.clone() } else { String::new() },
        found: found_at(group.first),
    }];
    rows.extend(group.iter().take(shown).filter_map(|finding| Row::of(finding, compared, detail)));
    let width = |of: fn(&Row) -> &String| {
        rows.iter().map(|row| canvas.width_of(of(row))).max().unwrap_or(0)
    };
    let artifact = width(|row| &row.artifact);
    let expected = width(|row| &row.expected);
    let found = width(|row| &row.found);
    let fits =
        BAR.chars().count() + 3 + artifact + 2 + expected + 2 + found <= canvas.style().width;
    let (head, body) =
        rows.split_first().map_or((None, &[][..]), |(head, body)| (Some(head), body));
    let Some(head) = head else { return };
    if fits {
        for (row, ink) in
            std::iter::once((head, Ink::Dim)).chain(body.iter().map(|it| (it, Ink::Plain)))
        {
            let beside = match expected {
                0 => String::new(),
                width => format!("{}  ", canvas.pad(&row.expected, width)),
            };
            let spans = [
                Span::new(Ink::Bad, canvas.pad(row.sign, 3)),
                Span::new(ink, format!("{}  ", canvas.pad(&row.artifact, artifact))),
                Span::new(ink, beside),
                Span::new(ink, row.found.as_str()),
            ];
            canvas.line(BAR, BAR_REST, &spans);
        }
    } else {
        for row in body {
            let spans =
                [Span::new(Ink::Bad, canvas.pad(row.sign, 3)), Span::plain(row.artifact.as_str())];
            canvas.line(BAR, BAR_REST, &spans);
            let both = [(&head.expected, &row.expected), (&head.found, &row.found)];
            for (name, value) in both.into_iter().filter(|(name, _)| !name.is_empty()) {
                let spans = [Span::new(Ink::Dim, format!("{name}  ")), Span::plain(value.as_str())];
                canvas.line("  │      ", "  │        ", &spans);
            }
        }
    }
    and_more(canvas, group, shown);
}

impl Row {
    fn of(finding: &Finding, compared: bool, detail: Detail) -> Option<Self> {
        let Difference { expected, found, .. } = finding.difference.as_ref()?;
        let sign = match (expected, found) {
            (Some(_), Some(_)) => "≠",
            (None, _) => "+",
            (Some(_), None) => "−",
        };
        let (expected, found) = digests(expected.as_ref(), found.as_ref(), detail);
        let expected = if compared { expected } else { String::new() };
        let artifact = finding.artifact.clone().unwrap_or_default();
        Some(Self { sign, artifact, expected, found })
    }
}

/// Writes two digest sets for comparison.
pub(super) fn digests(
    expected: Option<&DigestSet>,
    found: Option<&DigestSet>,
    detail: Detail,
) -> (String, String) {
    let text = |set: Option<&DigestSet>, whole: bool| match set {
        None => "(absent)".to_owned(),
        Some(set) if whole => crate::digests::whole(set),
        Some(set) => set.to_string(),
    };
    let short = (text(expected, false), text(found, false));
    // Two contents can be made whose first twelve digits are equal: then the whole digests tell.
    if detail == Detail::Full || short.0 == short.1 {
        return (text(expected, true), text(found, true));
    }
    short
}

/// Says whose record holds what was found.
fn found_at(finding: &Finding) -> String {
    match &finding.rule {
        Some(rule) => {
            let side = match rule.side {
                Side::Materials => "materials",
                Side::Products => "products",
            };
            format!("{side} of {}", item(finding))
        }
        None => "found".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use unbroken_model::digest::{Digest, DigestAlgorithm};

    use super::*;

    fn set(last: u8) -> DigestSet {
        let mut value = [7; 32];
        value[31] = last;
        DigestSet::sha256(value)
    }

    #[test]
    fn digests_that_differ_never_look_equal() {
        let (left, right) = (set(1), set(2));
        let (expected, found) = digests(Some(&left), Some(&right), Detail::Brief);
        assert_ne!(expected, found);
        assert_eq!(expected.len(), "sha256:".len() + 64);
    }

    #[test]
    fn digests_are_shortened_where_that_tells_them_apart() {
        let other = DigestSet::sha256([9; 32]);
        let (expected, found) = digests(Some(&set(1)), Some(&other), Detail::Brief);
        assert_eq!(expected, "sha256:070707070707…");
        assert_eq!(found, "sha256:090909090909…");
        let (expected, _) = digests(None, Some(&other), Detail::Full);
        assert_eq!(expected, "(absent)");
    }

    #[test]
    fn an_empty_set_is_told() {
        let none: DigestSet = std::iter::empty::<Digest>().collect();
        let md5 = Digest::new(DigestAlgorithm::Md5, &[1; 16]);
        let weak: DigestSet = std::iter::once(md5).collect();
        let (expected, found) = digests(Some(&none), Some(&weak), Detail::Full);
        assert_eq!(expected, "(no digest)");
        assert_eq!(found, "md5:01010101010101010101010101010101");
    }
}
