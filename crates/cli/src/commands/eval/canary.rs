//! Whether the judges of a suite still label as they did when they were found fit.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use tieline_config::Config;
use tieline_eval::{Disk, JudgeFile, RunSettings, Suite};

use super::{door::Rooms, suite::wrong};
use crate::{
    failure::Failure,
    print::{self, counted},
};

/// The judges of a suite, each asked again for some labels of its calibration.
///
/// # Errors
/// Where they cannot be asked; that one does not answer is no error.
pub(super) fn judges(config: &Config, path: &Path) -> Result<BTreeMap<String, JudgeFile>, Failure> {
    // Labels may be of cases that this run leaves out.
    let suite = Suite::read(path, &Disk).map_err(|problems| wrong(&problems))?;
    let mut judges = suite.judges();
    let asks = suite.canaries();
    if asks.is_empty() {
        return Ok(judges);
    }
    let deployments: BTreeSet<String> = asks.keys().cloned().collect();
    print::remark(&format!(
        "{} still as it was calibrated? {} to ask for",
        if deployments.len() == 1 { "is the judge" } else { "are the judges" },
        counted(usize::try_from(asks.values().sum::<u64>()).unwrap_or(usize::MAX), "label")
    ));
    let rooms = Rooms::open(config, &suite.file.feature, &deployments)?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::os("start the runtime"))?;
    let mut left = suite.file.run.budget_usd;
    for (name, judge) in &mut judges {
        let settings = RunSettings { budget_usd: left, ..suite.file.run.clone() };
        let looked = runtime.block_on(suite.drift(name, &rooms, &settings));
        let Some((drift, spent_usd)) = looked else { continue };
        left = left.map(|usd| (usd - spent_usd).max(0.0));
        (judge.drift, judge.spent_usd) = (Some(drift), spent_usd);
    }
    rooms.close()?;
    Ok(judges)
}
