//! Credentials for registries, as docker, podman and their helpers keep them: each for its own host.

use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use unbroken_model::json::{Object, Value};
use unbroken_model::limits::Limits as JsonLimits;
use zeroize::Zeroizing;

use crate::error::{OciError, Result};
use crate::reference::Repository;

/// The largest file of credentials, and the largest answer of a helper.
const LARGEST: u64 = 1 << 20;
/// How long a helper may take: some ask a service of a cloud.
const HELPER_TIME: Duration = Duration::from_secs(30);

/// A secret, which no message shows and which is wiped when it is let go.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// What a registry may be given.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// A user and a password.
    Password { user: String, password: Secret },
    /// A token that is exchanged for others.
    Refresh(Secret),
    /// A token that is sent as it is.
    Bearer(Secret),
}

/// Where credentials are looked for, in order: the first place that knows the registry decides.
#[derive(Clone, Debug, Default)]
pub struct CredentialPlaces {
    /// The text of a file of credentials, from a variable of the environment, with its name.
    pub inline: Option<(String, Secret)>,
    /// Files in docker's or podman's form. One that is not there is passed over.
    pub files: Vec<PathBuf>,
}

impl Secret {
    /// Takes a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(secret)")
    }
}

impl CredentialPlaces {
    /// Finds what a repository's registry may be given.
    pub(crate) fn find(&self, repository: &Repository) -> Result<Option<Credential>> {
        if let Some((name, text)) = &self.inline
            && let Some(found) = find_in(name, text.expose().as_bytes(), repository)?
        {
            return Ok(Some(found));
        }
        for path in &self.files {
            let Some(text) = read(path)? else { continue };
            if let Some(found) = find_in(&path.display().to_string(), &text, repository)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let unusable = |error: std::io::Error| OciError::Credentials {
        place: path.display().to_string(),
        fault: error.to_string(),
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error)),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST).read_to_end(&mut bytes).map_err(unusable)?;
    Ok(Some(bytes))
}

/// What a file has for a repository.
pub(super) enum Entry {
    Known(Credential),
    /// The helper of this name keeps it, under this key.
    Kept {
        helper: String,
        key: String,
    },
}

fn find_in(place: &str, text: &[u8], repository: &Repository) -> Result<Option<Credential>> {
    match entry_in(place, text, repository)? {
        Some(Entry::Known(credential)) => Ok(Some(credential)),
        Some(Entry::Kept { helper, key }) => ask_helper(&helper, &key),
        None => Ok(None),
    }
}

pub(super) fn entry_in(place: &str, text: &[u8], repository: &Repository) -> Result<Option<Entry>> {
    let unusable =
        |fault: &str| OciError::Credentials { place: place.to_owned(), fault: fault.to_owned() };
    // An error of the parser could quote the text.
    let value =
        Value::parse(text, &JsonLimits::default()).map_err(|_| unusable("it is no strict JSON"))?;
    let document = value.as_object().ok_or_else(|| unusable("it is no JSON object"))?;
    let keys = keys(repository);
    let kept = |helper: &str, key: &str| {
        Ok(Some(Entry::Kept { helper: helper.to_owned(), key: key.to_owned() }))
    };
    let helpers = document.get("credHelpers").and_then(Value::as_object);
    for key in &keys {
        let helper = helpers.and_then(|helpers| helpers.get(key)).and_then(Value::as_str);
        if let Some(helper) = helper {
            return kept(helper, key);
        }
    }
    let auths = document.get("auths").and_then(Value::as_object);
    for key in &keys {
        let entry = auths.and_then(|auths| auths.get(key)).and_then(Value::as_object);
        if let Some(found) = entry.and_then(|entry| entry_of(entry).transpose()) {
            return found.map(|found| Some(Entry::Known(found))).map_err(unusable);
        }
    }
    let store = document.get("credsStore").and_then(Value::as_str).filter(|name| !name.is_empty());
    match (store, keys.last()) {
        (Some(store), Some(host)) => kept(store, host),
        _ => Ok(None),
    }
}

/// The keys under which a file may have a repository's credentials, the closest first.
fn keys(repository: &Repository) -> Vec<String> {
    let whole = repository.to_string();
    let mut keys = vec![whole.clone()];
    let mut rest = whole.as_str();
    while let Some((shorter, _)) = rest.rsplit_once('/') {
        keys.push(shorter.to_owned());
        rest = shorter;
    }
    let host = repository.registry().to_string();
    for older in
        [format!("https://{host}"), format!("https://{host}/v2/"), format!("https://{host}/v1/")]
    {
        keys.push(older);
    }
    if host == "docker.io" {
        keys.push("https://index.docker.io/v1/".to_owned());
    } else {
        keys.push(host);
    }
    keys
}

fn entry_of(entry: &Object<'_>) -> std::result::Result<Option<Credential>, &'static str> {
    let get = |name| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(token) = get("registrytoken") {
        return Ok(Some(Credential::Bearer(Secret::new(token))));
    }
    if let Some(token) = get("identitytoken") {
        return Ok(Some(Credential::Refresh(Secret::new(token))));
    }
    if let Some(auth) = get("auth") {
        let bytes = BASE64.decode(auth.trim().as_bytes());
        let bytes = Zeroizing::new(bytes.map_err(|_| "an entry's auth is not base64")?);
        let text = std::str::from_utf8(&bytes).map_err(|_| "an entry's auth is no text")?;
        let (user, password) = text.split_once(':').ok_or("an entry's auth has no password")?;
        let password = Secret::new(password.trim_end_matches('\0'));
        return Ok(Some(Credential::Password { user: user.to_owned(), password }));
    }
    match (get("username"), get("password")) {
        (Some(user), Some(password)) => {
            let password = Secret::new(password);
            Ok(Some(Credential::Password { user: user.to_owned(), password }))
        }
        // Docker leaves an empty entry where a helper keeps the secret.
        _ => Ok(None),
    }
}

fn ask_helper(helper: &str, host: &str) -> Result<Option<Credential>> {
    let place = format!("docker-credential-{helper}");
    let unusable =
        |fault: &str| OciError::Credentials { place: place.clone(), fault: fault.to_owned() };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !helper.bytes().all(plain) {
        // Else a file of credentials could name any program by its path.
        return Err(unusable("a helper's name has letters, digits, '-', '_' and '.'"));
    }
    let answer = run_helper(&place, host, HELPER_TIME);
    match answer.map_err(|error| unusable(&error.to_string()))? {
        Some(answer) => said_by_helper(&answer).map_err(unusable),
        None => Ok(None),
    }
}

pub(super) fn said_by_helper(
    answer: &[u8],
) -> std::result::Result<Option<Credential>, &'static str> {
    // An error of the parser could quote the secret.
    let value =
        Value::parse(answer, &JsonLimits::default()).map_err(|_| "its answer is no strict JSON")?;
    let document = value.as_object().ok_or("its answer is no JSON object")?;
    let get = |name| document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    Ok(match (get("Username"), get("Secret")) {
        (Some("<token>"), Some(token)) => Some(Credential::Refresh(Secret::new(token))),
        (Some(user), Some(password)) => {
            let password = Secret::new(password);
            Some(Credential::Password { user: user.to_owned(), password })
        }
        _ => None,
    })
}

/// Asks a helper about a host; one that knows nothing ends with a failure.
fn run_helper(
    program: &str,
    host: &str,
    time: Duration,
) -> std::io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its question has answered it.
        drop(stdin.write_all(host.as_bytes()));
    }
    let stdout = child.stdout.take();
    let (sender, answer) = sync_channel(1);
    std::thread::spawn(move || {
        let mut answer = Zeroizing::new(Vec::new());
        let read = stdout.map(|stdout| stdout.take(LARGEST).read_to_end(&mut answer));
        drop(sender.send(read.transpose().map(|_| answer)));
    });
    let begin = Instant::now();
    let late = || std::io::Error::other(format!("it did not answer in {time:?}"));
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begin.elapsed() > time {
            child.kill()?;
            child.wait()?;
            return Err(late());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    if !status.success() {
        return Ok(None);
    }
    // What the helper began and left behind can hold its output open for ever.
    let answer = answer.recv_timeout(time.saturating_sub(begin.elapsed()));
    answer.map_err(|_| late())?.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, name: &str) -> Option<String> {
        let repository: Repository = name.parse().unwrap();
        find_in("x", text.as_bytes(), &repository).unwrap().map(|credential| match credential {
            Credential::Password { user, password } => format!("{user}:{}", password.expose()),
            Credential::Refresh(token) => format!("refresh {}", token.expose()),
            Credential::Bearer(token) => format!("bearer {}", token.expose()),
        })
    }

    #[test]
    fn credentials_are_of_one_host_and_the_closest_entry_counts() {
        let auth = |text: &str| format!(r#"{{"auth":"{}"}}"#, BASE64.encode(text.as_bytes()));
        let text = format!(
            r#"{{"auths":{{"reg.example":{},"reg.example/team":{},"https://index.docker.io/v1/":{},
            "tok.example":{{"identitytoken":"t"}},"plain.example:5000":{{"username":"u","password":"p"}},
            "bearer.example":{{"registrytoken":"b"}},"empty.example":{{}}}}}}"#,
            auth("a:1"),
            auth("b:2:3"),
            auth("c:3")
        );
        for (name, due) in [
            ("reg.example/app", Some("a:1")),
            ("reg.example/team/app", Some("b:2:3")),
            ("app", Some("c:3")),
            ("tok.example/app", Some("refresh t")),
            ("bearer.example/app", Some("bearer b")),
            ("plain.example:5000/app", Some("u:p")),
            ("plain.example/app", None),
            ("sub.reg.example/app", None),
            ("empty.example/app", None),
        ] {
            assert_eq!(find(&text, name).as_deref(), due, "{name}");
        }
    }

    #[test]
    fn a_broken_file_is_no_anonymous_login_and_its_text_is_not_told() {
        let repository: Repository = "reg.example/app".parse().unwrap();
        for text in ["{\"auths\":{\"reg.example\":{\"auth\":\"CANARY!\"}}}", "CANARY", "[]"] {
            let error = find_in("x", text.as_bytes(), &repository).unwrap_err();
            assert!(!error.to_string().contains("CANARY"), "{error}");
        }
        assert!(ask_helper("../evil", "reg.example").is_err());
        let secret = Credential::Bearer(Secret::new("CANARY"));
        assert!(!format!("{secret:?}").contains("CANARY"));
    }

    /// Runs a script as a helper that has half a second.
    fn helper(script: &str) -> std::io::Result<Option<Zeroizing<Vec<u8>>>> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("helper");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        run_helper(path.to_str().unwrap(), "reg.example", Duration::from_millis(500))
    }

    #[test]
    fn a_helper_answers_or_fails_and_does_not_hold_anybody_up() {
        let echo = r#"[ "$1" = get ] && printf '{"Username":"u","Secret":"%s"}' "$(cat)""#;
        let answer = helper(echo).unwrap().unwrap();
        let Ok(Some(Credential::Password { user, password })) = said_by_helper(&answer) else {
            panic!("it is a password")
        };
        assert_eq!((&*user, password.expose()), ("u", "reg.example"));
        // One that does not know the host, as docker's helpers say it.
        assert!(helper("echo credentials not found in native keychain; exit 1").unwrap().is_none());
        for late in ["exec sleep 60", "sleep 60 & echo '{}'"] {
            let begin = Instant::now();
            let error = helper(late).unwrap_err();
            assert!(error.to_string().contains("did not answer in 500ms"), "{late}: {error}");
            assert!(begin.elapsed() < Duration::from_secs(5), "{late}");
        }
    }

    #[test]
    fn what_a_helper_says_is_a_password_a_token_or_an_error_that_does_not_tell_it() {
        let token = said_by_helper(br#"{"Username":"<token>","Secret":"t"}"#).unwrap();
        assert!(matches!(token, Some(Credential::Refresh(token)) if token.expose() == "t"));
        assert!(said_by_helper(br#"{"Username":"","Secret":""}"#).unwrap().is_none());
        for junk in ["CANARY", "[\"CANARY\"]", "{\"Secret\":\"CANARY\"", "\u{0}CANARY", ""] {
            let fault = said_by_helper(junk.as_bytes()).unwrap_err();
            assert!(!fault.contains("CANARY"), "{fault}");
        }
    }
}
