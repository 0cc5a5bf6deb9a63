//! The load generator: a process of its own, so that it has a core of its own.
//!
//! It also reads the candidate's accounts, because only it knows when the measured time begins.

use std::{cell::RefCell, process::ExitCode, rc::Rc, str::FromStr, time::Duration};

use serde_json::json;
use tokio::{
    task::LocalSet,
    time::{Instant, sleep},
};

use super::{
    account,
    events::Events,
    http::Connection,
    measurement::{Measurement, percentile},
    plan::Client,
};
use crate::{arguments::Arguments, error::TaskError};

/// The name of the task that `cargo xtask bench` starts itself with.
pub(crate) const LOAD_TASK: &str = "bench-load";
/// How long a client waits after a failure, so that a refused connection does not spin.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(20);

/// Over how long the clients begin, so that streams of one length do not stay in step.
const RAMP_SECONDS: f64 = 0.4;

/// What to do. Everything is an argument of the process.
pub(super) struct Load {
    pub(super) address: String,
    pub(super) client: Client,
    /// The model to ask for.
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) prompt_bytes: usize,
    pub(super) concurrency: usize,
    pub(super) seconds: f64,
    /// Load before the measured time.
    pub(super) warm_up_seconds: f64,
    /// The candidate's process.
    pub(super) watch: u32,
}

impl FromStr for Client {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Chat, Self::Messages].into_iter().find(|one| one.dialect() == word).ok_or(())
    }
}

impl Load {
    /// The arguments that [`Self::read`] reads.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut words = vec![LOAD_TASK.to_owned()];
        let values = [
            ("--address", self.address.clone()),
            ("--client", self.client.dialect().to_owned()),
            ("--model", self.model.clone()),
            ("--prompt-bytes", self.prompt_bytes.to_string()),
            ("--concurrency", self.concurrency.to_string()),
            ("--seconds", self.seconds.to_string()),
            ("--warm-up-seconds", self.warm_up_seconds.to_string()),
            ("--watch", self.watch.to_string()),
        ];
        words.extend(values.map(|(name, value)| format!("{name}={value}")));
        words.extend(self.stream.then(|| "--stream".to_owned()));
        words
    }

    fn read(mut arguments: Arguments) -> Result<Self, TaskError> {
        let load = Self {
            stream: arguments.flag("--stream"),
            address: needed(&mut arguments, "--address")?,
            client: needed(&mut arguments, "--client")?,
            model: needed(&mut arguments, "--model")?,
            prompt_bytes: needed(&mut arguments, "--prompt-bytes")?,
            concurrency: needed(&mut arguments, "--concurrency")?,
            seconds: needed(&mut arguments, "--seconds")?,
            warm_up_seconds: needed(&mut arguments, "--warm-up-seconds")?,
            watch: needed(&mut arguments, "--watch")?,
        };
        arguments.end()?;
        Ok(load)
    }

    /// The request, head and body.
    fn request(&self) -> Vec<u8> {
        let mut body = json!({
            "model": self.model,
            "messages": [{ "role": "user", "content": prompt(self.prompt_bytes) }],
            "max_tokens": 1024,
        });
        if let (true, Some(body)) = (self.stream, body.as_object_mut()) {
            body.insert("stream".to_owned(), true.into());
        }
        let body = body.to_string();
        let credential = match self.client {
            Client::Chat => "authorization: Bearer bench",
            Client::Messages => "x-api-key: bench\r\nanthropic-version: 2023-06-01",
        };
        format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\naccept: */*\r\n\
             {credential}\r\ncontent-length: {}\r\n\r\n{body}",
            self.client.path(),
            self.address,
            body.len(),
        )
        .into_bytes()
    }
}

fn needed<T: FromStr>(arguments: &mut Arguments, name: &str) -> Result<T, TaskError> {
    arguments.value(name)?.ok_or_else(|| TaskError::Usage(format!("{name} is needed")))
}

/// Prose with line ends, which are escaped in JSON.
fn prompt(bytes: usize) -> String {
    const LINE: &str = "The substation reports a stable load on every feeder this evening.\n";
    LINE.chars().cycle().take(bytes).collect()
}

pub(crate) fn task(arguments: Arguments) -> Result<ExitCode, TaskError> {
    let load = Load::read(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| TaskError::Runtime { source })?;
    let measurement = LocalSet::new().block_on(&runtime, run(&load));
    println!("{}", json!(measurement));
    Ok(ExitCode::SUCCESS)
}

/// What the clients count together.
#[derive(Default)]
struct Tally {
    recording: bool,
    measurement: Measurement,
    latencies_us: Vec<f64>,
    first_tokens_us: Vec<f64>,
    open_streams: u64,
}

async fn run(load: &Load) -> Measurement {
    let tally = Rc::new(RefCell::new(Tally::default()));
    let request: Rc<[u8]> = load.request().into();
    let ramp = Duration::from_secs_f64(RAMP_SECONDS.min(load.warm_up_seconds));
    for place in 0..load.concurrency {
        let caller = Caller {
            address: load.address.clone(),
            client: load.client,
            request: Rc::clone(&request),
            tally: Rc::clone(&tally),
            begin_after: ramp.mul_f64(place as f64 / load.concurrency as f64),
        };
        tokio::task::spawn_local(caller.call_forever());
    }
    sleep(Duration::from_secs_f64(load.warm_up_seconds)).await;
    let (start, cpu_us) = (Instant::now(), account::cpu_us(load.watch));
    tally.borrow_mut().recording = true;
    sleep(Duration::from_secs_f64(load.seconds)).await;
    let mut tally = tally.borrow_mut();
    tally.recording = false;
    Measurement {
        seconds: start.elapsed().as_secs_f64(),
        cpu_us: account::cpu_us(load.watch) - cpu_us,
        latency_p50_us: percentile(&mut tally.latencies_us, 50),
        latency_p99_us: percentile(&mut tally.latencies_us, 99),
        first_token_p50_us: percentile(&mut tally.first_tokens_us, 50),
        first_token_p99_us: percentile(&mut tally.first_tokens_us, 99),
        open_streams: tally.open_streams,
        memory: account::memory(load.watch),
        ..tally.measurement.clone()
    }
}

/// One client that sends a request whenever the answer to the one before has come.
struct Caller {
    address: String,
    client: Client,
    request: Rc<[u8]>,
    tally: Rc<RefCell<Tally>>,
    begin_after: Duration,
}

impl Caller {
    async fn call_forever(self) {
        sleep(self.begin_after).await;
        let mut kept = None;
        loop {
            if let Err(error) = self.call(&mut kept).await {
                kept = None;
                self.failed(&error.to_string());
                sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }

    async fn call(&self, kept: &mut Option<Connection>) -> std::io::Result<()> {
        if kept.is_none() {
            *kept = Some(Connection::open(&self.address).await?);
        }
        let Some(connection) = kept else { return Ok(()) };
        let start = Instant::now();
        let mut events = Events::new(self.client);
        let mut begun = false;
        let done = connection.call(&self.request, |piece| {
            let count = events.take(piece);
            if count > 0 {
                self.saw(count, (!begun).then(|| start.elapsed()));
                begun = true;
            }
        });
        let ended = done.await;
        self.tally.borrow_mut().open_streams -= u64::from(begun);
        ended?;
        self.answered(start.elapsed());
        Ok(())
    }

    /// Content events came; with the time since the request if they are its first.
    fn saw(&self, count: u64, first: Option<Duration>) {
        let mut tally = self.tally.borrow_mut();
        tally.open_streams += u64::from(first.is_some());
        if tally.recording {
            tally.measurement.chunks += count;
            tally.first_tokens_us.extend(first.map(micros));
        }
    }

    fn answered(&self, latency: Duration) {
        let mut tally = self.tally.borrow_mut();
        if tally.recording {
            tally.measurement.requests += 1;
            tally.latencies_us.push(micros(latency));
        }
    }

    fn failed(&self, why: &str) {
        let measurement = &mut self.tally.borrow_mut().measurement;
        measurement.failures += 1;
        measurement.first_failure.get_or_insert_with(|| why.to_owned());
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn load(address: String) -> Load {
        Load {
            address,
            client: Client::Chat,
            model: "plain".to_owned(),
            stream: true,
            prompt_bytes: 100,
            concurrency: 2,
            seconds: 0.2,
            warm_up_seconds: 0.0,
            watch: std::process::id(),
        }
    }

    #[test]
    fn requests_are_whole_and_say_their_length() {
        let request = String::from_utf8(load("127.0.0.1:1".to_owned()).request()).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["stream"], true);
        assert_eq!(body["messages"][0]["content"].as_str().unwrap().len(), 100);
    }

    /// Answers every request on every connection with `answer`.
    fn server(answer: &'static str) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut request = [0; 4096];
                    while stream.read(&mut request).is_ok_and(|count| count > 0) {
                        stream.write_all(answer.as_bytes()).unwrap();
                    }
                });
            }
        });
        address
    }

    /// Calls a server three times; gives what was counted and how often the calls failed.
    fn three_calls(answer: &'static str) -> (Tally, Vec<String>) {
        let load = load(server(answer));
        let tally = Rc::new(RefCell::new(Tally { recording: true, ..Tally::default() }));
        let caller = Caller {
            address: load.address.clone(),
            client: load.client,
            request: load.request().into(),
            tally: Rc::clone(&tally),
            begin_after: Duration::ZERO,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut errors = Vec::new();
        for _ in 0..3 {
            let done = runtime.block_on(caller.call(&mut None));
            errors.extend(done.err().map(|error| error.to_string()));
        }
        (tally.take(), errors)
    }

    #[test]
    fn answers_and_their_content_are_counted() {
        let (tally, errors) = three_calls(concat!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "30\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\r\n",
            "1\r\n\n\r\n0\r\n\r\n",
        ));
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!((tally.measurement.requests, tally.measurement.chunks), (3, 3));
        assert_eq!((tally.latencies_us.len(), tally.first_tokens_us.len()), (3, 3));
        assert_eq!(tally.open_streams, 0);
        let pairs = tally.latencies_us.iter().zip(&tally.first_tokens_us);
        assert!(pairs.into_iter().all(|(whole, first)| whole >= first));
    }

    #[test]
    fn refusals_are_errors_with_their_reason() {
        let (tally, errors) = three_calls("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy");
        assert_eq!(tally.measurement.requests, 0);
        assert_eq!(errors.len(), 3);
        assert!(errors[0].starts_with("HTTP/1.1 503 Busy"), "{}", errors[0]);
    }
}
