//! `congvu admin impersonations …`: somebody's mail read for some minutes as its owner has it, by virtue of an office.

use super::client::{Ask, Client};
use super::credentials::with_secret;
use super::print::{Column, Printer};
use serde_json::json;

const COLUMNS: [Column; 9] = [
    ("id", "Mã", "Id"),
    ("by", "Người đọc", "By"),
    ("reason", "Lý do", "Reason"),
    ("opened_at", "Từ", "From"),
    ("until", "Đến", "Until"),
    ("stands", "Còn hiệu lực", "Stands"),
    ("sessions", "Số lần dùng", "Sessions"),
    ("last_session_at", "Dùng gần nhất", "Last session"),
    ("order", "Lệnh", "Order"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê / List those of an account, 90 days back
    List {
        /// Its address or number.
        account: String,
    },
    /// Đọc thay, in mã ra một lần / Read an account's mail; its token is printed once. Needs `--reason`
    Open {
        /// Whose mail: address or number.
        account: String,
        /// For how long, 1 to 60.
        #[arg(long)]
        minutes: u32,
    },
    /// Kết thúc / End one before its time
    End {
        /// Whose mail it is: address or number.
        account: String,
        /// Its id.
        id: u64,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let path = |account: &str| -> anyhow::Result<String> {
        let account = client.kept_account(account)?;
        Ok(format!("accounts/{account}/impersonations"))
    };
    match verb {
        Verb::List { account } => printer.rows(&COLUMNS, &client.whole(&path(&account)?)?),
        Verb::Open { account, minutes } => {
            let made = client.create(&path(&account)?, json!({ "minutes": minutes }))?;
            printer.row(&with_secret(&COLUMNS), &made)
        }
        Verb::End { account, id } => {
            client.call(Ask::new("DELETE", &format!("{}/{id}", path(&account)?)))?;
            printer.say("Đã kết thúc.", "It has ended.")
        }
    }
}
