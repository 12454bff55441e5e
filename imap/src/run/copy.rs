//! RFC 9051 §6.4.7 COPY, §6.4.8 MOVE (RFC 6851), RFC 4315 §3 COPYUID.

use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::wire::response::put;
use crate::wire::sequence::{Numbers, SequenceSet};
use directory::Right;
use storage::{Error, MailboxId, Uid, Writer};

impl Runner {
    /// All or nothing, in one commit (RFC 9051 §6.4.7). `leave`: MOVE.
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
        let uids = self.uids(uid, set)?;
        let to = self.find(raw, Seeking::Target)?.mailbox.id;
        let store = self.mail(Right::Write)?;
        let quota = self.directory.quota(store.id());
        let from = self.selected()?.mailbox;
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
            let new = transfer(&mut writer, email, from, to, leave);
            let new = new.map_err(|e| Stop::Answer(code::refusal(&e, Seeking::Target)))?;
            pairs.push((source.raw(), new.raw()));
        }
        if missing && !uid && !leave {
            // RFC 2180 §4.4: COPY copies all or nothing.
            return Err(Completion::no("EXPUNGEISSUED", "Some messages are gone").into());
        }
        let text = if leave {
            "MOVE completed"
        } else {
            "COPY completed"
        };
        if pairs.is_empty() {
            return Ok(Completion::ok(text));
        }
        let validity = writer.mailbox(to)?.uid_validity;
        writer.commit()?;
        let sources: Numbers = pairs.iter().map(|p| p.0).collect();
        let targets: Numbers = pairs.iter().map(|p| p.1).collect();
        let code = format!("COPYUID {validity} {} {}", sources.text(), targets.text());
        if leave {
            self.selected()?.expunged = true;
            // RFC 6851 §4.3: untagged, before the EXPUNGE responses.
            put(out, format_args!("* OK [{code}] Moved\r\n"));
            return Ok(Completion::ok(text));
        }
        Ok(Completion::ok(text).code(code))
    }
}

fn transfer(
    writer: &mut Writer,
    email: storage::EmailId,
    from: MailboxId,
    to: MailboxId,
    leave: bool,
) -> Result<Uid, Error> {
    if leave && from != to {
        return writer.relocate(email, from, to);
    }
    let placed = writer.copy(email, to)?;
    if leave {
        writer.expunge(email, from)?;
    }
    let uid = placed
        .uids
        .iter()
        .find(|(mailbox, _)| *mailbox == to)
        .map(|(_, uid)| *uid);
    uid.ok_or(Error::NotFound)
}
