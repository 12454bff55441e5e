//! `congvu admin audit …`

use super::client::Client;
use super::print::{Column, Printer};

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
    /// List entries, the newest first.
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
    /// Show one entry.
    Show {
        /// Its number.
        number: u64,
    },
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
            printer.rows(&COLUMNS[..6], &client.list("audit", &filters, Some(limit))?)
        }
        Verb::Show { number } => printer.row(&COLUMNS, &client.read(&format!("audit/{number}"))?),
    }
}
