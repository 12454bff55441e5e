//! `/api/v1/imports/{subject}`: a table as CSV, taken in as it comes and kept in the store until its job has ended.

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::jobs::{Job, Table, shown};
use crate::once::{self, Streamed, Sum};
use crate::problem::{Kind, Problem, text};
use crate::router::Room;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use directory::bulk::{FILE_OCTETS_MAX, NewImport, ROWS_MAX};
use directory::{Access, AgencyId, Directory};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::mpsc;
use utoipa::IntoParams;

/// Pieces of a file that may wait for the disk.
const PIECES_MAX: usize = 8;
/// How long a client may be silent in the middle of a file.
const SILENCE: Duration = Duration::from_secs(60);

/// What is to be done with a file.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportAsk {
    /// The subtree within which it works; may be left out by who administers one subtree only.
    agency: Option<String>,
    /// Only looks; `POST jobs/{id}/apply` does it in earnest within 24 h.
    dry_run: Option<bool>,
    /// Leaves rows with errors out; otherwise nothing is changed where there are any.
    skip_errors: Option<bool>,
    /// What the file is called, for people.
    file_name: Option<String>,
}

/// Whether a body is said to be a table.
pub(crate) fn is_table(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("text/csv")
}

/// Whether what goes there, or comes from there, is a stream that is not to be held in memory.
pub(crate) fn streams(path: &str) -> bool {
    path.starts_with("/api/v1/imports/")
        || (path.starts_with("/api/v1/jobs/") && path.ends_with("/letters"))
}

/// A table of a path. Errors: 404.
pub(crate) fn table(raw: &str) -> Result<Table, Problem> {
    match raw {
        "agencies" => Ok(Table::Agencies),
        "accounts" => Ok(Table::Accounts),
        "members" => Ok(Table::Members),
        "positions" => Ok(Table::Positions),
        _ => Err(Problem::not_found()),
    }
}

/// What comes of a client.
enum Piece {
    Octets(Bytes),
    /// The file is whole.
    End,
}

/// Imports a table: `agencies`, `accounts`, `members` or `positions`, as CSV (`text/csv`, UTF-8, with a header). A job of its own.
#[utoipa::path(post, path = "/api/v1/imports/{subject}", tag = "jobs",
    params(("subject" = Table, Path), ImportAsk),
    request_body(content = String, content_type = "text/csv"), responses((status = 202, body = Job)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Named(subject): Named<String>,
    Asked(ask): Asked<ImportAsk>,
    request: Request,
) -> Result<Response, Problem> {
    let new = NewImport {
        subject: table(&subject)?.into(),
        agency: ask.agency.map(AgencyId),
        dry_run: ask.dry_run.unwrap_or(false),
        skip_errors: ask.skip_errors.unwrap_or(false),
        file_name: ask.file_name.unwrap_or_default(),
    };
    if !is_table(request.headers()) {
        return Err(no_table());
    }
    let language = crate::language::of(request.headers());
    let mut sum = Sum::of(request.uri());
    let running = match once::key(request.headers())? {
        None => None,
        Some(key) => {
            let name = once::name_of(caller.0.account(), key, new.dry_run);
            let now = room.directory.clock().now_s();
            once::recalled(&room, &name).await;
            match room.answers.begin_stream(name, now)? {
                Streamed::New(running) => Some(running),
                Streamed::Kept(of, answer) => {
                    return replayed(request.into_body(), sum, of, answer).await;
                }
            }
        }
    };
    let permit = room
        .uploads
        .clone()
        .try_acquire_owned()
        .map_err(|_| crowded())?;
    let (gives, takes) = mpsc::channel(PIECES_MAX);
    let (place, directory) = (room.clone(), room.directory.clone());
    let writing = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let job = take(&directory, &caller.0, new, takes, &mut sum);
        let job = job.map_err(|problem| place.explained(problem))?;
        let job = job.ok_or_else(cut_off)?;
        Ok::<_, Problem>((shown(&directory, job, language), sum.end()))
    });
    // A task of its own: a client that hangs up must not lose the answer to its own retry.
    let answer = tokio::spawn(async move {
        let (job, sum) = writing.await.map_err(|e| Problem::internal(&e))??;
        let answer = accepted(job);
        Ok::<_, Problem>(match running {
            None => answer,
            Some(running) => {
                running.is_of(sum);
                once::remember(&room, running, answer).await
            }
        })
    });
    let mut body = request.into_body();
    loop {
        let piece = next(&mut body).await;
        let ends = !matches!(piece, Some(Piece::Octets(_)));
        // Nobody takes it any more when the file was refused. Cut off: nothing of it is kept.
        let Some(piece) = piece else { break };
        if gives.send(piece).await.is_err() || ends {
            break;
        }
    }
    drop(gives);
    answer.await.map_err(|e| Problem::internal(&e))?
}

/// What comes next of a file; `None`: it was cut off.
async fn next(body: &mut Body) -> Option<Piece> {
    loop {
        match tokio::time::timeout(SILENCE, body.frame()).await {
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(octets) => return Some(Piece::Octets(octets)),
                Err(_) => continue,
            },
            Ok(None) => return Some(Piece::End),
            Ok(Some(Err(_))) | Err(_) => return None,
        }
    }
}

/// The answer that was given to the same file before; nothing is kept of this one.
async fn replayed(
    mut body: Body,
    mut sum: Sum,
    of: u64,
    answer: Response,
) -> Result<Response, Problem> {
    let mut octets = 0;
    loop {
        match next(&mut body).await.ok_or_else(cut_off)? {
            Piece::End if sum.end() == of => return Ok(answer),
            Piece::End => return Err(once::reused()),
            Piece::Octets(some) => {
                octets += some.len() as u64;
                if octets > FILE_OCTETS_MAX {
                    // No file of this size was answered.
                    return Err(once::reused());
                }
                sum.add(&some);
            }
        }
    }
}

fn accepted(job: Job) -> Response {
    let place = format!("/api/v1/jobs/{}", job.id());
    let mut response = (StatusCode::ACCEPTED, Json(job)).into_response();
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

/// Takes a file into the store; `None`: it was cut off.
fn take(
    directory: &Directory,
    access: &Access,
    new: NewImport,
    mut pieces: mpsc::Receiver<Piece>,
    sum: &mut Sum,
) -> Result<Option<directory::bulk::Job>, Problem> {
    let mut upload = directory.begin_import(access, new).map_err(named)?;
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Octets(octets) => {
                sum.add(&octets);
                upload.piece(&octets).map_err(named)?;
            }
            Piece::End => return Ok(Some(upload.finish().map_err(named)?)),
        }
    }
    Ok(None)
}

/// An agency named in a query that one may not see is a wrong value, as everywhere.
pub(crate) fn named(error: directory::Error) -> Problem {
    match error {
        directory::Error::NotFound("agency") => Problem::invalid(
            "agency",
            text(
                "không có cơ quan này trong phạm vi của bạn",
                "no such agency in your scope",
            ),
        ),
        directory::Error::Storage(storage::Error::TooLarge("rows")) => Problem::new(
            Kind::TooLarge,
            text(
                format!("Tệp có hơn {ROWS_MAX} dòng; hãy chia thành nhiều tệp."),
                format!("The file has more than {ROWS_MAX} rows; divide it."),
            ),
        ),
        directory::Error::Storage(storage::Error::TooLarge(_)) => {
            let most = FILE_OCTETS_MAX >> 20;
            Problem::new(
                Kind::TooLarge,
                text(
                    format!("Tệp lớn hơn {most} MiB; hãy chia thành nhiều tệp."),
                    format!("The file is larger than {most} MiB; cut it into several."),
                ),
            )
        }
        error => error.into(),
    }
}

fn no_table() -> Problem {
    Problem::new(
        Kind::MediaType,
        text(
            "Hãy gửi tệp CSV với Content-Type: text/csv.",
            "Send the CSV file with Content-Type: text/csv.",
        ),
    )
}

fn crowded() -> Problem {
    Problem::new(
        Kind::InProgress,
        text(
            "Đang có nhiều tệp được gửi lên cùng lúc; hãy thử lại sau.",
            "Many files are on their way in; try again later.",
        ),
    )
}

fn cut_off() -> Problem {
    Problem::new(
        Kind::Malformed,
        text(
            "Tệp bị ngắt giữa chừng; chưa giữ lại gì, hãy gửi lại.",
            "The file was cut off; nothing of it is kept, send it again.",
        ),
    )
}
