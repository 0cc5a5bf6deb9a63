//! `tieline schema`: what an editor must know of the configuration file.

use crate::{failure::Failure, print};

/// Print the JSON Schema of tieline.yaml, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline schema > tieline.schema.json
  # and as the first line of tieline.yaml:
  # yaml-language-server: $schema=tieline.schema.json")]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(self) -> Result<(), Failure> {
        print::line(tieline_config::json_schema().trim_end())
    }
}
