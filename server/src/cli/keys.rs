//! `congvu store keys`: the keys of an encrypted store, of a stopped server.

use super::held;
use super::store::Which;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::keys::{self, Place};
use crate::services;
use crate::told::Advice;
use directory::{AgencyId, Directory};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use storage::{SYSTEM_DOMAIN, Store};

/// Commands about keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeysCommand {
    /// List the data keys: number, whose, since when / Liệt kê khoá dữ liệu
    List(Which),
    /// New data keys for what is written from now on / Khoá dữ liệu mới
    Rotate {
        /// Only this agency's; otherwise everybody's.
        #[arg(long, value_name = "CODE")]
        agency: Option<String>,
        #[command(flatten)]
        which: Which,
    },
    /// Make a key file: a master key for a store that was plain, or the key of sealed backups / Tạo tệp khoá
    Make {
        /// The file; one that is there is never overwritten.
        file: PathBuf,
    },
    /// A new master key; no mail is rewritten / Khoá chủ mới
    RotateMaster {
        /// A file with the new key (made if it is not there), where systemd gives the present one.
        #[arg(long, value_name = "FILE")]
        new_key: Option<PathBuf>,
        #[command(flatten)]
        which: Which,
    },
}

/// What must follow new data keys: the keyring of an earlier backup has them not.
pub(super) const BACKUP_NOW: &str = "Hãy sao lưu ngay bằng `congvu backup`: tệp keyring trong các bản sao lưu trước không có \
     khoá mới. / Make a backup now with `congvu backup`: the keyring in earlier backups does not have the new keys.";

/// Runs one of them.
pub(crate) fn run(command: &KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::List(which) => list(&which.config()?),
        KeysCommand::Rotate { agency, which } => rotate(&which.config()?, agency.as_deref()),
        KeysCommand::Make { file } => {
            keys::write(file, &storage::MasterKey::draw()?)?;
            println!("{}", keys::made(file));
            Ok(())
        }
        KeysCommand::RotateMaster { new_key, which } => {
            rotate_master(&which.config()?, new_key.as_ref())
        }
    }
}

fn open(config: &Config) -> anyhow::Result<Store> {
    let dir = keys::store_dir(config);
    anyhow::ensure!(
        storage::is_sealed(&dir) || storage::holds_store(&dir)?,
        "trong {0} không có kho thư / {0} holds no store",
        dir.display()
    );
    anyhow::ensure!(
        storage::is_sealed(&dir) || storage::says_sealed(&dir)?,
        "kho thư trong {0} không được mã hoá / the store in {0} is not encrypted",
        dir.display()
    );
    let opened = services::open_store(config);
    opened.map_err(|e| held::told(e, config, Advice::AskForKeys))
}

fn list(config: &Config) -> anyhow::Result<()> {
    let store = open(config)?;
    let names = names(config, &store)?;
    for key in store.data_keys() {
        let whose = names.get(&key.domain);
        let state = if key.newest { "in use" } else { "for reading" };
        println!(
            "{}\t{}\t{}\t{state}",
            key.id,
            whose.map_or("?", String::as_str),
            key.created_at
        );
    }
    Ok(store.close()?)
}

/// Whose domain a number is.
fn names(config: &Config, store: &Store) -> anyhow::Result<HashMap<u64, String>> {
    let settings = services::directory_settings(config)?;
    let directory = Directory::open(store.clone(), Arc::new(SystemClock), settings)?;
    let owners = directory.key_owners().into_iter();
    let mut names: HashMap<u64, String> = owners.map(|(n, id)| (n, id.0)).collect();
    names.insert(SYSTEM_DOMAIN, "(system)".to_owned());
    Ok(names)
}

fn rotate(config: &Config, agency: Option<&str>) -> anyhow::Result<()> {
    let store = open(config)?;
    let domain = agency.map(|code| directory::seal_domain(&AgencyId(code.to_owned())));
    let made = match store.rotate_keys(domain) {
        Err(storage::Error::NotFound) => anyhow::bail!(
            "cơ quan {0} không có khoá riêng / agency {0} has no key of its own",
            agency.unwrap_or_default()
        ),
        made => made?,
    };
    store.close()?;
    println!("{made} khoá dữ liệu mới / {made} new data keys\n{BACKUP_NOW}");
    Ok(())
}

fn rotate_master(config: &Config, new_key: Option<&PathBuf>) -> anyhow::Result<()> {
    let store = open(config)?;
    let place = keys::place(config)?;
    match (place, new_key) {
        (Place::File(file), None) => {
            let kept = keys::rotate_file(&file, |new| store.rotate_master(new))?;
            store.close()?;
            println!(
                "Khoá chủ mới / new master key: {}\nKhoá cũ, cần cho các bản sao lưu trước đây / \
                 the old key, needed for earlier backups: {}",
                file.display(),
                kept.display()
            );
        }
        (Place::File(file), Some(_)) => anyhow::bail!(
            "khoá chủ nằm trong {0}, tệp này sẽ tự được thay: hãy bỏ --new-key / the master key is in {0}, which is replaced \
             by itself: leave --new-key out",
            file.display()
        ),
        (Place::Credential(_), None) => {
            anyhow::bail!(
                "khoá chủ do systemd giao: hãy nêu tệp cho khoá mới bằng --new-key / systemd gives the master key: name a \
                 file for the new one by --new-key"
            )
        }
        (Place::Credential(_), Some(file)) => {
            if !file.exists() {
                keys::write(file, &storage::MasterKey::draw()?)?;
            }
            store.rotate_master(&keys::read(&Place::File(file.clone()))?)?;
            store.close()?;
            println!(
                "Hãy đưa khoá này cho systemd trước khi chạy lại / give this key to systemd before \
                 the next start: {}",
                file.display()
            );
        }
    }
    Ok(())
}
