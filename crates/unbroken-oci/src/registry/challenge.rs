//! `WWW-Authenticate`: how a registry asks for credentials.

/// The longest header that is read.
const LONGEST: usize = 8 << 10;
/// The most parameters that are read.
const MOST_PARAMETERS: usize = 32;

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A user and a password with each request.
    Basic,
    /// A token of the service at `realm`.
    Bearer { realm: String, service: Option<String> },
}

/// Reads the challenges of an answer; a token is preferred, as it does not show the password.
pub(crate) fn parse<'h>(
    headers: impl Iterator<Item = &'h [u8]>,
) -> Result<Challenge, &'static str> {
    let mut basic = None;
    for header in headers.take(MOST_PARAMETERS) {
        if header.len() > LONGEST {
            return Err("its challenge is larger than 8 KiB");
        }
        let text = std::str::from_utf8(header).map_err(|_| "its challenge is no text")?;
        let Some((scheme, rest)) = text.trim().split_once(' ').or(Some((text.trim(), ""))) else {
            continue;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            let parameters = parameters(rest)?;
            let get = |name: &str| {
                let mut found = parameters.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
                match (found.next(), found.next()) {
                    (found, None) => Ok(found.map(|(_, value)| value.clone())),
                    // One reader asks the first realm for a token, another the second.
                    (_, Some(_)) => Err("its challenge has a parameter twice"),
                }
            };
            let realm = get("realm")?.ok_or("its challenge names no realm")?;
            return Ok(Challenge::Bearer { realm, service: get("service")? });
        }
        if scheme.eq_ignore_ascii_case("basic") {
            basic = Some(Challenge::Basic);
        }
    }
    basic.ok_or("it asks for credentials in a way that this program does not know")
}

fn parameters(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut parameters = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        if parameters.len() >= MOST_PARAMETERS {
            return Err("its challenge has more than 32 parameters");
        }
        let (name, after) = rest.split_once('=').ok_or("its challenge is malformed")?;
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            quoted_string(quoted)?
        } else {
            let (value, after) = after.split_once(',').unwrap_or((after, ""));
            (value.trim().to_owned(), after)
        };
        parameters.push((name.trim().to_owned(), value));
        rest = after.trim_start_matches([' ', ',']);
    }
    Ok(parameters)
}

/// Reads to the closing quote; returns what follows it.
fn quoted_string(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Ok((value, text.get(index + 1..).unwrap_or_default())),
            '\\' => value.extend(characters.next().map(|(_, character)| character)),
            other => value.push(other),
        }
    }
    Err("its challenge is malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str]) -> Result<Challenge, &'static str> {
        parse(headers.iter().map(|header| header.as_bytes()))
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer = Challenge::Bearer {
            realm: "https://auth.example/token".to_owned(),
            service: Some("reg, \"example\"".to_owned()),
        };
        let text = r#"Bearer realm="https://auth.example/token",service="reg, \"example\"",scope="repository:a:pull""#;
        assert_eq!(of(&[text]), Ok(bearer.clone()));
        assert_eq!(of(&["Basic realm=\"x\"", text]), Ok(bearer));
        assert_eq!(of(&["basic realm=x"]), Ok(Challenge::Basic));
    }

    #[test]
    fn o15_challenges_that_are_made_to_cost_or_confuse_are_refused() {
        let long = format!("Bearer realm=\"{}\"", "a".repeat(1 << 20));
        let many = format!("Bearer realm=\"a\",{}", "x=\"1\",".repeat(1000));
        for text in [
            &long,
            &many,
            "Bearer",
            "Bearer realm=\"a",
            "Bearer realm=\"a\",realm=\"b\"",
            "Negotiate",
            "",
        ] {
            assert!(of(&[text]).is_err());
        }
        assert!(of(&[]).is_err());
    }
}
