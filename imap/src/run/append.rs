//! RFC 9051 §6.3.12 APPEND with RFC 3502 MULTIAPPEND, RFC 4469 CATENATE, RFC 6855 §4; RFC 4315 §3 APPENDUID.

use super::room::Room;
use super::{Runner, Stop, section};
use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::wire::append::{Append, Letter, Piece};
use crate::wire::flag;
use crate::wire::sequence::Numbers;
use crate::wire::url::{self, Link};
use crate::wire::utf7;
use directory::Rights;
use formats::message::{Summary, summarize};
use memchr::memmem;
use storage::{AccountStore, BlobId, Error, Keyword, MailboxId, State, Uid, Writer};

/// A message whose content is in the store already, but in no mailbox yet.
pub(super) struct Staged {
    blob: BlobId,
    summary: Summary,
    received_at: i64,
    keywords: Vec<Keyword>,
}

impl Staged {
    pub(super) fn place(self, writer: &mut Writer, to: MailboxId) -> Result<Uid, Stop> {
        let placed = writer.append(storage::Append {
            blob: self.blob,
            summary: &self.summary,
            received_at: self.received_at,
            keywords: self.keywords,
            mailboxes: vec![to],
            delivery: None,
        });
        let placed = placed.map_err(|e| Stop::Answer(code::refusal(&e, Seeking::Target)))?;
        let uid = placed.uids.first().map(|(_, uid)| *uid);
        uid.ok_or_else(|| Error::NotFound.into())
    }
}

/// RFC 6855 §4 has `UTF8 (~{n}` before the literal and `)` behind it. Python's imaplib (3.11 and others) writes both
/// into the literal, where nobody could read the message any more: its first line would be no header field. No message
/// begins so by intent, so that of a client that enabled UTF8=ACCEPT these octets are taken off.
fn unwrapped(message: &[u8]) -> &[u8] {
    let inner = message.strip_prefix(b"UTF8 (");
    inner
        .and_then(|inner| inner.strip_suffix(b")"))
        .unwrap_or(message)
}

impl Runner {
    /// All messages or none (RFC 3502), in one commit; OK only after it (I-01).
    pub(super) fn append(&mut self, append: Append, out: &mut Vec<u8>) -> Result<Completion, Stop> {
        let target = self.find(&append.mailbox, Seeking::Target)?;
        let target = target.needs(Rights::INSERT)?;
        let (to, store) = (target.mailbox.id, &target.store);
        self.may_append(append.messages.len())?;
        let mut staged = Vec::with_capacity(append.messages.len());
        for letter in append.messages {
            staged.push(self.stage(store, letter, target.rights)?);
        }
        let mut writer = store.write()?;
        writer.quota(self.directory.quota(store.id()));
        let mut uids = Numbers::default();
        for message in staged {
            uids.push(message.place(&mut writer, to)?.raw());
        }
        let validity = writer.mailbox(to)?.uid_validity;
        writer.commit()?;
        self.tell_old_name(&append.mailbox, out)?;
        let done = Completion::ok("APPEND completed");
        Ok(match target.shows_uids() {
            true => done.code(format!("APPENDUID {validity} {}", uids.text())),
            false => done,
        })
    }

    /// The octets are stored as they came (I-12). Reading and staging come before the writer: others must
    /// not wait for them. What is staged and then refused is in no mailbox, and upkeep removes it.
    pub(super) fn stage(
        &mut self,
        store: &AccountStore,
        letter: Letter,
        rights: Rights,
    ) -> Result<Staged, Stop> {
        let joined = self.joined(letter.pieces)?;
        let message = match self.utf8_accept {
            true => unwrapped(&joined.message),
            false => joined.message.as_slice(),
        };
        if message.is_empty() {
            // RFC 3502: this is also how a client cancels.
            return Err(Completion::no("CANNOT", "There is no message").into());
        }
        // RFC 6855 §4: a client that has not enabled UTF-8 could not read the fields either.
        if !self.utf8 && !self.settings.raw_headers && !head(message).is_ascii() {
            let text = "8-bit header fields need ENABLE UTF8=ACCEPT";
            return Err(Completion::no("CANNOT", text).into());
        }
        let now = || self.directory.clock().now_s();
        Ok(Staged {
            summary: summarize(message),
            blob: store.put_blob(message)?,
            received_at: letter.date.unwrap_or_else(now),
            // RFC 4314 §4: a flag that may not be set is left out, not refused.
            keywords: flag::permitted(letter.flags, rights),
        })
    }

    /// RFC 4469 §3: one piece after the other, unchanged. What is read for it, and the message itself, take room as
    /// literals do, so that many connections cannot fill the memory by naming what lies here.
    fn joined(&mut self, mut pieces: Vec<Piece>) -> Result<Joined, Stop> {
        let mut joined = Joined::default();
        if let [Piece::Octets(octets)] = pieces.as_mut_slice() {
            joined.message = std::mem::take(octets);
            return Ok(joined);
        }
        for piece in pieces {
            match piece {
                Piece::Octets(octets) => self.join(&mut joined, &octets)?,
                Piece::Url(url) => {
                    if !self.linked(&url, &mut joined)? {
                        let code = format!("BADURL {}", url::shown(&url));
                        return Err(
                            Completion::no(&code, "There is nothing behind this URL").into()
                        );
                    }
                }
            }
        }
        Ok(joined)
    }

    fn join(&self, joined: &mut Joined, octets: &[u8]) -> Result<(), Stop> {
        if (joined.message.len() + octets.len()) as u64 > self.settings.size_max {
            // RFC 4469 §4.2, RFC 7889 §4.
            let text = "The message is larger than APPENDLIMIT";
            return Err(Completion::no("TOOBIG", text).into());
        }
        let more = self.needed(octets.len() as u64)?;
        match &mut joined.room {
            Some(room) => room.merge(more),
            None => joined.room = Some(more),
        }
        joined.message.reserve_exact(octets.len());
        joined.message.extend_from_slice(octets);
        Ok(())
    }

    fn needed(&self, octets: u64) -> Result<Room, Stop> {
        let none = || Completion::no("LIMIT", "The server is short of memory; try later").into();
        self.room(octets).ok_or_else(none)
    }

    /// Adds what a URL names, as FETCH BODY.PEEK would give it; false when there is no such thing.
    fn linked(&mut self, url: &[u8], joined: &mut Joined) -> Result<bool, Stop> {
        let Some(link) = url::parse(url) else {
            return Ok(false);
        };
        let Some((store, mailbox)) = self.place_of(&link)? else {
            return Ok(false);
        };
        let find = || -> Result<Option<State>, Error> {
            let validity = store.mailbox(mailbox)?.uid_validity.raw();
            if link.validity.is_some_and(|asked| asked != validity) {
                return Ok(None);
            }
            let Some(uid) = Uid::new(link.uid) else {
                return Ok(None);
            };
            Ok(Some(store.at(mailbox, uid)?))
        };
        let Some(state) = there(find())? else {
            return Ok(false);
        };
        let _whole = self.needed(state.size)?;
        let read = || {
            Ok(Some((
                store.summary(state.email)?,
                store.content(state.email)?,
            )))
        };
        let Some((summary, content)) = there(read())? else {
            return Ok(false);
        };
        let Some(octets) = section::octets(&summary, &content, &link.section) else {
            return Ok(false);
        };
        self.join(joined, &octets[stretch(octets.len(), link.partial)])?;
        Ok(true)
    }

    /// RFC 4469 §3: the base URL ends in the selected mailbox.
    fn place_of(&mut self, link: &Link) -> Result<Option<(AccountStore, MailboxId)>, Stop> {
        let Some(name) = &link.mailbox else {
            let Some(mailbox) = self.selected.as_ref().map(|selected| selected.mailbox) else {
                return Ok(None);
            };
            return Ok(Some((self.here(Rights::READ)?, mailbox)));
        };
        let raw = match self.utf8 {
            true => name.clone(),
            false => utf7::encode(name),
        };
        match self.find(raw.as_bytes(), Seeking::Named) {
            Ok(row) if row.rights.has(Rights::READ) => {
                Ok(Some((row.store.clone(), row.mailbox.id)))
            }
            // What may not be read is not there (I-17).
            Ok(_) | Err(Stop::Answer(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// A message put together, and the room that it takes.
#[derive(Default)]
struct Joined {
    message: Vec<u8>,
    room: Option<Room>,
}

/// Nothing where it is gone.
fn there<T>(found: Result<Option<T>, Error>) -> Result<Option<T>, Stop> {
    match found {
        Err(Error::NotFound | Error::Expunged) => Ok(None),
        other => Ok(other?),
    }
}

/// RFC 5092 §11 partial-range: what lies past the end is left out.
fn stretch(len: usize, partial: Option<(u64, Option<u64>)>) -> std::ops::Range<usize> {
    let Some((from, count)) = partial else {
        return 0..len;
    };
    let clamp = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(len);
    let to = count.map_or(u64::MAX, |count| from.saturating_add(count));
    clamp(from)..clamp(to).max(clamp(from))
}

/// The header: up to the first empty line.
fn head(message: &[u8]) -> &[u8] {
    if message.starts_with(b"\r\n") || message.starts_with(b"\n") {
        return &[];
    }
    let ends = [&b"\r\n\r\n"[..], b"\n\n"].map(|end| memmem::find(message, end));
    let end = ends.into_iter().flatten().min().unwrap_or(message.len());
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_ends_at_the_first_empty_line() {
        let check = |message: &str, expected: &str| {
            assert_eq!(head(message.as_bytes()), expected.as_bytes(), "{message:?}");
        };
        check("a: b\r\n\r\nc\n\nd", "a: b");
        check("a: b\n\nc\r\n\r\nd", "a: b");
        check("\r\na: b\r\n\r\n", "");
        check("a: b", "a: b");
    }

    #[test]
    fn a_partial_stays_inside() {
        assert_eq!(stretch(10, None), 0..10);
        assert_eq!(stretch(10, Some((3, None))), 3..10);
        assert_eq!(stretch(10, Some((3, Some(2)))), 3..5);
        assert_eq!(stretch(10, Some((30, Some(u64::MAX)))), 10..10);
    }
}
