//! The columns of each kind of table, with the names that a file may call them by.

use formats::text::fold;
use serde::{Deserialize, Serialize};

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Subject {
    Agencies,
    Accounts,
    /// Members of lists and of shared accounts.
    Members,
    // How jobs are stored: new ones come last.
    /// Seats of agencies, with who holds them first.
    Positions,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Column {
    Id,
    Parent,
    Name,
    NameEn,
    Address,
    Kind,
    Agency,
    Position,
    State,
    Quota,
    MessagesMax,
    Pop3,
    Account,
    Member,
    Rights,
    // How rows of results are stored: new ones come last.
    /// Official codes of an agency, several in a cell.
    Codes,
    Order,
    ShortName,
    /// The first day.
    Since,
    /// The last day.
    Until,
    /// Other addresses of an account, several in a cell.
    Aliases,
    /// The number of a position.
    Number,
    Title,
    TitleEn,
    /// The shared account that belongs to a position.
    Mailbox,
    /// The address of who holds a position.
    Holder,
    /// His first day.
    HeldSince,
    /// Whether he holds it in another's place.
    Acting,
}

impl Subject {
    /// Its columns in the order in which they are exported.
    pub const fn columns(self) -> &'static [Column] {
        use Column::*;
        match self {
            Self::Agencies => &[
                Id, Parent, Name, NameEn, ShortName, Kind, Codes, Order, Since, Until,
            ],
            Self::Accounts => &[
                Address,
                Name,
                Kind,
                Agency,
                Position,
                State,
                Quota,
                MessagesMax,
                Pop3,
                Aliases,
            ],
            Self::Members => &[Account, Member, Rights],
            Self::Positions => &[
                Number, Agency, Order, Title, TitleEn, Kind, Mailbox, Until, Holder, HeldSince,
                Acting,
            ],
        }
    }

    /// Those without which no row says what it is about.
    pub const fn needed(self) -> &'static [Column] {
        use Column::*;
        match self {
            Self::Agencies => &[Id],
            Self::Accounts => &[Address],
            Self::Members => &[Account, Member],
            Self::Positions => &[Agency, Title],
        }
    }
}

impl Column {
    /// Its name in the API and in exported files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Parent => "parent",
            Self::Name => "name",
            Self::NameEn => "name_en",
            Self::Address => "address",
            Self::Kind => "kind",
            Self::Agency => "agency",
            Self::Position => "position",
            Self::State => "state",
            Self::Quota => "quota",
            Self::MessagesMax => "messages_max",
            Self::Pop3 => "pop3",
            Self::Account => "account",
            Self::Member => "member",
            Self::Rights => "rights",
            Self::Codes => "codes",
            Self::Order => "order",
            Self::ShortName => "short_name",
            Self::Since => "since",
            Self::Until => "until",
            Self::Aliases => "aliases",
            Self::Number => "number",
            Self::Title => "title",
            Self::TitleEn => "title_en",
            Self::Mailbox => "mailbox",
            Self::Holder => "holder",
            Self::HeldSince => "held_since",
            Self::Acting => "acting",
        }
    }

    /// Its name for people, in Vietnamese.
    pub const fn vietnamese(self) -> &'static str {
        self.aliases()[0]
    }

    /// What a file may call it besides; case, marks, spaces and signs do not count.
    const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Id => &["Mã cơ quan", "Mã", "Mã định danh", "code", "agency code"],
            Self::Parent => &[
                "Mã cơ quan cấp trên",
                "Cơ quan cấp trên",
                "Cấp trên",
                "Trực thuộc",
                "parent code",
            ],
            Self::Name => &[
                "Tên",
                "Họ tên",
                "Họ và tên",
                "Tên cơ quan",
                "full name",
                "display name",
            ],
            Self::NameEn => &["Tên tiếng Anh", "english name"],
            Self::Address => &[
                "Địa chỉ thư",
                "Địa chỉ",
                "Thư điện tử",
                "Email",
                "E-mail",
                "mail",
                "mail address",
            ],
            Self::Kind => &[
                "Loại",
                "Loại tài khoản",
                "Loại cơ quan",
                "Loại vị trí",
                "type",
            ],
            Self::Agency => &[
                "Cơ quan",
                "Mã cơ quan",
                "Đơn vị",
                "Mã đơn vị",
                "unit",
                "department",
                "agency code",
            ],
            Self::Position => &["Chức vụ", "Chức danh", "title", "job title"],
            Self::State => &["Trạng thái", "Tình trạng", "status"],
            Self::Quota => &["Hạn mức", "Dung lượng", "quota"],
            Self::MessagesMax => &["Số thư tối đa", "max messages"],
            Self::Pop3 => &["POP3", "Cho dùng POP3"],
            Self::Account => &["Hộp thư", "Danh sách", "Tài khoản", "list", "mailbox"],
            Self::Member => &["Thành viên", "Địa chỉ thành viên", "member address"],
            Self::Rights => &["Quyền", "permissions"],
            Self::Codes => &[
                "Mã chính thức",
                "Các mã khác",
                "Mã khác",
                "official codes",
                "other codes",
            ],
            Self::ShortName => &["Tên viết tắt", "Tên ngắn", "Viết tắt", "abbreviation"],
            Self::Aliases => &[
                "Địa chỉ khác",
                "Các địa chỉ khác",
                "Bí danh",
                "alias",
                "other addresses",
            ],
            _ => self.seat_aliases(),
        }
    }

    /// The same of places and days, and of columns that only positions have.
    const fn seat_aliases(self) -> &'static [&'static str] {
        match self {
            Self::Order => &["Thứ tự", "STT", "place"],
            Self::Since => &["Từ ngày", "Ngày thành lập", "Ngày bắt đầu", "from"],
            Self::Until => &["Đến ngày", "Ngày kết thúc", "to"],
            Self::Number => &["Số vị trí", "position number"],
            Self::Title => &["Chức danh", "Chức vụ", "Vị trí", "Tên vị trí", "position"],
            Self::TitleEn => &["Chức danh tiếng Anh", "english title"],
            Self::Mailbox => &["Hộp thư", "Hộp thư vị trí", "Địa chỉ hộp thư"],
            Self::Holder => &["Người giữ", "Người đảm nhiệm", "held by"],
            Self::HeldSince => &["Giữ từ ngày", "Ngày nhận", "since"],
            Self::Acting => &[
                "Quyền, phụ trách",
                "Phụ trách",
                "Giữ quyền",
                "acting holder",
            ],
            _ => &[],
        }
    }

    fn is_called(self, name: &str) -> bool {
        plain(self.name()) == name || self.aliases().iter().any(|alias| plain(alias) == name)
    }
}

/// Letters and digits only, folded.
fn plain(name: &str) -> String {
    let folded = fold(name);
    folded.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The columns that a header names.
pub(crate) fn header(
    subject: Subject,
    cells: &[String],
) -> Result<Vec<Option<Column>>, super::job::Failure> {
    use super::job::Failure;
    let mut found: Vec<Option<Column>> = Vec::with_capacity(cells.len());
    for (n, cell) in cells.iter().enumerate() {
        let called = plain(cell);
        let column = subject.columns().iter().find(|c| c.is_called(&called));
        match column {
            Some(column) if found.contains(&Some(*column)) => {
                return Err(Failure::ColumnTwice(cut(cell)));
            }
            Some(column) => found.push(Some(*column)),
            // Spreadsheets leave empty columns at the end.
            None if called.is_empty() && cells[n..].iter().all(|c| c.trim().is_empty()) => {
                found.push(None);
            }
            None => return Err(Failure::UnknownColumn(cut(cell))),
        }
    }
    for needed in subject.needed() {
        if !found.contains(&Some(*needed)) {
            return Err(Failure::NoColumn(needed.name().to_owned()));
        }
    }
    Ok(found)
}

/// Characters of a wrong text that are told.
const TOLD_MAX: usize = 80;

/// The text, so short that it can be told.
pub(crate) fn cut(text: &str) -> String {
    let text = text.trim();
    let mut short: String = text.chars().take(TOLD_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::super::job::Failure;
    use super::*;

    fn of(subject: Subject, line: &str) -> Result<Vec<Option<Column>>, Failure> {
        let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        header(subject, &cells)
    }

    #[test]
    fn headers_are_known_in_both_languages_in_any_order() {
        use Column::*;
        let known = |line, columns: &[Column]| {
            let all = columns.iter().copied().map(Some).collect::<Vec<_>>();
            assert_eq!(of(Subject::Accounts, line), Ok(all), "{line}");
        };
        known("address,name,agency", &[Address, Name, Agency]);
        known(
            "Họ và tên, MÃ CƠ QUAN ,Địa chỉ thư,Chức vụ",
            &[Name, Agency, Address, Position],
        );
        known("E-Mail,ho ten,don_vi", &[Address, Name, Agency]);
        assert_eq!(
            of(Subject::Accounts, "email,,"),
            Ok(vec![Some(Address), None, None])
        );
        for (line, failure) in [
            ("address,email", Failure::ColumnTwice("email".into())),
            (
                "address,Ngày sinh",
                Failure::UnknownColumn("Ngày sinh".into()),
            ),
            ("address,,name", Failure::UnknownColumn(String::new())),
            ("name,agency", Failure::NoColumn("address".into())),
        ] {
            assert_eq!(of(Subject::Accounts, line), Err(failure), "{line}");
        }
    }

    #[test]
    fn no_name_means_two_columns_of_a_table() {
        for subject in [
            Subject::Agencies,
            Subject::Accounts,
            Subject::Members,
            Subject::Positions,
        ] {
            for column in subject.columns() {
                for name in column.aliases().iter().chain([&column.name()]) {
                    let meant = subject
                        .columns()
                        .iter()
                        .filter(|c| c.is_called(&plain(name)));
                    assert_eq!(meant.count(), 1, "{subject:?} {name}");
                }
            }
        }
    }
}
