//! The sample province: agencies, persons, position mailboxes, a list, a room. All invented.

use anyhow::Context as _;
use directory::{
    AccountId, AccountKind, Agency, AgencyCode, AgencyId, AgencyKind, AgencyProfile, Directory,
    Grant, Handover, ListRule, NewAccount, NewAgency, NewPosition, PositionId, PositionKind,
    Rights, Role, Secret,
};
use formats::address::{Address, DomainName};
use formats::date::Day;

/// The province's domain.
pub const DOMAIN: &str = "tinhmau.gov.vn";
/// Its agency code.
pub const ROOT: &str = "H99";
/// Who administers it.
pub const ADMINISTRATOR: &str = "quantri";

/// Code, parent, name, English name.
const AGENCIES: &[(&str, &str, &str, &str)] = &[
    (
        "H99",
        "",
        "Ủy ban nhân dân tỉnh Tỉnh Mẫu",
        "People's Committee of Tỉnh Mẫu province",
    ),
    (
        "H99.1",
        "H99",
        "Văn phòng Ủy ban nhân dân tỉnh",
        "Office of the People's Committee",
    ),
    ("H99.2", "H99", "Sở Nội vụ", "Department of Home Affairs"),
    ("H99.3", "H99", "Sở Tài chính", "Department of Finance"),
    (
        "H99.4",
        "H99",
        "Sở Khoa học và Công nghệ",
        "Department of Science and Technology",
    ),
    (
        "H99.21",
        "H99",
        "Ủy ban nhân dân xã Hàm An",
        "People's Committee of Hàm An commune",
    ),
    (
        "H99.22",
        "H99",
        "Ủy ban nhân dân phường Minh Hà",
        "People's Committee of Minh Hà ward",
    ),
    (
        "H99.23",
        "H99",
        "Ủy ban nhân dân xã Đồng Quế",
        "People's Committee of Đồng Quế commune",
    ),
    (
        "H99.1.1",
        "H99.1",
        "Phòng Tổng hợp",
        "General Affairs Division",
    ),
    (
        "H99.2.1",
        "H99.2",
        "Phòng Cải cách hành chính",
        "Administrative Reform Division",
    ),
    ("H99.3.1", "H99.3", "Phòng Ngân sách", "Budget Division"),
    (
        "H99.4.1",
        "H99.4",
        "Trung tâm Công nghệ thông tin",
        "Information Technology Centre",
    ),
];

/// Local part, name, agency, position.
pub const PERSONS: &[(&str, &str, &str, &str)] = &[
    ("annv", "Nguyễn Văn An", "H99.1", "Chuyên viên"),
    ("binhtt", "Trần Thị Bình", "H99.1", "Phó Chánh Văn phòng"),
    (
        ADMINISTRATOR,
        "Quản trị hệ thống",
        "H99.4.1",
        "Quản trị viên",
    ),
    ("cuonglq", "Lê Quốc Cường", "H99.1", "Chánh Văn phòng"),
    ("dungpt", "Phạm Tiến Dũng", "H99.1.1", "Trưởng phòng"),
    ("giangvh", "Võ Hương Giang", "H99.1.1", "Chuyên viên chính"),
    ("haidm", "Đặng Minh Hải", "H99.1.1", "Chuyên viên"),
    ("hanhbt", "Bùi Thị Hạnh", "H99.1", "Văn thư"),
    ("hiendt", "Đỗ Thu Hiền", "H99.2", "Giám đốc Sở"),
    ("hieuhv", "Hồ Văn Hiếu", "H99.2", "Phó Giám đốc Sở"),
    ("hoant", "Ngô Thanh Hòa", "H99.2", "Chánh Văn phòng Sở"),
    ("hungdv", "Dương Văn Hùng", "H99.2.1", "Trưởng phòng"),
    ("huonglt", "Lý Thị Hương", "H99.2.1", "Chuyên viên chính"),
    ("khanhdq", "Đinh Quang Khánh", "H99.2.1", "Chuyên viên"),
    ("lanmt", "Mai Thị Lan", "H99.2", "Văn thư"),
    ("linhth", "Trịnh Hoài Linh", "H99.2.1", "Chuyên viên"),
    ("longlv", "Lương Việt Long", "H99.3", "Giám đốc Sở"),
    ("maintn", "Nguyễn Thị Ngọc Mai", "H99.3", "Phó Giám đốc Sở"),
    ("namtv", "Trần Văn Nam", "H99.3.1", "Trưởng phòng"),
    ("ngalt", "Lê Thúy Nga", "H99.3.1", "Kế toán viên"),
    ("nhungph", "Phạm Hồng Nhung", "H99.3.1", "Chuyên viên"),
    ("oanhht", "Hoàng Thị Oanh", "H99.3", "Văn thư"),
    ("phuchd", "Huỳnh Đức Phúc", "H99.4", "Giám đốc Sở"),
    ("quanpa", "Phan Anh Quân", "H99.4", "Phó Giám đốc Sở"),
    ("quyetnv", "Nông Văn Quyết", "H99.4.1", "Giám đốc Trung tâm"),
    ("sonvt", "Vũ Thái Sơn", "H99.4.1", "Kỹ sư"),
    ("tamdt", "Đặng Thanh Tâm", "H99.4.1", "Chuyên viên"),
    ("thangbq", "Bùi Quyết Thắng", "H99.4.1", "Kỹ sư"),
    ("thaodp", "Đỗ Phương Thảo", "H99.4", "Văn thư"),
    ("thuyhx", "Hồ Xuân Thủy", "H99.21", "Chủ tịch xã"),
    ("toannm", "Ngô Minh Toàn", "H99.21", "Phó Chủ tịch xã"),
    (
        "trangdt",
        "Dương Thu Trang",
        "H99.21",
        "Công chức Văn phòng",
    ),
    ("trungdx", "Đinh Xuân Trung", "H99.22", "Chủ tịch phường"),
    ("tuandm", "Đặng Minh Tuấn", "H99.22", "Công chức Tư pháp"),
    ("tuyetlt", "Lê Thị Tuyết", "H99.22", "Công chức Văn phòng"),
    ("vannk", "Nguyễn Kim Vân", "H99.23", "Chủ tịch xã"),
    (
        "vinhlq",
        "Lương Quang Vinh",
        "H99.23",
        "Công chức Địa chính",
    ),
    ("xuanmt", "Mai Thanh Xuân", "H99.23", "Công chức Văn phòng"),
    ("yennt", "Nguyễn Thị Hải Yến", "H99.2", "Thanh tra viên"),
    ("duydk", "Đoàn Khắc Duy", "H99.3", "Chuyên viên"),
];

/// Position mailboxes: local part, name, agency.
pub const POSITIONS: &[(&str, &str, &str)] = &[
    ("vanthu", "Văn thư Văn phòng Ủy ban nhân dân tỉnh", "H99.1"),
    ("vanthu.snv", "Văn thư Sở Nội vụ", "H99.2"),
    ("vanthu.stc", "Văn thư Sở Tài chính", "H99.3"),
    ("tiepnhanhoso", "Bộ phận Tiếp nhận hồ sơ", "H99.1"),
    ("ubndhaman", "Ủy ban nhân dân xã Hàm An", "H99.21"),
    ("chutich", "Chủ tịch Ủy ban nhân dân tỉnh", "H99"),
];

/// Who holds a position: its local part, the person's, the rights over its mailboxes. A reader has `lrs`.
const HOLDERS: &[(&str, &str, &str)] = &[
    ("vanthu", "hanhbt", "lrswitek"),
    ("vanthu", "cuonglq", "lrs"),
    ("vanthu.snv", "lanmt", "lrswitek"),
    ("vanthu.stc", "oanhht", "lrswitek"),
    ("tiepnhanhoso", "hanhbt", "lrswitek"),
    ("ubndhaman", "trangdt", "lrswitek"),
    ("chutich", "cuonglq", "lrswitek"),
];

/// The password of a sample account: known to everybody, for loopback only. Numbered, since the
/// directory takes no password with the name in it.
pub fn password(local: &str) -> String {
    let names = PERSONS
        .iter()
        .map(|row| row.0)
        .chain(POSITIONS.iter().map(|row| row.0));
    let number = names.take_while(|name| *name != local).count() + 1;
    format!("TinhMau-2026-{number:02}")
}

/// An address of the province.
pub fn address(local: &str) -> anyhow::Result<Address> {
    Address::parse(&format!("{local}@{DOMAIN}")).with_context(|| format!("sample address {local}"))
}

/// The agency whose code this is, by its Vietnamese name.
pub fn agency_name(code: &str) -> &'static str {
    AGENCIES
        .iter()
        .find(|row| row.0 == code)
        .map_or("", |row| row.2)
}

/// Creates the whole tree; called once, on an empty directory.
pub fn found(directory: &Directory) -> anyhow::Result<()> {
    for (code, parent, name, name_en) in AGENCIES {
        let parent = (!parent.is_empty()).then(|| AgencyId((*parent).to_owned()));
        let _: Agency = directory.create_agency(
            None,
            NewAgency {
                id: AgencyId((*code).to_owned()),
                parent,
                name: (*name).to_owned(),
                name_en: Some((*name_en).to_owned()),
                quota: directory::AgencyQuota::default(),
                profile: profile(code),
            },
        )?;
    }
    directory.create_domain(None, DomainName::parse(DOMAIN)?, AgencyId(ROOT.to_owned()))?;
    for (local, name, agency, position) in PERSONS {
        let id = create(
            directory,
            local,
            AccountKind::Person,
            name,
            agency,
            Some(position),
        )?;
        directory.set_password(None, id, &Secret::new(password(local)))?;
        // So that POP3 can be tried; elsewhere it is off until somebody asks for it.
        let mut account = directory.account(id)?;
        account.pop3 = true;
        directory.change_account(None, account, None)?;
    }
    for (local, name, agency) in POSITIONS {
        create(directory, local, AccountKind::Shared, name, agency, None)?;
    }
    hold(directory)?;
    for (local, ..) in POSITIONS {
        // After the handovers, which withdraw passwords of seats: here people may look into them without a holder.
        let id = directory.account_at(&address(local)?)?.id;
        directory.set_password(None, id, &Secret::new(password(local)))?;
    }
    create(
        directory,
        "phonghop.a",
        AccountKind::Resource,
        "Phòng họp A, tầng 3",
        "H99.1",
        None,
    )?;
    let everybody = PERSONS
        .iter()
        .filter(|row| row.0 != ADMINISTRATOR)
        .map(|row| address(row.0))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let list = AccountKind::List { members: everybody };
    create(
        directory,
        "toantinh",
        list,
        "Toàn thể cán bộ, công chức",
        ROOT,
        None,
    )?;
    let administrator = directory.account_at(&address(ADMINISTRATOR)?)?;
    let mut granted = administrator.clone();
    granted.grants = vec![Grant::of(Role::Administrator, AgencyId(ROOT.to_owned()))];
    directory.change_account(None, granted, None)?;
    directory.create_alias(None, address("postmaster")?, administrator.id)?;
    lead(directory)?;
    find_chairmen(directory)
}

/// What a sample agency is: the top and the departments have codes of the old form besides, communes began with the
/// reorganisation of 2025.
fn profile(code: &str) -> AgencyProfile {
    let number = code.split('.').nth(1).and_then(|n| n.parse::<u32>().ok());
    let levels = code.split('.').count();
    let kind = match (levels, number) {
        (1, _) => AgencyKind::Committee,
        (2, Some(21..)) => AgencyKind::Commune,
        (2, _) => AgencyKind::Department,
        _ if code == "H99.4.1" => AgencyKind::Centre,
        _ => AgencyKind::Unit,
    };
    let old = (levels <= 2).then(|| format!("000.00.{:02}.{ROOT}", number.unwrap_or(0)));
    AgencyProfile {
        kind,
        codes: old
            .and_then(|code| AgencyCode::parse(&code))
            .into_iter()
            .collect(),
        order: code
            .rsplit('.')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0),
        since: (kind == AgencyKind::Commune)
            .then(|| Day::parse("2025-07-01"))
            .flatten(),
        ..AgencyProfile::default()
    }
}

/// Makes the positions of the mailboxes, and hands them to their holders; who only reads is a member besides.
fn hold(directory: &Directory) -> anyhow::Result<()> {
    for (local, title, agency) in POSITIONS {
        let kind = match *local {
            "chutich" => PositionKind::Chairman,
            clerk if clerk.starts_with("vanthu") => PositionKind::Clerk,
            _ => PositionKind::Desk,
        };
        let mailbox = directory.account_at(&address(local)?)?.id;
        let position = seat(directory, kind, title, agency, Some(mailbox))?;
        for (_, holder, rights) in HOLDERS.iter().filter(|row| row.0 == *local) {
            let holder = directory.account_at(&address(holder)?)?.id;
            let rights = Rights::parse(rights).context("rights of a sample position")?;
            if !rights.has(Rights::INSERT) {
                directory.set_member(None, mailbox, holder, rights, None)?;
                continue;
            }
            let handover = Handover {
                to: Some(holder),
                rights: Some(rights),
                acting: kind == PositionKind::Chairman,
                ..Handover::default()
            };
            directory.hand_over(None, position, handover, None)?;
        }
    }
    Ok(())
}

/// Gives those who lead an agency, and their deputies, seats without mailboxes of their own.
fn lead(directory: &Directory) -> anyhow::Result<()> {
    for (local, _, agency, title) in PERSONS {
        let kind = match *title {
            title if title.starts_with("Chủ tịch") => PositionKind::Chairman,
            title if title.starts_with("Phó Chủ tịch") => PositionKind::DeputyChairman,
            title if title.starts_with("Chánh Văn phòng") => PositionKind::ChiefOfOffice,
            "Giám đốc Sở" | "Giám đốc Trung tâm" | "Trưởng phòng" => {
                PositionKind::Head
            }
            "Phó Giám đốc Sở" => PositionKind::DeputyHead,
            _ => continue,
        };
        let holder = directory.account_at(&address(local)?)?.id;
        let position = seat(directory, kind, title, agency, None)?;
        let handover = Handover {
            to: Some(holder),
            ..Handover::default()
        };
        directory.hand_over(None, position, handover, None)?;
    }
    Ok(())
}

/// A list that finds its members: every chairman of a commune.
fn find_chairmen(directory: &Directory) -> anyhow::Result<()> {
    let kind = AccountKind::List {
        members: Vec::new(),
    };
    let name = "Chủ tịch các xã, phường";
    let list = create(directory, "chutichxa", kind, name, ROOT, None)?;
    let mut rules = directory.list_rules(None, list)?;
    rules.rule = Some(ListRule {
        under: AgencyId(ROOT.to_owned()),
        agency_kinds: vec![AgencyKind::Commune],
        position_kinds: vec![PositionKind::Chairman],
        account_kinds: Vec::new(),
    });
    directory.set_list_rules(None, rules, None)?;
    Ok(())
}

fn seat(
    directory: &Directory,
    kind: PositionKind,
    title: &str,
    agency: &str,
    mailbox: Option<AccountId>,
) -> anyhow::Result<PositionId> {
    let new = NewPosition {
        agency: AgencyId(agency.to_owned()),
        kind,
        title: title.to_owned(),
        title_en: None,
        order: 0,
        mailbox,
        until: None,
    };
    Ok(directory.create_position(None, new)?.id)
}

fn create(
    directory: &Directory,
    local: &str,
    kind: AccountKind,
    name: &str,
    agency: &str,
    position: Option<&str>,
) -> anyhow::Result<AccountId> {
    let new = NewAccount {
        address: address(local)?,
        kind,
        agency: AgencyId(agency.to_owned()),
        name: name.to_owned(),
        position: position.map(str::to_owned),
        quota: None,
        messages_max: None,
    };
    Ok(directory
        .create_account(None, new)
        .with_context(|| format!("sample account {local}"))?
        .id)
}
