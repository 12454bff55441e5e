//! Limits on the command line, and what is used of them.

use super::Usage;
use super::print::Column;
use serde_json::{Map, Value};

/// What `… usage` shows.
pub(super) const USAGE: [Column; 6] = [
    ("octets", "Đang dùng (byte)", "Used (octets)"),
    ("octets_max", "Hạn mức (byte)", "Quota (octets)"),
    ("messages", "Số thư", "Messages"),
    ("messages_max", "Số thư tối đa", "Messages at most"),
    ("soft_percent", "Ngưỡng báo (%)", "Told at (%)"),
    ("level", "Mức", "Level"),
];

/// Limits of an account, or of an agency with all below it.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Limits {
    /// Octets at most, or with K, M, G, T: 5G; "" takes the limit away.
    #[arg(long, value_name = "SIZE")]
    quota: Option<String>,
    /// Messages at most; "" takes the limit away.
    #[arg(long, value_name = "NUMBER")]
    messages_max: Option<String>,
}

/// Limits that an agency gives to what is below it.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Given {
    #[command(flatten)]
    total: Limits,
    /// Octets of each account below that has no quota of its own; "" for none.
    #[arg(long, value_name = "SIZE")]
    account_quota: Option<String>,
    /// Messages of each such account; "" for none.
    #[arg(long, value_name = "NUMBER")]
    account_messages_max: Option<String>,
    /// Percent of a limit at which the log tells of it, 1 to 100; "" as the agency above says.
    #[arg(long, value_name = "PERCENT")]
    soft_percent: Option<String>,
}

impl Limits {
    /// Puts in what was given; empty text takes the value away. Errors: [`Usage`].
    pub(super) fn put(&self, body: &mut Map<String, Value>) -> Result<(), Usage> {
        put(body, "quota", self.quota.as_deref(), size)?;
        put(body, "messages_max", self.messages_max.as_deref(), number)
    }
}

impl Given {
    /// The same for an agency.
    pub(super) fn put(&self, body: &mut Map<String, Value>) -> Result<(), Usage> {
        self.total.put(body)?;
        let messages = self.account_messages_max.as_deref();
        put(body, "account_quota", self.account_quota.as_deref(), size)?;
        put(body, "account_messages_max", messages, number)?;
        put(body, "soft_percent", self.soft_percent.as_deref(), number)
    }
}

/// The limits of a grant. Errors: [`Usage`].
pub(super) fn put_grant(
    body: &mut Map<String, Value>,
    accounts_max: Option<&str>,
    quota_total_max: Option<&str>,
) -> Result<(), Usage> {
    put(body, "accounts_max", accounts_max, number)?;
    put(body, "quota_total_max", quota_total_max, size)
}

fn put(
    body: &mut Map<String, Value>,
    field: &str,
    given: Option<&str>,
    read: fn(&str) -> Option<u64>,
) -> Result<(), Usage> {
    let Some(text) = given else { return Ok(()) };
    let value = match text {
        "" => Value::Null,
        text => read(text)
            .ok_or_else(|| {
                let flag = field.replace('_', "-");
                let kind = match field.contains("quota") {
                    true => "a size such as 500M or 5G",
                    false => "a number",
                };
                Usage(format!("--{flag}: {kind} is expected, not {text:?}"))
            })?
            .into(),
    };
    body.insert(field.to_owned(), value);
    Ok(())
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// `5G` in octets.
fn size(text: &str) -> Option<u64> {
    let last = text.chars().last()?;
    let unit: u64 = match last.to_ascii_uppercase() {
        'K' => 1 << 10,
        'M' => 1 << 20,
        'G' => 1 << 30,
        'T' => 1 << 40,
        _ => 1,
    };
    let digits = if unit == 1 {
        text
    } else {
        &text[..text.len() - last.len_utf8()]
    };
    number(digits)?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit() {
        assert_eq!(size("1000"), Some(1000));
        assert_eq!(size("500M"), Some(500 << 20));
        assert_eq!(size("5g"), Some(5 << 30));
        for bad in ["", "G", "-1", "5X", "5GB", "1.5G", "99999999999T", "5đ"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_was_given_is_put_in_and_empty_text_takes_away() {
        let given = Given {
            total: Limits {
                quota: Some("2G".into()),
                messages_max: Some(String::new()),
            },
            soft_percent: Some("80".into()),
            ..Given::default()
        };
        let mut body = Map::new();
        given.put(&mut body).unwrap();
        let expected =
            serde_json::json!({"quota": 2u64 << 30, "messages_max": null, "soft_percent": 80});
        assert_eq!(Value::Object(body), expected);
        let wrong = Limits {
            messages_max: Some("5G".into()),
            ..Limits::default()
        };
        let told = wrong.put(&mut Map::new()).unwrap_err().to_string();
        assert_eq!(told, "--messages-max: a number is expected, not \"5G\"");
    }
}
