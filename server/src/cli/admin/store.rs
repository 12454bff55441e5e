//! `congvu admin store …`: the store of a running server.

use super::client::Client;
use super::print::{Column, Printer};
use serde_json::json;

const HEALTH: [Column; 7] = [
    ("writable", "Ghi được", "Writable"),
    ("journal", "Nhật ký (byte)", "Journal (octets)"),
    ("packs", "Nội dung (byte)", "Content (octets)"),
    ("snapshots", "Ảnh chụp (byte)", "Snapshots (octets)"),
    ("index", "Chỉ mục (byte)", "Index (octets)"),
    ("free", "Đĩa còn (byte)", "Disk free (octets)"),
    (
        "reserve",
        "Ngừng ghi khi còn (byte)",
        "Refuses under (octets)",
    ),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Xem tình trạng kho thư / Show the health of the store
    Health,
    /// Kiểm tra kho thư khi máy chủ đang chạy / Verify every invariant while the server runs
    Verify,
}

/// Findings of a verification are exit status 1.
#[derive(Debug)]
pub(super) struct Findings(pub(super) u64);

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} findings / {} lỗi", self.0, self.0)
    }
}

impl std::error::Error for Findings {}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::Health => printer.row(&HEALTH, &client.read("store")?),
        Verb::Verify => {
            let found = client.create("store/verify", json!({}))?;
            let count = found["count"].as_u64().unwrap_or(0);
            if printer.is_json() {
                printer.row(&[], &found)?;
            } else {
                for line in found["findings"].as_array().into_iter().flatten() {
                    let line = line.as_str().unwrap_or_default();
                    printer.say(line, line)?;
                }
            }
            if count > 0 {
                return Err(Findings(count).into());
            }
            printer.say("Kho thư toàn vẹn.", "Every invariant holds.")
        }
    }
}
