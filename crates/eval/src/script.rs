//! JavaScript of suites: small functions of an answer, with bounds and without any way out.
//!
//! Every call has an engine of its own (QuickJS), so that nothing of one answer is seen by the
//! next. There is no file, network, module or timer in it.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Error, Function, Runtime, Value,
    context::EvalOptions, promise::MaybePromise,
};
use serde_json::Value as Json;

/// How much memory one call may take.
const MEMORY_BYTES_MAX: usize = 64 << 20;
/// How much of the stack one call may take.
const STACK_BYTES_MAX: usize = 256 << 10;
/// How long one call may run.
const TIME_MAX: Duration = Duration::from_secs(1);
/// What places in the engine's messages call the source.
const NAME: &str = "script";
/// Names that people's scripts take for granted and that do nothing here.
const PRELUDE: &str = "globalThis.console = Object.fromEntries(\
    ['log', 'info', 'warn', 'error', 'debug'].map((name) => [name, () => {}]));";

/// A script that parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// The body of a function of `output` and `context`.
    body: String,
}

/// Why a script gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScriptError {
    /// It is not JavaScript.
    #[error("the script does not parse: {0}")]
    Syntax(String),
    /// It threw, which is often its way to say that an answer is not as it should be.
    #[error("the script threw {0}")]
    Threw(String),
    /// It went over a bound.
    #[error("the script was stopped: {0}")]
    Stopped(String),
    /// It gave what is no value: nothing, or a function.
    #[error("the script gave no value; a body of several lines needs `return`")]
    Nothing,
}

impl Script {
    /// Reads a script: an expression on one line, declarations and an expression on one line, or
    /// the body of a function. Several lines are always a body, as in promptfoo.
    ///
    /// # Errors
    /// [`ScriptError::Syntax`].
    pub(crate) fn new(source: &str) -> Result<Self, ScriptError> {
        let source = source.trim_end();
        let engine = Engine::new(TIME_MAX)?;
        let parses = |body: &String| engine.within(|ctx| function(ctx, body).map(|_| ()));
        let mut first = Ok(());
        for body in bodies(source) {
            match parses(&body) {
                Ok(()) => return Ok(Self { body }),
                // What is wrong with the likeliest reading is told.
                Err(error) => first = first.and(Err(error)),
            }
        }
        first.and(Err(ScriptError::Nothing)).map_err(|error| match error {
            ScriptError::Threw(what) => ScriptError::Syntax(what),
            other => other,
        })
    }

    /// What the script gives for an answer and its context, both as JSON.
    ///
    /// # Errors
    /// All of [`ScriptError`] but `Syntax`.
    pub(crate) fn run(&self, output: &Json, context: &Json) -> Result<Json, ScriptError> {
        self.run_within(TIME_MAX, output, context)
    }

    fn run_within(
        &self,
        time: Duration,
        output: &Json,
        context: &Json,
    ) -> Result<Json, ScriptError> {
        Engine::new(time)?
            .within(|ctx| {
                ctx.eval::<(), _>(PRELUDE)?;
                let output = ctx.json_parse(output.to_string())?;
                let context = ctx.json_parse(context.to_string())?;
                let given: MaybePromise<'_> = function(ctx, &self.body)?.call((output, context))?;
                let text = ctx.json_stringify(given.finish::<Value<'_>>()?)?;
                text.map(|text| text.to_string()).transpose()
            })
            .and_then(|text| {
                let text = text.ok_or(ScriptError::Nothing)?;
                serde_json::from_str(&text).map_err(|error| ScriptError::Threw(error.to_string()))
            })
    }
}

/// What a source may be meant to be, most likely first.
fn bodies(source: &str) -> Vec<String> {
    if source.contains('\n') {
        return vec![source.to_owned()];
    }
    let source = source.trim().trim_end_matches([';', ' ']);
    let whole = format!("return {source}");
    let mut bodies = vec![whole];
    for at in separators(source).into_iter().rev() {
        if let Some((before, after)) = source.split_at_checked(at + 1) {
            bodies.push(format!("{before} return {}", after.trim_start()));
        }
    }
    bodies.push(source.to_owned());
    bodies
}

/// Where semicolons stand that may end a statement: outside of texts and brackets. What only looks
/// like one, in an expression after `/`, gives a body that does not parse and is not taken.
fn separators(source: &str) -> Vec<usize> {
    let (mut found, mut depth, mut quote, mut escaped) = (Vec::new(), 0_i32, None, false);
    for (at, c) in source.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ';') if depth == 0 => found.push(at),
            (None, _) => {}
        }
    }
    found
}

fn function<'js>(ctx: &Ctx<'js>, body: &str) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(NAME.to_owned());
    let source = format!("(function (output, context, process) {{\n{body}\n}})");
    ctx.eval_with_options(source, options)
}

/// An engine with its bounds.
struct Engine {
    context: Context,
    late: Rc<Cell<bool>>,
    time: Duration,
}

impl Engine {
    fn new(time: Duration) -> Result<Self, ScriptError> {
        let failed = |error: Error| ScriptError::Stopped(error.to_string());
        let runtime = Runtime::new().map_err(failed)?;
        runtime.set_memory_limit(MEMORY_BYTES_MAX);
        runtime.set_max_stack_size(STACK_BYTES_MAX);
        let late = Rc::new(Cell::new(false));
        let told = Rc::clone(&late);
        let begun = now();
        runtime.set_interrupt_handler(Some(Box::new(move || {
            let over = now().duration_since(begun) > time;
            told.set(told.get() || over);
            over
        })));
        let context = Context::full(&runtime).map_err(failed)?;
        Ok(Self { context, late, time })
    }

    fn within<T>(
        &self,
        run: impl FnOnce(&Ctx<'_>) -> rquickjs::Result<T>,
    ) -> Result<T, ScriptError> {
        self.context.with(|ctx| run(&ctx).catch(&ctx).map_err(|error| self.explain(&error)))
    }

    fn explain(&self, error: &CaughtError<'_>) -> ScriptError {
        if self.late.get() {
            return ScriptError::Stopped(format!("it ran longer than {:?}", self.time));
        }
        match error {
            CaughtError::Exception(exception) => {
                let message = exception.message().unwrap_or_default();
                if message == "out of memory" {
                    return out_of_memory();
                }
                let line = exception.stack().as_deref().and_then(line_of);
                let line = line.map_or_else(String::new, |line| format!(" in line {line}"));
                ScriptError::Threw(format!("{message:?}{line}"))
            }
            CaughtError::Value(value) => {
                let text = value.as_string().and_then(|text| text.to_string().ok());
                ScriptError::Threw(format!(
                    "{:?}",
                    text.unwrap_or_else(|| value.type_name().to_string())
                ))
            }
            // An allocation that fails leaves no exception behind.
            CaughtError::Error(Error::Allocation) => out_of_memory(),
            CaughtError::Error(Error::Exception) => out_of_memory(),
            CaughtError::Error(other) => ScriptError::Threw(other.to_string()),
        }
    }
}

fn out_of_memory() -> ScriptError {
    ScriptError::Stopped(format!("it needs more than {} MiB", MEMORY_BYTES_MAX >> 20))
}

/// The line in the source of the innermost place in a stack that has one.
fn line_of(stack: &str) -> Option<usize> {
    let (_, place) = stack.split_once(&format!("{NAME}:"))?;
    let digits: String = place.chars().take_while(char::is_ascii_digit).collect();
    // The first line is that of the function around the body.
    digits.parse::<usize>().ok()?.checked_sub(1).filter(|line| *line > 0)
}

#[expect(clippy::disallowed_methods, reason = "a runaway script burns real time, paused or not")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
