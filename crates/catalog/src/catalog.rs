//! All price lines, and the one that prices a call.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use sha2::{Digest as _, Sha256};
use tieline_types::{Cost, Rates, Usage};

use crate::{
    builtin::FILES,
    channel::{Channel, fit},
    file::{self, Content, Text},
    line::{Layer, Line, Status},
    names::Names,
    period::Moment,
    problem::{Problem, Problems},
    unit::{Quantity, Unit},
    unpriced::Unpriced,
};

/// Price lines of every channel, Tieline's own and the user's over them. Immutable: a change of
/// prices is another catalogue with another hash.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// By surface and model.
    lines: BTreeMap<(String, Arc<str>), Vec<Line>>,
    names: Names,
    digest: Sha256,
}

/// The price of a call, and how it was found.
#[derive(Clone, Copy, Debug)]
pub struct Quote<'a> {
    /// The line that prices it.
    pub line: &'a Line,
    /// The built-in line that a line of the user's own stands before.
    pub list: Option<&'a Line>,
}

impl Quote<'_> {
    /// What tokens cost.
    #[must_use]
    pub const fn rates(&self) -> Rates {
        self.line.rates
    }

    /// What a call cost.
    #[must_use]
    pub fn cost(&self, usage: &Usage, quantities: &[(Unit, Quantity)]) -> Cost {
        self.line.cost(usage, quantities)
    }
}

impl Catalog {
    /// The prices that Tieline was built with.
    ///
    /// # Errors
    /// Never for those of a release: its tests load them.
    pub fn built_in() -> Result<Self, Problems> {
        Self::empty().with(&FILES, Layer::BuiltIn)
    }

    /// A catalogue without prices.
    #[must_use]
    pub fn empty() -> Self {
        Self { lines: BTreeMap::new(), names: Names::default(), digest: Sha256::new() }
    }

    /// The same with files of the user's own over it. Where both price a call, these do.
    ///
    /// # Errors
    /// Everything that is wrong with the files, such as two rows for the same calls.
    pub fn with_overlay(self, files: &[Text<'_>]) -> Result<Self, Problems> {
        self.with(files, Layer::Overlay)
    }

    fn with(mut self, files: &[Text<'_>], layer: Layer) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        for file in files {
            match file::read(*file, layer) {
                Ok(content) => problems.extend(self.take(content)),
                Err(Problems(more)) => problems.extend(more),
            }
            self.digest.update(file.name.len().to_be_bytes());
            self.digest.update(file.name);
            self.digest.update(file.text.len().to_be_bytes());
            self.digest.update(file.text);
        }
        problems.extend(self.lines.values().flat_map(|lines| ambiguities(lines, layer)));
        if problems.is_empty() { Ok(self) } else { Err(Problems(problems)) }
    }

    fn take(&mut self, content: Content) -> Vec<Problem> {
        for line in content.lines {
            let key = (line.place.surface.clone(), Arc::clone(&line.model));
            self.lines.entry(key).or_default().push(line);
        }
        content.names.into_iter().filter_map(|name| self.names.add(name).err()).collect()
    }

    /// What was believed at a moment: to price again as it was priced then.
    #[must_use]
    pub fn as_believed(&self, at: Moment) -> Self {
        let mut catalog = self.clone();
        for lines in catalog.lines.values_mut() {
            lines.retain(|line| line.believed.contains(at));
            for line in lines {
                line.believed.until = None;
            }
        }
        catalog.digest.update(at.unix_ms().to_be_bytes());
        catalog
    }

    /// A hash of everything that was loaded, in hexadecimal: the same prices, the same hash.
    #[must_use]
    pub fn hash(&self) -> String {
        self.digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Every line, also those that are no longer believed or were withdrawn.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values().flatten()
    }

    /// The model that a surface calls so at a moment.
    #[must_use]
    pub fn model(&self, surface: &str, name: &str, at: Moment) -> Option<&str> {
        self.names.model(surface, name, at).map(AsRef::as_ref)
    }

    /// Every model that any surface calls so at a moment.
    #[must_use]
    pub fn models(&self, name: &str, at: Moment) -> Vec<&str> {
        let surfaces: BTreeSet<&str> =
            self.lines.keys().map(|(surface, _)| surface.as_str()).collect();
        let models = surfaces.into_iter().filter_map(|surface| self.model(surface, name, at));
        models.collect::<BTreeSet<&str>>().into_iter().collect()
    }

    /// What the tokens of a call cost.
    ///
    /// # Errors
    /// What lacks: the surface, model, service tier, scope or time has no price.
    pub fn rates(&self, name: &str, channel: &Channel, at: Moment) -> Result<Rates, Unpriced> {
        self.quote(name, channel, at).map(|quote| quote.rates())
    }

    /// The service tiers that the channel's price list knows of what it calls `name`, whatever
    /// their scope and time.
    #[must_use]
    pub fn tiers(&self, name: &str, channel: &Channel, at: Moment) -> Vec<String> {
        let lines = self.lines_of(name, channel, at).unwrap_or_default();
        distinct(lines.iter().map(|line| line.tier.as_str()))
    }

    /// The price of a call of what the channel calls `name`. Searches and allocates: this is for
    /// the building of plans and for commands, not for each request.
    ///
    /// # Errors
    /// What lacks: the surface, model, service tier, scope or time has no price.
    pub fn quote(&self, name: &str, channel: &Channel, at: Moment) -> Result<Quote<'_>, Unpriced> {
        let lines = self.lines_of(name, channel, at)?;
        let title = || (name.to_owned(), channel.place.surface.clone());
        let tiers: Vec<&Line> = lines.iter().filter(|line| line.tier == channel.tier).collect();
        if tiers.is_empty() {
            let (model, surface) = title();
            let known = distinct(lines.iter().map(|line| line.tier.as_str()));
            return Err(Unpriced::Tier { model, surface, tier: channel.tier.clone(), known });
        }
        let scope = channel.scope.as_deref();
        let fitting: Vec<(usize, &Line)> =
            tiers.iter().filter_map(|line| Some((fit(&line.scope, scope)?, *line))).collect();
        if fitting.is_empty() {
            let (model, surface) = title();
            let known = distinct(tiers.iter().map(|line| line.scope.as_str()));
            return Err(Unpriced::Scope { model, surface, scope: channel.scope.clone(), known });
        }
        let closest = |layer: Layer| {
            let holding = fitting.iter().filter(|(_, line)| line.origin.layer == layer);
            let holding = holding.filter(|(_, line)| line.holds(at));
            holding.max_by_key(|(fit, _)| *fit).map(|(_, line)| *line)
        };
        let (own, list) = (closest(Layer::Overlay), closest(Layer::BuiltIn));
        match (own, list) {
            (Some(line), list) => Ok(Quote { line, list }),
            (None, Some(line)) => Ok(Quote { line, list: None }),
            (None, None) => {
                Err(Unpriced::Date { model: name.to_owned(), channel: channel.clone(), at })
            }
        }
    }

    fn lines_of(&self, name: &str, channel: &Channel, at: Moment) -> Result<&[Line], Unpriced> {
        let surface = channel.place.surface.as_str();
        if !self.names.has_surface(surface) {
            return Err(Unpriced::Surface { surface: surface.to_owned() });
        }
        let model = self.names.model(surface, name, at);
        let lines = model.and_then(|model| self.lines.get(&(surface.to_owned(), model.clone())));
        lines
            .map(Vec::as_slice)
            .ok_or_else(|| Unpriced::Model { model: name.to_owned(), surface: surface.to_owned() })
    }
}

fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    words.map(str::to_owned).collect::<BTreeSet<String>>().into_iter().collect()
}

/// Pairs of lines of one layer that would price the same call at the same time.
fn ambiguities(lines: &[Line], layer: Layer) -> Vec<Problem> {
    let counted = |line: &&Line| line.origin.layer == layer && line.status != Status::Withdrawn;
    let lines: Vec<&Line> = lines.iter().filter(counted).collect();
    let mut problems = Vec::new();
    for (index, one) in lines.iter().enumerate() {
        let same = |other: &&&Line| {
            one.scope == other.scope
                && one.tier == other.tier
                && one.valid.overlaps(&other.valid)
                && one.believed.overlaps(&other.believed)
        };
        for other in lines.iter().skip(index + 1).filter(same) {
            problems.push(Problem {
                file: Arc::clone(&other.origin.file),
                line: other.origin.line,
                message: format!(
                    "{} has a price {} here and {} at {}",
                    one.title(),
                    other.valid,
                    one.valid,
                    one.origin
                ),
                help: "end the older one with `until:`, or `superseded:` if it was wrong"
                    .to_owned(),
            });
        }
    }
    problems
}

impl fmt::Display for Catalog {
    /// The hash, short.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHORT: usize = 12;
        f.write_str(self.hash().get(..SHORT).unwrap_or_default())
    }
}
