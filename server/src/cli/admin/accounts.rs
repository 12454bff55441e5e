//! `congvu admin accounts …`

use super::Usage;
use super::agencies::change;
use super::client::{Ask, Client, Condition, items};
use super::print::{Column, Printer};
use super::quota::{Limits, USAGE};
use serde_json::{Value, json};

const LIST: [Column; 7] = [
    ("id", "Số", "Id"),
    ("address", "Địa chỉ", "Address"),
    ("name", "Họ tên", "Name"),
    ("position", "Chức vụ", "Position"),
    ("agency", "Cơ quan", "Agency"),
    ("kind", "Loại", "Kind"),
    ("state", "Tình trạng", "State"),
];
const ONE: [Column; 14] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    LIST[4],
    LIST[5],
    ("members", "Thành viên", "Members"),
    LIST[6],
    ("quota", "Hạn mức (byte)", "Quota (octets)"),
    ("messages_max", "Số thư tối đa", "Messages at most"),
    ("pop3", "POP3", "POP3"),
    ("grants", "Quyền quản trị", "Grants"),
    ("created_at", "Lập lúc", "Created"),
    ("version", "Bản", "Version"),
];

const PROPOSAL: [Column; 4] = [
    ("scheme", "Kiểu", "Scheme"),
    ("wanted", "Địa chỉ theo kiểu", "Address by the scheme"),
    ("taken", "Đã có người dùng", "Taken"),
    ("free", "Địa chỉ còn trống", "Free address"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê tài khoản / List accounts
    List(Filters),
    /// Xem một tài khoản / Show one account
    Show {
        /// Id or address.
        account: String,
    },
    /// Lập tài khoản cùng các hộp thư mặc định / Make an account with its default mailboxes
    Create {
        /// Main address.
        address: String,
        /// Display name, e.g. "Nguyễn Văn An".
        #[arg(long)]
        name: String,
        /// The agency it belongs to.
        #[arg(long, value_name = "CODE")]
        agency: String,
        /// E.g. "Chuyên viên".
        #[arg(long)]
        position: Option<String>,
        /// person, shared, resource or list.
        #[arg(long)]
        kind: Option<String>,
        /// Member of a list; once for each.
        #[arg(long, value_name = "ADDRESS")]
        member: Vec<String>,
        #[command(flatten)]
        limits: Limits,
    },
    /// Đề xuất địa chỉ từ họ tên / Propose addresses made from a name
    Propose {
        /// As people write it, e.g. "Nguyễn Văn An".
        name: String,
        /// The domain of the address.
        #[arg(long)]
        domain: String,
        /// The agency of the account to be.
        #[arg(long, value_name = "CODE")]
        agency: String,
        /// given_initials, initials_given, full or given_dot_rest; each when left out.
        #[arg(long)]
        scheme: Option<String>,
        /// A unit's short name behind the name, e.g. cuc.
        #[arg(long)]
        suffix: Option<String>,
    },
    /// Xem dung lượng đang dùng / Show what an account uses of its limits
    Usage {
        /// Id or address.
        account: String,
    },
    /// Xem các quy định đang áp dụng và từ đâu / Show each value that rules an account, and where it comes from
    Policy {
        /// Id or address.
        account: String,
    },
    /// Sửa tài khoản / Change an account
    Update(Update),
    /// Cho tài khoản nghỉ hẳn / Retire an account for ever
    Delete {
        /// Id or address.
        account: String,
        #[command(flatten)]
        condition: Condition,
    },
}

/// Which accounts.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Of this agency and those under it.
    #[arg(long, value_name = "CODE")]
    agency: Option<String>,
    /// active, suspended or retired.
    #[arg(long)]
    state: Option<String>,
    /// person, shared, resource or list.
    #[arg(long)]
    kind: Option<String>,
    /// Main address in this domain.
    #[arg(long)]
    domain: Option<String>,
    /// Words in name, address or position.
    #[arg(long)]
    find: Option<String>,
    /// Those that were deleted and whose mail is kept, instead.
    #[arg(long)]
    deleted: bool,
    /// At most so many rows.
    #[arg(long)]
    limit: Option<usize>,
}

/// What to change.
#[derive(Debug, clap::Args)]
pub(super) struct Update {
    /// Id or address.
    account: String,
    /// New main address.
    #[arg(long)]
    address: Option<String>,
    #[arg(long)]
    name: Option<String>,
    /// "" takes it away.
    #[arg(long)]
    position: Option<String>,
    /// Moves it to this agency.
    #[arg(long, value_name = "CODE")]
    agency: Option<String>,
    /// active or suspended.
    #[arg(long)]
    state: Option<String>,
    /// person, shared, resource or list.
    #[arg(long)]
    kind: Option<String>,
    /// All members of a list; once for each.
    #[arg(long, value_name = "ADDRESS")]
    member: Vec<String>,
    #[command(flatten)]
    limits: Limits,
    /// on or off: whether it may be read over POP3.
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    pop3: Option<bool>,
    /// All administrative grants, ROLE:CODE; roles administrator, account_officer, auditor.
    #[arg(long, value_name = "ROLE:CODE", conflicts_with = "no_grants")]
    grant: Vec<String>,
    /// Takes all grants away.
    #[arg(long)]
    no_grants: bool,
    #[command(flatten)]
    condition: Condition,
}

/// `auditor:H99.1` as JSON. Errors: [`Usage`].
fn grant(text: &str) -> Result<Value, Usage> {
    let wrong = || {
        Usage(format!(
            "--grant: ROLE:CODE is expected, such as auditor:H99.1, not {text:?}"
        ))
    };
    let (role, agency) = text.split_once(':').ok_or_else(wrong)?;
    Ok(json!({"role": role, "agency": agency}))
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off is expected".into()),
    }
}

fn update(update: Update, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let mut body = change(&[
        ("address", update.address),
        ("name", update.name),
        ("position", update.position),
        ("agency", update.agency),
        ("state", update.state),
        ("kind", update.kind),
    ]);
    if !update.member.is_empty() {
        body.insert("members".into(), update.member.into());
    }
    update.limits.put(&mut body)?;
    if let Some(on) = update.pop3 {
        body.insert("pop3".into(), on.into());
    }
    if update.no_grants || !update.grant.is_empty() {
        let grants: Result<Vec<Value>, Usage> = update.grant.iter().map(|g| grant(g)).collect();
        body.insert("grants".into(), grants?.into());
    }
    let path = format!("accounts/{}", client.account(&update.account)?);
    let ask = Ask::new("PATCH", &path)
        .body(body.into())
        .when(&update.condition);
    printer.row(&ONE, &client.call(ask)?)
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List(f) => {
            let filters = [
                ("agency", f.agency),
                ("state", f.state),
                ("kind", f.kind),
                ("domain", f.domain),
                ("find", f.find),
                ("deleted", f.deleted.then(|| "true".to_owned())),
            ];
            printer.rows(&LIST, &client.list("accounts", &filters, f.limit)?)
        }
        Verb::Show { account } => {
            let path = format!("accounts/{}", client.account(&account)?);
            printer.row(&ONE, &client.read(&path)?)
        }
        Verb::Create {
            address,
            name,
            agency,
            position,
            kind,
            member,
            limits,
        } => {
            let mut body = json!({
                "address": address, "name": name, "agency": agency, "position": position,
                "kind": kind,
            });
            if let Some(body) = body.as_object_mut() {
                limits.put(body)?;
            }
            if !member.is_empty() {
                body["members"] = member.into();
            }
            printer.row(&ONE, &client.create("accounts", body)?)
        }
        Verb::Propose {
            name,
            domain,
            agency,
            scheme,
            suffix,
        } => {
            let mut ask = Ask::new("GET", "address-proposals");
            ask.asked("name", Some(name));
            ask.asked("domain", Some(domain));
            ask.asked("agency", Some(agency));
            ask.asked("scheme", scheme);
            ask.asked("suffix", suffix);
            printer.rows(&PROPOSAL, &items(&client.call(ask)?))
        }
        Verb::Usage { account } => {
            let path = format!("accounts/{}/usage", client.account(&account)?);
            printer.row(&USAGE, &client.read(&path)?)
        }
        Verb::Policy { account } => super::policies::of_account(&account, client, printer),
        Verb::Update(what) => update(what, client, printer),
        Verb::Delete { account, condition } => {
            let path = format!("accounts/{}", client.account(&account)?);
            client.call(Ask::new("DELETE", &path).when(&condition))?;
            let (vi, en) = (
                format!("{account} đã nghỉ hẳn."),
                format!("{account} is retired."),
            );
            printer.say(&vi, &en)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_role_and_agency() {
        assert_eq!(
            grant("auditor:H99.1").unwrap(),
            json!({"role": "auditor", "agency": "H99.1"})
        );
        assert!(grant("auditor").is_err());
    }
}
