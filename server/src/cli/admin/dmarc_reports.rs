//! `congvu admin dmarc-reports …`: what other servers report of mail in a domain's name.

use super::client::{Client, encoded};
use super::print::{Column, Printer};
use serde_json::Value;

const LIST: [Column; 7] = [
    ("id", "Mã", "Id"),
    ("organization", "Ai báo", "Who"),
    ("begin", "Từ", "From"),
    ("messages", "Thư", "Messages"),
    ("passed", "Đạt", "Passed"),
    ("failed", "Không đạt", "Failed"),
    ("checked", "Thư báo cáo", "Report's letter"),
];
const ONE: [Column; 15] = [
    ("id", "Mã", "Id"),
    ("organization", "Ai báo", "Who"),
    ("email", "Liên hệ", "Contact"),
    ("contact", "Thêm", "More"),
    ("report_id", "Số báo cáo", "Report-ID"),
    ("from", "Thư từ", "Letter from"),
    ("checked", "DMARC của thư ấy", "DMARC of that letter"),
    ("begin", "Từ", "From"),
    ("end", "Đến", "Until"),
    ("policy_domain", "Chính sách của", "Policy of"),
    ("policy", "Chính sách", "Policy"),
    ("messages", "Thư", "Messages"),
    ("passed", "Đạt", "Passed"),
    ("failed", "Không đạt", "Failed"),
    ("left_out", "Không kể chi tiết", "Without details"),
];
const ROWS: [Column; 8] = [
    ("source_ip", "Máy gửi", "Source"),
    ("messages", "Thư", "Messages"),
    ("disposition", "Xử lý", "Became"),
    ("dkim", "DKIM", "DKIM"),
    ("spf", "SPF", "SPF"),
    ("header_from", "Người viết", "Author"),
    ("senders", "SPF của", "SPF of"),
    ("signatures", "Chữ ký", "Signatures"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Liệt kê báo cáo về thư mang tên một tên miền / List reports on mail in a domain's name, the newest day first
    List {
        /// E.g. tinhmau.gov.vn.
        domain: String,
        /// At most so many rows, 200 at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Xem một báo cáo: máy nào gửi, bao nhiêu thư, đạt hay không / Show one report: who sent, how many, what passed
    Show {
        /// E.g. tinhmau.gov.vn.
        domain: String,
        /// As the list names it.
        id: String,
    },
}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::List { domain, limit } => {
            let path = format!("domains/{}/dmarc-reports", encoded(&domain));
            printer.rows(&LIST, &client.list(&path, &[], Some(limit))?)
        }
        Verb::Show { domain, id } => {
            let (domain, id) = (encoded(&domain), encoded(&id));
            let report = client.read(&format!("domains/{domain}/dmarc-reports/{id}"))?;
            printer.row(&ONE, &report)?;
            if printer.is_json() {
                return Ok(());
            }
            let rows: Vec<Value> = report["rows"].as_array().cloned().unwrap_or_default();
            printer.rows(&ROWS, &rows)
        }
    }
}
