//! DANE: what a mail exchanger tells of its certificate in signed DNS is kept to, whoever else says otherwise.

use crate::outside::{There, refused, taken, waits};
use delivery::{TlsWish, Tried};
use hickory_resolver::proto::rr::RecordType;
use server::config::Relay;
use tests::fake_dnssec::{Signed, a, cname, mx, tlsa};

const HOST: &str = "mx.noinhan.example";
const TLSA_AT: &str = "_25._tcp.mx.noinhan.example";

/// Signed records that lead from the domain to the host.
fn dns() -> Signed {
    let dns = Signed::start();
    dns.add("thu.gov.vn", mx(10, HOST));
    dns.add(HOST, a([1, 1, 1, 1]));
    dns
}

/// What comes of a letter by this DNS.
fn try_by(there: &There, dns: &Signed, tls: TlsWish) -> Tried {
    let folder = tempfile::tempdir().unwrap();
    let anchors = folder.path().join("anchors");
    std::fs::write(&anchors, &dns.anchor).unwrap();
    let config = Relay {
        name_servers: vec![dns.address],
        trust_anchors: anchors,
        ..Relay::default()
    };
    there.letter(&config, tls, |_, sockets| sockets)
}

#[test]
fn certificates_are_looked_at_as_signed_records_say() {
    // Its certificate has expired, bears another name, and comes from an authority of its own.
    let there = There::new("khac.example", (2001, 2002));
    let dane = "; DANE; verified";
    // Its own key: dates and names do not count.
    let dns = dns();
    dns.add(TLSA_AT, tlsa(3, 1, &there.paper.key_hash));
    taken(&try_by(&there, &dns, TlsWish::None), dane);
    // RFC 8689: signed MX, verified host, and it promises.
    taken(&try_by(&there, &dns, TlsWish::Required), dane);

    // Another key.
    let dns = self::dns();
    dns.add(TLSA_AT, tlsa(3, 1, &[7; 32]));
    let tried = try_by(&there, &dns, TlsWish::None);
    waits(
        &tried,
        "4.7.5 TLS with mx.noinhan.example[1.1.1.1] failed: ",
    );
    waits(
        &tried,
        "none of the host's TLSA records names its certificate",
    );
    // RFC 8689 §3: unless its sender does not mind.
    taken(
        &try_by(&there, &dns, TlsWish::Waived),
        "; TLS-Required: No; not verified",
    );
    let tried = try_by(&there, &dns, TlsWish::Required);
    refused(&tried, "5.7.10 ");

    // Records that cannot be used: TLS, whoever answers (RFC 7672 §2.2).
    let dns = self::dns();
    dns.add(TLSA_AT, tlsa(1, 1, &[7; 32]));
    taken(&try_by(&there, &dns, TlsWish::None), "; DANE; not verified");

    // Its authority: here dates count.
    let dns = self::dns();
    dns.add(TLSA_AT, tlsa(2, 0, &there.paper.ca_hash));
    waits(&try_by(&there, &dns, TlsWish::None), "expired");
    there.world.finish();
}

#[test]
fn an_authority_of_ones_own_vouches_for_names() {
    // The second reference identifier: the domain, behind signed MX records only (RFC 7672 §3.2.2).
    let there = There::new("thu.gov.vn", (2020, 2090));
    let dane = "; DANE; verified";
    let dns = dns();
    dns.add(TLSA_AT, tlsa(2, 0, &there.paper.ca_hash));
    taken(&try_by(&there, &dns, TlsWish::None), dane);
    let other = Signed::start();
    other.unsigned_zone("vn");
    other.add("thu.gov.vn", mx(10, HOST));
    other.add(HOST, a([1, 1, 1, 1]));
    other.add(TLSA_AT, tlsa(2, 0, &there.paper.ca_hash));
    waits(
        &try_by(&there, &other, TlsWish::None),
        "certificate not valid for name",
    );
    // The key of the host itself needs no name; but nobody vouches that the host is the domain's.
    let other = Signed::start();
    other.unsigned_zone("vn");
    other.add("thu.gov.vn", mx(10, HOST));
    other.add(HOST, a([1, 1, 1, 1]));
    other.add(TLSA_AT, tlsa(3, 1, &there.paper.key_hash));
    taken(&try_by(&there, &other, TlsWish::None), dane);
    let tried = try_by(&there, &other, TlsWish::Required);
    refused(&tried, "nothing vouches");
    // An alias: under its last name first (RFC 7672 §2.2.3), then under its own.
    for (at, wrong) in [
        ("_25._tcp.that.example", TLSA_AT),
        (TLSA_AT, "_25._tcp.khac.example"),
    ] {
        let dns = Signed::start();
        dns.add("thu.gov.vn", mx(10, HOST));
        dns.add(HOST, cname("that.example"));
        dns.add("that.example", a([1, 1, 1, 1]));
        dns.add(at, tlsa(3, 1, &there.paper.key_hash));
        dns.add(wrong, tlsa(3, 1, &[7; 32]));
        taken(&try_by(&there, &dns, TlsWish::None), dane);
    }
    // A domain that is an alias of a host without MX records (RFC 5321 §5.1).
    let dns = Signed::start();
    dns.add("thu.gov.vn", cname("that.example"));
    dns.add("that.example", a([1, 1, 1, 1]));
    dns.add("_25._tcp.that.example", tlsa(3, 1, &there.paper.key_hash));
    taken(&try_by(&there, &dns, TlsWish::None), dane);
    there.world.finish();
}

#[test]
fn what_nobody_signs_is_not_believed_and_what_is_forged_stops_the_letter() {
    let there = There::new(HOST, (2020, 2090));
    let wrong = || tlsa(3, 1, &[7; 32]);
    let opportunistic = "; opportunistic; not verified";
    // Nothing is said.
    taken(&try_by(&there, &dns(), TlsWish::None), opportunistic);
    // The host's zone is not signed: whatever it says.
    let dns = Signed::start();
    dns.add("thu.gov.vn", mx(10, HOST));
    dns.unsigned_zone("noinhan.example");
    dns.add(HOST, a([1, 1, 1, 1]));
    dns.add(TLSA_AT, wrong());
    taken(&try_by(&there, &dns, TlsWish::None), opportunistic);
    // Forged, or its signature left out: not a word is believed, and nothing is sent (RFC 7672 §2.1.1).
    for how in ["forged", "unsigned"] {
        let dns = self::dns();
        dns.add(TLSA_AT, tlsa(3, 1, &there.paper.key_hash));
        dns.mark(TLSA_AT, RecordType::TLSA, how);
        let why = "4.7.5 DANE for mx.noinhan.example: ";
        waits(&try_by(&there, &dns, TlsWish::None), why);
        taken(&try_by(&there, &dns, TlsWish::Waived), "; not verified");
    }
    // The same of the domain's mail exchangers, and of the host's address.
    let dns = self::dns();
    dns.mark("thu.gov.vn", RecordType::MX, "forged");
    waits(
        &try_by(&there, &dns, TlsWish::None),
        "4.4.3 DNS for thu.gov.vn: ",
    );
    let dns = self::dns();
    dns.add(TLSA_AT, tlsa(3, 1, &there.paper.key_hash));
    dns.mark(HOST, RecordType::A, "forged");
    waits(&try_by(&there, &dns, TlsWish::None), "4.7.5 DANE for ");
    there.world.finish();
}

#[test]
fn name_servers_that_pass_no_signatures_on_keep_no_mail_back() {
    let there = There::new(HOST, (2020, 2090));
    let mut dns = dns();
    dns.add(TLSA_AT, tlsa(3, 1, &[7; 32]));
    dns.anchor = Signed::start().anchor;
    let opportunistic = "; opportunistic; not verified";
    taken(&try_by(&there, &dns, TlsWish::None), opportunistic);
    there.world.finish();
}
