//! `congvu admin holds export`: the letters that a hold keeps, as a folder of `.eml` files.
//!
//! `FOLDER/<mailbox>/<id>.eml` is a letter that is there, `FOLDER/removed/<mailbox>/<id>.eml` one that was removed
//! and is kept; `FOLDER/letters.tsv` has a line for each with all its mailboxes, dates, marks and its SHA-256, so
//! that whoever is given the folder can tell that it is whole.

use super::client::{Ask, Client, clean};
use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The list of what was written.
const LIST: &str = "letters.tsv";
/// Where letters go that were removed.
const REMOVED: &str = "removed";
/// Pages of one export; each holds up to 16 MB.
const PAGES_MAX: usize = 10_000_000;
/// Characters of one folder's name.
const NAME_MAX: usize = 80;

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Exported {
    pub(super) letters: u64,
    pub(super) octets: u64,
    /// Letters whose content is damaged in the store.
    pub(super) damaged: u64,
}

/// A letter that is being written.
struct Open {
    row: Value,
    /// From the folder on.
    name: PathBuf,
    file: File,
    hasher: Sha256,
    octets: u64,
}

/// Everything that the hold keeps, into a folder that is not there yet or empty. `path` is that of the hold.
/// Errors: those of the server, of the disk, a folder that holds something.
pub(super) fn export(client: &Client, path: &str, to: &Path) -> Result<Exported> {
    expect_empty(to)?;
    let mut writer = None;
    let mut cursor: Option<String> = None;
    let path = format!("{path}/letters");
    for _ in 0..PAGES_MAX {
        let mut ask = Ask::new("GET", &path);
        ask.asked("cursor", cursor.take());
        let page = client.call(ask)?;
        // Not before the server has said yes.
        let writer = match &mut writer {
            Some(writer) => writer,
            none => none.insert(Writer::begin(to)?),
        };
        for item in page["items"].as_array().into_iter().flatten() {
            writer.take(item)?;
        }
        cursor = page["cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    writer.map_or_else(|| Ok(Exported::default()), Writer::end)
}

fn expect_empty(to: &Path) -> Result<()> {
    let cannot = || format!("{}", to.display());
    let holds = to.exists() && std::fs::read_dir(to).with_context(cannot)?.next().is_some();
    anyhow::ensure!(
        !holds,
        "{0} không trống; hãy chọn một thư mục mới / {0} is not empty; name a new folder",
        to.display()
    );
    Ok(())
}

struct Writer {
    to: PathBuf,
    list: File,
    open: Option<Open>,
    done: Exported,
}

impl Writer {
    fn begin(to: &Path) -> Result<Self> {
        let cannot = || format!("{}", to.display());
        folder(to).with_context(cannot)?;
        let mut list = fresh(&to.join(LIST)).with_context(cannot)?;
        writeln!(
            list,
            "file\tmailboxes\treceived_at\tremoved_at\tkeywords\toctets\tsha256"
        )?;
        Ok(Self {
            to: to.to_owned(),
            list,
            open: None,
            done: Exported::default(),
        })
    }

    /// One letter, or one piece of one.
    fn take(&mut self, row: &Value) -> Result<()> {
        if row["offset"].as_u64().unwrap_or(0) == 0 {
            self.close()?;
            if row["content"].is_null() {
                self.done.damaged += 1;
                return self.line(row, "", 0, "damaged");
            }
            let name = name_of(row);
            let path = self.to.join(&name);
            folder(path.parent().unwrap_or(&self.to))?;
            let file = fresh(&path).with_context(|| path.display().to_string())?;
            self.open = Some(Open {
                row: row.clone(),
                name,
                file,
                hasher: Sha256::new(),
                octets: 0,
            });
        }
        let open = self.open.as_mut().context("a piece of no letter")?;
        let same = open.row["id"] == row["id"] && row["offset"].as_u64() == Some(open.octets);
        anyhow::ensure!(same, "the server's pieces do not fit together");
        let piece = STANDARD.decode(row["content"].as_str().unwrap_or_default())?;
        open.file.write_all(&piece)?;
        open.hasher.update(&piece);
        open.octets += piece.len() as u64;
        Ok(())
    }

    /// Ends the letter that is open; it must be there to its end.
    fn close(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let whole = open.row["size"].as_u64() == Some(open.octets);
        anyhow::ensure!(whole, "{} is not whole", open.name.display());
        open.file.sync_all()?;
        self.done.letters += 1;
        self.done.octets += open.octets;
        let sum = open.hasher.finalize();
        let sum: String = sum.iter().map(|octet| format!("{octet:02x}")).collect();
        self.line(
            &open.row,
            &open.name.display().to_string(),
            open.octets,
            &sum,
        )
    }

    fn line(&mut self, row: &Value, file: &str, octets: u64, sum: &str) -> Result<()> {
        let text = |name: &str| clean(row[name].as_str().unwrap_or_default());
        let all = |name: &str| {
            let all = row[name].as_array().into_iter().flatten();
            let all: Vec<String> = all.filter_map(Value::as_str).map(clean).collect();
            all.join(", ")
        };
        writeln!(
            self.list,
            "{file}\t{}\t{}\t{}\t{}\t{octets}\t{sum}",
            all("mailboxes"),
            text("received_at"),
            text("removed_at"),
            all("keywords"),
        )?;
        Ok(())
    }

    fn end(mut self) -> Result<Exported> {
        self.close()?;
        self.list.sync_all()?;
        Ok(self.done)
    }
}

fn fresh(path: &Path) -> std::io::Result<File> {
    let mut how = OpenOptions::new();
    how.write(true).create_new(true).mode(0o600).open(path)
}

fn folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Where the letter goes, by its first mailbox.
fn name_of(row: &Value) -> PathBuf {
    let mut name = match row["removed_at"].is_null() {
        true => PathBuf::new(),
        false => PathBuf::from(REMOVED),
    };
    let mailbox = row["mailboxes"][0].as_str().unwrap_or("-");
    name.extend(mailbox.split('/').map(component));
    name.push(format!("{}.eml", row["id"].as_u64().unwrap_or(0)));
    name
}

/// A level's name that any system takes as one, and that goes nowhere else.
fn component(name: &str) -> String {
    let plain = |c: char| match c {
        '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        c if c.is_control() => '_',
        c => c,
    };
    let name: String = name.chars().take(NAME_MAX).map(plain).collect();
    match name.trim_matches(['.', ' ']).is_empty() {
        true => "_".to_owned(),
        false if name.starts_with('.') => format!("_{name}"),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_go_nowhere_else() {
        let check = |mailbox: &str, removed: bool, expected: &str| {
            let at = removed.then_some("2026-11-20T08:00:00Z");
            let row = json!({"id": 7, "mailboxes": [mailbox], "removed_at": at});
            assert_eq!(name_of(&row), Path::new(expected), "{mailbox}");
        };
        check("INBOX", false, "INBOX/7.eml");
        check("Dự án/2026", true, "removed/Dự án/2026/7.eml");
        check("../../etc", false, "_/_/etc/7.eml");
        check("/etc", false, "_/etc/7.eml");
        check(".ssh", false, "_.ssh/7.eml");
        check("a:b\\c", false, "a_b_c/7.eml");
        check("", false, "_/7.eml");
        check(
            &"x".repeat(300),
            false,
            &format!("{}/7.eml", "x".repeat(NAME_MAX)),
        );
    }

    #[test]
    fn pieces_become_a_letter_and_each_has_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("out");
        let mut writer = Writer::begin(&to).unwrap();
        let piece = |id: u64, offset: u64, octets: &[u8]| {
            json!({"id": id, "mailboxes": ["INBOX"], "removed_at": null, "size": 5,
                "received_at": "2026-11-20T08:00:00Z", "keywords": ["$seen"], "offset": offset,
                "content": STANDARD.encode(octets)})
        };
        writer.take(&piece(1, 0, b"abc")).unwrap();
        writer.take(&piece(1, 3, b"de")).unwrap();
        writer.take(&piece(2, 0, b"12345")).unwrap();
        let mut damaged = piece(3, 0, b"");
        damaged["content"] = Value::Null;
        writer.take(&damaged).unwrap();
        let done = writer.end().unwrap();
        let expected = Exported {
            letters: 2,
            octets: 10,
            damaged: 1,
        };
        assert_eq!(done, expected);
        assert_eq!(std::fs::read(to.join("INBOX/1.eml")).unwrap(), b"abcde");
        let list = std::fs::read_to_string(to.join(LIST)).unwrap();
        assert_eq!(list.lines().count(), 4);
        // SHA-256 of `abcde`.
        assert!(list.contains("36bbe50ed96841d10443bcb670d6554f0a34b761be67ec9c4a8ad2c0c44ca42c"));
        assert!(Writer::begin(&to).is_err(), "it holds something");
        let mut writer = Writer::begin(&dir.path().join("other")).unwrap();
        writer.take(&piece(1, 0, b"abc")).unwrap();
        assert!(writer.end().is_err(), "not whole");
    }
}
