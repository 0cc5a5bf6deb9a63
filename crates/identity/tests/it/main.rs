//! What providers see on requests, and what becomes of credentials that expire.

#[cfg(test)]
mod aws;
#[cfg(test)]
mod entra;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod support;
