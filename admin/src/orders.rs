//! `/api/v1/accounts/{id}/orders`: legal orders, under which mail is read without its owner being told for a time.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::page::Page;
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::kept_account;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use directory::{LegalOrder, NewOrder};
use formats::date;
use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A recorded legal order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Order {
    /// What `Legal-Order` names; the number of its entry in the audit log.
    id: u64,
    account: u32,
    #[schema(example = "15/QĐ-CQĐT")]
    number: String,
    #[schema(example = "2026-11-20")]
    date: String,
    #[schema(example = "Cơ quan Cảnh sát điều tra, Công an tỉnh Mẫu")]
    issuer: String,
    /// Who recorded it.
    by: String,
    /// RFC 3339, UTC.
    recorded_at: String,
    /// Until when the owner is not told of what is read under it; RFC 3339, UTC.
    hidden_until: String,
    /// When somebody ended it before that.
    ended_at: Option<String>,
    /// Whether it hides now, and may be named.
    stands: bool,
}

/// An order to record.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLegalOrder {
    /// Its number as its issuer gave it.
    #[schema(example = "15/QĐ-CQĐT")]
    number: String,
    /// Its date.
    #[schema(example = "2026-11-20")]
    date: String,
    #[schema(example = "Cơ quan Cảnh sát điều tra, Công an tỉnh Mẫu")]
    issuer: String,
    /// RFC 3339; at most 366 days from now.
    hidden_until: String,
}

fn shown(order: LegalOrder, now_s: i64) -> Order {
    Order {
        id: order.id,
        account: order.account.raw(),
        stands: order.stands(now_s),
        number: order.number,
        date: order.date.to_string(),
        issuer: order.issuer,
        by: order.by,
        recorded_at: date::utc(order.recorded_at),
        hidden_until: date::utc(order.hidden_until),
        ended_at: order.ended_at.map(date::utc),
    }
}

/// Lists the legal orders about an account, the newest first. Its owner may not.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/orders", tag = "orders", params(("id" = u32, Path)),
    responses((status = 200, body = Page<Order>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Page<Order>>, Problem> {
    let id = filter::account_id(&id)?;
    let page = room.ask(caller, move |room, access| {
        kept_account(&room.directory, access, id)?;
        let now = room.directory.clock().now_s();
        let orders = room.directory.orders(Some(access), id)?.into_iter();
        Ok(Page::new(
            orders.map(|order| shown(order, now)).collect(),
            None,
        ))
    });
    Ok(Json(page.await?))
}

/// Records a legal order: reads that name it by `Legal-Order` are hidden from the owner until a day.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/orders", tag = "orders", params(("id" = u32, Path)),
    request_body = NewLegalOrder, responses((status = 201, body = Order)))]
pub(crate) async fn record(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Body(new): Body<NewLegalOrder>,
) -> Result<Response, Problem> {
    let id = filter::account_id(&id)?;
    let new = NewOrder {
        date: filter::day("date", &new.date)?,
        hidden_until: filter::instant("hidden_until", &new.hidden_until)?,
        number: new.number,
        issuer: new.issuer,
    };
    let recorded = room.ask(caller, move |room, access| {
        kept_account(&room.directory, access, id)?;
        let order = room.directory.record_order(Some(access), id, new)?;
        Ok(shown(order, room.directory.clock().now_s()))
    });
    let order = recorded.await?;
    let place = format!("/api/v1/accounts/{id}/orders/{}", order.id);
    Ok((StatusCode::CREATED, [(LOCATION, place)], Json(order)).into_response())
}

/// Ends an order: from now on the owner sees what was read under it.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/orders/{order}", tag = "orders",
    params(("id" = u32, Path), ("order" = u64, Path)), responses((status = 204)))]
pub(crate) async fn end(
    State(room): State<Room>,
    caller: Caller,
    Named((id, order)): Named<(String, u64)>,
) -> Result<StatusCode, Problem> {
    let id = filter::account_id(&id)?;
    let ended = room.ask(caller, move |room, access| {
        kept_account(&room.directory, access, id)?;
        Ok(room.directory.end_order(Some(access), id, order)?)
    });
    ended.await?;
    Ok(StatusCode::NO_CONTENT)
}
