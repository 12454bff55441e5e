//! Whether a form was sent from our own pages.

use axum::http::{HeaderMap, Uri, header};

/// Where a request says it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Ours,
    Foreign,
    /// Not said, or `null`.
    Unsaid,
}

/// Compares `Origin` with the host that was asked.
pub(crate) fn source(headers: &HeaderMap, uri: &Uri) -> Source {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Source::Unsaid;
    };
    if origin == "null" {
        return Source::Unsaid;
    }
    // HTTP/2 has the host in the address, HTTP/1.1 in its own line.
    let asked = uri.authority().map(|a| a.as_str()).or_else(|| {
        headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
    });
    let from = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.strip_prefix("https://"));
    match (from, asked) {
        (Some(from), Some(asked)) if plain(from).eq_ignore_ascii_case(plain(asked)) => Source::Ours,
        _ => Source::Foreign,
    }
}

/// Without the port that `https` has anyway.
fn plain(host: &str) -> &str {
    host.strip_suffix(":443").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn check(origin: Option<&str>, host: &str, uri: &str, expected: Source) {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        let uri: Uri = uri.parse().unwrap();
        assert_eq!(source(&headers, &uri), expected, "{origin:?} {host} {uri}");
    }

    #[test]
    fn only_our_own_host_over_tls_is_ours() {
        check(
            Some("https://mail.x.vn"),
            "mail.x.vn",
            "/login",
            Source::Ours,
        );
        check(
            Some("https://mail.x.vn:8443"),
            "mail.x.vn:8443",
            "/login",
            Source::Ours,
        );
        check(
            Some("https://mail.x.vn"),
            "mail.x.vn:443",
            "/login",
            Source::Ours,
        );
        check(
            Some("https://mail.x.vn"),
            "other",
            "https://mail.x.vn/login",
            Source::Ours,
        );
        check(
            Some("https://mail.x.vn.evil.vn"),
            "mail.x.vn",
            "/login",
            Source::Foreign,
        );
        check(Some("https://x.vn"), "mail.x.vn", "/login", Source::Foreign);
        check(
            Some("http://mail.x.vn"),
            "mail.x.vn",
            "/login",
            Source::Foreign,
        );
        check(
            Some("https://mail.x.vn:8443"),
            "mail.x.vn",
            "/login",
            Source::Foreign,
        );
        check(Some("null"), "mail.x.vn", "/login", Source::Unsaid);
        check(None, "mail.x.vn", "/login", Source::Unsaid);
    }
}
