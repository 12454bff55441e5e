//! Cursor pages: `limit` and an opaque `cursor`, which is the key of the last thing seen.

use crate::problem::{Problem, expected};
use serde::Serialize;
use utoipa::ToSchema;

/// Things on a page when the client does not say.
const LIMIT_DEFAULT: usize = 50;
/// Things on a page at most.
pub(crate) const LIMIT_MAX: usize = 500;
/// Octets of a cursor's key.
const KEY_MAX: usize = 1024;
/// Things looked at for one page; a filter that hides more yields a short page with a cursor.
pub(crate) const LOOK_MAX: usize = 5_000;
/// The first letter of a cursor: the version of its form.
const FORM: char = 'a';

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// In the order of the list; may be fewer than `limit` although more follow.
    pub(crate) items: Vec<T>,
    /// Give it back to read on; null on the last page.
    pub(crate) cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page that was read at once; `last` is the key of its last thing when more follow.
    pub(crate) fn new(items: Vec<T>, last: Option<String>) -> Self {
        Self {
            items,
            cursor: last.map(|key| cursor_of(&key)),
        }
    }
}

/// What a list was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) limit: usize,
    /// The key after which to read on.
    pub(crate) after: Option<String>,
}

impl Ask {
    /// Reads `limit` and `cursor`. Errors: 400 naming the parameter.
    pub(crate) fn of(limit: Option<i64>, cursor: Option<&str>) -> Result<Self, Problem> {
        let limit = match limit.map(usize::try_from) {
            None => LIMIT_DEFAULT,
            Some(Ok(n)) if (1..=LIMIT_MAX).contains(&n) => n,
            Some(_) => {
                let range = format!("1..{LIMIT_MAX}");
                return Err(Problem::malformed(
                    "limit",
                    expected(
                        format!("một số trong khoảng {range}"),
                        format!("a number in {range}"),
                    ),
                ));
            }
        };
        let after = cursor
            .map(|cursor| key_of(cursor).ok_or_else(bad_cursor))
            .transpose()?;
        Ok(Self { limit, after })
    }

    /// The key, read by `parse`. Errors: 400 when it is not one of this list.
    pub(crate) fn key<K>(&self, parse: impl Fn(&str) -> Option<K>) -> Result<Option<K>, Problem> {
        self.after
            .as_deref()
            .map(|key| parse(key).ok_or_else(bad_cursor))
            .transpose()
    }
}

/// Gathers a page from a list that is read in pieces.
///
/// `read` answers at most so many things after a key, in order; `keep` turns one into what is shown,
/// or drops it. Looks at [`LOOK_MAX`] things at most, so that a rare match cannot hold a thread.
pub(crate) fn gather<R, K: Clone, T>(
    limit: usize,
    mut after: Option<K>,
    mut read: impl FnMut(Option<&K>, usize) -> Result<Vec<R>, Problem>,
    key: impl Fn(&R) -> K,
    mut keep: impl FnMut(R) -> Option<T>,
    print: impl Fn(&K) -> String,
) -> Result<Page<T>, Problem> {
    let mut items = Vec::new();
    let mut looked = 0;
    while looked < LOOK_MAX {
        let rows = read(
            after.as_ref(),
            (limit + 1).max(if looked == 0 { 0 } else { LIMIT_MAX }),
        )?;
        // Only an empty piece says that nothing follows: a room may answer less than it was asked.
        if rows.is_empty() {
            return Ok(Page {
                items,
                cursor: None,
            });
        }
        for row in rows {
            if items.len() == limit {
                return Ok(Page {
                    items,
                    cursor: after.as_ref().map(|k| cursor_of(&print(k))),
                });
            }
            looked += 1;
            after = Some(key(&row));
            items.extend(keep(row));
        }
    }
    Ok(Page {
        items,
        cursor: after.as_ref().map(|k| cursor_of(&print(k))),
    })
}

fn cursor_of(key: &str) -> String {
    let mut cursor = String::from(FORM);
    for byte in key.bytes() {
        cursor.push_str(&format!("{byte:02x}"));
    }
    cursor
}

fn key_of(cursor: &str) -> Option<String> {
    let hex = cursor.strip_prefix(FORM)?.as_bytes();
    if hex.len() % 2 != 0 || hex.len() > KEY_MAX * 2 {
        return None;
    }
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    let bytes = hex
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? * 16 + digit(pair[1])?));
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

fn bad_cursor() -> Problem {
    Problem::malformed(
        "cursor",
        expected(
            "con trỏ do trang trước trả về",
            "the cursor of the page before",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_printed_and_nothing_else_is() {
        for key in ["", "7", "H99.1", "văn thư@x.vn"] {
            assert_eq!(key_of(&cursor_of(key)).as_deref(), Some(key));
        }
        for bad in [
            "",
            "b37",
            "a3",
            "azz",
            "aff",
            "a\u{111}",
            &format!("a{}", "37".repeat(1025)),
        ] {
            assert_eq!(key_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn limits_are_kept() {
        let limit = |n| Ask::of(n, None).map(|a| a.limit).ok();
        assert_eq!(limit(None), Some(50));
        assert_eq!(limit(Some(1)), Some(1));
        assert_eq!(limit(Some(500)), Some(500));
        for bad in [0, -1, 501, i64::MAX] {
            assert_eq!(limit(Some(bad)), None, "{bad}");
        }
    }

    /// Reads a list of `total` numbers by pages and returns what was seen and in how many pages.
    fn walk(total: u32, limit: usize, keep: impl Fn(u32) -> bool) -> (Vec<u32>, usize) {
        let (mut seen, mut pages, mut after) = (Vec::new(), 0, None);
        loop {
            let page = gather(
                limit,
                after,
                |after: Option<&u32>, max| {
                    assert!(max <= LIMIT_MAX + 1);
                    let first = after.map_or(0, |k| k + 1);
                    Ok((first..total).take(max).collect())
                },
                |n| *n,
                |n| keep(n).then_some(n),
                u32::to_string,
            )
            .unwrap();
            assert!(page.items.len() <= limit);
            pages += 1;
            seen.extend(page.items);
            let Some(cursor) = page.cursor else {
                return (seen, pages);
            };
            after = Some(key_of(&cursor).unwrap().parse().unwrap());
        }
    }

    #[test]
    fn pages_hold_everything_once_in_order() {
        for total in [0, 1, 49, 50, 51, 100, 1000] {
            let (seen, pages) = walk(total, 50, |_| true);
            assert_eq!(seen, (0..total).collect::<Vec<_>>());
            assert_eq!(pages, (total as usize).div_ceil(50).max(1));
        }
        let (seen, _) = walk(20_000, 10, |n| n % 7_000 == 6_999);
        assert_eq!(seen, [6_999, 13_999]);
    }
}
