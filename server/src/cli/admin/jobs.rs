//! `congvu admin jobs …`: bulk work, how far it is and what came of it.

use super::client::{Ask, Client, clean};
use super::print::{Column, Printer};
use crate::cli::progress;
use serde_json::{Value, json};
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Instant;

/// Questions after one job at most, each of a second: a day of them.
const ASKED_MAX: usize = 86_400;
/// Rows with errors that are shown when a job has ended.
const ERRORS_SHOWN: usize = 50;

const LIST: [Column; 10] = [
    ("id", "Số", "Id"),
    ("kind", "Việc", "Kind"),
    ("subject", "Bảng", "Table"),
    ("state", "Trạng thái", "State"),
    ("dry_run", "Chạy thử", "Dry run"),
    ("done", "Đã làm", "Done"),
    ("total", "Tất cả", "Of"),
    ("errors", "Lỗi", "Errors"),
    ("agency", "Cơ quan", "Agency"),
    ("created_at", "Lúc", "When"),
];
pub(super) const ONE: [Column; 20] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    ("phase", "Bước", "Phase"),
    LIST[4],
    ("skip_errors", "Bỏ qua dòng lỗi", "Leaves errors out"),
    LIST[8],
    ("asked_by", "Người yêu cầu", "Asked by"),
    ("file_name", "Tệp", "File"),
    LIST[5],
    LIST[6],
    ("new", "Mới", "New"),
    ("changed", "Thay đổi", "Changed"),
    ("same", "Như cũ", "Same"),
    LIST[7],
    ("undone_by", "Hoàn tác bởi", "Undone by"),
    ("undo_until", "Hoàn tác được đến", "Can be undone until"),
    ("letters_at", "Lấy thư mật khẩu lúc", "Letters fetched"),
    ("ended_at", "Kết thúc lúc", "Ended"),
];
const RESULTS: [Column; 5] = [
    ("row", "Dòng", "Row"),
    ("outcome", "Kết quả", "Outcome"),
    ("key", "Mục", "What"),
    ("change", "Thay đổi", "Change"),
    ("fault", "Lỗi", "Error"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê việc / List jobs, the newest first
    List {
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Xem một việc / Show one job
    Show {
        /// Its number.
        id: u64,
    },
    /// Xem kết quả từng dòng / Show what became of the rows, or would
    Results {
        /// Its number.
        id: u64,
        /// Only these: new, changed, same or error.
        #[arg(long, value_parser = ["new", "changed", "same", "error"])]
        outcome: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Theo dõi đến khi xong / Watch a job until it has ended
    Watch {
        /// Its number.
        id: u64,
    },
    /// Làm thật việc đã chạy thử / Do in earnest what a dry run looked at
    Apply {
        /// Number of the dry run.
        id: u64,
        /// Leave rows with errors out instead of changing nothing.
        #[arg(long)]
        skip_errors: bool,
    },
    /// Huỷ / Cancel a job; what it did stays
    Cancel {
        /// Its number.
        id: u64,
    },
    /// Hoàn tác trong 7 ngày / Undo an import, within 7 days
    Undo {
        /// Its number.
        id: u64,
    },
    /// Lấy thư mật khẩu lần đầu / Fetch the letters with first passwords, once
    Letters {
        /// Number of the import.
        id: u64,
        /// The page (HTML) to write; it must not be there yet.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Draw the passwords that nobody used anew; the letters before are void.
        #[arg(long)]
        again: bool,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List { limit } => printer.rows(&LIST, &client.list("jobs", &[], Some(limit))?),
        Verb::Show { id } => {
            let job = client.read(&format!("jobs/{id}"))?;
            printer.row(&ONE, &job)?;
            failed(&job)
        }
        Verb::Results { id, outcome, limit } => {
            let path = format!("jobs/{id}/results");
            results(client, printer, &path, outcome, limit)
        }
        Verb::Watch { id } => {
            let job = client.read(&format!("jobs/{id}"))?;
            watch(client, printer, job)
        }
        Verb::Apply { id, skip_errors } => {
            let body = json!({ "skip_errors": skip_errors });
            let job = client.create(&format!("jobs/{id}/apply"), body)?;
            watch(client, printer, job)
        }
        Verb::Cancel { id } => {
            let job = client.act(&format!("jobs/{id}/cancel"), json!({}))?;
            printer.row(&ONE, &job)
        }
        Verb::Undo { id } => {
            let path = format!("jobs/{id}/undo");
            let mut ask = Ask::new("POST", &path).body(json!({}));
            ask.asked("dry_run", client.tries().then(|| "true".to_owned()));
            let job = client.call(ask)?;
            watch(client, printer, job)
        }
        Verb::Letters { id, out, again } => letters(client, printer, id, &out, again),
    }
}

/// The results as rows of a table.
fn results(
    client: &Client,
    printer: &mut Printer<'_>,
    path: &str,
    outcome: Option<String>,
    limit: Option<usize>,
) -> anyhow::Result<()> {
    let mut rows = client.list(path, &[("outcome", outcome)], limit)?;
    if !printer.is_json() {
        rows.iter_mut().for_each(spell);
    }
    printer.rows(&RESULTS, &rows)
}

/// Differences and faults of a row as one text each.
fn spell(row: &mut Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let each = |list: &Value, spelt: &dyn Fn(&Value) -> String| {
        let items = list.as_array().into_iter().flatten();
        items.map(spelt).collect::<Vec<_>>().join("; ")
    };
    let change = |d: &Value| match text(&d["from"]) {
        from if from.is_empty() => format!("{}: {}", text(&d["column"]), text(&d["to"])),
        from => format!("{}: {from} → {}", text(&d["column"]), text(&d["to"])),
    };
    let fault = |e: &Value| match e["column"].as_str() {
        Some(column) => format!("{column} “{}”: {}", text(&e["value"]), text(&e["detail"])),
        None => text(&e["detail"]),
    };
    row["change"] = each(&row["differences"], &change).into();
    row["fault"] = each(&row["errors"], &fault).into();
}

/// Tells how far a job is until it has ended, then what came of it. Errors: it failed.
pub(super) fn watch(
    client: &Client,
    printer: &mut Printer<'_>,
    mut job: Value,
) -> anyhow::Result<()> {
    let path = format!("jobs/{}", job["id"].as_u64().unwrap_or(0));
    let mut shown = Told::new();
    for _ in 0..ASKED_MAX {
        if !matches!(job["state"].as_str(), Some("queued" | "running")) {
            break;
        }
        shown.tell(&job);
        let mut ask = Ask::new("GET", &path);
        ask.asked("wait_s", Some("1".to_owned()));
        job = client.call(ask)?;
    }
    shown.end(&job);
    printer.row(&ONE, &job)?;
    if job["errors"].as_u64().unwrap_or(0) > 0 && !printer.is_json() {
        let path = format!("{path}/results");
        let only = Some("error".to_owned());
        results(client, printer, &path, only, Some(ERRORS_SHOWN))?;
    }
    failed(&job)
}

fn failed(job: &Value) -> anyhow::Result<()> {
    match job["failure"]["detail"].as_str() {
        Some(detail) => anyhow::bail!("{}", clean(detail)),
        None => Ok(()),
    }
}

/// How far a job is: a bar on a terminal, elsewhere a line for each tenth.
struct Told {
    terminal: bool,
    began: Instant,
    last: Option<(String, u64)>,
}

impl Told {
    fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            began: Instant::now(),
            last: None,
        }
    }

    fn tell(&mut self, job: &Value) {
        let phase = match (job["state"].as_str(), job["phase"].as_str()) {
            (Some("queued"), _) => "Chờ / waiting",
            (_, Some("checking")) => "Kiểm tra / checking",
            _ => "Thực hiện / applying",
        };
        let number = |name: &str| job[name].as_u64().unwrap_or(0);
        let (done, total) = (number("done"), number("total"));
        let tenth = done.saturating_mul(10).checked_div(total).unwrap_or(0);
        let at = (phase.to_owned(), tenth);
        if self.last.as_ref().is_none_or(|(before, _)| *before != at.0) {
            self.began = Instant::now();
        }
        let line = progress::rows(phase, done, total, self.began.elapsed());
        let mut out = std::io::stderr().lock();
        if self.terminal {
            let _ = write!(out, "\r{line}\x1b[K").and_then(|()| out.flush());
        } else if self.last.as_ref() != Some(&at) {
            let _ = writeln!(out, "{phase}: {done} / {total}");
        }
        self.last = Some(at);
    }

    fn end(&mut self, job: &Value) {
        if self.terminal && self.last.is_some() {
            self.tell(job);
            eprintln!();
        }
    }
}

/// Writes the page with the letters, for its owner's eyes only.
fn letters(
    client: &Client,
    printer: &mut Printer<'_>,
    id: u64,
    out: &std::path::Path,
    again: bool,
) -> anyhow::Result<()> {
    use anyhow::Context as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options
        .open(out)
        .with_context(|| format!("không ghi được / cannot write {}", out.display()))?;
    let path = format!("jobs/{id}/letters");
    let ask = Ask::new("POST", &path).body(json!({ "again": again }));
    let copied = client.copy(ask, &mut file).and_then(|octets| {
        file.sync_all()?;
        Ok(octets)
    });
    if let Err(error) = copied {
        drop(std::fs::remove_file(out));
        return Err(error);
    }
    let out = out.display();
    printer.say(
        &format!("Đã ghi {out}. Tệp chứa mật khẩu: hãy in rồi xoá."),
        &format!("{out} is written. It holds passwords: print it, then delete it."),
    )
}
