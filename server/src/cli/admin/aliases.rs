//! `congvu admin aliases …`

use super::client::{Ask, Client, Condition, encoded};
use super::print::{Column, Printer};
use serde_json::json;

const COLUMNS: [Column; 3] = [
    ("address", "Bí danh", "Alias"),
    ("account", "Tài khoản", "Account"),
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
    },
    /// Trỏ bí danh sang tài khoản khác / Point an alias elsewhere
    Update {
        /// The alias.
        address: String,
        /// The account it leads to (id or address).
        #[arg(long)]
        account: String,
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
        Verb::Create { address, account } => {
            let body = json!({"address": address, "account": client.account(&account)?});
            printer.row(&COLUMNS, &client.create("aliases", body)?)
        }
        Verb::Update {
            address,
            account,
            condition,
        } => {
            let path = format!("aliases/{}", encoded(&address));
            let body = json!({"account": client.account(&account)?});
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
