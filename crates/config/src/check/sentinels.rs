//! The `sentinels` section.

use std::time::Duration;

use tieline_types::UsdPico;

use super::Check;
use crate::{
    config::{PromptFile, Sentinels},
    lenient::Field,
    problem::{Code, Problem},
    wire,
};

const EVERY: Duration = Duration::from_secs(3600);
/// More often would ask more than it could find out.
const EVERY_MIN: Duration = Duration::from_secs(300);
/// Half a dollar.
const MAX_USD_PER_DAY: UsdPico = UsdPico::new(500_000_000_000);

impl Check<'_> {
    /// The `sentinels` section. What is in the file of prompts is for the gate to check.
    pub(super) fn sentinels(&mut self, field: &Field<wire::Sentinels>) -> Option<Sentinels> {
        let (written, _) = field.placed()?;
        let every = self.lapse(&written.every).unwrap_or(EVERY);
        if let Some(at) = written.every.at.filter(|_| every < EVERY_MIN) {
            let problem = Problem::new(Code::InvalidValue, at, "the pace must be at least `5m`");
            self.add(problem.with_help("deployments are asked some twenty prompts each time"));
        }
        let prompts = self.prompts(&written.prompts);
        let max_usd_per_day =
            written.max_usd_per_day.value.map_or(MAX_USD_PER_DAY, |amount| amount.0);
        Some(Sentinels { every, prompts, max_usd_per_day })
    }

    fn prompts(&mut self, field: &Field<String>) -> Option<PromptFile> {
        let path = self.path(field)?;
        match self.world.read(&path) {
            Ok(text) => Some(PromptFile { path, text }),
            Err(error) => {
                let at = field.at.unwrap_or_default();
                let message = format!("`{}` cannot be read: {error}", path.display());
                let found = field.value.clone().unwrap_or_default();
                self.add(Problem::new(Code::InvalidValue, at, message).with_found(found));
                None
            }
        }
    }
}
