//! What is asked of TLS: by the sender (RFC 8689), by the domain (RFC 8461), and what is told of it (RFC 8460).

use super::{House, OK, Peer, dns, to_domain, to_host};
use delivery::{Job, Outcome, ReversePath, Security, TlsWish, Tlsa};
use formats::address::Address;
use smtp::relay::mta_sts::{Mode, Policy};

/// RFC 8689.
fn wishing(mut job: Job, tls: TlsWish, from: &str) -> Job {
    job.envelope.tls = tls;
    if !from.is_empty() {
        job.envelope.from = ReversePath::Address(Address::parse(from).unwrap());
    }
    job
}

const REQUIRED: TlsWish = TlsWish::Required;

#[tokio::test(start_paused = true)]
async fn a_letter_that_requires_tls_goes_to_who_promises_it_only() {
    // The first host promises nothing, the second does: its certificate is looked at, and the MX is signed.
    let peers = [
        ("1.0.0.1:25", Peer::Takes("one.example", true)),
        ("1.0.0.2:25", Peer::Promises("two.example")),
    ];
    let house = House::new(dns(), &peers, None);
    let job = wishing(to_domain("b.example"), REQUIRED, "a@here.example");
    let asked = [
        "connect 1.0.0.1",
        "secure one.example Named",
        "connect 1.0.0.2",
        "secure two.example Named",
    ];
    house.check(&job, OK, &asked).await;
    // The same connection serves the next one, and an ordinary letter.
    house.check(&job, OK, &[]).await;
    house.check(&to_domain("b.example"), OK, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn where_nobody_promises_tls_its_sender_is_told() {
    let one = ("1.0.0.1:25", Peer::Takes("one.example", true));
    let peers = [one, ("1.0.0.2:25", Peer::Takes("two.example", false))];
    let job = wishing(to_domain("b.example"), REQUIRED, "a@here.example");
    let house = House::new(dns(), &peers, None);
    let asked = [
        "connect 1.0.0.1",
        "secure one.example Named",
        "connect 1.0.0.2",
    ];
    let tried = house.check(&job, "5.7.10 ", &asked).await;
    assert!(matches!(&tried.outcomes[..], [Outcome::Failed(_)]));
    assert_eq!(tried.trouble, None, "others may go there");
    // A host that may promise it, if it answers: later.
    let house = House::new(dns(), &[one], None);
    let asked = [
        "connect 1.0.0.1",
        "secure one.example Named",
        "connect 1.0.0.2",
    ];
    let tried = house.check(&job, "4.4.1 ", &asked).await;
    assert!(matches!(&tried.outcomes[..], [Outcome::Deferred(_)]));
    // A certificate that is not the host's.
    let peers = [
        ("1.0.0.1:25", Peer::Promises("one.example")),
        ("1.0.0.2:25", Peer::Promises("two.example")),
    ];
    let house = House::new(dns(), &peers, Some("wrong name"));
    let asked = [
        "connect 1.0.0.1",
        "secure one.example Named",
        "connect 1.0.0.2",
        "secure two.example Named",
    ];
    let begins = "5.7.10 the sender requires TLS (REQUIRETLS): TLS with two.example[1.0.0.2] failed: wrong name";
    house.check(&job, begins, &asked).await;
}

#[tokio::test(start_paused = true)]
async fn names_that_nobody_vouches_for_get_no_letter_that_requires_tls() {
    let peers = [
        ("1.0.0.6:25", Peer::Promises("six.example")),
        ("10.0.0.9:25", Peer::Promises("smart.example")),
    ];
    let house = House::new(dns(), &peers, None);
    let job = wishing(to_domain("six.example"), REQUIRED, "a@here.example");
    let tried = house.check(&job, "5.7.10 ", &[]).await;
    assert!(matches!(&tried.outcomes[..], [Outcome::Failed(_)]));
    // The operator vouches for a route's host; its certificate is looked at, whatever the route says.
    let job = to_host("smart.example", 25, Security::Opportunistic);
    let asked = ["connect 10.0.0.9", "secure smart.example Named"];
    house
        .check(
            &wishing(job.clone(), REQUIRED, "a@here.example"),
            OK,
            &asked,
        )
        .await;
    // News of a failure goes all the same (RFC 8689 §5), without the promise where there is none.
    let asked = [
        "connect 2606::6",
        "connect 1.0.0.6",
        "secure six.example Anybody",
    ];
    let job = wishing(to_domain("six.example"), REQUIRED, "");
    house.check(&job, OK, &asked).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_looked_at_is_for_one_letter() {
    let peers = [("1.0.0.3:25", Peer::Takes("bare.example", true))];
    let house = House::new(dns(), &peers, None);
    let waived = wishing(to_domain("bare.example"), TlsWish::Waived, "a@here.example");
    let asked = ["connect 1.0.0.3", "secure bare.example Anybody"];
    house.check(&waived, OK, &asked).await;
    house.check(&to_domain("bare.example"), OK, &asked).await;
    // The other way round it serves.
    house.check(&waived, OK, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn sessions_are_told_as_their_policy_saw_them() {
    let peers = [
        ("1.0.0.3:25", Peer::Takes("bare.example", true)),
        ("1.0.0.2:25", Peer::Takes("two.example", false)),
        ("10.0.0.9:25", Peer::Takes("smart.example", true)),
    ];
    let says = |mode: Mode, host: &str| Policy {
        mode,
        hosts: vec![host.to_owned()],
        max_age: 1,
    };
    let bare = to_domain("bare.example");
    let (named, anybody) = ("secure bare.example Named", "secure bare.example Anybody");
    let connect = "connect 1.0.0.3";
    let check = async |broken: Option<&'static str>,
                       sts: Option<Policy>,
                       begins: &str,
                       asked: &[&str],
                       told: &[&str]| {
        let house = House::saying(dns(), &peers, broken, sts);
        house.check(&bare, begins, asked).await;
        assert_eq!(*house.told.lock().unwrap(), told);
    };
    let well = ["bare.example no-policy-found well"];
    check(None, None, OK, &[connect, anybody], &well).await;
    let bad = ["bare.example no-policy-found validation-failure"];
    check(Some("x"), None, OK, &[connect, anybody, connect], &bad).await;
    // On trial: looked at, told, and sent all the same.
    let sts = Some(says(Mode::Testing, "bare.example"));
    check(
        None,
        sts.clone(),
        OK,
        &[connect, named],
        &["bare.example sts well"],
    )
    .await;
    let bad = ["bare.example sts validation-failure"];
    let asked = [connect, named, connect, anybody, connect];
    check(Some("x"), sts, OK, &asked, &bad).await;
    let sts = Some(says(Mode::Testing, "other.example"));
    check(None, sts, OK, &[connect, anybody], &bad).await;
    // In earnest.
    let sts = Some(says(Mode::Enforce, "bare.example"));
    check(Some("x"), sts, "4.7.5 TLS with ", &[connect, named], &bad).await;
    let sts = Some(says(Mode::Enforce, "other.example"));
    check(None, sts, "4.7.5 MTA-STS: ", &[], &bad).await;
    // A host without TLS; a route is nobody's business.
    let house = House::new(dns(), &peers, None);
    let both = ["connect 1.0.0.1", "connect 1.0.0.2"];
    house.check(&to_domain("b.example"), OK, &both).await;
    let smart = to_host("smart.example", 25, Security::Opportunistic);
    let asked = ["connect 10.0.0.9", "secure smart.example Anybody"];
    house.check(&smart, OK, &asked).await;
    let told = ["b.example no-policy-found starttls-not-supported"];
    assert_eq!(*house.told.lock().unwrap(), told);
}

/// RFC 8461 §4.1, §5, §2: MX records that are signed, too, lead only to hosts that the policy names, or to one whose
/// certificate its own signed DNS knows.
#[tokio::test(start_paused = true)]
async fn a_policy_in_earnest_holds_for_signed_names_too() {
    let peers = [
        ("1.0.0.1:25", Peer::Takes("one.example", true)),
        ("1.0.0.2:25", Peer::Takes("two.example", true)),
    ];
    let check = async |named: &str, usage: Option<u8>, begins: &str, asked: &[&str]| {
        let mut dns = dns();
        let known = usage.map(|usage| Tlsa {
            usage,
            selector: 1,
            matching: 1,
            data: vec![7; 32],
        });
        dns.tlsas.extend(known.map(|known| ("one.example", known)));
        let sts = Policy {
            mode: Mode::Enforce,
            hosts: vec![named.to_owned()],
            max_age: 1,
        };
        let house = House::saying(dns, &peers, None, Some(sts));
        let tried = house.relay.send(&to_domain("b.example")).await;
        let said = tried.outcomes[0].text();
        assert!(said.starts_with(begins), "{said}");
        let log = house.log.lock().unwrap();
        let short = log
            .iter()
            .map(|line| line.split('(').next().unwrap_or(line));
        assert_eq!(short.collect::<Vec<_>>(), asked, "{named} {usage:?}");
    };
    let no = "4.7.5 MTA-STS: b.example does not name ";
    check("other.example", None, no, &[]).await;
    let second = ["connect 1.0.0.2", "secure two.example Named"];
    check("two.example", None, OK, &second).await;
    // DANE goes before the list; records that nobody can use do not.
    let dane = ["connect 1.0.0.1", "secure one.example Dane"];
    check("other.example", Some(3), OK, &dane).await;
    check("other.example", Some(1), no, &[]).await;
    let named = ["connect 1.0.0.1", "secure one.example Named"];
    check("one.example", Some(1), OK, &named).await;
}
