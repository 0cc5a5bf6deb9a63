//! Microsoft Entra ID: bearer tokens for Azure, by client secret, workload or managed identity.

mod flow;
mod reply;
mod settings;
mod token_http;

use std::{fmt, sync::Arc, time::SystemTime};

use tieline_types::Secret;

use crate::{
    IdentityError,
    refresh::{Lease, Refreshing, Source},
};
use flow::Flow;

pub use settings::EntraSettings;
pub use token_http::{TOKEN_REPLY_BYTES_MAX, TokenHttp, TokenHttpError, TokenHttpFuture};

/// The scope of tokens for Azure's v1 paths (`/openai/v1/…`).
pub const ENTRA_SCOPE_V1: &str = "https://ai.azure.com/.default";

/// The scope of tokens for Azure's dated paths (`…?api-version=2025-04-01-preview`).
pub const ENTRA_SCOPE_DATED: &str = "https://cognitiveservices.azure.com/.default";

/// Gets bearer tokens of Microsoft Entra ID for one scope. Clones share their cached token.
#[derive(Clone)]
pub struct EntraCredential {
    scope: Arc<str>,
    tokens: Refreshing<EntraSource>,
}

impl EntraCredential {
    /// Tokens for `scope` (such as [`ENTRA_SCOPE_V1`]), asked for through `http`.
    ///
    /// The flow follows from what is set: a client secret, else a federated token file, else the
    /// managed identity of App Service or of the machine. `settings` win over the `AZURE_*`
    /// variables that `env` knows (see [`EntraSettings`]); an empty variable counts as unset.
    /// Nothing is fetched before the first request.
    ///
    /// # Errors
    /// When the flow lacks its tenant or client.
    pub fn new(
        settings: EntraSettings,
        scope: impl Into<Arc<str>>,
        env: &dyn Fn(&str) -> Option<String>,
        http: Arc<dyn TokenHttp>,
    ) -> Result<Self, IdentityError> {
        let flow = Flow::choose(settings, env)?;
        let scope = scope.into();
        let place = format!("Entra by {}", flow.name()).into();
        let source = EntraSource { flow, scope: Arc::clone(&scope), http, place };
        Ok(Self { scope, tokens: Refreshing::new(source) })
    }

    pub(crate) async fn token(&self, now: SystemTime) -> Result<Secret, IdentityError> {
        self.tokens.get(now).await
    }
}

impl fmt::Debug for EntraCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraCredential")
            .field("scope", &self.scope)
            .field("from", &self.tokens.place())
            .finish_non_exhaustive()
    }
}

struct EntraSource {
    flow: Flow,
    scope: Arc<str>,
    http: Arc<dyn TokenHttp>,
    place: Arc<str>,
}

impl Source for EntraSource {
    type Credential = Secret;

    fn place(&self) -> &Arc<str> {
        &self.place
    }

    async fn fetch(&self, now: SystemTime) -> Result<Lease<Secret>, IdentityError> {
        let request = self.flow.request(&self.scope).await?;
        let response =
            self.http.send(request).await.map_err(|error| IdentityError::EntraUnreachable {
                flow: self.flow.name(),
                hint: self.flow.hint(),
                source: error.into(),
            })?;
        reply::read(&response, &self.flow, now)
    }
}
