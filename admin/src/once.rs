//! `Idempotency-Key` on POST: the same actor sending the same request again gets the same answer.
//!
//! Answers are kept for [`KEPT_S`], the newest [`ANSWERS_MAX`] of them, in the store too (`ring`), so that a restart forgets
//! none that went out. A server that dies between an act and its answer did it and has not kept that; the request is then
//! done anew, as when its answer was pushed out, and meets `409 exists` where names are unique.
//! Files that come in a stream are told apart by a sum of what came; those that go are not kept. Only successes are kept: a refused request changed nothing and may be tried again. An answer that
//! bears a secret (a new token or app password) is kept for [`SECRET_KEPT_S`] only, and in memory alone.

mod ring;

use crate::caller::Caller;
use crate::problem::{Kind, Problem, expected, text};
use crate::router::Room;
use crate::{BODY_MAX, body};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use directory::{AccountId, Directory};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use ring::Ring;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Seconds for which an answer is remembered.
const KEPT_S: i64 = 24 * 3600;
/// Seconds for which an answer with a secret is remembered: long enough for a client's retry.
const SECRET_KEPT_S: i64 = 300;
/// Answers remembered at one time; the oldest go first.
const ANSWERS_MAX: usize = 10_000;
/// Octets of an answer's body that is remembered.
const ANSWER_MAX: usize = 64 * 1024;
/// Stands for the sum of a request that is still on its way in.
const UNKNOWN: u64 = 0;
/// Octets of a key.
const KEY_MAX: usize = 255;

/// Marks a response whose body bears a secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BearsSecret;

type Name = (u32, String);

/// The answers given lately.
#[derive(Default)]
pub(crate) struct Answers {
    kept: Mutex<Kept>,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Kept {
    slots: HashMap<Name, Slot>,
    /// In the order of coming; a name may be there twice when its first slot was dropped.
    order: VecDeque<Name>,
}

struct Slot {
    request: u64,
    until: i64,
    /// `None` while the request is being done.
    answer: Option<(StatusCode, HeaderMap, Bytes)>,
}

type Answer = (StatusCode, HeaderMap, Bytes);

/// What is known of a request with a key whose body comes in a stream.
pub(crate) enum Streamed {
    /// Nothing: do it.
    New(Running),
    /// A request with this sum was answered so.
    Kept(u64, Response),
}

/// Sum of a request, however its body is cut. It is kept in the store, so it must be the same in every version of this program.
pub(crate) struct Sum(blake3::Hasher);

impl Sum {
    pub(crate) fn of(uri: &http::Uri) -> Self {
        let mut hasher = blake3::Hasher::new();
        // Neither has an end of line in it.
        for part in [uri.path(), uri.query().unwrap_or_default()] {
            hasher.update(part.as_bytes()).update(b"\n");
        }
        Self(hasher)
    }

    pub(crate) fn add(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    pub(crate) fn end(&self) -> u64 {
        let sum = self.0.finalize();
        let first = sum.as_bytes().first_chunk().copied();
        u64::from_be_bytes(first.unwrap_or_default())
    }
}

/// Whose request it is, and by which key. A dry run has names of its own: it uses up no key of what is done in earnest.
pub(crate) fn name_of(account: AccountId, key: String, dry_run: bool) -> (u32, String) {
    // No key has an end of line in it.
    let key = if dry_run { format!("\n{key}") } else { key };
    (account.raw(), key)
}

/// What is known of a request with a key.
enum Known {
    /// Nothing: do it.
    New,
    /// It was done: this was the answer.
    Done(Response),
    /// It is refused.
    Refused(Problem),
}

impl Answers {
    /// With those that the store keeps.
    pub(crate) fn over(directory: &Directory) -> Self {
        let ring = Ring::load(directory).unwrap_or_else(|error| {
            tracing::error!(%error, "answers to requests with a key are not known any more");
            Ring::default()
        });
        Self {
            kept: Mutex::default(),
            ring: Mutex::new(ring),
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the answer to a key out of the store into memory, where it is not there yet. Blocks.
    fn recall(&self, directory: &Directory, name: &Name, now: i64) {
        let Some(found) = self.ring().find(name, now) else {
            return;
        };
        if self
            .lock()
            .slots
            .get(name)
            .is_some_and(|slot| slot.until > now)
        {
            return;
        }
        match directory.kept_answer(found.place) {
            Ok(Some(answer)) => {
                let until = answer.until;
                if let Some(answer) = ring::told(name, answer)
                    && matches!(self.begin(name, found.request, now), Known::New)
                {
                    self.end(name, until, Some(answer));
                }
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "a kept answer cannot be read"),
        }
    }

    /// Keeps an answer in the store. Blocks.
    fn keep(&self, directory: &Directory, name: &Name, until: i64, answer: &Answer) {
        let request = self.lock().slots.get(name).map(|slot| slot.request);
        let row = request.and_then(|request| ring::kept(name, (request, until), answer));
        let Some(row) = row else { return };
        let place = self.ring().take(name.clone(), row.request, until);
        if let Err(error) = directory.keep_answer(place, &row) {
            tracing::warn!(%error, "an answer is known until the next restart only");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, name: &Name, request: u64, now: i64) -> Known {
        let mut kept = self.lock();
        if let Some(slot) = kept.slots.get(name).filter(|slot| slot.until > now) {
            if slot.request != request {
                return Known::Refused(reused());
            }
            return slot.answer.as_ref().map_or_else(
                || Known::Refused(in_progress()),
                |(status, headers, body)| Known::Done(again(*status, headers, body)),
            );
        }
        while kept.order.len() >= ANSWERS_MAX {
            let Some(oldest) = kept.order.pop_front() else {
                break;
            };
            kept.slots.remove(&oldest);
        }
        kept.order.push_back(name.clone());
        kept.slots.insert(
            name.clone(),
            Slot {
                request,
                until: now + KEPT_S,
                answer: None,
            },
        );
        Known::New
    }

    /// The same for a request whose body comes in a stream. Errors: it is still in progress.
    pub(crate) fn begin_stream(
        self: &Arc<Self>,
        name: Name,
        now: i64,
    ) -> Result<Streamed, Problem> {
        let kept = self.lock();
        let slot = kept.slots.get(&name).filter(|slot| slot.until > now);
        if let Some((request, answer)) = slot.map(|slot| (slot.request, slot.answer.as_ref())) {
            let (status, headers, body) = answer.ok_or_else(in_progress)?;
            return Ok(Streamed::Kept(request, again(*status, headers, body)));
        }
        drop(kept);
        match self.begin(&name, UNKNOWN, now) {
            Known::New => Ok(Streamed::New(Running {
                answers: Arc::clone(self),
                name,
                ended: false,
            })),
            // Another came between.
            Known::Done(_) | Known::Refused(_) => Err(in_progress()),
        }
    }

    fn end(&self, name: &Name, until: i64, answer: Option<(StatusCode, HeaderMap, Bytes)>) {
        let mut kept = self.lock();
        match answer {
            None => {
                kept.slots.remove(name);
            }
            Some(answer) => {
                if let Some(slot) = kept.slots.get_mut(name) {
                    slot.until = until;
                    slot.answer = Some(answer);
                }
            }
        }
    }
}

/// Forgets a request that ended without an answer worth keeping, also when it panicked.
pub(crate) struct Running {
    answers: Arc<Answers>,
    name: Name,
    ended: bool,
}

impl Running {
    /// Notes what the request was, whose body is whole now.
    pub(crate) fn is_of(&self, request: u64) {
        if let Some(slot) = self.answers.lock().slots.get_mut(&self.name) {
            slot.request = request;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.answers.end(&self.name, 0, None);
        }
    }
}

/// The layer.
pub(crate) async fn once(
    State(room): State<Room>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    let streams = crate::imports::streams(request.uri().path());
    if request.method() != Method::POST || streams {
        return next.run(request).await;
    }
    let key = match key(request.headers()) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    let (parts, content) = request.into_parts();
    let Ok(content) = to_bytes(content, BODY_MAX).await else {
        return body::too_large().into_response();
    };
    // Of what has a dry run of its own; others come here without a key.
    let dry_run = match crate::trial::says(&parts.uri) {
        Ok(says) => says.unwrap_or(false),
        Err(problem) => return problem.into_response(),
    };
    let name = name_of(caller.0.account(), key, dry_run);
    recalled(&room, &name).await;
    let mut sum = Sum::of(&parts.uri);
    sum.add(&content);
    match room
        .answers
        .begin(&name, sum.end(), room.directory.clock().now_s())
    {
        Known::Done(response) => return response,
        Known::Refused(problem) => return problem.into_response(),
        Known::New => {}
    }
    let running = Running {
        answers: room.answers.clone(),
        name,
        ended: false,
    };
    let request = Request::from_parts(parts, Body::from(content));
    // A task of its own: a client that hangs up must not lose the answer to its own retry.
    let done = tokio::spawn(async move { remember(&room, running, next.run(request).await).await });
    done.await
        .unwrap_or_else(|e| Problem::internal(&e).into_response())
}

/// Looks for the answer to a key in the store.
pub(crate) async fn recalled(room: &Room, name: &(u32, String)) {
    let (answers, directory) = (Arc::clone(&room.answers), room.directory.clone());
    let (name, now) = (name.clone(), room.directory.clock().now_s());
    let recall = move || answers.recall(&directory, &name, now);
    if let Err(error) = tokio::task::spawn_blocking(recall).await {
        tracing::error!(%error, "looking for an answer stopped");
    }
}

/// The key of a request, if it has one. Errors: it is none.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=KEY_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(bad_key()),
    }
}

/// Keeps an answer for who asks the same again; it goes out as it is.
pub(crate) async fn remember(room: &Room, mut running: Running, response: Response) -> Response {
    // What waits for a second person is not done: the same request does it later.
    let awaits = response.extensions().get::<Problem>().is_some();
    if awaits || !response.status().is_success() {
        return response;
    }
    let (parts, content) = response.into_parts();
    let content = match to_bytes(content, BODY_MAX).await {
        Ok(content) => content,
        Err(e) => return Problem::internal(&e).into_response(),
    };
    if content.len() <= ANSWER_MAX {
        let secret = parts.extensions.get::<BearsSecret>().is_some();
        let until = room.directory.clock().now_s() + if secret { SECRET_KEPT_S } else { KEPT_S };
        let answer = (parts.status, parts.headers.clone(), content.clone());
        if !secret {
            let (kept, name) = (answer.clone(), running.name.clone());
            let (answers, directory) = (Arc::clone(&running.answers), room.directory.clone());
            let keep = move || answers.keep(&directory, &name, until, &kept);
            if let Err(error) = tokio::task::spawn_blocking(keep).await {
                tracing::error!(%error, "keeping an answer stopped");
            }
        }
        running.answers.end(&running.name, until, Some(answer));
        running.ended = true;
    }
    Response::from_parts(parts, Body::from(content))
}

fn again(status: StatusCode, headers: &HeaderMap, content: &Bytes) -> Response {
    let mut response = (status, Body::from(content.clone())).into_response();
    *response.headers_mut() = headers.clone();
    response
        .headers_mut()
        .insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

pub(crate) fn reused() -> Problem {
    Problem::new(
        Kind::KeyReused,
        text(
            "Hãy dùng một Idempotency-Key mới cho mỗi yêu cầu mới.",
            "Use a new Idempotency-Key for each new request.",
        ),
    )
}

fn in_progress() -> Problem {
    Problem::new(
        Kind::InProgress,
        text(
            "Yêu cầu có cùng Idempotency-Key còn đang được xử lý.",
            "A request with the same Idempotency-Key is still in progress.",
        ),
    )
}

fn bad_key() -> Problem {
    Problem::malformed(
        "Idempotency-Key",
        expected(
            format!("1 đến {KEY_MAX} ký tự ASCII nhìn thấy được"),
            format!("1 to {KEY_MAX} visible ASCII characters"),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: usize) -> Name {
        (2, n.to_string())
    }

    fn ok() -> Option<(StatusCode, HeaderMap, Bytes)> {
        Some((
            StatusCode::CREATED,
            HeaderMap::new(),
            Bytes::from_static(b"{}"),
        ))
    }

    fn spell(known: Known) -> &'static str {
        match known {
            Known::New => "new",
            Known::Done(_) => "done",
            Known::Refused(problem) if problem.status() == 409 => "running",
            Known::Refused(_) => "reused",
        }
    }

    #[test]
    fn an_answer_is_kept_for_its_time_and_for_its_request() {
        let answers = Answers::default();
        assert_eq!(spell(answers.begin(&name(1), 7, 100)), "new");
        assert_eq!(spell(answers.begin(&name(1), 7, 101)), "running");
        answers.end(&name(1), 100 + KEPT_S, ok());
        assert_eq!(spell(answers.begin(&name(1), 7, 102)), "done");
        assert_eq!(spell(answers.begin(&name(1), 8, 102)), "reused");
        assert_eq!(spell(answers.begin(&(3, "1".into()), 8, 102)), "new");
        assert_eq!(spell(answers.begin(&name(1), 8, 100 + KEPT_S)), "new");
        answers.end(&name(1), 0, None);
        assert_eq!(spell(answers.begin(&name(1), 9, 103)), "new");
    }

    /// It lies in stores: a version with another sum would take a true retry for another request.
    #[test]
    fn a_sum_stays_what_it_is() {
        let uri = http::Uri::from_static("/api/v1/accounts?x=1");
        let mut sum = Sum::of(&uri);
        sum.add(b"{\"name\":\"An\"}");
        let whole = b"/api/v1/accounts\nx=1\n{\"name\":\"An\"}";
        let digest = blake3::hash(whole);
        assert_eq!(sum.end().to_be_bytes(), digest.as_bytes()[..8]);
        assert_eq!(sum.end(), 15_354_702_811_314_783_231);
    }

    #[test]
    fn a_sum_is_of_the_octets_however_they_are_cut() {
        let of = |uri: &'static str, pieces: &[&str]| {
            let mut sum = Sum::of(&http::Uri::from_static(uri));
            for piece in pieces {
                sum.add(piece.as_bytes());
            }
            sum.end()
        };
        let whole = of("/imports/accounts?a=1", &["address,name\na,b\n"]);
        for pieces in [
            &["address,name\n", "a,b\n"][..],
            &["a", "", "ddress,nam", "e\na,b\n"],
        ] {
            assert_eq!(of("/imports/accounts?a=1", pieces), whole);
        }
        assert_ne!(of("/imports/accounts?a=1", &["address,name\na,c\n"]), whole);
        assert_ne!(of("/imports/accounts?a=2", &["address,name\na,b\n"]), whole);
    }

    #[test]
    fn i13_the_oldest_answers_are_pushed_out() {
        let answers = Answers::default();
        for n in 0..ANSWERS_MAX + 10 {
            assert_eq!(spell(answers.begin(&name(n), 7, 0)), "new");
            answers.end(&name(n), KEPT_S, ok());
        }
        let kept = answers.lock();
        assert!(kept.slots.len() <= ANSWERS_MAX && kept.order.len() <= ANSWERS_MAX);
        drop(kept);
        assert_eq!(spell(answers.begin(&name(ANSWERS_MAX + 9), 7, 1)), "done");
        assert_eq!(spell(answers.begin(&name(0), 7, 1)), "new");
    }
}
