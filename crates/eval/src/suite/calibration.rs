//! Files of labels, by which judges are found fit or not.

use serde::Deserialize;
use tieline_gate::calibration::{Calibration, Confusion, Thresholds};

/// One answer that a person and the judge have both looked at. Whatever else the line says, such as
/// the answer, is for people.
#[derive(Deserialize)]
struct Labelled {
    /// Whether a person calls it good.
    human: bool,
    /// Whether the judge does.
    judge: bool,
}

/// What a JSONL file of labels says of its judge.
///
/// # Errors
/// The line that is not such an object, and why.
pub(super) fn read(bytes: &[u8]) -> Result<Calibration, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut labels = Vec::new();
    for (line, number) in text.lines().zip(1_usize..).filter(|(line, _)| !line.trim().is_empty()) {
        let read: Result<Labelled, _> = serde_json::from_str(line);
        let Labelled { human, judge } = read.map_err(|error| {
            format!("line {number}: expected {{\"human\": true, \"judge\": false}}: {error}")
        })?;
        labels.push((human, judge));
    }
    Ok(Calibration::of(Confusion::of(&labels), None, &Thresholds::default()))
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
            let found = read(lines(counts).as_bytes()).unwrap();
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
