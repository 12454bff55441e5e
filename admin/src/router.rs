//! The routes and their layers: language, sign-in, body limit, Idempotency-Key.

use crate::caller::{Caller, admit};
use crate::once::{Answers, once};
use crate::parameters::{Parameters, known};
use crate::problem::{Kind, Problem, render, text};
use crate::runs::Runs;
use crate::trial::tried;
use crate::{
    BODY_MAX, Premises, accounts, agencies, aliases, approvals, audit, backups, credentials, dkim,
    dmarc_reports, domains, exports, forwarding, grants, holds, impersonations, imports, jobs,
    letters, lists, members, openapi, orders, paper, policies, positions, proposals, queue,
    queue_acts, reads, recovery, results, senders, sending, store, tls_reports, tokens, trace,
    webhooks,
};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, delete, get, post, put};
use delivery::Delivery;
use directory::{Access, Directory};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Acts on the blocking pool at one time; more wait their turn.
const ACTS_MAX: usize = 64;

/// Files on their way in at one time: each holds a thread as long as its client takes.
const UPLOADS_MAX: usize = 8;

/// Verifications of the store at one time: each reads all of it.
const VERIFICATIONS_MAX: usize = 1;
/// Restores out of backups at one time: each reads a whole index, and they share a scratch folder.
const RESTORES_MAX: usize = 1;

/// What the API works on.
#[derive(Clone)]
pub struct Context {
    /// Who may, and what is administered.
    pub directory: Directory,
    /// The queue.
    pub delivery: Delivery,
    /// Where keys and backups lie.
    pub premises: Arc<dyn Premises>,
}

/// State of the operations.
#[derive(Clone)]
pub(crate) struct Room {
    pub(crate) directory: Directory,
    pub(crate) delivery: Delivery,
    pub(crate) answers: Arc<Answers>,
    pub(crate) premises: Arc<dyn Premises>,
    pub(crate) verifications: Arc<Runs<crate::store::Checked>>,
    pub(crate) restores: Arc<Runs<backups::Brought>>,
    pub(crate) audits: Arc<Runs<directory::audit::Verified>>,
    acts: Arc<Semaphore>,
    pub(crate) uploads: Arc<Semaphore>,
}

impl Room {
    /// Does an act on a blocking thread: directory and store are synchronous and wait for the disk.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        caller: Caller,
        act: impl FnOnce(&Room, &Access) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self
            .acts
            .clone()
            .acquire_owned()
            .await
            .map_err(|e| Problem::internal(&e))?;
        let room = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            act(&room, &caller.0).map_err(|problem| room.explained(problem))
        });
        done.await.map_err(|e| Problem::internal(&e))?
    }
}

impl Room {
    /// Says that the disk is full where that is why.
    pub(crate) fn explained(&self, problem: Problem) -> Problem {
        let reserve = || self.directory.lacks_room();
        match problem.is_unavailable().then(reserve).flatten() {
            Some(reserve) => Problem::want_of_room(reserve),
            None => problem,
        }
    }
}

/// All operations under [`crate::ROOT`], to be mounted at the root beneath the sign-in layer.
pub fn router(context: Context) -> Router {
    let answers = Arc::new(Answers::over(&context.directory));
    let room = Room {
        directory: context.directory,
        delivery: context.delivery,
        answers,
        premises: context.premises,
        verifications: Arc::new(Runs::new(VERIFICATIONS_MAX)),
        restores: Arc::new(Runs::new(RESTORES_MAX)),
        audits: Arc::new(Runs::new(VERIFICATIONS_MAX)),
        acts: Arc::new(Semaphore::new(ACTS_MAX)),
        uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
    };
    let parameters = Arc::new(Parameters::documented());
    operations()
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(room.clone(), once))
        .layer(from_fn(tried))
        .layer(from_fn_with_state(parameters, known))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn(admit))
        .route("/api/v1/openapi.json", get(openapi::serve))
        .layer(from_fn(render))
        .with_state(room)
}

/// Every operation; the OpenAPI document names the same (tests/openapi.rs walks it).
fn operations() -> Router<Room> {
    Router::new()
        .route(
            "/api/v1/agencies",
            get(agencies::list).post(agencies::create),
        )
        .route(
            "/api/v1/agencies/{id}",
            get(agencies::read)
                .patch(agencies::update)
                .delete(agencies::delete),
        )
        .route("/api/v1/agencies/{id}/usage", get(agencies::usage))
        .route("/api/v1/domains", get(domains::list).post(domains::create))
        .route(
            "/api/v1/domains/{name}",
            get(domains::read)
                .patch(domains::update)
                .delete(domains::delete),
        )
        .route(
            "/api/v1/accounts",
            get(accounts::list).post(accounts::create),
        )
        .route(
            "/api/v1/accounts/{id}",
            get(accounts::read)
                .patch(accounts::update)
                .delete(accounts::delete),
        )
        .route("/api/v1/accounts/{id}/usage", get(accounts::usage))
        .route("/api/v1/address-proposals", get(proposals::propose))
        .route("/api/v1/accounts/{id}/members", get(members::list))
        .route(
            "/api/v1/accounts/{id}/members/{address}",
            put(members::set).delete(members::remove),
        )
        .route(
            "/api/v1/accounts/{id}/credentials",
            get(credentials::list).post(credentials::create),
        )
        .route(
            "/api/v1/accounts/{id}/credentials/password",
            put(credentials::set_password),
        )
        .route(
            "/api/v1/accounts/{id}/credentials/{credential}",
            get(credentials::read).delete(credentials::delete),
        )
        .route("/api/v1/aliases", get(aliases::list).post(aliases::create))
        .route(
            "/api/v1/aliases/{address}",
            get(aliases::read)
                .patch(aliases::update)
                .delete(aliases::delete),
        )
        .merge(seats())
        .merge(delegating())
        .merge(ruling())
        .merge(waiting())
        .merge(bulk())
        .merge(auditing())
        .merge(sending())
        .merge(signing())
        .merge(custody())
        .route("/api/v1", any(nothing))
        .route("/api/v1/", any(nothing))
        .route("/api/v1/{*rest}", any(nothing))
}

/// Operations on positions.
fn seats() -> Router<Room> {
    Router::new()
        .route(
            "/api/v1/positions",
            get(positions::list).post(positions::create),
        )
        .route(
            "/api/v1/positions/{id}",
            get(positions::read)
                .patch(positions::update)
                .delete(positions::delete),
        )
        .route(
            "/api/v1/positions/{id}/handover",
            post(positions::hand_over),
        )
}

/// Operations on who may administer what, and on the tokens by which machines do.
fn delegating() -> Router<Room> {
    Router::new()
        .route("/api/v1/tokens", get(tokens::list).post(tokens::create))
        .route(
            "/api/v1/tokens/{id}",
            get(tokens::read).delete(tokens::delete),
        )
        .route("/api/v1/grants", get(grants::list).post(grants::create))
        .route(
            "/api/v1/grants/{id}",
            get(grants::read)
                .patch(grants::update)
                .delete(grants::delete),
        )
}

/// Operations on what agencies rule, and on what takes two persons.
fn ruling() -> Router<Room> {
    Router::new()
        .route("/api/v1/approvals", get(approvals::list))
        .route("/api/v1/approvals/{id}", get(approvals::read))
        .route("/api/v1/approvals/{id}/approve", post(approvals::approve))
        .route("/api/v1/approvals/{id}/refuse", post(approvals::refuse))
        .route("/api/v1/policies", get(policies::list))
        .route(
            "/api/v1/policies/{id}",
            get(policies::read).patch(policies::update),
        )
        .route("/api/v1/accounts/{id}/policy", get(policies::of_account))
}

/// Tables in and out, and the jobs that work on them.
fn bulk() -> Router<Room> {
    Router::new()
        .route("/api/v1/imports/{subject}", post(imports::create))
        .route("/api/v1/exports/{subject}", get(exports::read))
        .route("/api/v1/jobs", get(jobs::list))
        .route("/api/v1/jobs/{id}", get(jobs::read))
        .route("/api/v1/jobs/{id}/results", get(results::list))
        .route("/api/v1/jobs/{id}/apply", post(jobs::apply))
        .route("/api/v1/jobs/{id}/cancel", post(jobs::cancel))
        .route("/api/v1/jobs/{id}/undo", post(jobs::undo))
        .route("/api/v1/jobs/{id}/letters", post(paper::letters))
}

/// Operations on the audit log, on who read what of whom, on orders that hide it, and on programs that are told.
fn auditing() -> Router<Room> {
    Router::new()
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/audit/export", get(audit::export::export))
        .route("/api/v1/audit/verify", post(audit::verify::verify))
        .route("/api/v1/audit/verify/{run}", get(audit::verify::verify_run))
        .route("/api/v1/audit/{number}", get(audit::read))
        .route("/api/v1/accounts/{id}/reads", get(reads::list))
        .route(
            "/api/v1/webhooks",
            get(webhooks::list).post(webhooks::create),
        )
        .route(
            "/api/v1/webhooks/{id}",
            get(webhooks::read)
                .patch(webhooks::update)
                .delete(webhooks::delete),
        )
        .route(
            "/api/v1/accounts/{id}/orders",
            get(orders::list).post(orders::record),
        )
        .route("/api/v1/accounts/{id}/orders/{order}", delete(orders::end))
        .route(
            "/api/v1/accounts/{id}/impersonations",
            get(impersonations::list).post(impersonations::open),
        )
        .route(
            "/api/v1/accounts/{id}/impersonations/{impersonation}",
            delete(impersonations::end),
        )
}

/// Operations on the queue, and what became of each message.
fn waiting() -> Router<Room> {
    Router::new()
        .route("/api/v1/queue", get(queue::list))
        .route("/api/v1/queue/acts", post(queue_acts::bulk))
        .route("/api/v1/queue/{id}", get(queue::read).delete(queue::delete))
        .route("/api/v1/queue/{id}/retry", post(queue::retry))
        .route("/api/v1/queue/{id}/hold", post(queue::hold))
        .route("/api/v1/queue/{id}/release", post(queue::release))
        .route("/api/v1/queue/{id}/reroute", post(queue::reroute))
        .route("/api/v1/trace", get(trace::search))
        .route("/api/v1/trace/{id}", get(trace::read))
}

/// Operations on who sends.
fn sending() -> Router<Room> {
    Router::new()
        .route("/api/v1/sending", get(sending::list))
        .route(
            "/api/v1/accounts/{id}/sending",
            get(sending::of_account).put(sending::set_account),
        )
        .route(
            "/api/v1/agencies/{id}/sending",
            get(sending::of_agency).put(sending::set_agency),
        )
        .route(
            "/api/v1/accounts/{id}/list",
            get(lists::read).put(lists::set),
        )
        .route(
            "/api/v1/accounts/{id}/forwarding",
            get(forwarding::of_account).put(forwarding::set_account),
        )
        .route(
            "/api/v1/agencies/{id}/forwarding",
            get(forwarding::of_agency).put(forwarding::set_agency),
        )
        .route("/api/v1/accounts/{id}/senders", get(senders::list))
        .route(
            "/api/v1/accounts/{id}/senders/{address}",
            put(senders::set).delete(senders::remove),
        )
}

/// Operations on the keys that sign mail.
fn signing() -> Router<Room> {
    Router::new()
        .route(
            "/api/v1/domains/{name}/dkim",
            get(dkim::list).post(dkim::create),
        )
        .route("/api/v1/domains/{name}/tls-reports", get(tls_reports::list))
        .route(
            "/api/v1/domains/{name}/dmarc-reports",
            get(dmarc_reports::list),
        )
        .route(
            "/api/v1/domains/{name}/dmarc-reports/{id}",
            get(dmarc_reports::show),
        )
        .route("/api/v1/domains/{name}/dkim/activate", post(dkim::activate))
        .route(
            "/api/v1/domains/{name}/dkim/{selector}",
            delete(dkim::delete),
        )
}

/// Operations on the mail of others and on the store.
fn custody() -> Router<Room> {
    Router::new()
        .route(
            "/api/v1/accounts/{id}/holds",
            get(holds::of_account).post(holds::place),
        )
        .route("/api/v1/accounts/{id}/holds/{hold}", delete(holds::release))
        .route(
            "/api/v1/accounts/{id}/holds/{hold}/letters",
            get(letters::letters),
        )
        .route("/api/v1/accounts/{id}/removed", get(recovery::removed))
        .route(
            "/api/v1/accounts/{id}/removed/restore",
            post(recovery::put_back),
        )
        .route(
            "/api/v1/accounts/{id}/restore",
            post(recovery::restore).delete(recovery::give_up),
        )
        .route(
            "/api/v1/accounts/{id}/backup-restores",
            post(backups::from_backup),
        )
        .route(
            "/api/v1/accounts/{id}/backup-restores/{run}",
            get(backups::from_backup_run),
        )
        .route("/api/v1/backups", get(backups::list))
        .route("/api/v1/holds", get(holds::list))
        .route("/api/v1/store", get(store::health))
        .route("/api/v1/store/keys", get(store::keys))
        .route("/api/v1/store/keys/rotate", post(store::rotate))
        .route(
            "/api/v1/store/keys/rotate-master",
            post(store::rotate_master),
        )
        .route("/api/v1/store/verify", post(store::verify))
        .route("/api/v1/store/verify/{run}", get(store::verify_run))
}

async fn nothing() -> Problem {
    Problem::new(
        Kind::NotFound,
        text(
            "API không có địa chỉ này; xem /api/v1/openapi.json.",
            "The API has no such address; see /api/v1/openapi.json.",
        ),
    )
}

async fn no_such_method() -> Problem {
    Problem::new(
        Kind::NoSuchMethod,
        text(
            "Địa chỉ này có, nhưng không nhận thao tác này; xem /api/v1/openapi.json.",
            "This address exists, but not for this method; see /api/v1/openapi.json.",
        ),
    )
}
