//! Mail that leaves: submitted over TLS on kept connections, relayed to a sink on loopback; ours, then Postfix, in turns.
//! And how long a submitted letter takes to be seen by its recipient here.
//! `cargo run --release -p tests --bin bench -- relay [messages] [rounds]`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tests::imap_client::ImapClient;
use tests::process::{Process, free_base};
use tests::smtp_client::{SmtpClient, stuffed};

/// Messages of one round unless told otherwise.
const MESSAGES: usize = 4_000;
const ROUNDS: usize = 3;
const SESSIONS: usize = 20;
/// Letters to one local account, one after the other.
const LETTERS: usize = 300;
const OCTETS: usize = 10_240;
/// How long a round may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Takes everything; offers what big receivers offer, but no TLS.
struct Sink {
    address: SocketAddr,
    taken: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Sink {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sink = Self {
            address: listener.local_addr().unwrap(),
            taken: Arc::default(),
            connections: Arc::default(),
        };
        let (taken, connections) = (Arc::clone(&sink.taken), Arc::clone(&sink.connections));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, SeqCst);
                let taken = Arc::clone(&taken);
                std::thread::spawn(move || converse(&stream, &taken));
            }
        });
        sink
    }
}

fn converse(stream: &TcpStream, taken: &AtomicUsize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut out) = (BufReader::with_capacity(64 << 10, stream), stream);
    out.write_all(b"220 sink.example ESMTP\r\n")?;
    let (mut line, mut content) = (Vec::new(), false);
    let mut replies = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if content {
            if line != b".\r\n" {
                continue;
            }
            content = false;
            taken.fetch_add(1, SeqCst);
            replies.extend_from_slice(b"250 2.0.0 Ok\r\n");
        } else {
            let reply: &[u8] = match line.get(..4) {
                Some(b"EHLO") => {
                    b"250-sink.example\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
                }
                Some(b"DATA") => {
                    content = true;
                    b"354 go on\r\n"
                }
                Some(b"QUIT") => {
                    replies.extend_from_slice(b"221 bye\r\n");
                    return out.write_all(&replies);
                }
                _ => b"250 2.0.0 Ok\r\n",
            };
            replies.extend_from_slice(reply);
        }
        // Replies to commands that came together go together.
        if input.buffer().is_empty() || content {
            out.write_all(&replies)?;
            replies.clear();
        }
    }
}

/// Who relays.
enum Server {
    Congvu(Process),
    Postfix {
        child: Child,
        at: SocketAddr,
        ca: PathBuf,
    },
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Postfix { child, .. } = self {
            let _ = Command::new("kill")
                .args(["-TERM", &child.id().to_string()])
                .status();
            let _ = child.wait();
        }
    }
}

impl Server {
    fn congvu(dir: &Path, sink: &Sink, sign: bool) -> Self {
        let folder = dir.join(format!("congvu-{sign}"));
        fs::create_dir(&folder).unwrap();
        let (base, to) = (free_base(), sink.address);
        Process::demo(&folder, base).terminate();
        let more = format!(
            "[sending]\nmessages_per_hour = 0\nmessages_per_day = 0\nrecipients_per_hour = 0\nrecipients_per_day = 0\n\
             sudden_recipients = 0\n[relay]\nsign = {sign}\n[[relay.routes]]\ndomains = [\"*\"]\nhost = \"{}\"\n\
             port = {}\ntls = \"opportunistic\"\n",
            to.ip(),
            to.port()
        );
        Self::Congvu(Process::serve(&folder, base, &more))
    }

    /// `None`: it is not unpacked (`tests/clients/peers/unpack.sh`), or we are not root.
    fn postfix(dir: &Path, sink: &Sink) -> Option<Self> {
        let root = Path::new(&std::env::var("HOME").ok()?).join(".cache/congvu-peers/postfix");
        let at = dir.join("postfix");
        fs::create_dir(&at).unwrap();
        let tls = server::tls::own(&at, &["localhost".to_owned()]).unwrap();
        for name in [
            "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
            "private", "saved", "trace", "maildrop", "public", "pid",
        ] {
            let folder = at.join("queue").join(name);
            fs::create_dir_all(&folder).unwrap();
            let owner = if name == "pid" { "root" } else { "mail" };
            let given = Command::new("chown").arg(owner).arg(&folder).status();
            given.ok().filter(std::process::ExitStatus::success)?;
        }
        fs::create_dir(at.join("data")).unwrap();
        Command::new("chown")
            .arg("mail")
            .arg(at.join("data"))
            .status()
            .ok()?;
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        fs::write(at.join("main.cf"), main_cf(&at, &root, &tls, sink.address)).unwrap();
        fs::write(
            at.join("master.cf"),
            format!("{port} inet n - n - - smtpd\n{SERVICES}"),
        )
        .unwrap();
        let child = Command::new(root.join("usr/lib/postfix/sbin/master"))
            .args(["-s", "-c"])
            .arg(&at)
            .env("LD_LIBRARY_PATH", root.join("usr/lib/postfix"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let server = Self::Postfix {
            child,
            at: port,
            ca: tls.ca,
        };
        let began = Instant::now();
        while TcpStream::connect(port).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "Postfix does not answer"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Congvu(_) => "Congvu",
            Self::Postfix { .. } => "Postfix",
        }
    }

    /// A connection under TLS that may send, and as whom.
    fn client(&self, number: usize) -> (SmtpClient, String) {
        match self {
            Self::Congvu(process) => {
                let facts = process.facts();
                let account = &facts["accounts"][number % 20];
                let text = |name: &str| account[name].as_str().unwrap().to_owned();
                let mut client = SmtpClient::connect_tls(
                    process.address("submissions"),
                    &process.dir.join("ca.pem"),
                );
                client.ehlo();
                client.auth_plain(&text("address"), &text("password"));
                (client, text("address"))
            }
            Self::Postfix { at, ca, .. } => {
                let mut client = SmtpClient::connect(*at);
                client.ehlo();
                let mut client = client.starttls(ca);
                client.ehlo();
                (client, format!("nguoi{number}@tinh.gov.vn"))
            }
        }
    }

    /// CPU of all its processes, those that ended included, milliseconds.
    fn cpu_ms(&self) -> f64 {
        let root = match self {
            Self::Congvu(process) => process.id(),
            Self::Postfix { child, .. } => child.id(),
        };
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            let Some(fields) = stat.rsplit(')').next() else {
                continue;
            };
            let fields: Vec<f64> = fields
                .split_whitespace()
                .skip(1)
                .map(|f| f.parse().unwrap_or(0.0))
                .collect();
            let id = entry.file_name().to_string_lossy().parse::<u32>();
            if let (Ok(id), Some(parent)) = (id, fields.first()) {
                // utime, stime, and those of children that were waited for: ticks of 10 ms.
                all.push((
                    id,
                    *parent as u32,
                    fields[10..14].iter().sum::<f64>() * 10.0,
                ));
            }
        }
        // Postfix's services are children of its master, no deeper.
        let ours = all
            .iter()
            .filter(|(id, parent, _)| *id == root || *parent == root);
        ours.map(|(_, _, cpu)| cpu).sum()
    }

    /// One round: messages a second from the first submission to the last arrival, and CPU ms for each.
    fn round(&self, sink: &Sink, messages: usize) -> (f64, f64) {
        let before = sink.taken.load(SeqCst);
        let next = AtomicUsize::new(0);
        let clients: Vec<_> = (0..SESSIONS).map(|n| self.client(n)).collect();
        let (cpu, began) = (self.cpu_ms(), Instant::now());
        std::thread::scope(|scope| {
            for (mut client, from) in clients {
                let next = &next;
                scope.spawn(move || {
                    loop {
                        let n = next.fetch_add(1, SeqCst);
                        if n >= messages {
                            return;
                        }
                        submit(
                            &mut client,
                            &from,
                            &format!("x{n}@noi{}.example", n % 20),
                            n,
                        );
                    }
                });
            }
        });
        while sink.taken.load(SeqCst) < before + messages {
            assert!(
                began.elapsed() < PATIENCE,
                "{} of {messages}",
                sink.taken.load(SeqCst) - before
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        let rate = messages as f64 / began.elapsed().as_secs_f64();
        // What it writes down after the peer's answer belongs to the message.
        std::thread::sleep(Duration::from_secs(2));
        (rate, (self.cpu_ms() - cpu) / messages as f64)
    }
}

const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
";

fn main_cf(at: &Path, root: &Path, tls: &server::tls::OwnFiles, to: SocketAddr) -> String {
    let (at, root) = (at.display(), root.display());
    let (certificate, key) = (tls.certificate.display(), tls.key.display());
    format!(
        "compatibility_level = 3.6
queue_directory = {at}/queue
data_directory = {at}/data
daemon_directory = {root}/usr/lib/postfix/sbin
command_directory = {root}/usr/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {at}
mail_owner = mail
setgid_group = news
default_privs = nobody
import_environment = MAIL_CONFIG LD_LIBRARY_PATH
export_environment = MAIL_CONFIG LD_LIBRARY_PATH
maillog_file = {at}/log
maillog_file_prefixes = {at}
myhostname = mx.tinh.gov.vn
mydestination =
alias_maps =
local_recipient_maps =
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [{}]:{}
smtp_tls_security_level = none
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_client_connection_count_limit = 0
",
        to.ip(),
        to.port()
    )
}

fn submit(client: &mut SmtpClient, from: &str, to: &str, number: usize) {
    client
        .send(format!("MAIL FROM:<{from}> BODY=8BITMIME\r\nRCPT TO:<{to}>\r\nDATA\r\n").as_bytes());
    for expected in ["250", "250", "354"] {
        let reply = client.reply();
        assert!(reply.starts_with(expected), "{reply}");
    }
    let letter = String::from_utf8(crate::letter(number, OCTETS)).unwrap();
    let letter = letter.replace("<a@b.example>", &format!("<{from}>"));
    client.send(&stuffed(letter.as_bytes()));
    let reply = client.reply();
    assert!(reply.starts_with("250"), "{reply}");
}

/// From the end of a letter's last line to EXISTS at its recipient, who waits in IDLE: median and 95th of a hundred, ms.
fn latency(process: &Process) -> (f64, f64) {
    let server = &process;
    let facts = server.facts();
    let account = |n: usize, name: &str| facts["accounts"][n][name].as_str().unwrap().to_owned();
    let ca = server.dir.join("ca.pem");
    let mut reader = ImapClient::connect_tls(server.address("imaps"), &ca);
    reader.ok(&format!(
        "LOGIN {} {}",
        account(1, "address"),
        account(1, "password")
    ));
    reader.ok("SELECT INBOX");
    reader.send(b"w IDLE\r\n");
    assert!(reader.unsolicited().starts_with('+'));
    let mut client = SmtpClient::connect_tls(server.address("submissions"), &ca);
    client.ehlo();
    client.auth_plain(&account(0, "address"), &account(0, "password"));
    let mut all: Vec<f64> = (0..LETTERS)
        .map(|n| {
            let began = Instant::now();
            submit(
                &mut client,
                &account(0, "address"),
                &account(1, "address"),
                n,
            );
            while !reader.unsolicited().contains("EXISTS") {}
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    all.sort_by(f64::total_cmp);
    (all[LETTERS / 2], all[LETTERS * 95 / 100])
}

pub fn main(mut arguments: impl Iterator<Item = String>) {
    let mut number = |usual| {
        arguments
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(usual)
    };
    let (messages, rounds) = (number(MESSAGES), number(ROUNDS));
    let dir = tempfile::tempdir_in(".").unwrap();
    let open: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(dir.path(), open).unwrap();
    let sink = Sink::new();
    let mut servers = vec![
        ("", Server::congvu(dir.path(), &sink, false)),
        (
            ", DKIM with both keys",
            Server::congvu(dir.path(), &sink, true),
        ),
    ];
    match Server::postfix(dir.path(), &sink) {
        Some(postfix) => servers.push(("", postfix)),
        None => println!("no Postfix here"),
    }
    if let Server::Congvu(process) = &servers[0].1 {
        let (median, most) = latency(process);
        println!("submitted here, seen here: {median:.2} ms, 95 % within {most:.2} ms");
    }
    let mut found: Vec<Vec<(f64, f64)>> = vec![Vec::new(); servers.len()];
    for _ in 0..rounds {
        for ((_, server), found) in servers.iter().zip(&mut found) {
            found.push(server.round(&sink, messages));
        }
    }
    for ((more, server), mut found) in servers.iter().zip(found) {
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (rate, cpu) = found[found.len() / 2];
        let (least, most) = (found[0].0, found[found.len() - 1].0);
        println!(
            "relayed, 10 KB, {SESSIONS} sessions, {}{more}: {rate:.0} ({least:.0} to {most:.0}) msg/s; {cpu:.2} CPU ms/msg",
            server.name()
        );
    }
    println!("connections to the sink: {}", sink.connections.load(SeqCst));
}
