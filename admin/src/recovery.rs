//! What was removed from an account: to list it, to put it back, and to restore the account as at a time.

use crate::body::{Asked, Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page};
use crate::problem::{Problem, expected, text};
use crate::router::Room;
use crate::sight::{acted, kept_account};
use axum::Json;
use axum::extract::State;
use directory::{Access, AccountId, Capability};
use formats::date;
use formats::message::word::decode_words;
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::{AccountStore, EmailId, Later, Mailbox, MailboxId, ModSeq, RemovedQuery, Target};
use utoipa::{IntoParams, ToSchema};

/// Messages that one request puts back.
const BACK_MAX: usize = 1_000;
/// Seconds after which a restore answers; asked again, it goes on.
const SLICE_S: i64 = 20;
/// Levels of a mailbox's path.
const DEPTH_MAX: usize = 32;
/// The act that ends a restore which did not come to its end.
const GIVE_UP: &str = "mail.restore.give_up";

/// A message that was removed and can be put back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovedMessage {
    id: u64,
    /// RFC 3339, UTC.
    removed_at: String,
    received_at: String,
    /// Octets.
    size: u64,
    from: Vec<String>,
    subject: Option<String>,
    /// Paths of the mailboxes it was in.
    #[schema(example = json!(["INBOX"]))]
    mailboxes: Vec<String>,
    /// The message that was made of it again and is there.
    back: Option<u64>,
}

/// Which removed messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemovedFilter {
    /// Path of a mailbox that is there, levels separated by `/`.
    mailbox: Option<String>,
    /// Removed at this time or later, RFC 3339.
    from: Option<String>,
    /// Removed before this time, RFC 3339.
    to: Option<String>,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

/// Removed messages to put back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutBack {
    /// Ids from the list; at most 1,000.
    messages: Vec<u64>,
    /// Path of the mailbox to put them into; where they were, when left out.
    mailbox: Option<String>,
}

/// What became of one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackMessage {
    id: u64,
    /// The message that is there now; null: it could not be put back.
    message: Option<u64>,
    /// It had been put back before.
    already: bool,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackMessages {
    items: Vec<BackMessage>,
}

/// A restore as at a time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreAt {
    /// RFC 3339.
    #[schema(example = "2026-11-20T08:00:00Z")]
    at: String,
    /// Path that the mailbox had then; the whole account when left out.
    mailbox: Option<String>,
    /// Copies into a new mailbox of this name; nothing else is touched. This or `place` must be said.
    folder: Option<String>,
    /// Makes the account, or the mailbox, what it was.
    place: Option<Place>,
    /// Into place only: what came later is moved into a new mailbox of this name; it stays when left out.
    aside: Option<String>,
}

/// Where mail that comes back goes when it goes into no folder of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    /// Where it was.
    InPlace,
}

/// Into a folder or into place: one of the two, said, since they do very different things. Errors: 422.
pub(crate) fn one_place(folder: Option<&String>, place: Option<Place>) -> Result<(), Problem> {
    if folder.is_some() != place.is_some() {
        return Ok(());
    }
    Err(Problem::invalid(
        "place",
        text(
            "hoặc `folder` (một hộp thư mới cho các bản sao), hoặc `place`: \"in-place\" (về đúng chỗ cũ)",
            "either `folder` (a new mailbox for copies) or `place`: \"in-place\" (where it was)",
        ),
    ))
}

/// A time that has been, and at which the account was there. Errors: 422 naming the field.
pub(crate) fn lived(
    field: &'static str,
    time: i64,
    account: &directory::Account,
    now: i64,
) -> Result<(), Problem> {
    if time > now {
        return Err(Problem::invalid(
            field,
            expected("một thời điểm đã qua", "a time that has been"),
        ));
    }
    if time < account.created_at {
        let made = date::utc(account.created_at);
        return Err(Problem::invalid(
            field,
            text(
                format!("tài khoản được lập lúc {made}; hãy chọn một thời điểm sau đó"),
                format!("the account was made at {made}; name a time after that"),
            ),
        ));
    }
    Ok(())
}

/// Since when the account's history tells what was, RFC 3339, where that is later than `time`.
pub(crate) fn reaches_since(mail: &AccountStore, time: i64) -> Option<String> {
    let since = mail.history_since().ok().flatten();
    since.filter(|since| *since > time).map(date::utc)
}

/// The history does not reach back to this time; a backup may.
fn before_history(mail: &AccountStore, time: i64) -> Problem {
    let at = date::utc(time);
    let told = match reaches_since(mail, time) {
        Some(since) => text(
            format!(
                "lịch sử của tài khoản chỉ còn từ {since}; muốn đưa về {at}, hãy dùng bản sao lưu: `congvu admin recovery \
                 from-backup … --time {at}`"
            ),
            format!(
                "the account's history reaches back to {since} only; for {at} use a backup: `congvu admin recovery \
                 from-backup … --time {at}`"
            ),
        ),
        None => text(
            format!(
                "lịch sử của tài khoản không còn đến thời điểm đó; hãy dùng bản sao lưu: `congvu admin recovery from-backup … \
                 --time {at}`"
            ),
            format!(
                "the account's history does not reach back to that time; use a backup: `congvu admin recovery from-backup \
                 … --time {at}`"
            ),
        ),
    };
    Problem::invalid("at", told)
}

/// A mailbox's name that cannot be one. Errors of storage otherwise.
pub(crate) fn bad_name(field: &'static str, error: storage::Error) -> Problem {
    match error {
        storage::Error::Invalid(_) | storage::Error::TooLarge("mailbox name") => Problem::invalid(
            field,
            expected(
                "tên của một hộp thư mới: không trống, không có dấu `/`, không quá dài",
                "the name of a new mailbox: not empty, without `/`, not too long",
            ),
        ),
        error => error.into(),
    }
}

/// A mailbox of the name that was to be made is there: what a restore done twice meets.
fn mailbox_exists(field: &'static str, name: &str) -> Problem {
    Problem::exists(
        field,
        text(
            format!(
                "tài khoản đã có hộp thư “{name}” (có thể do lần phục hồi trước): hãy chọn tên khác, hoặc đổi tên hay xoá \
                 hộp thư đó trước"
            ),
            format!(
                "the account has a mailbox “{name}” already (an earlier restore may have made it): choose another \
                 name, or rename or remove that one first"
            ),
        ),
    )
}

/// What a restore has done since it was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RestoreDone {
    /// False: the same request again goes on.
    finished: bool,
    /// Messages made again or copied.
    made: u64,
    /// Messages whose keywords or mailboxes changed.
    changed: u64,
    /// Messages moved aside.
    aside: u64,
    /// What somebody removed meanwhile.
    missed: u64,
    /// Messages looked at, and all there are to look at.
    looked: u64,
    of: u64,
}

/// Names from the root down, joined by `/`.
pub(crate) fn path_of(id: MailboxId, all: &[Mailbox]) -> String {
    let find = |id| all.iter().find(|m| m.id == id);
    let up = |m: &&Mailbox| m.parent.and_then(find);
    let mut names: Vec<&str> = std::iter::successors(find(id), up)
        .take(DEPTH_MAX)
        .map(|m| m.name.as_str())
        .collect();
    names.reverse();
    names.join("/")
}

fn at_path(path: &str, all: &[Mailbox]) -> Result<MailboxId, Problem> {
    let found = all.iter().find(|m| path_of(m.id, all) == path);
    found.map(|m| m.id).ok_or_else(|| {
        Problem::invalid(
            "mailbox",
            text(
                "không có hộp thư này trong tài khoản",
                "no such mailbox in the account",
            ),
        )
    })
}

impl From<storage::Removed> for RemovedMessage {
    fn from(row: storage::Removed) -> Self {
        let head = &row.summary.head;
        Self {
            id: row.email.raw(),
            removed_at: date::utc(row.removed_at),
            received_at: date::utc(row.received_at),
            size: row.size,
            from: head.from.iter().filter_map(|p| p.email()).collect(),
            subject: head.subject.as_deref().map(decode_words),
            mailboxes: row.places.iter().map(|p| p.path.join("/")).collect(),
            back: row.back.map(EmailId::raw),
        }
    }
}

/// The mail of the account, for one act that is in the audit log when this returns.
fn mail(
    room: &Room,
    access: &Access,
    id: AccountId,
    act: &'static str,
    detail: &serde_json::Value,
) -> Result<AccountStore, Problem> {
    kept_account(&room.directory, access, id)?;
    let (right, detail) = (Capability::RecoverMail, detail.to_string());
    let mail = room
        .directory
        .custody(Some(access), id, right, act, &detail);
    Ok(acted(access, id, mail)?)
}

/// The act came to its end: what it took of a second person is used up.
fn done(
    room: &Room,
    access: &Access,
    id: AccountId,
    act: &'static str,
    detail: &serde_json::Value,
) -> Result<(), Problem> {
    let detail = detail.to_string();
    let done = room.directory.custody_done(Some(access), id, act, &detail);
    Ok(acted(access, id, done)?)
}

/// Lists what was removed from an account, the newest first.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/removed", tag = "recovery",
    params(("id" = u32, Path), RemovedFilter), responses((status = 200, body = Page<RemovedMessage>)))]
pub(crate) async fn removed(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Asked(filter): Asked<RemovedFilter>,
) -> Result<Json<Page<RemovedMessage>>, Problem> {
    let id = filter::account_id(&id)?;
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| {
        let (commit, email) = key.split_once('-')?;
        let commit = ModSeq::new(commit.parse().ok()?)?;
        Some((commit, EmailId::new(email.parse().ok()?)?))
    })?;
    let time = |field, at: &Option<String>| {
        let at = at.as_deref();
        at.map(|at| filter::instant(field, at)).transpose()
    };
    let (from, to) = (time("from", &filter.from)?, time("to", &filter.to)?);
    let page = room.ask(caller, move |room, access| {
        let detail = json!({"mailbox": filter.mailbox, "from": filter.from, "to": filter.to});
        let mail = mail(room, access, id, "mail.removed", &detail)?;
        let path = filter.mailbox.as_deref();
        let mailbox = path
            .map(|path| at_path(path, &mail.mailboxes()?))
            .transpose()?;
        let found = mail.removed(&RemovedQuery {
            mailbox,
            from,
            to,
            after,
            max: ask.limit,
        })?;
        let last = found.list.last().filter(|_| found.more);
        let last = last.map(|row| format!("{}-{}", row.modseq, row.email));
        let items = found.list.into_iter().map(Into::into).collect();
        Ok(Page::new(items, last))
    });
    Ok(Json(page.await?))
}

/// Puts removed messages back, with their keywords and dates.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/removed/restore", tag = "recovery",
    params(("id" = u32, Path)), request_body = PutBack, responses((status = 200, body = BackMessages)))]
pub(crate) async fn put_back(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Body(ask): Body<PutBack>,
) -> Result<Json<BackMessages>, Problem> {
    let id = filter::account_id(&id)?;
    if ask.messages.len() > BACK_MAX {
        return Err(Problem::invalid(
            "messages",
            text(
                format!("nhiều nhất {BACK_MAX} thư"),
                format!("at most {BACK_MAX} messages"),
            ),
        ));
    }
    let done = room.ask(caller, move |room, access| {
        let detail = json!({"messages": ask.messages, "mailbox": ask.mailbox});
        let mail = mail(room, access, id, "mail.undelete", &detail)?;
        let path = ask.mailbox.as_deref();
        let into = path
            .map(|path| at_path(path, &mail.mailboxes()?))
            .transpose()?;
        let emails: Vec<EmailId> = ask
            .messages
            .iter()
            .copied()
            .filter_map(EmailId::new)
            .collect();
        let back = mail.undelete(&emails, into)?;
        done(room, access, id, "mail.undelete", &detail)?;
        let items = back.into_iter().map(|(email, placed)| BackMessage {
            id: email.raw(),
            already: placed.as_ref().is_ok_and(|p| p.already),
            message: placed.ok().map(|p| p.email.raw()),
        });
        Ok(BackMessages {
            items: items.collect(),
        })
    });
    Ok(Json(done.await?))
}

/// Restores an account or one of its mailboxes as at a time. A long one answers `finished: false` after
/// some 20 s: the same request again goes on.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/restore", tag = "recovery",
    params(("id" = u32, Path)), request_body = RestoreAt, responses((status = 200, body = RestoreDone)))]
pub(crate) async fn restore(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Body(ask): Body<RestoreAt>,
) -> Result<Json<RestoreDone>, Problem> {
    let id = filter::account_id(&id)?;
    let time = filter::instant("at", &ask.at)?;
    one_place(ask.folder.as_ref(), ask.place)?;
    if ask.folder.is_some() && ask.aside.is_some() {
        return Err(Problem::invalid(
            "aside",
            text(
                "chỉ dùng khi `place` là \"in-place\"",
                "only with `place`: \"in-place\"",
            ),
        ));
    }
    let done = room.ask(caller, move |room, access| {
        // Before anything is in the log: that nothing can come of it is no act.
        let account = kept_account(&room.directory, access, id)?;
        lived("at", time, &account, room.directory.clock().now_s())?;
        let detail = json!({"at": ask.at, "mailbox": ask.mailbox, "folder": ask.folder,
            "place": ask.place, "aside": ask.aside});
        let mail = mail(room, access, id, "mail.restore", &detail)?;
        let named = if ask.folder.is_some() {
            "folder"
        } else {
            "aside"
        };
        let taken = ask.folder.clone().or_else(|| ask.aside.clone());
        let to = match (ask.folder, ask.aside) {
            (Some(folder), _) => Target::Folder(folder),
            (None, Some(aside)) => Target::Place(Later::Aside(aside)),
            (None, None) => Target::Place(Later::Keep),
        };
        let too_old = |error| match error {
            storage::Error::NotFound => before_history(&mail, time),
            error => bad_name(named, error),
        };
        let path = ask.mailbox.as_deref();
        let then = || mail.as_at(time).map(|view| view.mailboxes());
        let mailbox = match path {
            Some(path) => Some(at_path(path, &then().map_err(too_old)?)?),
            None => None,
        };
        let restore = storage::RestoreAt { time, mailbox, to };
        let clock = room.directory.clock().clone();
        let until = clock.now_s().saturating_add(SLICE_S);
        let (mut looked, mut of) = (0, 0);
        let put = mail.restore(&restore, &mut |done, all| {
            (looked, of) = (done, all);
            clock.now_s() < until
        });
        let put = put.map_err(|error| match (error, taken) {
            (storage::Error::Exists, Some(name)) => mailbox_exists(named, &name),
            (error, _) => too_old(error),
        })?;
        if put.finished {
            done(room, access, id, "mail.restore", &detail)?;
        }
        Ok(RestoreDone {
            finished: put.finished,
            made: put.made,
            changed: put.changed,
            aside: put.aside,
            missed: put.missed,
            looked,
            of,
        })
    });
    Ok(Json(done.await?))
}

/// On trial the act ends before the mail is looked at, so what it would meet there is looked for first: as somebody who is
/// refused for no other reason. Errors: those of the act; 404.
fn none_to_give_up(room: &Room, access: &Access, id: AccountId) -> Result<(), Problem> {
    kept_account(&room.directory, access, id)?;
    let aside = access.clone().on_trial(&directory::Trial::default());
    let right = Capability::RecoverMail;
    let looked = room
        .directory
        .custody(Some(&aside), id, right, GIVE_UP, "{}");
    match acted(access, id, looked) {
        Ok(_) | Err(directory::Error::Tried) => {}
        Err(error) => return Err(error.into()),
    }
    let begun = room.directory.is_restoring(Some(access), id);
    match acted(access, id, begun)? {
        true => Ok(()),
        false => Err(Problem::not_found()),
    }
}

/// Gives up a restore that did not end; what it did stays.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/restore", tag = "recovery",
    params(("id" = u32, Path)), responses((status = 204)))]
pub(crate) async fn give_up(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<http::StatusCode, Problem> {
    let id = filter::account_id(&id)?;
    let done = room.ask(caller, move |room, access| {
        if access.is_on_trial() {
            none_to_give_up(room, access, id)?;
        }
        let mail = mail(room, access, id, GIVE_UP, &json!({}))?;
        Ok(mail.give_up_restore()?)
    });
    done.await?;
    Ok(http::StatusCode::NO_CONTENT)
}
