//! Content as a recipe: what lies between the base64, what the base64 says, and how to write it
//! again. Only content that was put together again and compared is stored so.
//!
//! The stored octets of such an entry are: form and length of the rest, and the rest, compressed
//! where that helps: length of the recipe, the recipe, and the octets of all pieces that are not
//! shared, one after another. A recipe names no recipes, so that nothing nests.

use super::Packs;
use crate::error::{Cure, Fault};
use crate::index::Index;
use crate::record::Form;
use crate::share::{self, Lines};
use crate::{BlobId, Error};
use serde::{Deserialize, Serialize};

/// Content shorter than this is not looked through, octets.
const OCTETS_MIN: usize = 256;
/// Base64 of fewer octets of text stays text.
const TEXT_MIN: usize = 96;
/// Base64 of so many octets of text is stored as an entry of its own, to be shared.
pub(super) const SHARED_TEXT_MIN: usize = 32 * 1024;
/// Pieces of one content; with more it is stored as it is.
const PIECES_MAX: usize = 4_096;
/// How recipes are encoded: postcard behind this octet. Packs are never rewritten for a new version.
const VERSION: u8 = 1;
/// Form and length before the rest.
const PREFIX: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Piece {
    /// So many octets as they are.
    Text(u32),
    /// So many octets to be written as base64.
    Coded(u32, Lines),
    /// The same, of an entry of its own.
    Shared(BlobId, Lines),
}

/// Content that was taken apart.
pub(super) struct Apart {
    /// The octets of its entry.
    pub stored: Vec<u8>,
    /// The shared pieces that it is put together of.
    pub parts: Vec<BlobId>,
}

impl Packs {
    /// What to store instead of content with base64 in it; shared pieces are put. `None` when it is
    /// to be stored as it is.
    pub(super) fn take_apart(&self, bytes: &[u8], index: &Index) -> Result<Option<Apart>, Error> {
        if bytes.len() < OCTETS_MIN {
            return Ok(None);
        }
        let runs = share::runs(bytes, TEXT_MIN, PIECES_MAX / 2);
        if runs.is_empty() {
            return Ok(None);
        }
        let (mut pieces, mut octets, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        let mut done = 0;
        for run in runs {
            let Some((decoded, end)) = run.decode(bytes) else {
                continue;
            };
            text(&mut pieces, &mut octets, &bytes[done..run.start]);
            done = end;
            if end - run.start >= SHARED_TEXT_MIN {
                let part = self.put_part(&decoded, index)?;
                pieces.push(Piece::Shared(part, run.lines));
                if !parts.contains(&part) {
                    parts.push(part);
                }
            } else {
                pieces.push(Piece::Coded(decoded.len() as u32, run.lines));
                octets.extend_from_slice(&decoded);
            }
        }
        text(&mut pieces, &mut octets, &bytes[done..]);
        if done == 0 {
            return Ok(None);
        }
        let recipe = postcard::to_extend(&pieces, vec![VERSION])
            .map_err(|_| Error::Invalid("a recipe that cannot be encoded"))?;
        let mut rest = (recipe.len() as u32).to_le_bytes().to_vec();
        rest.extend_from_slice(&recipe);
        rest.append(&mut octets);
        let (form, small) = match self.zip.pack(&rest) {
            Some((form, small)) => (form, small),
            None => (Form::Plain, Vec::new()),
        };
        let mut stored = vec![form as u8];
        stored.extend_from_slice(&(rest.len() as u32).to_le_bytes());
        stored.extend_from_slice(if form == Form::Plain { &rest } else { &small });
        Ok(Some(Apart { stored, parts }))
    }

    /// The content of a recipe, `raw` octets long. `part` gives the octets of a shared piece.
    pub(super) fn put_together(
        &self,
        stored: &[u8],
        raw: u32,
        part: &dyn Fn(BlobId) -> Result<Vec<u8>, Error>,
    ) -> Result<Vec<u8>, Error> {
        let strange = || Error::Corrupt("a recipe of content cannot be read".into());
        let rest = self.rest(stored).ok_or_else(strange)?;
        let (pieces, mut octets) = split(&rest).ok_or_else(strange)?;
        let pieces = decoded(pieces)?;
        let mut content = Vec::with_capacity(raw as usize);
        for piece in pieces {
            match piece {
                Piece::Text(n) => {
                    content.extend_from_slice(take(&mut octets, n).ok_or_else(strange)?);
                }
                Piece::Coded(n, lines) => {
                    lines.write(take(&mut octets, n).ok_or_else(strange)?, &mut content);
                }
                Piece::Shared(id, lines) => lines.write(&part(id)?, &mut content),
            }
            if content.len() > raw as usize {
                return Err(strange());
            }
        }
        Ok(content)
    }

    /// The shared pieces that a recipe names; `None` when it cannot be read.
    pub(super) fn parts_in(&self, stored: &[u8]) -> Option<Vec<BlobId>> {
        let rest = self.rest(stored)?;
        let (pieces, _) = split(&rest)?;
        let mut parts = Vec::new();
        for piece in decoded(pieces).ok()? {
            match piece {
                Piece::Shared(id, _) if !parts.contains(&id) => parts.push(id),
                _ => {}
            }
        }
        Some(parts)
    }

    fn rest(&self, stored: &[u8]) -> Option<Vec<u8>> {
        let (prefix, packed) = stored.split_at_checked(PREFIX)?;
        let octets = u32::from_le_bytes(prefix[1..].try_into().ok()?) as usize;
        match Form::of(prefix[0])? {
            Form::Plain if packed.len() == octets => Some(packed.to_vec()),
            form @ (Form::Zipped | Form::Primed) if octets <= super::BLOB_OCTETS_MAX * 2 => {
                self.zip.unpack(form, packed, octets).ok()
            }
            _ => None,
        }
    }
}

fn text(pieces: &mut Vec<Piece>, octets: &mut Vec<u8>, text: &[u8]) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.len() as u32));
        octets.extend_from_slice(text);
    }
}

fn decoded(recipe: &[u8]) -> Result<Vec<Piece>, Error> {
    match recipe.split_first() {
        Some((&VERSION, pieces)) => postcard::from_bytes(pieces)
            .map_err(|_| Error::Corrupt("a recipe of content cannot be read".into())),
        version => {
            let version = version.map_or(0, |v| *v.0);
            Err(Error::cured(Fault::RecipeVersion { version }, Cure::Newer))
        }
    }
}

fn split(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = rest.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

fn take<'a>(octets: &mut &'a [u8], n: u32) -> Option<&'a [u8]> {
    let (taken, rest) = octets.split_at_checked(n as usize)?;
    *octets = rest;
    Some(taken)
}
