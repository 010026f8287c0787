//! A hub over HTTP: one question at a time, redirects, and who gets the token.
//!
//! Redirects are followed here and not by the client, because each of them decides anew whether the
//! token goes along.

use crate::PullError;
use std::fmt;
use std::time::Duration;
use ureq::http::{HeaderMap, Request, StatusCode, Uri, header};
use ureq::{Agent, BodyReader};

/// The hub's own redirects are two: to a renamed repository, and to where large files lie.
const REDIRECTS_MAX: usize = 8;

/// How to reach a hub.
#[derive(Clone)]
pub struct HubSettings {
    /// `https://huggingface.co`, or a mirror of it.
    pub endpoint: String,
    /// Who asks; for models that are not for everybody.
    pub token: Option<String>,
    /// How long to wait for what.
    pub patience: Patience,
}

/// How long to wait for what, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes on one.
    pub stall: Duration,
    /// How often in a row an attempt may bring nothing much.
    pub tries: u32,
    /// Between the first two of them; twice as long each time.
    pub backoff: Duration,
    /// The longest pause that a busy hub may ask for.
    pub wait_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            stall: Duration::from_secs(45),
            tries: 6,
            backoff: Duration::from_secs(1),
            wait_max: Duration::from_secs(90),
        }
    }
}

/// A hub that can be asked.
pub struct Hub {
    agent: Agent,
    endpoint: String,
    origin: Origin,
    token: Token,
    patience: Patience,
    pause: Box<dyn Fn(Duration) + Send + Sync>,
}

/// What becomes of the token.
enum Token {
    None,
    /// There is one, and the way there is open to everybody.
    Withheld,
    Held(String),
}

/// Scheme, host and port: who it is that gets what is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    https: bool,
    host: String,
    port: u16,
}

/// What came, its body still to be read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Who answered.
    pub(crate) host: String,
    pub(crate) body: BodyReader<'static>,
}

/// What did not come.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may the next time.
    Again {
        /// What went wrong.
        problem: String,
        /// When the hub wants to be asked again.
        after: Option<Duration>,
    },
    /// It will not.
    Final(PullError),
}

impl Hub {
    /// The hub that `settings` name. `pause` waits for as long as it is told, between two attempts.
    ///
    /// # Errors
    ///
    /// [`PullError::Endpoint`] where the address is none.
    pub fn new(
        settings: HubSettings,
        pause: impl Fn(Duration) + Send + Sync + 'static,
    ) -> Result<Self, PullError> {
        let HubSettings { endpoint, token, patience } = settings;
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let bad = |problem| PullError::Endpoint { endpoint: endpoint.clone(), problem };
        let uri: Uri = endpoint.parse().map_err(|_| bad("it does not parse"))?;
        if uri.query().is_some() || uri.authority().is_some_and(|all| all.as_str().contains('@')) {
            return Err(bad("it has a user or a query"));
        }
        let origin =
            Origin::of(&uri).ok_or_else(|| bad("it begins with neither https:// nor http://"))?;
        let token = match token {
            None => Token::None,
            Some(token) if origin.https || origin.is_this_machine() => Token::Held(token),
            Some(_) => Token::Withheld,
        };
        let config = Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .accept_encoding("identity")
            .user_agent(concat!("causeway/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(patience.connect))
            .timeout_connect(Some(patience.connect))
            .timeout_recv_response(Some(patience.stall))
            .timeout_per_read(Some(patience.stall));
        // What is on this machine is not to be had from a proxy.
        let config = if origin.is_this_machine() { config.proxy(None) } else { config };
        let agent = Agent::new_with_config(config.build());
        Ok(Self { agent, endpoint, origin, token, patience, pause: Box::new(pause) })
    }

    /// The hub's name, for errors.
    pub(crate) fn host(&self) -> &str {
        &self.origin.host
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.patience
    }

    pub(crate) fn pause(&self, time: Duration) {
        (self.pause)(time);
    }

    /// Asks for `path` of the hub, which begins with `/`, with the `range` of bytes that are wanted.
    pub(crate) fn get(
        &self,
        path: &str,
        range: &[(header::HeaderName, String)],
    ) -> Result<Answer, Failure> {
        let mut address = format!("{}{path}", self.endpoint);
        let mut secure = false;
        for _ in 0..=REDIRECTS_MAX {
            let uri: Uri =
                address.parse().map_err(|_| self.odd(path, "an address that is none"))?;
            let to = Origin::of(&uri)
                .ok_or_else(|| self.odd(path, "an address that is not of the web"))?;
            if secure && !to.https {
                return Err(self.odd(path, "an address that is not encrypted"));
            }
            secure |= to.https;
            let answer = self.ask(uri, &to, range)?;
            if !is_redirect(answer.status) {
                return Ok(answer);
            }
            let location =
                answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
            let location = location.ok_or_else(|| self.odd(path, "a redirect to nowhere"))?;
            address = to
                .resolve(location)
                .ok_or_else(|| self.odd(path, "a redirect that is no address"))?;
        }
        Err(self.odd(path, "one redirect after another"))
    }

    fn ask(
        &self,
        uri: Uri,
        to: &Origin,
        range: &[(header::HeaderName, String)],
    ) -> Result<Answer, Failure> {
        let mut request = Request::get(uri);
        for (name, value) in range {
            request = request.header(name, value);
        }
        if let Token::Held(token) = &self.token
            && *to == self.origin
        {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        // What cannot be sent as a header is no token, or an odd thing for a server to have said.
        let request = request.body(()).map_err(|error| again(error.to_string()))?;
        let answer =
            self.agent.run(request).map_err(|error| again(format!("{}: {error}", to.host)))?;
        let (parts, body) = answer.into_parts();
        let body = body.into_reader();
        Ok(Answer { status: parts.status, headers: parts.headers, host: to.host.clone(), body })
    }

    /// What an answer without what was asked for means.
    pub(crate) fn refusal(&self, what: &str, answer: &Answer) -> Failure {
        let (host, what) = (answer.host.clone(), what.to_owned());
        let status = answer.status;
        let token = match self.token {
            Token::None => "no token was given (HF_TOKEN)",
            Token::Withheld => "the token was not sent, because the hub's address is not https",
            Token::Held(_) => "the token that was sent does not help",
        };
        match status.as_u16() {
            401 | 403 => {
                Failure::Final(PullError::Denied { host, what, status: status.as_u16(), token })
            }
            404 | 410 => Failure::Final(PullError::NotFound { host, what, token }),
            408 | 425 | 429 | 500..=599 => match answer.retry_after() {
                Some(retry_after) if retry_after > self.patience.wait_max => {
                    Failure::Final(PullError::Busy { host, what, retry_after })
                }
                after => Failure::Again {
                    problem: format!("{host} answers with status {status}"),
                    after,
                },
            },
            _ => Failure::Final(PullError::Answer {
                host,
                what,
                problem: format!("status {status}"),
            }),
        }
    }

    fn odd(&self, path: &str, problem: &str) -> Failure {
        let (host, what, problem) = (self.host().to_owned(), path.to_owned(), problem.to_owned());
        Failure::Final(PullError::Answer { host, what, problem })
    }
}

impl Answer {
    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Bytes of the body, where they were said.
    pub(crate) fn length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// Seconds; a date is not looked at, since nothing here knows the time.
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.header(header::RETRY_AFTER)?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let host = uri.host()?.to_ascii_lowercase();
        Some(Self { https, host, port })
    }

    fn is_this_machine(&self) -> bool {
        let address = self.host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// The address that `location` means in an answer from here.
    fn resolve(&self, location: &str) -> Option<String> {
        if location.starts_with("https://") || location.starts_with("http://") {
            return Some(location.to_owned());
        }
        let scheme = if self.https { "https" } else { "http" };
        match location.strip_prefix("//") {
            Some(rest) => Some(format!("{scheme}://{rest}")),
            None if location.starts_with('/') => {
                Some(format!("{scheme}://{}:{}{location}", self.host, self.port))
            }
            None => None,
        }
    }
}

impl fmt::Debug for HubSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, token: _, patience } = self;
        f.debug_struct("HubSettings")
            .field("endpoint", endpoint)
            .field("patience", patience)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

fn again(problem: String) -> Failure {
    Failure::Again { problem, after: None }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str) -> Origin {
        Origin::of(&address.parse().unwrap()).unwrap()
    }

    #[test]
    fn scheme_host_and_port_say_who_it_is() {
        assert_eq!(origin("https://Hub.example/a"), origin("https://hub.example:443/b"));
        for other in ["http://hub.example", "https://hub.example:444", "https://hub.example.evil"] {
            assert_ne!(origin("https://hub.example"), origin(other), "{other}");
        }
    }

    #[test]
    fn a_redirect_within_a_host_is_resolved_there() {
        let here = origin("https://hub.example/a");
        assert_eq!(here.resolve("/b?c").unwrap(), "https://hub.example:443/b?c");
        assert_eq!(here.resolve("//cdn/b").unwrap(), "https://cdn/b");
        assert_eq!(here.resolve("http://cdn/b").unwrap(), "http://cdn/b");
        assert_eq!(here.resolve("file:///etc/passwd"), None);
    }

    #[test]
    fn what_is_no_address_of_a_hub_is_refused_and_says_no_secret() {
        let hub = |endpoint: &str, token: Option<&str>| {
            let (endpoint, token) = (endpoint.to_owned(), token.map(str::to_owned));
            Hub::new(HubSettings { endpoint, token, patience: Patience::default() }, |_| {})
        };
        for endpoint in ["", "huggingface.co", "ftp://hub", "https://a:b@hub", "https://hub/?a"] {
            assert!(matches!(hub(endpoint, None), Err(PullError::Endpoint { .. })), "{endpoint}");
        }
        let withheld = hub("http://mirror.example", Some("secret")).unwrap();
        assert!(matches!(withheld.token, Token::Withheld));
        for endpoint in ["https://mirror.example", "http://127.0.0.1:8000/", "http://[::1]:8000"] {
            let hub = hub(endpoint, Some("secret")).unwrap();
            assert!(matches!(hub.token, Token::Held(_)), "{endpoint}");
            assert!(!format!("{hub:?}").contains("secret"));
        }
    }
}
