//! The master key of an encrypted store: read from a file or from systemd, made by `init`, changed by
//! `congvu store keys rotate-master`. It lies apart from the store, so that neither the disk nor a
//! backup alone tells anything.

use crate::config::{Backup, Config};
use crate::told::{Failed, Instead, Lead as _, Secret, shown};
use anyhow::Context as _;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use storage::backup::{self, Failure, FolderVault, Refusal};
use storage::{Disk, KeySource, MasterKey};

/// Name of the credential in the folder that systemd names (`LoadCredential=congvu-master:FILE`).
const CREDENTIAL: &str = "congvu-master";
/// Most octets of a key file.
const FILE_OCTETS_MAX: u64 = 4_096;
/// Older keys that are looked at.
const OLDER_MAX: u32 = 1_000;
/// What a master key is called until the keyring is sealed under it.
const NEW: &str = "new";

/// Where a master key lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file of ours, mode 0600.
    File(PathBuf),
    /// systemd's; its folder is ours alone and cannot be written.
    Credential(PathBuf),
}

/// Where the config says it lies. Errors: encryption is on and neither file nor credential is named.
pub(crate) fn place(config: &Config) -> anyhow::Result<Place> {
    let file = &config.storage.encryption.key_file;
    if !file.as_os_str().is_empty() {
        return Ok(Place::File(file.clone()));
    }
    match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(folder) => Ok(Place::Credential(Path::new(&folder).join(CREDENTIAL))),
        None => anyhow::bail!(Failed::NoKeyNamed {
            credential: CREDENTIAL
        }),
    }
}

/// The folder of the store itself.
pub(crate) fn store_dir(config: &Config) -> PathBuf {
    config.server.data.join("store")
}

/// What opens the store by this config. A change of master key that was cut off is brought to its end.
pub(crate) fn source(config: &Config) -> anyhow::Result<KeySource> {
    let dir = store_dir(config);
    if !config.storage.encryption.enabled {
        anyhow::ensure!(
            !storage::is_sealed(&dir),
            Failed::StaysEncrypted { dir: shown(&dir) }
        );
        return Ok(KeySource::None);
    }
    let place = place(config)?;
    if let Place::File(file) = &place {
        finish_rotation(&dir, file)?;
    }
    if let Place::File(file) = &place {
        anyhow::ensure!(
            file.exists(),
            Failed::KeyGone {
                file: shown(file),
                instead: where_else(&place, &dir),
            }
        );
    }
    let master = read(&place)?;
    anyhow::ensure!(
        storage::master_fits(&dir, &master)?,
        Failed::KeyOfAnother {
            file: shown(path(&place)),
            dir: shown(&dir),
            instead: where_else(&place, &dir),
        }
    );
    Ok(KeySource::Master(master))
}

/// Where the right key may be, when the one at `place` is missing or another.
fn where_else(place: &Place, dir: &Path) -> Instead {
    let Place::File(file) = place else {
        return Instead::Credential;
    };
    let fits = |path: &PathBuf| {
        let key = read(&Place::File(path.clone()));
        key.is_ok_and(|key| storage::master_fits(dir, &key).unwrap_or(false))
    };
    let named = (1..OLDER_MAX).map(|n| beside(file, &format!("old-{n}")));
    match named.take_while(|path| path.exists()).find(fits) {
        // What is there now may be the newest: then the keyring is an older one, and backups are sealed under this key.
        Some(older) if file.exists() => Instead::KeyringOlder {
            older: shown(&older),
            file: shown(file),
        },
        Some(older) => Instead::Older {
            older: shown(&older),
        },
        None => Instead::Safe { file: shown(file) },
    }
}

fn path(place: &Place) -> &Path {
    match place {
        Place::File(path) | Place::Credential(path) => path,
    }
}

/// Reads a master key. Errors say what is wrong with the file and what to do.
pub(crate) fn read(place: &Place) -> anyhow::Result<MasterKey> {
    let text = match place {
        Place::File(path) => private_text(path, Secret::MasterKey, FILE_OCTETS_MAX)?,
        Place::Credential(path) => text(path, Secret::MasterKey, FILE_OCTETS_MAX, false)?,
    };
    let file = || shown(path(place));
    MasterKey::parse(&text).ok_or_else(|| Failed::NoMasterKey { file: file() }.into())
}

/// Reads the key of sealed backups, a file as that of a master key. Errors call it by its own name.
pub(crate) fn backup_key(file: &Path) -> anyhow::Result<MasterKey> {
    let text = private_text(file, Secret::BackupKey, FILE_OCTETS_MAX)?;
    let file = || shown(file);
    MasterKey::parse(&text).ok_or_else(|| Failed::NoBackupKey { file: file() }.into())
}

/// Reads a file that only its owner, who runs this process, may read. `what` is what errors call it.
pub(crate) fn private_text(
    path: &Path,
    what: Secret,
    octets_max: u64,
) -> anyhow::Result<zeroize::Zeroizing<String>> {
    text(path, what, octets_max, true)
}

fn text(
    path: &Path,
    what: Secret,
    octets_max: u64,
    private: bool,
) -> anyhow::Result<zeroize::Zeroizing<String>> {
    let unread = || Failed::Secret {
        what,
        file: shown(path),
    };
    let file = File::open(path).lead(unread)?;
    let about = file.metadata().lead(unread)?;
    anyhow::ensure!(
        about.is_file(),
        Failed::SecretNoFile {
            what,
            file: shown(path)
        }
    );
    if private {
        let mode = about.mode() & 0o7777;
        anyhow::ensure!(
            mode & 0o077 == 0,
            Failed::SecretOpen {
                what,
                file: shown(path),
                mode: format!("{mode:04o}"),
            }
        );
        // The owner of our own entry is whom this process runs as.
        let ours = std::fs::metadata("/proc/self").map_or(about.uid(), |own| own.uid());
        let (file, owner) = (shown(path), about.uid());
        anyhow::ensure!(
            owner == ours,
            match ours {
                // Root's own it must not become: the server would be kept out.
                0 => Failed::SecretOfUser { what, file, owner },
                _ => Failed::SecretOfAnother {
                    what,
                    file,
                    owner,
                    ours,
                },
            }
        );
    }
    let mut text = zeroize::Zeroizing::new(String::with_capacity(octets_max as usize));
    let read = file.take(octets_max).read_to_string(&mut text);
    read.lead(unread)?;
    Ok(text)
}

/// Shortest passphrase of a sealed backup: whoever has a copy may guess for years.
const PASSPHRASE_MIN: usize = 12;
/// Longest passphrase file, octets.
const PASSPHRASE_FILE_MAX: u64 = 4_096;

/// The passphrase of a sealed backup, without what editors put around it: a byte order mark, blanks and line ends behind.
/// Errors say what is wrong with its file.
pub(crate) fn passphrase(file: &Path) -> anyhow::Result<zeroize::Zeroizing<String>> {
    let text = private_text(file, Secret::Passphrase, PASSPHRASE_FILE_MAX)?;
    let words = text.strip_prefix('\u{feff}').unwrap_or(&text).trim_end();
    let words = zeroize::Zeroizing::new(words.to_owned());
    anyhow::ensure!(
        MasterKey::parse(words.trim()).is_none(),
        Failed::KeyForPassphrase { file: shown(file) }
    );
    anyhow::ensure!(
        words.chars().count() >= PASSPHRASE_MIN,
        Failed::ShortPassphrase {
            file: shown(file),
            least: PASSPHRASE_MIN,
        }
    );
    Ok(words)
}

/// Master keys that were replaced and are kept beside the one of now, the newest first; those that
/// cannot be read are left out.
pub(crate) fn older(config: &Config) -> Vec<MasterKey> {
    let Ok(Place::File(file)) = place(config) else {
        return Vec::new();
    };
    let named = (1..OLDER_MAX).map(|n| beside(&file, &format!("old-{n}")));
    let mut keys: Vec<MasterKey> = named
        .take_while(|path| path.exists())
        .filter_map(|path| read(&Place::File(path)).ok())
        .collect();
    keys.reverse();
    keys
}

/// Writes a key to a new file that only its owner reads, durably. Errors: the file is there.
pub(crate) fn write(path: &Path, master: &MasterKey) -> anyhow::Result<()> {
    write_private(path, &master.text()).lead(|| Failed::KeyNotWritten { file: shown(path) })
}

/// Writes a secret to a new file that only its owner reads, durably. Errors: the file is there.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || path.display().to_string();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).with_context(cannot)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(cannot)?;
    sync_folder(path).with_context(cannot)
}

/// What an operator must know about a master key.
pub(crate) fn note(file: &Path) -> String {
    let file = file.display();
    format!(
        "Kho thư được mã hoá bằng khoá chủ {file}. Hãy giữ một bản sao của tệp này ở nơi an toàn, TÁCH \
         KHỎI các bản sao lưu: mất khoá là mất toàn bộ thư.\n\
         The store is encrypted under the master key {file}. Keep a copy of that file in a safe place, \
         APART from the backups: without it all mail is lost."
    )
}

/// What whoever made a key file must know.
pub(crate) fn made(file: &Path) -> String {
    let file = file.display();
    format!(
        "Đã tạo tệp khoá {file}: dùng làm khoá chủ của kho thư ([storage.encryption], key_file) hoặc làm khoá của \
         bản sao lưu (congvu backup --key-file); mỗi việc nên có khoá riêng. Hãy giữ một bản sao ở nơi an toàn, \
         TÁCH KHỎI những gì nó mở: mất khoá thì không ai đọc được nữa.\n\
         The key file {file} was made: for a store's master key ([storage.encryption], key_file), or for the key \
         of sealed backups (congvu backup --key-file); better one for each. Keep a copy in a safe place, APART \
         from what it opens: without it nobody can read that."
    )
}

/// What opens the backups that the config names. Errors say what is wrong with its file.
pub(crate) fn backup_secret(backup: &Backup) -> anyhow::Result<backup::Secret> {
    let there = |file: &Path| !file.as_os_str().is_empty();
    if there(&backup.key_file) {
        return Ok(backup::Secret::Key(backup_key(&backup.key_file)?));
    }
    if there(&backup.passphrase_file) {
        let words = passphrase(&backup.passphrase_file)?;
        return Ok(backup::Secret::Passphrase(words));
    }
    Ok(backup::Secret::None)
}

/// Errors: what the config names does not open the backups in its folder. One that has none yet, or is not there (a
/// disk that is not mounted), is no error.
pub(crate) fn expect_backups_open(config: &Backup) -> anyhow::Result<()> {
    let secret = backup_secret(config)?;
    if config.folder.as_os_str().is_empty() {
        return Ok(());
    }
    match FolderVault::open(&config.folder, &Disk::default()) {
        Ok(vault) => Ok(backup::expect_opens(&vault, &secret)?),
        Err(Failure::Refused(Refusal::NoBackup(_))) => Ok(()),
        Err(failure) => Err(failure.into()),
    }
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|f| f.sync_all())
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    PathBuf::from(name)
}

/// After a change that was cut off, `FILE.new` is the key, or was never used.
fn finish_rotation(dir: &Path, file: &Path) -> anyhow::Result<()> {
    let new = beside(file, NEW);
    if !new.exists() {
        return Ok(());
    }
    let old = read(&Place::File(file.to_owned()));
    if old.is_ok_and(|old| storage::master_fits(dir, &old).unwrap_or(false)) {
        return Ok(());
    }
    let next = read(&Place::File(new.clone()))?;
    if storage::master_fits(dir, &next)? {
        tracing::warn!("a change of the master key was cut off; it is finished now");
        replace(file, &new)?;
    }
    Ok(())
}

/// Puts the new key in the old one's place; the old one stays beside it, for older backups.
fn replace(file: &Path, new: &Path) -> anyhow::Result<PathBuf> {
    let kept = (1u32..)
        .map(|n| beside(file, &format!("old-{n}")))
        .find(|path| !path.exists())
        .context("no name is left for the old key")?;
    let cannot = || Failed::KeyNotReplaced { file: shown(file) };
    if file.exists() {
        std::fs::hard_link(file, &kept).lead(cannot)?;
    }
    std::fs::rename(new, file)
        .and_then(|()| sync_folder(file))
        .lead(cannot)?;
    Ok(kept)
}

/// Seals the keyring under a new master key and puts that in the old one's place. `seal` does the former.
/// Returns where the old key is kept now. Cut off anywhere, the store opens again and it may be repeated.
pub(crate) fn rotate_file(
    file: &Path,
    seal: impl FnOnce(&MasterKey) -> Result<(), storage::Error>,
) -> anyhow::Result<PathBuf> {
    let new = beside(file, NEW);
    if new.exists() {
        // The store opened with the key in `file`, so this one was never used.
        std::fs::remove_file(&new).with_context(|| new.display().to_string())?;
    }
    let master = MasterKey::draw()?;
    write(&new, &master)?;
    seal(&master)?;
    replace(file, &new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn sealed(folder: &Path) -> (Config, PathBuf) {
        let file = folder.join("master.key");
        write(&file, &MasterKey::draw().unwrap()).unwrap();
        let mut config = Config::default();
        config.server.data = folder.join("data");
        config.storage.encryption.enabled = true;
        config.storage.encryption.key_file.clone_from(&file);
        (config, file)
    }

    fn refused(config: &Config) -> String {
        format!("{:#}", source(config).unwrap_err())
    }

    #[test]
    fn a_key_file_is_its_owners_alone_and_holds_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let (config, file) = sealed(folder.path());
        assert!(matches!(source(&config), Ok(KeySource::Master(_))));
        let mode = |mode| {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for wrong in [0o644, 0o640, 0o604, 0o660, 0o620] {
            mode(wrong);
            assert!(refused(&config).contains("chmod 600"), "{wrong:o}");
        }
        mode(0o600);
        assert!(
            write(&file, &MasterKey::draw().unwrap()).is_err(),
            "never over another"
        );
        let told = format!("{:#}", passphrase(&file).unwrap_err());
        assert!(told.contains("use --key-file"), "{told}");
        std::fs::write(&file, "congvu-master-1:12").unwrap();
        assert!(refused(&config).contains("holds no master key"));
        std::fs::remove_file(&file).unwrap();
        assert!(refused(&config).contains("the master key"));
    }

    #[test]
    fn a_wrong_key_and_encryption_turned_off_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (mut config, file) = sealed(folder.path());
        crate::services::open_store(&config)
            .unwrap()
            .close()
            .unwrap();
        assert!(source(&config).is_ok());
        std::fs::remove_file(&file).unwrap();
        write(&file, &MasterKey::draw().unwrap()).unwrap();
        assert!(refused(&config).contains("is not the master key of the store"));
        config.storage.encryption.enabled = false;
        assert!(refused(&config).contains("stays so"));
    }

    #[test]
    fn what_the_config_says_of_backups_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let own = |name: &str, text: &str| {
            let file = folder.path().join(name);
            write_private(&file, text).unwrap();
            file
        };
        let words = own("words", "mười hai con giáp\n");
        let other = own("other", "mười ba con giáp hết\n");
        let key = own("key", &MasterKey::draw().unwrap().text());
        let nothing = PathBuf::new;
        let config = |key_file, passphrase_file| Backup {
            folder: folder.path().join("backups"),
            key_file,
            passphrase_file,
        };
        let check = |config: &Backup, said: Option<&str>| {
            let tried = expect_backups_open(config).map_err(|e| format!("{e:#}"));
            match (tried, said) {
                (Ok(()), None) => {}
                (Err(error), Some(said)) if error.contains(said) => {}
                (tried, said) => panic!("{tried:?}, expected {said:?}"),
            }
        };
        // There is no backup yet; a passphrase is no key all the same.
        check(&config(nothing(), nothing()), None);
        check(&config(key.clone(), nothing()), None);
        check(&config(words.clone(), nothing()), Some("passphrase_file"));
        let mut made = Config::default();
        made.server.data = folder.path().join("data");
        crate::services::open_store(&made).unwrap().close().unwrap();
        let store = store_dir(&made);
        let vault = config(nothing(), nothing()).folder;
        let task = backup::Take {
            store: &store,
            vault: &FolderVault::target(&vault, &store, &Disk::default()).unwrap(),
            secret: &backup_secret(&config(nothing(), words.clone())).unwrap(),
            keys: &KeySource::None,
            now_s: 0,
            reread: false,
            workers: 1,
        };
        backup::take(&task, &mut |_| true).unwrap();
        check(&config(nothing(), words), None);
        check(&config(nothing(), nothing()), Some("is sealed"));
        check(&config(nothing(), other), Some("does not open"));
        check(&config(key, nothing()), Some("does not open"));
    }

    #[test]
    fn a_new_master_key_may_be_cut_off_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let (config, file) = sealed(folder.path());
        let store = crate::services::open_store(&config).unwrap();
        // Before the keyring is sealed anew: the old key stays.
        let cut = rotate_file(&file, |_| Err(storage::Error::NotFound));
        assert!(cut.is_err() && beside(&file, NEW).exists());
        assert!(source(&config).is_ok());
        // After it, before the file is replaced: the new one is taken.
        let master = read(&Place::File(beside(&file, NEW))).unwrap();
        store.rotate_master(&master).unwrap();
        assert!(source(&config).is_ok());
        assert!(!beside(&file, NEW).exists());
        // Whole.
        let kept = rotate_file(&file, |new| store.rotate_master(new)).unwrap();
        assert_eq!(kept, beside(&file, "old-2"));
        assert!(source(&config).is_ok());
        let old = read(&Place::File(kept)).unwrap();
        assert_eq!(old.text(), master.text());
        assert!(!storage::master_fits(&store_dir(&config), &old).unwrap());
    }
}
