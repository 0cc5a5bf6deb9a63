//! Requests as workloads say: when they come and what they ask.

use std::{f64::consts::TAU, io, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep_until};

use crate::{
    DrillError,
    book::Book,
    client::{self, Ask},
    run::House,
    scenario::{Arrivals, Shape, Tokens, Workload},
};

/// The standard normal quantile of 0.95.
const Z_95: f64 = 1.644_853_626_951_472_2;
/// Bytes of a simulated token.
const TOKEN_BYTES: usize = 4;
/// How many questions are asked again and again, by those who repeat.
const USUAL_QUESTIONS: u32 = 20;
/// What prompts are filled up with.
const FILLER: &str = "The customer describes at length what happened before, and after that. ";

/// The requests of one feature, as they come.
pub(crate) struct Traffic {
    workload: Workload,
    /// Requests a second of each minute, where a day is replayed.
    minutes: Vec<f64>,
    seed: u64,
    length: Duration,
}

impl Traffic {
    /// # Errors
    /// A recorded day cannot be read.
    pub(crate) fn new(
        workload: &Workload,
        seed: u64,
        length: Duration,
        read: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, DrillError> {
        let minutes = match &workload.arrivals {
            Arrivals::Replay { file, scale } => {
                let minutes = read(file).and_then(|text| minutes(&text, *scale));
                minutes.map_err(|source| DrillError::Replay { file: file.clone(), source })?
            }
            _ => Vec::new(),
        };
        Ok(Self { workload: workload.clone(), minutes, seed, length })
    }

    /// Sends them, each on its time, and waits for the last answer.
    pub(crate) async fn send(self, house: Arc<House>, book: Arc<Book>) {
        let mut rng = SmallRng::seed_from_u64(self.seed);
        let mut asking = JoinSet::new();
        let mut at = Duration::ZERO;
        let mut number = 0_u32;
        while let Some(next) = self.next(at, &mut rng) {
            at = next;
            sleep_until(book.at(at)).await;
            while asking.try_join_next().is_some() {}
            let ask = self.ask(at, number, &mut rng);
            number += 1;
            let rng = SmallRng::seed_from_u64(rng.random());
            let (house, book) = (Arc::clone(&house), Arc::clone(&book));
            asking.spawn(async move {
                let answer = client::ask(house, ask, rng).await;
                book.answer(answer);
            });
        }
        while asking.join_next().await.is_some() {}
    }

    /// When the next request comes; none where the drill is over by then.
    fn next(&self, last: Duration, rng: &mut SmallRng) -> Option<Duration> {
        let random = |rate: f64, rng: &mut SmallRng| -(1.0 - rng.random::<f64>()).ln() / rate;
        let mut at = last;
        loop {
            let rate = self.rate(at);
            if rate <= 0.0 {
                // Nobody asks in this minute.
                at = Duration::from_secs((at.as_secs() / 60 + 1) * 60);
            } else {
                let wait = match self.workload.arrivals {
                    Arrivals::Constant(rate) => 1.0 / rate,
                    _ => random(rate, rng),
                };
                at += Duration::try_from_secs_f64(wait).unwrap_or(self.length);
                return (at < self.length).then_some(at);
            }
            if at >= self.length {
                return None;
            }
        }
    }

    /// Requests a second at a time.
    fn rate(&self, at: Duration) -> f64 {
        match self.workload.arrivals {
            Arrivals::Constant(rate) | Arrivals::Poisson(rate) => rate,
            Arrivals::Ramp { from, to } => {
                from + (to - from) * at.as_secs_f64() / self.length.as_secs_f64()
            }
            Arrivals::Replay { .. } => {
                let minute = usize::try_from(at.as_secs() / 60).unwrap_or(usize::MAX);
                self.minutes.get(minute).copied().unwrap_or(0.0)
            }
        }
    }

    fn ask(&self, asked: Duration, number: u32, rng: &mut SmallRng) -> Ask {
        let Shape { input, output, stream, tools, repeats, users } = self.workload.shape;
        let stream = rng.random_bool(stream);
        let tool = rng.random_bool(tools);
        let question = match rng.random_bool(repeats) {
            true => format!("usual question {}", rng.random_range(0..USUAL_QUESTIONS)),
            false => format!("question {number}"),
        };
        let (prompt_tokens, tokens) = (input.draw(rng), output.draw(rng));
        let user = rng.random_range(0..users);
        let prompt = prompt(&question, tokens, prompt_tokens);
        let mut body = json!({
            "model": self.workload.feature,
            "stream": stream,
            "user": format!("user-{user}"),
            "messages": [{ "role": "user", "content": prompt }],
        });
        if let (true, Some(body)) = (tool, body.as_object_mut()) {
            body.insert("tools".to_owned(), lookup());
        }
        Ask {
            feature: self.workload.feature.clone(),
            body: Bytes::from(body.to_string()),
            stream,
            tokens: (!tool).then_some(tokens),
            asked,
            clients: self.workload.clients,
        }
    }
}

/// A text of so many tokens that a simulated model answers with so many others.
fn prompt(question: &str, answer_tokens: u64, prompt_tokens: u64) -> String {
    let mut text = format!("tokens: {answer_tokens} {question}. ");
    let bytes = usize::try_from(prompt_tokens).unwrap_or(0).saturating_mul(TOKEN_BYTES);
    while text.len() + FILLER.len() <= bytes {
        text.push_str(FILLER);
    }
    text.push_str(FILLER.get(..bytes.saturating_sub(text.len())).unwrap_or_default());
    text
}

fn lookup() -> Value {
    json!([{
        "type": "function",
        "function": {
            "name": "find_order",
            "description": "Finds an order",
            "parameters": {
                "type": "object",
                "properties": { "order": { "type": "string" } },
                "required": ["order"],
            },
        },
    }])
}

impl Tokens {
    /// A number of tokens of this distribution.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of tokens are small and not negative"
    )]
    fn draw(self, rng: &mut SmallRng) -> u64 {
        // Box and Muller 1958.
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        let normal = radius * (TAU * rng.random::<f64>()).cos();
        let sigma = (self.p95 / self.p50).ln() / Z_95;
        // What is far out in the tail is no request that anybody sends.
        let tokens = self.p50 * (sigma * normal.clamp(-3.0, 3.0)).exp();
        tokens.round().max(1.0) as u64
    }
}

/// Requests a second from a file with a number of requests for each minute, a line a minute.
fn minutes(text: &str, scale: f64) -> io::Result<Vec<f64>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let rate = |(at, line): (usize, &str)| {
        let count = line.trim().parse::<f64>().ok().filter(|count| (0.0..1e9).contains(count));
        let count = count.ok_or_else(|| {
            let why = format!("line {} is no number of requests: {line:?}", at + 1);
            io::Error::new(io::ErrorKind::InvalidData, why)
        })?;
        Ok(count * scale / 60.0)
    };
    lines.map(rate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_have_the_length_that_was_drawn() {
        for tokens in [5, 20, 900, 6000] {
            let text = prompt("question 1", 250, tokens);
            let least = usize::try_from(tokens).unwrap() * TOKEN_BYTES;
            assert!(text.starts_with("tokens: 250 "));
            assert!(text.len() >= least && text.len() <= least.max(40), "{tokens}");
        }
    }

    #[test]
    fn lengths_have_the_quantiles_that_are_written() {
        let mut rng = SmallRng::seed_from_u64(1);
        let drawn = Tokens { p50: 900.0, p95: 6000.0 };
        let mut all: Vec<u64> = (0..20_000).map(|_| drawn.draw(&mut rng)).collect();
        all.sort_unstable();
        assert!((all[10_000] as f64 / 900.0 - 1.0).abs() < 0.05);
        assert!((all[19_000] as f64 / 6000.0 - 1.0).abs() < 0.08);
    }

    #[test]
    fn a_recorded_day_is_read_by_the_minute() {
        assert_eq!(minutes("60\n120\n\n0\n", 0.5).unwrap(), [0.5, 1.0, 0.0]);
        assert!(minutes("60\nmany\n", 1.0).unwrap_err().to_string().contains("line 2"));
    }
}
