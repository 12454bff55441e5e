//! `congvu admin tokens …`

use super::client::{Ask, Client, encoded};
use super::credentials::with_secret;
use super::print::{Column, Printer};
use serde_json::{Value, json};

const COLUMNS: [Column; 7] = [
    ("id", "Số", "Id"),
    ("account", "Tài khoản", "Account"),
    ("label", "Nhãn", "Label"),
    ("opens", "Mở", "Opens"),
    ("created_at", "Lập lúc", "Created"),
    ("expires_at", "Hết hạn", "Expires"),
    ("last_used_at", "Dùng gần nhất", "Last used"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê mã truy cập / List tokens, one's own or those of an account
    List {
        /// Id or address.
        #[arg(long)]
        account: Option<String>,
    },
    /// Xem một mã truy cập / Show one token
    Show {
        /// E.g. 12-3.
        id: String,
    },
    /// Lập mã truy cập, in ra một lần / Make a token; its secret is printed once
    Create {
        /// E.g. "Đồng bộ nhân sự".
        #[arg(long)]
        label: String,
        /// Whose rights it carries (id or address); one's own when left out.
        #[arg(long)]
        account: Option<String>,
        /// What it opens: all, mail or administration; as much as the account may when left out.
        #[arg(long, value_name = "WHAT")]
        opens: Option<String>,
        /// RFC 3339, e.g. 2027-12-31T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
    },
    /// Thu hồi mã truy cập / Withdraw a token
    Delete {
        /// E.g. 12-3.
        id: String,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List { account } => {
            let path = match account {
                Some(who) => format!("tokens?account={}", client.account(&who)?),
                None => "tokens".to_owned(),
            };
            let page = client.read(&path)?;
            let rows = page
                .get("items")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            printer.rows(&COLUMNS, &rows)
        }
        Verb::Show { id } => {
            printer.row(&COLUMNS, &client.read(&format!("tokens/{}", encoded(&id)))?)
        }
        Verb::Create {
            label,
            account,
            opens,
            expires_at,
        } => {
            let account = account.map(|who| client.account(&who)).transpose()?;
            let body = json!({"label": label, "account": account, "opens": opens, "expires_at": expires_at});
            printer.row(&with_secret(&COLUMNS), &client.create("tokens", body)?)
        }
        Verb::Delete { id } => {
            client.call(Ask::new("DELETE", &format!("tokens/{}", encoded(&id))))?;
            printer.say("Đã thu hồi.", "It is withdrawn.")
        }
    }
}
