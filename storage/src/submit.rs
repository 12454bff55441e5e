//! The way of a commit from its writer to the journal's thread and back.

use crate::commit::{Commit, Content, Number, Order, Outcome, stopped};
use crate::index::{Op, encode_ops};
use crate::journal::{self, BODY_OCTETS_MAX, Subject};
use crate::*;
use std::sync::mpsc::{Receiver, sync_channel};

impl Store {
    /// Commits that content lies elsewhere now, in these packs.
    pub(crate) fn submit_moved(&self, ops: Vec<Op>, packs: Vec<u32>) -> Result<ModSeq, Error> {
        let (done, outcome) = sync_channel(1);
        let commit = Commit {
            account: AccountId::SYSTEM,
            number: Number::None,
            content: Content::Body(encode_ops(&ops)),
            ops,
            blobs: Vec::new(),
            packs: packs.clone(),
            apply: Box::new(|| {}),
            done,
        };
        let modseq = self.send(commit, &outcome)?;
        self.inner.shared.packs.note(&packs);
        Ok(modseq)
    }

    /// Sends a commit to the journal's thread and waits until it is durable and visible.
    /// `blobs` are named by it; `apply` shows it to readers.
    pub(crate) fn submit(
        &self,
        account: AccountId,
        number: Number,
        mut ops: Vec<Op>,
        blobs: &[BlobId],
        apply: Box<dyn FnOnce() + Send>,
    ) -> Result<ModSeq, Error> {
        let shared = &self.inner.shared;
        // None of it is removed or moved as long as this is kept.
        let mut named = shared.packs.name(blobs, &shared.index)?;
        ops.append(&mut named.ops);
        let body = encode_ops(&ops);
        if body.len() > BODY_OCTETS_MAX {
            return Err(Error::TooLarge("commit"));
        }
        let content = self.content_of(account, number, &ops, body)?;
        let (done, outcome) = sync_channel(1);
        let (blobs, packs) = (named.ids.clone(), named.packs.clone());
        let commit = Commit {
            account,
            number,
            ops,
            content,
            blobs,
            packs,
            apply,
            done,
        };
        let modseq = self.send(commit, &outcome)?;
        shared.packs.note(&named.packs);
        Ok(modseq)
    }

    /// What the journal gets. That of a commit which is applied apart is packed here.
    fn content_of(
        &self,
        account: AccountId,
        number: Number,
        ops: &[Op],
        body: Vec<u8>,
    ) -> Result<Content, Error> {
        let shared = &self.inner.shared;
        let own = |op: &Op| key::account_of(op.key()) == Some(account);
        let apart = ops.len() >= shared.unapplied.apart && account != AccountId::SYSTEM;
        let modseq = match number {
            Number::Account(modseq) => Some(modseq),
            Number::None => None,
            Number::System => return Ok(Content::Body(body)),
        };
        if !apart || !ops.iter().all(own) {
            return Ok(Content::Body(body));
        }
        let time = shared.clock.now();
        let subject = Subject {
            account,
            modseq,
            time,
        };
        let packed = journal::packed(subject, &body)?;
        Ok(Content::Packed(packed, body.len()))
    }

    fn send(
        &self,
        commit: Commit,
        outcome: &Receiver<Result<Outcome, Error>>,
    ) -> Result<ModSeq, Error> {
        let orders = self.inner.orders.as_ref().ok_or_else(stopped)?;
        let order = Order::Commit(Box::new(commit));
        orders.send(order).map_err(|_| stopped())?;
        let outcome = outcome.recv().map_err(|_| stopped())??;
        Ok(outcome.finish())
    }
}
