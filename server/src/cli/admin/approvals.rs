//! `congvu admin approvals …`: acts that take two persons.

use super::client::{Ask, Client};
use super::print::{Column, Printer};

const LIST: [Column; 7] = [
    ("id", "Số", "Id"),
    ("act", "Việc", "Act"),
    ("object", "Đối tượng", "Object"),
    ("agency", "Cơ quan", "Agency"),
    ("asked_by_address", "Người đề nghị", "Asked by"),
    ("state", "Tình trạng", "State"),
    ("until", "Đến", "Until"),
];
const ONE: [Column; 10] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    ("detail", "Nội dung", "Asked for"),
    LIST[4],
    ("asked_at", "Đề nghị lúc", "Asked"),
    LIST[5],
    ("decided_by_address", "Người quyết định", "Decided by"),
    LIST[6],
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê yêu cầu của mình và yêu cầu mình duyệt được / List requests of one's own and those one may decide
    List {
        /// waiting, approved, refused, used or lapsed.
        #[arg(long)]
        state: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Xem một yêu cầu / Show one request
    Show {
        /// Its number.
        id: u64,
    },
    /// Duyệt yêu cầu của người khác / Approve a request of somebody else
    Approve {
        /// Its number.
        id: u64,
    },
    /// Từ chối, hoặc rút yêu cầu của mình / Refuse a request, or take back one's own
    Refuse {
        /// Its number.
        id: u64,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let decide = |id: u64, how: &str| {
        let path = format!("approvals/{id}/{how}");
        client.call(Ask::new("POST", &path))
    };
    match verb {
        Verb::List { state, limit } => printer.rows(
            &LIST,
            &client.list("approvals", &[("state", state)], limit)?,
        ),
        Verb::Show { id } => printer.row(&ONE, &client.read(&format!("approvals/{id}"))?),
        Verb::Approve { id } => printer.row(&ONE, &decide(id, "approve")?),
        Verb::Refuse { id } => printer.row(&ONE, &decide(id, "refuse")?),
    }
}
