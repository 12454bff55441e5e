//! `congvu admin sending …`: how much is sent, may be sent, and who may not send for now.

use super::Usage;
use super::client::{Ask, Client, encoded};
use super::print::{Column, Printer};
use serde_json::{Map, Value, json};

const SUSPENDED: [Column; 4] = [
    ("address", "Tài khoản", "Account"),
    ("since", "Từ lúc", "Since"),
    (
        "recipients_within_the_hour",
        "Người nhận trong giờ",
        "Recipients in the hour",
    ),
    (
        "busiest_hour_before",
        "Giờ nhiều nhất trước đó",
        "Busiest hour before",
    ),
];
const ACCOUNT: [Column; 5] = [
    ("hour", "Trong một giờ", "In the last hour"),
    ("day", "Trong một ngày", "In the last day"),
    ("busiest_hour", "Giờ nhiều nhất", "Busiest hour"),
    ("caps", "Mức tối đa", "At most"),
    ("suspended", "Tạm dừng", "Suspended"),
];
const AGENCY: [Column; 3] = [
    ("each", "Mỗi tài khoản", "Each account"),
    ("total", "Cả cơ quan", "All together"),
    ("version", "Bản", "Version"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê tài khoản đang bị tạm dừng gửi / List accounts whose sending is suspended
    List,
    /// Xem một tài khoản đã gửi bao nhiêu / Show what an account has sent, and may send
    Show {
        /// Id or address.
        account: String,
    },
    /// Tạm dừng việc gửi của một tài khoản / Suspend an account's sending
    Suspend {
        /// Id or address.
        account: String,
    },
    /// Cho gửi lại / Let an account send again
    Resume {
        /// Id or address.
        account: String,
    },
    /// Xem mức tối đa mà một cơ quan đặt / Show what an agency says of sending
    Limits {
        /// The agency's code.
        agency: String,
    },
    /// Đặt mức tối đa cho một cơ quan; điều không nêu thì bỏ / Set it; what is left out is said no more
    SetLimits {
        /// The agency's code.
        agency: String,
        /// Of each account: octets, recipients, messages_hour, messages_day, recipients_hour, recipients_day.
        #[arg(long, value_name = "NAME=NUMBER")]
        each: Vec<String>,
        /// Of all accounts together: messages_hour, messages_day, recipients_hour, recipients_day.
        #[arg(long, value_name = "NAME=NUMBER")]
        total: Vec<String>,
    },
}

/// `messages_hour=100` and the like. Errors: [`Usage`].
fn caps(given: &[String]) -> Result<Value, Usage> {
    let mut caps = Map::new();
    for text in given {
        let read = text.split_once('=');
        let read = read.and_then(|(name, number)| Some((name, number.parse::<u64>().ok()?)));
        let (name, number) = read.ok_or_else(|| {
            Usage(format!(
                "NAME=NUMBER is expected, such as messages_hour=100, not {text:?}"
            ))
        })?;
        caps.insert(name.to_owned(), number.into());
    }
    Ok(caps.into())
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let set = |account: &str, suspended: bool| -> anyhow::Result<Value> {
        let path = format!("accounts/{}/sending", client.account(account)?);
        client.call(Ask::new("PUT", &path).body(json!({ "suspended": suspended })))
    };
    match verb {
        Verb::List => {
            let told = client.read("sending")?;
            let rows = told["suspended"].as_array().cloned().unwrap_or_default();
            printer.rows(&SUSPENDED, &rows)
        }
        Verb::Show { account } => {
            let path = format!("accounts/{}/sending", client.account(&account)?);
            printer.row(&ACCOUNT, &client.read(&path)?)
        }
        Verb::Suspend { account } => printer.row(&ACCOUNT, &set(&account, true)?),
        Verb::Resume { account } => printer.row(&ACCOUNT, &set(&account, false)?),
        Verb::Limits { agency } => {
            let path = format!("agencies/{}/sending", encoded(&agency));
            printer.row(&AGENCY, &client.read(&path)?)
        }
        Verb::SetLimits {
            agency,
            each,
            total,
        } => {
            let path = format!("agencies/{}/sending", encoded(&agency));
            let body = json!({"each": caps(&each)?, "total": caps(&total)?});
            printer.row(&AGENCY, &client.call(Ask::new("PUT", &path).body(body))?)
        }
    }
}
