//! What Entra has to be told, and where else it can be found.

use std::path::PathBuf;

use tieline_types::Secret;

/// Settings that win over the environment. What is left out is read from the variable named.
#[derive(Clone, Debug, Default)]
pub struct EntraSettings {
    /// The directory, by id or domain (`AZURE_TENANT_ID`).
    pub tenant_id: Option<String>,
    /// The application, or the user-assigned managed identity (`AZURE_CLIENT_ID`).
    pub client_id: Option<String>,
    /// The application's secret (`AZURE_CLIENT_SECRET`, which is ignored when a token file is
    /// given here).
    pub client_secret: Option<Secret>,
    /// The file that Kubernetes keeps a service account's token in (`AZURE_FEDERATED_TOKEN_FILE`);
    /// it is read anew for every token request, because it is rotated.
    pub federated_token_file: Option<PathBuf>,
    /// The sign-in service (`AZURE_AUTHORITY_HOST`, else `https://login.microsoftonline.com`).
    pub authority_host: Option<String>,
}

impl EntraSettings {
    /// These settings with their gaps filled from `env`.
    pub(super) fn or_env(self, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let env = |name| set(env, name);
        let env_secret = || match self.federated_token_file {
            Some(_) => None,
            None => env("AZURE_CLIENT_SECRET").map(Secret::new),
        };
        Self {
            tenant_id: self.tenant_id.or_else(|| env("AZURE_TENANT_ID")),
            client_id: self.client_id.or_else(|| env("AZURE_CLIENT_ID")),
            client_secret: self.client_secret.or_else(env_secret),
            authority_host: self.authority_host.or_else(|| env("AZURE_AUTHORITY_HOST")),
            federated_token_file: self
                .federated_token_file
                .or_else(|| env("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from)),
        }
    }
}

/// A variable that is set to something.
pub(super) fn set(env: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}
