//! Files that go to the server and come from it, however large.

use super::{Ask, Client};
use anyhow::Result;
use serde_json::Value;
use std::time::Duration;

/// Seconds for one file.
const TIMEOUT_S: u64 = 3_600;

impl Client {
    /// Sends a table as it lies on the disk.
    pub(in crate::cli::admin) fn send_table(
        &self,
        ask: Ask<'_>,
        file: std::fs::File,
    ) -> Result<Value> {
        let request = self.begun(&ask).header("content-type", "text/csv");
        let request = self.patient(request.body(file)?);
        self.json(self.agent.run(request), true)
    }

    /// Copies what is answered, however much it is; its octets.
    pub(in crate::cli::admin) fn copy(
        &self,
        ask: Ask<'_>,
        to: &mut dyn std::io::Write,
    ) -> Result<u64> {
        let request = self.begun(&ask);
        let changes = ask.method != "GET";
        let answer = match &ask.body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                let request = request.body(body.to_string())?;
                self.agent.run(self.patient(request))
            }
            None => self.agent.run(self.patient(request.body(())?)),
        };
        let mut answer = answer.map_err(|error| self.unanswered(error, changes))?;
        // On trial no file comes, but what would be done.
        if !answer.status().is_success() || (self.trial && changes) {
            return Err(match self.json(Ok(answer), changes) {
                Err(error) => error,
                Ok(_) => anyhow::anyhow!("an odd answer"),
            });
        }
        Ok(std::io::copy(&mut answer.body_mut().as_reader(), to)?)
    }

    /// A large file takes its time.
    fn patient<B: ureq::AsSendBody>(&self, request: http::Request<B>) -> http::Request<B> {
        let patient = Some(Duration::from_secs(TIMEOUT_S));
        let request = self.agent.configure_request(request);
        request.timeout_global(patient).build()
    }

    /// Makes without a key of its own, where a repeat does no harm.
    pub(in crate::cli::admin) fn act(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Ask::new("POST", path).body(body))
    }
}
