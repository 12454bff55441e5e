//! `congvu admin grants …`: who may administer which subtree, within which limits and for how long.

use super::agencies::change;
use super::client::{Ask, Client, Condition, encoded};
use super::print::{Column, Printer};
use super::quota::put_grant;
use serde_json::{Map, Value, json};

const LIST: [Column; 7] = [
    ("id", "Số", "Id"),
    ("address", "Người giữ", "Holder"),
    ("agency", "Cơ quan", "Agency"),
    ("role", "Vai trò", "Role"),
    ("accounts_max", "Số tài khoản", "Accounts at most"),
    ("until", "Đến", "Until"),
    ("stands", "Có hiệu lực", "Stands"),
];
const ONE: [Column; 14] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    ("capabilities", "Được làm", "May"),
    LIST[4],
    (
        "quota_total_max",
        "Tổng hạn mức (byte)",
        "Quota together (octets)",
    ),
    ("since", "Từ", "Since"),
    LIST[5],
    LIST[6],
    ("given_by", "Người giao", "Given by"),
    ("given_at", "Giao lúc", "Given"),
    ("out_of", "Giao từ quyền", "Given out of"),
    ("version", "Bản", "Version"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê quyền quản trị / List grants
    List {
        /// Held by this account: id or address.
        #[arg(long)]
        account: Option<String>,
        /// Over this agency and those under it.
        #[arg(long, value_name = "CODE")]
        agency: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Xem một quyền / Show one grant
    Show {
        /// E.g. 66-1.
        id: String,
    },
    /// Giao quyền / Give a grant
    Give {
        /// Who is to hold it: id or address.
        account: String,
        /// Over this agency and all under it.
        #[arg(long, value_name = "CODE")]
        agency: String,
        #[command(flatten)]
        what: What,
    },
    /// Sửa quyền / Change a grant; "" takes a limit or a date away
    Change {
        /// E.g. 66-1.
        id: String,
        #[command(flatten)]
        what: What,
        #[command(flatten)]
        condition: Condition,
    },
    /// Thu quyền / Take a grant away
    Take {
        /// E.g. 66-1.
        id: String,
        /// With it all that was given out of it.
        #[arg(long)]
        with_given: bool,
        #[command(flatten)]
        condition: Condition,
    },
}

/// What a grant says.
#[derive(Debug, clap::Args)]
pub(super) struct What {
    /// administrator, account_officer or auditor.
    #[arg(long, conflicts_with = "may")]
    role: Option<String>,
    /// Instead of a role: create_accounts, reset_credentials, read_trace, …; once for each.
    #[arg(long, value_name = "CAPABILITY")]
    may: Vec<String>,
    /// Accounts in the subtree at most.
    #[arg(long, value_name = "NUMBER")]
    accounts_max: Option<String>,
    /// What their quotas may be together, such as 500G.
    #[arg(long, value_name = "SIZE")]
    quota_total_max: Option<String>,
    /// From when on, e.g. 2027-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// The first time at which it stands no more.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl What {
    fn put(self) -> anyhow::Result<Map<String, Value>> {
        let mut body = change(&[
            ("role", self.role),
            ("since", self.since),
            ("until", self.until),
        ]);
        if !self.may.is_empty() {
            body.insert("capabilities".into(), self.may.into());
        }
        put_grant(
            &mut body,
            self.accounts_max.as_deref(),
            self.quota_total_max.as_deref(),
        )?;
        Ok(body)
    }
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List {
            account,
            agency,
            limit,
        } => {
            let account = account.map(|who| client.account(&who)).transpose()?;
            let filters = [
                ("account", account.map(|id| id.to_string())),
                ("agency", agency),
            ];
            printer.rows(&LIST, &client.list("grants", &filters, limit)?)
        }
        Verb::Show { id } => {
            let path = format!("grants/{}", encoded(&id));
            printer.row(&ONE, &client.read(&path)?)
        }
        Verb::Give {
            account,
            agency,
            what,
        } => {
            let mut body = what.put()?;
            body.retain(|_, value| !value.is_null());
            body.insert("account".into(), json!(client.account(&account)?));
            body.insert("agency".into(), agency.into());
            printer.row(&ONE, &client.create("grants", body.into())?)
        }
        Verb::Change {
            id,
            what,
            condition,
        } => {
            let path = format!("grants/{}", encoded(&id));
            let body = what.put()?.into();
            let ask = Ask::new("PATCH", &path).body(body).when(&condition);
            printer.row(&ONE, &client.call(ask)?)
        }
        Verb::Take {
            id,
            with_given,
            condition,
        } => {
            let path = format!("grants/{}", encoded(&id));
            let mut ask = Ask::new("DELETE", &path).when(&condition);
            ask.asked("with_given", with_given.then(|| "true".to_owned()));
            client.call(ask)?;
            printer.say(&format!("Đã thu quyền {id}."), &format!("{id} is taken."))
        }
    }
}
