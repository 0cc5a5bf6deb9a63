//! The failure-domain graph as a picture: providers, deployments and features in three columns.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use tieline_gateway::contingency::{Binding, Class, Kind, Node, Outcome, Serves, Verdict};

use crate::{
    commands::contingency::Shown,
    html::{Text, short},
};

/// Units of the picture; it is as wide as the page.
const WIDTH: f64 = 1_000.0;
/// A box.
const BOX: f64 = 240.0;
const HEIGHT: f64 = 30.0;
/// From one box to the next.
const STEP: f64 = 44.0;
/// Where the columns begin.
const COLUMNS: [f64; 3] = [0.0, (WIDTH - BOX) / 2.0, WIDTH - BOX];
/// The longest label that fits into a box, in characters.
const LABEL_MAX: usize = 30;

/// The picture.
pub(super) fn graph(shown: &Shown) -> String {
    let nodes = used(shown);
    let providers: Vec<&str> = names(&nodes);
    let features = &shown.topology.loads;
    let rows = providers.len().max(nodes.len()).max(features.len());
    let height = rows_height(rows);
    let y = |at: usize, of: usize| (height - rows_height(of)) / 2.0 + scaled(at) * STEP;
    let marks = Marks::of(shown);
    let (mut ways, mut boxes) = (String::new(), String::new());
    for (at, name) in providers.iter().enumerate() {
        let class = marks.provider(name);
        boxes.push_str(&boxed(COLUMNS[0], y(at, providers.len()), name, class));
    }
    for (at, (_, node)) in nodes.iter().enumerate() {
        let own = provider(node).and_then(|name| providers.iter().position(|one| *one == name));
        if let Some(own) = own {
            let ends = (y(own, providers.len()), y(at, nodes.len()));
            ways.push_str(&way(COLUMNS[0], COLUMNS[1], ends, "owns"));
        }
        let out = if node.up { "" } else { "out " };
        let class = format!("{out}{}", marks.node(node));
        boxes.push_str(&boxed(COLUMNS[1], y(at, nodes.len()), &node.id, &class));
    }
    for (at, load) in features.iter().enumerate() {
        for (rung, tier) in load.rungs.iter().enumerate() {
            let Serves::Calls(choices) = &tier.serves else { continue };
            let later = if rung == 0 { "" } else { "later" };
            for choice in choices {
                let from = nodes.iter().position(|(node, _)| *node == choice.node);
                if let Some(from) = from {
                    let ends = (y(from, nodes.len()), y(at, features.len()));
                    ways.push_str(&way(COLUMNS[1], COLUMNS[2], ends, later));
                }
            }
        }
        let class = marks.feature(&load.feature);
        boxes.push_str(&boxed(COLUMNS[2], y(at, features.len()), &load.feature, class));
    }
    format!(
        "<div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Providers, deployments and features\">{ways}{boxes}</svg></div>"
    )
}

/// What stands out.
struct Marks<'s> {
    /// Providers without which a critical feature does not survive.
    fatal: BTreeSet<&'s str>,
    /// Pools that are full in some contingency.
    full: BTreeSet<&'s str>,
    features: BTreeMap<&'s str, Verdict>,
    shown: &'s Shown,
}

impl<'s> Marks<'s> {
    fn of(shown: &'s Shown) -> Self {
        let singles = || {
            let all = shown.report.contingencies.iter();
            all.filter(|one| one.contingency.class != Class::OutOfRange)
        };
        let named = |one: &'s Outcome| {
            let all = one.contingency.lost.iter().chain(&one.contingency.also);
            all.map(|one| &*one.name)
        };
        let fatal = singles().filter(|one| one.verdict == Verdict::NotSecure).flat_map(named);
        let full = singles().flat_map(|one| &one.features).filter_map(|one| match &one.binding {
            Binding::Full { pool, .. } => Some(&**pool),
            _ => None,
        });
        let mut features: BTreeMap<&str, Verdict> = BTreeMap::new();
        for one in
            singles().filter(|one| one.contingency.is_ordinary()).flat_map(|one| &one.features)
        {
            let worst = features.entry(&one.feature).or_insert(one.verdict);
            *worst = (*worst).max(one.verdict);
        }
        Self { fatal: fatal.collect(), full: full.collect(), features, shown }
    }

    fn provider(&self, name: &str) -> &'static str {
        if self.fatal.contains(name) { "bad" } else { "" }
    }

    fn node(&self, node: &Node) -> &'static str {
        let pool = self.shown.topology.pools.get(node.pool);
        match pool.is_some_and(|pool| self.full.contains(&*pool.name)) {
            _ if self.fatal.contains(&*node.id) => "bad",
            true => "moved",
            false => "",
        }
    }

    fn feature(&self, name: &str) -> &'static str {
        match self.features.get(name) {
            Some(Verdict::NotSecure) => "bad",
            Some(Verdict::Remedial) => "moved",
            _ => "",
        }
    }
}

/// The deployments that some feature may use, by position.
fn used(shown: &Shown) -> Vec<(usize, &Node)> {
    let tiers = shown.topology.loads.iter().flat_map(|load| &load.rungs);
    let choices = tiers.flat_map(|tier| match &tier.serves {
        Serves::Calls(choices) => choices.as_slice(),
        _ => &[],
    });
    let used: BTreeSet<usize> = choices.map(|choice| choice.node).collect();
    let mut nodes: Vec<(usize, &Node)> =
        used.into_iter().filter_map(|at| Some((at, shown.topology.nodes.get(at)?))).collect();
    nodes.sort_by_key(|(_, node)| provider(node));
    nodes
}

fn names<'n>(nodes: &[(usize, &'n Node)]) -> Vec<&'n str> {
    let all: BTreeSet<&str> = nodes.iter().filter_map(|(_, node)| provider(node)).collect();
    all.into_iter().collect()
}

fn provider(node: &Node) -> Option<&str> {
    node.domains.iter().find(|(kind, _)| *kind == Kind::Provider).map(|(_, name)| &**name)
}

fn rows_height(rows: usize) -> f64 {
    scaled(rows) * STEP - (STEP - HEIGHT) + 4.0
}

fn scaled(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn boxed(x: f64, y: f64, name: &str, class: &str) -> String {
    let (label_x, label_y) = (x + BOX / 2.0, y + HEIGHT / 2.0 + 6.0);
    let mut out = String::new();
    let _ = write!(
        out,
        "<g><title>{}</title><rect class=\"node {class}\" x=\"{:.1}\" y=\"{:.1}\" \
         width=\"{:.1}\" height=\"{HEIGHT}\" rx=\"7\"/><text x=\"{label_x:.1}\" y=\"{label_y:.1}\" \
         text-anchor=\"middle\">{}</text></g>",
        Text(name),
        x + 1.0,
        y + 1.0,
        BOX - 2.0,
        Text(&short(name, LABEL_MAX)),
    );
    out
}

fn way(from: f64, to: f64, (y, end): (f64, f64), class: &str) -> String {
    let (from, middle) = (from + BOX, (from + BOX + to) / 2.0);
    let (y, end) = (y + HEIGHT / 2.0, end + HEIGHT / 2.0);
    format!(
        "<path class=\"way {class}\" d=\"M{from:.1} {y:.1}C{middle:.1} {y:.1} {middle:.1} {end:.1} \
         {to:.1} {end:.1}\"/>"
    )
}
