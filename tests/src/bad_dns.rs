//! DNS servers that lead nowhere: names that stand for each other, and answers of more than anybody reads.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// RFC 1035 §3.2.2.
const CNAME: u16 = 5;
const MX: u16 = 15;

/// One record for the name that was asked for.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut out = vec![0xc0, 12];
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
    out
}

/// RFC 1035 §4.1: header, the question, so many records. `cut`: the answer is longer than fits.
fn answer(asked: &[u8], cut: bool, count: u16, records: &[u8]) -> Option<Vec<u8>> {
    let mut end = 12;
    while let length @ 1.. = usize::from(*asked.get(end)?) {
        end += 1 + length;
    }
    let mut out = asked.get(..2)?.to_vec();
    out.extend_from_slice(&[0x81 | u8::from(cut) << 1, 0x80, 0, 1]);
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0, 0]);
    out.extend_from_slice(asked.get(12..end + 5)?);
    out.extend_from_slice(records);
    Some(out)
}

fn labels(name: &str) -> Vec<u8> {
    let each = name.split('.').flat_map(|label| {
        let mut one = vec![label.len() as u8];
        one.extend_from_slice(label.as_bytes());
        one
    });
    each.chain([0]).collect()
}

fn serve(socket: UdpSocket, reply: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) {
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = reply(&buffer[..length]) {
                let _ = socket.send_to(&answer, peer);
            }
        }
    });
}

/// Nothing that is asked there is ever answered.
pub fn silent() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    serve(socket, |_| None);
    address
}

/// Every name stands for another one: `a.NAME` for `b.NAME` and so back.
pub fn looping() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    serve(socket, |asked| {
        let other = match asked.get(13)? {
            b'a' => "b.loop.example",
            _ => "a.loop.example",
        };
        answer(asked, false, 1, &record(CNAME, &labels(other)))
    });
    address
}

/// Over UDP: ask by TCP. There: as many hosts as fit into an answer, then ten megabytes of nothing that was asked for.
pub fn flooding() -> SocketAddr {
    let (socket, listener) = loop {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(listener) = TcpListener::bind(socket.local_addr().unwrap()) {
            break (socket, listener);
        }
    };
    let address = socket.local_addr().unwrap();
    serve(socket, |asked| answer(asked, true, 0, &[]));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut asked = [0; 512];
                let length = stream.read(&mut asked).ok()?;
                let question = asked.get(2..length)?;
                let mut records = Vec::new();
                let mut count = 0u16;
                while records.len() < 60_000 {
                    let mut data = vec![0, 10];
                    data.extend_from_slice(&labels(&format!("mx{count}.flood.example")));
                    records.extend_from_slice(&record(MX, &data));
                    count += 1;
                }
                let answer = answer(question, false, count, &records)?;
                let length = (answer.len() as u16).to_be_bytes();
                stream.write_all(&[&length[..], &answer].concat()).ok()?;
                let nothing = [0xff; 65_536];
                (0..160).try_for_each(|_| stream.write_all(&nothing)).ok()
            });
        }
    });
    address
}
