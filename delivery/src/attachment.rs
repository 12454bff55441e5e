//! What letters of the server's own making carry: pressed, and written so that every server passes it on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, Write as _};

/// Characters of one line of base64 (RFC 2045 §6.8).
const LINE_MAX: usize = 76;

/// RFC 1952.
pub fn gzipped(octets: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(octets)?;
    gzip.finish()
}

/// RFC 2045 §6.8, in lines.
pub(crate) fn base64_lines(octets: &[u8]) -> String {
    let encoded = STANDARD.encode(octets);
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(LINE_MAX)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    lines.join("\r\n")
}
