//! `tieline init`: a first configuration file.

use std::{fs::OpenOptions, io, io::Write as _};

use tieline_config::RealWorld;

use crate::{failure::Failure, files::ConfigFile, print};

/// Write a first tieline.yaml from the credentials found in the environment
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An existing file is never overwritten.

Examples:
  OPENAI_API_KEY=... tieline init
  tieline init --config staging.yaml")]
pub(crate) struct Init {
    #[command(flatten)]
    config: ConfigFile,
}

impl Init {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let path = &self.config.path;
        let shown = path.display();
        let opened = OpenOptions::new().write(true).create_new(true).open(path);
        let mut file = match opened {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Failure::Usage {
                    message: format!("{shown} exists already"),
                    hint: "name another file with --config, or remove this one".to_owned(),
                });
            }
            opened => opened.map_err(Failure::os(format!("create {shown}")))?,
        };
        let text = tieline_config::starter(&RealWorld);
        file.write_all(text.as_bytes()).map_err(Failure::os(format!("write {shown}")))?;
        print::line(&format!("wrote {shown}; `tieline check` says what it needs"))
    }
}
