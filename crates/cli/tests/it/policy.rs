//! What policy allows, explained, compared and checked.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::Folder;

const CONFIG: &str = "\
version: 1
providers:
  sweden:
    kind: azure-openai
    endpoint: https://acme-se.openai.azure.com
    api_key: { env: KEY }
    facts: { regions: [swedencentral] }
  ohio: { kind: bedrock, region: us-east-2 }
  oa: { kind: openai, api_key: { env: KEY } }
models:
  m: [{ provider: sweden, name: gpt-eu }, { provider: ohio, name: us.openai.gpt }, oa]
features:
  f:
    data: { class: confidential, residency: [eu] }
    tiers:
      - { name: best, models: [m] }
      - { name: apology, reply: sorry }
";

fn folder(config: &str) -> Folder {
    let folder = Folder::new();
    folder.write("tieline.yaml", config);
    folder
}

/// What a command prints, without white space at line ends.
fn said(folder: &Folder, line: &str) -> String {
    let (code, out, err) = folder.run(line);
    assert_eq!((code, err.as_str()), (0, ""), "{line}: {out}");
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_feature_is_explained() {
    let folder = folder(CONFIG);
    assert_snapshot!(said(&folder, "route explain --feature f"));
    let without = "route explain --feature f --without provider=sweden";
    assert_snapshot!(said(&folder, without));
    let explained = folder.json("route explain --feature f");
    let verdicts: Vec<&Value> =
        explained["deployments"].as_array().unwrap().iter().map(|one| &one["verdict"]).collect();
    assert_eq!(verdicts, ["in", "out", "out"]);
    let step = json!({ "tier": "best", "does": "call", "deployment": "m@sweden" });
    assert_eq!(explained["plan"][0], step);
    let zones = &explained["deployments"][0]["facts"]["zones"];
    assert_eq!(zones["value"], json!(["eu"]));
}

#[test]
fn tags_are_asked_for() {
    let folder = folder(&format!("{CONFIG}policies: p.cedar\n"));
    folder.write(
        "p.cedar",
        "permit (principal, action, resource) when { context.tags.contains(\"a=b\") };",
    );
    let verdict = |line: &str| folder.json(line)["deployments"][0]["verdict"].clone();
    assert_eq!(verdict("route explain --feature f"), "out");
    assert_eq!(verdict("route explain --feature f --tag a=b"), "in");
}

#[test]
fn what_a_request_carries_and_who_calls_is_asked_for() {
    let folder = folder(&format!("{CONFIG}policies: p.cedar\n"));
    folder.write(
        "p.cedar",
        "permit (principal, action, resource);
         forbid (principal, action, resource) when { context.modalities.contains(\"image\") };
         forbid (principal, action, resource)
         when { principal has name && principal.name == \"legal\" };",
    );
    let verdict = |line: &str| {
        let line = format!("route explain --feature f {line}");
        folder.json(&line)["deployments"][0]["verdict"].clone()
    };
    for (line, expected) in [
        ("", "in"),
        ("--modality document", "in"),
        ("--modality document --modality image", "out"),
        ("--modality unknown", "out"),
        ("--caller 0123456789", "in"),
        ("--caller 0123456789 --caller-name legal", "out"),
    ] {
        assert_eq!(verdict(line), expected, "{line}");
    }
}

#[test]
fn what_does_not_exist_is_wrong_usage() {
    let folder = folder(CONFIG);
    for line in [
        "route explain --feature nobody",
        "route explain --feature f --without provider=nobody",
        "route explain --feature f --without region=eu",
        "route explain --feature f --tag a",
        "route explain --feature f --modality pictures",
    ] {
        let (code, out, err) = folder.run(line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}: {err}");
    }
}

#[test]
fn two_configurations_are_compared() {
    let folder = folder(CONFIG);
    let next = CONFIG.replace("residency: [eu]", "residency: [us]");
    folder.write("next.yaml", &next);
    assert_snapshot!(said(&folder, "policy diff tieline.yaml next.yaml"), @r"
FEATURE  DEPLOYMENT  BEFORE  AFTER  BY
f        m@ohio      out     in     no policy
f        m@sweden    in      out    feature f: residency
");
    assert_eq!(said(&folder, "policy diff next.yaml next.yaml"), "nothing opens or closes");
    let changes = folder.json("policy diff tieline.yaml next.yaml");
    assert_eq!(changes["changes"].as_array().map(Vec::len), Some(2));
}

#[test]
fn check_tells_what_cannot_work() {
    let folder = folder(&CONFIG.replace("residency: [eu]", "residency: [ch]"));
    let (code, out, err) = folder.run("check");
    assert_eq!(code, 1, "{err}");
    assert_snapshot!(out, @r"
error: tieline.yaml:13:3: feature `f` has no legal deployment
  help: m@sweden: must be processed in ch; it may be processed in eu (swedencentral)
        m@ohio: must be processed in ch; it may be processed in us
        m@oa: must be processed in ch; where it is processed is not known
it starts: 3 providers, 1 model, 3 deployments, 1 feature
");
    let (code, out, _) = folder.run("check --format json");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["ok"]), (1, &json!(false)));
    assert_eq!(report["findings"][0]["line"], 13);

    folder.write("tieline.yaml", &format!("{CONFIG}policies: p.cedar\n"));
    folder.write(
        "p.cedar",
        "permit (principal, action, resource)\nwhen { resource.zone == \"eu\" };",
    );
    for line in ["check", "serve"] {
        let (code, _, err) = folder.run(line);
        assert_eq!(code, 2, "{line}");
        assert!(err.contains("p.cedar:2:8: attribute `zone`"), "{line}: {err}");
    }
    let (code, out, _) = folder.run("check --format json");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["problems"][0]["line"]), (2, &json!(2)));
}
