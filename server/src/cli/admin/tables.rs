//! `congvu admin import TABLE FILE` and `congvu admin export TABLE`.

use super::client::{Ask, Client};
use super::jobs;
use super::print::Printer;
use anyhow::Context as _;
use std::path::PathBuf;

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Table {
    /// Cơ quan.
    Agencies,
    /// Tài khoản.
    Accounts,
    /// Thành viên danh sách và hộp thư chung.
    Members,
    /// Vị trí và người giữ.
    Positions,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Agencies => "agencies",
            Self::Accounts => "accounts",
            Self::Members => "members",
            Self::Positions => "positions",
        }
    }
}

/// What parts the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Delimiter {
    Comma,
    Semicolon,
    Tab,
}

/// A table to import.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// What its rows are.
    #[arg(value_enum)]
    table: Table,
    /// CSV in UTF-8 with a header; cells parted by commas, semicolons or tabs.
    file: PathBuf,
    /// The subtree within which it works.
    #[arg(long, value_name = "CODE")]
    agency: Option<String>,
    /// Only look; `jobs apply` does it in earnest within 24 h.
    #[arg(long)]
    dry_run: bool,
    /// Leave rows with errors out instead of changing nothing.
    #[arg(long)]
    skip_errors: bool,
    /// Do not wait for the end.
    #[arg(long)]
    no_wait: bool,
}

/// A table to export.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// What its rows are.
    #[arg(value_enum)]
    table: Table,
    /// This agency and all below it.
    #[arg(long, value_name = "CODE")]
    agency: Option<String>,
    /// What parts the cells.
    #[arg(long, value_enum)]
    delimiter: Option<Delimiter>,
    /// Write here instead of to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Sends the file and follows its job.
pub(super) fn import(
    args: Import,
    client: &Client,
    printer: &mut Printer<'_>,
) -> anyhow::Result<()> {
    let file = std::fs::File::open(&args.file)
        .with_context(|| format!("không đọc được / cannot read {}", args.file.display()))?;
    let path = format!("imports/{}", args.table.name());
    let mut ask = Ask::new("POST", &path);
    ask.asked("agency", args.agency);
    let tries = args.dry_run || client.tries();
    ask.asked("dry_run", tries.then(|| "true".to_owned()));
    ask.asked("skip_errors", args.skip_errors.then(|| "true".to_owned()));
    let name = args
        .file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    ask.asked("file_name", name);
    let job = client.send_table(ask, file)?;
    match args.no_wait {
        true => printer.row(&jobs::ONE, &job),
        false => jobs::watch(client, printer, job),
    }
}

/// Writes the table.
pub(super) fn export(
    args: Export,
    client: &Client,
    printer: &mut Printer<'_>,
) -> anyhow::Result<()> {
    let path = format!("exports/{}", args.table.name());
    let mut ask = Ask::new("GET", &path);
    ask.asked("agency", args.agency);
    let delimiter = args.delimiter.map(|delimiter| match delimiter {
        Delimiter::Comma => "comma",
        Delimiter::Semicolon => "semicolon",
        Delimiter::Tab => "tab",
    });
    ask.asked("delimiter", delimiter.map(str::to_owned));
    written(ask, args.out, client, printer)
}

/// Copies what is answered into a file, or to standard output.
pub(super) fn written(
    ask: Ask<'_>,
    out: Option<PathBuf>,
    client: &Client,
    printer: &mut Printer<'_>,
) -> anyhow::Result<()> {
    let Some(out) = out else {
        client.copy(ask, &mut std::io::stdout().lock())?;
        return Ok(());
    };
    let mut file = std::fs::File::create(&out)
        .with_context(|| format!("không ghi được / cannot write {}", out.display()))?;
    if let Err(error) = client.copy(ask, &mut file) {
        // What was refused leaves nothing behind that looks like an export.
        drop(std::fs::remove_file(&out));
        return Err(error);
    }
    let out = out.display();
    printer.say(&format!("Đã ghi {out}."), &format!("{out} is written."))
}
