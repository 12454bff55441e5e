//! `/api/v1/jobs`: bulk work that outlives its request and the server that began it.

use crate::body::{Asked, Body, Named};
use crate::caller::Caller;
use crate::faults::{failed, failure_code};
use crate::language::Language;
use crate::page::{Ask, Page};
use crate::phrase::in_vietnamese;
use crate::problem::{Kind, Problem, text};
use crate::router::Room;
use axum::Json;
use axum::extract::State;
use directory::bulk::{JobId, JobKind, JobState, Phase, Subject, UNDO_DAYS};
use directory::{Access, Directory};
use formats::date;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use utoipa::{IntoParams, ToSchema};

const DAY_S: i64 = 24 * 3600;
/// Seconds that one request may wait for a job.
const WAIT_MAX_S: u64 = 20;
/// How often a job is looked at by who waits for it.
const LOOK: Duration = Duration::from_millis(50);

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Table {
    Agencies,
    Accounts,
    /// Members of lists and of shared accounts.
    Members,
    /// Seats of agencies, with who holds them first.
    Positions,
}

impl From<Subject> for Table {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Agencies => Self::Agencies,
            Subject::Accounts => Self::Accounts,
            Subject::Members => Self::Members,
            Subject::Positions => Self::Positions,
        }
    }
}

impl From<Table> for Subject {
    fn from(table: Table) -> Self {
        match table {
            Table::Agencies => Self::Agencies,
            Table::Accounts => Self::Accounts,
            Table::Members => Self::Members,
            Table::Positions => Self::Positions,
        }
    }
}

/// One job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Job {
    id: u64,
    /// `import` or `undo`.
    kind: &'static str,
    subject: Table,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    state: &'static str,
    /// `checking`: rows are looked at, nothing changes; `applying`.
    phase: &'static str,
    /// It only looks.
    dry_run: bool,
    /// Rows with errors are left out; otherwise nothing is changed where there are any.
    skip_errors: bool,
    /// The subtree within which it works.
    #[schema(example = "H99.1")]
    agency: String,
    /// Who asked; null: an account that is gone.
    asked_by: Option<String>,
    file_name: String,
    /// Octets of the file.
    octets: u64,
    /// Rows done in this phase.
    done: u64,
    /// Rows in all; while they are counted for the first time, the lines of the file.
    total: Option<u64>,
    new: u64,
    changed: u64,
    same: u64,
    errors: u64,
    failure: Option<JobFailure>,
    /// Of an undo: the import. Of an import: the dry run whose file it has.
    of: Option<u64>,
    undone_by: Option<u64>,
    /// Until when it can be undone, RFC 3339; null: it cannot.
    undo_until: Option<String>,
    /// When the letters with first passwords were fetched.
    letters_at: Option<String>,
    /// RFC 3339, UTC.
    created_at: String,
    ended_at: Option<String>,
}

impl Job {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

/// Why a job failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobFailure {
    /// `not-utf-8`, `unknown-column`, …; it does not change.
    code: &'static str,
    /// Why, and what to do, in the language of the answer.
    detail: String,
}

/// What an import of a dry run's file is asked to do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Application {
    /// Leaves rows with errors out; otherwise nothing is changed where there are any.
    #[serde(default)]
    skip_errors: bool,
}

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobFilter {
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

/// How long to wait for a job.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobWait {
    /// Answers when the job has ended, or after so many seconds: 0 to 20, 0 when left out.
    wait_s: Option<u64>,
}

/// A job as it is shown.
pub(crate) fn shown(directory: &Directory, job: directory::bulk::Job, language: Language) -> Job {
    let columns = job.subject.columns().iter().map(|c| c.name());
    let columns = columns.collect::<Vec<_>>().join(", ");
    let failure = job.failure.as_ref().map(|failure| JobFailure {
        code: failure_code(failure),
        detail: failed(failure, &columns).in_language(language),
    });
    let undo_until = job.ended_at.filter(|_| {
        let applied = job.phase == Phase::Applying && !job.dry_run;
        job.kind == JobKind::Import && applied && job.undone_by.is_none()
    });
    Job {
        id: job.id.0,
        kind: match job.kind {
            JobKind::Import => "import",
            JobKind::Undo => "undo",
        },
        subject: job.subject.into(),
        state: match job.state {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        },
        phase: match job.phase {
            Phase::Checking => "checking",
            Phase::Applying => "applying",
        },
        dry_run: job.dry_run,
        skip_errors: job.skip_errors,
        agency: job.agency.0,
        asked_by: directory
            .account(job.account)
            .ok()
            .map(|a| a.address.to_string()),
        file_name: job.file_name,
        octets: job.octets,
        done: job.done,
        total: job.total,
        new: job.counts.new,
        changed: job.counts.changed,
        same: job.counts.same,
        errors: job.counts.errors,
        failure,
        of: job.of.map(|id| id.0),
        undone_by: job.undone_by.map(|id| id.0),
        undo_until: undo_until.map(|at| date::utc(at + UNDO_DAYS * DAY_S)),
        letters_at: job.letters_at.map(date::utc),
        created_at: date::utc(job.created_at),
        ended_at: job.ended_at.map(date::utc),
    }
}

/// The job of a path. Errors: 404.
pub(crate) fn job_id(raw: &str) -> Result<JobId, Problem> {
    raw.parse().map(JobId).map_err(|_| Problem::not_found())
}

/// Lists jobs, the newest first: one's own, and those of the subtree that one administers.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobFilter),
    responses((status = 200, body = Page<Job>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    headers: HeaderMap,
    Asked(filter): Asked<JobFilter>,
) -> Result<Json<Page<Job>>, Problem> {
    let language = crate::language::of(&headers);
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let before = ask.key(|key| key.parse().ok().map(JobId))?;
    let page = room.ask(caller, move |room, access| {
        let mut found = room.directory.jobs(Some(access), before, ask.limit + 1);
        let more = found.len() > ask.limit;
        found.truncate(ask.limit);
        let last = found.last().filter(|_| more).map(|job| job.id.to_string());
        let items = found
            .into_iter()
            .map(|job| shown(&room.directory, job, language));
        Ok(Page::new(items.collect(), last))
    });
    Ok(Json(page.await?))
}

/// Reads one job: how far it is, and what came of it.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = u64, Path), JobWait),
    responses((status = 200, body = Job)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    headers: HeaderMap,
    Named(id): Named<String>,
    Asked(wait): Asked<JobWait>,
) -> Result<Json<Job>, Problem> {
    let (id, language) = (job_id(&id)?, crate::language::of(&headers));
    let patience = match wait.wait_s.unwrap_or(0) {
        n @ 0..=WAIT_MAX_S => Duration::from_secs(n),
        _ => {
            let range = format!("0..{WAIT_MAX_S}");
            let vi = format!("một số trong khoảng {range}");
            let expected = text(vi, format!("a number in {range}"));
            return Err(Problem::malformed("wait_s", expected));
        }
    };
    let begun = Instant::now();
    loop {
        let found = room.ask(caller.clone(), move |room, access| {
            Ok(room.directory.job(Some(access), id)?)
        });
        let job = found.await?;
        if !job.state.is_open() || begun.elapsed() >= patience {
            return Ok(Json(shown(&room.directory, job, language)));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a job's state forbids is said as it is.
pub(crate) fn refused(error: directory::Error) -> Problem {
    match error {
        directory::Error::InUse(what) => {
            let vi = format!("Không làm được: {}.", in_vietnamese(&what));
            Problem::new(Kind::Impossible, text(vi, format!("Not possible: {what}.")))
        }
        error => error.into(),
    }
}

/// One act on a job, answered with the job that comes of it.
async fn act(
    room: Room,
    caller: Caller,
    headers: &HeaderMap,
    act: impl FnOnce(&Directory, &Access) -> Result<directory::bulk::Job, directory::Error>
    + Send
    + 'static,
) -> Result<Json<Job>, Problem> {
    let language = crate::language::of(headers);
    let done = room.ask(caller, move |room, access| {
        let job = act(&room.directory, access).map_err(refused)?;
        Ok(shown(&room.directory, job, language))
    });
    Ok(Json(done.await?))
}

/// Does in earnest what a dry run looked at: a job of its own, with the same file.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/apply", tag = "jobs", params(("id" = u64, Path)),
    request_body = Application, responses((status = 202, body = Job)))]
pub(crate) async fn apply(
    State(room): State<Room>,
    caller: Caller,
    headers: HeaderMap,
    Named(id): Named<String>,
    Body(how): Body<Application>,
) -> Result<(StatusCode, Json<Job>), Problem> {
    let id = job_id(&id)?;
    let begun = act(room, caller, &headers, move |directory, access| {
        directory.apply_job(access, id, how.skip_errors)
    });
    Ok((StatusCode::ACCEPTED, begun.await?))
}

/// Cancels a job that is still to work; what it did stays, and can be undone.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = u64, Path)),
    responses((status = 200, body = Job)))]
pub(crate) async fn cancel(
    State(room): State<Room>,
    caller: Caller,
    headers: HeaderMap,
    Named(id): Named<String>,
) -> Result<Json<Job>, Problem> {
    let id = job_id(&id)?;
    act(room, caller, &headers, move |directory, access| {
        directory.cancel_job(access, id)
    })
    .await
}

/// How a job is undone.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UndoAsk {
    /// Only looks, row by row; a job of its own too.
    dry_run: Option<bool>,
}

/// Undoes an import, within 7 days: what it made and changed, unless somebody has touched that since. A job of its
/// own; its results say row by row what could not be undone.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/undo", tag = "jobs", params(("id" = u64, Path), UndoAsk),
    responses((status = 202, body = Job)))]
pub(crate) async fn undo(
    State(room): State<Room>,
    caller: Caller,
    headers: HeaderMap,
    Named(id): Named<String>,
    Asked(ask): Asked<UndoAsk>,
) -> Result<(StatusCode, Json<Job>), Problem> {
    let id = job_id(&id)?;
    let dry_run = ask.dry_run.unwrap_or(false);
    let begun = act(room, caller, &headers, move |directory, access| {
        directory.undo_job(access, id, dry_run)
    });
    Ok((StatusCode::ACCEPTED, begun.await?))
}
