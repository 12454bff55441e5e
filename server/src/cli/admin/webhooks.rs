//! `congvu admin webhooks …`: programs that are told of what happens to accounts.

use super::client::{Ask, Client, Condition};
use super::credentials::with_secret;
use super::print::{Column, Printer};
use serde_json::{Map, Value, json};

const COLUMNS: [Column; 8] = [
    ("id", "Mã", "Id"),
    ("label", "Nhãn", "Label"),
    ("agency", "Cơ quan", "Agency"),
    ("url", "Địa chỉ", "Address"),
    ("state", "Tình trạng", "State"),
    ("delivered", "Đã báo", "Delivered"),
    ("given_up", "Đã bỏ", "Given up"),
    ("last_at", "Gần nhất", "Last"),
];

const FAILURES: [Column; 4] = [
    ("at", "Lúc", "At"),
    ("event", "Sự kiện", "Event"),
    ("error", "Lỗi", "Error"),
    ("given_up", "Đã bỏ", "Given up"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê / List them, each with how it goes
    List,
    /// Xem một webhook và các lỗi gần đây / Show one, with its failures of late
    Show {
        /// Its id.
        id: u64,
    },
    /// Lập webhook, in bí mật ra một lần / Make one; its secret is printed once
    Create {
        /// Of whose accounts: this agency and all below it.
        #[arg(long, value_name = "CODE")]
        agency: String,
        /// The program's address, HTTPS. (`--url` is this server's.)
        #[arg(long, value_name = "ADDRESS")]
        to: String,
        /// What it is for.
        #[arg(long)]
        label: String,
        /// E.g. account.created; repeatable; every event when left out.
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
    },
    /// Sửa / Change one
    Update {
        /// Its id.
        id: u64,
        /// The program's address, HTTPS.
        #[arg(long, value_name = "ADDRESS")]
        to: Option<String>,
        /// What it is for.
        #[arg(long)]
        label: Option<String>,
        /// Instead of the present ones; repeatable.
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
        /// Every event again.
        #[arg(long, conflicts_with = "events")]
        all_events: bool,
        #[command(flatten)]
        condition: Condition,
    },
    /// Bật lại / Switch one on: it goes on where it stopped
    Enable {
        /// Its id.
        id: u64,
        /// Of what happened until now it hears no more.
        #[arg(long)]
        skip: bool,
    },
    /// Tắt / Switch one off
    Disable {
        /// Its id.
        id: u64,
    },
    /// Xoá / Remove one
    Delete {
        /// Its id.
        id: u64,
        #[command(flatten)]
        condition: Condition,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let path = |id: u64| format!("webhooks/{id}");
    let change = |id: u64, body: Value, condition: &Condition| {
        client.call(Ask::new("PATCH", &path(id)).body(body).when(condition))
    };
    match verb {
        Verb::List => printer.rows(&COLUMNS, &client.whole("webhooks")?),
        Verb::Show { id } => {
            let hook = client.read(&path(id))?;
            printer.row(&COLUMNS, &hook)?;
            match hook["failures"].as_array() {
                Some(rows) if !rows.is_empty() && !printer.is_json() => {
                    printer.rows(&FAILURES, rows)
                }
                _ => Ok(()),
            }
        }
        Verb::Create {
            agency,
            to,
            label,
            events,
        } => {
            let body = json!({"agency": agency, "url": to, "label": label, "events": events});
            printer.row(&with_secret(&COLUMNS), &client.create("webhooks", body)?)
        }
        Verb::Update {
            id,
            to,
            label,
            events,
            all_events,
            condition,
        } => {
            let mut body = Map::new();
            body.extend(to.map(|to| ("url".to_owned(), to.into())));
            body.extend(label.map(|label| ("label".to_owned(), label.into())));
            if all_events || !events.is_empty() {
                body.insert("events".to_owned(), events.into());
            }
            printer.row(&COLUMNS, &change(id, body.into(), &condition)?)
        }
        Verb::Enable { id, skip } => {
            let body = json!({"enabled": true, "skip": skip});
            printer.row(&COLUMNS, &change(id, body, &Condition::default())?)
        }
        Verb::Disable { id } => {
            let body = json!({"enabled": false});
            printer.row(&COLUMNS, &change(id, body, &Condition::default())?)
        }
        Verb::Delete { id, condition } => {
            client.call(Ask::new("DELETE", &path(id)).when(&condition))?;
            printer.say("Đã xoá.", "It is removed.")
        }
    }
}
