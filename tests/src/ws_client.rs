//! A small WebSocket client (RFC 6455) over TLS, which may also do what none should.

use crate::stream::Stream;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;

/// RFC 6455 §1.3: a key, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// RFC 6455 §5.2.
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// An open connection.
pub struct WsClient {
    stream: Stream,
}

impl WsClient {
    /// Shakes hands at `/jmap/ws` with these fields besides; the status and the head of a refusal.
    pub fn open(
        address: SocketAddr,
        ca: &Path,
        fields: &[(&str, &str)],
    ) -> Result<Self, (u16, String)> {
        let mut stream = Stream::tls(address, ca);
        let mut request = format!(
            "GET /jmap/ws HTTP/1.1\r\nHost: localhost:{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n",
            address.port()
        );
        for (name, value) in fields {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        stream.write(request.as_bytes());
        let mut head = String::new();
        loop {
            let line = String::from_utf8(stream.line()).unwrap();
            if line == "\r\n" || line.is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        if status != 101 {
            return Err((status, head));
        }
        let lower = head.to_ascii_lowercase();
        assert!(lower.contains("sec-websocket-protocol: jmap\r\n"), "{head}");
        assert!(head.contains(ACCEPT), "{head}");
        Ok(Self { stream })
    }

    /// One frame, masked as RFC 6455 §5.3 demands of clients.
    pub fn send(&mut self, opcode: u8, payload: &[u8]) {
        const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&MASK);
        let masked = payload.iter().zip(MASK.iter().cycle());
        frame.extend(masked.map(|(octet, mask)| octet ^ mask));
        self.stream.write(&frame);
    }

    /// The head of a text of so many octets, of which none comes.
    pub fn announce(&mut self, length: u64) {
        let head = [
            &[0x80 | TEXT, 0x80 | 127][..],
            &length.to_be_bytes(),
            &[0; 4],
        ]
        .concat();
        self.stream.write(&head);
    }

    pub fn say(&mut self, value: &Value) {
        self.send(TEXT, value.to_string().as_bytes());
    }

    /// The next frame: its opcode, and what it carries.
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.stream.exact(2);
        assert_eq!(head[0] & 0xf0, 0x80, "whole messages, nothing reserved");
        assert_eq!(head[1] & 0x80, 0, "RFC 6455 §5.1: servers mask nothing");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.stream.exact(2).try_into().unwrap())),
            127 => u64::from_be_bytes(self.stream.exact(8).try_into().unwrap()),
            length => u64::from(length),
        };
        (head[0] & 0x0f, self.stream.exact(length as usize))
    }

    /// The next text.
    pub fn hear(&mut self) -> Value {
        match self.frame() {
            (TEXT, text) => serde_json::from_slice(&text).unwrap(),
            (opcode, payload) => panic!("{opcode}: {payload:?}"),
        }
    }

    /// The code with which the server goes; what it said before is passed over.
    pub fn gone(&mut self) -> u16 {
        loop {
            let (opcode, payload) = self.frame();
            if opcode == CLOSE {
                return u16::from_be_bytes(payload[..2].try_into().unwrap());
            }
        }
    }
}
