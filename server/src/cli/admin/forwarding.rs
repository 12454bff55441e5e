//! `congvu admin forwarding …`: where the mail of an account goes on to, and whether it may leave.

use super::client::{Ask, Client, encoded};
use super::print::{Column, Printer};
use serde_json::{Value, json};

const ACCOUNT: [Column; 3] = [
    ("to", "Chuyển tới", "Goes on to"),
    ("keep", "Giữ bản sao", "Keeps a copy"),
    ("outside", "Được ra ngoài", "May leave"),
];
const AGENCY: [Column; 2] = [
    ("outside", "Được ra ngoài", "May leave"),
    ("version", "Bản", "Version"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Xem thư của một tài khoản được chuyển tới đâu / Show where an account's mail goes on to
    Show {
        /// Id or address.
        account: String,
    },
    /// Chuyển thư tới địa chỉ khác / Let an account's mail go on
    Set {
        /// Id or address.
        account: String,
        /// Where to; once for each.
        #[arg(long, value_name = "ADDRESS", required = true)]
        to: Vec<String>,
        /// Not into its own mailbox too.
        #[arg(long)]
        no_copy: bool,
    },
    /// Thôi chuyển thư / Let it stay
    Remove {
        /// Id or address.
        account: String,
    },
    /// Cho hay cấm chuyển thư ra ngoài / Say whether mail of an agency's accounts may go on elsewhere
    Outside {
        /// The agency's code.
        agency: String,
        /// allow, forbid, or inherit (as the agency above says); without it: shows it.
        #[arg(value_parser = ["allow", "forbid", "inherit"])]
        say: Option<String>,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let put = |account: &str, body: Value| -> anyhow::Result<Value> {
        let path = format!("accounts/{}/forwarding", client.account(account)?);
        client.call(Ask::new("PUT", &path).body(body))
    };
    match verb {
        Verb::Show { account } => {
            let path = format!("accounts/{}/forwarding", client.account(&account)?);
            printer.row(&ACCOUNT, &client.read(&path)?)
        }
        Verb::Set {
            account,
            to,
            no_copy,
        } => {
            let set = put(&account, json!({ "to": to, "keep": !no_copy }))?;
            printer.row(&ACCOUNT, &set)
        }
        Verb::Remove { account } => printer.row(&ACCOUNT, &put(&account, json!({ "to": [] }))?),
        Verb::Outside { agency, say } => {
            let path = format!("agencies/{}/forwarding", encoded(&agency));
            let Some(say) = say else {
                return printer.row(&AGENCY, &client.read(&path)?);
            };
            let outside = match say.as_str() {
                "allow" => Some(true),
                "forbid" => Some(false),
                _ => None,
            };
            let ask = Ask::new("PUT", &path).body(json!({ "outside": outside }));
            printer.row(&AGENCY, &client.call(ask)?)
        }
    }
}
