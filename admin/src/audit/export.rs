//! `/api/v1/audit/export`: what one may see of the log as a file, the oldest first. A privileged read.

use super::wire::{AuditEntry, Sought, time};
use super::{in_sight, shown};
use crate::body::Asked;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::router::Room;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use directory::audit::AUDIT_PAGE_MAX;
use directory::{Access, Capability, Denied, Scope};
use formats::csv::{BOM, Delimiter, line};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// The columns of the table.
const COLUMNS: [&str; 15] = [
    "number",
    "at",
    "actor",
    "actor_id",
    "act",
    "object",
    "account",
    "agency",
    "before",
    "after",
    "reason",
    "address",
    "service",
    "hash",
    "credential",
];

/// How it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuditFormat {
    /// A JSON object a line, as the list shows them.
    #[default]
    Jsonl,
    /// A table in UTF-8 with its mark, cells parted by commas.
    Csv,
}

/// Which entries, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditExport {
    /// `jsonl` when left out.
    #[serde(default)]
    format: AuditFormat,
    /// Made at this time or later; RFC 3339.
    since: Option<String>,
    /// Made before this time; RFC 3339.
    until: Option<String>,
}

/// A file under way.
struct Pieces {
    room: Room,
    access: Access,
    sought: Sought,
    format: AuditFormat,
    after: u64,
    begun: bool,
}

/// Exports what one may see of the log: `format=jsonl` or `csv` (cells that a spreadsheet would take for a formula begin
/// with `'`), the oldest first. Needs a reason.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", params(AuditExport),
    responses((status = 200, body = String, content_type = "application/jsonl")))]
pub(crate) async fn export(
    State(room): State<Room>,
    caller: Caller,
    Asked(ask): Asked<AuditExport>,
) -> Result<Response, Problem> {
    let sought = Sought {
        since: time("since", ask.since.as_ref())?,
        until: time("until", ask.until.as_ref())?,
        ..Sought::default()
    };
    let (kind, name) = match ask.format {
        AuditFormat::Jsonl => ("application/jsonl", "audit.jsonl"),
        AuditFormat::Csv => ("text/csv; charset=utf-8", "audit.csv"),
    };
    let begun = room.ask(caller, move |room, access| {
        if access.scopes(Capability::ReadAudit).is_empty() {
            return Err(directory::Error::from(Denied).into());
        }
        let detail = json!({"since": ask.since, "until": ask.until});
        let opened = room.directory.open_reading(access, Scope::Audit)?;
        opened.enter("audit.export", "audit", detail, &[])?;
        Ok(Pieces {
            room: room.clone(),
            access: access.clone(),
            sought,
            format: ask.format,
            after: 0,
            begun: false,
        })
    });
    let pieces = stream::unfold(Some(begun.await?), |pieces| async {
        let mut pieces = pieces?;
        // A reading of many rows: not on a thread that serves others.
        let read = tokio::task::spawn_blocking(move || pieces.next().map(|piece| (piece, pieces)));
        match read.await {
            Ok(Ok((Some(piece), pieces))) => Some((Ok(Bytes::from(piece)), Some(pieces))),
            Ok(Ok((None, _))) => None,
            // A file that breaks off must not look whole.
            Ok(Err(_)) | Err(_) => Some((Err(std::io::Error::other("it breaks off")), None)),
        }
    });
    let about = [
        (CONTENT_TYPE, kind.to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((about, Body::from_stream(pieces)).into_response())
}

impl Pieces {
    /// The next piece; `None` at the end. Rights are asked at each one anew: it ends when they are withdrawn.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        let mut out = Vec::new();
        if !self.begun && self.format == AuditFormat::Csv {
            out.extend_from_slice(BOM);
            line(&mut out, Delimiter::Comma, &COLUMNS);
        }
        self.begun = true;
        loop {
            if !self.access.stands() {
                return Ok(None);
            }
            let page = self
                .room
                .directory
                .audit_forward(self.after, AUDIT_PAGE_MAX)?;
            let Some(last) = page.last() else {
                return Ok((!out.is_empty()).then_some(out));
            };
            self.after = last.number;
            for entry in page {
                if self.sought.fits(&entry) && in_sight(&self.room, &self.access, &entry)? {
                    self.write(&mut out, &shown(&self.room, &self.access, entry));
                }
            }
            if !out.is_empty() {
                return Ok(Some(out));
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>, entry: &AuditEntry) {
        let row = serde_json::to_value(entry).unwrap_or_default();
        if self.format == AuditFormat::Jsonl {
            out.extend_from_slice(row.to_string().as_bytes());
            out.push(b'\n');
            return;
        }
        let cells = COLUMNS.map(|column| match &row[column] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        line(out, Delimiter::Comma, &cells);
    }
}
