//! `/api/v1/domains/{name}/tls-reports`: what other servers report of TLS with a domain's hosts (RFC 8460).

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::domains::reported;
use crate::page::{Ask, Page, gather};
use crate::problem::Problem;
use crate::router::Room;
use axum::Json;
use axum::extract::State;
use delivery::tls_report::{self, PolicyReport};
use delivery::{Arrived, NotKept, Reported, Standing};
use directory::Access;
use formats::date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// How far it is believed.
    standing: ReportStanding,
    /// The domain that vouches for the letter; null: nobody does.
    reporter: Option<String>,
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

/// How far a report is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReportStanding {
    /// It came to where the domain asks for its reports, and the domain of its author vouches for the letter.
    Verified,
    /// One of both.
    Half,
    /// Neither.
    Stranger,
}

impl From<Standing> for ReportStanding {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Verified => Self::Verified,
            Standing::Half => Self::Half,
            Standing::Stranger => Self::Stranger,
        }
    }
}

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportsAsked {
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

/// What was not kept of a day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportsNotKept {
    /// The day of which they tell, or on which those came that could not be read; UTC.
    #[schema(example = "2026-11-22")]
    day: String,
    /// Reports for which there was no room, or whose number is that of one that is here.
    dropped: u64,
    /// Reports that could not be read, by why: `too_large`, `packed`, `charset`, `damaged`, `entities`, `too_deep`,
    /// `no_report`, `numbers` or `times`.
    unreadable: BTreeMap<String, u64>,
}

impl From<NotKept> for ReportsNotKept {
    fn from(lost: NotKept) -> Self {
        Self {
            day: date::utc(lost.day).chars().take(10).collect(),
            dropped: lost.dropped,
            unreadable: lost.unread.into_iter().collect(),
        }
    }
}

/// Reports, and what there would be besides.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportsPage<T> {
    items: Vec<T>,
    /// Give it back to read on; null on the last page.
    cursor: Option<String>,
    /// Of the last days on which reports were not kept, the newest first.
    not_kept: Vec<ReportsNotKept>,
}

impl ReportsAsked {
    /// The page. Errors: 400, 404.
    pub(crate) fn page<R: Reported, T>(
        &self,
        room: &Room,
        access: &Access,
        name: &str,
        show: impl Fn(String, Arrived<R>) -> T,
    ) -> Result<ReportsPage<T>, Problem> {
        let ask = Ask::of(self.limit, self.cursor.as_deref())?;
        let named = |key: &str| key.bytes().all(|b| b.is_ascii_hexdigit());
        let after = ask.key(|key| named(key).then(|| key.to_owned()))?;
        let domain = reported(&room.directory, access, name)?.name;
        let Page { items, cursor } = gather(
            ask.limit,
            after,
            |after: Option<&String>, max| {
                let after = after.map(String::as_str);
                Ok(room.delivery.reports::<R>(&domain, after, max)?)
            },
            |(name, _)| name.clone(),
            |(name, arrived)| Some(show(name, arrived)),
            String::clone,
        )?;
        let not_kept = room.delivery.reports_not_kept::<R>(&domain)?;
        Ok(ReportsPage {
            items,
            cursor,
            not_kept: not_kept.into_iter().map(Into::into).collect(),
        })
    }
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
            standing: arrived.standing.into(),
            reporter: arrived.reporter,
            arrived_at: date::utc(arrived.at),
            begin: report.date_range.start_datetime,
            end: report.date_range.end_datetime,
            good,
            failed,
        }
    }
}

/// Lists what others report of a domain, the newest day first and of a day what is believed further first.
#[utoipa::path(get, path = "/api/v1/domains/{name}/tls-reports", tag = "tls-reports",
    params(("name" = String, Path), ReportsAsked), responses((status = 200, body = ReportsPage<TlsReport>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(name): Named<String>,
    Asked(asked): Asked<ReportsAsked>,
) -> Result<Json<ReportsPage<TlsReport>>, Problem> {
    let found = room.ask(caller, move |room, access| {
        let shown = |_, arrived: Arrived<tls_report::TlsReport>| arrived.into();
        asked.page(room, access, &name, shown)
    });
    Ok(Json(found.await?))
}
