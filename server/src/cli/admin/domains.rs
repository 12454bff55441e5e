//! `congvu admin domains …`

use super::agencies::change;
use super::client::{Ask, Client, Condition, encoded};
use super::print::{Column, Printer};
use serde_json::json;

const COLUMNS: [Column; 6] = [
    ("name", "Tên miền", "Domain"),
    ("agency", "Cơ quan", "Agency"),
    ("state", "Tình trạng", "State"),
    ("alias_of", "Thay cho", "Stands for"),
    ("until", "Đến hết ngày", "Until"),
    ("version", "Bản", "Version"),
];

const TLS_COLUMNS: [Column; 6] = [
    ("organization", "Ai báo", "Who"),
    ("begin", "Từ", "From"),
    ("end", "Đến", "Until"),
    ("good", "Phiên tốt", "Good"),
    ("failed", "Phiên hỏng", "Failed"),
    ("standing", "Độ tin", "Believed"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê tên miền / List domains
    List {
        /// Only those of this agency.
        #[arg(long, value_name = "CODE")]
        agency: Option<String>,
        /// active or suspended.
        #[arg(long)]
        state: Option<String>,
        /// Only those that stand for this domain.
        #[arg(long, value_name = "DOMAIN")]
        alias_of: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Xem một tên miền / Show one domain
    Show {
        /// E.g. tinhmau.gov.vn.
        name: String,
    },
    /// Thêm tên miền / Take a domain into service
    Create {
        /// E.g. tinhmau.gov.vn.
        name: String,
        /// The agency that it belongs to.
        #[arg(long, value_name = "CODE")]
        agency: String,
        /// The domain for which it stands: each address in it is the same address there.
        #[arg(long, value_name = "DOMAIN")]
        alias_of: Option<String>,
    },
    /// Giao, tạm dừng, mở lại tên miền, cho đứng tên thay / Give a domain to another agency, suspend or resume it, let
    /// it stand for another
    Update {
        /// E.g. tinhmau.gov.vn.
        name: String,
        /// The new agency.
        #[arg(long, value_name = "CODE")]
        agency: Option<String>,
        /// active or suspended.
        #[arg(long)]
        state: Option<String>,
        /// The domain for which it stands; "" for none.
        #[arg(long, value_name = "DOMAIN")]
        alias_of: Option<String>,
        /// The last day on which it stands for another, e.g. 2028-06-30; "" for no end.
        #[arg(long, value_name = "DAY")]
        until: Option<String>,
        #[command(flatten)]
        condition: Condition,
    },
    /// Khoá ký thư (DKIM) / keys that sign the domain's mail
    #[command(subcommand)]
    Dkim(super::dkim::Verb),
    /// Báo cáo TLS của máy chủ khác về tên miền / What other servers report of TLS with the domain's hosts
    TlsReports {
        /// E.g. tinhmau.gov.vn.
        name: String,
    },
    /// Bỏ tên miền không còn địa chỉ nào dùng / Give up a domain that no address uses
    Delete {
        /// E.g. tinhmau.gov.vn.
        name: String,
        #[command(flatten)]
        condition: Condition,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List {
            agency,
            state,
            alias_of,
            limit,
        } => {
            let filters = [("agency", agency), ("state", state), ("alias_of", alias_of)];
            printer.rows(&COLUMNS, &client.list("domains", &filters, limit)?)
        }
        Verb::Show { name } => printer.row(
            &COLUMNS,
            &client.read(&format!("domains/{}", encoded(&name)))?,
        ),
        Verb::Create {
            name,
            agency,
            alias_of,
        } => {
            let body = json!({"name": name, "agency": agency, "alias_of": alias_of});
            printer.row(&COLUMNS, &client.create("domains", body)?)
        }
        Verb::Update {
            name,
            agency,
            state,
            alias_of,
            until,
            condition,
        } => {
            let path = format!("domains/{}", encoded(&name));
            let body = change(&[
                ("agency", agency),
                ("state", state),
                ("alias_of", alias_of),
                ("until", until),
            ]);
            let ask = Ask::new("PATCH", &path).body(body.into()).when(&condition);
            printer.row(&COLUMNS, &client.call(ask)?)
        }
        Verb::TlsReports { name } => {
            let path = format!("domains/{}/tls-reports", encoded(&name));
            let (reports, more) = client.list_and_more(&path, &[], None)?;
            printer.rows(&TLS_COLUMNS, &reports)?;
            super::dmarc_reports::not_kept(&more, printer)
        }
        Verb::Dkim(verb) => super::dkim::run(verb, client, printer),
        Verb::Delete { name, condition } => {
            let path = format!("domains/{}", encoded(&name));
            client.call(Ask::new("DELETE", &path).when(&condition))?;
            printer.say(&format!("Đã xoá {name}."), &format!("{name} is deleted."))
        }
    }
}
