//! `/api/v1/exports/{subject}`: the columns of an import, out of the directory, as a stream.

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::imports::{named, table};
use crate::jobs::Table;
use crate::problem::Problem;
use crate::router::Room;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use directory::AgencyId;
use formats::csv::Delimiter;
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// What parts the cells.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CellDelimiter {
    Comma,
    Semicolon,
    Tab,
}

/// What is exported.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportAsk {
    /// This agency and all below it; may be left out by who administers one subtree only.
    agency: Option<String>,
    /// A comma when left out.
    delimiter: Option<CellDelimiter>,
}

/// Exports a table as CSV (UTF-8 with its mark): `agencies`, `accounts`, `members` or `positions`. Cells that a
/// spreadsheet would take for a formula begin with `'`; an import takes them as they are. Entered in the audit log.
#[utoipa::path(get, path = "/api/v1/exports/{subject}", tag = "jobs",
    params(("subject" = Table, Path), ExportAsk),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(subject): Named<String>,
    Asked(ask): Asked<ExportAsk>,
) -> Result<Response, Problem> {
    let name = format!("attachment; filename=\"{subject}.csv\"");
    let delimiter = match ask.delimiter {
        Some(CellDelimiter::Semicolon) => Delimiter::Semicolon,
        Some(CellDelimiter::Tab) => Delimiter::Tab,
        Some(CellDelimiter::Comma) | None => Delimiter::Comma,
    };
    let subject = table(&subject)?.into();
    let export = room.ask(caller, move |room, access| {
        let agency = ask.agency.map(AgencyId);
        let export = room.directory.export(access, subject, agency, delimiter);
        export.map_err(named)
    });
    let pieces = stream::unfold(export.await?, |mut export| async {
        // A reading of many rows: not on a thread that serves others.
        let read = tokio::task::spawn_blocking(move || export.piece().map(|piece| (piece, export)));
        let (piece, export) = read.await.ok().flatten()?;
        Some((
            Ok::<_, std::convert::Infallible>(Bytes::from(piece)),
            export,
        ))
    });
    let about = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((about, Body::from_stream(pieces)).into_response())
}
