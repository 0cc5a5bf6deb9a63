//! The dialect as a whole, on the fixtures in `tests/golden/bedrock_converse`.

use crate::Style;

macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/bedrock_converse/", $path))
    };
}

mod replies;
mod requests;
mod streams;

fn style() -> Style {
    Style { id: "req_1".into(), model: "m".into(), created_s: 1, include_usage: true }
}
