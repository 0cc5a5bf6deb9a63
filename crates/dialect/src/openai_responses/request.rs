//! Requests.
use crate::{Losses, RawRequest, Target, ir::Ask};
use tieline_types::Fault;
pub(super) fn read(_raw: &RawRequest<'_>) -> Result<Ask, Fault> {
    Ok(Ask::default())
}
pub(super) fn write(_ask: &Ask, _target: &Target, _losses: &mut Losses) -> Result<Vec<u8>, Fault> {
    Ok(Vec::new())
}
