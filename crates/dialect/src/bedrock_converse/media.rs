//! Pictures and documents: formats, sources and names.

use std::{borrow::Cow, collections::BTreeSet};

use tieline_types::Fault;

use super::part::Source;
use crate::{
    ir::Media,
    json::Fields,
    media::{decoded, encoded},
};

/// Converse's word for a format, and its MIME type.
type Format = (&'static str, &'static str);

/// The picture formats that Converse takes.
const IMAGES: [Format; 4] =
    [("png", "image/png"), ("jpeg", "image/jpeg"), ("gif", "image/gif"), ("webp", "image/webp")];

/// The document formats that Converse takes.
const DOCUMENTS: [Format; 9] = [
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("html", "text/html"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
];

/// The format of plain text.
const TEXT: &str = "txt";

/// The longest document name.
const NAME_CHARS_MAX: usize = 200;

/// A picture's format and source.
///
/// # Errors
/// `unsupported_here` for web addresses and for formats that Converse lacks.
pub(super) fn image<'a>(media: &'a Media, path: &str) -> Result<(&'static str, Source<'a>), Fault> {
    write(media, &IMAGES, path)
}

/// A document's format and source.
///
/// # Errors
/// As [`image`].
pub(super) fn document<'a>(
    media: &'a Media,
    path: &str,
) -> Result<(&'static str, Source<'a>), Fault> {
    match media {
        Media::Text(text) => Ok((TEXT, Source::Bytes(encoded(text).into()))),
        _ => write(media, &DOCUMENTS, path),
    }
}

fn write<'a>(
    media: &'a Media,
    formats: &[Format],
    path: &str,
) -> Result<(&'static str, Source<'a>), Fault> {
    let (found, source, what) = match media {
        Media::Base64 { media_type, data } => (
            format_of_type(formats, media_type),
            Source::Bytes(Cow::Borrowed(data)),
            media_type.as_str(),
        ),
        Media::Url(uri) if uri.starts_with("s3://") => {
            let extension = uri.rsplit_once('.').map_or("", |(_, extension)| extension);
            (format_of_extension(formats, extension), Source::S3Location { uri }, uri.as_str())
        }
        Media::Url(_) => {
            return Err(Fault::unsupported(path, "Bedrock Converse takes no web addresses"));
        }
        Media::Text(_) => (None, Source::Bytes(Cow::Borrowed("")), "text"),
    };
    let format = found.ok_or_else(|| {
        let words: Vec<&str> = formats.iter().map(|format| format.0).collect();
        let takes = words.join(", ");
        Fault::unsupported(path, format!("Bedrock Converse takes {takes} here, not {what}"))
    })?;
    Ok((format, source))
}

fn format_of_type(formats: &[Format], media_type: &str) -> Option<&'static str> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let essence = if essence == "image/jpg" { "image/jpeg" } else { &essence };
    formats.iter().find(|format| format.1 == essence).map(|format| format.0)
}

fn format_of_extension(formats: &[Format], extension: &str) -> Option<&'static str> {
    let extension = extension.to_ascii_lowercase();
    let word = match extension.as_str() {
        "jpg" => "jpeg",
        "htm" => "html",
        other => other,
    };
    formats.iter().find(|format| format.0 == word).map(|format| format.0)
}

/// Reads an `image` block.
///
/// # Errors
/// `client_invalid` where fields are missing or the format is unknown.
pub(super) fn read_image(mut fields: Fields) -> Result<Media, Fault> {
    let format = fields.required_string("format")?;
    read_source(&mut fields, &format, &IMAGES)
}

/// Reads the source of a `document` block; its other fields stay.
///
/// # Errors
/// As [`read_image`].
pub(super) fn read_document(fields: &mut Fields) -> Result<Media, Fault> {
    let format = fields.string("format")?.unwrap_or_else(|| TEXT.to_owned());
    let media = read_source(fields, &format, &DOCUMENTS)?;
    Ok(match media {
        Media::Base64 { media_type, data } if format == TEXT => match decoded(&data) {
            Some(text) => Media::Text(text),
            None => Media::Base64 { media_type, data },
        },
        other => other,
    })
}

fn read_source(fields: &mut Fields, format: &str, formats: &[Format]) -> Result<Media, Fault> {
    let media_type = formats.iter().find(|known| known.0 == format).map(|known| known.1);
    let media_type = media_type.ok_or_else(|| {
        let path = fields.path("format");
        Fault::invalid(&path, format!("`{path}` {format:?} is not known"))
    })?;
    let mut source = fields.object("source")?.ok_or_else(|| fields.missing("source"))?;
    if let Some(data) = source.string("bytes")? {
        return Ok(Media::Base64 { media_type: media_type.to_owned(), data });
    }
    if let Some(text) = source.string("text")? {
        return Ok(Media::Text(text));
    }
    if let Some(mut location) = source.object("s3Location")? {
        return Ok(Media::Url(location.required_string("uri")?));
    }
    let mut texts = Vec::new();
    for (at, value) in
        source.array("content")?.ok_or_else(|| source.missing("bytes"))?.into_iter().enumerate()
    {
        let mut chunk = Fields::of_value(value, format!("{}[{at}]", source.path("content")))?;
        texts.push(chunk.required_string("text")?);
    }
    Ok(Media::Text(texts.join("\n")))
}

/// Gives documents names that Converse takes: letters, digits, single spaces, hyphens, parentheses
/// and brackets, each name once in a request. A name depends only on what stood before it, so that
/// it stays the same in the next turn and a cached prefix stays whole.
#[derive(Debug, Default)]
pub(super) struct DocumentNames {
    used: BTreeSet<String>,
}

impl DocumentNames {
    /// The name for the next document.
    pub(super) fn give(&mut self, wanted: Option<&str>) -> String {
        let base = clean(wanted.unwrap_or_default());
        let mut name = base.clone();
        let mut count = 1_u32;
        while !self.used.insert(name.clone()) {
            count += 1;
            let suffix = format!(" ({count})");
            let room = NAME_CHARS_MAX.saturating_sub(suffix.len());
            name = base.chars().take(room).collect::<String>() + &suffix;
        }
        name
    }
}

fn clean(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-()[] ".contains(c);
    let plain: String = name.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let words: Vec<&str> = plain.split(' ').filter(|word| !word.is_empty()).collect();
    let name: String = words.join(" ").chars().take(NAME_CHARS_MAX).collect();
    if name.is_empty() { "document".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_clean_and_unique() {
        let mut names = DocumentNames::default();
        assert_eq!(names.give(Some("q3_report.pdf")), "q3-report-pdf");
        assert_eq!(names.give(Some("q3_report.pdf")), "q3-report-pdf (2)");
        assert_eq!(names.give(Some("  a \n b ")), "a - b");
        assert_eq!(names.give(None), "document");
        assert_eq!(names.give(Some("")), "document (2)");
        let long = "x".repeat(300);
        assert_eq!(names.give(Some(&long)).len(), 200);
        assert_eq!(names.give(Some(&long)).len(), 200);
    }

    #[test]
    fn formats_come_from_the_media_type() {
        let of = |media_type: &str| {
            let media = Media::Base64 { media_type: media_type.into(), data: "AA==".into() };
            (image(&media, "p").map(|found| found.0), document(&media, "p").map(|found| found.0))
        };
        assert_eq!(of("image/jpg").0.unwrap(), "jpeg");
        assert_eq!(of("IMAGE/PNG").0.unwrap(), "png");
        assert_eq!(of("application/pdf").1.unwrap(), "pdf");
        assert_eq!(of("text/plain; charset=utf-8").1.unwrap(), "txt");
        assert_eq!(of("image/tiff").0.unwrap_err().param.as_deref(), Some("p"));
        let web = Media::Url("https://example.com/a.png".into());
        assert!(image(&web, "p").is_err());
        let bucket = Media::Url("s3://bucket/a.JPG".into());
        assert_eq!(image(&bucket, "p").unwrap().0, "jpeg");
    }
}
