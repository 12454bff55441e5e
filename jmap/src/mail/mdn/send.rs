//! RFC 9007 §2.1 MDN/send: a receipt goes once, to whom the letter names, through the one door for mail.
//!
//! The keyword is set before the receipt goes, under the account's one writer, and taken back where it did not go:
//! so two programs never send two (RFC 8098 §2.1), and a stop in between rather costs the receipt.

use super::MDN_SENT;
use super::wish::{self, Wish};
use crate::error::{self, MethodError, SetError};
use crate::limit;
use crate::mail::email::{self, permit};
use crate::mail::identity::{Identity, identities};
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use delivery::{Envelope, Origin, Recipient, ReversePath};
use directory::{Right, Sending};
use formats::address::Address;
use formats::date;
use formats::message::disposition::Notification;
use formats::message::header::{self, encode_words, fields, first_value};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use storage::{EmailId, Keyword, KeywordChange};

/// Addresses that one letter may ask receipts to.
const ASKED_MAX: usize = 10;
/// Viet Nam has one zone; minutes east of Greenwich.
const ZONE_MIN: i32 = 7 * 60;
/// Characters of a line of base64 (RFC 2045 §6.8).
const LINE_MAX: usize = 76;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SendArguments {
    account_id: String,
    identity_id: String,
    send: Map<String, Value>,
    on_success_update_email: Option<Map<String, Value>>,
}

/// RFC 9007 §2.1: here an account that is not there is `invalidArguments`.
pub(super) fn unknown_account(error: MethodError) -> MethodError {
    match error {
        MethodError::AccountNotFound => MethodError::argument("accountId", "no such account"),
        other => other,
    }
}

/// RFC 9007 §2.1.
pub(crate) fn send(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SendArguments = standard::read(arguments)?;
    if arguments.send.len() > limit::SET_OBJECTS_MAX {
        return Err(MethodError::RequestTooLarge);
    }
    let mail = turn.mail(&arguments.account_id, Right::Send);
    let mail = mail.map_err(unknown_account)?;
    let known = identities(turn.access, mail.id());
    let identity = known.iter().find(|known| known.id == arguments.identity_id);
    let identity =
        identity.ok_or_else(|| MethodError::argument("identityId", "no such identity"))?;
    let patches = arguments.on_success_update_email.unwrap_or_default();
    let (mut sent, mut refused, mut update) = (Map::new(), Map::new(), Map::new());
    for (creation, value) in arguments.send {
        let done = wish::read(&value).and_then(|wish| {
            let patch = patches
                .get(&format!("#{creation}"))
                .or(patches.get(&wish.email));
            let patch = patch.filter(|patch| marks(patch)).ok_or_else(|| {
                let why = "onSuccessUpdateEmail must set keywords/$mdnsent";
                SetError::invalid(&["onSuccessUpdateEmail"], why)
            })?;
            let object = one((turn, &mail), identity, &wish)?;
            Ok((wish.email, patch.clone(), object))
        });
        match done {
            Ok((email, patch, object)) => {
                update.insert(email, patch);
                sent.insert(creation, object);
            }
            Err(error) => drop(refused.insert(creation, error.spell())),
        }
    }
    after(turn, &arguments.account_id, update);
    let some = |map: Map<String, Value>| match map.is_empty() {
        true => Value::Null,
        false => Value::Object(map),
    };
    Ok(json!({
        "accountId": arguments.account_id,
        "sent": some(sent),
        "notSent": some(refused),
    }))
}

/// RFC 9007 §2.1: whether a patch sets the keyword.
fn marks(patch: &Value) -> bool {
    let whole = patch
        .get("keywords")
        .and_then(|keywords| keywords.get(MDN_SENT));
    let one = patch.get(format!("keywords/{MDN_SENT}"));
    one.or(whole) == Some(&Value::Bool(true))
}

/// The implicit Email/set, answered after this method's own response.
fn after(turn: &mut Turn<'_>, account: &str, update: Map<String, Value>) {
    if update.is_empty() {
        return;
    }
    let mut implicit = Map::new();
    implicit.insert("accountId".into(), account.into());
    implicit.insert("update".into(), update.into());
    let answer = match email::set::set(turn, implicit) {
        Ok(response) => ("Email/set", response),
        Err(error) => ("error", error.spell()),
    };
    turn.after.push(answer);
}

/// Whom a letter asks to be told, as RFC 8098 §2.1 has it; nobody where it is itself a receipt.
fn asked(raw: &[u8]) -> Vec<Address> {
    let mut found = Vec::new();
    for field in fields(raw) {
        let kind = || header::unfold(field.value).to_ascii_lowercase();
        // RFC 8098 §2.1: receipts are not answered with receipts.
        if field.is("Content-Type") && kind().starts_with("multipart/report") {
            return Vec::new();
        }
        if field.is("Disposition-Notification-To") {
            let people = header::addresses(field.value);
            let people = people.iter().filter_map(|person| person.email());
            found.extend(people.filter_map(|email| Address::parse(&email).ok()));
        }
    }
    found.truncate(ASKED_MAX);
    found
}

/// Whether the reverse-path is the only one who asks (RFC 8098 §2.1: else nothing goes by itself).
fn asks_himself(raw: &[u8], asked: &[Address]) -> bool {
    let path = first_value(raw, "Return-Path").unwrap_or_default();
    let path = Address::parse(path.trim_matches(['<', '>'])).ok();
    let [only] = asked else { return false };
    path.is_some_and(|path| path.key() == only.key())
}

/// Sends one; what the client did not set.
fn one(
    (turn, mail): (&Turn<'_>, &Sight),
    identity: &Identity,
    wish: &Wish,
) -> Result<Value, SetError> {
    let id = turn.real(&wish.email).unwrap_or_default();
    let state = email::visible(mail, id)?.ok_or_else(SetError::not_found)?;
    let raw = mail.content(state.email)?;
    let to = asked(&raw);
    if to.is_empty() {
        return Err(SetError::not_found().because("no Disposition-Notification-To"));
    }
    if state.has(MDN_SENT) {
        return Err(already());
    }
    if wish.sent_by_itself && !asks_himself(&raw, &to) {
        let why = "RFC 8098 §2.1: who is to be told is not who sent it; a person must say so";
        return Err(SetError::forbidden(why));
    }
    let places: Vec<_> = state.mailboxes.iter().map(|(m, _)| *m).collect();
    let keyword = Keyword::new(MDN_SENT).ok_or_else(|| SetError::new("serverFail"))?;
    permit::mark(mail, &places, [&keyword])?;
    let told = notification(turn, identity, wish, &raw)?;
    let content = letter(turn, identity, (wish, &told, &to), &raw)?;
    claim(mail, state.email, &keyword)?;
    let went = go(turn, &to, &content);
    if let Err(error) = went {
        release(mail, state.email, &keyword);
        return Err(error);
    }
    Ok(unset(wish, &told, &raw))
}

fn already() -> SetError {
    SetError::new("mdnAlreadySent").because("$mdnsent is set: a receipt went before")
}

/// Sets the keyword where nobody did before.
fn claim(mail: &Sight, email: EmailId, keyword: &Keyword) -> Result<(), SetError> {
    let mut writer = mail.write()?;
    if writer.state(email)?.has(MDN_SENT) {
        return Err(already());
    }
    writer.keywords(email, &KeywordChange::Add(vec![keyword.clone()]))?;
    writer.commit()?;
    Ok(())
}

/// Nothing went: the keyword is not true.
fn release(mail: &Sight, email: EmailId, keyword: &Keyword) {
    let taken_back = mail.write().and_then(|mut writer| {
        writer.keywords(email, &KeywordChange::Remove(vec![keyword.clone()]))?;
        writer.commit().map(drop)
    });
    if let Err(error) = taken_back {
        tracing::error!(%error, "a receipt did not go, and its message says that it did");
    }
}

/// RFC 9007 §5: the recipient is the identity's, or another that one may send as.
fn notification(
    turn: &Turn<'_>,
    identity: &Identity,
    wish: &Wish,
    raw: &[u8],
) -> Result<Notification, SetError> {
    let typed = |address: &Address| match address.is_ascii() {
        true => format!("rfc822; {address}"),
        // RFC 6533 §3.
        false => format!("utf-8; {address}"),
    };
    let final_recipient = match &wish.final_recipient {
        None => typed(&identity.address),
        Some(given) => {
            let bare = given
                .split_once(';')
                .map_or(given.as_str(), |(_, bare)| bare);
            let address = Address::parse(bare.trim());
            let wrong = || SetError::invalid(&["finalRecipient"], "an address is expected");
            let address = address.map_err(|_| wrong())?;
            if turn.access.sending(&address) == Sending::No {
                return Err(SetError::new("forbiddenFrom"));
            }
            // RFC 8098 §3.2.4: with its type.
            match given.contains(';') {
                true => given.clone(),
                false => typed(&address),
            }
        }
    };
    let message_id = fields(raw).find(|field| field.is("Message-ID"));
    let message_id = message_id.and_then(|f| header::message_ids(f.value).into_iter().next());
    Ok(Notification {
        reporting_ua: wish.reporting_ua.clone(),
        gateway: None,
        original_recipient: first_value(raw, "Original-Recipient").filter(|v| v.len() < 900),
        final_recipient,
        original_message_id: message_id.map(|id| format!("<{id}>")),
        acted_by_itself: wish.acted_by_itself,
        sent_by_itself: wish.sent_by_itself,
        kind: wish.kind,
        errors: Vec::new(),
        extensions: wish.extensions.clone(),
    })
}

fn subject_of(raw: &[u8]) -> String {
    let field = fields(raw).find(|field| field.is("Subject"));
    let subject = field.map(|field| header::text(field.value));
    subject.unwrap_or_default().chars().take(200).collect()
}

fn subject(wish: &Wish, raw: &[u8]) -> String {
    let own = || format!("Báo đã đọc (Read receipt): {}", subject_of(raw));
    wish.subject.clone().unwrap_or_else(own)
}

/// RFC 8098 §3: the words are a person's; those of the server say what is told, and what is not.
fn words(wish: &Wish) -> String {
    let own = || {
        let (vi, en) = match wish.kind.word() {
            "deleted" => ("đã được xóa", "was deleted"),
            "dispatched" => ("đã được chuyển đi", "was sent on"),
            "processed" => ("đã được xử lý", "was processed"),
            _ => ("đã được mở xem", "was displayed"),
        };
        format!(
            "Thư bạn gửi {vi}. Điều đó không có nghĩa là thư đã được đọc hay hiểu.\r\n\
             The message that you sent {en}. This does not mean that it was read or understood.\r\n"
        )
    };
    wish.text.clone().unwrap_or_else(own)
}

fn base64(text: &str) -> String {
    let encoded = STANDARD.encode(text);
    let lines = encoded.as_bytes().chunks(LINE_MAX);
    let lines: Vec<&str> = lines
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    lines.join("\r\n")
}

/// RFC 8098 §3: multipart/report of the words, what programs read, and the letter where it is wanted.
fn letter(
    turn: &Turn<'_>,
    identity: &Identity,
    (wish, told, to): (&Wish, &Notification, &[Address]),
    raw: &[u8],
) -> Result<Vec<u8>, SetError> {
    let mut drawn = [0; 12];
    getrandom::fill(&mut drawn).map_err(|_| SetError::new("serverUnavailable"))?;
    let boundary: String = drawn.iter().map(|b| format!("{b:02x}")).collect();
    let asked: Vec<String> = to.iter().map(|to| format!("<{to}>")).collect();
    let name = match identity.name() {
        "" => String::new(),
        name => format!("{} ", encode_words(name)),
    };
    let mut out = format!(
        "From: {name}<{}>\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\n",
        identity.address,
        asked.join(",\r\n "),
        encode_words(&subject(wish, raw)),
        date::rfc5322(turn.now_s(), ZONE_MIN),
    );
    if let Some(id) = &told.original_message_id {
        out.push_str(&format!("In-Reply-To: {id}\r\nReferences: {id}\r\n"));
    }
    // RFC 3834 §5.2: what no person sent says so.
    if told.sent_by_itself {
        out.push_str("Auto-Submitted: auto-replied\r\n");
    }
    let global = !told.final_recipient.is_ascii();
    let printed = told.print();
    // RFC 6533 §6.
    let kind = if global {
        "global-disposition-notification"
    } else {
        "disposition-notification"
    };
    out.push_str(&format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=disposition-notification;\r\n\
         \tboundary=\"{boundary}\"\r\n\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--{boundary}\r\nContent-Type: message/{kind}\r\n\
         Content-Transfer-Encoding: {}\r\n\r\n{}",
        base64(&words(wish)),
        if printed.is_ascii() { "7bit" } else { "8bit" },
        printed,
    ));
    let mut out = out.into_bytes();
    if wish.whole == Some(true) {
        let head = format!("\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(raw);
    }
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Ok(out)
}

/// RFC 8098 §2.1, §4: without a reverse-path, so that nothing answers it.
fn go(turn: &Turn<'_>, to: &[Address], content: &[u8]) -> Result<(), SetError> {
    let recipient = |address: &Address| Recipient {
        address: address.clone(),
        notify: Some("NEVER".to_owned()),
        orcpt: None,
    };
    let envelope = Envelope {
        from: ReversePath::Null,
        recipients: to.iter().map(recipient).collect(),
        smtputf8: to.iter().any(|to| !to.is_ascii()),
        eight_bit: !content.is_ascii(),
        ..Envelope::default()
    };
    let helo = turn
        .ip
        .map_or_else(|| "localhost".to_owned(), |ip| format!("[{ip}]"));
    let origin = Origin::Submitted {
        access: turn.access.clone(),
        ip: turn.ip,
        helo,
        with: "JMAP",
        tls: None,
    };
    let named: Vec<String> = to.iter().map(ToString::to_string).collect();
    let taken = turn
        .inner
        .context
        .delivery
        .accept(envelope, content, &origin);
    taken
        .map(drop)
        .map_err(|refused| error::refused(refused, &named))
}

/// RFC 9007 §2.1: the properties that the client left to the server.
fn unset(wish: &Wish, told: &Notification, raw: &Arc<[u8]>) -> Value {
    let mut object = Map::new();
    let mut tell = |name: &str, given: bool, value: Value| {
        if !given && !value.is_null() {
            object.insert(name.to_owned(), value);
        }
    };
    tell("subject", wish.subject.is_some(), subject(wish, raw).into());
    tell("textBody", wish.text.is_some(), words(wish).into());
    tell("includeOriginalMessage", wish.whole.is_some(), false.into());
    let recipient = told.final_recipient.clone().into();
    tell("finalRecipient", wish.final_recipient.is_some(), recipient);
    tell("originalMessageId", false, json!(told.original_message_id));
    tell("originalRecipient", false, json!(told.original_recipient));
    Value::Object(object)
}
