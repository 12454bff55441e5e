//! `congvu admin holds …`

use super::client::{Ask, Client, encoded};
use super::letters::export;
use super::print::{Column, Printer};
use serde_json::json;
use std::path::PathBuf;

const COLUMNS: [Column; 6] = [
    ("account", "Tài khoản", "Account"),
    ("name", "Vụ việc", "Case"),
    ("from", "Từ lúc", "From"),
    ("reason", "Lý do", "Reason"),
    ("by", "Người đặt", "By"),
    ("placed_at", "Đặt lúc", "Placed"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê lệnh giữ / List holds
    List {
        /// Of this account only: id or address.
        #[arg(long)]
        account: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Đặt lệnh giữ: không thư nào của tài khoản bị mất / Place a hold: nothing of the account's mail is lost
    Place {
        /// Id or address.
        account: String,
        /// What the case is called.
        #[arg(long)]
        name: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// What was removed at this time or later is kept, e.g. 2026-11-01T00:00:00Z; all when left out.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
    },
    /// Xuất mọi thư mà lệnh giữ đang giữ, kể cả của tài khoản đã xoá / Export all letters that a hold keeps
    Export {
        /// Id or address.
        account: String,
        /// What the case is called.
        #[arg(long)]
        name: String,
        /// A new folder: a folder for each mailbox with `.eml` files, and a list of them.
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
    },
    /// Gỡ lệnh giữ / End a hold
    Release {
        /// Id or address.
        account: String,
        /// What the case is called.
        #[arg(long)]
        name: String,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List { account, limit } => {
            let path = match account {
                Some(account) => format!("accounts/{}/holds", client.kept_account(&account)?),
                None => "holds".to_owned(),
            };
            printer.rows(&COLUMNS, &client.list(&path, &[], limit)?)
        }
        Verb::Place {
            account,
            name,
            reason,
            from,
        } => {
            let path = format!("accounts/{}/holds", client.kept_account(&account)?);
            let body = json!({"name": name, "reason": reason, "from": from});
            printer.row(&COLUMNS, &client.create(&path, body)?)
        }
        Verb::Export { account, name, to } => {
            let id = client.kept_account(&account)?;
            let path = format!("accounts/{id}/holds/{}", encoded(&name));
            let done = export(client, &path, &to)?;
            let (letters, octets, to) = (done.letters, done.octets, to.display());
            let (vi, en) = (
                format!("Đã xuất {letters} thư ({octets} byte) vào {to}; danh sách ở letters.tsv."),
                format!("{letters} letters ({octets} octets) are in {to}; letters.tsv lists them."),
            );
            printer.say(&vi, &en)?;
            anyhow::ensure!(
                done.damaged == 0,
                "{0} thư hỏng trong kho, không xuất được (trong letters.tsv ghi `damaged`): hãy đưa tài khoản trở lại từ \
                 bản sao lưu rồi xuất lại / {0} letters are damaged in the store and could not be exported \
                 (`damaged` in letters.tsv): heal the account from a backup, then export again",
                done.damaged
            );
            Ok(())
        }
        Verb::Release { account, name } => {
            let id = client.kept_account(&account)?;
            let path = format!("accounts/{id}/holds/{}", encoded(&name));
            client.call(Ask::new("DELETE", &path))?;
            let (vi, en) = (
                format!("Đã gỡ lệnh giữ {name} của {account}."),
                format!("The hold {name} on {account} is ended."),
            );
            printer.say(&vi, &en)
        }
    }
}
