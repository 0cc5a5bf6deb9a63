//! Errors.
use http::HeaderMap;
use tieline_types::Fault;
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let _ = (status, headers, body);
    Fault::new(tieline_types::Class::Internal, "")
}
pub(super) fn write(_fault: &Fault, _request_id: &str) -> (u16, Vec<u8>) {
    (500, Vec::new())
}
