//! `congvu admin lists …`: lists, their members, their rules, who may post to them and whom they answer to.

use super::client::{Ask, Client, Condition};
use super::print::{Column, Printer};
use serde_json::{Value, json};

const LIST: [Column; 4] = [
    ("id", "Số", "Id"),
    ("address", "Địa chỉ", "Address"),
    ("name", "Tên", "Name"),
    ("agency", "Cơ quan", "Agency"),
];
const ONE: [Column; 11] = [
    LIST[0],
    LIST[1],
    LIST[2],
    LIST[3],
    ("members", "Thành viên", "Members"),
    ("posting", "Ai được gửi", "Who may post"),
    ("posters", "Được gửi thêm", "Besides"),
    ("owner", "Người phụ trách", "Owner"),
    ("fields", "Ghi List-Id", "List-Id"),
    ("rule", "Quy tắc", "Rule"),
    ("reach", "Quy tắc đang tìm thấy", "Found by the rule"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê danh sách / List the lists
    List {
        /// Of this agency and those under it.
        #[arg(long, value_name = "CODE")]
        agency: Option<String>,
    },
    /// Xem một danh sách / Show one list
    Show {
        /// Id or address.
        list: String,
    },
    /// Lập danh sách / Make a list
    Create {
        /// Its address.
        address: String,
        /// Its name, e.g. "Toàn thể cán bộ, công chức".
        #[arg(long)]
        name: String,
        /// The agency it belongs to.
        #[arg(long, value_name = "CODE")]
        agency: String,
        /// A member: an account, a list or an address elsewhere; once for each.
        #[arg(long, value_name = "ADDRESS")]
        member: Vec<String>,
        /// Also members that are addresses here which nobody has.
        #[arg(long)]
        force: bool,
    },
    /// Thêm thành viên / Add members
    Add {
        /// Id or address.
        list: String,
        /// Accounts, lists or addresses elsewhere.
        #[arg(required = true)]
        members: Vec<String>,
        /// Also addresses here that nobody has.
        #[arg(long)]
        force: bool,
    },
    /// Bớt thành viên / Take members off
    Remove {
        /// Id or address.
        list: String,
        /// As they stand there.
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Đặt ai được gửi và ai phụ trách / Say who may post and who answers for it
    Set(Settings),
    /// Đặt quy tắc tìm thành viên / Let the list find members by itself: every chairman of a commune
    Rule(Rule),
    /// Bỏ danh sách / Remove a list
    Delete {
        /// Id or address.
        list: String,
        #[command(flatten)]
        condition: Condition,
    },
}

/// What to say; what is left out stays as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// Id or address.
    list: String,
    /// anyone, inside (who signed in here), members, named.
    #[arg(long, value_name = "WHO", value_parser = ["anyone", "inside", "members", "named"])]
    posting: Option<String>,
    /// All who may post besides; once for each.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "no_posters")]
    poster: Vec<String>,
    /// Nobody besides.
    #[arg(long)]
    no_posters: bool,
    /// Who hears of what cannot be delivered; "" takes it away.
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<String>,
    /// on or off: whether its letters bear List-Id and its like.
    #[arg(long, value_name = "on|off", value_parser = ["on", "off"])]
    fields: Option<String>,
}

/// Whom a list finds by itself, at the moment of each letter.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("rule").required(true).args(["under", "none"])))]
pub(super) struct Rule {
    /// Id or address.
    list: String,
    /// Of this agency and those under it.
    #[arg(long, value_name = "CODE")]
    under: Option<String>,
    /// Of agencies of this kind; once for each.
    #[arg(long, value_name = "KIND", requires = "under", conflicts_with = "none")]
    agency_kind: Vec<String>,
    /// Positions of this kind; once for each.
    #[arg(long, value_name = "KIND", requires = "under", conflicts_with = "none")]
    position_kind: Vec<String>,
    /// Accounts of this kind: person, shared, resource; once for each.
    #[arg(
        long,
        value_name = "KIND",
        requires = "under",
        conflicts_with_all = ["none", "position_kind"]
    )]
    account_kind: Vec<String>,
    /// No rule any more.
    #[arg(long)]
    none: bool,
}

/// The account with what is said of it as a list.
fn whole(client: &Client, id: u64) -> anyhow::Result<Value> {
    let mut account = client.read(&format!("accounts/{id}"))?;
    let settings = client.read(&format!("accounts/{id}/list"))?;
    for name in ["posting", "posters", "owner", "fields", "rule", "reach"] {
        account[name] = settings[name].clone();
    }
    Ok(account)
}

/// Changes the members; another change in between is not overwritten (If-Match).
fn change_members(
    client: &Client,
    list: &str,
    change: impl FnOnce(&mut Vec<String>),
) -> anyhow::Result<Value> {
    let id = client.account(list)?;
    let path = format!("accounts/{id}");
    let account = client.read(&path)?;
    let members = account["members"].as_array().into_iter().flatten();
    let mut members: Vec<String> = members
        .filter_map(|m| m.as_str().map(str::to_owned))
        .collect();
    change(&mut members);
    let seen = Condition {
        if_match: account["version"].as_u64(),
    };
    let ask = Ask::new("PATCH", &path).body(json!({ "members": members }));
    client.call(ask.when(&seen))?;
    whole(client, id)
}

/// Says of a list what `change` makes of what is said; another change in between is not overwritten (If-Match).
fn say(client: &Client, list: &str, change: impl FnOnce(&mut Value)) -> anyhow::Result<Value> {
    let id = client.account(list)?;
    let path = format!("accounts/{id}/list");
    let mut body = client.read(&path)?;
    let seen = Condition {
        if_match: body["version"].as_u64(),
    };
    if let Some(body) = body.as_object_mut() {
        body.remove("version");
        body.remove("reach");
    }
    change(&mut body);
    client.call(Ask::new("PUT", &path).body(body).when(&seen))?;
    whole(client, id)
}

fn rule(rule: Rule, client: &Client) -> anyhow::Result<Value> {
    let said = rule.under.map(|under| {
        json!({
            "under": under, "agency_kinds": rule.agency_kind, "position_kinds": rule.position_kind,
            "account_kinds": rule.account_kind,
        })
    });
    say(client, &rule.list, |body| body["rule"] = said.into())
}

/// What is given of the settings, put in.
fn put(settings: Settings, body: &mut Value) {
    if let Some(posting) = settings.posting {
        body["posting"] = posting.into();
    }
    if settings.no_posters || !settings.poster.is_empty() {
        body["posters"] = settings.poster.into();
    }
    if let Some(owner) = settings.owner {
        body["owner"] = Some(owner).filter(|owner| !owner.is_empty()).into();
    }
    if let Some(fields) = settings.fields {
        body["fields"] = (fields == "on").into();
    }
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List { agency } => {
            let filters = [("kind", Some("list".to_owned())), ("agency", agency)];
            printer.rows(&LIST, &client.list("accounts", &filters, None)?)
        }
        Verb::Show { list } => printer.row(&ONE, &whole(client, client.account(&list)?)?),
        Verb::Create {
            address,
            name,
            agency,
            member,
            force,
        } => {
            if !force {
                client.check_members(&member)?;
            }
            let body = json!({
                "address": address, "name": name, "agency": agency, "kind": "list", "members": member,
            });
            let made = client.create("accounts", body)?;
            printer.row(
                &ONE,
                &whole(client, made["id"].as_u64().unwrap_or_default())?,
            )
        }
        Verb::Add {
            list,
            members,
            force,
        } => {
            if !force {
                client.check_members(&members)?;
            }
            let changed = change_members(client, &list, |all| all.extend(members))?;
            printer.row(&ONE, &changed)
        }
        Verb::Remove { list, members } => {
            let gone = |one: &String| members.iter().any(|m| m.eq_ignore_ascii_case(one));
            let changed = change_members(client, &list, |all| all.retain(|one| !gone(one)))?;
            printer.row(&ONE, &changed)
        }
        Verb::Set(settings) => {
            let list = settings.list.clone();
            printer.row(&ONE, &say(client, &list, |body| put(settings, body))?)
        }
        Verb::Rule(said) => printer.row(&ONE, &rule(said, client)?),
        Verb::Delete { list, condition } => {
            let path = format!("accounts/{}", client.account(&list)?);
            client.call(Ask::new("DELETE", &path).when(&condition))?;
            let (vi, en) = (format!("Đã bỏ {list}."), format!("{list} is removed."));
            printer.say(&vi, &en)
        }
    }
}
