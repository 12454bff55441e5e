//! What searches see of the index: its segments as they were at the last commit.

use super::Until;
use crate::{AccountId, EmailId};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use tantivy::columnar::Column;
use tantivy::fastfield::AliveBitSet;
use tantivy::index::SegmentId;
use tantivy::postings::SegmentPostings;
use tantivy::schema::{Field, IndexRecordOption, Value as _};
use tantivy::store::StoreReader;
use tantivy::{
    DocId, DocSet, Index, IndexReader, InvertedIndexReader, SegmentReader, TERMINATED,
    TantivyDocument, Term,
};

/// Blocks of kept texts of each segment that stay in memory: a text is asked for once.
const BLOCKS: usize = 1;

/// See the module.
pub(super) struct Shown {
    pub(super) until: Until,
    pub(super) segments: Vec<Segment>,
}

/// One segment. What is read of it once stays read as long as it is there: its terms, and the ids
/// of its messages.
pub(super) struct Segment {
    reader: SegmentReader,
    terms: Field,
    text: Field,
    kept: Arc<Kept>,
}

/// What does not change while the segment is there.
struct Kept {
    inverted: OnceLock<Arc<InvertedIndexReader>>,
    texts: OnceLock<StoreReader>,
    emails: Column<u64>,
}

impl Shown {
    /// What the reader sees now; takes over from `before` what was read of the same segments.
    pub(super) fn take(
        reader: &IndexReader,
        (terms, text): (Field, Field),
        until: &Until,
        before: Option<&Self>,
    ) -> tantivy::Result<Self> {
        reader.reload()?;
        let before = before.map_or(&[][..], |b| &b.segments);
        let known: HashMap<SegmentId, &Arc<Kept>> = before
            .iter()
            .map(|s| (s.reader.segment_id(), &s.kept))
            .collect();
        let mut segments = Vec::new();
        for reader in reader.searcher().segment_readers() {
            let kept = match known.get(&reader.segment_id()) {
                Some(kept) => Arc::clone(kept),
                None => Arc::new(Kept::of(reader)?),
            };
            segments.push(Segment {
                reader: reader.clone(),
                terms,
                text,
                kept,
            });
        }
        Ok(Self {
            until: until.clone(),
            segments,
        })
    }
}

/// The highest message of each account in the index. One segment after the other, since the dictionaries of all are
/// too much to have in memory at once.
pub(super) fn highest(index: &Index, terms: Field) -> tantivy::Result<HashMap<AccountId, EmailId>> {
    let mut highest = HashMap::new();
    for segment in index.searchable_segments()? {
        let reader = SegmentReader::open(&segment)?;
        let kept = Arc::new(Kept::of(&reader)?);
        let segment = Segment {
            reader,
            terms,
            // Nobody asks it for a text.
            text: terms,
            kept,
        };
        segment.highest(&mut highest)?;
    }
    Ok(highest)
}

impl Kept {
    fn of(reader: &SegmentReader) -> tantivy::Result<Self> {
        Ok(Self {
            inverted: OnceLock::new(),
            texts: OnceLock::new(),
            emails: reader.fast_fields().u64("email")?,
        })
    }
}

impl Segment {
    pub(super) fn inverted(&self) -> tantivy::Result<&InvertedIndexReader> {
        if let Some(inverted) = self.kept.inverted.get() {
            return Ok(inverted);
        }
        let inverted = self.reader.inverted_index(self.terms)?;
        Ok(self.kept.inverted.get_or_init(|| inverted))
    }

    /// The documents that have this term, removed ones too; and how many they are.
    pub(super) fn with(&self, term: &[u8]) -> tantivy::Result<Option<(u32, SegmentPostings)>> {
        let inverted = self.inverted()?;
        let term = Term::from_field_bytes(self.terms, term);
        let Some(info) = inverted.get_term_info(&term)? else {
            return Ok(None);
        };
        let postings = inverted.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
        Ok(Some((info.doc_freq, postings)))
    }

    /// Documents, removed ones too.
    pub(super) fn documents(&self) -> u32 {
        self.reader.max_doc()
    }

    pub(super) fn alive(&self) -> Option<&AliveBitSet> {
        self.reader.alive_bitset()
    }

    /// The message that a document is of.
    pub(super) fn email(&self, document: DocId) -> Option<EmailId> {
        self.kept.emails.first(document).and_then(EmailId::new)
    }

    /// What is kept of a document's text.
    pub(super) fn text(&self, document: DocId) -> tantivy::Result<Option<Vec<u8>>> {
        let texts = match self.kept.texts.get() {
            Some(texts) => texts,
            None => {
                let texts = self.reader.get_store_reader(BLOCKS)?;
                self.kept.texts.get_or_init(|| texts)
            }
        };
        let document: TantivyDocument = texts.get(document)?;
        let found = document.get_first(self.text);
        Ok(found.and_then(|value| value.as_bytes().map(<[u8]>::to_vec)))
    }

    fn highest(&self, highest: &mut HashMap<AccountId, EmailId>) -> tantivy::Result<()> {
        let inverted = self.inverted()?;
        let range = inverted.terms().range();
        let mut stream = range
            .ge([super::term::ACCOUNT])
            .lt([super::term::OPAQUE])
            .into_stream()?;
        while stream.advance() {
            let Some(account) = account_of(stream.key()) else {
                continue;
            };
            let option = IndexRecordOption::Basic;
            let mut postings = inverted.read_postings_from_terminfo(stream.value(), option)?;
            while postings.doc() != TERMINATED {
                if let Some(email) = self.email(postings.doc()) {
                    let known = highest.entry(account).or_insert(email);
                    *known = email.max(*known);
                }
                postings.advance();
            }
        }
        Ok(())
    }
}

fn account_of(term: &[u8]) -> Option<AccountId> {
    let raw = term.get(1..)?.try_into().ok()?;
    AccountId::new(u32::from_be_bytes(raw))
}
