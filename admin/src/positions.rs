//! `/api/v1/positions`: seats of agencies, who held them when, and their mailboxes.

mod wire;

pub(crate) use wire::PositionKind;
use wire::{Handover, NewPosition, Position, PositionChange, PositionFilter};

use crate::body::{Asked, Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page, gather};
use crate::problem::{Problem, text};
use crate::router::Room;
use crate::sight::{known_account, known_agency};
use crate::version::{Match, Tagged, merge};
use axum::Json;
use axum::extract::State;
use directory::{Access, AccountId, AgencyId, Directory, Earlier, PositionId, Rights};
use formats::text::fold;
use http::StatusCode;

fn tagged(row: directory::Position) -> Tagged<Position> {
    let version = row.version;
    Tagged::found(row.into(), version)
}

/// The position of a path. Errors: 404.
fn number(raw: &str) -> Result<PositionId, Problem> {
    let number = raw.parse().ok().filter(|number| *number > 0);
    number.map(PositionId).ok_or_else(Problem::not_found)
}

/// An account named in a body must be one that the caller may see. Errors: 422 naming the field.
fn seen(
    directory: &Directory,
    access: &Access,
    field: &str,
    raw: u32,
) -> Result<AccountId, Problem> {
    let found = AccountId::new(raw).and_then(|id| known_account(directory, access, id).ok());
    let found = found.map(|account| account.id);
    found.ok_or_else(|| {
        let vi = "không có tài khoản này trong phạm vi của bạn";
        Problem::invalid(field, text(vi, "no such account in your scope"))
    })
}

/// Lists positions in the order of their numbers.
#[utoipa::path(get, path = "/api/v1/positions", tag = "positions", params(PositionFilter),
    responses((status = 200, body = Page<Position>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<PositionFilter>,
) -> Result<Json<Page<Position>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| key.parse().ok().map(PositionId))?;
    let words = filter::find(filter.find)?
        .map(|find| fold(&find))
        .unwrap_or_default();
    let (agency, holder, mailbox) = (filter.agency, filter.holder, filter.mailbox);
    let kind: Option<directory::PositionKind> = filter.kind.map(Into::into);
    let vacant = filter.vacant;
    let fits = move |row: &directory::Position| {
        let holds = row.holder().map(|holding| holding.account.raw());
        let named = row.title_en.as_deref().unwrap_or_default();
        let holder_name = row.holder().map_or("", |holding| &holding.name);
        let text = fold(&format!("{} {named} {holder_name}", row.title));
        kind.is_none_or(|kind| row.kind == kind)
            && holder.is_none_or(|id| holds == Some(id))
            && mailbox.is_none_or(|id| row.mailbox.is_some_and(|m| m.raw() == id))
            && vacant.is_none_or(|vacant| holds.is_none() == vacant)
            && words.split_whitespace().all(|word| text.contains(word))
    };
    let page = room.ask(caller, move |room, access| {
        let agency = agency.map(AgencyId);
        // An agency that one may not see holds nothing, like one that is not there (I-17).
        let unseen = |id: &AgencyId| known_agency(&room.directory, access, "agency", id).is_err();
        if agency.as_ref().is_some_and(unseen) {
            return Ok(Page::new(Vec::new(), None));
        }
        let read = |after: Option<&PositionId>, max| {
            let after = after.copied();
            Ok(room
                .directory
                .positions(Some(access), agency.as_ref(), after, max)?)
        };
        gather(
            ask.limit,
            after,
            read,
            |row| row.id,
            |row| fits(&row).then(|| row.into()),
            ToString::to_string,
        )
    });
    Ok(Json(page.await?))
}

/// Makes a position; nobody holds it yet.
#[utoipa::path(post, path = "/api/v1/positions", tag = "positions", request_body = NewPosition,
    responses((status = 201, body = Position)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Body(new): Body<NewPosition>,
) -> Result<Tagged<Position>, Problem> {
    let until = filter::day_if_any("until", new.until.as_deref())?;
    let made = room.ask(caller, move |room, access| {
        let agency = AgencyId(new.agency);
        known_agency(&room.directory, access, "agency", &agency)?;
        let mailbox = new.mailbox;
        let mailbox = mailbox.map(|raw| seen(&room.directory, access, "mailbox", raw));
        let new = directory::NewPosition {
            agency,
            kind: new.kind.unwrap_or_default().into(),
            title: new.title,
            title_en: new.title_en,
            order: new.order.unwrap_or_default(),
            mailbox: mailbox.transpose()?,
            until,
        };
        Ok(room.directory.create_position(Some(access), new)?)
    });
    let row = made.await?;
    let (version, place) = (row.version, format!("/api/v1/positions/{}", row.id));
    Ok(Tagged::created(row.into(), version, place))
}

/// Reads one position with its history.
#[utoipa::path(get, path = "/api/v1/positions/{id}", tag = "positions", params(("id" = u32, Path)),
    responses((status = 200, body = Position)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Position>, Problem> {
    let id = number(&id)?;
    let found = room.ask(caller, move |room, access| {
        Ok(room.directory.position(Some(access), id)?)
    });
    Ok(tagged(found.await?))
}

/// Changes what a position is; while nobody holds it, also its mailbox.
#[utoipa::path(patch, path = "/api/v1/positions/{id}", tag = "positions", params(("id" = u32, Path)),
    request_body = PositionChange, responses((status = 200, body = Position)))]
pub(crate) async fn update(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(change): Body<PositionChange>,
) -> Result<Tagged<Position>, Problem> {
    let id = number(&id)?;
    let until = change.until.as_ref();
    let until = until.map(|day| filter::day_if_any("until", day.as_deref()));
    let until = until.transpose()?;
    let changed = room.ask(caller, move |room, access| {
        let directory = &room.directory;
        directory.position(Some(access), id)?;
        let agency = change.agency.clone().map(AgencyId);
        if let Some(agency) = &agency {
            known_agency(directory, access, "agency", agency)?;
        }
        let mailbox = match change.mailbox {
            Some(Some(raw)) => Some(Some(seen(directory, access, "mailbox", raw)?)),
            Some(None) => Some(None),
            None => None,
        };
        merge(
            &wanted,
            || {
                let row = directory.position(Some(access), id)?;
                let version = row.version;
                Ok((row, version))
            },
            |mut row, version| {
                row.agency = agency.clone().unwrap_or(row.agency);
                row.kind = change.kind.map_or(row.kind, Into::into);
                row.title = change.title.clone().unwrap_or(row.title);
                row.title_en = change.title_en.clone().unwrap_or(row.title_en);
                row.order = change.order.unwrap_or(row.order);
                row.mailbox = mailbox.unwrap_or(row.mailbox);
                row.until = until.unwrap_or(row.until);
                directory.change_position(Some(access), row, Some(version))
            },
        )
    });
    Ok(tagged(changed.await?))
}

/// Removes a position that nobody has held.
#[utoipa::path(delete, path = "/api/v1/positions/{id}", tag = "positions", params(("id" = u32, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
) -> Result<StatusCode, Problem> {
    let id = number(&id)?;
    let gone = room.ask(caller, move |room, access| {
        let row = room.directory.position(Some(access), id)?;
        let version = wanted.expected(row.version)?;
        Ok(room.directory.delete_position(Some(access), id, version)?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hands a position over to another person, or to nobody, in one act: the rights of the one over its mailbox end, those
/// of the other begin; passwords and sessions of the mailbox itself end, and so does its forwarding.
#[utoipa::path(post, path = "/api/v1/positions/{id}/handover", tag = "positions", params(("id" = u32, Path)),
    request_body = Handover, responses((status = 200, body = Position)))]
pub(crate) async fn hand_over(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(asked): Body<Handover>,
) -> Result<Tagged<Position>, Problem> {
    let id = number(&id)?;
    let on = filter::day_if_any("on", asked.on.as_deref())?;
    let rights = asked.rights.as_deref().map(rights_of).transpose()?;
    let done = room.ask(caller, move |room, access| {
        let row = room.directory.position(Some(access), id)?;
        let version = wanted.expected(row.version)?;
        let to = asked.to.map(|raw| seen(&room.directory, access, "to", raw));
        let what = directory::Handover {
            to: to.transpose()?,
            acting: asked.acting,
            on,
            rights,
            earlier: asked.earlier.map_or(Earlier::Readable, Into::into),
            reason: asked.reason,
        };
        Ok(room.directory.hand_over(Some(access), id, what, version)?)
    });
    Ok(tagged(done.await?))
}

/// Letters of rights. Errors: 422.
fn rights_of(letters: &str) -> Result<Rights, Problem> {
    let rights = Rights::parse(letters).filter(|rights| !rights.is_empty());
    rights.ok_or_else(|| {
        let vi = "một hoặc nhiều chữ trong lrswipkxtea";
        Problem::invalid("rights", text(vi, "one or more letters of lrswipkxtea"))
    })
}
