//! Compression of content. Making a zstd context costs more than pressing a letter, so a few are kept.

use crate::record::Form;
use std::io;
use std::sync::{Mutex, PoisonError};
use zstd::bulk::{Compressor, Decompressor};

/// Content smaller than this is not worth compressing, octets.
const OCTETS_MIN: usize = 512;
/// Costs a letter two microseconds more than the cheapest level, and saves two octets of a hundred.
const LEVEL: i32 = 3;
/// Contexts kept of each kind; some hundred KB each. More threads at once make their own.
const KEPT_MAX: usize = 8;

/// See the module.
#[derive(Default)]
pub(crate) struct Zip {
    in_use: Kept<Compressor<'static>>,
    out_use: Kept<Decompressor<'static>>,
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
        self.press(bytes).map(|small| (Form::Zipped, small))
    }

    /// As [`Zip::unpress`], for an entry of a pack.
    pub(crate) fn unpack(&self, form: Form, stored: &[u8], octets: usize) -> io::Result<Vec<u8>> {
        match form {
            Form::Zipped => self.unpress(stored, octets),
            _ => Err(io::ErrorKind::InvalidData.into()),
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
}
