//! Thunderbird's autoconfig, which K-9, Evolution, KMail and others read too: `config-v1.1.xml`
//! (draft-ietf-mailmaint-autoconfig).

use super::{Asking, Offer, Security, document, escaped, not_served};
use crate::autoconfig::Kind;
use crate::autoconfig::offer::Service;
use axum::response::Response;
use std::fmt::Write as _;

/// `GET /.well-known/autoconfig/mail/config-v1.1.xml`, `GET autoconfig.DOMAIN/mail/config-v1.1.xml`.
pub(super) async fn answer((context, asked, headers): Asking) -> Response {
    match context.whose(asked.emailaddress.as_deref(), &headers) {
        Some(whose) => {
            let text = config(&context.offer, whose.domain.as_str());
            document("text/xml; charset=utf-8", text)
        }
        None => not_served(),
    }
}

/// The client puts the address in for `%EMAILADDRESS%`.
pub(super) fn config(offer: &Offer, domain: &str) -> String {
    let domain = escaped(domain);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <clientConfig version=\"1.1\">\n\
         \x20 <emailProvider id=\"{domain}\">\n\
         \x20   <domain>{domain}</domain>\n\
         \x20   <displayName>Thư công vụ {domain}</displayName>\n\
         \x20   <displayShortName>{domain}</displayShortName>\n"
    );
    for (kind, element, name) in [
        (Kind::Imap, "incomingServer", "imap"),
        (Kind::Pop3, "incomingServer", "pop3"),
        (Kind::Submission, "outgoingServer", "smtp"),
    ] {
        for service in offer.all(kind) {
            server(&mut out, &offer.host, service, element, name);
        }
    }
    if offer.https.is_some() {
        let site = escaped(&offer.site());
        let _ = write!(
            out,
            "    <webMail>\n      <loginPage url=\"{site}/login\"/>\n    </webMail>\n"
        );
    }
    out.push_str("  </emailProvider>\n</clientConfig>\n");
    out
}

fn server(out: &mut String, host: &str, service: Service, element: &str, name: &str) {
    let (host, port) = (escaped(host), service.port);
    let socket = match service.security {
        Security::Tls => "SSL",
        Security::StartTls => "STARTTLS",
    };
    let _ = write!(
        out,
        "    <{element} type=\"{name}\">\n\
         \x20     <hostname>{host}</hostname>\n\
         \x20     <port>{port}</port>\n\
         \x20     <socketType>{socket}</socketType>\n\
         \x20     <authentication>password-cleartext</authentication>\n\
         \x20     <username>%EMAILADDRESS%</username>\n\
         \x20   </{element}>\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn servers_stand_in_the_order_in_which_clients_should_try_them() {
        let mut config = Config::default();
        config.server.host = "mail.x.vn".into();
        config.listen.pop3s = vec!["[::]:995".parse().unwrap()];
        let text = super::config(&Offer::of(&config), "x.vn");
        let ports: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("<port>"))
            .filter_map(|rest| rest.strip_suffix("</port>"))
            .collect();
        assert_eq!(ports, ["993", "143", "995", "465", "587"]);
        assert!(text.contains("<emailProvider id=\"x.vn\">"));
        assert!(text.contains("<loginPage url=\"https://mail.x.vn/login\"/>"));
        assert_eq!(
            text.matches("<username>%EMAILADDRESS%</username>").count(),
            5
        );
    }
}
