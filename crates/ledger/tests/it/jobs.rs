//! Requests that are answered later: none is lost, none is answered twice at once, room is bounded.

use std::time::Duration;

use rusqlite::Connection;
use tieline_ledger::{JobEnd, JobLimits, JobState, Jobs, LedgerError, NewJob, Removal};
use tieline_types::DialectId;

use crate::common::Home;

const ROOM: JobLimits = JobLimits { jobs: 100, bytes: 1_000_000 };
const NOW: u64 = 1_790_000_000_000;
const TTL_MS: u64 = 60_000;

fn job(id: &str) -> NewJob {
    NewJob {
        id: id.to_owned(),
        feature: "support".to_owned(),
        tier: "later".to_owned(),
        caller: "key1".to_owned(),
        dialect: DialectId::AnthropicMessages,
        headers: vec![("anthropic-version".to_owned(), b"2023-06-01".to_vec())],
        request: br#"{"model":"support"}"#.to_vec(),
        created_ms: NOW,
        ttl: Duration::from_millis(TTL_MS),
    }
}

fn done(body: &[u8]) -> JobEnd {
    JobEnd { state: JobState::Done, status: 200, response: body.to_vec() }
}

fn state(jobs: &Jobs, id: &str) -> Option<JobState> {
    jobs.get(id, "key1").unwrap().map(|info| info.state)
}

#[test]
fn a_job_outlives_its_process_and_comes_back_whole() {
    let home = Home::new();
    let first = Jobs::new(&home.database());
    assert!(first.enqueue(&job("a"), ROOM).unwrap());
    assert!(first.enqueue(&job("b"), ROOM).unwrap());
    assert!(first.lead().unwrap());
    let claimed = first.claim("support", NOW).unwrap().unwrap();
    assert_eq!((claimed.id.as_str(), claimed.attempts), ("a", 1));
    assert_eq!(claimed.headers, job("a").headers);
    assert_eq!(claimed.request, job("a").request);
    assert_eq!(claimed.dialect, DialectId::AnthropicMessages);

    let second = Jobs::new(&home.database());
    assert!(!second.lead().unwrap(), "one process at a time answers jobs");
    assert_eq!(state(&second, "a"), Some(JobState::Running));

    // Closing the file is what the operating system does for a process that dies.
    drop(first);
    assert!(second.lead().unwrap());
    assert_eq!(state(&second, "a"), Some(JobState::Queued));
    let again = second.claim("support", NOW).unwrap().unwrap();
    assert_eq!((again.id.as_str(), again.attempts), ("a", 2));
    assert_eq!(second.claim("support", NOW).unwrap().unwrap().id, "b");
    assert_eq!(second.claim("support", NOW).unwrap(), None);
}

#[test]
fn a_job_is_claimed_once_when_due_and_only_for_its_feature() {
    let home = Home::new();
    let jobs = Jobs::new(&home.database());
    jobs.enqueue(&job("a"), ROOM).unwrap();
    assert_eq!(jobs.claim("other", NOW).unwrap(), None);
    assert!(jobs.claim("support", NOW).unwrap().is_some());
    assert_eq!(jobs.claim("support", NOW).unwrap(), None, "it is running");
    jobs.put_back("a", NOW + 5_000).unwrap();
    assert_eq!(jobs.claim("support", NOW + 4_999).unwrap(), None, "it is not due");
    assert!(jobs.claim("support", NOW + 5_000).unwrap().is_some());
}

#[test]
fn a_feature_has_room_for_so_many_jobs_and_bytes() {
    let home = Home::new();
    let jobs = Jobs::new(&home.database());
    let two = JobLimits { jobs: 2, ..ROOM };
    assert!(jobs.enqueue(&job("a"), two).unwrap());
    assert!(jobs.enqueue(&job("b"), two).unwrap());
    assert!(!jobs.enqueue(&job("c"), two).unwrap(), "two are there");
    assert_eq!(state(&jobs, "c"), None);
    let other = NewJob { feature: "other".to_owned(), ..job("d") };
    assert!(jobs.enqueue(&other, two).unwrap(), "each feature has its own room");

    jobs.claim("support", NOW).unwrap();
    assert!(!jobs.enqueue(&job("c"), two).unwrap(), "a running one counts");
    jobs.finish("a", &done(&[b'x'; 500]), NOW).unwrap();
    assert!(jobs.enqueue(&job("c"), two).unwrap(), "one that ended does not");

    let request = u64::try_from(job("e").request.len()).unwrap();
    let kept = 500 + 2 * request;
    let bytes = |bytes| JobLimits { bytes, ..ROOM };
    assert!(!jobs.enqueue(&job("e"), bytes(kept + request - 1)).unwrap(), "its answer does");
    assert!(jobs.enqueue(&job("e"), bytes(kept + request)).unwrap());
}

#[test]
fn an_answer_is_kept_as_long_as_the_time_to_live_and_the_request_is_not() {
    let home = Home::new();
    let jobs = Jobs::new(&home.database());
    jobs.enqueue(&job("a"), ROOM).unwrap();
    jobs.claim("support", NOW).unwrap();
    let ended = NOW + 30_000;
    jobs.finish("a", &done(b"{\"answer\":1}"), ended).unwrap();
    let info = jobs.get("a", "key1").unwrap().unwrap();
    assert_eq!(info.state, JobState::Done);
    assert_eq!((info.status, info.response.as_deref()), (Some(200), Some(&b"{\"answer\":1}"[..])));
    assert_eq!((info.finished_ms, info.purge_ms), (Some(ended), Some(ended + TTL_MS)));
    assert_eq!(jobs.get("a", "key2").unwrap(), None, "it is another caller's");
    let request: Option<Vec<u8>> = Connection::open(home.database())
        .unwrap()
        .query_row("SELECT request FROM jobs", [], |row| row.get(0))
        .unwrap();
    assert_eq!(request, None);
    jobs.tend(ended + TTL_MS - 1).unwrap();
    assert_eq!(state(&jobs, "a"), Some(JobState::Done));
    jobs.tend(ended + TTL_MS).unwrap();
    assert_eq!(state(&jobs, "a"), None);
}

#[test]
fn what_waits_too_long_expires_and_what_runs_does_not() {
    let home = Home::new();
    let jobs = Jobs::new(&home.database());
    jobs.enqueue(&job("a"), ROOM).unwrap();
    jobs.enqueue(&job("b"), ROOM).unwrap();
    jobs.claim("support", NOW).unwrap();
    let end = NOW + TTL_MS;
    assert_eq!(jobs.claim("support", end).unwrap(), None, "too late");
    jobs.tend(end - 1).unwrap();
    assert_eq!(state(&jobs, "b"), Some(JobState::Queued));
    jobs.tend(end).unwrap();
    assert_eq!(state(&jobs, "a"), Some(JobState::Running));
    assert_eq!(state(&jobs, "b"), Some(JobState::Expired));
    jobs.finish("a", &done(b"1"), end + 1).unwrap();
    assert_eq!(state(&jobs, "a"), Some(JobState::Done));
}

#[test]
fn every_end_is_told_until_told_or_given_up() {
    let home = Home::new();
    let jobs = Jobs::new(&home.database());
    jobs.enqueue(&job("a"), ROOM).unwrap();
    assert_eq!(jobs.claim_notice(NOW, NOW + 100).unwrap(), None, "it has not ended");
    jobs.tend(NOW + TTL_MS).unwrap();
    let now = NOW + TTL_MS;
    let first = jobs.claim_notice(now, now + 100).unwrap().unwrap();
    assert_eq!((first.job.state, first.tries), (JobState::Expired, 1));
    assert_eq!(jobs.claim_notice(now, now + 100).unwrap(), None, "it is being told");
    let second = jobs.claim_notice(now + 100, now + 200).unwrap().unwrap();
    assert_eq!(second.tries, 2, "a process that died in between told nobody");
    jobs.told("a", Some(now + 500)).unwrap();
    assert_eq!(jobs.claim_notice(now + 499, now + 900).unwrap(), None);
    assert!(jobs.claim_notice(now + 500, now + 900).unwrap().is_some());
    jobs.told("a", None).unwrap();
    assert_eq!(jobs.claim_notice(now + 10_000, now + 20_000).unwrap(), None);
}

#[test]
fn a_caller_removes_its_own_job_unless_it_runs() {
    let home = Home::new();
    let jobs = Jobs::new(&home.database());
    jobs.enqueue(&job("a"), ROOM).unwrap();
    assert_eq!(jobs.remove("a", "key2").unwrap(), Removal::Unknown);
    jobs.claim("support", NOW).unwrap();
    assert_eq!(jobs.remove("a", "key1").unwrap(), Removal::Running);
    jobs.finish("a", &done(b"1"), NOW).unwrap();
    assert_eq!(jobs.remove("a", "key1").unwrap(), Removal::Removed);
    assert_eq!(state(&jobs, "a"), None);
    assert_eq!(jobs.depths().unwrap(), []);
}

#[test]
fn depths_tell_features_and_states_apart() {
    let home = Home::new();
    let jobs = Jobs::new(&home.database());
    for id in ["a", "b", "c"] {
        jobs.enqueue(&job(id), ROOM).unwrap();
    }
    jobs.claim("support", NOW).unwrap();
    let depths = jobs.depths().unwrap();
    let depth = |wanted| {
        depths.iter().find(|one| one.state == wanted).map(|one| (one.feature.as_str(), one.jobs))
    };
    assert_eq!(depth(JobState::Queued), Some(("support", 2)));
    assert_eq!(depth(JobState::Running), Some(("support", 1)));
    assert_eq!(depth(JobState::Done), None);
}

#[test]
fn a_locked_database_is_an_error_and_no_job() {
    let home = Home::new();
    let jobs = Jobs::new(&home.database());
    jobs.enqueue(&job("a"), ROOM).unwrap();
    let lock = home.lock();
    assert!(matches!(jobs.enqueue(&job("b"), ROOM), Err(LedgerError::Jobs { .. })));
    drop(lock);
    assert!(jobs.enqueue(&job("b"), ROOM).unwrap(), "it works again");
}
