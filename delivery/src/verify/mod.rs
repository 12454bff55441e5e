//! What can be found out of who sent a message from outside: SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489).
//! Evidence only; what is made of it [`Disposition`] says, by the policy that the operator chose.
//!
//! DNS is asked through [`Resolver`], so that nothing here has a socket; the time is given. Whatever a message or a
//! record says, the questions, signatures and octets looked at are bounded.

mod asks;
mod dkim;
mod dmarc;
mod dmarc_record;
mod key;
mod lookup;
mod macros;
mod results;
mod spf;
mod spf_record;
mod tags;

pub use dkim::DkimResult;
pub use dmarc::{Disposition, DmarcResult, Enforcement, Wish, organization};
pub use dmarc_record::Published;
pub(crate) use dmarc_record::is_record as is_dmarc_record;
pub use results::quarantined;
pub(crate) use results::{said, without_forged};
pub use spf::SpfResult;

use crate::header::Header;
use crate::{Asks, Resolver, ReversePath};
use dkim::Signatures;
use dmarc::Policy;
use formats::message::canonical::{lines_ended, split};
use lookup::Asking;
use spf::Identity;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// Questions to DNS for one message, all checks together.
pub const QUESTIONS_MAX: usize = 60;

/// A message that has just come from outside.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Arriving {
    pub ip: IpAddr,
    pub helo: String,
    pub from: ReversePath,
    /// Octets as received.
    pub content: Arc<Vec<u8>>,
    /// Unix seconds.
    pub now: i64,
}

/// What was found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Evidence {
    pub spf: Spf,
    /// RFC 7208 §2.3: what the record of the greeting's name says; `None`: that is `spf`.
    pub helo: Option<Spf>,
    /// One for each signature, in the order of the header, as far as they were looked at.
    pub dkim: Vec<Dkim>,
    pub dmarc: Dmarc,
    /// Of a letter that may bring a report: where the domain that it reports on asks for reports.
    pub asks: Option<Asks>,
}

impl Evidence {
    /// Nothing could be found out in time.
    #[must_use]
    pub fn unknown(from: &ReversePath) -> Self {
        let domain = from.address().map(|from| from.domain.to_string());
        Self {
            spf: Spf {
                result: SpfResult::TempError,
                domain: domain.unwrap_or_default(),
                by_helo: *from == ReversePath::Null,
            },
            helo: None,
            dkim: Vec::new(),
            dmarc: Dmarc {
                result: DmarcResult::TempError,
                ..Dmarc::default()
            },
            asks: None,
        }
    }
}

/// RFC 7208 §2.6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spf {
    /// What its record says of the peer.
    pub result: SpfResult,
    /// Whose record was asked.
    pub domain: String,
    /// It is that of the greeting, since the reverse-path is empty (RFC 7208 §2.4).
    pub by_helo: bool,
}

/// RFC 6376 §6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dkim {
    /// Whether the signature is good.
    pub result: DkimResult,
    /// `d=`.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// The first characters of `b=`, by which signatures are told apart (RFC 6008 §4).
    pub begin: String,
    /// Why not.
    pub why: &'static str,
}

/// RFC 7489 §3.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dmarc {
    /// Whether what passed is of the author's domain.
    pub result: DmarcResult,
    /// The author's domain.
    pub domain: String,
    /// What its owner wishes for what fails; after sampling (`pct`, `t`).
    pub wish: Wish,
    /// What it says in its record, before that.
    pub said: Wish,
    /// The sampling left this message out.
    pub sampled_out: bool,
    /// A good signature is of the author's domain, or of its organization where that is enough.
    pub dkim: bool,
    /// The same of the reverse-path.
    pub spf: bool,
    /// Its record; `None`: there is none by which it can be judged.
    pub published: Option<Published>,
}

/// What was found out so far, for who waits no longer.
#[derive(Debug, Clone)]
pub struct SoFar(Arc<Mutex<Evidence>>);

impl SoFar {
    /// Nothing yet.
    #[must_use]
    pub fn new(from: &ReversePath) -> Self {
        Self(Arc::new(Mutex::new(Evidence::unknown(from))))
    }

    /// What there is by now; what is missing counts as not to be found out now (`temperror`).
    #[must_use]
    pub fn get(&self) -> Evidence {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, note: impl FnOnce(&mut Evidence)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A verifier whose DNS somebody else knows.
pub trait Verify: Send + Sync {
    /// Finds out what there is, and notes what is known as soon as DMARC is decided. Ends within the limits of its DNS.
    fn verify(
        self: Arc<Self>,
        arriving: Arriving,
        so_far: SoFar,
    ) -> Pin<Box<dyn Future<Output = Evidence> + Send>>;
}

/// Finds out over this DNS.
#[derive(Debug)]
pub struct Verifier<R> {
    resolver: R,
}

impl<R: Resolver + 'static> Verifier<R> {
    /// Over this DNS.
    pub const fn new(resolver: R) -> Self {
        Self { resolver }
    }
}

impl<R: Resolver + 'static> Verify for Verifier<R> {
    fn verify(
        self: Arc<Self>,
        arriving: Arriving,
        so_far: SoFar,
    ) -> Pin<Box<dyn Future<Output = Evidence> + Send>> {
        Box::pin(async move { verify(&self.resolver, &arriving, &so_far).await })
    }
}

/// All checks, one after the other, over one budget of questions. Those that decide come first, and ask nothing of
/// domains that have no part in the decision: else a signature of a domain whose DNS is dead, or slow, would spare a
/// forged letter its author's policy.
async fn verify<R: Resolver>(resolver: &R, arriving: &Arriving, so_far: &SoFar) -> Evidence {
    let mut asking = Asking::new(resolver);
    let mut evidence = Evidence::unknown(&arriving.from);
    let mail_from = Identity::mail_from(arriving);
    evidence.spf.domain = mail_from.domain.to_owned();
    let (header, body) = split(&arriving.content);
    let header = lines_ended(header);
    let mut signatures = Signatures::read(&header, body);
    let (looked_at, sample) = (
        Header::read(&arriving.content),
        dmarc::sample(&arriving.content),
    );
    let policy = Policy::discover(&mut asking, &looked_at, sample).await;
    for decides in [true, false] {
        asking.begin_anew();
        let of = |domain: &str| policy.may_align(domain) == decides;
        if of(mail_from.domain) {
            evidence.spf = spf::check(&mut asking, arriving, mail_from).await;
        }
        signatures.check(&mut asking, arriving.now, of).await;
        evidence.dkim = signatures.found();
        if decides {
            evidence.dmarc = policy.weigh(&mut asking, &evidence).await;
        }
        so_far.note(|known| *known = evidence.clone());
    }
    if arriving.from != ReversePath::Null {
        asking.begin_anew();
        let helo = Identity::helo(arriving);
        evidence.helo = Some(spf::check(&mut asking, arriving, helo).await);
    }
    asking.begin_anew();
    evidence.asks = asks::asked(&mut asking, &header).await;
    evidence
}

#[cfg(test)]
mod tests;
