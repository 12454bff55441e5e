//! `/api/v1/audit/verify`: recomputes the whole chain while the server goes on.

use super::wire::hex;
use crate::body::Named;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::router::Room;
use crate::runs::Work;
use axum::Json;
use axum::extract::State;
use directory::Capability;
use directory::audit::{Broken, Verified};
use serde::Serialize;
use storage::{Progress, Stage};
use utoipa::ToSchema;

/// A verification of the log: how far it is, or what it found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditVerification)]
pub(crate) struct Verification {
    id: u64,
    finished: bool,
    /// `looking` while it works.
    stage: Option<&'static str>,
    /// Entries looked at.
    done: u64,
    total: u64,
    /// Whether the whole chain holds; null while it works.
    holds: Option<bool>,
    /// The first entry that is there; 0: none is.
    first: u64,
    /// The last one.
    last: u64,
    /// The hash of the last one: noted elsewhere, it shows later whether the whole log was written anew.
    hash: Option<String>,
    /// Where it breaks first.
    broken_at: Option<u64>,
    /// `missing`, `changed`, `unreadable`, or `cut_off`: earlier entries are gone, and no entry says that they were cut
    /// off for their age.
    broken: Option<&'static str>,
}

const fn named(broken: Broken) -> &'static str {
    match broken {
        Broken::Missing => "missing",
        Broken::Changed => "changed",
        Broken::Unreadable => "unreadable",
        Broken::CutOff => "cut_off",
    }
}

/// Recomputes the hashes of the whole log. A long one answers `finished: false` after some 20 s: `GET` it by its id.
#[utoipa::path(post, path = "/api/v1/audit/verify", tag = "audit",
    responses((status = 200, body = Verification)))]
pub(crate) async fn verify(
    State(room): State<Room>,
    caller: Caller,
) -> Result<Json<Verification>, Problem> {
    let asked = room.ask(caller, |room, access| {
        Ok(room
            .directory
            .check_whole(Some(access), Capability::ReadAudit)?)
    });
    asked.await?;
    let work = Work {
        of: 0,
        how: String::new(),
    };
    let directory = room.directory.clone();
    let id = room.audits.begin(work, move |tell| {
        let mut told = |done, total| {
            let stage = Stage::Looking;
            tell(Progress { stage, done, total })
        };
        Ok(directory.audit_verify(&mut told)?)
    })?;
    verification(&room, id).await
}

/// How far a verification of the log is, or what it found; waits some 20 s for its end.
#[utoipa::path(get, path = "/api/v1/audit/verify/{run}", tag = "audit", params(("run" = u64, Path)),
    responses((status = 200, body = Verification)))]
pub(crate) async fn verify_run(
    State(room): State<Room>,
    caller: Caller,
    Named(run): Named<u64>,
) -> Result<Json<Verification>, Problem> {
    let may = room.ask(caller, |room, access| {
        Ok(room
            .directory
            .check_whole(Some(access), Capability::ReadAudit)?)
    });
    may.await?;
    verification(&room, run).await
}

async fn verification(room: &Room, id: u64) -> Result<Json<Verification>, Problem> {
    let told = room.audits.wait(0, id).await?;
    let found: Option<Verified> = told.outcome.clone().transpose()?;
    let broken = found.as_ref().and_then(|found| found.broken);
    Ok(Json(Verification {
        id,
        finished: found.is_some(),
        stage: crate::runs::stage(told.progress),
        done: told.progress.map_or(0, |p| p.done),
        total: told.progress.map_or(0, |p| p.total),
        holds: found.as_ref().map(|found| found.broken.is_none()),
        first: found.as_ref().map_or(0, |found| found.first),
        last: found.as_ref().map_or(0, |found| found.last),
        hash: found.as_ref().map(|found| hex(&found.hash)),
        broken_at: broken.map(|(number, _)| number),
        broken: broken.map(|(_, why)| named(why)),
    }))
}
