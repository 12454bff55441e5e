//! RFC 5256 §3 SORT and THREAD, RFC 5957 display orders, RFC 6203 §6 RELEVANCY: the order of a result.

use super::lexer::{Lexer, Parsed, Syntax};
use super::returns;
use super::search::{self, Fault, Search};

/// Criteria of one SORT; there are no more that differ.
pub const CRITERIA_MAX: usize = 32;

/// How results are ordered and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// By UID.
    Mailbox,
    /// SORT.
    Sorted(Vec<Criterion>),
    /// THREAD.
    Threaded(Algorithm),
}

impl Order {
    /// Whether scores are needed (RFC 6203 §6).
    pub fn by_relevancy(&self) -> bool {
        matches!(self, Self::Sorted(criteria) if criteria.iter().any(|c| c.by == By::Relevancy))
    }
}

/// sort-criterion = ["REVERSE" SP] sort-key
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Criterion {
    pub reverse: bool,
    pub by: By,
}

/// sort-key
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum By {
    Arrival,
    Cc,
    Date,
    From,
    Size,
    Subject,
    To,
    /// RFC 5957 §4.
    DisplayFrom,
    /// RFC 5957 §4.
    DisplayTo,
    /// RFC 6203 §6: the highest score first.
    Relevancy,
}

impl By {
    /// Whether the header is needed.
    pub fn needs_header(self) -> bool {
        !matches!(
            self,
            Self::Arrival | Self::Date | Self::Size | Self::Relevancy
        )
    }
}

/// thread-alg
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Algorithm {
    OrderedSubject,
    References,
    /// draft-ietf-morg-inthread.
    Refs,
}

/// sort = "SORT" [search-return-opts] SP sort-criteria SP search-criteria (RFC 5267 §5); after "SORT".
pub fn sort(lexer: &mut Lexer<'_>) -> Result<Search, Fault> {
    lexer.sp()?;
    let wanted = returns::parse(lexer)?;
    let criteria = sort_criteria(lexer)?;
    lexer.sp()?;
    Search {
        wanted,
        key: search::criteria(lexer, wanted)?,
        order: Order::Sorted(criteria),
        charset: false,
        sources: None,
    }
    .checked()
}

/// sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"
fn sort_criteria(lexer: &mut Lexer<'_>) -> Parsed<Vec<Criterion>> {
    let criteria = lexer.list(CRITERIA_MAX, |l| {
        let mut word = l.keyword()?;
        let reverse = word == "REVERSE";
        if reverse {
            l.sp()?;
            word = l.keyword()?;
        }
        let by = match word.as_str() {
            "ARRIVAL" => By::Arrival,
            "CC" => By::Cc,
            "DATE" => By::Date,
            "FROM" => By::From,
            "SIZE" => By::Size,
            "SUBJECT" => By::Subject,
            "TO" => By::To,
            "DISPLAYFROM" => By::DisplayFrom,
            "DISPLAYTO" => By::DisplayTo,
            "RELEVANCY" => By::Relevancy,
            _ => return Err(Syntax("an unknown SORT criterion")),
        };
        Ok(Criterion { reverse, by })
    })?;
    if criteria.is_empty() {
        return Err(Syntax("no SORT criterion is named"));
    }
    Ok(criteria)
}

/// thread = "THREAD" SP thread-alg SP search-criteria; after "THREAD".
pub fn thread(lexer: &mut Lexer<'_>) -> Result<Search, Fault> {
    lexer.sp()?;
    let algorithm = match lexer.keyword()?.as_str() {
        "ORDEREDSUBJECT" => Algorithm::OrderedSubject,
        "REFERENCES" => Algorithm::References,
        "REFS" => Algorithm::Refs,
        _ => return Err(Fault::Syntax(Syntax("an unknown THREAD algorithm"))),
    };
    lexer.sp()?;
    Search {
        wanted: None,
        key: search::criteria(lexer, None)?,
        order: Order::Threaded(algorithm),
        charset: false,
        sources: None,
    }
    .checked()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, well: bool) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let got = match text.contains("THREAD") {
            true => {
                lexer.take_word("THREAD");
                thread(&mut lexer)
            }
            false => sort(&mut lexer),
        };
        let ended = got.is_ok() && lexer.end().is_ok();
        assert_eq!(ended, well, "{text:?} {got:?}");
    }

    #[test]
    fn orders_are_read_as_rfc_5256_says() {
        for well in [
            " (SUBJECT) UTF-8 SINCE 1-Feb-1994",
            " (SUBJECT REVERSE DATE) UTF-8 ALL",
            " (arrival cc from size to displayfrom reverse displayto) us-ascii ALL SEEN",
            " RETURN () (REVERSE DATE) UTF-8 UNDELETED UNKEYWORD $Junk",
            " RETURN (PARTIAL 1:10) (RELEVANCY) UTF-8 FUZZY SUBJECT x",
            " (DATE) \"windows-1258\" ALL",
            "THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000",
            "THREAD references US-ASCII TEXT gewp",
            "THREAD REFS UTF-8 ALL",
        ] {
            check(well, true);
        }
        for bad in [
            " () UTF-8 ALL",
            " (NOPE) UTF-8 ALL",
            " (REVERSE) UTF-8 ALL",
            " (REVERSE REVERSE DATE) UTF-8 ALL",
            " (DATE) ALL",
            " (DATE) UTF-8",
            " DATE UTF-8 ALL",
            " (RELEVANCY) UTF-8 ALL",
            "THREAD NOPE UTF-8 ALL",
            "THREAD REFS ALL",
        ] {
            check(bad, false);
        }
        check(
            &format!(" ({}DATE) UTF-8 ALL", "DATE ".repeat(CRITERIA_MAX)),
            false,
        );
    }
}
