//! The sample mail: some hundred invented official letters, the same at every start from nothing.

use super::letter_texts::{ACTIONS, CLOSINGS, PLACES, REPLIES, SUBJECTS, TABLE_ROWS};
use super::province::{self, PERSONS};
use delivery::{Delivery, Envelope, Origin, Recipient, ReversePath};
use directory::{Clock, Directory, Right};
use formats::message::compose::{Draft, Enclosure, NamedAddress};
use std::sync::atomic::{AtomicI64, Ordering};
use storage::{Keyword, KeywordChange, Role, Uid};

/// How many letters are sent.
pub const COUNT: usize = 150;
/// 2 November 2026, 07:30 in Việt Nam.
const FIRST_S: i64 = 1_793_579_400;
/// Offset of Việt Nam, minutes.
const OFFSET_MIN: i32 = 7 * 60;

/// A clock that the seeding sets to each letter's time.
#[derive(Debug, Default)]
pub struct SeedClock(AtomicI64);

impl SeedClock {
    /// Stands at the first letter's time.
    pub fn new() -> Self {
        Self(AtomicI64::new(FIRST_S))
    }

    fn set(&self, unix_s: i64) {
        self.0.store(unix_s, Ordering::Relaxed);
    }
}

impl Clock for SeedClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed) * 1000
    }
}

/// A small fixed generator: the same letters on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Knuth's MMIX constants; quality does not matter here, sameness does.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

/// Sends all letters through the pipeline, then marks older ones as read.
pub fn send(directory: &Directory, delivery: &Delivery, clock: &SeedClock) -> anyhow::Result<()> {
    let mut dice = Dice(2026);
    let mut last: Option<(Draft, usize)> = None;
    for number in 0..COUNT {
        let at = moment(number, &mut dice);
        clock.set(at);
        // Every fifth letter answers the one before it, so that there are threads.
        let (draft, author) = match last.take() {
            Some((before, reader)) if number % 5 == 4 => {
                (answer(&before, reader, number, at, &mut dice), reader)
            }
            _ => letter(number, at, &mut dice),
        };
        deliver(delivery, &draft)?;
        let reader = PERSONS.iter().position(|row| {
            draft
                .to
                .iter()
                .any(|to| to.email.starts_with(&format!("{}@", row.0)))
        });
        last = Some((draft, reader.unwrap_or(author)));
    }
    mark_read(directory, &mut dice)
}

/// Office hours over three weeks.
fn moment(number: usize, dice: &mut Dice) -> i64 {
    let step = 19 * 86_400 / COUNT as i64;
    let day_start = FIRST_S + (number as i64 * step) / 86_400 * 86_400;
    let within = (number as i64 * step) % 86_400 * 9 / 24;
    day_start + within + dice.roll(240) as i64
}

fn person(index: usize) -> NamedAddress {
    let row = &PERSONS[index % PERSONS.len()];
    NamedAddress {
        name: Some(row.1.to_owned()),
        email: format!("{}@{}", row.0, province::DOMAIN),
    }
}

fn letter(number: usize, at: i64, dice: &mut Dice) -> (Draft, usize) {
    let author = 1 + dice.roll(PERSONS.len() - 1);
    // Two letters in three go to the first sample account, so that its INBOX looks lived in.
    let first = if number % 3 == 2 {
        1 + dice.roll(PERSONS.len() - 1)
    } else {
        0
    };
    let mut to = vec![person(first)];
    if number.is_multiple_of(4) {
        to.push(person(1 + dice.roll(PERSONS.len() - 1)));
    }
    if number % 6 == 1 {
        // Positions get mail as well, in turn.
        let (local, name, _) = province::POSITIONS[number / 6 % province::POSITIONS.len()];
        to.push(NamedAddress {
            name: Some(name.to_owned()),
            email: format!("{local}@{}", province::DOMAIN),
        });
    }
    to.retain(|one| one.email != person(author).email);
    if to.is_empty() {
        to.push(person(author + 1));
    }
    let agency = province::agency_name(PERSONS[author].2);
    let topic = *dice.pick(SUBJECTS);
    let code = 1200 + number * 3;
    let action = *dice.pick(ACTIONS);
    let place = *dice.pick(PLACES);
    let closing = *dice.pick(CLOSINGS);
    let text = format!(
        "Kính gửi: {}.\r\n\r\n{agency} {action} {topic}.\r\n\r\nSố văn bản: {code}/2026. Địa điểm: {place}.\r\n\r\n{closing}\r\n\r\nTrân trọng,\r\n{}\r\n{}\r\n",
        to.iter()
            .filter_map(|one| one.name.as_deref())
            .collect::<Vec<_>>()
            .join("; "),
        PERSONS[author].1,
        PERSONS[author].3,
    );
    let html = (number.is_multiple_of(2)).then(|| page(&text, number, dice));
    let draft = Draft {
        from: vec![person(author)],
        to,
        cc: if number.is_multiple_of(6) {
            vec![named("Văn thư", "vanthu")]
        } else {
            Vec::new()
        },
        subject: format!("V/v {topic}"),
        message_id: format!("mau.{number}@{}", province::DOMAIN),
        sent_at: (at, OFFSET_MIN),
        text: Some(text),
        html,
        attachments: enclosures(number, code),
        ..Draft::default()
    };
    (draft, author)
}

fn named(name: &str, local: &str) -> NamedAddress {
    NamedAddress {
        name: Some(name.to_owned()),
        email: format!("{local}@{}", province::DOMAIN),
    }
}

fn answer(before: &Draft, author: usize, number: usize, at: i64, dice: &mut Dice) -> Draft {
    let subject = before.subject.trim_start_matches("Re: ");
    let ids = vec![before.message_id.clone()];
    let reply = *dice.pick(REPLIES);
    let quoted: String = before
        .text
        .as_deref()
        .unwrap_or("")
        .lines()
        .map(|line| format!("> {line}\r\n"))
        .collect();
    Draft {
        from: vec![person(author)],
        to: before.from.clone(),
        subject: format!("Re: {subject}"),
        message_id: format!("mau.{number}@{}", province::DOMAIN),
        in_reply_to: ids.clone(),
        references: ids,
        sent_at: (at, OFFSET_MIN),
        text: Some(format!("{reply}\r\n\r\n{quoted}")),
        ..Draft::default()
    }
}

/// The letter as HTML, with a table as official letters like them; some ask for a remote picture.
fn page(text: &str, number: usize, dice: &mut Dice) -> String {
    let mut html = String::from("<div style=\"font-family:'Be Vietnam Pro',sans-serif\">");
    for paragraph in text
        .split("\r\n\r\n")
        .filter(|paragraph| !paragraph.is_empty())
    {
        html += &format!("<p>{}</p>", paragraph.trim().replace("\r\n", "<br>"));
    }
    if number.is_multiple_of(4) {
        html += "<table border=\"1\" style=\"border-collapse:collapse\"><tr><th style=\"padding:4px 12px\">Đơn vị</th><th style=\"padding:4px 12px\">Hồ sơ tiếp nhận</th><th style=\"padding:4px 12px\">Đúng hạn</th></tr>";
        for unit in TABLE_ROWS {
            let taken = 300 + dice.roll(2500);
            html += &format!(
                "<tr><td style=\"padding:4px 12px\">{unit}</td><td style=\"text-align:right;padding:4px 12px\">{taken}</td><td style=\"text-align:right;padding:4px 12px\">{}</td></tr>",
                taken - dice.roll(60)
            );
        }
        html += "</table>";
    }
    if number % 10 == 6 {
        html +=
            "<p><img src=\"https://anh.example/banner.png\" alt=\"Biểu trưng\" width=\"320\"></p>";
    }
    html + "</div>"
}

fn enclosures(number: usize, code: usize) -> Vec<Enclosure> {
    let mut all = Vec::new();
    if number.is_multiple_of(3) {
        all.push(Enclosure {
            name: format!("Công văn {code}.pdf"),
            media_type: "application/pdf".into(),
            bytes: pdf(code),
            cid: None,
            inline: false,
        });
    }
    if number.is_multiple_of(8) {
        let rows: String = TABLE_ROWS
            .iter()
            .enumerate()
            .map(|(i, unit)| format!("{},{unit},{}\r\n", i + 1, 100 * (i + code)))
            .collect();
        let bytes = format!("\u{feff}STT,Đơn vị,Số liệu\r\n{rows}").into_bytes();
        all.push(Enclosure {
            name: "Biểu mẫu tổng hợp.csv".into(),
            media_type: "text/csv; charset=utf-8".into(),
            bytes,
            cid: None,
            inline: false,
        });
    }
    all
}

/// A one-page PDF with a line of text and a right cross-reference table.
fn pdf(code: usize) -> Vec<u8> {
    let content = format!("BT /F1 18 Tf 72 760 Td (Cong van so {code}/2026) Tj ET");
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_owned(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut out = String::from("%PDF-1.4\n");
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out += &format!("{} 0 obj{object}endobj\n", index + 1);
    }
    let table = out.len();
    out += &format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for offset in offsets {
        out += &format!("{offset:010} 00000 n \n");
    }
    out += &format!(
        "trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n",
        objects.len() + 1
    );
    out.into_bytes()
}

fn deliver(delivery: &Delivery, draft: &Draft) -> anyhow::Result<()> {
    let raw = formats::message::compose::compose(draft);
    let path = |one: &NamedAddress| formats::address::Address::parse(&one.email);
    let mut recipients = Vec::new();
    for one in draft.to.iter().chain(&draft.cc) {
        recipients.push(Recipient {
            address: path(one)?,
            notify: None,
            orcpt: None,
        });
    }
    let from = match draft.from.first() {
        Some(author) => ReversePath::Address(path(author)?),
        None => ReversePath::Null,
    };
    let envelope = Envelope {
        from,
        recipients,
        envid: None,
        ret: None,
        smtputf8: false,
        eight_bit: true,
        ..Envelope::default()
    };
    delivery
        .accept(envelope, &raw, &Origin::Generated)
        .map_err(|refused| anyhow::anyhow!("sample letter refused: {refused:?}"))?;
    Ok(())
}

/// Most of what is older than the last days has been read; some of it is flagged.
fn mark_read(directory: &Directory, dice: &mut Dice) -> anyhow::Result<()> {
    let key = |text: &str| Keyword::new(text).ok_or_else(|| anyhow::anyhow!("keyword {text}"));
    let (seen, flagged) = (key("$seen")?, key("$flagged")?);
    for row in PERSONS {
        let name = province::address(row.0)?;
        let peer = directory::Peer {
            ip: std::net::Ipv4Addr::LOCALHOST.into(),
            service: "demo",
        };
        let secret = directory::Secret::new(province::password(row.0));
        let access = directory.sign_in(&name.to_string(), &secret, peer)?;
        let mail = access.mail(access.account(), Right::Write)?;
        let Some(inbox) = mail.by_role(Role::Inbox)? else {
            continue;
        };
        let mut emails = Vec::new();
        let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
        mail.scan(inbox.id, Uid::FIRST, last, &mut |_, state| {
            emails.push(state.email);
            true
        })?;
        let mut writer = mail.write()?;
        let fresh = emails.len().saturating_sub(emails.len() / 5);
        for email in emails.into_iter().take(fresh) {
            let mut add = vec![seen.clone()];
            if dice.roll(12) == 0 {
                add.push(flagged.clone());
            }
            writer.keywords(email, &KeywordChange::Add(add))?;
        }
        writer.commit()?;
    }
    Ok(())
}
