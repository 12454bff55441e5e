//! `/api/v1/store`: health of the store, for those whose grant hangs at the top of a tree.

use crate::caller::Caller;
use crate::problem::Problem;
use crate::router::Room;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// Findings that one answer tells.
const FINDINGS_MAX: usize = 1_000;

/// Octets on the disk, and whether it takes writes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoreHealth {
    /// False: the disk is full or failing, and nothing is taken.
    writable: bool,
    /// Octets of commits that no snapshot covers yet.
    journal: u64,
    /// Octets of content.
    packs: u64,
    /// Octets of snapshots.
    snapshots: u64,
    /// Octets of the engine's files.
    index: u64,
    /// Octets that the disk still takes.
    free: u64,
    /// Under so many free octets writes are refused.
    reserve: u64,
}

/// What verifying found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoreFindings {
    /// What is wrong; empty when every invariant holds. At most 1,000.
    findings: Vec<String>,
    /// How many there are.
    count: usize,
}

/// How the store is.
#[utoipa::path(get, path = "/api/v1/store", tag = "store",
    responses((status = 200, body = StoreHealth)))]
pub(crate) async fn health(
    State(room): State<Room>,
    caller: Caller,
) -> Result<Json<StoreHealth>, Problem> {
    let health = room.ask(caller, |room, access| {
        let (figures, writable) = room.directory.store_health(Some(access))?;
        Ok(StoreHealth {
            writable,
            journal: figures.journal,
            packs: figures.packs,
            snapshots: figures.snapshots,
            index: figures.index,
            free: figures.free,
            reserve: figures.reserve,
        })
    });
    Ok(Json(health.await?))
}

/// Verifies every invariant while the server goes on; may take minutes.
#[utoipa::path(post, path = "/api/v1/store/verify", tag = "store",
    responses((status = 200, body = StoreFindings)))]
pub(crate) async fn verify(
    State(room): State<Room>,
    caller: Caller,
) -> Result<Json<StoreFindings>, Problem> {
    let found = room.ask(caller, |room, access| {
        let mut findings = room.directory.verify_store(Some(access))?;
        let count = findings.len();
        findings.truncate(FINDINGS_MAX);
        Ok(StoreFindings { findings, count })
    });
    Ok(Json(found.await?))
}
