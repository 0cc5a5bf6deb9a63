//! `tieline schema`: what an editor must know of the files that people write.

use crate::{failure::Failure, print};

/// Print the JSON Schema of tieline.yaml or of eval suites, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline schema > tieline.schema.json
  # and as the first line of tieline.yaml:
  # yaml-language-server: $schema=tieline.schema.json
  tieline schema suite > eval-suite.schema.json")]
pub(crate) struct Schema {
    /// What it is the schema of
    #[arg(value_enum, default_value_t = Of::Configuration)]
    of: Of,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Of {
    /// The configuration, tieline.yaml
    Configuration,
    /// An eval suite
    Suite,
}

impl Schema {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let schema = match self.of {
            Of::Configuration => tieline_config::json_schema(),
            Of::Suite => tieline_eval::json_schema(),
        };
        print::line(schema.trim_end())
    }
}
