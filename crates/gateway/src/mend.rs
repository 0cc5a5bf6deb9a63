//! Stop 7, what may follow the relay: something else answers for a stream that broke.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use serde_json::json;
use tieline_dialect::{
    dialect,
    frame::{Framing, sse},
    ir::Reply,
};
use tieline_route::OnBreak;
use tieline_types::{Class, Fault};
use tokio::time::Instant;

use crate::{
    attempt::Reached,
    held::Held,
    record::Record,
    relay::{Flow, Relay},
    respond::render,
    source::Source,
    walk::{Answered, By, Mending},
};

/// What stands in a stream where something else goes on.
struct Mark {
    name: &'static str,
    /// Not an event but a comment, which every client passes over.
    comment: bool,
    /// How metrics call it.
    result: &'static str,
}

/// The stream begins again. Only clients that asked for it see this.
const RESTARTED: Mark = Mark { name: "tieline.restart", comment: false, result: "restarted" };
/// Another deployment writes on from here.
const CONTINUED: Mark = Mark { name: "tieline.continued", comment: true, result: "continued" };

/// A relay being mended: it comes back to relay something else, or to tell of its fault.
type Mend = Pin<Box<dyn Future<Output = Box<Relay>> + Send>>;

/// A stream to a client: a relay, or one being mended. Dropped, it is the client who left, and
/// whatever is under way for it ends at once.
pub(crate) struct Stream {
    relay: Option<Box<Relay>>,
    mend: Option<Mend>,
}

impl From<Relay> for Stream {
    fn from(relay: Relay) -> Self {
        Self { relay: Some(Box::new(relay)), mend: None }
    }
}

impl Stream {
    /// The next bytes for the client; none when the stream is over, well or not.
    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(mend) = &mut self.mend {
                self.relay = Some(ready!(mend.as_mut().poll(cx)));
                self.mend = None;
            }
            let Some(relay) = &mut self.relay else {
                return Poll::Ready(None);
            };
            match ready!(relay.poll_next(cx)) {
                Flow::Bytes(bytes) => return Poll::Ready(Some(bytes)),
                Flow::End => return Poll::Ready(None),
                Flow::Broken(fault, mending) => {
                    let relay = self.relay.take();
                    self.mend = relay.map(|relay| Box::pin(relay.mend(fault, mending)) as Mend);
                }
            }
        }
    }
}

/// What answers in place of a stream that broke.
enum Instead {
    /// A deployment's stream.
    Stream {
        /// Position in the plan.
        deployment: usize,
        withheld: Vec<Bytes>,
        source: Box<Source>,
        ended: bool,
        held: Held,
    },
    /// The cache's or a tier's fixed answer.
    Reply(Arc<Reply>),
}

impl Relay {
    /// How the stream, which just broke, may be made good; none where that can only be told.
    pub(crate) fn mending(&mut self) -> Option<Mending> {
        let walk = &mut self.walk;
        let late = Instant::now() >= walk.call.deadline;
        if late || walk.worker.stop.is_cancelled() {
            return None;
        }
        match walk.call.feature.on_break {
            OnBreak::Restart => walk.call.takes_restarts.then_some(Mending::Restart),
            OnBreak::Continue => {
                let said = self.source.said.take()?;
                let asked = walk.neutral.go_on_from(&walk.call, said.text()?, self.source.pieces);
                asked.then_some(Mending::Continue(said))
            }
            OnBreak::Error | OnBreak::Buffer { .. } => None,
        }
    }

    /// Finds something else to relay. The attempt that broke is over, and held against its
    /// deployment, whatever comes of it.
    async fn mend(mut self: Box<Self>, fault: Fault, mending: Mending) -> Box<Self> {
        let Some((mut record, mut held)) = self.books.take() else {
            return self;
        };
        let usage = self.note_usage(&mut record, &mut held);
        held.costs(&usage);
        record.note(|call| call.usage = Some(usage));
        record.answer_broke(&fault);
        let continued = matches!(mending, Mending::Continue(_));
        match self.instead(&mut record, held, &fault, mending).await {
            Some((tier, instead)) => {
                self.acceptable = self.accepts(tier) && !continued;
                self.pieces_before =
                    if continued { self.pieces_before + self.source.pieces } else { 0 };
                let tier = self.walk.call.feature.tiers.get(tier);
                record.note(|call| call.tier = tier.map(|tier| Arc::clone(&tier.name)));
                let mark = if continued { &CONTINUED } else { &RESTARTED };
                self.relay_instead(mark, &fault, instead, record);
            }
            None => {
                self.tell(&fault);
                record.failed(&fault, 200, Some(usage));
            }
        }
        self
    }

    /// Goes on with the walk. A gateway that stops begins nothing new.
    async fn instead(
        &mut self,
        record: &mut Record,
        held: Held,
        fault: &Fault,
        mending: Mending,
    ) -> Option<(usize, Instead)> {
        let broke = record.call().and_then(|call| call.deployment.clone())?;
        if !self.walk.broke(held, broke, fault) {
            return None;
        }
        let stop = self.walk.worker.stop.clone();
        let Answered { tier, by } = tokio::select! {
            answered = self.walk.mend(mending, record) => answered?,
            () = stop.cancelled() => {
                let stopping = Fault::new(Class::Internal, "the gateway stops");
                record.end_attempts(Some(&stopping));
                return None;
            }
        };
        let instead = match by {
            By::Tieline(reply) | By::Cache(reply, _) => Instead::Reply(reply),
            // A client with an answer begun cannot be told to come back.
            By::Queue(_) => return None,
            By::Deployment { deployment, reached, held } => match *reached {
                Reached::Stream { withheld, source, ended, .. } => {
                    Instead::Stream { deployment, withheld, source, ended, held }
                }
                // Streams were asked for.
                Reached::Whole { .. } => return None,
            },
        };
        Some((tier, instead))
    }

    fn accepts(&self, tier: usize) -> bool {
        self.walk.call.feature.tiers.get(tier).is_none_or(|tier| tier.acceptable)
    }

    /// Sends what answers instead, behind a mark that says so.
    fn relay_instead(&mut self, mark: &Mark, fault: &Fault, instead: Instead, mut record: Record) {
        let (call, metrics) = (&self.walk.call, &self.walk.worker.gateway.metrics);
        metrics.stream_broke(&call.feature.name, mark.result, &call.drill());
        match instead {
            Instead::Stream { deployment, withheld, source, ended, held } => {
                let known = self.walk.call.plan.plan.deployments.get(deployment);
                let id = known.map(|known| Arc::clone(&known.id));
                self.ready.extend(self.mark(mark, id.as_deref(), fault));
                self.ready.extend(withheld);
                record.note(|call| call.deployment = id);
                self.take_up(source, ended);
                self.books = Some((record, held));
            }
            Instead::Reply(reply) => {
                let (body, _) = render(&self.walk.call, &self.walk.style, &reply);
                self.ready.extend(self.mark(mark, None, fault));
                self.ready.push_back(body);
                self.ended = true;
                record.note(|call| call.deployment = None);
                record.served(self.acceptable, None);
            }
        }
    }

    /// Says who goes on, and why; where the client's framing has no place for it, nothing does.
    fn mark(&self, mark: &Mark, deployment: Option<&str>, fault: &Fault) -> Option<Bytes> {
        if dialect(self.walk.call.dialect).framing() != Framing::Sse {
            return None;
        }
        let told = json!({ "deployment": deployment, "reason": fault.class.as_str() }).to_string();
        let mut out = Vec::new();
        if mark.comment {
            sse::write_comment(&format!("{} {told}", mark.name), &mut out);
        } else {
            sse::write(Some(mark.name), told.as_bytes(), &mut out);
        }
        Some(out.into())
    }
}
