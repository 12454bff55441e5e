//! RFC 6522 multipart/report, RFC 3464 message/delivery-status: a notification as octets, for people in two languages.

use crate::TlsWish;
use crate::act::GIVEN_UP;
use crate::bounce::About;
use crate::dsn;
use crate::header;
use crate::job::without_return_path;
use crate::meaning::{explained, meaning};
use crate::news::{Action, News};
use crate::outcome::said;
use crate::stamp::ZONE_MIN;
use formats::address::Address;
use formats::date;
use formats::message::binary::is_binary;
use formats::message::header::encode_words;
use formats::message::seven::{to_lines, to_seven_bit};
use std::borrow::Cow;
use std::fmt::Write;

/// Octets of the returned header.
const HEADER_MAX: usize = 64 * 1024;
/// Octets of a message that is returned whole where its sender asks for it.
const WHOLE_MAX: usize = 1024 * 1024;
/// Recipients told one by one; a list may fail for thousands.
const RECIPIENTS_MAX: usize = 1_000;

/// A notification to print. Its news are all of failures, all of delays, or all of success.
pub(crate) struct Report<'a> {
    pub(crate) host: &'a str,
    pub(crate) id: String,
    /// Unix seconds.
    pub(crate) now: i64,
    pub(crate) about: &'a About<'a>,
    pub(crate) sender: &'a Address,
    pub(crate) news: &'a [&'a News],
}

impl Report<'_> {
    /// The message with `content` or its header returned.
    pub(crate) fn print(&self, content: &[u8]) -> Vec<u8> {
        let boundary = format!("=_{}", self.id);
        let mut out = String::new();
        self.head(&boundary, &mut out);
        let part = |(kind, encoding): (&str, &str), out: &mut String| {
            let _ = write!(
                out,
                "\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
            );
        };
        part(("text/plain; charset=utf-8", "8bit"), &mut out);
        self.words(&mut out);
        // RFC 6533 §3: the media types of internationalized mail.
        let global = self.global();
        let mut status = String::new();
        self.status(&mut status);
        if global {
            part(("message/global-delivery-status", "8bit"), &mut out);
            out.push_str(&status);
        } else {
            // RFC 3464 §2.1.1, RFC 6533 §4: nothing but ASCII, whatever a peer said.
            part(("message/delivery-status", "7bit"), &mut out);
            out.extend(status.chars().map(|c| if c.is_ascii() { c } else { '?' }));
        }
        // RFC 5321 §4.4: what was put before it here is for the one in whose mailbox it lies.
        let content = without_return_path(content);
        let whole = self.whole(content);
        let content = whole.as_deref().unwrap_or(content);
        let whole = whole.is_some();
        let returned = match (whole, global) {
            (true, false) => "message/rfc822",
            (true, true) => "message/global",
            (false, false) => "text/rfc822-headers",
            (false, true) => "message/global-headers",
        };
        part((returned, "8bit"), &mut out);
        let mut out = out.into_bytes();
        let length = if whole {
            content.len()
        } else {
            header::length(content).min(HEADER_MAX)
        };
        out.extend_from_slice(&content[..length]);
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        out
    }

    /// When it is tried until, where it is not over.
    fn until(&self) -> Option<i64> {
        self.news.first().and_then(|news| news.until())
    }

    fn succeeds(&self) -> bool {
        self.news.first().is_some_and(|news| news.action.succeeds())
    }

    /// RFC 3461 §4.3: RET=FULL asks for the whole message when it failed, not when it is late or well; RFC 8689 §5:
    /// and not where it was to go under TLS only. RFC 3030 §3: what is binary in it is encoded, where that can be.
    fn whole<'a>(&self, content: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let envelope = self.about.envelope;
        let asked = envelope.ret.as_deref() == Some("FULL") && envelope.tls != TlsWish::Required;
        let told = asked && self.until().is_none() && !self.succeeds();
        if !told || content.len() > WHOLE_MAX {
            return None;
        }
        let content = match is_binary(content) {
            true => Cow::Owned(to_lines(content)?),
            false => Cow::Borrowed(content),
        };
        // To a server without 8BITMIME it must be possible to tell, too (RFC 6152 §3).
        let tells = content.is_ascii() || to_seven_bit(&content).is_some();
        tells.then_some(content)
    }

    fn global(&self) -> bool {
        self.about.envelope.smtputf8 || self.news.iter().any(|n| !n.address.is_ascii())
    }

    fn head(&self, boundary: &str, out: &mut String) {
        let subject = encode_words(match self.until() {
            None if self.succeeds() => "Thư đã tới nơi (Delivered mail)",
            None => "Thư không gửi được (Undelivered mail)",
            Some(_) => "Thư chưa gửi được, vẫn đang thử (Delayed mail)",
        });
        let name = encode_words("Hệ thống thư");
        let when = date::rfc5322(self.now, ZONE_MIN);
        let _ = write!(
            out,
            "From: {name} <mailer-daemon@{host}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: {when}\r\n\
             Message-ID: <{id}@{host}>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n",
            host = self.host,
            to = self.sender,
            id = self.id,
        );
        // RFC 8689 §6: also for the servers after the next one.
        if self.about.envelope.tls == TlsWish::Waived {
            out.push_str("TLS-Required: No\r\n");
        }
    }

    /// For people, in both languages.
    fn words(&self, out: &mut String) {
        match self.until() {
            None if self.succeeds() => out.push_str(
                "Thư của bạn đã tới những nơi sau đây, như bạn yêu cầu báo lại.\r\n\
                 Your message has arrived as follows, of which you asked to be told.\r\n\r\n",
            ),
            None => out.push_str(
                "Thư của bạn không tới được những người nhận sau đây.\r\n\
                 Your message did not reach the following recipients.\r\n\r\n",
            ),
            Some(until) => {
                let until = date::rfc5322(until, ZONE_MIN);
                let _ = write!(
                    out,
                    "Thư của bạn chưa tới được những người nhận sau đây. Hệ thống vẫn tiếp tục thử\r\n\
                     đến {until}; bạn không cần gửi lại.\r\n\
                     Your message has not yet reached the following recipients. It is tried\r\n\
                     until {until}; you need not send it again.\r\n\r\n"
                );
            }
        }
        for news in self.news.iter().take(RECIPIENTS_MAX) {
            let (vi, en) = plainly(news);
            let _ = write!(
                out,
                "<{}>\r\n    {vi}\r\n    {en}\r\n    ({})\r\n",
                news.address, news.why
            );
        }
        if self.news.len() > RECIPIENTS_MAX {
            let more = self.news.len() - RECIPIENTS_MAX;
            let _ = write!(out, "… và {more} người nhận khác. / … and {more} more.\r\n");
        }
    }

    /// RFC 3464 §2: per-message fields, then a block for each recipient.
    fn status(&self, out: &mut String) {
        let _ = write!(out, "Reporting-MTA: dns; {}\r\n", self.host);
        if let Some(envid) = &self.about.envelope.envid {
            let _ = write!(
                out,
                "Original-Envelope-Id: {}\r\n",
                dsn::shown(envid, self.global())
            );
        }
        let when = date::rfc5322(self.about.accepted_at, ZONE_MIN);
        let _ = write!(out, "Arrival-Date: {when}\r\n");
        for news in self.news.iter().take(RECIPIENTS_MAX) {
            recipient(news, self.global(), out);
        }
    }
}

/// RFC 3464 §2.3.
fn recipient(news: &News, global: bool, out: &mut String) {
    out.push_str("\r\n");
    if let Some(orcpt) = &news.orcpt {
        let _ = write!(out, "Original-Recipient: {}\r\n", dsn::shown(orcpt, global));
    }
    // RFC 6533 §3: an address that is not ASCII is of type utf-8.
    let kind = if news.address.is_ascii() {
        "rfc822"
    } else {
        "utf-8"
    };
    let _ = write!(
        out,
        "Final-Recipient: {kind}; {}\r\nAction: {}\r\nStatus: {}\r\n",
        news.address,
        news.action.word(),
        news.status()
    );
    // RFC 3464 §2.3.5, §2.3.6: the peer's own words, if one spoke; where all is well and none did there are none.
    match said(&news.why) {
        Some((peer, answer)) => {
            // A socket of this machine has a path, and no name in DNS.
            let kind = if peer.starts_with('/') {
                "x-unix"
            } else {
                "dns"
            };
            let _ = write!(
                out,
                "Remote-MTA: {kind}; {peer}\r\nDiagnostic-Code: smtp; {answer}\r\n"
            );
        }
        None if news.action.succeeds() => {}
        None => {
            let _ = write!(out, "Diagnostic-Code: x-congvu; {}\r\n", news.why);
        }
    }
    if let Some(until) = news.until() {
        let until = date::rfc5322(until, ZONE_MIN);
        let _ = write!(out, "Will-Retry-Until: {until}\r\n");
    }
}

/// What is told, to people: Vietnamese, English.
fn plainly(news: &News) -> (&'static str, &'static str) {
    match news.action {
        // What people did has no code of its own.
        Action::Failed if news.why == GIVEN_UP => explained(GIVEN_UP, true),
        // The code is of an address that nobody wrote to.
        Action::Failed if news.through.is_some() => (
            "Thư của người này được chuyển tiếp tới nơi khác, và nơi đó không nhận.",
            "This recipient's mail goes on elsewhere, where it was not taken.",
        ),
        Action::Delayed(_) if news.through.is_some() => (
            "Thư của người này được chuyển tiếp tới nơi khác, và nơi đó chưa nhận.",
            "This recipient's mail goes on elsewhere, where it was not taken yet.",
        ),
        Action::Failed | Action::Delayed(_) => meaning(news.status()),
        Action::Listed => (
            "Danh sách thư đã nhận thư này và chuyển tới các thành viên.",
            "The mailing list has taken it, and sends it to its members.",
        ),
        Action::Delivered => (
            "Thư đã vào hộp thư của người nhận.",
            "It lies in the recipient's mailbox.",
        ),
        Action::Relayed => (
            "Thư đã được máy chủ của nơi nhận nhận; máy chủ đó không báo lại sau này.",
            "The recipient's server has taken it; it will tell nothing more.",
        ),
        Action::Expanded => (
            "Thư đã được chuyển tới mọi người trong danh sách của địa chỉ này.",
            "It goes on to all to whom this address leads.",
        ),
    }
}
