//! RFC 9051 §6.4.5: what FETCH of a body marks.

use super::brief::Brief;
use crate::run::Selected;
use crate::wire::flag;
use storage::{AccountStore, Error, KeywordChange};
/// RFC 9051 §6.4.5: fetching a body without PEEK sets `\Seen`, for all of a batch in one commit.
/// When the disk is full the message is shown all the same; the mark can wait.
pub(super) fn mark(
    selected: &mut Selected,
    store: &AccountStore,
    states: &mut [(u32, Brief)],
) -> Vec<u32> {
    let unseen: Vec<usize> = (0..states.len())
        .filter(|at| !states[*at].1.is_seen())
        .collect();
    if unseen.is_empty() {
        return Vec::new();
    }
    let seen = flag::Flag::system("$seen").0;
    let change = KeywordChange::Add(vec![seen]);
    let mut own = None;
    let mailbox = selected.mailbox;
    let commit = || -> Result<Vec<(usize, Brief)>, Error> {
        let mut writer = store.write()?;
        let mut changed = Vec::new();
        for at in unseen {
            let email = states[at].1.email;
            match writer.keywords(email, &change) {
                // Another session was quicker: its commit is not this one's own.
                Ok(false) => {}
                Ok(true) => {
                    changed.push((at, Brief::of(&writer.state(email)?, mailbox, None)));
                }
                Err(Error::NotFound | Error::Expunged) => {}
                Err(error) => return Err(error),
            }
        }
        if !changed.is_empty() {
            let modseq = writer.commit()?;
            own = Some(modseq);
            for (_, state) in &mut changed {
                state.modseq = modseq;
            }
        }
        Ok(changed)
    };
    match commit() {
        Ok(changed) => {
            selected.own.extend(own);
            let mut uids = Vec::with_capacity(changed.len());
            for (at, state) in changed {
                uids.push(states[at].0);
                states[at].1 = state;
            }
            uids
        }
        Err(error) => {
            tracing::warn!(%error, "messages were fetched but could not be marked as seen");
            Vec::new()
        }
    }
}
