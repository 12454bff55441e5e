//! Relaying: from a message and its next hop to an outcome for each recipient. Finds the hosts, asks their addresses
//! in turn, and hands the message over; what a peer answers comes back word for word.

mod connect;
mod idle;
mod letter;
mod line;
mod target;
mod wire;

pub use connect::{CONNECT_MS, HESITATION_MS};
pub use idle::IDLE_MAX;
pub use line::{IDLE_S, Line, MESSAGES_MAX, Network, Sent, WRITE_S};
pub use target::{ADDRESSES_MAX, HOSTS_MAX, is_public};
pub use wire::{Trust, Wire};

use crate::sender::{Cause, Config, DOUBT, Failure, Message, Tls};
use delivery::{Hop, Job, LookupError, Outcome, Resolver, Security, SmartHost, Tried, Via};
use formats::address::DomainName;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use target::Nowhere;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

/// RFC 5321 §4.5.4.1: where mail exchangers listen.
const SMTP: u16 = 25;
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

/// A host to ask.
struct Target {
    /// Its name, or its address.
    name: String,
    addresses: Vec<SocketAddr>,
    tls: Tls,
    trust: Trust,
    login: Option<(String, directory::Secret)>,
}

/// Why nobody was found.
enum Missed {
    /// For good.
    Never(String),
    /// For now.
    Now(String),
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
        while let Some(mut line) = self.idle.take(&job.hop) {
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
        match self.search(job, &message).await {
            Ok(tried) => tried,
            Err(Missed::Never(why)) => Tried {
                outcomes: vec![Outcome::Failed(why); message.recipients.len()],
                ..Tried::default()
            },
            Err(Missed::Now(why)) => {
                let why = softened(why);
                Tried {
                    outcomes: vec![Outcome::Deferred(why.clone()); message.recipients.len()],
                    trouble: Some(why),
                    reports: false,
                    tls: None,
                }
            }
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
    async fn search(&self, job: &Job, message: &Message) -> Result<Tried, Missed> {
        let began = Instant::now();
        let names = match &job.via {
            Via::Host(host) => vec![host.host.clone()],
            Via::Mx(domain) => self.exchangers(domain).await?,
        };
        let mut last = None;
        for name in names {
            let target = match &job.via {
                Via::Host(host) => self.smart_host(host).await,
                Via::Mx(_) => self.exchanger(name).await,
            };
            let mut target = match target {
                Ok(target) => target,
                Err(why) => {
                    last = Some(why);
                    continue;
                }
            };
            while !target.addresses.is_empty() {
                if began.elapsed() > Duration::from_secs(SEARCH_S) {
                    break;
                }
                match self.ask(&mut target, job, message).await {
                    Ok(tried) => return Ok(tried),
                    Err(Missed::Never(why)) => return Err(Missed::Never(why)),
                    Err(Missed::Now(why)) => last = Some(why),
                }
            }
        }
        Err(Missed::Now(last.unwrap_or_else(|| {
            format!("4.4.4 no host takes mail for {}", job.hop)
        })))
    }

    /// Asks the next address of a host.
    async fn ask(
        &self,
        target: &mut Target,
        job: &Job,
        message: &Message,
    ) -> Result<Tried, Missed> {
        let connected = connect::first(&self.wire, &mut target.addresses).await;
        let (stream, address) = connected.map_err(|errors| {
            Missed::Now(format!("4.4.1 {}: {}", target.name, errors.join(", ")))
        })?;
        let opened = match self.open(stream, address, target, target.tls).await {
            // RFC 7435 §3: better in the clear than not at all, where nobody asked for more.
            Err(failure) if failure.cause == Cause::Tls && target.tls == Tls::May => {
                tracing::info!(peer = %target.name, why = %failure.why, "goes on without TLS");
                let again = connect::first(&self.wire, &mut vec![address]).await;
                let (stream, _) = again.map_err(|_| Missed::Now(failure.why))?;
                self.open(stream, address, target, Tls::Never).await
            }
            other => other,
        };
        let mut line = opened.map_err(|failure| Missed::Now(failure.why))?;
        if line.peer_name().eq_ignore_ascii_case(&self.settings.hello) {
            let name = &target.name;
            line.quit().await;
            return Err(Missed::Never(format!(
                "5.4.6 mail for {} comes back to this server: {name}[{}] bears its name",
                job.hop,
                address.ip()
            )));
        }
        let sent = send(&mut line, message, job).await;
        if lost(&sent, &line) {
            let why = sent.outcomes.first().map(Outcome::text).unwrap_or_default();
            return Err(Missed::Now(why.to_owned()));
        }
        Ok(self.ended(&job.hop, line, sent).await)
    }

    async fn open(
        &self,
        mut stream: W::Stream,
        address: SocketAddr,
        target: &Target,
        tls: Tls,
    ) -> Result<Line<W::Stream>, Failure> {
        let (name, trust) = (target.name.as_str(), target.trust);
        let peer = format!("{name}[{}]", address.ip());
        if tls == Tls::On {
            let limit = Duration::from_millis(crate::sender::HANDSHAKE_MS);
            let secured = timeout(limit, self.wire.secure(stream, name, trust)).await;
            stream = match secured {
                Ok(Ok(stream)) => stream,
                Ok(Err(why)) => return Err(no_tls(&peer, &why)),
                Err(_) => return Err(no_tls(&peer, "the handshake took too long")),
            };
        }
        let config = Config {
            hello: self.settings.hello.clone(),
            peer,
            tls,
            login: target.login.clone(),
            lmtp: false,
        };
        let wire = &*self.wire;
        let mut line = Line::open(stream, config, &wire::Peer { wire, name, trust }).await?;
        let tls = line.stream().and_then(|stream| wire.tls(stream));
        line.note_tls(tls);
        Ok(line)
    }

    /// Keeps the connection for another letter where it can be, and says what came of this one.
    async fn ended(&self, hop: &Hop, line: Line<W::Stream>, sent: Sent) -> Tried {
        let (gone, tls) = (!line.is_fresh(), line.tls().map(str::to_owned));
        let deferred = |outcome: &Outcome| matches!(outcome, Outcome::Deferred(_));
        let all = sent.outcomes.iter().all(deferred);
        // A peer that ends the session and takes nothing has trouble with more than this letter.
        let why = sent.outcomes.first().filter(|_| gone && all);
        let trouble = why.map(|outcome| outcome.text().to_owned());
        if gone {
            line.quit().await;
        } else if let Some(line) = self.idle.put(hop, line) {
            line.quit().await;
        }
        Tried {
            outcomes: sent.outcomes,
            trouble,
            reports: sent.reports,
            tls,
        }
    }

    /// RFC 5321 §5.1: the names of the hosts that take a domain's mail.
    async fn exchangers(&self, domain: &DomainName) -> Result<Vec<String>, Missed> {
        if domain.is_literal() {
            return Ok(vec![literal(domain)]);
        }
        let limit = Duration::from_secs(DNS_S);
        let found = match timeout(limit, self.resolver.mail_hosts(domain)).await {
            Ok(found) => found,
            Err(_) => Err(LookupError::Failed("no answer in time".into())),
        };
        let found = match found {
            Ok(found) => found,
            Err(LookupError::NoName) => {
                let why = format!("5.1.2 DNS knows no domain {domain}");
                return Err(Missed::Never(why));
            }
            Err(LookupError::Failed(why)) => {
                return Err(Missed::Now(format!("4.4.3 DNS for {domain}: {why}")));
            }
        };
        // RFC 5321 §5.1: without MX the domain is its own host.
        if found.is_empty() {
            return Ok(vec![domain.as_str().to_owned()]);
        }
        let mut own = self.settings.names.clone();
        own.push(self.settings.hello.clone());
        let mut random = self.settings.random;
        target::hosts(found, &own, &mut random).map_err(|nowhere| {
            Missed::Never(match nowhere {
                Nowhere::Null => format!("5.1.10 {domain} takes no mail (null MX)"),
                Nowhere::Here => format!("5.4.6 mail for {domain} would come back to this server"),
            })
        })
    }

    /// A mail exchanger: whoever it is, TLS where it is offered, and never within our own network.
    async fn exchanger(&self, name: String) -> Result<Target, String> {
        let found = self.lookup(&name).await?;
        let public: Vec<IpAddr> = found.iter().copied().filter(|ip| is_public(*ip)).collect();
        if public.is_empty() {
            return Err(match found.first() {
                Some(ip) => format!("4.4.4 {name} has no public address ({ip})"),
                None => format!("4.4.4 {name} has no address"),
            });
        }
        Ok(Target {
            addresses: sockets(public, SMTP),
            name,
            tls: Tls::May,
            trust: Trust::Anybody,
            login: None,
        })
    }

    /// A host that the operator named.
    async fn smart_host(&self, host: &SmartHost) -> Result<Target, String> {
        let found = self.lookup(&host.host).await?;
        if found.is_empty() {
            return Err(format!("4.4.4 {} has no address", host.host));
        }
        let (tls, trust) = match host.security {
            Security::Opportunistic => (Tls::May, Trust::Anybody),
            Security::Encrypted => (Tls::Must, Trust::Anybody),
            Security::Verified => (Tls::Must, Trust::Named),
            Security::Immediate => (Tls::On, Trust::Named),
        };
        Ok(Target {
            name: host.host.clone(),
            addresses: sockets(found, host.port),
            tls,
            trust,
            login: host.login.clone(),
        })
    }

    async fn lookup(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        if let Ok(ip) = name.parse() {
            return Ok(vec![ip]);
        }
        let limit = Duration::from_secs(DNS_S);
        match timeout(limit, self.resolver.addresses(name)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(LookupError::NoName)) => Err(format!("4.4.4 DNS knows no host {name}")),
            Ok(Err(LookupError::Failed(why))) => Err(format!("4.4.3 DNS for {name}: {why}")),
            Err(_) => Err(format!("4.4.3 DNS for {name}: no answer in time")),
        }
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin + Send>(
    line: &mut Line<S>,
    message: &Message,
    job: &Job,
) -> Sent {
    let signer = job.signer.as_ref();
    let fitted = letter::fitted(message, line.features(), signer).await;
    line.send(fitted).await
}

fn sockets(found: Vec<IpAddr>, port: u16) -> Vec<SocketAddr> {
    let order = target::addresses(found).into_iter();
    order.map(|ip| SocketAddr::new(ip, port)).collect()
}

/// The address in an address literal (RFC 5321 §4.1.3).
fn literal(domain: &DomainName) -> String {
    let text = domain.as_str();
    let inside = text.trim_start_matches('[').trim_end_matches(']');
    inside.strip_prefix("IPv6:").unwrap_or(inside).to_owned()
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
