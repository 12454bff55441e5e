//! A message, its timeline and its progress as the API shows them, to those who may see them.

use super::view::View;
use crate::language::Language;
use crate::router::Room;
use delivery::Outcome;
use delivery::trace::{Event, Found, Head, Progress, Standing, What, Whence};
use formats::date;
use serde::Serialize;
use utoipa::ToSchema;

/// Whence a message came.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceOrigin {
    kind: TraceOriginKind,
    /// Address of the server or program that handed it in.
    ip: Option<String>,
    /// As that greeted.
    helo: Option<String>,
    /// ESMTP, ESMTPS, ESMTPSA, JMAP…
    protocol: Option<String>,
    /// Version and cipher of TLS.
    tls: Option<String>,
    /// The account that submitted it.
    account: Option<u32>,
    /// Of a notification: the message that it is about.
    about: Option<String>,
}

/// How a message came.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TraceOriginKind {
    /// From another server.
    Remote,
    /// From somebody signed in.
    Submitted,
    /// Made by this server.
    Generated,
}

/// Where a message stands for a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TraceState {
    /// It lies in a mailbox here.
    Placed,
    /// Another server took it.
    Relayed,
    /// It went on to where the address leads.
    SentOn,
    /// It goes at the time that its sender chose.
    Scheduled,
    /// It waits for its next try.
    Waiting,
    /// An administrator holds it back.
    Held,
    /// It was given up.
    Failed,
}

/// A message as it was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceItem {
    /// Names the acceptance: in the reply to the sender, in Received, in the log.
    id: String,
    /// When it was accepted; RFC 3339, UTC.
    accepted_at: String,
    /// Reverse-path; null for a bounce.
    sender: Option<String>,
    /// Where it stands for those recipients, all taken together: what is worst.
    state: TraceState,
    /// For how many of those it failed.
    failed: u32,
    /// The envelope's recipients, as far as you may know of them; at most 1,000.
    recipients: Vec<String>,
    message_id: Option<String>,
    /// Octets.
    size: u64,
    /// RFC 6710: -9 to 9.
    priority: i8,
    origin: TraceOrigin,
    /// What was found out about it before it was accepted.
    checks: Vec<String>,
}

/// How a try ended, for whom.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceResult {
    outcome: TraceOutcome,
    /// What was answered, word for word, or what went wrong; what this server says itself, in the language of the request.
    said: String,
    recipients: Vec<String>,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TraceOutcome {
    Relayed,
    Deferred,
    Failed,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TraceEventKind {
    /// It waits in the queue.
    Queued,
    /// It lies in a mailbox here.
    Placed,
    /// It lies where the address leads: with members of a list, or where somebody lets his mail go on to.
    SentOn,
    /// A try ended.
    Tried,
    /// The sender was told that it failed, or takes long.
    Told,
    /// An administrator did something.
    Act,
}

/// What happened when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceEvent {
    /// RFC 3339, UTC.
    at: String,
    kind: TraceEventKind,
    /// Of `placed` and `sent_on`: for whom; of `told`: of whom.
    recipients: Vec<String>,
    /// Of `tried`: the next hop; null: none was asked.
    hop: Option<String>,
    /// Of `tried`: version and cipher of TLS; null: in the clear, or not known.
    tls: Option<String>,
    /// Of `tried`.
    results: Vec<TraceResult>,
    /// Of `told`: true where it only takes long.
    late: Option<bool>,
    /// Of `told`: true where it arrived, and the sender had asked to hear of that.
    good: Option<bool>,
    /// Of `told`: names the notification; null: nobody could or should be told.
    notice: Option<String>,
    /// Of `act`: what was done, as the audit log names it.
    act: Option<String>,
    /// Of `act`: who did it.
    by: Option<String>,
    /// Of `act`: the way that was chosen.
    to: Option<String>,
}

/// How far a message is for one recipient.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceProgress {
    recipient: String,
    state: TraceState,
    /// Since when; RFC 3339, UTC.
    at: String,
    /// When it is tried next, or goes; RFC 3339, UTC. Null: no more, or not known.
    next_try: Option<String>,
    /// Tries so far.
    tries: u32,
    /// What the last try ended with, word for word (what this server says itself: in the language of the request); where there was none, what keeps its server from taking anything.
    said: Option<String>,
    /// What that means, in the language of the request.
    meaning: Option<&'static str>,
    /// Who was asked then.
    hop: Option<String>,
    /// Version and cipher of TLS then; null: in the clear, or not known.
    tls: Option<String>,
}

/// A message and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Timeline {
    pub(crate) message: TraceItem,
    /// Of each recipient of whom you may know, in the order of the envelope.
    pub(crate) progress: Vec<TraceProgress>,
    /// The oldest first.
    pub(crate) events: Vec<TraceEvent>,
}

/// Whence it came, as one may see it: where somebody works and with what is for who looks after him.
fn origin(whence: Whence, view: &View) -> TraceOrigin {
    let none = TraceOrigin {
        kind: TraceOriginKind::Generated,
        ip: None,
        helo: None,
        protocol: None,
        tls: None,
        account: None,
        about: None,
    };
    match whence {
        Whence::Remote {
            ip,
            helo,
            with,
            tls,
        } => TraceOrigin {
            kind: TraceOriginKind::Remote,
            ip: Some(ip.to_string()),
            helo: Some(helo),
            protocol: Some(with),
            tls,
            ..none
        },
        Whence::Submitted { with, .. } if matches!(view, View::Partly(..)) => TraceOrigin {
            kind: TraceOriginKind::Submitted,
            protocol: Some(with),
            ..none
        },
        Whence::Submitted {
            account,
            ip,
            helo,
            with,
            tls,
        } => TraceOrigin {
            kind: TraceOriginKind::Submitted,
            ip: ip.map(|ip| ip.to_string()),
            helo: Some(helo),
            protocol: Some(with),
            tls,
            account: Some(account.raw()),
            about: None,
        },
        Whence::Generated { about } => TraceOrigin { about, ..none },
    }
}

/// Those of whom one may know.
fn visible<'p>(
    head: &'p Head,
    view: &'p View,
    progress: &'p [Progress],
) -> impl Iterator<Item = &'p Progress> {
    progress.iter().filter(|p| view.shows(head, &p.recipient))
}

/// The message, with where it stands for those of whom one may know.
pub(crate) fn item(found: Found, view: &View, progress: &[Progress]) -> TraceItem {
    let Found { id, at, head } = found;
    let shown = |recipient: &&String| view.shows(&head, recipient);
    let worst = visible(&head, view, progress).map(|p| p.standing).max();
    let failed = visible(&head, view, progress).filter(|p| p.standing == Standing::Failed);
    TraceItem {
        id,
        accepted_at: date::utc(at),
        sender: Some(head.from.clone()).filter(|from| !from.is_empty()),
        state: worst.unwrap_or(Standing::Placed).into(),
        failed: failed.count() as u32,
        recipients: head.recipients.iter().filter(shown).cloned().collect(),
        message_id: head.message_id.clone(),
        size: head.size,
        priority: head.priority,
        checks: head.checks.clone(),
        origin: origin(head.whence, view),
    }
}

impl From<Standing> for TraceState {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Placed => Self::Placed,
            Standing::Relayed => Self::Relayed,
            Standing::SentOn => Self::SentOn,
            Standing::Scheduled => Self::Scheduled,
            Standing::Waiting => Self::Waiting,
            Standing::Held => Self::Held,
            Standing::Failed => Self::Failed,
        }
    }
}

fn explained(progress: &Progress, language: Language) -> Option<&'static str> {
    let failed = progress.standing == Standing::Failed;
    let said = progress.said.as_deref()?;
    let kept = progress.standing == Standing::Held
        && [
            delivery::SUSPENDED,
            delivery::DELETED,
            delivery::ADDRESS_LOST,
        ]
        .contains(&said);
    if !failed && !kept && progress.standing != Standing::Waiting {
        return None;
    }
    let (vi, en) = delivery::explained(said, failed);
    Some(match language {
        Language::Vietnamese => vi,
        Language::English => en,
    })
}

/// What was said, in the language of who asks where the server itself said it.
fn said(text: String, language: Language) -> String {
    match language {
        Language::Vietnamese => delivery::said_in_vietnamese(&text).into_owned(),
        Language::English => text,
    }
}

/// How far it is for those of whom one may know.
pub(crate) fn progress(
    head: &Head,
    view: &View,
    all: &[Progress],
    language: Language,
) -> Vec<TraceProgress> {
    let shown = visible(head, view, all).map(|one| TraceProgress {
        recipient: one.recipient.clone(),
        state: one.standing.into(),
        at: date::utc(one.at),
        next_try: one.next.map(date::utc),
        tries: one.tries,
        said: one.said.clone().map(|text| said(text, language)),
        meaning: explained(one, language),
        hop: one.hop.clone(),
        tls: one.tls.clone(),
    });
    shown.collect()
}

/// The events as one may see them. An act tells a recipient whose part is over that others have theirs yet.
pub(crate) fn shown(
    room: &Room,
    head: &Head,
    view: &View,
    all: &[Progress],
    events: Vec<Event>,
    language: Language,
) -> Vec<TraceEvent> {
    let each = events.into_iter();
    let mut each: Vec<TraceEvent> = each.flat_map(|e| event(room, head, view, e)).collect();
    let waits = |p: &Progress| {
        let waiting = [Standing::Scheduled, Standing::Waiting, Standing::Held];
        waiting.contains(&p.standing)
    };
    let over = matches!(view, View::Partly(..)) && !visible(head, view, all).any(waits);
    for result in each.iter_mut().flat_map(|event| &mut event.results) {
        result.said = said(std::mem::take(&mut result.said), language);
    }
    while over && each.last().is_some_and(|e| e.kind == TraceEventKind::Act) {
        each.pop();
    }
    each
}

/// The event as one may see it, in parts; none: it tells of others only.
fn event(room: &Room, head: &Head, view: &View, event: Event) -> Vec<TraceEvent> {
    let mut shown = bare(event.at);
    let visible = |all: Vec<String>| -> Vec<String> {
        all.into_iter().filter(|to| view.shows(head, to)).collect()
    };
    match event.what {
        What::Queued => {}
        What::Placed(accounts) => {
            let places = view.places(room, head, &accounts);
            let part = |kind, recipients| TraceEvent {
                kind,
                recipients,
                ..bare(event.at)
            };
            let own = part(TraceEventKind::Placed, places.own);
            let led = part(TraceEventKind::SentOn, places.led);
            let parts = [own, led].into_iter();
            return parts.filter(|p| !p.recipients.is_empty()).collect();
        }
        What::Tried { hop, tls, results } => {
            shown.kind = TraceEventKind::Tried;
            (shown.hop, shown.tls) = (Some(hop).filter(|hop| !hop.is_empty()), tls);
            for (outcome, recipients) in results {
                let heard = recipients.into_iter().filter(|to| view.hears(head, to));
                let recipients: Vec<String> = heard.collect();
                if !recipients.is_empty() {
                    let (outcome, said) = match outcome {
                        Outcome::Relayed(said) => (TraceOutcome::Relayed, said),
                        Outcome::Deferred(said) => (TraceOutcome::Deferred, said),
                        Outcome::Failed(said) => (TraceOutcome::Failed, said),
                    };
                    shown.results.push(TraceResult {
                        outcome,
                        said,
                        recipients,
                    });
                }
            }
            if shown.results.is_empty() {
                return Vec::new();
            }
        }
        What::Told {
            late,
            good,
            recipients,
            notice,
        } => {
            if matches!(view, View::Partly(..)) {
                return Vec::new();
            }
            shown.kind = TraceEventKind::Told;
            shown.recipients = visible(recipients);
            (shown.late, shown.good, shown.notice) = (Some(late), Some(good), notice);
        }
        What::Act { act, by, to } => {
            shown.kind = TraceEventKind::Act;
            shown.act = Some(act);
            // Who administers is not everybody's business.
            if matches!(view, View::Whole) {
                (shown.by, shown.to) = (by, to);
            }
        }
    }
    vec![shown]
}

/// An event at this time, Unix seconds.
fn bare(at: i64) -> TraceEvent {
    TraceEvent {
        at: date::utc(at),
        kind: TraceEventKind::Queued,
        recipients: Vec::new(),
        hop: None,
        tls: None,
        results: Vec::new(),
        late: None,
        good: None,
        notice: None,
        act: None,
        by: None,
        to: None,
    }
}
