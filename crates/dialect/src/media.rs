//! Addresses, `data:` addresses and text in base64, as all dialects carry them.

use base64::{Engine, engine::general_purpose::STANDARD};
use tieline_types::Fault;

use crate::ir::Media;

/// The type of PDF documents.
pub(crate) const PDF: &str = "application/pdf";

/// The type of plain text.
pub(crate) const PLAIN_TEXT: &str = "text/plain";

/// Whether `address` is on the web, where providers can fetch it.
pub(crate) fn is_web(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

/// Reads an address: http(s), or `data:` with base64 (RFC 2397).
///
/// # Errors
/// `client_invalid` at `path` for any other.
pub(crate) fn of_url(url: String, path: &str) -> Result<Media, Fault> {
    if is_web(&url) {
        return Ok(Media::Url(url));
    }
    let invalid = |what: &str| Fault::invalid(path, format!("`{path}` {what}"));
    let address = url
        .strip_prefix("data:")
        .ok_or_else(|| invalid("must be an http(s) or a data: address"))?;
    let (head, data) =
        address.split_once(',').ok_or_else(|| invalid("is a data: address without data"))?;
    let types = head.strip_suffix(";base64").ok_or_else(|| invalid("must hold base64"))?;
    // Parameters such as a charset or a name mean nothing to providers.
    let media_type = types.split(';').next().unwrap_or_default();
    if media_type.is_empty() {
        return Err(invalid("must name the type of its data"));
    }
    let data = if data.contains(char::is_whitespace) {
        data.split_whitespace().collect()
    } else {
        data.to_owned()
    };
    Ok(Media::Base64 { media_type: media_type.to_ascii_lowercase(), data })
}

/// Bytes as a `data:` address.
pub(crate) fn data_url(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}

/// Text in base64.
pub(crate) fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

/// The text behind base64; none where it is no base64 or no UTF-8.
pub(crate) fn decoded(data: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(data).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        let web = "https://x.example/a.png".to_owned();
        assert_eq!(of_url(web.clone(), "p").unwrap(), Media::Url(web));
        let data = of_url("data:image/PNG;name=a;base64,iVBO\nRw==".to_owned(), "p").unwrap();
        let png = Media::Base64 { media_type: "image/png".into(), data: "iVBORw==".into() };
        assert_eq!(data, png);
        for address in ["cat.png", "s3://b/a.png", "data:x", "data:text/plain,a", "data:;base64,a"]
        {
            let fault = of_url(address.to_owned(), "p").unwrap_err();
            assert_eq!(fault.param.as_deref(), Some("p"), "{address}");
        }
    }

    #[test]
    fn text_survives_base64() {
        assert_eq!(decoded(&encoded("caf\u{e9}")).as_deref(), Some("caf\u{e9}"));
        assert_eq!(decoded("/w=="), None, "not UTF-8");
        assert_eq!(decoded("%"), None, "not base64");
    }
}
