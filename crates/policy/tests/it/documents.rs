//! The documents say what the code does.

use std::{fs, path::PathBuf};

use tieline_policy::SCHEMA;
use tieline_types::FactName;

#[test]
fn the_published_schema_is_fresh() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/policy.cedarschema");
    let published = fs::read_to_string(path).unwrap();
    assert!(published == SCHEMA, "copy crates/policy/src/policy.cedarschema to docs/reference");
}

#[test]
fn every_fact_is_in_the_schema() {
    for name in FactName::ALL {
        assert!(SCHEMA.contains(&format!("\n  {name}?: ")), "{name}");
    }
}
