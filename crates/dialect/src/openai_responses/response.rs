//! Whole replies.
use crate::{Losses, Style, ir::Reply};
use tieline_types::Fault;
pub(super) fn read(_body: &[u8]) -> Result<Reply, Fault> {
    Ok(Reply::default())
}
pub(super) fn write(_reply: &Reply, _style: &Style, _losses: &mut Losses) -> Vec<u8> {
    Vec::new()
}
