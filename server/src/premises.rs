//! What this server lets its API do with keys and backups, by its config. See `admin::Premises`.

use crate::config::{Backup, Config};
use crate::keys::{self, Place};
use crate::outward::Names;
use crate::services;
use crate::told;
use admin::{Backups, Said};
use delivery::LookupError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use storage::backup::{Failure, FolderVault, Refusal};
use storage::{Disk, Options, Store};

/// Folder within the data folder for what a restore needs for a while. Not that of the command line,
/// which may rehearse a restore beside the server.
const SCRATCH: &str = "restore-online";
/// What a question to DNS may take while somebody waits for the answer.
const DNS_LIMIT: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct House {
    config: Arc<Config>,
    /// One change of the master key at a time: it goes over several files.
    changing: Mutex<()>,
}

impl House {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let changing = Mutex::default();
        Self { config, changing }
    }

    fn scratch(&self) -> anyhow::Result<Options> {
        let dir = self.config.server.data.join(SCRATCH);
        // What a restore left that was cut off with its server; one works at a time.
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        Ok(Options {
            dir,
            ..services::store_options(&self.config)?
        })
    }
}

fn said(vi: impl Into<String>, en: impl Into<String>) -> Said {
    let (vi, en) = (vi.into(), en.into());
    Said { vi, en }
}

/// What the log tells in full.
fn failed(vi: &str, error: &anyhow::Error) -> Said {
    tracing::warn!(error = format!("{error:#}"), "the API was refused");
    let (vietnamese, english) = told::in_both(error);
    said(format!("{vi}: {vietnamese}"), english)
}

impl admin::Premises for House {
    fn rotate_master(&self, store: &Store) -> Result<String, Said> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let place = keys::place(&self.config);
        match place.map_err(|e| failed("không rõ khoá chủ ở đâu", &e))? {
            Place::File(file) => {
                let kept = keys::rotate_file(&file, |new| store.rotate_master(new));
                let kept = kept.map_err(|e| failed("chưa đổi được khoá chủ", &e))?;
                tracing::info!(kept = %kept.display(), "the master key was changed");
                Ok(kept.display().to_string())
            }
            Place::Credential(_) => Err(said(
                "Khoá chủ do systemd giữ: hãy dừng máy chủ, chạy `congvu store keys rotate-master \
                 --new-key TỆP`, rồi giao tệp đó cho systemd.",
                "systemd gives the master key: stop the server, run `congvu store keys rotate-master \
                 --new-key FILE`, and give that file to systemd.",
            )),
        }
    }

    fn backups(&self) -> Result<Backups, Said> {
        let Backup { folder, .. } = &self.config.storage.backup;
        if folder.as_os_str().is_empty() {
            return Err(said(
                "Cấu hình chưa nêu thư mục sao lưu: hãy đặt `folder` trong [storage.backup].",
                "The config names no folder with backups: set `folder` under [storage.backup].",
            ));
        }
        let vault =
            FolderVault::open(folder, &Disk::default()).map_err(|failure| match failure {
                Failure::Refused(Refusal::NoBackup(_)) => said(
                    "Thư mục sao lưu trong cấu hình không có bản sao lưu nào.",
                    "The folder that the config names holds no backup.",
                ),
                other => failed("không mở được thư mục sao lưu", &other.into()),
            })?;
        let cannot = |e| failed("không mở được các bản sao lưu", &e);
        Ok(Backups {
            vault,
            secret: keys::backup_secret(&self.config.storage.backup).map_err(cannot)?,
            options: self.scratch().map_err(cannot)?,
            older_keys: keys::older(&self.config),
        })
    }

    fn text_records(&self, name: &str) -> Result<Vec<String>, Said> {
        let cannot = |why: &str| {
            said(
                format!("không hỏi được DNS về {name} ({why}); có thể dùng `force`"),
                format!("DNS cannot be asked for {name} ({why}); `force` goes on without it"),
            )
        };
        // The API's acts run on the blocking threads of a runtime.
        let runtime = tokio::runtime::Handle::try_current();
        let runtime = runtime.map_err(|error| cannot(&error.to_string()))?;
        let names = Names::plain(&self.config.relay.name_servers);
        let asked = async { tokio::time::timeout(DNS_LIMIT, names.text(name)).await };
        match runtime.block_on(asked) {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(LookupError::NoName)) => Ok(Vec::new()),
            Ok(Err(LookupError::Failed(why))) => Err(cannot(&why)),
            Err(_) => Err(cannot("no answer in time")),
        }
    }
}
