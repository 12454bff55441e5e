//! `/api/v1/webhooks`: programs that are told over HTTPS of what happens to accounts of a subtree.

mod wire;

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::credentials::created;
use crate::page::Page;
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::known_agency;
use crate::version::{Match, Tagged, merge};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use directory::{AgencyId, NewHook};
use http::StatusCode;
use wire::{CreatedWebhook, NewWebhook, Webhook, WebhookChange, events, shown};

/// The hook of a path. Errors: 404.
fn id_of(raw: &str) -> Result<u64, Problem> {
    raw.parse().map_err(|_| Problem::not_found())
}

/// Lists the webhooks of agencies in one's scope, each with how it goes.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks",
    responses((status = 200, body = Page<Webhook>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
) -> Result<Json<Page<Webhook>>, Problem> {
    let all = room.ask(caller, |room, access| {
        let all = room.directory.hooks(Some(access)).into_iter();
        Ok(all.map(|(hook, state)| shown(hook, state)).collect())
    });
    Ok(Json(Page::new(all.await?, None)))
}

/// Makes a webhook; the answer has the secret that signs its calls, once. It hears of what happens from now on.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = NewWebhook,
    responses((status = 201, body = CreatedWebhook)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Body(new): Body<NewWebhook>,
) -> Result<Response, Problem> {
    let new = NewHook {
        agency: AgencyId(new.agency),
        events: events(&new.events)?,
        label: new.label,
        url: new.url,
    };
    let made = room.ask(caller, move |room, access| {
        known_agency(&room.directory, access, "agency", &new.agency)?;
        let (hook, secret) = room.directory.create_hook(Some(access), new)?;
        let (hook, state) = room.directory.hook(Some(access), hook.id)?;
        Ok((shown(hook, state), secret))
    });
    let (webhook, secret) = made.await?;
    let place = format!("/api/v1/webhooks/{}", webhook.id);
    let secret = secret.expose().to_owned();
    Ok(created(CreatedWebhook { webhook, secret }, &place))
}

/// Reads one webhook: how it goes, and the failures of late.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = u64, Path)),
    responses((status = 200, body = Webhook)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Webhook>, Problem> {
    let id = id_of(&id)?;
    let found = room.ask(caller, move |room, access| {
        Ok(room.directory.hook(Some(access), id)?)
    });
    let (hook, state) = found.await?;
    let version = hook.version;
    Ok(Tagged::found(shown(hook, state), version))
}

/// Changes a webhook. Switched on again it goes on where it stopped, or with `skip` with what happens from now on.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = u64, Path)),
    request_body = WebhookChange, responses((status = 200, body = Webhook)))]
pub(crate) async fn update(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(change): Body<WebhookChange>,
) -> Result<Tagged<Webhook>, Problem> {
    let id = id_of(&id)?;
    let events = change.events.as_deref().map(events).transpose()?;
    let changed = room.ask(caller, move |room, access| {
        let directory = &room.directory;
        merge(
            &wanted,
            || {
                let (hook, _) = directory.hook(Some(access), id)?;
                let version = hook.version;
                Ok((hook, version))
            },
            |mut hook, version| {
                hook.label = change.label.clone().unwrap_or(hook.label);
                hook.url = change.url.clone().unwrap_or(hook.url);
                hook.events = events.clone().unwrap_or(hook.events);
                hook.enabled = change.enabled.unwrap_or(hook.enabled);
                directory.change_hook(Some(access), hook, Some(version), change.skip)
            },
        )?;
        Ok(directory.hook(Some(access), id)?)
    });
    let (hook, state) = changed.await?;
    let version = hook.version;
    Ok(Tagged::found(shown(hook, state), version))
}

/// Removes a webhook; of what it was not told yet it never hears.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = u64, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
) -> Result<StatusCode, Problem> {
    let id = id_of(&id)?;
    let gone = room.ask(caller, move |room, access| {
        let (hook, _) = room.directory.hook(Some(access), id)?;
        let version = wanted.expected(hook.version)?;
        Ok(room.directory.delete_hook(Some(access), id, version)?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}
