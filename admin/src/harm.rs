//! What of the store is damaged, as its health tells it: where, since when, whose, and what to do.

use crate::language::Language;
use crate::problem::{Text, text};
use directory::Directory;
use formats::date;
use serde::Serialize;
use storage::HarmKind;
use storage::told::halves;
use utoipa::ToSchema;

/// A damaged place of the store.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Harm {
    kind: Kind,
    /// Within the store's folder; null: not known.
    #[schema(example = "packs/000001.pack")]
    file: Option<String>,
    /// Offset in the file; null: not known.
    octet: Option<u64>,
    /// In the language of the answer; what an earlier version of the server met is in English.
    what: String,
    /// When it was met first, RFC 3339, UTC.
    since: String,
    /// Messages that were met with it, at most 100.
    messages: Vec<Harmed>,
    /// What to do, in the language of the answer.
    advice: String,
}

/// A message that suffers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Harmed {
    account: u32,
    /// Null: nobody knows the account any more.
    #[schema(example = "annv@tinhmau.gov.vn")]
    address: Option<String>,
    /// The message's id.
    message: u64,
    /// Paths of its mailboxes, each with its UID; empty: removed since.
    #[schema(example = json!(["INBOX uid 7"]))]
    places: Vec<String>,
}

/// Of what.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = DamagedPart)]
pub(crate) enum Kind {
    /// Commits that are in the index only.
    Journal,
    /// The same, older ones.
    Snapshots,
    /// A file of content.
    Pack,
    /// The content of letters.
    Content,
}

impl From<HarmKind> for Kind {
    fn from(kind: HarmKind) -> Self {
        match kind {
            HarmKind::Journal => Self::Journal,
            HarmKind::Snapshots => Self::Snapshots,
            HarmKind::Pack => Self::Pack,
            HarmKind::Content => Self::Content,
        }
    }
}

impl Kind {
    fn advice(self) -> Text {
        match self {
            Self::Journal | Self::Snapshots => text(
                "Làm ngay: dừng máy chủ, chép nguyên thư mục `store`, chạy `congvu store repair`, rồi khôi phục từ bản \
                 sao lưu tốt mới nhất những tài khoản mà lệnh đó nêu. Đừng chạy `store rebuild`; chỉ mục có thể là nơi \
                 duy nhất còn giữ phần hỏng.",
                "Soon: stop the server, copy the folder `store` as it is, run `congvu store repair`, then restore from \
                 the newest good backup the accounts that it names. No `store rebuild`: the index may be the only \
                 place that still has what is damaged.",
            ),
            Self::Pack | Self::Content => text(
                "Chạy `congvu admin store verify --deep` để biết mọi thư bị hỏng, rồi đưa tài khoản trở lại tại chỗ: \
                 `congvu admin recovery from-backup ĐỊA-CHỈ --in-place`. Giữ các bản sao lưu cũ đến khi xong.",
                "`congvu admin store verify --deep` names all damaged letters; then heal each account in place: \
                 `congvu admin recovery from-backup ADDRESS --in-place`. Keep the older backups until then.",
            ),
        }
    }
}

/// All that is listed, in this language.
pub(crate) fn harms(directory: &Directory, harms: storage::Harms, language: Language) -> Vec<Harm> {
    let told = harms.list.into_iter().map(|harm| {
        let kind = Kind::from(harm.kind);
        let messages = harm.messages.into_iter();
        Harm {
            kind,
            file: harm.file,
            octet: harm.octet,
            what: what(&harm.what).in_language(language),
            since: date::utc(harm.since),
            messages: messages.map(|message| harmed(directory, message)).collect(),
            advice: kind.advice().in_language(language),
        }
    });
    told.collect()
}

fn what(told: &str) -> Text {
    let (vi, en) = halves(told);
    text(vi, en)
}

fn harmed(directory: &Directory, message: storage::Harmed) -> Harmed {
    let account = directory.kept_account(message.account).ok();
    let places = message.places.into_iter();
    Harmed {
        account: message.account.raw(),
        address: account.map(|account| account.address.to_string()),
        message: message.email.raw(),
        places: places
            .map(|(path, uid)| format!("{} uid {uid}", path.join("/")))
            .collect(),
    }
}
