//! The DNS records of a domain whose mail is here, as a zone file writes them.

use crate::autoconfig::{Kind, Offer, Security};
use crate::config::Config;
use formats::address::DomainName;
use std::fmt::Write as _;

/// What to publish for `domain` when this config runs. `keys`: the lines of the keys that sign its mail, or a comment
/// that says where to get them.
pub(crate) fn records(config: &Config, domain: &DomainName, keys: &[String]) -> String {
    let offer = Offer::of(config);
    let host = &offer.host;
    let mut out = format!(
        "; Bản ghi DNS cần công bố / DNS records to publish\n\
         {domain}.\tIN MX\t10 {host}.\n\
         {domain}.\tIN TXT\t\"v=spf1 mx -all\"\n\
         _dmarc.{domain}.\tIN TXT\t\"v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}\"\n\
         _smtp._tls.{domain}.\tIN TXT\t\"v=TLSRPTv1; rua=mailto:postmaster@{domain}\"\n\
         ; Khoá ký thư (DKIM), mỗi khoá một dòng / keys that sign mail, a line each\n"
    );
    for line in keys {
        out.push_str(line);
        out.push('\n');
    }
    out.push_str("; Phần mềm thư tự cài đặt / mail clients set themselves up\n");
    // RFC 8314 §5.1: TLS from the first octet before STARTTLS, IMAP before POP3 (RFC 6186 §3.4).
    for (name, kind, security, priority) in [
        ("_submissions", Kind::Submission, Security::Tls, 0),
        ("_submission", Kind::Submission, Security::StartTls, 10),
        ("_imaps", Kind::Imap, Security::Tls, 0),
        ("_imap", Kind::Imap, Security::StartTls, 10),
        ("_pop3s", Kind::Pop3, Security::Tls, 20),
        ("_pop3", Kind::Pop3, Security::StartTls, 30),
    ] {
        service(
            &mut out,
            (name, domain),
            priority,
            offer.port(kind, security),
            host,
        );
    }
    service(&mut out, ("_jmap", domain), 0, offer.https, host);
    if offer.https.is_some() {
        service(&mut out, ("_autodiscover", domain), 0, offer.https, host);
        let _ = write!(
            out,
            "autoconfig.{domain}.\tIN CNAME\t{host}.\n\
             autodiscover.{domain}.\tIN CNAME\t{host}.\n"
        );
    }
    let _ = writeln!(out, "; và / and: {host}. A, AAAA, PTR");
    out
}

/// One SRV record; RFC 6186 §3.4: a target `.` says that there is no such service.
fn service(
    out: &mut String,
    (name, domain): (&str, &DomainName),
    priority: u16,
    port: Option<u16>,
    host: &str,
) {
    let _ = match port {
        Some(port) => writeln!(
            out,
            "{name}._tcp.{domain}.\tIN SRV\t{priority} 1 {port} {host}."
        ),
        None => writeln!(out, "{name}._tcp.{domain}.\tIN SRV\t0 0 0 ."),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_is_said_to_be_off() {
        let mut config = Config::default();
        config.server.host = "mail.x.vn".into();
        let domain = DomainName::parse("x.vn").unwrap();
        let key = "cv202611e._domainkey.x.vn.\tIN TXT\t\"v=DKIM1\"";
        let text = records(&config, &domain, &[key.to_owned()]);
        for line in [
            key,
            "x.vn.\tIN MX\t10 mail.x.vn.",
            "x.vn.\tIN TXT\t\"v=spf1 mx -all\"",
            "_dmarc.x.vn.\tIN TXT\t\"v=DMARC1; p=quarantine; rua=mailto:postmaster@x.vn\"",
            "_smtp._tls.x.vn.\tIN TXT\t\"v=TLSRPTv1; rua=mailto:postmaster@x.vn\"",
            "_submissions._tcp.x.vn.\tIN SRV\t0 1 465 mail.x.vn.",
            "_imaps._tcp.x.vn.\tIN SRV\t0 1 993 mail.x.vn.",
            "_imap._tcp.x.vn.\tIN SRV\t10 1 143 mail.x.vn.",
            "_pop3s._tcp.x.vn.\tIN SRV\t0 0 0 .",
            "_jmap._tcp.x.vn.\tIN SRV\t0 1 443 mail.x.vn.",
            "_autodiscover._tcp.x.vn.\tIN SRV\t0 1 443 mail.x.vn.",
            "autoconfig.x.vn.\tIN CNAME\tmail.x.vn.",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        config.listen.pop3s = vec!["[::]:995".parse().unwrap()];
        let text = records(&config, &domain, &[]);
        assert!(text.contains("_pop3s._tcp.x.vn.\tIN SRV\t20 1 995 mail.x.vn.\n"));
    }
}
