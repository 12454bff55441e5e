//! `/api/v1/jobs/{id}/results`: what became of each row, or would.

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::faults::{code, words};
use crate::jobs::job_id;
use crate::language::Language;
use crate::page::{Ask, Page};
use crate::problem::Problem;
use crate::router::Room;
use axum::Json;
use axum::extract::State;
use directory::bulk::{Column, Done, Outcome};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What came of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RowOutcome {
    /// Made; of an undo: gone again.
    New,
    /// Of an undo: as it was.
    Changed,
    Same,
    Error,
}

impl From<Done> for RowOutcome {
    fn from(done: Done) -> Self {
        match done {
            Done::New => Self::New,
            Done::Changed => Self::Changed,
            Done::Same => Self::Same,
            Done::Error => Self::Error,
        }
    }
}

impl From<RowOutcome> for Done {
    fn from(outcome: RowOutcome) -> Self {
        match outcome {
            RowOutcome::New => Self::New,
            RowOutcome::Changed => Self::Changed,
            RowOutcome::Same => Self::Same,
            RowOutcome::Error => Self::Error,
        }
    }
}

/// One row's result.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowResult {
    /// Of the file; the header is row 1.
    row: u64,
    /// The agency's code, the account's address, account and member, or agency, place and title of a position.
    key: String,
    outcome: RowOutcome,
    differences: Vec<CellChange>,
    errors: Vec<CellFault>,
}

/// A cell that differs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CellChange {
    column: &'static str,
    from: String,
    to: String,
}

/// What is wrong with a cell, or with the row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CellFault {
    /// Null: the row as a whole.
    column: Option<&'static str>,
    /// `missing`, `taken`, `twice`, …; it does not change.
    code: &'static str,
    /// What stands there, cut.
    value: String,
    /// Why, and how to mend it, in the language of the answer.
    detail: String,
}

/// Which results.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResultFilter {
    /// Only these.
    outcome: Option<RowOutcome>,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

fn shown(outcome: Outcome, language: Language) -> RowResult {
    let differences = outcome.differences.into_iter().map(|d| CellChange {
        column: d.column.name(),
        from: d.from,
        to: d.to,
    });
    let errors = outcome.errors.into_iter().map(|found| CellFault {
        column: found.column.map(Column::name),
        code: code(&found.fault),
        value: found.value,
        detail: words(&found.fault, found.column).in_language(language),
    });
    RowResult {
        row: outcome.row,
        key: outcome.key,
        outcome: outcome.done.into(),
        differences: differences.collect(),
        errors: errors.collect(),
    }
}

/// Lists what became of the rows, in the order of the file; of a dry run what would. Of a job that refused a file with
/// errors: those alone.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/results", tag = "jobs",
    params(("id" = u64, Path), ResultFilter), responses((status = 200, body = Page<RowResult>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    headers: HeaderMap,
    Named(id): Named<String>,
    Asked(filter): Asked<ResultFilter>,
) -> Result<Json<Page<RowResult>>, Problem> {
    let (id, language) = (job_id(&id)?, crate::language::of(&headers));
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| key.parse().ok())?.unwrap_or(0);
    let only = filter.outcome.map(Done::from);
    let page = room.ask(caller, move |room, access| {
        let (found, last) = room
            .directory
            .job_results(Some(access), id, after, only, ask.limit)?;
        let items = found.into_iter().map(|outcome| shown(outcome, language));
        Ok(Page::new(items.collect(), last.map(|row| row.to_string())))
    });
    Ok(Json(page.await?))
}
