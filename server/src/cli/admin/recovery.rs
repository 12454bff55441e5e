//! `congvu admin recovery …`: removed mail, and accounts as at a time.

use super::super::progress::Shown;
use super::client::{Ask, Client};
use super::print::{Column, Printer};
use serde_json::{Value, json};

const REMOVED: [Column; 7] = [
    ("id", "Số", "Id"),
    ("removed_at", "Xoá lúc", "Removed"),
    ("received_at", "Nhận lúc", "Received"),
    ("from", "Từ", "From"),
    ("subject", "Tiêu đề", "Subject"),
    ("mailboxes", "Ở hộp thư", "In"),
    ("back", "Đã phục hồi thành", "Back as"),
];
const BACK: [Column; 3] = [
    ("id", "Số", "Id"),
    ("message", "Nay là thư", "Message now"),
    ("already", "Đã phục hồi trước đó", "Before already"),
];
const RESTORED: [Column; 5] = [
    ("made", "Thư lập lại", "Made again"),
    ("changed", "Thư sửa lại", "Changed"),
    ("aside", "Thư để riêng", "Moved aside"),
    ("missed", "Bị xoá giữa chừng", "Missed"),
    ("finished", "Đã xong", "Finished"),
];
const BACKUPS: [Column; 3] = [
    ("name", "Tên", "Name"),
    ("taken_at", "Thời điểm", "Taken at"),
    ("readable", "Đọc được", "Readable"),
];
const BROUGHT: [Column; 7] = [
    ("backup", "Từ bản sao lưu", "From backup"),
    ("messages", "Thư thêm vào", "Messages added"),
    ("octets", "Dung lượng (byte)", "Octets"),
    ("already", "Thư đã có sẵn", "There already"),
    (
        "healed",
        "Trong đó thư hỏng đã chữa",
        "Damaged ones of these healed",
    ),
    (
        "damaged",
        "Thư hỏng trong bản sao lưu",
        "Damaged in the backup",
    ),
    ("mailboxes", "Hộp thư mới", "Mailboxes made"),
];
/// Messages put back by one request.
const BACK_MAX: usize = 1_000;
/// Requests that one restore may take; each is some 20 s of the server's work.
const REQUESTS_MAX: usize = 10_000;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê thư đã xoá còn phục hồi được / List removed messages that can be put back
    Removed {
        /// Id or address.
        account: String,
        /// Path of the mailbox they were in, e.g. INBOX or "Du an/2026".
        #[arg(long)]
        mailbox: Option<String>,
        /// Removed at this time or later, e.g. 2026-11-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Removed before this time.
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Phục hồi thư đã xoá / Put removed messages back
    Undelete {
        /// Id or address.
        account: String,
        /// Ids from `removed`.
        #[arg(required = true)]
        messages: Vec<u64>,
        /// Into this mailbox; where they were when left out.
        #[arg(long)]
        mailbox: Option<String>,
    },
    /// Đưa tài khoản hoặc một hộp thư về một thời điểm / Restore an account or a mailbox as at a time
    Restore {
        /// Id or address.
        account: String,
        /// The time, e.g. 2026-11-20T08:00:00Z.
        #[arg(long, value_name = "TIME")]
        at: String,
        /// Only this mailbox, by the path it had then.
        #[arg(long)]
        mailbox: Option<String>,
        /// Copies into a new mailbox of this name; nothing else is touched.
        #[arg(long, value_name = "NAME", required_unless_present = "in_place")]
        folder: Option<String>,
        /// Makes the account as it was.
        #[arg(long, conflicts_with = "folder")]
        in_place: bool,
        /// With --in-place: what came later is moved into a new mailbox of this name.
        #[arg(long, value_name = "NAME", requires = "in_place")]
        aside: Option<String>,
    },
    /// Liệt kê các bản sao lưu của máy chủ / List the backups that the server's config names
    Backups,
    /// Đưa tài khoản trở lại từ bản sao lưu / Bring an account back out of a backup
    FromBackup {
        /// Id or address.
        account: String,
        /// The backup, by its name; the newest when left out, or with --time the one that reaches back to it.
        #[arg(long, value_name = "NAME")]
        backup: Option<String>,
        /// The account as at this time, e.g. 2026-11-20T08:00:00Z, which may be before the backup.
        #[arg(long, value_name = "TIME")]
        time: Option<String>,
        /// Only this mailbox, with those below it.
        #[arg(long)]
        mailbox: Option<String>,
        /// Puts all into a mailbox of this name.
        #[arg(long, value_name = "NAME", required_unless_present = "in_place")]
        folder: Option<String>,
        /// Puts it where it was; only what is missing is added.
        #[arg(long, conflicts_with = "folder")]
        in_place: bool,
    },
    /// Bỏ việc đưa về thời điểm cũ còn dở / Give up a restore that did not end
    GiveUp {
        /// Id or address.
        account: String,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::Removed {
            account,
            mailbox,
            from,
            to,
            limit,
        } => {
            let path = format!("accounts/{}/removed", client.kept_account(&account)?);
            let filters = [("mailbox", mailbox), ("from", from), ("to", to)];
            printer.rows(&REMOVED, &client.list(&path, &filters, limit)?)
        }
        Verb::Undelete {
            account,
            messages,
            mailbox,
        } => undelete(client, printer, &account, &messages, mailbox.as_deref()),
        Verb::Restore {
            account,
            at,
            mailbox,
            folder,
            in_place,
            aside,
        } => {
            let path = format!("accounts/{}/restore", client.kept_account(&account)?);
            let body = json!({"at": at, "mailbox": mailbox, "folder": folder,
                "place": in_place.then_some("in-place"), "aside": aside});
            printer.row(&RESTORED, &until_finished(client, printer, &path, &body)?)
        }
        Verb::Backups => printer.rows(&BACKUPS, &client.whole("backups")?),
        Verb::FromBackup {
            account,
            backup,
            time,
            mailbox,
            folder,
            in_place,
        } => {
            let body = json!({"backup": backup, "time": time, "mailbox": mailbox, "folder": folder,
                "place": in_place.then_some("in-place")});
            let done = brought(client, &account, body)?;
            printer.row(&BROUGHT, &done)
        }
        Verb::GiveUp { account } => {
            let path = format!("accounts/{}/restore", client.kept_account(&account)?);
            client.call(Ask::new("DELETE", &path))?;
            printer.say(
                "Đã bỏ; phần đã làm vẫn còn.",
                "Given up; what it did stays.",
            )
        }
    }
}

/// Puts messages back, and tells which: those that were not are a refusal.
fn undelete(
    client: &Client,
    printer: &mut Printer<'_>,
    account: &str,
    messages: &[u64],
    mailbox: Option<&str>,
) -> anyhow::Result<()> {
    let path = format!("accounts/{}/removed/restore", client.kept_account(account)?);
    let mut rows = Vec::new();
    for some in messages.chunks(BACK_MAX) {
        let body = json!({"messages": some, "mailbox": mailbox});
        let mut done = client.create(&path, body)?;
        if let Some(items) = done["items"].as_array_mut() {
            rows.append(items);
        }
    }
    let back: Vec<Value> = rows.iter().filter(|r| is_back(r)).cloned().collect();
    if printer.is_json() {
        printer.rows(&BACK, &rows)?;
    } else if !back.is_empty() {
        printer.rows(&BACK, &back)?;
    }
    expect_back(&rows)
}

/// Whether a message of that number was put back.
fn is_back(row: &Value) -> bool {
    !row["message"].is_null()
}

/// Errors: some of them were never removed, or too long ago.
fn expect_back(rows: &[Value]) -> anyhow::Result<()> {
    let gone = rows.iter().filter(|row| !is_back(row));
    let gone: Vec<String> = gone.map(|row| row["id"].to_string()).collect();
    anyhow::ensure!(
        gone.is_empty(),
        "không có thư đã xoá nào mang số {0}, hoặc nó đã quá hạn phục hồi; `recovery removed` liệt kê những thư còn phục hồi \
         được / no removed message has the number {0}, or its time is over; `recovery removed` lists those that can be put \
         back",
        gone.join(", ")
    );
    Ok(())
}

/// An account out of a backup, followed until it is there.
fn brought(client: &Client, account: &str, body: Value) -> anyhow::Result<Value> {
    let id = client.kept_account(account)?;
    let path = format!("accounts/{id}/backup-restores");
    let begun = client.create(&path, body)?;
    let shown = Shown::new();
    let done = client.follow(&path, begun, &mut |p| shown.tell(p))?;
    shown.end();
    Ok(done)
}

/// Asks again until all is done, with the sums of all answers.
fn until_finished(
    client: &Client,
    printer: &Printer<'_>,
    path: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    let mut sum = json!({"made": 0, "changed": 0, "aside": 0, "missed": 0, "finished": false});
    for _ in 0..REQUESTS_MAX {
        let done = client.create(path, body.clone())?;
        for field in ["made", "changed", "aside", "missed"] {
            let so_far = sum[field].as_u64().unwrap_or(0);
            sum[field] = (so_far + done[field].as_u64().unwrap_or(0)).into();
        }
        sum["finished"] = done["finished"].clone();
        if done["finished"] != false {
            break;
        }
        if !printer.is_json() {
            eprintln!("{} / {}", done["looked"], done["of"]);
        }
    }
    Ok(sum)
}
