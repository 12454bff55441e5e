//! DNS, for finding where mail goes.

use super::config::Relay;
use super::dnssec::Dnssec;
use delivery::{LookupError, MailHost, MailHosts, Resolver, Silence, Tlsas};
use formats::address::DomainName;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Records of one answer that are looked at.
pub(super) const RECORDS_MAX: usize = 100;

/// How long one try of a question may take where a peer waits, and how often it is tried again: two questions without
/// an answer, after which no more is asked for a message, fit into what a message may take (`smtp::VERIFY_S`).
const QUICK: Duration = Duration::from_millis(1_100);
const QUICK_AGAIN: usize = 1;

/// Asks the configured DNS servers, or the system's; or says why it cannot: mail here does not need them.
pub struct Names {
    plain: Result<TokioResolver, String>,
    /// Where DANE is wanted.
    dnssec: Option<Dnssec>,
    /// Where a peer waits.
    watch: Option<Watch>,
}

/// Leaves DNS alone that gives no answers.
pub struct Watch {
    silence: Arc<Silence>,
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl Watch {
    /// `now`: Unix seconds.
    pub fn new(silence: Arc<Silence>, now: Arc<dyn Fn() -> i64 + Send + Sync>) -> Self {
        Self { silence, now }
    }
}

/// Empty: the servers of /etc/resolv.conf.
pub(super) fn builder(
    servers: &[SocketAddr],
) -> Result<ResolverBuilder<TokioRuntimeProvider>, NetError> {
    if servers.is_empty() {
        return TokioResolver::builder_tokio();
    }
    let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
    let provider = TokioRuntimeProvider::default();
    Ok(TokioResolver::builder_with_config(config, provider))
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
    /// Errors: the trust anchors cannot be read.
    pub fn new(config: &Relay) -> anyhow::Result<Self> {
        let mut names = Self::plain(&config.name_servers);
        if config.dane && names.plain.is_ok() {
            names.dnssec = Some(Dnssec::new(&config.name_servers, &config.trust_anchors)?);
        }
        Ok(names)
    }

    /// Answers as they come.
    pub(crate) fn plain(servers: &[SocketAddr]) -> Self {
        let resolver = builder(servers).and_then(|builder| builder.build());
        let plain = resolver.map_err(|error| {
            tracing::error!(%error, "no DNS: mail for elsewhere waits");
            format!("this server has no DNS to ask: {error}")
        });
        Self {
            plain,
            dnssec: None,
            watch: None,
        }
    }

    /// The same, and soon: somebody waits for the answer. Where there are none it is not waited for them.
    pub(crate) fn quick(servers: &[SocketAddr], watch: Watch) -> Self {
        let resolver = builder(servers).and_then(|mut builder| {
            let options = builder.options_mut();
            (options.timeout, options.attempts) = (QUICK, QUICK_AGAIN);
            builder.build()
        });
        Self {
            plain: resolver.map_err(|error| format!("this server has no DNS to ask: {error}")),
            dnssec: None,
            watch: Some(watch),
        }
    }

    fn resolver(&self) -> Result<&TokioResolver, LookupError> {
        let why = |why: &String| LookupError::Failed(why.clone());
        self.plain.as_ref().map_err(why)
    }

    /// Asks, unless DNS is being left alone.
    async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, NetError>>,
    ) -> Result<Result<T, NetError>, LookupError> {
        let Some(watch) = &self.watch else {
            return Ok(question.await);
        };
        let Some(leave) = watch.silence.leave((watch.now)()) else {
            return Err(LookupError::Failed("DNS gives no answers".into()));
        };
        let found = question.await;
        match &found {
            Err(error) if is_silence(error) => leave.silent((watch.now)()),
            _ => leave.answered(),
        }
        Ok(found)
    }

    /// Of two questions hardly both are said to have failed where one has: a name has no address when either family
    /// says so. What was answered before is not asked again.
    async fn each_family(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let name = || format!("{}.", host.trim_end_matches('.'));
        let (mut found, mut unclear) = (Vec::new(), false);
        for kind in [RecordType::A, RecordType::AAAA] {
            match self.ask(self.resolver()?.lookup(name(), kind)).await? {
                Ok(answer) => {
                    found.extend(answer.answers().iter().filter_map(|r| r.data.ip_addr()))
                }
                Err(error) => {
                    found.extend(none::<IpAddr>(&error)?);
                    unclear |= !says_so(&error);
                }
            }
        }
        if found.is_empty() && unclear {
            let why =
                format!("DNS gives no address of {host}, and does not say that there is none");
            return Err(LookupError::Failed(why));
        }
        found.truncate(RECORDS_MAX);
        Ok(found)
    }

    /// The one that checks, where it is wanted and works.
    async fn dnssec(&self) -> Option<&Dnssec> {
        match &self.dnssec {
            Some(dnssec) if dnssec.works().await => Some(dnssec),
            _ => None,
        }
    }

    /// The TXT records of a name, the strings of each joined (RFC 6376 §3.6.2.2).
    pub(crate) async fn text(&self, name: &str) -> Result<Vec<String>, LookupError> {
        let asked = self.resolver()?.txt_lookup(format!("{name}."));
        let found = match self.ask(asked).await? {
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
        if let Some(dnssec) = self.dnssec().await {
            return dnssec.mail_hosts(&name).await;
        }
        let hosts = match self.ask(self.resolver()?.mx_lookup(name)).await? {
            Ok(found) => mail_hosts(found.answers()),
            Err(error) => none(&error)?,
        };
        Ok(MailHosts {
            hosts,
            secure: false,
        })
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let name = format!("{}.", host.trim_end_matches('.'));
        match self.ask(self.resolver()?.lookup_ip(name)).await? {
            Ok(found) => Ok(found.iter().take(RECORDS_MAX).collect()),
            Err(error) => {
                none::<IpAddr>(&error)?;
                self.each_family(host).await
            }
        }
    }

    async fn texts(&self, name: &str) -> Result<Vec<String>, LookupError> {
        self.text(name.trim_end_matches('.')).await
    }

    async fn names_of(&self, ip: IpAddr) -> Result<Vec<String>, LookupError> {
        let found = match self.ask(self.resolver()?.reverse_lookup(ip)).await? {
            Ok(found) => found,
            Err(error) => return none(&error),
        };
        let names = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::PTR(name) => Some(name.0.to_ascii()),
                _ => None,
            });
        Ok(names.take(RECORDS_MAX).collect())
    }

    async fn tlsa(&self, host: &str) -> Result<Option<Tlsas>, LookupError> {
        match self.dnssec().await {
            Some(dnssec) => dnssec.tlsa(host).await,
            None => Ok(None),
        }
    }
}

/// Whether nobody answered. A server that says that it failed is there.
fn is_silence(error: &NetError) -> bool {
    matches!(
        error,
        NetError::Timeout | NetError::NoConnections | NetError::Io(_)
    )
}

/// The mail exchangers among these records.
pub(super) fn mail_hosts(answers: &[Record]) -> Vec<MailHost> {
    let hosts = answers.iter().filter_map(|record| match &record.data {
        RData::MX(mx) => Some(MailHost {
            preference: mx.preference,
            name: mx.exchange.to_ascii().trim_end_matches('.').to_owned(),
        }),
        _ => None,
    });
    hosts.take(RECORDS_MAX).collect()
}

/// Whether the zone itself says that there is nothing (RFC 2308 §2.2): names that lead in a circle come without.
fn says_so(error: &NetError) -> bool {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => none.soa.is_some(),
        NetError::Dns(DnsError::Nsec { .. }) => true,
        _ => false,
    }
}

/// No such name, a name without such records, or no answer.
pub(super) fn none<T>(error: &NetError) -> Result<Vec<T>, LookupError> {
    // A zone that is not signed, or whose proof is too laborious (RFC 9276 §3.2), is believed as any other.
    if let NetError::Dns(DnsError::Nsec {
        response,
        proof: Proof::Insecure,
        ..
    }) = error
    {
        return match response.metadata.response_code {
            ResponseCode::NXDomain => Err(LookupError::NoName),
            _ => Ok(Vec::new()),
        };
    }
    if error.is_nx_domain() {
        Err(LookupError::NoName)
    } else if error.is_no_records_found() {
        Ok(Vec::new())
    } else {
        Err(LookupError::Failed(error.to_string()))
    }
}
