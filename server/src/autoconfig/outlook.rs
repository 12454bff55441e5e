//! Outlook's autodiscover: version 1 (POST of XML, MS-OXDSCLI, the `outlook` schema) and version 2 (JSON that says
//! where version 1 is). Outlook on Windows reads IMAP, POP3 and SMTP from it; ActiveSync and Exchange are not here.

use super::{Asked, Context, Kind, Offer, Security, document, escaped, not_served};
use crate::autoconfig::offer::Service;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::fmt::Write as _;

/// Octets of a request that are read.
const REQUEST_MAX: usize = 16 * 1024;

/// `POST /autodiscover/autodiscover.xml`.
pub(super) async fn answer(
    State(context): State<Context>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if body.len() > REQUEST_MAX {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let text = String::from_utf8_lossy(&body);
    let Some(address) = element(&text, "EMailAddress") else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(whose) = context.whose(Some(address), &headers) else {
        return not_served();
    };
    let schema = element(&text, "AcceptableResponseSchema").unwrap_or(SCHEMA);
    let body = match schema == SCHEMA {
        true => settings(&context.offer, whose.domain.as_str(), address),
        false => NO_PROVIDER.to_owned(),
    };
    document("text/xml; charset=utf-8", body)
}

/// `GET /autodiscover/autodiscover.json?Email=…&Protocol=AutodiscoverV1`.
pub(super) async fn where_to_ask(
    State(context): State<Context>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let address = asked.emailaddress.as_deref();
    where_to(&context, address, asked.protocol.as_deref(), &headers)
}

/// `GET /autodiscover/autodiscover.json/v1.0/ADDRESS?Protocol=AutodiscoverV1`.
pub(super) async fn where_to_ask_for(
    State(context): State<Context>,
    Path(address): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    where_to(
        &context,
        Some(&address),
        asked.protocol.as_deref(),
        &headers,
    )
}

fn where_to(
    context: &Context,
    address: Option<&str>,
    protocol: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    if address.is_none() || context.whose(address, headers).is_none() {
        return not_served();
    }
    let wanted = protocol.unwrap_or_default();
    let (status, body) = if wanted.eq_ignore_ascii_case("AutodiscoverV1") {
        let url = format!("{}/autodiscover/autodiscover.xml", context.offer.site());
        let found = json!({"Protocol": "AutodiscoverV1", "Url": url});
        (StatusCode::OK, found)
    } else {
        let error = json!({
            "ErrorCode": "InvalidProtocol",
            "ErrorMessage": "The protocol is not offered; AutodiscoverV1 is.",
        });
        (StatusCode::BAD_REQUEST, error)
    };
    let mut response = document("application/json", body.to_string());
    *response.status_mut() = status;
    response
}

/// The schema that we answer in.
const SCHEMA: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// Who asks for another schema (ActiveSync) is told that there is no such provider.
const NO_PROVIDER: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
    <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n\
    \x20 <Response>\n\
    \x20   <Error Time=\"00:00:00.0000000\" Id=\"0\">\n\
    \x20     <ErrorCode>601</ErrorCode>\n\
    \x20     <Message>Provider is not available</Message>\n\
    \x20     <DebugData/>\n\
    \x20   </Error>\n\
    \x20 </Response>\n\
    </Autodiscover>\n";

/// The text of an element without attributes; it must not hold markup.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = !inner.contains(['<', '>', '&']);
    plain.then(|| inner.trim())
}

/// One `Protocol` each: Outlook takes the first of a kind.
fn settings(offer: &Offer, domain: &str, address: &str) -> String {
    let name = escaped(address);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n\
         \x20 <Response xmlns=\"{SCHEMA}\">\n\
         \x20   <User>\n      <DisplayName>{name}</DisplayName>\n    </User>\n\
         \x20   <Account>\n      <AccountType>email</AccountType>\n      <Action>settings</Action>\n"
    );
    for (kind, word) in [
        (Kind::Imap, "IMAP"),
        (Kind::Pop3, "POP3"),
        (Kind::Submission, "SMTP"),
    ] {
        if let Some(service) = offer.all(kind).next() {
            protocol(&mut out, &offer.host, domain, service, (word, &name));
        }
    }
    out.push_str("    </Account>\n  </Response>\n</Autodiscover>\n");
    out
}

fn protocol(
    out: &mut String,
    host: &str,
    domain: &str,
    service: Service,
    (word, name): (&str, &str),
) {
    let (ssl, encryption) = match service.security {
        Security::Tls => ("on", "SSL"),
        Security::StartTls => ("off", "TLS"),
    };
    let smtp = match service.kind {
        Kind::Submission => {
            "        <UsePOPAuth>on</UsePOPAuth>\n        <SMTPLast>off</SMTPLast>\n"
        }
        _ => "",
    };
    let _ = write!(
        out,
        "      <Protocol>\n\
         \x20       <Type>{word}</Type>\n\
         \x20       <Server>{}</Server>\n\
         \x20       <Port>{}</Port>\n\
         \x20       <LoginName>{name}</LoginName>\n\
         \x20       <DomainRequired>off</DomainRequired>\n\
         \x20       <DomainName>{}</DomainName>\n\
         \x20       <SPA>off</SPA>\n\
         \x20       <SSL>{ssl}</SSL>\n\
         \x20       <Encryption>{encryption}</Encryption>\n\
         \x20       <AuthRequired>on</AuthRequired>\n\
         {smtp}\
         \x20     </Protocol>\n",
        escaped(host),
        service.port,
        escaped(domain),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn one_protocol_of_each_kind() {
        let mut config = Config::default();
        config.server.host = "mail.x.vn".into();
        let text = settings(&Offer::of(&config), "x.vn", "a&b@x.vn");
        assert_eq!(text.matches("<Protocol>").count(), 2);
        assert!(
            text.contains(
                "<Type>IMAP</Type>\n        <Server>mail.x.vn</Server>\n        <Port>993<"
            )
        );
        assert!(
            text.contains(
                "<Type>SMTP</Type>\n        <Server>mail.x.vn</Server>\n        <Port>465<"
            )
        );
        assert!(text.contains("<LoginName>a&amp;b@x.vn</LoginName>"));
    }

    #[test]
    fn elements_are_found_and_markup_in_them_is_not_taken() {
        assert_eq!(element("<A><B> x@y.vn </B></A>", "B"), Some("x@y.vn"));
        assert_eq!(element("<B>&lt;</B>", "B"), None);
        assert_eq!(element("<B><C></B>", "B"), None);
        assert_eq!(element("<B>x", "B"), None);
    }
}
