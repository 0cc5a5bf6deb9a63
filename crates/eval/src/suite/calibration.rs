//! Files of labels, by which judges are found fit or not.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tieline_gate::{
    agreement::Orders,
    calibration::{Calibration, Confusion, Thresholds},
};

/// An answer that people have labelled, as a line of JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Labelled {
    /// The case of the suite that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The fields of the case that it answers, where that is none of the suite's.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    /// Its text.
    pub answer: String,
    /// The text of the answer that it is compared with, for judges in pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// The grader that asks the judge; not needed where only one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grader: Option<String>,
    /// Whether people call it good; in pairs, no worse than the other.
    pub human: bool,
}

/// The same with what the judge said: a line of a calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The answer with its label by people.
    #[serde(flatten)]
    pub labelled: Labelled,
    /// Whether the judge calls it good.
    pub judge: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What a judge in pairs scored the answer as the first and as the second of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<(f64, f64)>,
    /// SHA-256, in hexadecimal, of all that the judge was asked with: by whom it is made, its
    /// prompt, the grader, the case and the answers.
    pub asked: String,
}

/// What is known of a judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibrated {
    /// Whether it is fit.
    pub calibration: Calibration,
    /// The labels that it can be asked for again.
    pub labels: Vec<Label>,
}

/// What every line must have. Whatever else it says, such as the answer, may be for people alone.
#[derive(Deserialize)]
struct Line {
    /// Whether a person calls the answer good.
    human: bool,
    /// Whether the judge does.
    judge: bool,
    orders: Option<(f64, f64)>,
    asked: Option<String>,
}

/// What a JSONL file of labels says of its judge.
///
/// # Errors
/// The line that is not such an object, and why.
pub(crate) fn read(bytes: &[u8]) -> Result<Calibrated, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let (mut pairs, mut orders, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for (line, number) in text.lines().zip(1_usize..).filter(|(line, _)| !line.trim().is_empty()) {
        let told = |error: serde_json::Error| {
            format!("line {number}: expected {{\"human\": true, \"judge\": false}}: {error}")
        };
        let Line { human, judge, orders: both, asked } =
            serde_json::from_str(line).map_err(told)?;
        pairs.push((human, judge));
        orders.extend(both);
        if asked.is_some() {
            labels.push(serde_json::from_str(line).map_err(told)?);
        }
    }
    let orders = (!orders.is_empty()).then(|| Orders::of(&orders));
    let calibration = Calibration::of(Confusion::of(&pairs), orders, &Thresholds::default());
    Ok(Calibrated { calibration, labels })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many lines of each: both good, only the person, only the judge, neither.
    fn lines(counts: [usize; 4]) -> String {
        let kinds = [(true, true), (true, false), (false, true), (false, false)];
        let line = |(human, judge)| format!("{{\"human\":{human},\"judge\":{judge},\"id\":7}}\n");
        kinds.into_iter().zip(counts).map(|(kind, count)| line(kind).repeat(count)).collect()
    }

    #[test]
    fn a_judge_is_fit_by_many_labels_that_agree() {
        for (counts, usable, why) in [
            ([55, 3, 4, 52], true, ""),
            ([40, 0, 0, 40], false, "50 of each are needed"),
            ([50, 40, 40, 50], false, "kappa"),
            ([0; 4], false, "50 of each are needed"),
        ] {
            let found = read(lines(counts).as_bytes()).unwrap().calibration;
            assert_eq!(found.usable, usable, "{counts:?}: {:?}", found.reasons);
            assert!(found.reasons.join("; ").contains(why), "{counts:?}: {:?}", found.reasons);
        }
    }

    #[test]
    fn a_line_that_is_no_label_is_named() {
        let told = read(b"{\"human\":true,\"judge\":true}\n\n{\"human\":true}").unwrap_err();
        assert!(told.starts_with("line 3: ") && told.contains("`judge`"), "{told}");
    }
}
