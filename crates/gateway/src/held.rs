//! The right to one attempt, which is always given back.

use std::{sync::Arc, time::Duration};

use tieline_route::{Demand, Feature, Habits, Lease, Live, Next, Observed, Who};
use tieline_types::{Fault, ServiceTier, Usage};

use crate::{bill::Bill, gateway::Gateway, plan::ActivePlan};

/// A deployment's lease for as long as the attempt lasts. Dropped without a verdict, it says
/// nothing of the deployment: the client left.
pub(crate) struct Held {
    gateway: Arc<Gateway>,
    plan: Arc<ActivePlan>,
    /// What it cost is known, whatever the fault says of that.
    paid: bool,
    /// What learns of the attempt, where that is not what all requests have learnt.
    apart: Option<Arc<Live>>,
    lease: Option<Lease>,
    used: Option<Demand>,
    /// What it costs, where a budget pays.
    bill: Option<Box<Bill>>,
    /// What is learnt of its feature's requests, where that weighs their cost.
    habits: Option<Arc<Habits>>,
}

impl Held {
    pub(crate) fn new(gateway: &Arc<Gateway>, plan: &Arc<ActivePlan>, lease: Lease) -> Self {
        let (gateway, plan) = (Arc::clone(gateway), Arc::clone(plan));
        let (apart, paid) = (None, false);
        Self {
            gateway,
            plan,
            apart,
            paid,
            lease: Some(lease),
            used: None,
            bill: None,
            habits: None,
        }
    }

    /// Only what the requests of a drill have learnt learns of the attempt. Where a call is `sent`,
    /// it draws on everybody's quota all the same.
    pub(crate) fn apart(mut self, live: Option<&Arc<Live>>, sent: bool, demand: Demand) -> Self {
        self.apart = live.cloned();
        if let (true, Some(live), Some(lease)) = (sent, live, &mut self.lease) {
            live.draw_shared(lease, self.gateway.now(), demand);
        }
        self
    }

    fn live(&self) -> &Live {
        self.apart.as_deref().unwrap_or(&self.plan.live)
    }

    /// The attempt begins, and this is what it costs.
    pub(crate) fn paid_by(mut self, bill: Option<Bill>) -> Self {
        self.bill = bill.map(Box::new);
        if let Some(bill) = &mut self.bill {
            bill.begins();
        }
        self
    }

    /// As one of a feature's requests.
    pub(crate) fn of(mut self, feature: &Feature) -> Self {
        self.habits = self.live().habits(feature).map(Arc::clone);
        self
    }

    /// Whether the attempt is the probe on which a breaker waits.
    pub(crate) fn is_probe(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_probe)
    }

    /// Takes in what the provider said of its limits.
    pub(crate) fn learn(&self, observed: &Observed) {
        if let Some(lease) = self.lease.as_ref().filter(|_| *observed != Observed::default()) {
            self.live().learn(lease, self.gateway.now(), observed);
        }
    }

    /// Content came; `first` is the time to it, where the answer is a stream.
    pub(crate) fn served(&mut self, who: Who, first: Option<Duration>) {
        let live = self.apart.as_deref().unwrap_or(&self.plan.live);
        if let Some(lease) = &mut self.lease {
            live.served(lease, self.gateway.now(), who, first);
        }
    }

    /// The answer was complete.
    pub(crate) fn completed(&mut self) {
        let live = self.apart.as_deref().unwrap_or(&self.plan.live);
        if let Some(lease) = &mut self.lease {
            live.completed(lease, self.gateway.now());
        }
    }

    /// Where to go after a fault.
    pub(crate) fn weigh(&self, who: Who, fault: &Fault) -> Next {
        let weigh = |lease| self.live().weigh(lease, self.gateway.now(), who, fault);
        self.lease.as_ref().map_or(Next::Candidate, weigh)
    }

    /// Holds a fault against the deployment.
    pub(crate) fn failed(&mut self, fault: &Fault) {
        let live = self.apart.as_deref().unwrap_or(&self.plan.live);
        if let Some(lease) = &mut self.lease {
            live.failed(lease, self.gateway.now(), fault);
        }
    }

    /// Holds a fault against the deployment that looked like the caller's.
    pub(crate) fn convicted(&mut self, fault: &Fault) {
        let live = self.apart.as_deref().unwrap_or(&self.plan.live);
        if let Some(lease) = &mut self.lease {
            live.convicted(lease, self.gateway.now(), fault);
        }
    }

    /// The answer says that it is of this service tier.
    pub(crate) fn serves(&mut self, tier: Option<&ServiceTier>) {
        if let Some(bill) = &mut self.bill {
            bill.serves(tier);
        }
    }

    /// What the attempt consumed, as far as it came.
    pub(crate) fn costs(&mut self, usage: &Usage) {
        if let Some(bill) = &mut self.bill {
            bill.used(usage);
        }
    }

    /// The attempt was answered, and nobody counted what it consumed.
    pub(crate) fn uncounted(&mut self) {
        if let Some(bill) = &mut self.bill {
            bill.uncounted();
        }
    }

    /// The same of one that a drill broke: the provider was paid, whatever it seems to have said.
    pub(crate) fn costs_all_the_same(&mut self, usage: &Usage) {
        self.costs(usage);
        self.paid = true;
    }

    /// The provider did no work.
    pub(crate) fn unpaid(&mut self) {
        if let Some(bill) = self.bill.as_mut().filter(|_| !self.paid) {
            bill.unpaid();
        }
    }

    /// What the attempt consumed.
    pub(crate) fn used(&mut self, usage: &Usage) {
        self.costs(usage);
        if let (Some(habits), Some(lease)) = (&self.habits, &self.lease) {
            self.live().note_use(lease, habits, self.gateway.now(), usage);
        }
        self.used = Some(Demand { input: usage.input_total(), output: usage.output_total() });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.live().release(lease, self.gateway.now(), self.used);
        }
    }
}
