//! `/api/v1/domains/{name}/tls-reports`: what other servers report of TLS with a domain's hosts (RFC 8460).

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::domains::visible;
use crate::page::{Ask, Page};
use crate::problem::Problem;
use crate::router::Room;
use axum::Json;
use axum::extract::State;
use delivery::Arrived;
use delivery::tls_report::{self, PolicyReport};
use formats::date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One report, as its sender wrote it; nobody vouches for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TlsReport {
    /// Who says that they report.
    organization: String,
    contact: String,
    report_id: String,
    /// The letter's reverse-path; empty: null.
    from: String,
    /// RFC 3339, UTC.
    arrived_at: String,
    /// As it was written; RFC 3339.
    begin: String,
    end: String,
    /// Sessions, under all policies.
    good: u64,
    failed: u64,
    failures: Vec<TlsFailures>,
}

/// Failures that are alike.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TlsFailures {
    /// `tlsa`, `sts` or `no-policy-found`.
    policy: String,
    /// RFC 8460 §4.3: `certificate-expired`, `starttls-not-supported`…
    result: String,
    /// Our host.
    host: Option<String>,
    reason: Option<String>,
    sessions: u64,
}

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportsAsked {
    /// 1 to 200, 50 without it; there is no next page.
    pub(crate) limit: Option<i64>,
}

fn failures(one: &PolicyReport) -> impl Iterator<Item = TlsFailures> + '_ {
    one.failure_details.iter().map(|failure| TlsFailures {
        policy: one.policy.policy_type.clone(),
        result: failure.result_type.clone(),
        host: failure.receiving_mx_hostname.clone(),
        reason: failure.failure_reason_code.clone(),
        sessions: failure.failed_session_count,
    })
}

impl From<Arrived<tls_report::TlsReport>> for TlsReport {
    fn from(arrived: Arrived<tls_report::TlsReport>) -> Self {
        let report = arrived.report;
        let sums = report.policies.iter().map(|one| &one.summary);
        let (good, failed) = sums.fold((0u64, 0u64), |(good, failed), one| {
            (
                good.saturating_add(one.total_successful_session_count),
                failed.saturating_add(one.total_failure_session_count),
            )
        });
        Self {
            failures: report.policies.iter().flat_map(failures).collect(),
            organization: report.organization_name,
            contact: report.contact_info,
            report_id: report.report_id,
            from: arrived.from,
            arrived_at: date::utc(arrived.at),
            begin: report.date_range.start_datetime,
            end: report.date_range.end_datetime,
            good,
            failed,
        }
    }
}

/// Lists what others report of a domain, the newest day first.
#[utoipa::path(get, path = "/api/v1/domains/{name}/tls-reports", tag = "tls-reports",
    params(("name" = String, Path), ReportsAsked), responses((status = 200, body = Page<TlsReport>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(name): Named<String>,
    Asked(asked): Asked<ReportsAsked>,
) -> Result<Json<Page<TlsReport>>, Problem> {
    let max = Ask::of(asked.limit, None)?.limit;
    let found = room.ask(caller, move |room, access| {
        let row = visible(&room.directory, access, &name)?;
        let reports = room.delivery.reports(&row.name, max)?;
        let each = reports.into_iter().map(|(_, arrived)| arrived.into());
        Ok(Page::new(each.collect(), None))
    });
    Ok(Json(found.await?))
}
