//! The digests of a finding in words.

use unbroken_model::digest::DigestSet;
use unbroken_verify::Finding;

/// Returns whose record says what, with whole digests: `products of checkout`, `sha256:...`.
pub(crate) fn digest_pairs(finding: &Finding) -> impl Iterator<Item = (&str, String)> {
    finding.difference.iter().flat_map(|difference| {
        let both =
            [(difference.expected_at.as_str(), &difference.expected), ("found", &difference.found)];
        both.into_iter().filter_map(|(name, set)| Some((name, whole(set.as_ref()?))))
    })
}

/// Writes a digest set without shortening.
pub(crate) fn whole(set: &DigestSet) -> String {
    if set.is_empty() {
        return set.to_string();
    }
    set.iter().map(|digest| digest.to_string()).collect::<Vec<_>>().join(", ")
}
