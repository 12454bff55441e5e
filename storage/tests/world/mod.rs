//! A store in a folder of its own, and short ways to use it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part of it"
)]

pub mod bench;
pub mod closed;
pub mod golden;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use storage::*;

pub struct World {
    pub dir: tempfile::TempDir,
    pub options: Options,
    store: Option<Store>,
}

impl World {
    pub fn new(engine: EngineKind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().join("store"),
            engine,
            cache_bytes: 4 << 20,
            boot_id: Some("boot".into()),
            // Then the journal's file ends where its last record ends.
            sizes: Sizes {
                ahead: 0,
                ..Sizes::default()
            },
            ..Options::default()
        };
        let store = Some(Store::open(&options).unwrap());
        Self {
            dir,
            options,
            store,
        }
    }

    /// A disk that holds no more than so many octets.
    pub fn small(octets: u64) -> (Self, Arc<AtomicU64>) {
        let mut world = Self::new(EngineKind::Memory);
        let room = Arc::new(AtomicU64::new(octets));
        world.options.disk = room.clone().into();
        world.options.reserve_bytes = 0;
        world.reopen();
        (world, room)
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub fn account(&self, id: u32) -> AccountStore {
        self.store().account(AccountId::new(id).unwrap())
    }

    /// Drops the store without closing it.
    pub fn crash(&mut self) {
        self.store = None;
    }

    pub fn reopen(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.options).unwrap());
    }

    pub fn check(&self) -> Vec<String> {
        self.store().check().unwrap()
    }

    pub fn inbox(&self, account: u32) -> MailboxId {
        self.mailbox(account, "INBOX", Some(Role::Inbox))
    }

    pub fn mailbox(&self, account: u32, name: &str, role: Option<Role>) -> MailboxId {
        let mut writer = self.account(account).write().unwrap();
        let id = writer.create_mailbox(new_mailbox(name, role)).unwrap();
        writer.commit().unwrap();
        id
    }

    pub fn deliver(
        &self,
        account: u32,
        mailbox: MailboxId,
        text: &str,
        delivery: Option<u64>,
    ) -> Placed {
        self.try_deliver(account, mailbox, text, delivery).unwrap()
    }

    pub fn try_deliver(
        &self,
        account: u32,
        mailbox: MailboxId,
        text: &str,
        delivery: Option<u64>,
    ) -> Result<Placed, Error> {
        deliver(self.store(), account, mailbox, text, delivery)
    }
}

pub fn deliver(
    store: &Store,
    account: u32,
    mailbox: MailboxId,
    text: &str,
    delivery: Option<u64>,
) -> Result<Placed, Error> {
    let blob = store.put_blob(text.as_bytes())?;
    let summary = formats::message::summarize(text.as_bytes());
    let mut writer = store.account(AccountId::new(account).unwrap()).write()?;
    let placed = writer.append(Append {
        blob,
        summary: &summary,
        received_at: 1_700_000_000,
        keywords: Vec::new(),
        mailboxes: vec![mailbox],
        delivery,
    })?;
    writer.commit()?;
    Ok(placed)
}

pub fn new_mailbox(name: &str, role: Option<Role>) -> NewMailbox {
    NewMailbox {
        parent: None,
        name: name.into(),
        role,
        subscribed: true,
        sort_order: 0,
    }
}

/// A small message with this number in its Message-ID.
pub fn letter(number: u64, subject: &str, references: &[u64]) -> String {
    let references: Vec<String> = references.iter().map(|n| format!("<{n}@x.vn>")).collect();
    let references = match references.is_empty() {
        true => String::new(),
        false => format!("References: {}\r\n", references.join(" ")),
    };
    format!(
        "From: a@x.vn\r\nTo: b@x.vn\r\nSubject: {subject}\r\nMessage-ID: <{number}@x.vn>\r\n\
         {references}\r\nthư số {number}\r\n"
    )
}

pub fn keyword(text: &str) -> Keyword {
    Keyword::new(text).unwrap()
}
