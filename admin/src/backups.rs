//! `/api/v1/backups` and `/api/v1/accounts/{id}/backup-restores`: accounts out of a backup into the running
//! server. Which backups there are the config says, never the one who asks.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::page::Page;
use crate::problem::{Kind, Problem, Text, expected, text};
use crate::recovery::{Place, bad_name, lived, one_place, reaches_since};
use crate::router::Room;
use crate::runs::{Work, stage};
use crate::sight::{Sight, acted, kept_account};
use axum::Json;
use axum::extract::State;
use directory::{Access, AccountId, Capability};
use formats::date;
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::backup::{self, Cut, Failure, Refusal, Which};
use storage::{AccountStore, Tell, Told as _, Tongue};
use utoipa::ToSchema;

/// Threads that read a backup: the server's other work goes on beside.
const WORKERS: usize = 2;

/// A backup of the store.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Backup {
    /// Its time, as it is named.
    #[schema(example = "20261121T010000Z")]
    name: String,
    /// RFC 3339, UTC.
    taken_at: String,
    /// False: it is damaged.
    readable: bool,
}

/// What to bring back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FromBackup {
    /// Which backup, by its name. When left out: with `time` the oldest that was taken then or later, else
    /// the newest.
    backup: Option<String>,
    /// The account as at this time, RFC 3339, which may be before the backup; as in the backup when left out.
    #[schema(example = "2026-11-20T08:00:00Z")]
    time: Option<String>,
    /// Path of one mailbox, with those below it; all when left out.
    mailbox: Option<String>,
    /// Puts all into a mailbox of this name. This or `place` must be said.
    folder: Option<String>,
    /// Puts all where it was.
    place: Option<Place>,
}

/// A restore out of a backup. Nothing is removed or changed; only what is missing is added.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackupRestore {
    /// By which to ask for it again.
    id: u64,
    /// False: it goes on; ask again.
    finished: bool,
    /// What it does: `reading` (octets of the backup), `placing` (messages).
    stage: Option<&'static str>,
    done: u64,
    total: u64,
    /// The backup it came from.
    backup: Option<String>,
    /// Messages added.
    messages: u64,
    /// Octets of these.
    octets: u64,
    /// Messages that were there already.
    already: u64,
    /// Messages of these whose content was damaged in the store, and was stored anew.
    healed: u64,
    /// Messages whose content is damaged in the backup: not restored. An older backup may have them.
    damaged: u64,
    /// Mailboxes made.
    mailboxes: u64,
}

/// What a restore did.
#[derive(Debug, Clone)]
pub(crate) struct Brought {
    backup: String,
    restored: backup::Restored,
}

/// Lists the backups, the oldest first.
#[utoipa::path(get, path = "/api/v1/backups", tag = "backups",
    responses((status = 200, body = Page<Backup>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
) -> Result<Json<Page<Backup>>, Problem> {
    let page = room.ask(caller, |room, access| {
        if access.scopes(Capability::RecoverMail).is_empty() {
            return Err(Problem::forbidden());
        }
        let backups = premises(room, access)?;
        let found = backup::list(&backups.vault, &backups.secret)?;
        let shown = found.into_iter().map(|found| Backup {
            name: found.name,
            taken_at: date::utc(found.taken_at),
            readable: found.damage.is_none(),
        });
        Ok(Page::new(shown.collect(), None))
    });
    Ok(Json(page.await?))
}

/// The folder of backups. Where there is none, who could mend the config is told how.
fn premises(room: &Room, access: &Access) -> Result<crate::Backups, Problem> {
    let whole = Sight::new(&room.directory, access, Capability::RecoverMail).whole();
    room.premises.backups().map_err(|said| match whole {
        true => Problem::new(Kind::Impossible, said.into()),
        false => Problem::forbidden(),
    })
}

/// Brings an account, or one of its mailboxes, back out of a backup. A long one answers `finished: false`
/// after some 20 s: `GET` it by its id. Cut off, it may be done again; doing it twice adds nothing twice.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/backup-restores", tag = "recovery",
    params(("id" = u32, Path)), request_body = FromBackup,
    responses((status = 200, body = BackupRestore)))]
pub(crate) async fn from_backup(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Body(ask): Body<FromBackup>,
) -> Result<Json<BackupRestore>, Problem> {
    let id = filter::account_id(&id)?;
    let time = ask.time.as_deref();
    let time = time.map(|at| filter::instant("time", at)).transpose()?;
    one_place(ask.folder.as_ref(), ask.place)?;
    let work = Work {
        of: id.raw(),
        how: format!("{ask:?}"),
    };
    let (wanted, asked) = (work.clone(), ask.clone());
    let by = caller.clone();
    let begun = room.ask(caller, move |room, access| {
        let account = may_recover(room, access, id)?;
        if let Some(time) = time {
            lived("time", time, &account, room.directory.clock().now_s())?;
        }
        if let Some(run) = room.restores.join(&wanted)? {
            return Ok(Err(run));
        }
        // Before anything is in the log: that nothing could come of it is no act.
        let backups = premises(room, access)?;
        let detail = json!({"backup": asked.backup, "time": asked.time, "mailbox": asked.mailbox,
            "folder": asked.folder, "place": asked.place});
        let (right, act) = (Capability::RecoverMail, "mail.restore_backup");
        let detail = detail.to_string();
        let mail = room
            .directory
            .custody(Some(access), id, right, act, &detail);
        Ok(Ok((backups, acted(access, id, mail)?, detail)))
    });
    let (backups, to, detail) = match begun.await? {
        Ok(begun) => begun,
        Err(run) => return told(&room, id, run).await,
    };
    let run = room
        .restores
        .begin(work, move |tell| bring(backups, &to, &ask, time, tell))?;
    // A task of its own: an approval is used up though nobody waits for the answer any more.
    let done = tokio::spawn(async move {
        // What is refused at once, such as a backup that is not there, has not used the approval up.
        let answer = told(&room, id, run).await?;
        let used = room.ask(by, move |room, access| {
            let act = "mail.restore_backup";
            let done = room.directory.custody_done(Some(access), id, act, &detail);
            Ok(acted(access, id, done)?)
        });
        used.await?;
        Ok(answer)
    });
    done.await.unwrap_or_else(|e| Err(Problem::internal(&e)))
}

/// How far a restore out of a backup is, or what it did; waits some 20 s for its end.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/backup-restores/{run}", tag = "recovery",
    params(("id" = u32, Path), ("run" = u64, Path)),
    responses((status = 200, body = BackupRestore)))]
pub(crate) async fn from_backup_run(
    State(room): State<Room>,
    caller: Caller,
    Named((id, run)): Named<(String, u64)>,
) -> Result<Json<BackupRestore>, Problem> {
    let id = filter::account_id(&id)?;
    let may = room.ask(caller, move |room, access| may_recover(room, access, id));
    drop(may.await?);
    told(&room, id, run).await
}

fn may_recover(room: &Room, access: &Access, id: AccountId) -> Result<directory::Account, Problem> {
    let account = kept_account(&room.directory, access, id)?;
    match Sight::new(&room.directory, access, Capability::RecoverMail).kept(&account) {
        true => Ok(account),
        false => Err(Problem::forbidden()),
    }
}

async fn told(room: &Room, of: AccountId, id: u64) -> Result<Json<BackupRestore>, Problem> {
    let told = room.restores.wait(of.raw(), id).await?;
    let brought = told.outcome.transpose()?;
    let restored = brought.as_ref().map(|b| b.restored).unwrap_or_default();
    Ok(Json(BackupRestore {
        id,
        finished: brought.is_some(),
        stage: stage(told.progress),
        done: told.progress.map_or(0, |p| p.done),
        total: told.progress.map_or(0, |p| p.total),
        backup: brought.map(|b| b.backup),
        messages: restored.messages,
        octets: restored.octets,
        already: restored.already,
        healed: restored.healed,
        damaged: restored.damaged,
        mailboxes: restored.mailboxes,
    }))
}

/// The work itself.
fn bring(
    backups: crate::Backups,
    to: &AccountStore,
    ask: &FromBackup,
    time: Option<i64>,
    tell: Tell<'_>,
) -> Result<Brought, Problem> {
    let which = match (&ask.backup, time) {
        (Some(name), _) => Which::Named(name.clone()),
        (None, Some(time)) => Which::Covering(time),
        (None, None) => Which::Newest,
    };
    let cut = Cut {
        vault: &backups.vault,
        secret: &backups.secret,
        which,
        account: to.id(),
        options: backups.options,
        older_keys: backups.older_keys,
        workers: WORKERS,
    };
    let found = backup::Account::open(cut, tell)?;
    let into = match &ask.folder {
        Some(name) => backup::Into::Folder(name.clone()),
        None => backup::Into::Place,
    };
    let mailbox = ask.mailbox.as_deref();
    let restored = match time {
        Some(time) => {
            let mail = found.read();
            let view = mail.as_at(time).map_err(|e| too_old(e, &mail, time))?;
            backup::place(&view, to, &into, mailbox, tell)?
        }
        None => backup::place(&found.read(), to, &into, mailbox, tell)?,
    };
    let backup = found.backup().to_owned();
    Ok(Brought { backup, restored })
}

fn too_old(error: storage::Error, mail: &AccountStore, time: i64) -> Problem {
    if error != storage::Error::NotFound {
        return error.into();
    }
    let told = match reaches_since(mail, time) {
        Some(since) => text(
            format!("lịch sử trong bản sao lưu chỉ có từ {since}; hãy chọn một bản sao lưu cũ hơn"),
            format!("the history in the backup reaches back to {since} only; name an older backup"),
        ),
        None => text(
            "lịch sử trong bản sao lưu không có đến thời điểm đó; hãy chọn một bản sao lưu cũ hơn",
            "the history in the backup does not reach back to that time; name an older backup",
        ),
    };
    Problem::invalid("time", told)
}

/// What one can do about it, without the server's paths.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let refusal = match failure {
            Failure::Storage(error) => return bad_name("folder", error),
            Failure::Refused(refusal) => refusal,
        };
        match refusal {
            Refusal::NoManifest { .. } | Refusal::NoneThatOld { .. } => Self::invalid(
                "backup",
                expected(
                    "tên của một bản sao lưu trong danh sách",
                    "the name of a backup in the list",
                ),
            ),
            Refusal::NoMailbox(_) => Self::invalid(
                "mailbox",
                expected(
                    "một hộp thư mà tài khoản có trong bản sao lưu",
                    "a mailbox that the account has in the backup",
                ),
            ),
            Refusal::NoAccount => Self::new(
                Kind::Impossible,
                text(
                    "Bản sao lưu này không có tài khoản đó; hãy chọn bản khác.",
                    "This backup does not know the account; name another one.",
                ),
            ),
            Refusal::Busy(_) => Self::new(
                Kind::InProgress,
                text(
                    "Một lần sao lưu hoặc dọn dẹp đang chạy; hãy đợi nó xong.",
                    "A backup or a prune is under way; wait until it has ended.",
                ),
            ),
            other => {
                tracing::warn!(refusal = %other, "a backup cannot be read");
                Self::new(Kind::Impossible, unopened(&other))
            }
        }
    }
}

/// Why no backup can be read, and what whoever looks after the server sets right.
fn unopened(refusal: &Refusal) -> Text {
    match refusal {
        Refusal::KeyMissing(_) => text(
            "Các bản sao lưu của máy chủ được niêm phong, mà cấu hình không nêu gì mở được chúng: hãy đặt `key_file` hoặc \
             `passphrase_file` trong [storage.backup] rồi khởi động lại máy chủ.",
            "The server's backups are sealed, and its config names nothing that opens them: set `key_file` or \
             `passphrase_file` under [storage.backup] and start the server again.",
        ),
        Refusal::KeyWrong(_) => text(
            "`key_file` hoặc `passphrase_file` trong [storage.backup] không mở được các bản sao lưu của máy chủ: hãy nêu đúng \
             thứ đã dùng cho bản sao lưu đầu tiên trong thư mục đó, tệp khoá hay mật khẩu, rồi khởi động lại máy chủ.",
            "The `key_file` or `passphrase_file` under [storage.backup] does not open the server's backups: name what the \
             first backup into that folder was made with, a key file or a passphrase, and start the server again.",
        ),
        Refusal::NotSealed(_) => text(
            "Các bản sao lưu của máy chủ không được niêm phong: hãy bỏ `key_file` và `passphrase_file` trong \
             [storage.backup] rồi khởi động lại máy chủ.",
            "The server's backups are not sealed: take `key_file` and `passphrase_file` under [storage.backup] away and \
             start the server again.",
        ),
        Refusal::NoFormat(_) => placed(&Refusal::NoFormat(FOLDER.into())),
        Refusal::TwoFormats(_) => placed(&Refusal::TwoFormats(FOLDER.into())),
        Refusal::NoBackup(_) => placed(&Refusal::NoBackup(FOLDER.into())),
        Refusal::KeyringLost(_) => text(
            "Bản sao lưu này đã mất vòng khoá của kho thư, không có nó thì không ai đọc được gì; hãy chọn một bản cũ hơn.",
            "This backup lost the keyring of the store, and without it nobody can read what is in it; name an older one.",
        ),
        _ => text(
            "Không đọc được các bản sao lưu của máy chủ; nhật ký của máy chủ nêu lý do.",
            "The server's backups cannot be read; its log says why.",
        ),
    }
}

/// In place of the server's path.
const FOLDER: &str = "[storage.backup] folder";

fn placed(refusal: &Refusal) -> Text {
    let said = |tongue| refusal.in_tongue(tongue);
    text(said(Tongue::Vietnamese), said(Tongue::English))
}
