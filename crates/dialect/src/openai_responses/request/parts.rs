//! Content parts of messages and tool results, both ways.

use serde_json::{Value, json};
use tieline_types::Fault;

use crate::{
    ir::{Block, Content, Foreign, Media},
    json::{Fields, expected},
    media::{self, PDF, PLAIN_TEXT},
    openai::read_cache_mark,
};

/// Reads the field `key` of `item`: one text, or parts in order.
pub(super) fn read(
    item: &mut Fields,
    key: &str,
    foreign: &mut Vec<Foreign>,
) -> Result<Vec<Block>, Fault> {
    let path = item.path(key);
    match item.take(key) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Content::Text(text).into()]),
        Some(Value::Array(parts)) => parts
            .into_iter()
            .enumerate()
            .map(|(at, part)| read_part(part, format!("{path}[{at}]"), foreign))
            .collect(),
        Some(other) => Err(expected(&path, "a string or an array", &other)),
    }
}

fn read_part(value: Value, path: String, foreign: &mut Vec<Foreign>) -> Result<Block, Fault> {
    let mut part = Fields::of_value(value, path)?;
    let kind = part.required_string("type")?;
    let content = match kind.as_str() {
        "input_text" | "output_text" | "text" => {
            // Replayed answers carry these; they say something only when they are not empty.
            for key in ["annotations", "logprobs"] {
                if part.array(key)?.is_some_and(|list| !list.is_empty()) {
                    foreign.push(Foreign { path: part.path(key), refuse: false });
                }
            }
            Content::Text(part.required_string("text")?)
        }
        "refusal" => Content::Refusal(part.required_string("refusal")?),
        "input_image" => read_image(&mut part)?,
        "input_file" => read_file(&mut part)?,
        other => {
            let message = format!("content of type `{other}` is not supported");
            return Err(Fault::unsupported(part.path("type"), message));
        }
    };
    let cache = read_cache_mark(&mut part)?;
    part.leftover(&[], foreign);
    Ok(Block { content, cache })
}

fn read_image(part: &mut Fields) -> Result<Content, Fault> {
    refuse_file_id(part)?;
    let url = part.required_string("image_url")?;
    let source = media::of_url(url, &part.path("image_url"))?;
    Ok(Content::Image { source, detail: part.string("detail")? })
}

fn read_file(part: &mut Fields) -> Result<Content, Fault> {
    refuse_file_id(part)?;
    let name = part.string("filename")?;
    let source = match (part.string("file_data")?, part.string("file_url")?) {
        (Some(data), _) if data.starts_with("data:") => {
            as_text(media::of_url(data, &part.path("file_data"))?)
        }
        (Some(data), _) => Media::Base64 { media_type: PDF.to_owned(), data },
        (None, Some(url)) => media::of_url(url, &part.path("file_url"))?,
        (None, None) => return Err(part.missing("file_data")),
    };
    Ok(Content::Document { source, name })
}

fn refuse_file_id(part: &mut Fields) -> Result<(), Fault> {
    match part.take("file_id") {
        None => Ok(()),
        Some(_) => Err(Fault::unsupported(
            part.path("file_id"),
            "files stored at a provider are not supported; send the bytes or an address",
        )),
    }
}

/// Plain text as text, so that dialects without files can still carry it.
fn as_text(media: Media) -> Media {
    let Media::Base64 { media_type, data } = &media else {
        return media;
    };
    if media_type != PLAIN_TEXT {
        return media;
    }
    media::decoded(data).map_or(media, Media::Text)
}

/// Writes an image part.
///
/// # Errors
/// `unsupported_here` for text and for addresses that are not on the web.
pub(super) fn write_image(source: &Media, detail: Option<&str>) -> Result<Value, Fault> {
    let url = match source {
        Media::Url(url) => web(url)?.to_owned(),
        Media::Base64 { media_type, data } => media::data_url(media_type, data),
        Media::Text(_) => {
            return Err(Fault::unsupported("input", "an image cannot be given as text"));
        }
    };
    let mut part = json!({"type": "input_image", "image_url": url});
    if let (Some(detail), Value::Object(map)) = (detail, &mut part) {
        map.insert("detail".to_owned(), detail.into());
    }
    Ok(part)
}

/// Writes a file part. Bytes need a file name; an address has its own.
///
/// # Errors
/// As [`write_image`].
pub(super) fn write_file(source: &Media, name: Option<&str>) -> Result<Value, Fault> {
    let (data, fallback) = match source {
        Media::Url(url) => return Ok(json!({"type": "input_file", "file_url": web(url)?})),
        Media::Base64 { media_type, data } => {
            let fallback = if media_type == PDF { "document.pdf" } else { "document" };
            (media::data_url(media_type, data), fallback)
        }
        Media::Text(text) => (media::data_url(PLAIN_TEXT, &media::encoded(text)), "document.txt"),
    };
    Ok(json!({"type": "input_file", "filename": name.unwrap_or(fallback), "file_data": data}))
}

fn web(address: &str) -> Result<&str, Fault> {
    if media::is_web(address) {
        return Ok(address);
    }
    Err(Fault::unsupported("input", "this deployment does not fetch media from that address"))
}
