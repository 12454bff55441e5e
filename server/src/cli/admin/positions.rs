//! `congvu admin positions …`: seats of agencies, who holds them, their mailboxes.

use super::agencies::change;
use super::client::{Ask, Client, Condition};
use super::print::{Column, Printer};
use serde_json::{Value, json};

const LIST: [Column; 7] = [
    ("id", "Số", "Id"),
    ("agency", "Cơ quan", "Agency"),
    ("kind", "Loại", "Kind"),
    ("title", "Chức danh", "Title"),
    ("holder_name", "Người giữ", "Holder"),
    ("mailbox", "Hộp thư", "Mailbox"),
    ("until", "Đến hết ngày", "Until"),
];

const ONE: [Column; 11] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    ("title_en", "Chức danh tiếng Anh", "English title"),
    ("order", "Thứ tự", "Order"),
    LIST[5],
    LIST[4],
    LIST[6],
    ("sealed", "Thư đã niêm phong", "Sealed mail"),
    ("version", "Bản", "Version"),
];

const HISTORY: [Column; 5] = [
    ("name", "Họ tên", "Name"),
    ("address", "Địa chỉ", "Address"),
    ("from", "Từ ngày", "From"),
    ("until", "Đến ngày", "Until"),
    ("acting", "Tạm giữ", "Acting"),
];

/// The kinds as the API names them.
const KINDS: [&str; 14] = [
    "chairman",
    "deputy_chairman",
    "head",
    "deputy_head",
    "chief_of_office",
    "deputy_chief_of_office",
    "secretary",
    "deputy_secretary",
    "clerk",
    "accountant",
    "inspector",
    "specialist",
    "desk",
    "other",
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê vị trí / List positions
    List {
        /// Of this agency and those under it.
        #[arg(long, value_name = "CODE")]
        agency: Option<String>,
        /// Only those of this kind.
        #[arg(long, value_parser = KINDS)]
        kind: Option<String>,
        /// Only those that this account holds: id or address.
        #[arg(long, value_name = "ACCOUNT")]
        holder: Option<String>,
        /// Only those that nobody holds.
        #[arg(long, conflicts_with = "held")]
        vacant: bool,
        /// Only those that somebody holds.
        #[arg(long)]
        held: bool,
        /// Words in titles and the holder's name.
        #[arg(long)]
        find: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Xem một vị trí và lịch sử / Show one position and its history
    Show {
        /// Its number.
        id: u32,
    },
    /// Lập vị trí / Make a position
    Create {
        /// Whose seat it is.
        #[arg(long, value_name = "CODE")]
        agency: String,
        /// Its title, e.g. "Chủ tịch Ủy ban nhân dân xã".
        #[arg(long)]
        title: String,
        /// The same in English.
        #[arg(long)]
        title_en: Option<String>,
        /// What kind of seat.
        #[arg(long, value_parser = KINDS)]
        kind: Option<String>,
        /// Its place in the agency.
        #[arg(long, value_name = "NUMBER")]
        order: Option<u32>,
        /// The shared account that belongs to it: id or address.
        #[arg(long, value_name = "ACCOUNT")]
        mailbox: Option<String>,
    },
    /// Sửa vị trí / Change a position
    Update(Update),
    /// Bàn giao vị trí / Hand a position over: rights over its mailbox pass in one act
    Handover(Handover),
    /// Bỏ vị trí chưa ai giữ / Remove a position that nobody has held
    Delete {
        /// Its number.
        id: u32,
        #[command(flatten)]
        condition: Condition,
    },
}

/// What to change; what is left out stays as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Update {
    /// Its number.
    id: u32,
    #[arg(long, value_name = "CODE")]
    agency: Option<String>,
    #[arg(long)]
    title: Option<String>,
    /// "" takes it away.
    #[arg(long)]
    title_en: Option<String>,
    #[arg(long, value_parser = KINDS)]
    kind: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    order: Option<u32>,
    /// The shared account that belongs to it, while nobody holds it: id or address; "" for none.
    #[arg(long, value_name = "ACCOUNT")]
    mailbox: Option<String>,
    /// The last day on which there is this seat; "" for no end.
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
    #[command(flatten)]
    condition: Condition,
}

/// To whom, and how.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("whom").required(true).args(["to", "to_nobody"])))]
pub(super) struct Handover {
    /// The position's number.
    id: u32,
    /// Who holds it from now on: id or address.
    #[arg(long, value_name = "ACCOUNT")]
    to: Option<String>,
    /// Nobody holds it from now on.
    #[arg(long)]
    to_nobody: bool,
    /// In another's place (quyền, phụ trách).
    #[arg(long)]
    acting: bool,
    /// The day that the history names; today when left out.
    #[arg(long, value_name = "DAY")]
    on: Option<String>,
    /// Over the mailbox, letters of RFC 4314; lrswite when left out.
    #[arg(long, value_name = "LETTERS")]
    rights: Option<String>,
    /// Nobody reads the mail that came before: it is sealed in an account of its own.
    #[arg(long)]
    sealed: bool,
    /// Why, for the audit log, e.g. "Quyết định số 12/QĐ-UBND".
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    condition: Condition,
}

/// With the holder's name as a field of its own, for tables.
fn named(mut row: Value) -> Value {
    row["holder_name"] = row["holder"]["name"].clone();
    row
}

/// One position with its history.
fn show(printer: &mut Printer<'_>, row: Value) -> anyhow::Result<()> {
    if printer.is_json() {
        return printer.row(&ONE, &row);
    }
    let history = row["history"].as_array().cloned().unwrap_or_default();
    printer.row(&ONE, &named(row))?;
    match history.is_empty() {
        true => Ok(()),
        false => printer.rows(&HISTORY, &history),
    }
}

/// The number of an account that may be named by its address; null for "".
fn account(client: &Client, named: Option<String>) -> anyhow::Result<Option<Value>> {
    Ok(match named.as_deref() {
        None => None,
        Some("") => Some(Value::Null),
        Some(who) => Some(client.account(who)?.into()),
    })
}

fn update(update: Update, client: &Client) -> anyhow::Result<Value> {
    let mut body = change(&[
        ("agency", update.agency),
        ("title", update.title),
        ("title_en", update.title_en),
        ("kind", update.kind),
        ("until", update.until),
    ]);
    if let Some(order) = update.order {
        body.insert("order".to_owned(), order.into());
    }
    if let Some(mailbox) = account(client, update.mailbox)? {
        body.insert("mailbox".to_owned(), mailbox);
    }
    let path = format!("positions/{}", update.id);
    client.call(
        Ask::new("PATCH", &path)
            .body(body.into())
            .when(&update.condition),
    )
}

fn hand_over(handover: Handover, client: &Client) -> anyhow::Result<Value> {
    let body = json!({
        "to": account(client, handover.to)?, "acting": handover.acting, "on": handover.on,
        "rights": handover.rights, "reason": handover.reason,
        "earlier": if handover.sealed { "sealed" } else { "readable" },
    });
    let path = format!("positions/{}/handover", handover.id);
    client.call(Ask::new("POST", &path).body(body).when(&handover.condition))
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List {
            agency,
            kind,
            holder,
            vacant,
            held,
            find,
            limit,
        } => {
            let holder = holder.map(|who| client.account(&who)).transpose()?;
            let filters = [
                ("agency", agency),
                ("kind", kind),
                ("holder", holder.map(|id| id.to_string())),
                ("vacant", (vacant || held).then(|| vacant.to_string())),
                ("find", find),
            ];
            let rows = client.list("positions", &filters, limit)?;
            match printer.is_json() {
                true => printer.rows(&LIST, &rows),
                false => printer.rows(&LIST, &rows.into_iter().map(named).collect::<Vec<_>>()),
            }
        }
        Verb::Show { id } => show(printer, client.read(&format!("positions/{id}"))?),
        Verb::Create {
            agency,
            title,
            title_en,
            kind,
            order,
            mailbox,
        } => {
            let body = json!({
                "agency": agency, "title": title, "title_en": title_en, "kind": kind, "order": order,
                "mailbox": account(client, mailbox)?,
            });
            show(printer, client.create("positions", body)?)
        }
        Verb::Update(change) => show(printer, update(change, client)?),
        Verb::Handover(handover) => show(printer, hand_over(handover, client)?),
        Verb::Delete { id, condition } => {
            let path = format!("positions/{id}");
            client.call(Ask::new("DELETE", &path).when(&condition))?;
            printer.say(
                &format!("Đã bỏ vị trí {id}."),
                &format!("Position {id} is removed."),
            )
        }
    }
}
