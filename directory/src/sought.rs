//! Names and addresses of accounts, laid side by side, so that words are found among 100,000 of them in milliseconds.

use std::collections::BTreeMap;
use std::ops::Bound;
use storage::AccountId;

/// Ids of one page: what a change copies, and what a search looks through at once.
const SPAN: u32 = 256;
/// After each account's text; [`Texts::put`] keeps it out of them.
const END: char = '\n';

/// The folded texts of accounts, in the order of their ids.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pages: BTreeMap<u32, Page>,
}

#[derive(Debug, Default)]
struct Page {
    text: String,
    /// Whose text ends where, in the order of both.
    ends: Vec<(AccountId, usize)>,
}

impl Page {
    /// The place of an account, or where it belongs.
    fn place(&self, id: AccountId) -> Result<usize, usize> {
        self.ends.binary_search_by_key(&id, |(id, _)| *id)
    }

    /// From where to where the text of this place is.
    fn bounds(&self, place: usize) -> (usize, usize) {
        let before = place
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        let from = before.map_or(0, |(_, end)| *end);
        (from, self.ends.get(place).map_or(from, |(_, end)| *end))
    }

    /// Puts `text` in the place of what is from `from` to `to`, and moves the ends from `place` on.
    fn exchange(&mut self, place: usize, (from, to): (usize, usize), text: &str) {
        self.text.replace_range(from..to, text);
        for (_, end) in self.ends.iter_mut().skip(place) {
            *end = *end - (to - from) + text.len();
        }
    }

    /// Accounts from this place on that have all the words, the longest of which is `longest`.
    fn find<'p>(
        &'p self,
        place: usize,
        longest: &'p str,
        words: &'p [&str],
    ) -> impl Iterator<Item = AccountId> + 'p {
        let mut from = self.bounds(place).0;
        std::iter::from_fn(move || {
            loop {
                let rest = self.text.get(from..)?;
                // Without words everybody is meant.
                let at = from + rest.find(longest).filter(|_| !rest.is_empty())?;
                let place = self.ends.partition_point(|(_, end)| *end <= at);
                let (begin, end) = self.bounds(place);
                from = end;
                let own = self.text.get(begin..end)?;
                if words.iter().all(|word| own.contains(word)) {
                    return self.ends.get(place).map(|(id, _)| *id);
                }
            }
        })
    }
}

impl Texts {
    /// Keeps the text of an account, instead of an earlier one.
    pub(crate) fn put(&mut self, id: AccountId, folded: &str) {
        let mut text = folded.replace(END, " ");
        text.push(END);
        let page = self.pages.entry(id.raw() / SPAN).or_default();
        match page.place(id) {
            Ok(place) => page.exchange(place, page.bounds(place), &text),
            Err(place) => {
                let (from, _) = page.bounds(place);
                page.exchange(place, (from, from), &text);
                page.ends.insert(place, (id, from + text.len()));
            }
        }
    }

    pub(crate) fn remove(&mut self, id: AccountId) {
        let number = id.raw() / SPAN;
        let Some(page) = self.pages.get_mut(&number) else {
            return;
        };
        if let Ok(place) = page.place(id) {
            page.exchange(place, page.bounds(place), "");
            page.ends.remove(place);
        }
        if page.ends.is_empty() {
            self.pages.remove(&number);
        }
    }

    /// Accounts after `after`, in order, whose texts contain all the words, which are folded and without white space;
    /// without words, all accounts.
    pub(crate) fn find<'t>(
        &'t self,
        words: &'t [&str],
        after: Option<AccountId>,
    ) -> impl Iterator<Item = AccountId> + 't {
        let longest = words.iter().max_by_key(|word| word.len()).unwrap_or(&"");
        let first = after.map_or(0, |after| after.raw() / SPAN);
        self.pages
            .range((Bound::Included(first), Bound::Unbounded))
            .flat_map(move |(_, page)| {
                let place =
                    after.map_or(0, |after| page.ends.partition_point(|(id, _)| *id <= after));
                page.find(place, longest, words)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn id(number: u32) -> AccountId {
        AccountId::new(number).unwrap()
    }

    /// The same as looking at one after the other, whatever came and went.
    #[test]
    fn what_is_found_is_what_one_by_one_is_found() {
        let mut texts = Texts::default();
        let mut plain: BTreeMap<AccountId, String> = BTreeMap::new();
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let names = ["an", "lan", "dang thuy", "ba\nn", "anh@xa.vn", ""];
        for _ in 0..3_000 {
            let who = id(next(700) as u32 + 1);
            if next(4) == 0 {
                texts.remove(who);
                plain.remove(&who);
                continue;
            }
            let text = format!("{} {}", names[next(6) as usize], names[next(6) as usize]);
            texts.put(who, &text);
            plain.insert(who, text.replace('\n', " "));
        }
        let asked: [&[&str]; 8] = [
            &[],
            &["an"],
            &["lan"],
            &["thuy", "an"],
            &["an@", "dang"],
            &["vn"],
            &["ban"],
            &["khong"],
        ];
        for words in asked {
            for after in [
                None,
                Some(id(1)),
                Some(id(255)),
                Some(id(256)),
                Some(id(701)),
            ] {
                let expected: Vec<AccountId> = plain
                    .iter()
                    .filter(|(who, _)| after.is_none_or(|after| **who > after))
                    .filter(|(_, text)| words.iter().all(|word| text.contains(word)))
                    .map(|(who, _)| *who)
                    .collect();
                let found: Vec<AccountId> = texts.find(words, after).collect();
                assert_eq!(found, expected, "{words:?} after {after:?}");
            }
        }
        for who in plain.keys() {
            texts.remove(*who);
        }
        assert!(texts.pages.is_empty());
    }
}
