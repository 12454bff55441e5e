//! `/api/v1/accounts`: owners of mailboxes (persons, shared mailboxes, resources) and lists.

mod wire;

use wire::{Account, AccountChange, AccountFilter, AccountKind, NewAccount};

use crate::body::{Asked, Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page, gather};
use crate::problem::{Problem, text};
use crate::router::Room;
use crate::sight::{acted, known_account, known_agency};
use crate::usage::Usage;
use crate::version::{Match, Tagged, merge};
use axum::Json;
use axum::extract::State;
use directory::{Access, AccountId, AgencyId, Directory};
use formats::Address;
use formats::text::fold;
use http::StatusCode;

/// Members of a list that one request may name; the directory's own limit may be lower.
const MEMBERS_MAX: usize = 20_000;

fn tagged(row: directory::Account) -> Tagged<Account> {
    let version = row.version;
    Tagged::found(row.into(), version)
}

/// Addresses of a list. Errors: 422 naming the member.
fn members_of(members: &[String]) -> Result<Vec<Address>, Problem> {
    if members.len() > MEMBERS_MAX {
        return Err(Problem::invalid(
            "members",
            text(
                format!("nhiều nhất {MEMBERS_MAX} thành viên"),
                format!("at most {MEMBERS_MAX} members"),
            ),
        ));
    }
    let one = |(n, member): (usize, &String)| filter::address(&format!("members[{n}]"), member);
    members.iter().enumerate().map(one).collect()
}

/// Joins `kind` and `members` into the directory's one value. Errors: 422.
fn kind_of(
    kind: AccountKind,
    members: Option<Vec<Address>>,
) -> Result<directory::AccountKind, Problem> {
    match (kind, members) {
        (AccountKind::Person, None) => Ok(directory::AccountKind::Person),
        (AccountKind::Shared, None) => Ok(directory::AccountKind::Shared),
        (AccountKind::Resource, None) => Ok(directory::AccountKind::Resource),
        (AccountKind::List, members) => Ok(directory::AccountKind::List {
            members: members.unwrap_or_default(),
        }),
        (_, Some(_)) => Err(Problem::invalid(
            "members",
            text(
                "chỉ danh sách (kind: list) có thành viên",
                "only a list (kind: list) has members",
            ),
        )),
    }
}

/// Lists accounts, the oldest first.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(AccountFilter),
    responses((status = 200, body = Page<Account>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<AccountFilter>,
) -> Result<Json<Page<Account>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| key.parse().ok().and_then(AccountId::new))?;
    let find = filter::find(filter.find.clone())?;
    let domain = filter
        .domain
        .as_deref()
        .map(|d| filter::domain("domain", d))
        .transpose()?;
    let address = filter
        .address
        .as_deref()
        .map(|a| filter::address("address", a))
        .transpose()?;
    let page = room.ask(caller, move |room, access| {
        let fits = |row: &directory::Account| {
            domain
                .as_ref()
                .is_none_or(|domain| row.address.domain == *domain)
                && filter.state.is_none_or(|state| row.state == state.into())
                && filter
                    .kind
                    .is_none_or(|kind| AccountKind::of(&row.kind) == kind)
        };
        let agency = filter.agency.clone().map(AgencyId);
        if filter.deleted == Some(true) {
            return deleted(room, access, &ask, after, address.as_ref(), |row| {
                let words = fold(&format!("{} {}", row.name, row.address));
                let sought = find.as_deref().map(fold).unwrap_or_default();
                fits(row)
                    && agency.as_ref().is_none_or(|agency| row.agency == *agency)
                    && sought.split_whitespace().all(|word| words.contains(word))
            });
        }
        if let Some(address) = &address {
            return Ok(at_address(&room.directory, access, address, |row| {
                fits(row) && agency.as_ref().is_none_or(|agency| row.agency == *agency)
            }));
        }
        // An agency that one may not see holds nothing, like one that is not there (I-17).
        let unseen = |id: &AgencyId| known_agency(&room.directory, access, "agency", id).is_err();
        if agency.as_ref().is_some_and(unseen) {
            return Ok(Page {
                items: Vec::new(),
                cursor: None,
            });
        }
        gather(
            ask.limit,
            after,
            |after: Option<&AccountId>, max| {
                let after = after.copied();
                Ok(room.directory.accounts(
                    Some(access),
                    agency.as_ref(),
                    find.as_deref(),
                    after,
                    max,
                )?)
            },
            |row| row.id,
            |row| fits(&row).then(|| room.directory.as_seen(access, row).into()),
            ToString::to_string,
        )
    });
    Ok(Json(page.await?))
}

/// A page of accounts that were deleted and whose mail is kept. An address may have been several accounts'.
fn deleted(
    room: &Room,
    access: &Access,
    ask: &Ask,
    after: Option<AccountId>,
    address: Option<&Address>,
    fits: impl Fn(&directory::Account) -> bool,
) -> Result<Page<Account>, Problem> {
    let directory = &room.directory;
    let read = |after: Option<&AccountId>, max| {
        let Some(address) = address else {
            return Ok(directory.deleted_accounts(Some(access), after.copied(), max)?);
        };
        let mut had = directory.deleted_at(Some(access), address)?;
        had.retain(|row| after.is_none_or(|after| row.id > *after));
        had.truncate(max);
        Ok(had)
    };
    gather(
        ask.limit,
        after,
        read,
        |row| row.id,
        |row| fits(&row).then(|| room.directory.as_seen(access, row).into()),
        ToString::to_string,
    )
}

/// The page of the one account with this main address or alias; empty when there is none to see.
fn at_address(
    directory: &Directory,
    access: &Access,
    address: &Address,
    fits: impl Fn(&directory::Account) -> bool,
) -> Page<Account> {
    let found = directory.account_at(address).ok();
    let seen = found.and_then(|row| known_account(directory, access, row.id).ok());
    Page {
        items: seen
            .filter(fits)
            .map(|row| directory.as_seen(access, row).into())
            .into_iter()
            .collect(),
        cursor: None,
    }
}

/// Makes an account with its default mailboxes.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = NewAccount,
    responses((status = 201, body = Account)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Body(new): Body<NewAccount>,
) -> Result<Tagged<Account>, Problem> {
    let address = filter::address("address", &new.address)?;
    let members = new.members.as_deref().map(members_of).transpose()?;
    let kind = kind_of(new.kind.unwrap_or(AccountKind::Person), members)?;
    let caller = caller.because(new.reason.as_deref())?;
    let made = room.ask(caller, move |room, access| {
        let agency = AgencyId(new.agency);
        known_agency(&room.directory, access, "agency", &agency)?;
        let new = directory::NewAccount {
            address,
            kind,
            agency,
            name: new.name,
            position: new.position,
            quota: new.quota,
            messages_max: new.messages_max,
        };
        Ok(room.directory.create_account(Some(access), new)?)
    });
    let row = made.await?;
    let (version, place) = (row.version, format!("/api/v1/accounts/{}", row.id));
    Ok(Tagged::created(row.into(), version, place))
}

/// Reads one account.
#[utoipa::path(get, path = "/api/v1/accounts/{id}", tag = "accounts", params(("id" = u32, Path)),
    responses((status = 200, body = Account)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Account>, Problem> {
    let id = filter::account_id(&id)?;
    let found = room.ask(caller, move |room, access| {
        let row = known_account(&room.directory, access, id)?;
        Ok(room.directory.as_seen(access, row))
    });
    Ok(tagged(found.await?))
}

/// What an account holds of its limits; anybody may ask for one's own.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/usage", tag = "accounts",
    params(("id" = u32, Path)), responses((status = 200, body = Usage)))]
pub(crate) async fn usage(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Usage>, Problem> {
    let id = filter::account_id(&id)?;
    let used = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        Ok(room.directory.account_usage(id)?)
    });
    Ok(Json(used.await?.into()))
}

/// A change whose values are read, before the row it changes is known.
struct Change {
    address: Option<Address>,
    members: Option<Vec<Address>>,
    grants: Option<Vec<directory::Grant>>,
    rest: AccountChange,
}

impl Change {
    fn of(mut rest: AccountChange) -> Result<Self, Problem> {
        let address = rest
            .address
            .as_deref()
            .map(|a| filter::address("address", a))
            .transpose()?;
        let members = rest.members.as_deref().map(members_of).transpose()?;
        let grants = rest
            .grants
            .take()
            .map(|grants| grants.into_iter().map(Into::into).collect());
        Ok(Self {
            address,
            members,
            grants,
            rest,
        })
    }

    /// Every agency that the change names must be one that the caller may see.
    fn known(&self, directory: &Directory, access: &Access) -> Result<(), Problem> {
        if let Some(agency) = &self.rest.agency {
            known_agency(directory, access, "agency", &AgencyId(agency.clone()))?;
        }
        for grant in self.grants.iter().flatten() {
            known_agency(directory, access, "grants", &grant.agency)?;
        }
        Ok(())
    }

    /// RFC 7396 §2: the row with what the change names put in.
    fn merged(&self, mut row: directory::Account) -> Result<directory::Account, Problem> {
        if self.rest.kind.is_some() || self.members.is_some() {
            let before = AccountKind::of(&row.kind);
            let kind = self.rest.kind.unwrap_or(before);
            let kept = match row.kind {
                directory::AccountKind::List { members } if kind == AccountKind::List => {
                    Some(members)
                }
                _ => None,
            };
            row.kind = kind_of(kind, self.members.clone().or(kept))?;
        }
        row.address = self.address.clone().unwrap_or(row.address);
        row.state = self.rest.state.map_or(row.state, Into::into);
        row.agency = self.rest.agency.clone().map_or(row.agency, AgencyId);
        row.name = self.rest.name.clone().unwrap_or(row.name);
        row.position = self.rest.position.clone().unwrap_or(row.position);
        row.quota = self.rest.quota.unwrap_or(row.quota);
        row.messages_max = self.rest.messages_max.unwrap_or(row.messages_max);
        row.pop3 = self.rest.pop3.unwrap_or(row.pop3);
        row.grants = self.grants.clone().unwrap_or(row.grants);
        Ok(row)
    }
}

/// Changes an account.
#[utoipa::path(patch, path = "/api/v1/accounts/{id}", tag = "accounts", params(("id" = u32, Path)),
    request_body = AccountChange, responses((status = 200, body = Account)))]
pub(crate) async fn update(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(change): Body<AccountChange>,
) -> Result<Tagged<Account>, Problem> {
    let id = filter::account_id(&id)?;
    let caller = caller.because(change.reason.as_deref())?;
    let change = Change::of(change)?;
    let changed = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        change.known(&room.directory, access)?;
        let changed = merge(
            &wanted,
            || {
                let row = known_account(&room.directory, access, id)?;
                let version = row.version;
                Ok((change.merged(row)?, version))
            },
            |row, version| {
                let changed = room
                    .directory
                    .change_account(Some(access), row, Some(version));
                acted(access, id, changed)
            },
        )?;
        Ok(room.directory.as_seen(access, changed))
    });
    Ok(tagged(changed.await?))
}

/// Retires an account for ever: its address is freed, its mail is kept until it is erased.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}", tag = "accounts", params(("id" = u32, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
) -> Result<StatusCode, Problem> {
    let id = filter::account_id(&id)?;
    let gone = room.ask(caller, move |room, access| {
        let row = known_account(&room.directory, access, id)?;
        let version = wanted.expected(row.version)?;
        let gone = room.directory.delete_account(Some(access), id, version);
        Ok(acted(access, id, gone)?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}
