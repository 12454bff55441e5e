//! `congvu admin senders …`: who may send in the name of an account besides its owner.

use super::client::{Ask, Client, encoded};
use super::print::{Column, Printer};
use serde_json::{Value, json};

const COLUMNS: [Column; 2] = [
    ("address", "Người gửi", "Sender"),
    ("sending", "Gửi thế nào", "How"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Ai được gửi thay một tài khoản / Who may send in the name of an account
    List {
        /// Id or address.
        account: String,
    },
    /// Cho, đổi hoặc cấm gửi thay / Let somebody send in its name, or not
    Set {
        /// Id or address of the seat, or of the person.
        account: String,
        /// Address of who is to send.
        sender: String,
        /// as: as if it were the account itself; on_behalf: named beside it; no: not at all, though a member.
        #[arg(long, value_name = "as|on_behalf|no", value_parser = ["as", "on_behalf", "no"])]
        sending: String,
    },
    /// Bỏ điều đã đặt / Take back what was said
    Remove {
        /// Id or address.
        account: String,
        /// Address of who was named.
        sender: String,
    },
}

fn print(told: &Value, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let senders = told["senders"].as_array().cloned().unwrap_or_default();
    printer.rows(&COLUMNS, &senders)
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List { account } => {
            let path = format!("accounts/{}/senders", client.account(&account)?);
            print(&client.read(&path)?, printer)
        }
        Verb::Set {
            account,
            sender,
            sending,
        } => {
            let id = client.account(&account)?;
            let path = format!("accounts/{id}/senders/{}", encoded(&sender));
            let ask = Ask::new("PUT", &path).body(json!({ "sending": sending }));
            print(&client.call(ask)?, printer)
        }
        Verb::Remove { account, sender } => {
            let id = client.account(&account)?;
            let path = format!("accounts/{id}/senders/{}", encoded(&sender));
            client.call(Ask::new("DELETE", &path))?;
            let (vi, en) = (
                format!("Đã bỏ điều đã đặt về việc {sender} gửi thay {account}."),
                format!("Nothing is said any more of {sender} sending for {account}."),
            );
            printer.say(&vi, &en)
        }
    }
}
