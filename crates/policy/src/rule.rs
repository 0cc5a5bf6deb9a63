//! What decides over a deployment, and how that is told.

use std::sync::Arc;

use serde::Serialize;
use tieline_types::Exception;

use crate::{plain::PlainRule, world::Deployment};

/// Why a deployment is in or out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The rule's id, such as `feature support-reply: residency` or that of a policy.
    pub rule: Arc<str>,
    /// The same for people.
    pub words: String,
}

/// The rule of a world without policies: whatever no plain rule forbids is allowed.
pub(crate) const OPEN: &str = "no policy";
/// The rule that decides where no policy permits something.
pub const CLOSED: &str = "default deny";

/// Something that decides.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: Arc<str>,
    pub(crate) kind: Kind,
}

/// Where a rule comes from.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// There are no policies, which permits what is not forbidden.
    Open,
    /// A plain rule of a feature.
    Plain(PlainRule),
    /// A policy of a file.
    Policy(Written),
}

/// A policy of a file.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// What its author says of it.
    pub(crate) says: Option<String>,
    pub(crate) permits: bool,
}

impl Rule {
    /// Why this rule leaves a deployment in or out.
    pub(crate) fn reason(&self, deployment: &Deployment) -> Reason {
        let words = match &self.kind {
            Kind::Open => "nothing forbids it".to_owned(),
            Kind::Plain(plain) => plain.refusal(deployment),
            Kind::Policy(written) => written.words(),
        };
        Reason { rule: Arc::clone(&self.id), words }
    }
}

impl Written {
    fn words(&self) -> String {
        let does = if self.permits { "permitted" } else { "forbidden" };
        let says = self.says.as_ref().map_or_else(String::new, |says| format!(": {says}"));
        format!("{does} by {}:{}{says}", self.file, self.line)
    }
}

/// The reason why a deployment is out that no policy permits.
pub(crate) fn closed() -> Reason {
    let words = "there are policies, and none of them permits it".to_owned();
    Reason { rule: CLOSED.into(), words }
}

/// The reason why a deployment is in although rules forbid it.
pub(crate) fn excepted(exception: &Exception) -> Reason {
    let Exception { author, reason, .. } = exception;
    Reason {
        rule: format!("exception of {author}").into(),
        words: format!("opened until {} by {author}: {reason}", written(exception.until_ms)),
    }
}

/// A time as people write it.
pub(crate) fn written(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok();
    let time = time.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "ever".to_owned(), |time| time.to_string())
}
