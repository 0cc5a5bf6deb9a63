//! AWS: Signature Version 4 with credentials from wherever AWS keeps them.

mod sign;
mod source;

use std::{fmt, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::request::Parts;

use crate::{IdentityError, refresh::Refreshing};
use source::AwsProvider;

pub use source::AwsSource;

/// Signs requests to one AWS service in one region. Clones share their cached credentials.
#[derive(Clone)]
pub struct AwsCredential {
    service: Arc<str>,
    region: Arc<str>,
    keys: Refreshing<AwsProvider>,
}

impl AwsCredential {
    /// Signs for `service` (`bedrock`, `bedrock-mantle`) in `region` (`us-east-2`) with the
    /// credentials of `source`. Nothing is fetched before the first request.
    #[must_use]
    pub fn new(
        service: impl Into<Arc<str>>,
        region: impl Into<Arc<str>>,
        source: AwsSource,
    ) -> Self {
        let region = region.into();
        let keys = Refreshing::new(AwsProvider::new(source, &region));
        Self { service: service.into(), region, keys }
    }

    /// The same credentials, in the same cache, for another service in the same region.
    #[must_use]
    pub fn for_service(&self, service: impl Into<Arc<str>>) -> Self {
        Self { service: service.into(), ..self.clone() }
    }

    pub(crate) async fn sign(
        &self,
        parts: &mut Parts,
        body: &[Bytes],
        now: SystemTime,
    ) -> Result<(), IdentityError> {
        let identity = self.keys.get(now).await?;
        let scope = sign::Scope { service: &self.service, region: &self.region };
        sign::sign(parts, body, &identity, scope, now)
    }
}

impl fmt::Debug for AwsCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredential")
            .field("service", &self.service)
            .field("region", &self.region)
            .field("from", &self.keys.place())
            .finish_non_exhaustive()
    }
}
