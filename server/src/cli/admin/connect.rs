//! Where the API is and who asks: `--url`, `--token`, `--ca`, or all three from `--demo DIR`.

use super::Usage;
use crate::config::Config;
use crate::told::{Failed, Lead as _, shown};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use ureq::tls::{Certificate, PemItem};

/// Where a server on this machine listens.
const URL_DEFAULT: &str = "https://127.0.0.1:443";
/// The authority of a certificate of the server's own making, in the data folder.
const OWN_CA: &str = "ca.pem";
/// The variable that may hold the token.
const TOKEN_VARIABLE: &str = "CONGVU_TOKEN";
/// Octets of a token, a CA file or demo.json that are read.
const FILE_MAX: u64 = 4 * 1024 * 1024;
/// Where systems keep the authorities that they trust.
const SYSTEM_BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// How to reach the API.
#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::cli) struct Connection {
    /// Server, e.g. https://mail.tinhmau.gov.vn [default: https://127.0.0.1:443].
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// Bearer token; better in --token-file or CONGVU_TOKEN, which `ps` does not show.
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        conflicts_with = "token_file"
    )]
    token: Option<String>,
    /// File that holds the bearer token.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// PEM file of the authority that signed the server's certificate.
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Folder of `congvu demo`: takes server, token and CA from its demo.json.
    #[arg(long, global = true, value_name = "DIR")]
    demo: Option<PathBuf>,
}

impl Connection {
    /// The folder of the demo that is named.
    pub(in crate::cli) fn demo(&self) -> Option<&Path> {
        self.demo.as_deref()
    }
}

/// What a client needs to know.
pub(super) struct Server {
    /// Without a slash at the end; `/api/v1/…` follows.
    pub(super) url: String,
    pub(super) token: String,
    pub(super) authorities: Vec<Certificate<'static>>,
}

impl Connection {
    /// The same, with what was not given taken from the config of the server on this machine: where it
    /// listens, whom its certificate is signed by, and all three of a demo.
    pub(in crate::cli) fn or(&self, config: &Config) -> Self {
        let mut known = self.clone();
        let (data, own) = (
            &config.server.data,
            config.tls.certificate.as_os_str().is_empty(),
        );
        let is_demo = data.join("demo.json").exists();
        if self.url.is_none() && self.demo.is_none() && is_demo {
            known.demo = Some(data.clone());
            return known;
        }
        let listens = config.listen.https.first();
        if let (None, None, Some(address)) = (&self.url, &self.demo, listens) {
            let port = address.port();
            known.url = Some(match own {
                // A certificate of the server's own making names this machine so.
                true => format!("https://localhost:{port}"),
                false => format!("https://{}:{port}", config.server.host),
            });
            let ca = data.join(OWN_CA);
            if self.ca.is_none() && own && ca.exists() {
                known.ca = Some(ca);
            }
        }
        known
    }

    /// The folder of the demo that is meant.
    pub(in crate::cli) fn demo_folder(&self) -> Option<&Path> {
        self.demo.as_deref()
    }

    /// Reads files and environment. Errors: [`Usage`] when something is missing.
    pub(super) fn server(&self) -> Result<Server> {
        let demo = self.demo.as_deref().map(Demo::read).transpose()?;
        let demo = demo.as_ref();
        let url = self
            .url
            .as_deref()
            .or(demo.map(|d| d.url.as_str()))
            .unwrap_or(URL_DEFAULT);
        let url = url.trim_end_matches('/').trim_end_matches("/api/v1");
        if !url.starts_with("https://") {
            return Err(Usage(format!(
                "--url phải bắt đầu bằng https://, không phải {url} / --url must begin with https://, not {url}"
            )).into());
        }
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(file)) => Some(read(file)?),
            (None, None) => demo.map(|d| d.token.clone()).or_else(token_of_environment),
        };
        let token = token.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let token = token.ok_or_else(|| {
            Usage(format!(
                "cần mã truy cập: --token-file TỆP, {TOKEN_VARIABLE}, hoặc --demo THƯ-MỤC / a token is needed: \
                 --token-file FILE, {TOKEN_VARIABLE}, or --demo DIR"
            ))
        })?;
        let ca = self.ca.as_deref().or(demo.map(|d| d.ca.as_path()));
        Ok(Server {
            url: url.to_owned(),
            token,
            authorities: authorities(ca)?,
        })
    }
}

/// What demo.json tells (CONTRACT.md).
struct Demo {
    url: String,
    token: String,
    ca: PathBuf,
}

impl Demo {
    fn read(dir: &Path) -> Result<Self> {
        let file = dir.join("demo.json");
        let text = read(&file)
            .context("`congvu demo` có đang chạy ở đó không? / is `congvu demo` running there?")?;
        let json: serde_json::Value = serde_json::from_str(&text)
            .with_context(|| format!("{0} không phải JSON / {0} is not JSON", file.display()))?;
        let field = |pointer: &str| {
            let value = json.pointer(pointer).and_then(serde_json::Value::as_str);
            value.map(str::to_owned).with_context(|| {
                format!("{0} thiếu {pointer} / {0} lacks {pointer}", file.display())
            })
        };
        let named = PathBuf::from(field("/ca")?);
        // The demo may have been started from another folder: then the path does not lead there.
        let ca = if named.exists() {
            named
        } else {
            dir.join("ca.pem")
        };
        Ok(Self {
            url: field("/urls/api")?,
            token: field("/api_token")?,
            ca,
        })
    }
}

/// The authorities to trust: the named file, else the system's. Errors: none can be read.
fn authorities(ca: Option<&Path>) -> Result<Vec<Certificate<'static>>> {
    let file = match ca {
        Some(file) => file,
        None => SYSTEM_BUNDLES
            .iter()
            .map(Path::new)
            .find(|p| p.exists())
            .ok_or_else(|| {
                Usage(
                    "máy này không có danh sách nơi cấp chứng thư: hãy nêu một tệp bằng --ca TỆP / this system has no list of \
                     authorities: name one with --ca FILE"
                        .to_owned(),
                )
            })?,
    };
    let text = read(file)?;
    let certificates = ureq::tls::parse_pem(text.as_bytes()).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    anyhow::ensure!(
        !certificates.is_empty(),
        "{0} không có chứng thư / {0} holds no certificate",
        file.display()
    );
    Ok(certificates)
}

/// Reads a small text file. Errors: named by the path.
pub(super) fn read(file: &Path) -> Result<String> {
    use std::io::Read as _;
    let open = std::fs::File::open(file).lead(|| Failed::Unopened { file: shown(file) })?;
    let mut text = String::new();
    open.take(FILE_MAX)
        .read_to_string(&mut text)
        .lead(|| Failed::Unread { file: shown(file) })?;
    Ok(text)
}

#[allow(clippy::disallowed_methods)] // I-15 binds the rooms below; the command line may read it.
fn token_of_environment() -> Option<String> {
    std::env::var(TOKEN_VARIABLE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(url: Option<&str>, demo: Option<&Path>) -> Connection {
        Connection {
            url: url.map(str::to_owned),
            token: Some("secret".to_owned()),
            token_file: None,
            ca: None,
            demo: demo.map(Path::to_path_buf),
        }
    }

    #[test]
    fn a_token_never_travels_in_the_clear() {
        let error = connection(Some("http://127.0.0.1:8080"), None)
            .server()
            .err()
            .unwrap();
        assert!(error.downcast_ref::<Usage>().is_some());
    }

    #[test]
    fn what_is_not_given_comes_from_the_config_of_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.data = dir.path().to_owned();
        config.listen.https = vec!["[::]:8443".parse().unwrap()];
        let of = |given: Option<&str>, config: &Config| {
            let known = connection(given, None).or(config);
            (
                known.url.unwrap_or_default(),
                known.ca.is_some(),
                known.demo,
            )
        };
        let local = "https://localhost:8443".to_owned();
        assert_eq!(of(None, &config), (local.clone(), false, None));
        std::fs::write(dir.path().join(OWN_CA), "x").unwrap();
        assert_eq!(of(None, &config), (local, true, None));
        let given = "https://mail.x.vn";
        assert_eq!(of(Some(given), &config), (given.into(), false, None));
        config.tls.certificate = "chain.pem".into();
        assert_eq!(of(None, &config).0, "https://localhost:8443");
        std::fs::write(dir.path().join("demo.json"), "{}").unwrap();
        assert_eq!(of(None, &config).2, Some(dir.path().to_owned()));
    }

    #[test]
    fn the_demo_names_server_and_authority() {
        let dir = tempfile::tempdir().unwrap();
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(dir.path().join("ca.pem"), key.cert.pem()).unwrap();
        let json = r#"{"ca": "elsewhere/ca.pem", "api_token": "t",
            "urls": {"api": "https://127.0.0.1:20443/api/v1/"}}"#;
        std::fs::write(dir.path().join("demo.json"), json).unwrap();
        let server = connection(None, Some(dir.path())).server().unwrap();
        assert_eq!(server.url, "https://127.0.0.1:20443");
        assert_eq!(server.token, "secret");
        assert_eq!(server.authorities.len(), 1);
        assert!(
            connection(None, Some(&dir.path().join("none")))
                .server()
                .is_err()
        );
    }
}
