//! From facts, plain rules and policies to the matrix.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cedar_policy::{Entities, PolicySet, Schema, Validator};

use crate::{
    asked::Asked,
    cedar::{self, Loaded, Ruled},
    looks::Looks,
    matrix::{Cell, Engine, Matrix, Row, Span, Verdict, reasons},
    plain,
    problem::{PolicyError, Problem},
    rule::{CLOSED, Kind, OPEN, Rule, closed, excepted},
    world::{Deployment, Feature, World},
};

impl Matrix {
    /// Compiles a world for all the time from `now_ms` on, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// Every mistake in the policies. None of them is then loaded.
    pub fn compile(world: World, now_ms: u64) -> Result<Self, PolicyError> {
        if !world.is_restricted() {
            return Ok(Self::open(world, now_ms));
        }
        let one = |problem| PolicyError { problems: vec![problem] };
        let schema = cedar::schema().map_err(one)?;
        let loaded = load(&world, &schema)?;
        let (asked, settled): (Vec<_>, Vec<_>) =
            loaded.into_iter().partition(|one| Looks::of(&one.policy).at_request());
        let mut looks = Looks::default();
        asked.iter().for_each(|one| looks |= Looks::of(&one.policy));
        let rules: BTreeMap<Arc<str>, Rule> = asked
            .iter()
            .chain(&settled)
            .map(|one| (Arc::clone(&one.rule.id), one.rule.clone()))
            .collect();
        let relaxed = asked.iter().map(|one| cedar::relaxed(&one.policy));
        let relaxed = relaxed.collect::<Result<Vec<_>, _>>().and_then(cedar::set_of);
        let relaxed = relaxed.map_err(one)?;
        let asked = cedar::set_of(asked.into_iter().map(|one| one.policy)).map_err(one)?;
        let settled = cedar::set_of(settled.into_iter().map(|one| one.policy)).map_err(one)?;
        let builder = Builder { world: &world, rules, schema, relaxed, settled };
        let spans = builder.spans(now_ms).map_err(one)?;
        let Builder { rules, schema, settled, .. } = builder;
        Ok(Self { world, rules, engine: Some(Engine { schema, asked, looks, settled }), spans })
    }

    /// That of a world in which everything is allowed, as the policies would have it. It is made
    /// without them, since they take their time and some megabytes.
    fn open(world: World, now_ms: u64) -> Self {
        let rule = Rule { id: OPEN.into(), kind: Kind::Open };
        let span = |from_ms| {
            let deployments = known(&world, from_ms);
            let cell = |at: usize| match deployments.get(at) {
                Some(one) => {
                    Cell { deployment: at, verdict: Verdict::In, reasons: vec![rule.reason(one)] }
                }
                None => Cell { deployment: at, verdict: Verdict::Out, reasons: vec![closed()] },
            };
            let row = |(at, feature): (usize, &Feature)| {
                let cells = feature.candidates().into_iter().map(cell).collect();
                (Arc::clone(&feature.name), Row::new(at, cells))
            };
            let rows = world.features.iter().enumerate().map(row).collect();
            Span::new(from_ms, rows, deployments, Entities::empty())
        };
        let spans = changes(&world, now_ms).into_iter().map(span).collect();
        let rules = BTreeMap::from([(Arc::clone(&rule.id), rule)]);
        Self { world, rules, engine: None, spans }
    }
}

/// All policies, checked: those of the files, and those that the plain rules amount to.
fn load(world: &World, schema: &Schema) -> Result<Vec<Loaded>, PolicyError> {
    let validator = Validator::new(schema.clone());
    let mut problems = Vec::new();
    let mut loaded: Vec<Loaded> = Vec::new();
    for file in &world.files {
        loaded.extend(cedar::load(file, &validator, &mut problems));
    }
    taken_twice(&loaded, &mut problems);
    match own(world, loaded.is_empty()) {
        Ok(own) => {
            match cedar::set_of(own.iter().map(|one| one.policy.clone())) {
                Ok(set) => cedar::check_own(&set, &validator, &mut problems),
                Err(problem) => problems.push(problem),
            }
            loaded.extend(own);
        }
        Err(problem) => problems.push(problem),
    }
    if problems.is_empty() { Ok(loaded) } else { Err(PolicyError { problems }) }
}

/// The rules that are not in files. Where there are no policies, nothing has to be permitted.
fn own(world: &World, open: bool) -> Result<Vec<Loaded>, Problem> {
    let everything = "permit (principal, action, resource);";
    let open = open.then(|| (Rule { id: OPEN.into(), kind: Kind::Open }, everything.to_owned()));
    let of = |feature: &Feature| plain::rules_of(&feature.name, &feature.rules);
    let plain = world.features.iter().flat_map(of).map(|rule| {
        let text = rule.cedar();
        (Rule { id: rule.id().into(), kind: Kind::Plain(rule) }, text)
    });
    open.into_iter().chain(plain).map(|(rule, text)| cedar::own(rule, &text)).collect()
}

fn taken_twice(loaded: &[Loaded], problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for one in loaded {
        let Kind::Policy(written) = &one.rule.kind else { continue };
        let reserved =
            one.rule.id.starts_with("feature ") || [OPEN, CLOSED].contains(&&*one.rule.id);
        if reserved || !seen.insert(&one.rule.id) {
            problems.push(Problem {
                file: written.file.clone(),
                line: written.line,
                column: 1,
                message: format!("the id `{}` is taken", one.rule.id),
                help: Some("give each policy an `@id` of its own".to_owned()),
            });
        }
    }
}

/// The times at which something may change: now, and whenever a fact expires or an exception ends.
fn changes(world: &World, now_ms: u64) -> BTreeSet<u64> {
    let facts = world.deployments.iter().flat_map(|one| one.facts.iter());
    let expire = facts.filter_map(|(_, fact)| fact.expires_ms);
    let end = world.exceptions.iter().map(|one| one.until_ms);
    expire.chain(end).filter(|at| *at > now_ms).chain([now_ms]).collect()
}

/// The deployments with the facts of a time.
fn known(world: &World, at_ms: u64) -> Vec<Deployment> {
    let known = |one: &Deployment| Deployment { facts: one.facts.at(at_ms), ..one.clone() };
    world.deployments.iter().map(known).collect()
}

/// What the rows are made with.
struct Builder<'w> {
    world: &'w World,
    rules: BTreeMap<Arc<str>, Rule>,
    schema: Schema,
    /// Those that look at requests, without what they ask of them.
    relaxed: PolicySet,
    /// Those that do not.
    settled: PolicySet,
}

impl Builder<'_> {
    fn spans(&self, now_ms: u64) -> Result<Vec<Span>, Problem> {
        changes(self.world, now_ms).into_iter().map(|from_ms| self.span(from_ms)).collect()
    }

    fn span(&self, from_ms: u64) -> Result<Span, Problem> {
        let deployments = known(self.world, from_ms);
        let entities = cedar::entities(&deployments, &self.schema)?;
        let mut rows = BTreeMap::new();
        for (at, feature) in self.world.features.iter().enumerate() {
            let mut cells = Vec::new();
            for deployment in feature.candidates() {
                cells.push(self.cell(feature, deployment, (&deployments, &entities), from_ms)?);
            }
            rows.insert(Arc::clone(&feature.name), Row::new(at, cells));
        }
        Ok(Span::new(from_ms, rows, deployments, entities))
    }

    fn cell(
        &self,
        feature: &Feature,
        at: usize,
        (deployments, entities): (&[Deployment], &Entities),
        now_ms: u64,
    ) -> Result<Cell, Problem> {
        let Some(deployment) = deployments.get(at) else {
            return Ok(Cell { deployment: at, verdict: Verdict::Out, reasons: vec![closed()] });
        };
        let open = |one: &&tieline_types::Exception| {
            *one.feature == *feature.name
                && now_ms < one.until_ms
                && one.open.contains(&*deployment.id)
        };
        let exception = self.world.exceptions.iter().find(open);
        let question = cedar::question(feature, &Asked::default(), deployment, &self.schema)?;
        let reasons = |ids: &[Arc<str>]| reasons(&self.rules, ids, deployment);
        let settled = cedar::ask(&question, &self.settled, entities);
        // What may apply to some request; where only permits may, what is permitted stays so.
        let may_apply = cedar::ask(&question, &self.relaxed, entities);
        let (verdict, reasons) = match (settled, may_apply) {
            (Ruled::Forbidden(ids), _) => (Verdict::Out, reasons(&ids)),
            (Ruled::Permitted(ids), Ruled::Silent | Ruled::Permitted(_)) => {
                (Verdict::In, reasons(&ids))
            }
            (Ruled::Permitted(ids), Ruled::Forbidden(_)) => (Verdict::Asked, reasons(&ids)),
            (Ruled::Silent, Ruled::Silent) => (Verdict::Out, vec![closed()]),
            (Ruled::Silent, Ruled::Permitted(_) | Ruled::Forbidden(_)) => {
                (Verdict::Asked, Vec::new())
            }
        };
        Ok(match exception {
            Some(exception) if verdict != Verdict::In => {
                Cell { deployment: at, verdict: Verdict::In, reasons: vec![excepted(exception)] }
            }
            _ => Cell { deployment: at, verdict, reasons },
        })
    }
}
