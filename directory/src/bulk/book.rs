//! Jobs in the book: few, so all of them.

use super::job::Job;
use crate::book::Book;
use crate::fact::Fact;
use crate::{Access, AccountId, Capability};

impl Book {
    /// What is told of bulk work; files, results and counters are not kept in memory.
    pub(crate) fn work(&mut self, fact: Fact) {
        match fact {
            Fact::Job(job) => {
                self.jobs.insert(job.id, *job);
            }
            Fact::NoJob(id) => {
                self.jobs.remove(&id);
            }
            _ => {}
        }
    }

    /// Whether `by` may see a job: one's own, and those of agencies of which one sees who is there.
    pub(super) fn sees_job(&self, by: Option<&Access>, job: &Job) -> bool {
        let own = by.is_some_and(|by| by.account == job.account && by.stands_in(self));
        own || self.allows(by, Capability::ReadDirectory, &job.agency)
    }

    /// Jobs of an account that are still to work.
    pub(super) fn open_jobs(&self, account: AccountId) -> usize {
        let own = |job: &&Job| job.account == account && job.state.is_open();
        self.jobs.values().filter(own).count()
    }
}
