//! An application with an official SDK: it asks, repeats as the SDK does, thinks, and asks again.

use std::{cell::RefCell, rc::Rc, time::Duration};

use rand::{Rng, rngs::SmallRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{
    features::FEATURES,
    sdk::{Head, RETRIES, pause},
    tally::{End, Tally},
};
use crate::bench::http::Connection;

/// The pause between an answer and the next question, in seconds.
const THINK_S: std::ops::Range<f64> = 2.0..6.0;
/// The SDKs' own limit is ten minutes; every feature's deadline is far below this.
const PATIENCE: Duration = Duration::from_secs(90);

/// One application.
pub(super) struct Client {
    pub(super) address: String,
    /// It speaks Anthropic Messages, else OpenAI Chat.
    pub(super) messages: bool,
    pub(super) rng: SmallRng,
    pub(super) tally: Rc<RefCell<Tally>>,
    pub(super) until: Instant,
}

/// One question.
struct Question {
    feature: &'static str,
    stream: bool,
    text: String,
}

impl Client {
    pub(super) async fn run(mut self) {
        let mut kept = None;
        sleep(Duration::from_secs_f64(self.rng.random_range(0.0..THINK_S.end))).await;
        while Instant::now() < self.until {
            let question = self.question();
            let began = Instant::now();
            let end = self.ask(&question, &mut kept).await;
            self.tally.borrow_mut().ended(question.feature, began.elapsed(), end);
            sleep(Duration::from_secs_f64(self.rng.random_range(THINK_S))).await;
        }
    }

    fn question(&mut self) -> Question {
        let mut left = self.rng.random_range(0..10);
        let chosen = FEATURES.iter().find(|feature| {
            let here = left < feature.share;
            left = left.saturating_sub(feature.share);
            here
        });
        let feature = chosen.map_or("support", |feature| feature.name);
        let text = format!("question {} of this client", self.rng.random::<u32>());
        Question { feature, stream: self.rng.random_ratio(1, 3), text }
    }

    /// Sends a question until it is answered, no repeat helps or none is left.
    async fn ask(&mut self, question: &Question, kept: &mut Option<Connection>) -> End {
        let mut retry = 0;
        loop {
            self.tally.borrow_mut().sent(question.feature);
            let request = self.request(question, retry);
            let sent = timeout(PATIENCE, exchange(&self.address, &request, kept)).await;
            let answer = sent.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
            let (again, head, said) = match answer {
                Ok((head, body)) if Head(&head).status() == 200 => {
                    return self.judge(question, &body);
                }
                Ok((head, body)) => {
                    let said = format!("{head}{}", String::from_utf8_lossy(&body));
                    (Head(&head).asks_for_retry(), Some(head), said)
                }
                Err(error) => {
                    *kept = None;
                    (true, None, error.to_string())
                }
            };
            if !again || retry == RETRIES {
                return End::Failed(said);
            }
            let chance = self.rng.random();
            sleep(pause(retry, head.as_deref().map(Head).as_ref(), chance)).await;
            retry += 1;
        }
    }

    fn request(&self, question: &Question, retry: u32) -> Vec<u8> {
        let body = json!({
            "model": question.feature,
            "messages": [{ "role": "user", "content": question.text }],
            "max_tokens": 256,
            "stream": question.stream,
        });
        let body = body.to_string();
        let (path, credential) = if self.messages {
            ("/v1/messages", "x-api-key: soak\r\nanthropic-version: 2023-06-01")
        } else {
            ("/v1/chat/completions", "authorization: Bearer soak")
        };
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{credential}\r\n\
             x-stainless-retry-count: {retry}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        )
        .into_bytes()
    }

    /// Whether an answer with status 200 is whole by its dialect's rules.
    fn judge(&self, question: &Question, body: &[u8]) -> End {
        let text = String::from_utf8_lossy(body);
        let last = if self.messages { "event: message_stop" } else { "data: [DONE]" };
        if question.stream && text.contains(last) {
            return End::Good;
        }
        let reason = if self.messages { "/stop_reason" } else { "/choices/0/finish_reason" };
        let whole: Option<Value> = serde_json::from_slice(body).ok();
        let finish = whole.as_ref().and_then(|whole| whole.pointer(reason));
        if finish.is_some_and(Value::is_string) {
            return End::Good;
        }
        let start = text.char_indices().rev().nth(500).map_or(0, |(at, _)| at);
        let told = text.get(start..).unwrap_or_default().to_owned();
        if question.stream { End::Broken(told) } else { End::Failed(told) }
    }
}

async fn exchange(
    address: &str,
    request: &[u8],
    kept: &mut Option<Connection>,
) -> std::io::Result<(String, Vec<u8>)> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => Connection::open(address).await?,
    };
    let answer = connection.ask(request).await?;
    *kept = Some(connection);
    Ok(answer)
}
