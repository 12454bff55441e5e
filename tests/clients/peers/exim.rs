//! Exim: the same domain and rules in its own words.

use super::EXIM;
use super::neighbour::{Neighbour, Start, folder, give};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const USER: &str = "Debian-exim:Debian-exim";

/// Starts it at port 25 of its address.
pub fn start(root: &Path) -> Neighbour {
    let dir = folder();
    let at = dir.path();
    let tls = server::tls::own(at, &["mx.exim.example".to_owned()]).unwrap();
    for name in ["spool", "log", "mail"] {
        fs::create_dir(at.join(name)).unwrap();
    }
    // It runs itself anew as its own user, who may not be able to go where it was unpacked; and without setuid.
    let binary = at.join("exim4");
    fs::copy(root.join("usr/sbin/exim4"), &binary).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    // It reads the key, and remembers whom it saw, as that user.
    give(at, USER);
    let config = at.join("exim.conf");
    fs::write(&config, conf(at, &binary, &tls)).unwrap();
    let mut command = Command::new(binary);
    command.args(["-bdf", "-q2s", "-C"]).arg(&config);
    Start {
        domain: "exim.example",
        shown: "mx.exim.example[101.96.0.3]",
        address: EXIM,
        port: 25,
        log: at.join("log/mainlog"),
        mail: at.join("mail"),
        command,
        dir,
    }
    .run()
}

fn conf(at: &Path, binary: &Path, tls: &server::tls::OwnFiles) -> String {
    let (at, binary) = (at.display(), binary.display());
    let (certificate, key) = (tls.certificate.display(), tls.key.display());
    format!(
        "exim_path = {binary}
spool_directory = {at}/spool
log_file_path = {at}/log/%slog
pid_file_path = {at}/spool/exim.pid
keep_environment =
primary_hostname = mx.exim.example
local_interfaces = {EXIM}
daemon_smtp_ports = 25
disable_ipv6 = true
# Its user may not run it as root with a config of its own: it stays that user.
deliver_drop_privilege = true
never_users =
domainlist local_domains = exim.example
hostlist relay_from_hosts = 127.0.0.1 : {EXIM}
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
smtp_accept_max_nonmail = 1000
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
begin acl
acl_rcpt:
  defer local_parts = cham
        condition = ${{if exists{{{at}/seen}}{{no}}{{${{run{{/usr/bin/touch {at}/seen}}{{yes}}{{yes}}}}}}}}
        message = 451 4.7.1 Greylisted, come back
  deny local_parts = khong
       domains = +local_domains
       message = 550 5.1.1 Khong co ai ten do
  accept domains = +local_domains
  accept hosts = +relay_from_hosts
  deny message = 550 5.7.1 relaying denied
acl_data:
  accept
begin routers
elsewhere:
  driver = dnslookup
  domains = ! +local_domains
  transport = remote
  no_more
moved:
  driver = redirect
  local_parts = tra
  data = ai-do@khong.invalid
here:
  driver = accept
  transport = maildir
begin transports
remote:
  driver = smtp
  interface = {EXIM}
maildir:
  driver = appendfile
  directory = {at}/mail
  maildir_format
  return_path_add
begin retry
* * F,1h,2s
"
    )
}
