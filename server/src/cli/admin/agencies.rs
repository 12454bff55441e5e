//! `congvu admin agencies …`

use super::client::{Ask, Client, Condition, encoded};
use super::print::{Column, Printer};
use super::quota::{Given, USAGE};
use serde_json::{Map, Value, json};

const LIST: [Column; 7] = [
    ("id", "Mã", "Code"),
    ("parent", "Cấp trên", "Parent"),
    ("name", "Tên", "Name"),
    ("name_en", "Tên tiếng Anh", "English name"),
    ("kind", "Loại", "Kind"),
    ("until", "Đến hết ngày", "Until"),
    ("version", "Bản", "Version"),
];

const ONE: [Column; 16] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    ("short_name", "Tên viết tắt", "Short name"),
    LIST[4],
    ("codes", "Mã định danh khác", "Official codes"),
    ("order", "Thứ tự", "Order"),
    ("since", "Từ ngày", "Since"),
    LIST[5],
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
    LIST[6],
];

/// What an agency is.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Profile {
    /// As it is called in few letters, e.g. SNV; "" takes it away.
    #[arg(long)]
    short_name: Option<String>,
    /// What kind of agency.
    #[arg(long, value_parser = [
        "committee", "council", "department", "commune", "unit", "centre", "party", "front", "other",
    ])]
    kind: Option<String>,
    /// An official code beside its id, e.g. 000.00.01.H99; once for each, all of them.
    #[arg(long, value_name = "CODE", conflicts_with = "no_codes")]
    code: Vec<String>,
    /// No official code beside its id.
    #[arg(long)]
    no_codes: bool,
    /// Its place among its siblings.
    #[arg(long, value_name = "NUMBER")]
    order: Option<u32>,
    /// The first day on which it is there, e.g. 2025-07-01; "" takes it away.
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// The last day; from the next one on it takes nothing new. "" takes it away.
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
}

impl Profile {
    fn put(self, body: &mut Map<String, Value>) {
        let words = [
            ("short_name", self.short_name),
            ("kind", self.kind),
            ("since", self.since),
            ("until", self.until),
        ];
        body.append(&mut change(&words));
        if self.no_codes || !self.code.is_empty() {
            body.insert("codes".to_owned(), self.code.into());
        }
        if let Some(order) = self.order {
            body.insert("order".to_owned(), order.into());
        }
    }
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê cơ quan / List agencies
    List {
        /// Only the children of this one, in the order of their places.
        #[arg(long, value_name = "CODE")]
        parent: Option<String>,
        /// Only those that were there, or will be, on this day.
        #[arg(long, value_name = "DAY")]
        at: Option<String>,
        /// Only those of this kind.
        #[arg(long)]
        kind: Option<String>,
        /// Only the one with this id or official code.
        #[arg(long)]
        code: Option<String>,
        /// Words in code and names.
        #[arg(long)]
        find: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Xem một cơ quan / Show one agency
    Show {
        /// Id, e.g. H99.1, or an official code.
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
        profile: Profile,
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
        profile: Profile,
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
            at,
            kind,
            code,
            find,
            limit,
        } => {
            let filters = [
                ("parent", parent),
                ("at", at),
                ("kind", kind),
                ("code", code),
                ("find", find),
            ];
            printer.rows(&LIST, &client.list("agencies", &filters, limit)?)
        }
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
            profile,
            given,
        } => {
            let mut body = json!({"id": id, "name": name, "name_en": name_en, "parent": parent});
            if let Some(body) = body.as_object_mut() {
                profile.put(body);
                given.put(body)?;
            }
            printer.row(&ONE, &client.create("agencies", body)?)
        }
        Verb::Update {
            id,
            name,
            name_en,
            parent,
            profile,
            given,
            condition,
        } => {
            let mut body = change(&[("name", name), ("name_en", name_en), ("parent", parent)]);
            profile.put(&mut body);
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
