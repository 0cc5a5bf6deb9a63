//! What clients say of their requests, for policies to look at.

use http::HeaderMap;
use tieline_policy::{TAG_BYTES_MAX, TAGS_MAX};
use tieline_types::{Class, Fault};

use crate::headers;

/// The tags of a request, `key=value` each. Nobody has checked them.
pub(crate) fn tags(headers: &HeaderMap) -> Result<Vec<String>, Fault> {
    let values = headers.get_all(headers::TAGS);
    let mut tags = Vec::new();
    for value in values {
        let text = value.to_str().map_err(|_| wrong("is not visible ASCII"))?;
        tags.extend(read(text).map_err(wrong)?);
    }
    if tags.len() > TAGS_MAX {
        return Err(wrong(&format!("has more than {TAGS_MAX} tags")));
    }
    Ok(tags)
}

/// Reads `key=value,key=value`; the error says what is wrong.
fn read(text: &str) -> Result<Vec<String>, &'static str> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() && pair.len() <= TAG_BYTES_MAX => {
                Ok(format!("{}={}", key.trim(), value.trim()))
            }
            Some((key, _)) if !key.trim().is_empty() => Err("has a tag that is too long"),
            _ => Err("must be `key=value`, separated by commas"),
        })
        .collect()
}

fn wrong(what: &str) -> Fault {
    Fault::new(Class::ClientInvalid, format!("`{}` {what}", headers::TAGS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_pairs() {
        assert_eq!(read("a=b, c = d e ,,").unwrap(), ["a=b", "c=d e"]);
        assert_eq!(read("a=").unwrap(), ["a="]);
        for wrong in ["a", "=b", " =b", "a=b,c"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read(&format!("a={}", "b".repeat(TAG_BYTES_MAX))).is_err());
    }

    #[test]
    fn there_are_not_too_many() {
        let mut headers = HeaderMap::new();
        for _ in 0..TAGS_MAX {
            headers.append(headers::TAGS, "a=b".parse().unwrap());
        }
        assert_eq!(tags(&headers).unwrap().len(), TAGS_MAX);
        headers.append(headers::TAGS, "a=b".parse().unwrap());
        assert!(tags(&headers).is_err());
    }
}
