//! Patterns of images and of namespaces. They are anchored, and host and path are matched apart.

use std::fmt;
use std::str::FromStr;

use unbroken_oci::reference::{Host, Repository};

/// A pattern of repositories: `registry.example/team/*`, `*.registry.example/**`, `**`.
///
/// `*` stands for one word of the path, or for some letters of one; `**` at the end for one word or
/// more. Of a host, `*.` at the beginning stands for one label or more. Neither reaches from the
/// host into the path: `registry.example**` would let `registry.example.evil/x` in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePattern {
    text: String,
    host: HostPattern,
    words: Vec<String>,
    /// Whether further words may follow.
    deep: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    Is(Host),
    /// Hosts below a domain, without a port.
    Below(String),
}

/// A pattern of names of namespaces: `prod`, `team-*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(String);

impl ImagePattern {
    /// Tells whether a repository, which is in its normal form, is meant.
    pub fn matches(&self, repository: &Repository) -> bool {
        let host = repository.registry();
        let of_host = match &self.host {
            HostPattern::Any => true,
            HostPattern::Is(due) => due == host,
            HostPattern::Below(domain) => {
                let above = host.name().strip_suffix(domain.as_str());
                host.port().is_none() && above.is_some_and(|above| above.ends_with('.'))
            }
        };
        let words: Vec<&str> = repository.path().split('/').collect();
        let enough = if self.deep {
            words.len() > self.words.len()
        } else {
            words.len() == self.words.len()
        };
        let all = || self.words.iter().zip(words).all(|(due, word)| is_like(due, word));
        of_host && enough && all()
    }
}

impl FromStr for ImagePattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "**" {
            let (host, words) = (HostPattern::Any, Vec::new());
            return Ok(Self { text: text.to_owned(), host, words, deep: true });
        }
        let (host, path) = text.split_once('/').ok_or(
            "a pattern has a registry and a path: docker.io/library/nginx, registry.example/**",
        )?;
        let host = match host.strip_prefix("*.") {
            Some(domain) => match domain.parse::<Host>()? {
                host if host.port().is_none() => HostPattern::Below(domain.to_owned()),
                _ => return Err("a pattern of hosts has no port"),
            },
            None if host == "*" => HostPattern::Any,
            None if host.contains(['.', ':']) || host == "localhost" => {
                HostPattern::Is(host.parse()?)
            }
            None => return Err("the first word is no registry: write docker.io/library/nginx"),
        };
        let (path, deep) = match path.strip_suffix("**") {
            None => (Some(path), false),
            Some("") => (None, true),
            Some(above) => (above.strip_suffix('/'), true),
        };
        let words = path.map_or_else(Vec::new, |path| path.split('/').map(str::to_owned).collect());
        let fits = |word: &String| {
            let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            !word.is_empty()
                && !word.contains("**")
                && word.bytes().all(|byte| letter(byte) || b"._-*".contains(&byte))
        };
        // `team**` would reach over words, and `[a-z]` or `.+` would mean less than it seems to.
        let whole = !deep || path.is_some() || text.ends_with("/**");
        if !whole || !words.iter().all(fits) {
            return Err("a path has lower-case words with *, and ** as its last word alone");
        }
        Ok(Self { text: text.to_owned(), host, words, deep })
    }
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl NamePattern {
    /// Tells whether a name is meant.
    pub fn matches(&self, name: &str) -> bool {
        is_like(&self.0, name)
    }
}

impl FromStr for NamePattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-*".contains(&byte);
        if text.is_empty() || text.len() > 63 || !text.bytes().all(fits) {
            return Err("a namespace has lower-case letters, digits and -, and * for some of them");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Tells whether a text is the name of a namespace.
pub fn is_namespace(text: &str) -> bool {
    text.parse::<NamePattern>().is_ok() && !text.contains('*')
}

/// Matches a whole word; `*` stands for any letters, also for none.
///
/// The text is gone through once for each `*`: nothing that somebody else chose makes it longer.
fn is_like(pattern: &str, word: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(rest) = word.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    let mut rest = rest;
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, image: &str) -> bool {
        let pattern: ImagePattern =
            pattern.parse().unwrap_or_else(|error| panic!("{pattern}: {error}"));
        pattern.matches(&image.parse().unwrap_or_else(|error| panic!("{image}: {error}")))
    }

    #[test]
    fn host_and_path_are_matched_apart_and_whole() {
        for (pattern, image) in [
            ("**", "nginx"),
            ("docker.io/library/nginx", "nginx"),
            ("docker.io/library/nginx", "index.docker.io/library/nginx"),
            ("registry.example/team/*", "registry.example/team/app"),
            ("registry.example/team/app-*", "registry.example/team/app-a"),
            ("registry.example/*/app", "registry.example/team/app"),
            ("registry.example/**", "registry.example/team/deep/app"),
            ("registry.example/team/**", "registry.example/team/deep/app"),
            ("*.registry.example/app", "eu.registry.example/app"),
            ("*/app", "registry.example/app"),
            ("localhost:5000/app", "localhost:5000/app"),
        ] {
            assert!(matches(pattern, image), "{pattern} {image}");
        }
        for (pattern, image) in [
            ("registry.example/team/*", "registry.example/team/deep/app"),
            ("registry.example/team/*", "registry.example/teams/app"),
            ("registry.example/team/**", "registry.example/team-evil/app"),
            ("registry.example/**", "registry.example.evil.com/app"),
            ("registry.example/**", "evil.com/registry.example/app"),
            ("registry.example/**", "registry.example:5000/app"),
            ("registry.example/app", "registry.example/apps"),
            ("registry.example/app", "xregistry.example/app"),
            ("registry.example/app", "registry-example.com/app"),
            ("*.registry.example/**", "registry.example/app"),
            ("*.registry.example/**", "evilregistry.example/app"),
            ("*.registry.example/**", "evil.com/eu.registry.example/app"),
            ("*.registry.example/**", "eu.registry.example:5000/app"),
            ("docker.io/library/nginx", "docker.io/nginxinc/nginx"),
            ("*/app", "registry.example/team/app"),
        ] {
            assert!(!matches(pattern, image), "{pattern} {image}");
        }
    }

    #[test]
    fn patterns_that_would_mean_something_else_are_refused() {
        for pattern in [
            "",
            "*",
            "nginx",
            "team/app",
            "registry.example",
            "registry.example/",
            "registry.example/team**",
            "registry.example**",
            "registry.example/**/app",
            "registry.example/[a-z]*",
            "registry.example/.+",
            "registry.example/App",
            "registry.*/app",
            "*.registry.example:5000/app",
            "registry.example/team//app",
            "registry.example/app:1",
            "registry.example/app@sha256:00",
            "*registry.example/app",
        ] {
            assert!(pattern.parse::<ImagePattern>().is_err(), "{pattern}");
        }
    }

    #[test]
    fn names_are_matched_whole() {
        let like = |pattern: &str, name| pattern.parse::<NamePattern>().unwrap().matches(name);
        assert!(like("prod", "prod") && like("team-*", "team-a") && like("*", "x"));
        assert!(like("*-prod", "a-prod") && like("a*b*c", "a-b-b-c"));
        for (pattern, name) in
            [("prod", "prod-evil"), ("prod", "my-prod"), ("kube-*", "my-kube-x"), ("a*a", "a")]
        {
            assert!(!like(pattern, name), "{pattern} {name}");
        }
        for pattern in ["", "Prod", "a/b", "a.b", "[a]"] {
            assert!(pattern.parse::<NamePattern>().is_err(), "{pattern}");
        }
    }
}
