//! One request and its answer; problems (RFC 9457) become [`Refused`].

mod stream;

use super::connect::{Connection, Server};
use super::print::Language;
use super::would::WouldDo;
use anyhow::{Context as _, Result};
use formats::text::steers;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use storage::{Progress, Stage, Tell};
use ureq::Timeout;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// Seconds for one request with its answer.
const TIMEOUT_S: u64 = 60;
/// Octets of one answer.
const ANSWER_MAX: u64 = 64 * 1024 * 1024;
/// Rows on a page that a list asks for.
const PAGE: usize = 500;
/// Rows that a list gathers at most.
const ROWS_MAX: usize = 1_000_000;

/// Questions after one run; each waits some 20 s.
const ASKED_MAX: usize = 100_000;

/// The API of one server, as one caller.
pub(super) struct Client {
    agent: ureq::Agent,
    url: String,
    token: String,
    language: Language,
    /// Why, and by which order: fields of every request.
    said: Vec<(&'static str, String)>,
    /// What would change something is only tried.
    trial: bool,
}

/// What came of a request.
type Answered = std::result::Result<http::Response<ureq::Body>, ureq::Error>;

/// The server's no.
#[derive(Debug)]
pub(super) struct Refused {
    status: u16,
    problem: Value,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = |name: &str| {
            self.problem
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        writeln!(
            f,
            "{} {}: {}",
            self.status,
            clean(field("title")),
            clean(field("detail"))
        )?;
        let errors = self.problem.get("errors").and_then(Value::as_array);
        for error in errors.into_iter().flatten().skip(1) {
            let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            writeln!(f, "  {}: {}", clean(part("field")), clean(part("detail")))?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// How a request came to have no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// Nothing was asked.
    Unreached,
    /// It was being asked, or answered.
    Lost,
    /// The same, and the time for it has passed.
    Late,
}

impl Silence {
    fn of(error: &ureq::Error) -> Self {
        use std::io::ErrorKind;
        const LOST: [ErrorKind; 4] = [
            ErrorKind::BrokenPipe,
            ErrorKind::ConnectionAborted,
            ErrorKind::ConnectionReset,
            ErrorKind::UnexpectedEof,
        ];
        match error {
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => Self::Unreached,
            ureq::Error::Timeout(_) => Self::Late,
            ureq::Error::Protocol(_) => Self::Lost,
            ureq::Error::Io(error) if LOST.contains(&error.kind()) => Self::Lost,
            _ => Self::Unreached,
        }
    }
}

/// What a server says must neither steer the terminal nor turn its lines round.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if steers(c) { '\u{fffd}' } else { c })
        .collect()
}

/// The same for a line of which tabs part the columns.
pub(super) fn clean_line(text: &str) -> String {
    let parts: Vec<String> = text.split('\t').map(clean).collect();
    parts.join("\t")
}

/// The rows of a page.
pub(super) fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().cloned().unwrap_or_default()
}

/// How to change something.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Condition {
    /// Only if the version is still this one (else exit 1: changed meanwhile).
    #[arg(long, value_name = "VERSION")]
    pub(super) if_match: Option<u64>,
}

/// One request.
pub(super) struct Ask<'a> {
    method: &'static str,
    path: &'a str,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    condition: Option<u64>,
    key: Option<String>,
}

impl<'a> Ask<'a> {
    pub(super) fn new(method: &'static str, path: &'a str) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            body: None,
            condition: None,
            key: None,
        }
    }

    /// A parameter of the query, when there is a value.
    pub(super) fn asked(&mut self, name: &'static str, value: Option<String>) {
        self.query.extend(value.map(|value| (name, value)));
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) fn when(mut self, condition: &Condition) -> Self {
        self.condition = condition.if_match;
        self
    }
}

impl Client {
    /// Errors: the connection's settings are wrong.
    pub(super) fn open(connection: &Connection, language: Language) -> Result<Self> {
        let Server {
            url,
            token,
            authorities,
        } = connection.server()?;
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&authorities))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(TIMEOUT_S)))
            .user_agent(concat!("congvu/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            url,
            token,
            language,
            said: Vec::new(),
            trial: false,
        })
    }

    /// The same, saying why, and under which recorded legal order: for the audit log.
    pub(super) fn saying(mut self, reason: Option<&str>, order: Option<u64>) -> Self {
        let reason = reason.map(|reason| ("audit-reason", encoded(reason)));
        let order = order.map(|order| ("legal-order", order.to_string()));
        self.said = reason.into_iter().chain(order).collect();
        self
    }

    /// The same; `trial`: what would change something is only tried.
    pub(super) fn trying(mut self, trial: bool) -> Self {
        self.trial = trial;
        self
    }

    /// Whether changes are only tried.
    pub(super) fn tries(&self) -> bool {
        self.trial
    }

    /// One request; the answer's JSON, null when it has none. Errors: [`Refused`], [`WouldDo`] on trial, no connection.
    pub(super) fn call(&self, ask: Ask<'_>) -> Result<Value> {
        let mut request = self.begun(&ask).header("accept", "application/json");
        if let Some(version) = ask.condition {
            request = request.header("if-match", format!("\"{version}\""));
        }
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        let changes = ask.method != "GET";
        let answer = match ask.body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string())?)
            }
            None => self.agent.run(request.body(())?),
        };
        self.json(answer, changes)
    }

    /// A request with its address, and who asks.
    fn begun(&self, ask: &Ask<'_>) -> http::request::Builder {
        let mut uri = format!("{}/api/v1/{}", self.url, ask.path);
        for (n, (name, value)) in ask.query.iter().enumerate() {
            let mark = if n == 0 { '?' } else { '&' };
            uri.push_str(&format!("{mark}{name}={}", encoded(value)));
        }
        // What has a dry run of its own has asked for it.
        let own = ask.query.iter().any(|(name, _)| *name == "dry_run");
        if self.trial && ask.method != "GET" && !own {
            uri.push(if ask.query.is_empty() { '?' } else { '&' });
            uri.push_str("dry_run=true");
        }
        let request = http::Request::builder()
            .method(ask.method)
            .uri(&uri)
            .header("authorization", format!("Bearer {}", self.token))
            .header("accept-language", self.language.tag());
        let said = self.said.iter();
        said.fold(request, |request, (name, value)| {
            request.header(*name, value)
        })
    }

    /// An answer's JSON. Errors: [`Refused`], no connection.
    fn json(&self, answer: Answered, changes: bool) -> Result<Value> {
        let mut answer = answer.map_err(|error| self.unanswered(error, changes))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(ANSWER_MAX);
        let text = body.read_to_string();
        let text = text.map_err(|error| self.unanswered(error, changes))?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        // What waits for a second person is not done.
        let awaits = json["type"] == "urn:congvu:problem:awaiting-approval";
        if status.is_success() && !awaits {
            return match WouldDo::of(json) {
                Ok(would) => Err(would.into()),
                Err(json) => Ok(json),
            };
        }
        Err(Refused {
            status: status.as_u16(),
            problem: json,
        }
        .into())
    }

    /// Why there is no answer, or none to its end. `changes`: something was to be done.
    fn unanswered(&self, error: ureq::Error, changes: bool) -> anyhow::Error {
        let url = &self.url;
        let (vi, en) = match Silence::of(&error) {
            Silence::Unreached => {
                return anyhow::Error::new(error).context(match self.language {
                    Language::Vi => format!("không kết nối được với {url}"),
                    Language::En => format!("cannot reach {url}"),
                });
            }
            Silence::Lost => (
                format!("đã kết nối với {url}, nhưng kết nối bị đứt giữa chừng"),
                format!("{url} was reached, and the connection was lost in the middle"),
            ),
            Silence::Late => (
                format!("{url} không trả lời trong {TIMEOUT_S} giây"),
                format!("{url} gave no answer within {TIMEOUT_S} seconds"),
            ),
        };
        let (vi_more, en_more) = match changes {
            true => (
                "; việc vừa yêu cầu có thể đã được làm: hãy xem lại trước khi làm lần nữa",
                "; what was asked for may have been done: look before you do it again",
            ),
            false => ("; hãy thử lại", "; try again"),
        };
        match self.language {
            Language::Vi => anyhow::anyhow!("{vi}{vi_more}"),
            Language::En => anyhow::anyhow!("{en}{en_more}"),
        }
    }

    /// Reads.
    pub(super) fn read(&self, path: &str) -> Result<Value> {
        self.call(Ask::new("GET", path))
    }

    /// Whether there is such a thing to see.
    pub(super) fn is_there(&self, path: &str) -> Result<bool> {
        match self.read(path) {
            Ok(_) => Ok(true),
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(refused) if refused.status == 404 => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Whether an address is of a domain here, and no account or alias is to be seen that has it.
    pub(super) fn is_missing(&self, address: &str) -> Result<bool> {
        let Some((local, domain)) = address.rsplit_once('@') else {
            return Ok(false);
        };
        // These are there without anybody having them.
        let known = ["postmaster", "abuse"];
        let path = |domain: &str| format!("domains/{}", encoded(domain));
        if known.iter().any(|name| name.eq_ignore_ascii_case(local))
            || !self.is_there(&path(domain))?
        {
            return Ok(false);
        }
        // A domain that stands for another has its addresses.
        let row = self.read(&path(domain))?;
        let meant = row["alias_of"].as_str();
        if meant.is_some_and(|meant| !self.is_there(&path(meant)).unwrap_or(false)) {
            // Who has the address is not for this administrator to see.
            return Ok(false);
        }
        let plain = local.split('+').next().unwrap_or(local);
        for domain in std::iter::once(domain).chain(meant) {
            for local in [local, plain] {
                let address = format!("{local}@{domain}");
                let alias = format!("aliases/{}", encoded(&address));
                if !self.at(&address, false)?.is_empty() || self.is_there(&alias)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Makes. A fresh Idempotency-Key goes along, so that a repeat after a lost answer is harmless.
    pub(super) fn create(&self, path: &str, body: Value) -> Result<Value> {
        let mut ask = Ask::new("POST", path).body(body);
        ask.key = Some(fresh_key()?);
        self.call(ask)
    }

    /// Asks after a run until it has ended; `path/ID` is where it is told. Returns its last answer.
    pub(super) fn follow(&self, path: &str, begun: Value, tell: Tell<'_>) -> Result<Value> {
        let id = begun["id"].as_u64().unwrap_or(0);
        let path = format!("{path}/{id}");
        let mut told = begun;
        for _ in 0..ASKED_MAX {
            if told["finished"] != false {
                return Ok(told);
            }
            if let Some(stage) = told["stage"].as_str().and_then(stage) {
                let number = |name: &str| told[name].as_u64().unwrap_or(0);
                let (done, total) = (number("done"), number("total"));
                tell(Progress { stage, done, total });
            }
            told = self.read(&path)?;
        }
        Ok(told)
    }

    /// Rows of a list that fit the filters, at most `limit`.
    pub(super) fn list(
        &self,
        path: &str,
        filters: &[(&'static str, Option<String>)],
        limit: Option<usize>,
    ) -> Result<Vec<Value>> {
        Ok(self.list_and_more(path, filters, limit)?.0)
    }

    /// Rows of a list that has no pages: it takes no parameters.
    pub(super) fn whole(&self, path: &str) -> Result<Vec<Value>> {
        let mut list = self.call(Ask::new("GET", path))?;
        match list.get_mut("items").map(Value::take) {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Ok(Vec::new()),
        }
    }

    /// The same as [`Self::list`], and what the last page says besides its rows.
    pub(super) fn list_and_more(
        &self,
        path: &str,
        filters: &[(&'static str, Option<String>)],
        limit: Option<usize>,
    ) -> Result<(Vec<Value>, Value)> {
        let limit = limit.unwrap_or(ROWS_MAX).min(ROWS_MAX);
        let (mut rows, mut more) = (Vec::new(), Value::Null);
        let mut cursor: Option<String> = None;
        while rows.len() < limit {
            let mut ask = Ask::new("GET", path);
            let given = filters
                .iter()
                .filter_map(|(name, value)| Some((*name, value.clone()?)));
            ask.query.extend(given);
            ask.query
                .push(("limit", PAGE.min(limit - rows.len()).to_string()));
            ask.query.extend(cursor.take().map(|c| ("cursor", c)));
            let mut page = self.call(ask)?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                rows.extend(items);
            }
            cursor = page
                .get("cursor")
                .and_then(Value::as_str)
                .map(str::to_owned);
            more = page;
            if cursor.is_none() {
                break;
            }
        }
        rows.truncate(limit);
        Ok((rows, more))
    }

    /// The account meant by an id or an address. Errors: there is none to see.
    pub(super) fn account(&self, who: &str) -> Result<u64> {
        if let Ok(id) = who.parse() {
            return Ok(id);
        }
        let found = self.at(who, false)?;
        found.first().copied().with_context(|| self.no_account(who))
    }

    /// The same for custody: one that was deleted is meant where none has the address now.
    /// Errors: there is none to see, or there were several.
    pub(super) fn kept_account(&self, who: &str) -> Result<u64> {
        if let Ok(id) = who.parse() {
            return Ok(id);
        }
        let mut found = self.at(who, false)?;
        if found.is_empty() {
            found = self.at(who, true)?;
        }
        match found[..] {
            [id] => Ok(id),
            [] => anyhow::bail!(self.no_account(who)),
            _ => anyhow::bail!(match self.language {
                Language::Vi =>
                    format!("{who} từng là của nhiều tài khoản đã xoá: hãy nêu số ({found:?})"),
                Language::En => format!(
                    "{who} was several deleted accounts': name one by its number ({found:?})"
                ),
            }),
        }
    }

    /// Numbers of the accounts that have, or when they were `deleted` had, this address.
    fn at(&self, address: &str, deleted: bool) -> Result<Vec<u64>> {
        let mut ask = Ask::new("GET", "accounts");
        ask.query.push(("address", address.to_owned()));
        if deleted {
            ask.query.push(("deleted", "true".to_owned()));
        }
        let page = self.call(ask)?;
        let items = page["items"].as_array().into_iter().flatten();
        Ok(items.filter_map(|item| item["id"].as_u64()).collect())
    }

    /// Refuses members of a list that are addresses here which nobody has: what is for them would be lost.
    pub(super) fn check_members(&self, members: &[String]) -> Result<()> {
        for member in members {
            if self.is_missing(member)? {
                anyhow::bail!(match self.language {
                    Language::Vi => format!(
                        "không có tài khoản hay bí danh {member} ở đây; thêm --force nếu vẫn muốn"
                    ),
                    Language::En => format!(
                        "no account or alias here is {member}; --force takes it all the same"
                    ),
                });
            }
        }
        Ok(())
    }

    fn no_account(&self, who: &str) -> String {
        match self.language {
            Language::Vi => format!("không có tài khoản {who} trong phạm vi của bạn"),
            Language::En => format!("no account {who} in your scope"),
        }
    }
}

/// RFC 3986 §2.1: everything but unreserved characters encoded.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte as char);
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A stage by its name in answers; `None` for one that this program does not know.
fn stage(name: &str) -> Option<Stage> {
    let known = [
        ("reading", Stage::Reading),
        ("placing", Stage::Placing),
        ("comparing", Stage::Comparing),
        ("looking", Stage::Looking),
        ("content", Stage::Content),
    ];
    known.iter().find(|row| row.0 == name).map(|row| row.1)
}

/// Fills with random octets of the system.
pub(super) fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|e| anyhow::anyhow!("the system gives no random numbers: {e}"))
}

fn fresh_key() -> Result<String> {
    let mut bytes = [0; 16];
    random(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_addresses() {
        assert_eq!(encoded("H99.1"), "H99.1");
        assert_eq!(encoded("a/b?c&d=e#f@x.vn"), "a%2Fb%3Fc%26d%3De%23f%40x.vn");
        assert_eq!(encoded("Nguyễn"), "Nguy%E1%BB%85n");
    }

    #[test]
    fn what_was_being_asked_is_told_from_what_never_was() {
        use std::io::ErrorKind;
        let of = |kind: ErrorKind| Silence::of(&ureq::Error::Io(kind.into()));
        assert_eq!(of(ErrorKind::ConnectionRefused), Silence::Unreached);
        assert_eq!(of(ErrorKind::UnexpectedEof), Silence::Lost);
        assert_eq!(of(ErrorKind::ConnectionReset), Silence::Lost);
        let late = |when| Silence::of(&ureq::Error::Timeout(when));
        assert_eq!(late(Timeout::Connect), Silence::Unreached);
        assert_eq!(late(Timeout::Global), Silence::Late);
        assert_eq!(Silence::of(&ureq::Error::HostNotFound), Silence::Unreached);
    }

    #[test]
    fn a_problem_is_told_in_lines_and_cannot_steer_the_terminal() {
        let problem = serde_json::json!({
            "title": "Giá trị không hợp lệ", "detail": "`name`: \u{1b}[31m",
            "errors": [{"field": "name", "detail": "x"}, {"field": "quota", "detail": "y"}],
        });
        let told = Refused {
            status: 422,
            problem,
        }
        .to_string();
        assert_eq!(
            told,
            "422 Giá trị không hợp lệ: `name`: \u{fffd}[31m\n  quota: y\n"
        );
    }
}
