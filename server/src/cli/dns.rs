//! `congvu dns`: the DNS records to publish for a domain.

use super::ConfigArgs;
use super::admin::{self, Connection};
use anyhow::Context as _;
use formats::address::DomainName;

/// Arguments of `congvu dns`.
#[derive(Debug, clap::Args)]
pub(crate) struct DnsArgs {
    /// Mail domain; the config's default domain when not given.
    domain: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    /// Whom to ask for the keys that sign the domain's mail; what is not given is taken from the config.
    #[command(flatten)]
    connection: Box<Connection>,
}

/// Prints them. The keys are in the store, which a server holds: it is asked for them where a token is given.
pub(crate) fn run(args: &DnsArgs) -> anyhow::Result<()> {
    let config = match (&args.config.config, args.connection.demo_folder()) {
        // What is asked of a demo is about that demo, whatever config lies here.
        (None, Some(dir)) => crate::demo::config_of(dir)?,
        _ => args.config.read()?,
    };
    let named = args
        .domain
        .as_ref()
        .unwrap_or(&config.server.default_domain);
    anyhow::ensure!(
        !named.is_empty(),
        "hãy nêu tên miền, ví dụ congvu dns tinh.gov.vn / name a domain, e.g. congvu dns tinh.gov.vn"
    );
    anyhow::ensure!(
        !config.server.host.is_empty() && config.server.host != "localhost",
        "cấu hình chưa nêu tên máy chủ: hãy đặt [server] host, hoặc dùng --config TỆP / \
         the config names no host: set [server] host, or use --config FILE"
    );
    let domain = DomainName::parse(named).with_context(|| format!("domain {named:?}"))?;
    let connection = args.connection.or(&config);
    let keys = admin::dkim_lines(&connection, &domain).unwrap_or_else(|error| {
        let why = format!("{error:#}");
        vec![
            format!("; congvu admin domains dkim list {domain} --token-file …"),
            format!("; ({})", why.lines().next().unwrap_or_default()),
        ]
    });
    print!("{}", crate::dns::records(&config, &domain, &keys));
    Ok(())
}
