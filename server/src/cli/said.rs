//! What a command failed for, in Vietnamese first, then in English: one line.

use crate::told::{OR, in_both};

/// The error with all its causes, in both languages as far as they are known.
pub(super) fn said(error: &anyhow::Error) -> String {
    let (vietnamese, english) = in_both(error);
    match vietnamese == english {
        true => english,
        false => format!("{vietnamese}{OR}{english}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::{Failed, Lead as _};
    use anyhow::Context as _;
    use storage::backup::{Failure, Refusal};

    fn opening(cause: impl Into<anyhow::Error>) -> anyhow::Error {
        let dir = "x".to_owned();
        let failed: anyhow::Result<()> = Err(cause.into()).lead(|| Failed::Opening { dir });
        failed.unwrap_err()
    }

    #[test]
    fn a_chain_is_said_in_both_languages_on_one_line() {
        let why = storage::Fault::Journal { segment: 2, at: 99 };
        let storage = storage::Error::Corrupt(storage::Corrupt {
            what: why,
            cure: Some(storage::Cure::EndRepair),
        });
        assert_eq!(
            said(&opening(storage)),
            "không mở được kho thư trong x: hỏng: đoạn nhật ký 2 hỏng ở byte 99: không đọc được một lần ghi đã hứa giữ; \
             `congvu store repair` làm nốt / the store in x cannot be opened: corrupt: journal segment 2 is damaged at 99: \
             a commit that was promised cannot be read; `congvu store repair` ends it"
        );
        let refused = Failure::from(Refusal::NoBackup("/b".into()));
        assert_eq!(
            said(&refused.into()),
            "/b không có bản sao lưu / /b holds no backup"
        );
    }

    #[test]
    fn what_is_not_known_stays_and_what_is_in_both_is_taken_apart() {
        let plain = anyhow::anyhow!("something else; and more");
        assert_eq!(said(&plain), "something else; and more");
        let both = anyhow::anyhow!("quá ngắn / too short");
        assert_eq!(
            said(&opening(both)),
            "không mở được kho thư trong x: quá ngắn / the store in x cannot be opened: too short"
        );
        let system = Err::<(), _>(std::io::Error::other("no such file"));
        let system = system.context("the current folder").unwrap_err();
        assert_eq!(
            said(&opening(system)),
            "không mở được kho thư trong x: the current folder: no such file / the store in x cannot be opened: the \
             current folder: no such file"
        );
    }

    /// What keeps a store shut, as it is found there.
    #[test]
    fn what_storage_refuses_is_said_in_vietnamese_too() {
        let check = |refused: Result<storage::Store, storage::Error>| {
            let error = refused.err().expect("a refusal");
            let told = said(&anyhow::Error::new(error.clone()));
            let (vietnamese, english) = told.split_once(OR).expect("both languages");
            assert_eq!(english, error.to_string());
            assert!(!vietnamese.contains("bên trong"), "{vietnamese}");
        };
        let dir = tempfile::tempdir().unwrap();
        let options = |name: &str| storage::Options {
            dir: dir.path().join(name),
            ..storage::Options::default()
        };
        let foreign = options("foreign");
        std::fs::create_dir(&foreign.dir).unwrap();
        std::fs::write(foreign.dir.join("notes"), "x").unwrap();
        check(storage::Store::open(&foreign));
        let own = options("own");
        let store = storage::Store::open(&own).unwrap();
        store.table("t").put(b"k", Some(b"v".to_vec())).unwrap();
        check(storage::Store::open(&own));
        store.close().unwrap();
        drop(store);
        check(storage::Store::open(&storage::Options {
            engine: storage::EngineKind::Fjall,
            ..own.clone()
        }));
        let path = own.dir.join("format");
        let whole = std::fs::read(&path).unwrap();
        for at in [0, 8, 20] {
            let mut octets = whole.clone();
            octets[at] = octets[at].wrapping_add(9);
            std::fs::write(&path, octets).unwrap();
            check(storage::Store::open(&own));
        }
        std::fs::remove_file(&path).unwrap();
        check(storage::Store::open(&own));
        std::fs::create_dir(&path).unwrap();
        check(storage::Store::open(&own));
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, whole).unwrap();
        let segment = own.dir.join("journal/0000000001.log");
        let mut octets = std::fs::read(&segment).unwrap();
        octets.fill(7);
        std::fs::write(&segment, octets).unwrap();
        std::fs::remove_dir_all(own.dir.join("index")).unwrap();
        check(storage::Store::open(&own));
        std::fs::remove_file(segment).unwrap();
        check(storage::Store::open(&own));
    }
}
