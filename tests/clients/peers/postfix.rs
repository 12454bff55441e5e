//! Postfix: one domain in Maildirs, TLS, SMTPUTF8, greylisting as its policy protocol has it.

use super::neighbour::{Neighbour, Start, folder, give};
use super::{OWN, POSTFIX};
use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 5 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
";

/// Starts it at port 25 of its address.
pub fn start(root: &Path) -> Neighbour {
    let dir = folder();
    let at = dir.path();
    let tls = server::tls::own(at, &["mx.postfix.example".to_owned()]).unwrap();
    let queue = at.join("queue");
    for name in [
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
        "saved", "trace", "maildrop", "public", "pid",
    ] {
        fs::create_dir_all(queue.join(name)).unwrap();
        let owner = match name {
            "maildrop" | "public" => "postfix:postdrop",
            "pid" => "root:root",
            _ => "postfix:root",
        };
        give(&queue.join(name), owner);
    }
    for name in ["data", "mail"] {
        fs::create_dir(at.join(name)).unwrap();
        give(&at.join(name), "postfix:postfix");
    }
    let config = main_cf(at, root, greylist(), &tls);
    fs::write(at.join("main.cf"), config).unwrap();
    let services = format!("{POSTFIX}:25 inet n - n - - smtpd\n{SERVICES}");
    fs::write(at.join("master.cf"), services).unwrap();
    let mut command = Command::new(root.join("usr/lib/postfix/sbin/master"));
    command
        .args(["-s", "-c"])
        .arg(at)
        .env("LD_LIBRARY_PATH", root.join("usr/lib/postfix"));
    Start {
        domain: "postfix.example",
        shown: "mx.postfix.example[101.96.0.2]",
        address: POSTFIX,
        port: 25,
        log: at.join("log"),
        mail: at.join("mail"),
        command,
        dir,
    }
    .run()
}

fn main_cf(at: &Path, root: &Path, greylist: SocketAddr, tls: &server::tls::OwnFiles) -> String {
    let (at, root) = (at.display(), root.display());
    let (certificate, key) = (tls.certificate.display(), tls.key.display());
    format!(
        "compatibility_level = 3.6
queue_directory = {at}/queue
data_directory = {at}/data
daemon_directory = {root}/usr/lib/postfix/sbin
command_directory = {root}/usr/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {at}
mail_owner = postfix
setgid_group = postdrop
default_privs = nobody
import_environment = MAIL_CONFIG LD_LIBRARY_PATH
export_environment = MAIL_CONFIG LD_LIBRARY_PATH
maillog_file = {at}/log
maillog_file_prefixes = {at}
myhostname = mx.postfix.example
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = {POSTFIX}
inet_protocols = ipv4
mynetworks = 127.0.0.0/8 {POSTFIX}/32
smtp_bind_address = {POSTFIX}
lmtp_bind_address = {POSTFIX}
transport_maps = inline:{{
  {{an+lmtp@thu.gov.vn = lmtp:inet:[{OWN}]:24}},
  {{binh+lmtp@thu.gov.vn = lmtp:inet:[{OWN}]:24}},
  {{khong+lmtp@thu.gov.vn = lmtp:inet:[{OWN}]:24}} }}
smtp_host_lookup = dns
smtputf8_enable = yes
virtual_mailbox_domains = postfix.example
virtual_mailbox_base = {at}/mail
virtual_mailbox_maps = static:all/
virtual_minimum_uid = 1
virtual_uid_maps = static:64001
virtual_gid_maps = static:64001
virtual_alias_maps = inline:{{ tra@postfix.example=ai-do@khong.invalid }}
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions =
  check_recipient_access inline:{{{{khong@postfix.example = 550 5.1.1 Khong co ai ten do}}}},
  check_policy_service inet:{greylist}, permit_mynetworks, reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtp_tls_security_level = may
smtp_tls_loglevel = 1
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 4s
"
    )
}

/// Greylisting as a policy server of Postfix: who comes to `cham@` is told to come back, once.
fn greylist() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(HashSet::new()));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || judge(&stream, &seen));
        }
    });
    address
}

fn judge(stream: &TcpStream, seen: &Mutex<HashSet<String>>) {
    let mut recipient = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if let Some(to) = line.strip_prefix("recipient=") {
            to.clone_into(&mut recipient);
        }
        if line.is_empty() {
            let fresh =
                recipient.starts_with("cham@") && seen.lock().unwrap().insert(recipient.clone());
            let action = if fresh {
                "451 4.7.1 Greylisted, come back"
            } else {
                "DUNNO"
            };
            let mut out = stream;
            if out
                .write_all(format!("action={action}\n\n").as_bytes())
                .is_err()
            {
                return;
            }
        }
    }
}
