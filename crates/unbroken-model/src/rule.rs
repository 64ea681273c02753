//! Artifact rules (specification 1.0, section 4.3.3).

mod wire;

use std::fmt;

use thiserror::Error;

use crate::name::StepName;
use crate::pattern::Pattern;

/// One artifact rule: what may have happened to the artifacts that its pattern names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactRule {
    /// `CREATE pattern`: products that were no materials.
    Create(Pattern),
    /// `DELETE pattern`: materials that are no products.
    Delete(Pattern),
    /// `MODIFY pattern`: materials that are products with other digests.
    Modify(Pattern),
    /// `ALLOW pattern`: whatever the pattern names.
    Allow(Pattern),
    /// `DISALLOW pattern`: what no earlier rule consumed and the pattern names is a finding.
    Disallow(Pattern),
    /// `REQUIRE path`: the artifact of exactly this path must not be consumed or absent yet.
    Require(String),
    /// `MATCH ...`: artifacts that equal those of another step.
    Match(MatchRule),
}

/// `MATCH pattern [IN prefix] WITH (MATERIALS|PRODUCTS) [IN prefix] FROM step`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchRule {
    /// Names artifacts below the source prefix.
    pub pattern: Pattern,
    /// The folder of the artifacts that the rule is about; literal text, no pattern.
    pub source_prefix: Option<String>,
    /// Which artifacts of the other step to compare with.
    pub destination: Side,
    /// The folder of the artifacts to compare with.
    pub destination_prefix: Option<String>,
    /// The other step.
    pub from: StepName,
}

/// The two sets of artifacts that a link holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// What the step consumed.
    Materials,
    /// What the step made.
    Products,
}

impl Side {
    /// Returns the word as rules write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Materials => "MATERIALS",
            Self::Products => "PRODUCTS",
        }
    }
}

/// A text or an array that is no artifact rule.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleError {
    /// The first word is none of the seven rules.
    #[error("{word:?} is none of CREATE, DELETE, MODIFY, ALLOW, DISALLOW, REQUIRE and MATCH")]
    Keyword {
        /// The word, shortened.
        word: String,
    },
    /// The words after the first do not have the form of the rule.
    #[error("{rule:?} does not have the form {form}")]
    Form {
        /// The rule, shortened.
        rule: String,
        /// The form due.
        form: &'static str,
    },
    /// The pattern is empty: it would name nothing.
    #[error("{rule:?} has an empty pattern")]
    EmptyPattern {
        /// The rule.
        rule: String,
    },
    /// No artifact can lie below a prefix: it is absolute, or has a segment that is empty, `.` or `..`.
    #[error("{rule:?} has the prefix {prefix:?}, below which no artifact can lie")]
    Prefix {
        /// The rule, shortened.
        rule: String,
        /// The prefix, shortened.
        prefix: String,
    },
    /// The step after `FROM` cannot be one.
    #[error("{rule:?} names no step after FROM")]
    From {
        /// The rule, shortened.
        rule: String,
        /// What is wrong with the name.
        #[source]
        source: crate::name::NameError,
    },
    /// A text form has a quotation mark that is never closed.
    #[error("{rule:?} has a quotation mark that is never closed")]
    Quotes {
        /// The rule, shortened.
        rule: String,
    },
}

impl ArtifactRule {
    /// Reads a rule as layouts hold it: an array of words. Keywords may be in either case.
    ///
    /// # Errors
    /// [`RuleError`] for words that are no rule.
    pub fn parse_words<S: AsRef<str>>(words: &[S]) -> Result<Self, RuleError> {
        wire::parse(words)
    }

    /// Reads a rule as people write it: words apart by blanks, quoted like in a shell.
    ///
    /// # Errors
    /// [`RuleError`] for a text that is no rule.
    pub fn parse_text(text: &str) -> Result<Self, RuleError> {
        let words = shlex::split(text)
            .ok_or_else(|| RuleError::Quotes { rule: text.chars().take(200).collect() })?;
        wire::parse(&words)
    }

    /// Returns the rule as layouts hold it.
    pub fn to_words(&self) -> Vec<String> {
        wire::words(self)
    }
}

/// Writes the rule in one line of text that [`ArtifactRule::parse_text`] reads back.
impl fmt::Display for ArtifactRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.to_words().iter().enumerate() {
            let blank = if index > 0 { " " } else { "" };
            let quoted = word.is_empty()
                || word.starts_with('#')
                || word.contains([' ', '\t', '\n', '\'', '"', '\\']);
            if quoted {
                let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
                write!(out, "{blank}\"{escaped}\"")?;
            } else {
                write!(out, "{blank}{word}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_seven_rules_lead_there_and_back() {
        for text in [
            "CREATE a/*",
            "DELETE *.o",
            "MODIFY x",
            "ALLOW *",
            "DISALLOW *",
            "REQUIRE Dockerfile",
            "MATCH * WITH PRODUCTS FROM build",
            "MATCH a IN src WITH MATERIALS FROM b",
            "MATCH a WITH PRODUCTS IN out FROM b",
            "MATCH a IN src WITH PRODUCTS IN out FROM b",
        ] {
            let rule = ArtifactRule::parse_text(text).unwrap();
            assert_eq!(rule.to_string(), text);
            assert_eq!(ArtifactRule::parse_words(&rule.to_words()).unwrap(), rule);
        }
    }

    #[test]
    fn keywords_are_taken_in_either_case() {
        let lower = ArtifactRule::parse_text("match a in s with products in d from b").unwrap();
        assert_eq!(lower.to_string(), "MATCH a IN s WITH PRODUCTS IN d FROM b");
    }

    #[test]
    fn blanks_in_patterns_survive_quotes() {
        let rule = ArtifactRule::parse_text("CREATE 'a b'").unwrap();
        assert_eq!(rule, ArtifactRule::Create(Pattern::new("a b")));
        for text in ["a b", "#a", "a\"b\\c", "\\", "be\u{301} \u{202e}", "$a `b`"] {
            let rule = ArtifactRule::Create(Pattern::new(text));
            assert_eq!(ArtifactRule::parse_text(&rule.to_string()).unwrap(), rule, "{rule}");
        }
    }

    #[test]
    fn what_has_not_the_form_of_a_rule_is_none() {
        for text in [
            "",
            "FOO a",
            "CREATE",
            "CREATE a b",
            "CREATE ''",
            "MATCH a WITH PRODUCT FROM b",
            "MATCH a WITH PRODUCTS",
            "MATCH a PRODUCTS FROM b",
            "MATCH a WITH PRODUCTS FROM ../b",
            "MATCH a IN WITH PRODUCTS FROM b",
            "MATCH a WITH PRODUCTS OF b",
            "CREATE 'a",
        ] {
            assert!(ArtifactRule::parse_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_below_which_no_artifact_can_lie_is_refused() {
        let of = |prefix: &str| {
            let words = ["MATCH", "*", "IN", prefix, "WITH", "PRODUCTS", "FROM", "build"];
            ArtifactRule::parse_words(&words)
        };
        for prefix in ["", "src", "src/", "a/b", ".src", "a..b"] {
            assert!(of(prefix).is_ok(), "{prefix}");
        }
        for prefix in ["/", "/src", "src//", "a//b", ".", "./src", "..", "a/../b"] {
            assert!(matches!(of(prefix), Err(RuleError::Prefix { .. })), "{prefix}");
        }
    }

    #[test]
    fn a_fault_shows_the_rule_and_not_more_of_it_than_a_line_holds() {
        let long = "x".repeat(300);
        let fault = ArtifactRule::parse_words(&["CREATE", "a", &long]).unwrap_err();
        let due = format!("CREATE a {}", "x".repeat(191));
        assert_eq!(fault, RuleError::Form { rule: due, form: "CREATE pattern" });
    }
}
