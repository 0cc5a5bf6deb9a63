//! A wall clock on paused time, requests, and a token endpoint that does what a test says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use tieline_identity::{Credential, IdentityError, TokenHttp, TokenHttpFuture};
use tieline_types::Clock;
use tokio::time::Instant;

/// 2026-11-22T00:00:00Z, the time of the golden signatures.
pub(crate) const START_S: u64 = 1_795_305_600;

/// Wall time that moves with tokio's paused time.
pub(crate) struct Wall {
    clock: Clock,
    began: Instant,
}

impl Wall {
    pub(crate) fn new() -> Self {
        let start = UNIX_EPOCH + Duration::from_secs(START_S);
        Self { clock: Clock::starting_at(start), began: Instant::now() }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.at(self.began.elapsed())
    }
}

pub(crate) fn post(uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::post(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

pub(crate) fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name).map(|value| value.to_str().unwrap())
}

/// The `authorization` that a bare request gets at `now`.
pub(crate) async fn authorization(
    credential: &Credential,
    now: SystemTime,
) -> Result<String, IdentityError> {
    let mut parts = post("https://provider.example/v1/responses", &[]);
    credential.authorize(&mut parts, &[], now).await?;
    Ok(header(&parts, "authorization").unwrap().to_owned())
}

/// Lets spawned refreshes run to their next wait, without moving time.
pub(crate) async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// What a token endpoint does with one request.
#[derive(Clone)]
pub(crate) enum Does {
    Answer(u16, String),
    AnswerAfter(Duration, String),
    Disconnect,
    Hang,
}

/// A token endpoint that plays its script, repeats its last step, and remembers every request.
pub(crate) struct Endpoint {
    script: Mutex<VecDeque<Does>>,
    seen: Mutex<Vec<Request<Bytes>>>,
}

impl Endpoint {
    pub(crate) fn new(script: impl IntoIterator<Item = Does>) -> Arc<Self> {
        let script = Mutex::new(script.into_iter().collect());
        Arc::new(Self { script, seen: Mutex::default() })
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn request(&self, index: usize) -> Request<Bytes> {
        self.seen.lock().unwrap()[index].clone()
    }

    pub(crate) fn now_does(&self, step: Does) {
        *self.script.lock().unwrap() = VecDeque::from([step]);
    }

    fn next(&self, request: Request<Bytes>) -> Does {
        self.seen.lock().unwrap().push(request);
        let mut script = self.script.lock().unwrap();
        if script.len() > 1 { script.pop_front().unwrap() } else { script[0].clone() }
    }
}

impl TokenHttp for Endpoint {
    fn send(&self, request: Request<Bytes>) -> TokenHttpFuture<'_> {
        let step = self.next(request);
        Box::pin(async move {
            let (status, body) = match step {
                Does::Answer(status, body) => (status, body),
                Does::AnswerAfter(wait, body) => {
                    tokio::time::sleep(wait).await;
                    (200, body)
                }
                Does::Disconnect => return Err("connection reset".into()),
                Does::Hang => std::future::pending().await,
            };
            Ok(Response::builder().status(status).body(body.into()).unwrap())
        })
    }
}
