//! Executes commands against an account, synchronously, and tells the result in pieces.
//!
//! - Every command begins by asking the directory whether the sign-in still stands (idea 2, I-08).
//! - A tagged OK is made only after storage's commit has returned (I-01).
//! - Output comes in pieces of about [`PIECE_MAX`] octets, so that a slow reader costs one piece.
//! - What other sessions did is told at the end of a command; EXPUNGE never during FETCH, STORE or
//!   SEARCH (I-16). What NOTIFY asks for is told between commands too.

mod acl;
mod append;
mod columns;
mod context;
mod copy;
mod create;
mod expunge;
mod fetch;
mod find;
mod hear;
mod limit;
mod list;
mod login;
mod metadata;
mod notify;
mod opened;
mod progress;
mod quota;
mod replace;
mod resync;
mod room;
mod search;
mod section;
mod select;
mod sort;
mod standing;
mod status;
mod store;
mod sync;
mod thread;
mod untold;
mod wanted;

pub(crate) use login::refusal as refused_sign_in;
pub(crate) use room::Room;
pub(crate) use select::Selected;
pub(crate) use standing::LOST;
use untold::Untold;

use crate::ask::{Answer, Ask, Completion, Effect, Output};
use crate::code::{self, Seeking};
use crate::settings::Settings;
use crate::wire::command::Command;
use crate::wire::response::put;
use crate::wire::sequence::{Numbers, SequenceSet};
use directory::{Access, Directory, Heeding, Peer};
use std::sync::Arc;
use storage::{Error, Lately};
use tokio::sync::Notify;

/// Octets of output after which a piece is sent.
pub(crate) const PIECE_MAX: usize = 64 * 1024;

/// Octets of the messages whose summaries are held at one time: a summary may be nearly as large as the header
/// and the structure that it tells of.
pub(crate) const BATCH_OCTETS_MAX: u64 = 4 * 1024 * 1024;

/// How far a command has come.
pub(crate) enum Progress {
    More,
    Done(Completion),
}

/// A command that takes several pieces.
enum Job {
    Fetch(Box<fetch::Fetch>),
    Search(Box<search::Searching>),
    Store(Box<store::Storing>),
    Expunge(expunge::Expunging),
    /// Telling what changed, before the tagged response.
    Tail {
        completion: Completion,
        expunges: bool,
    },
}

/// How far the tail of a command has come.
enum Told {
    More,
    /// Arrivals are fetched as NOTIFY wants it.
    Arrivals(Box<fetch::Fetch>),
    All(Completion),
}

impl Job {
    /// Nothing is left but to tell what changed.
    fn ended(completion: Completion) -> Self {
        Self::Tail {
            completion,
            expunges: true,
        }
    }
}

/// Octets of the contents read lately that are kept for partial FETCH (RFC 9051 §6.4.5).
const LATELY_OCTETS_MAX: usize = 128 * 1024 * 1024;
/// How many they are.
const LATELY_MAX: usize = 32;

/// What all sessions keep in memory together; each part is bounded.
pub(crate) struct Kept {
    lately: Lately,
    columns: columns::Columns,
    opened: opened::Opened,
    untold: Arc<Untold>,
    pub(crate) wakes: Arc<hear::Wakes>,
    room: room::Rooms,
}

impl Kept {
    /// With so much room for messages of that size, octets.
    pub(crate) fn new(room: u64, message_max: u64) -> Self {
        Self {
            lately: Lately::new(LATELY_OCTETS_MAX, LATELY_MAX),
            columns: columns::Columns::default(),
            opened: opened::Opened::default(),
            untold: Arc::default(),
            wakes: Arc::default(),
            room: room::Rooms::new(room, message_max),
        }
    }
}

/// What one connection is about to do, or is doing. Small while nobody is signed in.
pub(crate) struct Runner {
    directory: Directory,
    settings: Arc<Settings>,
    kept: Arc<Kept>,
    peer: Peer,
    access: Option<Access>,
    /// RFC 9051: IMAP4rev2 was enabled.
    rev2: bool,
    modes: resync::Modes,
    pace: progress::Pace,
    /// RFC 6855, RFC 9051: UTF-8 in names and quoted strings was asked for, by UTF8=ACCEPT or IMAP4rev2.
    utf8: bool,
    /// RFC 6855 §3: UTF8=ACCEPT itself; then SEARCH names no charset.
    utf8_accept: bool,
    /// RFC 5465: what is told besides, once NOTIFY was used.
    watch: Option<Box<notify::Watch>>,
    /// What wakes the session for that.
    ears: Option<Box<hear::Ears>>,
    /// RFC 5464 §4.1: unsolicited METADATA responses were asked for.
    metadata_enabled: bool,
    /// IDLE is under way.
    idling: bool,
    selected: Option<Box<Selected>>,
    job: Option<Job>,
    notify: Arc<Notify>,
    subscription: Option<(storage::Subscription, Heeding)>,
}

impl Runner {
    pub(crate) fn new(
        directory: Directory,
        settings: Arc<Settings>,
        kept: Arc<Kept>,
        peer: Peer,
    ) -> Self {
        Self {
            directory,
            settings,
            kept,
            peer,
            access: None,
            rev2: false,
            modes: resync::Modes::default(),
            pace: progress::Pace::default(),
            utf8: false,
            utf8_accept: false,
            watch: None,
            ears: None,
            metadata_enabled: false,
            idling: false,
            selected: None,
            job: None,
            notify: Arc::new(Notify::new()),
            subscription: None,
        }
    }

    /// Octets of content that wait for the next piece.
    pub(crate) fn held(&self) -> usize {
        match &self.job {
            Some(Job::Fetch(fetch)) => fetch.held(),
            _ => 0,
        }
    }

    /// So much room for what comes in, until it is dropped; `None`: there is no more for this account.
    pub(crate) fn room(&self, octets: u64) -> Option<Room> {
        self.kept.room.take(self.access.as_ref()?.account(), octets)
    }

    /// Called by storage after commits while IDLE lasts.
    pub(crate) fn notify(&self) -> Arc<Notify> {
        Arc::clone(&self.notify)
    }

    /// Does what is asked, up to one piece of output.
    pub(crate) fn answer(&mut self, ask: Ask) -> Answer {
        let mut out = Output::default();
        let progress = match ask {
            Ask::Run { tag, command } => self.begin(&tag, *command, &mut out),
            Ask::More => self.go_on(&mut out),
            Ask::Changes => self.changes(&mut out),
            Ask::EndIdle => {
                let progress = self.changes(&mut out);
                (self.idling, self.subscription) = (false, None);
                progress
            }
            Ask::Sasl(question) => {
                return Answer::Sasl(question.answer(&self.directory, self.peer));
            }
            Ask::Room(_) => return Answer::Failed,
        };
        match progress {
            Progress::More => Answer::Piece(out),
            Progress::Done(completion) => Answer::Done(out, completion),
        }
    }

    fn begin(&mut self, tag: &str, command: Command, out: &mut Output) -> Progress {
        if self.access.as_ref().is_some_and(|a| !a.stands()) {
            return Progress::Done(Completion::no("", "").effect(Effect::Bye));
        }
        if self.modes.uid_only && command.names_numbers() {
            let refused = Completion::bad("only UIDs, as UIDONLY asks for");
            return Progress::Done(refused.code("UIDREQUIRED".into()));
        }
        if let Some(refused) = self.refuse_lost(&command, out.buf()) {
            return refused;
        }
        self.progress_from(tag);
        let started = match command {
            Command::Login { name, secret } => Ok(self.login(&name, &secret)),
            Command::Enter(entry) => Ok(self.enter(entry)),
            Command::Enable(names) => Ok(self.enable(&names, out.buf())),
            Command::Namespace => Ok(list::namespace(out.buf())),
            Command::Create { mailbox, roles } => {
                self.create(&mailbox, roles.as_deref(), out.buf())
            }
            Command::Delete(mailbox) => self.delete(&mailbox, out.buf()),
            Command::Rename { from, to } => self.rename((&from, &to), out.buf()),
            Command::Subscribe { mailbox, on } => self.subscribe(&mailbox, on),
            Command::List(list) => self.list(&list, out.buf()),
            Command::Xlist { reference, pattern } => self.xlist(&reference, pattern, out.buf()),
            Command::Lsub { reference, pattern } => self.lsub(&reference, &pattern, out.buf()),
            Command::Status { mailbox, items } => self.status(&mailbox, &items, out.buf()),
            Command::Append(append) => self.append(append, out.buf()),
            Command::Replace {
                uid,
                set,
                mailbox,
                letter,
            } => self.replace(uid, &set, (&mailbox, letter), out.buf()),
            Command::Unauthenticate => Ok(self.unauthenticate()),
            Command::Acl(acl) => self.acl(&acl, out.buf()),
            Command::Metadata(metadata) => self.metadata(metadata, out.buf()),
            Command::Quota(quota) => self.quota(&quota, out.buf()),
            Command::Copy {
                uid,
                set,
                mailbox,
                leave,
            } => self.copy(uid, &set, &mailbox, leave, out.buf()),
            Command::Close => self.close(),
            Command::Unselect => Ok(self.unselect("UNSELECT completed")),
            Command::Notify(notify) => self.watch(*notify, out.buf()),
            Command::Idle => self.idle(),
            Command::BadCharset { save } => Ok(self.bad_charset(save)),
            Command::CancelUpdate(tags) => self.cancel_update(&tags),
            other => match self.job_of(tag, other, out.buf()) {
                Ok(job) => {
                    self.job = Some(job);
                    return self.go_on(out);
                }
                Err(stop) => Err(stop),
            },
        };
        let completion = started.unwrap_or_else(Stop::completion);
        // Only a mailbox that stays selected has changes to tell.
        let quiet = self.selected.is_none() && !self.metadata_enabled;
        if quiet || completion.effect != Effect::None {
            return Progress::Done(completion);
        }
        self.job = Some(Job::Tail {
            completion,
            expunges: true,
        });
        self.go_on(out)
    }

    fn job_of(&mut self, tag: &str, command: Command, out: &mut Vec<u8>) -> Result<Job, Stop> {
        Ok(match command {
            Command::Select(select) => self.select(&select, out)?,
            Command::Fetch {
                uid,
                set,
                items,
                modifiers,
            } => Job::Fetch(self.fetch(uid, &set, items, modifiers, out)?),
            Command::Search { uid, search } => {
                if search.key.asks_modseq() {
                    self.condstore_on(out);
                }
                Job::Search(self.search(tag, uid, search)?)
            }
            Command::Store(store) => Job::Store(self.store(*store, out)?),
            Command::Expunge(set) => Job::Expunge(self.expunge(set.as_ref())?),
            Command::Check => Job::ended(Completion::ok("CHECK completed")),
            _ => Job::ended(Completion::ok("NOOP completed")),
        })
    }

    /// Goes on until there is a piece to send or the command has ended.
    fn go_on(&mut self, out: &mut Output) -> Progress {
        let Some(mut job) = self.job.take() else {
            return Progress::Done(Completion::bad("nothing to go on with"));
        };
        self.pace.begin(&job);
        loop {
            let step = match &mut job {
                Job::Fetch(fetch) => self.fetch_step(fetch, out),
                Job::Search(searching) => self.search_step(searching, out.buf()),
                Job::Store(storing) => self.store_step(storing, out.buf()),
                Job::Expunge(expunging) => self.expunge_step(expunging, out.buf()),
                // Only a mailbox that stays selected has changes to tell.
                Job::Tail { completion, .. } if completion.effect != Effect::None => {
                    return Progress::Done(completion.clone());
                }
                Job::Tail {
                    completion,
                    expunges,
                } => match self.tell(completion, *expunges, out.buf()) {
                    Told::More => Ok(Progress::More),
                    Told::All(completion) => return Progress::Done(completion),
                    Told::Arrivals(fetch) => {
                        job = Job::Fetch(fetch);
                        continue;
                    }
                },
            };
            match step {
                Ok(Progress::More) => {}
                Ok(Progress::Done(completion)) => job = tail_of(&job, completion),
                Err(stop) => {
                    let mut completion = stop.completion();
                    if matches!(&job, Job::Fetch(fetch) if fetch.opens()) {
                        // What was about to be selected is not.
                        self.selected = None;
                        if completion.effect == Effect::None {
                            completion.effect = Effect::Unselected;
                        }
                    }
                    if let Job::Fetch(fetch) = &job
                        && completion.effect == Effect::None
                    {
                        completion = fetch.ended_before().unwrap_or(completion);
                    }
                    job = tail_of(&job, completion);
                }
            }
            self.tell_progress(&job, out.buf());
            // A search that has found nothing yet still yields, so that others get their turn.
            if out.len() >= PIECE_MAX || matches!(&job, Job::Search(_) if !out.is_empty()) {
                self.job = Some(job);
                return Progress::More;
            }
            if matches!(&job, Job::Search(searching) if searching.yields()) {
                self.job = Some(job);
                return Progress::More;
            }
        }
    }

    /// What changed since the last command, before the tagged response.
    fn tell(&mut self, completion: &Completion, expunges: bool, out: &mut Vec<u8>) -> Told {
        if self.lost().is_some() {
            return Told::All(self.part(completion.clone(), out));
        }
        self.tell_rights(out);
        match self.sync(expunges, out) {
            Ok(true) => Told::More,
            Ok(false) => match self.fetch_arrived(completion, expunges) {
                Some(fetch) => Told::Arrivals(fetch),
                None => Told::All(self.settled(completion, out)),
            },
            // The command itself has ended well; that is what the peer must hear.
            Err(_) => Told::All(completion.clone()),
        }
    }

    /// All was told: mod-sequences that go with the end of the command (RFC 7162 §3.2).
    fn settled(&mut self, completion: &Completion, out: &mut Vec<u8>) -> Completion {
        self.settle(out);
        self.tell_watched(out);
        match self.highest_after_expunge() {
            Some(code) if completion.code.is_none() => completion.clone().code(code),
            Some(code) => {
                put(
                    out,
                    format_args!("* OK [{code}] Everything up to here was told\r\n"),
                );
                completion.clone()
            }
            None => completion.clone(),
        }
    }

    /// NOOP's part of IDLE.
    fn changes(&mut self, out: &mut Output) -> Progress {
        if self.access.as_ref().is_some_and(|a| !a.stands()) {
            return Progress::Done(Completion::no("", "").effect(Effect::Bye));
        }
        let completion = Completion::ok("");
        self.job = Some(Job::Tail {
            completion,
            expunges: self.idling || self.expunges_at_once(),
        });
        self.go_on(out)
    }

    /// RFC 2177: storage wakes the session from now on.
    fn idle(&mut self) -> Result<Completion, Stop> {
        self.attend()?;
        self.idling = true;
        Ok(Completion::ok(""))
    }

    /// RFC 8437 §3: everything that this sign-in brought is forgotten, whatever extension it belongs to.
    fn unauthenticate(&mut self) -> Completion {
        let new = Self::new(
            self.directory.clone(),
            Arc::clone(&self.settings),
            Arc::clone(&self.kept),
            self.peer,
        );
        // The session waits on this one.
        let notify = Arc::clone(&self.notify);
        *self = Self { notify, ..new };
        Completion::ok("Signed out").effect(Effect::SignedOut)
    }

    /// RFC 5161 §3.1.
    fn enable(&mut self, names: &[String], out: &mut Vec<u8>) -> Completion {
        let asked = |name: &str| names.iter().any(|n| n == name);
        let mut enabled = String::new();
        if asked("IMAP4REV2") {
            enabled.push_str(" IMAP4rev2");
            self.rev2 = true;
            // RFC 9051 §A: there is no such flag any more.
            if let Some(selected) = self.selected.as_deref_mut() {
                selected.recent = Numbers::default();
            }
        }
        if asked("UTF8=ACCEPT") {
            enabled.push_str(" UTF8=ACCEPT");
            self.utf8_accept = true;
        }
        self.utf8 = self.rev2 || self.utf8_accept;
        // RFC 7162 §3.2.3: QRESYNC brings CONDSTORE with it.
        if asked("QRESYNC") {
            enabled.push_str(" QRESYNC");
            self.modes.qresync = true;
        }
        // RFC 9586 §3.1.
        if asked("UIDONLY") {
            enabled.push_str(" UIDONLY");
            self.modes.uid_only = true;
        }
        if asked("CONDSTORE") {
            enabled.push_str(" CONDSTORE");
        }
        self.enable_metadata(names, &mut enabled);
        if asked("QRESYNC") || asked("CONDSTORE") {
            self.condstore_on(out);
        }
        put(out, format_args!("* ENABLED{enabled}\r\n"));
        Completion::ok("ENABLE completed")
    }

    fn selected(&mut self) -> Result<&mut Selected, Stop> {
        self.selected
            .as_deref_mut()
            .ok_or_else(|| Completion::bad("no mailbox is selected").into())
    }

    fn writable(&mut self) -> Result<&mut Selected, Stop> {
        let selected = self.selected()?;
        match selected.read_only {
            true => Err(Completion::no("READ-ONLY", "The mailbox is open for reading only").into()),
            false => Ok(selected),
        }
    }

    /// The UIDs that a command names. Errors: BAD for message numbers that are not there
    /// (RFC 9051 §9 seq-number); unknown UIDs are passed over.
    fn uids(&mut self, uid: bool, set: &SequenceSet) -> Result<Numbers, Stop> {
        let selected = self.selected()?;
        let (ranges, saved) = match set {
            SequenceSet::Saved => return Ok(selected.view.known(&selected.saved)),
            SequenceSet::Ranges(ranges) => (ranges, Numbers::default()),
            SequenceSet::Both(ranges) => (ranges, selected.view.known(&selected.saved)),
        };
        if uid {
            let largest = selected.view.last_uid().unwrap_or(0);
            let named = selected.view.known(&Numbers::of(ranges, largest));
            return Ok(named.or(&saved));
        }
        let count = selected.view.count();
        let numbers = Numbers::of(ranges, count);
        if numbers.last().is_none_or(|last| last > count) || numbers.first() == Some(0) {
            return Err(Completion::bad("there is no message of that number").into());
        }
        Ok(selected.view.uids(&numbers).or(&saved))
    }

    fn unselect(&mut self, text: &'static str) -> Completion {
        self.selected = None;
        Completion::ok(text).effect(Effect::Unselected)
    }
}

/// RFC 9051 §7.5.1: no EXPUNGE while FETCH, STORE or SEARCH is in progress; their UID forms are others.
fn tail_of(job: &Job, completion: Completion) -> Job {
    let expunges = match job {
        Job::Fetch(fetch) => fetch.uid,
        // RFC 7162 §3.2.10.2: nor in a UID SEARCH that names message numbers.
        Job::Search(searching) => searching.uid && !searching.numbered,
        Job::Store(storing) => storing.uid,
        _ => true,
    };
    Job::Tail {
        completion,
        expunges,
    }
}

/// Why a command stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// With this answer.
    Answer(Completion),
    Storage(Error),
    /// The sign-in no longer stands.
    Denied,
    /// In the middle of a response, which cannot be told to its end.
    Torn,
}

impl Stop {
    fn completion(self) -> Completion {
        match self {
            Self::Answer(completion) => completion,
            Self::Storage(error) => code::refusal(&error, Seeking::Named),
            Self::Denied => Completion::no("", "").effect(Effect::Bye),
            Self::Torn => Completion::no("", "").effect(Effect::Torn),
        }
    }
}

impl From<Completion> for Stop {
    fn from(completion: Completion) -> Self {
        Self::Answer(completion)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}
