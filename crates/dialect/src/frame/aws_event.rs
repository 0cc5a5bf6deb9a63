//! AWS event stream messages (`application/vnd.amazon.eventstream`).

use tieline_types::{Class, Fault};

/// The shortest message: prelude (12 bytes) and checksum (4 bytes).
const MESSAGE_BYTES_MIN: usize = 16;

/// Where the first message ends, by its length field.
///
/// # Errors
/// `bad_payload` when the length field is smaller than any message.
pub(crate) fn frame_end(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let Some(prefix) = bytes.first_chunk::<4>() else {
        return Ok(None);
    };
    let total = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
    if !(MESSAGE_BYTES_MIN..=super::FRAME_BYTES_MAX).contains(&total) {
        return Err(Fault::new(
            Class::BadPayload,
            format!("an event stream message claims {total} bytes"),
        ));
    }
    Ok((bytes.len() >= total).then_some(total))
}
