//! Efforts and thinking budgets, of which one stands for the other where a model takes only one.

/// The effort that a budget of so many tokens comes near to; beyond the last is [`EFFORT_MAX`]. No
/// vendor publishes such a table.
const EFFORT_OF_BUDGET: [(u64, &str); 3] = [(1024, "low"), (8192, "medium"), (24_576, "high")];

/// The effort beyond all budgets of the table.
const EFFORT_MAX: &str = "xhigh";

/// The effort that comes near to a thinking budget in tokens.
pub(crate) fn of_budget(budget: u64) -> &'static str {
    let near = EFFORT_OF_BUDGET.iter().find(|(most, _)| budget <= *most);
    near.map_or(EFFORT_MAX, |(_, effort)| *effort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_become_efforts() {
        for (budget, effort) in [
            (0, "low"),
            (1024, "low"),
            (1025, "medium"),
            (8192, "medium"),
            (24_576, "high"),
            (24_577, "xhigh"),
        ] {
            assert_eq!(of_budget(budget), effort, "{budget}");
        }
    }
}
