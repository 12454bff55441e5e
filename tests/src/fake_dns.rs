//! A DNS server on loopback that knows what the test tells it.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

/// Types of records (RFC 1035 §3.2.2).
pub const A: u16 = 1;
pub const MX: u16 = 15;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;

/// Records of one name: type and data. `None`: there is no such name.
pub type Records = Option<Vec<(u16, Vec<u8>)>>;

/// TXT records by name, one each, which the test may change while they are served.
#[derive(Debug, Clone, Default)]
pub struct Texts(Arc<Mutex<BTreeMap<String, String>>>);

impl Texts {
    /// Those that are known from the beginning.
    pub fn new(known: &[(&str, &str)]) -> Self {
        let texts = Self::default();
        for (name, text) in known {
            texts.put(name, text);
        }
        texts
    }

    /// Publishes one.
    pub fn put(&self, name: &str, text: &str) {
        let mut all = self.0.lock().unwrap();
        all.insert(name.to_owned(), text.to_owned());
    }

    /// The one of a name.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().get(name).cloned()
    }

    /// Serves them until the test ends.
    pub fn serve(&self) -> SocketAddr {
        let texts = self.clone();
        start(move |name| texts.get(name).map(|found| vec![text(&found)]))
    }
}

/// Answers until the test ends.
pub fn start(knows: impl Fn(&str) -> Records + Send + 'static) -> SocketAddr {
    start_at("127.0.0.1:0", knows)
}

/// The same at a place of one's own choosing.
pub fn start_at(place: &str, knows: impl Fn(&str) -> Records + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind(place).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&buffer[..length], &knows) {
                let _ = socket.send_to(&answer, peer);
            }
        }
    });
    address
}

/// The data of an MX record.
pub fn mx(preference: u16, host: &str) -> (u16, Vec<u8>) {
    let mut data = preference.to_be_bytes().to_vec();
    for label in host.split('.').filter(|label| !label.is_empty()) {
        data.push(label.len() as u8);
        data.extend_from_slice(label.as_bytes());
    }
    data.push(0);
    (MX, data)
}

/// The data of a TXT record: a long text in several strings.
pub fn text(text: &str) -> (u16, Vec<u8>) {
    let strings = text.as_bytes().chunks(255);
    let data = strings.flat_map(|piece| [&[piece.len() as u8], piece].concat());
    (TXT, data.collect())
}

/// RFC 1035 §4.1.
fn answer(asked: &[u8], knows: &dyn Fn(&str) -> Records) -> Option<Vec<u8>> {
    let (mut at, mut labels) = (12, Vec::new());
    while let length @ 1.. = usize::from(*asked.get(at)?) {
        let label = asked.get(at + 1..at + 1 + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += 1 + length;
    }
    let kind = u16::from_be_bytes([*asked.get(at + 1)?, *asked.get(at + 2)?]);
    let question = asked.get(12..at + 5)?;
    let found = knows(&labels.join("."));
    let code = if found.is_some() { 0 } else { 3 };
    let records: Vec<_> = found
        .unwrap_or_default()
        .into_iter()
        .filter(|record| record.0 == kind)
        .collect();
    let mut out = asked.get(..2)?.to_vec();
    // A response with recursion, one question, no authority.
    out.extend_from_slice(&[0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    out.extend_from_slice(question);
    for (kind, data) in records {
        // The name is that of the question.
        out.extend_from_slice(&[0xc0, 12]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        out.extend_from_slice(&(data.len() as u16).to_be_bytes());
        out.extend_from_slice(&data);
    }
    Some(out)
}
