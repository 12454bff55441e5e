//! Packs by themselves: an index in memory, and commits that are applied at once.

use super::format::Entry;
use super::*;
use crate::engine::MemoryEngine;
use crate::store::Opening;
use crate::{Disk, Sizes};

/// One that was plain before heads named their stores.
const OURS: Owner = Owner {
    id: [7; crate::owner::ID],
    unnamed: true,
};

struct Shelf {
    options: Options,
    packs: Packs,
    index: Index,
    _dir: tempfile::TempDir,
}

impl Shelf {
    fn new(pack_octets: u64) -> Self {
        Self::on(Disk::default(), pack_octets)
    }

    fn on(disk: Disk, pack_octets: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().to_owned(),
            sizes: Sizes {
                pack: pack_octets,
                ..Sizes::default()
            },
            disk,
            ..Options::default()
        };
        Self {
            packs: Packs::open(&options, false, Keys::none(), OURS).unwrap(),
            index: Index::new(Box::new(MemoryEngine::default())),
            options,
            _dir: dir,
        }
    }

    /// Puts and commits it.
    fn keep(&self, bytes: &[u8]) -> BlobId {
        let id = self.packs.put(bytes, &self.index).unwrap();
        self.commit(id);
        id
    }

    fn commit(&self, id: BlobId) {
        let named = self.packs.name(&[id], &self.index).unwrap();
        for op in &named.ops {
            self.index.apply(op).unwrap();
        }
        self.packs.sync().unwrap();
        self.packs.note(&named.packs);
        self.packs.settle(&named.ids);
    }

    fn octets(&self) -> u64 {
        let numbers = format::numbers(&self.packs.dir).unwrap();
        let len = |n| {
            std::fs::metadata(format::path(&self.packs.dir, n))
                .unwrap()
                .len()
        };
        numbers.into_iter().map(len).sum()
    }

    fn verify(&self) -> (Verified, Vec<String>) {
        let mut wrong = Vec::new();
        let met = self.packs.verify_all(&self.index, &mut |id, what| {
            wrong.push(format!("{id:?} {what}"));
        });
        (met.unwrap(), wrong)
    }

    fn check(&self, content: &[u8]) {
        let id = self.keep(content);
        assert_eq!(id, BlobId::of(content));
        let read = self.packs.read(id, &self.index).unwrap();
        assert!(*read == *content, "{} octets", content.len());
    }
}

/// Octets that do not compress, the same for a seed.
pub(crate) fn noise(seed: u64, octets: usize) -> Vec<u8> {
    let mut noise = vec![0; octets];
    let mut reader = blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof();
    reader.fill(&mut noise);
    noise
}

/// A letter with something attached, in base64 lines of this length.
fn letter(subject: &str, boundary: &str, attached: &[u8], line: usize, end: &str) -> Vec<u8> {
    use base64::Engine as _;
    let coded = base64::engine::general_purpose::STANDARD.encode(attached);
    let mut text = format!(
        "Subject: {subject}\r\nContent-Type: multipart/mixed; boundary={boundary}\r\n\r\n\
         --{boundary}\r\n\r\nXin gửi.\r\n--{boundary}\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    );
    for piece in coded.as_bytes().chunks(line) {
        text.push_str(std::str::from_utf8(piece).unwrap());
        text.push_str(end);
    }
    text.push_str(&format!("--{boundary}--\r\n"));
    text.into_bytes()
}

#[test]
fn content_of_every_kind_comes_back() {
    let shelf = Shelf::new(1 << 20);
    shelf.check(b"");
    shelf.check(b"x");
    shelf.check(&vec![b'a'; 100_000]);
    shelf.check(&noise(1, 100_000));
    shelf.check(&letter("a", "b", &noise(2, 10_000), 76, "\r\n"));
    shelf.check(&letter("a", "b", &noise(2, 100_000), 76, "\r\n"));
    shelf.check(&letter("a", "b", &vec![7; 100_000], 76, "\n"));
    let (met, wrong) = shelf.verify();
    assert_eq!((wrong, met.entries), (Vec::new(), 10));
}

#[test]
fn a_circular_is_stored_once_however_it_is_sent_on() {
    let shelf = Shelf::new(1 << 30);
    let circular = noise(3, 2_000_000);
    shelf.check(&letter("Công văn", "b1", &circular, 76, "\r\n"));
    let once = shelf.octets();
    assert!(once < 2_010_000, "{once}");
    for (number, line) in [76, 60, 64, 72, 998, 4_000_000].into_iter().enumerate() {
        let (subject, boundary) = (format!("Fwd {number}"), format!("x{number}"));
        shelf.check(&letter(&subject, &boundary, &circular, line, "\r\n"));
        let inner = letter(&subject, "inner", &circular, line, "\n");
        let mut outer = b"Content-Type: message/rfc822\r\n\r\n".to_vec();
        outer.extend_from_slice(&inner);
        shelf.check(&outer);
    }
    let all = shelf.octets();
    assert!(all - once < 12 * 1_000, "{} octets more", all - once);
    // Uploaded by itself it is still the same octets.
    shelf.check(&circular);
    assert_eq!(shelf.octets(), all);
}

#[test]
fn any_harm_to_a_pack_is_found_and_named() {
    let shelf = Shelf::new(1 << 30);
    let ids: Vec<BlobId> = (0..20)
        .map(|n| shelf.keep(&letter("x", "b", &noise(n, 600), 76, "\r\n")))
        .collect();
    let path = format::path(&shelf.packs.dir, 1);
    let whole = std::fs::read(&path).unwrap();
    for at in (FILE_HEAD as usize..whole.len()).step_by(37) {
        let mut harmed = whole.clone();
        harmed[at] ^= 4;
        std::fs::write(&path, &harmed).unwrap();
        let wrong: Vec<bool> = ids
            .iter()
            .map(|id| {
                let place = shelf.packs.locate(*id, &shelf.index).unwrap();
                let verified = shelf.packs.verify(*id, &place, &shelf.index);
                let read = shelf.packs.read(*id, &shelf.index);
                let whole = is_whole(&shelf.options, *id, &place);
                assert_eq!(verified.is_ok(), whole, "at {at}");
                assert!(read.is_ok() || verified.is_err(), "at {at}");
                verified.is_err()
            })
            .collect();
        assert_eq!(wrong.iter().filter(|w| **w).count(), 1, "at {at}");
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(shelf.verify().1, Vec::<String>::new());
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(
        shelf
            .packs
            .verify_head(ids[19], &shelf.packs.locate(ids[19], &shelf.index).unwrap())
            .is_err()
    );
}

#[test]
fn damage_to_a_head_hides_no_other_entry() {
    let shelf = Shelf::new(1 << 30);
    let ids: Vec<BlobId> = (0..5).map(|n| shelf.keep(&noise(n, 3_000))).collect();
    let place = shelf.packs.locate(ids[2], &shelf.index).unwrap();
    let path = format::path(&shelf.packs.dir, 1);
    let mut octets = std::fs::read(&path).unwrap();
    octets[place.offset as usize + 9] ^= 1;
    std::fs::write(&path, &octets).unwrap();
    let mut met = Vec::new();
    let len = shelf.packs.walk(1, &mut |_, entry| {
        met.push(entry.id);
        Ok(true)
    });
    assert_eq!(len.unwrap(), octets.len() as u64);
    assert_eq!(met, [ids[0], ids[1], ids[3], ids[4]]);
}

#[test]
fn a_missing_pack_is_named() {
    let shelf = Shelf::new(1_000);
    let ids: Vec<BlobId> = (0..4).map(|n| shelf.keep(&noise(n, 1_000))).collect();
    let path = format::path(&shelf.packs.dir, 2);
    std::fs::remove_file(&path).unwrap();
    let packs = Packs::open(&shelf.options, false, Keys::none(), OURS).unwrap();
    let file = path.display().to_string();
    let said = Fault::PackMissing { file };
    assert_eq!(
        packs.expect_all(&shelf.index, true, Opening::Usual),
        Err(Error::corrupt(said.clone()))
    );
    assert_eq!(packs.read(ids[1], &shelf.index), Err(Error::corrupt(said)));
    assert!(packs.read(ids[2], &shelf.index).is_ok());
    let wrong = shelf.verify().1;
    assert!(wrong[0].contains(&path.display().to_string()), "{wrong:?}");
}

#[test]
fn a_pack_is_sealed_at_its_size_and_few_are_open() {
    let shelf = Shelf::new(2_000);
    let ids: Vec<BlobId> = (0..200).map(|n| shelf.keep(&noise(n, 1_100))).collect();
    assert_eq!(shelf.packs.tail_number(), 100);
    for id in &ids {
        shelf.packs.read(*id, &shelf.index).unwrap();
    }
    assert_eq!(lock(&shelf.packs.open).len(), 64);
    shelf
        .packs
        .expect_all(&shelf.index, true, Opening::Usual)
        .unwrap();
}

#[test]
fn packs_of_version_1_are_read_and_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: dir.path().to_owned(),
        ..Options::default()
    };
    std::fs::create_dir(dir.path().join("packs")).unwrap();
    let path = dir.path().join("packs/000001.pack");
    let mut octets = b"CVPACK\r\n\x01\0\0\0\x01\0\0\0".to_vec();
    let index = Index::new(Box::new(MemoryEngine::default()));
    let mut ids = Vec::new();
    for (content, form) in [(&b"plain"[..], Form::Plain), (&[7; 10_000], Form::Zipped)] {
        let stored = match form {
            Form::Plain => content.to_vec(),
            _ => zstd::bulk::compress(content, 1).unwrap(),
        };
        let id = BlobId::of(content);
        let location = Location {
            pack: 1,
            offset: octets.len() as u64,
            stored: stored.len() as u32,
            raw: content.len() as u32,
            form,
        };
        let mut head = b"CvB1".to_vec();
        head.extend_from_slice(&[form as u8, 0, 0, 0]);
        head.extend_from_slice(&location.stored.to_le_bytes());
        head.extend_from_slice(&location.raw.to_le_bytes());
        head.extend_from_slice(&id.0);
        let sum = format::sum_of(&head);
        octets.extend_from_slice(&head);
        octets.extend_from_slice(&sum);
        octets.extend_from_slice(&stored);
        let op = Op::Put(key::blob(id), record::encode(&location).unwrap());
        index.apply(&op).unwrap();
        ids.push((id, content));
    }
    std::fs::write(&path, &octets).unwrap();
    let packs = Packs::open(&options, true, Keys::none(), OURS).unwrap();
    packs.put(b"another", &index).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), octets);
    for (id, content) in ids {
        assert_eq!(*packs.read(id, &index).unwrap(), *content);
        let place = packs.locate(id, &index).unwrap();
        packs.verify_head(id, &place).unwrap();
        packs.verify(id, &place, &index).unwrap();
        assert!(is_whole(&options, id, &place));
    }
    let mut newer = octets;
    newer[8] = 4;
    std::fs::write(&path, newer).unwrap();
    let opened = Packs::open(&options, true, Keys::none(), OURS)
        .unwrap()
        .handle(1)
        .err();
    // No checksum vouches for it: it is damage.
    let said = Fault::PackHead { pack: 1 };
    assert_eq!(opened, Some(Error::corrupt(said)));
}

#[test]
fn content_lost_by_a_failed_sync_is_not_named_by_a_later_commit() {
    let disk = Disk::forgetful(1);
    let shelf = Shelf::on(disk.clone(), 1 << 20);
    let id = shelf.packs.put(b"lost", &shelf.index).unwrap();
    let named = shelf.packs.name(&[id], &shelf.index).unwrap();
    assert!(!shelf.packs.are_lost(&named.packs));
    disk.fail_after(1);
    assert!(shelf.packs.sync().is_err());
    assert!(shelf.packs.are_lost(&named.packs));
    assert!(matches!(
        shelf.packs.name(&[id], &shelf.index),
        Err(Error::Unavailable(_))
    ));
    drop(named);
    disk.power_cut().unwrap();
    shelf.check(b"lost");
    assert_eq!(shelf.packs.tail_number(), 2);
}

/// Whoever can write the disk can make every checksum right; the seal is what notices.
#[test]
fn forged_entries_of_a_sealed_pack_are_corrupt_and_never_plaintext() {
    let mut shelf = Shelf::new(1 << 20);
    let keys = crate::keyring::tests::keys(&shelf.options.dir);
    shelf.packs = Packs::open(&shelf.options, false, keys, OURS).unwrap();
    let (one, two) = (shelf.keep(b"eight oc"), shelf.keep(b"tets eac"));
    let plain = b"forged!!".as_slice();
    let place = shelf.packs.locate(one, &shelf.index).unwrap();
    let path = format::path(&shelf.packs.dir, place.pack);
    let (from, to) = (place.offset as usize, place.offset as usize + HEAD);
    let good = std::fs::read(&path).unwrap();
    let entry = Entry::decode(&good[from..]).unwrap();
    let stored = good[to..to + entry.stored as usize].to_vec();
    let check = |entry: Entry, stored: &[u8]| {
        let mut forged = good.clone();
        let octets = entry.encode(stored);
        forged[from..from + octets.len()].copy_from_slice(&octets);
        std::fs::write(&path, forged).unwrap();
        let read = shelf.packs.read(one, &shelf.index);
        assert!(matches!(read, Err(Error::Corrupt(_))), "{read:?}");
        let found = shelf.packs.stored(one, &place).map(|(_, octets)| octets);
        assert!(matches!(found, Err(Error::Corrupt(_))), "{found:?}");
    };
    for bit in 0..stored.len() * 8 {
        let mut changed = stored.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        check(entry, &changed);
    }
    let other = shelf.packs.locate(two, &shelf.index).unwrap();
    let other = other.offset as usize + HEAD;
    check(entry, &good[other..other + stored.len()]);
    check(Entry { key: 9, ..entry }, &stored);
    check(Entry { key: 0, ..entry }, &stored);
    let mut long = plain.to_vec();
    long.resize(stored.len(), 0);
    check(Entry { key: 0, ..entry }, &long);
    std::fs::write(&path, &good).unwrap();
    assert_eq!(
        &shelf.packs.read(one, &shelf.index).unwrap()[..],
        b"eight oc"
    );
}

#[test]
fn sealed_content_is_moved_under_the_newest_key_and_unreadable_without() {
    let folder = tempfile::tempdir().unwrap();
    let keys = crate::keyring::tests::keys(folder.path());
    let mut shelf = Shelf::new(1 << 20);
    shelf.packs = Packs::open(&shelf.options, false, keys.clone(), OURS).unwrap();
    let content = letter("mật", "b", &noise(1, 60_000), 76, "\r\n");
    shelf.check(&content);
    let path = format::path(&shelf.packs.dir, 1);
    let octets = std::fs::read(&path).unwrap();
    assert!(!octets.windows(16).any(|w| w == &noise(1, 60_000)[..16]));
    keys.rotate(None).unwrap();
    let id = BlobId::of(&content);
    let from = shelf.packs.locate(id, &shelf.index).unwrap();
    let to = shelf.packs.relocate(id, &from).unwrap();
    let (before, _) = shelf.packs.as_stored(id, &from).unwrap();
    let (after, _) = shelf.packs.as_stored(id, &to).unwrap();
    assert_eq!(
        (before.key, after.key),
        (keys.system().0 - 1, keys.system().0)
    );
    let op = Op::Put(key::blob(id), record::encode(&to).unwrap());
    shelf.index.apply(&op).unwrap();
    assert!(*shelf.packs.read(id, &shelf.index).unwrap() == *content);
    assert_eq!(shelf.verify().1, Vec::<String>::new());
    let plain = Packs::open(&shelf.options, false, Keys::none(), OURS).unwrap();
    assert!(matches!(
        plain.read(id, &shelf.index),
        Err(Error::Corrupt(_))
    ));
}

#[test]
fn contents_are_looked_for_together_and_found_where_they_went() {
    let shelf = Shelf::new(1 << 20);
    let contents = [b"one".to_vec(), noise(1, 9_000), vec![7; 40_000]];
    let ids: Vec<BlobId> = contents.iter().map(|c| shelf.keep(c)).collect();
    // What is put and not committed is found too, and what is nowhere is not.
    let staged = shelf.packs.put(b"staged", &shelf.index).unwrap();
    let asked = [ids[2], BlobId::of(b"nowhere"), ids[0], staged, ids[1]];
    let lies = shelf.packs.locate_all(&asked, &shelf.index).unwrap();
    assert!(lies[1].is_none());
    for (id, lies) in asked.iter().zip(&lies) {
        let Some(lies) = lies else { continue };
        let location = shelf.packs.locate(*id, &shelf.index).unwrap();
        assert_eq!(*lies, Lies(location));
    }
    // Upkeep may have moved it: whatever lies there now is not taken for it.
    for (id, content) in ids.iter().zip(&contents) {
        for lies in lies.iter().flatten() {
            let read = shelf.packs.read_from(*id, *lies, &shelf.index).unwrap();
            assert_eq!(read.as_ref(), content.as_slice());
        }
    }
}
