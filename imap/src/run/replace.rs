//! RFC 8508 REPLACE, UID REPLACE: one message in the place of another, in one commit.

use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::Seeking;
use crate::wire::append::Letter;
use crate::wire::response::put;
use crate::wire::sequence::SequenceSet;
use directory::Right;
use storage::{Error, Uid};

impl Runner {
    /// The new message is added and the old one expunged, or nothing happens at all. The quota holds for
    /// what is left afterwards (RFC 8508 §3.4).
    pub(super) fn replace(
        &mut self,
        uid: bool,
        old: &SequenceSet,
        (raw, letter): (&[u8], Letter),
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let from = self.writable()?.mailbox;
        let uids = self.uids(uid, old)?;
        let gone = || Completion::no("EXPUNGEISSUED", "The message to replace is gone");
        let Some(old) = uids.first().and_then(Uid::new) else {
            return Err(Completion::no("NONEXISTENT", "There is no message of this UID").into());
        };
        let to = self.find(raw, Seeking::Target)?.mailbox.id;
        let store = self.mail(Right::Write)?;
        let staged = self.stage(&store, letter)?;
        let mut writer = store.write()?;
        writer.quota(self.directory.quota(store.id()));
        let email = match writer.at(from, old) {
            Ok(state) => state.email,
            Err(Error::NotFound | Error::Expunged) => return Err(gone().into()),
            Err(error) => return Err(error.into()),
        };
        // First the new one: it joins the thread in which the old one may be alone.
        let new = staged.place(&mut writer, to)?;
        writer.expunge(email, from)?;
        let validity = writer.mailbox(to)?.uid_validity;
        writer.commit()?;
        self.selected()?.expunged = true;
        // RFC 8508 §4.3: untagged, before the EXPUNGE response.
        put(
            out,
            format_args!("* OK [APPENDUID {validity} {}] Replaced\r\n", new.raw()),
        );
        Ok(Completion::ok("REPLACE completed"))
    }
}
