//! Why a request could not be given its credential, and what to do about it.

use std::{error::Error, io, path::PathBuf, sync::Arc, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use http::{HeaderName, header::InvalidHeaderValue};
use tieline_types::{Class, Fault, Origin, Phase, Replay, Scope};

/// Why a request could not be given its credential.
///
/// No variant holds a secret or quotes what a token endpoint answered. Clones are cheap: all who
/// wait for one fetch get the same error.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IdentityError {
    /// A key has characters that no header may carry.
    #[error(
        "the credential for `{header}` has characters that a header cannot carry; look for a line \
         break at its end"
    )]
    HeaderValue {
        /// The header it was meant for.
        header: HeaderName,
        /// What the header type objects to.
        #[source]
        source: Arc<InvalidHeaderValue>,
    },

    /// Neither the URI nor a `host` header names a host to sign for.
    #[error("the request names no host, which an AWS signature must cover")]
    MissingHost,

    /// The request has a form that AWS signatures are not defined for.
    #[error("cannot sign the request for AWS")]
    Sign(#[source] Arc<dyn Error + Send + Sync>),

    /// No source of AWS credentials has any.
    #[error(
        "no AWS credentials in {place}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a \
         profile, or give the machine, container or service account a role"
    )]
    AwsNone {
        /// Where they were looked for.
        place: Arc<str>,
    },

    /// A source of AWS credentials is set up wrongly.
    #[error("{place} is not set up correctly; check ~/.aws/config and ~/.aws/credentials")]
    AwsSetup {
        /// Which source.
        place: Arc<str>,
        /// What the AWS SDK objects to.
        #[source]
        source: Arc<CredentialsError>,
    },

    /// A source of AWS credentials failed.
    #[error("cannot get AWS credentials from {place}")]
    AwsFetch {
        /// Which source.
        place: Arc<str>,
        /// What the AWS SDK reported.
        #[source]
        source: Arc<CredentialsError>,
    },

    /// A setting that the chosen Entra flow needs is missing.
    #[error("Entra by {flow} needs {variable}")]
    EntraIncomplete {
        /// The flow that the other settings chose.
        flow: &'static str,
        /// The setting, by its environment variable.
        variable: &'static str,
    },

    /// The federated token cannot be read.
    #[error(
        "cannot read the federated token `{}`; AZURE_FEDERATED_TOKEN_FILE must name a file \
         that Tieline may read",
        path.display()
    )]
    EntraTokenFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<io::Error>,
    },

    /// The settings do not make a token request.
    #[error(
        "the Entra settings do not make a valid token request; check AZURE_AUTHORITY_HOST, \
         AZURE_TENANT_ID and IDENTITY_ENDPOINT"
    )]
    EntraRequest(#[source] Arc<http::Error>),

    /// The token endpoint gave no answer.
    #[error("no answer from the token endpoint of Entra by {flow}; {hint}")]
    EntraUnreachable {
        /// The flow.
        flow: &'static str,
        /// What to check.
        hint: &'static str,
        /// What the transport reported.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },

    /// The token endpoint refused.
    #[error("Entra by {flow} was refused with HTTP {status} ({code}); {hint}")]
    EntraRefused {
        /// The flow.
        flow: &'static str,
        /// The HTTP status.
        status: u16,
        /// The `AADSTS` code, else the OAuth error code, else `no code`.
        code: Arc<str>,
        /// What to check.
        hint: &'static str,
    },

    /// The token endpoint answered 200 with something else than a token. What it was is withheld,
    /// because it may hold the token.
    #[error(
        "the token endpoint of Entra by {flow} answered without `access_token` and a lifetime; \
         check that nothing but the token service answers there"
    )]
    EntraReply {
        /// The flow.
        flow: &'static str,
    },

    /// What was fetched cannot be used because it has expired already.
    #[error("{place} gave credentials that have already expired; check this machine's clock")]
    Expired {
        /// Which source.
        place: Arc<str>,
    },

    /// A fetch took too long.
    #[error("{place} gave no credentials within {} s", after.as_secs())]
    TimedOut {
        /// Which source.
        place: Arc<str>,
        /// How long it was given.
        after: Duration,
    },

    /// A fetch ended without a result, as it does when the process shuts down.
    #[error("fetching credentials from {place} was interrupted")]
    Interrupted {
        /// Which source.
        place: Arc<str>,
    },
}

impl IdentityError {
    /// The fault that an attempt ends with: class `auth`, for everything that uses the credential,
    /// before anything was sent.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let fault = Fault {
            origin: self.origin(),
            scope: Scope::Credential,
            replay: Replay::NotSent,
            ..Fault::new(Class::Auth, self.explain()).at(Phase::Connect)
        };
        match self {
            Self::EntraRefused { code, .. } => fault.with_code(&**code),
            _ => fault,
        }
    }

    /// Settings are Tieline's; what issues credentials counts as part of the provider.
    const fn origin(&self) -> Origin {
        match self {
            Self::HeaderValue { .. }
            | Self::MissingHost
            | Self::Sign(_)
            | Self::AwsNone { .. }
            | Self::AwsSetup { .. }
            | Self::EntraIncomplete { .. }
            | Self::EntraTokenFile { .. }
            | Self::EntraRequest(_)
            | Self::Interrupted { .. } => Origin::Tieline,
            Self::AwsFetch { .. }
            | Self::EntraUnreachable { .. }
            | Self::EntraRefused { .. }
            | Self::EntraReply { .. }
            | Self::Expired { .. }
            | Self::TimedOut { .. } => Origin::Provider,
        }
    }

    /// This error and its causes in one sentence.
    pub(crate) fn explain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
