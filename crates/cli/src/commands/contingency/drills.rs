//! Contingencies as drills, which prove or refute what was found of them.

use std::{
    fmt::Write as _,
    fs,
    path::{Component, Path, PathBuf},
};

use serde_json::json;
use tieline_gateway::contingency::{Class, Contingency, FeatureLoad, Kind, Outcome, Verdict};

use super::Shown;
use crate::failure::Failure;

/// How long each phase lasts, in minutes.
const WARMUP_MIN: u32 = 5;
const FAULT_MIN: u32 = 30;
const RECOVERY_MIN: u32 = 15;
/// What a critical feature must keep while something is lost.
const RATIO: &str = ">=0.999";

/// Writes a drill for every single contingency that has something to show; gives how many.
pub(super) fn write(shown: &Shown, folder: &Path, config: &Path) -> Result<usize, Failure> {
    fs::create_dir_all(folder).map_err(Failure::os(format!("create {}", folder.display())))?;
    let topology = seen_from(folder, config);
    let singles = shown.report.contingencies.iter();
    let mut written = 0;
    for one in singles.filter(|one| one.contingency.class != Class::OutOfRange) {
        let Some(text) = drill(shown, one, &topology) else { continue };
        let path = folder.join(format!("{}.yaml", file_name(&one.contingency)));
        fs::write(&path, text).map_err(Failure::os(format!("write {}", path.display())))?;
        written += 1;
    }
    Ok(written)
}

/// A drill as YAML; none where no feature asks for anything, or nothing is expected of any.
fn drill(shown: &Shown, outcome: &Outcome, topology: &Path) -> Option<String> {
    let lost = &outcome.contingency;
    let workload: String = shown.topology.loads.iter().filter_map(arrivals).collect();
    let expected: String = outcome
        .features
        .iter()
        .filter(|one| !one.criticality.gives_way() || one.verdict == Verdict::Secure)
        .filter(|one| {
            shown
                .topology
                .loads
                .iter()
                .any(|load| load.feature == one.feature && load.need.is_some())
        })
        .map(|one| {
            format!(
                "    - {{ feature: {}, sli: availability, during: fault, ratio: \"{RATIO}\" }}\n",
                quoted(&one.feature)
            )
        })
        .collect();
    if workload.is_empty() || expected.is_empty() {
        return None;
    }
    let hypothesis = format!("{}: {lost} is lost", outcome.verdict.as_str());
    let topology = topology.display().to_string();
    let mut text = String::new();
    let _ = write!(
        text,
        "apiVersion: tieline.dev/v1\nkind: Drill\nmetadata:\n  name: {}\n  labels: {{ source: \
         contingency }}\nspec:\n  hypothesis: {}\n  mode: simulate\n  seed: 1\n  topology: {}\n  \
         workload:\n{workload}  phases:\n    - {{ name: warmup, duration: {WARMUP_MIN}m }}\n    - \
         {{ name: fault, duration: {FAULT_MIN}m }}\n    - {{ name: recovery, duration: \
         {RECOVERY_MIN}m }}\n  faults:\n{}  expect:\n{expected}",
        quoted(&file_name(lost)),
        quoted(&hypothesis),
        quoted(&topology),
        faults(shown, lost),
    );
    Some(text)
}

/// A line of the workload; none where nobody knows what is asked for.
fn arrivals(load: &FeatureLoad) -> Option<String> {
    let need = load.need?;
    let each = |all: Option<f64>| all.map(|all| (all / need.requests_per_minute).round());
    let tokens = |name: &str, count: Option<f64>| {
        count.map(|count| format!("{name}: {{ p50: {count:.0} }}"))
    };
    let shape: Vec<String> = [
        tokens("inputTokens", each(need.input_tokens_per_minute)),
        tokens("outputTokens", each(need.output_tokens_per_minute)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let shape = match shape.is_empty() {
        true => String::new(),
        false => format!("\n      shape: {{ {} }}", shape.join(", ")),
    };
    Some(format!(
        "    - feature: {}\n      arrivals: {{ process: constant, rps: {:.4} }}{shape}\n",
        quoted(&load.feature),
        need.requests_per_minute / 60.0
    ))
}

/// The faults that take away what is lost: by a name that drills know, else each deployment.
fn faults(shown: &Shown, lost: &Contingency) -> String {
    let by_name = lost.lost.iter().find_map(|one| match one.kind {
        Kind::Provider => Some(format!("provider: {}", quoted(&one.name))),
        Kind::Deployment => Some(format!("deployment: {}", quoted(&one.name))),
        Kind::Model => Some(format!("model: {}", quoted(&one.name))),
        _ => None,
    });
    let each = || {
        let nodes = lost.nodes.iter().filter_map(|at| shown.topology.nodes.get(*at));
        nodes.map(|node| format!("deployment: {}", quoted(&node.id))).collect()
    };
    let selects: Vec<String> = by_name.map_or_else(each, |one| vec![one]);
    let fault = |select: &String| {
        format!(
            "    - at: fault+0s\n      for: {FAULT_MIN}m\n      select: {{ {select} }}\n      do: \
             {{ kind: connect_refused }}\n"
        )
    };
    selects.iter().map(fault).collect()
}

/// A text as YAML and JSON both write it.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// `lose-provider-openai`
fn file_name(lost: &Contingency) -> String {
    let plain = |one: char| if one.is_ascii_alphanumeric() || one == '.' { one } else { '-' };
    format!("lose-{lost}").chars().map(plain).collect()
}

/// The path of a file as a file in `folder` would write it: relative, where both are.
fn seen_from(folder: &Path, file: &Path) -> PathBuf {
    let plain = |path: &Path| {
        path.components().all(|one| matches!(one, Component::Normal(_) | Component::CurDir))
    };
    if !plain(folder) || !plain(file) {
        return std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    }
    let up = folder.components().filter(|one| matches!(one, Component::Normal(_)));
    let up = up.map(|_| Component::ParentDir);
    let down = file.components().filter(|one| matches!(one, Component::Normal(_)));
    up.chain(down).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drills_find_the_configuration() {
        for (folder, file, seen) in [
            ("drills", "tieline.yaml", "../tieline.yaml"),
            ("./a/b", "./c/tieline.yaml", "../../c/tieline.yaml"),
            ("/a", "/b/tieline.yaml", "/b/tieline.yaml"),
        ] {
            assert_eq!(seen_from(Path::new(folder), Path::new(file)), Path::new(seen));
        }
    }
}
