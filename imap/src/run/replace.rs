//! RFC 8508 REPLACE, UID REPLACE: one message in the place of another, in one commit.

use super::append::Staged;
use super::find::Found;
use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::Seeking;
use crate::wire::append::Letter;
use crate::wire::response::put;
use crate::wire::sequence::SequenceSet;
use directory::Rights;
use storage::{AccountStore, Error, Uid, UidValidity};

/// What taking the old message out needs.
const LEAVING: Rights = Rights::READ.with(Rights::DELETE).with(Rights::EXPUNGE);

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
        let target = self.find(raw, Seeking::Target)?;
        let target = target.needs(Rights::INSERT)?;
        // RFC 8508 §4.1: as STORE of `\Deleted`, EXPUNGE and APPEND need.
        let store = self.here(LEAVING)?;
        let staged = self.stage(&target.store, letter, target.rights)?;
        let to = target.mailbox.id;
        if target.account != store.id() {
            return self.replace_across(old, &store, (staged, &target), out);
        }
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
        told(&target, validity, new, out);
        Ok(Completion::ok("REPLACE completed"))
    }

    /// Into the mail of another account: a commit there, then one here. A crash between leaves both.
    fn replace_across(
        &mut self,
        old: Uid,
        store: &AccountStore,
        (staged, target): (Staged, &Found),
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let from = self.writable()?.mailbox;
        let email = match store.at(from, old) {
            Ok(state) => state.email,
            Err(Error::NotFound | Error::Expunged) => {
                let text = "The message to replace is gone";
                return Err(Completion::no("EXPUNGEISSUED", text).into());
            }
            Err(error) => return Err(error.into()),
        };
        let mut writer = target.store.write()?;
        writer.quota(self.directory.quota(target.account));
        let new = staged.place(&mut writer, target.mailbox.id)?;
        let validity = writer.mailbox(target.mailbox.id)?.uid_validity;
        writer.commit()?;
        let mut writer = store.write()?;
        match writer.expunge(email, from) {
            Ok(()) => writer.commit().map(drop)?,
            Err(Error::NotFound | Error::Expunged) => {}
            Err(error) => return Err(error.into()),
        }
        self.selected()?.expunged = true;
        told(target, validity, new, out);
        Ok(Completion::ok("REPLACE completed"))
    }
}

/// RFC 8508 §4.3: untagged, before the EXPUNGE response.
fn told(target: &Found, validity: UidValidity, new: Uid, out: &mut Vec<u8>) {
    if target.shows_uids() {
        let new = new.raw();
        put(
            out,
            format_args!("* OK [APPENDUID {validity} {new}] Replaced\r\n"),
        );
    }
}
