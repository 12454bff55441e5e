//! RFC 9051 §6.3.2 SELECT, §6.3.3 EXAMINE, §6.4.1 CLOSE.

use super::{Runner, Stop};
use crate::ask::{Completion, Effect};
use crate::code::Seeking;
use crate::view::View;
use crate::wire::flag;
use crate::wire::response::put;
use crate::wire::sequence::Numbers;
use directory::Right;
use std::collections::BTreeSet;
use storage::{AccountStore, Error, Keyword, MailboxId, ModSeq, Uid};

/// The selected mailbox as this session knows it.
pub(crate) struct Selected {
    pub(crate) mailbox: MailboxId,
    pub(crate) read_only: bool,
    pub(crate) view: View,
    /// Up to which commit everything was told.
    pub(crate) modseq: ModSeq,
    /// Commits of this session whose new flags were told already, or need not be.
    pub(crate) own: Vec<ModSeq>,
    /// Gone, but not told yet (I-16).
    pub(crate) gone: BTreeSet<u32>,
    /// Every keyword that FLAGS has named.
    pub(crate) keywords: BTreeSet<Keyword>,
    /// RFC 5182: UIDs that `$` stands for.
    pub(crate) saved: Numbers,
}

/// What one scan of the mailbox tells.
struct Scanned {
    view: View,
    keywords: BTreeSet<Keyword>,
    unseen: Option<u32>,
}

fn scan(store: &AccountStore, mailbox: MailboxId) -> Result<Scanned, Error> {
    let mut found = Scanned {
        view: View::default(),
        keywords: flag::system_keywords().collect(),
        unseen: None,
    };
    let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
    store.scan(mailbox, Uid::FIRST, last, &mut |uid, state| {
        found.view.push(uid.raw());
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
    pub(super) fn select(
        &mut self,
        raw: &[u8],
        read_only: bool,
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        // RFC 9051 §6.3.2: whatever comes of it, what was selected no longer is.
        let closed = self.selected.take().is_some();
        let unselected = |stop: Stop| Stop::Answer(stop.completion().effect(Effect::Unselected));
        if closed && self.rev2 {
            out.extend_from_slice(b"* OK [CLOSED] The mailbox before is closed\r\n");
        }
        self.open(raw, read_only, out).map_err(unselected)
    }

    fn open(&mut self, raw: &[u8], read_only: bool, out: &mut Vec<u8>) -> Result<Completion, Stop> {
        let row = self.find(raw, Seeking::Named)?;
        let store = self.mail(Right::Read)?;
        // Read before the scan: what is committed in between is told twice rather than never.
        let modseq = store.modseq()?;
        let mailbox = store.mailbox(row.mailbox.id)?;
        let scanned = scan(&store, mailbox.id)?;
        let count = scanned.view.count();
        let after_last = scanned
            .view
            .last_uid()
            .map_or(1, |uid| uid.saturating_add(1));
        flags(out, &scanned.keywords);
        let permanent: Vec<&Keyword> = match read_only {
            true => Vec::new(),
            false => scanned.keywords.iter().collect(),
        };
        out.extend_from_slice(b"* OK [PERMANENTFLAGS ");
        flag::put_flags(out, permanent);
        if !read_only {
            out.pop();
            out.extend_from_slice(b" \\*)");
        }
        out.extend_from_slice(b"] Flags that are kept\r\n");
        put(out, format_args!("* {count} EXISTS\r\n"));
        if !self.rev2 {
            // RFC 3501 §2.3.2: \Recent is not kept; RFC 9051 §A.2 drops it.
            out.extend_from_slice(b"* 0 RECENT\r\n");
            if let Some(number) = scanned.unseen {
                put(out, format_args!("* OK [UNSEEN {number}] First unseen\r\n"));
            }
        }
        put(
            out,
            format_args!(
                "* OK [UIDVALIDITY {}] UIDs are valid\r\n",
                mailbox.uid_validity
            ),
        );
        let next = mailbox.uid_next.raw().max(after_last);
        put(out, format_args!("* OK [UIDNEXT {next}] Next UID\r\n"));
        if self.rev2 {
            super::list::line(out, "LIST", &row, true);
        }
        self.selected = Some(Box::new(Selected {
            mailbox: mailbox.id,
            read_only,
            view: scanned.view,
            modseq,
            own: Vec::new(),
            gone: BTreeSet::new(),
            keywords: scanned.keywords,
            saved: Numbers::default(),
        }));
        let (code, text) = match read_only {
            true => ("READ-ONLY", "EXAMINE completed"),
            false => ("READ-WRITE", "SELECT completed"),
        };
        Ok(Completion::ok(text)
            .code(code.into())
            .effect(Effect::Selected))
    }

    /// RFC 9051 §6.4.1: expunges silently, unless the mailbox is read-only.
    pub(super) fn close(&mut self) -> Result<Completion, Stop> {
        let done = || Completion::ok("CLOSE completed").effect(Effect::Unselected);
        if self.selected()?.read_only {
            self.selected = None;
            return Ok(done());
        }
        let mut expunging = self.expunge(None)?;
        while let super::Progress::More = self.expunge_step(&mut expunging)? {}
        self.selected = None;
        Ok(done())
    }
}

/// `* FLAGS (…)`
pub(super) fn flags(out: &mut Vec<u8>, keywords: &BTreeSet<Keyword>) {
    out.extend_from_slice(b"* FLAGS ");
    flag::put_flags(out, keywords);
    out.extend_from_slice(b"\r\n");
}
