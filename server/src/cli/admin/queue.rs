//! `congvu admin queue …`

use super::Usage;
use super::client::{Ask, Client};
use super::print::{Column, Printer};
use serde_json::{Map, Value, json};

const LIST: [Column; 7] = [
    ("id", "Số", "Id"),
    ("state", "Tình trạng", "State"),
    ("accepted_at", "Nhận lúc", "Accepted"),
    ("due", "Thử lại lúc", "Due"),
    ("size", "Byte", "Octets"),
    ("from", "Người gửi", "From"),
    ("recipients", "Người nhận", "Recipients"),
];
const ONE: [Column; 11] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    LIST[4],
    LIST[5],
    ("submitter", "Tài khoản gửi", "Submitter"),
    ("message_id", "Message-ID", "Message-ID"),
    ("priority", "Độ khẩn", "Priority"),
    ("held_since", "Bị giữ từ", "Held since"),
    ("trace", "Mã theo dõi", "Trace"),
];

/// A recipient of one message: the peer's answer is shown whole.
const RECIPIENT: [Column; 5] = [
    ("address", "Người nhận", "Recipient"),
    ("state", "Tình trạng", "State"),
    ("tries", "Số lần thử", "Tries"),
    ("next_try", "Thử lại lúc", "Next try"),
    ("last", "Lần cuối", "Last"),
];

/// Which messages.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Which {
    /// Reverse-path; "" for bounces.
    #[arg(long)]
    from: Option<String>,
    /// Address of one recipient.
    #[arg(long)]
    recipient: Option<String>,
    /// Domain of one recipient.
    #[arg(long)]
    domain: Option<String>,
    /// Message-ID header.
    #[arg(long)]
    message_id: Option<String>,
    /// Account that submitted it: its address or number.
    #[arg(long, value_name = "ACCOUNT")]
    submitter: Option<String>,
    /// waiting (not tried yet), deferred or held.
    #[arg(long, value_parser = ["waiting", "deferred", "held"])]
    state: Option<String>,
    /// Accepted so long ago or before, e.g. 30m, 2h, 5d.
    #[arg(long, value_parser = seconds, value_name = "TIME")]
    older_than: Option<u32>,
}

/// One message, or those that fit.
#[derive(Debug, clap::Args)]
pub(super) struct Meant {
    /// Its number; without it all that fit what is given below.
    id: Option<u64>,
    #[command(flatten)]
    which: Which,
    /// All waiting messages.
    #[arg(long)]
    all: bool,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
    /// At most so many, 100 when left out.
    #[arg(long)]
    limit: Option<u32>,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê thư đang chờ / List waiting messages
    List {
        #[command(flatten)]
        which: Which,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Xem một thư đang chờ / Show one waiting message
    Show {
        /// Its number.
        id: u64,
    },
    /// Gửi lại ngay / Try waiting messages now
    Retry(Meant),
    /// Giữ lại, chưa gửi / Keep waiting messages back
    Hold(Meant),
    /// Thả thư đang bị giữ / Let held messages go on
    Release(Meant),
    /// Gửi qua máy chủ khác / Send waiting messages by another host
    Reroute {
        #[command(flatten)]
        meant: Meant,
        /// The host, and its port unless it is 25: 10.0.0.7:2525, [2001:db8::1]:25, mx.tinh.gov.vn
        #[arg(long, required_unless_present = "back", conflicts_with = "back")]
        to: Option<String>,
        /// opportunistic, encrypted, verified or immediate.
        #[arg(long, default_value = "encrypted", value_parser = ["opportunistic", "encrypted", "verified", "immediate"])]
        tls: String,
        /// By the way that the recipients' domains have.
        #[arg(long)]
        back: bool,
    },
    /// Bỏ thư đang chờ, báo cho người gửi / Give waiting messages up; their senders are told
    Delete(Meant),
}

/// `30m` as seconds.
pub(super) fn seconds(text: &str) -> Result<u32, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 24 * 3600)];
    let unit = units.iter().find(|(unit, _)| text.ends_with(*unit));
    let number = |digits: &str| digits.parse::<u32>().ok();
    let found = unit.and_then(|(unit, each)| {
        let digits = text.strip_suffix(*unit)?;
        number(digits)?.checked_mul(*each)
    });
    found.ok_or_else(|| "một khoảng thời gian như 30m, 2h, 5d / a time such as 30m, 2h, 5d".into())
}

/// `host`, `host:port`, `[v6]:port` as the API takes it.
fn host(text: &str, tls: &str) -> anyhow::Result<Value> {
    let wrong = || Usage(format!("--to {text}: HOST[:PORT]"));
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
            (host, port.strip_prefix(':'))
        }
        // An IPv6 address without brackets has no port.
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (text, None),
        },
    };
    let port: u16 = match port {
        Some(port) => port.parse().map_err(|_| wrong())?,
        None => 25,
    };
    Ok(json!({ "host": host, "port": port, "tls": tls }))
}

impl Which {
    /// With the submitter by number, as the API asks for it. A deleted account's messages may still wait.
    /// Errors: there is no such account to see.
    fn numbered(mut self, client: &Client) -> anyhow::Result<Self> {
        let number = |who: String| client.kept_account(&who).map(|id| id.to_string());
        self.submitter = self.submitter.map(number).transpose()?;
        Ok(self)
    }

    fn filters(self) -> [(&'static str, Option<String>); 7] {
        let number = |n: Option<u32>| n.map(|n| n.to_string());
        [
            ("from", self.from),
            ("recipient", self.recipient),
            ("domain", self.domain),
            ("message_id", self.message_id),
            ("submitter", self.submitter),
            ("state", self.state),
            ("older_than", number(self.older_than)),
        ]
    }

    fn body(self) -> Map<String, Value> {
        let mut body = Map::new();
        for (name, value) in self.filters() {
            let Some(value) = value else { continue };
            let value = match name {
                "submitter" | "older_than" => json!(value.parse::<u32>().unwrap_or(0)),
                _ => Value::String(value),
            };
            body.insert(name.to_owned(), value);
        }
        body
    }
}

/// What an act is called: by the API, done in Vietnamese, done in English.
struct Told {
    act: &'static str,
    vi: &'static str,
    en: &'static str,
}

/// Does it to one message, or counts those that fit and does it to them.
fn act(
    meant: Meant,
    told: &Told,
    more: Option<Value>,
    client: &Client,
    printer: &mut Printer<'_>,
) -> anyhow::Result<()> {
    if let Some(id) = meant.id {
        let path = match told.act {
            "delete" => format!("queue/{id}"),
            act => format!("queue/{id}/{act}"),
        };
        let verb = if told.act == "delete" {
            "DELETE"
        } else {
            "POST"
        };
        let mut ask = Ask::new(verb, &path);
        if let Some(to) = more {
            ask = ask.body(json!({ "to": to }));
        }
        client.call(ask)?;
        return printer.say(
            &format!("Thư {id}: {}.", told.vi),
            &format!("{id} {}.", told.en),
        );
    }
    let mut body = meant.which.numbered(client)?.body();
    if body.is_empty() && !meant.all {
        let what = "hãy nêu số thư, điều kiện, hoặc --all / name a message, conditions, or --all";
        return Err(Usage(what.to_owned()).into());
    }
    body.insert("act".into(), told.act.into());
    body.insert("all".into(), meant.all.into());
    body.insert("to".into(), more.unwrap_or_default());
    let mut count = body.clone();
    count.insert("dry_run".into(), true.into());
    // It counts, on trial too.
    let mut ask = Ask::new("POST", "queue/acts").body(count.into());
    ask.asked("dry_run", client.tries().then(|| "false".to_owned()));
    let counted = client.call(ask)?;
    let matching = counted["matching"].as_u64().unwrap_or(0);
    let more = if counted["more"] == true { "+" } else { "" };
    printer.say(
        &format!("{matching}{more} thư phù hợp."),
        &format!("{matching}{more} messages fit."),
    )?;
    if let Some(left @ 1..) = counted["scheduled"].as_u64() {
        printer.say(
            &format!("{left} thư chờ đến giờ người gửi đã chọn, không gửi sớm hơn."),
            &format!("{left} wait for the time that their senders chose, and are left."),
        )?;
    }
    if meant.dry_run || client.tries() || matching == 0 {
        return Ok(());
    }
    if let Some(limit) = meant.limit {
        body.insert("limit".into(), limit.into());
    }
    let done = client.create("queue/acts", body.into())?;
    let (count, busy) = (done["done"].as_u64().unwrap_or(0), &done["busy"]);
    printer.say(
        &format!("{count} thư: {}; {busy} thư đang được gửi.", told.vi),
        &format!("{count} {}; {busy} are being sent.", told.en),
    )?;
    wait_for_another(&done, printer)
}

/// What takes a second person.
fn wait_for_another(done: &Value, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    if let Some(waiting @ 1..) = done["awaiting"].as_u64() {
        printer.say(
            &format!(
                "{waiting} thư chờ người thứ hai duyệt (approvals list), duyệt rồi thì làm lại, cùng lý do."
            ),
            &format!(
                "{waiting} wait for a second person (approvals list); do the same again then, with the same reason."
            ),
        )?;
    }
    match done["unasked"].as_u64() {
        Some(left @ 1..) => printer.say(
            &format!("{left} thư chưa xin duyệt được: đã có quá nhiều yêu cầu đang chờ."),
            &format!("{left} could not be asked for: too many requests of yours wait already."),
        ),
        _ => Ok(()),
    }
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let told = |act, vi, en| Told { act, vi, en };
    match verb {
        Verb::List { which, limit } => {
            let filters = which.numbered(client)?.filters();
            printer.rows(&LIST, &client.list("queue", &filters, limit)?)
        }
        Verb::Show { id } => {
            let item = client.read(&format!("queue/{id}"))?;
            printer.row(&ONE, &item)?;
            let recipients = item["recipients"].as_array();
            for recipient in recipients.into_iter().flatten() {
                printer.say("", "")?;
                printer.detail(&RECIPIENT, recipient)?;
            }
            Ok(())
        }
        Verb::Retry(meant) => {
            let told = told("retry", "được thử lại ngay", "due now");
            act(meant, &told, None, client, printer)
        }
        Verb::Hold(meant) => {
            let told = told("hold", "bị giữ lại", "held");
            act(meant, &told, None, client, printer)
        }
        Verb::Release(meant) => {
            let told = told("release", "được thả", "released");
            act(meant, &told, None, client, printer)
        }
        Verb::Reroute { meant, to, tls, .. } => {
            let to = to.map(|to| host(&to, &tls)).transpose()?;
            let told = told("reroute", "đổi đường gửi", "rerouted");
            act(meant, &told, Some(to.unwrap_or_default()), client, printer)
        }
        Verb::Delete(meant) => {
            let told = told("delete", "đã bỏ, người gửi được báo", "given up");
            act(meant, &told, None, client, printer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_hosts_are_read_as_people_write_them() {
        let check =
            |text: &str, expected: Option<u32>| assert_eq!(seconds(text).ok(), expected, "{text}");
        check("90s", Some(90));
        check("30m", Some(1800));
        check("5d", Some(432_000));
        check("5", None);
        check("99999d", None);
        check("đ", None);
        let check = |text: &str, expected: Option<(&str, u16)>| {
            let found = host(text, "encrypted").ok();
            let expected = expected
                .map(|(host, port)| json!({"host": host, "port": port, "tls": "encrypted"}));
            assert_eq!(found, expected, "{text}");
        };
        check("mx.x.vn", Some(("mx.x.vn", 25)));
        check("10.0.0.7:2525", Some(("10.0.0.7", 2525)));
        check("[2001:db8::1]:26", Some(("2001:db8::1", 26)));
        check("2001:db8::1", Some(("2001:db8::1", 25)));
        check("mx.x.vn:smtp", None);
        check("[::1", None);
    }
}
