//! RFC 6376 §6: the signatures of a message that has come in.

use super::Dkim;
use super::key::{Algorithm, Key};
use super::lookup::Asking;
use super::tags::{Tags, dense};
use crate::{LookupError, Resolver};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::address::DomainName;
use formats::message::canonical::{RelaxedBody, relaxed_field};
use formats::message::header::{FIELDS_MAX, Field, fields};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// Signatures of one message that are looked at.
const SIGNATURES_MAX: usize = 10;
/// Octets of one DKIM-Signature field.
const FIELD_MAX: usize = 16 * 1024;
/// Names in `h=`.
const NAMES_MAX: usize = 200;
/// How far a signer's clock may go before ours, seconds.
const SKEW_S: i64 = 3_600;
/// Characters of `b=` that name a signature.
const BEGIN: usize = 8;
/// Why nothing is known of a signature.
const NO_ANSWER: &str = "no answer from DNS";

/// RFC 8601 §2.7.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum DkimResult {
    Pass,
    #[default]
    Fail,
    /// Good, and not good enough.
    Policy,
    Neutral,
    TempError,
    PermError,
}

impl DkimResult {
    /// RFC 8601 §2.7.1.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Policy => "policy",
            Self::Neutral => "neutral",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

/// A signature that can be checked.
struct Signature<'a> {
    /// Its field, as received.
    raw: &'a [u8],
    algorithm: Algorithm,
    names: Vec<String>,
    simple_header: bool,
    simple_body: bool,
    /// `l=`: so many octets of the body are signed.
    length: Option<u64>,
    body_hash: Vec<u8>,
    signature: Vec<u8>,
    /// The domain of `i=`.
    identity: Option<String>,
    expires: Option<i64>,
    made: Option<i64>,
}

/// The signatures of a message, as far as they are looked at.
pub(super) struct Signatures<'a> {
    all: Vec<Field<'a>>,
    body: &'a [u8],
    each: Vec<(Dkim, Result<Signature<'a>, &'static str>)>,
    hashes: Hashes,
}

impl<'a> Signatures<'a> {
    /// Reads them from a header, of which each line is ended, and the body that it belongs to. DNS is not asked yet.
    pub(super) fn read(header: &'a [u8], body: &'a [u8]) -> Self {
        let all: Vec<Field<'a>> = fields(header).collect();
        let many = all.len() >= FIELDS_MAX;
        let signatures = all.iter().filter(|field| field.is("DKIM-Signature"));
        let each = signatures.take(SIGNATURES_MAX).map(|field| {
            let mut one = Dkim {
                result: DkimResult::TempError,
                why: NO_ANSWER,
                ..Dkim::default()
            };
            let signature = match read(field, &mut one) {
                Ok(_) if many => Err("too many header fields"),
                signature => signature,
            };
            if let Err(why) = signature {
                (one.result, one.why) = (DkimResult::PermError, why);
            }
            (one, signature)
        });
        Self {
            each: each.collect(),
            all,
            body,
            hashes: Vec::new(),
        }
    }

    /// Looks at those of some domains; the others are as they were.
    pub(super) async fn check<R: Resolver>(
        &mut self,
        asking: &mut Asking<'_, R>,
        now: i64,
        of: impl Fn(&str) -> bool,
    ) {
        for (one, signature) in &mut self.each {
            if let (Ok(signature), true) = (signature, of(&one.domain)) {
                let (all, body, hashes) = (&self.all, self.body, &mut self.hashes);
                (one.result, one.why) =
                    examine(asking, one, signature, all, body, hashes, now).await;
            }
        }
    }

    /// What was found out so far; what was not looked at has had no answer from DNS.
    pub(super) fn found(&self) -> Vec<Dkim> {
        self.each.iter().map(|(one, _)| one.clone()).collect()
    }
}

/// RFC 6376 §6.1.1. Errors: why nothing is made of it.
fn read<'a>(field: &Field<'a>, one: &mut Dkim) -> Result<Signature<'a>, &'static str> {
    let bad = "the signature cannot be read";
    if field.raw.len() > FIELD_MAX {
        return Err(bad);
    }
    let text = std::str::from_utf8(field.value).map_err(|_| bad)?;
    let tags = Tags::read(text).ok_or(bad)?;
    let must = |name: &str| tags.get(name).map(dense).ok_or("a tag is missing");
    let signature = must("b")?;
    one.begin = signature.chars().take(BEGIN).collect();
    one.domain = must("d")?;
    one.selector = must("s")?;
    let domain = DomainName::parse(&one.domain).map_err(|_| "d= is no domain")?;
    one.domain = domain.to_string();
    if must("v")? != "1" {
        return Err("the signature is of another version");
    }
    // RFC 8301 §3.1: rsa-sha1 is nothing.
    let algorithm = Algorithm::read(&must("a")?).ok_or("the algorithm is too weak or unknown")?;
    let names: Vec<String> = must("h")?.split(':').map(str::to_owned).collect();
    if names.len() > NAMES_MAX || !names.iter().any(|name| name.eq_ignore_ascii_case("From")) {
        return Err("the author is not signed");
    }
    let canonical = tags
        .get("c")
        .map_or_else(|| "simple/simple".to_owned(), dense);
    let (header, body) = canonical.split_once('/').unwrap_or((&canonical, "simple"));
    let simple = |form: &str| match form {
        "simple" => Ok(true),
        "relaxed" => Ok(false),
        _ => Err("the canonical form is unknown"),
    };
    let number = |name: &str| match tags.get(name).map(dense) {
        None => Ok(None),
        Some(digits) => digits.parse::<u64>().map(Some).map_err(|_| bad),
    };
    let time = |n: Option<u64>| n.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
    let identity = tags.get("i").map(dense);
    let identity = match identity.as_deref().map(|i| i.rsplit_once('@')) {
        None => None,
        Some(Some((_, of))) => Some(of.to_ascii_lowercase()),
        Some(None) => return Err(bad),
    };
    let above = domain.as_str().to_ascii_lowercase();
    if identity
        .as_ref()
        .is_some_and(|of| *of != above && !of.ends_with(&format!(".{above}")))
    {
        return Err("i= is not of the domain");
    }
    if tags
        .get("q")
        .is_some_and(|q| !q.split(':').any(|q| q.trim() == "dns/txt"))
    {
        return Err("the key is kept elsewhere than in DNS");
    }
    Ok(Signature {
        raw: field.raw,
        algorithm,
        names,
        simple_header: simple(header)?,
        simple_body: simple(body)?,
        length: number("l")?,
        body_hash: STANDARD.decode(must("bh")?).map_err(|_| bad)?,
        signature: STANDARD.decode(signature).map_err(|_| bad)?,
        identity,
        expires: time(number("x")?),
        made: time(number("t")?),
    })
}

/// Hashes of the body that were computed: form, length, and what came out.
type Hashes = Vec<((bool, Option<u64>), ([u8; 32], bool))>;

#[allow(clippy::too_many_arguments)]
async fn examine<R: Resolver>(
    asking: &mut Asking<'_, R>,
    one: &Dkim,
    signature: &Signature<'_>,
    all: &[Field<'_>],
    body: &[u8],
    hashes: &mut Hashes,
    now: i64,
) -> (DkimResult, &'static str) {
    if signature.expires.is_some_and(|at| at < now) {
        return (DkimResult::PermError, "the signature has expired");
    }
    if signature
        .made
        .is_some_and(|at| at > now.saturating_add(SKEW_S))
    {
        return (DkimResult::PermError, "the signature is of a time to come");
    }
    let name = format!("{}._domainkey.{}", one.selector, one.domain);
    let records = match asking.texts(&name).await {
        Ok(records) => records,
        Err(LookupError::NoName) => Vec::new(),
        Err(LookupError::Failed(_)) => return (DkimResult::TempError, NO_ANSWER),
    };
    // RFC 6376 §3.6.2.2: of several records any may be taken; the first that can be used is.
    let mut why = "there is no such key";
    let mut key = None;
    for record in &records {
        match Key::read(record, signature.algorithm) {
            Ok(good) => {
                key = Some(good);
                break;
            }
            Err(not) => why = not,
        }
    }
    let Some(key) = key else {
        return (DkimResult::PermError, why);
    };
    let very = |of: &String| of.eq_ignore_ascii_case(&one.domain);
    if key.strict && !signature.identity.as_ref().is_none_or(very) {
        return (DkimResult::PermError, "i= is not of the very domain");
    }
    let form = (signature.simple_body, signature.length);
    let known = hashes
        .iter()
        .find(|(of, _)| *of == form)
        .map(|(_, hash)| *hash);
    let (hash, partly) = known.unwrap_or_else(|| {
        let hash = body_hash(body, form);
        hashes.push((form, hash));
        hash
    });
    if signature.body_hash != hash {
        return (DkimResult::Fail, "the body was changed");
    }
    let data = signed(signature, all);
    let digest = Sha256::digest(&data);
    if !key.has_signed(&data, &digest, &signature.signature) {
        return (DkimResult::Fail, "the signature is not good");
    }
    match partly {
        // RFC 6376 §8.2: anybody may have added the rest.
        true => (
            DkimResult::Policy,
            "only the beginning of the body is signed",
        ),
        false => (DkimResult::Pass, ""),
    }
}

/// RFC 6376 §3.7: over the body, and whether some of it was left out.
fn body_hash(body: &[u8], (simple, length): (bool, Option<u64>)) -> ([u8; 32], bool) {
    let (mut hash, mut left, mut partly) = (Sha256::new(), length.unwrap_or(u64::MAX), false);
    let mut take = |piece: &[u8]| {
        let fits = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        hash.update(&piece[..fits]);
        left -= fits as u64;
        partly |= fits < piece.len();
    };
    if simple {
        // RFC 6376 §3.4.3: empty lines at the end are one line end.
        let mut end = body.len();
        while body[..end].ends_with(b"\r\n") {
            end -= 2;
        }
        take(&body[..end]);
        take(b"\r\n");
    } else {
        let mut relaxed = RelaxedBody::exact();
        relaxed.feed(body, &mut take);
        relaxed.finish(&mut take);
    }
    (hash.finalize().into(), partly)
}

/// RFC 6376 §3.7, §5.4.2: the fields that are signed, of several of one name the last one first, and the signature's own.
fn signed(signature: &Signature<'_>, all: &[Field<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let canonical = |raw: &[u8], out: &mut Vec<u8>| match signature.simple_header {
        true => out.extend_from_slice(raw),
        false => relaxed_field(raw, out),
    };
    for (n, name) in signature.names.iter().enumerate() {
        let before = signature.names[..n]
            .iter()
            .filter(|other| other.eq_ignore_ascii_case(name));
        let mut of_name = all.iter().rev().filter(|field| field.is(name));
        if let Some(field) = of_name.nth(before.count()) {
            canonical(field.raw, &mut out);
        }
    }
    let own = without_signature(signature.raw);
    canonical(&own, &mut out);
    if out.ends_with(b"\r\n") {
        out.truncate(out.len() - 2);
    }
    out
}

/// The field with nothing behind `b=`.
fn without_signature(raw: &[u8]) -> Cow<'_, [u8]> {
    let Some(colon) = memchr(raw, b':') else {
        return Cow::Borrowed(raw);
    };
    let mut at = colon + 1;
    while at < raw.len() {
        let end = memchr(&raw[at..], b';').map_or(raw.len(), |n| at + n);
        if let Some(equals) = memchr(&raw[at..end], b'=')
            && raw[at..at + equals].trim_ascii() == b"b"
        {
            let mut out = raw[..=at + equals].to_vec();
            let rest = match end == raw.len() {
                true => b"\r\n".as_slice(),
                false => &raw[end..],
            };
            out.extend_from_slice(rest);
            return Cow::Owned(out);
        }
        at = end + 1;
    }
    Cow::Borrowed(raw)
}

fn memchr(octets: &[u8], wanted: u8) -> Option<usize> {
    octets.iter().position(|b| *b == wanted)
}
