//! `congvu admin RESOURCE VERB …`: every administrative act, over the REST API.
//!
//! Exit status: 0 done, 1 refused or failed with a message that says what to do, 2 wrong usage.

mod accounts;
mod agencies;
mod aliases;
mod approvals;
mod audit;
mod client;
mod connect;
mod credentials;
mod dkim;
mod dmarc_reports;
mod domains;
mod forwarding;
mod grants;
mod holds;
mod impersonations;
mod jobs;
mod letters;
mod lists;
mod members;
mod orders;
mod policies;
mod positions;
mod print;
mod queue;
mod quota;
mod reads;
mod recovery;
mod senders;
mod sending;
mod store;
mod tables;
mod tokens;
mod trace;
mod webhooks;
mod words;
mod would;

use client::{Client, Refused};
pub(super) use connect::Connection;
use print::{Language, Printer};
use std::fmt;
use std::io::IsTerminal as _;
use would::WouldDo;

/// What `congvu admin` was told.
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct AdminArgs {
    #[command(flatten)]
    connection: Connection,
    /// Print JSON for machines instead of tables.
    #[arg(long, global = true)]
    json: bool,
    /// Language of tables and messages.
    #[arg(long, global = true, value_enum, default_value_t = Language::Vi)]
    lang: Language,
    /// Why, for the audit log; needed to read what is another's: trace, export, removed, held and restored mail, impersonations.
    /// One reason holds for 15 minutes.
    #[arg(long, global = true, value_name = "TEXT")]
    reason: Option<String>,
    /// The recorded legal order under which it is read, which hides it from the owner for a time (see `orders`).
    #[arg(long, global = true, value_name = "NUMBER")]
    legal_order: Option<u64>,
    /// Only say what would be done, or why it would be refused; nothing is done.
    #[arg(long, global = true)]
    dry_run: bool,
    #[command(subcommand)]
    resource: Resource,
}

#[derive(Debug, clap::Subcommand)]
enum Resource {
    /// Cơ quan / the agency tree
    #[command(subcommand, visible_alias = "agency")]
    Agencies(agencies::Verb),
    /// Vị trí / seats of agencies, who holds them, their mailboxes
    #[command(subcommand, visible_alias = "position")]
    Positions(positions::Verb),
    /// Nhập bảng CSV / import a table of agencies, positions, accounts or members
    Import(tables::Import),
    /// Xuất bảng CSV / export the same
    Export(tables::Export),
    /// Việc hàng loạt / bulk work: how far it is, what came of it
    #[command(subcommand, visible_alias = "job")]
    Jobs(jobs::Verb),
    /// Tên miền / the mail domains that are served
    #[command(subcommand, visible_alias = "domain")]
    Domains(domains::Verb),
    /// Báo cáo DMARC / what other servers report of mail in a domain's name
    #[command(subcommand)]
    DmarcReports(dmarc_reports::Verb),
    /// Tài khoản / persons, shared mailboxes, resources, lists
    #[command(subcommand, visible_alias = "account")]
    Accounts(accounts::Verb),
    /// Quyền quản trị / who may administer which subtree
    #[command(subcommand, visible_alias = "grant")]
    Grants(grants::Verb),
    /// Quy định / what agencies rule of their accounts: passwords, protocols, places, attachments
    #[command(subcommand, visible_alias = "policy")]
    Policies(policies::Verb),
    /// Việc cần hai người / requests of acts that take two persons
    #[command(subcommand, visible_alias = "approval")]
    Approvals(approvals::Verb),
    /// Thành viên hộp thư chung / who reads and writes a shared mailbox
    #[command(subcommand, visible_alias = "member")]
    Members(members::Verb),
    /// Danh sách thư / lists: members, who may post, who answers for them
    #[command(subcommand)]
    Lists(lists::Verb),
    /// Chuyển tiếp thư / where an account's mail goes on to, and whether it may leave
    #[command(subcommand)]
    Forwarding(forwarding::Verb),
    /// Gửi thay / who sends in the name of a seat or of another person
    #[command(subcommand, visible_alias = "sender")]
    Senders(senders::Verb),
    /// Việc gửi thư / how much is sent, and who may not send for now
    #[command(subcommand)]
    Sending(sending::Verb),
    /// Bí danh / further addresses of accounts
    #[command(subcommand, visible_alias = "alias")]
    Aliases(aliases::Verb),
    /// Mật khẩu / password and app passwords of an account
    #[command(subcommand, visible_alias = "credential")]
    Credentials(credentials::Verb),
    /// Mã truy cập / bearer tokens of the API
    #[command(subcommand, visible_alias = "token")]
    Tokens(tokens::Verb),
    /// Hàng đợi / messages that wait
    #[command(subcommand)]
    Queue(queue::Verb),
    /// Thư đã đi đâu / what became of each message
    #[command(subcommand, visible_alias = "traces")]
    Trace(trace::Verb),
    /// Lệnh giữ thư / legal holds
    #[command(subcommand, visible_alias = "hold")]
    Holds(holds::Verb),
    /// Phục hồi thư / removed mail, and accounts as at a time
    #[command(subcommand)]
    Recovery(recovery::Verb),
    /// Kho thư / the store of the running server
    #[command(subcommand)]
    Store(store::Verb),
    /// Nhật ký quản trị / the log of administrative acts
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Ai đã xem thư của tài khoản / who read mail of an account by virtue of an office, and why
    Reads(reads::Args),
    /// Đọc thay / read the mail of an account for some minutes, as its owner has it
    #[command(subcommand, visible_alias = "impersonation")]
    Impersonations(impersonations::Verb),
    /// Lệnh theo pháp luật / legal orders, under which the owner is not told for a time
    #[command(subcommand)]
    Orders(orders::Verb),
    /// Webhook / programs that are told of what happens to accounts
    #[command(subcommand, visible_alias = "webhook")]
    Webhooks(webhooks::Verb),
}

/// The command cannot be understood; exit status 2.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Does one administrative act and returns the exit status. Errors: what went wrong outside the
/// server's own answers (no connection, unreadable files), for exit status 1.
pub fn run(args: AdminArgs) -> anyhow::Result<i32> {
    let mut out = crate::out::Out;
    match act(args, &mut out) {
        Ok(()) => Ok(0),
        Err(error) => {
            if let Some(usage) = error.downcast_ref::<Usage>() {
                eprintln!("congvu admin: {usage}");
                return Ok(2);
            }
            if let Some(refused) = error.downcast_ref::<Refused>() {
                eprint!("{refused}");
                return Ok(1);
            }
            // `congvu admin … | head` closes the pipe early; that is no failure.
            let broken = error.downcast_ref::<std::io::Error>();
            if broken.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) {
                return Ok(0);
            }
            Err(error)
        }
    }
}

/// The lines of a zone file for the keys that sign a domain's mail. Errors: no token, or the server says no.
pub(super) fn dkim_lines(
    connection: &Connection,
    domain: &formats::DomainName,
) -> anyhow::Result<Vec<String>> {
    let client = Client::open(connection, Language::En)?;
    let keys = client.list(&dkim::path(domain.as_str()), &[], None)?;
    let line =
        |key: &serde_json::Value| client::clean_line(key["zone_line"].as_str().unwrap_or_default());
    Ok(keys.iter().map(line).collect())
}

/// Verifies the store of the server that runs here; what is wrong. Errors: it cannot be asked, or says no.
pub(super) fn verify(
    connection: &Connection,
    deep: bool,
    shown: &super::progress::Shown,
) -> anyhow::Result<super::found::Found> {
    let client = Client::open(connection, Language::En)?;
    let found = store::verify(&client, deep, shown)?;
    let lines = found["findings"].as_array().into_iter().flatten();
    let text = |line: &serde_json::Value| client::clean(line.as_str().unwrap_or_default());
    Ok(super::found::Found {
        lines: lines.map(text).collect(),
        count: found["count"].as_u64().unwrap_or(0),
    })
}

fn act(args: AdminArgs, out: &mut dyn std::io::Write) -> anyhow::Result<()> {
    let client = Client::open(&args.connection, args.lang)?;
    let client = client.saying(args.reason.as_deref(), args.legal_order);
    let client = client.trying(args.dry_run);
    let terminal = std::io::stdout().is_terminal();
    let mut printer = Printer::new(out, args.json, args.lang).on_terminal(terminal);
    match done(args.resource, &client, &mut printer) {
        Err(error) => match error.downcast_ref::<WouldDo>() {
            Some(would) => would.print(&mut printer),
            None => Err(error),
        },
        done => done,
    }
}

fn done(resource: Resource, client: &Client, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    match resource {
        Resource::Agencies(verb) => agencies::run(verb, client, printer),
        Resource::Positions(verb) => positions::run(verb, client, printer),
        Resource::Import(args) => tables::import(args, client, printer),
        Resource::Export(args) => tables::export(args, client, printer),
        Resource::Jobs(verb) => jobs::run(verb, client, printer),
        Resource::Domains(verb) => domains::run(verb, client, printer),
        Resource::DmarcReports(verb) => dmarc_reports::run(verb, client, printer),
        Resource::Accounts(verb) => accounts::run(verb, client, printer),
        Resource::Grants(verb) => grants::run(verb, client, printer),
        Resource::Policies(verb) => policies::run(verb, client, printer),
        Resource::Approvals(verb) => approvals::run(verb, client, printer),
        Resource::Members(verb) => members::run(verb, client, printer),
        Resource::Lists(verb) => lists::run(verb, client, printer),
        Resource::Forwarding(verb) => forwarding::run(verb, client, printer),
        Resource::Senders(verb) => senders::run(verb, client, printer),
        Resource::Sending(verb) => sending::run(verb, client, printer),
        Resource::Aliases(verb) => aliases::run(verb, client, printer),
        Resource::Credentials(verb) => credentials::run(verb, client, printer),
        Resource::Tokens(verb) => tokens::run(verb, client, printer),
        Resource::Queue(verb) => queue::run(verb, client, printer),
        Resource::Trace(verb) => trace::run(verb, client, printer),
        Resource::Holds(verb) => holds::run(verb, client, printer),
        Resource::Recovery(verb) => recovery::run(verb, client, printer),
        Resource::Store(verb) => store::run(verb, client, printer),
        Resource::Audit(verb) => audit::run(verb, client, printer),
        Resource::Reads(args) => reads::run(args, client, printer),
        Resource::Impersonations(verb) => impersonations::run(verb, client, printer),
        Resource::Orders(verb) => orders::run(verb, client, printer),
        Resource::Webhooks(verb) => webhooks::run(verb, client, printer),
    }
}

#[cfg(test)]
mod tests;
