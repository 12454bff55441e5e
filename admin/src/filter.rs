//! Values of fields and filters as people write them, into the values of the directory.

use crate::problem::{Problem, expected, text};
use directory::AccountId;
use formats::date::Day;
use formats::{Address, DomainName, date};

/// Octets of a search word.
const FIND_MAX: usize = 200;

/// An address. Errors: 422 naming the field.
pub(crate) fn address(field: &str, value: &str) -> Result<Address, Problem> {
    Address::parse(value).map_err(|e| {
        Problem::invalid(
            field,
            text("một địa chỉ thư dạng tên@tên-miền", e.to_string()),
        )
    })
}

/// A domain name, in A-labels or U-labels. Errors: 422 naming the field.
pub(crate) fn domain(field: &str, value: &str) -> Result<DomainName, Problem> {
    match DomainName::parse(value) {
        Ok(name) if !name.is_literal() => Ok(name),
        _ => Err(Problem::invalid(
            field,
            expected(
                "một tên miền, ví dụ tinhmau.gov.vn",
                "a domain name such as tinhmau.gov.vn",
            ),
        )),
    }
}

/// An RFC 3339 time. Errors: 422 naming the field.
pub(crate) fn instant(field: &str, value: &str) -> Result<i64, Problem> {
    date::parse_utc(value).ok_or_else(|| {
        Problem::invalid(
            field,
            expected(
                "thời điểm theo RFC 3339, ví dụ 2027-01-31T00:00:00Z",
                "an RFC 3339 time such as 2027-01-31T00:00:00Z",
            ),
        )
    })
}

/// A day. Errors: 422 naming the field.
pub(crate) fn day(field: &str, value: &str) -> Result<Day, Problem> {
    Day::parse(value).ok_or_else(|| {
        Problem::invalid(
            field,
            text(
                "một ngày dạng năm-tháng-ngày, ví dụ 2025-07-01",
                "a day such as 2025-07-01",
            ),
        )
    })
}

/// The same where none may be given.
pub(crate) fn day_if_any(field: &str, value: Option<&str>) -> Result<Option<Day>, Problem> {
    value.map(|text| day(field, text)).transpose()
}

/// A word to look for. Errors: 400 when it is too long.
pub(crate) fn find(value: Option<String>) -> Result<Option<String>, Problem> {
    match value {
        Some(word) if word.len() > FIND_MAX => Err(Problem::malformed(
            "find",
            text(
                format!("nhiều nhất {FIND_MAX} byte"),
                format!("at most {FIND_MAX} octets"),
            ),
        )),
        other => Ok(other.filter(|word| !word.trim().is_empty())),
    }
}

/// The account of a path. Errors: 404.
pub(crate) fn account_id(raw: &str) -> Result<AccountId, Problem> {
    raw.parse()
        .ok()
        .and_then(AccountId::new)
        .ok_or_else(Problem::not_found)
}
