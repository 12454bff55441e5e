//! `congvu admin store …`: the store of a running server.

use super::super::progress::Shown;
use super::client::{Client, clean};
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

/// Parts of the store, in Vietnamese.
const PARTS: [(&str, &str); 4] = [
    ("journal", "nhật ký"),
    ("snapshots", "ảnh chụp"),
    ("pack", "tệp nội dung"),
    ("content", "nội dung thư"),
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
        write!(f, "{0} lỗi / {0} findings", self.0)
    }
}

impl std::error::Error for Findings {}

pub(super) fn run(verb: Verb, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match verb {
        Verb::Health => health(&client.read("store")?, printer),
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
                let listed = found["findings"].as_array().map_or(0, Vec::len) as u64;
                if count > listed {
                    let more = count - listed;
                    printer.say(&format!("và {more} lỗi nữa"), &format!("and {more} more"))?;
                }
            }
            if count > 0 {
                return Err(Findings(count).into());
            }
            printer.say("Kho thư toàn vẹn.", "Every invariant holds.")
        }
        Verb::Keys => printer.rows(&KEYS, &client.whole("store/keys")?),
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

/// Known damage is exit status 1.
#[derive(Debug)]
struct Damaged(usize);

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "kho thư hỏng ở {0} chỗ, xem ở trên / the store is damaged in {0} places, see above",
            self.0
        )
    }
}

impl std::error::Error for Damaged {}

/// A store that takes nothing is exit status 1 too.
#[derive(Debug)]
struct Refuses;

impl std::fmt::Display for Refuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("kho thư không nhận gì, xem ở trên / the store takes nothing, see above")
    }
}

impl std::error::Error for Refuses {}

/// Whether it takes nothing, and why.
fn refuses(health: &Value, printer: &mut Printer<'_>) -> anyhow::Result<bool> {
    if let Some(why) = health["unwritable_because"].as_str() {
        let why = clean(why);
        printer.say(
            &format!("Không ghi được gì: {why}"),
            &format!("Nothing can be written: {why}"),
        )?;
    }
    Ok(health["writable"] == false)
}

/// What the store weighs, and each damaged place with whom it harms and what to do.
fn health(health: &Value, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    printer.row(&HEALTH, health)?;
    let refuses = refuses(health, printer)?;
    if let Some(since) = health["dns_silent_since"].as_str() {
        let since = clean(since);
        printer.say(
            &format!("DNS không trả lời từ {since}: thư từ ngoài vào mà không được kiểm tra (temperror)."),
            &format!("DNS gives no answer since {since}: mail from outside comes in unchecked (temperror)."),
        )?;
    }
    let damage = health["damage"].as_array().map_or(&[][..], Vec::as_slice);
    let unreadable = unreadable(health, printer)?;
    if damage.is_empty() && unreadable > 0 {
        return Err(Damaged(unreadable).into());
    }
    if damage.is_empty() {
        printer.say(
            "Không biết có chỗ nào hỏng.",
            "Nothing is known to be damaged.",
        )?;
        return match refuses {
            true => Err(Refuses.into()),
            false => Ok(()),
        };
    }
    let word = |value: &Value| clean(value.as_str().unwrap_or_default());
    let mut advised = Vec::new();
    for harm in damage {
        let kind = word(&harm["kind"]);
        let part = PARTS.iter().find(|row| row.0 == kind);
        let (what, since) = (word(&harm["what"]), word(&harm["since"]));
        let place = match (harm["file"].as_str(), harm["octet"].as_u64()) {
            (Some(file), Some(octet)) => format!("{}, byte {octet}", clean(file)),
            (Some(file), None) => clean(file),
            (None, _) => "?".to_owned(),
        };
        printer.say(
            &format!(
                "Hỏng {} ({place}), biết từ {since}: {what}",
                part.map_or("?", |row| row.1)
            ),
            &format!("Damaged {kind} ({place}), known since {since}: {what}"),
        )?;
        for message in harm["messages"].as_array().into_iter().flatten() {
            let number = message["account"].to_string();
            let account = message["address"].as_str().map_or(number, clean);
            let places = message["places"].as_array().into_iter().flatten();
            let places: Vec<String> = places.map(word).collect();
            let line = format!("  {account}: {}", places.join(", "));
            printer.say(&line, &line)?;
        }
        let advice = word(&harm["advice"]);
        if !advised.contains(&advice) {
            advised.push(advice);
        }
    }
    for advice in &advised {
        printer.say(advice, advice)?;
    }
    if health["more_damage"] == true {
        printer.say(
            "Còn nhiều chỗ hỏng hơn là được nêu.",
            "More is damaged than is listed.",
        )?;
    }
    Err(Damaged(damage.len() + unreadable).into())
}

/// Waiting messages that cannot be read; how many.
fn unreadable(health: &Value, printer: &mut Printer<'_>) -> anyhow::Result<usize> {
    let items = health["unreadable"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    for item in items {
        let word = |name: &str| clean(item[name].as_str().unwrap_or_default());
        let (id, what, since) = (&item["id"], word("what"), word("since"));
        printer.say(
            &format!(
                "Thư {id} trong hàng đợi không đọc được, biết từ {since}: {what}. Thử lại bằng `queue retry {id}`, \
                 bỏ bằng `queue delete {id}` (người gửi không được báo)."
            ),
            &format!(
                "Message {id} of the queue cannot be read, known since {since}: {what}. `queue retry {id}` looks \
                 again, `queue delete {id}` removes it (nobody is told)."
            ),
        )?;
    }
    Ok(items.len())
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
