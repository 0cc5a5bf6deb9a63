//! The documents say what the code does.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;
use tieline_config::{Code, json_schema};

use super::good;

fn reference(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_schema_file_is_fresh() {
    assert!(
        reference("tieline.schema.json") == json_schema(),
        "docs/reference/tieline.schema.json is stale; run `cargo xtask schema`"
    );
}

#[test]
fn every_code_is_in_the_table() {
    let table = reference("errors.md");
    for code in Code::ALL {
        let row = table.lines().find(|line| line.starts_with(&format!("| {code} |")));
        let row = row.unwrap_or_else(|| panic!("errors.md has no row for {code}"));
        assert!(row.ends_with(&format!("| {} |", code.advice())), "{row}");
    }
    let rows = table.lines().filter(|line| line.starts_with("| TL-01")).count();
    assert_eq!(rows, Code::ALL.len());
}

#[test]
fn every_key_is_in_the_reference() {
    let schema: Value = serde_json::from_str(&json_schema()).expect("the schema is JSON");
    let mut keys = BTreeSet::new();
    let roots = schema["$defs"].as_object().into_iter().flat_map(|defs| defs.values());
    for root in roots.chain([&schema]) {
        keys.extend(root["properties"].as_object().into_iter().flat_map(|all| all.keys().cloned()));
    }
    assert!(keys.len() > 40, "{keys:?}");
    let text = reference("configuration.md");
    let missing: Vec<&String> =
        keys.iter().filter(|key| !text.contains(&format!("| `{key}` |"))).collect();
    assert!(missing.is_empty(), "configuration.md does not describe {missing:?}");
}

#[test]
fn the_examples_of_the_reference_pass() {
    let text = reference("configuration.md");
    let examples: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|example| example.starts_with("version: 1"))
        .collect();
    assert!(!examples.is_empty());
    for example in examples {
        good(example);
    }
}

#[test]
fn every_property_of_the_schema_is_described() {
    let schema: Value = serde_json::from_str(&json_schema()).expect("the schema is JSON");
    let roots = schema["$defs"].as_object().into_iter().flat_map(|defs| defs.values());
    for root in roots.chain([&schema]) {
        for (key, property) in root["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{key} has no description");
        }
    }
}
