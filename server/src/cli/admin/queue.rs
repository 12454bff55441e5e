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
const ONE: [Column; 7] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    LIST[4],
    ("submitter", "Tài khoản gửi", "Submitter"),
    ("message_id", "Message-ID", "Message-ID"),
];

/// A recipient of one message: the peer's answer is shown whole.
const RECIPIENT: [Column; 5] = [
    ("address", "Đến", "To"),
    ("state", "Tình trạng", "State"),
    ("tries", "Số lần thử", "Tries"),
    ("next_try", "Thử lại lúc", "Next try"),
    ("last", "Lần cuối", "Last"),
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
        Verb::Show { id } => {
            let item = client.read(&format!("queue/{id}"))?;
            printer.row(&ONE, &item)?;
            let recipients = item["recipients"].as_array();
            for recipient in recipients.into_iter().flatten() {
                printer.say("", "")?;
                printer.detail(&RECIPIENT, recipient)?;
            }
            Ok(())
        }
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
