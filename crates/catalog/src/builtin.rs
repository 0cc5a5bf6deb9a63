//! The price files that Tieline is built with.

use crate::file::Text;

/// Embeds `catalog/prices/NAME.yaml`.
macro_rules! embedded {
    ($name:literal) => {
        Text {
            name: concat!($name, ".yaml"),
            text: include_str!(concat!("../../../catalog/prices/", $name, ".yaml")),
        }
    };
}

/// One file for each surface.
pub(crate) const FILES: [Text<'_>; 10] = [
    embedded!("anthropic"),
    embedded!("azure"),
    embedded!("bedrock"),
    embedded!("elevenlabs"),
    embedded!("gemini-api"),
    embedded!("groq"),
    embedded!("mistral"),
    embedded!("openai"),
    embedded!("vertex"),
    embedded!("xai"),
];
