//! Fetching media that a request names by address, for providers that take only bytes.
//!
//! The address comes from a caller, so: https only, public addresses only (checked on the address
//! that is connected to), no redirects, a cap on bytes and time, and the type is told by the first
//! bytes, not by what the server claims.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Request, Uri};
use tieline_dialect::ir::{Ask, Block, Content, Media};
use tieline_types::Fault;

use crate::{Parts, Upstream, send::collect};

/// The most bytes one image or document may have.
pub const MEDIA_BYTES_MAX: usize = 20 * 1024 * 1024;
/// The most bytes that all media of one request may have in base64.
const MEDIA_BYTES_TOTAL_MAX: usize = 64 * 1024 * 1024;
/// The most addresses fetched for one request.
const MEDIA_COUNT_MAX: usize = 20;
/// The time one of them may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

impl Upstream {
    /// Replaces every media address in `ask` by the bytes behind it. Returns how many there were.
    ///
    /// # Errors
    /// `client_invalid` with the address when it cannot be fetched.
    pub async fn inline_media(&self, ask: &mut Ask) -> Result<usize, Fault> {
        let mut count = 0;
        let mut bytes = 0;
        let blocks = ask.messages.iter_mut().flat_map(|message| &mut message.blocks);
        for source in blocks.flat_map(media) {
            let Media::Url(url) = source else {
                continue;
            };
            count += 1;
            if count > MEDIA_COUNT_MAX {
                return Err(Fault::invalid(
                    "messages",
                    format!("more than {MEDIA_COUNT_MAX} media addresses in one request"),
                ));
            }
            let fetched = self.fetch(url).await?;
            if let Media::Base64 { data, .. } = &fetched {
                bytes += data.len();
            }
            if bytes > MEDIA_BYTES_TOTAL_MAX {
                return Err(Fault::invalid(
                    "messages",
                    format!("the media of one request exceed {MEDIA_BYTES_TOTAL_MAX} bytes"),
                ));
            }
            *source = fetched;
        }
        Ok(count)
    }

    async fn fetch(&self, url: &str) -> Result<Media, Fault> {
        let refuse = |why: &str| Fault::invalid("messages", format!("cannot fetch `{url}`: {why}"));
        let uri: Uri = url.parse().map_err(|_| refuse("not a valid address"))?;
        if uri.scheme_str() != Some("https") || uri.host().is_none() {
            return Err(refuse("only https addresses are fetched"));
        }
        let mut request = Request::new(Parts::default());
        *request.uri_mut() = uri;
        let fetched = tokio::time::timeout(FETCH_TIMEOUT, async {
            let answer = self.public.send(request).await.map_err(|_| refuse("no connection"))?;
            if answer.status() != http::StatusCode::OK {
                return Err(refuse(&format!("the server said {}", answer.status())));
            }
            collect(answer.into_body(), MEDIA_BYTES_MAX)
                .await
                .map_err(|fault| refuse(&fault.message))
        });
        let bytes = fetched.await.map_err(|_| refuse("it took too long"))??;
        let media_type = media_type(&bytes).ok_or_else(|| {
            refuse("it is neither a PNG, JPEG, GIF or WebP picture nor a PDF document")
        })?;
        Ok(Media::Base64 { media_type: media_type.to_owned(), data: STANDARD.encode(&bytes) })
    }
}

/// The media of a block, those in tool results included.
fn media(block: &mut Block) -> Vec<&mut Media> {
    match &mut block.content {
        Content::Image { source, .. } | Content::Document { source, .. } => vec![source],
        Content::ToolResult(result) => result.blocks.iter_mut().flat_map(media).collect(),
        _ => Vec::new(),
    }
}

/// The type of some media by their first bytes.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: [(&[u8], &str); 5] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"%PDF-", "application/pdf"),
        (b"RIFF", "image/webp"),
    ];
    let (_, found) = SIGNATURES.iter().find(|(start, _)| bytes.starts_with(start))?;
    let webp = bytes.get(8..12) == Some(b"WEBP");
    (*found != "image/webp" || webp).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_told_by_the_bytes() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(media_type(b"RIFF....WEBPVP8 "), Some("image/webp"));
        assert_eq!(media_type(b"RIFF....WAVEfmt "), None);
        assert_eq!(media_type(b"<html>"), None);
        assert_eq!(media_type(b"%PDF-1.7"), Some("application/pdf"));
    }
}
