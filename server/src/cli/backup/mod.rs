//! `congvu backup`: copies of the store, beside a running server. docs/backup.md is its guide.

use super::ConfigArgs;
use super::progress::{Bar, octets};
use crate::clock::SystemClock;
use crate::{keys, told};
use anyhow::Context as _;
use directory::Clock as _;
use formats::date;
use std::path::{Path, PathBuf};
use storage::Disk;
use storage::backup::{self, FolderVault, Keep, Prune, Refusal, Secret, Take};

/// Threads unless told otherwise: the server needs the processors too.
const WORKERS: usize = 4;
const DAY_S: i64 = 86_400;

/// Arguments of `congvu backup`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BackupArgs {
    /// The folder for backups, on another disk or machine; made with the first one.
    #[arg(value_name = "DIR", required = true)]
    to: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    /// The data folder; otherwise the config's.
    #[arg(long = "dir", value_name = "DATA")]
    data: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    /// Read everything again, and write damaged pieces of the backup anew.
    #[arg(long)]
    reread: bool,
    /// Threads.
    #[arg(long, value_name = "N", default_value_t = WORKERS)]
    threads: usize,
    #[command(subcommand)]
    command: Option<BackupCommand>,
}

/// What opens a sealed backup. The first backup into a folder decides whether it is sealed.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyArgs {
    /// Seal with the key in this file (`congvu store keys make FILE` makes one), mode 0600.
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    key_file: Option<PathBuf>,
    /// Seal with the passphrase in this file, mode 0600.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum BackupCommand {
    /// List the backups in a folder / Liệt kê các bản sao lưu
    List {
        dir: PathBuf,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Read every piece of every backup and compare / Đọc lại toàn bộ
    Verify {
        dir: PathBuf,
        #[command(flatten)]
        key: KeyArgs,
        /// Restore the newest backup into a scratch folder too, open it, check it, and read all content in it.
        #[arg(long)]
        deep: bool,
        /// Where there is room for that; otherwise beside the data folder.
        #[arg(long, value_name = "DIR", requires = "deep")]
        scratch: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Remove old backups and what only they need, once those that stay are read and whole / Xoá bản sao lưu cũ
    Prune {
        dir: PathBuf,
        #[command(flatten)]
        key: KeyArgs,
        /// Keep the newest so many.
        #[arg(long, value_name = "N", required_unless_present = "older_than",
            value_parser = clap::value_parser!(u32).range(1..))]
        keep: Option<u32>,
        /// Remove those older than so many days (`30d`) or weeks (`8w`); the newest stays in any case.
        #[arg(long, value_name = "AGE", conflicts_with = "keep", value_parser = age)]
        older_than: Option<i64>,
    },
}

fn age(text: &str) -> Result<i64, String> {
    let (number, unit) = match (text.strip_suffix('d'), text.strip_suffix('w')) {
        (Some(number), _) => (number, DAY_S),
        (_, Some(number)) => (number, 7 * DAY_S),
        _ => return Err("expected a number of days or weeks, such as 30d or 8w".into()),
    };
    let number: u16 = number
        .parse()
        .map_err(|_| format!("{number:?} is no number of days"))?;
    Ok(i64::from(number) * unit)
}

impl KeyArgs {
    /// Reads the file that is named. Errors say what is wrong with it.
    pub(super) fn secret(&self) -> anyhow::Result<Secret> {
        if let Some(file) = &self.key_file {
            return Ok(Secret::Key(keys::backup_key(file)?));
        }
        match &self.passphrase_file {
            Some(file) => Ok(Secret::Passphrase(keys::passphrase(file)?)),
            None => Ok(Secret::None),
        }
    }
}

/// Unix seconds.
pub(super) fn now_s() -> i64 {
    SystemClock.now_ms().div_euclid(1_000)
}

/// Backs up, or looks after backups.
pub(crate) fn run(args: &BackupArgs) -> anyhow::Result<()> {
    match &args.command {
        None => take(args),
        Some(BackupCommand::List { dir, key }) => list(dir, key),
        Some(BackupCommand::Verify {
            dir,
            key,
            deep,
            scratch,
            config,
        }) => {
            verify(dir, key)?;
            match deep {
                true => super::restore::rehearse(dir, key, scratch.as_deref(), config),
                false => Ok(()),
            }
        }
        Some(BackupCommand::Prune {
            dir,
            key,
            keep,
            older_than,
        }) => prune(dir, key, *keep, *older_than),
    }
}

fn take(args: &BackupArgs) -> anyhow::Result<()> {
    let to = args
        .to
        .as_deref()
        .context("the folder for backups is missing")?;
    let mut config = args.config.read()?;
    if let Some(data) = &args.data {
        config.server.data.clone_from(data);
    }
    let store = keys::store_dir(&config);
    if backup::lies_in(to, &config.server.data) {
        return Err(Refusal::Inside(to.display().to_string()).into());
    }
    let secret = args.key.secret()?;
    let vault = FolderVault::target(to, &store, &Disk::default())?;
    // Without the master key the backup is made, and its packs are not compared with what the store names.
    let (keys, unopened) = match keys::source(&config) {
        Ok(keys) => (keys, None),
        Err(e) => (storage::KeySource::None, Some(told::in_both(&e))),
    };
    let task = Take {
        store: &store,
        vault: &vault,
        secret: &secret,
        keys: &keys,
        now_s: now_s(),
        reread: args.reread,
        workers: args.threads,
    };
    let mut bar = Bar::new();
    let taken = backup::take(&task, &mut |p| bar.tell(p))?;
    drop(bar);
    println!(
        "Bản sao lưu {0}: {1}, mới {2} ({3} trong {4} mảnh; {5} trong {6} tệp như lần trước). / Backup {0}: {1}, new {2} \
         ({3} of {4} pieces; {5} of {6} files were as before).",
        taken.name,
        octets(taken.octets),
        octets(taken.new_octets),
        taken.new_chunks,
        taken.chunks,
        taken.unread,
        taken.files,
    );
    if matches!(secret, Secret::None) && storage::is_sealed(&store) {
        println!(
            "Kho thư được mã hoá; bản sao lưu chỉ mở được với khoá chủ. / The store is encrypted: \
             its backups open with its master key only, which is not in them."
        );
    }
    if !taken.compared {
        let (vietnamese, english) = unopened.unwrap_or_else(|| {
            let unnamed = ("không có khoá chủ", "there is no master key");
            (unnamed.0.into(), unnamed.1.into())
        });
        println!(
            "Không biết kho thư có thiếu tệp nội dung nào không, vì không đọc được những gì nó nêu: {vietnamese}. / It was \
             not seen whether packs of the store are missing or cut short, since what it names could not be read: {english}."
        );
    }
    tell_damage(&taken)
}

/// What was damaged in the store. Errors: of something that is still used.
fn tell_damage(taken: &backup::Taken) -> anyhow::Result<()> {
    for line in &taken.unused {
        println!("{line}");
    }
    if !taken.unused.is_empty() {
        println!(
            "{0} chỗ hỏng trên đây không còn thư nào dùng đến (đã được chữa hoặc đã xoá); kho tự dọn chúng. / The {0} damaged \
             places above are in nothing that is still used (it was healed, or removed); the store clears them away itself.",
            taken.unused.len()
        );
    }
    for line in &taken.damaged {
        println!("{line}");
    }
    anyhow::ensure!(
        taken.damaged.is_empty(),
        "bản sao lưu đã xong, nhưng kho thư có {0} chỗ hỏng, {1} chỗ trong đó bản sao lưu vẫn giữ nguyên vẹn; \
         hãy chạy `congvu store verify --deep`, và giữ các bản sao lưu cũ / the backup exists, but the store is \
         damaged in {0} places, of which the backup has {1} whole, from one before; run `congvu store verify \
         --deep`, which names the messages, and keep the older backups",
        taken.damaged.len(),
        taken.healed,
    );
    Ok(())
}

fn list(dir: &Path, key: &KeyArgs) -> anyhow::Result<()> {
    let vault = FolderVault::open(dir, &Disk::default())?;
    let found = backup::list(&vault, &key.secret()?)?;
    println!("Tên / name\tThời điểm / taken at\tDung lượng / size\tRiêng / own");
    for backup in &found {
        let about = match &backup.damage {
            Some(damage) => format!("HỎNG / DAMAGED: {damage}"),
            None => format!("{}\t{}", octets(backup.octets), octets(backup.own_octets)),
        };
        println!("{}\t{}\t{about}", backup.name, date::utc(backup.taken_at));
    }
    println!("({} bản / backups)", found.len());
    let damaged = found.iter().filter(|backup| backup.damage.is_some());
    let damaged = damaged.count();
    anyhow::ensure!(
        damaged == 0,
        "{damaged} bản bị hỏng; `congvu backup verify {0}` cho biết thêm / {damaged} of them are damaged; \
         `congvu backup verify {0}` tells more",
        dir.display()
    );
    Ok(())
}

fn verify(dir: &Path, key: &KeyArgs) -> anyhow::Result<()> {
    let vault = FolderVault::open(dir, &Disk::default())?;
    let mut bar = Bar::new();
    let secret = key.secret()?;
    let checked = backup::check(&vault, &secret, WORKERS, &mut |p| bar.tell(p))?;
    drop(bar);
    for line in &checked.findings {
        println!("{line}");
    }
    anyhow::ensure!(
        checked.findings.is_empty(),
        "{0} chỗ hỏng; `congvu backup {1} --reread` tạo bản sao lưu mới và ghi lại những mảnh còn trong kho / {0} findings; \
         `congvu backup {1} --reread` makes a new backup, and writes anew the pieces that the store still has",
        checked.findings.len(),
        dir.display()
    );
    anyhow::ensure!(
        checked.backups > 0,
        "trong {0} chưa có bản sao lưu nào / there is no backup in {0}",
        dir.display()
    );
    println!(
        "Toàn vẹn: {0} bản sao lưu, {1} mảnh. / Every piece is whole: {0} backups, {1} pieces.",
        checked.backups, checked.chunks
    );
    Ok(())
}

fn prune(dir: &Path, key: &KeyArgs, keep: Option<u32>, older: Option<i64>) -> anyhow::Result<()> {
    let vault = FolderVault::open(dir, &Disk::default())?;
    let keep = match (keep, older) {
        (Some(count), _) => Keep::Newest(count as usize),
        (None, age) => Keep::Since(
            now_s()
                - age.context(
                    "thiếu --keep hoặc --older-than / --keep or --older-than is missing",
                )?,
        ),
    };
    let mut bar = Bar::new();
    let task = Prune {
        vault: &vault,
        secret: &key.secret()?,
        keep,
        workers: WORKERS,
    };
    let pruned = backup::prune(&task, &mut |p| bar.tell(p))?;
    drop(bar);
    for line in &pruned.findings {
        println!("{line}");
    }
    for name in &pruned.backups {
        println!("Đã xoá {name} / removed {name}");
    }
    if pruned.verified > 0 {
        println!(
            "Đã đọc lại {0} mảnh của các bản giữ lại / {0} pieces of those that stay were read.",
            pruned.verified
        );
    }
    println!(
        "Đã xoá {0} bản, {1} mảnh; trống thêm {2}. / Removed {0} backups, {1} pieces; {2} freed.",
        pruned.backups.len(),
        pruned.chunks,
        octets(pruned.octets)
    );
    anyhow::ensure!(
        pruned.findings.is_empty(),
        "các bản giữ lại không nguyên vẹn, nên bản cũ còn cần thì không xoá; `congvu backup {0} --reread` ghi lại phần \
         còn trong kho / what stays is not whole, so no older backup that may have the last good copy was removed; \
         `congvu backup {0} --reread` writes anew what the store still has",
        dir.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_days_or_weeks() {
        assert_eq!(age("30d"), Ok(30 * DAY_S));
        assert_eq!(age("8w"), Ok(56 * DAY_S));
        for wrong in ["", "d", "30", "-1d", "1.5w", "99999d", "30D"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
