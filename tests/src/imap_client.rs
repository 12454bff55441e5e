//! A small IMAP client: tagged commands, and responses with their literals kept whole.

use crate::stream::{Stream, tls_config};
use rustls::ClientConfig;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Octets in which a tagged line lies wholly.
const TAIL: usize = 4_096;

/// One connection.
pub struct ImapClient {
    stream: Stream,
    tag: u32,
}

/// What a command brought: untagged responses (with literals inside) and the tagged line after its tag.
#[derive(Debug)]
pub struct Answer {
    pub untagged: Vec<Vec<u8>>,
    pub tagged: String,
}

impl Answer {
    /// The first untagged response that begins so, as lossy text.
    pub fn line(&self, begins: &str) -> String {
        self.lines(begins)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no {begins:?} in {self:?}"))
    }

    /// All that begin so.
    pub fn lines(&self, begins: &str) -> Vec<String> {
        self.untagged
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .filter(|line| line.starts_with(begins))
            .collect()
    }

    /// The octets of the literals of the response with this index, in order.
    pub fn literals(&self, index: usize) -> Vec<&[u8]> {
        let mut found = Vec::new();
        let mut rest = self.untagged[index].as_slice();
        while let Some(open) = rest.windows(3).position(|w| w == b"}\r\n") {
            let digits_from = rest[..open].iter().rposition(|b| *b == b'{').unwrap() + 1;
            let count: usize = std::str::from_utf8(&rest[digits_from..open])
                .unwrap()
                .parse()
                .unwrap();
            found.push(&rest[open + 3..open + 3 + count]);
            rest = &rest[open + 3 + count..];
        }
        found
    }
}

impl ImapClient {
    /// Connects and reads the greeting.
    pub fn connect(address: SocketAddr) -> Self {
        let mut stream = Stream::plain(address);
        let greeting = stream.line();
        assert!(greeting.starts_with(b"* OK"), "greeting");
        Self { stream, tag: 0 }
    }

    pub fn connect_tls(address: SocketAddr, ca: &Path) -> Self {
        Self::connect_with(address, &tls_config(ca))
    }

    /// As [`ImapClient::connect_tls`], for one of many that share what they trust.
    pub fn connect_with(address: SocketAddr, tls: &Arc<ClientConfig>) -> Self {
        let mut stream = Stream::tls_with(address, tls);
        let greeting = stream.line();
        assert!(greeting.starts_with(b"* OK"), "greeting");
        Self { stream, tag: 0 }
    }

    pub fn starttls(mut self, ca: &Path) -> Self {
        self.ok("STARTTLS");
        Self {
            stream: self.stream.upgrade(ca),
            tag: self.tag,
        }
    }

    /// One whole response: a line with the literals it announces.
    fn response(&mut self) -> std::io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        loop {
            let line = self.stream.try_line()?;
            if line.is_empty() {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            whole.extend_from_slice(&line);
            let Some(count) = announced(&line) else {
                return Ok(whole);
            };
            whole.extend_from_slice(&self.stream.exact(count));
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write(bytes);
    }

    /// Sends a command and reads to its tagged response.
    pub fn run(&mut self, command: &str) -> Answer {
        self.run_bytes(command.as_bytes())
    }

    /// As `run`, with octets.
    pub fn run_bytes(&mut self, command: &[u8]) -> Answer {
        self.try_run(command)
            .unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(command)))
    }

    /// As `run`, for servers that are killed meanwhile.
    pub fn try_run(&mut self, command: &[u8]) -> std::io::Result<Answer> {
        self.tag += 1;
        let tag = format!("a{} ", self.tag);
        self.stream
            .try_write(&[tag.as_bytes(), command, b"\r\n"].concat())?;
        let mut untagged = Vec::new();
        loop {
            let response = self.response()?;
            if let Some(rest) = response.strip_prefix(tag.as_bytes()) {
                let tagged = String::from_utf8_lossy(rest).trim_end().to_owned();
                return Ok(Answer { untagged, tagged });
            }
            untagged.push(response);
        }
    }

    /// Sends a command that must be answered OK, reads its answer without keeping it, and tells its octets.
    pub fn drain(&mut self, command: &str) -> usize {
        self.tag += 1;
        let end = format!("a{} OK", self.tag);
        self.stream
            .write(format!("a{} {command}\r\n", self.tag).as_bytes());
        let (mut octets, mut tail) = (0, Vec::new());
        loop {
            octets += self.stream.more(&mut tail);
            // The answer has ended when its last line is the tagged one.
            if let Some(rest) = tail.strip_suffix(b"\r\n") {
                let from = rest
                    .iter()
                    .rposition(|b| *b == b'\n')
                    .map_or(0, |at| at + 1);
                if rest[from..].starts_with(end.as_bytes()) {
                    return octets;
                }
                let tagged = rest[from..].starts_with(&end.as_bytes()[..end.len() - 2]);
                assert!(
                    !tagged,
                    "{command}: {}",
                    String::from_utf8_lossy(&rest[from..])
                );
            }
            // What may still become that line.
            let keep = tail.len().saturating_sub(TAIL);
            tail.drain(..keep);
        }
    }

    /// Sends a command that must be answered OK.
    pub fn ok(&mut self, command: &str) -> Answer {
        let answer = self.run(command);
        assert!(
            answer.tagged.starts_with("OK"),
            "{command}: {}",
            answer.tagged
        );
        answer
    }

    /// Whether nothing has come that was not read.
    pub fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }

    /// Reads one response (in IDLE).
    pub fn unsolicited(&mut self) -> String {
        String::from_utf8_lossy(&self.response().unwrap()).into_owned()
    }

    /// Appends with LITERAL+.
    pub fn append(&mut self, mailbox: &str, message: &[u8]) -> std::io::Result<Answer> {
        let head = format!("APPEND {mailbox} {{{}+}}\r\n", message.len());
        self.try_run(&[head.as_bytes(), message].concat())
    }
}

/// The count of a literal that a line announces at its end.
fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let open = line.iter().rposition(|b| *b == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}
