//! Content parts of messages and tool results, both ways.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tieline_types::Fault;

use crate::{
    ir::{Block, CacheMark, Content, Foreign, Media},
    json::{Fields, expected},
};

/// The type of text files, which are carried as text.
const PLAIN_TEXT: &str = "text/plain";

/// The type of `file_data` that comes without one.
const PDF: &str = "application/pdf";

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
    let source = media_of_url(url, &part.path("image_url"))?;
    Ok(Content::Image { source, detail: part.string("detail")? })
}

fn read_file(part: &mut Fields) -> Result<Content, Fault> {
    refuse_file_id(part)?;
    let name = part.string("filename")?;
    let source = match (part.string("file_data")?, part.string("file_url")?) {
        (Some(data), _) if data.starts_with("data:") => {
            as_text(media_of_url(data, &part.path("file_data"))?)
        }
        (Some(data), _) => Media::Base64 { media_type: PDF.to_owned(), data },
        (None, Some(url)) => media_of_url(url, &part.path("file_url"))?,
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

/// An http(s) address, or the bytes that a `data:` address holds (RFC 2397, base64 only).
fn media_of_url(url: String, path: &str) -> Result<Media, Fault> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Media::Url(url));
    }
    let (media_type, data) =
        url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")).ok_or_else(
            || Fault::invalid(path, format!("`{path}` must be an http(s) or base64 data address")),
        )?;
    Ok(Media::Base64 { media_type: media_type.to_owned(), data: data.to_owned() })
}

/// Plain text as text, so that dialects without files can still carry it.
fn as_text(media: Media) -> Media {
    let Media::Base64 { media_type, data } = &media else {
        return media;
    };
    if media_type != PLAIN_TEXT {
        return media;
    }
    let text = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map_or(media, Media::Text)
}

/// `prompt_cache_breakpoint`, whose lifetimes are 30 minutes (the default) and 12 hours.
fn read_cache_mark(part: &mut Fields) -> Result<Option<CacheMark>, Fault> {
    let Some(mut mark) = part.object("prompt_cache_breakpoint")? else {
        return Ok(None);
    };
    Ok(Some(match mark.string("ttl")?.as_deref() {
        Some("12h") => CacheMark::Hour1,
        _ => CacheMark::Default,
    }))
}

/// Writes an image part.
pub(super) fn write_image(source: &Media, detail: Option<&str>) -> Result<Value, Fault> {
    let url = match source {
        Media::Url(url) => url.clone(),
        Media::Base64 { media_type, data } => data_url(media_type, data),
        Media::Text(_) => {
            return Err(Fault::invalid("input", "an image cannot be given as text"));
        }
    };
    let mut part = json!({"type": "input_image", "image_url": url});
    if let (Some(detail), Value::Object(map)) = (detail, &mut part) {
        map.insert("detail".to_owned(), detail.into());
    }
    Ok(part)
}

/// Writes a file part. Bytes need a file name; an address has its own.
pub(super) fn write_file(source: &Media, name: Option<&str>) -> Value {
    let (data, fallback) = match source {
        Media::Url(url) => return json!({"type": "input_file", "file_url": url}),
        Media::Base64 { media_type, data } => {
            let fallback = if media_type == PDF { "document.pdf" } else { "document" };
            (data_url(media_type, data), fallback)
        }
        Media::Text(text) => (data_url(PLAIN_TEXT, &STANDARD.encode(text)), "document.txt"),
    };
    json!({"type": "input_file", "filename": name.unwrap_or(fallback), "file_data": data})
}

fn data_url(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}
