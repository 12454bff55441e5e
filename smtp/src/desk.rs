//! Answers the machine's questions for one session: the rooms below, asked on a bounded blocking pool.

use crate::ask::{Answer, Ask, SignIn};
use crate::receiver::{Receiver, Service};
use crate::room::{Memory, Room};
use delivery::verify::{Arriving, Enforcement, Evidence, SoFar, Verify};
use delivery::{Delivery, Envelope, Origin, Refused};
use directory::signin::Peer;
use directory::{Access, Directory, SignInError};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How much the sessions may use together.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Octets of messages being received, in all sessions together.
    pub memory_bytes: u64,
    /// Look-ups and acceptances at a time; each holds a thread.
    pub blocking: usize,
    /// Sign-ins at a time; each costs a whole argon2id.
    pub sign_ins: usize,
}

impl Default for Limits {
    /// 512 MiB hold ten messages of the largest usual size; 64 acceptances share one disk flush;
    /// sign-ins keep processors busy and must not take all of them.
    fn default() -> Self {
        Self {
            memory_bytes: 512 * 1024 * 1024,
            blocking: 64,
            sign_ins: 4,
        }
    }
}

/// Seconds that a message from outside may take for finding out who sent it, all checks together; then it comes in
/// with what is known by then.
pub const VERIFY_S: u64 = 5;

/// Messages that are looked at at a time; each holds a thread, since hashes of large ones take long.
const LOOKS_MAX: usize = 64;

/// How mail from outside is looked at.
#[derive(Clone)]
pub struct Looking {
    /// Finds out who sent it.
    pub verifier: Arc<dyn Verify>,
    /// What becomes of it then.
    pub rule: Enforcement,
    /// Peers whose mail is not looked at.
    pub trusts: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

/// What sessions need of the rooms below; cheap to clone.
#[derive(Clone)]
pub struct Services {
    looking: Option<Looking>,
    looks: Arc<Semaphore>,
    delivery: Delivery,
    directory: Directory,
    blocking: Arc<Semaphore>,
    sign_ins: Arc<Semaphore>,
    memory: Memory,
}

impl Services {
    /// Joins them under these limits.
    pub fn new(delivery: Delivery, directory: Directory, limits: Limits) -> Self {
        let memory = Memory::new(limits.memory_bytes, delivery.settings().size_max);
        Self {
            delivery,
            directory,
            blocking: Arc::new(Semaphore::new(limits.blocking.max(1))),
            sign_ins: Arc::new(Semaphore::new(limits.sign_ins.max(1))),
            memory,
            looking: None,
            looks: Arc::new(Semaphore::new(LOOKS_MAX)),
        }
    }

    /// From now on mail from outside is looked at.
    #[must_use]
    pub fn looking(mut self, looking: Looking) -> Self {
        self.looking = Some(looking);
        self
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Services")
    }
}

/// One session's desk.
pub(crate) struct Desk<'a> {
    services: &'a Services,
    peer: IpAddr,
    access: Option<Access>,
    room: Room,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(services: &'a Services, peer: IpAddr) -> Self {
        Self {
            services,
            peer,
            access: None,
            room: Room::new(&services.memory, peer),
        }
    }

    /// Octets of one message that who signed in may send; `None`: as many as any.
    pub(crate) fn octets_max(&self) -> Option<u64> {
        self.access.as_ref().and_then(Access::message_octets)
    }

    pub(crate) async fn answer(&mut self, ask: Ask, machine: &Receiver) -> Answer {
        match ask {
            Ask::Room(octets) => Answer::Room(self.reserve(octets, machine.service())),
            Ask::Sender(from) => {
                let (delivery, origin) = (self.services.delivery.clone(), self.origin(machine));
                let declared = machine.declared();
                let call = move || delivery.sender_of(&from, &origin, declared);
                Answer::Sender(
                    block(&self.services.blocking, call)
                        .await
                        .unwrap_or_else(Err),
                )
            }
            Ask::Recipient(address, octets) => {
                let (delivery, origin) = (self.services.delivery.clone(), self.origin(machine));
                let from = machine.reverse_path().cloned().unwrap_or_default();
                let call = move || delivery.recipient_of(&address, &from, &origin, octets);
                Answer::Recipient(
                    block(&self.services.blocking, call)
                        .await
                        .unwrap_or_else(Err),
                )
            }
            Ask::Take { envelope, content } if machine.service() == Service::Lmtp => {
                Answer::TakeEach(self.take_each(envelope, content, machine).await)
            }
            Ask::Take { envelope, content } => {
                Answer::Take(self.take(envelope, content, machine).await)
            }
            Ask::Enter(entry) => {
                self.access = Some(entry.into_access());
                Answer::SignIn(SignIn::Accepted)
            }
            Ask::Sasl(question) => {
                let directory = self.services.directory.clone();
                let peer = Peer {
                    ip: self.peer,
                    service: "submission",
                };
                let call = move || question.answer(&directory, peer);
                match block(&self.services.sign_ins, call).await {
                    Ok(answer) => Answer::Sasl(answer),
                    Err(_) => Answer::SignIn(SignIn::Unavailable),
                }
            }
            Ask::SignIn { name, secret } => {
                let directory = self.services.directory.clone();
                let peer = Peer {
                    ip: self.peer,
                    service: "submission",
                };
                let call = move || directory.sign_in(&name, &secret, peer);
                Answer::SignIn(match block(&self.services.sign_ins, call).await {
                    Ok(Ok(access)) => {
                        self.access = Some(access);
                        SignIn::Accepted
                    }
                    Ok(Err(SignInError::Refused)) => SignIn::Refused,
                    Ok(Err(SignInError::ChooseFirst)) => SignIn::ChooseFirst,
                    Ok(Err(SignInError::Barred(why))) => SignIn::Barred(why),
                    Ok(Err(SignInError::Later(_))) => SignIn::Later,
                    Ok(Err(SignInError::Storage(error))) => {
                        tracing::error!(%error, "sign-in failed");
                        SignIn::Unavailable
                    }
                    Err(_) => SignIn::Unavailable,
                })
            }
        }
    }

    async fn take(
        &mut self,
        envelope: Envelope,
        content: Vec<u8>,
        machine: &Receiver,
    ) -> Result<String, Refused> {
        let (delivery, origin) = (self.services.delivery.clone(), self.origin(machine));
        let content = Arc::new(content);
        let seen = self.look(&envelope, &content, &origin).await;
        let call = move || delivery.accept_seen(envelope, &content, &origin, seen);
        block(&self.services.blocking, call)
            .await?
            .map(|receipt| receipt.trace)
    }

    /// What can be found out of who sent it, where it comes from outside.
    async fn look(
        &self,
        envelope: &Envelope,
        content: &Arc<Vec<u8>>,
        origin: &Origin,
    ) -> Option<(Evidence, Enforcement)> {
        let (looking, helo) = match (&self.services.looking, origin) {
            (Some(looking), Origin::Remote { ip, helo, .. }) if !(looking.trusts)(*ip) => {
                (looking, helo)
            }
            _ => return None,
        };
        let arriving = Arriving {
            ip: self.peer,
            helo: helo.clone(),
            from: envelope.from.clone(),
            content: Arc::clone(content),
            now: self.services.directory.clock().now_s(),
        };
        let limit = Duration::from_secs(VERIFY_S);
        let so_far = SoFar::new(&envelope.from);
        let noted = so_far.clone();
        let (verifier, looks) = (
            Arc::clone(&looking.verifier),
            Arc::clone(&self.services.looks),
        );
        let looked = timeout(limit, async move {
            let place = looks.acquire_owned().await.ok()?;
            let handle = Handle::current();
            let call = move || {
                let _place = place;
                handle
                    .block_on(timeout(limit, verifier.verify(arriving, noted)))
                    .ok()
            };
            tokio::task::spawn_blocking(call).await.ok()?
        });
        let evidence = looked.await.ok().flatten().unwrap_or_else(|| {
            tracing::warn!(peer = %self.peer, "DNS took too long to find out who sent a message");
            so_far.get()
        });
        Some((evidence, looking.rule))
    }

    /// RFC 2033 §4.2.
    async fn take_each(
        &mut self,
        envelope: Envelope,
        content: Vec<u8>,
        machine: &Receiver,
    ) -> Vec<Result<String, Refused>> {
        let (delivery, origin) = (self.services.delivery.clone(), self.origin(machine));
        let count = envelope.recipients.len();
        let call = move || delivery.accept_each(envelope, &content, &origin);
        let done = block(&self.services.blocking, call).await;
        done.unwrap_or_else(|refused| vec![Err(refused); count])
    }

    fn origin(&self, machine: &Receiver) -> Origin {
        let (helo, with) = (machine.helo().to_owned(), machine.with());
        let tls = machine.secured_by().map(str::to_owned);
        match (&self.access, machine.service()) {
            (Some(access), Service::Submission) => Origin::Submitted {
                access: access.clone(),
                ip: Some(self.peer),
                helo,
                with,
                tls,
            },
            _ => Origin::Remote {
                ip: self.peer,
                helo,
                with,
                tls,
            },
        }
    }

    /// Grows the reservation to so many octets. Who hands mail over by LMTP, and peers whose mail is not looked at, bring
    /// that of many.
    fn reserve(&mut self, octets: u64, service: Service) -> bool {
        let looking = self.services.looking.as_ref();
        let trusted = || looking.is_some_and(|looking| (looking.trusts)(self.peer));
        let known = self.access.is_some() || service == Service::Lmtp || trusted();
        let granted = self.room.grow(octets, known);
        if !granted {
            tracing::info!(peer = %self.peer, octets, known, "no memory for a message that is coming in");
        }
        granted
    }

    /// Lets memory go that the machine needs no more.
    pub(crate) fn release(&mut self, held: u64) {
        if held == 0 {
            self.room.clear();
        }
    }
}

/// Runs it on a blocking thread when one of the few places is free. A panic there ends one call only.
async fn block<T: Send + 'static>(
    places: &Semaphore,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refused> {
    let gone = |_| Refused::Failed("the server is stopping".into());
    let _place = places.acquire().await.map_err(gone)?;
    tokio::task::spawn_blocking(call).await.map_err(|error| {
        tracing::error!(%error, "a blocking call failed");
        Refused::Failed("a blocking call failed".into())
    })
}
