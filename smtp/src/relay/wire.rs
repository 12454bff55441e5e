//! What relaying needs of the system: connections, and the client's side of TLS. `server` has the sockets, the
//! certificates and their trust.

use super::dane::Dane;
use super::line::Network;
use super::mta_sts;
use delivery::tls_report::Session;
use formats::address::DomainName;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};

/// Whose certificate is good enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// RFC 7435 §1.2: any; it keeps out those who only listen.
    Anybody,
    /// RFC 9525 §6: one for this name, from an authority that we know.
    Named,
    /// RFC 7672 §3.2: one that the host's own records name.
    Dane(Arc<Dane>),
}

/// What is wrong with a peer's TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It offers none.
    Absent,
    /// Its certificate holds no more, or not yet.
    Expired,
    /// Its certificate is for others.
    OtherName,
    /// Nobody that is believed vouches for its certificate.
    Untrusted,
    /// Something else.
    Other,
}

/// A handshake that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insecure {
    /// What is wrong.
    pub fault: Fault,
    /// In words.
    pub why: String,
}

/// Makes connections.
pub trait Wire: Send + Sync + 'static {
    /// A connection, in the clear or under TLS.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Opens a connection.
    fn connect(&self, to: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Opens a connection to a socket of this machine.
    fn connect_here(
        &self,
        _socket: &Path,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send {
        async { Err(io::ErrorKind::Unsupported.into()) }
    }

    /// Version and cipher of a connection under TLS, in words; `None`: in the clear, or not known.
    fn tls(&self, _stream: &Self::Stream) -> Option<String> {
        None
    }

    /// RFC 8461 §3: what a domain says of the hosts that take its mail, where it says so and anybody wants to know.
    fn sts(
        &self,
        _domain: &DomainName,
    ) -> impl Future<Output = Option<Arc<mta_sts::Policy>>> + Send {
        async { None }
    }

    /// RFC 8460: a session with a host that takes a domain's mail came about, or failed for the sake of TLS.
    fn told(&self, _domain: &DomainName, _session: Session) {}

    /// Handshakes as client with the host of this name; an error says why not.
    fn secure(
        &self,
        stream: Self::Stream,
        name: &str,
        trust: &Trust,
    ) -> impl Future<Output = Result<Self::Stream, Insecure>> + Send;
}

/// TLS with one peer.
pub(crate) struct Peer<'a, W> {
    pub(crate) wire: &'a W,
    pub(crate) name: &'a str,
    pub(crate) trust: &'a Trust,
    /// What was wrong, once something was.
    pub(crate) fault: Mutex<Option<Fault>>,
}

impl<W: Wire> Network<W::Stream> for Peer<'_, W> {
    async fn secure(&self, stream: W::Stream) -> Result<W::Stream, String> {
        let secured = self.wire.secure(stream, self.name, self.trust).await;
        secured.map_err(|Insecure { fault, why }| {
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
            why
        })
    }
}
