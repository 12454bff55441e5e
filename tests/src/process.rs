//! The real binary as a process of its own: the demo on free ports, stopped by its own id.
#![allow(clippy::disallowed_methods, reason = "tests start and stop the server")]

use serde_json::Value;
use std::ffi::OsStr;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long the server may take to answer on all its ports; a debug build founds a province.
const START: Duration = Duration::from_secs(180);

/// A running process; killed when dropped.
pub struct Process {
    child: Child,
    base: u16,
    pub dir: PathBuf,
}

/// Services of the demo and their standard ports (CONTRACT: base + standard).
const PORTS: &[(&str, u16)] = &[
    ("smtp", 25),
    ("submission", 587),
    ("submissions", 465),
    ("imap", 143),
    ("imaps", 993),
    ("pop3", 110),
    ("pop3s", 995),
    ("https", 443),
];

/// The binary `congvu` beside the test's own.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().unwrap();
    // Tests lie one folder deeper (deps) than programs do.
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap()
    } else {
        folder
    };
    let path = folder.join("congvu");
    assert!(
        path.exists(),
        "{} is not built: cargo build",
        path.display()
    );
    path
}

/// A number N such that N + 25, 110, 143, 443, 465, 587, 993 and 995 are free now; another one at each call.
/// They lie below the ports that the system gives to clients, so that none is taken between two starts.
pub fn free_base() -> u16 {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let shift = (std::process::id() % 100) as u16 * 10;
    (0..20)
        .map(|_| 10_000 + CALLS.fetch_add(1, Ordering::Relaxed) % 20 * 1_000 + shift)
        .find(|base| {
            PORTS
                .iter()
                .all(|(_, port)| std::net::TcpListener::bind(("127.0.0.1", base + port)).is_ok())
        })
        .expect("free ports")
}

/// What `congvu demo` runs with, as a file.
fn serve_config(dir: &Path, base: u16) -> String {
    let mut text = format!(
        "[server]\nhost = \"mail.tinhmau.gov.vn\"\ndata = {dir:?}\ndefault_domain = \"tinhmau.gov.vn\"\n\
         [tls]\ncertificate = {:?}\nkey = {:?}\n[listen]\n",
        dir.join("certificate.pem"),
        dir.join("key.pem"),
    );
    for (name, port) in PORTS {
        text += &format!("{name} = [\"127.0.0.1:{}\"]\n", base + port);
    }
    text
}

impl Process {
    /// Starts `congvu demo` and waits for its demo.json.
    pub fn demo(dir: &Path, base: u16) -> Self {
        let facts = dir.join("demo.json");
        let _ = std::fs::remove_file(&facts);
        let port = base.to_string();
        let folder = dir.as_os_str();
        let arguments = ["demo".as_ref(), "--dir".as_ref(), folder];
        let ports = ["--base-port".as_ref(), port.as_ref()];
        Self::start(dir, base, &[&arguments[..], &ports].concat(), |_| {
            facts.exists()
        })
    }

    /// Starts `congvu serve` where a demo has run before, on its ports, with `more` lines of config, and waits until it
    /// answers.
    pub fn serve(dir: &Path, base: u16, more: &str) -> Self {
        let config = dir.join("serve.toml");
        std::fs::write(&config, serve_config(dir, base) + more).unwrap();
        let arguments = ["serve".as_ref(), "--config".as_ref(), config.as_os_str()];
        let answers = |server: &Self| TcpStream::connect(server.address("https")).is_ok();
        Self::start(dir, base, &arguments, answers)
    }

    fn start(dir: &Path, base: u16, arguments: &[&OsStr], is_up: impl Fn(&Self) -> bool) -> Self {
        let log = std::fs::File::create(dir.with_extension("log")).unwrap();
        let child = Command::new(binary())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let dir = dir.to_owned();
        let mut process = Self { child, base, dir };
        let began = Instant::now();
        while !is_up(&process) {
            if let Some(status) = process.child.try_wait().unwrap() {
                panic!("the server ended with {status}: {}", process.log());
            }
            assert!(began.elapsed() < START, "the server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }

    pub fn facts(&self) -> Value {
        server::demo::read_facts(&self.dir).unwrap()
    }

    /// Where a service listens.
    pub fn address(&self, service: &str) -> SocketAddr {
        let (_, standard) = PORTS
            .iter()
            .find(|row| row.0 == service)
            .expect("a service of the demo");
        SocketAddr::from(([127, 0, 0, 1], self.base + standard))
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.with_extension("log")).unwrap_or_default()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing of the process's own runs any more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits; the exit status.
    pub fn terminate(mut self) -> Option<i32> {
        let done = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(done.success());
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the server does not stop"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
