//! DNS, for finding where mail goes.

use delivery::{LookupError, MailHost, MailHosts, Resolver};
use formats::address::DomainName;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use std::net::{IpAddr, SocketAddr};

/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 100;

/// Asks the configured DNS servers, or the system's; or says why it cannot: mail here does not need them.
pub(crate) struct Names(Result<TokioResolver, String>);

impl Names {
    /// Empty: the servers of /etc/resolv.conf.
    pub(crate) fn new(servers: &[SocketAddr]) -> Self {
        let builder = if servers.is_empty() {
            TokioResolver::builder_tokio()
        } else {
            let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
            let provider = TokioRuntimeProvider::default();
            Ok(TokioResolver::builder_with_config(config, provider))
        };
        let resolver = builder.and_then(|builder| builder.build());
        Self(resolver.map_err(|error| {
            tracing::error!(%error, "no DNS: mail for elsewhere waits");
            format!("this server has no DNS to ask: {error}")
        }))
    }

    fn resolver(&self) -> Result<&TokioResolver, LookupError> {
        let why = |why: &String| LookupError::Failed(why.clone());
        self.0.as_ref().map_err(why)
    }
}

fn server(at: &SocketAddr) -> NameServerConfig {
    let connection = |protocol| {
        let mut connection = ConnectionConfig::new(protocol);
        connection.port = at.port();
        connection
    };
    let both = [ProtocolConfig::Udp, ProtocolConfig::Tcp];
    NameServerConfig::new(at.ip(), true, both.map(connection).into())
}

impl Names {
    /// The TXT records of a name, the strings of each joined (RFC 6376 §3.6.2.2).
    pub(crate) async fn text(&self, name: &str) -> Result<Vec<String>, LookupError> {
        let found = match self.resolver()?.txt_lookup(format!("{name}.")).await {
            Ok(found) => found,
            Err(error) => return none(&error),
        };
        let texts = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(txt) => {
                    let joined: Vec<u8> = txt.txt_data.concat();
                    Some(String::from_utf8_lossy(&joined).into_owned())
                }
                _ => None,
            });
        Ok(texts.take(RECORDS_MAX).collect())
    }
}

impl Resolver for Names {
    async fn mail_hosts(&self, domain: &DomainName) -> Result<MailHosts, LookupError> {
        // A dot at the end: nothing of this machine's own domain is added.
        let name = format!("{domain}.");
        let found = match self.resolver()?.mx_lookup(name).await {
            Ok(found) => found,
            Err(error) => {
                return none::<MailHost>(&error).map(|hosts| MailHosts {
                    hosts,
                    secure: false,
                });
            }
        };
        let hosts = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::MX(mx) => Some(MailHost {
                    preference: mx.preference,
                    name: mx.exchange.to_ascii().trim_end_matches('.').to_owned(),
                }),
                _ => None,
            });
        Ok(MailHosts {
            hosts: hosts.take(RECORDS_MAX).collect(),
            secure: false,
        })
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let name = format!("{}.", host.trim_end_matches('.'));
        match self.resolver()?.lookup_ip(name).await {
            Ok(found) => Ok(found.iter().take(RECORDS_MAX).collect()),
            Err(error) => none(&error),
        }
    }
}

/// No such name, a name without such records, or no answer.
fn none<T>(error: &NetError) -> Result<Vec<T>, LookupError> {
    if error.is_nx_domain() {
        Err(LookupError::NoName)
    } else if error.is_no_records_found() {
        Ok(Vec::new())
    } else {
        Err(LookupError::Failed(error.to_string()))
    }
}
