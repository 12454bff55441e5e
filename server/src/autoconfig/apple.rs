//! Apple's configuration profile (`com.apple.mail.managed`), signed with the server's certificate (RFC 5652).

use super::{Asking, Context, Kind, Offer, Security, Whose, document, escaped, not_served};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// `GET /autoconfig/mail.mobileconfig?emailaddress=…`; without an address the device asks for it.
pub(super) async fn answer((context, asked, headers): Asking) -> Response {
    match context.whose(asked.emailaddress.as_deref(), &headers) {
        Some(whose) => signed(&context, &whose),
        None => not_served(),
    }
}

fn signed(context: &Context, whose: &Whose) -> Response {
    let Some(text) = profile(&context.offer, whose) else {
        return not_served();
    };
    let body = match &context.signer {
        Some(signer) => match signer.sign(text.as_bytes(), context.directory.clock().now_s()) {
            Ok(signed) => signed,
            Err(error) => {
                tracing::error!(%error, "a profile could not be signed");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        },
        None => text.into_bytes(),
    };
    let mut response = document("application/x-apple-aspen-config", body);
    // A domain name is letters, digits, hyphens and dots: nothing that needs quoting.
    let name = format!("attachment; filename=\"{}.mobileconfig\"", whose.domain);
    if let Ok(value) = HeaderValue::from_str(&name) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// The same for the same address, so that installing it again replaces it.
fn uuid(of: &str) -> String {
    let digest = Sha256::digest(of.as_bytes());
    let hex: String = digest.iter().take(16).map(|b| format!("{b:02X}")).collect();
    // RFC 9562 §5.8: version 8, of our own making.
    format!(
        "{}-{}-8{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

/// `None` when mail is not offered over TLS from the first octet: profiles know nothing between that and STARTTLS
/// that would be safe on all devices.
fn profile(offer: &Offer, whose: &Whose) -> Option<String> {
    let incoming = offer.port(Kind::Imap, Security::Tls)?;
    let outgoing = offer.port(Kind::Submission, Security::Tls)?;
    let (host, domain) = (escaped(&offer.host), escaped(whose.domain.as_str()));
    let address = whose.address.as_ref().map(ToString::to_string);
    let spelled = address.as_deref().unwrap_or(&domain);
    let (inner, outer) = (
        uuid(&format!("mail {} {spelled}", offer.host)),
        uuid(&format!("profile {} {spelled}", offer.host)),
    );
    let mut out = String::from(HEAD);
    let text = |out: &mut String, key: &str, value: &str| {
        let _ = writeln!(out, "    <key>{key}</key><string>{value}</string>");
    };
    text(&mut out, "PayloadType", "com.apple.mail.managed");
    text(
        &mut out,
        "PayloadIdentifier",
        &format!("{domain}.mail.{inner}"),
    );
    text(&mut out, "PayloadUUID", &inner);
    out.push_str("    <key>PayloadVersion</key><integer>1</integer>\n");
    text(
        &mut out,
        "PayloadDisplayName",
        &format!("Thư công vụ {domain}"),
    );
    text(&mut out, "EmailAccountDescription", &domain);
    text(&mut out, "EmailAccountType", "EmailTypeIMAP");
    if let Some(address) = &address {
        let address = escaped(address);
        text(&mut out, "EmailAddress", &address);
        text(&mut out, "IncomingMailServerUsername", &address);
        text(&mut out, "OutgoingMailServerUsername", &address);
    }
    for (way, port) in [("Incoming", incoming), ("Outgoing", outgoing)] {
        text(
            &mut out,
            &format!("{way}MailServerAuthentication"),
            "EmailAuthPassword",
        );
        text(&mut out, &format!("{way}MailServerHostName"), &host);
        let _ = writeln!(
            out,
            "    <key>{way}MailServerPortNumber</key><integer>{port}</integer>\n    \
             <key>{way}MailServerUseSSL</key><true/>"
        );
    }
    out.push_str(
        "    <key>OutgoingPasswordSameAsIncomingPassword</key><true/>\n  </dict></array>\n",
    );
    text(&mut out, "PayloadType", "Configuration");
    text(&mut out, "PayloadIdentifier", &format!("{domain}.{outer}"));
    text(&mut out, "PayloadUUID", &outer);
    out.push_str("    <key>PayloadVersion</key><integer>1</integer>\n");
    text(&mut out, "PayloadOrganization", &domain);
    text(
        &mut out,
        "PayloadDisplayName",
        &format!("Thư công vụ {domain}"),
    );
    out.push_str("</dict>\n</plist>\n");
    Some(out)
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
    <plist version=\"1.0\">\n<dict>\n  <key>PayloadContent</key><array><dict>\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use formats::address::{Address, DomainName};

    fn whose(address: Option<&str>) -> Whose {
        Whose {
            domain: DomainName::parse("x.vn").unwrap(),
            address: address.map(|text| Address::parse(text).unwrap()),
        }
    }

    #[test]
    fn profiles_are_the_same_for_the_same_address() {
        let mut config = Config::default();
        config.server.host = "mail.x.vn".into();
        let offer = Offer::of(&config);
        let one = profile(&offer, &whose(Some("an@x.vn"))).unwrap();
        assert_eq!(one, profile(&offer, &whose(Some("an@x.vn"))).unwrap());
        assert_ne!(one, profile(&offer, &whose(Some("binh@x.vn"))).unwrap());
        assert!(one.contains("<key>IncomingMailServerPortNumber</key><integer>993</integer>"));
        assert!(one.contains("<key>EmailAddress</key><string>an@x.vn</string>"));
        assert!(
            !profile(&offer, &whose(None))
                .unwrap()
                .contains("EmailAddress")
        );
        config.listen.imaps.clear();
        assert_eq!(profile(&Offer::of(&config), &whose(None)), None);
        let id = uuid("x");
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
    }
}
