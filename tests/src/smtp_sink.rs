//! A mail server of somebody else's: takes what the test lets it take, says what the test lets it say, and keeps
//! what it was given. No TLS.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the sink says to a line, a `.` standing for the end of a message; `None`: the usual. An empty text closes
/// the connection.
pub type Says = dyn Fn(&str) -> Option<String> + Send + Sync;

/// A letter that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    pub content: String,
    /// The number of the connection.
    pub connection: usize,
}

/// Listens until the test ends.
pub struct Sink {
    pub address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Sink {
    pub fn new(says: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (says, all): (Arc<Says>, _) = (Arc::new(says), Arc::clone(&taken));
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let (says, all) = (Arc::clone(&says), Arc::clone(&all));
                std::thread::spawn(move || {
                    let _ = converse(stream, connection, &*says, &all);
                });
            }
        });
        Self { address, taken }
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

fn converse(
    stream: TcpStream,
    connection: usize,
    says: &Says,
    all: &Mutex<Vec<Taken>>,
) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream);
    let mut letter = Taken {
        from: String::new(),
        to: Vec::new(),
        content: String::new(),
        connection,
    };
    out.write_all(b"220 sink.example ESMTP\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let reply = says(line);
        if reply.as_deref() == Some("") {
            return Ok(());
        }
        let ok = reply.as_ref().is_none_or(|reply| reply.starts_with('2'));
        let verb = line.get(..4).unwrap_or(line).to_ascii_uppercase();
        let usual = match verb.as_str() {
            "EHLO" => "250-sink.example\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 8BITMIME",
            "DATA" if !letter.to.is_empty() && ok => {
                out.write_all(b"354 go on\r\n")?;
                letter.content = content(&mut lines)?;
                let end = says(".");
                if end.as_deref() == Some("") {
                    return Ok(());
                }
                let end = end.unwrap_or_else(|| "250 2.0.0 taken".to_owned());
                if end.starts_with('2') {
                    all.lock().unwrap().push(letter.clone());
                }
                letter.to.clear();
                out.write_all(format!("{end}\r\n").as_bytes())?;
                continue;
            }
            "BDAT" if !letter.to.is_empty() => {
                // One chunk, the last.
                let size = line.split(' ').nth(1).and_then(|n| n.parse().ok());
                let mut content = vec![0; size.unwrap_or(0)];
                lines.read_exact(&mut content)?;
                letter.content = String::from_utf8_lossy(&content).into_owned();
                all.lock().unwrap().push(letter.clone());
                letter.to.clear();
                "250 2.0.0 taken"
            }
            "DATA" => "503 5.5.1 to nobody",
            "QUIT" => {
                out.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            "MAIL" if ok => {
                line.clone_into(&mut letter.from);
                letter.to.clear();
                "250 2.1.0 Ok"
            }
            "RCPT" if ok => {
                letter.to.push(line.to_owned());
                "250 2.1.5 Ok"
            }
            _ => "250 2.0.0 Ok",
        };
        let reply = reply.unwrap_or_else(|| usual.to_owned());
        out.write_all(format!("{reply}\r\n").as_bytes())?;
    }
}

/// Lines up to the dot, unstuffed.
fn content(lines: &mut impl std::io::BufRead) -> std::io::Result<String> {
    let mut content = String::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        if line == ".\r\n" {
            return Ok(content);
        }
        content.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
