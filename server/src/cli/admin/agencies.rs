//! `congvu admin agencies …`

use super::client::{Ask, Client, Condition, encoded};
use super::print::{Column, Printer};
use super::quota::{Given, USAGE};
use serde_json::{Map, Value, json};

const LIST: [Column; 5] = [
    ("id", "Mã", "Code"),
    ("parent", "Cấp trên", "Parent"),
    ("name", "Tên", "Name"),
    ("name_en", "Tên tiếng Anh", "English name"),
    ("version", "Bản", "Version"),
];

const ONE: [Column; 10] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    ("quota", "Hạn mức chung (byte)", "Quota of all (octets)"),
    (
        "messages_max",
        "Số thư chung tối đa",
        "Messages of all at most",
    ),
    (
        "account_quota",
        "Hạn mức mỗi tài khoản (byte)",
        "Quota of each account (octets)",
    ),
    (
        "account_messages_max",
        "Số thư mỗi tài khoản tối đa",
        "Messages of each account at most",
    ),
    ("soft_percent", "Ngưỡng báo (%)", "Told at (%)"),
    LIST[4],
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê cơ quan / List agencies
    List {
        /// Only the children of this one.
        #[arg(long, value_name = "CODE")]
        parent: Option<String>,
        /// Words in code and names.
        #[arg(long)]
        find: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Xem một cơ quan / Show one agency
    Show {
        /// Code, e.g. H99.1.
        id: String,
    },
    /// Lập cơ quan / Make an agency
    Create {
        /// Code, e.g. H99.1; never changes.
        id: String,
        /// Vietnamese name.
        #[arg(long)]
        name: String,
        /// English name.
        #[arg(long)]
        name_en: Option<String>,
        /// The agency above.
        #[arg(long, value_name = "CODE")]
        parent: Option<String>,
        #[command(flatten)]
        given: Given,
    },
    /// Xem dung lượng đang dùng / Show what an agency with all below it uses of its limits
    Usage {
        /// Code, e.g. H99.1.
        id: String,
    },
    /// Đổi tên, chuyển cơ quan, đặt hạn mức / Rename or move an agency, set its limits
    Update {
        /// Code, e.g. H99.1.
        id: String,
        /// New Vietnamese name.
        #[arg(long)]
        name: Option<String>,
        /// New English name; "" takes it away.
        #[arg(long)]
        name_en: Option<String>,
        /// The new agency above; "" for none.
        #[arg(long, value_name = "CODE")]
        parent: Option<String>,
        #[command(flatten)]
        given: Given,
        #[command(flatten)]
        condition: Condition,
    },
    /// Xoá cơ quan không còn gì bên dưới / Remove an agency that nothing hangs on
    Delete {
        /// Code, e.g. H99.1.
        id: String,
        #[command(flatten)]
        condition: Condition,
    },
}

/// A change names only what was given; empty text takes the value away (RFC 7396 §2).
pub(super) fn change(fields: &[(&str, Option<String>)]) -> Map<String, Value> {
    let given = fields
        .iter()
        .filter_map(|(name, value)| Some((*name, value.clone()?)));
    let value = |text: String| {
        if text.is_empty() {
            Value::Null
        } else {
            Value::String(text)
        }
    };
    given
        .map(|(name, text)| (name.to_owned(), value(text)))
        .collect()
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List {
            parent,
            find,
            limit,
        } => printer.rows(
            &LIST,
            &client.list("agencies", &[("parent", parent), ("find", find)], limit)?,
        ),
        Verb::Usage { id } => printer.row(
            &USAGE,
            &client.read(&format!("agencies/{}/usage", encoded(&id)))?,
        ),
        Verb::Show { id } => {
            printer.row(&ONE, &client.read(&format!("agencies/{}", encoded(&id)))?)
        }
        Verb::Create {
            id,
            name,
            name_en,
            parent,
            given,
        } => {
            let mut body = json!({"id": id, "name": name, "name_en": name_en, "parent": parent});
            if let Some(body) = body.as_object_mut() {
                given.put(body)?;
            }
            printer.row(&ONE, &client.create("agencies", body)?)
        }
        Verb::Update {
            id,
            name,
            name_en,
            parent,
            given,
            condition,
        } => {
            let mut body = change(&[("name", name), ("name_en", name_en), ("parent", parent)]);
            given.put(&mut body)?;
            let path = format!("agencies/{}", encoded(&id));
            let ask = Ask::new("PATCH", &path).body(body.into()).when(&condition);
            printer.row(&ONE, &client.call(ask)?)
        }
        Verb::Delete { id, condition } => {
            let path = format!("agencies/{}", encoded(&id));
            client.call(Ask::new("DELETE", &path).when(&condition))?;
            printer.say(&format!("Đã xoá {id}."), &format!("{id} is deleted."))
        }
    }
}
