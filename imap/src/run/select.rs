//! RFC 9051 §6.3.2 SELECT, §6.3.3 EXAMINE, §6.4.1 CLOSE; RFC 7162 §3.1.8, §3.2.5.

use super::context::Contexts;
use super::fetch::Fetch;
use super::opened::Found;
use super::untold::Telling;
use super::{Job, Runner, Stop, list};
use crate::ask::{Completion, Effect};
use crate::code::Seeking;
use crate::tree::Row;
use crate::view::View;
use crate::wire::flag;
use crate::wire::ident;
use crate::wire::response::put;
use crate::wire::select::{Resync, Select};
use crate::wire::sequence::Numbers;
use directory::Rights;
use std::collections::BTreeSet;
use std::sync::Arc;
use storage::{AccountId, AccountStore, Error, Keyword, Mailbox, MailboxId, ModSeq, Uid};

/// The selected mailbox as this session knows it.
pub(crate) struct Selected {
    /// Whose it is.
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) read_only: bool,
    /// EXAMINE: whatever the rights are.
    pub(crate) examined: bool,
    /// Those over it, as they were last told of.
    pub(crate) rights: Rights,
    pub(crate) view: View,
    /// Up to which commit everything was told.
    pub(crate) modseq: ModSeq,
    /// Commits of this session whose new flags were told already, or need not be.
    pub(crate) own: Vec<ModSeq>,
    /// Gone, but not told yet (I-16).
    pub(crate) gone: BTreeSet<u32>,
    /// RFC 3501 §2.3.2: UIDs of messages that are `\Recent` here; none once IMAP4rev2 is enabled.
    pub(crate) recent: Numbers,
    pub(crate) telling: Telling,
    /// Every keyword that FLAGS has named.
    pub(crate) keywords: BTreeSet<Keyword>,
    /// RFC 5182: UIDs that `$` stands for.
    pub(crate) saved: Numbers,
    /// RFC 5267 §4.3: searches whose changes are told.
    pub(crate) contexts: Contexts,
    /// The first commit behind `gone`: what was told does not go further (RFC 7162 §3.2).
    pub(crate) held: Option<ModSeq>,
    /// The highest mod-sequence that this command has told.
    pub(crate) told: Option<ModSeq>,
    /// HIGHESTMODSEQ was told lower than mod-sequences before it.
    pub(crate) lowered: bool,
    /// Arrivals that were told, and not yet fetched as NOTIFY wants it (RFC 5465 §5.2).
    pub(crate) arrived: Numbers,
    /// This command took messages out.
    pub(crate) expunged: bool,
}

/// RFC 4314 §5.2: any of these makes a mailbox READ-WRITE. All flags are shared here, `\Seen` too.
pub(super) const CHANGING: Rights = Rights::INSERT
    .with(Rights::EXPUNGE)
    .with(Rights::SEEN)
    .with(Rights::WRITE)
    .with(Rights::DELETE);

/// Goes through the states, and gathers the UIDs of messages that changed after a mod-sequence.
fn scan(
    store: &AccountStore,
    mailbox: MailboxId,
    since: u64,
    changed: &mut Numbers,
) -> Result<Found, Error> {
    let mut found = Found {
        keywords: flag::system_keywords().collect(),
        ..Found::default()
    };
    let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
    store.scan(mailbox, Uid::FIRST, last, &mut |uid, state| {
        found.view.push(uid.raw());
        if state.modseq.raw() > since {
            changed.push(uid.raw());
        }
        let mut seen = false;
        for keyword in &state.keywords {
            seen |= keyword.as_str() == "$seen";
            if !found.keywords.contains(keyword) {
                found.keywords.insert(keyword.clone());
            }
        }
        if !seen && found.unseen.is_none() {
            found.unseen = Some(found.view.count());
        }
        true
    })?;
    Ok(found)
}

impl Runner {
    /// Ends at once, or goes on to tell what changed (RFC 7162 §3.2.5).
    pub(super) fn select(&mut self, select: &Select, out: &mut Vec<u8>) -> Result<Job, Stop> {
        if select.resync.is_some() && !self.modes.qresync {
            return Err(Completion::bad("ENABLE QRESYNC first").into());
        }
        // RFC 9051 §6.3.2: whatever comes of it, what was selected no longer is. RFC 7162 §3.2.11:
        // CLOSED is told to all.
        if self.selected.take().is_some() {
            out.extend_from_slice(b"* OK [CLOSED] The mailbox before is closed\r\n");
        }
        self.modes.condstore |= select.condstore;
        self.open(select, out).map_err(|stop| {
            self.selected = None;
            let completion = stop.completion();
            match completion.effect {
                Effect::None => Stop::Answer(completion.effect(Effect::Unselected)),
                _ => Stop::Answer(completion),
            }
        })
    }

    fn open(&mut self, select: &Select, out: &mut Vec<u8>) -> Result<Job, Stop> {
        let row = self.find(&select.mailbox, Seeking::Named)?;
        let row = row.needs(Rights::READ)?;
        let store = row.store.clone();
        // RFC 4314 §5.2: who may change nothing has it read-only.
        let read_only = select.read_only || !row.rights.any(CHANGING);
        // Read before the scan: what is committed in between is told twice rather than never.
        let modseq = store.modseq()?;
        let mailbox = store.mailbox(row.mailbox.id)?;
        let valid = |r: &&Resync| r.validity == mailbox.uid_validity.raw();
        let resync = select.resync.as_ref().filter(valid);
        // A mod-sequence from a future that is no more says nothing.
        let since = resync.map_or(u64::MAX, |r| r.modseq);
        let since = if resync.is_some() && since > modseq.raw() {
            0
        } else {
            since
        };
        let telling = self.telling((row.account, &mailbox), read_only)?;
        let mut changed = Numbers::default();
        let found = self.look(&store, &mailbox, since, &mut changed)?;
        let recent = self.told_first(&telling, &found.view);
        self.tell_opened((&*row, &mailbox, &recent), &found, read_only, out);
        if self.rev2 {
            match self.old_name(&select.mailbox) {
                Some(old) => list::tell_old(out, &row, old),
                None => list::line(out, "LIST", &row, true),
            }
        }
        self.selected = Some(Box::new(Selected {
            account: row.account,
            mailbox: mailbox.id,
            read_only,
            examined: select.read_only,
            rights: row.rights,
            view: found.view.clone(),
            modseq,
            own: Vec::new(),
            gone: BTreeSet::new(),
            keywords: found.keywords.clone(),
            recent,
            telling,
            saved: Numbers::default(),
            contexts: Contexts::default(),
            held: None,
            told: None,
            lowered: false,
            arrived: Numbers::default(),
            expunged: false,
        }));
        let completion = done(select, read_only);
        let Some(resync) = resync else {
            return Ok(Job::ended(completion));
        };
        if since >= mailbox.highest_modseq.raw() {
            return Ok(Job::ended(completion));
        }
        let all = Numbers::of(&[(Some(1), Some(u32::MAX))], 0);
        let known = resync.known.as_ref().unwrap_or(&all);
        let gone = self.vanished(known, since, resync.sample.as_ref())?;
        let changed = changed.and(known);
        Ok(Job::Fetch(Fetch::opening(
            changed, gone, self.modes, completion,
        )))
    }

    /// What a scan finds; without one when nothing changed since the last, nor since the mod-sequence.
    fn look(
        &self,
        store: &AccountStore,
        mailbox: &Mailbox,
        since: u64,
        changed: &mut Numbers,
    ) -> Result<Arc<Found>, Error> {
        let opened = &self.kept.opened;
        let known = opened.find(store.id(), mailbox);
        if let Some(found) = known.filter(|_| since >= mailbox.highest_modseq.raw()) {
            return Ok(found);
        }
        let found = Arc::new(scan(store, mailbox.id, since, changed)?);
        opened.keep(store.id(), mailbox, &found);
        Ok(found)
    }

    /// What RFC 9051 §6.3.2 and RFC 3501 §6.3.1 want told of a mailbox that is opened.
    fn tell_opened(
        &self,
        (row, mailbox, recent): (&Row, &Mailbox, &Numbers),
        found: &Found,
        read_only: bool,
        out: &mut Vec<u8>,
    ) {
        let count = found.view.count();
        let last = found.view.last_uid();
        let after_last = last.map_or(1, |uid| uid.saturating_add(1));
        flags(out, &found.keywords);
        let rights = match read_only {
            true => Rights::NONE,
            false => row.rights,
        };
        permanent_flags(out, &found.keywords, rights);
        put(out, format_args!("* {count} EXISTS\r\n"));
        if !self.rev2 {
            put(out, format_args!("* {} RECENT\r\n", recent.count()));
            // RFC 9586 §3: no message numbers.
            let unseen = found.unseen.filter(|_| !self.modes.uid_only);
            if let Some(number) = unseen {
                put(out, format_args!("* OK [UNSEEN {number}] First unseen\r\n"));
            }
        }
        let validity = mailbox.uid_validity;
        put(
            out,
            format_args!("* OK [UIDVALIDITY {validity}] UIDs are valid\r\n"),
        );
        let next = mailbox.uid_next.raw().max(after_last);
        put(out, format_args!("* OK [UIDNEXT {next}] Next UID\r\n"));
        // RFC 8474 §4.2.
        let id = ident::mailbox(row.owner, mailbox.id);
        put(out, format_args!("* OK [MAILBOXID ({id})] Its id\r\n"));
        // RFC 7162 §3.1.2: whoever opens the mailbox is told, whether CONDSTORE was enabled or not.
        let highest = mailbox.highest_modseq;
        put(
            out,
            format_args!("* OK [HIGHESTMODSEQ {highest}] Highest\r\n"),
        );
    }

    /// RFC 9051 §6.4.1: expunges silently, unless the mailbox is read-only.
    pub(super) fn close(&mut self) -> Result<Completion, Stop> {
        let done = || Completion::ok("CLOSE completed").effect(Effect::Unselected);
        // RFC 4314 §4: without the right to expunge it is closed all the same.
        if self.selected()?.read_only || !self.rights_here().has(Rights::EXPUNGE) {
            self.selected = None;
            return Ok(done());
        }
        let mut expunging = self.expunge(None)?;
        let mut silent = Vec::new();
        while let super::Progress::More = self.expunge_step(&mut expunging, &mut silent)? {}
        self.selected = None;
        Ok(done())
    }
}

/// RFC 9051 §6.3.2, §6.3.3: what may be changed is told of either.
fn done(select: &Select, read_only: bool) -> Completion {
    let text = match select.read_only {
        true => "EXAMINE completed",
        false => "SELECT completed",
    };
    Completion::ok(text)
        .code(access_code(read_only).into())
        .effect(Effect::Selected)
}

/// RFC 9051 §7.1.
pub(super) fn access_code(read_only: bool) -> &'static str {
    match read_only {
        true => "READ-ONLY",
        false => "READ-WRITE",
    }
}

/// RFC 9051 §7.1 PERMANENTFLAGS: those that these rights let one change.
pub(super) fn permanent_flags(out: &mut Vec<u8>, keywords: &BTreeSet<Keyword>, rights: Rights) {
    let permanent = keywords.iter();
    let permanent: Vec<_> = permanent.filter(|k| rights.has(flag::right(k))).collect();
    out.extend_from_slice(b"* OK [PERMANENTFLAGS ");
    let empty = permanent.is_empty();
    flag::put_flags(out, permanent);
    if rights.has(Rights::WRITE) {
        out.pop();
        out.extend_from_slice(if empty { b"\\*)" } else { b" \\*)" });
    }
    out.extend_from_slice(b"] Flags that are kept\r\n");
}

/// `* FLAGS (…)`
pub(super) fn flags(out: &mut Vec<u8>, keywords: &BTreeSet<Keyword>) {
    out.extend_from_slice(b"* FLAGS ");
    flag::put_flags(out, keywords);
    out.extend_from_slice(b"\r\n");
}
