//! Telling an address of the operator's something: webhooks.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use tieline_types::{Class, Fault};

use crate::{Parts, Upstream, send::collect};

/// The time one message may take, its answer included.
const POST_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of an answer that are read, so that the connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

impl Upstream {
    /// Posts a message and gives the status of the answer. Redirects are not followed.
    ///
    /// The address must come from the configuration, never from a caller: private ones are allowed.
    ///
    /// # Errors
    /// A fault of class `transport` or `timeout`; of class `internal` where the address is not one.
    pub async fn post(
        &self,
        address: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<StatusCode, Fault> {
        let uri: Uri = address
            .parse()
            .map_err(|_| Fault::new(Class::Internal, "a webhook's address is not valid"))?;
        let mut request = Request::new(Parts::from([body]));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let posted = tokio::time::timeout(POST_TIMEOUT, async {
            let answer = self.usual.send(request).await?;
            let status = answer.status();
            // What it says does not matter.
            let _ = collect(answer.into_body(), ANSWER_BYTES_MAX).await;
            Ok(status)
        });
        posted.await.unwrap_or_else(|_| {
            Err(Fault::new(Class::Timeout, "the webhook did not answer in the time allowed"))
        })
    }
}
