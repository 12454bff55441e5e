//! What the status code of a try means to people, and what helps: for notifications, timelines and whoever shows them.

use crate::act::GIVEN_UP;
use crate::carry::{FULL, FULL_NOW};
use crate::dispatch::NO_ROUTE;
use crate::outcome::IN_TIME;
use crate::release::{ADDRESS_LOST, DELETED, SUSPENDED, TAKEN_BACK};
use std::borrow::Cow;

/// What the server itself says of a message; all else are words of others, or of the way to them.
const OWN: [&str; 8] = [
    GIVEN_UP,
    TAKEN_BACK,
    SUSPENDED,
    DELETED,
    ADDRESS_LOST,
    FULL,
    FULL_NOW,
    NO_ROUTE,
];

/// RFC 3463 §3, RFC 7372, RFC 7505: what a code with its three numbers means, in a sentence or two: Vietnamese,
/// English. What is not known means what its class means.
#[must_use]
pub fn meaning(status: &str) -> (&'static str, &'static str) {
    let known = match status.split_at_checked(2) {
        Some(("5.", rest)) => over(rest),
        Some(("4.", rest)) => for_now(rest),
        _ => None,
    };
    known.unwrap_or(match status.starts_with('4') {
        true => (
            "Nơi nhận tạm thời chưa nhận được thư.",
            "The receiving server does not take it for the time being.",
        ),
        false => ("Thư không gửi được.", "The message could not be delivered."),
    })
}

/// The same for the whole text of an [`Outcome`](crate::Outcome); `failed`: it is over, whatever the last try said.
#[must_use]
pub fn explained(text: &str, failed: bool) -> (&'static str, &'static str) {
    if text == GIVEN_UP {
        return (
            "Quản trị viên đã bỏ thư này khỏi hàng đợi.",
            "An administrator gave it up.",
        );
    }
    if text == TAKEN_BACK {
        return (
            "Người gửi đã lấy lại thư này.",
            "Its sender took it back before it went.",
        );
    }
    if text == SUSPENDED {
        return (
            "Tài khoản của người gửi đang bị tạm ngưng nên thư được giữ lại.",
            "Its sender's account is suspended, so it is held back.",
        );
    }
    if text == DELETED {
        return (
            "Tài khoản của người gửi đã bị xoá nên thư được giữ lại.",
            "Its sender's account was deleted, so it is held back.",
        );
    }
    if text == ADDRESS_LOST {
        return (
            "Người gửi không còn giữ địa chỉ dùng để gửi thư này nên thư được giữ lại.",
            "Its sender no longer has the address it is to be sent from, so it is held back.",
        );
    }
    // Nothing was accepted, so nothing waits here.
    if text == FULL_NOW && failed {
        return (
            "Thư chưa được nhận vì hộp thư đã đầy; máy chủ chuyển thư đến sẽ thử lại.",
            "It was not taken, since the mailbox is full; the server that brought it will try again.",
        );
    }
    if text == NO_ROUTE && !failed {
        return (
            "Máy chủ này chưa được thiết lập để gửi thư ra ngoài.",
            "This server is not set up to send mail elsewhere.",
        );
    }
    match text.split(' ').next().unwrap_or_default() {
        status if failed && status.starts_with('4') => meaning("5.4.7"),
        status => meaning(status),
    }
}

/// What was said of a message in Vietnamese, where the server itself said it; the words of others stay as they are.
#[must_use]
pub fn said_in_vietnamese(text: &str) -> Cow<'_, str> {
    let (status, rest) = text.split_once(' ').unwrap_or((text, ""));
    if OWN.contains(&text) {
        return Cow::Owned(format!("{status} {}", explained(text, false).0));
    }
    // What waited for too long ends with why it waited.
    let why = rest.strip_prefix(IN_TIME);
    let own = |why: &&str| {
        OWN.iter()
            .find(|own| own.split_once(' ').map(|(_, o)| o) == Some(why))
    };
    match why.as_ref().and_then(own) {
        Some(own) => Cow::Owned(format!(
            "{status} {} {}",
            meaning("5.4.7").0,
            explained(own, false).0
        )),
        None => Cow::Borrowed(text),
    }
}

/// Failures for good.
fn over(rest: &str) -> Option<(&'static str, &'static str)> {
    address(rest).or_else(|| permission(rest)).or(match rest {
        "2.1" => Some((
            "Hộp thư này hiện không nhận thư.",
            "The mailbox takes no mail now.",
        )),
        "2.2" => Some((
            "Hộp thư đã đầy. Báo người nhận dọn bớt rồi gửi lại.",
            "The mailbox is full. Tell its owner, then send it again.",
        )),
        "2.3" | "3.4" => Some((
            "Thư quá lớn đối với nơi nhận. Gửi tệp bằng cách khác hoặc chia nhỏ.",
            "The message is too large for the receiving server. Send the files in another way, or in parts.",
        )),
        "4.1" | "4.4" => Some((
            "Không tìm được đường đến máy chủ của nơi nhận.",
            "There is no way to the receiving server.",
        )),
        "4.6" => Some((
            "Thư đi vòng tròn giữa các máy chủ.",
            "The message goes round in circles between servers.",
        )),
        "4.7" => Some((
            "Đã thử nhiều ngày mà không gửi được.",
            "It was tried for days without success.",
        )),
        _ if rest.starts_with("6.") => Some((
            "Máy chủ nơi nhận không đọc được thư này.",
            "The receiving server cannot take a message of this form.",
        )),
        _ => None,
    })
}

/// What is wrong with the address.
fn address(rest: &str) -> Option<(&'static str, &'static str)> {
    Some(match rest {
        "1.1" => (
            "Không có hộp thư này. Xem lại chính tả của địa chỉ.",
            "There is no such mailbox. Look for a slip in the address.",
        ),
        "1.2" => (
            "Không có tên miền này, hoặc tên miền không có máy chủ nhận thư. Xem lại phần sau dấu @ của địa chỉ.",
            "There is no such domain, or none that takes mail; look for a slip in the address.",
        ),
        "1.3" => (
            "Địa chỉ này viết sai.",
            "The address is not written as addresses are.",
        ),
        "1.6" => (
            "Hộp thư này đã chuyển đi nơi khác. Hỏi người nhận địa chỉ mới.",
            "The mailbox has moved. Ask its owner for the new address.",
        ),
        "1.10" => ("Tên miền này không nhận thư.", "The domain takes no mail."),
        _ => return None,
    })
}

/// What is not permitted.
fn permission(rest: &str) -> Option<(&'static str, &'static str)> {
    Some(match rest {
        "7.0" | "7.1" => (
            "Nơi nhận không cho phép gửi thư này.",
            "The message is not permitted there.",
        ),
        "7.2" => (
            "Danh sách này chỉ nhận thư của những người được phép gửi.",
            "The list takes letters only from those who may post to it.",
        ),
        "7.10" => (
            "Người gửi yêu cầu mã hoá suốt đường đi, nơi nhận không đáp ứng được.",
            "Its sender asks for encryption all the way, which the receiving server does not have.",
        ),
        "7.20" | "7.21" | "7.22" | "7.23" | "7.24" | "7.25" | "7.26" => (
            "Nơi nhận không tin thư là của tên miền này (SPF, DKIM, DMARC). Báo quản trị viên hệ thống thư.",
            "The receiving server does not believe that it is from this domain (SPF, DKIM, DMARC). Tell your administrator.",
        ),
        "7.30" => (
            "Người gửi yêu cầu mã hoá suốt đường đi, nơi nhận không hứa giữ điều đó.",
            "Its sender asks for encryption all the way, which the receiving server does not promise.",
        ),
        _ => return None,
    })
}

/// Trouble that may pass.
fn for_now(rest: &str) -> Option<(&'static str, &'static str)> {
    Some(match rest {
        "2.1" => (
            "Hộp thư này tạm thời không nhận thư.",
            "The mailbox takes no mail for the time being.",
        ),
        "2.2" => (
            "Hộp thư của người nhận đang đầy.",
            "The recipient's mailbox is full now.",
        ),
        "3.1" => (
            "Máy chủ nơi nhận đang hết chỗ.",
            "The receiving server has no room now.",
        ),
        "4.0" => ("Thư chưa đến lượt gửi.", "Its turn has not come yet."),
        "4.1" => (
            "Máy chủ nơi nhận không trả lời.",
            "The receiving server does not answer.",
        ),
        "4.2" => (
            "Kết nối với máy chủ nơi nhận bị đứt.",
            "The connection to the receiving server broke off.",
        ),
        "4.3" | "4.4" => (
            "Chưa tìm được máy chủ của nơi nhận (DNS).",
            "The receiving server cannot be found for the time being (DNS).",
        ),
        "4.5" | "3.2" | "5.3" => (
            "Máy chủ nơi nhận đang bận.",
            "The receiving server is busy.",
        ),
        "7.5" | "7.10" | "7.11" => (
            "Chưa có kết nối mã hoá đáng tin với máy chủ nơi nhận.",
            "There is no encrypted connection to the receiving server that could be trusted yet.",
        ),
        "7.0" | "7.1" | "7.28" => (
            "Nơi nhận yêu cầu đợi rồi gửi lại (thường là để chống thư rác).",
            "The receiving server asks to wait and try again (mostly to keep spam away).",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_meaning_and_unknown_ones_that_of_their_class() {
        let check = |status: &str, vi: &str, en: &str| {
            let told = meaning(status);
            assert!(told.0.starts_with(vi) && told.1.starts_with(en), "{told:?}");
        };
        check("5.1.1", "Không có hộp thư này.", "There is no such mailbox");
        check(
            "4.1.1",
            "Nơi nhận tạm thời",
            "The receiving server does not",
        );
        check(
            "5.6.7",
            "Máy chủ nơi nhận không đọc",
            "The receiving server cannot",
        );
        check(
            "5.7.26",
            "Nơi nhận không tin",
            "The receiving server does not believe",
        );
        check(
            "4.4.1",
            "Máy chủ nơi nhận không trả",
            "The receiving server does not answer",
        );
        for (status, vi) in [
            ("5.9.99", "Thư không"),
            ("4.9.9", "Nơi nhận"),
            ("", "Thư"),
            ("4", "Nơi"),
            ("5ế", "Thư"),
        ] {
            check(status, vi, "The");
        }
        assert_eq!(explained("4.4.1 mx: x", true), meaning("5.4.7"));
        assert_eq!(explained("4.4.1 mx: x", false), meaning("4.4.1"));
        assert_eq!(explained("5.1.1 mx said to X: no", true), meaning("5.1.1"));
        assert!(explained(NO_ROUTE, false).1.contains("not set up"));
        // LMTP's 452: it was tried once, and whoever brought it tries again.
        assert!(explained(FULL_NOW, true).1.contains("will try again"));
        assert_eq!(explained(FULL_NOW, false), meaning("4.2.2"));
        assert!(explained(GIVEN_UP, true).1.contains("administrator"));
        assert!(explained(DELETED, false).0.contains("đã bị xoá"));
        assert!(explained(ADDRESS_LOST, false).0.contains("không còn giữ"));
    }

    #[test]
    fn the_servers_own_words_are_told_in_vietnamese_and_those_of_others_as_they_are() {
        let check = |text: &str, expected: &str| assert_eq!(said_in_vietnamese(text), expected);
        check(
            NO_ROUTE,
            "4.4.1 Máy chủ này chưa được thiết lập để gửi thư ra ngoài.",
        );
        check(
            "5.4.7 not delivered in time: mail cannot leave this server: relaying is not set up",
            "5.4.7 Đã thử nhiều ngày mà không gửi được. Máy chủ này chưa được thiết lập để gửi thư ra ngoài.",
        );
        check(FULL_NOW, "4.2.2 Hộp thư của người nhận đang đầy.");
        for of_others in [
            "5.1.1 mx said to RCPT TO: 550 no",
            "5.4.7 not delivered in time: mx said to DATA: 451 x",
            "",
        ] {
            check(of_others, of_others);
        }
        for own in OWN {
            assert_ne!(said_in_vietnamese(own), own);
        }
    }
}
