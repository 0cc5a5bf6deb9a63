//! What an attestation says, and that nothing else is believed.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};
use tieline_gate::{
    Gate, Guards, SliceRule, Verdict,
    attest::{
        DeploymentIdentity, Digest, ENVELOPE_BYTES_MAX, Envelope, Evidence, Findings, PAYLOAD_TYPE,
        PublicKey, Refusal, RowsProof, SIGNATURES_MAX, SKEW_MS, Signature, SigningKey, Statement,
        verify,
    },
    judge,
};

use crate::world::{gate, table};

const DAY_MS: u64 = 86_400_000;
const ISSUED_MS: u64 = 20_000 * DAY_MS;
const EXPIRES_MS: u64 = ISSUED_MS + 30 * DAY_MS;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).unwrap()
}

fn trusted() -> [PublicKey; 1] {
    [key(1).public()]
}

fn evidence() -> Evidence {
    let ruling = judge(&gate(0.05), &table(250, 15, 15, 20)).unwrap();
    Evidence {
        feature: "support-reply".to_owned(),
        tier: None,
        run: "run-1".to_owned(),
        deployment: "gpt-5.5@azure-sweden".to_owned(),
        identity: DeploymentIdentity {
            provider: "azure-sweden".to_owned(),
            model: "gpt-5.5".to_owned(),
            name: "gpt55-eu".to_owned(),
            resolved_model: Some("gpt-5.5-2026-08-01".to_owned()),
            parameters: Digest::of_json(&json!({ "temperature": 0 })),
            adapter: "chat/1".to_owned(),
            region: Some("swedencentral".to_owned()),
        },
        incumbent: Some(Digest::of(b"incumbent")),
        suite: Digest::of(b"suite"),
        judges: BTreeMap::from([("helpful".to_owned(), Digest::of(b"judge"))]),
        rows: RowsProof::of([&b"row"[..]]),
        findings: Findings::of(&ruling),
        issued_ms: ISSUED_MS,
        expires_ms: EXPIRES_MS,
    }
}

fn signed(statement: &Statement) -> Envelope {
    Envelope::sign(statement, &key(1)).unwrap()
}

fn good() -> Envelope {
    signed(&Statement::of(evidence()))
}

fn bytes(envelope: &Envelope) -> Vec<u8> {
    serde_json::to_vec(envelope).unwrap()
}

/// Signs a statement that was changed as JSON.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut statement = serde_json::to_value(Statement::of(evidence())).unwrap();
    change(&mut statement);
    let payload = statement.to_string();
    bytes(&Envelope::sign_bytes(PAYLOAD_TYPE, payload.as_bytes(), &key(1)).unwrap())
}

fn refusal(envelope: &[u8]) -> Option<&'static str> {
    verify(envelope, &trusted(), ISSUED_MS).err().map(|refusal| refusal.name())
}

#[test]
fn what_was_signed_is_what_is_read() {
    let attestation = verify(&bytes(&good()), &trusted(), ISSUED_MS).unwrap();
    assert_eq!(attestation.evidence, evidence());
    assert_eq!(attestation.digest, evidence().identity.digest());
    assert_eq!(attestation.key, key(1).public().id());
}

#[test]
fn the_statement_is_in_toto_s() {
    let payload = BASE64_STANDARD.decode(good().payload).unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let sha256 = |digest: Digest| json!({ "sha256": digest.to_string() });
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(
        statement["subject"],
        json!([{ "name": "gpt-5.5@azure-sweden", "digest": sha256(evidence().identity.digest()) }])
    );
    assert_eq!(statement["predicateType"], "https://in-toto.io/attestation/test-result/v0.1");
    let predicate = &statement["predicate"];
    assert_eq!(predicate["result"], "PASSED");
    assert_eq!(
        predicate["configuration"],
        json!([
            { "name": "suite", "digest": sha256(Digest::of(b"suite")) },
            { "name": "judge:helpful", "digest": sha256(Digest::of(b"judge")) },
        ])
    );
    assert_eq!(predicate["passedTests"], json!(["metric:correct"]));
    assert_eq!(predicate["warnedTests"], json!([]));
    assert_eq!(predicate["failedTests"], json!([]));
    let test = &predicate["tieline"]["findings"]["tests"][0];
    assert_eq!((&test["items"], &test["threshold"]), (&json!(300), &json!(-0.05)));
    assert!(test["lower"].as_f64().unwrap() > -0.05);
}

#[test]
fn every_part_of_a_ruling_is_a_test() {
    let mut items = table(250, 15, 15, 20);
    for item in &mut items {
        item.slices = BTreeMap::from([("lang".to_owned(), "de".to_owned())]);
    }
    let mut asked = gate(0.05);
    let rule = asked.metrics.get_mut("correct").unwrap();
    rule.at_least = Some(0.9);
    let slice = SliceRule { margin: Some(0.001), ..SliceRule::default() };
    let asked = Gate {
        slices: BTreeMap::from([("lang".to_owned(), slice)]),
        guards: Guards { error_rate: Some(0.02), ..Guards::default() },
        invariants: ["correct".to_owned()].into(),
        ..asked
    };
    let findings = Findings::of(&judge(&asked, &items).unwrap());
    let evidence = Evidence { findings: findings.clone(), ..evidence() };
    let predicate = Statement::of(evidence).predicate;
    let mut sorted = predicate.passed_tests.clone();
    sorted.extend([predicate.warned_tests, predicate.failed_tests].concat());
    sorted.sort();
    let names = [
        "guard:error_rate",
        "invariant:correct",
        "metric:correct",
        "metric:correct:at_least",
        "slice:lang=de:correct",
    ];
    assert_eq!(sorted, names);
    assert_eq!(findings.tests.len(), names.len());
    assert_ne!(findings.verdict, Verdict::Pass);
}

#[test]
fn an_attestation_holds_from_its_issue_to_its_expiry() {
    let envelope = bytes(&good());
    for (now_ms, wanted) in [
        (0, Err(Refusal::NotYetValid { issued_ms: ISSUED_MS })),
        (ISSUED_MS - SKEW_MS - 1, Err(Refusal::NotYetValid { issued_ms: ISSUED_MS })),
        (ISSUED_MS - SKEW_MS, Ok(())),
        (EXPIRES_MS - 1, Ok(())),
        (EXPIRES_MS, Err(Refusal::Expired { expires_ms: EXPIRES_MS })),
        (u64::MAX, Err(Refusal::Expired { expires_ms: EXPIRES_MS })),
    ] {
        assert_eq!(verify(&envelope, &trusted(), now_ms).map(|_| ()), wanted, "{now_ms}");
    }
}

#[test]
fn only_what_passed_holds() {
    for (items, result) in
        [(table(40, 3, 3, 4), "WARNED"), (table(200, 10, 40, 50), "FAILED"), (Vec::new(), "FAILED")]
    {
        let findings = Findings::of(&judge(&gate(0.05), &items).unwrap());
        let statement = Statement::of(Evidence { findings, ..evidence() });
        assert_eq!(json!(statement.predicate.result), result);
        assert_eq!(refusal(&bytes(&signed(&statement))), Some("not_passed"), "{result}");
    }
}

#[test]
fn every_reason_has_its_refusal() {
    let other = bytes(&Envelope::sign(&Statement::of(evidence()), &key(2)).unwrap());
    let unsigned = Envelope { signatures: Vec::new(), ..good() };
    let crowded =
        Envelope { signatures: vec![good().signatures[0].clone(); SIGNATURES_MAX + 1], ..good() };
    let renamed = Envelope { payload_type: "application/json".to_owned(), ..good() };
    let typed = Envelope::sign_bytes("application/json", b"{}", &key(1)).unwrap();
    let garbled = Envelope { payload: "%".to_owned(), ..good() };
    for (what, envelope, wanted) in [
        ("another's key", other, "unknown_key"),
        ("no signature", bytes(&unsigned), "unsigned"),
        ("too many signatures", bytes(&crowded), "too_large"),
        ("too long", vec![b' '; ENVELOPE_BYTES_MAX + 1], "too_large"),
        ("another type than was signed", bytes(&renamed), "bad_signature"),
        ("another type, signed", bytes(&typed), "payload_type"),
        ("no Base64", bytes(&garbled), "malformed"),
        ("no JSON", b"{".to_vec(), "malformed"),
        ("nothing", Vec::new(), "malformed"),
        ("another statement", changed(|it| it["_type"] = json!("other")), "predicate_type"),
        ("another predicate", changed(|it| it["predicateType"] = json!("x")), "predicate_type"),
        ("no evidence", changed(|it| it["predicate"]["tieline"] = json!({})), "malformed"),
    ] {
        assert_eq!(refusal(&envelope), Some(wanted), "{what}");
    }
    assert_eq!(verify(&bytes(&good()), &[], ISSUED_MS), Err(Refusal::UnknownKey));
}

#[test]
fn a_signed_statement_that_contradicts_itself_is_none() {
    let contradictions: [fn(&mut Value); 6] = [
        |it| it["subject"][0]["digest"]["sha256"] = json!(Digest::of(b"other")),
        |it| it["subject"][0]["name"] = json!("gpt-5.5@openai"),
        |it| it["predicate"]["tieline"]["identity"]["region"] = json!("eastus"),
        |it| it["predicate"]["configuration"][0]["digest"]["sha256"] = json!(Digest::of(b"x")),
        |it| it["predicate"]["tieline"]["findings"]["verdict"] = json!("fail"),
        |it| it["predicate"]["passedTests"] = json!([]),
    ];
    for change in contradictions {
        assert_eq!(refusal(&changed(change)), Some("malformed"));
    }
    assert_eq!(refusal(&changed(|it| it["predicate"]["url"] = json!("https://ci/1"))), None);
}

#[test]
fn ids_are_hints_and_every_key_and_signature_is_tried() {
    let statement = Statement::of(evidence());
    let [mine] = signed(&statement).signatures.try_into().unwrap();
    let [theirs] = Envelope::sign(&statement, &key(2)).unwrap().signatures.try_into().unwrap();
    let nameless = Signature { keyid: String::new(), ..mine.clone() };
    let misnamed = Signature { keyid: theirs.keyid.clone(), ..mine.clone() };
    for signatures in [vec![theirs.clone(), mine], vec![nameless], vec![misnamed]] {
        let envelope = bytes(&Envelope { signatures, ..good() });
        for keys in [vec![key(1).public()], vec![key(3).public(), key(1).public()]] {
            let key = verify(&envelope, &keys, ISSUED_MS).map(|attestation| attestation.key);
            assert_eq!(key, Ok(keys.last().unwrap().id()));
        }
    }
}

#[test]
fn both_alphabets_of_base64_are_taken() {
    let web = |text: &str| text.replace('+', "-").replace('/', "_").replace('=', "");
    let mut envelope = good();
    envelope.payload = web(&envelope.payload);
    envelope.signatures[0].sig = web(&envelope.signatures[0].sig);
    assert_eq!(refusal(&bytes(&envelope)), None);
}

proptest! {
    #[test]
    fn a_flipped_bit_of_payload_or_signature_is_refused(
        at in any::<prop::sample::Index>(),
        bit in 0..8,
    ) {
        let flipped = |text: &str| {
            let mut bytes = BASE64_STANDARD.decode(text).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            BASE64_STANDARD.encode(bytes)
        };
        let mut payload = good();
        payload.payload = flipped(&payload.payload);
        prop_assert_eq!(refusal(&bytes(&payload)), Some("bad_signature"));
        let mut signature = good();
        signature.signatures[0].sig = flipped(&signature.signatures[0].sig);
        prop_assert_eq!(refusal(&bytes(&signature)), Some("bad_signature"));
    }

    #[test]
    fn a_changed_file_is_refused_or_says_the_same(
        at in any::<prop::sample::Index>(),
        length in 0_usize..4,
        with in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut text = bytes(&good());
        let at = at.index(text.len());
        text.splice(at..(at + length).min(text.len()), with);
        if let Ok(attestation) = verify(&text, &trusted(), ISSUED_MS) {
            prop_assert_eq!(attestation.evidence, evidence());
        }
    }

    #[test]
    fn nothing_hostile_makes_it_panic(
        payload in ".{0,200}",
        sig in ".{0,100}",
        rest in any::<Vec<u8>>(),
    ) {
        let rest_64 = BASE64_STANDARD.encode(&rest);
        let hostile = json!({
            "payload": BASE64_STANDARD.encode(&payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "sig": sig }, { "keyid": payload, "sig": rest_64 }],
        });
        prop_assert!(refusal(hostile.to_string().as_bytes()).is_some());
        prop_assert!(refusal(&rest).is_some());
        let signed = Envelope::sign_bytes(PAYLOAD_TYPE, &rest, &key(1)).unwrap();
        prop_assert!(refusal(&bytes(&signed)).is_some());
    }
}
