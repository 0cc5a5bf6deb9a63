//! Requests of production as cases.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tieline_eval::{
    import::{Imported, Requests, Source, Told, requests},
    scrub::Scrubber,
};

use super::import::refused;
use crate::{failure::Failure, print::counted};

/// How requests of production become cases
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Requests of production (--from requests)")]
pub(super) struct Production {
    /// How many requests to take. Default: all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// Which requests to take: the same seed takes the same ones
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keep what production answered, in the field `reference` of each case
    #[arg(long)]
    keep_answers: bool,
    /// Take out whatever this regular expression matches as well; may be given several times
    #[arg(long, value_name = "REGEX")]
    scrub: Vec<String>,
    /// Take nothing out: the cases hold addresses, numbers and keys as people sent them
    #[arg(long, conflicts_with = "scrub")]
    keep_personal_data: bool,
}

impl Production {
    /// Refuses what is said of requests where none are imported.
    ///
    /// # Errors
    /// Something is said of them.
    pub(super) fn unused(&self) -> Result<(), Failure> {
        let said = self.sample.is_some() || self.keep_answers || self.keep_personal_data;
        match said || !self.scrub.is_empty() {
            false => Ok(()),
            true => Err(Failure::Usage {
                message: "only requests of production are sampled and scrubbed".to_owned(),
                hint: "say that it is such a log with `--from requests`".to_owned(),
            }),
        }
    }

    /// Makes cases of requests.
    ///
    /// # Errors
    /// A file cannot be read, or an expression.
    pub(super) fn import(
        &self,
        sources: &[Source<'_>],
        feature: &str,
        judge: Option<&String>,
    ) -> Result<Imported, Failure> {
        let scrubber = (!self.keep_personal_data).then(|| Scrubber::new(&self.scrub)).transpose();
        let scrubber = scrubber.map_err(|error| Failure::Usage {
            message: tieline_types::chain(&error),
            hint: "nothing was written".to_owned(),
        })?;
        let options = Requests {
            feature: feature.to_owned(),
            sample: self.sample.map(|sample| usize::try_from(sample).unwrap_or(usize::MAX)),
            seed: self.seed,
            keep_answers: self.keep_answers,
            scrubber,
            // It is kept nowhere: nobody can find out afterwards who was who.
            salt: StdRng::from_os_rng().random(),
            judge: judge.cloned(),
        };
        requests(sources, &options).map_err(|error| refused(&error))
    }
}

/// What was done with requests, for people.
pub(super) fn told(told: &Told) -> String {
    let Told { read, taken, same, scrubbed } = told;
    let first =
        format!("{} read, {taken} taken, {same} the same as another", counted(*read, "request"));
    let second = match scrubbed {
        None => "nothing was taken out: the cases hold what people sent".to_owned(),
        Some(found) if found.is_empty() => {
            "nothing was found to take out; names and stories are not looked for".to_owned()
        }
        Some(found) => {
            let found = found.iter().map(|(kind, count)| format!("{count} {}", kind.word()));
            let found = found.collect::<Vec<_>>().join(", ");
            format!("taken out: {found}; names and stories are not looked for")
        }
    };
    format!("{first}\n{second}")
}
