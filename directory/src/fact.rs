//! Facts: what the directory knows, one row of a table each. The one place that spells keys and versions.
//!
//! A row is a version byte and postcard (I-18: another version refuses to start). Saved facts and facts
//! read at start go through the same `Book::apply`, so that memory cannot differ from the disk by the way taken.

use crate::approval::Approval;
use crate::bulk::{Job, JobId};
use crate::cap::AgencyCaps;
use crate::credential::Stored;
use crate::dkim::DkimRow;
use crate::former::{
    Account1, Account2, Account3, Agency1, Agency2, Alias1, Approval1, Domain1, Domain2, Held,
    ListRules1, Stored1, Stored2, Stored3,
};
use crate::forward::{AgencyForwarding, Forwarding};
use crate::freed::Freed;
use crate::impersonation::{self, Impersonation};
use crate::list::ListRules;
use crate::notice::{self, Notice};
use crate::policy::AgencyPolicy;
use crate::position::{Position, PositionId};
use crate::sender::Senders;
use crate::session::SessionRow;
use crate::share::Share;
use crate::stop::Stop;
use crate::vacation::Vacation;
use crate::{Account, AccountId, Agency, AgencyId, Alias, CredentialId, Domain};
use formats::address::{Address, DomainName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use storage::{MailboxId, RowChange};

/// The version of rows that have had one shape only.
const VERSION: u8 = 1;
/// The version of agencies: 3 says what they are, and when they were there.
const AGENCY_VERSION: u8 = 3;
/// The version of agencies and accounts that brought quotas (see `former`).
const QUOTA_VERSION: u8 = 2;
/// The version of accounts that brought the switch for POP3.
const POP3_VERSION: u8 = 3;
/// The version of accounts: 4 has grants with sets, limits and dates.
const ACCOUNT_VERSION: u8 = 4;
/// The version of domains: 2 may stand for others, 3 until a day.
const DOMAIN_VERSION: u8 = 3;
/// The version of domains that brought that they stand for others.
const ALIAS_DOMAIN_VERSION: u8 = 2;
/// The version of aliases: 2 may stand until a day.
const ALIAS_VERSION: u8 = 2;
/// The version of what is said of lists: 2 may have a rule.
const LIST_VERSION: u8 = 2;
/// The version of credentials that brought SCRAM's verifier.
const VERIFIER_VERSION: u8 = 2;
/// The version of credentials that brought through whose hands they went.
const HANDS_VERSION: u8 = 3;
/// The version of credentials in which a second factor may be one; the rest is as in 3.
const FACTOR_VERSION: u8 = 4;
/// The version of credentials: 5 has of tokens what they open.
const CREDENTIAL_VERSION: u8 = 5;
/// The version of requests for a second person: 2 has which credentials were there.
const APPROVAL_VERSION: u8 = 2;

/// The tables' names, fixed for ever.
pub(crate) mod table {
    pub(crate) const AGENCY: &str = "directory.agency";
    pub(crate) const DOMAIN: &str = "directory.domain";
    /// Seats of agencies, with who held them.
    pub(crate) const POSITION: &str = "directory.position";
    /// Keys that sign mail, by domain and selector.
    pub(crate) const DKIM: &str = "directory.dkim";
    pub(crate) const ACCOUNT: &str = "directory.account";
    pub(crate) const ALIAS: &str = "directory.alias";
    pub(crate) const CREDENTIAL: &str = "directory.credential";
    pub(crate) const SESSION: &str = "directory.session";
    /// Accounts that were deleted: their last row, by id; kept until their mail is erased.
    pub(crate) const DEPARTED: &str = "directory.departed";
    /// Answers to requests with a key, by their places.
    pub(crate) const ANSWER: &str = "directory.answer";
    /// Addresses that nobody has any more, or had before somebody else: by their keys.
    pub(crate) const FREED: &str = "directory.freed";
    /// Who may do what with the mail of an account, or with one of its mailboxes.
    pub(crate) const SHARE: &str = "directory.share";
    /// Who may send in the name of an account.
    pub(crate) const SENDERS: &str = "directory.senders";
    /// Who may post to a list, and whom it answers to.
    pub(crate) const LIST: &str = "directory.list";
    /// Where the mail of an account goes on to.
    pub(crate) const FORWARDING: &str = "directory.forwarding";
    /// What accounts answer by themselves.
    pub(crate) const VACATION: &str = "directory.vacation";
    /// Whether mail of an agency's accounts may go on elsewhere.
    pub(crate) const OUTSIDE: &str = "directory.outside";
    /// How much the accounts of an agency may send.
    pub(crate) const CAPS: &str = "directory.caps";
    /// What agencies rule of their accounts.
    pub(crate) const POLICY: &str = "directory.policy";
    /// Requests for a second person, by number.
    pub(crate) const APPROVAL: &str = "directory.approval";
    /// Passwords that accounts had, as hashes, where a policy wants others.
    pub(crate) const FORMER_PASSWORD: &str = "directory.former_password";
    /// Accounts whose sending is suspended.
    pub(crate) const STOP: &str = "directory.stop";
    /// What was sent lately; written lazily, the loss of its last seconds harms little.
    pub(crate) const PACE: &str = "directory.pace";
    /// Whether an account is subscribed to a mailbox of another.
    pub(crate) const SUBSCRIPTION: &str = "directory.subscription";
    /// What changed of what an account may do with the mailboxes of others, until it dismisses it.
    pub(crate) const NOTICE: &str = "directory.notice";
    /// Names of mailboxes to which an account is subscribed by name.
    pub(crate) const WANTED: &str = "directory.wanted";
    /// Up to which message of a mailbox somebody was told; written lazily.
    pub(crate) const MET: &str = "directory.met";
    /// What accounts say of the addresses that they send from.
    pub(crate) const SIGNATURE: &str = "directory.signature";
    /// By how much messages of INBOX grow when they are sent over POP3; written lazily.
    pub(crate) const MEASURED: &str = "directory.measured";
    /// Small named values on mailboxes and on the server.
    pub(crate) const ANNOTATION: &str = "directory.annotation";
    /// Bulk work.
    pub(crate) const JOB: &str = "directory.job";
    /// Files of jobs, in parts.
    pub(crate) const JOB_FILE: &str = "directory.job_file";
    /// What became of the rows of jobs, in batches.
    pub(crate) const JOB_RESULT: &str = "directory.job_result";
    pub(crate) const COUNTER: &str = "directory.counter";
    pub(crate) const AUDIT: &str = "directory.audit";
    /// Who read what of others, why, and until when, by the number of the entry that opened it.
    pub(crate) const READING: &str = "directory.reading";
    /// Whose mail was read in which of these, the newest first.
    pub(crate) const READ_OF: &str = "directory.read_of";
    /// Who reads the mail of whom for some minutes, by the number of the entry that began it.
    pub(crate) const IMPERSONATION: &str = "directory.impersonation";
    /// Legal orders.
    pub(crate) const ORDER: &str = "directory.order";
    /// Programs that are told of what happens to accounts, with the secrets that sign what they are told.
    pub(crate) const HOOK: &str = "directory.hook";
    /// How far each of these was told.
    pub(crate) const HOOK_STATE: &str = "directory.hook_state";
    /// Addresses to be told that something changed, with the keys of what is sent there.
    pub(crate) const PUSH: &str = "directory.push";
    /// Up to where each of these was told; written lazily.
    pub(crate) const PUSH_TOLD: &str = "directory.push_told";
    /// When credentials and sessions were last used; written lazily, its loss harms nothing.
    pub(crate) const USED: &str = "directory.used";
}

/// Row of the counter table: the account ids up to this one may have been given.
pub(crate) const ACCOUNT_COUNTER: &[u8] = b"account";
/// Row of the counter table: the last credential id.
pub(crate) const CREDENTIAL_COUNTER: &[u8] = b"credential";

/// Row of the counter table: the last number given to a position.
pub(crate) const POSITION_COUNTER: &[u8] = b"position";
/// Row of the counter table: the last job id.
pub(crate) const JOB_COUNTER: &[u8] = b"job";

/// Row of the counter table: the last loss of commits for which the counters leapt.
pub(crate) const LOSS: &[u8] = b"loss";

/// Row of the counter table: what SCRAM's salts are made with.
pub(crate) const SALT_KEY: &[u8] = b"salt";

/// One thing that becomes so.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    Agency(Agency),
    NoAgency(AgencyId),
    Domain(Domain),
    NoDomain(DomainName),
    Dkim(DkimRow),
    /// Domain and selector.
    NoDkim(DomainName, String),
    Account(Account),
    NoAccount(AccountId),
    Alias(Alias),
    NoAlias(Address),
    Credential(AccountId, Stored),
    NoCredential(AccountId, CredentialId),
    Session([u8; 32], SessionRow),
    NoSession([u8; 32]),
    Share(Share),
    NoShare(AccountId, Option<MailboxId>),
    Senders(Senders),
    NoSenders(AccountId),
    List(ListRules),
    NoList(AccountId),
    Forwarding(Forwarding),
    NoForwarding(AccountId),
    Vacation(Vacation),
    NoVacation(AccountId),
    Outside(AgencyForwarding),
    NoOutside(AgencyId),
    Caps(AgencyCaps),
    NoCaps(AgencyId),
    Approval(Approval),
    NoApproval(u64),
    Impersonation(Impersonation),
    NoImpersonation(u64),
    Policy(AgencyPolicy),
    NoPolicy(AgencyId),
    /// Whose, which credential it was, its hash; `None`: it is forgotten.
    FormerPassword(AccountId, CredentialId, Option<String>),
    Stop(Stop),
    NoStop(AccountId),
    /// Whom it concerns, its number; `None`: it is no more.
    Notice(AccountId, u64, Option<Notice>),
    /// The last number given to an account's notices.
    NoticeCounter(AccountId, u64),
    Departed(Account),
    Freed(Freed),
    Position(Position),
    NoPosition(PositionId),
    AccountCounter(u32),
    CredentialCounter(u64),
    PositionCounter(u32),
    Job(Box<Job>),
    NoJob(JobId),
    JobCounter(u64),
    /// A row that nobody needs in memory.
    Row(RowChange),
}

impl Fact {
    /// The row that says it.
    pub(crate) fn row(&self) -> Result<RowChange, storage::Error> {
        let (table, key, value) = match self {
            Self::Agency(a) => (
                table::AGENCY,
                a.id.0.clone().into_bytes(),
                Some(encode_as(AGENCY_VERSION, a)?),
            ),
            Self::NoAgency(id) => (table::AGENCY, id.0.clone().into_bytes(), None),
            Self::Domain(d) => (
                table::DOMAIN,
                domain_key(&d.name),
                Some(encode_as(DOMAIN_VERSION, d)?),
            ),
            Self::NoDomain(name) => (table::DOMAIN, domain_key(name), None),
            Self::Dkim(row) => {
                let key = dkim_key(&row.key.domain, &row.key.selector);
                (table::DKIM, key, Some(encode(row)?))
            }
            Self::NoDkim(domain, selector) => (table::DKIM, dkim_key(domain, selector), None),
            Self::Account(a) => (
                table::ACCOUNT,
                account_key(a.id),
                Some(encode_as(ACCOUNT_VERSION, a)?),
            ),
            Self::NoAccount(id) => (table::ACCOUNT, account_key(*id), None),
            Self::Session(hash, row) => (table::SESSION, hash.to_vec(), Some(encode(row)?)),
            Self::NoSession(hash) => (table::SESSION, hash.to_vec(), None),
            Self::Alias(_)
            | Self::NoAlias(_)
            | Self::Senders(_)
            | Self::NoSenders(_)
            | Self::List(_)
            | Self::NoList(_)
            | Self::Forwarding(_)
            | Self::NoForwarding(_)
            | Self::Vacation(_)
            | Self::NoVacation(_)
            | Self::Outside(_)
            | Self::NoOutside(_)
            | Self::Caps(_)
            | Self::NoCaps(_)
            | Self::Stop(_)
            | Self::NoStop(_)
            | Self::Notice(..)
            | Self::NoticeCounter(..)
            | Self::Share(_)
            | Self::NoShare(..)
            | Self::Position(_)
            | Self::NoPosition(_)
            | Self::PositionCounter(_) => return self.row_of_others(),
            Self::Credential(..)
            | Self::NoCredential(..)
            | Self::Policy(_)
            | Self::NoPolicy(_)
            | Self::FormerPassword(..)
            | Self::Approval(_)
            | Self::NoApproval(_)
            | Self::Impersonation(_)
            | Self::NoImpersonation(_) => return self.row_of_rules(),
            Self::Departed(_)
            | Self::Freed(_)
            | Self::AccountCounter(_)
            | Self::CredentialCounter(_)
            | Self::JobCounter(_)
            | Self::Job(_)
            | Self::NoJob(_)
            | Self::Row(_) => return self.row_of_work(),
        };
        Ok(RowChange { table, key, value })
    }

    /// The same of counters, of bulk work, and of accounts and addresses that went.
    fn row_of_work(&self) -> Result<RowChange, storage::Error> {
        let (table, key, value) = match self {
            Self::Departed(a) => (
                table::DEPARTED,
                account_key(a.id),
                Some(encode_as(ACCOUNT_VERSION, a)?),
            ),
            Self::AccountCounter(n) => (table::COUNTER, ACCOUNT_COUNTER.to_vec(), Some(encode(n)?)),
            Self::CredentialCounter(n) => (
                table::COUNTER,
                CREDENTIAL_COUNTER.to_vec(),
                Some(encode(n)?),
            ),
            Self::Freed(f) => (table::FREED, f.address.key().into_bytes(), Some(encode(f)?)),
            Self::Job(job) => (table::JOB, job_key(job.id), Some(encode(job)?)),
            Self::NoJob(id) => (table::JOB, job_key(*id), None),
            Self::JobCounter(n) => (table::COUNTER, JOB_COUNTER.to_vec(), Some(encode(n)?)),
            Self::Row(row) => return Ok(row.clone()),
            _ => return Err(storage::Error::Invalid("a fact of another table")),
        };
        Ok(RowChange { table, key, value })
    }

    /// The same of what is said of shares, sending, passing on, of notices, and of positions.
    fn row_of_others(&self) -> Result<RowChange, storage::Error> {
        let (table, key, value) = match self {
            Self::Alias(a) => (
                table::ALIAS,
                a.address.key().into_bytes(),
                Some(encode_as(ALIAS_VERSION, a)?),
            ),
            Self::NoAlias(address) => (table::ALIAS, address.key().into_bytes(), None),
            Self::Senders(s) => (table::SENDERS, account_key(s.account), Some(encode(s)?)),
            Self::NoSenders(account) => (table::SENDERS, account_key(*account), None),
            Self::List(l) => (
                table::LIST,
                account_key(l.account),
                Some(encode_as(LIST_VERSION, l)?),
            ),
            Self::NoList(account) => (table::LIST, account_key(*account), None),
            Self::Forwarding(w) => (table::FORWARDING, account_key(w.account), Some(encode(w)?)),
            Self::NoForwarding(account) => (table::FORWARDING, account_key(*account), None),
            Self::Vacation(v) => (table::VACATION, account_key(v.account), Some(encode(v)?)),
            Self::NoVacation(account) => (table::VACATION, account_key(*account), None),
            Self::Outside(o) => {
                let key = o.agency.0.clone().into_bytes();
                (table::OUTSIDE, key, Some(encode(o)?))
            }
            Self::NoOutside(id) => (table::OUTSIDE, id.0.clone().into_bytes(), None),
            Self::Caps(c) => {
                let key = c.agency.0.clone().into_bytes();
                (table::CAPS, key, Some(encode(c)?))
            }
            Self::NoCaps(id) => (table::CAPS, id.0.clone().into_bytes(), None),
            Self::Stop(s) => (table::STOP, account_key(s.account), Some(encode(s)?)),
            Self::NoStop(account) => (table::STOP, account_key(*account), None),
            Self::Notice(account, number, notice) => (
                table::NOTICE,
                notice::key(*account, *number),
                notice.as_ref().map(encode).transpose()?,
            ),
            Self::NoticeCounter(account, last) => (
                table::NOTICE,
                notice::counter_key(*account),
                Some(encode(last)?),
            ),
            Self::Position(p) => (table::POSITION, position_key(p.id), Some(encode(p)?)),
            Self::NoPosition(id) => (table::POSITION, position_key(*id), None),
            Self::PositionCounter(n) => {
                (table::COUNTER, POSITION_COUNTER.to_vec(), Some(encode(n)?))
            }
            Self::Share(s) => {
                let key = share_key(s.account, s.mailbox);
                (table::SHARE, key, Some(encode(s)?))
            }
            Self::NoShare(account, mailbox) => (table::SHARE, share_key(*account, *mailbox), None),
            _ => return Err(storage::Error::Invalid("a fact of another table")),
        };
        Ok(RowChange { table, key, value })
    }

    /// The same of secrets, and of what agencies rule.
    fn row_of_rules(&self) -> Result<RowChange, storage::Error> {
        let (table, key, value) = match self {
            Self::Credential(account, c) => (
                table::CREDENTIAL,
                credential_key(*account, c.id),
                Some(encode_as(CREDENTIAL_VERSION, &(account, c))?),
            ),
            Self::NoCredential(account, id) => {
                (table::CREDENTIAL, credential_key(*account, *id), None)
            }
            Self::Approval(a) => {
                let key = a.id.to_be_bytes().to_vec();
                (table::APPROVAL, key, Some(encode_as(APPROVAL_VERSION, a)?))
            }
            Self::NoApproval(id) => (table::APPROVAL, id.to_be_bytes().to_vec(), None),
            Self::Impersonation(i) => {
                let key = i.id.to_be_bytes().to_vec();
                let row = encode_as(impersonation::ROW_VERSION, i)?;
                (table::IMPERSONATION, key, Some(row))
            }
            Self::NoImpersonation(id) => (table::IMPERSONATION, id.to_be_bytes().to_vec(), None),
            Self::Policy(p) => {
                let key = p.agency.0.clone().into_bytes();
                (table::POLICY, key, Some(encode(p)?))
            }
            Self::NoPolicy(id) => (table::POLICY, id.0.clone().into_bytes(), None),
            Self::FormerPassword(account, id, phc) => (
                table::FORMER_PASSWORD,
                credential_key(*account, *id),
                phc.as_ref().map(encode).transpose()?,
            ),
            _ => return Err(storage::Error::Invalid("a fact of another table")),
        };
        Ok(RowChange { table, key, value })
    }

    /// The fact that a stored row says.
    pub(crate) fn read(table: &str, key: &[u8], value: &[u8]) -> Result<Self, storage::Error> {
        Ok(match table {
            table::AGENCY => Self::Agency(decode_agency(table, value)?),
            table::DOMAIN => Self::Domain(decode_domain(table, value)?),
            table::DKIM => Self::Dkim(decode(table, value)?),
            table::ACCOUNT => Self::Account(decode_account(table, value)?),
            table::ALIAS => Self::Alias(decode_alias(table, value)?),
            table::CREDENTIAL => {
                let Held(account, stored) = decode_credential(table, value)?;
                Self::Credential(account, stored)
            }
            table::SESSION => {
                let hash = key
                    .try_into()
                    .map_err(|_| corrupt(table, "a key of odd length"))?;
                Self::Session(hash, decode(table, value)?)
            }
            table::SHARE => Self::Share(decode(table, value)?),
            table::SENDERS => Self::Senders(decode(table, value)?),
            table::LIST => Self::List(decode_list(table, value)?),
            table::FORWARDING => Self::Forwarding(decode(table, value)?),
            table::VACATION => Self::Vacation(decode(table, value)?),
            table::OUTSIDE => Self::Outside(decode(table, value)?),
            table::CAPS => Self::Caps(decode(table, value)?),
            table::APPROVAL => Self::Approval(decode_approval(table, value)?),
            table::POLICY => Self::Policy(decode(table, value)?),
            table::IMPERSONATION => Self::Impersonation(impersonation::read(value)?),
            table::STOP => Self::Stop(decode(table, value)?),
            table::POSITION => Self::Position(decode(table, value)?),
            table::JOB => Self::Job(Box::new(decode(table, value)?)),
            table::DEPARTED => Self::Departed(decode_account(table, value)?),
            table::FREED => Self::Freed(decode(table, value)?),
            _ => return Err(corrupt(table, "an unknown table")),
        })
    }
}

/// Big-endian, so that the table is in id order.
pub(crate) fn account_key(id: AccountId) -> Vec<u8> {
    id.raw().to_be_bytes().to_vec()
}

fn job_key(id: JobId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

/// Account first, then the mailbox: what is shared of an account lies together, the account as a whole (zero)
/// before its mailboxes.
pub(crate) fn share_key(account: AccountId, mailbox: Option<MailboxId>) -> Vec<u8> {
    let mut key = account_key(account);
    key.extend_from_slice(&mailbox.map_or(0, MailboxId::raw).to_be_bytes());
    key
}

/// Account first: the credentials of an account lie together.
pub(crate) fn credential_key(account: AccountId, id: CredentialId) -> Vec<u8> {
    let mut key = account_key(account);
    key.extend_from_slice(&id.0.to_be_bytes());
    key
}

/// The reverse of `credential_key`.
pub(crate) fn credential_of(key: &[u8]) -> Option<(AccountId, CredentialId)> {
    let (account, id) = key.split_first_chunk::<4>()?;
    let id = u64::from_be_bytes(id.try_into().ok()?);
    Some((
        AccountId::new(u32::from_be_bytes(*account))?,
        CredentialId(id),
    ))
}

/// Big-endian, so that the table is in the order of the numbers.
fn position_key(id: PositionId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

fn domain_key(name: &DomainName) -> Vec<u8> {
    name.as_str().as_bytes().to_vec()
}

/// The domain first; no name has a slash in it.
fn dkim_key(domain: &DomainName, selector: &str) -> Vec<u8> {
    format!("{domain}/{selector}").into_bytes()
}

/// A version byte and postcard.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, storage::Error> {
    encode_as(VERSION, value)
}

pub(crate) fn encode_as<T: Serialize>(version: u8, value: &T) -> Result<Vec<u8>, storage::Error> {
    postcard::to_extend(value, vec![version])
        .map_err(|_| storage::Error::Invalid("a directory row that cannot be encoded"))
}

/// The reverse of `encode`. Errors: `Corrupt`, also for another version (I-18).
pub(crate) fn decode<T: DeserializeOwned>(table: &str, bytes: &[u8]) -> Result<T, storage::Error> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => body(table, rest),
        Some((version, _)) => Err(corrupt(
            table,
            &format!("a row of unknown version {version}"),
        )),
        None => Err(corrupt(table, "an empty row")),
    }
}

pub(crate) fn body<T: DeserializeOwned>(table: &str, octets: &[u8]) -> Result<T, storage::Error> {
    postcard::from_bytes(octets).map_err(|_| corrupt(table, "a row that cannot be read"))
}

/// An agency's row, of this version or brought to it.
fn decode_agency(table: &str, bytes: &[u8]) -> Result<Agency, storage::Error> {
    match bytes.split_first() {
        Some((&AGENCY_VERSION, rest)) => body(table, rest),
        Some((&QUOTA_VERSION, rest)) => body::<Agency2>(table, rest).map(Agency::from),
        _ => decode::<Agency1>(table, bytes).map(Agency::from),
    }
}

/// A domain's row, of this version or brought to it.
fn decode_domain(table: &str, bytes: &[u8]) -> Result<Domain, storage::Error> {
    match bytes.split_first() {
        Some((&DOMAIN_VERSION, rest)) => body(table, rest),
        Some((&ALIAS_DOMAIN_VERSION, rest)) => body::<Domain2>(table, rest).map(Domain::from),
        _ => decode::<Domain1>(table, bytes).map(Domain::from),
    }
}

/// An alias's row, of this version or brought to it.
fn decode_alias(table: &str, bytes: &[u8]) -> Result<Alias, storage::Error> {
    match bytes.split_first() {
        Some((&ALIAS_VERSION, rest)) => body(table, rest),
        _ => decode::<Alias1>(table, bytes).map(Alias::from),
    }
}

/// What is said of a list, of this version or brought to it.
fn decode_list(table: &str, bytes: &[u8]) -> Result<ListRules, storage::Error> {
    match bytes.split_first() {
        Some((&LIST_VERSION, rest)) => body(table, rest),
        _ => decode::<ListRules1>(table, bytes).map(ListRules::from),
    }
}

/// A request's row, of this version or brought to it.
fn decode_approval(table: &str, bytes: &[u8]) -> Result<Approval, storage::Error> {
    match bytes.split_first() {
        Some((&APPROVAL_VERSION, rest)) => body(table, rest),
        _ => decode::<Approval1>(table, bytes).map(Approval::from),
    }
}

/// A credential's row, of this version or brought to it.
fn decode_credential(table: &str, bytes: &[u8]) -> Result<Held<Stored>, storage::Error> {
    match bytes.split_first() {
        Some((&CREDENTIAL_VERSION, rest)) => body(table, rest),
        Some((&(FACTOR_VERSION | HANDS_VERSION), rest)) => {
            body::<Held<Stored3>>(table, rest).map(Held::from)
        }
        Some((&VERIFIER_VERSION, rest)) => body::<Held<Stored2>>(table, rest).map(Held::from),
        _ => decode::<Held<Stored1>>(table, bytes).map(Held::from),
    }
}

/// An account's row, of this version or brought to it.
fn decode_account(table: &str, bytes: &[u8]) -> Result<Account, storage::Error> {
    match bytes.split_first() {
        Some((&ACCOUNT_VERSION, rest)) => body(table, rest),
        Some((&POP3_VERSION, rest)) => body::<Account3>(table, rest).map(Account::from),
        Some((&QUOTA_VERSION, rest)) => body::<Account2>(table, rest).map(Account::from),
        _ => decode::<Account1>(table, bytes).map(Account::from),
    }
}

fn corrupt(table: &str, what: &str) -> storage::Error {
    storage::Error::Corrupt(format!("{table}: {what}").into())
}
