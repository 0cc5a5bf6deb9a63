//! What a request is told to carry, held against what its reader makes of it.

use tieline_dialect::{
    ir::{Ask, Block, Content},
    modalities,
};
use tieline_types::{Modalities, Modality};

use crate::common::fixtures;

/// Requests of which something is kept at the provider.
const KEPT: [&str; 1] = ["unsupported_previous_response"];

/// What a reader found.
pub(crate) fn read(ask: &Ask) -> Modalities {
    of_blocks(ask.messages.iter().flat_map(|message| &message.blocks))
}

fn of_blocks<'b>(blocks: impl IntoIterator<Item = &'b Block>) -> Modalities {
    let mut all = Modalities::NONE;
    for block in blocks {
        all |= match &block.content {
            Content::Image { .. } => Modality::Image.into(),
            Content::Document { .. } => Modality::Document.into(),
            Content::ToolResult(result) => of_blocks(&result.blocks),
            Content::Text(_)
            | Content::Reasoning(_)
            | Content::ToolCall(_)
            | Content::Refusal(_) => Modalities::NONE,
        };
    }
    all
}

#[test]
fn requests_of_every_dialect_carry_what_their_reader_finds() {
    for fixture in fixtures("requests") {
        let told = modalities(fixture.source, &fixture.bytes);
        let name = format!("{:?} {}", fixture.source, fixture.name);
        match fixture.ask() {
            Ok(ask) => assert_eq!(told, read(&ask), "{name}"),
            Err(_) if KEPT.contains(&&*fixture.name) => {
                assert_eq!(told, Modalities::UNKNOWN, "{name}");
            }
            Err(_) => assert_eq!(told, Modalities::NONE, "{name}"),
        }
    }
}
