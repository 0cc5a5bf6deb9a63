//! The configuration file changes under a running gateway.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use tieline_gateway::watch;

use crate::house::{Client, EVERYTHING, House, config};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_good_file_is_taken_a_bad_one_refused_and_neighbours_are_ignored() {
    let house = House::new(EVERYTHING).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tieline.yaml");
    std::fs::write(&path, EVERYTHING).unwrap();
    let (loads, loaded) = mpsc::channel();
    let count = Arc::new(AtomicUsize::new(0));
    let load = {
        let (path, count) = (path.clone(), Arc::clone(&count));
        move || {
            count.fetch_add(1, Ordering::SeqCst);
            let text = std::fs::read_to_string(&path).unwrap();
            let good = !text.contains("nonsense");
            loads.send(good).unwrap();
            if good { Ok(config(&text)) } else { Err("it is nonsense".to_owned()) }
        }
    };
    let watcher = watch(Arc::clone(&house.gateway), path.clone(), Box::new(load)).unwrap();
    for n in 0..200 {
        std::fs::write(folder.path().join("tieline.db-wal"), n.to_string()).unwrap();
    }
    std::fs::write(&path, "nonsense").unwrap();
    assert!(!loaded.recv_timeout(PATIENCE).unwrap());
    let features = |house: &House| house.gateway.status().features.len();
    let before = features(&house);
    let more = format!("{EVERYTHING}\nfeatures:\n  new: {{ tiers: [ {{ models: [claude] }} ] }}");
    std::fs::write(&path, more).unwrap();
    while !loaded.recv_timeout(PATIENCE).unwrap() {}
    let waited = tokio::time::Instant::now();
    while features(&house) == before {
        assert!(waited.elapsed() < PATIENCE, "the good file was not applied");
        tokio::task::yield_now().await;
    }
    assert!(count.load(Ordering::SeqCst) < 10, "neighbours do not count");
    watcher.reload_now();
    assert!(loaded.recv_timeout(PATIENCE).unwrap());
}

/// Waits until a request is answered with this status.
async fn answers(house: &House, status: u16) {
    let began = tokio::time::Instant::now();
    while house.ask(Client::Chat, "gpt-5.5", false, "hi").await.status.as_u16() != status {
        assert!(began.elapsed() < PATIENCE, "no answer with {status}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn files_of_policies_are_watched_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tieline.yaml");
    let text = format!("{EVERYTHING}policies: {}/*.cedar\n", folder.path().display());
    std::fs::write(&path, &text).unwrap();
    let policy = |name: &str, effect: &str| {
        let text = format!("{effect} (principal, action, resource);\n");
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    policy("a.cedar", "permit");
    let house = House::new(&text).await;
    answers(&house, 200).await;
    let load = Box::new(move || Ok(config(&text)));
    let _watcher = watch(Arc::clone(&house.gateway), path, load).unwrap();
    policy("a.cedar", "forbid");
    answers(&house, 403).await;
    policy("a.cedar", "permit");
    answers(&house, 200).await;
    policy("b.cedar", "forbid");
    answers(&house, 403).await;
}
