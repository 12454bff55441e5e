//! `congvu admin policies …`: rules that agencies set, and what rules an account.

use super::Usage;
use super::client::{Ask, Client, Condition, encoded};
use super::print::{Column, Printer};
use serde_json::{Map, Value, json};

const SAID: [Column; 4] = [
    ("agency", "Cơ quan", "Agency"),
    ("name", "Quy định", "Policy"),
    ("value", "Giá trị", "Value"),
    ("locked", "Khoá", "Locked"),
];
const RULED: [Column; 5] = [
    ("name", "Quy định", "Policy"),
    ("value", "Giá trị", "Value"),
    ("from", "Từ", "From"),
    ("agency", "Cơ quan", "Agency"),
    ("locked_by", "Bị khoá bởi", "Locked by"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê quy định của các cơ quan / List what agencies say
    List {
        /// At most so many agencies.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Xem một cơ quan quy định gì / Show what an agency says itself
    Show {
        /// The agency's code.
        agency: String,
    },
    /// Đặt quy định / Say values: password_min=12 imap=off attachment_types=pdf,docx
    Set {
        /// The agency's code.
        agency: String,
        /// NAME=VALUE: a number, on or off, or words with commas between.
        #[arg(value_name = "NAME=VALUE", required = true)]
        values: Vec<String>,
        /// Agencies below may make them stricter, not looser.
        #[arg(long)]
        lock: bool,
        #[command(flatten)]
        condition: Condition,
    },
    /// Bỏ quy định, theo cấp trên / Take values back: as the agency above says
    Clear {
        /// The agency's code.
        agency: String,
        /// Names of values.
        #[arg(required = true)]
        names: Vec<String>,
        #[command(flatten)]
        condition: Condition,
    },
}

/// `password_min=12` as name and value. Errors: [`Usage`].
fn said(text: &str) -> Result<(String, Value), Usage> {
    let wrong = || Usage(format!("NAME=VALUE is expected, not {text:?}"));
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let words = || {
        let each = value.split(',').map(str::trim).filter(|w| !w.is_empty());
        each.collect::<Vec<_>>()
    };
    let value = match value {
        "on" | "true" => json!(true),
        "off" | "false" => json!(false),
        _ => value
            .parse::<u64>()
            .map_or_else(|_| json!(words()), |n| json!(n)),
    };
    Ok((name.to_owned(), value))
}

/// A row for each value that an agency says.
fn rows(policy: &Value) -> Vec<Value> {
    let values = policy["values"].as_object().into_iter().flatten();
    let row = |(name, said): (&String, &Value)| {
        json!({
            "agency": policy["agency"], "name": name, "value": said["value"], "locked": said["locked"],
        })
    };
    values.map(row).collect()
}

fn print(printer: &mut Printer<'_>, policies: &[Value]) -> anyhow::Result<()> {
    if printer.is_json() {
        return printer.rows(&SAID, policies);
    }
    let all: Vec<Value> = policies.iter().flat_map(rows).collect();
    printer.rows(&SAID, &all)
}

fn one(printer: &mut Printer<'_>, policy: &Value) -> anyhow::Result<()> {
    if printer.is_json() {
        return printer.row(&SAID, policy);
    }
    printer.rows(&SAID, &rows(policy))
}

/// What rules an account.
pub(super) fn of_account(
    account: &str,
    client: &Client,
    printer: &mut Printer<'_>,
) -> anyhow::Result<()> {
    let path = format!("accounts/{}/policy", client.account(account)?);
    let found = client.read(&path)?;
    if printer.is_json() {
        return printer.row(&RULED, &found);
    }
    let values = found["values"].as_array().cloned().unwrap_or_default();
    printer.rows(&RULED, &values)
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let patch = |agency: &str, values: Map<String, Value>, condition: &Condition| {
        let path = format!("policies/{}", encoded(agency));
        let ask = Ask::new("PATCH", &path).body(json!({ "values": values }));
        client.call(ask.when(condition))
    };
    match verb {
        Verb::List { limit } => print(printer, &client.list("policies", &[], limit)?),
        Verb::Show { agency } => {
            let path = format!("policies/{}", encoded(&agency));
            one(printer, &client.read(&path)?)
        }
        Verb::Set {
            agency,
            values,
            lock,
            condition,
        } => {
            let mut changed = Map::new();
            for text in &values {
                let (name, value) = said(text)?;
                changed.insert(name, json!({ "value": value, "locked": lock }));
            }
            one(printer, &patch(&agency, changed, &condition)?)
        }
        Verb::Clear {
            agency,
            names,
            condition,
        } => {
            let cleared = names.into_iter().map(|name| (name, Value::Null));
            one(printer, &patch(&agency, cleared.collect(), &condition)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbers_switches_or_words() {
        let check = |text: &str, expected: Value| assert_eq!(said(text).unwrap().1, expected);
        check("password_min=12", json!(12));
        check("imap=off", json!(false));
        check("attachment_types=pdf, docx", json!(["pdf", "docx"]));
        check(
            "sign_in_hours=mon-fri 07:00-18:00",
            json!(["mon-fri 07:00-18:00"]),
        );
        assert!(said("imap").is_err());
    }
}
