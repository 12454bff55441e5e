//! Those who are named for an account, each by the address: members of a shared account, senders in a name. One list
//! with one version; one is named or taken off at a time.

use crate::caller::Caller;
use crate::filter;
use crate::problem::{Problem, text};
use crate::router::Room;
use crate::sight::{acted, known_account};
use crate::version::{Match, Tagged};
use directory::{Access, AccountId, Directory, Error};
use http::StatusCode;
use serde::Serialize;

/// One kind of list.
pub(crate) trait Roster: Serialize + Send + Sized + 'static {
    /// What the directory keeps.
    type Kept;
    /// What is said of one who is named.
    type Said: Send + 'static;
    /// What one who is named is called where the address is wrong.
    const FIELD: &'static str;

    fn read(directory: &Directory, by: &Access, of: AccountId) -> Result<Self::Kept, Error>;

    /// `None`: takes the one off. Errors: `Conflict` with another version.
    fn write(
        directory: &Directory,
        by: &Access,
        of: AccountId,
        who: AccountId,
        said: Option<Self::Said>,
        version: Option<u64>,
    ) -> Result<Self::Kept, Error>;

    fn version(kept: &Self::Kept) -> u64;

    fn names(kept: &Self::Kept, who: AccountId) -> bool;

    fn shown(directory: &Directory, kept: Self::Kept) -> Self;
}

fn tagged<R: Roster>(directory: &Directory, kept: R::Kept) -> Tagged<R> {
    let version = R::version(&kept);
    Tagged::found(R::shown(directory, kept), version)
}

/// A row for each account that is still there, with its number and address.
pub(crate) fn rows<V, R>(
    directory: &Directory,
    entries: impl IntoIterator<Item = (AccountId, V)>,
    row: impl Fn(u32, String, V) -> R,
) -> Vec<R> {
    let row = |(id, said): (AccountId, V)| {
        let account = directory.account(id).ok()?;
        Some(row(id.raw(), account.address.to_string(), said))
    };
    entries.into_iter().filter_map(row).collect()
}

/// The list of an account.
pub(crate) async fn list<R: Roster>(
    room: Room,
    caller: Caller,
    id: &str,
) -> Result<Tagged<R>, Problem> {
    let id = filter::account_id(id)?;
    let found = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let kept = acted(access, id, R::read(&room.directory, access, id))?;
        Ok(tagged(&room.directory, kept))
    });
    found.await
}

/// Names somebody, or says something else of the one.
pub(crate) async fn set<R: Roster>(
    room: Room,
    caller: Caller,
    (id, address): (&str, &str),
    said: R::Said,
    wanted: Match,
) -> Result<Tagged<R>, Problem> {
    let id = filter::account_id(id)?;
    let address = filter::address(R::FIELD, address)?;
    let done = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        // One that may not be seen is told like one that is not there (I-17).
        let there = room.directory.account_at(&address).ok();
        let seen = there.and_then(|who| known_account(&room.directory, access, who.id).ok());
        let who = seen.ok_or_else(|| {
            let vi = "không có tài khoản này trong phạm vi của bạn";
            Problem::invalid(R::FIELD, text(vi, "no such account in your scope"))
        })?;
        let present = acted(access, id, R::read(&room.directory, access, id))?;
        let version = wanted.expected(R::version(&present))?;
        let kept = R::write(&room.directory, access, id, who.id, Some(said), version);
        Ok(tagged(&room.directory, acted(access, id, kept)?))
    });
    done.await
}

/// Takes somebody off the list.
pub(crate) async fn remove<R: Roster>(
    room: Room,
    caller: Caller,
    (id, address): (&str, &str),
    wanted: Match,
) -> Result<StatusCode, Problem> {
    let id = filter::account_id(id)?;
    let address = filter::address(R::FIELD, address)?;
    let done = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let kept = acted(access, id, R::read(&room.directory, access, id))?;
        let who = room.directory.account_at(&address)?;
        if !R::names(&kept, who.id) {
            return Err(Problem::not_found());
        }
        let version = wanted.expected(R::version(&kept))?;
        let done = R::write(&room.directory, access, id, who.id, None, version);
        Ok(acted(access, id, done).map(drop)?)
    });
    done.await?;
    Ok(StatusCode::NO_CONTENT)
}
