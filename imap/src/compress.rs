//! RFC 4978 COMPRESS=DEFLATE: the two raw DEFLATE streams of one connection (RFC 1951, no zlib header).
//!
//! Inflating goes in pieces of the caller's size, so that a few octets which stand for gigabytes meet the
//! same limits of lines and literals as if they had been sent in full. A connection at rest gives its
//! compressor back: a new one may go on behind a flush, it only begins with an empty window. The other
//! direction keeps its window of 32 KiB, to which the peer may refer at any time.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::io;

/// Octets of compressed input kept; the session reads no more before they are used.
pub(crate) const WAITING_MAX: usize = 32 * 1024;
/// A quick level: answers shrink to a third already (RFC 4978 §4), attachments shrink at none.
const LEVEL: u32 = 3;
/// Octets compressed into one piece of output.
const PIECE: usize = 16 * 1024;

/// Both directions of a connection.
pub(crate) struct Deflate {
    /// Away at rest.
    out: Option<Compress>,
    /// Whether something was compressed since the last flush.
    unflushed: bool,
    into: Decompress,
    /// Received and not inflated yet.
    waiting: Vec<u8>,
    used: usize,
    /// The inflater may hold more output.
    more: bool,
    /// The peer has ended its stream.
    ended: bool,
}

impl Deflate {
    /// Begins with what the peer has sent ahead, compressed already.
    pub(crate) fn new(ahead: Vec<u8>) -> Self {
        Self {
            out: None,
            unflushed: false,
            into: Decompress::new(false),
            waiting: ahead,
            used: 0,
            more: false,
            ended: false,
        }
    }

    /// Whether [`Deflate::inflate`] has something to do.
    pub(crate) fn pending(&self) -> bool {
        self.more || self.used < self.waiting.len()
    }

    /// Takes compressed octets; at most [`WAITING_MAX`] are to be held.
    pub(crate) fn receive(&mut self, octets: &[u8]) {
        if self.used > 0 {
            self.waiting.drain(..self.used);
            self.used = 0;
        }
        self.waiting.extend_from_slice(octets);
    }

    /// The next inflated octets, no more than `out` takes. Errors: this is no DEFLATE stream, or
    /// something follows its end.
    pub(crate) fn inflate(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = &self.waiting[self.used..];
        if self.ended {
            return match rest.is_empty() {
                true => Ok(0),
                false => Err(io::ErrorKind::InvalidData.into()),
            };
        }
        let (taken, made) = (self.into.total_in(), self.into.total_out());
        let status = self.into.decompress(rest, out, FlushDecompress::None)?;
        let taken = (self.into.total_in() - taken) as usize;
        let made = (self.into.total_out() - made) as usize;
        self.used += taken;
        self.ended = status == Status::StreamEnd;
        self.more = !self.ended && made == out.len();
        if !self.ended && taken == 0 && made == 0 {
            // It can do nothing with this; it would not with more either.
            let stuck = !self.waiting[self.used..].is_empty();
            if stuck {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        if self.used == self.waiting.len() {
            self.waiting = Vec::new();
            self.used = 0;
        }
        Ok(made)
    }

    /// Compresses; what comes out is added to `to`. The end may wait for [`Deflate::flush`].
    pub(crate) fn deflate(&mut self, octets: &[u8], to: &mut Vec<u8>) -> io::Result<()> {
        self.unflushed = true;
        self.run(octets, FlushCompress::None, to)
    }

    /// Lets the peer see all that was compressed; nothing when there is nothing new.
    pub(crate) fn flush(&mut self, to: &mut Vec<u8>) -> io::Result<()> {
        match std::mem::take(&mut self.unflushed) {
            true => self.run(&[], FlushCompress::Sync, to),
            false => Ok(()),
        }
    }

    /// RFC 8437 §4.1: ends both streams. Gives what the peer sent behind the end of its own.
    pub(crate) fn end(mut self, to: &mut Vec<u8>) -> io::Result<Vec<u8>> {
        self.run(&[], FlushCompress::Finish, to)?;
        let behind = match self.ended {
            true => self.waiting.split_off(self.used),
            // Its last flush, which came too late to be read.
            false => Vec::new(),
        };
        Ok(behind)
    }

    /// Whether [`Deflate::rest`] would give memory back.
    pub(crate) fn awake(&self) -> bool {
        self.out.is_some() && !self.unflushed
    }

    /// Gives the compressor's memory back.
    pub(crate) fn rest(&mut self) {
        if self.awake() {
            self.out = None;
        }
    }

    fn run(&mut self, octets: &[u8], how: FlushCompress, to: &mut Vec<u8>) -> io::Result<()> {
        let begin = || Compress::new(Compression::new(LEVEL), false);
        let out = self.out.get_or_insert_with(begin);
        let mut rest = octets;
        let mut piece = [0; PIECE];
        loop {
            let (taken, made) = (out.total_in(), out.total_out());
            let status = out.compress(rest, &mut piece, how)?;
            let taken = (out.total_in() - taken) as usize;
            let made = (out.total_out() - made) as usize;
            to.extend_from_slice(&piece[..made]);
            rest = &rest[taken..];
            let full = made == piece.len();
            if status == Status::StreamEnd || !full && (rest.is_empty() || taken == 0) {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated(deflate: &mut Deflate, piece: usize) -> Vec<u8> {
        let mut all = Vec::new();
        let mut out = vec![0; piece];
        while deflate.pending() {
            let made = deflate.inflate(&mut out).unwrap();
            all.extend_from_slice(&out[..made]);
        }
        all
    }

    #[test]
    fn what_is_deflated_is_inflated_in_pieces() {
        let (mut ours, mut theirs) = (Deflate::new(Vec::new()), Deflate::new(Vec::new()));
        let mut noise = vec![0u8; 100_000];
        let mut state = 1u32;
        for octet in &mut noise {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *octet = (state >> 24) as u8;
        }
        for (text, piece) in [
            (&b"a OK done\r\n"[..], 3),
            (&vec![b'x'; 1_000_000], 100),
            (&noise, 16_384),
        ] {
            let mut wire = Vec::new();
            ours.deflate(text, &mut wire).unwrap();
            ours.flush(&mut wire).unwrap();
            ours.flush(&mut wire).unwrap();
            // At rest, a new compressor goes on with the same stream.
            ours.rest();
            assert!(!ours.awake());
            for stretch in wire.chunks(7_000) {
                theirs.receive(stretch);
            }
            assert!(inflated(&mut theirs, piece) == text);
        }
    }

    #[test]
    fn a_stream_ends_once() {
        let (mut ours, mut theirs) = (Deflate::new(Vec::new()), Deflate::new(Vec::new()));
        let mut wire = Vec::new();
        ours.deflate(b"a OK\r\n", &mut wire).unwrap();
        ours.end(&mut wire).unwrap();
        theirs.receive(&wire);
        theirs.receive(b"b LOGIN");
        let mut out = [0; 100];
        assert_eq!(theirs.inflate(&mut out).unwrap(), 6);
        assert!(theirs.pending());
        assert_eq!(theirs.end(&mut Vec::new()).unwrap(), b"b LOGIN");
        let mut broken = Deflate::new(vec![0xff; 40]);
        assert!(broken.inflate(&mut out).is_err());
    }
}
