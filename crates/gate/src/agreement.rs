//! How far judges agree with each other and with people, beyond chance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{dist::normal_quantile, number::Interval, rate::wilson};

/// An estimate and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub estimate: f64,
    /// Its bounds.
    pub interval: Interval,
}

impl Estimate {
    /// A rate with Wilson's interval; none of nothing.
    #[must_use]
    pub fn of_rate(successes: usize, n: usize, tail: f64) -> Option<Self> {
        let estimate = successes as f64 / n as f64;
        (n > 0).then(|| Self { estimate, interval: wilson(successes, n, tail) })
    }
}

/// Cohen's κ of two raters, from how often each pair of labels was given: `table` has a row for
/// each label of the first and a column for each of the second. None where the table is not
/// square, holds nothing, or chance alone would always agree.
///
/// Source: Cohen 1960, Educational and Psychological Measurement 20:37; the standard error:
/// Fleiss, Cohen, Everitt 1969, Psychological Bulletin 72:323.
#[must_use]
pub fn cohen_kappa(table: &[Vec<usize>], tail: f64) -> Option<Estimate> {
    let n: usize = table.iter().flatten().sum();
    if n == 0 || table.iter().any(|row| row.len() != table.len()) {
        return None;
    }
    let share = |count: usize| count as f64 / n as f64;
    let rows: Vec<f64> = table.iter().map(|row| share(row.iter().sum())).collect();
    let columns: Vec<f64> = (0..table.len())
        .map(|column| share(table.iter().filter_map(|row| row.get(column)).sum()))
        .collect();
    let cells = || {
        table.iter().zip(&rows).zip(&columns).enumerate().flat_map(|(i, ((cells, row), own))| {
            let cells = cells.iter().zip(&columns).zip(&rows).enumerate();
            cells.map(move |(j, ((count, column), mirrored))| Cell {
                share: share(*count),
                diagonal: i == j,
                margins: row + column,
                crossed: own + mirrored,
            })
        })
    };
    let observed: f64 = cells().filter(|cell| cell.diagonal).map(|cell| cell.share).sum();
    let chance: f64 = rows.iter().zip(&columns).map(|(row, column)| row * column).sum();
    let room = 1.0 - chance;
    if room <= 0.0 {
        return None;
    }
    let kappa = (observed - chance) / room;
    let weigh = |cell: Cell| {
        if cell.diagonal {
            cell.share * (1.0 - cell.margins * (1.0 - kappa)).powi(2)
        } else {
            cell.share * ((1.0 - kappa) * cell.crossed).powi(2)
        }
    };
    let spread = cells().map(weigh).sum::<f64>() - (kappa - chance * (1.0 - kappa)).powi(2);
    let reach = -normal_quantile(tail) * (spread.max(0.0) / n as f64).sqrt() / room;
    let interval = Interval::within(kappa - reach, kappa + reach, -1.0, 1.0);
    Some(Estimate { estimate: kappa, interval })
}

/// A cell of a table of agreement, as the variance of κ needs it.
struct Cell {
    share: f64,
    diagonal: bool,
    /// The shares of its row's label and its column's label, each where it stands.
    margins: f64,
    /// The same labels' shares, each where the other stands.
    crossed: f64,
}

/// Fleiss' κ of many raters: `table` has a row for each item and a column for each label, and
/// counts the raters who gave it; all items have as many. None where they have not, or chance
/// alone would always agree.
///
/// Source: Fleiss 1971, Psychological Bulletin 76:378.
#[must_use]
pub fn fleiss_kappa(table: &[Vec<usize>]) -> Option<f64> {
    let raters: usize = table.first()?.iter().sum();
    let labels = table.first()?.len();
    let uneven = |row: &Vec<usize>| row.len() != labels || row.iter().sum::<usize>() != raters;
    if raters < 2 || table.iter().any(uneven) {
        return None;
    }
    let (items, pairs) = (table.len() as f64, (raters * (raters - 1)) as f64);
    let agreed: usize = table.iter().flatten().map(|count| count * count.saturating_sub(1)).sum();
    let observed = agreed as f64 / (items * pairs);
    let share = |label: usize| {
        table.iter().filter_map(|row| row.get(label)).sum::<usize>() as f64
            / (items * raters as f64)
    };
    let chance: f64 = (0..labels).map(|label| share(label).powi(2)).sum();
    (chance < 1.0).then(|| (observed - chance) / (1.0 - chance))
}

/// Krippendorff's α for labels without order; items may have any number of ratings, and those with
/// one say nothing. None where nothing can be compared or only one label was ever given.
///
/// Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability".
#[must_use]
pub fn krippendorff_alpha(items: &[Vec<usize>]) -> Option<f64> {
    let mut labels: BTreeMap<usize, f64> = BTreeMap::new();
    let mut disagreed = 0.0;
    for ratings in items.iter().filter(|ratings| ratings.len() > 1) {
        let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
        for label in ratings {
            *counts.entry(*label).or_default() += 1.0;
            *labels.entry(*label).or_default() += 1.0;
        }
        let size = ratings.len() as f64;
        let agreed: f64 = counts.values().map(|count| count * (count - 1.0)).sum();
        disagreed += (size * (size - 1.0) - agreed) / (size - 1.0);
    }
    let all: f64 = labels.values().sum();
    let same: f64 = labels.values().map(|count| count * (count - 1.0)).sum();
    let by_chance = all * (all - 1.0) - same;
    (by_chance > 0.0).then(|| 1.0 - (all - 1.0) * disagreed / by_chance)
}

/// How a pairwise judge ruled when it saw the same two answers in both orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// Items on which it preferred the same answer in both orders, or called both a tie.
    pub consistent: usize,
    /// Items on which it did not.
    pub inconsistent: usize,
    /// Rulings, of both orders, for the answer that stood first.
    pub first: usize,
    /// Rulings for the answer that stood second.
    pub second: usize,
}

/// What is published of a pairwise judge.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositionBias {
    /// The share of items it ruled alike on in both orders.
    pub consistency: Estimate,
    /// The share of its rulings, ties aside, for the answer that stood first; a half without bias.
    pub first_position: Option<Estimate>,
}

/// A judge that is surely below this share of items on which it rules alike in both orders goes by
/// the order.
const CONSISTENCY_MIN: f64 = 0.75;
/// One whose rulings are surely farther than this from a half for the first position, too.
const FIRST_POSITION_REACH: f64 = 0.1;

impl PositionBias {
    /// Why the judge goes too much by the order, in plain words; none where that is not shown.
    #[must_use]
    pub fn unacceptable(&self) -> Option<String> {
        let consistency = self.consistency;
        if consistency.interval.upper < CONSISTENCY_MIN {
            return Some(format!(
                "it rules alike in both orders on only {:.0} of 100 items (at most {:.0})",
                consistency.estimate * 100.0,
                consistency.interval.upper * 100.0
            ));
        }
        let first = self.first_position?;
        let Interval { lower, upper } = first.interval;
        let (least, most) = (0.5 - FIRST_POSITION_REACH, 0.5 + FIRST_POSITION_REACH);
        (lower > most || upper < least).then(|| {
            format!(
                "{:.0} of 100 of its rulings are for the answer that stands first ({:.0} to {:.0})",
                first.estimate * 100.0,
                lower * 100.0,
                upper * 100.0
            )
        })
    }
}

impl Orders {
    /// Counts what a judge scored an answer as the first and as the second of the same two: 1
    /// where it won, 0 where it lost, a half for a tie.
    #[must_use]
    pub fn of(scores: &[(f64, f64)]) -> Self {
        let count =
            |wanted: fn(&(f64, f64)) -> bool| scores.iter().filter(|one| wanted(one)).count();
        Self {
            consistent: count(|(first, second)| (first - second).abs() < f64::EPSILON),
            inconsistent: count(|(first, second)| (first - second).abs() >= f64::EPSILON),
            first: count(|(first, _)| *first > 0.5) + count(|(_, second)| *second < 0.5),
            second: count(|(first, _)| *first < 0.5) + count(|(_, second)| *second > 0.5),
        }
    }

    /// The shares with Wilson's intervals; none where no item was judged in both orders.
    #[must_use]
    pub fn bias(&self, tail: f64) -> Option<PositionBias> {
        let items = self.consistent + self.inconsistent;
        Some(PositionBias {
            consistency: Estimate::of_rate(self.consistent, items, tail)?,
            first_position: Estimate::of_rate(self.first, self.first + self.second, tail),
        })
    }
}
