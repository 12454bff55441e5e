use super::*;
use std::fs;

fn looked(make: impl Fn(&Path)) -> Result<Found, Error> {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    Found::look(dir.path())
}

#[test]
fn a_folder_is_known_by_what_lies_in_it() {
    let format = Format::draw(EngineKind::Sled).unwrap();
    let segment = |dir: &Path, version: u8| {
        fs::create_dir(dir.join("journal")).unwrap();
        let head = [b"CVJRNL\r\n", &[version, 0, 0, 0, 1, 0, 0, 0][..]].concat();
        fs::write(dir.join("journal/0000000001.log"), head).unwrap();
    };
    let nowhere = tempfile::tempdir().unwrap().path().join("folder");
    assert_eq!(Found::look(&nowhere), Ok(Found::New));
    assert_eq!(looked(|_| {}), Ok(Found::New));
    assert_eq!(
        looked(|d| fs::create_dir(d.join(NOBODYS)).unwrap()),
        Ok(Found::New)
    );
    assert_eq!(
        looked(|d| fs::write(d.join("lock"), "1").unwrap()),
        Ok(Found::New)
    );
    assert_eq!(looked(|d| segment(d, 1)), Ok(Found::First));
    assert_eq!(looked(|d| segment(d, 2)), Ok(Found::Unmarked));
    // Whatever a store once wrote behind its file: it is not founded anew.
    for name in LATER {
        let unmarked = |d: &Path| {
            fs::write(d.join("lock"), "1").unwrap();
            fs::create_dir(d.join(name)).unwrap();
        };
        assert_eq!(looked(unmarked), Ok(Found::Unmarked), "{name}");
    }
    let upgrading = |more: &'static str| {
        looked(move |d| {
            fs::create_dir(d.join(BEFORE[0])).unwrap();
            fs::create_dir(d.join("snapshots")).unwrap();
            let base = d.join("snapshots/0000000000-0000000000.snap");
            fs::write(base, "x").unwrap();
            fs::create_dir(d.join(more)).unwrap();
        })
    };
    assert_eq!(upgrading("packs"), Ok(Found::Upgrading));
    assert_eq!(upgrading("journal"), Ok(Found::Unmarked));
    let newer = "snapshots/0000000001-0000000002.snap";
    assert_eq!(upgrading(newer), Ok(Found::Unmarked));
    let write = |dir: &Path| format.write(dir, &Disk::default()).unwrap();
    assert_eq!(looked(write), Ok(Found::Marked(format)));
    let foreign = looked(|d| fs::write(d.join("holiday.jpg"), "x").unwrap()).unwrap_err();
    assert!(foreign.to_string().contains("is no store"), "{foreign}");
    let lost = looked(|d| {
        write(d);
        fs::create_dir(d.join("packs")).unwrap();
        fs::write(d.join("packs/000001.pack"), "x").unwrap();
    });
    assert!(lost.unwrap_err().to_string().contains("lost its journal"));
}

#[test]
fn flags_come_back() {
    for sealed in [false, true] {
        for unnamed in [false, true] {
            let format = Format {
                sealed,
                unnamed,
                ..Format::draw(EngineKind::Fjall).unwrap()
            };
            assert_eq!(Format::parse(&format.octets()), Ok(format));
        }
    }
}

#[test]
fn i18_a_changed_octet_or_another_version_is_an_error() {
    let format = Format::draw(EngineKind::Sled).unwrap();
    let octets = format.octets();
    assert_eq!(octets.len(), OCTETS);
    assert_eq!(Format::parse(&octets), Ok(format));
    for bit in 0..octets.len() * 8 {
        let mut changed = octets.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(Format::parse(&changed).is_err(), "bit {bit}");
    }
    assert!((0..OCTETS).all(|cut| Format::parse(&octets[..cut]).is_err()));
    let mut later = octets;
    later[8] = 5;
    // Only that octet was changed.
    assert_eq!(Format::parse(&later), Err(Wrong::Damaged));
    let said = later.len() - SUM;
    let sum = blake3::hash(&later[..said]);
    later[said..].copy_from_slice(&sum.as_bytes()[..SUM]);
    assert_eq!(Format::parse(&later), Err(Wrong::Version(5)));
    for never in [0, 1] {
        later[8] = never;
        let sum = blake3::hash(&later[..said]);
        later[said..].copy_from_slice(&sum.as_bytes()[..SUM]);
        assert_eq!(Format::parse(&later), Err(Wrong::Damaged));
    }
}

#[test]
fn i18_it_is_written_as_before() {
    let kept = include_str!("../../tests/golden/format.txt");
    for version in OLDEST..=VERSION {
        let kept = kept
            .lines()
            .nth((version - OLDEST) as usize)
            .unwrap_or_default();
        let format = Format {
            version,
            engine: EngineKind::Sled,
            sealed: false,
            unnamed: version < NAMING,
            id: [7; ID],
        };
        let written: String = format.octets().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(written, kept);
        assert_eq!(Format::parse(&format.octets()), Ok(format));
    }
}

#[test]
fn an_engine_does_not_open_the_store_of_another() {
    let of = |engine| Format {
        version: VERSION,
        engine,
        sealed: false,
        unnamed: false,
        id: [7; ID],
    };
    let open = |own, asked| {
        let opened = of(own).opened_with(asked, Path::new("/s"));
        opened.map(|f| f.engine)
    };
    use EngineKind::{Fjall, Memory, Sled};
    let fine = [
        (Sled, Memory, Sled),
        (Memory, Sled, Sled),
        (Fjall, Fjall, Fjall),
    ];
    for (own, asked, expected) in fine {
        assert_eq!(open(own, asked), Ok(expected));
    }
    let said = open(Sled, Fjall).unwrap_err().to_string();
    assert!(said.contains("is kept by sled, not by fjall"), "{said}");
    assert!(
        said.contains("congvu store migrate --engine fjall"),
        "{said}"
    );
}
