//! Tells options from words.

use super::{Flag, Stop, Syntax};

/// An argument, by its place in the language.
#[derive(Clone, Debug)]
pub(super) enum Token<'a> {
    Word(&'a str),
    /// The first `--`; behind it are words alone.
    Separator,
    Flag {
        flag: &'static Flag,
        name: &'static str,
        value: Option<String>,
    },
    Unknown(&'a str),
}

/// Tells what each argument is.
pub(super) fn tokens<'a>(syntax: &Syntax, arguments: &'a [String]) -> Result<Vec<Token<'a>>, Stop> {
    let mut behind = false;
    arguments
        .iter()
        .map(|argument| {
            if behind {
                return Ok(Token::Word(argument));
            }
            behind = argument == "--";
            if behind { Ok(Token::Separator) } else { token(syntax, argument) }
        })
        .collect()
}

fn token<'a>(syntax: &Syntax, argument: &'a str) -> Result<Token<'a>, Stop> {
    if !argument.starts_with('-') || argument == "-" {
        return Ok(Token::Word(argument));
    }
    let exact = |text: &str, value: Option<&str>| {
        let (flag, name) = names(syntax).find(|(_, name)| *name == text)?;
        Some(Token::Flag { flag, name, value: value.map(str::to_owned) })
    };
    let (text, value) = match argument.split_once('=') {
        Some((text, value)) => (text, Some(value)),
        None => (argument, None),
    };
    if let Some(token) = exact(argument, None).or_else(|| exact(text, value)) {
        return Ok(token);
    }
    if argument.starts_with("--") {
        if let Some((flag, name)) = by_prefix(syntax, text, argument)? {
            return Ok(Token::Flag { flag, name, value: value.map(str::to_owned) });
        }
    } else if let Some((end, _)) = argument.char_indices().nth(2) {
        let (short, rest) = argument.split_at_checked(end).unwrap_or_default();
        if let Some(token) = exact(short, Some(rest)) {
            return Ok(token);
        }
    }
    // Negative numbers, and what holds a blank, are words.
    let number = argument.parse::<f64>().is_ok();
    Ok(if number || argument.contains(' ') {
        Token::Word(argument)
    } else {
        Token::Unknown(argument)
    })
}

fn names(syntax: &Syntax) -> impl Iterator<Item = (&'static Flag, &'static str)> {
    syntax.all().flat_map(|flag| flag.names.iter().map(move |name| (flag, *name)))
}

/// Finds the option that a prefix means: one of the newest generation, else one of the others.
fn by_prefix(
    syntax: &Syntax,
    prefix: &str,
    argument: &str,
) -> Result<Option<(&'static Flag, &'static str)>, Stop> {
    for other in [false, true] {
        let meant: Vec<_> = names(syntax)
            .filter(|(flag, name)| flag.other == other && name.starts_with(prefix))
            .collect();
        match meant.as_slice() {
            [] => {}
            [one] => return Ok(Some(*one)),
            several => {
                let several: Vec<&str> = several.iter().map(|(_, name)| *name).collect();
                let several = several.join(", ");
                let message = format!("ambiguous option: {argument} could match {several}");
                return Err(Stop::Error(message));
            }
        }
    }
    Ok(None)
}
