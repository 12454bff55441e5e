//! Compression of content. Making a zstd context costs more than pressing a letter, so a few are kept.
//!
//! Small content of packs is compressed with a dictionary of what letters have in common: fields of
//! headers, MIME, calendars, HTML of the usual programs, phrases of official Vietnamese. It was
//! written by hand, not trained on a store's own mail: then fragments of letters would live on in it
//! after they were removed. Over the generated Vietnamese corpus it saves 6 of 100 octets, over small
//! letters of test suites 9, for 5 microseconds each.

use crate::record::Form;
use std::io;
use std::sync::{Mutex, PoisonError};
use zstd::bulk::{Compressor, Decompressor};

/// Content smaller than this is not worth compressing, octets.
const OCTETS_MIN: usize = 512;
/// Costs a letter two microseconds more than the cheapest level, and saves two octets of a hundred.
const LEVEL: i32 = 3;
/// Content from so many octets on is packed with the dictionary, and up to so many: what is larger
/// gains nothing by it.
const PRIMED_OCTETS: (usize, usize) = (128, 32 * 1024);
/// Fixed for ever: what was packed with it needs it.
const LETTERS: &[u8] = include_bytes!("letters.dict");
/// Contexts kept of each kind; some hundred KB each. More threads at once make their own.
const KEPT_MAX: usize = 8;

/// See the module.
#[derive(Default)]
pub(crate) struct Zip {
    in_use: Kept<Compressor<'static>>,
    out_use: Kept<Decompressor<'static>>,
    primed_in: Kept<Compressor<'static>>,
    primed_out: Kept<Decompressor<'static>>,
}

struct Kept<T>(Mutex<Vec<T>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> Kept<T> {
    fn with<R>(
        &self,
        make: impl FnOnce() -> io::Result<T>,
        work: impl FnOnce(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut context = kept.map_or_else(make, Ok)?;
        let done = work(&mut context)?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(context);
        }
        Ok(done)
    }
}

impl Zip {
    /// Compressed, when that saves more than a tenth.
    pub(crate) fn press(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if bytes.len() <= OCTETS_MIN {
            return None;
        }
        let small = self
            .in_use
            .with(|| Compressor::new(LEVEL), |c| c.compress(bytes))
            .ok()?;
        (small.len() < bytes.len() / 10 * 9).then_some(small)
    }

    /// The content again, `octets` long.
    pub(crate) fn unpress(&self, stored: &[u8], octets: usize) -> io::Result<Vec<u8>> {
        self.out_use
            .with(Decompressor::new, |d| d.decompress(stored, octets))
    }

    /// As [`Zip::press`], for a pack.
    pub(crate) fn pack(&self, bytes: &[u8]) -> Option<(Form, Vec<u8>)> {
        if !(PRIMED_OCTETS.0..=PRIMED_OCTETS.1).contains(&bytes.len()) {
            return self.press(bytes).map(|small| (Form::Zipped, small));
        }
        let make = || Compressor::with_dictionary(LEVEL, LETTERS);
        let small = self.primed_in.with(make, |c| c.compress(bytes)).ok()?;
        (small.len() < bytes.len() / 10 * 9).then_some((Form::Primed, small))
    }

    /// As [`Zip::unpress`], for an entry of a pack.
    pub(crate) fn unpack(&self, form: Form, stored: &[u8], octets: usize) -> io::Result<Vec<u8>> {
        let make = || Decompressor::with_dictionary(LETTERS);
        match form {
            Form::Zipped => self.unpress(stored, octets),
            Form::Primed => self.primed_out.with(make, |d| d.decompress(stored, octets)),
            Form::Plain | Form::Assembled => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_back_or_is_left_as_it_is() {
        let zip = Zip::default();
        let noise: Vec<u8> = (0..100u32)
            .flat_map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes())
            .collect();
        for (content, pressed) in [
            (vec![7; 512], false),
            (vec![7; 513], true),
            (noise.clone(), false),
            (vec![0; 1 << 20], true),
        ] {
            for _ in 0..3 {
                let small = zip.press(&content);
                assert_eq!(small.is_some(), pressed, "{} octets", content.len());
                if let Some(small) = small {
                    assert_eq!(zip.unpress(&small, content.len()).unwrap(), content);
                    assert!(zip.unpress(&small[1..], content.len()).is_err());
                    assert!(zip.unpress(&small, content.len() - 1).is_err());
                }
            }
        }
    }

    #[test]
    fn i18_the_dictionary_is_the_same_for_ever() {
        let hash = blake3::hash(LETTERS).to_hex();
        assert_eq!(
            hash.as_str(),
            "b0ebb83fc56bc3b875578359fb0c9d4241529ac251f045c0442cd3e23860a1b7"
        );
    }

    #[test]
    fn small_content_is_packed_with_the_dictionary_and_comes_back() {
        let zip = Zip::default();
        let letter = "Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
            Kính gửi: Các cơ quan, đơn vị. Trân trọng cảm ơn!\r\n";
        let large = letter.repeat(1_000);
        for (content, form, most) in [
            (letter.as_bytes(), Form::Primed, letter.len() / 2),
            (large.as_bytes(), Form::Zipped, 2_000),
        ] {
            let (packed_as, small) = zip.pack(content).unwrap();
            assert!(
                packed_as == form && small.len() < most,
                "{} octets",
                small.len()
            );
            assert_eq!(zip.unpack(form, &small, content.len()).unwrap(), content);
            assert!(
                zip.unpack(form, &small[..small.len() - 1], content.len())
                    .is_err()
            );
        }
        assert!(zip.pack(&letter.as_bytes()[..100]).is_none());
    }
}
