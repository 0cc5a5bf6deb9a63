//! Callers' keys: created, verified in memory, expired, revoked; never readable again.

use std::{fs, sync::Arc};

use tieline_ledger::{KeyInfo, KeyRefusal, KeyRing, Keys, LedgerError, NewKey};

use crate::common::{Home, eventually, record};

const NOW_MS: u64 = 1_790_000_000_000;

fn named(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), ..NewKey::default() }
}

fn open(home: &Home) -> Keys {
    Keys::open(&home.database()).unwrap()
}

#[test]
fn a_key_has_the_documented_form_and_is_verified() {
    let home = Home::new();
    let keys = open(&home);
    assert!(keys.snapshot().unwrap().is_empty());
    let new = NewKey {
        name: "web shop".to_owned(),
        features: Some(vec!["support-reply".to_owned(), "search".to_owned()]),
        default_feature: Some("search".to_owned()),
        expires_ms: Some(NOW_MS + 1),
    };
    let (info, key) = keys.create(new, NOW_MS).unwrap();
    assert_eq!(key.len(), 3 + 10 + 1 + 43);
    assert!(key.starts_with(&format!("tl_{}_", info.id)), "{key}");
    let expected = KeyInfo {
        id: info.id.clone(),
        name: "web shop".to_owned(),
        features: Some(vec!["support-reply".to_owned(), "search".to_owned()]),
        default_feature: Some("search".to_owned()),
        created_ms: NOW_MS,
        expires_ms: Some(NOW_MS + 1),
        revoked_ms: None,
    };
    assert_eq!(info, expected);

    let ring = keys.snapshot().unwrap();
    assert!(!ring.is_empty());
    assert_eq!(ring.verify(&key, NOW_MS), Ok(Arc::new(expected.clone())));
    assert_eq!(open(&home).list().unwrap(), [expected]);
}

#[test]
fn a_key_is_refused_for_the_right_reason() {
    let home = Home::new();
    let keys = open(&home);
    let create = |new| keys.create(new, NOW_MS).unwrap();
    let (_, valid) = create(named("valid"));
    let (_, other) = create(named("other"));
    let (_, expiring) = create(NewKey { expires_ms: Some(NOW_MS + 10), ..named("expiring") });
    let (revoked_info, revoked) = create(named("revoked"));
    keys.revoke(&revoked_info.id, NOW_MS + 5).unwrap();
    keys.revoke(&revoked_info.id, NOW_MS + 9).unwrap();
    let (stranger, _) = Keys::open(&home.path().join("other.db"))
        .unwrap()
        .create(named("of another ledger"), NOW_MS)
        .map(|(info, key)| (key, info))
        .unwrap();
    let swapped = format!("{}{}", &valid[..14], &other[14..]);
    let ring = keys.snapshot().unwrap();

    let later = NOW_MS + 10;
    let cases: [(&str, &str, u64, Option<KeyRefusal>); 14] = [
        ("valid", &valid, later, None),
        ("not yet expired", &expiring, later - 1, None),
        ("expired at that very time", &expiring, later, Some(KeyRefusal::Expired)),
        ("not yet revoked", &revoked, NOW_MS + 4, None),
        ("revoked, by the earlier time", &revoked, NOW_MS + 5, Some(KeyRefusal::Revoked)),
        ("of another ledger", &stranger, later, Some(KeyRefusal::Unknown)),
        ("another key's secret", &swapped, later, Some(KeyRefusal::Unknown)),
        ("empty", "", later, Some(KeyRefusal::Malformed)),
        ("of a provider", "sk-proj-abcdef", later, Some(KeyRefusal::Malformed)),
        ("cut short", &valid[..56], later, Some(KeyRefusal::Malformed)),
        ("too long", &format!("{valid}A"), later, Some(KeyRefusal::Malformed)),
        ("upper case prefix", &valid.replace("tl_", "TL_"), later, Some(KeyRefusal::Malformed)),
        ("no ASCII", &format!("tl_{}", "é".repeat(27)), later, Some(KeyRefusal::Malformed)),
        ("with a space", &format!("{} ", &valid[..56]), later, Some(KeyRefusal::Malformed)),
    ];
    for (case, presented, now_ms, refusal) in cases {
        assert_eq!(ring.verify(presented, now_ms).err(), refusal, "{case}");
    }
}

#[test]
fn every_changed_character_makes_a_key_invalid() {
    let home = Home::new();
    let keys = open(&home);
    let (_, key) = keys.create(named("k"), NOW_MS).unwrap();
    let ring = keys.snapshot().unwrap();
    for at in 0..key.len() {
        let mut bytes = key.clone().into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(ring.verify(&changed, NOW_MS).is_err(), "character {at}");
    }
    assert!(ring.verify(&key, NOW_MS).is_ok());
}

#[test]
fn limits_are_kept_and_checked() {
    let home = Home::new();
    let keys = open(&home);
    let limited = |features: &[&str]| Some(features.iter().map(|f| (*f).to_owned()).collect());
    let cases: [(Option<Vec<String>>, bool, bool); 3] =
        [(None, true, true), (limited(&["a"]), true, false), (limited(&[]), false, false)];
    for (features, allows_a, allows_b) in cases {
        let (info, key) = keys.create(NewKey { features, ..named("k") }, NOW_MS).unwrap();
        let found = keys.snapshot().unwrap().verify(&key, NOW_MS).unwrap();
        assert_eq!(*found, info);
        assert_eq!((found.allows("a"), found.allows("b")), (allows_a, allows_b), "{info:?}");
    }
    let default_feature = Some("b".to_owned());
    let refused =
        keys.create(NewKey { features: limited(&["a"]), default_feature, ..named("k") }, NOW_MS);
    assert!(matches!(refused, Err(LedgerError::BoundFeature { feature }) if feature == "b"));
    let refused = keys.revoke("0000000000", NOW_MS);
    assert!(matches!(refused, Err(LedgerError::NoSuchKey { id }) if id == "0000000000"));
    assert_eq!(keys.list().unwrap().len(), 3);
}

#[test]
fn a_change_is_noticed_by_others_and_records_are_no_change() {
    let home = Home::new();
    let (gateway, command) = (open(&home), open(&home));
    assert!(gateway.changed().unwrap(), "there was no snapshot yet");
    let ring: KeyRing = gateway.snapshot().unwrap();
    assert!(!gateway.changed().unwrap());

    let ledger = home.open();
    ledger.record(record(1));
    eventually("written", || !home.all().is_empty());
    ledger.close().unwrap();
    assert!(!gateway.changed().unwrap());

    let (info, key) = command.create(named("k"), NOW_MS).unwrap();
    assert!(gateway.changed().unwrap());
    assert!(gateway.changed().unwrap(), "asking is not seeing");
    assert_eq!(ring.verify(&key, NOW_MS).err(), Some(KeyRefusal::Unknown), "a ring is immutable");
    assert!(gateway.snapshot().unwrap().verify(&key, NOW_MS).is_ok());
    assert!(!gateway.changed().unwrap());

    gateway.revoke(&info.id, NOW_MS).unwrap();
    assert!(gateway.changed().unwrap(), "its own change counts as well");
}

#[test]
fn the_files_hold_neither_the_key_nor_its_secret() {
    let home = Home::new();
    let keys = open(&home);
    let (info, key) = keys.create(named("find-this-name"), NOW_MS).unwrap();
    assert!(!format!("{info:?} {:?}", keys.snapshot().unwrap()).contains(&key[14..]));
    let contains = |text: &str| {
        let files = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.is_file());
        files
            .map(|path| fs::read(path).unwrap())
            .any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    let is_clean = || contains("find-this-name") && !contains(&key) && !contains(&key[14..]);
    assert!(is_clean(), "while open, with the write-ahead log");
    drop(keys);
    assert!(is_clean(), "after the log went into the database");
}
