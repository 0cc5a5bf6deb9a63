//! Attestations: keys made, signatures checked, refusals told.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _};

use insta::assert_snapshot;
use serde_json::{Value, json};
use tieline_gate::{
    Verdict,
    attest::{
        DeploymentIdentity, Digest, Envelope, Evidence, Findings, RowsProof, SigningKey, Statement,
        Test,
    },
};

use crate::support::Folder;

const ROWS: &str = "{\"case\":\"1\"}\n{\"case\":\"2\"}\n";
/// Within the month for which the attestation of the tests holds.
const THEN: &str = "2026-11-10";

/// A folder with two keys, rows, and an attestation that the first key signed.
fn folder() -> Folder {
    let folder = Folder::new();
    for name in ["mine", "other"] {
        let (code, public, _) = folder.run(&format!("eval keygen --out {name}.key"));
        assert_eq!(code, 0);
        folder.write(&format!("{name}.pub"), &public);
    }
    folder.write("rows.jsonl", ROWS);
    let key = fs::read_to_string(folder.path().join("mine.key")).unwrap();
    let key = SigningKey::from_pem(&key).unwrap();
    let envelope = Envelope::sign(&Statement::of(evidence()), &key).unwrap();
    folder.write("a.json", &serde_json::to_string(&envelope).unwrap());
    folder
}

fn evidence() -> Evidence {
    let test = Test {
        name: "metric:correct".to_owned(),
        required: true,
        verdict: Verdict::Pass,
        items: 300,
        threshold: Some(-0.05),
        estimate: Some(0.0),
        lower: Some(-0.0301),
        upper: Some(0.0301),
        power: Some(0.94),
        discordance: Some(0.1),
    };
    Evidence {
        feature: "support-reply".to_owned(),
        tier: None,
        run: "run-1".to_owned(),
        deployment: "gpt-5.5@azure-sweden".to_owned(),
        identity: DeploymentIdentity {
            provider: "azure-sweden".to_owned(),
            model: "gpt-5.5".to_owned(),
            name: "gpt55-eu".to_owned(),
            resolved_model: None,
            parameters: Digest::of_json(&json!({})),
            adapter: "0.1.0".to_owned(),
            region: None,
        },
        incumbent: None,
        suite: Digest::of(b"suite"),
        judges: BTreeMap::new(),
        rows: RowsProof::of_lines(ROWS.as_bytes()),
        findings: Findings { verdict: Verdict::Pass, alpha: 0.05, items: 300, tests: vec![test] },
        issued_ms: 1_793_491_200_000,
        expires_ms: 1_796_083_200_000,
    }
}

#[test]
fn a_private_key_is_for_its_owner_and_never_overwritten() {
    let folder = Folder::new();
    let (code, public, remark) = folder.run("eval keygen --out eval.key");
    assert_eq!(code, 0);
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"), "only the public key: {public}");
    assert!(remark.starts_with("wrote the private key to eval.key"), "{remark}");
    let path = folder.path().join("eval.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let private = fs::read_to_string(&path).unwrap();
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"));

    let (code, out, err) = folder.run("eval keygen --out eval.key");
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("eval.key exists"), "{err}");
    assert_eq!(fs::read_to_string(&path).unwrap(), private);

    let made = folder.json("eval keygen --out two.key");
    assert_ne!(made["public_key"].as_str().unwrap(), public);
    assert_eq!(made["id"].as_str().unwrap().len(), 32);
}

#[test]
fn what_holds_is_shown() {
    let folder = folder();
    let line = format!("eval verify a.json --key mine.pub --at {THEN} --rows rows.jsonl");
    let (code, out, err) = folder.run(&line);
    assert_eq!((code, err.as_str()), (0, ""));
    let told = folder.json(&line);
    let key = told["attestation"]["key"].as_str().unwrap();
    assert_snapshot!(out.replace(key, "KEY"), @r"
    valid until 2026-12-01T00:00:00Z: gpt-5.5@azure-sweden serves support-reply
    run run-1, 300 items, 2 rows, signed by KEY

    TEST            ITEMS  ESTIMATE  LOWER    UPPER   THRESHOLD
    metric:correct  300    0.0000    -0.0301  0.0301  -0.0500
    ");
    assert_eq!((&told["valid"], &told["reason"]), (&json!(true), &Value::Null));
    let digest = evidence().identity.digest().to_string();
    assert_eq!(told["attestation"]["digest"], digest);
    assert_eq!(told["attestation"]["feature"], "support-reply");
}

#[test]
fn what_does_not_hold_is_refused_with_its_reason() {
    let folder = folder();
    folder.write("torn.json", "{");
    folder.write("fewer.jsonl", "{\"case\":\"1\"}\n");
    for (line, reason, words) in [
        (format!("a.json --key other.pub --at {THEN}"), "unknown_key", "no trusted key"),
        ("a.json --key mine.pub --at 2026-12-01".to_owned(), "expired", "it expired at 2026-12-01"),
        ("a.json --key mine.pub --at 2026-10-01".to_owned(), "not_yet_valid", "from 2026-11-01"),
        (format!("torn.json --key mine.pub --at {THEN}"), "malformed", "no attestation"),
        (
            format!("a.json --key mine.pub --at {THEN} --rows fewer.jsonl"),
            "other_rows",
            "made for other rows",
        ),
    ] {
        let (code, out, err) = folder.run(&format!("eval verify {line}"));
        assert_eq!((code, out.as_str()), (1, ""), "{line}");
        assert!(err.contains("is refused") && err.contains(words), "{line}: {err}");
        let (code, out, _) = folder.run(&format!("eval verify {line} --format json"));
        let shown: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &shown["valid"]), (1, &json!(false)), "{line}");
        assert_eq!(shown["reason"], reason, "{line}");
    }
    let both = format!("eval verify a.json --key other.pub --key mine.pub --at {THEN}");
    assert_eq!(folder.run(&both).0, 0, "one key is enough");
}

#[test]
fn a_private_key_is_no_public_one() {
    let folder = folder();
    let (code, _, err) = folder.run("eval verify a.json --key mine.key");
    assert_eq!(code, 2);
    assert!(err.contains("mine.key: expected the PEM text of an Ed25519 public key"), "{err}");
    assert_eq!(folder.run("eval verify a.json").0, 2, "without a key nothing can be said");
    assert_eq!(folder.run("eval verify none.json --key mine.pub").0, 4);
}
