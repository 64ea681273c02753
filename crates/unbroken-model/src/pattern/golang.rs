//! Patterns as in-toto-golang reads them: a `path.Match` of Go in which `*` and `?` match `/` too,
//! `\` escapes, `[!a-z]` is what `[a-z]` is not, and a bracket that is not closed is an error.
//!
//! It goes by bytes where Go does: after a `*`, a match may begin in the middle of a character, and
//! `?` then takes one byte of it. `*??` so matches the one character `☺`, there as here.

use super::PatternFault;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    segments: Box<[Segment]>,
}

/// What stands between two `*`.
#[derive(Clone, Debug)]
struct Segment {
    after_star: bool,
    tokens: Box<[Token]>,
}

#[derive(Clone, Debug)]
enum Token {
    One,
    Literal(char),
    Set { negated: bool, ranges: Box<[(char, char)]> },
}

impl Matcher {
    /// Compiles a pattern, after the cleaning that golang's rules do, as far as it is harmless.
    pub(super) fn new(text: &str) -> Result<Self, PatternFault> {
        let clean = clean(text)?;
        let mut segments = Vec::new();
        let mut rest = clean.as_str();
        while !rest.is_empty() {
            let chunk = rest.trim_start_matches('*');
            let after_star = chunk.len() < rest.len();
            let (chunk, after) = chunk.split_at_checked(end_of_chunk(chunk)).unwrap_or((chunk, ""));
            segments.push(Segment { after_star, tokens: compile(chunk)?.into() });
            rest = after;
        }
        Ok(Self { segments: segments.into() })
    }

    /// Tells whether the whole of `name` matches.
    ///
    /// Needs at most `len(pattern) * len(name)` steps: a segment that matched is not moved again, as
    /// in golang.
    pub(super) fn matches(&self, name: &str) -> bool {
        let mut at = 0;
        let last = self.segments.len().saturating_sub(1);
        for (index, segment) in self.segments.iter().enumerate() {
            if segment.after_star && segment.tokens.is_empty() {
                return true;
            }
            let farthest = if segment.after_star { name.len() } else { at };
            let fits = |start| {
                let end = segment.end(name, start)?;
                (index < last || end == name.len()).then_some(end)
            };
            match (at..=farthest).find_map(fits) {
                Some(end) => at = end,
                None => return false,
            }
        }
        at == name.len()
    }
}

impl Segment {
    /// Returns where a match of the segment ends that begins at `start`.
    fn end(&self, name: &str, start: usize) -> Option<usize> {
        let mut at = start;
        for token in &self.tokens {
            if let Token::Literal(literal) = token {
                let mut bytes = [0; 4];
                let literal = literal.encode_utf8(&mut bytes).as_bytes();
                name.as_bytes().get(at..)?.strip_prefix(literal)?;
                at += literal.len();
                continue;
            }
            let (character, width) = rune(name, at)?;
            if let Token::Set { negated, ranges } = token
                && *negated == ranges.iter().any(|(low, high)| (*low..=*high).contains(&character))
            {
                return None;
            }
            at += width;
        }
        Some(at)
    }
}

/// Reads what Go decodes there, `at` the end of the name at most: in the middle of a character, the
/// replacement of one byte.
fn rune(name: &str, at: usize) -> Option<(char, usize)> {
    match name.get(at..) {
        Some(rest) => rest.chars().next().map(|first| (first, first.len_utf8())),
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}

/// Finds the next `*` that is neither escaped nor within brackets.
fn end_of_chunk(text: &str) -> usize {
    let mut in_set = false;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '[' => in_set = true,
            ']' => in_set = false,
            '*' if !in_set => return at,
            _ => {}
        }
    }
    text.len()
}

fn compile(chunk: &str) -> Result<Vec<Token>, PatternFault> {
    let mut tokens = Vec::new();
    let mut rest = chunk.chars();
    while let Some(first) = rest.next() {
        tokens.push(match first {
            '?' => Token::One,
            '\\' => Token::Literal(rest.next().ok_or(PatternFault::Malformed)?),
            '[' => {
                let (set, after) = compile_set(rest.as_str())?;
                rest = after.chars();
                set
            }
            plain => Token::Literal(plain),
        });
    }
    Ok(tokens)
}

/// Compiles what follows a `[`.
fn compile_set(text: &str) -> Result<(Token, &str), PatternFault> {
    let negated = text.starts_with('!');
    let mut rest = text.strip_prefix('!').unwrap_or(text);
    let mut ranges = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !ranges.is_empty()) {
            return Ok((Token::Set { negated, ranges: ranges.into() }, after));
        }
        let (low, after) = member(rest)?;
        let (high, after) = match after.strip_prefix('-') {
            Some(after) => member(after)?,
            None => (low, after),
        };
        ranges.push((low, high));
        rest = after;
    }
}

/// Reads one end of a range.
fn member(text: &str) -> Result<(char, &str), PatternFault> {
    let mut rest = text.chars();
    let member = match rest.next() {
        None | Some('-' | ']') => None,
        Some('\\') => rest.next(),
        plain => plain,
    };
    member.map(|member| (member, rest.as_str())).ok_or(PatternFault::Malformed)
}

/// Cleans a pattern as golang does with `path.Clean`: no `.`, no empty segment. A `..` that would take
/// away what stands before it is refused, and names of artifacts are never cleaned: `dir/../foo`
/// would be judged by rules for `foo`.
fn clean(text: &str) -> Result<String, PatternFault> {
    let rooted = text.starts_with('/');
    let mut kept = Vec::new();
    for segment in text.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        if segment == ".." && (rooted || kept.last().is_some_and(|last| *last != "..")) {
            return Err(PatternFault::Parent);
        }
        kept.push(segment);
    }
    let kept = kept.join("/");
    Ok(match (rooted, kept.is_empty()) {
        (true, _) => format!("/{kept}"),
        (false, true) => ".".to_owned(),
        (false, false) => kept,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> Option<bool> {
        Matcher::new(pattern).ok().map(|matcher| matcher.matches(name))
    }

    #[test]
    fn escapes_sets_and_slashes_are_golangs() {
        for (pattern, name) in [
            ("*", "a/b/.c"),
            ("a?c", "a/c"),
            ("a\\*b", "a*b"),
            ("[!a]", "b"),
            ("[^a]", "^"),
            ("[\\]a]", "]"),
            ("[x\\-]", "-"),
            ("*a*b", "xaybzb"),
            ("[*]", "*"),
            ("[*]x*", "*xyz"),
            ("[a]*b", "axxb"),
            ("a[b]*[c]*", "abxcx"),
            ("./src//*", "src/x"),
            ("src/", "src"),
            ("a\u{e9}[\u{e8}-\u{ea}]", "a\u{e9}\u{e9}"),
            // By bytes, as in golang.
            ("*??", "\u{263a}"),
        ] {
            assert_eq!(matches(pattern, name), Some(true), "{pattern} {name}");
        }
        for (pattern, name) in
            [("a\\*b", "acb"), ("[!a]", "a"), ("[z-a]", "m"), ("a*b", "abc"), ("???", "\u{263a}")]
        {
            assert_eq!(matches(pattern, name), Some(false), "{pattern} {name}");
        }
    }

    #[test]
    fn what_golang_calls_malformed_is_none() {
        for pattern in ["[", "[]a]", "[-]", "[x-]", "[-x]", "[a", "[!", "[a-", "\\", "a*[", "[a-]"]
        {
            assert_eq!(matches(pattern, "a"), None, "{pattern}");
        }
        for pattern in ["dir/../foo", "*/..", "/.."] {
            assert_eq!(Matcher::new(pattern).unwrap_err(), PatternFault::Parent, "{pattern}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        assert_eq!(matches(&format!("{}b", "*a".repeat(500)), &"a".repeat(2000)), Some(false));
    }
}
