//! The documents say what the code does.

use std::{fs, path::PathBuf};

use tieline_policy::{Matrix, SCHEMA};
use tieline_types::{FactName, Rules};

use super::{NOW, placed, world};

#[test]
fn the_published_schema_is_fresh() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/policy.cedarschema");
    let published = fs::read_to_string(path).unwrap();
    assert!(published == SCHEMA, "copy crates/policy/src/policy.cedarschema to docs/reference");
}

#[test]
fn the_policies_of_the_guide_are_good() {
    let guide = include_str!("../../../../docs/guide/policy.md");
    let blocks = guide.split("```cedar\n").skip(1).filter_map(|rest| rest.split("```").next());
    let blocks: Vec<&str> = blocks.collect();
    assert!(blocks.len() > 2);
    for policies in blocks {
        let world = world(vec![placed("a", "eu")], Rules::default(), policies);
        Matrix::compile(world, NOW).unwrap_or_else(|error| panic!("{policies}: {error}"));
    }
}

#[test]
fn every_fact_is_in_the_schema() {
    for name in FactName::ALL {
        assert!(SCHEMA.contains(&format!("\n  {name}?: ")), "{name}");
    }
}
