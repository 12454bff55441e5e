//! `/api/v1/domains/{name}/dmarc-reports…`: what other servers report of mail in a domain's name (RFC 9990).

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::domains::reported;
use crate::problem::Problem;
use crate::router::Room;
use crate::tls_reports::{ReportStanding, ReportsAsked, ReportsPage};
use axum::Json;
use axum::extract::State;
use delivery::Arrived;
use delivery::dmarc_report::{DmarcReport, Row};
use formats::date;
use serde::Serialize;
use utoipa::ToSchema;

/// One report, as its sender wrote it; nobody vouches for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DmarcReportShown {
    /// By which it is found, among those of the domain.
    id: String,
    /// Who says that they report.
    organization: String,
    email: String,
    contact: String,
    report_id: String,
    /// The letter's reverse-path; empty: null.
    from: String,
    /// How far it is believed.
    standing: ReportStanding,
    /// The domain that vouches for the letter; null: nobody does.
    reporter: Option<String>,
    /// What DMARC said of the letter that brought it: `pass`, `fail`, `none`…; absent: it was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<String>,
    /// RFC 3339, UTC.
    arrived_at: String,
    /// As it was written; RFC 3339.
    begin: String,
    end: String,
    /// Where the policy was found.
    policy_domain: String,
    /// `none`, `quarantine` or `reject`.
    policy: String,
    /// The same for what is below the domain; empty: not told.
    subdomain_policy: String,
    /// Messages.
    messages: u64,
    /// Those of them for which SPF or DKIM passed in the name of the author's domain.
    passed: u64,
    failed: u64,
    /// Messages in rows that were too many to keep.
    left_out: u64,
    /// What the reporter says went wrong.
    errors: Vec<String>,
}

/// Messages that are alike.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DmarcRow {
    /// Who sent them.
    source_ip: String,
    messages: u64,
    /// What became of them: `none`, `pass`, `quarantine` or `reject`.
    disposition: String,
    /// Whether DKIM passed in the name of the author's domain: `pass` or `fail`.
    dkim: String,
    /// The same of SPF.
    spf: String,
    /// Why the policy was not followed.
    reasons: Vec<String>,
    header_from: String,
    envelope_from: Option<String>,
    envelope_to: Option<String>,
    /// Each signature: domain, selector, result.
    signatures: Vec<String>,
    /// What SPF said: domain, scope, result.
    senders: Vec<String>,
}

/// A report with its rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DmarcReportWhole {
    #[serde(flatten)]
    report: DmarcReportShown,
    /// Those of most messages first.
    rows: Vec<DmarcRow>,
}

fn words(parts: &[&str]) -> String {
    let told = parts.iter().filter(|part| !part.is_empty());
    told.copied().collect::<Vec<_>>().join(" ")
}

impl From<Row> for DmarcRow {
    fn from(row: Row) -> Self {
        let reasons = row.reasons.iter();
        let signatures = row.signatures.iter();
        let senders = row.senders.iter();
        Self {
            reasons: reasons.map(|r| words(&[&r.kind, &r.comment])).collect(),
            signatures: signatures
                .map(|s| words(&[&s.domain, &s.selector, &s.result]))
                .collect(),
            senders: senders
                .map(|s| words(&[&s.domain, &s.scope, &s.result]))
                .collect(),
            source_ip: row.ip,
            messages: row.count,
            disposition: row.disposition,
            dkim: row.dkim,
            spf: row.spf,
            header_from: row.header_from,
            envelope_from: row.envelope_from,
            envelope_to: row.envelope_to,
        }
    }
}

fn shown(id: String, arrived: Arrived<DmarcReport>) -> (DmarcReportShown, Vec<Row>) {
    let report = arrived.report;
    let (messages, passed) = report.sums();
    let shown = DmarcReportShown {
        id,
        organization: report.organization,
        email: report.email,
        contact: report.contact,
        report_id: report.report_id,
        from: arrived.from,
        standing: arrived.standing.into(),
        reporter: arrived.reporter,
        checked: arrived.checked,
        arrived_at: date::utc(arrived.at),
        begin: date::utc(report.begin),
        end: date::utc(report.end),
        policy_domain: report.policy.domain,
        policy: report.policy.p,
        subdomain_policy: report.policy.sp,
        messages,
        passed,
        failed: messages
            .saturating_sub(passed)
            .saturating_sub(report.left_out),
        left_out: report.left_out,
        errors: report.errors,
    };
    (shown, report.rows)
}

/// Lists what others report of mail in a domain's name, the newest day first and of a day what is believed further
/// first, without rows.
#[utoipa::path(get, path = "/api/v1/domains/{name}/dmarc-reports", tag = "dmarc-reports",
    params(("name" = String, Path), ReportsAsked), responses((status = 200, body = ReportsPage<DmarcReportShown>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(name): Named<String>,
    Asked(asked): Asked<ReportsAsked>,
) -> Result<Json<ReportsPage<DmarcReportShown>>, Problem> {
    let found = room.ask(caller, move |room, access| {
        asked.page(room, access, &name, |id, report| shown(id, report).0)
    });
    Ok(Json(found.await?))
}

/// Shows one report with its rows.
#[utoipa::path(get, path = "/api/v1/domains/{name}/dmarc-reports/{id}", tag = "dmarc-reports",
    params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, body = DmarcReportWhole)))]
pub(crate) async fn show(
    State(room): State<Room>,
    caller: Caller,
    Named((name, id)): Named<(String, String)>,
) -> Result<Json<DmarcReportWhole>, Problem> {
    let found = room.ask(caller, move |room, access| {
        let row = reported(&room.directory, access, &name)?;
        let report = room.delivery.report::<DmarcReport>(&row.name, &id)?;
        let (report, mut rows) = shown(id, report.ok_or_else(Problem::not_found)?);
        rows.sort_by_key(|row| std::cmp::Reverse(row.count));
        Ok(DmarcReportWhole {
            report,
            rows: rows.into_iter().map(Into::into).collect(),
        })
    });
    Ok(Json(found.await?))
}
