//! RFC 9051 §6.3.2 SELECT and EXAMINE with their parameters (RFC 7162 §3.1.8, §3.2.5).

use super::lexer::{Lexer, Parsed, Syntax};
use super::sequence::{Numbers, SequenceSet};

/// Parameters of one SELECT.
pub const PARAMETERS_MAX: usize = 16;

/// A SELECT or EXAMINE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// As sent.
    pub mailbox: Vec<u8>,
    /// EXAMINE.
    pub read_only: bool,
    /// RFC 7162 §3.1.8: mod-sequences are to be told from now on.
    pub condstore: bool,
    /// RFC 7162 §3.2.5: what changed since the client was here is to be told.
    pub resync: Option<Resync>,
}

/// What a client knows of the mailbox that it opens (RFC 7162 §3.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resync {
    /// The UIDVALIDITY that it knows.
    pub validity: u32,
    /// Up to which mod-sequence it knows everything.
    pub modseq: u64,
    /// UIDs that it asks about; `None`: all.
    pub known: Option<Numbers>,
    /// Message numbers and their UIDs, both ascending.
    pub sample: Option<(Numbers, Numbers)>,
}

/// select = "SELECT" SP mailbox [select-params]; examine alike; after "SELECT ".
/// select-params = SP "(" select-param *(SP select-param) ")" (RFC 4466 §2.1);
/// select-param =/ "CONDSTORE" / "QRESYNC" SP "(" … ")" (RFC 7162 §7)
pub fn parse(lexer: &mut Lexer<'_>, read_only: bool) -> Parsed<Select> {
    let mut select = Select {
        mailbox: super::command::name_of(lexer)?,
        read_only,
        condstore: false,
        resync: None,
    };
    if !lexer.take(b' ') {
        return Ok(select);
    }
    let given = lexer.list(PARAMETERS_MAX, |l| {
        match l.keyword()?.as_str() {
            "CONDSTORE" => select.condstore = true,
            "QRESYNC" if select.resync.is_none() => {
                l.sp()?;
                select.resync = Some(resync(l)?);
            }
            _ => return Err(Syntax("an unknown SELECT parameter")),
        }
        Ok(())
    })?;
    match given.is_empty() {
        true => Err(Syntax("no parameter is given")),
        false => Ok(select),
    }
}

/// "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")";
/// seq-match-data = "(" known-sequence-set SP known-uid-set ")"
fn resync(lexer: &mut Lexer<'_>) -> Parsed<Resync> {
    lexer.must(b'(', "QRESYNC needs its arguments")?;
    let validity = lexer.nz_number()?;
    lexer.sp()?;
    let mut resync = Resync {
        validity,
        modseq: lexer.number64()?,
        known: None,
        sample: None,
    };
    let mut more = lexer.take(b' ');
    if more && lexer.peek() != Some(b'(') {
        resync.known = Some(known(lexer, false)?);
        more = lexer.take(b' ');
    }
    if more {
        lexer.must(b'(', "message numbers and UIDs are expected")?;
        let numbers = known(lexer, true)?;
        lexer.sp()?;
        resync.sample = Some((numbers, known(lexer, true)?));
        lexer.must(b')', "the list is not closed")?;
    }
    lexer.must(b')', "the arguments of QRESYNC are not closed")?;
    Ok(resync)
}

/// known-uids = sequence-set, without "*"; those of seq-match-data ascend.
fn known(lexer: &mut Lexer<'_>, ascending: bool) -> Parsed<Numbers> {
    let SequenceSet::Ranges(ranges) = SequenceSet::parse(lexer)? else {
        return Err(Syntax("$ is not allowed here"));
    };
    let mut before = 0;
    for (from, to) in &ranges {
        let (Some(from), Some(to)) = (from, to) else {
            return Err(Syntax("* is not allowed here"));
        };
        if ascending && (*from <= before || to < from) {
            return Err(Syntax("the numbers must ascend"));
        }
        before = *to;
    }
    Ok(Numbers::of(&ranges, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, well: bool) -> Option<Select> {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let got = parse(&mut lexer, false).and_then(|s| lexer.end().map(|()| s));
        assert_eq!(got.is_ok(), well, "{text:?} {got:?}");
        got.ok()
    }

    #[test]
    fn parameters_are_read_as_rfc_7162_says() {
        check("INBOX", true);
        check("INBOX (CONDSTORE)", true);
        check("INBOX (QRESYNC (1 2))", true);
        check("INBOX (CONDSTORE QRESYNC (1 2 3:5,9))", true);
        check("INBOX (QRESYNC (1 2 (1,2 3,4)))", true);
        let select = check("x (qresync (7 8 41,43:211 (5,7:9 15,20:22)))", true).unwrap();
        let resync = select.resync.unwrap();
        assert_eq!((resync.validity, resync.modseq), (7, 8));
        assert_eq!(resync.known.unwrap().text(), "41,43:211");
        let (numbers, uids) = resync.sample.unwrap();
        assert_eq!(
            (numbers.text(), uids.text()),
            ("5,7:9".into(), "15,20:22".into())
        );
        for bad in [
            "INBOX ()",
            "INBOX (NOPE)",
            "INBOX (QRESYNC)",
            "INBOX (QRESYNC ())",
            "INBOX (QRESYNC (0 2))",
            "INBOX (QRESYNC (1))",
            "INBOX (QRESYNC (1 2 3:*))",
            "INBOX (QRESYNC (1 2 $))",
            "INBOX (QRESYNC (1 2 1 (2,1 3,4)))",
            "INBOX (QRESYNC (1 2 1 (1)))",
            "INBOX (QRESYNC (1 2) QRESYNC (1 2))",
            "INBOX (CONDSTORE",
        ] {
            check(bad, false);
        }
    }
}
