//! Dovecot's LMTP server, as the one that still has the mailboxes: over TCP and at a socket of this machine.

use super::flows::{self, letter, queue, received, same, unix};
use super::neighbour::{Neighbour, Start, folder, give, wait};
use server::config::{Route, RouteProtocol, RouteTls};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::smtp_client::stuffed;
use tests::world::World;

/// Whose the mailboxes are: not Dovecot's own user, which may have none.
const OWNER: u32 = 64_001;
const HOST: &str = "127.0.0.1";
const PORT: u16 = 2424;
/// The domain whose mailboxes are reached over TCP, and the one at the socket.
const DOMAINS: [&str; 2] = ["dovecot.example", "socket.example"];

/// Starts it: `mot` and `hai` have room, `day` has none, `khong` is not there.
fn start(root: &Path) -> Neighbour {
    let dir = folder();
    let at = dir.path();
    for name in ["run", "state", "mail"] {
        fs::create_dir(at.join(name)).unwrap();
    }
    give(&at.join("mail"), &format!("{OWNER}:{OWNER}"));
    let user = |name: &str, bytes: u32| {
        let home = at.join("mail").join(name);
        format!(
            "{name}::{OWNER}:{OWNER}::{}::userdb_quota_rule=*:bytes={bytes}\n",
            home.display()
        )
    };
    let users = [user("mot", 1 << 20), user("hai", 1 << 20), user("day", 100)];
    fs::write(at.join("users"), users.concat()).unwrap();
    let config = at.join("dovecot.conf");
    fs::write(&config, conf(at)).unwrap();
    let mut command = Command::new(root.join("usr/sbin/dovecot"));
    command.args(["-F", "-c"]).arg(&config);
    Start {
        domain: DOMAINS[0],
        shown: "127.0.0.1[127.0.0.1]",
        address: HOST,
        port: PORT,
        log: at.join("log"),
        mail: at.join("mail"),
        command,
        dir,
    }
    .run()
}

fn conf(at: &Path) -> String {
    let at = at.display();
    format!(
        "base_dir = {at}/run
state_dir = {at}/state
log_path = {at}/log
protocols = lmtp
listen = {HOST}
ssl = no
hostname = kho.dovecot.example
postmaster_address = postmaster@dovecot.example
auth_username_format = %Ln
mail_location = maildir:~/Maildir
mail_plugins = quota
first_valid_uid = 1
plugin {{
  quota = count:User quota
  quota_vsizes = yes
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = passwd-file
  args = username_format=%Ln {at}/users
}}
service lmtp {{
  inet_listener lmtp {{
    address = {HOST}
    port = {PORT}
  }}
  unix_listener lmtp {{
    mode = 0666
  }}
}}
"
    )
}

/// Routes by which its mail gets there. The socket is in a folder that is not known before it runs.
fn world(socket: PathBuf) -> World {
    World::with(|config| {
        let route = |domain: &str, host: String, port| Route {
            domains: vec![domain.to_owned()],
            host,
            port,
            protocol: RouteProtocol::Lmtp,
            tls: RouteTls::Opportunistic,
            ..Route::default()
        };
        config.relay.routes = vec![
            route(DOMAINS[0], HOST.to_owned(), PORT),
            route(DOMAINS[1], socket.display().to_string(), 0),
        ];
    })
}

/// One letter to four of a domain; what is said of each counts for him alone, and nobody has it twice.
fn to_several(world: &World, peer: &Neighbour, domain: &str) {
    let marker = format!("bon@{domain}");
    let sent = letter("an@thu.gov.vn", &marker, "bon nguoi", &marker, 700);
    let mut client = world.submission("an");
    client.expect("MAIL FROM:<an@thu.gov.vn> BODY=8BITMIME RET=HDRS", "250");
    for name in ["mot", "khong", "day", "hai"] {
        client.expect(&format!("RCPT TO:<{name}@{domain}>"), "250");
    }
    client.expect("DATA", "354");
    client.send(&stuffed(&sent));
    let reply = client.reply();
    assert!(reply.starts_with("250"), "{reply}");
    let marker = format!("Message-ID: <{marker}>");
    let both = wait(|| Some(peer.letters(&marker)).filter(|found| found.len() == 2));
    let both = both.unwrap_or_else(|| panic!("not two letters: {}", peer.log()));
    both.iter().for_each(|stored| same(stored, &unix(&sent)));
    for (name, status, words) in [
        ("khong", "5.1.1", "User doesn't exist"),
        ("day", "5.2.2", "Quota exceeded"),
    ] {
        let block = format!("Final-Recipient: rfc822; {name}@{domain}");
        let told = String::from_utf8_lossy(&received(world, "an", &block)).into_owned();
        let told = told.split(&block).nth(1).unwrap().to_owned();
        assert!(
            told.starts_with(&format!("\r\nAction: failed\r\nStatus: {status}\r\n")),
            "{told}"
        );
        assert!(told.contains(words), "{told}");
    }
    let api = world.api();
    assert!(wait(|| queue(&api).is_empty().then_some(())).is_some());
    assert_eq!(peer.letters(&marker).len(), 2, "{}", peer.log());
}

#[test]
fn clients_dovecot() {
    let root = super::unpacked("dovecot");
    if super::enter("peers::dovecot::clients_dovecot") {
        return;
    }
    let peer = start(&root);
    let socket = peer.log.with_file_name("run").join("lmtp");
    let world = world(socket);
    for domain in DOMAINS {
        // By swaks, one recipient, what trips servers in it.
        let (to, marker) = (format!("mot@{domain}"), format!("mot.{domain}@thu.gov.vn"));
        let sent = letter("an@thu.gov.vn", &to, flows::SUBJECT, &marker, 800);
        flows::submit(&world, &to, &sent);
        same(&peer.letter(&format!("<{marker}>")), &unix(&sent));
        to_several(&world, &peer, domain);
    }
    world.finish();
}
