//! Objectives at the command line.

use serde_json::Value;

use crate::support::Folder;

const SLO: &str = "\
apiVersion: openslo/v1
kind: SLO
metadata: { name: served }
spec:
  service: support-reply
  indicatorRef: answered
  timeWindow: [{ duration: 30d, isRolling: true }]
  budgetingMethod: Occurrences
  objectives: [{ target: 0.999 }]
";
const SLI: &str = "\
apiVersion: openslo/v1
kind: SLI
metadata: { name: answered }
spec:
  ratioMetric:
    good: { metricSource: { type: Tieline, spec: { sli: availability } } }
    total: { metricSource: { type: Tieline, spec: { sli: availability } } }
";

#[test]
fn objectives_become_rules_and_dashboards() {
    let folder = Folder::new();
    folder.write("slo.yaml", SLO);
    folder.write("sli.yaml", SLI);
    for (line, wanted) in [
        ("", "alert: \"TielineErrorBudgetBurn\""),
        ("--dialect native", "record: \"tieline_slo:budget_remaining:ratio\""),
        ("--dialect sloth", "record: \"slo:period_error_budget_remaining:ratio\""),
        ("--format grafana", "\"expr\": \"tieline_slo:budget_remaining:ratio{"),
        ("--format grafana --dialect sloth", "slo:period_error_budget_remaining:ratio{"),
    ] {
        let (code, out, err) = folder.run(&format!("slo export slo.yaml sli.yaml {line}"));
        assert_eq!((code, err.as_str()), (0, ""), "{line}");
        assert!(out.contains(wanted), "{line}: {out}");
        let (code, said, _) = folder.run(&format!("slo export slo.yaml sli.yaml -o out {line}"));
        assert_eq!((code, said.as_str()), (0, ""));
        assert_eq!(std::fs::read_to_string(folder.path().join("out")).unwrap(), out, "{line}");
    }
    let (_, out, _) = folder.run("slo export slo.yaml sli.yaml --format grafana");
    assert!(serde_json::from_str::<Value>(&out).is_ok());
}

#[test]
fn what_is_wrong_with_objectives_is_told_with_its_place() {
    let folder = Folder::new();
    folder.write("slo.yaml", &SLO.replace("0.999", "99.9"));
    let (code, out, err) = folder.run("slo export slo.yaml");
    assert_eq!((code, out.as_str()), (2, ""));
    for line in [
        "slo.yaml:6:17: there is no SLI `answered`",
        "slo.yaml:9:26: 99.9 is not a share above 0 and below 1",
    ] {
        assert!(err.contains(line), "{err}");
    }
    let (code, _, err) = folder.run("slo export absent.yaml");
    assert_eq!(code, 4);
    assert!(err.contains("cannot read absent.yaml"), "{err}");
    assert_eq!(folder.run("slo export").0, 2);
}
