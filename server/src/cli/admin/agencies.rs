//! `congvu admin agencies …`

use super::client::{Ask, Client, Condition, encoded};
use super::print::{Column, Printer};
use serde_json::{Map, Value, json};

const COLUMNS: [Column; 5] = [
    ("id", "Mã", "Code"),
    ("parent", "Cấp trên", "Parent"),
    ("name", "Tên", "Name"),
    ("name_en", "Tên tiếng Anh", "English name"),
    ("version", "Bản", "Version"),
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
    },
    /// Đổi tên, chuyển cơ quan / Rename or move an agency
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
            &COLUMNS,
            &client.list("agencies", &[("parent", parent), ("find", find)], limit)?,
        ),
        Verb::Show { id } => printer.row(
            &COLUMNS,
            &client.read(&format!("agencies/{}", encoded(&id)))?,
        ),
        Verb::Create {
            id,
            name,
            name_en,
            parent,
        } => {
            let body = json!({"id": id, "name": name, "name_en": name_en, "parent": parent});
            printer.row(&COLUMNS, &client.create("agencies", body)?)
        }
        Verb::Update {
            id,
            name,
            name_en,
            parent,
            condition,
        } => {
            let body = change(&[("name", name), ("name_en", name_en), ("parent", parent)]);
            let path = format!("agencies/{}", encoded(&id));
            let ask = Ask::new("PATCH", &path).body(body.into()).when(&condition);
            printer.row(&COLUMNS, &client.call(ask)?)
        }
        Verb::Delete { id, condition } => {
            let path = format!("agencies/{}", encoded(&id));
            client.call(Ask::new("DELETE", &path).when(&condition))?;
            printer.say(&format!("Đã xoá {id}."), &format!("{id} is deleted."))
        }
    }
}
