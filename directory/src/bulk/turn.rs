//! Whose turn it is: neither many jobs of one caller nor large ones keep others waiting.

use super::job::{Job, JobId};
use crate::AccountId;
use std::collections::HashMap;

/// Jobs at one time.
pub(super) const WORKERS: usize = 3;
/// Large ones among them: one worker is always there for the small ones.
const LARGE_AT_ONCE: usize = WORKERS - 1;
/// Octets of a file from which on a job is large.
const LARGE_OCTETS: u64 = 1 << 20;
/// Rows from which on it is.
const LARGE_ROWS: u64 = 10_000;

/// Jobs in hand, and who was served when.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Jobs that a worker has in hand: whose they are, and whether they are large.
    taken: HashMap<JobId, (AccountId, bool)>,
    /// Callers with open jobs: the turn in which a job of theirs was last taken up.
    served: HashMap<AccountId, u64>,
    turn: u64,
}

fn is_large(job: &Job) -> bool {
    job.octets > LARGE_OCTETS || job.total.is_some_and(|rows| rows > LARGE_ROWS)
}

impl Turns {
    /// Takes the next job in hand, of those that are open. A caller has one in hand at a time, and large ones leave a
    /// worker free; of the others it is the turn of the caller who was served longest ago, with his oldest.
    pub(super) fn take(&mut self, open: &[&Job]) -> Option<JobId> {
        let waits = |account: &AccountId| open.iter().any(|job| job.account == *account);
        self.served.retain(|account, _| waits(account));
        let busy = |job: &Job| {
            self.taken
                .values()
                .any(|(account, _)| *account == job.account)
        };
        let large = self.taken.values().filter(|(_, large)| *large).count();
        let job = open
            .iter()
            .filter(|job| !self.taken.contains_key(&job.id) && !busy(job))
            .filter(|job| large < LARGE_AT_ONCE || !is_large(job))
            .min_by_key(|job| (self.served.get(&job.account).copied(), job.id))?;
        self.turn += 1;
        self.served.insert(job.account, self.turn);
        self.taken.insert(job.id, (job.account, is_large(job)));
        Some(job.id)
    }

    pub(super) fn give_back(&mut self, job: JobId) {
        self.taken.remove(&job);
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Subject;
    use super::super::job::{Counts, JobKind, JobState, Phase};
    use super::*;
    use crate::{AgencyId, CredentialId};

    fn job(id: u64, account: u32, octets: u64) -> Job {
        Job {
            id: JobId(id),
            kind: JobKind::Import,
            subject: Subject::Accounts,
            state: JobState::Queued,
            account: AccountId::new(account).unwrap(),
            credential: CredentialId(1),
            agency: AgencyId("H99".to_owned()),
            dry_run: true,
            skip_errors: false,
            file_name: String::new(),
            octets,
            has_file: true,
            of: None,
            undone_by: None,
            phase: Phase::Checking,
            done: 0,
            total: None,
            counts: Counts::default(),
            failure: None,
            created_at: 0,
            ended_at: None,
            letters_at: None,
        }
    }

    /// The order in which jobs are taken up, with the ones that end in between; 0: none is.
    fn taken(turns: &mut Turns, jobs: &[Job], ended: &[u64]) -> u64 {
        for id in ended {
            turns.give_back(JobId(*id));
        }
        let open: Vec<&Job> = jobs.iter().collect();
        turns.take(&open).map_or(0, |id| id.0)
    }

    #[test]
    fn many_jobs_of_one_caller_keep_nobody_waiting() {
        let mut turns = Turns::default();
        let mut jobs: Vec<Job> = (1..=4).map(|id| job(id, 7, LARGE_OCTETS * 90)).collect();
        assert_eq!(taken(&mut turns, &jobs, &[]), 1);
        assert_eq!(taken(&mut turns, &jobs, &[]), 0, "one at a time");
        jobs.push(job(5, 8, 100));
        assert_eq!(taken(&mut turns, &jobs, &[]), 5);
        // Who was served longest ago comes first, though others came earlier.
        jobs.retain(|job| job.id != JobId(1));
        jobs.extend([job(6, 8, 100), job(7, 9, 100)]);
        assert_eq!(taken(&mut turns, &jobs, &[1, 5]), 7);
        jobs.retain(|job| job.id != JobId(5));
        assert_eq!(taken(&mut turns, &jobs, &[]), 2);
        assert_eq!(taken(&mut turns, &jobs, &[]), 6);
    }

    #[test]
    fn large_jobs_of_many_callers_leave_a_worker_for_the_small() {
        let mut turns = Turns::default();
        let mut jobs: Vec<Job> = (1..=4)
            .map(|id| job(id, id as u32, LARGE_OCTETS + 1))
            .collect();
        jobs[3].octets = 0;
        jobs[3].total = Some(LARGE_ROWS + 1);
        for id in 1..=LARGE_AT_ONCE as u64 {
            assert_eq!(taken(&mut turns, &jobs, &[]), id);
        }
        assert_eq!(taken(&mut turns, &jobs, &[]), 0);
        jobs.push(job(5, 9, LARGE_OCTETS));
        assert_eq!(taken(&mut turns, &jobs, &[]), 5);
        assert_eq!(taken(&mut turns, &jobs[1..], &[1]), 3);
        assert_eq!(taken(&mut turns, &jobs[2..], &[2]), 4);
    }
}
