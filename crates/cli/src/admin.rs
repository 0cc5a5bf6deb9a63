//! Asking a running gateway, over its admin listener.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;
use tieline_types::chain;

use crate::{failure::Failure, files::ConfigFile};

/// The time a gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The header that says who asks; the gateway's record of a change shows it.
const ACTOR_HEADER: &str = "x-tieline-actor";
/// The environment variables that name the user, in the order of preference.
const USER_VARIABLES: [&str; 3] = ["USER", "LOGNAME", "USERNAME"];

/// Which gateway to ask.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Admin {
    #[command(flatten)]
    config: ConfigFile,

    /// The gateway's admin listener, instead of the one that the configuration names
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
}

/// What a gateway said.
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Admin {
    /// The configuration that names the gateway.
    pub(crate) const fn config(&self) -> &ConfigFile {
        &self.config
    }

    /// What is at `path`.
    ///
    /// # Errors
    /// When no gateway answers there.
    pub(crate) fn get(&self, path: &str) -> Result<Said, Failure> {
        self.call(Method::GET, path, None)
    }

    /// Puts `value` at `path`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn put(&self, path: &str, value: &Value) -> Result<Said, Failure> {
        self.call(Method::PUT, path, Some(value))
    }

    /// Posts `value` to `path`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn post(&self, path: &str, value: &Value) -> Result<Said, Failure> {
        self.call(Method::POST, path, Some(value))
    }

    fn call(&self, method: Method, path: &str, value: Option<&Value>) -> Result<Said, Failure> {
        let address = self.address()?;
        let body = value.map_or_else(Bytes::new, |value| value.to_string().into());
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"))
            .header(CONTENT_TYPE, "application/json");
        if let Some(user) = user() {
            request = request.header(ACTOR_HEADER, user);
        }
        let request = request.body(Full::new(body)).map_err(|error| unreached(address, &error))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::os("start the runtime"))?;
        let answered =
            runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(request)).await });
        match answered {
            Ok(Ok(said)) => Ok(said),
            Ok(Err(error)) => Err(unreached(address, error.as_ref())),
            Err(late) => Err(unreached(address, &late)),
        }
    }

    fn address(&self) -> Result<SocketAddr, Failure> {
        if let Some(address) = self.admin {
            return Ok(address);
        }
        self.config.load_for_reading()?.server.admin.ok_or_else(|| Failure::Usage {
            message: "the configuration switches the admin listener off".to_owned(),
            hint: "set `server.admin` and restart the gateway, or name one with --admin".to_owned(),
        })
    }
}

/// The user's name, as far as the environment tells one that can be sent.
fn user() -> Option<HeaderValue> {
    user_name().and_then(|name| HeaderValue::try_from(name).ok())
}

/// The user's name, as far as the environment tells one.
pub(crate) fn user_name() -> Option<String> {
    USER_VARIABLES.iter().find_map(|name| std::env::var(name).ok())
}

async fn ask(
    request: Request<Full<Bytes>>,
) -> Result<Said, Box<dyn std::error::Error + Send + Sync>> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await?.to_bytes();
    Ok(Said { status, body: serde_json::from_slice(&body)? })
}

fn unreached(address: SocketAddr, error: &dyn std::error::Error) -> Failure {
    Failure::Unreached { address, why: chain(error) }
}
