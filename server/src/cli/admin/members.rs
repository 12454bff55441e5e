//! `congvu admin members …`: who reads, writes and looks after a shared mailbox.

use super::client::{Ask, Client, encoded};
use super::print::{Column, Printer};
use serde_json::{Value, json};

const COLUMNS: [Column; 3] = [
    ("account", "Tài khoản", "Account"),
    ("address", "Địa chỉ", "Address"),
    ("rights", "Quyền", "Rights"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê thành viên / List the members of an account, with their rights
    List {
        /// Id or address.
        account: String,
    },
    /// Cho vào, hoặc sửa quyền / Let somebody in, or change what he may
    Set {
        /// Id or address.
        account: String,
        /// Address of who is let in.
        member: String,
        /// Letters of lrswipkxtea (RFC 4314): lr reads, lrswite reads and writes.
        #[arg(long, default_value = "lrswite")]
        rights: String,
    },
    /// Cho ra / Take a member off
    Remove {
        /// Id or address.
        account: String,
        /// Address of the member.
        member: String,
    },
}

fn rows(printer: &mut Printer<'_>, members: &Value) -> anyhow::Result<()> {
    let rows = members["members"].as_array();
    printer.rows(&COLUMNS, rows.map_or(&[][..], Vec::as_slice))
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let of = |account: &str| -> anyhow::Result<String> {
        Ok(format!("accounts/{}/members", client.account(account)?))
    };
    match verb {
        Verb::List { account } => rows(printer, &client.read(&of(&account)?)?),
        Verb::Set {
            account,
            member,
            rights,
        } => {
            let path = format!("{}/{}", of(&account)?, encoded(&member));
            let ask = Ask::new("PUT", &path).body(json!({ "rights": rights }));
            rows(printer, &client.call(ask)?)
        }
        Verb::Remove { account, member } => {
            let path = format!("{}/{}", of(&account)?, encoded(&member));
            client.call(Ask::new("DELETE", &path))?;
            printer.say("Đã cho ra.", "It is no member any more.")
        }
    }
}
