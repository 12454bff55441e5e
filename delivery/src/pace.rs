//! How much somebody may send: asked of the directory before a message is taken; and the letter that tells
//! administrators when it stopped somebody's sending.

use crate::accept::Passed;
use crate::stamp::{self, ZONE_MIN};
use crate::{Delivery, Envelope, Origin, Recipient, Refusal, Refused, ReversePath};
use directory::{Access, Stop, Underway, Unsent};
use formats::address::Address;
use formats::date;
use formats::message::header::encode_words;

impl Delivery {
    /// What is given back is kept until the message is taken and counted. Errors: why this account does not send to
    /// so many now.
    pub(crate) fn check_pace(
        &self,
        access: &Access,
        recipients: u64,
        octets: u64,
    ) -> Result<Underway, Refused> {
        let why = match access.begin_sending(recipients, octets) {
            Ok(underway) => return Ok(underway),
            Err(why) => why,
        };
        Err(Refused::Permanent(match why {
            Unsent::Stopped(stopped) => {
                if let Some(stop) = stopped {
                    self.tell_administrators(access, &stop);
                }
                Refusal::SendingSuspended
            }
            Unsent::Reached(cap) => Refusal::TooMuch(cap),
            Unsent::TooLarge(max) => Refusal::TooLarge { max },
            Unsent::TooMany(max) => Refusal::RecipientsCap { max },
        }))
    }

    /// A letter to who looks after the account. Without any the log and the audit have told it.
    fn tell_administrators(&self, access: &Access, stop: &Stop) {
        let told = self.inner.directory.administrators_of(stop.account);
        let told: Vec<Address> = told
            .into_iter()
            .filter(|to| to != access.address())
            .collect();
        if told.is_empty() {
            return;
        }
        let posted = stamp::trace_id(stop.since).and_then(|id| {
            let letter = self.letter(access.address(), stop, &told, &id);
            let recipients = told.iter().map(|address| Recipient {
                address: address.clone(),
                notify: Some("NEVER".into()),
                orcpt: None,
            });
            let envelope = Envelope {
                from: ReversePath::Null,
                recipients: recipients.collect(),
                envid: None,
                ret: None,
                smtputf8: false,
                eight_bit: true,
                ..Envelope::default()
            };
            self.take(
                envelope,
                letter.as_bytes(),
                &Origin::Generated,
                Passed::default(),
            )
        });
        if let Err(refused) = posted {
            tracing::warn!(
                ?refused,
                "administrators were not told that sending is suspended"
            );
        }
    }

    fn letter(&self, who: &Address, stop: &Stop, told: &[Address], id: &str) -> String {
        let host = &self.inner.settings.host;
        let (within, usual) = stop.sudden.unwrap_or_default();
        let to: Vec<String> = told.iter().map(|to| format!("<{to}>")).collect();
        format!(
            "From: {name} <mailer-daemon@{host}>\r\nTo: {to}\r\nSubject: {subject}\r\nDate: {date}\r\n\
             Message-ID: <{id}@{host}>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
             Tài khoản {who} bỗng gửi tới {within} người nhận trong một giờ; hai tuần trước đó giờ nhiều nhất là\r\n\
             {usual}. Hệ thống đã tạm dừng việc gửi thư của tài khoản này; nhận và đọc thư vẫn như thường. Có thể mật\r\n\
             khẩu đã bị lộ: hãy hỏi người dùng, đổi mật khẩu, rồi cho gửi lại:\r\n\r\n    \
             congvu admin sending resume {who}\r\n\r\n\
             The account {who} suddenly sent to {within} recipients within an hour; in the two weeks before the\r\n\
             busiest hour had {usual}. Its sending is suspended; it still gets and reads mail. Its password may be\r\n\
             known to others: ask its user, change the password, then let it send again with the command above.\r\n",
            name = encode_words("Hệ thống thư"),
            to = to.join(",\r\n "),
            subject = encode_words("Đã tạm dừng gửi thư (Sending is suspended)"),
            date = date::rfc5322(stop.since, ZONE_MIN),
        )
    }
}
