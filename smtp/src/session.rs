//! One connection's tokio loop: moves octets between the stream and the machine, puts its questions
//! to the rooms below on a bounded blocking pool. It knows no TLS: `server` handshakes between runs.

use crate::ask::{Answer, SignIn, Step};
use crate::desk::{Desk, Services};
use crate::receiver::Receiver;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// Octets read at once between messages: idle sessions must stay small.
pub const READ_COMMAND: usize = 2048;
/// Octets read at once inside a message.
pub const READ_MESSAGE: usize = 32 * 1024;
/// A peer that takes no reply for this long is gone.
pub const WRITE_S: u64 = 60;
/// Seconds in which, and octets up to which, what a peer still says behind our goodbye is dropped.
const LINGER_S: u64 = 2;
const LINGER_MAX: usize = 16 << 20;
/// Connections from one address at a time, for the listener.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 50;
/// Connections in all, for the listener.
pub const CONNECTIONS_MAX: usize = 5_000;

/// How a run of the loop ended.
#[derive(Debug)]
pub enum End<S> {
    /// The connection is over.
    Closed,
    /// Do the TLS handshake as server on this stream, then call [`run`] again with the machine.
    StartTls(S, Box<Receiver>),
}

/// Runs a session until it closes or switches to TLS. `stop` turning true ends it with 421 between messages.
pub async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    mut machine: Box<Receiver>,
    services: &Services,
    peer: IpAddr,
    mut stop: watch::Receiver<bool>,
) -> io::Result<End<S>> {
    // The machine's time goes on where the run before the TLS handshake left it.
    let (started, began) = (Instant::now(), machine.now());
    let now = || began + started.elapsed().as_millis() as u64;
    let mut desk = Desk::new(services, peer);
    let mut buffer = Vec::new();
    loop {
        match machine.next() {
            Some(Step::Send(bytes)) => {
                let limit = Duration::from_secs(WRITE_S);
                timeout(limit, write(&mut stream, &bytes))
                    .await
                    .map_err(|_| late())??;
            }
            Some(Step::Ask(ask)) => {
                let answer = desk.answer(ask, &machine).await;
                if let Answer::SignIn(SignIn::Accepted) = &answer {
                    machine.limit(desk.octets_max());
                }
                machine.answer(answer, now());
                desk.release(machine.held());
            }
            Some(Step::StartTls) => return Ok(End::StartTls(stream, machine)),
            Some(Step::Close) => {
                // The peer may have gone already; there is nobody left to tell.
                let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
                drop((machine, desk, buffer));
                linger(&mut stream).await;
                return Ok(End::Closed);
            }
            None => {
                desk.release(machine.held());
                if *stop.borrow() && machine.stop() {
                    continue;
                }
                let size = if machine.reading_message() {
                    READ_MESSAGE
                } else {
                    READ_COMMAND
                };
                if buffer.len() != size {
                    buffer = vec![0; size];
                }
                let deadline = machine.deadline().unwrap_or(0).saturating_sub(began);
                let wake = started + Duration::from_millis(deadline);
                tokio::select! {
                    read = stream.read(&mut buffer) => match read? {
                        0 => return Ok(End::Closed),
                        n => machine.receive(&buffer[..n], now()),
                    },
                    () = sleep_until(wake) => {
                        let coming = machine.memory();
                        machine.expire(now());
                        if machine.held() == 0 && coming > READ_MESSAGE {
                            tracing::info!(%peer, octets = coming, "given up: a message comes too slowly, or no more");
                        }
                    }
                    // An error means that nobody can stop the server any more: then read on alone.
                    Ok(()) = stop.changed() => {}
                }
            }
        }
    }
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the peer takes no replies")
}

/// Reads and forgets what a peer had said before the goodbye came to it. A connection that is closed with unread octets
/// is reset, and what the peer had not taken yet is lost, the goodbye with it.
async fn linger<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut left = LINGER_MAX;
    let all = poll_fn(|cx| {
        let mut octets = [0; READ_COMMAND];
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
    let _ = timeout(Duration::from_secs(LINGER_S), all).await;
}
