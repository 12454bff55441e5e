//! RFC 8305: several addresses of one host, the next begun when the one before hesitates; the first that answers
//! is taken.

use super::wire::Wire;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// RFC 8305 §5: how long one address may hesitate before the next is begun beside it.
pub const HESITATION_MS: u64 = 250;
/// How long a connection may take to come about.
pub const CONNECT_MS: u64 = 30_000;

/// A connection to the first address that answers; those asked in vain, and it itself, are taken off `left`. Errors:
/// what each said.
pub(crate) async fn first<W: Wire>(
    wire: &Arc<W>,
    left: &mut Vec<SocketAddr>,
) -> Result<(W::Stream, SocketAddr), Vec<String>> {
    let mut asked = JoinSet::new();
    let mut waiting: Vec<SocketAddr> = left.iter().rev().copied().collect();
    let mut errors = Vec::new();
    loop {
        if let Some(to) = waiting.pop() {
            let wire = Arc::clone(wire);
            asked.spawn(async move {
                let limit = Duration::from_millis(CONNECT_MS);
                let late = || Err(io::Error::new(io::ErrorKind::TimedOut, "no answer"));
                let stream = timeout(limit, wire.connect(to)).await;
                (to, stream.unwrap_or_else(|_| late()))
            });
        }
        let hesitation = sleep(Duration::from_millis(HESITATION_MS));
        tokio::select! {
            ended = asked.join_next() => match ended {
                Some(Ok((to, Ok(stream)))) => {
                    left.retain(|other| *other != to);
                    return Ok((stream, to));
                }
                Some(Ok((to, Err(error)))) => {
                    left.retain(|other| *other != to);
                    errors.push(format!("{to}: {error}"));
                }
                Some(Err(_)) => errors.push("connecting stopped".into()),
                None => {
                    left.clear();
                    return Err(errors);
                }
            },
            () = hesitation, if !waiting.is_empty() => {}
        }
    }
}
