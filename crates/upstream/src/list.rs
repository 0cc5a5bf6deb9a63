//! Reading a provider's list of models.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tieline_types::{Class, Fault};

use crate::{Parts, Route, Upstream, send::collect};

/// The time that a list may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of a list.
const LIST_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Upstream {
    /// The list of models of a deployment's provider, as it comes; none where it has no such list.
    ///
    /// # Errors
    /// A fault of class `auth`, `transport` or `timeout`; of class `unsupported_here` where the
    /// answer is not 200.
    pub async fn list_models(
        &self,
        route: &Route,
        now: SystemTime,
    ) -> Result<Option<Bytes>, Fault> {
        let Some(uri) = &route.models else {
            return Ok(None);
        };
        let listed = tokio::time::timeout(LIST_TIMEOUT, async {
            let (get, none) = ((Method::GET, uri), HeaderMap::new());
            let request = Self::request(get, route, &none, Parts::default(), now).await?;
            let answer = self.dispatch(&route.dial, request).await?;
            if answer.status() != StatusCode::OK {
                let message = format!("the list of models is answered with {}", answer.status());
                return Err(Fault::new(Class::UnsupportedHere, message));
            }
            collect(answer.into_body(), LIST_BYTES_MAX).await
        });
        let late = |_| Fault::new(Class::Timeout, "the list of models took too long");
        listed.await.map_err(late)?.map(Some)
    }
}
