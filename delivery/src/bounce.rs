//! RFC 3464 delivery status notifications: the sender is told what could not be delivered.

use crate::stamp::{self, ZONE_MIN};
use crate::{Delivery, Envelope, Origin, Recipient, Refused, header};
use formats::address::Address;
use formats::date;
use formats::message::header::encode_words;
use std::fmt::Write;

/// Octets of the returned header.
const RETURNED_MAX: usize = 64 * 1024;
/// Recipients told one by one; a list may fail for thousands.
const FAILURES_MAX: usize = 1_000;
/// Octets of a peer's reply that are repeated.
const DIAGNOSTIC_MAX: usize = 500;

/// A recipient who did not get it.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    address: Address,
    orcpt: Option<String>,
    /// An enhanced status code, then text.
    why: String,
    /// RFC 3461 §4.1 NOTIFY does not ask for it.
    unwanted: bool,
}

impl Failure {
    /// `address` is where it went for `recipient`.
    pub(crate) fn of(recipient: &Recipient, address: &Address, why: &str) -> Self {
        let notify = recipient.notify.as_deref();
        Self {
            address: address.clone(),
            orcpt: recipient.orcpt.clone(),
            why: why
                .chars()
                .filter(|c| !c.is_control())
                .take(DIAGNOSTIC_MAX)
                .collect(),
            unwanted: notify.is_some_and(|n| !n.split(',').any(|word| word == "FAILURE")),
        }
    }

    /// RFC 3463 §2 status code.
    fn status(&self) -> &str {
        let code = self.why.split(' ').next().unwrap_or_default();
        let digits =
            |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let fits =
            code.starts_with("5.") && code.split('.').count() == 3 && code.split('.').all(digits);
        if fits { code } else { "5.0.0" }
    }
}

/// The message that failed.
pub(crate) struct About<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) trace: &'a str,
    pub(crate) accepted_at: i64,
    /// Of the bounce.
    pub(crate) delivery: Option<u64>,
}

impl Delivery {
    /// Tells the sender, through the same door. A null reverse-path is never answered (I-11): then, and
    /// when the sender cannot be reached, a log line is the end of it (I-10).
    /// Errors only when it could be told later: `Refused::Temporary`.
    pub(crate) fn bounce(
        &self,
        about: &About<'_>,
        content: &[u8],
        failures: &[Failure],
    ) -> Result<(), Refused> {
        for failure in failures {
            let (trace, to, why) = (about.trace, &failure.address, &failure.why);
            tracing::info!(%trace, %to, %why, "not delivered");
        }
        let wanted: Vec<&Failure> = failures.iter().filter(|f| !f.unwanted).collect();
        let Some(sender) = about.envelope.from.address() else {
            tracing::info!(
                trace = %about.trace,
                "discarded: a null reverse-path is not answered"
            );
            return Ok(());
        };
        if wanted.is_empty() {
            return Ok(());
        }
        let envelope = Envelope {
            from: crate::ReversePath::Null,
            recipients: vec![Recipient {
                address: sender.clone(),
                notify: None,
                orcpt: None,
            }],
            envid: None,
            ret: None,
            smtputf8: !sender.is_ascii() || about.envelope.smtputf8,
            eight_bit: true,
        };
        match self.post(about, sender, content, &wanted, envelope) {
            Ok(trace) => tracing::info!(trace = %about.trace, bounce = %trace, "bounced"),
            Err(refused @ Refused::Temporary(_)) => return Err(refused),
            Err(Refused::Permanent(cause)) => {
                let trace = about.trace;
                tracing::warn!(%trace, %sender, ?cause, "discarded: the bounce cannot be delivered");
            }
        }
        Ok(())
    }

    fn post(
        &self,
        about: &About<'_>,
        sender: &Address,
        content: &[u8],
        failures: &[&Failure],
        envelope: Envelope,
    ) -> Result<String, Refused> {
        let report = Report {
            host: &self.inner.settings.host,
            id: stamp::trace_id()?,
            now: self.inner.directory.clock().now_s(),
            about,
            sender,
            failures,
        };
        let text = report.print(content);
        self.take(envelope, &text, &Origin::Generated, about.delivery)
            .map(|r| r.trace)
    }
}

/// A notification to print.
struct Report<'a> {
    host: &'a str,
    id: String,
    now: i64,
    about: &'a About<'a>,
    sender: &'a Address,
    failures: &'a [&'a Failure],
}

impl Report<'_> {
    fn print(&self, content: &[u8]) -> Vec<u8> {
        let boundary = format!("=_{}", self.id);
        let mut out = String::new();
        self.head(&boundary, &mut out);
        let _ = write!(
            out,
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        );
        self.words(&mut out);
        let _ = write!(
            out,
            "\r\n--{boundary}\r\nContent-Type: message/delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        );
        self.status(&mut out);
        let _ = write!(
            out,
            "\r\n--{boundary}\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        );
        let mut out = out.into_bytes();
        let length = header::length(content);
        out.extend_from_slice(&content[..length.min(RETURNED_MAX)]);
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        out
    }

    fn head(&self, boundary: &str, out: &mut String) {
        let subject = encode_words("Thư không gửi được (Undelivered mail)");
        let name = encode_words("Hệ thống thư");
        let when = date::rfc5322(self.now, ZONE_MIN);
        let _ = write!(
            out,
            "From: {name} <mailer-daemon@{host}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: {when}\r\n\
             Message-ID: <{id}@{host}>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n\r\n",
            host = self.host,
            to = self.sender,
            id = self.id,
        );
    }

    /// For people, in both languages.
    fn words(&self, out: &mut String) {
        out.push_str("Thư của bạn không tới được những người nhận sau đây.\r\n");
        out.push_str("Your message did not reach the following recipients.\r\n\r\n");
        for failure in self.failures.iter().take(FAILURES_MAX) {
            let (vi, en) = plainly(failure.status());
            let _ = write!(
                out,
                "<{}>\r\n    {vi}\r\n    {en}\r\n    ({})\r\n",
                failure.address, failure.why
            );
        }
        if self.failures.len() > FAILURES_MAX {
            let more = self.failures.len() - FAILURES_MAX;
            let _ = write!(out, "… và {more} người nhận khác. / … and {more} more.\r\n");
        }
    }

    /// RFC 3464 §2: per-message fields, then a block for each recipient.
    fn status(&self, out: &mut String) {
        let _ = write!(out, "Reporting-MTA: dns; {}\r\n", self.host);
        if let Some(envid) = &self.about.envelope.envid {
            let _ = write!(out, "Original-Envelope-Id: {envid}\r\n");
        }
        let when = date::rfc5322(self.about.accepted_at, ZONE_MIN);
        let _ = write!(out, "Arrival-Date: {when}\r\n");
        for failure in self.failures.iter().take(FAILURES_MAX) {
            out.push_str("\r\n");
            if let Some(orcpt) = &failure.orcpt {
                let _ = write!(out, "Original-Recipient: {orcpt}\r\n");
            }
            // RFC 6533 §3: an address that is not ASCII is of type utf-8.
            let kind = if failure.address.is_ascii() {
                "rfc822"
            } else {
                "utf-8"
            };
            let _ = write!(
                out,
                "Final-Recipient: {kind}; {}\r\nAction: failed\r\nStatus: {}\r\nDiagnostic-Code: x-congvu; {}\r\n",
                failure.address,
                failure.status(),
                failure.why
            );
        }
    }
}

/// What a status code means to people (RFC 3463 §3): Vietnamese, English.
fn plainly(status: &str) -> (&'static str, &'static str) {
    match status {
        "5.1.1" => ("Không có hộp thư này.", "There is no such mailbox."),
        "5.2.1" => (
            "Hộp thư này hiện không nhận thư.",
            "The mailbox takes no mail now.",
        ),
        "5.2.2" => ("Hộp thư đã đầy.", "The mailbox is full."),
        "5.4.7" => (
            "Đã thử nhiều ngày mà không gửi được.",
            "It was tried for days without success.",
        ),
        "5.7.1" => (
            "Nơi nhận không cho phép gửi thư này.",
            "The message is not permitted there.",
        ),
        _ => ("Thư không gửi được.", "The message could not be delivered."),
    }
}
