//! Positions as JSON.

use crate::body::{given, present};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What kind of seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PositionKind {
    /// Chủ tịch.
    Chairman,
    /// Phó Chủ tịch.
    DeputyChairman,
    /// Giám đốc, Trưởng phòng: who leads an agency that has no chairman.
    Head,
    /// Phó Giám đốc, Phó Trưởng phòng.
    DeputyHead,
    /// Chánh Văn phòng.
    ChiefOfOffice,
    /// Phó Chánh Văn phòng.
    DeputyChiefOfOffice,
    /// Bí thư.
    Secretary,
    /// Phó Bí thư.
    DeputySecretary,
    /// Văn thư.
    Clerk,
    /// Kế toán.
    Accountant,
    /// Thanh tra.
    Inspector,
    /// Chuyên viên, công chức.
    Specialist,
    /// A desk that several people serve.
    Desk,
    /// None of these, or not said.
    #[default]
    Other,
}

impl From<PositionKind> for directory::PositionKind {
    fn from(kind: PositionKind) -> Self {
        match kind {
            PositionKind::Chairman => Self::Chairman,
            PositionKind::DeputyChairman => Self::DeputyChairman,
            PositionKind::Head => Self::Head,
            PositionKind::DeputyHead => Self::DeputyHead,
            PositionKind::ChiefOfOffice => Self::ChiefOfOffice,
            PositionKind::DeputyChiefOfOffice => Self::DeputyChiefOfOffice,
            PositionKind::Secretary => Self::Secretary,
            PositionKind::DeputySecretary => Self::DeputySecretary,
            PositionKind::Clerk => Self::Clerk,
            PositionKind::Accountant => Self::Accountant,
            PositionKind::Inspector => Self::Inspector,
            PositionKind::Specialist => Self::Specialist,
            PositionKind::Desk => Self::Desk,
            PositionKind::Other => Self::Other,
        }
    }
}

impl From<directory::PositionKind> for PositionKind {
    fn from(kind: directory::PositionKind) -> Self {
        use directory::PositionKind as Kind;
        match kind {
            Kind::Chairman => Self::Chairman,
            Kind::DeputyChairman => Self::DeputyChairman,
            Kind::Head => Self::Head,
            Kind::DeputyHead => Self::DeputyHead,
            Kind::ChiefOfOffice => Self::ChiefOfOffice,
            Kind::DeputyChiefOfOffice => Self::DeputyChiefOfOffice,
            Kind::Secretary => Self::Secretary,
            Kind::DeputySecretary => Self::DeputySecretary,
            Kind::Clerk => Self::Clerk,
            Kind::Accountant => Self::Accountant,
            Kind::Inspector => Self::Inspector,
            Kind::Specialist => Self::Specialist,
            Kind::Desk => Self::Desk,
            Kind::Other => Self::Other,
        }
    }
}

/// That somebody held a position.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Holding {
    /// Perhaps deleted since.
    account: u32,
    /// As it was then.
    #[schema(example = "Bùi Thị Hạnh")]
    name: String,
    /// As it was then.
    #[schema(example = "hanhbt@tinhmau.gov.vn")]
    address: String,
    from: String,
    /// The day on which it was handed on; null: still held.
    until: Option<String>,
    /// In another's place.
    acting: bool,
}

/// Mail of earlier holders that was sealed: an account that is retired and has no members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sealed {
    account: u32,
    on: String,
}

/// One position.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Position {
    /// Never reused.
    id: u32,
    #[schema(example = "H99.1")]
    agency: String,
    kind: PositionKind,
    #[schema(example = "Văn thư Văn phòng Ủy ban nhân dân tỉnh")]
    title: String,
    title_en: Option<String>,
    /// Its place in the agency: the smaller comes first.
    order: u32,
    /// The shared account that belongs to it.
    mailbox: Option<u32>,
    /// The last day on which there is this seat; null: it has no end.
    until: Option<String>,
    /// Who holds it now; null: nobody.
    holder: Option<Holding>,
    /// Who held it, the oldest first, the present one too.
    history: Vec<Holding>,
    /// Mail of earlier holders that was sealed, the oldest first.
    sealed: Vec<Sealed>,
    /// Raised with each change; also the ETag.
    version: u64,
}

/// A position to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPosition {
    #[schema(example = "H99.1")]
    pub(super) agency: String,
    /// `other` when left out.
    pub(super) kind: Option<PositionKind>,
    pub(super) title: String,
    pub(super) title_en: Option<String>,
    pub(super) order: Option<u32>,
    /// A shared account that belongs to no other position.
    pub(super) mailbox: Option<u32>,
    pub(super) until: Option<String>,
}

/// What may change of a position (RFC 7396 merge).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PositionChange {
    #[serde(default, deserialize_with = "given")]
    pub(super) agency: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub(super) kind: Option<PositionKind>,
    #[serde(default, deserialize_with = "given")]
    pub(super) title: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) title_en: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub(super) order: Option<u32>,
    /// While nobody holds the position.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    pub(super) mailbox: Option<Option<u32>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) until: Option<Option<String>>,
}

/// What may be read of the mail that came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Earlier {
    /// All of it, by the new holder as by the other members.
    Readable,
    /// None of it, by nobody: it stays in an account that is retired.
    Sealed,
}

impl From<Earlier> for directory::Earlier {
    fn from(earlier: Earlier) -> Self {
        match earlier {
            Earlier::Readable => Self::Readable,
            Earlier::Sealed => Self::Sealed,
        }
    }
}

/// How a position is handed over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handover {
    /// To whom; null: to nobody.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub(super) to: Option<u32>,
    /// In another's place.
    #[serde(default)]
    pub(super) acting: bool,
    /// The day that the history names; today when left out. Rights change at once.
    pub(super) on: Option<String>,
    /// Over the mailbox, letters of RFC 4314 §2.1; `lrswite` when left out.
    pub(super) rights: Option<String>,
    /// `readable` when left out.
    pub(super) earlier: Option<Earlier>,
    /// Kept in the audit log.
    #[schema(example = "Quyết định số 12/QĐ-UBND")]
    pub(super) reason: Option<String>,
}

/// Which positions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PositionFilter {
    /// Of this agency and those under it.
    pub(super) agency: Option<String>,
    pub(super) kind: Option<PositionKind>,
    /// Held by this account now.
    pub(super) holder: Option<u32>,
    /// Whose mailbox is this account.
    pub(super) mailbox: Option<u32>,
    /// True: those that nobody holds; false: those that somebody does.
    pub(super) vacant: Option<bool>,
    /// Words in titles and the holder's name, with or without Vietnamese marks.
    pub(super) find: Option<String>,
    /// 1 to 500, 50 when left out.
    pub(super) limit: Option<i64>,
    /// Of the page before.
    pub(super) cursor: Option<String>,
}

impl From<&directory::Holding> for Holding {
    fn from(row: &directory::Holding) -> Self {
        Self {
            account: row.account.raw(),
            name: row.name.clone(),
            address: row.address.clone(),
            from: row.from.into(),
            until: row.until.map(Into::into),
            acting: row.acting,
        }
    }
}

impl From<directory::Position> for Position {
    fn from(row: directory::Position) -> Self {
        let sealed = row.sealed.iter().map(|sealed| Sealed {
            account: sealed.account.raw(),
            on: sealed.on.into(),
        });
        Self {
            id: row.id.0,
            holder: row.holder().map(Into::into),
            history: row.holdings.iter().map(Into::into).collect(),
            sealed: sealed.collect(),
            agency: row.agency.0,
            kind: row.kind.into(),
            title: row.title,
            title_en: row.title_en,
            order: row.order,
            mailbox: row.mailbox.map(directory::AccountId::raw),
            until: row.until.map(Into::into),
            version: row.version,
        }
    }
}
