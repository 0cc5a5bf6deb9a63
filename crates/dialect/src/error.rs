//! What every dialect's error reader starts from.

use std::time::Duration;

use http::HeaderMap;
use tieline_types::{Class, Fault};

use crate::retry_after;

/// The class that an HTTP status means by itself; bodies refine it.
#[must_use]
pub const fn class_of_status(status: u16) -> Class {
    match status {
        401 | 403 => Class::Auth,
        402 => Class::Billing,
        404 | 405 | 410 => Class::UnsupportedHere,
        408 | 504 => Class::Timeout,
        413 => Class::TooLarge,
        429 => Class::RateLimited,
        503 | 529 => Class::Overloaded,
        400..=499 => Class::ClientInvalid,
        _ => Class::ServerError,
    }
}

/// The longest part of an unreadable error body that is quoted.
const QUOTE_MAX: usize = 200;

/// The provider's request id, under any of the names that providers use.
#[must_use]
pub fn upstream_request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "request-id", "x-amzn-requestid", "apim-request-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .map(str::to_owned)
}

/// A fault of `class` with what the headers say: retry hint and request id under any of the names
/// that providers use.
pub(crate) fn fault_of(class: Class, status: u16, headers: &HeaderMap, message: String) -> Fault {
    let mut fault =
        Fault::new(class, message).with_status(status).with_retry_after(retry_after(headers));
    fault.upstream_request_id = upstream_request_id(headers);
    fault
}

/// Gives a fault that passes with time the wait that the error's body named, unless a header did.
pub(crate) fn wait_for(fault: &mut Fault, named: Option<Duration>) {
    if matches!(fault.class, Class::RateLimited | Class::Overloaded) {
        fault.retry_after = fault.retry_after.or(named);
    }
}

/// A readable message for a body that is not the dialect's error: proxies answer in HTML or text.
pub(crate) fn quote_body(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        return format!("HTTP {status} with an empty body");
    }
    let short: String = text.chars().take(QUOTE_MAX).collect();
    format!("HTTP {status}: {short}")
}

/// What a client is told where a provider refused Tieline's own credential or account: the
/// provider's words would make them look for a fault in their own key.
const NOT_THE_CLIENTS: &str = "the model provider could not serve this request";

/// Whether the fault lies with Tieline's own account, so that nothing of it is the client's.
pub(crate) const fn is_our_account(class: Class) -> bool {
    matches!(class, Class::Auth | Class::Billing)
}

/// The message of a fault as a client may read it.
pub(crate) fn client_message(fault: &Fault) -> &str {
    if is_our_account(fault.class) { NOT_THE_CLIENTS } else { &fault.message }
}

/// The class of the first entry of `table` with that word.
pub(crate) fn class_of_word(table: &[(&str, Class)], word: &str) -> Option<Class> {
    table.iter().find(|(known, _)| *known == word).map(|(_, class)| *class)
}

/// The class of the first entry of `table` whose words, in lower case, the message contains.
pub(crate) fn class_of_message(table: &[(&str, Class)], message: &str) -> Option<Class> {
    let message = message.to_lowercase();
    table.iter().find(|(words, _)| message.contains(words)).map(|(_, class)| *class)
}
