//! Hooks in memory and on disk: few, all of them known.

use super::call::HookState;
use super::{Hook, KeptHook};
use crate::act::{Acts, Note};
use crate::fact::{Fact, decode, encode, table};
use crate::{Access, Directory, Error};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use storage::RowChange;

/// Every hook, and whether they are on.
#[derive(Default)]
pub(crate) struct Hooks {
    on: AtomicBool,
    book: Mutex<BTreeMap<u64, (KeptHook, HookState)>>,
}

fn row(table: &'static str, id: u64, value: Option<Vec<u8>>) -> Fact {
    Fact::Row(RowChange {
        table,
        key: id.to_be_bytes().to_vec(),
        value,
    })
}

impl Hooks {
    /// Those of the store.
    pub(crate) fn load(store: &storage::Store) -> Result<Self, Error> {
        let mut book = BTreeMap::new();
        let states = store.table(table::HOOK_STATE);
        for (key, value) in store.table(table::HOOK).rows(&[], None, super::HOOKS_MAX)? {
            let kept: KeptHook = decode(table::HOOK, &value)?;
            let state = states.row(&key)?;
            let state = state.map(|value| decode(table::HOOK_STATE, &value));
            let state = state
                .transpose()?
                .unwrap_or_else(|| HookState::from(kept.hook.id));
            book.insert(kept.hook.id, (kept, state));
        }
        Ok(Self {
            on: AtomicBool::new(false),
            book: Mutex::new(book),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, (KeptHook, HookState)>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn are_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn one(&self, id: u64) -> Option<(KeptHook, HookState)> {
        self.lock().get(&id).cloned()
    }

    pub(super) fn all(&self) -> Vec<(Hook, HookState)> {
        let book = self.lock();
        let all = book.values();
        all.map(|(kept, state)| (kept.hook.clone(), state.clone()))
            .collect()
    }

    /// With their secrets; none while they are off.
    pub(super) fn kept(&self) -> Vec<(KeptHook, HookState)> {
        match self.are_on() {
            true => self.lock().values().cloned().collect(),
            false => Vec::new(),
        }
    }

    /// The log up to there has nothing for this hook.
    pub(super) fn looked(&self, id: u64, told: u64) {
        if let Some((_, state)) = self.lock().get_mut(&id) {
            state.told = state.told.max(told);
        }
    }
}

impl Directory {
    /// Whether programs are called at all: off until somebody says so.
    pub fn set_hooks(&self, on: bool) {
        self.inner.hooks.on.store(on, Ordering::Relaxed);
    }

    pub(super) fn keep_hook(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        note: Note,
        kept: &KeptHook,
        state: HookState,
    ) -> Result<(), Error> {
        let id = kept.hook.id;
        let facts = vec![
            row(table::HOOK, id, Some(encode(kept)?)),
            row(table::HOOK_STATE, id, Some(encode(&state)?)),
        ];
        self.commit(acts, by, note, facts)?;
        self.inner.hooks.lock().insert(id, (kept.clone(), state));
        Ok(())
    }

    pub(super) fn drop_hook(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        note: Note,
        id: u64,
    ) -> Result<(), Error> {
        let facts = vec![row(table::HOOK, id, None), row(table::HOOK_STATE, id, None)];
        self.commit(acts, by, note, facts)?;
        self.inner.hooks.lock().remove(&id);
        Ok(())
    }

    pub(super) fn keep_hook_state(&self, id: u64, state: HookState) -> Result<(), Error> {
        self.commit_unlogged(vec![row(table::HOOK_STATE, id, Some(encode(&state)?))])?;
        if let Some((_, there)) = self.inner.hooks.lock().get_mut(&id) {
            *there = state;
        }
        Ok(())
    }
}
