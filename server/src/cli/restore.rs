//! `congvu restore`: a whole store, or one account, out of a backup. docs/backup.md is its guide.

mod salvage;

use super::backup::{KeyArgs, now_s};
use super::found::Found;
use super::progress::{Bar, Shown, octets};
use super::{ConfigArgs, held};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::told::{Advice, Failed, Lead as _, Led, shown};
use crate::{keys, services};
use anyhow::Context as _;
use directory::{Account, Directory};
use formats::address::Address;
use formats::date;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::backup::{self, Cut, Failure, FolderVault, Into, Restore, Secret, Spare, Which};
use storage::{AccountId, Disk, Fault, Store};

/// Threads.
const WORKERS: usize = 4;
/// Folder within the data folder for what a restore needs for a while.
const SCRATCH: &str = "restore-scratch";
/// Stands in the data folder while everything is restored into it.
const UNFINISHED: &str = "restore-unfinished";
/// What a time without a zone means: Vietnam's.
const ZONE: &str = "+07:00";

/// Arguments of `congvu restore`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["to", "account"])))]
pub(crate) struct RestoreArgs {
    /// The folder with the backups.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    /// Restore everything: the new data folder; its `store` must not exist yet or be empty.
    #[arg(long, value_name = "DATA")]
    to: Option<PathBuf>,
    /// Of a damaged backup restore all that can be read, and name every message whose content is missing;
    /// status 1 if there is any damage.
    #[arg(long, requires = "to", conflicts_with = "account")]
    salvage: bool,
    /// A keyring of the same store, where the backup lost its own: the file `keyring` of the store, or of a copy.
    #[arg(long, value_name = "FILE", requires = "to", conflicts_with = "account")]
    keyring: Option<PathBuf>,
    /// The newest backup that was taken at this time or before: `2026-11-20 08:00`, in Vietnam's time
    /// unless it ends in `Z` or an offset.
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "manifest")]
    at: Option<i64>,
    /// The backup of this name, as `backup list` shows it.
    #[arg(long, value_name = "NAME")]
    manifest: Option<String>,
    /// Restore one account into the config's store, with the server stopped.
    #[arg(long, value_name = "ADDRESS|ID", requires = "where")]
    account: Option<String>,
    /// The account as at this time, which may be before the backup.
    #[arg(long, value_name = "TIME", value_parser = past, requires = "account", conflicts_with = "to")]
    time: Option<i64>,
    /// Only this mailbox, its names joined by `/`, with those below it.
    #[arg(long, value_name = "NAME", requires = "account", conflicts_with = "to")]
    mailbox: Option<String>,
    /// Put what is restored into a mailbox of this name, at the top.
    #[arg(
        long,
        value_name = "NAME",
        group = "where",
        requires = "account",
        conflicts_with = "to"
    )]
    into_folder: Option<String>,
    /// Put it where it was; only what is missing is added.
    #[arg(long, group = "where", requires = "account", conflicts_with = "to")]
    in_place: bool,
    /// Where there is room for what is needed for a while; otherwise the data folder.
    #[arg(long, value_name = "DIR", requires = "account", conflicts_with = "to")]
    scratch: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// `2026-11-20 08:00`, with seconds and a zone when wanted.
fn time(text: &str) -> Result<i64, String> {
    let minutes = text.len() == 16;
    let whole = match (minutes, text.len()) {
        (true, _) => format!("{text}:00{ZONE}"),
        (false, 19) => format!("{text}{ZONE}"),
        _ => text.to_owned(),
    };
    date::parse_utc(&whole)
        .ok_or_else(|| {
            "phải là một thời điểm như 2026-11-20 08:00 (giờ Việt Nam) hoặc 2026-11-20T01:00:00Z / expected a time such as \
             2026-11-20 08:00 (Vietnam's) or 2026-11-20T01:00:00Z"
                .into()
        })
}

/// The same, of a time that has been: as the server's own restore wants it.
fn past(text: &str) -> Result<i64, String> {
    time(text).and_then(|at| expect_past(at, now_s()))
}

fn expect_past(at: i64, now: i64) -> Result<i64, String> {
    match at <= now {
        true => Ok(at),
        false => Err(format!(
            "{0} chưa đến: phải là một thời điểm đã qua / {0} is still to come: expected a time that has been",
            date::utc(at)
        )),
    }
}

/// Restores everything or one account.
pub(crate) fn run(args: &RestoreArgs) -> anyhow::Result<()> {
    let config = args.config.read()?;
    let secret = args.key.secret()?;
    let which = match (&args.manifest, args.at, args.time) {
        (Some(name), _, _) => Which::Named(name.clone()),
        (None, Some(at), _) => Which::At(at),
        (None, None, Some(time)) => Which::Covering(time),
        (None, None, None) => Which::Newest,
    };
    match (&args.to, &args.account) {
        (Some(to), _) => {
            anyhow::ensure!(
                !backup::lies_in(to, &args.from),
                "{0} nằm trong thư mục các bản sao lưu; hãy khôi phục vào nơi khác / {0} lies inside the folder of the \
                 backups; restore elsewhere",
                to.display()
            );
            let mut config = config;
            config.server.data.clone_from(to);
            let how = match args.salvage {
                true => How::Salvage,
                false => How::Whole,
            };
            let keyring = args.keyring.as_deref().map(|file| {
                std::fs::read(file).with_context(|| {
                    format!("không đọc được {0} / {0} cannot be read", file.display())
                })
            });
            let keyring = keyring.transpose()?;
            let name = args.keyring.iter().map(|file| file.display().to_string());
            let name: String = name.collect();
            let source = Source {
                from: &args.from,
                secret: &secret,
                which,
                keyring: keyring.as_deref().map(|bytes| Spare { name: &name, bytes }),
            };
            whole(source, &config, how)
        }
        (None, Some(name)) => one(args, &secret, which, &config, name),
        (None, None) => anyhow::bail!("thiếu --to hoặc --account / --to or --account is missing"),
    }
}

/// What a restore is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Whole,
    /// Damage is left out and told.
    Salvage,
    /// Nobody will use it: all content is read besides.
    Rehearsal,
}

/// Which backup everything comes from.
struct Source<'a> {
    from: &'a Path,
    secret: &'a Secret,
    which: Which,
    /// For one that lost its own.
    keyring: Option<Spare<'a>>,
}

/// Restores into the config's data folder, opens the store and checks it.
fn whole(source: Source<'_>, config: &Config, how: How) -> anyhow::Result<()> {
    let Source {
        from,
        secret,
        which,
        keyring,
    } = source;
    let data = &config.server.data;
    let vault = FolderVault::open(from, &Disk::default())?;
    let to = keys::store_dir(config);
    let keys = keys::source(config)?;
    backup::expect_key((&vault, secret), &which, &keys, keyring)?;
    let unfinished = Unfinished::of(data, from, &which)?;
    if unfinished.is_written(&to) {
        println!(
            "Các tệp đã được ghi lại lần trước; đang dựng chỉ mục và kiểm tra. / The files were restored before; \
             making the index and checking it."
        );
        return unfinished.check(config, how);
    }
    let made = !data.exists();
    std::fs::create_dir_all(data).lead(|| Failed::DataFolder { dir: shown(data) })?;
    unfinished.begin(&to)?;
    let task = Restore {
        vault: &vault,
        secret,
        which,
        to: &to,
        disk: &Disk::default(),
        workers: WORKERS,
        salvage: how == How::Salvage,
        leap: how != How::Rehearsal,
        keyring: keyring.map(|spare| spare.bytes),
    };
    let mut bar = Bar::new();
    let rebuilt = match backup::restore(&task, &mut |p| bar.tell(p)) {
        Ok(rebuilt) => rebuilt,
        Err(failure) => {
            unfinished.give_up(&to);
            if made {
                // Only when nothing was begun in it.
                let _ = std::fs::remove_dir(data);
            }
            return Err(refused(failure, how));
        }
    };
    drop(bar);
    println!(
        "Đã ghi lại bản sao lưu {0} ({1}): {2} tệp, {3}. / Restored the backup {0} ({1}): {2} files, {3}.",
        rebuilt.name,
        date::utc(rebuilt.taken_at),
        rebuilt.files,
        octets(rebuilt.octets)
    );
    match rebuilt.lost.is_empty() {
        true => unfinished.check(config, how),
        false => salvage::mend(config, &rebuilt.lost),
    }
}

/// A note in the data folder while a restore into it goes on: the files of a store that has its name already
/// may be all there, and its index not yet.
struct Unfinished {
    file: PathBuf,
    /// From where, and which backup: the same command goes on.
    what: String,
}

impl Unfinished {
    fn of(data: &Path, from: &Path, which: &Which) -> anyhow::Result<Self> {
        let from = std::path::absolute(from).context("the current folder")?;
        Ok(Self {
            file: data.join(UNFINISHED),
            what: format!("{}\n{which:?}\n", from.display()),
        })
    }

    /// Whether this same restore was cut off when all files had been written.
    fn is_written(&self, to: &Path) -> bool {
        let same = std::fs::read_to_string(&self.file).is_ok_and(|text| text == self.what);
        same && is_filled(to)
    }

    fn begin(&self, to: &Path) -> anyhow::Result<()> {
        if is_filled(to) {
            // Refused for that reason in a moment; what an earlier one noted stays.
            return Ok(());
        }
        std::fs::write(&self.file, &self.what)
            .and_then(|()| std::fs::File::open(&self.file)?.sync_all())
            .with_context(|| {
                format!(
                    "không ghi được {0} / {0} cannot be written",
                    self.file.display()
                )
            })
    }

    /// Nothing was begun.
    fn give_up(&self, to: &Path) {
        let writing = to.with_extension("restoring");
        if !writing.exists() && !is_filled(to) {
            let _ = std::fs::remove_file(&self.file);
        }
    }

    fn check(&self, config: &Config, how: How) -> anyhow::Result<()> {
        check(config, how != How::Whole)?;
        ended(config);
        Ok(())
    }
}

/// Forgets that a restore was cut off: the store was opened.
pub(crate) fn ended(config: &Config) {
    let _ = std::fs::remove_file(config.server.data.join(UNFINISHED));
}

fn is_filled(dir: &Path) -> bool {
    std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some())
}

/// Why nothing was restored, and what helps. Without its manifest nothing of a backup is known.
fn refused(failure: Failure, how: How) -> anyhow::Error {
    let damaged = match &failure {
        Failure::Storage(storage::Error::Corrupt(why)) => !matches!(
            why.what,
            Fault::Manifest { .. } | Fault::ManifestVersion { .. }
        ),
        _ => false,
    };
    match damaged && how == How::Whole {
        true => Led::new(Failed::BackupDamaged, failure).into(),
        false => failure.into(),
    }
}

/// Opens what was restored, which makes its index, and verifies every invariant; `deep`: reads all content too.
fn check(config: &Config, deep: bool) -> anyhow::Result<()> {
    let shown = Shown::new();
    let store = services::open_store_telling(config, shown.watch())?;
    let found = store.check_telling(deep, &mut |p| shown.tell(p))?;
    let found = Found::new(config, &store, &found);
    store.close()?;
    shown.end();
    found.tell()?;
    if deep {
        println!("Mọi nội dung đã được đọc và nguyên vẹn. / All content was read and is whole.");
    }
    Ok(())
}

/// `backup verify --deep`: restores the newest backup for a look, and removes it again.
pub(super) fn rehearse(
    from: &Path,
    key: &KeyArgs,
    scratch: Option<&Path>,
    config: &ConfigArgs,
) -> anyhow::Result<()> {
    let mut config = config.read()?;
    let beside = config.server.data.join(SCRATCH);
    let scratch = Scratch::make(scratch.unwrap_or(&beside), scratch.is_none())?;
    config.server.data = scratch.0.join("rehearsal");
    let source = Source {
        from,
        secret: &key.secret()?,
        which: Which::Newest,
        keyring: None,
    };
    whole(source, &config, How::Rehearsal)
}

/// A folder of ours, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    /// `own`: nobody else puts anything there, so what an earlier run left is removed.
    fn make(dir: &Path, own: bool) -> anyhow::Result<Self> {
        let cannot = || {
            let dir = dir.display();
            format!("không dùng được thư mục tạm {dir} / the scratch folder {dir} cannot be used")
        };
        let dir = if own {
            dir.to_owned()
        } else {
            dir.join(SCRATCH)
        };
        if dir.exists() {
            std::fs::remove_dir_all(&dir).with_context(cannot)?;
        }
        std::fs::create_dir_all(&dir).with_context(cannot)?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("congvu: {}: {error}", self.0.display());
        }
    }
}

/// The living account of this address, or that of this number, which may be a deleted one.
fn account(directory: &Directory, name: &str) -> anyhow::Result<Account> {
    let found = match (name.parse::<u32>(), Address::parse(name)) {
        (Ok(id), _) => AccountId::new(id).map(|id| directory.kept_account(id)),
        (_, Ok(address)) => Some(directory.account_at(&address)),
        _ => None,
    };
    let found = found.with_context(|| {
        format!(
            "{name:?} không phải là địa chỉ hay số / {name:?} is neither an address nor a number"
        )
    })?;
    found.with_context(|| {
        format!(
            "không có tài khoản {name}; tài khoản đã xoá thì hãy nêu số / no account {name}; a deleted one is \
             named by its number"
        )
    })
}

/// Errors: the account was not there yet at the time that is asked for.
fn expect_made(account: &Account, time: Option<i64>) -> anyhow::Result<()> {
    let made = account.created_at;
    anyhow::ensure!(
        time.is_none_or(|time| time >= made),
        "lúc đó chưa có tài khoản {0}: nó được tạo lúc {1} / the account {0} did not exist then: it was made at {1}",
        account.address,
        date::utc(made)
    );
    Ok(())
}

fn one(
    args: &RestoreArgs,
    secret: &Secret,
    which: Which,
    config: &Config,
    name: &str,
) -> anyhow::Result<()> {
    let dir = keys::store_dir(config);
    let data = &config.server.data;
    anyhow::ensure!(dir.exists(), Failed::NoStore { dir: shown(data) });
    super::store::expect_own(&dir)?;
    let vault = FolderVault::open(&args.from, &Disk::default())?;
    let store =
        services::open_store(config).map_err(|e| held::told(e, config, Advice::AskToRestore))?;
    let settings = services::directory_settings(config)?;
    let directory = Directory::open(store.clone(), Arc::new(SystemClock), settings)?;
    if directory.agencies(None, None, None, 1)?.is_empty() {
        // There is no account to put anything into, and this does not make one.
        let lost = store.loss()?.is_some();
        store.close()?;
        anyhow::bail!(match lost {
            true => crate::run::no_directory(config),
            false => crate::run::not_founded(config),
        });
    }
    let account = account(&directory, name)?;
    expect_made(&account, args.time)?;
    let into = match &args.into_folder {
        Some(folder) => Into::Folder(folder.clone()),
        None => Into::Place,
    };
    let beside = config.server.data.join(SCRATCH);
    let scratch = Scratch::make(
        args.scratch.as_deref().unwrap_or(&beside),
        args.scratch.is_none(),
    )?;
    let cut = Cut {
        vault: &vault,
        secret,
        which,
        account: account.id,
        options: storage::Options {
            dir: scratch.0.join("cut"),
            ..services::store_options(config)?
        },
        older_keys: keys::older(config),
        workers: WORKERS,
    };
    let mut bar = Bar::new();
    let found = backup::Account::open(cut, &mut |p| bar.tell(p))?;
    // I-20: it is written down before it is done.
    let detail = serde_json::json!({
        "backup": found.backup(),
        "time": args.time.map(date::utc),
        "mailbox": args.mailbox,
        "into_folder": args.into_folder,
    });
    let object = account.address.to_string();
    directory.record(None, "account.restore", &object, &detail.to_string())?;
    let restored = put_back(&store, &found, args, &into, &mut bar)?;
    let backup = found.backup().to_owned();
    drop((bar, found));
    store.close()?;
    told(&object, &backup, &restored)
}

/// What was restored; an error when some of it is damaged in the backup.
fn told(object: &str, backup: &str, restored: &backup::Restored) -> anyhow::Result<()> {
    println!(
        "{object}: thêm {} thư ({}), {} thư đã có sẵn, trong đó {} thư hỏng được chữa, {} hộp thư mới / {} \
         messages added ({}), {} were there already, of which {} damaged ones healed, {} mailboxes made; \
         backup {backup}",
        restored.messages,
        octets(restored.octets),
        restored.already,
        restored.healed,
        restored.mailboxes,
        restored.messages,
        octets(restored.octets),
        restored.already,
        restored.healed,
        restored.mailboxes,
    );
    anyhow::ensure!(
        restored.damaged == 0,
        "{0} thư hỏng trong bản sao lưu, không khôi phục được; hãy thử một bản cũ hơn / {0} messages are damaged in the \
         backup and were not restored; try an older one",
        restored.damaged
    );
    Ok(())
}

fn put_back(
    store: &Store,
    found: &backup::Account,
    args: &RestoreArgs,
    into: &Into,
    bar: &mut Bar,
) -> anyhow::Result<backup::Restored> {
    let to = store.account(found.id());
    let tell = &mut |p| bar.tell(p);
    let mailbox = args.mailbox.as_deref();
    let restored = match args.time {
        Some(time) => {
            let view = found.read().as_at(time).map_err(|error| match error {
                storage::Error::NotFound => anyhow::anyhow!(
                    "nhật ký trong bản sao lưu {0} không còn đến {1}; hãy chọn một bản cũ hơn / the \
                     change log of the backup {0} no longer reaches back to {1}; name an older one",
                    found.backup(),
                    date::utc(time)
                ),
                other => anyhow::Error::new(other),
            })?;
            backup::place(&view, &to, into, mailbox, tell)
        }
        None => backup::place(&found.read(), &to, into, mailbox, tell),
    };
    Ok(restored?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_come_is_refused_in_both_languages() {
        assert_eq!(expect_past(50, 50), Ok(50));
        let told = expect_past(51, 50).unwrap_err();
        assert_eq!(
            told,
            "1970-01-01T00:00:51Z chưa đến: phải là một thời điểm đã qua / 1970-01-01T00:00:51Z is still to come: expected a \
             time that has been"
        );
        assert!(past("2026-11-20 08:00:00+07:00").is_ok());
        assert!(past("9000-01-01 00:00").is_err());
    }

    #[test]
    fn what_is_for_one_account_is_refused_for_all_and_the_other_way_round() {
        let parsed = |words: &str| {
            let command = <RestoreArgs as clap::Args>::augment_args(clap::Command::new("restore"));
            command
                .try_get_matches_from(format!("restore --from b {words}").split(' '))
                .is_ok()
        };
        for fine in ["--to x", "--to x --salvage", "--account a@x.vn --in-place"] {
            assert!(parsed(fine), "{fine}");
        }
        for wrong in [
            "--to x --in-place",
            "--to x --into-folder f",
            "--to x --mailbox m",
            "--to x --scratch s",
            "--to x --account a@x.vn",
            "--account a@x.vn --in-place --salvage",
            "--account a@x.vn --in-place --keyring k",
        ] {
            assert!(!parsed(wrong), "{wrong}");
        }
    }

    #[test]
    fn times_without_a_zone_are_vietnams() {
        assert_eq!(time("2026-11-20 08:00"), Ok(1_795_136_400));
        for same in [
            "2026-11-20T08:00:00",
            "2026-11-20T01:00:00Z",
            "2026-11-20 08:00:00+07:00",
        ] {
            assert_eq!(time(same), time("2026-11-20 08:00"), "{same}");
        }
        for wrong in [
            "",
            "2026-11-20",
            "20/11/2026 08:00",
            "2026-13-20 08:00",
            "yesterday",
        ] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
