//! Go's pflag, as far as in-toto-golang shows it: options between other words, switches run together,
//! `--option=value`, `-ovalue`, options that are repeated for several values.

use std::collections::BTreeMap;

/// An option.
#[derive(Debug)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    pub(super) takes: Takes,
    pub(super) help: &'static str,
}

/// The values of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// A switch: no value, or `=true` and `=false`.
    Nothing,
    /// The last one counts.
    One,
    /// Each one counts.
    Each,
    /// Each one counts, and commas part several.
    Commas,
}

impl Flag {
    pub(super) const fn new(
        name: &'static str,
        short: Option<char>,
        takes: Takes,
        help: &'static str,
    ) -> Self {
        Self { name, short, takes, help }
    }
}

/// Arguments that were understood.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    options: BTreeMap<&'static str, Vec<String>>,
    pub(super) words: Vec<String>,
}

impl Parsed {
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }

    /// Tells whether a switch is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.one(name).is_some_and(|value| truth(value) == Some(true))
    }

    /// Returns the value of an option, where one was given that is not empty.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.many(name).last().map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the values of an option; none where it was not given.
    pub(super) fn many(&self, name: &str) -> &[String] {
        self.options.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Checks that options were given, as cobra does.
    pub(super) fn require(&self, names: &[&str]) -> Result<(), String> {
        let absent = names.iter().filter(|name| !self.has(name)).map(|name| format!("{name:?}"));
        let absent: Vec<String> = absent.collect();
        if absent.is_empty() {
            return Ok(());
        }
        Err(format!("required flag(s) {} not set", absent.join(", ")))
    }
}

/// Why parsing ended early.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Help,
    Error(String),
}

/// Reads the truths that Go's strconv knows.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Parses the arguments of a command.
pub(super) fn parse(flags: &[&'static [Flag]], arguments: &[String]) -> Result<Parsed, Stop> {
    let mut parser = Parser { flags, parsed: Parsed::default() };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            parser.parsed.words.extend(rest.by_ref().cloned());
        } else if let Some(long) = argument.strip_prefix("--") {
            parser.long(argument, long, &mut rest)?;
        } else if let Some(short) = argument.strip_prefix('-').filter(|short| !short.is_empty()) {
            parser.short(short, &mut rest)?;
        } else {
            parser.parsed.words.push(argument.clone());
        }
    }
    Ok(parser.parsed)
}

struct Parser<'a> {
    flags: &'a [&'static [Flag]],
    parsed: Parsed,
}

impl Parser<'_> {
    fn find(&self, fits: impl Fn(&Flag) -> bool) -> Option<&'static Flag> {
        self.flags.iter().flat_map(|flags| flags.iter()).find(|flag| fits(flag))
    }

    fn long<'s>(
        &mut self,
        argument: &str,
        long: &str,
        rest: &mut impl Iterator<Item = &'s String>,
    ) -> Result<(), Stop> {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        if name.is_empty() || name.starts_with('-') {
            return Err(Stop::Error(format!("bad flag syntax: {argument}")));
        }
        let Some(flag) = self.find(|flag| flag.name == name) else {
            let message = || Stop::Error(format!("unknown flag: --{name}"));
            return Err(if name == "help" { Stop::Help } else { message() });
        };
        let next = || format!("flag needs an argument: --{name}");
        self.set(flag, value, rest, next)
    }

    /// Reads switches that are run together, up to the first that takes a value.
    fn short<'s>(
        &mut self,
        cluster: &str,
        rest: &mut impl Iterator<Item = &'s String>,
    ) -> Result<(), Stop> {
        let mut left = cluster;
        while let Some(letter) = left.chars().next() {
            let after = left.get(letter.len_utf8()..).unwrap_or_default();
            let Some(flag) = self.find(|flag| flag.short == Some(letter)) else {
                let message = format!("unknown shorthand flag: '{letter}' in -{left}");
                return Err(if letter == 'h' { Stop::Help } else { Stop::Error(message) });
            };
            let value = match after.strip_prefix('=') {
                Some(value) if !value.is_empty() => Some(value),
                _ if flag.takes == Takes::Nothing || after.is_empty() => None,
                _ => Some(after),
            };
            let next = || format!("flag needs an argument: '{letter}' in -{left}");
            self.set(flag, value, rest, next)?;
            left = if value.is_none() { after } else { "" };
        }
        Ok(())
    }

    fn set<'s>(
        &mut self,
        flag: &'static Flag,
        value: Option<&str>,
        rest: &mut impl Iterator<Item = &'s String>,
        needs: impl Fn() -> String,
    ) -> Result<(), Stop> {
        let value = match (value, flag.takes) {
            (Some(value), _) => value,
            (None, Takes::Nothing) => "true",
            (None, _) => rest.next().ok_or_else(|| Stop::Error(needs()))?,
        };
        let values = self.parsed.options.entry(flag.name).or_default();
        match flag.takes {
            Takes::Nothing if truth(value).is_none() => {
                let shown = match flag.short {
                    Some(short) => format!("-{short}, --{}", flag.name),
                    None => format!("--{}", flag.name),
                };
                return Err(Stop::Error(format!(
                    "invalid argument {value:?} for {shown:?} flag: strconv.ParseBool: parsing {value:?}: invalid syntax"
                )));
            }
            Takes::Nothing | Takes::One => *values = vec![value.to_owned()],
            Takes::Each => values.push(value.to_owned()),
            Takes::Commas => values.extend(value.split(',').map(str::to_owned)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        Flag::new("name", Some('n'), Takes::One, ""),
        Flag::new("path", Some('p'), Takes::Each, ""),
        Flag::new("keys", Some('k'), Takes::Commas, ""),
        Flag::new("none", Some('x'), Takes::Nothing, ""),
        Flag::new("long", None, Takes::Nothing, ""),
    ];

    fn parsed(line: &str) -> Result<Parsed, Stop> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&[FLAGS], &arguments)
    }

    #[test]
    fn values_stand_in_every_place() {
        for line in
            ["-n a", "-na", "-n=a", "--name a", "--name=a", "-xn a", "-xna", "-n b --name a"]
        {
            assert_eq!(parsed(line).unwrap().one("name"), Some("a"), "{line}");
        }
        let all = parsed("one -p a -p=b --path c two -k d,e -k f --long=false -x -- -n g").unwrap();
        assert_eq!(all.many("path"), ["a", "b", "c"]);
        assert_eq!(all.many("keys"), ["d", "e", "f"]);
        assert_eq!(all.words, ["one", "two", "-n", "g"]);
        assert!(all.is_on("none") && !all.is_on("long") && all.one("name").is_none());
        assert_eq!(
            parsed("-n -x").unwrap().one("name"),
            Some("-x"),
            "a value may look like an option"
        );
    }

    #[test]
    fn what_is_wrong_is_told_as_by_pflag() {
        for (line, message) in [
            ("--zz", "unknown flag: --zz"),
            ("-xz", "unknown shorthand flag: 'z' in -z"),
            ("-n", "flag needs an argument: 'n' in -n"),
            ("--name", "flag needs an argument: --name"),
            ("--=a", "bad flag syntax: --=a"),
        ] {
            assert_eq!(parsed(line).unwrap_err(), Stop::Error(message.to_owned()));
        }
        assert_eq!(parsed("-xh").unwrap_err(), Stop::Help);
        assert!(matches!(parsed("--long=maybe").unwrap_err(), Stop::Error(_)));
    }
}
