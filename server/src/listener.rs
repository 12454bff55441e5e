//! Binds ports, accepts connections within limits, and survives running out of file descriptors.

use crate::shutdown::Shutdown;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Waiting connections that the kernel keeps for us.
const BACKLOG: u32 = 1024;
/// Pause after `accept` failed (EMFILE): the loop must not spin (ATTACKS.md, "accept loop spins").
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections at once, in all and by address; shared by all listeners.
#[derive(Debug, Clone)]
pub struct Gate {
    all: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_address_max: usize,
}

/// One admitted connection; leaves when dropped.
#[derive(Debug)]
pub struct Ticket {
    gate: Gate,
    ip: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Gate {
    /// With these limits.
    pub fn new(all: usize, per_address_max: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            by_address: Arc::default(),
            per_address_max,
        }
    }

    /// Admits a connection, or says no.
    pub fn admit(&self, ip: IpAddr) -> Option<Ticket> {
        let permit = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let mut map = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = map.entry(ip).or_insert(0);
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        drop(map);
        Some(Ticket {
            gate: self.clone(),
            ip,
            _permit: permit,
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut map = self
            .gate
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = map.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                map.remove(&self.ip);
            }
        }
    }
}

/// Binds one address. Errors say which service and port, and who holds it as far as the system tells.
pub fn bind(service: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || -> io::Result<TcpListener> {
        let socket = if address.is_ipv4() {
            tokio::net::TcpSocket::new_v4()?
        } else {
            tokio::net::TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => match crate::holder::of_port(address.port()) {
            Some(holder) => anyhow::anyhow!("{service}: port {} is taken by {holder}", address.port()),
            None => anyhow::anyhow!("{service}: port {} is taken by another program", address.port()),
        },
        io::ErrorKind::PermissionDenied => anyhow::anyhow!(
            "{service}: port {} may not be opened by this user (ports under 1024 need root or CAP_NET_BIND_SERVICE)",
            address.port()
        ),
        _ => anyhow::anyhow!("{service}: {address}: {error}"),
    })
}

/// What a connection over the limit is told, where the protocol has words for it in clear text.
pub type Farewell = &'static [u8];

/// Accepts until shutdown; each connection runs `serve` in a task of its own.
pub async fn accept<F, Fut>(
    listener: TcpListener,
    gate: Gate,
    farewell: Farewell,
    shutdown: Shutdown,
    serve: F,
) where
    F: Fn(TcpStream, SocketAddr) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.stopped() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                let Some(ticket) = gate.admit(peer.ip()) else {
                    tracing::warn!(%peer, "connection refused: too many at once");
                    // Never waits: what the socket does not take at once is not said.
                    let _ = stream.try_write(farewell);
                    continue;
                };
                let _ = stream.set_nodelay(true);
                let session = serve(stream, peer);
                tokio::spawn(async move {
                    session.await;
                    drop(ticket);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Gate;

    #[test]
    fn the_gate_counts_and_forgets() {
        let gate = Gate::new(3, 2);
        let (a, b) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = gate.admit(a).unwrap();
        let _second = gate.admit(a).unwrap();
        assert!(gate.admit(a).is_none(), "two from one address");
        let _third = gate.admit(b).unwrap();
        assert!(gate.admit(b).is_none(), "three in all");
        drop(first);
        assert!(gate.admit(b).is_some());
    }
}
