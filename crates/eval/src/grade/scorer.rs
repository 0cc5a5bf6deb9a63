//! What graders without a judge have in common.

use super::{
    mark::{Broken, Mark},
    seen::Seen,
};

/// Grades at once, from what is seen alone.
pub(super) trait Scorer: Send + Sync {
    /// What it finds.
    ///
    /// # Errors
    /// The grader itself failed.
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken>;
}
