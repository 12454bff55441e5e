//! Jobs over a store: what a stop in the middle leaves, and what was asked for by whom.

use crate::world::*;
use directory::bulk::{
    Done, Failure, JOBS_OPEN_MAX, Job, JobId, JobState, NewImport, Subject, Workshop,
};
use directory::{Access, CredentialKind, Directory, Error, Peer, Role};

const ROWS: usize = 1_500;

fn officer(w: &World) -> Access {
    w.officer("quantri@tinh.gov.vn", Role::Administrator, "H99.2")
}

fn token(d: &Directory, who: &str) -> Access {
    let id = d.account_at(&address(who)).unwrap().id;
    let kind = CredentialKind::Token;
    let (_, secret) = d.create_credential(None, id, kind, "t", None).unwrap();
    let ip = "192.0.2.1".parse().unwrap();
    d.sign_in_token(&secret, Peer { ip, service: "api" })
        .unwrap()
}

fn import(d: &Directory, by: &Access, text: &str) -> Result<Job, Error> {
    let new = NewImport {
        subject: Subject::Accounts,
        agency: None,
        dry_run: false,
        skip_errors: false,
        file_name: "a.csv".into(),
    };
    let mut upload = d.begin_import(by, new)?;
    for piece in text.as_bytes().chunks(1000) {
        upload.piece(piece)?;
    }
    upload.finish()
}

fn people(count: usize) -> String {
    let row = |n: usize| format!("p{n}@tinh.gov.vn,Người {n},H99.2.1\n");
    let rows: String = (0..count).map(row).collect();
    format!("address,name,agency\n{rows}")
}

/// Waits until it has ended: workers are threads.
fn ended(d: &Directory, id: JobId) -> Job {
    loop {
        let job = d.job(None, id).unwrap();
        if !job.state.is_open() {
            return job;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_job_that_was_stopped_goes_on_where_it_stood() {
    let mut w = World::new();
    let by = officer(&w);
    let id = import(&w.directory, &by, &people(ROWS)).unwrap().id;
    drop(by);
    // Stopped as often as it takes, each time somewhere else.
    let mut stops = 0;
    loop {
        let shop = Workshop::start(&w.directory).unwrap();
        let done = w.directory.job(None, id).unwrap().done;
        let on = || {
            let job = w.directory.job(None, id).unwrap();
            !job.state.is_open() || job.done != done
        };
        while !on() {
            std::thread::yield_now();
        }
        drop(shop);
        if !w.directory.job(None, id).unwrap().state.is_open() {
            break;
        }
        stops += 1;
        w = w.restart();
    }
    assert!(stops > 0, "it was never stopped");
    let job = w.directory.job(None, id).unwrap();
    assert_eq!(
        (job.state, job.counts.new, job.counts.errors),
        (JobState::Done, ROWS as u64, 0)
    );
    for n in 0..ROWS {
        let account = w
            .directory
            .account_at(&address(&format!("p{n}@tinh.gov.vn")))
            .unwrap();
        assert_eq!(account.version, 1);
    }
    let (mut rows, mut at) = (Vec::new(), Some(0));
    while let Some(after) = at {
        let (some, next) = w.directory.job_results(None, id, after, None, 100).unwrap();
        rows.extend(some);
        at = next;
    }
    let numbers: Vec<u64> = rows.iter().map(|row| row.row).collect();
    assert_eq!(numbers, (2..ROWS as u64 + 2).collect::<Vec<_>>());
    assert!(rows.iter().all(|row| row.done == Done::New));
    assert_eq!(w.directory.audit_check().unwrap(), None);
}

#[test]
fn i13_a_caller_has_so_many_jobs_and_a_cancelled_one_does_nothing() {
    let w = World::new();
    let by = officer(&w);
    let jobs: Vec<Job> = (0..JOBS_OPEN_MAX)
        .map(|_| import(&w.directory, &by, &people(3)).unwrap())
        .collect();
    let refused = import(&w.directory, &by, &people(3)).unwrap_err();
    assert!(
        matches!(refused, Error::Invalid { field: "jobs", .. }),
        "{refused}"
    );
    for job in &jobs[1..] {
        let cancelled = w.directory.cancel_job(&by, job.id).unwrap();
        assert_eq!(cancelled.state, JobState::Cancelled);
    }
    assert!(matches!(
        w.directory.cancel_job(&by, jobs[1].id),
        Err(Error::InUse(_))
    ));
    let _shop = Workshop::start(&w.directory).unwrap();
    assert_eq!(ended(&w.directory, jobs[0].id).counts.new, 3);
    assert_eq!(w.directory.job(None, jobs[1].id).unwrap().counts.new, 0);
}

#[test]
fn a_job_stands_and_falls_with_what_it_was_asked_through() {
    let w = World::new();
    officer(&w);
    let by = token(&w.directory, "quantri@tinh.gov.vn");
    let withdrawn = import(&w.directory, &by, &people(3)).unwrap().id;
    let directory::Through::Token(credential) = by.through() else {
        panic!("a token");
    };
    w.directory
        .delete_credential(None, by.account(), credential)
        .unwrap();
    let by = token(&w.directory, "quantri@tinh.gov.vn");
    let ungranted = import(&w.directory, &by, &people(3)).unwrap().id;
    let mut account = w.directory.account(by.account()).unwrap();
    account.grants.clear();
    w.directory.change_account(None, account, None).unwrap();
    let _shop = Workshop::start(&w.directory).unwrap();
    for id in [withdrawn, ungranted] {
        let job = ended(&w.directory, id);
        assert_eq!(
            (job.state, job.failure),
            (JobState::Failed, Some(Failure::NotAllowed))
        );
    }
    assert!(w.directory.account_at(&address("p0@tinh.gov.vn")).is_err());
}

#[test]
fn results_are_read_by_who_still_has_the_right() {
    let w = World::new();
    let by = officer(&w);
    let id = import(&w.directory, &by, &people(3)).unwrap().id;
    let _shop = Workshop::start(&w.directory).unwrap();
    assert_eq!(ended(&w.directory, id).counts.new, 3);
    let read = || w.directory.job_results(Some(&by), id, 0, None, 10);
    assert_eq!(read().unwrap().0.len(), 3);
    let account = by.account();
    for held in w.directory.grants(None, Some(account), None, None, 10) {
        w.directory.take_grant(None, held.id, true, None).unwrap();
    }
    assert!(matches!(read(), Err(Error::NotFound("job"))));
}

#[test]
fn a_file_that_was_cut_off_leaves_nothing() {
    let w = World::new();
    let by = officer(&w);
    let new = NewImport {
        subject: Subject::Accounts,
        agency: None,
        dry_run: true,
        skip_errors: false,
        file_name: String::new(),
    };
    let kept = || {
        w.store
            .table("directory.job_file")
            .rows(&[], None, 10)
            .unwrap()
            .len()
    };
    let mut upload = w.directory.begin_import(&by, new).unwrap();
    upload.piece(&[b'x'; 1 << 20]).unwrap();
    assert!(kept() > 0);
    drop(upload);
    assert_eq!(kept(), 0);
    assert!(w.directory.jobs(None, None, 10).is_empty());
    // A job that has ended keeps no file.
    let job = import(&w.directory, &by, &people(3)).unwrap();
    let shop = Workshop::start(&w.directory).unwrap();
    ended(&w.directory, job.id);
    while kept() > 0 {
        std::thread::yield_now();
    }
    drop(shop);
}
