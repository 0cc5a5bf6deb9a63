//! How token requests travel: through a client that is lent to this crate.

use std::{error::Error, pin::Pin};

use bytes::Bytes;
use http::{Request, Response};

/// The longest token reply that a [`TokenHttp`] needs to read; tokens are a few kilobytes.
pub const TOKEN_REPLY_BYTES_MAX: usize = 64 * 1024;

/// Why a [`TokenHttp`] got no answer. Its text is shown, so it must not quote the request.
pub type TokenHttpError = Box<dyn Error + Send + Sync>;

/// The answer to come from a [`TokenHttp`].
pub type TokenHttpFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Bytes>, TokenHttpError>> + Send + 'a>>;

/// Sends one request to a token endpoint and reads the whole reply.
///
/// The URI is absolute: `https` to Entra, plain `http` to the link-local address of a machine's
/// metadata service or to an App Service's sidecar, neither of which a proxy may see. Implementors
/// follow no redirects, read at most [`TOKEN_REPLY_BYTES_MAX`], and log neither headers nor bodies:
/// both hold secrets. They need no timeout of their own.
pub trait TokenHttp: Send + Sync {
    /// Sends `request`. Any status is an answer.
    ///
    /// # Errors
    /// When there was no answer, or it was longer than allowed.
    fn send(&self, request: Request<Bytes>) -> TokenHttpFuture<'_>;
}
