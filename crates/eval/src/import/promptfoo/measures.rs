//! Assertions that measure: likeness, time and money.

use super::{
    Importer, Node,
    asserts::{Check, Checked},
    providers::id_and_config,
};
use crate::{
    Kind, Measure, OneOrMany,
    import::{script::literal, template},
};

/// The model of embeddings that promptfoo takes where none is named.
const EMBEDDINGS: &str = "text-embedding-3-large@openai";
/// How like a text has to be where nothing is said.
const SIMILAR: f64 = 0.75;
/// How many edits apart a text may be where nothing is said.
const EDITS: f64 = 5.0;

/// Measures of likeness, and the thresholds that they have where none is said.
const MEASURES: [(&str, Measure, f64); 4] = [
    ("bleu", Measure::Bleu, 0.5),
    ("gleu", Measure::Gleu, 0.5),
    ("meteor", Measure::Meteor, 0.5),
    ("rouge-n", Measure::Rouge1, 0.75),
];

pub(super) fn latency(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let threshold = check.node.get("threshold").and_then(Node::whole);
    let Some(at_most_ms) = threshold else {
        importer.report.lost(&check.node.place, "`latency` needs whole milliseconds", "");
        return None;
    };
    Some(Kind::Latency { at_most_ms }.into())
}

pub(super) fn cost(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let Some(at_most_usd) = check.number("threshold") else {
        importer.report.lost(&check.node.place, "`cost` needs a threshold", "");
        return None;
    };
    Some(Kind::Cost { at_most_usd }.into())
}

/// promptfoo counts edits, whatever the length; a share of the length would be another check.
pub(super) fn levenshtein(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let text = importer.asserted_text(check)?;
    let most = check.number("threshold").unwrap_or(EDITS);
    let wanted = match template::lone_name(&text) {
        Some(name) => format!("String(context.vars.{name})"),
        None if template::is_template(&text) => {
            let what = "`levenshtein` compares with a template of several parts";
            importer.report.lost(&check.node.place, what, "make it a field of its own");
            return None;
        }
        None => literal(&text),
    };
    let source = format!(
        "const wanted = {wanted};\n\
         let row = [...Array(wanted.length + 1).keys()];\n\
         for (let i = 1; i <= output.length; i += 1) {{\n  \
           const next = [i];\n  \
           for (let j = 1; j <= wanted.length; j += 1) {{\n    \
             const same = output[i - 1] === wanted[j - 1] ? 0 : 1;\n    \
             next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + same));\n  \
           }}\n  \
           row = next;\n\
         }}\n\
         return row[wanted.length] <= {most};\n"
    );
    Some(Kind::Script { source }.into())
}

pub(super) fn similar(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let reference = references(importer, check)?;
    let provider = check.node.get("provider").or(check.scope.provider.as_ref());
    // A mapping names models by their use.
    let provider = provider.map(|node| node.get("embedding").unwrap_or(node));
    let named = provider.and_then(|node| Some((id_and_config(node).0?, node.place.clone())));
    let embeddings = match named.filter(|(id, _)| id.contains("embed")) {
        Some((id, at)) => importer.judging(&id, &at),
        None => {
            let what = format!("`{}` names no model of embeddings", check.base);
            let hint = format!("{EMBEDDINGS} is taken, as promptfoo does");
            importer.report.note(&check.node.place, what, hint);
            EMBEDDINGS.to_owned()
        }
    };
    let (measure, embeddings) = (Measure::Cosine, Some(embeddings));
    Some(Checked {
        kind: Kind::Similarity { measure, reference, embeddings },
        threshold: Some(check.number("threshold").unwrap_or(SIMILAR)),
    })
}

pub(super) fn likeness(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let (_, measure, usual) = MEASURES.iter().find(|(name, _, _)| *name == check.base)?;
    let reference = references(importer, check)?;
    Some(Checked {
        kind: Kind::Similarity { measure: *measure, reference, embeddings: None },
        threshold: Some(check.number("threshold").unwrap_or(*usual)),
    })
}

fn references(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<OneOrMany> {
    let value = importer.asserted(check)?;
    if value.is_list() {
        let texts: Vec<String> = value.items().iter().filter_map(Node::written).collect();
        let texts = texts.iter().map(|text| importer.template(text, &value.place)).collect();
        return Some(OneOrMany::Many(texts));
    }
    importer.asserted_text(check).map(OneOrMany::One)
}
