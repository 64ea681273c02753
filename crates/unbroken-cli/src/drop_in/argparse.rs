//! Python's argparse, as far as the reference's tools show it: unique prefixes of long options,
//! `--option=value`, `-xvalue`, switches run together, options with many values or perhaps one.

mod tokens;

use std::collections::BTreeMap;
use std::fmt::Write;

use self::tokens::{Token, tokens};
use super::python;

/// What a tool takes.
#[derive(Debug)]
pub(super) struct Syntax {
    /// The name that messages begin with.
    pub(super) program: &'static str,
    /// The usage, as the reference prints it.
    pub(super) usage: &'static str,
    /// What the tool does.
    pub(super) about: &'static str,
    pub(super) flags: &'static [&'static [Flag]],
    pub(super) words: Words,
}

/// Which arguments a tool takes that are no options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    None,
    Any,
    /// Just one, called like this.
    One(&'static str),
    /// At least one, called like this.
    Some(&'static str),
}

/// An option.
#[derive(Debug)]
pub(super) struct Flag {
    names: &'static [&'static str],
    key: &'static str,
    takes: Takes,
    help: &'static str,
    required: bool,
    /// The key of the option that this one excludes.
    against: Option<&'static str>,
    /// Of an earlier generation, or our own: its prefixes count only where the newest has none.
    other: bool,
}

/// The values of an option, by what help calls them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Takes {
    Nothing,
    Help,
    Version,
    One(&'static str),
    /// One or none.
    Perhaps(&'static str),
    /// One or more.
    Some(&'static str),
    /// Any number.
    Any(&'static str),
}

impl Flag {
    pub(super) const fn new(
        names: &'static [&'static str],
        key: &'static str,
        takes: Takes,
        help: &'static str,
    ) -> Self {
        Self { names, key, takes, help, required: false, against: None, other: false }
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn against(mut self, key: &'static str) -> Self {
        self.against = Some(key);
        self
    }

    pub(super) const fn other(mut self) -> Self {
        self.other = true;
        self
    }

    fn display(&self) -> String {
        self.names.join("/")
    }
}

pub(super) const HELP: Flag =
    Flag::new(&["-h", "--help"], "help", Takes::Help, "show this help message and exit");
pub(super) const VERSION: Flag =
    Flag::new(&["--version"], "version", Takes::Version, "show the program's version and exit");
pub(super) const VERBOSE: Flag =
    Flag::new(&["-v", "--verbose"], "verbose", Takes::Nothing, "show more output");
pub(super) const QUIET: Flag =
    Flag::new(&["-q", "--quiet"], "quiet", Takes::Nothing, "suppress all output");
/// The two that exclude each other.
pub(super) const VERBOSITY: &[Flag] = &[VERBOSE.against("quiet"), QUIET.against("verbose")];

/// Arguments that were understood.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    options: BTreeMap<&'static str, Vec<String>>,
    pub(super) words: Vec<String>,
}

impl Parsed {
    pub(super) fn has(&self, key: &str) -> bool {
        self.options.contains_key(key)
    }

    pub(super) fn one(&self, key: &str) -> Option<&str> {
        self.options.get(key)?.first().map(String::as_str)
    }

    /// Returns the values of an option; none where it was not given.
    pub(super) fn many(&self, key: &str) -> &[String] {
        self.options.get(key).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Why parsing ended early.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Help,
    Version,
    Error(String),
    /// As an error; argparse tells it under the name of the whole tool.
    Unrecognized(String),
}

impl Syntax {
    fn all(&self) -> impl Iterator<Item = &'static Flag> + use<> {
        self.flags.iter().flat_map(|flags| flags.iter())
    }

    /// Writes the help page.
    pub(super) fn help(&self) -> String {
        let mut out = format!("usage: {}\n\n{}\n\nOptions:\n", self.usage, self.about);
        for flag in self.all() {
            let value = match flag.takes {
                Takes::Nothing | Takes::Help | Takes::Version => String::new(),
                Takes::One(name) => format!(" {name}"),
                Takes::Perhaps(name) => format!(" [{name}]"),
                Takes::Some(name) => format!(" {name} [{name} ...]"),
                Takes::Any(name) => format!(" [{name} ...]"),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  {}{value}\n      {}", flag.names.join(", "), flag.help);
        }
        out
    }
}

/// Understands arguments.
pub(super) fn parse(syntax: &Syntax, arguments: &[String]) -> Result<Parsed, Stop> {
    let tokens = tokens(syntax, arguments)?;
    let mut parser = Parser { syntax, parsed: Parsed::default(), had_words: false, extra: vec![] };
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        rest = match token {
            Token::Flag { flag, name, value } => {
                parser.flag(flag, name, value.as_deref(), after)?
            }
            Token::Unknown(text) => {
                parser.extra.push((*text).to_owned());
                after
            }
            Token::Word(_) | Token::Separator => parser.words(rest),
        };
    }
    parser.finish()
}

struct Parser<'a> {
    syntax: &'a Syntax,
    parsed: Parsed,
    had_words: bool,
    extra: Vec<String>,
}

/// Splits the words off the front.
fn take_words<'a, 'b>(tokens: &'b [Token<'a>]) -> (Vec<String>, &'b [Token<'a>]) {
    let count = tokens.iter().take_while(|token| matches!(token, Token::Word(_))).count();
    let (words, rest) = tokens.split_at_checked(count).unwrap_or_default();
    let text = words.iter().filter_map(|token| match token {
        Token::Word(word) => Some((*word).to_owned()),
        _ => None,
    });
    (text.collect(), rest)
}

impl Parser<'_> {
    /// Takes an option and its values; returns what follows.
    fn flag<'a, 'b>(
        &mut self,
        flag: &'static Flag,
        name: &str,
        value: Option<&str>,
        after: &'b [Token<'a>],
    ) -> Result<&'b [Token<'a>], Stop> {
        let fault = |what: &str| Stop::Error(format!("argument {}: {what}", flag.display()));
        if let Some(other) = flag.against.filter(|other| self.parsed.has(other)) {
            let other = self.syntax.all().find(|flag| flag.key == other);
            let other = other.map(Flag::display).unwrap_or_default();
            return Err(fault(&format!("not allowed with argument {other}")));
        }
        let given = value.map(|value| vec![value.to_owned()]);
        let (words, rest) = take_words(after);
        let (values, rest) = match (flag.takes, given) {
            (Takes::Nothing | Takes::Help | Takes::Version, value) => {
                return self.switch(flag, name, value.and_then(|mut value| value.pop()), after);
            }
            (_, Some(given)) => (given, after),
            (Takes::One(_), None) => {
                let (first, rest) = one_word(words, after);
                (vec![first.ok_or_else(|| fault("expected one argument"))?], rest)
            }
            (Takes::Perhaps(_), None) => {
                let (first, rest) = one_word(words, after);
                (first.into_iter().collect(), rest)
            }
            (Takes::Some(_), None) if words.is_empty() => {
                return Err(fault("expected at least one argument"));
            }
            (Takes::Some(_) | Takes::Any(_), None) => (words, rest),
        };
        self.parsed.options.insert(flag.key, values);
        Ok(rest)
    }

    /// Takes a switch, and those that are run together with it: `-sv`.
    fn switch<'a, 'b>(
        &mut self,
        flag: &'static Flag,
        name: &str,
        rest: Option<String>,
        after: &'b [Token<'a>],
    ) -> Result<&'b [Token<'a>], Stop> {
        let Some(rest) = rest else {
            return match flag.takes {
                Takes::Help => Err(Stop::Help),
                Takes::Version => Err(Stop::Version),
                _ => {
                    self.parsed.options.insert(flag.key, Vec::new());
                    Ok(after)
                }
            };
        };
        let ignored = || {
            let shown = python::text(&rest);
            Stop::Error(format!("argument {}: ignored explicit argument {shown}", flag.display()))
        };
        let mut characters = rest.chars();
        let next = characters.next().filter(|_| !name.starts_with("--")).ok_or_else(ignored)?;
        let next = format!("-{next}");
        let found = self.syntax.all().find(|flag| flag.names.contains(&next.as_str()));
        let found = found.ok_or_else(ignored)?;
        self.switch(flag, name, None, after)?;
        let rest = characters.as_str();
        let rest = Some(rest).filter(|rest| !rest.is_empty());
        self.flag(found, &next, rest, after)
    }

    /// Takes the arguments that are no options, and the first `--` out of them.
    fn words<'a, 'b>(&mut self, tokens: &'b [Token<'a>]) -> &'b [Token<'a>] {
        let is_word = |token: &&Token<'_>| matches!(token, Token::Word(_) | Token::Separator);
        let count = tokens.iter().take_while(is_word).count();
        let (chunk, rest) = tokens.split_at_checked(count).unwrap_or_default();
        let words = chunk.iter().filter_map(|token| match token {
            Token::Word(word) => Some((*word).to_owned()),
            _ => None,
        });
        if self.syntax.words == Words::None || self.had_words {
            self.extra.extend(words);
        } else {
            self.had_words = true;
            let mut words = words;
            let most = if let Words::One(_) = self.syntax.words { 1 } else { usize::MAX };
            self.parsed.words.extend(words.by_ref().take(most));
            self.extra.extend(words);
        }
        rest
    }

    fn finish(self) -> Result<Parsed, Stop> {
        let missing = |flag: &&Flag| flag.required && !self.parsed.has(flag.key);
        let mut missing: Vec<String> =
            self.syntax.all().filter(missing).map(Flag::display).collect();
        if let (Words::Some(name) | Words::One(name), true) =
            (self.syntax.words, self.parsed.words.is_empty())
        {
            missing.push(name.to_owned());
        }
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Err(Stop::Error(format!("the following arguments are required: {missing}")));
        }
        if !self.extra.is_empty() {
            let extra = self.extra.join(" ");
            return Err(Stop::Unrecognized(format!("unrecognized arguments: {extra}")));
        }
        Ok(self.parsed)
    }
}

fn one_word<'a, 'b>(
    words: Vec<String>,
    after: &'b [Token<'a>],
) -> (Option<String>, &'b [Token<'a>]) {
    match words.into_iter().next() {
        Some(first) => (Some(first), after.get(1..).unwrap_or_default()),
        None => (None, after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        Flag::new(&["-n", "--step-name"], "name", Takes::One("<name>"), "").required(),
        Flag::new(&["-m", "--materials"], "materials", Takes::Some("<path>"), ""),
        Flag::new(&["-P", "--password"], "password", Takes::Perhaps("<password>"), ""),
        Flag::new(&["-s", "--record-streams"], "streams", Takes::Nothing, ""),
        Flag::new(&["--mode"], "mode", Takes::One("<mode>"), "").other(),
    ];
    const SYNTAX: Syntax = Syntax {
        program: "tool",
        usage: "tool",
        about: "",
        flags: &[FLAGS, VERBOSITY, &[HELP]],
        words: Words::Any,
    };

    fn parsed(line: &str) -> Parsed {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&SYNTAX, &words).unwrap()
    }

    fn refused(line: &str) -> String {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match parse(&SYNTAX, &words) {
            Err(Stop::Error(message) | Stop::Unrecognized(message)) => message,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn options_are_taken_in_all_their_spellings() {
        for line in [
            "-n a",
            "-na",
            "--step-name a",
            "--step-name=a",
            "--step a",
            "--st=a",
            "-svna",
            "-svn a",
        ] {
            assert_eq!(parsed(line).one("name"), Some("a"), "{line}");
        }
        let line = parsed("-m a b -n x -sv -- ls -- -l");
        assert_eq!(line.many("materials"), ["a", "b"]);
        assert!(line.has("streams") && line.has("verbose") && !line.has("quiet"));
        assert_eq!(line.words, ["ls", "--", "-l"]);
        assert_eq!(parsed("-n x -m a -m b").many("materials"), ["b"], "the last one counts");
    }

    #[test]
    fn a_value_may_be_left_out_where_it_may() {
        let line = parsed("-P -n x");
        assert!(line.has("password") && line.one("password").is_none());
        assert_eq!(parsed("-P secret -n x").one("password"), Some("secret"));
    }

    #[test]
    fn a_prefix_means_the_newest_generation_first() {
        assert_eq!(parsed("-n x --m a").many("materials"), ["a"]);
        assert_eq!(parsed("-n x --mo a").one("mode"), Some("a"));
    }

    #[test]
    fn what_argparse_refuses_is_refused_in_its_words() {
        let required = "the following arguments are required: -n/--step-name";
        let quiet = "argument -q/--quiet: not allowed with argument -v/--verbose";
        for (line, message) in [
            ("", required),
            ("-n", "argument -n/--step-name: expected one argument"),
            ("-n -- x", "argument -n/--step-name: expected one argument"),
            ("-n x -m", "argument -m/--materials: expected at least one argument"),
            ("-n x --bogus -Z", "unrecognized arguments: --bogus -Z"),
            ("-n x a -s b", "unrecognized arguments: b"),
            ("-n x -v -q", quiet),
            ("-n x --verbose=1", "argument -v/--verbose: ignored explicit argument '1'"),
        ] {
            assert_eq!(refused(line), message, "{line}");
        }
    }

    #[test]
    fn help_comes_before_what_is_missing() {
        assert_eq!(parse(&SYNTAX, &["-h".to_owned()]).unwrap_err(), Stop::Help);
    }
}
