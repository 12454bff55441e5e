//! Tidy: the architecture's rules, run as tests over the repository's own files (ARCHITECTURE.md).
//! No room may be read here except as text.

mod files;
mod imports;
mod names;
mod standards;
mod words;
