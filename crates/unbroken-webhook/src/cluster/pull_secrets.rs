//! Credentials of registries that a pod names: its image pull secrets, or those of its service account.
//!
//! They are read in the namespace of the request alone, and are shown to registries for that request
//! alone. What they say themselves counts; a helper that they name is not run, since whoever writes
//! into the namespace would choose a program of the webhook.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Map, Value, json};
use unbroken_oci::registry::{Client, Secret};
use zeroize::Zeroizing;

use super::api::{Api, ApiError};
use super::resource::{Name, Resource};
use crate::log::Log;
use crate::review::Request;
use crate::workload::pod_spec;

/// Secrets of one pod.
const SECRETS: usize = 16;
/// How long credentials are kept: as long as it takes to start what was made just now.
const KEPT: Duration = Duration::from_secs(30);
/// Clients that are kept.
const CLIENTS: usize = 256;

/// Whose credentials a request may use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Puller {
    namespace: Name,
    account: Name,
    secrets: Vec<Name>,
}

/// Reads credentials of pods.
pub struct PullSecrets {
    api: Api,
    registries: Client,
    log: Log,
    kept: Mutex<BTreeMap<Puller, (Instant, Client)>>,
}

impl Puller {
    /// Reads whose credentials a request may use; nothing where it has no pod.
    pub fn of(request: &Request) -> Option<Self> {
        let object = request.object.as_ref()?;
        let namespace = Name::new(&request.namespace)?;
        let spec = pod_spec(&request.kind, object)?;
        let account = spec.get("serviceAccountName").and_then(Value::as_str);
        let account = Name::new(account.unwrap_or("default"))?;
        Some(Self { namespace, account, secrets: names(spec) })
    }

    /// Names it: what was found for one says nothing to another.
    pub fn scope(&self) -> String {
        let secrets: Vec<&str> = self.secrets.iter().map(Name::as_str).collect();
        format!("{}/{}/{}", self.namespace.as_str(), self.account.as_str(), secrets.join(","))
    }
}

impl PullSecrets {
    /// Makes a reader for a client that has the webhook's own credentials.
    pub fn new(api: Api, registries: Client, log: Log) -> Self {
        Self { api, registries, log, kept: Mutex::default() }
    }

    /// Returns a client with the credentials of a pod before those of the webhook, for somebody who waits
    /// until then.
    pub fn client(&self, puller: &Puller, until: Option<Instant>) -> Client {
        let now = Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| now.duration_since(*since) < KEPT);
        if let Some((_, client)) = kept.get(puller) {
            return client.clone();
        }
        // Nobody else waits while the API server is asked.
        drop(kept);
        let client = match self.auths(puller, until) {
            auths if auths.is_empty() => self.registries.clone(),
            auths => {
                let text = Secret::new(json!({ "auths": auths }).to_string());
                let place = format!("the image pull secrets of {}", puller.namespace.as_str());
                self.registries.with_credentials(place, text)
            }
        };
        let is_late = until.is_some_and(|until| until <= Instant::now());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // What was not read for want of time says nothing to the next.
        if kept.len() < CLIENTS && !is_late {
            kept.insert(puller.clone(), (now, client.clone()));
        }
        client
    }

    /// Reads what the secrets say, the first of a registry first.
    fn auths(&self, puller: &Puller, until: Option<Instant>) -> Map<String, Value> {
        let mut names_of = puller.secrets.clone();
        if names_of.is_empty() {
            let path = Resource::SERVICE_ACCOUNTS.one(Some(&puller.namespace), &puller.account);
            names_of = self.read(&path, until).map(|account| names(&account)).unwrap_or_default();
        }
        let mut auths = Map::new();
        for name in names_of {
            let path = Resource::SECRETS.one(Some(&puller.namespace), &name);
            let Some(secret) = self.read(&path, until) else { continue };
            for (registry, auth) in auths_of(&secret).unwrap_or_default() {
                auths.entry(registry).or_insert(auth);
            }
        }
        auths
    }

    /// Reads an object. One that is not there, or may not be read, gives no credentials: the registry
    /// then says what is missing, as it does to the kubelet.
    fn read(&self, path: &str, until: Option<Instant>) -> Option<Value> {
        let found: Result<Option<Value>, ApiError> = self.api.find_until(path, until);
        found.unwrap_or_else(|error| {
            self.log.event(&format!("credentials of a pod: {error}"));
            None
        })
    }
}

/// Returns the names of the image pull secrets of a pod or an account.
fn names(of: &Value) -> Vec<Name> {
    let secrets = of.get("imagePullSecrets").and_then(Value::as_array);
    let name = |secret: &Value| Name::new(secret.get("name")?.as_str()?);
    secrets.into_iter().flatten().filter_map(name).take(SECRETS).collect()
}

/// Returns what a secret says of registries, in either of the two forms.
fn auths_of(secret: &Value) -> Option<Map<String, Value>> {
    let member = |name: &str| {
        let text = secret.get("data")?.get(name)?.as_str()?;
        let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).ok()?);
        serde_json::from_slice::<Value>(&bytes).ok()
    };
    match secret.get("type").and_then(Value::as_str)? {
        "kubernetes.io/dockerconfigjson" => {
            member(".dockerconfigjson")?.get("auths")?.as_object().cloned()
        }
        "kubernetes.io/dockercfg" => member(".dockercfg")?.as_object().cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use unbroken_oci::registry::Settings;

    use super::*;
    use crate::cluster::api::Endpoint;

    #[test]
    fn credentials_are_not_waited_for_longer_than_for_the_review() {
        // It takes connections and never says anything.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let api = Api::new(Endpoint { address, authorities: None, token: None }).unwrap();
        let client = Client::new(Settings::default());
        let secrets = PullSecrets::new(api, client, Log::new(std::io::sink()));
        let name = |text| Name::new(text).unwrap();
        let named = vec![name("a"), name("b"), name("c")];
        let puller = Puller { namespace: name("prod"), account: name("x"), secrets: named };
        let begun = Instant::now();
        secrets.client(&puller, Some(begun + Duration::from_millis(300)));
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(secrets.kept.lock().unwrap().is_empty(), "nothing was read");
    }

    #[test]
    fn a_secret_says_what_it_says_and_names_no_program() {
        let encode = |value: Value| BASE64.encode(value.to_string().as_bytes());
        let auths = json!({"reg.example": {"auth": "dTpw"}});
        let config =
            json!({"auths": auths, "credHelpers": {"evil.example": "evil"}, "credsStore": "evil"});
        let secret = |kind: &str, member: &str, value: &Value| json!({"type": kind, "data": {member: encode(value.clone())}});
        let (of_config, of_old) = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg");
        for (secret, due) in [
            (secret(of_config, ".dockerconfigjson", &config), Some(&auths)),
            (secret(of_old, ".dockercfg", &auths), Some(&auths)),
            // A secret of another kind is not for registries, whatever it holds.
            (secret("Opaque", ".dockerconfigjson", &config), None),
            (secret(of_config, ".dockercfg", &auths), None),
            (secret(of_config, ".dockerconfigjson", &json!([])), None),
            (json!({"type": of_config, "data": {".dockerconfigjson": "%"}}), None),
            (json!({}), None),
        ] {
            assert_eq!(auths_of(&secret).map(Value::Object).as_ref(), due, "{secret}");
        }
    }
}
