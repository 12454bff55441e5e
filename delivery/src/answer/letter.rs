//! RFC 3834 §3: an answer as octets.

use super::Question;
use crate::TlsWish;
use crate::stamp::ZONE_MIN;
use directory::{Answers, Vacation};
use formats::date;
use formats::message::{Draft, NamedAddress, compose};

/// The answer. `message_id`: without brackets; `now`: Unix seconds.
pub(super) fn print(answers: &Answers, question: &Question, message_id: &str, now: i64) -> Vec<u8> {
    let said = &answers.vacation;
    let text = match (&said.text, &said.html) {
        (None, None) => Some(words(answers)),
        (text, _) => text.clone(),
    };
    let mut references = question.references.clone();
    references.extend(question.message_id.clone());
    let one = |name: &str, email: String| NamedAddress {
        name: (!name.is_empty()).then(|| name.to_owned()),
        email,
    };
    // RFC 3834 §3.1.7; Exchange knows the other one.
    let mut extra = vec![
        ("Auto-Submitted".to_owned(), "auto-replied".to_owned()),
        ("X-Auto-Response-Suppress".to_owned(), "All".to_owned()),
    ];
    if question.tls == TlsWish::Waived {
        extra.push(("TLS-Required".to_owned(), "No".to_owned()));
    }
    compose(&Draft {
        from: vec![one(&answers.name, question.named.to_string())],
        to: vec![one("", question.to.to_string())],
        subject: subject(said, question),
        message_id: message_id.to_owned(),
        in_reply_to: question.message_id.clone().into_iter().collect(),
        references,
        sent_at: (now, ZONE_MIN),
        text,
        html: said.html.clone(),
        extra,
        ..Draft::default()
    })
}

/// RFC 3834 §3.1.5: one that says what it is, and what it answers.
fn subject(said: &Vacation, question: &Question) -> String {
    match &said.subject {
        Some(subject) => subject.clone(),
        None => format!("Trả lời tự động (Auto): {}", question.subject)
            .trim_end_matches([' ', ':'])
            .to_owned(),
    }
}

/// RFC 8621 §8: where the owner gave no words.
fn words(answers: &Answers) -> String {
    let to = answers.vacation.span.to;
    // Whoever is away until the morning of a day is back on it.
    let day = to.map(|to| date::day_of(to, ZONE_MIN));
    let (vi, en) = match day {
        Some(day) => (
            format!(" đến ngày {:02}/{:02}/{}", day.day, day.month, day.year),
            format!(" until {day}"),
        ),
        None => (String::new(), String::new()),
    };
    format!(
        "Tôi đang vắng mặt{vi} nên chưa trả lời được thư này; thư đã vào hộp thư của tôi.\n\
         Đây là thư trả lời tự động.\n\n\
         I am away{en} and cannot answer this message yet; it is in my mailbox.\n\
         This is an automatic reply.\n\n{}\n",
        answers.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use directory::AccountId;
    use formats::address::Address;
    use formats::message::header::text;
    use formats::message::{bodies, first_value, part, summarize};

    fn printed(change: impl FnOnce(&mut Answers, &mut Question)) -> String {
        let mut answers = Answers {
            name: "Nguyễn Văn An".into(),
            vacation: Vacation::none(AccountId::FIRST),
        };
        let mut question = Question {
            to: Address::parse("b@y.vn").unwrap(),
            named: Address::parse("an@x.vn").unwrap(),
            at: 0,
            about: String::new(),
            message_id: Some("2@y.vn".into()),
            references: vec!["1@y.vn".into()],
            subject: "Hỏi".into(),
            tls: TlsWish::None,
        };
        change(&mut answers, &mut question);
        let letter = print(&answers, &question, "id@mx.x.vn", 1_795_305_600);
        String::from_utf8(letter).unwrap()
    }

    fn text_of(letter: &str) -> String {
        let summary = summarize(letter.as_bytes());
        let section = bodies(&summary.part).text.into_iter().next().unwrap();
        let found = summary.part.find_section(&section).unwrap();
        part::decode_text(found.part, letter.as_bytes())
    }

    fn subject_of(letter: &str) -> String {
        let value = first_value(letter.as_bytes(), "Subject").unwrap();
        text(value.as_bytes())
    }

    #[test]
    fn an_answer_says_that_a_program_wrote_it() {
        let letter = printed(|_, _| {});
        for line in [
            "To: b@y.vn\r\n",
            "Message-ID: <id@mx.x.vn>\r\n",
            "In-Reply-To: <2@y.vn>\r\n",
            "References: <1@y.vn> <2@y.vn>\r\n",
            "Auto-Submitted: auto-replied\r\n",
            "X-Auto-Response-Suppress: All\r\n",
        ] {
            assert!(letter.contains(line), "{line}: {letter}");
        }
        assert_eq!(subject_of(&letter), "Trả lời tự động (Auto): Hỏi");
        let text = text_of(&letter);
        assert!(
            text.contains("vắng mặt nên") && text.contains("I am away and"),
            "{text}"
        );
        assert!(
            text.ends_with("Nguyễn Văn An\r\n") || text.ends_with("Nguyễn Văn An\n"),
            "{text}"
        );
    }

    #[test]
    fn the_owner_chooses_the_words() {
        let letter = printed(|answers, question| {
            answers.vacation.subject = Some("Nghỉ phép".into());
            answers.vacation.html = Some("<p>Tôi <b>nghỉ</b></p>".into());
            question.message_id = None;
            question.references.clear();
            question.tls = TlsWish::Waived;
        });
        assert!(letter.contains("multipart/alternative"), "{letter}");
        assert!(letter.contains("TLS-Required: No\r\n"), "{letter}");
        assert!(
            !letter.contains("In-Reply-To") && !letter.contains("References"),
            "{letter}"
        );
        assert!(text_of(&letter).contains("Tôi nghỉ"));
        let dated = printed(|answers, question| {
            // Midnight of 1 December in Viet Nam.
            answers.vacation.span.to = Some(1_796_058_000);
            question.subject.clear();
        });
        let text = text_of(&dated);
        assert!(
            text.contains("đến ngày 01/12/2026") && text.contains("until 2026-12-01"),
            "{text}"
        );
        assert_eq!(subject_of(&dated), "Trả lời tự động (Auto)");
    }
}
