//! Keeps: journal, packs, engine, ModSeq, change log. Synchronous; no protocol word.
