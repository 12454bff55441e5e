//! `congvu admin aliases …`

use super::client::{Ask, Client, Condition, encoded};
use super::print::{Column, Printer};
use serde_json::{Map, Value, json};

const COLUMNS: [Column; 4] = [
    ("address", "Bí danh", "Alias"),
    ("account", "Tài khoản", "Account"),
    ("until", "Đến hết ngày", "Until"),
    ("version", "Bản", "Version"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê bí danh / List aliases
    List {
        /// Only those of this account (id or address).
        #[arg(long)]
        account: Option<String>,
        /// Only those in this domain.
        #[arg(long)]
        domain: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Xem một bí danh / Show one alias
    Show {
        /// The alias.
        address: String,
    },
    /// Lập bí danh / Make an alias
    Create {
        /// The alias.
        address: String,
        /// The account it leads to (id or address).
        #[arg(long)]
        account: String,
        /// The last day on which it stands, e.g. 2028-06-30.
        #[arg(long, value_name = "DAY")]
        until: Option<String>,
    },
    /// Trỏ bí danh sang tài khoản khác, đặt ngày hết hạn / Point an alias elsewhere, say until when it stands
    Update {
        /// The alias.
        address: String,
        /// The account it leads to (id or address).
        #[arg(long, required_unless_present = "until")]
        account: Option<String>,
        /// The last day on which it stands, e.g. 2028-06-30; "" for no end.
        #[arg(long, value_name = "DAY")]
        until: Option<String>,
        #[command(flatten)]
        condition: Condition,
    },
    /// Xoá bí danh / Remove an alias
    Delete {
        /// The alias.
        address: String,
        #[command(flatten)]
        condition: Condition,
    },
}

/// What is said of an alias anew; what is not said stays.
fn changes(account: Option<u64>, until: Option<String>) -> Value {
    let mut body = Map::new();
    body.extend(account.map(|id| ("account".to_owned(), id.into())));
    let day = until.map(|day| Some(day).filter(|day| !day.is_empty()));
    body.extend(day.map(|day| ("until".to_owned(), day.into())));
    Value::Object(body)
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List {
            account,
            domain,
            limit,
        } => {
            let account = account.map(|who| client.account(&who)).transpose()?;
            let filters = [
                ("account", account.map(|id| id.to_string())),
                ("domain", domain),
            ];
            printer.rows(&COLUMNS, &client.list("aliases", &filters, limit)?)
        }
        Verb::Show { address } => printer.row(
            &COLUMNS,
            &client.read(&format!("aliases/{}", encoded(&address)))?,
        ),
        Verb::Create {
            address,
            account,
            until,
        } => {
            let account = client.account(&account)?;
            let body = json!({"address": address, "account": account, "until": until});
            printer.row(&COLUMNS, &client.create("aliases", body)?)
        }
        Verb::Update {
            address,
            account,
            until,
            condition,
        } => {
            let path = format!("aliases/{}", encoded(&address));
            let account = account.map(|who| client.account(&who)).transpose()?;
            let body = changes(account, until);
            let ask = Ask::new("PATCH", &path).body(body).when(&condition);
            printer.row(&COLUMNS, &client.call(ask)?)
        }
        Verb::Delete { address, condition } => {
            let path = format!("aliases/{}", encoded(&address));
            client.call(Ask::new("DELETE", &path).when(&condition))?;
            printer.say(
                &format!("Đã xoá {address}."),
                &format!("{address} is deleted."),
            )
        }
    }
}
