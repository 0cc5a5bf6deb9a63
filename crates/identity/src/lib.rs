//! Puts credentials on provider requests: keys, bearer tokens, AWS signatures, Entra tokens.
//!
//! A [`Credential`] is built once per provider and authorizes every request to it. What expires is
//! fetched once for all who wait, refreshed ahead of its expiry, and kept while a refresh fails.
//! This crate walls off the AWS SDK. It opens no socket for Entra: its caller lends it a
//! [`TokenHttp`]. It reads no clock; wall time is an argument, waiting is on tokio's time.

mod aws;
mod credential;
mod entra;
mod error;
mod refresh;

pub use aws::{AwsCredential, AwsSource};
pub use credential::Credential;
pub use entra::{
    ENTRA_SCOPE_DATED, ENTRA_SCOPE_V1, EntraCredential, EntraSettings, TOKEN_REPLY_BYTES_MAX,
    TokenHttp, TokenHttpError, TokenHttpFuture,
};
pub use error::IdentityError;
