//! Mail sessions: makes the machines, runs their loops, and handshakes between two runs (STARTTLS).

use crate::services::Services;
use crate::shutdown::Shutdown;
use crate::tls::HANDSHAKE_S;
use formats::address::DomainName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What all mail sessions share.
pub(crate) struct Mail {
    smtp_config: Arc<smtp::Config>,
    smtp: smtp::Services,
    imap: imap::Services,
    pop3: pop3::Services,
    tls: TlsAcceptor,
    shutdown: Shutdown,
}

impl Mail {
    pub(crate) fn new(services: &Services, tls: TlsAcceptor, shutdown: &Shutdown) -> Self {
        let config = &services.config;
        let limits = smtp::Limits {
            memory_bytes: config.mail.receiving_max as u64,
            ..smtp::Limits::default()
        };
        Self {
            smtp_config: Arc::new(smtp::Config {
                host: config.server.host.clone(),
                size_max: config.mail.size_max,
                recipients_max: config.mail.recipients_max,
                postmaster_domain: DomainName::parse(&config.server.default_domain).ok(),
            }),
            smtp: smtp::Services::new(
                services.delivery.clone(),
                services.directory.clone(),
                limits,
            ),
            imap: imap::Services::new(
                services.directory.clone(),
                imap::Settings {
                    size_max: config.mail.size_max,
                    memory_max: config.mail.receiving_max as u64,
                    unauthenticate: config.imap.unauthenticate,
                    raw_headers: config.imap.raw_headers,
                    ..imap::Settings::default()
                },
            ),
            pop3: pop3::Services::new(services.directory.clone(), pop3::Settings::default()),
            tls,
            shutdown: shutdown.clone(),
        }
    }

    async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        peer: SocketAddr,
    ) -> Option<TlsStream<S>> {
        let limit = Duration::from_secs(HANDSHAKE_S);
        match tokio::time::timeout(limit, self.tls.accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "TLS handshake failed");
                None
            }
            Err(_) => None,
        }
    }

    /// The MX port.
    pub(crate) async fn smtp(&self, stream: TcpStream, peer: SocketAddr) {
        let config = Arc::clone(&self.smtp_config);
        let machine = smtp::Receiver::new(config, smtp::Service::Mx, smtp::Tls::Offered, 0);
        self.receive(stream, machine, peer).await;
    }

    /// Port 587, or with `secured` port 465.
    pub(crate) async fn submission(&self, stream: TcpStream, peer: SocketAddr, secured: bool) {
        let config = Arc::clone(&self.smtp_config);
        let tls = if secured {
            smtp::Tls::On
        } else {
            smtp::Tls::Offered
        };
        let machine = smtp::Receiver::new(config, smtp::Service::Submission, tls, 0);
        if !secured {
            return self.receive(stream, machine, peer).await;
        }
        if let Some(stream) = self.handshake(stream, peer).await {
            let run = smtp::run(
                stream,
                Box::new(machine),
                &self.smtp,
                peer.ip(),
                self.shutdown.watch(),
            );
            log("submissions", peer, run.await.map(|_| ()));
        }
    }

    /// A plain connection that may turn to TLS once.
    async fn receive(&self, stream: TcpStream, machine: smtp::Receiver, peer: SocketAddr) {
        let stop = self.shutdown.watch();
        let ended = match smtp::run(
            stream,
            Box::new(machine),
            &self.smtp,
            peer.ip(),
            stop.clone(),
        )
        .await
        {
            Ok(smtp::End::Closed) => Ok(()),
            Ok(smtp::End::StartTls(stream, machine)) => match self.handshake(stream, peer).await {
                Some(stream) => smtp::run(stream, machine, &self.smtp, peer.ip(), stop)
                    .await
                    .map(|_| ()),
                None => Ok(()),
            },
            Err(error) => Err(error),
        };
        log("smtp", peer, ended);
    }

    /// Port 143, or with `secured` port 993.
    pub(crate) async fn imap(&self, stream: TcpStream, peer: SocketAddr, secured: bool) {
        let stop = self.shutdown.watch();
        let machine = self.imap.machine(secured);
        if secured {
            if let Some(stream) = self.handshake(stream, peer).await {
                let run = imap::run(stream, machine, &self.imap, peer.ip(), stop);
                log("imaps", peer, run.await.map(|_| ()));
            }
            return;
        }
        let ended = match imap::run(stream, machine, &self.imap, peer.ip(), stop.clone()).await {
            Ok(imap::End::Closed) => Ok(()),
            Ok(imap::End::StartTls(stream, machine)) => match self.handshake(stream, peer).await {
                Some(stream) => imap::run(stream, machine, &self.imap, peer.ip(), stop)
                    .await
                    .map(|_| ()),
                None => Ok(()),
            },
            Err(error) => Err(error),
        };
        log("imap", peer, ended);
    }
}

impl Mail {
    /// Port 110, or with `secured` port 995.
    pub(crate) async fn pop3(&self, stream: TcpStream, peer: SocketAddr, secured: bool) {
        let stop = self.shutdown.watch();
        let machine = self.pop3.machine(secured);
        if secured {
            if let Some(stream) = self.handshake(stream, peer).await {
                let run = pop3::run(stream, machine, &self.pop3, peer.ip(), stop);
                log("pop3s", peer, run.await.map(|_| ()));
            }
            return;
        }
        let ended = match pop3::run(stream, machine, &self.pop3, peer.ip(), stop.clone()).await {
            Ok(pop3::End::Closed) => Ok(()),
            Ok(pop3::End::StartTls(stream, machine)) => match self.handshake(stream, peer).await {
                Some(stream) => pop3::run(stream, machine, &self.pop3, peer.ip(), stop)
                    .await
                    .map(|_| ()),
                None => Ok(()),
            },
            Err(error) => Err(error),
        };
        log("pop3", peer, ended);
    }
}

fn log(service: &str, peer: SocketAddr, ended: std::io::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(service, %peer, %error, "connection ended");
    }
}
