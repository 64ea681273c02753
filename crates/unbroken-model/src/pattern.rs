//! Patterns of artifact rules: the semantics of Python's `fnmatch.fnmatchcase`, and those of
//! in-toto-golang on request ([`PatternDialect`]).
//!
//! `*` matches any characters, also `/` and a leading dot; `?` one character; `[a-z]` and `[!a-z]`
//! one character of a set. There is no escape character, and a `[` that no `]` closes is itself.
//! The specification leaves the dialect open (section 4.3.3.1 speaks of globs); this is the one
//! that the reference implementation has. No crate agrees with it on all inputs.

mod golang;

use std::fmt;

use thiserror::Error;

/// A pattern and its compiled form. Equality is that of the text.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Box<str>,
    matcher: Matcher,
}

/// How a pattern is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PatternDialect {
    /// As python's `fnmatch`: the reference implementation.
    #[default]
    Python,
    /// As in-toto-golang: `\` escapes, and brackets have to be closed.
    Go,
}

/// Why a text is no pattern of a dialect. In Python's every text is one.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternFault {
    /// A bracket is not closed or holds nothing, or a `\` escapes nothing.
    #[error("a bracket is not closed or holds no range, or a backslash escapes nothing")]
    Malformed,
    /// A `..` takes away what stands before it.
    #[error("it has a segment \"..\"")]
    Parent,
}

#[derive(Clone, Debug)]
enum Matcher {
    Python(Box<[Token]>),
    Go(golang::Matcher),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// `*`: any characters, also none. Never stands beside another one.
    Any,
    /// `?`: one character.
    One,
    /// Literal text.
    Literal(Box<str>),
    /// `[...]`: one character of the ranges, or one that is in none of them.
    Set { negated: bool, ranges: Box<[(char, char)]> },
}

impl Pattern {
    /// Compiles a pattern. Every text is one.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        let matcher = Matcher::Python(compile(&text).into());
        Self { text, matcher }
    }

    /// Reads the pattern in another dialect.
    ///
    /// # Errors
    /// [`PatternFault`] when its text is no pattern there: it must not be taken for one that names
    /// nothing, or a `DISALLOW` would forbid nothing.
    pub fn in_dialect(&self, dialect: PatternDialect) -> Result<Self, PatternFault> {
        let text = self.text.clone();
        Ok(match dialect {
            PatternDialect::Python => Self::new(text),
            PatternDialect::Go => Self { matcher: Matcher::Go(golang::Matcher::new(&text)?), text },
        })
    }

    /// Returns the text of the pattern.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether the whole of `name` matches.
    ///
    /// Needs at most `len(pattern) * len(name)` steps: after a later `*` matched, an earlier one
    /// never has to take more.
    pub fn matches(&self, name: &str) -> bool {
        let tokens = match &self.matcher {
            Matcher::Python(tokens) => tokens,
            Matcher::Go(matcher) => return matcher.matches(name),
        };
        let (mut rest, mut at) = (name, 0);
        // Where to go on when what follows the latest `*` does not match here.
        let mut retry: Option<(&str, usize)> = None;
        loop {
            let step = match tokens.get(at) {
                None if rest.is_empty() => return true,
                Some(Token::Any) => {
                    retry = Some((rest, at + 1));
                    Some(rest)
                }
                Some(token) => token.strip(rest),
                None => None,
            };
            if let Some(after) = step {
                (rest, at) = (after, at + 1);
                continue;
            }
            let Some((tried, after_any)) = retry else { return false };
            let mut longer = tried.chars();
            if longer.next().is_none() {
                return false;
            }
            (rest, at) = (longer.as_str(), after_any);
            retry = Some((rest, after_any));
        }
    }
}

impl Token {
    /// Takes what the token matches off the front of `text`.
    fn strip<'t>(&self, text: &'t str) -> Option<&'t str> {
        if let Self::Literal(literal) = self {
            return text.strip_prefix(&**literal);
        }
        let mut rest = text.chars();
        let first = rest.next()?;
        let matched = match self {
            Self::Set { negated, ranges } => {
                *negated != ranges.iter().any(|(low, high)| (*low..=*high).contains(&first))
            }
            _ => true,
        };
        matched.then_some(rest.as_str())
    }
}

fn compile(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
        let token = match first {
            '*' => Token::Any,
            '?' => Token::One,
            '[' => {
                let Some((set, after)) = compile_set(rest) else {
                    literal.push('[');
                    continue;
                };
                rest = after;
                set
            }
            plain => {
                literal.push(plain);
                continue;
            }
        };
        if !literal.is_empty() {
            tokens.push(Token::Literal(std::mem::take(&mut literal).into()));
        }
        if !(token == Token::Any && tokens.last() == Some(&Token::Any)) {
            tokens.push(token);
        }
    }
    if !literal.is_empty() {
        tokens.push(Token::Literal(literal.into()));
    }
    tokens
}

/// Compiles what follows a `[`; `None` when no `]` closes it.
fn compile_set(text: &str) -> Option<(Token, &str)> {
    // A `]` that stands first, or right after `!`, is a member and does not close.
    let negated = text.starts_with('!');
    let body = if negated { text.get(1..)? } else { text };
    let skip = usize::from(body.starts_with(']'));
    let close = body.get(skip..)?.find(']')? + skip;
    let (members, after) = (body.get(..close)?, body.get(close + 1..)?);
    Some((set(negated, members), after))
}

/// Reads the members of a set as Python does: a `-` between two characters makes a range, one at
/// either end is itself, and a range that runs backwards holds nothing. Python takes such ranges out of
/// the text before it looks for the `!`: `[b-a!x]` is `[!x]`, and `[b-a!-x]` is `[!-x]`.
fn set(mut negated: bool, members: &str) -> Token {
    let members: Vec<char> = members.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&low) = members.get(at) {
        let high = members.get(at + 2).filter(|_| members.get(at + 1) == Some(&'-'));
        at += if high.is_some() { 3 } else { 1 };
        let comes_first = low == '!' && !negated && ranges.is_empty();
        match high {
            Some(high) if low > *high => {}
            Some(high) if comes_first => {
                negated = true;
                ranges.extend([('-', '-'), (*high, *high)]);
            }
            None if comes_first => negated = true,
            high => ranges.push((low, *high.unwrap_or(&low))),
        }
    }
    Token::Set { negated, ranges: ranges.into() }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).matches(name)
    }

    #[test]
    fn wildcards_cross_slashes_and_dots() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "a/b/.c"),
            ("src/*", "src/deep/x.py"),
            ("src/*", "src/.hidden"),
            ("a?c", "a/c"),
            ("?", "😀"),
            ("**", "a"),
            ("a**b", "ab"),
            ("*\n*", "a\nb"),
            ("dir/**", "dir/x"),
            ("*?", "a"),
            ("**?*", "ab"),
            ("*[ab]", "xb"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "a"),
            ("**/foo", "foo"),
            ("a", "A"),
            ("?", ""),
            ("a*", "ba"),
            ("*.sh", "x.sh\n"),
            ("*?", ""),
            ("*[ab]", "c"),
            ("**??", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(matches("", ""));
    }

    #[test]
    fn sets_are_pythons() {
        for (pattern, name) in [
            ("[!a]", "b"),
            ("[^f]", "^"),
            ("[^f]", "f"),
            ("[]a]", "]"),
            ("[]a]", "a"),
            ("[x-]", "-"),
            ("[-x]", "-"),
            ("[a", "[a"),
            ("[", "["),
            ("[!]", "[!]"),
            ("[]", "[]"),
            ("\\*", "\\anything"),
            ("[\\]", "\\"),
            ("[!]]", "a"),
            ("[a-c-e]", "-"),
            ("[a-c-e]", "e"),
            ("[--0]", "."),
            ("[!z-a]", "q"),
            ("[[:alpha:]]", "a]"),
            ("[b-a!x]", "!"),
            ("[b-a!-x]", "b"),
            ("[b-a!]", "b"),
            ("[b-a!!]", "b"),
            ("[a-a]", "a"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("[b-a!x]", "x"),
            ("[b-a!-x]", "-"),
            ("[b-a!-x]", "x"),
            ("[b-a!!]", "!"),
            ("[!b-a!x]", "!"),
            ("[!a]", "a"),
            ("[z-a]", "z"),
            ("[z-a]", "m"),
            ("[!]]", "]"),
            ("[a-c-e]", "d"),
            ("[!a]", ""),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        let name = "a".repeat(2000);
        assert!(!matches(&format!("{}b", "*a".repeat(500)), &name));
    }

    #[test]
    fn patterns_are_equal_by_their_text_and_written_as_it() {
        assert_eq!(Pattern::new("a*"), Pattern::new("a*"));
        assert_ne!(Pattern::new("a*"), Pattern::new("a**"));
        assert_eq!(Pattern::new("a*[b]").to_string(), "a*[b]");
    }
}
