//! Which answers are kept in the store, and where: places that are written one after the other, the oldest anew.

use super::Name;
use axum::body::Bytes;
use directory::replay::{ANSWERS_MAX, KeptAnswer};
use directory::{Directory, Error};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::collections::HashMap;

/// The names of kept answers in memory; the answers lie in the store.
#[derive(Debug, Default)]
pub(super) struct Ring {
    known: HashMap<Name, Place>,
    names: HashMap<u32, Name>,
    next: u32,
}

/// Where an answer is, and to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) place: u32,
    pub(super) request: u64,
    until: i64,
}

impl Ring {
    /// What the store has. Errors: those of the store.
    pub(super) fn load(directory: &Directory) -> Result<Self, Error> {
        let mut ring = Self::default();
        let mut newest = i64::MIN;
        directory.each_kept_answer(&mut |place, answer| {
            if answer.until >= newest {
                newest = answer.until;
                ring.next = (place + 1) % ANSWERS_MAX;
            }
            let name = (answer.account.raw(), answer.key);
            let kept = Place {
                place,
                request: answer.request,
                until: answer.until,
            };
            ring.names.insert(place, name.clone());
            ring.known.insert(name, kept);
        })?;
        Ok(ring)
    }

    /// Where the answer to this key is, while it is good.
    pub(super) fn find(&self, name: &Name, now: i64) -> Option<Place> {
        let kept = self.known.get(name).copied();
        kept.filter(|kept| kept.until > now)
    }

    /// The place for another answer: the next one, whose answer is forgotten.
    pub(super) fn take(&mut self, name: Name, request: u64, until: i64) -> u32 {
        let place = self.next;
        self.next = (place + 1) % ANSWERS_MAX;
        if let Some(before) = self.names.insert(place, name.clone())
            && self
                .known
                .get(&before)
                .is_some_and(|kept| kept.place == place)
        {
            self.known.remove(&before);
        }
        let kept = Place {
            place,
            request,
            until,
        };
        self.known.insert(name, kept);
        place
    }
}

/// An answer as it is kept. `None`: a field of it is no text.
pub(super) fn kept(
    name: &Name,
    (request, until): (u64, i64),
    (status, headers, body): &(StatusCode, HeaderMap, Bytes),
) -> Option<KeptAnswer> {
    let fields = headers.iter().map(|(field, value)| {
        let value = value.to_str().ok()?;
        Some((field.as_str().to_owned(), value.to_owned()))
    });
    Some(KeptAnswer {
        account: directory::AccountId::new(name.0)?,
        key: name.1.clone(),
        request,
        until,
        status: status.as_u16(),
        headers: fields.collect::<Option<_>>()?,
        body: body.to_vec(),
    })
}

/// The reverse, where the answer is the one of this key.
pub(super) fn told(name: &Name, kept: KeptAnswer) -> Option<(StatusCode, HeaderMap, Bytes)> {
    if (kept.account.raw(), &kept.key) != (name.0, &name.1) {
        return None;
    }
    let fields = kept.headers.iter().map(|(field, value)| {
        let field = HeaderName::from_bytes(field.as_bytes()).ok()?;
        Some((field, HeaderValue::from_str(value).ok()?))
    });
    let headers = fields.collect::<Option<HeaderMap>>()?;
    let status = StatusCode::from_u16(kept.status).ok()?;
    Some((status, headers, Bytes::from(kept.body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i13_the_oldest_place_is_written_anew() {
        let mut ring = Ring::default();
        let name = |n: u32| (2, n.to_string());
        for n in 0..ANSWERS_MAX + 2 {
            assert_eq!(ring.take(name(n), 7, 100), n % ANSWERS_MAX);
        }
        assert_eq!(ring.known.len(), ANSWERS_MAX as usize);
        assert_eq!(ring.find(&name(1), 50), None);
        let kept = ring.find(&name(2), 50).unwrap();
        assert_eq!((kept.place, kept.request), (2, 7));
        assert_eq!(ring.find(&name(2), 100), None);
        // The same key again has one place that counts.
        let place = ring.take(name(5), 8, 200);
        assert_eq!(ring.find(&name(5), 150).unwrap().place, place);
    }

    #[test]
    fn what_is_kept_is_told_as_it_was() {
        let name = (7, "k".to_owned());
        let mut headers = HeaderMap::new();
        headers.insert("etag", HeaderValue::from_static("\"1\""));
        let answer = (StatusCode::CREATED, headers, Bytes::from_static(b"{}"));
        let row = kept(&name, (9, 100), &answer).unwrap();
        assert_eq!(told(&name, row.clone()), Some(answer));
        assert_eq!(told(&(8, "k".to_owned()), row), None);
    }
}
