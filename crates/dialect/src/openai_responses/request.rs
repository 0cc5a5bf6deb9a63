//! Requests: `POST /v1/responses` (OpenAI API reference, "Create a model response").

mod content;
mod parts;
mod read;
mod tools;
mod turns;
mod write;

pub(super) use read::read;
pub(super) use write::write;

#[cfg(test)]
mod tests;
