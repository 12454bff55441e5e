//! `congvu admin trace …`: what became of a message.

use super::Usage;
use super::client::{Client, clean, encoded};
use super::print::{Column, Printer};
use super::words::vietnamese;
use crate::clock::SystemClock;
use directory::Clock as _;
use formats::date;
use serde_json::Value;

const LIST: [Column; 7] = [
    ("id", "Mã", "Id"),
    ("accepted_at", "Nhận lúc", "Accepted"),
    ("sender", "Người gửi", "From"),
    ("recipients", "Người nhận", "Recipients"),
    ("state", "Đến đâu", "State"),
    ("message_id", "Message-ID", "Message-ID"),
    ("size", "Byte", "Octets"),
];
const ORIGIN: [Column; 7] = [
    ("kind", "Nguồn", "Origin"),
    ("ip", "Từ máy", "From host"),
    ("helo", "Tự xưng", "Greeted as"),
    ("protocol", "Giao thức", "Protocol"),
    ("tls", "TLS", "TLS"),
    ("account", "Tài khoản gửi", "Submitter"),
    ("about", "Báo về thư", "About"),
];

const PROGRESS: [Column; 5] = [
    ("recipient", "Người nhận", "Recipient"),
    ("state", "Đến đâu", "State"),
    ("at", "Từ lúc", "Since"),
    ("next_try", "Thử lại lúc", "Next try"),
    ("meaning", "Vì sao", "Why"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Tìm thư đã nhận / Find messages that were accepted, the newest first
    Search {
        /// Reverse-path.
        #[arg(long, visible_alias = "sender")]
        from: Option<String>,
        /// Address of a recipient.
        #[arg(long, visible_alias = "recipient")]
        to: Option<String>,
        /// Message-ID header.
        #[arg(long)]
        message_id: Option<String>,
        /// Accepted then or later: 2026-11-01, 2026-11-01T08:00:00Z, or so long ago: 2h, 5d.
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Accepted before.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Only what your own account sent or was to get.
        #[arg(long)]
        mine: bool,
        /// At most so many rows, 100 when left out.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Xem một thư đã đi những đâu / Show what became of one message
    Show {
        /// As the server answered: "queued as …".
        id: String,
    },
}

/// A time as the API takes it; `now`: Unix seconds.
fn time(text: &str, now: i64) -> anyhow::Result<String> {
    if let Ok(ago) = super::queue::seconds(text) {
        return Ok(date::utc(now - i64::from(ago)));
    }
    let whole = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        _ => text.to_owned(),
    };
    let wrong = || Usage(format!("{text}: 2026-11-01, 2026-11-01T08:00:00Z, 2h, 5d"));
    date::parse_utc(&whole).ok_or_else(wrong)?;
    Ok(whole)
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::Search {
            from,
            to,
            message_id,
            since,
            until,
            mine,
            limit,
        } => {
            let now = SystemClock.now_s();
            let at = |text: Option<String>| text.map(|text| time(&text, now)).transpose();
            let filters = [
                ("sender", from),
                ("recipient", to),
                ("message_id", message_id),
                ("since", at(since)?),
                ("until", at(until)?),
                ("mine", mine.then(|| "true".to_owned())),
            ];
            printer.rows(&LIST, &client.list("trace", &filters, Some(limit))?)
        }
        Verb::Show { id } => {
            let timeline = client.read(&format!("trace/{}", encoded(&id)))?;
            if printer.is_json() {
                return printer.row(&[], &timeline);
            }
            let message = &timeline["message"];
            printer.row(&LIST, message)?;
            printer.row(&ORIGIN, &message["origin"])?;
            for check in message["checks"].as_array().into_iter().flatten() {
                let (vi, en) = found(&word(check));
                printer.say(&vi, &en)?;
            }
            for event in timeline["events"].as_array().into_iter().flatten() {
                let (vi, en) = told(event);
                printer.say(&vi, &en)?;
            }
            match timeline["progress"].as_array() {
                Some(all) => printer.rows(&PROGRESS, all),
                None => Ok(()),
            }
        }
    }
}

fn word(value: &Value) -> String {
    clean(value.as_str().unwrap_or_default())
}

fn joined(list: &Value) -> String {
    let all = list.as_array().into_iter().flatten().map(word);
    all.collect::<Vec<_>>().join(", ")
}

/// What was found out about it, in both languages; the results of SPF, DKIM and DMARC are said alike everywhere.
fn found(check: &str) -> (String, String) {
    let silence = check.strip_prefix("the sender is told nothing (");
    match silence.and_then(|rest| rest.strip_suffix(')')) {
        Some(why) => (
            format!("kiểm tra: người gửi có thể bị giả mạo nên không được báo gì ({why})"),
            format!("check: the sender may be forged and is told nothing ({why})"),
        ),
        None => (format!("kiểm tra: {check}"), format!("check: {check}")),
    }
}

/// One event in one line or some, in both languages.
fn told(event: &Value) -> (String, String) {
    let at = word(&event["at"]);
    let to = joined(&event["recipients"]);
    let (vi, en) = match event["kind"].as_str().unwrap_or_default() {
        "queued" => ("vào hàng đợi".to_owned(), "queued".to_owned()),
        "placed" => (format!("vào hộp thư của {to}"), format!("placed for {to}")),
        "sent_on" => (
            format!("đến nơi mà {to} dẫn tới"),
            format!("placed where {to} leads"),
        ),
        "told" => {
            let late = event["late"] == true;
            let notice = match event["notice"].as_str() {
                Some(notice) => format!(" ({})", clean(notice)),
                None => String::new(),
            };
            if event["good"] == true {
                return (
                    format!("{at}  người gửi được báo là đã tới: {to}{notice}"),
                    format!("{at}  the sender was told of the success: {to}{notice}"),
                );
            }
            match (late, notice.is_empty()) {
                (_, true) => (
                    format!("không báo cho ai về {to}"),
                    format!("nobody is told of {to}"),
                ),
                (true, _) => (
                    format!("người gửi được báo là còn chờ: {to}{notice}"),
                    format!("the sender was told of the delay: {to}{notice}"),
                ),
                (false, _) => (
                    format!("người gửi được báo là không tới: {to}{notice}"),
                    format!("the sender was told of the failure: {to}{notice}"),
                ),
            }
        }
        "act" => {
            let (act, by, way) = (word(&event["act"]), word(&event["by"]), word(&event["to"]));
            let rest = [by, way].into_iter().filter(|w| !w.is_empty());
            let line = std::iter::once(act)
                .chain(rest)
                .collect::<Vec<_>>()
                .join(" ");
            (line.clone(), line)
        }
        _ => {
            let (hop, tls) = (word(&event["hop"]), word(&event["tls"]));
            let line = match (hop.is_empty(), tls.is_empty()) {
                (true, _) => "-".to_owned(),
                (false, true) => hop,
                (false, false) => format!("{hop} ({tls})"),
            };
            let (mut vi, mut en) = (line.clone(), line);
            for result in event["results"].as_array().into_iter().flatten() {
                let (outcome, said) = (word(&result["outcome"]), word(&result["said"]));
                let (to, name) = (joined(&result["recipients"]), outcome.as_str());
                let called = vietnamese("outcome", name).unwrap_or(name);
                vi += &format!("\n    {called} {to}: {said}");
                en += &format!("\n    {outcome} {to}: {said}");
            }
            (vi, en)
        }
    };
    (format!("{at}  {vi}"), format!("{at}  {en}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_sender_hears_nothing_is_said_in_both_languages() {
        let (vi, en) = found("the sender is told nothing (spf=fail)");
        assert!(vi.ends_with("không được báo gì (spf=fail)"), "{vi}");
        assert!(en.ends_with("is told nothing (spf=fail)"), "{en}");
        assert_eq!(found("dkim=pass").1, "check: dkim=pass");
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = date::parse_utc("2026-11-22T12:00:00Z").unwrap();
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(time(text, now).ok().as_deref(), expected, "{text}");
        };
        check("2h", Some("2026-11-22T10:00:00Z"));
        check("2026-11-01", Some("2026-11-01T00:00:00Z"));
        check("2026-11-01T08:00:00Z", Some("2026-11-01T08:00:00Z"));
        check("gần đây", None);
        check("2026-13-01", None);
    }
}
