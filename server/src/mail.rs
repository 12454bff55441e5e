//! Mail sessions: makes the machines, runs their loops, and handshakes between two runs (STARTTLS).

use crate::config::Config;
use crate::outward::{Names, Watch};
use crate::services::Services;
use crate::shutdown::Shutdown;
use crate::tls::{self, Acceptors, HANDSHAKE_S};
use directory::sasl::Channel;
use formats::address::DomainName;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What SMTP sessions need, with DNS where mail from outside is looked at.
fn receiving(services: &Services, limits: smtp::Limits) -> smtp::Services {
    let (delivery, directory) = (services.delivery.clone(), services.directory.clone());
    let receiving = smtp::Services::new(delivery, directory, limits);
    let inbound = &services.config.inbound;
    if !inbound.verify {
        return receiving;
    }
    let clock = services.directory.clock().clone();
    let watch = Watch::new(
        Arc::clone(services.delivery.dns()),
        Arc::new(move || clock.now_s()),
    );
    let names = Names::quick(&services.config.relay.name_servers, watch);
    let trusted = inbound.trusted.clone();
    receiving.looking(smtp::Looking {
        verifier: Arc::new(delivery::verify::Verifier::new(names)),
        rule: inbound.dmarc,
        trusts: Arc::new(move |peer: IpAddr| trusted.contains(&peer.to_canonical())),
    })
}

/// What all mail sessions share.
pub(crate) struct Mail {
    smtp_config: Arc<smtp::Config>,
    smtp: smtp::Services,
    imap: imap::Services,
    pop3: pop3::Services,
    tls: TlsAcceptor,
    end_point: Option<Arc<[u8]>>,
    scram: bool,
    directory: directory::Directory,
    lmtp_from: Vec<IpAddr>,
    shutdown: Shutdown,
}

impl Mail {
    pub(crate) fn new(services: &Services, tls: &Acceptors, shutdown: &Shutdown) -> Self {
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
                pace: smtp::Pace {
                    rate_min: config.mail.receiving_rate_min,
                    whole_ms: config.mail.receiving_minutes_max * 60_000,
                },
                postmaster_domain: DomainName::parse(&config.server.default_domain).ok(),
            }),
            smtp: receiving(services, limits),
            imap: imap::Services::new(
                services.directory.clone(),
                imap::Settings {
                    size_max: config.mail.size_max,
                    memory_max: config.mail.receiving_max as u64,
                    unauthenticate: config.imap.unauthenticate,
                    raw_headers: config.imap.raw_headers,
                    zone_min: config.imap.zone_min,
                    message_limit: config.imap.message_limit,
                    save_limit: config.imap.save_limit,
                    jmap_session: jmap_session(config),
                    ..imap::Settings::default()
                },
            ),
            pop3: pop3::Services::new(services.directory.clone(), pop3::Settings::default()),
            tls: tls.mail.clone(),
            end_point: tls.end_point.clone(),
            scram: services.directory.offers_scram(),
            directory: services.directory.clone(),
            lmtp_from: config.listen.lmtp_from.clone(),
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

    /// What SCRAM may bind; `None`: it is not offered.
    fn channel<S>(&self, stream: &TlsStream<S>) -> Option<Channel> {
        let (_, connection) = stream.get_ref();
        self.scram
            .then(|| tls::channel(connection, self.end_point.as_ref()))
    }

    /// The MX port.
    pub(crate) async fn smtp(&self, stream: TcpStream, peer: SocketAddr) {
        let config = Arc::clone(&self.smtp_config);
        let machine = smtp::Receiver::new(config, smtp::Service::Mx, smtp::Tls::Offered, 0);
        self.receive(stream, machine, peer).await;
    }

    /// RFC 2033: from the hosts that the config names.
    pub(crate) async fn lmtp(&self, stream: TcpStream, peer: SocketAddr) {
        if !self.lmtp_from.contains(&peer.ip()) {
            tracing::warn!(%peer, "LMTP refused: not among listen.lmtp_from");
            let _ = stream.try_write(b"421 4.7.1 This host may not speak LMTP here\r\n");
            return;
        }
        let config = Arc::clone(&self.smtp_config);
        let machine = smtp::Receiver::new(config, smtp::Service::Lmtp, smtp::Tls::Offered, 0);
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
        let mut machine = smtp::Receiver::new(config, smtp::Service::Submission, tls, 0);
        machine.offer_release(self.directory.clock().now_s());
        if !secured {
            return self.receive(stream, machine, peer).await;
        }
        if let Some(stream) = self.handshake(stream, peer).await {
            machine.note_tls(tls::words(stream.get_ref().1));
            if let Some(channel) = self.channel(&stream) {
                machine.offer_scram(channel);
            }
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
            Ok(smtp::End::StartTls(stream, mut machine)) => {
                match self.handshake(stream, peer).await {
                    Some(stream) => {
                        machine.note_tls(tls::words(stream.get_ref().1));
                        if let Some(channel) = self.channel(&stream) {
                            machine.offer_scram(channel);
                        }
                        let run = smtp::run(stream, machine, &self.smtp, peer.ip(), stop);
                        run.await.map(|_| ())
                    }
                    None => Ok(()),
                }
            }
            Err(error) => Err(error),
        };
        log("smtp", peer, ended);
    }

    /// Port 143, or with `secured` port 993.
    pub(crate) async fn imap(&self, stream: TcpStream, peer: SocketAddr, secured: bool) {
        let stop = self.shutdown.watch();
        if secured {
            if let Some(stream) = self.handshake(stream, peer).await {
                let machine = match self.channel(&stream) {
                    Some(channel) => self.imap.machine_over(channel),
                    None => self.imap.machine(true),
                };
                let run = imap::run(stream, machine, &self.imap, peer.ip(), stop);
                log("imaps", peer, run.await.map(|_| ()));
            }
            return;
        }
        let machine = self.imap.machine(false);
        let ended = match imap::run(stream, machine, &self.imap, peer.ip(), stop.clone()).await {
            Ok(imap::End::Closed) => Ok(()),
            Ok(imap::End::StartTls(stream, mut machine)) => {
                match self.handshake(stream, peer).await {
                    Some(stream) => {
                        if let Some(channel) = self.channel(&stream) {
                            machine.offer_scram(channel);
                        }
                        let run = imap::run(stream, machine, &self.imap, peer.ip(), stop);
                        run.await.map(|_| ())
                    }
                    None => Ok(()),
                }
            }
            Err(error) => Err(error),
        };
        log("imap", peer, ended);
    }
}

impl Mail {
    /// Port 110, or with `secured` port 995.
    pub(crate) async fn pop3(&self, stream: TcpStream, peer: SocketAddr, secured: bool) {
        let stop = self.shutdown.watch();
        if secured {
            if let Some(stream) = self.handshake(stream, peer).await {
                let machine = match self.channel(&stream) {
                    Some(channel) => self.pop3.machine_over(channel),
                    None => self.pop3.machine(true),
                };
                let run = pop3::run(stream, machine, &self.pop3, peer.ip(), stop);
                log("pop3s", peer, run.await.map(|_| ()));
            }
            return;
        }
        let machine = self.pop3.machine(false);
        let ended = match pop3::run(stream, machine, &self.pop3, peer.ip(), stop.clone()).await {
            Ok(pop3::End::Closed) => Ok(()),
            Ok(pop3::End::StartTls(stream, mut machine)) => {
                match self.handshake(stream, peer).await {
                    Some(stream) => {
                        if let Some(channel) = self.channel(&stream) {
                            machine.offer_scram(channel);
                        }
                        let run = pop3::run(stream, machine, &self.pop3, peer.ip(), stop);
                        run.await.map(|_| ())
                    }
                    None => Ok(()),
                }
            }
            Err(error) => Err(error),
        };
        log("pop3", peer, ended);
    }
}

/// RFC 9698 §4: where the same mail is had by JMAP, with the same credentials; none when HTTPS is turned off.
fn jmap_session(config: &Config) -> Option<String> {
    let port = config.listen.https.first()?.port();
    let host = &config.server.host;
    Some(match port {
        443 | 0 => format!("https://{host}/jmap/session"),
        port => format!("https://{host}:{port}/jmap/session"),
    })
}

fn log(service: &str, peer: SocketAddr, ended: std::io::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(service, %peer, %error, "connection ended");
    }
}
