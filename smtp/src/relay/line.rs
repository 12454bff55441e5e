//! One connection to one peer: moves octets between the stream and the sending machine. It knows no TLS:
//! handshakes are the [`Network`]'s, since certificates and their trust belong to `server`.

use super::demand::Worth;
use crate::sender::{Config, Failure, Features, Message, Sender, Step};
use delivery::Outcome;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

/// Octets read at once: replies are short.
const READ_OCTETS: usize = 4_096;
/// RFC 5321 §4.5.3.2.5: a peer that takes no octets for this long is gone.
pub const WRITE_S: u64 = 180;
/// How long a peer that stopped reading may take for its last words.
const LAST_WORDS_MS: u64 = 500;
/// A peer that waits for us longer than this is left (RFC 5321 §4.5.3.2.7 lets it wait five minutes).
pub const IDLE_S: u64 = 30;
/// Messages over one connection, so that no peer is held for ever.
pub const MESSAGES_MAX: u32 = 100;

/// The client's side of TLS.
pub trait Network<S>: Send + Sync {
    /// Handshakes on a stream that has been in the clear; an error says in words why not.
    fn secure(&self, stream: S) -> impl Future<Output = Result<S, String>> + Send;
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// One for each recipient, in order.
    pub outcomes: Vec<Outcome>,
    /// RFC 3461 §5.2.2: the peer reports success itself.
    pub reports: bool,
}

/// A connection on which the peer waits for messages.
pub struct Line<S> {
    stream: Option<S>,
    machine: Box<Sender>,
    features: Features,
    began: Instant,
    last_used: Instant,
    sent: u32,
    ended: bool,
    worth: Worth,
}

impl<S> Line<S> {
    /// The connection.
    pub(crate) fn stream(&self) -> Option<&S> {
        self.stream.as_ref()
    }

    /// What is known of its TLS.
    pub(crate) fn worth(&self) -> &Worth {
        &self.worth
    }

    pub(crate) fn note(&mut self, worth: Worth) {
        self.worth = worth;
    }

    /// What the peer can do.
    pub(crate) fn offers(&self) -> &Features {
        &self.features
    }

    /// Whether it is under TLS.
    pub(crate) fn is_secured(&self) -> bool {
        self.machine.is_secured()
    }

    /// Whether it is closed.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Line<S> {
    /// Greets and, as `config` says, secures and signs in. Errors: why this peer takes no message now.
    pub async fn open(
        stream: S,
        config: Config,
        network: &impl Network<S>,
    ) -> Result<Self, Failure> {
        let now = Instant::now();
        let mut line = Self {
            stream: Some(stream),
            machine: Box::new(Sender::new(config, 0)),
            features: Features::default(),
            began: now,
            last_used: now,
            sent: 0,
            ended: false,
            worth: Worth::default(),
        };
        let mut failed = None;
        loop {
            match line.step().await {
                Step::Ready(features) => {
                    line.features = features;
                    return Ok(line);
                }
                Step::StartTls => line.secure(network).await,
                Step::Failed(failure) => failed = Some(failure),
                Step::Close => {
                    line.close().await;
                    // Invariant: before the first Ready the machine closes only after Failed.
                    return Err(failed.expect("a session that never began has failed"));
                }
                Step::Send(_) | Step::Sent { .. } => {}
            }
        }
    }

    /// What the peer can do.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Whether another message may be sent over it.
    pub fn is_fresh(&self) -> bool {
        !self.ended
            && self.machine.is_ready()
            && self.sent < MESSAGES_MAX
            && self.last_used.elapsed() < Duration::from_secs(IDLE_S)
    }

    /// Whether the peer has neither gone nor spoken since: an idle connection is where it says that it leaves.
    pub async fn is_alive(&mut self) -> bool {
        let mut octet = [0; 1];
        let Some(stream) = &mut self.stream else {
            return false;
        };
        tokio::select! {
            biased;
            _ = stream.read(&mut octet) => false,
            () = std::future::ready(()) => true,
        }
    }

    /// What the peer calls itself.
    pub fn peer_name(&self) -> &str {
        self.machine.peer_name()
    }

    /// Hands a message over. A connection that ended afterwards is told by [`Line::is_fresh`].
    pub async fn send(&mut self, message: Message) -> Sent {
        let silent = Sent {
            outcomes: vec![
                Outcome::Deferred("4.4.2 the connection has ended".into());
                message.recipients.len()
            ],
            reports: false,
        };
        let now = self.now();
        self.sent += 1;
        self.machine.begin(message, now);
        let mut sent = None;
        while !self.ended {
            match self.step().await {
                Step::Sent { outcomes, reports } => sent = Some(Sent { outcomes, reports }),
                Step::Ready(_) if sent.is_some() => break,
                Step::Close => self.close().await,
                Step::Ready(_) | Step::Send(_) | Step::StartTls | Step::Failed(_) => {}
            }
        }
        self.last_used = Instant::now();
        sent.unwrap_or(silent)
    }

    /// Ends it in order.
    pub async fn quit(mut self) {
        let now = self.now();
        self.machine.quit(now);
        while !self.ended {
            if let Step::Close = self.step().await {
                self.close().await;
            }
        }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    async fn secure(&mut self, network: &impl Network<S>) {
        let limit = Duration::from_millis(crate::sender::HANDSHAKE_MS);
        let Some(stream) = self.stream.take() else {
            return self.machine.closed();
        };
        let result = match timeout(limit, network.secure(stream)).await {
            Ok(Ok(stream)) => {
                self.stream = Some(stream);
                Ok(())
            }
            Ok(Err(why)) => Err(why),
            Err(_) => Err("the handshake took too long".into()),
        };
        let now = self.now();
        self.machine.secured(result, now);
    }

    /// Goes on until the machine wants something that is not sending.
    async fn step(&mut self) -> Step {
        let mut buffer = [0; READ_OCTETS];
        loop {
            let now = self.now();
            let step = self.machine.next(now);
            let Some(stream) = &mut self.stream else {
                match step {
                    Some(Step::Send(_)) => continue,
                    Some(step) => return step,
                    None => {
                        self.machine.closed();
                        continue;
                    }
                }
            };
            match step {
                Some(Step::Send(bytes)) => {
                    let limit = Duration::from_secs(WRITE_S);
                    let written = timeout(limit, write(stream, &bytes)).await;
                    if !matches!(written, Ok(Ok(()))) {
                        // A peer that stops reading often says why before it goes.
                        let last = Duration::from_millis(LAST_WORDS_MS);
                        if let Ok(Ok(n)) = timeout(last, stream.read(&mut buffer)).await {
                            self.machine.receive(&buffer[..n], now);
                        }
                        self.stream = None;
                        self.machine.closed();
                    }
                }
                Some(step) => return step,
                None => {
                    let deadline = self.machine.deadline().unwrap_or(now);
                    let wake = self.began + Duration::from_millis(deadline);
                    tokio::select! {
                        read = stream.read(&mut buffer) => match read {
                            Ok(n) if n > 0 => {
                                let now = self.now();
                                self.machine.receive(&buffer[..n], now);
                            }
                            _ => self.machine.closed(),
                        },
                        () = sleep_until(wake) => {
                            let now = self.now();
                            self.machine.expire(now);
                        }
                    }
                }
            }
        }
    }

    async fn close(&mut self) {
        self.ended = true;
        if let Some(mut stream) = self.stream.take() {
            // The peer may have gone already; there is nobody left to tell.
            let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
        }
    }
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}
