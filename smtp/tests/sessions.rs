//! Whole sessions: loop, machine, pipeline, directory and store; only the socket is a pipe.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use smtp::{End, Limits, Receiver, Service, Tls, run};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

mod world;
use world::World;

impl World {
    fn connect(&self, service: Service, tls: Tls) -> Client {
        self.connect_by(64 * 1024, service, tls)
    }

    /// Over a pipe of so many octets: what was written beyond them, the session has read.
    fn connect_by(&self, pipe: usize, service: Service, tls: Tls) -> Client {
        let (ours, theirs) = duplex(pipe);
        let machine = Box::new(Receiver::new(self.config.clone(), service, tls, 0));
        let (services, stop) = (self.services.clone(), self.stop.subscribe());
        let peer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        // A session must be movable between threads: `spawn` holds it to that.
        let session =
            tokio::spawn(async move { run(theirs, machine, &services, peer, stop).await });
        Client {
            stream: ours,
            session,
        }
    }
}

struct Client {
    stream: DuplexStream,
    session: JoinHandle<std::io::Result<End<DuplexStream>>>,
}

impl Client {
    /// Sends, then reads replies until one ends with this.
    async fn talk(&mut self, send: &[u8], until: &str) -> String {
        self.stream.write_all(send).await.unwrap();
        let mut said = Vec::new();
        let reading = async {
            while !String::from_utf8_lossy(&said).ends_with(until) {
                if self.stream.read_buf(&mut said).await.unwrap() == 0 {
                    break;
                }
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), reading)
            .await
            .is_ok();
        let said = String::from_utf8(said).unwrap();
        assert!(
            in_time && said.ends_with(until),
            "{said:?} does not end with {until:?}"
        );
        said
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn i01_what_was_answered_250_is_in_the_mailbox() {
    runtime().block_on(async {
        let world = World::new(Limits::default());
        let mut client = world.connect(Service::Mx, Tls::Offered);
        client.talk(b"", "ESMTP Congvu\r\n").await;
        let mut big = b"Subject: big\r\n\r\n".to_vec();
        big.extend("Chữ Việt và một dòng dài\r\n".repeat(20_000).bytes());
        let letters = [b"Subject: x\r\n\r\n.dot\r\n".to_vec(), big];
        client.talk(b"EHLO c\r\n", "250 HELP\r\n").await;
        for letter in &letters {
            let mut send = b"MAIL FROM:<x@noi.vn>\r\nRCPT TO:<an@tinh.gov.vn>\r\nRCPT TO:<binh@tinh.gov.vn>\r\n".to_vec();
            send.extend(format!("BDAT {} LAST\r\n", letter.len()).bytes());
            send.extend(letter);
            send.extend(b"NOOP\r\n");
            let said = client.talk(&send, "250 2.0.0 Ok\r\n").await;
            assert!(said.contains("250 2.0.0 Ok: queued as "), "{said}");
        }
        for name in ["an", "binh"] {
            let contents = world.contents(name);
            assert_eq!(contents.len(), 2);
            for (content, letter) in contents.iter().zip(&letters) {
                assert!(content.ends_with(letter), "I-12");
            }
        }
        client.talk(b"QUIT\r\n", "221 2.0.0 Bye\r\n").await;
        assert!(matches!(client.session.await.unwrap(), Ok(End::Closed)));
    });
}

#[test]
fn submission_signs_in_and_binds_the_sender() {
    runtime().block_on(async {
        let world = World::new(Limits::default());
        let mut client = world.connect(Service::Submission, Tls::On);
        client.talk(b"EHLO c\r\n", "250 HELP\r\n").await;
        // "\0an@tinh.gov.vn\0Mat khau 2026" with the wrong and the right last digit.
        client
            .talk(
                b"AUTH PLAIN AGFuQHRpbmguZ292LnZuAE1hdCBraGF1IDIwMjU=\r\n",
                "535 5.7.8 Sai dia chi hoac mat khau / Authentication credentials invalid\r\n",
            )
            .await;
        client
            .talk(
                b"AUTH PLAIN AGFuQHRpbmguZ292LnZuAE1hdCBraGF1IDIwMjY=\r\n",
                "235 2.7.0 Authentication successful\r\n",
            )
            .await;
        client
            .talk(
                b"MAIL FROM:<binh@tinh.gov.vn>\r\n",
                "550 5.7.1 The sender address is not yours\r\n",
            )
            .await;
        client
            .talk(
                b"MAIL FROM:<an@tinh.gov.vn>\r\nRCPT TO:<binh@tinh.gov.vn>\r\nDATA\r\n",
                ".<CR><LF>\r\n",
            )
            .await;
        client
            .talk(
                b"From: binh@tinh.gov.vn\r\n\r\nx\r\n.\r\n",
                "550 5.7.1 The From address is not yours\r\n",
            )
            .await;
        client
            .talk(
                b"MAIL FROM:<an@tinh.gov.vn>\r\nRCPT TO:<binh@tinh.gov.vn>\r\nDATA\r\n",
                ".<CR><LF>\r\n",
            )
            .await;
        let said = client
            .talk(
                b"From: an@tinh.gov.vn\r\n\r\nx\r\n.\r\nNOOP\r\n",
                "250 2.0.0 Ok\r\n",
            )
            .await;
        assert!(said.starts_with("250 2.0.0 Ok: queued as "), "{said}");
        let got = String::from_utf8(world.contents("binh").remove(0)).unwrap();
        assert!(
            got.contains(" with ESMTPSA id ") && got.contains("\r\nMessage-ID: <"),
            "{got}"
        );
    });
}

#[test]
fn a_full_disk_answers_452_and_keeps_nothing() {
    runtime().block_on(async {
        let world = World::new(Limits::default());
        let mut client = world.connect(Service::Mx, Tls::Absent);
        client
            .talk(
                b"HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<an@tinh.gov.vn>\r\nDATA\r\n",
                ".<CR><LF>\r\n",
            )
            .await;
        world.disk.store(0, SeqCst);
        client
            .talk(
                b"x: y\r\n\r\n.\r\n",
                "452 4.3.1 Insufficient system storage, try again later\r\n",
            )
            .await;
        client
            .talk(
                b"MAIL FROM:<>\r\n",
                "452 4.3.1 Insufficient system storage, try again later\r\n",
            )
            .await;
        assert!(world.contents("an").is_empty());
        world.disk.store(u64::MAX, SeqCst);
        client.talk(b"MAIL FROM:<>\r\n", "250 2.1.0 Ok\r\n").await;
    });
}

#[test]
fn i13_message_memory_is_shared_and_given_back() {
    runtime().block_on(async {
        let world = World::new(Limits {
            memory_bytes: 200 * 1024,
            blocking: 4,
            sign_ins: 1,
        });
        let begin = b"HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<an@tinh.gov.vn>\r\nDATA\r\n";
        // A narrow pipe: when all is written, all but its last octets is held in memory.
        let mut holder = world.connect_by(1024, Service::Mx, Tls::Absent);
        holder.talk(begin, ".<CR><LF>\r\n").await;
        holder.talk(&b"x\r\n".repeat(40_000), "").await;
        let mut other = world.connect(Service::Mx, Tls::Absent);
        other.talk(begin, ".<CR><LF>\r\n").await;
        other
            .talk(
                &[&b"x\r\n".repeat(40_000)[..], b".\r\n"].concat(),
                "452 4.3.1 No memory for the message now, try again later\r\n",
            )
            .await;
        // The first gives up; what it held can be used.
        drop(holder.stream);
        assert!(matches!(holder.session.await.unwrap(), Ok(End::Closed)));
        other
            .talk(
                b"MAIL FROM:<>\r\nRCPT TO:<an@tinh.gov.vn>\r\nDATA\r\n",
                ".<CR><LF>\r\n",
            )
            .await;
        let said = other
            .talk(
                &[&b"x\r\n".repeat(40_000)[..], b".\r\nNOOP\r\n"].concat(),
                "250 2.0.0 Ok\r\n",
            )
            .await;
        assert!(said.contains("queued as"), "{said}");
        assert_eq!(world.contents("an").len(), 1);
    });
}

#[test]
fn starttls_hands_the_stream_back_and_stopping_says_421() {
    runtime().block_on(async {
        let world = World::new(Limits::default());
        let mut client = world.connect(Service::Submission, Tls::Offered);
        client
            .talk(
                b"EHLO c\r\nSTARTTLS\r\nNOOP\r\n",
                "220 2.0.0 Ready to start TLS\r\n",
            )
            .await;
        let Ok(End::StartTls(stream, machine)) = client.session.await.unwrap() else {
            panic!("not handed back");
        };
        let (services, stop) = (world.services.clone(), world.stop.subscribe());
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        client.session =
            tokio::spawn(async move { run(stream, machine, &services, peer, stop).await });
        let said = client.talk(b"EHLO c\r\n", "250 HELP\r\n").await;
        assert!(
            said.starts_with("250-") && said.contains("AUTH PLAIN LOGIN"),
            "{said}"
        );
        world.stop.send_replace(true);
        client
            .talk(b"", "421 4.3.2 Shutting down, try again soon\r\n")
            .await;
        assert!(matches!(client.session.await.unwrap(), Ok(End::Closed)));
    });
}

#[test]
fn many_sessions_at_once_lose_nothing() {
    runtime().block_on(async {
        let world = Arc::new(World::new(Limits { memory_bytes: 1 << 24, blocking: 8, sign_ins: 1 }));
        let mut tasks = Vec::new();
        for session in 0..20 {
            let world = world.clone();
            tasks.push(tokio::spawn(async move {
                let mut client = world.connect(Service::Mx, Tls::Absent);
                client.talk(b"EHLO c\r\n", "250 HELP\r\n").await;
                for n in 0..10 {
                    let letter = format!("MAIL FROM:<>\r\nRCPT TO:<an@tinh.gov.vn>\r\nDATA\r\nSubject: {session}-{n}\r\n\r\n.\r\nNOOP\r\n");
                    client.talk(letter.as_bytes(), "250 2.0.0 Ok\r\n").await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let got = world.contents("an");
        let subjects: std::collections::HashSet<String> =
            got.iter().map(|raw| String::from_utf8_lossy(raw).lines().find(|l| l.starts_with("Subject")).unwrap().to_owned()).collect();
        assert_eq!((got.len(), subjects.len()), (200, 200));
        assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
    });
}

#[test]
fn stopping_lets_a_message_that_is_coming_in_finish() {
    runtime().block_on(async {
        let world = World::new(Limits::default());
        let mut client = world.connect(Service::Mx, Tls::Absent);
        let begin = b"HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<an@tinh.gov.vn>\r\nDATA\r\n";
        client.talk(begin, ".<CR><LF>\r\n").await;
        world.stop.send_replace(true);
        client.talk(b"x: y\r\n\r\n", "").await;
        let said = client
            .talk(b".\r\n", "421 4.3.2 Shutting down, try again soon\r\n")
            .await;
        assert!(said.starts_with("250 2.0.0 Ok: queued as "), "{said}");
        assert_eq!(world.contents("an").len(), 1);
    });
}

/// What comes behind QUIT is read and dropped: closing on it would reset the connection, and 221 could be lost.
#[test]
fn what_comes_behind_the_goodbye_is_dropped() {
    runtime().block_on(async {
        let world = World::new(Limits::default());
        let mut client = world.connect_by(1_024, Service::Mx, Tls::Absent);
        client.talk(b"", "ESMTP Congvu\r\n").await;
        let mut octets = b"QUIT\r\n".to_vec();
        octets.resize(200_000, b'x');
        let said = client.talk(&octets, "\r\n").await;
        assert!(said.starts_with("221 "), "{said}");
        assert!(matches!(client.session.await.unwrap(), Ok(End::Closed)));
    });
}
