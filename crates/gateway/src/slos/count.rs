//! Bringing requests to objectives: when they end, when they are graded, when their job ends.

use std::{hash::BuildHasher as _, sync::Arc, time::Duration};

use foldhash::quality::FixedState;
use tieline_ledger::{Job, SloMinute};
use tieline_slo::{Event, JobEnd, Moment};
use tieline_types::{CallRecord, DialectId, EVAL_CALLER};

use super::{MINUTE_MS, Slos, Tracked};
use crate::{admit::Call, gateway::Gateway, headers, record::blank};

/// Of so many answers one is graded for objectives of quality.
const GRADED_ONE_IN: u64 = 10;

/// The drill that a request is part of. Objectives do not count it; metrics count it apart.
pub(crate) type Drill = Option<Arc<str>>;

/// What is known of a request when it is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Judged {
    /// It has ended.
    Closed,
    /// Its answer was graded, from 0 to 1.
    Graded(f64),
    /// Its job has ended.
    JobEnded(JobEnd),
}

impl Judged {
    const fn moment(self) -> Moment {
        match self {
            Self::Closed => Moment::Closed,
            Self::Graded(_) => Moment::Graded,
            Self::JobEnded(_) => Moment::JobEnded,
        }
    }
}

impl Call {
    /// Whether its answer is of the sample that is graded for objectives: the same of a trace, so
    /// that what belongs together is graded together.
    pub(crate) fn is_graded(&self) -> bool {
        self.mirrored.is_none()
            && self.plan.slos.grades(&self.feature.name)
            && FixedState::default().hash_one(&self.trace.id).is_multiple_of(GRADED_ONE_IN)
    }
}

impl Gateway {
    /// Counts a request of a client for the objectives of its feature that judge it now.
    pub(crate) fn judge(&self, call: &CallRecord, judged: Judged, drill: &Drill) {
        let plan = self.plan();
        if plan.slos.features.is_empty() || *call.caller == *EVAL_CALLER {
            return;
        }
        let minute = call.started_ms.saturating_add(call.duration_us / 1000) / MINUTE_MS;
        for (slo, good) in plan.slos.judge(call, judged) {
            self.metrics.slos.event(slo, good, drill);
            if drill.is_none() {
                let counted = SloMinute { minute, good: good.into(), bad: (!good).into() };
                slo.add(counted);
                if let Some(ledger) = &self.ledger {
                    ledger.count_slo(&slo.key, counted);
                }
            }
        }
    }

    /// Counts a job that has ended, answered or not.
    pub(crate) fn judge_job(&self, job: &Job, done: bool) {
        let took = Duration::from_millis(self.unix_ms().saturating_sub(job.created_ms));
        let drill = job.headers.iter().find(|(name, _)| *name == headers::DRILL.as_str());
        let drill = drill.and_then(|(_, name)| Some(std::str::from_utf8(name).ok()?.into()));
        self.judge_late(&job.feature, JobEnd { took, done }, &drill);
    }

    /// Counts jobs whose time ended before they could be answered, by their features.
    pub(crate) fn judge_expired(&self, features: &[String]) {
        for feature in features {
            self.judge_late(feature, JobEnd { took: Duration::MAX, done: false }, &None);
        }
    }

    fn judge_late(&self, feature: &str, end: JobEnd, drill: &Drill) {
        if let Some(observer) = &self.observer {
            observer.job_ended(feature, end);
        }
        let mut call = blank(String::new(), self.unix_ms(), DialectId::OpenaiChat);
        call.feature = feature.into();
        self.judge(&call, Judged::JobEnded(end), drill);
    }
}

impl Slos {
    /// What a request means for the objectives of its feature that judge it now and count it.
    fn judge<'s>(
        &'s self,
        call: &'s CallRecord,
        judged: Judged,
    ) -> impl Iterator<Item = (&'s Tracked, bool)> {
        let counted = self.features.get(&call.feature);
        let tier = counted.and_then(|counted| {
            let tier = call.tier.as_ref()?;
            counted.tiers.iter().position(|name| name == tier)
        });
        let mut event = Event::new(call, tier);
        event.longest_gap = call.longest_gap_us.map(Duration::from_micros);
        match judged {
            Judged::Closed => {}
            Judged::Graded(score) => event.score = Some(score),
            Judged::JobEnded(end) => event.job = Some(end),
        }
        let slos = counted.into_iter().flat_map(|counted| &counted.slos);
        let now = slos.filter(move |one| one.slo.indicator.moment() == judged.moment());
        now.filter_map(move |one| Some((&**one, one.slo.indicator.judge(&event)?)))
    }
}
