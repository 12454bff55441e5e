//! `congvu admin audit …`

use super::client::Client;
use super::print::{Column, Printer};
use serde_json::Value;

/// Rows shown when no limit is given: the log only grows.
const LIMIT_DEFAULT: usize = 50;

const COLUMNS: [Column; 7] = [
    ("number", "Số", "Number"),
    ("at", "Lúc", "At"),
    ("actor", "Người làm", "Actor"),
    ("act", "Việc", "Act"),
    ("object", "Đối tượng", "Object"),
    ("detail", "Chi tiết", "Detail"),
    ("hash", "Mã băm", "Hash"),
];

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
        /// At most so many rows.
        #[arg(long, default_value_t = LIMIT_DEFAULT)]
        limit: usize,
    },
    /// Xem một mục / Show one entry
    Show {
        /// Its number.
        number: u64,
    },
}

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
            limit,
        } => {
            let filters = [("actor", actor), ("act", act), ("object", object)];
            let rows = client.list("audit", &filters, Some(limit))?.into_iter();
            let rows: Vec<Value> = rows.map(|row| spelled(row, printer)).collect();
            printer.rows(&COLUMNS[..6], &rows)
        }
        Verb::Show { number } => {
            let entry = client.read(&format!("audit/{number}"))?;
            printer.row(&COLUMNS, &spelled(entry, printer))
        }
    }
}
