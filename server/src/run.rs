//! Runs the server: binds all ports, serves until told to stop, stops in order.

use crate::autoconfig::Signer;
use crate::clock::SystemClock;
use crate::config::{Config, Listen};
use crate::health;
use crate::listener::{self, Gate};
use crate::outward::Sending;
use crate::services::Services;
use crate::shutdown::{self, Shutdown};
use crate::tls;
use crate::{http, mail};
use anyhow::Context as _;
use directory::bulk::Workshop;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Blocking calls at once over all services: each is a thread while it waits for the disk.
const BLOCKING_THREADS: usize = 160;
/// The queue is looked at at least this often.
const QUEUE_TICK: Duration = Duration::from_secs(60);

/// A server that answers on all its ports.
#[derive(Debug)]
pub struct Running {
    /// Store, directory, pipeline.
    pub services: Services,
    /// Service name and the address it listens on.
    pub addresses: Vec<(&'static str, SocketAddr)>,
    shutdown: Shutdown,
    tasks: JoinSet<()>,
    workshop: Workshop,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Services")
    }
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Smtp,
    Submission,
    Submissions,
    Imap,
    Imaps,
    Pop3,
    Pop3s,
    Https,
    Lmtp,
}

impl Spoken {
    /// Said to a connection over the limit (RFC 5321 §3.8, RFC 9051 §7.1.5, RFC 3206 §3); nothing inside TLS.
    fn farewell(self) -> listener::Farewell {
        match self {
            Self::Smtp | Self::Submission | Self::Lmtp => {
                b"421 4.7.0 Too many connections, try again later\r\n"
            }
            Self::Imap => b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n",
            Self::Pop3 => b"-ERR [SYS/TEMP] Too many connections, try again later\r\n",
            Self::Submissions | Self::Imaps | Self::Pop3s | Self::Https => b"",
        }
    }
}

fn ports(listen: &Listen) -> Vec<(&'static str, Spoken, Vec<SocketAddr>)> {
    vec![
        ("smtp", Spoken::Smtp, listen.smtp.clone()),
        ("submission", Spoken::Submission, listen.submission.clone()),
        (
            "submissions",
            Spoken::Submissions,
            listen.submissions.clone(),
        ),
        ("imap", Spoken::Imap, listen.imap.clone()),
        ("imaps", Spoken::Imaps, listen.imaps.clone()),
        ("pop3", Spoken::Pop3, listen.pop3.clone()),
        ("pop3s", Spoken::Pop3s, listen.pop3s.clone()),
        ("https", Spoken::Https, listen.https.clone()),
        ("lmtp", Spoken::Lmtp, listen.lmtp.clone()),
    ]
}

/// Fails early when a port is taken, before long work begins.
pub fn check_ports(listen: &Listen) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _inside = runtime.enter();
    for (name, _, addresses) in ports(listen) {
        for address in addresses {
            listener::bind(name, address)?;
        }
    }
    Ok(())
}

/// The operator's certificate, or one of our own making.
fn certificate(config: &Config) -> anyhow::Result<(PathBuf, PathBuf)> {
    if !config.tls.certificate.as_os_str().is_empty() {
        return Ok((config.tls.certificate.clone(), config.tls.key.clone()));
    }
    let names = [
        config.server.host.clone(),
        "localhost".into(),
        "127.0.0.1".into(),
        "::1".into(),
    ];
    std::fs::create_dir_all(&config.server.data)?;
    let files = tls::own(&config.server.data, &names)?;
    tracing::warn!(ca = %files.ca.display(), "no certificate configured: using one of our own making");
    Ok((files.certificate, files.key))
}

/// Binds and serves. Must be called inside a tokio runtime.
pub fn start(services: Services) -> anyhow::Result<Running> {
    let (certificate, key) = certificate(&services.config)?;
    let acceptors = tls::load(&certificate, &key)?;
    let mut bound: Vec<(&'static str, Spoken, TcpListener)> = Vec::new();
    for (name, spoken, addresses) in ports(&services.config.listen) {
        for address in addresses {
            bound.push((name, spoken, listener::bind(name, address)?));
        }
    }
    let listen = &services.config.listen;
    let gate = Gate::new(listen.connections_max, listen.connections_per_address);
    let shutdown = Shutdown::default();
    let mut running = Running {
        services: services.clone(),
        addresses: Vec::new(),
        shutdown: shutdown.clone(),
        tasks: JoinSet::new(),
        workshop: Workshop::start(&services.directory)?,
    };
    let mail = Arc::new(mail::Mail::new(&services, &acceptors, &shutdown));
    let signer = Signer::load(&certificate, &key)
        .inspect_err(|error| tracing::warn!(%error, "profiles for Apple will not be signed"))
        .ok();
    let site = http::router(&services, signer);
    for (name, spoken, listener) in bound {
        running.addresses.push((name, listener.local_addr()?));
        let (gate, stop) = (gate.clone(), shutdown.clone());
        if spoken == Spoken::Https {
            let (tls, site, stop_session) =
                (acceptors.http.clone(), site.clone(), shutdown.clone());
            running.tasks.spawn(listener::accept(
                listener,
                gate,
                spoken.farewell(),
                stop,
                move |stream, peer| {
                    http::serve(
                        stream,
                        peer,
                        tls.clone(),
                        site.clone(),
                        stop_session.clone(),
                    )
                },
            ));
            continue;
        }
        let mail = Arc::clone(&mail);
        running.tasks.spawn(listener::accept(
            listener,
            gate,
            spoken.farewell(),
            stop,
            move |stream, peer| {
                let mail = Arc::clone(&mail);
                async move { converse(spoken, &mail, stream, peer).await }
            },
        ));
    }
    running.work_beside();
    let (due, ready) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let both = [Arc::clone(&due), Arc::clone(&ready)];
    let wake = move || both.iter().for_each(|one| one.notify_one());
    services.delivery.on_queued(Arc::new(wake));
    let sending = Sending::new(&services, ready)?;
    running.tasks.spawn(sending.run(shutdown.clone()));
    running.tasks.spawn(queue(services, due, shutdown));
    Ok(running)
}

/// One mail session.
async fn converse(spoken: Spoken, mail: &mail::Mail, stream: TcpStream, peer: SocketAddr) {
    match spoken {
        Spoken::Smtp => mail.smtp(stream, peer).await,
        Spoken::Lmtp => mail.lmtp(stream, peer).await,
        Spoken::Submission => mail.submission(stream, peer, false).await,
        Spoken::Submissions => mail.submission(stream, peer, true).await,
        Spoken::Pop3 => mail.pop3(stream, peer, false).await,
        Spoken::Pop3s => mail.pop3(stream, peer, true).await,
        Spoken::Imap => mail.imap(stream, peer, false).await,
        Spoken::Imaps | Spoken::Https => mail.imap(stream, peer, true).await,
    }
}

/// Handles due items of the queue: when woken, when the next is due, and now and then.
async fn queue(services: Services, woken: Arc<Notify>, shutdown: Shutdown) {
    loop {
        let (delivery, now) = (
            services.delivery.clone(),
            services.directory.clock().now_s(),
        );
        let next = tokio::task::spawn_blocking(move || delivery.dispatch(now)).await;
        let wait = match next {
            Ok(Ok(Some(due))) => {
                Duration::from_secs(u64::try_from(due - now).unwrap_or(0).max(1)).min(QUEUE_TICK)
            }
            Ok(Ok(None)) => QUEUE_TICK,
            Ok(Err(error)) => {
                tracing::error!(%error, "the queue could not be handled");
                QUEUE_TICK
            }
            Err(_) => {
                tracing::error!("handling the queue stopped");
                QUEUE_TICK
            }
        };
        tokio::select! {
            () = woken.notified() => {}
            () = tokio::time::sleep(wait) => {}
            () = shutdown.stopped() => return,
        }
    }
}

impl Running {
    /// Upkeep, and programs that are told of what happens.
    fn work_beside(&mut self) {
        let (services, stop) = (|| self.services.clone(), || self.shutdown.clone());
        self.tasks.spawn(crate::upkeep::run(services(), stop()));
        self.tasks.spawn(crate::hooks::run(services(), stop()));
        self.tasks.spawn(crate::push::run(services(), stop()));
        self.tasks.spawn(crate::attached::run(services(), stop()));
    }

    /// Where a service listens.
    pub fn address(&self, service: &str) -> Option<SocketAddr> {
        self.addresses
            .iter()
            .find(|row| row.0 == service)
            .map(|row| row.1)
    }

    /// Stops: no new connections, sessions are told, then the store is closed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown.stop();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(shutdown::GRACE, all).await;
        self.tasks.abort_all();
        let (store, workshop) = (self.services.store.clone(), self.workshop);
        let close = move || {
            // Jobs stand still at the end of a batch, and go on at the next start.
            drop(workshop);
            store.close()
        };
        tokio::task::spawn_blocking(close)
            .await?
            .context("the store could not be closed")
    }
}

/// The runtime of a whole server.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("congvu")
        .build()?)
}

/// Why a server stops serving.
enum Why {
    Told,
    /// The store is to be opened again, which makes its index anew.
    IndexDamaged,
}

/// What the operator reads where no store was founded.
pub(crate) fn not_founded(config: &Config) -> String {
    let data = config.server.data.display();
    format!(
        "thư mục {data} chưa có kho thư: hãy chạy `congvu init` trước, hoặc sửa server.data trong cấu hình / \
         {data} holds no founded store: run `congvu init` first, or mend server.data in the config"
    )
}

/// What the operator reads where a repair found nothing of the directory any more.
pub(crate) fn no_directory(config: &Config) -> String {
    let data = config.server.data.display();
    format!(
        "kho thư trong {data} đã mất danh bạ khi sửa chữa: hãy khôi phục bản sao lưu vào thư mục mới bằng \
         `congvu restore --to` rồi đặt nó vào chỗ này / \
         the store in {data} lost its directory, as its repair said: restore a backup into a new folder with \
         `congvu restore --to` and put it in this place"
    )
}

/// Opens, serves, calls `ready` the first time, and stops at SIGINT or SIGTERM. A damaged index is made anew
/// by opening the store again: better away for a moment than wrong answers for long. Not more often than
/// [`health::REOPENED_MAX`] times an hour: then the disk or the memory is bad.
pub fn until_signal(
    config: Config,
    ready: impl FnOnce(&Running) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut ready = Some(ready);
    let mut reopenings = health::Reopenings::default();
    loop {
        // Nothing listens before the index has what the journal has: after a kill that may be much.
        let began = std::time::Instant::now();
        tracing::info!("opening the store");
        let mut services = health::open(|| Services::open(config.clone(), Arc::new(SystemClock)))?;
        services.extractor = Some(PathBuf::from(crate::attached::OWN));
        if services.directory.agencies(None, None, None, 1)?.is_empty() {
            let lost = services.store.loss()?.is_some();
            services.store.close()?;
            anyhow::ensure!(!lost, no_directory(&config));
            anyhow::bail!(not_founded(&config));
        }
        tracing::info!(ms = began.elapsed().as_millis(), "the store is open");
        crate::cli::restore::ended(&config);
        let runtime = runtime()?;
        let why = runtime.block_on(async {
            let signal = shutdown::signal();
            let running = start(services)?;
            if let Some(ready) = ready.take() {
                ready(&running)?;
            }
            let store = running.services.store.clone();
            let why = tokio::select! {
                told = signal => told.map(|()| Why::Told)?,
                () = health::damaged(&store) => Why::IndexDamaged,
            };
            match why {
                Why::Told => {
                    tracing::info!("stopping");
                    running.stop().await?;
                }
                Why::IndexDamaged => {
                    tracing::error!(
                        "the index is damaged: opening the store again, which makes it anew"
                    );
                    // That it cannot be closed well is known.
                    let _ = running.stop().await;
                }
            }
            anyhow::Ok(why)
        })?;
        runtime.shutdown_timeout(shutdown::GRACE);
        if matches!(why, Why::Told) {
            return Ok(());
        }
        anyhow::ensure!(
            reopenings.allow(std::time::Instant::now()),
            "chỉ mục hỏng {0} lần trong một giờ; hãy kiểm tra đĩa và bộ nhớ / the index was damaged {0} times within an \
             hour; look at the disk and its memory",
            health::REOPENED_MAX + 1
        );
    }
}
