//! One file of prices: from YAML to lines.
//!
//! A file is the price list of one surface. Every row names its source, and what a row does not say
//! is not guessed.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use serde_saphyr::Spanned;
use tieline_types::{Rates, TokenPrices, UsdPico};

use crate::{
    channel::{BATCH, STANDARD},
    line::{Layer, Line, Origin, Source, Status},
    names::Name,
    period::{Moment, Period},
    place::Place,
    problem::{Problem, Problems},
    unit::{Unit, UnitPrice},
};

/// How large a price file may be, in bytes.
const FILE_BYTES_MAX: usize = 4 << 20;

/// A file's name and what is in it.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The name that problems call it by.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) lines: Vec<Line>,
    pub(crate) names: Vec<Name>,
}

/// A price list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    surface: String,
    #[serde(default)]
    seller: Option<String>,
    #[serde(default)]
    host: Option<String>,
    sources: BTreeMap<String, Source>,
    models: BTreeMap<String, Spanned<Model>>,
}

/// A model of the list, by its vendor-neutral name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    #[serde(default)]
    ids: Vec<Id>,
    prices: Vec<Spanned<Row>>,
}

/// Another name of the model, for good or for a time.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Id {
    Always(String),
    Dated(DatedId),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatedId {
    id: String,
    #[serde(default)]
    from: Option<Moment>,
    #[serde(default)]
    until: Option<Moment>,
}

/// One row: what the model costs under these conditions.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Row {
    scope: Option<Scopes>,
    tier: Option<String>,
    from: Option<Moment>,
    until: Option<Moment>,
    recorded: Option<Moment>,
    superseded: Option<Moment>,
    status: Status,
    tokens: Tokens,
    long: Option<Long>,
    batch: Option<UsdPico>,
    units: BTreeMap<Unit, UnitPrice>,
    source: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scopes {
    One(String),
    Many(Vec<String>),
}

/// Prices of a million tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Tokens {
    input: Option<UsdPico>,
    cache_read: Option<UsdPico>,
    cache_write: Option<UsdPico>,
    cache_write_5m: Option<UsdPico>,
    cache_write_1h: Option<UsdPico>,
    input_audio: Option<UsdPico>,
    output: Option<UsdPico>,
    reasoning: Option<UsdPico>,
    output_audio: Option<UsdPico>,
}

/// Prices of a call with much input: more than `above`, or no less than `from`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    #[serde(default)]
    above: Option<u64>,
    #[serde(default)]
    from: Option<u64>,
    tokens: Tokens,
}

impl Tokens {
    /// The prices of the buckets. Reasoning is output, and what is written to a cache for an
    /// unstated time is for the shortest one, unless the row says otherwise.
    fn prices(&self) -> TokenPrices {
        TokenPrices {
            input: self.input,
            cache_read: self.cache_read,
            cache_write_5m: self.cache_write_5m,
            cache_write_1h: self.cache_write_1h,
            cache_write_other: self.cache_write.or(self.cache_write_5m),
            input_audio: self.input_audio,
            output: self.output,
            reasoning: self.reasoning.or(self.output),
            output_audio: self.output_audio,
        }
    }

    fn all(&self) -> [Option<UsdPico>; 9] {
        [
            self.input,
            self.cache_read,
            self.cache_write,
            self.cache_write_5m,
            self.cache_write_1h,
            self.input_audio,
            self.output,
            self.reasoning,
            self.output_audio,
        ]
    }
}

/// How many rows of prices a file has.
///
/// # Errors
/// What is wrong with the file.
pub fn rows(file: Text<'_>) -> Result<usize, Problems> {
    read(file, Layer::Overlay).map(|content| content.lines.len())
}

/// Reads a file.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn read(file: Text<'_>, layer: Layer) -> Result<Content, Problems> {
    let name: Arc<str> = file.name.into();
    let options = serde_saphyr::options! { with_snippet: false };
    if file.text.len() > FILE_BYTES_MAX {
        let message = format!("it is larger than {FILE_BYTES_MAX} bytes");
        let help = "split it by surface".to_owned();
        return Err(Problems(vec![Problem { file: name, line: 0, message, help }]));
    }
    let parsed = serde_saphyr::from_str_with_options::<File>(file.text, options);
    let list = parsed.map_err(|error| {
        let line = error.location().map_or(0, |at| at.line());
        let message = error.to_string();
        let help = "docs/guide/cost.md shows how a price file is written".to_owned();
        Problems(vec![Problem { file: Arc::clone(&name), line, message, help }])
    })?;
    let mut reader = Reader {
        place: place(&list),
        sources: list.sources.into_iter().map(|(key, one)| (key, Arc::new(one))).collect(),
        file: name,
        layer,
        content: Content::default(),
        problems: Vec::new(),
    };
    for (model, entry) in &list.models {
        reader.model(&model.as_str().into(), entry);
    }
    if reader.problems.is_empty() { Ok(reader.content) } else { Err(Problems(reader.problems)) }
}

fn place(list: &File) -> Arc<Place> {
    let known = Place::of_surface(&list.surface);
    Arc::new(Place {
        seller: list.seller.clone().unwrap_or(known.seller),
        host: list.host.clone().unwrap_or(known.host),
        surface: known.surface,
    })
}

/// What has been read of a file so far.
struct Reader {
    place: Arc<Place>,
    sources: BTreeMap<String, Arc<Source>>,
    file: Arc<str>,
    layer: Layer,
    content: Content,
    problems: Vec<Problem>,
}

impl Reader {
    fn model(&mut self, model: &Arc<str>, entry: &Spanned<Model>) {
        let origin = self.origin(entry.referenced.line());
        let own = (model.to_string(), Period::default());
        let others = entry.value.ids.iter().map(|id| match id {
            Id::Always(id) => (id.clone(), Period::default()),
            Id::Dated(one) => (one.id.clone(), Period { from: one.from, until: one.until }),
        });
        let surface: Arc<str> = self.place.surface.as_str().into();
        let names = [own].into_iter().chain(others).map(|(id, period)| Name {
            surface: Arc::clone(&surface),
            id: id.into(),
            model: Arc::clone(model),
            period,
            origin: origin.clone(),
        });
        self.content.names.extend(names);
        for row in &entry.value.prices {
            let line = row.referenced.line();
            match self.row(model, &row.value, line) {
                Ok(lines) => self.content.lines.extend(lines),
                Err((message, help)) => self.problems.push(Problem {
                    file: Arc::clone(&self.file),
                    line,
                    message: format!("`{model}`: {message}"),
                    help: help.to_owned(),
                }),
            }
        }
    }

    fn origin(&self, line: u64) -> Origin {
        Origin { layer: self.layer, file: Arc::clone(&self.file), line }
    }

    /// The lines of one row: one for each scope, and the same again for batches.
    fn row(&self, model: &Arc<str>, row: &Row, line: u64) -> Result<Vec<Line>, Wrong> {
        let source = self.source(row)?;
        let rates = rates(row)?;
        let valid = Period { from: row.from, until: row.until };
        let recorded = row.recorded.unwrap_or(source.checked);
        let believed = Period { from: Some(recorded), until: row.superseded };
        if valid.is_empty() || believed.is_empty() {
            return wrong("it ends before it begins", "mend its dates");
        }
        let scopes: &[String] = match &row.scope {
            None => &[String::new()],
            Some(Scopes::One(one)) => std::slice::from_ref(one),
            Some(Scopes::Many(many)) => many,
        };
        let tier = row.tier.as_deref().unwrap_or(STANDARD);
        let one = |scope: &String, tier: &str, rates: Rates, units| Line {
            model: Arc::clone(model),
            place: Arc::clone(&self.place),
            scope: scope.clone(),
            tier: tier.to_owned(),
            valid,
            believed,
            status: row.status,
            rates,
            units,
            source: Arc::clone(&source),
            origin: self.origin(line),
        };
        let mut lines = Vec::new();
        for scope in scopes {
            lines.push(one(scope, tier, rates, row.units.clone()));
            if let Some(factor) = row.batch {
                lines.push(one(scope, BATCH, scaled(&rates, factor)?, BTreeMap::new()));
            }
        }
        Ok(lines)
    }

    fn source(&self, row: &Row) -> Result<Arc<Source>, Wrong> {
        let Some(name) = &row.source else {
            return wrong("a price without a source", "give it `source:`, a name of `sources`");
        };
        let source = self.sources.get(name).cloned();
        source.ok_or_else(|| (format!("`sources` has no `{name}`"), "add it there"))
    }
}

/// What is wrong, and what to do.
type Wrong = (String, &'static str);

fn wrong<T>(message: &str, help: &'static str) -> Result<T, Wrong> {
    Err((message.to_owned(), help))
}

fn rates(row: &Row) -> Result<Rates, Wrong> {
    let long = row.long.as_ref().map(long).transpose()?;
    let written = row.tokens.all().into_iter();
    let written = written.chain(row.long.iter().flat_map(|long| long.tokens.all()));
    let written: Vec<UsdPico> = written.flatten().collect();
    let units = row.units.values().map(|unit| unit.usd);
    let negative = |usd: UsdPico| usd < UsdPico::ZERO;
    if written.iter().copied().chain(units).any(negative) {
        return wrong("a price below zero", "prices are what is charged, not given back");
    }
    if written.is_empty() && row.units.is_empty() {
        return wrong("no price", "give it `tokens:` or `units:`");
    }
    Ok(Rates { usual: row.tokens.prices(), long })
}

fn long(long: &Long) -> Result<(u64, TokenPrices), Wrong> {
    let above = match (long.above, long.from) {
        (Some(above), None) => Some(above),
        (None, Some(from)) => from.checked_sub(1),
        _ => None,
    };
    let Some(above) = above else {
        return wrong("`long` must say which calls are long", "give it `above:` or `from:`, not 0");
    };
    Ok((above, long.tokens.prices()))
}

/// The same prices by a factor, which must keep them whole numbers of picodollars.
fn scaled(rates: &Rates, factor: UsdPico) -> Result<Rates, Wrong> {
    let usual = map(&rates.usual, |price| times(price, factor))?;
    let long = match &rates.long {
        Some((above, long)) => Some((*above, map(long, |price| times(price, factor))?)),
        None => None,
    };
    Ok(Rates { usual, long })
}

fn times(price: UsdPico, factor: UsdPico) -> Result<UsdPico, Wrong> {
    const ONE: i128 = 1_000_000_000_000;
    let product = price.pico().checked_mul(factor.pico());
    match product {
        Some(product) if product >= 0 && product % ONE == 0 => Ok(UsdPico::new(product / ONE)),
        _ => wrong("`batch` makes no exact prices", "write the prices of batches as a row"),
    }
}

fn map(
    prices: &TokenPrices,
    change: impl Fn(UsdPico) -> Result<UsdPico, Wrong>,
) -> Result<TokenPrices, Wrong> {
    let each = |price: Option<UsdPico>| price.map(&change).transpose();
    Ok(TokenPrices {
        input: each(prices.input)?,
        cache_read: each(prices.cache_read)?,
        cache_write_5m: each(prices.cache_write_5m)?,
        cache_write_1h: each(prices.cache_write_1h)?,
        cache_write_other: each(prices.cache_write_other)?,
        input_audio: each(prices.input_audio)?,
        output: each(prices.output)?,
        reasoning: each(prices.reasoning)?,
        output_audio: each(prices.output_audio)?,
    })
}
