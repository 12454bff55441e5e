//! Where a sign-in leads: a path of this site, never another site.

/// Octets of a path.
const TARGET_MAX: usize = 2048;

/// The path asked for, or `/`. Browsers read `//` and `/\` as the beginning of another host and leave out
/// tabs and line ends, so none of them may be there.
pub(crate) fn target(next: &str) -> &str {
    let fits = next.len() <= TARGET_MAX
        && next.starts_with('/')
        && !next.starts_with("//")
        && next
            .bytes()
            .all(|b| (0x21..0x7f).contains(&b) && b != b'\\')
        && !next.starts_with("/login")
        && !next.starts_with("/logout");
    if fits { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(next: &str, expected: &str) {
        assert_eq!(target(next), expected, "{next:?}");
    }

    #[test]
    fn a_sign_in_leads_to_this_site_only() {
        check("/", "/");
        check("/mail/inbox?x=1#y", "/mail/inbox?x=1#y");
        check("/a//b", "/a//b");
        for bad in [
            "",
            "mail",
            "//evil.vn",
            "/\\evil.vn",
            "https://evil.vn",
            "javascript:alert(1)",
            "/\t/evil.vn",
            "/\n/evil.vn",
            "/a\r\nSet-Cookie: x=y",
            "\\\\evil.vn",
            "/thư",
            "/ x",
            "/login?next=/login",
            "/logout",
        ] {
            check(bad, "/");
        }
        check(&format!("/{}", "a".repeat(2048)), "/");
    }
}
