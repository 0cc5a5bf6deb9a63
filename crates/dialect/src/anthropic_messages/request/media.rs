//! Writing images and documents.

use std::borrow::Cow;

use tieline_types::Fault;

use crate::{
    anthropic_messages::wire::Source,
    ir::Media,
    media::{PDF, PLAIN_TEXT, decoded, is_web},
};

/// The image types that Claude reads, under each name they go by.
const IMAGE_TYPES: [(&str, &str); 5] = [
    ("image/jpeg", "image/jpeg"),
    ("image/jpg", "image/jpeg"),
    ("image/png", "image/png"),
    ("image/gif", "image/gif"),
    ("image/webp", "image/webp"),
];

/// The source of an image.
///
/// # Errors
/// `unsupported_here` for an address that this deployment does not fetch or a type Claude does not
/// read.
pub(super) fn image(source: &Media, urls: bool) -> Result<Source<'_>, Fault> {
    match source {
        Media::Url(url) => address(url, urls),
        Media::Base64 { media_type, data } => IMAGE_TYPES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(media_type))
            .map(|(_, media_type)| Source::Base64 { media_type, data })
            .ok_or_else(|| unreadable("image", media_type)),
        Media::Text(_) => Err(unreadable("image", PLAIN_TEXT)),
    }
}

/// The source of a document: PDF, or any kind of text.
///
/// # Errors
/// As for [`image`].
pub(super) fn document(source: &Media, urls: bool) -> Result<Source<'_>, Fault> {
    match source {
        Media::Url(url) => address(url, urls),
        Media::Text(text) => Ok(plain(Cow::Borrowed(text))),
        Media::Base64 { media_type, data } if media_type == PDF => {
            Ok(Source::Base64 { media_type, data })
        }
        Media::Base64 { media_type, data } => decoded_text(media_type, data)
            .map(|text| plain(Cow::Owned(text)))
            .ok_or_else(|| unreadable("document", media_type)),
    }
}

fn plain(data: Cow<'_, str>) -> Source<'_> {
    Source::Text { media_type: PLAIN_TEXT, data }
}

fn decoded_text(media_type: &str, data: &str) -> Option<String> {
    let is_text = media_type.starts_with("text/") || media_type.starts_with("application/json");
    is_text.then(|| decoded(data))?
}

fn address(url: &str, urls: bool) -> Result<Source<'_>, Fault> {
    if urls && is_web(url) {
        return Ok(Source::Url { url });
    }
    Err(Fault::unsupported("messages", "this deployment does not fetch media from that address"))
}

fn unreadable(what: &str, media_type: &str) -> Fault {
    Fault::unsupported("messages", format!("this deployment reads no {what} of type {media_type}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64(media_type: &str, data: &str) -> Media {
        Media::Base64 { media_type: media_type.to_owned(), data: data.to_owned() }
    }

    fn written(source: Result<Source<'_>, Fault>) -> Result<String, Fault> {
        source.map(|source| serde_json::to_string(&source).unwrap())
    }

    #[test]
    fn images_are_written_or_refused() {
        assert_eq!(
            written(image(&base64("image/jpg", "AA=="), true)).unwrap(),
            r#"{"type":"base64","media_type":"image/jpeg","data":"AA=="}"#
        );
        let url = Media::Url("https://example.com/a.png".to_owned());
        assert_eq!(
            written(image(&url, true)).unwrap(),
            r#"{"type":"url","url":"https://example.com/a.png"}"#
        );
        for (source, urls) in [
            (url, false),
            (Media::Url("gs://bucket/a.png".to_owned()), true),
            (base64("image/tiff", "AA=="), true),
        ] {
            let fault = image(&source, urls).unwrap_err();
            assert_eq!(fault.class, tieline_types::Class::UnsupportedHere);
            assert_eq!(fault.param.as_deref(), Some("messages"));
        }
    }

    #[test]
    fn documents_are_pdf_or_text() {
        assert_eq!(
            written(document(&base64("application/pdf", "JVBERg=="), true)).unwrap(),
            r#"{"type":"base64","media_type":"application/pdf","data":"JVBERg=="}"#
        );
        assert_eq!(
            written(document(&base64("text/csv", "YSxi"), true)).unwrap(),
            r#"{"type":"text","media_type":"text/plain","data":"a,b"}"#
        );
        for (media_type, data) in [("application/msword", "AA=="), ("text/plain", "not base64")] {
            assert!(document(&base64(media_type, data), true).is_err(), "{media_type}");
        }
    }
}
