//! RFC 5321 §4.2, RFC 2034 §3: every reply, and the one place that spells a refusal of the pipeline.

use crate::command::Fault;
use crate::data::Spoiled;
use delivery::{Refusal, Refused};
use directory::{Barred, Reached};

/// A finished reply line without its CRLF: code, enhanced code, text.
pub(crate) type Reply = &'static str;

pub(crate) const OK: Reply = "250 2.0.0 Ok";
pub(crate) const SENDER_OK: Reply = "250 2.1.0 Ok";
pub(crate) const RECIPIENT_OK: Reply = "250 2.1.5 Ok";
pub(crate) const CHUNK_OK: Reply = "250 2.0.0 Ok";
pub(crate) const GO_AHEAD: Reply = "354 End data with <CR><LF>.<CR><LF>";
pub(crate) const BYE: Reply = "221 2.0.0 Bye";
pub(crate) const HELP: Reply = "214 2.0.0 https://www.rfc-editor.org/rfc/rfc5321";
pub(crate) const CANNOT_VRFY: Reply = "252 2.0.0 Will not verify, but will take mail and try";
pub(crate) const START_TLS: Reply = "220 2.0.0 Ready to start TLS";
pub(crate) const SIGNED_IN: Reply = "235 2.7.0 Authentication successful";

pub(crate) const HELLO_FIRST: Reply = "503 5.5.1 Say EHLO first";
pub(crate) const MAIL_FIRST: Reply = "503 5.5.1 Say MAIL first";
pub(crate) const NESTED_MAIL: Reply = "503 5.5.1 A sender was given already";
pub(crate) const NO_RECIPIENTS: Reply = "554 5.5.1 No valid recipients";
pub(crate) const LMTP_NO_RECIPIENTS: Reply = "503 5.5.1 No valid recipients";
pub(crate) const BDAT_MIXED: Reply = "503 5.5.1 DATA and BDAT do not mix";
/// RFC 3030 §3: what is binary has no lines, so that no line could end it.
pub(crate) const BINARY_BY_BDAT: Reply = "503 5.5.1 BODY=BINARYMIME goes by BDAT, say RSET";
pub(crate) const BDAT_FAILED: Reply = "503 5.5.1 The transaction has failed, say RSET";
pub(crate) const NOT_NOW: Reply = "503 5.5.1 Not now";
pub(crate) const NO_TLS: Reply = "502 5.5.1 TLS is not available";
pub(crate) const TLS_ON: Reply = "503 5.5.1 TLS is on already";
pub(crate) const NO_AUTH: Reply = "502 5.5.1 AUTH is not offered here";
pub(crate) const SIGNED_IN_ALREADY: Reply = "503 5.5.1 Authenticated already";
pub(crate) const TLS_FIRST: Reply = "530 5.7.0 Must issue a STARTTLS command first";
pub(crate) const AUTH_FIRST: Reply = "530 5.7.0 Authentication required";
pub(crate) const ENCRYPT_FIRST: Reply =
    "538 5.7.11 Encryption required for requested authentication mechanism";
pub(crate) const NO_MECHANISM: Reply = "504 5.5.4 Unrecognized authentication mechanism";
pub(crate) const AUTH_CANCELLED: Reply = "501 5.7.0 Authentication cancelled";
pub(crate) const AUTH_MALFORMED: Reply = "501 5.5.2 Cannot read the authentication response";
/// In both languages, since programs that show a server's words show these. RFC 5321 §4.2 `textstring`: ASCII, whatever
/// SMTPUTF8 lets a message have before it is asked for; so Vietnamese without marks.
pub(crate) const AUTH_REFUSED: Reply =
    "535 5.7.8 Sai dia chi hoac mat khau / Authentication credentials invalid";
/// As above.
pub(crate) const AUTH_CHOOSE_FIRST: Reply = "535 5.7.8 Mat khau lan dau: hay dang nhap trang web thu de dat mat khau \
     rieng / First password: sign in to the webmail and choose your own";
/// RFC 5802 §6: the client could bind the channel, and was told that we cannot.
pub(crate) const AUTH_DOWNGRADED: Reply =
    "535 5.7.8 SCRAM-SHA-256-PLUS is offered here, but the client does not know it";
pub(crate) const AUTH_LATER: Reply = "454 4.7.0 Dang nhap sai qua nhieu lan, hay doi roi thu lai / Too many failures, try again later";
pub(crate) const AUTH_UNAVAILABLE: Reply = "454 4.7.0 Temporary authentication failure";

pub(crate) const LINE_TOO_LONG: Reply = "500 5.5.2 Line too long";
pub(crate) const BARE_LINE_END: Reply = "500 5.5.2 Lines end in CR LF, neither stands alone";
pub(crate) const TOO_MANY_RECIPIENTS: Reply = "452 4.5.3 Too many recipients";
pub(crate) const DECLARED_TOO_LARGE: Reply = "552 5.3.4 Message larger than the limit";
pub(crate) const HELD_TOO_LONG: Reply = "501 5.5.4 Later than mail is held here, see EHLO";
pub(crate) const INTERNATIONAL: Reply = "553 5.6.7 Address needs SMTPUTF8";

pub(crate) const TOO_MANY_ERRORS: Reply = "421 4.7.0 Too many errors";
pub(crate) const TOO_MANY_COMMANDS: Reply = "421 4.7.0 Too many commands without a message";
pub(crate) const TIMED_OUT: Reply = "421 4.4.2 Timeout";
pub(crate) const TOO_SLOW: Reply = "421 4.4.2 The message comes too slowly";
pub(crate) const SHUTTING_DOWN: Reply = "421 4.3.2 Shutting down, try again soon";

/// A sign-in that the agency's policy bars.
pub(crate) fn barred(why: Barred) -> Reply {
    macro_rules! said {
        ($vi:literal, $en:literal) => {
            concat!("535 5.7.8 ", $vi, " / Your agency does not allow ", $en)
        };
    }
    match why {
        Barred::Service => said!(
            "Co quan ban khong cho dang nhap bang cach nay",
            "this way of signing in"
        ),
        Barred::AppPassword => said!(
            "Co quan ban khong cho dung mat khau ung dung",
            "app passwords"
        ),
        Barred::Place => said!(
            "Co quan ban khong cho dang nhap tu mang nay",
            "signing in from this network"
        ),
        Barred::Hour => said!(
            "Co quan ban khong cho dang nhap vao gio nay",
            "signing in at this hour"
        ),
        // Tokens are shown to no door of this protocol.
        Barred::Token
        | Barred::ReadsMail
        | Barred::MailOnly
        | Barred::AdministersOnly
        | Barred::MailToken => {
            "535 5.7.8 Ma truy cap khong dung o day / A token opens nothing here"
        }
        // RFC 4954 §6: the password is right and yet too little.
        Barred::SecondFactor => concat!(
            "534 5.7.9 Tai khoan nay can xac minh hai buoc, hay dung mat khau ung dung / ",
            "This account has a second factor, so use an app password here"
        ),
    }
}

/// A line that is no command.
pub(crate) fn fault(fault: Fault) -> Reply {
    match fault {
        Fault::Unknown => "500 5.5.1 Command unrecognized",
        Fault::NotImplemented => "502 5.5.1 Command not implemented",
        Fault::Syntax => "500 5.5.2 Syntax error",
        Fault::Argument => "501 5.5.4 Syntax error in arguments",
        Fault::Path => "501 5.1.3 Cannot read the address",
        Fault::Parameter => "555 5.5.4 Parameter not recognized",
        Fault::ParameterNotHere(name) => {
            of_parameter(name).map_or("555 5.5.4 Parameter not recognized", |of| of.2)
        }
        Fault::ParameterValue(name) => of_parameter(name).map_or(VALUE, |of| of.1),
        Fault::International => INTERNATIONAL,
    }
}

const VALUE: Reply = "501 5.5.4 Parameter value not acceptable";

/// The parameters that are known, and what is said of a value that is no good, and of one that is not for this command,
/// service or connection: nothing of what a peer sent comes back.
pub(crate) const PARAMETERS: [(&str, Reply, Reply); 12] = {
    macro_rules! named {
        ($($name:literal)*) => {
            [$((
                $name,
                concat!("501 5.5.4 Parameter value not acceptable: ", $name),
                concat!("555 5.5.4 Parameter not offered here: ", $name),
            )),*]
        };
    }
    named! {
        "SIZE" "BODY" "SMTPUTF8" "REQUIRETLS" "RET" "ENVID" "MT-PRIORITY" "HOLDFOR" "HOLDUNTIL" "AUTH" "NOTIFY" "ORCPT"
    }
};

fn of_parameter(name: &str) -> Option<&'static (&'static str, Reply, Reply)> {
    PARAMETERS.iter().find(|(known, ..)| *known == name)
}

/// A message that cannot be taken for how it arrived.
pub(crate) fn spoiled(why: Spoiled) -> Reply {
    match why {
        Spoiled::BareLineEnd => "554 5.6.0 Message has a CR or LF that stands alone",
        Spoiled::LineTooLong => "554 5.6.0 Message has a line that is too long",
        Spoiled::TooLarge => DECLARED_TOO_LARGE,
        Spoiled::NoRoom => "452 4.3.1 No memory for the message now, try again later",
    }
}

/// The pipeline's no. Causes of a temporary refusal are for the log, not for the peer.
pub(crate) fn refused(refused: &Refused) -> Reply {
    let cause = match refused {
        Refused::Temporary(_) => return "452 4.3.1 Insufficient system storage, try again later",
        // RFC 5321 §4.2.3 has one code for want of room and another for what failed here.
        Refused::Failed(_) => return "451 4.3.0 Local error in processing, try again later",
        Refused::Permanent(cause) => cause,
    };
    match cause {
        Refusal::UnknownRecipient => "550 5.1.1 No such mailbox here",
        // RFC 3463 §3.2: once valid, but mail is no longer accepted for it.
        Refusal::DomainEnded => "550 5.1.6 This address is not used any more, ask for the new one",
        Refusal::RecipientClosed => "550 5.2.1 Mailbox takes no mail",
        Refusal::RelayDenied => "550 5.7.1 Relaying denied",
        // RFC 3463 §3.8: mailing list expansion prohibited.
        Refusal::MayNotPost => "550 5.7.2 The list takes nothing from this sender",
        // RFC 5321 §4.2.3: 552 is the recipient's allocation; the code is the one of a later bounce.
        Refusal::OverQuota => "552 5.2.2 Mailbox is full",
        // RFC 3463 §3.3: X.2.2 is a persistent transient failure, too, where room may be made.
        Refusal::FullNow => "452 4.2.2 Mailbox is full, try again later",
        Refusal::TooLarge { .. } => DECLARED_TOO_LARGE,
        Refusal::Loop => "554 5.4.6 Too many hops: a mail loop",
        Refusal::TooManyRecipients { .. } => TOO_MANY_RECIPIENTS,
        Refusal::SenderNotYours => "550 5.7.1 The sender address is not yours",
        Refusal::FromNotYours => "550 5.7.1 The From address is not yours",
        Refusal::SenderFieldNotYours => "550 5.7.1 The address in Sender is not yours",
        Refusal::LongLine => {
            "554 5.6.0 A line has more than 998 octets and can neither be folded nor encoded"
        }
        Refusal::SignedOut => {
            "550 5.7.1 Your account was suspended or its password changed since you signed in"
        }
        Refusal::QueueFull => "452 4.3.1 Too many messages wait here, try again later",
        Refusal::SenderFieldInvalid => {
            "550 5.6.0 At most one Sender field is allowed, a readable one"
        }
        Refusal::FromInvalid => "550 5.6.0 Exactly one readable From field is required",
        Refusal::NoRecipients => NO_RECIPIENTS,
        Refusal::SendingSuspended => {
            "550 5.7.1 Tai khoan nay dang bi tam dung gui thu, hay hoi quan tri vien / Sending from your account is \
             suspended, ask your administrator"
        }
        // RFC 3463 §3.8: a matter of policy; later it is right again.
        Refusal::TooMuch(Reached::Hour) => {
            "450 4.7.1 Ban da gui het so thu duoc gui trong mot gio / You have sent as much as you may in an hour, try \
             again later"
        }
        Refusal::TooMuch(Reached::Day) => {
            "450 4.7.1 Ban da gui het so thu duoc gui trong mot ngay / You have sent as much as you may in a day, try \
             again tomorrow"
        }
        Refusal::TooMuch(Reached::Agency) => {
            "450 4.7.1 Co quan ban da gui het so thu duoc gui luc nay / Your agency has sent as much as it may for \
             now, try again later"
        }
        Refusal::RecipientsCap { .. } => {
            "550 5.5.3 Nhieu nguoi nhan hon mot thu duoc co, hay dung danh sach / More recipients than one message of \
             yours may have, use a list"
        }
        Refusal::AttachmentType => {
            "550 5.7.1 Co quan ban khong cho gui loai tep dinh kem nay / Your agency does not allow sending files of a \
             type that is attached"
        }
        Refusal::AttachmentTooLarge { .. } => {
            "552 5.3.4 Tep dinh kem lon hon co quan ban cho phep / An attachment is larger than your agency allows"
        }
        // RFC 7372 §3.3.
        Refusal::Unauthenticated => {
            "550 5.7.26 Neither SPF nor DKIM shows that this comes from its author's domain (DMARC)"
        }
        Refusal::Malformed(_) => "550 5.6.0 The header cannot be read",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_parameter_is_named() {
        for (name, ..) in PARAMETERS {
            for fault_of in [Fault::ParameterValue(name), Fault::ParameterNotHere(name)] {
                let said = fault(fault_of);
                assert!(said.ends_with(&format!(": {name}")), "{said}");
            }
        }
    }
}
