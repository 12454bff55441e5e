//! `congvu admin reads ACCOUNT`: who read mail of an account by virtue of an office, when and why.

use super::client::Client;
use super::print::{Column, Printer};

/// Rows shown when no limit is given.
const LIMIT_DEFAULT: usize = 50;

const COLUMNS: [Column; 8] = [
    ("at", "Lúc", "At"),
    ("by", "Người xem", "By"),
    ("scope", "Xem gì", "What"),
    ("account_address", "Hộp thư", "Mailbox"),
    ("to", "Chuyển đến", "To"),
    ("reason", "Lý do", "Reason"),
    ("order", "Lệnh", "Order"),
    ("id", "Mục nhật ký", "Audit entry"),
];

/// Whose mail.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its address or number.
    account: String,
    /// At most so many rows.
    #[arg(long, default_value_t = LIMIT_DEFAULT)]
    limit: usize,
}

pub(super) fn run(args: Args, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let path = format!("accounts/{}/reads", client.kept_account(&args.account)?);
    printer.rows(&COLUMNS, &client.list(&path, &[], Some(args.limit))?)
}
