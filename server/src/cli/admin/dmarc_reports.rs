//! `congvu admin dmarc-reports …`: what other servers report of mail in a domain's name.

use super::client::{Client, clean, encoded};
use super::print::{Column, Printer};
use serde_json::Value;

const LIST: [Column; 8] = [
    ("id", "Mã", "Id"),
    ("organization", "Ai báo", "Who"),
    ("begin", "Từ", "From"),
    ("messages", "Thư", "Messages"),
    ("passed", "Đạt", "Passed"),
    ("failed", "Không đạt", "Failed"),
    ("standing", "Độ tin", "Believed"),
    ("reporter", "Xác nhận bởi", "Vouched by"),
];
const ONE: [Column; 17] = [
    ("id", "Mã", "Id"),
    ("organization", "Ai báo", "Who"),
    ("email", "Liên hệ", "Contact"),
    ("contact", "Thêm", "More"),
    ("report_id", "Số báo cáo", "Report-ID"),
    ("from", "Thư từ", "Letter from"),
    ("checked", "DMARC của thư ấy", "DMARC of that letter"),
    ("standing", "Độ tin", "Believed"),
    ("reporter", "Xác nhận bởi", "Vouched by"),
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
        /// At most so many rows.
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
            let (rows, more) = client.list_and_more(&path, &[], Some(limit))?;
            printer.rows(&LIST, &rows)?;
            not_kept(&more, printer)
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

/// A line for each day on which reports were not kept.
pub(super) fn not_kept(page: &Value, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    for day in page["not_kept"].as_array().into_iter().flatten() {
        let date = clean(day["day"].as_str().unwrap_or_default());
        let dropped = day["dropped"].as_u64().unwrap_or(0);
        if dropped > 0 {
            printer.say(
                &format!("{date}: {dropped} báo cáo không được giữ (quá nhiều, hoặc trùng số với báo cáo của nơi khác)"),
                &format!("{date}: {dropped} reports were not kept (too many, or of the same number as another's)"),
            )?;
        }
        let unreadable = day["unreadable"].as_object();
        let each = unreadable.into_iter().flatten();
        let each: Vec<String> = each.map(|(why, n)| format!("{} {n}", clean(why))).collect();
        if !each.is_empty() {
            let each = each.join(", ");
            printer.say(
                &format!("{date}: báo cáo không đọc được: {each}"),
                &format!("{date}: reports that could not be read: {each}"),
            )?;
        }
    }
    Ok(())
}
