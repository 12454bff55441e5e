//! The OpenAPI 3.1 document, generated from the operations; admin/openapi.json is its golden copy.

use crate::problem::{Document, FieldDocument, MEDIA_TYPE};
use crate::trial::{DRY_RUN, DryRun, offered};
use crate::{
    accounts, agencies, aliases, approvals, audit, backups, credentials, dkim, dmarc_reports,
    domains, exports, forwarding, grants, holds, impersonations, imports, jobs, letters, lists,
    members, orders, paper, policies, positions, proposals, queue, queue_acts, reads, recovery,
    results, senders, sending, store, tls_reports, tokens, trace, webhooks,
};
use axum::Json;
use http::Method;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Content, ObjectBuilder, OpenApi as Tree, Ref, RefOr, Required, ResponseBuilder,
    SecurityRequirement, Type,
};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Congvu administration API",
        description = "Quản trị Công vụ / administration of Congvu. Lists are read by `limit` and \
            `cursor`; a change may insist on a version by `If-Match`; problems are RFC 9457, in \
            Vietnamese or English by `Accept-Language`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        agencies::list, agencies::create, agencies::read, agencies::update, agencies::delete,
        agencies::usage,
        positions::list, positions::create, positions::read, positions::update, positions::delete,
        positions::hand_over,
        domains::list, domains::create, domains::read, domains::update, domains::delete,
        dkim::list, dkim::create, dkim::activate, dkim::delete,
        dmarc_reports::list,
        dmarc_reports::show,
        tls_reports::list,
        accounts::list, accounts::create, accounts::read, accounts::update, accounts::delete,
        accounts::usage,
        proposals::propose,
        approvals::list, approvals::read, approvals::approve, approvals::refuse,
        policies::list, policies::read, policies::update, policies::of_account,
        grants::list, grants::create, grants::read, grants::update, grants::delete,
        lists::read, lists::set,
        forwarding::of_account, forwarding::set_account, forwarding::of_agency, forwarding::set_agency,
        members::list, members::set, members::remove,
        senders::list, senders::set, senders::remove,
        sending::list, sending::of_account, sending::set_account, sending::of_agency, sending::set_agency,
        credentials::list, credentials::create, credentials::set_password, credentials::read,
        credentials::delete,
        aliases::list, aliases::create, aliases::read, aliases::update, aliases::delete,
        tokens::list, tokens::create, tokens::read, tokens::delete,
        queue::list, queue::read, queue::retry, queue::hold, queue::release, queue::reroute,
        queue::delete, queue_acts::bulk,
        imports::create, exports::read,
        jobs::list, jobs::read, jobs::apply, jobs::cancel, jobs::undo, results::list, paper::letters,
        trace::search, trace::read,
        audit::list, audit::read, audit::export::export, audit::verify::verify, audit::verify::verify_run,
        reads::list, orders::list, orders::record, orders::end,
        impersonations::list, impersonations::open, impersonations::end,
        webhooks::list, webhooks::create, webhooks::read, webhooks::update, webhooks::delete,
        holds::list, holds::of_account, holds::place, holds::release, letters::letters,
        recovery::removed, recovery::put_back, recovery::restore, recovery::give_up,
        backups::list, backups::from_backup, backups::from_backup_run,
        store::health, store::verify, store::verify_run, store::keys, store::rotate, store::rotate_master,
    ),
    components(schemas(Document, FieldDocument, DryRun)),
    modifiers(&Everywhere),
)]
struct Described;

/// What holds for every operation: who may call it, how it refuses, which fields it understands.
struct Everywhere;

/// The resource that an operation is of.
fn tag_of(path: &str) -> String {
    let tag = path.split('/').nth(3).unwrap_or_default().to_owned();
    if path.contains("credentials") {
        "credentials".to_owned()
    } else if path.ends_with("/forwarding") {
        "forwarding".to_owned()
    } else if path.ends_with("/policy") {
        "policies".to_owned()
    } else if path.ends_with("/list") {
        "lists".to_owned()
    } else if path.contains("/members") {
        "members".to_owned()
    } else if path.contains("/sending") {
        "sending".to_owned()
    } else if path.contains("/senders") {
        "senders".to_owned()
    } else if let Some(own) = ["dkim", "dmarc-reports", "tls-reports"]
        .iter()
        .find(|own| path.contains(**own))
    {
        (*own).to_owned()
    } else if path.ends_with("/results") {
        "results".to_owned()
    } else if path.contains("/holds") {
        "holds".to_owned()
    } else if path.ends_with("/reads") {
        "reads".to_owned()
    } else if path.contains("/impersonations") {
        "impersonations".to_owned()
    } else if path.contains("/orders") {
        "orders".to_owned()
    } else if path.contains("/removed")
        || path.ends_with("/restore")
        || path.contains("/backup-restores")
    {
        "recovery".to_owned()
    } else {
        tag
    }
}

impl Modify for Everywhere {
    fn modify(&self, tree: &mut Tree) {
        let components = tree.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("token", bearer);
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("__Host-session")));
        components.add_security_scheme("session", cookie);
        tree.security = Some(vec![
            SecurityRequirement::new("token", [""; 0]),
            SecurityRequirement::new("session", [""; 0]),
        ]);
        for (path, item) in &mut tree.paths.paths {
            let tag = tag_of(path);
            let verbs = [
                &mut item.get,
                &mut item.post,
                &mut item.put,
                &mut item.patch,
            ];
            for operation in verbs.into_iter().chain([&mut item.delete]).flatten() {
                refuse(operation);
                // Handlers of different resources share names; an operation's id must be its own.
                let verb = operation.operation_id.take().unwrap_or_default();
                let opens = path.ends_with("/impersonations") && verb == "open";
                if is_privileged(path) || opens {
                    understand(
                        operation,
                        "Audit-Reason",
                        "Why; needed where it is another's and no window stands open: 422 then. Other requests take it too.",
                    );
                    understand(
                        operation,
                        "Legal-Order",
                        "The number of a recorded order, under which the owner is not told for a time.",
                    );
                }
                operation.operation_id = Some(format!("{tag}_{verb}"));
            }
            if let Some(post) = item
                .post
                .as_mut()
                .filter(|_| !crate::imports::streams(path))
            {
                understand(
                    post,
                    "Idempotency-Key",
                    "The same key again gives the same answer for 24 h.",
                );
            }
            try_first(path, item);
            for operation in [&mut item.patch, &mut item.delete].into_iter().flatten() {
                if ![
                    "credentials",
                    "dkim",
                    "tokens",
                    "queue",
                    "holds",
                    "orders",
                    "impersonations",
                    "recovery",
                ]
                .contains(&tag.as_str())
                {
                    understand(
                        operation,
                        "If-Match",
                        "The version that must still stand; else 412.",
                    );
                }
            }
        }
    }
}

/// Whether it reads what is another's by virtue of an office.
fn is_privileged(path: &str) -> bool {
    [
        "/trace",
        "/exports/",
        "/audit/export",
        "/removed",
        "/letters",
        "/restore",
        "/backup-restores",
    ]
    .iter()
    .any(|part| path.contains(part))
        && !path.contains("/jobs/")
        && !path.ends_with("{run}")
}

fn refuse(operation: &mut Operation) {
    let schema = Ref::from_schema_name("Problem");
    let problem = ResponseBuilder::new()
        .description("Refused or failed (RFC 9457).")
        .content(MEDIA_TYPE, Content::new(Some(schema)))
        .build();
    operation
        .responses
        .responses
        .insert("default".to_owned(), RefOr::T(problem));
}

fn understand(operation: &mut Operation, name: &str, description: &str) {
    let field: Parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    operation.parameters.get_or_insert_default().push(field);
}

/// What an operation of this path would do can be asked for first.
fn try_first(path: &str, item: &mut PathItem) {
    let changes = [
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    for (method, operation) in changes {
        let Some(operation) = operation.as_mut().filter(|_| offered(&method, path)) else {
            continue;
        };
        let parameter = ParameterBuilder::new()
            .name(DRY_RUN)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(
                "True: nothing is done; 200 with a DryRun says what would be, or the refusal that it would meet.",
            ))
            .schema(Some(ObjectBuilder::new().schema_type(Type::Boolean)))
            .build();
        let parameters = operation.parameters.get_or_insert_default();
        parameters.push(parameter);
    }
}

/// The document as pretty JSON with a last line end, as kept in admin/openapi.json.
pub fn document() -> String {
    let mut json = Described::openapi().to_pretty_json().unwrap_or_default();
    json.push('\n');
    json
}

/// The same as it is built.
pub(crate) fn tree() -> Tree {
    Described::openapi()
}

/// `GET /api/v1/openapi.json`: open to all, it tells nothing of this server.
pub(crate) async fn serve() -> Json<Tree> {
    Json(tree())
}
