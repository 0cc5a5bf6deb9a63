//! The graders that people write: JavaScript, and programs of their own.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    time::timeout,
};

use super::{
    mark::{Broken, Mark},
    returned,
    scorer::Scorer,
    seen::Seen,
    text::plain,
};
use crate::flaw::Flaws;
use crate::script::{Script, ScriptError};

/// How long a program may take.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(30);
/// How much a program may write.
const COMMAND_BYTES_MAX: u64 = 1 << 20;
/// What a program is told of this process' environment; secrets are not in it.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT", "USER"];

/// JavaScript says what an answer is worth.
pub(super) struct Scripted {
    script: Option<Script>,
    threshold: Option<f64>,
}

impl Scripted {
    pub(super) fn new(source: &str, threshold: Option<f64>, flaws: &mut Flaws) -> Self {
        Self { script: read(source, "/source", flaws), threshold }
    }
}

/// A script, or none and a flaw.
pub(super) fn read(source: &str, at: &str, flaws: &mut Flaws) -> Option<Script> {
    flaws.keep(at, Script::new(source))
}

impl Scorer for Scripted {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let Some(script) = &self.script else { return Err(Broken("no script".to_owned())) };
        match script.run(&output(seen), &context(seen)) {
            Ok(given) => returned::read(&given, self.threshold),
            // Scripts throw at answers that are not as they take for granted, `JSON.parse` above
            // all: that is no finding to turn round, and no reason to take the answer for missing.
            Err(error @ ScriptError::Threw(_)) => Ok(Mark::failed(error.to_string())),
            Err(other) => Err(Broken(other.to_string())),
        }
    }
}

/// What the script makes of an answer, to be graded in its place.
pub(super) fn transformed(script: &Script, seen: &Seen<'_>) -> Result<String, Broken> {
    let given = script.run(&output(seen), &context(seen));
    given.map(plain).map_err(|error| Broken(format!("`transform`: {error}")))
}

/// The answer: its text, or its tool calls where it has nothing else.
fn output(seen: &Seen<'_>) -> Value {
    if seen.answer.text.is_empty() && seen.text() == super::seen::text_of(seen.answer) {
        if seen.answer.tool_calls.is_empty() {
            return Value::String(String::new());
        }
        return Value::from(seen.answer.tool_calls.clone());
    }
    Value::from(seen.text())
}

/// What is known beside the answer, in promptfoo's words.
fn context(seen: &Seen<'_>) -> Value {
    let usage = seen.answer.usage.map(|usage| {
        json!({
            "prompt": usage.input_total(),
            "completion": usage.output_total(),
            "total": usage.input_total().saturating_add(usage.output_total()),
        })
    });
    let metadata = json!({
        "id": seen.case.id,
        "cluster": seen.case.cluster,
        "slices": seen.case.slices,
    });
    json!({
        "vars": seen.case.fields,
        "prompt": seen.request.get("messages").map(Value::to_string),
        "test": { "vars": seen.case.fields, "metadata": metadata },
        "provider": { "id": seen.deployment },
        "providerResponse": {
            "output": seen.answer.text,
            "toolCalls": seen.answer.tool_calls,
            "finishReason": seen.answer.finish_reason,
            "tokenUsage": usage,
            "cost": seen.answer.cost_usd,
            "cached": seen.answer.cached,
            "latencyMs": u64::try_from(seen.answer.took.as_millis()).unwrap_or(u64::MAX),
        },
        "metadata": metadata,
    })
}

/// A program says what an answer is worth.
pub(super) struct Program {
    argv: Vec<String>,
    threshold: Option<f64>,
}

impl Program {
    pub(super) fn new(argv: &[String], threshold: Option<f64>, flaws: &mut Flaws) -> Self {
        if argv.first().is_none_or(String::is_empty) {
            flaws.add("/argv", "expected a program and its arguments");
        }
        Self { argv: argv.to_vec(), threshold }
    }

    /// Runs the program with `{output, context}` on its standard input.
    pub(super) async fn mark(&self, seen: &Seen<'_>, allowed: bool) -> Result<Mark, Broken> {
        if !allowed {
            return Err(Broken("programs run only where they are allowed".to_owned()));
        }
        let input = json!({ "output": output(seen), "context": context(seen) }).to_string();
        let written = timeout(COMMAND_TIME_MAX, self.run(&input)).await;
        let late = |_| Broken(format!("the program took longer than {COMMAND_TIME_MAX:?}"));
        let written = written.map_err(late)??;
        let given = serde_json::from_str(written.trim());
        let given = given.map_err(|error| Broken(format!("the program wrote no JSON: {error}")))?;
        returned::read(&given, self.threshold)
    }

    async fn run(&self, input: &str) -> Result<String, Broken> {
        let name = self.argv.first().map(String::as_str).unwrap_or_default();
        let failed = |error: std::io::Error| Broken(format!("the program `{name}`: {error}"));
        let mut child = self.start(name).map_err(failed)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut written = String::new();
        let write = async {
            // One that reads nothing closes its input early; what it writes is what counts.
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let read = async {
            match stdout {
                Some(stdout) => stdout.take(COMMAND_BYTES_MAX).read_to_string(&mut written).await,
                None => Ok(0),
            }
        };
        let ((), read) = tokio::join!(write, read);
        read.map_err(failed)?;
        let status = child.wait().await.map_err(failed)?;
        if !status.success() {
            return Err(Broken(format!("the program `{name}` ended with {status}")));
        }
        Ok(written)
    }

    fn start(&self, name: &str) -> std::io::Result<Child> {
        Command::new(name)
            .args(self.argv.iter().skip(1))
            .env_clear()
            .envs(ENVIRONMENT.iter().filter_map(|key| Some((*key, std::env::var_os(key)?))))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}
