//! Python's `fnmatch.fnmatchcase`, transcribed step by step and without speed.
//!
//! It follows the interpreter's `fnmatch.translate`, which turns a pattern into a regular
//! expression, and then tries every way in which that expression could match.
#![expect(clippy::indexing_slicing, reason = "a transcription indexes as its model does")]

/// What one part of a pattern stands for.
enum Part {
    /// `.*`
    Star,
    /// `.`
    Dot,
    /// A character.
    Character(char),
    /// `(?!)`: nothing.
    Never,
    /// `[...]` or `[^...]`.
    Set { negated: bool, ranges: Vec<(char, char)> },
}

/// Tells whether the whole of `name` matches `pattern`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    try_parts(&translate(&pattern), &name)
}

/// Returns the names that match, as `fnmatch.filter` does.
pub fn filter<'n>(names: impl IntoIterator<Item = &'n String>, pattern: &str) -> Vec<&'n String> {
    names.into_iter().filter(|name| matches(pattern, name)).collect()
}

fn try_parts(parts: &[Part], name: &[char]) -> bool {
    let Some((part, parts)) = parts.split_first() else { return name.is_empty() };
    if matches!(part, Part::Star) {
        return (0..=name.len()).any(|skipped| try_parts(parts, &name[skipped..]));
    }
    let Some((first, name)) = name.split_first() else { return false };
    let fits = match part {
        Part::Star | Part::Dot => true,
        Part::Character(character) => character == first,
        Part::Never => false,
        Part::Set { negated, ranges } => {
            ranges.iter().any(|(low, high)| low <= first && first <= high) != *negated
        }
    };
    fits && try_parts(parts, name)
}

fn translate(pattern: &[char]) -> Vec<Part> {
    let n = pattern.len();
    let mut parts = Vec::new();
    let mut i = 0;
    while i < n {
        let c = pattern[i];
        i += 1;
        match c {
            '*' => {
                // Compress consecutive `*` into one.
                if !matches!(parts.last(), Some(Part::Star)) {
                    parts.push(Part::Star);
                }
            }
            '?' => parts.push(Part::Dot),
            '[' => {
                let mut j = i;
                if j < n && pattern[j] == '!' {
                    j += 1;
                }
                if j < n && pattern[j] == ']' {
                    j += 1;
                }
                while j < n && pattern[j] != ']' {
                    j += 1;
                }
                if j >= n {
                    parts.push(Part::Character('['));
                } else {
                    parts.push(translate_set(&pattern[i..j]));
                    i = j + 1;
                }
            }
            c => parts.push(Part::Character(c)),
        }
    }
    parts
}

/// Translates what stands between the brackets.
fn translate_set(stuff: &[char]) -> Part {
    let chunks = chunks(stuff);
    let empty = chunks.len() == 1 && chunks[0].is_empty();
    if empty {
        return Part::Never;
    }
    let mut chunks = chunks;
    let negated = chunks[0].first() == Some(&'!');
    if negated {
        chunks[0].remove(0);
        if chunks.len() == 1 && chunks[0].is_empty() {
            return Part::Dot;
        }
        if chunks[0].is_empty() {
            // The hyphen behind the `!` comes to stand first, where it makes no range.
            chunks.remove(0);
            chunks[0].insert(0, '-');
        }
    }
    // The chunks are joined by the `-` that make ranges; a `-` inside of a chunk is itself.
    let mut ranges = Vec::new();
    let mut low_end: Option<char> = None;
    for (index, chunk) in chunks.iter().enumerate() {
        let mut members = chunk.clone();
        if let Some(low) = low_end.take() {
            ranges.push((low, members.remove(0)));
        }
        if index + 1 < chunks.len() {
            low_end = members.pop();
        }
        ranges.extend(members.iter().map(|member| (*member, *member)));
    }
    Part::Set { negated, ranges }
}

/// Splits at the hyphens that make ranges, and takes away the ranges that run backwards.
fn chunks(stuff: &[char]) -> Vec<Vec<char>> {
    if !stuff.contains(&'-') {
        return vec![stuff.to_vec()];
    }
    let find = |from: usize| (from..stuff.len()).find(|at| stuff[*at] == '-');
    let mut chunks: Vec<Vec<char>> = Vec::new();
    let mut i = 0;
    let mut k = if stuff[0] == '!' { 2 } else { 1 };
    while let Some(found) = find(k) {
        chunks.push(stuff[i..found].to_vec());
        i = found + 1;
        k = found + 3;
    }
    let chunk = &stuff[i..];
    if chunk.is_empty() {
        if let Some(last) = chunks.last_mut() {
            last.push('-');
        }
    } else {
        chunks.push(chunk.to_vec());
    }
    // Remove empty ranges -- invalid in regular expressions.
    for k in (1..chunks.len()).rev() {
        let (low, high) = (chunks[k - 1][chunks[k - 1].len() - 1], chunks[k][0]);
        if low > high {
            let rest = chunks.remove(k);
            chunks[k - 1].pop();
            chunks[k - 1].extend(&rest[1..]);
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cases_that_people_get_wrong() {
        for (pattern, name, due) in [
            ("*", "a/b", true),
            ("*.c", ".c", true),
            ("?", "/", true),
            ("?", "é", true),
            ("[!a]", "b", true),
            ("[^a]", "^", true),
            ("[^a]", "b", false),
            ("[]a]", "]", true),
            ("[a", "[a", true),
            ("[z-a]", "b", false),
            ("[!z-a]", "b", true),
            ("[a-]", "-", true),
            ("[-a]", "-", true),
            ("[--0]", ".", true),
            ("\\*", "\\x", true),
            ("", "", true),
            ("", "a", false),
            ("[!]", "[!]", true),
            ("[b-a!x]", "x", false),
            ("[b-a!x]", "!", true),
            ("[b-a!-x]", "-", false),
            ("[b-a!-x]", "x", false),
            ("[b-a!-x]", "b", true),
            ("[b-a!]", "b", true),
        ] {
            assert_eq!(matches(pattern, name), due, "{pattern} {name}");
        }
    }
}
