//! RFC 8621 §4.1: the properties of an Email object, and where each comes from.

use super::body::{self, Anatomy, BodyProperties, Values};
use super::header::{self, HeaderProperty};
use crate::error::MethodError;
use crate::ident::{BlobName, Ids};
use formats::date;
use formats::message::{Person, Summary, header as fields, person};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use storage::State;

/// One property; those from `MessageId` on are in the summary already (RFC 8621 §4.2 wants them fast).
#[derive(Debug, Clone)]
pub(crate) enum Property {
    Id,
    BlobId,
    ThreadId,
    MailboxIds,
    Keywords,
    Size,
    ReceivedAt,
    HasAttachment,
    Preview,
    MessageId,
    InReplyTo,
    References,
    Sender,
    From,
    To,
    Cc,
    Bcc,
    ReplyTo,
    Subject,
    SentAt,
    Headers,
    Header(HeaderProperty),
    BodyStructure,
    BodyValues,
    TextBody,
    HtmlBody,
    Attachments,
}

/// Properties by the name that the client wrote.
pub(crate) type Properties = Vec<(String, Property)>;

/// RFC 8621 §4.2, when `properties` is omitted; Email/parse takes those from `messageId` on.
pub(crate) const DEFAULT: [&str; 24] = [
    "id",
    "blobId",
    "threadId",
    "mailboxIds",
    "keywords",
    "size",
    "receivedAt",
    "messageId",
    "inReplyTo",
    "references",
    "sender",
    "from",
    "to",
    "cc",
    "bcc",
    "replyTo",
    "subject",
    "sentAt",
    "hasAttachment",
    "preview",
    "bodyValues",
    "textBody",
    "htmlBody",
    "attachments",
];

impl Property {
    pub(crate) fn parse(name: &str) -> Result<Self, MethodError> {
        Ok(match name {
            "id" => Self::Id,
            "blobId" => Self::BlobId,
            "threadId" => Self::ThreadId,
            "mailboxIds" => Self::MailboxIds,
            "keywords" => Self::Keywords,
            "size" => Self::Size,
            "receivedAt" => Self::ReceivedAt,
            "hasAttachment" => Self::HasAttachment,
            "preview" => Self::Preview,
            "messageId" => Self::MessageId,
            "inReplyTo" => Self::InReplyTo,
            "references" => Self::References,
            "sender" => Self::Sender,
            "from" => Self::From,
            "to" => Self::To,
            "cc" => Self::Cc,
            "bcc" => Self::Bcc,
            "replyTo" => Self::ReplyTo,
            "subject" => Self::Subject,
            "sentAt" => Self::SentAt,
            "headers" => Self::Headers,
            "bodyStructure" => Self::BodyStructure,
            "bodyValues" => Self::BodyValues,
            "textBody" => Self::TextBody,
            "htmlBody" => Self::HtmlBody,
            "attachments" => Self::Attachments,
            other => {
                let field = other.strip_prefix("header:").ok_or("no such property");
                let read = field.map_err(str::to_owned).and_then(HeaderProperty::parse);
                let error =
                    |why: String| MethodError::argument("properties", &format!("{other}: {why}"));
                Self::Header(read.map_err(error)?)
            }
        })
    }

    /// Whether the message's octets are needed.
    fn needs_content(&self, values: Values) -> bool {
        match self {
            Self::BodyValues => values.any(),
            Self::Headers
            | Self::Header(_)
            | Self::BodyStructure
            | Self::TextBody
            | Self::HtmlBody
            | Self::Attachments => true,
            _ => false,
        }
    }
}

/// What to make of messages: RFC 8621 §4.2's arguments, read.
pub(crate) struct Wish {
    pub(crate) properties: Properties,
    pub(crate) body: BodyProperties,
    pub(crate) values: Values,
}

impl Wish {
    pub(crate) fn needs_content(&self) -> bool {
        self.properties
            .iter()
            .any(|(_, p)| p.needs_content(self.values))
    }
}

/// One message to make an object of: from an account (with its state), or from a blob.
pub(crate) struct Source<'a> {
    /// How the account's things are named.
    pub(crate) ids: Ids,
    pub(crate) state: Option<&'a State>,
    pub(crate) summary: &'a Summary,
    pub(crate) blob: BlobName,
    /// Present when [`Wish::needs_content`], unless it is damaged.
    pub(crate) raw: Option<Arc<[u8]>>,
}

impl Source<'_> {
    /// The Email object. `budget`: octets of body values that the answer may still hold.
    pub(crate) fn object(&self, wish: &Wish, budget: &mut usize) -> Map<String, Value> {
        wish.properties
            .iter()
            .map(|(name, property)| (name.clone(), self.value(property, wish, budget)))
            .collect()
    }

    fn value(&self, property: &Property, wish: &Wish, budget: &mut usize) -> Value {
        let head = &self.summary.head;
        let of_state = |read: &dyn Fn(&State) -> Value| self.state.map_or(Value::Null, read);
        match property {
            Property::Id => of_state(&|s| self.ids.email(s.email).into()),
            Property::BlobId => self.blob.to_string().into(),
            Property::ThreadId => of_state(&|s| self.ids.thread(s.thread).into()),
            Property::MailboxIds => of_state(&|s| mailbox_ids(s, self.ids)),
            Property::Keywords => of_state(&keywords),
            Property::Size => self.summary.size.into(),
            Property::ReceivedAt => of_state(&|s| date::utc(s.received_at).into()),
            Property::HasAttachment => self.summary.has_attachment.into(),
            Property::Preview => self.summary.preview.as_str().into(),
            Property::MessageId => ids(head.message_id.as_deref()),
            Property::InReplyTo => ids(head.in_reply_to.as_deref()),
            Property::References => header::message_ids(head.references.clone()),
            Property::Sender => people(&head.sender),
            Property::From => people(&head.from),
            Property::To => people(&head.to),
            Property::Cc => people(&head.cc),
            Property::Bcc => people(&head.bcc),
            Property::ReplyTo => people(&head.reply_to),
            Property::Subject => json!(subject(self.summary)),
            Property::SentAt => head
                .sent_at
                .map_or(Value::Null, |(at, offset)| header::zoned(at, offset).into()),
            _ => self.content_value(property, wish, budget),
        }
    }

    fn content_value(&self, property: &Property, wish: &Wish, budget: &mut usize) -> Value {
        let raw: &[u8] = self.raw.as_deref().unwrap_or_default();
        let head = || &raw[..raw.len().min(self.summary.header_size as usize)];
        let anatomy = Anatomy {
            root: &self.summary.part,
            raw,
            blob: &self.blob,
        };
        let list = |numbers: Vec<String>| -> Value {
            let parts = numbers
                .iter()
                .filter_map(|n| anatomy.numbered(n, &wish.body));
            parts.collect()
        };
        match property {
            Property::Headers => body::fields(head()),
            Property::Header(field) => field.value(head()),
            Property::BodyStructure => anatomy.structure(&wish.body),
            Property::BodyValues => wish.values.of(&anatomy, budget),
            Property::TextBody => list(formats::message::bodies(anatomy.root).text),
            Property::HtmlBody => list(formats::message::bodies(anatomy.root).html),
            Property::Attachments => list(formats::message::bodies(anatomy.root).attachments),
            _ => Value::Null,
        }
    }
}

/// The subject as people read it.
pub(crate) fn subject(summary: &Summary) -> Option<String> {
    summary.head.subject.as_deref().map(fields::decode_words)
}

fn people(people: &[Person]) -> Value {
    if people.is_empty() {
        return Value::Null;
    }
    header::addresses(&person::grouped(people))
}

fn ids(value: Option<&str>) -> Value {
    value.map_or(Value::Null, |v| {
        header::message_ids(fields::message_ids(v.as_bytes()))
    })
}

fn mailbox_ids(state: &State, ids: Ids) -> Value {
    let entries = state
        .mailboxes
        .iter()
        .map(|(m, _)| (ids.mailbox(*m), true.into()));
    Value::Object(entries.collect())
}

pub(crate) fn keywords(state: &State) -> Value {
    let entries = state
        .keywords
        .iter()
        .map(|k| (k.as_str().to_owned(), true.into()));
    Value::Object(entries.collect())
}
