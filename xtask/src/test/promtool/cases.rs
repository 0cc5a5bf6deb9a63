//! What becomes of counters over minutes, and which alerts must fire when.

use serde_json::{Value, json};

/// The file of the rules in Tieline's own dialect.
pub(super) const NATIVE: &str = "native.yaml";
/// The file of those in Sloth's.
pub(super) const SLOTH: &str = "sloth.yaml";

/// The file of rules for a sampled indicator, in Tieline's own.
pub(super) const OTHERS: &str = "others.native.yaml";

/// The minutes of good requests before anything happens: as long as the longest window of a page.
const CLEAN: u64 = 361;
/// Enough requests a minute for every share of the table to be a whole number of them.
const BUSY: u64 = 10_000;
/// The share that fails of ten thousand, for how many minutes, and the first and the last minute in
/// which the page fires, as Prometheus was measured to.
const TABLE: [(u64, u64, u64, u64); 9] = [
    (10_000, 78, 1, 107),
    (5_000, 78, 2, 107),
    (2_000, 78, 5, 107),
    (1_000, 78, 9, 106),
    (500, 78, 18, 104),
    (200, 180, 44, 201),
    (150, 180, 58, 198),
    (143, 300, 152, 317),
    (70, 400, 309, 404),
];

/// So many minutes with so many good and bad requests in each.
type Stretch = (u64, u64, u64);

/// A counter's values over stretches of minutes, in the notation of promtool: from nothing on.
fn values(stretches: &[Stretch], bad: bool) -> String {
    let mut value = 0;
    let mut said = vec!["0".to_owned()];
    for &(minutes, good_each, bad_each) in stretches.iter().filter(|(minutes, ..)| *minutes > 0) {
        let each = if bad { bad_each } else { good_each };
        said.push(format!("{}+{each}x{}", value + each, minutes - 1));
        value += each * minutes;
    }
    said.join(" ")
}

/// The series of an objective, of what a drill sends or of clients.
fn series(stretches: &[Stretch], drill: &str) -> Vec<Value> {
    [("good", false), ("bad", true)]
        .map(|(result, bad)| {
            let labels = "feature=\"support-reply\",slo=\"served\"";
            let name = format!(
                "tieline_sli_events_total{{{labels},result=\"{result}\",drill=\"{drill}\"}}"
            );
            json!({ "series": name, "values": values(stretches, bad) })
        })
        .into()
}

/// That an expression has one value in a minute.
fn is(expr: &str, minute: u64, value: f64) -> Value {
    json!({
        "expr": expr, "eval_time": format!("{minute}m"),
        "exp_samples": [{ "labels": "{}", "value": value }],
    })
}

/// How many alerts of a name fire.
fn firing(name: &str, matchers: &str) -> String {
    format!("count(ALERTS{{alertname=\"{name}\",alertstate=\"firing\"{matchers}}}) or vector(0)")
}

fn pages() -> String {
    firing("TielineErrorBudgetBurn", ",severity=\"page\"")
}

/// That no page fires in any minute up to one.
fn never(until: u64) -> Value {
    is(&format!("max_over_time(({})[{until}m:1m])", pages()), until, 0.0)
}

fn case(name: &str, input: &[Value], expected: &[Value]) -> Value {
    json!({
        "name": name, "interval": "1m", "input_series": input, "promql_expr_test": expected,
    })
}

fn file(rules: &[&str], groups: &[String], tests: &[Value]) -> Value {
    json!({
        "rule_files": rules, "evaluation_interval": "1m", "group_eval_order": groups,
        "tests": tests,
    })
}

/// The tests of Tieline's own dialect.
pub(super) fn native() -> Value {
    let groups = ["windows", "budget", "alerts"];
    let groups = groups.map(|part| format!("tieline-slo-support-reply-served-{part}"));
    let mut tests: Vec<Value> = TABLE.iter().copied().map(row).collect();
    tests.extend([outage(), fallback(), little_traffic(), drill(), silence(), absence(), budget()]);
    file(&[NATIVE], &groups, &tests)
}

/// A row of the table: quiet before the first minute and after the last, firing in the first and
/// in the one before the last, since the last may lie on the border.
fn row((share, minutes, first, last): (u64, u64, u64, u64)) -> Value {
    let bad = BUSY * share / 10_000;
    let failing = (minutes, BUSY - bad, bad);
    let input = series(&[(CLEAN, BUSY, 0), failing, (120, BUSY, 0)], "");
    let at = |minute: u64, value| is(&pages(), CLEAN + minute, value);
    let expected = vec![at(first - 1, 0.0), at(first, 1.0), at(last - 1, 1.0), at(last + 1, 0.0)];
    case(&format!("{share} of 10000 fail for {minutes} minutes"), &input, &expected)
}

fn outage() -> Value {
    let input = series(&[(CLEAN, 100, 0), (78, 0, 100), (120, 100, 0)], "");
    let at = |minute: u64, value| is(&pages(), CLEAN + minute, value);
    let expected = vec![at(0, 0.0), at(2, 1.0), at(78, 1.0), at(109, 0.0)];
    case("an outage of 78 minutes without fallback", &input, &expected)
}

fn fallback() -> Value {
    let input = series(&[(CLEAN, 100, 0), (1, 95, 5), (197, 100, 0)], "");
    case("an outage that a fallback tier survives", &input, &[never(CLEAN + 70)])
}

fn little_traffic() -> Value {
    let input = series(&[(CLEAN, 1, 0), (3, 0, 1), (197, 1, 0)], "");
    case("three failures of one request a minute", &input, &[never(CLEAN + 70)])
}

fn drill() -> Value {
    let mut input = series(&[(CLEAN + 198, 100, 0)], "");
    input.extend(series(&[(CLEAN, 0, 0), (78, 0, 100), (120, 0, 0)], "claude-2026-04-28"));
    case("a drill", &input, &[never(CLEAN + 70)])
}

/// Ten minutes without a request, for six hours.
fn silence() -> Value {
    let input = series(&[(30, 100, 0), (400, 0, 0)], "");
    let alert = firing("TielineNoData", ",severity=\"ticket\"");
    let expected = vec![is(&alert, 395, 0.0), is(&alert, 402, 1.0)];
    case("nothing counts for six hours", &input, &expected)
}

fn absence() -> Value {
    let alert = firing("TielineSloAbsent", ",feature=\"support-reply\",slo=\"served\"");
    case("no gateway counts", &[], &[is(&alert, 9, 0.0), is(&alert, 11, 1.0)])
}

/// Half of the budget of two hours with a quiet end: requests weigh, and not minutes.
fn budget() -> Value {
    let input = series(&[(60, 1_900, 1), (60, 100, 0)], "");
    let near = |record: &str, value: f64| {
        format!(
            "abs(max({record}{{feature=\"support-reply\",slo=\"served\"}}) - {value}) < bool 1e-9"
        )
    };
    let spent = 1.0 / 2_001.0;
    let expected = vec![
        is(&near("tieline_slo:error_ratio:increase30d", spent), 120, 1.0),
        is(&near("tieline_slo:budget_remaining:ratio", 1.0 - spent / 0.001), 120, 1.0),
        is(&near("tieline_slo:objective:ratio", 0.999), 120, 1.0),
    ];
    case("what is left of a budget", &input, &expected)
}

/// What both Sloth's rules by hand and ours record.
const RECORDED: [&str; 14] = [
    "slo:sli_error:ratio_rate5m",
    "slo:sli_error:ratio_rate30m",
    "slo:sli_error:ratio_rate1h",
    "slo:sli_error:ratio_rate2h",
    "slo:sli_error:ratio_rate6h",
    "slo:sli_error:ratio_rate1d",
    "slo:sli_error:ratio_rate3d",
    "slo:sli_error:ratio_rate30d",
    "slo:objective:ratio",
    "slo:error_budget:ratio",
    "slo:time_period:days",
    "slo:current_burn_rate:ratio",
    "slo:period_burn_rate:ratio",
    "slo:period_error_budget_remaining:ratio",
];

/// The tests of Sloth's dialect: every number beside that of the rules by hand.
pub(super) fn sloth(reference: &str) -> Value {
    let ours = ["sli-recordings", "meta-recordings", "alerts"]
        .map(|part| format!("sloth-slo-{part}-support-reply-served"));
    let theirs = ["sli", "meta", "alerts"].map(|part| format!("reference-{part}"));
    let groups: Vec<String> = ours.into_iter().chain(theirs).collect();
    let tests: Vec<Value> = [(10_000, 78), (200, 180)].into_iter().map(alike).collect();
    file(&[SLOTH, reference], &groups, &tests)
}

fn alike((share, minutes): (u64, u64)) -> Value {
    let bad = BUSY * share / 10_000;
    let input = series(&[(CLEAN, BUSY, 0), (minutes, BUSY - bad, bad), (120, BUSY, 0)], "");
    let mut expected = Vec::new();
    for record in RECORDED {
        let of = |id: &str| format!("max({record}{{sloth_id=\"{id}\"}})");
        let near =
            format!("abs({} - {}) <= bool 1e-9", of("support-reply-served"), of("reference"));
        let at = [CLEAN - 1, CLEAN + 1, CLEAN + minutes, CLEAN + minutes + 40];
        expected.extend(at.map(|minute| is(&near, minute, 1.0)));
    }
    for severity in ["page", "ticket"] {
        let matcher = format!(",sloth_severity=\"{severity}\"");
        let (ours, theirs) =
            (firing("TielineErrorBudgetBurn", &matcher), firing("ReferenceBurn", &matcher));
        let until = CLEAN + minutes + 120;
        let same = format!("min_over_time((({ours}) == bool ({theirs}))[{until}m:1m])");
        expected.push(is(&same, until, 1.0));
    }
    let fires = firing("ReferenceBurn", ",sloth_severity=\"page\"");
    expected.push(is(&fires, CLEAN + minutes, 1.0));
    case(&format!("{share} of 10000 fail for {minutes} minutes, twice"), &input, &expected)
}

/// The lower bound of a share of which 60 of 240 are a sample: the interval of Wilson, by hand.
const LOWER: f64 = 0.199446539;

/// The test of a sampled indicator: its share counts at the least that it may be.
pub(super) fn sampled() -> Value {
    let labels = "feature=\"support \\\"reply\\\"\",slo=\"good-answers\"";
    let input = [("good", 3), ("bad", 1)].map(|(result, each)| {
        let series = format!("tieline_sli_events_total{{{labels},result=\"{result}\",drill=\"\"}}");
        json!({ "series": series, "values": format!("0+{each}x120") })
    });
    let lower = format!("max(tieline_slo:error_ratio_low:increase1h{{{labels}}})");
    let near = format!("abs({lower} - {LOWER}) < bool 1e-6");
    let tests = [case("a sample of answers", &input, &[is(&near, 100, 1.0)])];
    let groups = ["windows", "budget", "alerts"];
    let groups = groups.map(|part| format!("tieline-slo-support \"reply\"-good-answers-{part}"));
    file(&[OTHERS], &groups, &tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_up_by_stretches() {
        let stretches = [(3, 10, 0), (0, 7, 7), (2, 5, 5)];
        assert_eq!(values(&stretches, false), "0 10+10x2 35+5x1");
        assert_eq!(values(&stretches, true), "0 0+0x2 5+5x1");
    }
}
