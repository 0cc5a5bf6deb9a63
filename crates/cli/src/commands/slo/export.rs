//! `tieline slo export`: objectives for Prometheus and Grafana.

use std::{fs, path::PathBuf};

use clap::ValueEnum;
use tieline_gateway::stated_slos;
use tieline_slo::{Dialect, Slo, Text};

use crate::{failure::Failure, files::ConfigFile, print};

/// Write objectives as rules for Prometheus or as a dashboard for Grafana
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The files are OpenSLO documents and may refer to each other's. Rules read the counter
tieline_sli_events_total of the gateway's /metrics, and the dashboard reads the rules of the same
dialect. Those of the native one weigh requests in every window; those of sloth have the names that
tools for Sloth look for.

Examples:
  tieline slo export -o rules.yaml
  tieline slo export slos/support-reply.yaml -o rules.yaml
  tieline slo export slos/*.yaml --dialect sloth -o rules.yaml
  tieline slo export slos/*.yaml --format grafana -o dashboard.json")]
pub(crate) struct Export {
    /// The files of objectives. Default: those of the configuration
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// For which program
    #[arg(long, value_enum, default_value = "prometheus")]
    format: Format,
    /// How rules are named and what they weigh
    #[arg(long, value_enum, default_value = "native")]
    dialect: Names,
    /// Write into this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Recording and alerting rules
    Prometheus,
    /// A dashboard
    Grafana,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Names {
    /// Tieline's own
    Native,
    /// Those of Sloth
    Sloth,
}

impl Export {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let slos = match self.files.is_empty() {
            true => stated_slos(&self.config.load_for_reading()?)?,
            false => self.read()?,
        };
        let dialect = match self.dialect {
            Names::Native => Dialect::Native,
            Names::Sloth => Dialect::Sloth,
        };
        let text = match self.format {
            Format::Prometheus => tieline_slo::prometheus(&slos, dialect),
            Format::Grafana => tieline_slo::dashboard(&slos, dialect),
        };
        match self.output {
            Some(path) => {
                let action = format!("write {}", path.display());
                fs::write(path, text).map_err(Failure::os(action))
            }
            None => print::line(text.trim_end()),
        }
    }

    /// The objectives of the files that were named.
    fn read(&self) -> Result<Vec<Slo>, Failure> {
        let read = |file: &PathBuf| {
            let name = file.display().to_string();
            let text = fs::read_to_string(file).map_err(Failure::os(format!("read {name}")))?;
            Ok((name, text))
        };
        let files = self.files.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
        let texts: Vec<Text<'_>> = files.iter().map(|(name, text)| Text { name, text }).collect();
        Ok(tieline_slo::read_all(&texts, None)?)
    }
}
