//! A webhook on the wire.

use crate::body::given;
use crate::problem::{Problem, expected};
use directory::hook::{Event, Failure, Stopped};
use directory::{Hook, HookState};
use formats::date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A webhook, and how it goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Webhook {
    /// The number of its entry in the audit log.
    pub(super) id: u64,
    #[schema(example = "Phần mềm nhân sự")]
    label: String,
    /// Of whose accounts: this agency and all below it.
    #[schema(example = "H99.2")]
    agency: String,
    #[schema(example = "https://hr.tinhmau.gov.vn/congvu")]
    url: String,
    /// Empty: every event.
    events: Vec<String>,
    enabled: bool,
    /// `working`, `retrying` (the last call failed), `off`, `gone` (it answered 410), or `failing`: too many events were
    /// given up. The last two end when it is switched on anew.
    #[schema(example = "working")]
    state: String,
    /// Who made it.
    by: String,
    /// RFC 3339, UTC.
    created_at: String,
    /// Calls that succeeded.
    delivered: u64,
    /// Events that were given up.
    given_up: u64,
    /// When a call succeeded last; RFC 3339, UTC.
    last_at: Option<String>,
    /// When it is called again after a failure; RFC 3339, UTC.
    next_at: Option<String>,
    /// At most 20, the newest first.
    failures: Vec<WebhookFailure>,
    /// What If-Match names.
    version: u64,
}

/// A call that failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookFailure {
    /// The event's number, which is that of its entry in the audit log.
    event: u64,
    /// RFC 3339, UTC.
    at: String,
    /// Of the answer, if there was one.
    status: Option<u16>,
    /// In English, as the log says it.
    error: String,
    /// It was the last try for this event.
    given_up: bool,
}

/// A webhook with its secret, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedWebhook {
    #[serde(flatten)]
    pub(super) webhook: Webhook,
    /// Its octets are the key of HMAC-SHA256. Keep it: it is never shown again.
    pub(super) secret: String,
}

/// A webhook to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    #[schema(example = "Phần mềm nhân sự")]
    pub(super) label: String,
    /// Of whose accounts: this agency and all below it.
    #[schema(example = "H99.2")]
    pub(super) agency: String,
    /// HTTPS, without a user or a fragment.
    #[schema(example = "https://hr.tinhmau.gov.vn/congvu")]
    pub(super) url: String,
    /// `account.created`, …; every event when left out.
    #[serde(default)]
    pub(super) events: Vec<String>,
}

/// What is to be changed; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookChange {
    #[serde(default, deserialize_with = "given")]
    pub(super) label: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(super) url: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(super) events: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    pub(super) enabled: Option<bool>,
    /// Of what happened until now it hears no more.
    #[serde(default)]
    pub(super) skip: bool,
}

impl From<Failure> for WebhookFailure {
    fn from(failure: Failure) -> Self {
        Self {
            event: failure.event,
            at: date::utc(failure.at),
            status: failure.status,
            error: failure.error,
            given_up: failure.given_up,
        }
    }
}

/// Events by their names. Errors: 422.
pub(super) fn events(names: &[String]) -> Result<Vec<Event>, Problem> {
    let each = names.iter().map(|name| {
        Event::named(name).ok_or_else(|| {
            let all: Vec<&str> = Event::names().collect();
            let all = all.join(", ");
            Problem::invalid(
                "events",
                expected(format!("trong số: {all}"), format!("one of: {all}")),
            )
        })
    });
    each.collect()
}

pub(super) fn shown(hook: Hook, state: HookState) -> Webhook {
    let waits = state.tries > 0 && state.stopped.is_none();
    let word = match (hook.enabled, state.stopped) {
        (false, _) => "off",
        (true, Some(Stopped::Gone)) => "gone",
        (true, Some(Stopped::Failing)) => "failing",
        (true, None) if waits => "retrying",
        (true, None) => "working",
    };
    Webhook {
        id: hook.id,
        label: hook.label,
        agency: hook.agency.0,
        url: hook.url,
        events: hook.events.iter().map(|e| e.name().to_owned()).collect(),
        enabled: hook.enabled,
        state: word.to_owned(),
        by: hook.by,
        created_at: date::utc(hook.created_at),
        delivered: state.delivered,
        given_up: state.given_up,
        last_at: state.last_at.map(date::utc),
        next_at: (waits && hook.enabled).then(|| date::utc(state.again_at)),
        failures: state.failures.into_iter().rev().map(Into::into).collect(),
        version: hook.version,
    }
}
