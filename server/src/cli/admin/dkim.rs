//! `congvu admin domains dkim …`

use super::client::{Ask, Client, encoded, items};
use super::print::{Column, Printer};
use serde_json::{Value, json};

const COLUMNS: [Column; 5] = [
    ("selector", "Khoá", "Selector"),
    ("algorithm", "Thuật toán", "Algorithm"),
    ("state", "Tình trạng", "State"),
    ("until", "Giữ bản ghi đến", "Record until"),
    ("published", "Có trong DNS", "In DNS"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê khoá và bản ghi DNS / List keys with their DNS records
    List {
        /// E.g. tinhmau.gov.vn.
        name: String,
        /// Asks DNS too: whether each record is there.
        #[arg(long)]
        dns: bool,
    },
    /// Tạo khoá mới, chưa ký / Make new keys, which do not sign yet
    Rotate {
        /// E.g. tinhmau.gov.vn.
        name: String,
    },
    /// Bắt đầu ký bằng khoá mới, khi DNS đã có bản ghi / Sign with the new keys, once DNS shows their records
    Activate {
        /// E.g. tinhmau.gov.vn.
        name: String,
        /// Even if DNS does not show them.
        #[arg(long)]
        force: bool,
    },
    /// Bỏ một khoá không ký / Forget a key that does not sign
    Delete {
        /// E.g. tinhmau.gov.vn.
        name: String,
        /// E.g. cv202611r.
        selector: String,
    },
}

/// Of the keys of a domain.
pub(super) fn path(name: &str) -> String {
    format!("domains/{}/dkim", encoded(name))
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List { name, dns } => {
            let asked = [("dns", dns.then(|| "true".to_owned()))];
            let keys = client.list(&path(&name), &asked, None)?;
            printer.rows(&COLUMNS, &keys)?;
            records(&keys, printer)
        }
        Verb::Rotate { name } => {
            let made = client.create(&path(&name), json!({}))?;
            let keys = items(&made);
            printer.rows(&COLUMNS, &keys)?;
            records(&keys, printer)?;
            printer.say(
                &format!(
                    "Công bố các bản ghi trên, rồi chạy: congvu admin domains dkim activate {name}"
                ),
                &format!(
                    "Publish these records, then run: congvu admin domains dkim activate {name}"
                ),
            )
        }
        Verb::Activate { name, force } => {
            let at = format!("{}/activate", path(&name));
            let done = client.call(Ask::new("POST", &at).body(json!({ "force": force })))?;
            printer.rows(&COLUMNS, &items(&done))
        }
        Verb::Delete { name, selector } => {
            let at = format!("{}/{}", path(&name), encoded(&selector));
            client.call(Ask::new("DELETE", &at))?;
            printer.say(
                &format!("Đã bỏ khoá {selector}."),
                &format!("{selector} is forgotten."),
            )
        }
    }
}

/// For people: machines have them in the rows.
fn records(keys: &[Value], printer: &mut Printer<'_>) -> anyhow::Result<()> {
    for key in keys {
        let line = super::client::clean_line(key["zone_line"].as_str().unwrap_or_default());
        printer.say(&line, &line)?;
    }
    Ok(())
}
