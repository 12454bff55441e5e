//! Relaying: from a message and its next hop to an outcome for each recipient. Finds the hosts, asks their addresses
//! in turn, and hands the message over; what a peer answers comes back word for word.

mod connect;
pub mod dane;
mod demand;
mod idle;
mod letter;
mod line;
pub mod mta_sts;
mod route;
mod target;
mod told;
mod wire;

pub use connect::{CONNECT_MS, HESITATION_MS};
pub use dane::Dane;
pub use demand::Policy;
pub use idle::IDLE_MAX;
pub use line::{IDLE_S, Line, MESSAGES_MAX, Network, Sent, WRITE_S};
pub use target::{ADDRESSES_MAX, HOSTS_MAX, is_public};
pub use wire::{Fault, Insecure, Trust, Wire};

use crate::sender::{CLOSED, Cause, Config, DOUBT, Failure, Message, Tls};
use delivery::{Hop, Job, Outcome, Resolver, ReversePath, TlsWish, Tried};
use demand::Worth;
use route::Target;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

/// What one question to DNS may take.
pub const DNS_S: u64 = 20;
/// After this no further address of a hop is asked; the next try begins with the first again.
pub const SEARCH_S: u64 = 600;

/// Who we are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our name in EHLO.
    pub hello: String,
    /// Our other names; mail for a domain whose hosts bear one would come back.
    pub names: Vec<String>,
    /// A random number at each call, for the order of hosts.
    pub random: fn() -> u64,
}

/// Hands messages over; keeps connections for those that follow.
pub struct Relay<R, W: Wire> {
    resolver: R,
    wire: Arc<W>,
    settings: Settings,
    idle: idle::Idle<W::Stream>,
}

/// Why nobody was found.
enum Missed {
    /// For good.
    Never(String),
    /// For now.
    Now(String),
    /// For now: it ended the connection in the middle of the message, before it had all of it.
    HungUp(String),
    /// This host cannot be what the sender asks for; another one may.
    Unfit(String),
    /// DNS says that this host has no address; another one may.
    Nowhere(String),
}

impl<R: Resolver, W: Wire> Relay<R, W> {
    /// Over this DNS and these connections.
    pub fn new(resolver: R, wire: W, settings: Settings) -> Self {
        Self {
            resolver,
            wire: Arc::new(wire),
            settings,
            idle: idle::Idle::default(),
        }
    }

    /// Tries a job now.
    pub async fn send(&self, job: &Job) -> Tried {
        let message = letter::message(job);
        let wish = demand::wish(job);
        let fits = |line: &Line<W::Stream>| wish != TlsWish::Required || promises(line);
        while let Some(mut line) = self.idle.take(&job.hop, fits) {
            if !line.is_fresh() || !line.is_alive().await {
                line.quit().await;
                continue;
            }
            let sent = send(&mut line, &message, job).await;
            // A peer that was about to go anyway: the letter has not begun, and another connection may do.
            if !lost(&sent, &line) {
                return self.ended(&job.hop, line, sent).await;
            }
        }
        match self.search(job, &message, wish).await {
            Ok(tried) => tried,
            // RFC 8689 §4.2.1: where no host is left, the sender is told.
            Err(Missed::Never(why) | Missed::Unfit(why) | Missed::Nowhere(why)) => Tried {
                outcomes: vec![Outcome::Failed(why); message.recipients.len()],
                ..Tried::default()
            },
            Err(Missed::Now(why)) => put_off(why, message.recipients.len()),
            Err(Missed::HungUp(why)) => Tried {
                dropped: true,
                ..put_off(why, message.recipients.len())
            },
        }
    }

    /// Ends connections that nobody needed for a while; all of them with `all`. To be called now and then.
    pub async fn sweep(&self, all: bool) {
        let lines = if all {
            self.idle.all()
        } else {
            self.idle.stale()
        };
        for line in lines {
            line.quit().await;
        }
    }

    /// Asks one host after the other until one takes the message, or says what is to be made of it.
    async fn search(&self, job: &Job, message: &Message, wish: TlsWish) -> Result<Tried, Missed> {
        let began = Instant::now();
        let way = self.way(job, wish).await?;
        let (mut last, mut unfit, mut nowhere, mut hung_up) = (None, None, None, false);
        for name in &way.names {
            let mut target = match self.target(job, &way, name, wish).await {
                Ok(target) => target,
                Err(Missed::Never(why)) => return Err(Missed::Never(why)),
                Err(Missed::Now(why) | Missed::HungUp(why)) => {
                    last = Some(why);
                    continue;
                }
                Err(Missed::Unfit(why)) => {
                    unfit = Some(why);
                    continue;
                }
                Err(Missed::Nowhere(why)) => {
                    nowhere = Some(why);
                    continue;
                }
            };
            while !target.addresses.is_empty() {
                if began.elapsed() > Duration::from_secs(SEARCH_S) {
                    break;
                }
                match self.ask(&mut target, job, message, wish).await {
                    Ok(tried) => return Ok(tried),
                    Err(Missed::Never(why)) => return Err(Missed::Never(why)),
                    Err(Missed::Now(why)) => last = Some(why),
                    Err(Missed::HungUp(why)) => (last, hung_up) = (Some(why), true),
                    Err(Missed::Unfit(why) | Missed::Nowhere(why)) => {
                        unfit = Some(why);
                        break;
                    }
                }
            }
        }
        // A host that did not answer may be fit.
        Err(match (last, unfit) {
            // One of them answers, and may dislike this message alone.
            (Some(why), _) if hung_up => Missed::HungUp(why),
            (Some(why), _) => Missed::Now(why),
            (None, Some(why)) => Missed::Unfit(why),
            // RFC 5321 §5.1: with no host that has an address there is no way for its mail, and never was.
            (None, None) => nowhere.map_or_else(
                || Missed::Now(format!("4.4.4 no host takes mail for {}", job.hop)),
                Missed::Nowhere,
            ),
        })
    }

    /// Asks the next address of a host.
    async fn ask(
        &self,
        target: &mut Target,
        job: &Job,
        message: &Message,
        wish: TlsWish,
    ) -> Result<Tried, Missed> {
        let connected = self.connect(target).await;
        let (stream, address) = connected.map_err(|errors| {
            Missed::Now(format!("4.4.1 {}: {}", target.name, errors.join(", ")))
        })?;
        let opened = self.begin(stream, address, target, job).await;
        let mut line = opened.map_err(|failure| match failure.cause {
            Cause::Tls if wish == TlsWish::Required => Missed::Unfit(encryption_needed(&failure)),
            _ => Missed::Now(failure.why),
        })?;
        // Who has the mailboxes (RFC 2033) sends nothing back, and may live on this very machine.
        if !target.lmtp && line.peer_name().eq_ignore_ascii_case(&self.settings.hello) {
            let name = &target.name;
            line.quit().await;
            return Err(Missed::Never(format!(
                "5.4.6 mail for {} comes back to this server: {name}[{}] bears its name",
                job.hop,
                address.ip()
            )));
        }
        if wish == TlsWish::Required && !promises(&line) {
            let name = &target.name;
            line.quit().await;
            // RFC 8689 §4.2.1 (5).
            return Err(Missed::Unfit(format!(
                "5.7.30 the sender requires TLS all the way, which {name}[{}] does not promise (REQUIRETLS)",
                address.ip()
            )));
        }
        let sent = send(&mut line, message, job).await;
        if lost(&sent, &line) {
            let why = sent.outcomes.first().map(Outcome::text).unwrap_or_default();
            return Err(match why.contains(CLOSED) {
                true => Missed::HungUp(why.to_owned()),
                false => Missed::Now(why.to_owned()),
            });
        }
        Ok(self.ended(&job.hop, line, sent).await)
    }

    /// A connection to a host's next address, or to a socket of this machine.
    async fn connect(&self, target: &mut Target) -> Result<(W::Stream, SocketAddr), Vec<String>> {
        if target.addresses != [route::HERE] {
            return connect::first(&self.wire, &mut target.addresses).await;
        }
        target.addresses.clear();
        let limit = Duration::from_millis(CONNECT_MS);
        let connected = timeout(limit, self.wire.connect_here(Path::new(&target.name))).await;
        match connected {
            Ok(Ok(stream)) => Ok((stream, route::HERE)),
            Ok(Err(error)) => Err(vec![error.to_string()]),
            Err(_) => Err(vec!["no answer".into()]),
        }
    }

    /// Opens a session as its demand says, and as near to that as can be where it is not a must.
    async fn begin(
        &self,
        stream: W::Stream,
        address: SocketAddr,
        target: &mut Target,
        job: &Job,
    ) -> Result<Line<W::Stream>, Failure> {
        let (tls, ip) = (target.demand.tls, address.ip());
        let mut opened = self.open(stream, address, target, tls).await;
        match &opened {
            Ok(line) if line.is_secured() => self.tell(job, target, ip, None),
            Ok(_) => self.tell(job, target, ip, Some((Fault::Absent, ""))),
            Err((failure, fault)) if failure.cause == Cause::Tls => {
                let fault = fault.unwrap_or(Fault::Other);
                self.tell(job, target, ip, Some((fault, &failure.why)));
            }
            Err(_) => {}
        }
        // RFC 7435 §3: whoever it is, better than in the clear; and that better than not at all, where nobody asked
        // for more.
        let anybody = target.demand.trust == Trust::Anybody;
        let less: &[Tls] = match (tls, anybody) {
            (Tls::May, true) => &[Tls::Never],
            (Tls::May, false) => &[Tls::May, Tls::Never],
            _ => &[],
        };
        for tls in less {
            let why = match opened {
                Err((failure, _)) if failure.cause == Cause::Tls => failure.why,
                other => return other.map_err(|(failure, _)| failure),
            };
            tracing::info!(peer = %target.name, %why, "goes on with less TLS, or none");
            let again = connect::first(&self.wire, &mut vec![address]).await;
            let lost = |_| Failure {
                cause: Cause::Connection,
                why,
            };
            let (stream, _) = again.map_err(lost)?;
            target.demand.trust = Trust::Anybody;
            opened = self.open(stream, address, target, *tls).await;
        }
        opened.map_err(|(failure, _)| failure)
    }

    async fn open(
        &self,
        mut stream: W::Stream,
        address: SocketAddr,
        target: &Target,
        tls: Tls,
    ) -> Result<Line<W::Stream>, (Failure, Option<Fault>)> {
        let trust = &target.demand.trust;
        let peer = match address {
            route::HERE => target.name.clone(),
            _ => format!("{}[{}]", target.name, address.ip()),
        };
        let name = match trust {
            // RFC 7672 §8.1.
            Trust::Dane(dane) => dane.names[0].as_str(),
            Trust::Anybody | Trust::Named => target.name.as_str(),
        };
        if tls == Tls::On {
            let limit = Duration::from_millis(crate::sender::HANDSHAKE_MS);
            let secured = timeout(limit, self.wire.secure(stream, name, trust)).await;
            stream = match secured {
                Ok(Ok(stream)) => stream,
                Ok(Err(insecure)) => return Err((no_tls(&peer, &insecure.why), None)),
                Err(_) => return Err((no_tls(&peer, "the handshake took too long"), None)),
            };
        }
        let config = Config {
            hello: self.settings.hello.clone(),
            peer,
            tls,
            login: target.login.clone(),
            lmtp: target.lmtp,
        };
        let wire = &*self.wire;
        let peer = wire::Peer {
            wire,
            name,
            trust,
            fault: Mutex::default(),
        };
        let opened = Line::open(stream, config, &peer).await;
        let fault = peer.fault.into_inner();
        let fault = fault.unwrap_or_else(PoisonError::into_inner);
        let mut line = opened.map_err(|failure| {
            // No handshake: there was none to be had, or it broke off.
            let absent = failure.why.starts_with("4.7.10 ").then_some(Fault::Absent);
            (failure, fault.or(absent))
        })?;
        let words = line.stream().and_then(|stream| wire.tls(stream));
        line.note(Worth::of(&target.demand, words, line.is_secured()));
        Ok(line)
    }

    /// Keeps the connection for another letter where it can be, and says what came of this one.
    async fn ended(&self, hop: &Hop, line: Line<W::Stream>, sent: Sent) -> Tried {
        let (gone, tls) = (!line.is_fresh(), line.worth().words());
        let deferred = |outcome: &Outcome| matches!(outcome, Outcome::Deferred(_));
        let all = sent.outcomes.iter().all(deferred);
        // A peer that ends the session and takes nothing has trouble with more than this letter, unless it greeted us and
        // then hangs up on what it hears of it.
        let why = sent.outcomes.first().filter(|_| gone && all);
        let hung_up = |text: &str| text.contains(CLOSED) || text.contains(DOUBT);
        let dropped = why.is_some_and(|outcome| hung_up(outcome.text()));
        // That a message may arrive twice is so of this one alone.
        let trouble = why.map(|outcome| outcome.text().replace(DOUBT, "").trim_end().to_owned());
        // What was opened without asking who it is, is for the one letter that wanted it so.
        if gone || line.worth().policy == Policy::Waived {
            line.quit().await;
        } else if let Some(line) = self.idle.put(hop, line) {
            line.quit().await;
        }
        Tried {
            outcomes: sent.outcomes,
            trouble,
            dropped,
            reports: sent.reports,
            tls,
        }
    }
}

/// Nothing went; the hop takes nothing now.
fn put_off(why: String, recipients: usize) -> Tried {
    let why = softened(why);
    Tried {
        outcomes: vec![Outcome::Deferred(why.clone()); recipients],
        trouble: Some(why),
        ..Tried::default()
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin + Send>(
    line: &mut Line<S>,
    message: &Message,
    job: &Job,
) -> Sent {
    let signer = job.signer.as_ref();
    let mut fitted = letter::fitted(message, line.features(), signer).await;
    // RFC 8689 §5: news of a failure goes on without the promise where there is none.
    if job.envelope.from == ReversePath::Null {
        fitted.require_tls &= promises(line);
    }
    line.send(fitted).await
}

/// RFC 8689 §2: whether REQUIRETLS may be said to this peer, and it promises to keep it.
fn promises<S>(line: &Line<S>) -> bool {
    line.worth().is_assured() && line.offers().requiretls
}

/// RFC 8689 §4.2.1: what is told where the sender requires TLS and there is none that is good enough.
fn encryption_needed(failure: &Failure) -> String {
    let why = failure.why.split_once(' ').map_or("", |(_, why)| why);
    format!("5.7.10 the sender requires TLS (REQUIRETLS): {why}")
}

fn no_tls(peer: &str, why: &str) -> Failure {
    Failure {
        cause: Cause::Tls,
        why: format!("4.7.5 TLS with {peer} failed: {why}"),
    }
}

/// The connection ended before anything was decided, and the peer cannot have taken the message.
fn lost<S>(sent: &Sent, line: &Line<S>) -> bool {
    let undecided = |outcome: &Outcome| matches!(outcome, Outcome::Deferred(why) if why.starts_with("4.4.2 ") && !why.contains(DOUBT));
    line.has_ended() && sent.outcomes.iter().all(undecided)
}

/// A host that refuses a session for good may be the wrong one, or angry for a day: the letter waits.
fn softened(why: String) -> String {
    match why.strip_prefix('5') {
        Some(rest) => format!("4{rest}"),
        None => why,
    }
}
