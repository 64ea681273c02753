//! Tokens: what a registry is shown, and who is given credentials for one.

use ureq::SendBody;
use ureq::http::Request;

use data_encoding::BASE64;
use unbroken_model::json::Value;

use super::address::{Address, follow};
use super::challenge::{Challenge, parse};
use super::credentials::{Credential, Secret};
use super::exchange::Ask;
use super::repository::RegistryRepository;
use crate::error::{OciError, Result};

/// The largest answer of a token service.
const LARGEST: u64 = 1 << 20;

/// What a request does with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Pull,
    Push,
}

/// A header that was good for a registry and a scope.
#[derive(Clone, Debug)]
pub(crate) struct Authorization(Secret);

impl Authorization {
    pub(crate) fn header(&self) -> &str {
        self.0.expose()
    }

    fn basic(user: &str, password: &Secret) -> Self {
        let pair = zeroize::Zeroizing::new(format!("{user}:{}", password.expose()));
        Self(Secret::new(format!("Basic {}", BASE64.encode(pair.as_bytes()))))
    }

    fn bearer(token: &str) -> Self {
        Self(Secret::new(format!("Bearer {token}")))
    }
}

impl RegistryRepository {
    /// The scope of a token. It is our own: one that the registry names could be for anything.
    fn scope(&self, action: Action) -> String {
        let actions = match action {
            Action::Pull => "pull",
            Action::Push => "pull,push",
        };
        format!("repository:{}:{actions}", self.repository().path())
    }

    pub(crate) fn known_authorization(
        &self,
        registry: &Address,
        action: Action,
    ) -> Option<Authorization> {
        let known = self.client().authorizations();
        known.get(&(registry.host.to_string(), self.scope(action))).cloned()
    }

    /// Gets what the registry asks for; nothing when there is nothing to show.
    pub(crate) fn authorize<'h>(
        &self,
        registry: &Address,
        ask: &Ask<'_>,
        challenges: impl Iterator<Item = &'h [u8]>,
    ) -> Result<Option<Authorization>> {
        let challenge = parse(challenges).map_err(|fault| OciError::Answer {
            action: ask.action.clone(),
            fault: fault.to_owned(),
        })?;
        let credential = self.settings().credentials.find(self.repository_at(registry))?;
        let authorization = match (challenge, credential) {
            (_, Some(_)) if registry.is_open_to_eavesdroppers() => {
                return Err(OciError::Credentials {
                    place: registry.host.to_string(),
                    fault: "they are not sent over plain HTTP".to_owned(),
                });
            }
            (Challenge::Basic, Some(Credential::Password { user, password })) => {
                Authorization::basic(&user, &password)
            }
            (_, Some(Credential::Bearer(token))) => Authorization::bearer(token.expose()),
            (Challenge::Basic, _) => return Ok(None),
            (Challenge::Bearer { realm, service }, credential) => {
                let token =
                    self.token(registry, ask, &realm, service.as_deref(), credential.as_ref())?;
                Authorization::bearer(token.expose())
            }
        };
        let key = (registry.host.to_string(), self.scope(ask.scope));
        self.client().authorizations().insert(key, authorization.clone());
        Ok(Some(authorization))
    }

    fn token(
        &self,
        registry: &Address,
        ask: &Ask<'_>,
        realm: &str,
        service: Option<&str>,
        credential: Option<&Credential>,
    ) -> Result<Secret> {
        let action = format!("getting a token for {}", self.repository());
        let settings = self.settings();
        let trusted = settings.trusted_hosts.union(&settings.auth_hosts).cloned().collect();
        let (mut address, reach) = follow(&action, registry, registry, realm, &trusted)?;
        if credential.is_some() && !self.may_have_credentials(registry, &address) {
            return Err(OciError::Host {
                action,
                url: address.without_query(),
                fault: format!(
                    "credentials of {} go to its own host, to a domain above it, and to token services that are named",
                    registry.host
                ),
            });
        }
        let service = service.map(|service| format!("&service={}", encode(service)));
        let query =
            format!("scope={}{}", encode(&self.scope(ask.scope)), service.unwrap_or_default());
        let request = match credential {
            Some(Credential::Refresh(token)) => {
                let form = format!(
                    "grant_type=refresh_token&client_id=unbroken&refresh_token={}&{query}",
                    encode(token.expose())
                );
                let length = form.len();
                let body = SendBody::from_owned_reader(std::io::Cursor::new(form));
                Request::post(address.to_string())
                    .header("content-type", "application/x-www-form-urlencoded")
                    .header("content-length", length)
                    .body(body)
            }
            other => {
                let joint = if address.path.contains('?') { '&' } else { '?' };
                address.path = format!("{}{joint}{query}", address.path);
                let mut request = Request::get(address.to_string());
                if let Some(Credential::Password { user, password }) = other {
                    let header = Authorization::basic(user, password);
                    request = request.header("authorization", header.header());
                }
                request.body(SendBody::none())
            }
        };
        let unusable = |fault: String| OciError::Answer { action: action.clone(), fault };
        let request = request.map_err(|error| unusable(error.to_string()))?;
        let answer = self.perform(&address, reach, &action, request, false)?;
        if answer.status != 200 {
            return Err(answer.refused(&action));
        }
        let text = zeroize::Zeroizing::new(answer.bytes("the token", LARGEST)?);
        // An error of the parser could quote the token.
        let value = Value::parse(&text, &settings.limits.json())
            .map_err(|_| unusable("it is no strict JSON".to_owned()))?;
        let get = |name| value.as_object().and_then(|object| object.get(name));
        let token = get("token").or_else(|| get("access_token")).and_then(Value::as_str);
        let plain =
            |token: &&str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let token = token.filter(plain).ok_or_else(|| unusable("it holds no token".to_owned()))?;
        Ok(Secret::new(token))
    }

    /// Decides who may see credentials of a registry: its own host, a domain above it, whose owner
    /// controls the registry's name anyway, and hosts that the user named.
    fn may_have_credentials(&self, registry: &Address, service: &Address) -> bool {
        const DOCKER: (&str, &str) = ("registry-1.docker.io", "auth.docker.io");
        let (of, to) = (registry.host.name(), service.host.name());
        let above = of.strip_suffix(to).is_some_and(|rest| rest.ends_with('.')) && to.contains('.');
        service.is_of_one_origin(registry)
            || (service.secure && (above || (of, to) == DOCKER))
            || (!service.is_open_to_eavesdroppers()
                && self.settings().auth_hosts.contains(&service.host))
    }
}

/// Writes a text so that it can stand in a query.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&data_encoding::HEXUPPER.encode(&[byte]));
        }
    }
    out
}
