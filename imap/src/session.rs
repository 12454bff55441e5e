//! One connection's loop: the only `async` code of this room.
//!
//! An idle connection holds its machine, its runner and its stream, and no read buffer: octets are
//! read on the stack and given to the machine at once. Commands run on the blocking pool, no more
//! than [`crate::Settings::commands_max`] at a time, and no account guard is held across an
//! `.await` (I-05).

use crate::ask::{Answer, Ask, Step};
use crate::compress::{Deflate, WAITING_MAX};
use crate::machine::Machine;
use crate::run::{PIECE_MAX, Room, Runner};
use crate::services::{Held, Services};
use directory::Peer;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;

/// Octets read at one time.
const READ_MAX: usize = 16 * 1024;
/// Octets written at one time.
const WRITE_MAX: usize = 64 * 1024;
/// Seconds in which a peer must take so much, or it is gone.
const WRITE_S: u64 = 300;
/// Seconds that saying goodbye to the transport may take.
const CLOSE_S: u64 = 5;

/// Seconds in which, and octets up to which, what a peer still says behind our goodbye is dropped.
const LINGER_S: u64 = 2;
const LINGER_MAX: usize = 16 << 20;

/// Octets in flight up to which the next piece is made while one is written: large contents are held once only.
const AHEAD_MAX: u64 = 512 * 1024;

/// Seconds without an answer after which the compressor's memory is given back.
const REST_S: u64 = 15;

/// How a session ended.
#[allow(clippy::large_enum_variant, reason = "moved once per connection")]
pub enum End<S> {
    /// The connection is over.
    Closed,
    /// The peer waits for a TLS handshake on this stream; then call [`run`] again with the same machine.
    StartTls(S, Machine),
}

/// Serves one connection until it ends or must change to TLS. Octets that came in clear text behind
/// STARTTLS are forgotten (RFC 9051 §6.2.1). `shutdown` turning true ends it with BYE.
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
        service: "imap",
    };
    let settings = Arc::clone(&services.settings);
    let runner = Box::new(Runner::new(
        services.directory.clone(),
        settings,
        Arc::clone(&services.kept),
        peer,
    ));
    let notify = runner.notify();
    let mut session = Session {
        stream,
        machine,
        services,
        runner: Some(runner),
        notify,
        room: None,
        deflate: None,
        ahead: None,
        held: Held::new(&services.flight),
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
    /// Away while a command runs.
    runner: Option<Box<Runner>>,
    notify: Arc<Notify>,
    room: Option<Room>,
    /// RFC 4978: both directions are compressed.
    deflate: Option<Box<Deflate>>,
    /// The next piece of an answer, under way while the one before it is written.
    ahead: Option<JoinHandle<(Box<Runner>, Answer)>>,
    /// What was answered and is not sent yet.
    held: Held,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// True for STARTTLS.
    async fn serve(&mut self, mut shutdown: watch::Receiver<bool>) -> io::Result<bool> {
        loop {
            while let Some(step) = self.machine.next() {
                match step {
                    Step::Send(chunk) => {
                        self.go_ahead();
                        self.write(chunk.as_ref()).await?;
                    }
                    Step::Ask(ask) => {
                        let answer = self.ask(ask).await;
                        self.machine.answer(answer, self.now_ms());
                    }
                    Step::Compress(ahead) => self.deflate = Some(Box::new(Deflate::new(ahead))),
                    Step::Decompress => self.decompress().await?,
                    Step::StartTls => {
                        self.stream.flush().await?;
                        return Ok(true);
                    }
                    Step::Close => {
                        self.close().await;
                        return Ok(false);
                    }
                }
            }
            self.flush().await?;
            self.held.set(0);
            if !self.machine.gathering() {
                self.room = None;
            }
            if *shutdown.borrow() {
                self.machine.shut_down();
                continue;
            }
            if !self.wait(&mut shutdown).await? {
                return Ok(false);
            }
        }
    }

    /// RFC 9051 §7.1.5: BYE is to reach the peer.
    async fn close(&mut self) {
        // The peer may be gone already; there is nobody to tell.
        let _ = self.flush().await;
        let limit = Duration::from_secs(CLOSE_S);
        let _ = tokio::time::timeout(limit, self.stream.shutdown()).await;
        // Nothing is held for who has been told goodbye.
        (self.runner, self.deflate, self.room, self.ahead) = (None, None, None, None);
        self.held.set(0);
        linger(&mut self.stream).await;
    }

    /// Until there is something for the machine; false when the peer has closed.
    async fn wait(&mut self, shutdown: &mut watch::Receiver<bool>) -> io::Result<bool> {
        let now_ms = self.now_ms();
        let left = self
            .machine
            .deadline()
            .map_or(0, |at| at.saturating_sub(now_ms));
        let mut left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        if self.deflate.as_ref().is_some_and(|deflate| deflate.awake()) {
            left = left.min(Duration::from_secs(REST_S));
        }
        let idling = self.machine.idling();
        let (machine, stream) = (&mut self.machine, &mut self.stream);
        let deflate = &mut self.deflate;
        tokio::select! {
            read = read(stream, machine, deflate.as_deref_mut(), now_ms) => return read,
            () = self.notify.notified(), if idling => machine.wake(),
            told = shutdown.changed() => {
                // Nobody is left who could tell: the server is going down.
                if told.is_err() {
                    machine.shut_down();
                }
            }
            () = tokio::time::sleep(left) => {
                if let Some(deflate) = deflate {
                    deflate.rest();
                }
                machine.expire(self.services.directory.clock().now_ms());
            }
        }
        Ok(true)
    }

    /// In stretches, each with its own time: a slow peer may take long, a dead one may not.
    async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        for stretch in octets.chunks(WRITE_MAX) {
            match &mut self.deflate {
                None => self.put(stretch).await?,
                Some(deflate) => {
                    let mut coded = Vec::new();
                    deflate.deflate(stretch, &mut coded)?;
                    self.put(&coded).await?;
                }
            }
        }
        Ok(())
    }

    async fn put(&mut self, octets: &[u8]) -> io::Result<()> {
        let limit = Duration::from_secs(WRITE_S);
        match tokio::time::timeout(limit, self.stream.write_all(octets)).await {
            Ok(done) => done,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Once for each answer: the peer must see it whole.
    async fn flush(&mut self) -> io::Result<()> {
        if let Some(deflate) = &mut self.deflate {
            let mut coded = Vec::new();
            deflate.flush(&mut coded)?;
            self.put(&coded).await?;
        }
        self.stream.flush().await
    }

    /// RFC 8437 §4.1: our stream ends behind the OK; theirs ended behind the command.
    async fn decompress(&mut self) -> io::Result<()> {
        let Some(deflate) = self.deflate.take() else {
            return Ok(());
        };
        let mut coded = Vec::new();
        let behind = deflate.end(&mut coded)?;
        self.put(&coded).await?;
        self.machine.receive(&behind, self.now_ms());
        Ok(())
    }

    async fn ask(&mut self, ask: Ask) -> Answer {
        if let Ask::Room(octets) = ask {
            let runner = self.runner.as_ref();
            let more = runner.and_then(|runner| runner.room(octets));
            let granted = more.is_some();
            match (&mut self.room, more) {
                // A second large literal of one command adds to the first.
                (Some(room), Some(more)) => room.merge(more),
                (room, more) => *room = room.take().or(more),
            }
            return Answer::Room(granted);
        }
        let work = match self.ahead.take() {
            Some(work) => work,
            None => {
                let turns = match ask.is_sign_in() {
                    true => &self.services.sign_ins,
                    false => &self.services.commands,
                };
                let Ok(turn) = Arc::clone(turns).acquire_owned().await else {
                    return Answer::Failed;
                };
                let Some(runner) = self.runner.take() else {
                    return Answer::Failed;
                };
                begin(runner, ask, turn)
            }
        };
        match work.await {
            Ok((runner, answer)) => {
                self.held.set((runner.held() + answer.held()) as u64);
                self.runner = Some(runner);
                answer
            }
            Err(error) => {
                tracing::error!(%error, "a command ended in a panic");
                Answer::Failed
            }
        }
    }

    /// While a piece is written the next one is made, where that is what will be asked next: the network and the
    /// store need not wait for each other. One piece and no more, and only if a turn is free.
    fn go_ahead(&mut self) {
        if self.ahead.is_some() || !self.machine.goes_on() || self.held.octets() > AHEAD_MAX {
            return;
        }
        let Ok(turn) = Arc::clone(&self.services.commands).try_acquire_owned() else {
            return;
        };
        if let Some(runner) = self.runner.take() {
            self.held.set(self.held.octets() + PIECE_MAX as u64);
            self.ahead = Some(begin(runner, Ask::More, turn));
        }
    }

    fn now_ms(&self) -> i64 {
        self.services.directory.clock().now_ms()
    }
}

/// Answers on the blocking pool, as long as that takes holding its turn.
fn begin(
    mut runner: Box<Runner>,
    ask: Ask,
    turn: OwnedSemaphorePermit,
) -> JoinHandle<(Box<Runner>, Answer)> {
    tokio::task::spawn_blocking(move || {
        let answer = runner.answer(ask);
        drop(turn);
        (runner, answer)
    })
}

/// Reads on the stack, so that a waiting connection holds no buffer. Nothing is lost when it is dropped.
async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    machine: &mut Machine,
    mut deflate: Option<&mut Deflate>,
    now_ms: i64,
) -> io::Result<bool> {
    poll_fn(|cx| {
        let mut octets = [0; READ_MAX];
        loop {
            if let Some(deflate) = deflate.as_deref_mut().filter(|deflate| deflate.pending()) {
                match deflate.inflate(&mut octets) {
                    Ok(0) => {}
                    Ok(len) => {
                        machine.receive(&octets[..len], now_ms);
                        return Poll::Ready(Ok(true));
                    }
                    Err(_) => {
                        machine.garbled();
                        return Poll::Ready(Ok(true));
                    }
                }
            }
            let mut buffer = ReadBuf::new(&mut octets);
            if let Err(error) = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
                return Poll::Ready(Err(error));
            }
            let filled = buffer.filled();
            match deflate.as_deref_mut() {
                Some(deflate) if !filled.is_empty() => deflate.receive(filled),
                _ => {
                    machine.receive(filled, now_ms);
                    return Poll::Ready(Ok(!filled.is_empty()));
                }
            }
        }
    })
    .await
}

/// Reads and forgets what a peer had said before the goodbye came to it. A connection that is closed with unread octets
/// is reset, and what the peer had not taken yet is lost, the goodbye with it (RFC 9051 §7.1.5).
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

/// What is read at one time must fit what may wait.
const _: () = assert!(READ_MAX <= WAITING_MAX);
