//! What is expected of a drill, as scenarios write it.

use std::time::Duration;

use jiff::Timestamp;
use tieline_slo::{Indicator, indicator_of};
use tieline_yaml::{Fields, Node, Notes, Value};

use super::{Bound, Phase, Select, moment};

/// An expectation and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// What is expected.
    pub what: Expectation,
    /// The line in the file, from 1.
    pub line: usize,
}

/// A part of a drill's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// For people: a phase's name, or `all`.
    pub name: String,
    /// From when on, after the drill's start.
    pub begin: Duration,
    /// Until when.
    pub end: Duration,
}

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// Such a share of a feature's requests is good.
    Ratio {
        /// The feature.
        feature: String,
        /// What good is.
        indicator: Indicator,
        /// The share.
        ratio: Bound,
        /// Of which requests: those that came then.
        during: Window,
    },
    /// Such a share of the error budget of a whole period is spent, by the requests of a time.
    BudgetSpent {
        /// The feature.
        feature: String,
        /// What good is.
        indicator: Indicator,
        /// The share that must be good.
        objective: f64,
        /// The period.
        period: Duration,
        /// The share of the budget.
        spent: Bound,
        /// By which requests: those that came then.
        during: Window,
    },
    /// From the begin of the first fault to the first ten seconds that are at the objective again.
    TimeToMitigate {
        /// The feature.
        feature: String,
        /// The share of requests that must be served.
        objective: f64,
        /// The time.
        within: Bound,
    },
    /// From the end of the last fault until the best tier answers again as it did before.
    TimeToRestore {
        /// The feature.
        feature: String,
        /// The share of what it answered before that counts as before.
        share: f64,
        /// The time.
        within: Bound,
    },
    /// Upstream calls for each request.
    Amplification(Bound, Window),
    /// Probes of deployments, a second.
    ProbeRate(Select, Bound, Window),
    /// Upstream calls of deployments, probes apart.
    Attempts(Select, Bound, Window),
    /// How often breakers of deployments opened.
    Opens(Select, Bound, Window),
    /// How long the first breaker of deployments took to open, from the first fault on.
    OpensWithin(Select, Bound),
    /// How long it took until a deployment answered well again, from when its last fault ended.
    ReusedWithin(Select, Bound),
    /// How long it took until a storm of refusals was known as such, from the first fault on.
    StormWithin(Select, Bound),
    /// How often tiers of a feature dropped.
    Drops(String, Bound, Window),
    /// Answers that clients took for errors.
    ClientErrors(Option<String>, Bound, Window),
    /// The share of upstream calls that were hedges.
    Hedges(Bound, Window),
    /// How much more a request costs than in the first phase, as a share.
    CostDelta(Option<String>, Bound, Window),
    /// An alert fires, or does not.
    Alert {
        /// The objective.
        slo: String,
        /// `page` or `ticket`.
        severity: String,
        /// Whether it is expected to fire.
        fires: bool,
        /// Within this time of the first fault.
        within: Option<Duration>,
    },
    /// Something that always holds.
    Invariant(Invariant),
}

/// What holds whatever fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invariant {
    /// No answer that ends as if it were whole is shorter than what was asked for.
    NoSilentTruncation,
    /// No tool call reaches a client twice, and none with arguments that are no JSON.
    NoDuplicateToolCalls,
    /// No request goes where policy does not let it go.
    NoResidencyViolation,
    /// Every stream ends, as it should or with an error in the client's own dialect.
    EveryStreamTerminated,
    /// Upstream calls beyond the first two are no more than retry budgets allow.
    RetryBudgetRespected,
    /// No critical request is refused while a sheddable one is served.
    ShedInOrder,
    /// Every request that a client sent is on record once.
    NothingUnaccounted,
}

impl Invariant {
    const ALL: [(&'static str, Self); 7] = [
        ("no_silent_truncation", Self::NoSilentTruncation),
        ("no_duplicate_tool_calls", Self::NoDuplicateToolCalls),
        ("no_residency_violation", Self::NoResidencyViolation),
        ("every_stream_terminated", Self::EveryStreamTerminated),
        ("retry_budget_respected", Self::RetryBudgetRespected),
        ("shed_in_order", Self::ShedInOrder),
        ("nothing_unaccounted", Self::NothingUnaccounted),
    ];

    /// As scenarios write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }
}

/// What an expectation may say, by the key that tells which it is.
const FORMS: [(&str, &[&str]); 16] = [
    ("budgetSpent", &["feature", "objective", "period", "during", "after"]),
    ("timeToMitigate", &["feature", "objective"]),
    ("timeToRestore", &["feature", "share"]),
    ("amplification", &["during", "after"]),
    ("probeRate", &["select", "during", "after"]),
    ("attempts", &["select", "during", "after"]),
    ("opens", &["select", "during", "after"]),
    ("opensWithin", &["select"]),
    ("reusedWithin", &["select"]),
    ("stormWithin", &["select"]),
    ("drops", &["feature", "during", "after"]),
    ("clientErrors", &["feature", "during", "after"]),
    ("hedges", &["during", "after"]),
    ("costDelta", &["feature", "during", "after"]),
    ("alert", &[]),
    ("invariant", &[]),
];

/// Reads an expectation; a list of invariants is several.
pub(super) fn expected(
    node: &Node,
    (starts, phases): (Timestamp, &[Phase]),
    notes: &mut Notes,
) -> Vec<Expected> {
    let reader = Reader { node, phases, starts, notes };
    let line = node.at.0;
    reader.read().unwrap_or_default().into_iter().map(|what| Expected { what, line }).collect()
}

struct Reader<'n, 'w> {
    node: &'n Node,
    starts: Timestamp,
    phases: &'w [Phase],
    notes: &'w mut Notes,
}

impl<'n> Reader<'n, '_> {
    fn read(mut self) -> Option<Vec<Expectation>> {
        let fields = self.notes.any_fields(self.node, "an expectation")?;
        let form = FORMS.iter().find(|(key, _)| fields.get(key).is_some());
        let Some((key, beside)) = form else {
            return self.ratio(&fields).map(|one| vec![one]);
        };
        let sli = fields.get("sli").is_some() && *key == "budgetSpent";
        if !sli {
            let mut known = vec![*key];
            known.extend(*beside);
            self.notes.fields(self.node, &format!("`{key}`"), &known)?;
        }
        let value = fields.get(key)?;
        if *key == "invariant" {
            return self.invariants(value);
        }
        if *key == "alert" {
            return self.alert(value).map(|one| vec![one]);
        }
        self.bounded(key, value, &fields).map(|one| vec![one])
    }

    /// The expectations whose key leads to a bound.
    fn bounded(&mut self, key: &str, value: &Node, fields: &Fields<'n>) -> Option<Expectation> {
        let timed = key.ends_with("Within") || key.starts_with("timeTo");
        let bound = self.bound(value, key, timed)?;
        let window = self.window(fields);
        let select = |reader: &mut Self| match fields.get("select") {
            Some(node) => Select::read(node, reader.notes),
            None => Some(Select::default()),
        };
        Some(match key {
            "budgetSpent" => self.budget(fields, bound, window?)?,
            "timeToMitigate" => Expectation::TimeToMitigate {
                feature: self.feature(fields)?,
                objective: self.share(fields, "objective", 0.999)?,
                within: bound,
            },
            "timeToRestore" => Expectation::TimeToRestore {
                feature: self.feature(fields)?,
                share: self.share(fields, "share", 0.95)?,
                within: bound,
            },
            "amplification" => Expectation::Amplification(bound, window?),
            "probeRate" => Expectation::ProbeRate(select(self)?, bound, window?),
            "attempts" => Expectation::Attempts(select(self)?, bound, window?),
            "opens" => Expectation::Opens(select(self)?, bound, window?),
            "opensWithin" => Expectation::OpensWithin(select(self)?, bound),
            "reusedWithin" => Expectation::ReusedWithin(select(self)?, bound),
            "stormWithin" => Expectation::StormWithin(select(self)?, bound),
            "drops" => Expectation::Drops(self.feature(fields)?, bound, window?),
            "clientErrors" => Expectation::ClientErrors(self.any_feature(fields)?, bound, window?),
            "hedges" => Expectation::Hedges(bound, window?),
            _ => Expectation::CostDelta(self.any_feature(fields)?, bound, window?),
        })
    }

    fn ratio(&mut self, fields: &Fields<'n>) -> Option<Expectation> {
        if fields.get("sli").is_none() {
            let keys: Vec<&str> = FORMS.iter().map(|(key, _)| *key).collect();
            let help =
                format!("write `sli` and `ratio`, or one of {}", tieline_yaml::listed(&keys));
            self.notes.tell(fields.at, "an expectation that expects nothing", help);
            return None;
        }
        let beside = ["feature", "ratio", "during", "after"];
        let indicator = indicator_of(self.node, &beside, self.notes);
        if matches!(indicator, Some(Indicator::Quality { .. })) {
            let help = "give the feature an objective and write `alert` with its name";
            self.notes.tell(fields.at, "a drill grades no answers of its own", help);
        }
        let feature = self.feature(fields);
        let ratio = self.notes.required(fields, "the expectation", "ratio", "ratio: \">=0.99\"");
        let ratio = self.bound(ratio?, "ratio", false);
        let during = self.window(fields)?;
        Some(Expectation::Ratio { feature: feature?, indicator: indicator?, ratio: ratio?, during })
    }

    fn budget(&mut self, fields: &Fields<'n>, spent: Bound, during: Window) -> Option<Expectation> {
        let beside = ["budgetSpent", "feature", "objective", "period", "during", "after"];
        let indicator = match fields.get("sli") {
            Some(_) => indicator_of(self.node, &beside, self.notes)?,
            None => Indicator::Availability { max_tier: None },
        };
        let period = match fields.get("period") {
            Some(node) => tieline_yaml::time::window(node, "`period`", self.notes)?,
            None => Duration::from_secs(30 * 24 * 3600),
        };
        let objective = self.share(fields, "objective", 0.999)?;
        let feature = self.feature(fields)?;
        Some(Expectation::BudgetSpent { feature, indicator, objective, period, spent, during })
    }

    fn alert(&mut self, node: &Node) -> Option<Expectation> {
        let known = ["slo", "severity", "fires", "within"];
        let fields = self.notes.fields(node, "`alert`", &known)?;
        let slo = self.notes.required(&fields, "`alert`", "slo", "slo: support-served")?;
        let slo = self.notes.text(slo, "`slo`")?.to_owned();
        let severities = ["page", "ticket"];
        let severity = self.notes.required(&fields, "`alert`", "severity", "severity: page")?;
        let at = self.notes.one_of(severity, "`severity`", &severities)?;
        let severity = severities.get(at).copied()?.to_owned();
        let fires = match fields.get("fires") {
            Some(node) => self.notes.bool(node, "`fires`")?,
            None => true,
        };
        let within = match fields.get("within") {
            Some(node) => Some(moment::length(node, "`within`", self.notes)?),
            None => None,
        };
        Some(Expectation::Alert { slo, severity, fires, within })
    }

    fn invariants(&mut self, node: &Node) -> Option<Vec<Expectation>> {
        let names = Invariant::ALL.map(|(name, _)| name);
        let nodes: Vec<&Node> = match &node.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        let read = nodes.into_iter().map(|node| {
            let at = self.notes.one_of(node, "an invariant", &names)?;
            Invariant::ALL.get(at).map(|(_, one)| Expectation::Invariant(*one))
        });
        read.collect()
    }

    fn bound(&mut self, node: &Node, key: &str, timed: bool) -> Option<Bound> {
        let text = self.notes.text(node, key)?;
        let bound = Bound::parse(text).filter(|bound| bound.is_of_time() == timed);
        if bound.is_none() {
            let example = if timed { "<=10s" } else { ">=0.999" };
            let message = format!("`{key}` is not `{text}`");
            self.notes.tell(node.at, message, format!("write a bound such as `{example}`"));
        }
        bound
    }

    /// When: a phase, or all of the drill; `after` leaves out its begin.
    fn window(&mut self, fields: &Fields<'n>) -> Option<Window> {
        let end = self.phases.last().map_or(Duration::ZERO, |phase| phase.end);
        let mut window = Window { name: "all".to_owned(), begin: Duration::ZERO, end };
        if let Some(node) = fields.get("during") {
            let name = self.notes.text(node, "`during`")?;
            if name != "all" {
                let begin =
                    moment::moment(node, "`during`", (self.starts, self.phases), self.notes)?;
                let phase = self.phases.iter().find(|phase| phase.name == name);
                let end = phase.map_or(end, |phase| phase.end);
                window = Window { name: name.to_owned(), begin, end };
            }
        }
        if let Some(node) = fields.get("after") {
            window.begin += moment::length(node, "`after`", self.notes)?;
        }
        Some(window)
    }

    fn feature(&mut self, fields: &Fields<'n>) -> Option<String> {
        let node =
            self.notes.required(fields, "the expectation", "feature", "feature: support-reply")?;
        self.notes.text(node, "`feature`").map(str::to_owned)
    }

    #[expect(clippy::option_option, reason = "wrong, or not there")]
    fn any_feature(&mut self, fields: &Fields<'n>) -> Option<Option<String>> {
        if fields.get("feature").is_none() { Some(None) } else { self.feature(fields).map(Some) }
    }

    fn share(&mut self, fields: &Fields<'n>, key: &str, usual: f64) -> Option<f64> {
        match fields.get(key) {
            Some(node) => {
                self.notes.number(node, "a share from 0 to 1", |one| (0.0..=1.0).contains(&one))
            }
            None => Some(usual),
        }
    }
}
