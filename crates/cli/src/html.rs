//! Pages for browsers: one file, no script, nothing from elsewhere. Whatever comes from
//! configurations, the ledger and models goes through [`Text`].

use std::fmt;

const STYLE: &str = include_str!("html/style.css");

/// A page.
pub(crate) struct Page<'a> {
    /// What kind of report it is, before its title.
    pub(crate) brand: &'a str,
    /// The title of the window.
    pub(crate) title: &'a str,
    /// The heading, as HTML.
    pub(crate) heading: &'a str,
    /// What stands under it, as HTML.
    pub(crate) lead: &'a str,
    /// Rules of style of its own.
    pub(crate) style: &'a str,
    /// The sections.
    pub(crate) body: &'a str,
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { brand, title, heading, lead, style, body } = self;
        let (brand, title) = (Text(brand), Text(title));
        writeln!(
            f,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\">\
             <meta http-equiv=\"Content-Security-Policy\" \
             content=\"default-src 'none'; style-src 'unsafe-inline'\">\
             <title>{title}</title><style>{STYLE}{style}</style></head><body><main>\
             <header><p class=\"brand\">Tieline · {brand}</p><h1>{heading}</h1>\
             <p class=\"lead\">{lead}</p></header>{body}</main></body></html>"
        )
    }
}

/// A text that shows as what it is, in HTML and in its attributes.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(['&', '<', '>', '"', '\'']) {
            let special = part.chars().next_back().and_then(entity);
            match special {
                None => f.write_str(part)?,
                Some(entity) => {
                    // Every special character is one byte.
                    f.write_str(part.get(..part.len() - 1).unwrap_or_default())?;
                    f.write_str(entity)?;
                }
            }
        }
        Ok(())
    }
}

const fn entity(special: char) -> Option<&'static str> {
    Some(match special {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        '\'' => "&#39;",
        _ => return None,
    })
}

/// A name that fits into so many characters: what is too long loses its middle.
pub(crate) fn short(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    let kept = most.saturating_sub(1);
    let begin: String = name.chars().take(kept - kept / 2).collect();
    let end: String = name.chars().skip(length - kept / 2).collect();
    format!("{begin}…{end}")
}

/// A table of HTML cells; the first columns, so many, are words, and figures follow.
pub(crate) fn table(
    words: usize,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let cell = |tag: &str, at: usize, content: &str| {
        let class = if at < words { "" } else { " class=\"figure\"" };
        format!("<{tag}{class}>{content}</{tag}>")
    };
    let row = |tag: &str, cells: &[String]| {
        let cells = cells.iter().enumerate().map(|(at, content)| cell(tag, at, content));
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
    let body: String = rows.into_iter().map(|cells| row("td", &cells)).collect();
    let head = row("th", &header);
    format!("<div class=\"wide\"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_their_middle() {
        for (name, most, told) in [
            ("gpt", 3, "gpt"),
            ("claude-sonnet-5@bedrock", 9, "clau…rock"),
            ("claude-sonnet-5@bedrock", 10, "claud…rock"),
            ("äöüßäöüß", 5, "äö…üß"),
        ] {
            assert_eq!(short(name, most), told);
        }
    }

    #[test]
    fn no_text_is_markup() {
        for (text, html) in [
            ("plain", "plain"),
            ("", ""),
            ("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"),
            ("a & \"b\"", "a &amp; &quot;b&quot;"),
            ("Grüße & 你好<", "Grüße &amp; 你好&lt;"),
            ("&&", "&amp;&amp;"),
        ] {
            assert_eq!(Text(text).to_string(), html);
        }
    }
}
