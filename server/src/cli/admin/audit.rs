//! `congvu admin audit …`

use super::super::progress::Shown;
use super::client::{Ask, Client};
use super::print::{Column, Printer};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Rows shown when no limit is given: the log only grows.
const LIMIT_DEFAULT: usize = 50;

/// Hexadecimal digits of an entry's hash.
const HASH_DIGITS: usize = 64;

/// Columns of a list; one entry has the further ones too.
const LISTED: usize = 8;

const COLUMNS: [Column; 14] = [
    ("number", "Số", "Number"),
    ("at", "Lúc", "At"),
    ("actor", "Người làm", "Actor"),
    ("service", "Qua", "Through"),
    ("act", "Việc", "Act"),
    ("object", "Đối tượng", "Object"),
    ("reason", "Lý do", "Reason"),
    ("detail", "Chi tiết", "Detail"),
    ("address", "Từ địa chỉ", "From"),
    ("actor_id", "Tài khoản người làm", "Actor's account"),
    ("credential", "Bằng mã hoặc mật khẩu số", "By credential"),
    ("account", "Tài khoản liên quan", "Account"),
    ("agency", "Cơ quan", "Agency"),
    ("hash", "Mã băm", "Hash"),
];

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A JSON object a line.
    Jsonl,
    /// A table for spreadsheets.
    Csv,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê, mới nhất trước / List entries, the newest first
    List {
        /// Address of the actor, or system.
        #[arg(long)]
        actor: Option<String>,
        /// E.g. account.create, or account.
        #[arg(long)]
        act: Option<String>,
        /// E.g. annv@tinhmau.gov.vn.
        #[arg(long)]
        object: Option<String>,
        /// Whom it concerns, whatever the address was: the account's number.
        #[arg(long)]
        account: Option<u32>,
        #[command(flatten)]
        time: Span,
        /// At most so many rows.
        #[arg(long, default_value_t = LIMIT_DEFAULT)]
        limit: usize,
    },
    /// Xem một mục / Show one entry
    Show {
        /// Its number.
        number: u64,
    },
    /// Kiểm tra toàn bộ chuỗi băm / Verify the whole chain of hashes; exit status 1 where it breaks
    Verify {
        /// An entry noted before, and its hash: shows whether the whole log was written anew since.
        #[arg(long, value_name = "NUMBER:HASH")]
        expect: Option<String>,
    },
    /// Xuất nhật ký / Export it, the oldest first; needs --reason
    Export {
        /// How it is written.
        #[arg(long, value_enum, default_value = "jsonl")]
        format: Format,
        #[command(flatten)]
        time: Span,
        /// Write here instead of to standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Of which time.
#[derive(Debug, clap::Args)]
pub(super) struct Span {
    /// At this time or later, RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time, RFC 3339.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// A chain that does not hold is exit status 1.
#[derive(Debug)]
struct Breaks(u64);

impl std::fmt::Display for Breaks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(number) = self;
        write!(
            f,
            "nhật ký không còn nguyên vẹn từ mục {number} / the log does not hold from entry {number} on"
        )
    }
}

impl std::error::Error for Breaks {}

/// For people the detail is one cell with its names; machines get it as it is.
fn spelled(mut entry: Value, printer: &Printer<'_>) -> Value {
    if !printer.is_json() {
        let detail = entry["detail"].to_string();
        entry["detail"] = detail.into();
    }
    entry
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List {
            actor,
            act,
            object,
            account,
            time,
            limit,
        } => {
            let filters = [
                ("actor", actor),
                ("act", act),
                ("object", object),
                ("account", account.map(|id| id.to_string())),
                ("since", time.since),
                ("until", time.until),
            ];
            let rows = client.list("audit", &filters, Some(limit))?.into_iter();
            let rows: Vec<Value> = rows.map(|row| spelled(row, printer)).collect();
            printer.rows(&COLUMNS[..LISTED], &rows)
        }
        Verb::Show { number } => {
            let entry = client.read(&format!("audit/{number}"))?;
            printer.row(&COLUMNS, &spelled(entry, printer))
        }
        Verb::Verify { expect } => verify(expect.as_deref(), client, printer),
        Verb::Export { format, time, out } => {
            let mut ask = Ask::new("GET", "audit/export");
            let format = match format {
                Format::Jsonl => "jsonl",
                Format::Csv => "csv",
            };
            ask.asked("format", Some(format.to_owned()));
            ask.asked("since", time.since);
            ask.asked("until", time.until);
            super::tables::written(ask, out, client, printer)
        }
    }
}

/// An entry noted before, as `NUMBER:HASH`. Errors: not of that form, with the hash of 64 hexadecimal digits that is shown.
fn noted(text: &str) -> anyhow::Result<(u64, String)> {
    let hex = |hash: &str| hash.len() == HASH_DIGITS && hash.bytes().all(|b| b.is_ascii_hexdigit());
    let parts = text.split_once(':').filter(|(_, hash)| hex(hash));
    let parsed = parts.and_then(|(number, hash)| Some((number.parse().ok()?, hash)));
    let (number, hash) = parsed.with_context(|| {
        format!(
            "--expect {text}: cần dạng SỐ:MÃ_BĂM (64 chữ số hệ 16) như lệnh này đã in / \
             expected NUMBER:HASH (64 hexadecimal digits) as this command has printed"
        )
    })?;
    Ok((number, hash.to_ascii_lowercase()))
}

/// Verifies, until it has ended; and that a noted entry is still as it was.
fn verify(expect: Option<&str>, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let noted = expect.map(noted).transpose()?;
    let shown = Shown::new();
    let begun = client.create("audit/verify", json!({}))?;
    let found = client.follow("audit/verify", begun, &mut |p| shown.tell(p))?;
    shown.end();
    if printer.is_json() {
        printer.row(&[], &found)?;
    }
    if let Some(number) = found["broken_at"].as_u64() {
        let (vi, en) = match found["broken"].as_str() {
            Some("missing") => ("mục này không còn", "there is no such entry"),
            Some("unreadable") => ("mục này không đọc được", "it cannot be read"),
            Some("cut_off") => (
                "các mục trước bị mất mà không có mục nào ghi là đã cắt vì quá hạn lưu",
                "earlier ones are gone, and none says that they were cut off for their age",
            ),
            _ => (
                "nội dung hoặc mã băm đã bị sửa",
                "it, or the hash before it, was changed",
            ),
        };
        printer.say(
            &format!("Mục {number}: {vi}."),
            &format!("Entry {number}: {en}."),
        )?;
        return Err(Breaks(number).into());
    }
    if let Some((number, hash)) = noted {
        compare(number, &hash, &found, client, printer)?;
    }
    let (first, last) = (&found["first"], &found["last"]);
    let hash = found["hash"].as_str().unwrap_or_default();
    let hash = super::client::clean(hash);
    printer.say(
        &format!(
            "Nhật ký nguyên vẹn, từ mục {first} đến {last}. Hãy ghi lại ở nơi khác: --expect {last}:{hash}"
        ),
        &format!(
            "The log holds, from entry {first} to {last}. Note elsewhere: --expect {last}:{hash}"
        ),
    )
}

/// Whether a noted entry is still there as it was, in a log that holds by itself. Errors: `Breaks`, where it was written
/// anew, or ends before that entry: the store was put back to an earlier state. One that was cut off for its age says nothing.
fn compare(
    number: u64,
    hash: &str,
    found: &Value,
    client: &Client,
    printer: &mut Printer<'_>,
) -> anyhow::Result<()> {
    let (first, last) = (found["first"].as_u64(), found["last"].as_u64());
    if last.is_some_and(|last| number > last) {
        let last = last.unwrap_or_default();
        printer.say(
            &format!("Mục {number} đã ghi lại không còn: nhật ký nay kết thúc ở mục {last}, các mục sau đã mất."),
            &format!("Entry {number}, noted before, is gone: the log now ends at entry {last}; later ones are lost."),
        )?;
        return Err(Breaks(last.saturating_add(1)).into());
    }
    if first.is_some_and(|first| number < first) {
        let first = first.unwrap_or_default();
        anyhow::bail!(
            "mục {number} đã được cắt vì quá hạn lưu, không đối chiếu được: nhật ký bắt đầu từ mục {first} / \
             entry {number} was cut off for its age and cannot be compared: the log begins at entry {first}"
        );
    }
    let entry = client.read(&format!("audit/{number}"))?;
    if entry["hash"].as_str() == Some(hash) {
        return Ok(());
    }
    printer.say(
        &format!("Mục {number} không còn như đã ghi lại: nhật ký đã bị viết lại."),
        &format!("Entry {number} is not as it was noted: the log was written anew."),
    )?;
    Err(Breaks(number).into())
}
