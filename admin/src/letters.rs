//! `/api/v1/accounts/{id}/holds/{hold}/letters`: all letters that a hold keeps, with their content, for whoever
//! looks after the hold. Also of an account that was deleted, which nobody can sign in to any more.
//!
//! A page is some octets, not some letters: a long letter comes in pieces.

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page};
use crate::problem::Problem;
use crate::recovery::path_of;
use crate::router::Room;
use crate::sight::{acted, kept_account};
use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::date;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use storage::{AccountStore, EmailId, Error, Keyword, Mailbox, ModSeq, RemovedQuery};
use utoipa::{IntoParams, ToSchema};

/// Octets of content on a page.
const PAGE_OCTETS: usize = 16 << 20;
/// Letters on a page.
const LETTERS_MAX: usize = 1_000;

/// A letter under a hold, or a piece of one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Letter {
    id: u64,
    /// Paths of the mailboxes that it is in, or was in when it was removed.
    #[schema(example = json!(["INBOX"]))]
    mailboxes: Vec<String>,
    /// RFC 3339, UTC.
    received_at: String,
    /// Null: it is there.
    removed_at: Option<String>,
    keywords: Vec<String>,
    /// Octets of the whole letter.
    size: u64,
    /// Where in the letter this piece begins; 0 where the letter comes whole.
    offset: u64,
    /// As it was received, in base64; null: it is damaged and cannot be read.
    content: Option<String>,
}

/// Where to read on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Further {
    /// Of the page before.
    cursor: Option<String>,
}

/// The key of the letter that was read last, and what was read of the one behind it.
type At<K> = (Option<K>, u64);

/// What was read wholly before this page, and what of the letter behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Letters that are there, by id.
    There(Option<EmailId>, u64),
    /// Then those that were removed, the newest first.
    Removed(Option<(ModSeq, EmailId)>, u64),
}

impl Place {
    fn parse(key: &str) -> Option<Self> {
        let mut parts = key.split('-');
        let kind = parts.next()?;
        let numbers: Option<Vec<u64>> = parts.map(|part| part.parse().ok()).collect();
        match (kind, &numbers?[..]) {
            ("t", [email, offset]) => Some(Self::There(EmailId::new(*email), *offset)),
            ("r", [modseq, email, offset]) => {
                let after = ModSeq::new(*modseq).zip(EmailId::new(*email));
                Some(Self::Removed(after, *offset))
            }
            _ => None,
        }
    }

    fn print(self) -> String {
        match self {
            Self::There(after, offset) => format!("t-{}-{offset}", after.map_or(0, EmailId::raw)),
            Self::Removed(after, offset) => {
                let (modseq, email) = after.unzip();
                let (modseq, email) =
                    (modseq.map_or(0, ModSeq::raw), email.map_or(0, EmailId::raw));
                format!("r-{modseq}-{email}-{offset}")
            }
        }
    }
}

/// What of a page is there already.
struct Gathered {
    items: Vec<Letter>,
    left: usize,
}

impl Gathered {
    /// Adds a letter from an offset on; what is left of it for the next page, `None` when nothing is.
    fn add(
        &mut self,
        mut letter: Letter,
        content: Result<Arc<[u8]>, Error>,
    ) -> Result<Option<u64>, Problem> {
        let content = match content {
            Ok(content) => content,
            Err(Error::Damaged(_) | Error::Corrupt(_) | Error::NotFound) => {
                self.items.push(letter);
                return Ok(None);
            }
            Err(e) => return Err(e.into()),
        };
        let from = usize::try_from(letter.offset)
            .unwrap_or(usize::MAX)
            .min(content.len());
        let piece = &content[from..];
        let piece = &piece[..piece.len().min(self.left)];
        self.left -= piece.len();
        letter.content = Some(STANDARD.encode(piece));
        let end = from + piece.len();
        self.items.push(letter);
        Ok((end < content.len()).then_some(end as u64))
    }

    fn is_full(&self) -> bool {
        self.left == 0 || self.items.len() >= LETTERS_MAX
    }
}

/// Reads letters that a hold keeps: those that are there, then those that were removed and are kept. Each request
/// is in the audit log before it is answered.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/holds/{hold}/letters", tag = "holds",
    params(("id" = u32, Path), ("hold" = String, Path), Further),
    responses((status = 200, body = Page<Letter>)))]
pub(crate) async fn letters(
    State(room): State<Room>,
    caller: Caller,
    Named((id, hold)): Named<(String, String)>,
    Asked(further): Asked<Further>,
) -> Result<Json<Page<Letter>>, Problem> {
    let id = filter::account_id(&id)?;
    let ask = Ask::of(None, further.cursor.as_deref())?;
    let place = ask.key(Place::parse)?;
    let page = room.ask(caller, move |room, access| {
        kept_account(&room.directory, access, id)?;
        let detail = json!({"hold": hold, "after": place.map(Place::print)}).to_string();
        let held = room.directory.held_mail(Some(access), id, &hold, &detail);
        let (hold, mail) = acted(access, id, held)?;
        read(&mail, hold.from, place.unwrap_or(Place::There(None, 0)))
    });
    Ok(Json(page.await?))
}

fn read(mail: &AccountStore, held_from: i64, mut place: Place) -> Result<Page<Letter>, Problem> {
    let mailboxes = mail.mailboxes()?;
    let mut page = Gathered {
        items: Vec::new(),
        left: PAGE_OCTETS,
    };
    if let Place::There(after, offset) = place {
        place = match there(mail, &mailboxes, (after, offset), &mut page)? {
            Some((after, offset)) => Place::There(after, offset),
            None => Place::Removed(None, 0),
        };
    }
    let more = match place {
        Place::Removed(after, offset) if !page.is_full() => {
            let more = removed(mail, held_from, (after, offset), &mut page)?;
            more.map(|(after, offset)| Place::Removed(after, offset))
        }
        place => Some(place),
    };
    Ok(Page::new(page.items, more.map(Place::print)))
}

fn words(keyword: &Keyword) -> String {
    keyword.as_str().to_owned()
}

/// Letters that are there; where to read on, `None` behind the last.
fn there(
    mail: &AccountStore,
    mailboxes: &[Mailbox],
    (mut after, mut offset): At<EmailId>,
    page: &mut Gathered,
) -> Result<Option<At<EmailId>>, Problem> {
    let mut states = Vec::new();
    mail.scan_all(&mut |state| {
        if after.is_none_or(|after| state.email > after) {
            states.push(state.clone());
        }
        states.len() <= LETTERS_MAX
    })?;
    for state in states {
        if page.is_full() {
            return Ok(Some((after, offset)));
        }
        let paths = state
            .mailboxes
            .iter()
            .map(|(id, _)| path_of(*id, mailboxes));
        let letter = Letter {
            id: state.email.raw(),
            mailboxes: paths.collect(),
            received_at: date::utc(state.received_at),
            removed_at: None,
            keywords: state.keywords.iter().map(words).collect(),
            size: state.size,
            offset,
            content: None,
        };
        match page.add(letter, mail.content_of(state.email, state.blob))? {
            Some(rest) => return Ok(Some((after, rest))),
            None => (after, offset) = (Some(state.email), 0),
        }
    }
    Ok(None)
}

/// The same of those that were removed and not put back since.
fn removed(
    mail: &AccountStore,
    held_from: i64,
    (mut after, mut offset): At<(ModSeq, EmailId)>,
    page: &mut Gathered,
) -> Result<Option<At<(ModSeq, EmailId)>>, Problem> {
    let found = mail.removed(&RemovedQuery {
        from: (held_from != i64::MIN).then_some(held_from),
        after,
        max: LETTERS_MAX,
        ..RemovedQuery::default()
    })?;
    for row in found.list {
        if page.is_full() {
            return Ok(Some((after, offset)));
        }
        let here = Some((row.modseq, row.email));
        if row.back.is_some() {
            after = here;
            continue;
        }
        let letter = Letter {
            id: row.email.raw(),
            mailboxes: row.places.iter().map(|p| p.path.join("/")).collect(),
            received_at: date::utc(row.received_at),
            removed_at: Some(date::utc(row.removed_at)),
            keywords: row.keywords.iter().map(words).collect(),
            size: row.size,
            offset,
            content: None,
        };
        match page.add(letter, mail.content_of(row.email, row.blob))? {
            Some(rest) => return Ok(Some((after, rest))),
            None => (after, offset) = (here, 0),
        }
    }
    Ok(found.more.then_some((after, offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_return() {
        let email = EmailId::new(7);
        for place in [
            Place::There(None, 0),
            Place::There(email, 12),
            Place::Removed(None, 0),
            Place::Removed(ModSeq::new(3).zip(email), 9),
        ] {
            assert_eq!(Place::parse(&place.print()), Some(place));
        }
        for wrong in ["", "t", "t-1", "x-1-2", "r-1-2", "t-a-1"] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_long_letter_comes_in_pieces() {
        let letter = |offset| Letter {
            id: 1,
            mailboxes: Vec::new(),
            received_at: String::new(),
            removed_at: None,
            keywords: Vec::new(),
            size: 10,
            offset,
            content: None,
        };
        let content: Arc<[u8]> = (0..10).collect::<Vec<u8>>().into();
        let (mut offset, mut whole) = (0, Vec::new());
        loop {
            let mut page = Gathered {
                items: Vec::new(),
                left: 4,
            };
            let rest = page.add(letter(offset), Ok(content.clone())).unwrap();
            let piece = page.items[0].content.clone().unwrap();
            whole.extend(STANDARD.decode(piece).unwrap());
            match rest {
                Some(rest) => offset = rest,
                None => break,
            }
        }
        assert_eq!(whole, *content);
    }
}
