//! The ways to ask for a token, each one HTTP request.
//!
//! Sources: OAuth 2.0 client credentials on the Microsoft identity platform,
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>; managed
//! identities on machines,
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/>;
//! and on App Service, <https://learn.microsoft.com/azure/app-service/overview-managed-identity>.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{
    HeaderName, HeaderValue, Request,
    header::{ACCEPT, CONTENT_TYPE},
};
use tieline_types::Secret;

use super::settings::{EntraSettings, set};
use crate::{IdentityError, credential::put};

/// The sign-in service of the public cloud.
const PUBLIC_AUTHORITY: &str = "https://login.microsoftonline.com";

/// The metadata service that every Azure machine reaches at this link-local address.
const MACHINE_ENDPOINT: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
const MACHINE_API_VERSION: &str = "2018-02-01";
const APP_SERVICE_API_VERSION: &str = "2019-08-01";

/// How tokens are asked for.
pub(super) enum Flow {
    /// With the secret of an application.
    ClientSecret { app: App, secret: Secret },
    /// With a token of another issuer that the application trusts.
    WorkloadIdentity { app: App, token_file: PathBuf },
    /// From the sidecar of an App Service, a function or a container app.
    AppService { endpoint: String, key: Secret, client_id: Option<String> },
    /// From the metadata service of the machine.
    Machine { client_id: Option<String> },
}

/// An application registered in a tenant.
pub(super) struct App {
    client_id: String,
    token_url: String,
}

impl Flow {
    /// The first flow that the settings, completed from `env`, speak for.
    pub(super) fn choose(
        settings: EntraSettings,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, IdentityError> {
        let mut settings = settings.or_env(env);
        if let Some(secret) = settings.client_secret.take() {
            return Ok(Self::ClientSecret { app: App::of(settings, "client secret")?, secret });
        }
        if let Some(token_file) = settings.federated_token_file.take() {
            let app = App::of(settings, "workload identity")?;
            return Ok(Self::WorkloadIdentity { app, token_file });
        }
        let client_id = settings.client_id;
        Ok(match (set(env, "IDENTITY_ENDPOINT"), set(env, "IDENTITY_HEADER")) {
            (Some(endpoint), Some(key)) => {
                Self::AppService { endpoint, key: Secret::new(key), client_id }
            }
            _ => Self::Machine { client_id },
        })
    }

    /// What the flow is called in errors: "Entra by …".
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client secret",
            Self::WorkloadIdentity { .. } => "workload identity",
            Self::AppService { .. } => "managed identity of the App Service",
            Self::Machine { .. } => "managed identity of the machine",
        }
    }

    /// What to check when the flow fails.
    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => {
                "check AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and \
                 AZURE_AUTHORITY_HOST"
            }
            Self::WorkloadIdentity { .. } => {
                "check AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE and \
                 AZURE_AUTHORITY_HOST"
            }
            Self::AppService { .. } => {
                "assign a managed identity to the app; AZURE_CLIENT_ID must name it if it is \
                 user-assigned"
            }
            Self::Machine { .. } => {
                "set AZURE_TENANT_ID and AZURE_CLIENT_ID with AZURE_CLIENT_SECRET or \
                 AZURE_FEDERATED_TOKEN_FILE, or run where a managed identity is assigned \
                 (AZURE_CLIENT_ID must name it if it is user-assigned)"
            }
        }
    }

    /// The request for a token for `scope`.
    pub(super) async fn request(&self, scope: &str) -> Result<Request<Bytes>, IdentityError> {
        match self {
            Self::ClientSecret { app, secret } => {
                app.request(scope, &[("client_secret", secret.expose())])
            }
            Self::WorkloadIdentity { app, token_file } => {
                let assertion = tokio::fs::read_to_string(token_file).await.map_err(|error| {
                    let source = Arc::new(error);
                    IdentityError::EntraTokenFile { path: token_file.clone(), source }
                })?;
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                app.request(
                    scope,
                    &[("client_assertion_type", kind), ("client_assertion", assertion.trim())],
                )
            }
            Self::AppService { endpoint, key, client_id } => {
                let mut request =
                    managed(endpoint, APP_SERVICE_API_VERSION, scope, client_id.as_deref())?;
                let name = HeaderName::from_static("x-identity-header");
                put(request.headers_mut(), name, key.expose())?;
                Ok(request)
            }
            Self::Machine { client_id } => {
                let mut request =
                    managed(MACHINE_ENDPOINT, MACHINE_API_VERSION, scope, client_id.as_deref())?;
                request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
                Ok(request)
            }
        }
    }
}

impl App {
    fn of(settings: EntraSettings, flow: &'static str) -> Result<Self, IdentityError> {
        let missing = |variable| IdentityError::EntraIncomplete { flow, variable };
        let tenant = settings.tenant_id.ok_or_else(|| missing("AZURE_TENANT_ID"))?;
        let client_id = settings.client_id.ok_or_else(|| missing("AZURE_CLIENT_ID"))?;
        let authority = settings.authority_host.as_deref().unwrap_or(PUBLIC_AUTHORITY);
        let token_url = format!("{}/{tenant}/oauth2/v2.0/token", authority.trim_end_matches('/'));
        Ok(Self { client_id, token_url })
    }

    /// The client credentials grant, with `proof` that we are the application.
    fn request(
        &self,
        scope: &str,
        proof: &[(&str, &str)],
    ) -> Result<Request<Bytes>, IdentityError> {
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client_id)
            .append_pair("scope", scope)
            .extend_pairs(proof)
            .finish();
        Request::post(&self.token_url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(form.into())
            .map_err(|error| IdentityError::EntraRequest(Arc::new(error)))
    }
}

/// A request to a managed identity endpoint. Those take a resource, which is a scope without its
/// `/.default`.
fn managed(
    endpoint: &str,
    api_version: &str,
    scope: &str,
    client_id: Option<&str>,
) -> Result<Request<Bytes>, IdentityError> {
    let query = Serializer::new(String::new())
        .append_pair("api-version", api_version)
        .append_pair("resource", scope.strip_suffix("/.default").unwrap_or(scope))
        .extend_pairs(client_id.map(|id| ("client_id", id)))
        .finish();
    Request::get(format!("{endpoint}?{query}"))
        .header(ACCEPT, "application/json")
        .body(Bytes::new())
        .map_err(|error| IdentityError::EntraRequest(Arc::new(error)))
}
