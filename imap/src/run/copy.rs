//! RFC 9051 §6.4.7 COPY, §6.4.8 MOVE (RFC 6851), RFC 4315 §3 COPYUID.

use super::find::Found;
use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::wire::flag;
use crate::wire::response::put;
use crate::wire::sequence::{Numbers, SequenceSet};
use directory::Rights;
use storage::{
    AccountStore, Append, EmailId, Error, KeywordChange, MailboxId, Message, Uid, UidValidity,
    Writer,
};

impl Runner {
    /// `leave`: MOVE, which goes as far as it may; COPY does all or nothing (RFC 9738 §3.1).
    pub(super) fn copy(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        raw: &[u8],
        leave: bool,
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        if leave {
            self.writable()?;
        }
        let mut uids = self.uids(uid, set)?;
        if !leave {
            self.may_copy(&uids)?;
            return self.pass(uid, &uids, raw, false, out);
        }
        let cut = self.cut(&mut uids);
        let done = self.pass(uid, &uids, raw, true, out)?;
        Ok(match cut {
            Some(cut) => cut.ends(done, out),
            None => done,
        })
    }

    /// All or nothing, in one commit (RFC 9051 §6.4.7).
    fn pass(
        &mut self,
        uid: bool,
        uids: &Numbers,
        raw: &[u8],
        leave: bool,
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let target = self.find(raw, Seeking::Target)?;
        let target = target.needs(Rights::INSERT)?;
        let store = self.here(if leave { LEAVING } else { Rights::READ })?;
        let quota = self.directory.quota(target.account);
        let from = self.selected()?.mailbox;
        if target.account != store.id() {
            let pass = Passing {
                store,
                from,
                target,
                quota,
            };
            let done = pass.run(uids, leave, uid, out)?;
            self.selected()?.expunged |= leave;
            return Ok(done);
        }
        let to = target.mailbox.id;
        let mut writer = store.write()?;
        if !leave {
            writer.quota(quota);
        }
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        let mut missing = false;
        for source in uids.iter().filter_map(Uid::new) {
            let email = match writer.at(from, source) {
                Ok(state) => state.email,
                Err(Error::NotFound | Error::Expunged) => {
                    missing = true;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let placed = transfer(&mut writer, email, from, to, leave);
            let (email, new) = placed.map_err(|e| refused(&e))?;
            if !target.rights.has(flag::ALL) {
                let state = writer.state(email)?;
                let kept = KeywordChange::Set(flag::kept(&state.keywords, target.rights));
                writer.keywords(email, &kept)?;
            }
            pairs.push((source.raw(), new.raw()));
        }
        if missing && !uid && !leave {
            return Err(gone());
        }
        if pairs.is_empty() {
            return Ok(Completion::ok(text(leave)));
        }
        let validity = writer.mailbox(to)?.uid_validity;
        writer.commit()?;
        if leave {
            self.selected()?.expunged = true;
        }
        let validity = target.shows_uids().then_some(validity);
        Ok(told(validity, &pairs, leave, out))
    }
}

/// Messages on their way into the mail of another account: new ones there, over the same content.
struct Passing {
    store: AccountStore,
    from: MailboxId,
    target: Found,
    quota: Option<u64>,
}

impl Passing {
    /// All are placed in one commit of the target's account. MOVE takes them out of the source only
    /// after that, in a commit of its own: a crash between leaves them in both, never in neither.
    fn run(
        self,
        uids: &Numbers,
        leave: bool,
        uid: bool,
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let mut found: Vec<(Uid, Message)> = Vec::new();
        for source in uids.iter().filter_map(Uid::new) {
            let state = self.store.at(self.from, source);
            match state.and_then(|state| self.store.message(state.email)) {
                Ok(message) => {
                    // Staged anew: the source may be expunged meanwhile.
                    let content = self.store.content(message.state.email)?;
                    self.target.store.put_blob(&content)?;
                    found.push((source, message));
                }
                // RFC 2180 §4.4: COPY copies all or nothing.
                Err(Error::NotFound | Error::Expunged) if !uid && !leave => return Err(gone()),
                Err(Error::NotFound | Error::Expunged) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if found.is_empty() {
            return Ok(Completion::ok(text(leave)));
        }
        let to = self.target.mailbox.id;
        let mut writer = self.target.store.write()?;
        writer.quota(self.quota);
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for (source, message) in &found {
            let placed = writer.append(Append {
                blob: message.state.blob,
                summary: &message.summary,
                received_at: message.state.received_at,
                keywords: flag::kept(&message.state.keywords, self.target.rights),
                mailboxes: vec![to],
                delivery: None,
            });
            let placed = placed.map_err(|e| refused(&e))?;
            let new = placed.uids.first().map_or(0, |(_, uid)| uid.raw());
            pairs.push((source.raw(), new));
        }
        let validity = writer.mailbox(to)?.uid_validity;
        writer.commit().map_err(|e| refused(&e))?;
        if leave {
            self.take_out(&found)?;
        }
        let validity = self.target.shows_uids().then_some(validity);
        Ok(told(validity, &pairs, leave, out))
    }

    fn take_out(&self, found: &[(Uid, Message)]) -> Result<(), Error> {
        let mut writer = self.store.write()?;
        for (_, message) in found {
            match writer.expunge(message.state.email, self.from) {
                Ok(()) | Err(Error::NotFound | Error::Expunged) => {}
                Err(error) => return Err(error),
            }
        }
        writer.commit().map(drop)
    }
}

/// RFC 6851 §4.2: what STORE of `\Deleted` and EXPUNGE would need.
const LEAVING: Rights = Rights::READ.with(Rights::DELETE).with(Rights::EXPUNGE);

fn text(leave: bool) -> &'static str {
    match leave {
        true => "MOVE completed",
        false => "COPY completed",
    }
}

/// RFC 2180 §4.4: COPY copies all or nothing.
fn gone() -> Stop {
    Completion::no("EXPUNGEISSUED", "Some messages are gone").into()
}

fn refused(error: &Error) -> Stop {
    Stop::Answer(code::refusal(error, Seeking::Target))
}

/// The end of it; without a UIDVALIDITY no UIDs are to be told.
fn told(
    validity: Option<UidValidity>,
    pairs: &[(u32, u32)],
    leave: bool,
    out: &mut Vec<u8>,
) -> Completion {
    let Some(validity) = validity else {
        return Completion::ok(text(leave));
    };
    let sources: Numbers = pairs.iter().map(|p| p.0).collect();
    let targets: Numbers = pairs.iter().map(|p| p.1).collect();
    let code = format!("COPYUID {validity} {} {}", sources.text(), targets.text());
    if leave {
        // RFC 6851 §4.3: untagged, before the EXPUNGE responses.
        put(out, format_args!("* OK [{code}] Moved\r\n"));
        return Completion::ok(text(leave));
    }
    Completion::ok(text(leave)).code(code)
}

fn transfer(
    writer: &mut Writer,
    email: EmailId,
    from: MailboxId,
    to: MailboxId,
    leave: bool,
) -> Result<(EmailId, Uid), Error> {
    if leave && from != to {
        return Ok((email, writer.relocate(email, from, to)?));
    }
    let placed = writer.copy(email, to)?;
    if leave {
        writer.expunge(email, from)?;
    }
    let uid = placed
        .uids
        .iter()
        .find(|(mailbox, _)| *mailbox == to)
        .map(|(_, uid)| (placed.email, *uid));
    uid.ok_or(Error::NotFound)
}
