//! The reasons for a denial that are admission's own, by the words of admission and of the command line; the others
//! are findings of the verification.

use std::fmt;

/// A stable reason. `docs/admission.md` has a line for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmissionCode {
    /// An image is named by a tag.
    ImageByTag,
    /// A container or a volume has no image.
    ImageMissing,
    /// The name of an image is none.
    ImageNameInvalid,
    /// The webhook made a mistake.
    Internal,
    /// Nobody told where images stand in objects of this kind.
    KindUnknown,
    /// No policy is for an image.
    NoPolicy,
    /// An image was not judged under a policy.
    NotJudged,
    /// An object has not the form of its kind.
    ObjectUnreadable,
    /// The API server's time was over.
    OutOfTime,
    /// A policy that is for the image cannot be used.
    PolicyInvalid,
    /// The review is none of `admission.k8s.io/v1`.
    ReviewMalformed,
    /// An object has more images than are judged.
    TooManyImages,
    /// A registry did not say what is needed for a decision.
    Undecided,
}

impl AdmissionCode {
    /// All of them, by their words.
    pub const ALL: [Self; 13] = [
        Self::ImageByTag,
        Self::ImageMissing,
        Self::ImageNameInvalid,
        Self::Internal,
        Self::KindUnknown,
        Self::NoPolicy,
        Self::NotJudged,
        Self::ObjectUnreadable,
        Self::OutOfTime,
        Self::PolicyInvalid,
        Self::ReviewMalformed,
        Self::TooManyImages,
        Self::Undecided,
    ];
}

impl fmt::Display for AdmissionCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::ImageByTag => "image-by-tag",
            Self::ImageMissing => "image-missing",
            Self::ImageNameInvalid => "image-name-invalid",
            Self::Internal => "internal",
            Self::KindUnknown => "kind-unknown",
            Self::NoPolicy => "no-policy",
            Self::NotJudged => "not-judged",
            Self::ObjectUnreadable => "object-unreadable",
            Self::OutOfTime => "out-of-time",
            Self::PolicyInvalid => "policy-invalid",
            Self::ReviewMalformed => "review-malformed",
            Self::TooManyImages => "too-many-images",
            Self::Undecided => "undecided",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_line_in_the_documentation_and_every_line_a_reason() {
        let page = include_str!("../../../docs/admission.md");
        let table = page.split_once("## Reasons").unwrap().1;
        let documented: Vec<&str> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(code, _)| code)
            .collect();
        assert_eq!(documented, AdmissionCode::ALL.map(|code| code.to_string()));
    }
}
