//! Executes commands against an account, synchronously, and tells the result in pieces.
//!
//! - Every command begins by asking the directory whether the sign-in still stands (idea 2, I-08).
//! - A tagged OK is made only after storage's commit has returned (I-01).
//! - Output comes in pieces of about [`PIECE_MAX`] octets, so that a slow reader costs one piece.
//! - What other sessions did is told at the end of a command; EXPUNGE never during FETCH, STORE or
//!   SEARCH (I-16).

mod append;
mod copy;
mod create;
mod expunge;
mod fetch;
mod list;
mod login;
mod recent;
mod search;
mod section;
mod select;
mod status;
mod store;
mod sync;

pub(crate) use recent::Recent;
pub(crate) use select::Selected;

use crate::ask::{Answer, Ask, Completion, Effect, Output};
use crate::code::{self, Seeking};
use crate::settings::Settings;
use crate::tree::{self, Row, Tree};
use crate::wire::command::Command;
use crate::wire::sequence::{Numbers, SequenceSet};
use directory::{Access, Directory, Peer, Right};
use std::sync::Arc;
use storage::{AccountStore, Error};
use tokio::sync::Notify;

/// Octets of output after which a piece is sent.
pub(crate) const PIECE_MAX: usize = 64 * 1024;

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

/// What one connection is about to do, or is doing. Small while nobody is signed in.
pub(crate) struct Runner {
    directory: Directory,
    settings: Arc<Settings>,
    recent: Arc<Recent>,
    peer: Peer,
    access: Option<Access>,
    /// RFC 9051: IMAP4rev2 was enabled.
    rev2: bool,
    selected: Option<Box<Selected>>,
    job: Option<Job>,
    notify: Arc<Notify>,
    subscription: Option<storage::Subscription>,
}

impl Runner {
    pub(crate) fn new(
        directory: Directory,
        settings: Arc<Settings>,
        recent: Arc<Recent>,
        peer: Peer,
    ) -> Self {
        Self {
            directory,
            settings,
            recent,
            peer,
            access: None,
            rev2: false,
            selected: None,
            job: None,
            notify: Arc::new(Notify::new()),
            subscription: None,
        }
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
                self.subscription = None;
                self.changes(&mut out)
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
        let started = match command {
            Command::Login { name, secret } => Ok(self.login(&name, &secret)),
            Command::Enable(names) => Ok(self.enable(&names, out.buf())),
            Command::Namespace => {
                // RFC 2342 §5: one personal namespace, nothing else yet.
                out.buf()
                    .extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
                Ok(Completion::ok("NAMESPACE completed"))
            }
            Command::Select { mailbox, read_only } => self.select(&mailbox, read_only, out.buf()),
            Command::Create { mailbox, roles } => self.create(&mailbox, roles.as_deref()),
            Command::Delete(mailbox) => self.delete(&mailbox),
            Command::Rename { from, to } => self.rename(&from, &to),
            Command::Subscribe { mailbox, on } => self.subscribe(&mailbox, on),
            Command::List(list) => self.list(&list, out.buf()),
            Command::Lsub { reference, pattern } => self.lsub(&reference, &pattern, out.buf()),
            Command::Status { mailbox, items } => self.status(&mailbox, &items, out.buf()),
            Command::Append(append) => self.append(append),
            Command::Copy {
                uid,
                set,
                mailbox,
                leave,
            } => self.copy(uid, &set, &mailbox, leave, out.buf()),
            Command::Close => self.close(),
            Command::Unselect => Ok(self.unselect("UNSELECT completed")),
            Command::Idle => self.idle(),
            Command::BadCharset { save } => Ok(self.bad_charset(save)),
            other => match self.job_of(tag, other) {
                Ok(job) => {
                    self.job = Some(job);
                    return self.go_on(out);
                }
                Err(stop) => Err(stop),
            },
        };
        let completion = started.unwrap_or_else(Stop::completion);
        // Only a mailbox that stays selected has changes to tell.
        if self.selected.is_none() || completion.effect != Effect::None {
            return Progress::Done(completion);
        }
        self.job = Some(Job::Tail {
            completion,
            expunges: true,
        });
        self.go_on(out)
    }

    fn job_of(&mut self, tag: &str, command: Command) -> Result<Job, Stop> {
        Ok(match command {
            Command::Fetch { uid, set, items } => Job::Fetch(self.fetch(uid, &set, items)?),
            Command::Search { uid, search } => Job::Search(self.search(tag, uid, search)?),
            Command::Store {
                uid,
                set,
                sign,
                silent,
                flags,
            } => Job::Store(self.store(uid, &set, sign, silent, flags)?),
            Command::Expunge(set) => Job::Expunge(self.expunge(set.as_ref())?),
            Command::Check => {
                let completion = Completion::ok("CHECK completed");
                Job::Tail {
                    completion,
                    expunges: true,
                }
            }
            _ => Job::Tail {
                completion: Completion::ok("NOOP completed"),
                expunges: true,
            },
        })
    }

    /// Goes on until there is a piece to send or the command has ended.
    fn go_on(&mut self, out: &mut Output) -> Progress {
        let Some(mut job) = self.job.take() else {
            return Progress::Done(Completion::bad("nothing to go on with"));
        };
        loop {
            let step = match &mut job {
                Job::Fetch(fetch) => self.fetch_step(fetch, out),
                Job::Search(searching) => self.search_step(searching, out.buf()),
                Job::Store(storing) => self.store_step(storing, out.buf()),
                Job::Expunge(expunging) => self.expunge_step(expunging),
                Job::Tail {
                    completion,
                    expunges,
                } => {
                    match self.sync(*expunges, out.buf()) {
                        Ok(true) => Ok(Progress::More),
                        Ok(false) => return Progress::Done(completion.clone()),
                        // The command itself has ended well; that is what the peer must hear.
                        Err(_) => return Progress::Done(completion.clone()),
                    }
                }
            };
            match step {
                Ok(Progress::More) => {}
                Ok(Progress::Done(completion)) => job = tail_of(&job, completion),
                Err(stop) => job = tail_of(&job, stop.completion()),
            }
            // A search that has found nothing yet still yields, so that others get their turn.
            if out.len() >= PIECE_MAX || matches!(&job, Job::Search(_) if !out.is_empty()) {
                self.job = Some(job);
                return Progress::More;
            }
            if matches!(&job, Job::Search(searching) if searching.is_long()) {
                self.job = Some(job);
                return Progress::More;
            }
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
            expunges: true,
        });
        self.go_on(out)
    }

    /// RFC 2177: storage wakes the session from now on.
    fn idle(&mut self) -> Result<Completion, Stop> {
        let notify = Arc::clone(&self.notify);
        let store = self.mail(Right::Read)?;
        self.subscription = Some(store.subscribe(Arc::new(move |_| notify.notify_one())));
        Ok(Completion::ok(""))
    }

    /// RFC 5161 §3.1.
    fn enable(&mut self, names: &[String], out: &mut Vec<u8>) -> Completion {
        let rev2 = names.iter().any(|n| n == "IMAP4REV2");
        out.extend_from_slice(b"* ENABLED");
        if rev2 {
            out.extend_from_slice(b" IMAP4rev2");
            self.rev2 = true;
        }
        out.extend_from_slice(b"\r\n");
        Completion::ok("ENABLE completed")
    }

    /// The door to the signed-in account's mail.
    fn mail(&self, right: Right) -> Result<AccountStore, Stop> {
        let access = self.access.as_ref().ok_or(Stop::Denied)?;
        access
            .mail(access.account(), right)
            .map_err(|_| Stop::Denied)
    }

    fn tree(&self) -> Result<Tree, Stop> {
        Ok(Tree::of(self.mail(Right::Read)?.mailboxes()?))
    }

    /// A mailbox name in the form of [`Tree`].
    fn name(&self, raw: &[u8]) -> Result<String, Stop> {
        let name = tree::name(raw, self.rev2).filter(|n| !n.is_empty());
        name.ok_or_else(|| Completion::no("CANNOT", "This is not a mailbox name").into())
    }

    /// The mailbox of that name.
    fn find(&self, raw: &[u8], seeking: Seeking) -> Result<Row, Stop> {
        let name = self.name(raw)?;
        let row = self.tree()?.find(&name).cloned();
        row.ok_or_else(|| code::refusal(&Error::NotFound, seeking).into())
    }

    fn selected(&mut self) -> Result<&mut Selected, Stop> {
        self.selected
            .as_deref_mut()
            .ok_or_else(|| Completion::bad("no mailbox is selected").into())
    }

    fn writable(&mut self) -> Result<&mut Selected, Stop> {
        let selected = self.selected()?;
        match selected.read_only {
            true => Err(Completion::no("READ-ONLY", "The mailbox was opened with EXAMINE").into()),
            false => Ok(selected),
        }
    }

    /// The UIDs that a command names. Errors: BAD for message numbers that are not there
    /// (RFC 9051 §9 seq-number); unknown UIDs are passed over.
    fn uids(&mut self, uid: bool, set: &SequenceSet) -> Result<Numbers, Stop> {
        let selected = self.selected()?;
        let ranges = match set {
            SequenceSet::Saved => return Ok(selected.view.known(&selected.saved)),
            SequenceSet::Ranges(ranges) => ranges,
        };
        if uid {
            let largest = selected.view.last_uid().unwrap_or(0);
            return Ok(selected.view.known(&Numbers::of(ranges, largest)));
        }
        let count = selected.view.count();
        let numbers = Numbers::of(ranges, count);
        if numbers.last().is_none_or(|last| last > count) || numbers.first() == Some(0) {
            return Err(Completion::bad("there is no message of that number").into());
        }
        Ok(selected.view.uids(&numbers))
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
        Job::Search(searching) => searching.uid,
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
}

impl Stop {
    fn completion(self) -> Completion {
        match self {
            Self::Answer(completion) => completion,
            Self::Storage(error) => code::refusal(&error, Seeking::Named),
            Self::Denied => Completion::no("", "").effect(Effect::Bye),
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
