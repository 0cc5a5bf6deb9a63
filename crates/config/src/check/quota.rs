//! Quotas: what each says, what is shared, and what features will ask for.

use std::collections::BTreeMap;

use super::Check;
use crate::{
    config::{Demand, Limits, Model},
    lenient::{Entries, Field, Short},
    problem::{Code, Problem},
    source::Span,
    wire,
};

impl Check<'_> {
    /// The value of a deployment's `limits`.
    pub(super) fn limits(&mut self, field: &Field<wire::Limits>) -> Limits {
        let Some((written, at)) = field.placed() else { return Limits::default() };
        let limits = Limits {
            requests_per_minute: self.above_zero(&written.requests_per_minute),
            tokens_per_minute: self.above_zero(&written.tokens_per_minute),
            input_tokens_per_minute: self.above_zero(&written.input_tokens_per_minute),
            output_tokens_per_minute: self.above_zero(&written.output_tokens_per_minute),
            pool: self.text(&written.pool),
            firm: written.firm.value.unwrap_or(true),
            ramp: written.ramp.value.map(|ramp| ramp.0),
        };
        let others =
            [written.firm.is_written(), written.ramp.is_written(), written.pool.is_written()];
        if limits == Limits::default() && others == [false; 3] {
            let problem = Problem::new(Code::MissingKey, at, "`limits` says nothing");
            self.add(problem.with_help("give `requests_per_minute`, `tokens_per_minute` or both"));
        }
        limits
    }

    /// Gives all deployments of a pool what any of them says of it.
    pub(super) fn share_quotas(
        &mut self,
        written: &Entries<Vec<Field<Short<wire::Deployment>>>>,
        models: &mut [Model],
    ) {
        let mut pools: BTreeMap<String, Limits> = BTreeMap::new();
        let deployments = written.iter().flat_map(|(.., list)| list.value.iter().flatten());
        let fields = deployments.filter_map(|entry| Some(&entry.value.as_ref()?.0.limits));
        for (limits, at) in fields.filter_map(Field::placed) {
            let Some(name) = limits.pool.value.clone() else { continue };
            let known = pools.entry(name.clone()).or_default();
            if !joined(known, limits) {
                let message = format!("the pool `{name}` has another limit elsewhere");
                let problem = Problem::new(Code::InvalidValue, at, message).with_found(name);
                self.add(problem.with_help("write its limits once, or the same everywhere"));
            }
        }
        for one in models.iter_mut().flat_map(|model| &mut model.deployments) {
            let known = one.limits.pool.as_ref().and_then(|name| pools.get(name));
            if let Some(known) = known {
                one.limits = Limits { pool: one.limits.pool.take(), ..known.clone() };
            }
        }
    }

    /// The value of a feature's `demand`.
    pub(super) fn demand(&mut self, field: &Field<wire::Demand>) -> Option<Demand> {
        let (written, at) = field.placed()?;
        let Span { start, .. } = at;
        let owner = Span { start, len: 0, ..at };
        self.required(&written.requests_per_minute, "requests_per_minute", owner);
        let requests_per_minute = self.above_zero(&written.requests_per_minute);
        let input_tokens_per_minute = self.above_zero(&written.input_tokens_per_minute);
        let output_tokens_per_minute = self.above_zero(&written.output_tokens_per_minute);
        let requests_per_minute = requests_per_minute?;
        Some(Demand { requests_per_minute, input_tokens_per_minute, output_tokens_per_minute })
    }
}

/// Adds what is written of a pool to what is known; false where they differ.
fn joined(known: &mut Limits, written: &wire::Limits) -> bool {
    let mut same = true;
    for (known, written) in [
        (&mut known.requests_per_minute, &written.requests_per_minute),
        (&mut known.tokens_per_minute, &written.tokens_per_minute),
        (&mut known.input_tokens_per_minute, &written.input_tokens_per_minute),
        (&mut known.output_tokens_per_minute, &written.output_tokens_per_minute),
    ] {
        same &= known.is_none_or(|known| written.value.is_none_or(|written| written == known));
        *known = known.or(written.value);
    }
    let ramp = written.ramp.value.map(|ramp| ramp.0);
    same &= known.ramp.is_none_or(|known| ramp.is_none_or(|ramp| ramp == known));
    known.ramp = known.ramp.or(ramp);
    // What one of them says is not owed is owed to none.
    known.firm &= written.firm.value.unwrap_or(true);
    same
}
