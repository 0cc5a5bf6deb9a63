//! Deployments and alerts, looked at as an operator would, again and again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tieline_gateway::{DeploymentStatus, Gateway, SloStatus};

use crate::book::{AlertChange, Book, StateChange};

/// How often they are looked at.
pub(crate) const EVERY: Duration = Duration::from_secs(5);

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    states: BTreeMap<String, (&'static str, Option<&'static str>)>,
    alerts: BTreeSet<(String, String, &'static str)>,
}

impl Seen {
    /// Looks once; what is another than before goes into the book.
    pub(crate) fn look(&mut self, gateway: &Gateway, book: &Book) {
        let at = book.now();
        let status = gateway.status();
        for one in &status.deployments {
            self.deployment(one, at, book);
        }
        self.alerts(&status.slos, at, book);
    }

    fn deployment(&mut self, one: &DeploymentStatus, at: Duration, book: &Book) {
        let now = (one.state, one.storm);
        let before = self.states.insert(one.id.clone(), now);
        if before != Some(now) && (before.is_some() || now != ("closed", None)) {
            let (deployment, state, cause) = (one.id.clone(), one.state, one.cause);
            book.state(StateChange { at, deployment, state, cause, storm: one.storm });
        }
    }

    fn alerts(&mut self, slos: &[SloStatus], at: Duration, book: &Book) {
        let firing = slos.iter().flat_map(|slo| {
            let named = |severity| (slo.feature.clone(), slo.name.clone(), severity);
            slo.alerts.iter().map(move |alert| named(alert.severity))
        });
        let firing: BTreeSet<_> = firing.collect();
        let changes = firing.symmetric_difference(&self.alerts);
        for (feature, slo, severity) in changes {
            let fires = firing.contains(&(feature.clone(), slo.clone(), severity));
            let (feature, slo) = (feature.clone(), slo.clone());
            book.alert(AlertChange { at, feature, slo, severity, fires });
        }
        self.alerts = firing;
    }
}
