//! RFC 9051 §6, RFC 3501 §6: one command, from its gathered text and literals to a typed value.

use super::acl::{self, Acl};
use super::append::{self, Append, Letter};
use super::fetch::{self, Item, Modifiers};
use super::lexer::{Lexer, Literal, Parsed, Syntax};
use super::list::{self, List, NAME_MAX, StatusItem};
use super::metadata::{self, Metadata};
use super::notify::{self, Notify};
use super::quota::{self, Quota};
use super::search::{self, Fault, Search};
use super::select::{self, Select};
use super::sequence::SequenceSet;
pub use super::stage::Stage;
use super::store::{self, Store};
use super::{sort, sources};
use base64::Engine as _;
use directory::Secret;
use directory::sasl::Entry;
use storage::Role;

/// RFC 2971 §3.3: pairs of one ID.
pub const ID_PAIRS_MAX: usize = 30;
/// Tags of one CANCELUPDATE.
pub const CANCELS_MAX: usize = 64;
/// Octets of a name or password.
pub const CREDENTIAL_MAX: usize = 1_024;

/// A tagged command.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Request {
    pub tag: String,
    pub command: Command,
}

/// A verb with its arguments. Mailbox names are as sent: their coding depends on what is enabled.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Command {
    Capability,
    Noop,
    Logout,
    Id,
    StartTls,
    Authenticate {
        mechanism: String,
        initial: Option<Vec<u8>>,
    },
    Login {
        name: String,
        secret: Secret,
    },
    /// AUTHENTICATE has proved who this is; no peer can say so.
    Enter(Entry),
    Enable(Vec<String>),
    Select(Box<Select>),
    Create {
        mailbox: Vec<u8>,
        roles: Option<Vec<Option<Role>>>,
    },
    Delete(Vec<u8>),
    Rename {
        from: Vec<u8>,
        to: Vec<u8>,
    },
    Subscribe {
        mailbox: Vec<u8>,
        on: bool,
    },
    List(List),
    Lsub {
        reference: Vec<u8>,
        pattern: Vec<u8>,
    },
    /// As Gmail has it: LIST with the uses of mailboxes, before there was RFC 6154.
    Xlist {
        reference: Vec<u8>,
        pattern: Vec<u8>,
    },
    Namespace,
    Notify(Box<Notify>),
    Status {
        mailbox: Vec<u8>,
        items: Vec<StatusItem>,
    },
    Append(Append),
    /// RFC 8508.
    Replace {
        uid: bool,
        /// One message.
        set: SequenceSet,
        mailbox: Vec<u8>,
        letter: Letter,
    },
    /// RFC 4978: the algorithm.
    Compress(String),
    /// RFC 8437.
    Unauthenticate,
    /// RFC 9698.
    GetJmapAccess,
    Acl(Acl),
    Quota(Quota),
    Metadata(Metadata),
    Idle,
    Check,
    Close,
    Unselect,
    /// With UIDs: UID EXPUNGE.
    Expunge(Option<SequenceSet>),
    Search {
        uid: bool,
        search: Search,
    },
    /// RFC 5267 §4.3.5: the tags of the searches whose changes are no longer to be told.
    CancelUpdate(Vec<String>),
    /// RFC 9051 §6.4.4: the charset is not known; with SAVE the saved result is emptied.
    BadCharset {
        save: bool,
    },
    Fetch {
        uid: bool,
        set: SequenceSet,
        items: Vec<Item>,
        modifiers: Modifiers,
    },
    Store(Box<Store>),
    Copy {
        uid: bool,
        set: SequenceSet,
        mailbox: Vec<u8>,
        leave: bool,
    },
}

/// Why a command was not understood, with its tag where that much was readable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Unreadable {
    pub tag: Option<String>,
    pub syntax: Syntax,
}

/// Reads a command.
pub fn parse(text: &[u8], literals: Vec<Literal>) -> Result<Request, Unreadable> {
    let mut lexer = Lexer::new(text, literals);
    let tag = lexer
        .tag()
        .map_err(|syntax| Unreadable { tag: None, syntax })?;
    let command = lexer.sp().and_then(|()| {
        let name = lexer.keyword()?;
        let command = verb(&mut lexer, &name)?;
        lexer.end().map(|()| command)
    });
    match command {
        Ok(command) => Ok(Request { tag, command }),
        Err(syntax) => Err(Unreadable {
            tag: Some(tag),
            syntax,
        }),
    }
}

fn verb(lexer: &mut Lexer<'_>, name: &str) -> Parsed<Command> {
    let bare = match name {
        "CAPABILITY" => Command::Capability,
        "NOOP" => Command::Noop,
        "LOGOUT" => Command::Logout,
        "STARTTLS" => Command::StartTls,
        "NAMESPACE" => Command::Namespace,
        "IDLE" => Command::Idle,
        "CHECK" => Command::Check,
        "CLOSE" => Command::Close,
        "UNSELECT" => Command::Unselect,
        "UNAUTHENTICATE" => Command::Unauthenticate,
        "GETJMAPACCESS" => Command::GetJmapAccess,
        "EXPUNGE" => Command::Expunge(None),
        "SEARCH" | "SORT" | "THREAD" | "ESEARCH" => return search(lexer, name, false),
        _ => {
            if !KNOWN.contains(&name) {
                return Err(Syntax("an unknown command"));
            }
            lexer.sp()?;
            return match name {
                "FETCH" | "STORE" | "COPY" | "MOVE" | "REPLACE" => numbered(lexer, name, false),
                "UID" => {
                    let name = lexer.keyword()?;
                    uid(lexer, &name)
                }
                _ => with_argument(lexer, name),
            };
        }
    };
    Ok(bare)
}

const KNOWN: [&str; 36] = [
    "ID",
    "AUTHENTICATE",
    "LOGIN",
    "ENABLE",
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST",
    "LSUB",
    "XLIST",
    "STATUS",
    "APPEND",
    "REPLACE",
    "COMPRESS",
    "FETCH",
    "STORE",
    "COPY",
    "MOVE",
    "UID",
    "SEARCH",
    "CANCELUPDATE",
    "NOTIFY",
    "SETACL",
    "DELETEACL",
    "GETACL",
    "LISTRIGHTS",
    "MYRIGHTS",
    "GETQUOTA",
    "GETQUOTAROOT",
    "SETQUOTA",
    "GETMETADATA",
    "SETMETADATA",
];

fn with_argument(lexer: &mut Lexer<'_>, name: &str) -> Parsed<Command> {
    Ok(match name {
        "ID" => id(lexer)?,
        "AUTHENTICATE" => authenticate(lexer)?,
        "LOGIN" => login(lexer)?,
        "ENABLE" => enable(lexer)?,
        "SELECT" => Command::Select(Box::new(select::parse(lexer, false)?)),
        "EXAMINE" => Command::Select(Box::new(select::parse(lexer, true)?)),
        "CREATE" => create(lexer)?,
        "DELETE" => Command::Delete(name_of(lexer)?),
        "RENAME" => {
            let from = name_of(lexer)?;
            lexer.sp()?;
            Command::Rename {
                from,
                to: name_of(lexer)?,
            }
        }
        "SUBSCRIBE" => Command::Subscribe {
            mailbox: name_of(lexer)?,
            on: true,
        },
        "UNSUBSCRIBE" => Command::Subscribe {
            mailbox: name_of(lexer)?,
            on: false,
        },
        "LIST" => Command::List(list::parse(lexer)?),
        "LSUB" | "XLIST" => {
            let reference = name_of(lexer)?;
            lexer.sp()?;
            let pattern = lexer.list_mailbox()?;
            match name {
                "LSUB" => Command::Lsub { reference, pattern },
                _ => Command::Xlist { reference, pattern },
            }
        }
        "STATUS" => {
            let mailbox = name_of(lexer)?;
            lexer.sp()?;
            Command::Status {
                mailbox,
                items: list::status_items(lexer)?,
            }
        }
        "APPEND" => Command::Append(append::parse(lexer)?),
        "CANCELUPDATE" => cancel_update(lexer)?,
        "COMPRESS" => Command::Compress(lexer.atom()?.to_ascii_uppercase()),
        "NOTIFY" => Command::Notify(Box::new(notify::parse(lexer)?)),
        "SETACL" | "DELETEACL" | "GETACL" | "LISTRIGHTS" | "MYRIGHTS" => {
            Command::Acl(acl::parse(lexer, name)?)
        }
        "GETMETADATA" => Command::Metadata(metadata::get(lexer)?),
        "SETMETADATA" => Command::Metadata(metadata::set(lexer)?),
        "GETQUOTA" | "GETQUOTAROOT" | "SETQUOTA" => Command::Quota(quota::parse(lexer, name)?),
        _ => return Err(Syntax("an unknown command")),
    })
}

pub(super) fn name_of(lexer: &mut Lexer<'_>) -> Parsed<Vec<u8>> {
    let name = lexer.mailbox()?;
    if name.len() > NAME_MAX {
        Err(Syntax("[LIMIT] the mailbox name is too long"))
    } else {
        Ok(name)
    }
}

/// id = "ID" SP id-params-list; id-params-list = "(" *(string SP nstring) ")" / nil (RFC 2971 §4).
/// What clients say of themselves is read for form and dropped: it is nobody's business here.
fn id(lexer: &mut Lexer<'_>) -> Parsed<Command> {
    if lexer.take_word("NIL") {
        return Ok(Command::Id);
    }
    lexer.list(ID_PAIRS_MAX, |l| {
        l.string()?;
        l.sp()?;
        if l.take_word("NIL") {
            Ok(())
        } else {
            l.string().map(drop)
        }
    })?;
    Ok(Command::Id)
}

/// authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]; initial-resp = base64 / "="
fn authenticate(lexer: &mut Lexer<'_>) -> Parsed<Command> {
    let mechanism = lexer.keyword()?;
    let mut initial = None;
    if lexer.take(b' ') {
        let text = lexer.rest();
        initial = Some(match text {
            b"=" => Vec::new(),
            b"" => return Err(Syntax("an empty initial response is =")),
            _ => base64(text).ok_or(Syntax("the initial response is not base64"))?,
        });
    }
    Ok(Command::Authenticate { mechanism, initial })
}

/// base64, as AUTHENTICATE's lines carry it.
pub fn base64(text: &[u8]) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// login = "LOGIN" SP userid SP password
fn login(lexer: &mut Lexer<'_>) -> Parsed<Command> {
    let name = lexer.astring_text()?;
    lexer.sp()?;
    let secret = lexer.astring_text()?;
    if name.len().max(secret.len()) > CREDENTIAL_MAX {
        return Err(Syntax("[LIMIT] the name or password is too long"));
    }
    Ok(Command::Login {
        name,
        secret: Secret::new(secret),
    })
}

/// enable = "ENABLE" 1*(SP capability); capability = ("AUTH=" auth-type) / atom
fn enable(lexer: &mut Lexer<'_>) -> Parsed<Command> {
    let name = |l: &mut Lexer<'_>| Ok(l.atom()?.to_ascii_uppercase());
    let mut names = vec![name(lexer)?];
    while lexer.take(b' ') {
        if names.len() == 64 {
            return Err(Syntax("[LIMIT] too many capabilities"));
        }
        names.push(name(lexer)?);
    }
    Ok(Command::Enable(names))
}

/// create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"] (RFC 6154 §6).
/// A use that is not kept here reads as `None`.
fn create(lexer: &mut Lexer<'_>) -> Parsed<Command> {
    let mailbox = name_of(lexer)?;
    let mut roles = None;
    if lexer.take(b' ') {
        lexer.must(b'(', "a list of parameters is expected")?;
        if !lexer.take_word("USE ") {
            return Err(Syntax("an unknown CREATE parameter"));
        }
        roles = Some(lexer.list(16, |l| {
            l.must(b'\\', "a special use begins with \\")?;
            Ok(super::response::role(&l.atom()?))
        })?);
        lexer.must(b')', "the parameters are not closed")?;
    }
    Ok(Command::Create { mailbox, roles })
}

/// uid = "UID" SP (copy / move / fetch / search / store / uid-expunge / sort / thread); after "UID ".
fn uid(lexer: &mut Lexer<'_>, name: &str) -> Parsed<Command> {
    match name {
        // RFC 7377 §2 shows UID ESEARCH too, though its grammar does not.
        "SEARCH" | "SORT" | "THREAD" | "ESEARCH" => search(lexer, name, true),
        "EXPUNGE" => {
            lexer.sp()?;
            SequenceSet::parse(lexer).map(|set| Command::Expunge(Some(set)))
        }
        "FETCH" | "STORE" | "COPY" | "MOVE" | "REPLACE" => {
            lexer.sp()?;
            numbered(lexer, name, true)
        }
        _ => Err(Syntax("an unknown UID command")),
    }
}

fn search(lexer: &mut Lexer<'_>, name: &str, uid: bool) -> Parsed<Command> {
    let search = match name {
        "SORT" => sort::sort(lexer),
        "THREAD" => sort::thread(lexer),
        "ESEARCH" => sources::parse(lexer),
        _ => search::parse(lexer),
    };
    match search {
        // RFC 7377 §2.1: ESEARCH answers with UIDs.
        Ok(search) => Ok(Command::Search {
            uid: uid || search.sources.is_some(),
            search,
        }),
        Err(Fault::Charset { save }) => {
            lexer.rest();
            Ok(Command::BadCharset { save })
        }
        Err(Fault::Syntax(syntax)) => Err(syntax),
    }
}

/// command-select =/ "CANCELUPDATE" 1*(SP quoted); after "CANCELUPDATE ".
fn cancel_update(lexer: &mut Lexer<'_>) -> Parsed<Command> {
    let mut tags = Vec::new();
    loop {
        if tags.len() == CANCELS_MAX {
            return Err(Syntax("[LIMIT] too many tags"));
        }
        let tag = lexer.string()?;
        tags.push(String::from_utf8(tag).map_err(|_| Syntax("the string is not UTF-8"))?);
        if !lexer.take(b' ') {
            return Ok(Command::CancelUpdate(tags));
        }
    }
}

/// The commands that begin with a sequence-set.
fn numbered(lexer: &mut Lexer<'_>, name: &str, uid: bool) -> Parsed<Command> {
    let set = SequenceSet::parse(lexer)?;
    lexer.sp()?;
    Ok(match name {
        "FETCH" => Command::Fetch {
            uid,
            set,
            items: fetch::parse(lexer)?,
            modifiers: fetch::modifiers(lexer, uid)?,
        },
        "STORE" => Command::Store(Box::new(store::parse(lexer, uid, set)?)),
        "REPLACE" => append::replace(lexer, uid, set)?,
        _ => Command::Copy {
            uid,
            set,
            mailbox: name_of(lexer)?,
            leave: name == "MOVE",
        },
    })
}

#[cfg(test)]
mod tests;
