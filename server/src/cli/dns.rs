//! `congvu dns`: the DNS records to publish for a domain.

use super::ConfigArgs;
use anyhow::Context as _;
use formats::address::DomainName;

/// Arguments of `congvu dns`.
#[derive(Debug, clap::Args)]
pub(crate) struct DnsArgs {
    /// Mail domain; the config's default domain when not given.
    domain: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Prints them; reads nothing but the config.
pub(crate) fn run(args: &DnsArgs) -> anyhow::Result<()> {
    let config = args.config.read()?;
    let named = args
        .domain
        .as_ref()
        .unwrap_or(&config.server.default_domain);
    anyhow::ensure!(
        !named.is_empty(),
        "name a domain, e.g. congvu dns tinh.gov.vn / hãy nêu tên miền"
    );
    let domain = DomainName::parse(named).with_context(|| format!("domain {named:?}"))?;
    print!("{}", crate::dns::records(&config, &domain));
    Ok(())
}
