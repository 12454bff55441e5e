//! One connection's loop: the only `async` code of this room.
//!
//! An idle connection holds its machine, its runner and its stream, and no read buffer: octets are
//! read on the stack and given to the machine at once. Questions are answered on the blocking pool, no
//! more than [`crate::Settings::commands_max`] at a time, and no account guard is held across an
//! `.await` (I-05).

use crate::ask::{Answer, Ask, Step};
use crate::machine::Machine;
use crate::run::Runner;
use crate::services::Services;
use directory::Peer;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{Notify, watch};

/// Octets read at one time.
const READ_MAX: usize = 4 * 1024;
/// Seconds in which a peer must take one piece, or it is gone.
const WRITE_S: u64 = 300;
/// Seconds that saying goodbye to the transport may take.
const CLOSE_S: u64 = 5;
/// Seconds in which, and octets up to which, what a peer still says behind our goodbye is dropped.
const LINGER_S: u64 = 2;
const LINGER_MAX: usize = 16 << 20;

/// How a session ended.
#[allow(clippy::large_enum_variant, reason = "moved once per connection")]
pub enum End<S> {
    /// The connection is over.
    Closed,
    /// The peer waits for a TLS handshake on this stream; then call [`run`] again with the same machine.
    StartTls(S, Machine),
}

/// Serves one connection until it ends or must change to TLS. Octets that came in clear text behind
/// STLS are forgotten (RFC 2595 §4). `shutdown` turning true ends it; nothing is removed then.
pub async fn run<S>(
    stream: S,
    machine: Machine,
    services: &Services,
    peer: IpAddr,
    shutdown: watch::Receiver<bool>,
) -> io::Result<End<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let peer = Peer {
        ip: peer,
        service: "pop3",
    };
    let runner = Runner::new(
        services.directory.clone(),
        Arc::clone(&services.locks),
        Arc::clone(&services.lately),
        peer,
    );
    let mut session = Session {
        stream,
        machine,
        services,
        changed: runner.changed(),
        runner: Some(Box::new(runner)),
    };
    match session.serve(shutdown).await? {
        true => Ok(End::StartTls(session.stream, session.machine)),
        false => Ok(End::Closed),
    }
}

struct Session<'a, S> {
    stream: S,
    machine: Machine,
    services: &'a Services,
    changed: Arc<Notify>,
    /// Away while a question is answered.
    runner: Option<Box<Runner>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// True for STLS.
    async fn serve(&mut self, mut shutdown: watch::Receiver<bool>) -> io::Result<bool> {
        loop {
            while let Some(step) = self.machine.next() {
                match step {
                    Step::Send(octets) => self.write(&octets).await?,
                    Step::Ask(ask) => {
                        let answer = self.ask(ask).await;
                        self.machine.answer(answer, self.now_ms());
                    }
                    Step::StartTls => {
                        self.stream.flush().await?;
                        return Ok(true);
                    }
                    Step::Close => {
                        // The maildrop is free for the next session from here on, before the peer sees the end.
                        self.runner = None;
                        let limit = Duration::from_secs(CLOSE_S);
                        // The peer may be gone already; there is nobody to tell.
                        let _ = tokio::time::timeout(limit, self.stream.shutdown()).await;
                        linger(&mut self.stream).await;
                        return Ok(false);
                    }
                }
            }
            self.stream.flush().await?;
            if *shutdown.borrow() {
                self.machine.shut_down();
                continue;
            }
            if !self.wait(&mut shutdown).await? {
                return Ok(false);
            }
        }
    }

    /// Until there is something for the machine; false when the peer has closed.
    async fn wait(&mut self, shutdown: &mut watch::Receiver<bool>) -> io::Result<bool> {
        let now_ms = self.now_ms();
        let left = self
            .machine
            .deadline()
            .map_or(0, |at| at.saturating_sub(now_ms));
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        let (machine, stream) = (&mut self.machine, &mut self.stream);
        tokio::select! {
            // In this order: what is asked after a withdrawal is answered after it too, and a peer that never ceases
            // to speak is not spared the clock.
            biased;
            () = self.changed.notified() => machine.look(),
            told = shutdown.changed() => {
                // Nobody is left who could tell: the server is going down.
                if told.is_err() {
                    machine.shut_down();
                }
            }
            () = tokio::time::sleep(left) => {
                machine.expire(self.services.directory.clock().now_ms());
            }
            read = read(stream, machine, now_ms) => return read,
        }
        Ok(true)
    }

    async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let limit = Duration::from_secs(WRITE_S);
        match tokio::time::timeout(limit, self.stream.write_all(octets)).await {
            Ok(done) => done,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn ask(&mut self, ask: Ask) -> Answer {
        let Some(mut runner) = self.runner.take() else {
            return Answer::Failed;
        };
        let turns = match ask {
            Ask::SignIn { .. } | Ask::Sasl(_) => &self.services.sign_ins,
            _ => &self.services.commands,
        };
        let Ok(_turn) = turns.acquire().await else {
            return Answer::Failed;
        };
        let work = tokio::task::spawn_blocking(move || {
            let answer = runner.answer(ask);
            (runner, answer)
        });
        match work.await {
            Ok((runner, answer)) => {
                self.runner = Some(runner);
                answer
            }
            Err(error) => {
                tracing::error!(%error, "a command ended in a panic");
                Answer::Failed
            }
        }
    }

    fn now_ms(&self) -> i64 {
        self.services.directory.clock().now_ms()
    }
}

/// Reads on the stack, so that a waiting connection holds no buffer. Nothing is lost when it is dropped.
async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    machine: &mut Machine,
    now_ms: i64,
) -> io::Result<bool> {
    poll_fn(|cx| {
        let mut octets = [0; READ_MAX];
        let mut buffer = ReadBuf::new(&mut octets);
        match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => {
                machine.receive(buffer.filled(), now_ms);
                Poll::Ready(Ok(!buffer.filled().is_empty()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Reads and forgets what a peer had said before the goodbye came to it. A connection that is closed with unread octets
/// is reset, and what the peer had not taken yet is lost, the goodbye with it.
async fn linger<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut left = LINGER_MAX;
    let all = poll_fn(|cx| {
        let mut octets = [0; READ_MAX];
        while left > 0 {
            let mut buffer = ReadBuf::new(&mut octets);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer));
            match buffer.filled().len() {
                len if read.is_ok() && len > 0 => left = left.saturating_sub(len),
                _ => break,
            }
        }
        Poll::Ready(())
    });
    // A peer that does not hang up by then has had its time.
    let _ = tokio::time::timeout(Duration::from_secs(LINGER_S), all).await;
}
