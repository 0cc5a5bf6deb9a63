//! Where AWS credentials come from.

use std::{sync::Arc, time::SystemTime};

use aws_config::{
    Region, default_provider::credentials::DefaultCredentialsChain,
    profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use aws_smithy_runtime_api::client::identity::Identity;
use tieline_types::Secret;

use crate::{
    IdentityError,
    refresh::{Lease, Source},
};

/// Where AWS credentials come from.
#[derive(Clone, Debug)]
pub enum AwsSource {
    /// Keys given as they are; they never expire.
    Static {
        /// The access key id, which is no secret.
        access_key_id: String,
        /// The secret access key.
        secret_access_key: Secret,
        /// The session token that temporary keys come with.
        session_token: Option<Secret>,
    },
    /// The default chain of the AWS SDKs: environment, shared profile (static keys, assumed role,
    /// SSO, `credential_process`), web identity, container, instance metadata.
    Chain {
        /// Only this profile of the shared files, whatever else the machine offers.
        profile: Option<String>,
    },
    /// Any provider of the AWS SDK.
    Provider(SharedCredentialsProvider),
}

/// An [`AwsSource`] that can be asked.
pub(crate) struct AwsProvider {
    source: AwsSource,
    region: Region,
    place: Arc<str>,
}

impl AwsProvider {
    /// `region` is where role and SSO credentials are asked for unless a profile says otherwise.
    pub(crate) fn new(source: AwsSource, region: &str) -> Self {
        let place = match &source {
            AwsSource::Static { .. } => "the given AWS keys".into(),
            AwsSource::Chain { profile: None } => "the AWS default credential chain".into(),
            AwsSource::Chain { profile: Some(name) } => format!("the AWS profile `{name}`").into(),
            AwsSource::Provider(_) => "the given AWS credential provider".into(),
        };
        Self { source, region: Region::new(region.to_owned()), place }
    }

    /// Chain and profile are built anew each time, because the SDK reads the shared files only once
    /// in the life of a provider and would never see what a login or a rotation writes to them.
    async fn credentials(&self) -> provider::Result {
        match &self.source {
            AwsSource::Static { access_key_id, secret_access_key, session_token } => {
                Ok(Credentials::new(
                    access_key_id,
                    secret_access_key.expose(),
                    session_token.as_ref().map(|token| token.expose().to_owned()),
                    None,
                    "static",
                ))
            }
            AwsSource::Chain { profile: None } => {
                let chain = DefaultCredentialsChain::builder().region(self.region.clone());
                chain.build().await.provide_credentials().await
            }
            AwsSource::Chain { profile: Some(name) } => {
                let config = ProviderConfig::default().with_region(Some(self.region.clone()));
                ProfileFileCredentialsProvider::builder()
                    .configure(&config)
                    .profile_name(name)
                    .build()
                    .provide_credentials()
                    .await
            }
            AwsSource::Provider(provider) => provider.provide_credentials().await,
        }
    }

    fn explain(&self, source: CredentialsError) -> IdentityError {
        let place = Arc::clone(&self.place);
        let named_profile = matches!(self.source, AwsSource::Chain { profile: Some(_) });
        match source {
            CredentialsError::CredentialsNotLoaded(_) if !named_profile => {
                IdentityError::AwsNone { place }
            }
            CredentialsError::CredentialsNotLoaded(_)
            | CredentialsError::InvalidConfiguration(_) => {
                IdentityError::AwsSetup { place, source: Arc::new(source) }
            }
            _ => IdentityError::AwsFetch { place, source: Arc::new(source) },
        }
    }
}

impl Source for AwsProvider {
    type Credential = Identity;

    fn place(&self) -> &Arc<str> {
        &self.place
    }

    async fn fetch(&self, _now: SystemTime) -> Result<Lease<Identity>, IdentityError> {
        let credentials = self.credentials().await.map_err(|error| self.explain(error))?;
        Ok(Lease { expires: credentials.expiry(), credential: credentials.into() })
    }
}
