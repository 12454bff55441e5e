//! Postfix and Exim from Debian's packages as the other servers, both ways, over port 25, MX and STARTTLS; Dovecot as the
//! one that has mailboxes, by LMTP.
//!
//! Everything runs in a network of its own (`unshare`), whose one interface bears addresses that look public, with our
//! DNS at 127.0.0.1:53: nothing that the machine runs is touched, and the relay keeps its rule that DNS leads
//! nobody into private networks (RFC 6890 §2.2). Only root may do that; otherwise the flows say so and end.

mod dovecot;
mod exim;
mod flows;
mod neighbour;
mod postfix;

use neighbour::Neighbour;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::fake_dns::{self, Records};
use tests::world::World;

/// Where we listen.
const OWN: &str = "101.96.0.1";
const POSTFIX: &str = "101.96.0.2";
const EXIM: &str = "101.96.0.3";
/// Tells the test that it runs within that network already.
const INSIDE: &str = "CONGVU_PEERS_INSIDE";
/// What is laid over /usr there: Dovecot looks for its parts where its package has them.
const OVER: &str = "CONGVU_PEERS_OVER";
/// Users that the peers insist on; within that network the machine has them.
const USERS: [(&str, u32); 5] = [
    ("postfix", 64_001),
    ("postdrop", 64_002),
    ("Debian-exim", 64_003),
    ("dovecot", 64_004),
    ("dovenull", 64_005),
];

/// Sets the network up, then becomes the command.
const ENTER: &str = "set -e
ip link set lo up
for address in 101.96.0.1 101.96.0.2 101.96.0.3; do ip addr add $address/32 dev lo; done
for file in resolv.conf passwd group; do mount --bind \"$0/$file\" /etc/$file; done
if [ -d \"$CONGVU_PEERS_OVER\" ]; then mount -t overlay -o lowerdir=\"$CONGVU_PEERS_OVER\":/usr overlay /usr; fi
exec \"$@\"";

/// Where `unpack.sh` puts packages.
fn cache() -> PathBuf {
    let home = std::env::var("HOME").unwrap();
    Path::new(&home).join(".cache/congvu-peers")
}

/// Where it has put a program's package.
fn unpacked(package: &str) -> PathBuf {
    let cache = cache();
    let marked = cache.join(format!("{package}.whole"));
    assert!(
        marked.exists(),
        "{package} is missing: ./check unpacks it from Debian's packages into {}",
        cache.display()
    );
    cache.join(package)
}

/// A table of users or groups with those of the peers.
fn with_users(file: &str, line: impl Fn(&str, u32) -> String) -> String {
    let known = std::fs::read_to_string(file).unwrap();
    let ours = |line: &&str| {
        USERS
            .iter()
            .any(|(name, _)| line.starts_with(&format!("{name}:")))
    };
    let kept = known.lines().filter(|l| !ours(l)).map(str::to_owned);
    let added = USERS.iter().map(|(name, id)| line(name, *id));
    kept.chain(added).map(|line| line + "\n").collect()
}

/// Runs this test once more within a network of its own. False: this is that run.
fn enter(test: &str) -> bool {
    if std::env::var(INSIDE).is_ok() {
        return false;
    }
    let arguments = [
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ];
    let may = Command::new("unshare").args(arguments).arg("true").output();
    if !may.is_ok_and(|done| done.status.success()) {
        println!("skipped: only root may make a network of its own");
        return true;
    }
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    write("resolv.conf", "nameserver 127.0.0.1\n".into());
    let user = |name: &str, id| format!("{name}:x:{id}:{id}::/nonexistent:/usr/sbin/nologin");
    write("passwd", with_users("/etc/passwd", user));
    write(
        "group",
        with_users("/etc/group", |name, id| format!("{name}:x:{id}:")),
    );
    let done = Command::new("unshare")
        .args(arguments)
        .args(["sh", "-c", ENTER])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "yes")
        .env(OVER, cache().join("dovecot/usr"))
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{test} is not run: {text}");
    true
}

/// What DNS says: a domain and its one host each.
fn names(name: &str) -> Records {
    let address = |text: &str| {
        let ip: std::net::Ipv4Addr = text.parse().unwrap();
        Some(vec![(fake_dns::A, ip.octets().to_vec())])
    };
    match name {
        "thu.gov.vn" => Some(vec![fake_dns::mx(10, "mail.thu.gov.vn")]),
        "mail.thu.gov.vn" => address(OWN),
        "postfix.example" => Some(vec![fake_dns::mx(10, "mx.postfix.example")]),
        "mx.postfix.example" => address(POSTFIX),
        "exim.example" => Some(vec![fake_dns::mx(10, "mx.exim.example")]),
        "mx.exim.example" => address(EXIM),
        _ => None,
    }
}

/// Us, found by MX like everybody.
fn world() -> World {
    let dns = fake_dns::start_at("127.0.0.1:53", names);
    World::with(|config| {
        config.listen.smtp = vec![format!("{OWN}:25").parse().unwrap()];
        config.relay.direct = true;
        config.relay.name_servers = vec![dns];
        config.relay.sources = vec![OWN.parse().unwrap()];
        config.listen.lmtp = vec![format!("{OWN}:24").parse().unwrap()];
        config.listen.lmtp_from = vec![POSTFIX.parse().unwrap()];
    })
}

fn all(world: World, peer: &Neighbour) {
    flows::to_the_peer(&world, peer);
    flows::international(&world, peer);
    flows::greylisted(&world, peer);
    flows::refused(&world, peer);
    flows::bounced_there(&world, peer);
    flows::success_reported(&world, peer);
    flows::from_the_peer(&world, peer);
    flows::refused_here(&world, peer);
    world.finish();
}

#[test]
fn clients_postfix() {
    crate::need(&["swaks", "unshare", "ip"]);
    let root = unpacked("postfix");
    if enter("peers::clients_postfix") {
        return;
    }
    let (world, peer) = (world(), postfix::start(&root));
    flows::by_lmtp(&world, &peer);
    all(world, &peer);
}

#[test]
fn clients_exim() {
    crate::need(&["swaks", "unshare", "ip"]);
    let root = unpacked("exim4-daemon-light");
    if enter("peers::clients_exim") {
        return;
    }
    all(world(), &exim::start(&root));
}
