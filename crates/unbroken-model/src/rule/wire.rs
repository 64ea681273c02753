//! The array form of artifact rules.

use super::{ArtifactRule, MatchRule, RuleError, Side};
use crate::pattern::Pattern;

const MATCH_FORM: &str =
    "MATCH pattern [IN prefix] WITH (MATERIALS|PRODUCTS) [IN prefix] FROM step";

pub(super) fn parse<S: AsRef<str>>(words: &[S]) -> Result<ArtifactRule, RuleError> {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let keyword = words.first().copied().unwrap_or_default();
    let plain = |make: fn(Pattern) -> ArtifactRule, form| match words.as_slice() {
        [_, ""] => Err(RuleError::EmptyPattern { rule: shorten(&words) }),
        [_, pattern] => Ok(make(Pattern::new(*pattern))),
        _ => Err(RuleError::Form { rule: shorten(&words), form }),
    };
    match keyword.to_ascii_uppercase().as_str() {
        "CREATE" => plain(ArtifactRule::Create, "CREATE pattern"),
        "DELETE" => plain(ArtifactRule::Delete, "DELETE pattern"),
        "MODIFY" => plain(ArtifactRule::Modify, "MODIFY pattern"),
        "ALLOW" => plain(ArtifactRule::Allow, "ALLOW pattern"),
        "DISALLOW" => plain(ArtifactRule::Disallow, "DISALLOW pattern"),
        "REQUIRE" => plain(|path| ArtifactRule::Require(path.as_str().to_owned()), "REQUIRE path"),
        "MATCH" => parse_match(&words),
        _ => Err(RuleError::Keyword { word: keyword.chars().take(80).collect() }),
    }
}

fn parse_match(words: &[&str]) -> Result<ArtifactRule, RuleError> {
    let is = |word: &str, keyword: &str| word.eq_ignore_ascii_case(keyword);
    let form = || RuleError::Form { rule: shorten(words), form: MATCH_FORM };

    let [_, pattern, rest @ ..] = words else { return Err(form()) };
    let (source_prefix, rest) = match rest {
        [word, prefix, rest @ ..] if is(word, "IN") => (Some((*prefix).to_owned()), rest),
        rest => (None, rest),
    };
    let [with, side, rest @ ..] = rest else { return Err(form()) };
    let destination = match *side {
        side if is(side, "MATERIALS") => Side::Materials,
        side if is(side, "PRODUCTS") => Side::Products,
        _ => return Err(form()),
    };
    let (destination_prefix, rest) = match rest {
        [word, prefix, rest @ ..] if is(word, "IN") => (Some((*prefix).to_owned()), rest),
        rest => (None, rest),
    };
    let [from, step] = rest else { return Err(form()) };
    if !is(with, "WITH") || !is(from, "FROM") {
        return Err(form());
    }
    if pattern.is_empty() {
        return Err(RuleError::EmptyPattern { rule: shorten(words) });
    }
    for prefix in [&source_prefix, &destination_prefix].into_iter().flatten() {
        if !is_folder(prefix) {
            let prefix = prefix.chars().take(200).collect();
            return Err(RuleError::Prefix { rule: shorten(words), prefix });
        }
    }
    let from = step.parse().map_err(|source| RuleError::From { rule: shorten(words), source })?;
    let pattern = Pattern::new(*pattern);
    Ok(ArtifactRule::Match(MatchRule {
        pattern,
        source_prefix,
        destination,
        destination_prefix,
        from,
    }))
}

/// Tells whether an artifact can lie below a prefix: paths of artifacts are in normal form, and a prefix in
/// another one would consume nothing in silence.
fn is_folder(prefix: &str) -> bool {
    let folder = prefix.strip_suffix('/').unwrap_or(prefix);
    prefix.is_empty() || folder.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

fn shorten(words: &[&str]) -> String {
    words.join(" ").chars().take(200).collect()
}

pub(super) fn words(rule: &ArtifactRule) -> Vec<String> {
    let (keyword, argument) = match rule {
        ArtifactRule::Create(pattern) => ("CREATE", pattern.as_str()),
        ArtifactRule::Delete(pattern) => ("DELETE", pattern.as_str()),
        ArtifactRule::Modify(pattern) => ("MODIFY", pattern.as_str()),
        ArtifactRule::Allow(pattern) => ("ALLOW", pattern.as_str()),
        ArtifactRule::Disallow(pattern) => ("DISALLOW", pattern.as_str()),
        ArtifactRule::Require(path) => ("REQUIRE", path.as_str()),
        ArtifactRule::Match(rule) => return match_words(rule),
    };
    vec![keyword.to_owned(), argument.to_owned()]
}

fn match_words(rule: &MatchRule) -> Vec<String> {
    let mut words = vec!["MATCH", rule.pattern.as_str()];
    if let Some(prefix) = &rule.source_prefix {
        words.extend(["IN", prefix.as_str()]);
    }
    words.extend(["WITH", rule.destination.as_str()]);
    if let Some(prefix) = &rule.destination_prefix {
        words.extend(["IN", prefix.as_str()]);
    }
    words.extend(["FROM", rule.from.as_str()]);
    words.into_iter().map(str::to_owned).collect()
}
