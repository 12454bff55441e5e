//! `congvu admin store …`: the store of a running server.

use super::super::progress::Shown;
use super::client::Client;
use super::print::{Column, Printer};
use serde_json::{Value, json};

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

const KEYS: [Column; 4] = [
    ("id", "Số", "Id"),
    ("agency", "Cơ quan", "Agency"),
    ("created_at", "Từ lúc", "Since"),
    ("in_use", "Đang dùng", "In use"),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Xem tình trạng kho thư / Show the health of the store
    Health,
    /// Kiểm tra kho thư khi máy chủ đang chạy / Verify every invariant while the server runs
    Verify {
        /// Reads all content besides: minutes for each 10 GB.
        #[arg(long)]
        deep: bool,
    },
    /// Liệt kê khoá dữ liệu / List the data keys of an encrypted store
    Keys,
    /// Khoá dữ liệu mới / New data keys for what is written from now on
    RotateKeys {
        /// Only this agency's; otherwise everybody's.
        #[arg(long, value_name = "CODE")]
        agency: Option<String>,
    },
    /// Khoá chủ mới / A new master key; no mail is rewritten
    RotateMaster,
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
        Verb::Verify { deep } => {
            let shown = Shown::new();
            let found = verify(client, deep, &shown)?;
            shown.end();
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
        Verb::Keys => printer.rows(&KEYS, &client.list("store/keys", &[], None)?),
        Verb::RotateKeys { agency } => {
            let made = client.create("store/keys/rotate", json!({ "agency": agency }))?;
            if printer.is_json() {
                return printer.row(&[], &made);
            }
            let made = &made["made"];
            printer.say(
                &format!(
                    "{made} khoá dữ liệu mới. Hãy sao lưu ngay: keyring trong các bản sao lưu trước không có chúng."
                ),
                &format!(
                    "{made} new data keys. Make a backup now: the keyring in earlier backups does not have them."
                ),
            )
        }
        Verb::RotateMaster => {
            let changed = client.create("store/keys/rotate-master", json!({}))?;
            printer.row(&[("kept", "Khoá cũ giữ ở", "The old key is in")], &changed)?;
            printer.say(
                "Hãy cất bản sao của khoá mới ở nơi an toàn; khoá cũ vẫn cần cho các bản sao lưu trước đây.",
                "Keep a copy of the new key in a safe place; the old one is needed for earlier backups.",
            )
        }
    }
}

/// Verifies, until it has ended; the answer with its findings.
pub(super) fn verify(client: &Client, deep: bool, shown: &Shown) -> anyhow::Result<Value> {
    let path = if deep {
        "store/verify?deep=true"
    } else {
        "store/verify"
    };
    let begun = client.create(path, json!({}))?;
    client.follow("store/verify", begun, &mut |p| shown.tell(p))
}
