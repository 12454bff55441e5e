//! A small HTTPS client for JMAP and the API.

use base64::Engine as _;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use ureq::RequestBuilder;
use ureq::typestate::WithBody;

/// A client with its proof of who it is.
#[derive(Clone)]
pub struct HttpClient {
    agent: ureq::Agent,
    site: String,
    headers: Vec<(&'static str, String)>,
}

impl HttpClient {
    pub fn new(address: SocketAddr, ca: &Path) -> Self {
        use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
        let pem = std::fs::read(ca).unwrap();
        let roots = RootCerts::from(vec![Certificate::from_pem(&pem).unwrap()]);
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(roots)
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(std::time::Duration::from_secs(60)))
            .build()
            .into();
        Self {
            agent,
            site: format!("https://localhost:{}", address.port()),
            headers: Vec::new(),
        }
    }

    pub fn basic(self, name: &str, password: &str) -> Self {
        let proof = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        self.with("Authorization", &format!("Basic {proof}"))
    }

    pub fn bearer(self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn site(&self) -> &str {
        &self.site
    }

    /// Status, headers as `name: value` lines, body.
    pub fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        let mut request = self.agent.get(format!("{}{path}", self.site));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        read(request.call().unwrap())
    }

    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.site))
            .header("Content-Type", kind);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        read(request.send(body).unwrap())
    }

    pub fn post_json(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, body) = self.post(path, "application/json", body.to_string().as_bytes());
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub fn put_json(&self, path: &str, body: &Value) -> (u16, Value) {
        self.sends(self.agent.put(format!("{}{path}", self.site)), body)
    }

    pub fn patch_json(&self, path: &str, body: &Value) -> (u16, Value) {
        self.sends(self.agent.patch(format!("{}{path}", self.site)), body)
    }

    fn sends(&self, request: RequestBuilder<WithBody>, body: &Value) -> (u16, Value) {
        let mut request = request.header("Content-Type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let (status, _, body) = read(request.send(body.to_string().as_bytes()).unwrap());
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// DELETE; the status.
    pub fn delete(&self, path: &str) -> u16 {
        let mut request = self.agent.delete(format!("{}{path}", self.site));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        read(request.call().unwrap()).0
    }

    /// One JMAP method call in the account that is signed in; its arguments back.
    pub fn jmap(&self, method: &str, mut arguments: Value) -> Value {
        let account = self.account();
        arguments["accountId"] = json!(account);
        let request = json!({
            "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail", "urn:ietf:params:jmap:submission"],
            "methodCalls": [[method, arguments, "0"]],
        });
        let (status, answer) = self.post_json("/jmap/api", &request);
        assert_eq!(status, 200, "{method}: {answer}");
        assert_eq!(answer["methodResponses"][0][0], json!(method), "{answer}");
        answer["methodResponses"][0][1].clone()
    }

    /// The id of the account that is signed in.
    pub fn account(&self) -> String {
        let (status, _, body) = self.get("/jmap/session");
        assert_eq!(status, 200);
        let session: Value = serde_json::from_slice(&body).unwrap();
        session["primaryAccounts"]["urn:ietf:params:jmap:mail"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> (u16, String, Vec<u8>) {
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let body = response
        .body_mut()
        .with_config()
        .limit(200 << 20)
        .read_to_vec()
        .unwrap();
    (status, headers, body)
}
