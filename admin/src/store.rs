//! `/api/v1/store`: health, verification and keys of the store, for those whose grant hangs at the top of a
//! tree.

use crate::body::{Asked, Body, Named};
use crate::caller::Caller;
use crate::harm::{Harm, harms};
use crate::page::Page;
use crate::problem::{Kind, Problem, expected, text};
use crate::router::Room;
use crate::runs::{Work, stage};
use axum::Json;
use axum::extract::State;
use directory::{Access, AgencyId, Capability};
use formats::date;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::{KeyInfo, Told as _, Tongue};
use utoipa::{IntoParams, ToSchema};

/// Findings that one answer tells.
const FINDINGS_MAX: usize = 1_000;

/// Octets on the disk, and whether it takes writes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoreHealth {
    /// False: the disk is full or failing, and nothing is taken.
    writable: bool,
    /// Why nothing is taken, in the language that is asked for. Null: it is.
    unwritable_because: Option<String>,
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
    /// What is known to be damaged: by upkeep, by a verification, by whoever read it. Empty when all is well as
    /// far as is known; `POST store/verify?deep=true` looks at everything. What is mended goes from here by
    /// itself, within the hour.
    damage: Vec<Harm>,
    /// More is damaged than is listed.
    more_damage: bool,
    /// Waiting messages that cannot be read, as far as they were met since the server started; at most 1,000. They
    /// stay in the queue, and are looked at ever less often.
    unreadable: Vec<UnreadableItem>,
    /// Since when DNS gives no answer, RFC 3339, UTC: mail from outside comes in unchecked meanwhile. Null: it answers,
    /// or nobody has asked it.
    dns_silent_since: Option<String>,
}

/// A waiting message that cannot be read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadableItem {
    /// Its number in the queue.
    id: u64,
    /// In English, as the log says it.
    what: String,
    /// When it was met first, RFC 3339, UTC.
    since: String,
    /// When it is looked at again, RFC 3339, UTC.
    next_look: String,
}

impl From<delivery::Unreadable> for UnreadableItem {
    fn from(item: delivery::Unreadable) -> Self {
        Self {
            id: item.id.raw(),
            what: item.why,
            since: date::utc(item.since),
            next_look: date::utc(item.next),
        }
    }
}

/// How thorough.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Depth {
    /// Reads all content besides: minutes for each 10 GB.
    #[serde(default)]
    deep: bool,
}

/// A verification, and what it found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verification {
    /// By which to ask for it again.
    id: u64,
    /// False: it goes on; ask again.
    finished: bool,
    /// What it does: `comparing` (keys), `content` (octets), `looking` (accounts).
    stage: Option<&'static str>,
    done: u64,
    total: u64,
    /// What is wrong, accounts by address; empty when it has finished and every invariant holds. At most 1,000.
    findings: Vec<String>,
    /// How many there are, listed or not.
    count: usize,
}

/// What a verification found: the lines that an answer tells, and how many there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checked {
    lines: Vec<String>,
    count: usize,
}

/// A data key; the secret itself is never shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DataKey {
    id: u32,
    /// Whose; null: the system's, or of an agency that is gone.
    #[schema(example = "H99.1")]
    agency: Option<String>,
    /// RFC 3339, UTC.
    created_at: String,
    /// Whether new data is sealed under it; older ones stay for reading.
    in_use: bool,
}

/// Whose keys.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRotation {
    /// Only this agency's; everybody's and the system's when left out.
    agency: Option<String>,
}

/// What a rotation made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeysMade {
    made: usize,
}

/// Where the old master key is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MasterChanged {
    /// A file on the server. Backups made before need it.
    kept: String,
}

/// How the store is.
#[utoipa::path(get, path = "/api/v1/store", tag = "store",
    responses((status = 200, body = StoreHealth)))]
pub(crate) async fn health(
    State(room): State<Room>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Json<StoreHealth>, Problem> {
    let language = crate::language::of(&headers);
    let health = room.ask(caller, move |room, access| {
        let health = room.directory.store_health(Some(access))?;
        let figures = health.figures;
        Ok(StoreHealth {
            writable: health.unwritable.is_none(),
            unwritable_because: health.unwritable.map(|why| {
                let said = |tongue| why.in_tongue(tongue);
                text(said(Tongue::Vietnamese), said(Tongue::English)).in_language(language)
            }),
            more_damage: health.harms.more,
            damage: harms(&room.directory, health.harms, language),
            journal: figures.journal,
            packs: figures.packs,
            snapshots: figures.snapshots,
            index: figures.index,
            free: figures.free,
            reserve: figures.reserve,
            dns_silent_since: room.delivery.dns().since().map(date::utc),
            unreadable: {
                let all = room.delivery.unreadable().into_iter();
                all.take(FINDINGS_MAX).map(Into::into).collect()
            },
        })
    });
    Ok(Json(health.await?))
}

/// Verifies every invariant while the server goes on. A long one answers `finished: false` after some 20 s:
/// `GET` it by its id. Asked for again while it works, the same one is answered.
#[utoipa::path(post, path = "/api/v1/store/verify", tag = "store", params(Depth),
    responses((status = 200, body = Verification)))]
pub(crate) async fn verify(
    State(room): State<Room>,
    caller: Caller,
    Asked(depth): Asked<Depth>,
) -> Result<Json<Verification>, Problem> {
    let deep = depth.deep;
    let how = if deep { "deep" } else { "" };
    let work = Work {
        of: 0,
        how: how.to_owned(),
    };
    let wanted = work.clone();
    let asked = room.ask(caller, move |room, access| {
        let whole = Capability::ManageStore;
        room.directory.check_whole(Some(access), whole)?;
        if let Some(id) = room.verifications.join(&wanted)? {
            return Ok(Err(id));
        }
        let detail = json!({ "deep": deep }).to_string();
        Ok(Ok(room.directory.store_custody(
            Some(access),
            "store.verify",
            &detail,
        )?))
    });
    let id = match asked.await? {
        Ok(store) => {
            let directory = room.directory.clone();
            let check = move |tell: &mut dyn FnMut(storage::Progress) -> bool| {
                let found = store.check_telling(deep, tell)?;
                let name = |id| Some(directory.account(id).ok()?.address.to_string());
                let mut lines = found.named(name);
                lines.truncate(FINDINGS_MAX);
                Ok(Checked {
                    lines,
                    count: found.count(),
                })
            };
            room.verifications.begin(work, check)?
        }
        Err(id) => id,
    };
    verification(&room, id).await
}

/// How far a verification is, or what it found; waits some 20 s for its end.
#[utoipa::path(get, path = "/api/v1/store/verify/{run}", tag = "store",
    params(("run" = u64, Path)), responses((status = 200, body = Verification)))]
pub(crate) async fn verify_run(
    State(room): State<Room>,
    caller: Caller,
    Named(run): Named<u64>,
) -> Result<Json<Verification>, Problem> {
    let may = room.ask(caller, |room, access| {
        let whole = Capability::ManageStore;
        Ok(room.directory.check_whole(Some(access), whole)?)
    });
    may.await?;
    verification(&room, run).await
}

async fn verification(room: &Room, id: u64) -> Result<Json<Verification>, Problem> {
    let told = room.verifications.wait(0, id).await?;
    let found = told.outcome.clone().transpose()?.unwrap_or_default();
    Ok(Json(Verification {
        id,
        finished: told.outcome.is_some(),
        stage: stage(told.progress),
        done: told.progress.map_or(0, |p| p.done),
        total: told.progress.map_or(0, |p| p.total),
        findings: found.lines,
        count: found.count,
    }))
}

/// Lists the data keys of an encrypted store, the oldest first; none of a plain one.
#[utoipa::path(get, path = "/api/v1/store/keys", tag = "store",
    responses((status = 200, body = Page<DataKey>)))]
pub(crate) async fn keys(
    State(room): State<Room>,
    caller: Caller,
) -> Result<Json<Page<DataKey>>, Problem> {
    let page = room.ask(caller, |room, access| {
        let keys = room.directory.store_keys(Some(access))?;
        let shown = keys.into_iter().map(|(key, agency)| DataKey {
            id: key.id,
            agency: agency.map(|id| id.0),
            created_at: date::utc(key.created_at),
            in_use: key.newest,
        });
        Ok(Page::new(shown.collect(), None))
    });
    Ok(Json(page.await?))
}

/// Makes new data keys for what is written from now on; nothing is rewritten, older keys stay for reading.
#[utoipa::path(post, path = "/api/v1/store/keys/rotate", tag = "store",
    request_body = KeyRotation, responses((status = 200, body = KeysMade)))]
pub(crate) async fn rotate(
    State(room): State<Room>,
    caller: Caller,
    Body(ask): Body<KeyRotation>,
) -> Result<Json<KeysMade>, Problem> {
    let made = room.ask(caller, move |room, access| {
        let whole = Capability::ManageStore;
        room.directory.check_whole(Some(access), whole)?;
        let agency = ask.agency.map(AgencyId);
        let domain = agency.as_ref().map(directory::seal_domain);
        let keys = sealed_keys(room, access)?;
        if domain.is_some_and(|domain| !keys.iter().any(|(key, _)| key.domain == domain)) {
            return Err(Problem::invalid(
                "agency",
                expected(
                    "một cơ quan đã có khoá của mình",
                    "an agency with keys of its own",
                ),
            ));
        }
        let detail = json!({ "agency": agency.map(|id| id.0) }).to_string();
        let store = room
            .directory
            .store_custody(Some(access), "store.keys.rotate", &detail)?;
        let made = store.rotate_keys(domain)?;
        Ok(KeysMade { made })
    });
    Ok(Json(made.await?))
}

/// The data keys. Errors: the store is plain.
fn sealed_keys(room: &Room, access: &Access) -> Result<Vec<(KeyInfo, Option<AgencyId>)>, Problem> {
    let keys = room.directory.store_keys(Some(access))?;
    match keys.is_empty() {
        false => Ok(keys),
        true => Err(Problem::new(
            Kind::Impossible,
            text(
                "Kho thư này không được mã hoá nên không có khoá.",
                "This store is not encrypted and has no keys.",
            ),
        )),
    }
}

/// Makes a new master key and seals the data keys under it; nothing else is rewritten.
#[utoipa::path(post, path = "/api/v1/store/keys/rotate-master", tag = "store",
    responses((status = 200, body = MasterChanged)))]
pub(crate) async fn rotate_master(
    State(room): State<Room>,
    caller: Caller,
) -> Result<Json<MasterChanged>, Problem> {
    let kept = room.ask(caller, |room, access| {
        let whole = Capability::ManageStore;
        room.directory.check_whole(Some(access), whole)?;
        sealed_keys(room, access)?;
        let act = "store.keys.rotate_master";
        let store = room.directory.store_custody(Some(access), act, "{}")?;
        let kept = room.premises.rotate_master(&store);
        kept.map_err(|refused| Problem::new(Kind::Impossible, refused.into()))
    });
    let kept = kept.await?;
    Ok(Json(MasterChanged { kept }))
}
