//! `congvu admin orders …`: legal orders, under which mail is read without its owner being told for a time.

use super::client::{Ask, Client};
use super::print::{Column, Printer};
use serde_json::json;

const COLUMNS: [Column; 8] = [
    ("id", "Mã", "Id"),
    ("number", "Số lệnh", "Number"),
    ("date", "Ngày", "Date"),
    ("issuer", "Nơi ra lệnh", "Issuer"),
    ("by", "Người ghi", "By"),
    ("recorded_at", "Ghi lúc", "Recorded at"),
    ("hidden_until", "Giấu đến", "Hidden until"),
    ("stands", "Còn hiệu lực", "Stands"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê / List the orders about an account
    List {
        /// Its address or number.
        account: String,
    },
    /// Ghi một lệnh / Record an order; then read with `--legal-order ID`
    Record {
        /// Whose mail it is about: address or number.
        account: String,
        /// Its number as its issuer gave it.
        #[arg(long)]
        number: String,
        /// Its date, e.g. 2026-11-20.
        #[arg(long)]
        date: String,
        /// Who gave it.
        #[arg(long)]
        issuer: String,
        /// Until when the owner is not told, RFC 3339; at most 366 days from now.
        #[arg(long, value_name = "TIME")]
        hidden_until: String,
    },
    /// Kết thúc lệnh / End an order: the owner sees what was read under it
    End {
        /// Whose mail it is about: address or number.
        account: String,
        /// Its id.
        order: u64,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let path = |account: &str| -> anyhow::Result<String> {
        Ok(format!("accounts/{}/orders", client.kept_account(account)?))
    };
    match verb {
        Verb::List { account } => printer.rows(&COLUMNS, &client.whole(&path(&account)?)?),
        Verb::Record {
            account,
            number,
            date,
            issuer,
            hidden_until,
        } => {
            let body = json!({"number": number, "date": date, "issuer": issuer,
                "hidden_until": hidden_until});
            printer.row(&COLUMNS, &client.create(&path(&account)?, body)?)
        }
        Verb::End { account, order } => {
            let path = format!("{}/{order}", path(&account)?);
            client.call(Ask::new("DELETE", &path))?;
            printer.say("Lệnh đã kết thúc.", "The order has ended.")
        }
    }
}
