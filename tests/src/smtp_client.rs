//! A small SMTP client.

use crate::stream::Stream;
use base64::Engine as _;
use std::net::SocketAddr;
use std::path::Path;

/// One connection.
pub struct SmtpClient {
    stream: Stream,
}

impl SmtpClient {
    /// Connects and reads the greeting.
    pub fn connect(address: SocketAddr) -> Self {
        let mut client = Self {
            stream: Stream::plain(address),
        };
        assert!(client.reply().starts_with("220 "), "greeting");
        client
    }

    pub fn connect_tls(address: SocketAddr, ca: &Path) -> Self {
        let mut client = Self {
            stream: Stream::tls(address, ca),
        };
        assert!(client.reply().starts_with("220 "), "greeting");
        client
    }

    /// A whole reply; lines joined by `\n`. Empty when the server closed.
    pub fn reply(&mut self) -> String {
        let mut lines = Vec::new();
        loop {
            let line = String::from_utf8(self.stream.line()).unwrap();
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line.trim_end().to_owned());
            if last {
                return lines.join("\n");
            }
        }
    }

    /// As `reply`, for servers that are killed meanwhile.
    pub fn try_reply(&mut self) -> Option<String> {
        loop {
            let line = String::from_utf8(self.stream.try_line().ok()?).ok()?;
            if !line.ends_with('\n') {
                return None;
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Some(line.trim_end().to_owned());
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write(bytes);
    }

    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.try_write(bytes).is_ok()
    }

    /// Sends a line, reads the reply.
    pub fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// Sends a line whose reply must begin so.
    pub fn expect(&mut self, line: &str, begins: &str) -> String {
        let reply = self.say(line);
        assert!(
            reply.starts_with(begins),
            "{line:?}: {reply:?}, not {begins:?}"
        );
        reply
    }

    pub fn ehlo(&mut self) -> String {
        self.expect("EHLO client.example", "250")
    }

    pub fn starttls(mut self, ca: &Path) -> Self {
        self.expect("STARTTLS", "220");
        Self {
            stream: self.stream.upgrade(ca),
        }
    }

    pub fn auth_plain(&mut self, name: &str, password: &str) {
        let proof =
            base64::engine::general_purpose::STANDARD.encode(format!("\0{name}\0{password}"));
        self.expect(&format!("AUTH PLAIN {proof}"), "235");
    }

    /// One transaction; the first reply that is not positive, or the last.
    pub fn transaction(&mut self, from: &str, to: &[&str], message: &[u8]) -> String {
        let mut commands = format!("MAIL FROM:<{from}> BODY=8BITMIME\r\n");
        for one in to {
            commands += &format!("RCPT TO:<{one}>\r\n");
        }
        commands += "DATA\r\n";
        self.send(commands.as_bytes());
        let mut refused = None;
        for _ in 0..=to.len() {
            let reply = self.reply();
            if !reply.starts_with('2') {
                refused.get_or_insert(reply);
            }
        }
        let data = self.reply();
        if !data.starts_with("354") {
            self.say("RSET");
            return refused.unwrap_or(data);
        }
        self.send(&stuffed(message));
        self.reply()
    }
}

/// Dot-stuffed and ended (RFC 5321 §4.5.2). The message has CRLF line ends.
pub fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    let mut at_start = true;
    for &byte in message {
        if at_start && byte == b'.' {
            out.push(b'.');
        }
        at_start = byte == b'\n';
        out.push(byte);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}
