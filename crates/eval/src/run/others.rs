//! What the incumbent says, for graders that hold the candidate's answer against it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use super::Ask;
use crate::{Answer, Arm, Case, Row};

/// The incumbent's answers by case and repeat; none where it gave none.
#[derive(Debug, Default)]
pub(super) struct Others {
    known: Mutex<BTreeMap<(usize, u32), Option<Answer>>>,
    told: Notify,
    /// Nobody will ever be asked.
    nobody: bool,
}

impl Others {
    /// What earlier sittings know.
    pub(super) fn of_rows(cases: &[Case], rows: &[Row], arms: &[Arm]) -> Self {
        let places: BTreeMap<&str, usize> =
            cases.iter().enumerate().map(|(at, case)| (&*case.id, at)).collect();
        let incumbents = rows.iter().filter(|row| row.arm == Arm::Incumbent);
        let known = incumbents
            .filter_map(|row| Some(((*places.get(&*row.case)?, row.repeat), row.answer.clone())));
        let nobody = !arms.contains(&Arm::Incumbent);
        Self { known: Mutex::new(known.collect()), told: Notify::new(), nobody }
    }

    /// The incumbent has answered, or will not.
    pub(super) fn tell(&self, ask: Ask, answer: Option<Answer>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((ask.case, ask.repeat), answer);
        drop(known);
        self.told.notify_waiters();
    }

    /// The incumbent's answer to the same ask, when it is there. What is asked again is held
    /// against its first.
    pub(super) async fn of(&self, ask: Ask) -> Option<Answer> {
        let repeat = if ask.again { 0 } else { ask.repeat };
        loop {
            let told = self.told.notified();
            if let Some(answer) = self.known(ask.case, repeat) {
                return answer;
            }
            if self.nobody {
                return None;
            }
            told.await;
        }
    }

    fn known(&self, case: usize, repeat: u32) -> Option<Option<Answer>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(case, repeat)).cloned()
    }
}
