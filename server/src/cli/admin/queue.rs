//! `congvu admin queue …`

use super::client::{Ask, Client};
use super::print::{Column, Printer};

const LIST: [Column; 6] = [
    ("id", "Số", "Id"),
    ("accepted_at", "Nhận lúc", "Accepted"),
    ("due", "Thử lại lúc", "Due"),
    ("size", "Byte", "Octets"),
    ("from", "Từ", "From"),
    ("recipients", "Đến", "To"),
];
const ONE: [Column; 8] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    LIST[4],
    LIST[5],
    ("submitter", "Tài khoản gửi", "Submitter"),
    ("message_id", "Message-ID", "Message-ID"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê thư đang chờ / List waiting messages
    List {
        /// Reverse-path; "" for bounces.
        #[arg(long)]
        from: Option<String>,
        /// Address of one recipient.
        #[arg(long)]
        recipient: Option<String>,
        /// Message-ID header.
        #[arg(long)]
        message_id: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Xem một thư đang chờ / Show one waiting message
    Show {
        /// Its number.
        id: u64,
    },
    /// Gửi lại ngay / Try a waiting message now
    Retry {
        /// Its number.
        id: u64,
    },
    /// Bỏ thư đang chờ, báo cho người gửi / Give a waiting message up; its sender is told
    Delete {
        /// Its number.
        id: u64,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List {
            from,
            recipient,
            message_id,
            limit,
        } => {
            let filters = [
                ("from", from),
                ("recipient", recipient),
                ("message_id", message_id),
            ];
            printer.rows(&LIST, &client.list("queue", &filters, limit)?)
        }
        Verb::Show { id } => printer.row(&ONE, &client.read(&format!("queue/{id}"))?),
        Verb::Retry { id } => {
            client.call(Ask::new("POST", &format!("queue/{id}/retry")))?;
            printer.say(
                &format!("Thư {id} được thử lại ngay."),
                &format!("{id} is due now."),
            )
        }
        Verb::Delete { id } => {
            client.call(Ask::new("DELETE", &format!("queue/{id}")))?;
            printer.say(&format!("Đã bỏ thư {id}."), &format!("{id} is given up."))
        }
    }
}
