//! One exchange with a registry: asked, authorised, tried again, redirected, bounded.

use std::io::Read;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Method, Request, Response};
use ureq::{Body, RequestExt, SendBody};

use super::address::{Address, Reach, follow};
use super::http::{PatientReader, is_transient, pause, transport};
use super::repository::RegistryRepository;
use super::token::Action;
use super::watcher;
use crate::error::{OciError, Result, short};

/// A request to a registry.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) address: Address,
    /// What is done, for messages.
    pub(crate) action: String,
    /// What may be done with the token that it needs.
    pub(crate) scope: Action,
    pub(crate) accept: Option<String>,
    pub(crate) content: Content<'a>,
    /// Whether the answer is a blob, whose transfer may take as long as it flows.
    pub(crate) is_transfer: bool,
}

/// What a request carries.
pub(crate) enum Content<'a> {
    None,
    /// Bytes, which can be sent again.
    Bytes {
        media_type: &'a str,
        bytes: &'a [u8],
    },
    /// A stream of a length, which cannot.
    Stream {
        length: u64,
        stream: &'a mut (dyn Read + Send),
    },
}

impl Content<'_> {
    fn can_be_sent_again(&self) -> bool {
        !matches!(self, Self::Stream { .. })
    }
}

/// An answer whose body has not been read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Where it came from, after redirects.
    pub(crate) from: Address,
    body: Body,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Reads at most `limit` bytes of the body; more of them are an error.
    pub(crate) fn bytes(self, what: &str, limit: u64) -> Result<Vec<u8>> {
        let action = format!("reading {what}");
        if self.body.content_length().is_some_and(|length| length > limit) {
            return Err(OciError::limit(what, limit, "bytes"));
        }
        let mut bytes = Vec::new();
        let mut reader = self.body.into_with_config().limit(u64::MAX).reader();
        let read = reader.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| crate::digest::of_stream(&action, error))?;
        if u64::try_from(bytes.len()).is_ok_and(|size| size > limit) {
            return Err(OciError::limit(what, limit, "bytes"));
        }
        Ok(bytes)
    }

    pub(crate) fn into_reader(self) -> impl Read + Send {
        self.body.into_with_config().limit(u64::MAX).reader()
    }

    /// Turns an answer that is no success into an error.
    pub(crate) fn refused(self, action: &str) -> OciError {
        let status = self.status;
        if status == 404 {
            return OciError::NotFound { what: format!("what {action} asks for") };
        }
        let said = self.bytes("the answer", 64 << 10).unwrap_or_default();
        OciError::Status { status, action: action.to_owned(), detail: said_by_registry(&said) }
    }
}

impl RegistryRepository {
    /// Asks, with a token once it is asked for one, again where that may help, and elsewhere where
    /// the registry says so and the rule allows it.
    pub(crate) fn exchange(&self, registry: &Address, mut ask: Ask<'_>) -> Result<Answer> {
        let settings = self.settings();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.authorised(registry, &mut ask);
            let again = ask.content.can_be_sent_again() && attempt < settings.limits.tries.max(1);
            let told = match &outcome {
                Ok(answer) if is_momentary(answer.status) => retry_after(&answer.headers),
                Err(error) if is_transient(error) => None,
                _ => return outcome,
            };
            let wait = pause(attempt - 1, told);
            if !again
                || self
                    .time_left(&ask.action)
                    .is_ok_and(|left| left.is_some_and(|left| left < wait))
            {
                return outcome;
            }
            std::thread::sleep(wait);
        }
    }

    /// Asks once, and once more with what the registry wants to see.
    fn authorised(&self, registry: &Address, ask: &mut Ask<'_>) -> Result<Answer> {
        let known = self.known_authorization(registry, ask.scope);
        let answer = self.follow_redirects(registry, ask, known.as_ref())?;
        if answer.status != 401 || !ask.content.can_be_sent_again() {
            return Ok(answer);
        }
        let challenges = answer.headers.get_all("www-authenticate");
        let challenges = challenges.iter().map(ureq::http::HeaderValue::as_bytes);
        let Some(fresh) = self.authorize(registry, ask, challenges)? else {
            return Ok(answer);
        };
        // A second refusal is the answer: asking on would be a loop.
        self.follow_redirects(registry, ask, Some(&fresh))
    }

    fn follow_redirects(
        &self,
        registry: &Address,
        ask: &mut Ask<'_>,
        authorization: Option<&super::token::Authorization>,
    ) -> Result<Answer> {
        let settings = self.settings();
        let (mut address, mut reach) = (ask.address.clone(), Reach::Named);
        for _ in 0..=settings.limits.redirects {
            let own = address.is_of_one_origin(registry);
            let authorization = authorization.filter(|_| own);
            let answer = self.send(&address, reach, ask, authorization)?;
            let is_read = matches!(ask.method, Method::GET | Method::HEAD);
            if !(is_read && matches!(answer.status, 301 | 302 | 303 | 307 | 308)) {
                return Ok(answer);
            }
            let location = answer.header("location").ok_or_else(|| OciError::Answer {
                action: ask.action.clone(),
                fault: "it redirects to nowhere".to_owned(),
            })?;
            (address, reach) =
                follow(&ask.action, registry, &address, location, &settings.trusted_hosts)?;
        }
        Err(OciError::Answer {
            action: ask.action.clone(),
            fault: format!("it redirects more than {} times", settings.limits.redirects),
        })
    }

    /// Sends one request to one address.
    fn send(
        &self,
        address: &Address,
        reach: Reach,
        ask: &mut Ask<'_>,
        authorization: Option<&super::token::Authorization>,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(ask.method.clone()).uri(address.to_string());
        if let Some(accept) = &ask.accept {
            request = request.header("accept", accept);
        }
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization.header());
        }
        let unusable = |error: ureq::http::Error| OciError::Answer {
            action: ask.action.clone(),
            fault: error.to_string(),
        };
        let (action, is_transfer) = (&ask.action, ask.is_transfer);
        match &mut ask.content {
            Content::None => {
                let request = request.body(SendBody::none()).map_err(unusable)?;
                self.perform(address, reach, action, request, is_transfer)
            }
            Content::Bytes { media_type, bytes } => {
                request = request.header("content-type", *media_type);
                request = request.header("content-length", bytes.len());
                let mut bytes = *bytes;
                let body = SendBody::from_reader(&mut bytes);
                let request = request.body(body).map_err(unusable)?;
                self.perform(address, reach, action, request, is_transfer)
            }
            Content::Stream { length, stream } => {
                request = request.header("content-type", "application/octet-stream");
                request = request.header("content-length", *length);
                let request = request.body(SendBody::from_reader(stream)).map_err(unusable)?;
                self.perform(address, reach, action, request, is_transfer)
            }
        }
    }

    /// Carries out a request within the time that is left.
    pub(crate) fn perform(
        &self,
        address: &Address,
        reach: Reach,
        action: &str,
        request: Request<SendBody<'_>>,
        is_transfer: bool,
    ) -> Result<Answer> {
        let settings = self.settings();
        let left = self.time_left(action)?;
        let whole = (!is_transfer).then_some(settings.limits.request_time);
        let time = match (left, whole) {
            (Some(left), Some(whole)) => Some(left.min(whole)),
            (left, whole) => left.or(whole),
        };
        let agent = self.client().agents().get(address, reach, settings)?;
        let (method, begun) = (request.method().clone(), Instant::now());
        let response: std::result::Result<Response<Body>, ureq::Error> =
            request.with_agent(&agent).configure().timeout_global(time).run();
        let status = response.as_ref().ok().map(|response| response.status().as_u16());
        let (host, took) = (address.host.to_string(), begun.elapsed());
        let method = method.as_str();
        self.client().note(&watcher::Exchange { method, host: &host, status, took });
        let response = response.map_err(|error| transport(action, address, error))?;
        let (parts, body) = response.into_parts();
        let encoding = parts.headers.get("content-encoding").map(ureq::http::HeaderValue::as_bytes);
        if encoding.is_some_and(|encoding| encoding != b"identity") {
            // What is hashed must be what came; and an encoding can blow up a thousandfold.
            return Err(OciError::Answer {
                action: action.to_owned(),
                fault: "it has a content encoding that was not asked for".to_owned(),
            });
        }
        let status = parts.status.as_u16();
        Ok(Answer { status, headers: parts.headers, from: address.clone(), body })
    }

    /// Opens the body of an answer as a stream that cannot be held up.
    pub(crate) fn patient(&self, answer: Answer) -> impl Read + Send + use<> {
        let (limits, deadline) = (self.settings().limits, self.deadline());
        PatientReader::new(answer.into_reader(), &limits, deadline)
    }
}

/// Tells whether a status is about the moment and not about what was asked.
fn is_momentary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Makes what a registry said fit for a message: one line, no control characters, not long.
pub(crate) fn said_by_registry(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    let text: String = text.trim().chars().map(plain).collect();
    if text.is_empty() { String::new() } else { format!(": {}", short(&text)) }
}
