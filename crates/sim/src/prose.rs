//! Words to say, and how tokens are counted.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

/// Bytes of UTF-8 that count as one token.
pub(crate) const TOKEN_BYTES: usize = 4;

const WORDS: &[&str] = &[
    "amber", "anchor", "answer", "apple", "autumn", "balance", "basket", "beacon", "bridge",
    "candle", "canyon", "carbon", "cedar", "circle", "clover", "copper", "cotton", "current",
    "delta", "ember", "engine", "fabric", "falcon", "forest", "garden", "glacier", "granite",
    "harbor", "hazel", "horizon", "island", "ivory", "jasmine", "journey", "kernel", "kettle",
    "ladder", "lantern", "ledger", "linen", "marble", "meadow", "mirror", "morning", "needle",
    "nickel", "orchard", "orbit", "paper", "pepper", "pilot", "pocket", "quartz", "quiet", "river",
    "rocket", "saddle", "silver", "summit", "timber", "tunnel", "valley", "velvet", "window",
];

/// A word.
pub(crate) fn word(rng: &mut StdRng) -> &'static str {
    WORDS.choose(rng).copied().unwrap_or("word")
}

/// How many tokens a text has.
pub(crate) fn tokens(text: &str) -> u64 {
    tokens_of_bytes(text.len())
}

/// How many tokens so many bytes of text have.
pub(crate) fn tokens_of_bytes(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(TOKEN_BYTES)).unwrap_or(u64::MAX)
}

/// The longest start of a text that has at most `limit` tokens.
pub(crate) fn cut(text: &str, limit: u64) -> &str {
    let bytes = usize::try_from(limit).unwrap_or(usize::MAX).saturating_mul(TOKEN_BYTES);
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= bytes);
    end.last().and_then(|end| text.get(..end)).unwrap_or("")
}

/// Sentences of at least `count` tokens, and of few more.
pub(crate) fn sentences(rng: &mut StdRng, count: u64) -> String {
    let mut text = String::new();
    while tokens(&text) < count {
        if !text.is_empty() {
            text.push(' ');
        }
        sentence(rng, count, &mut text);
    }
    text
}

/// Appends one sentence, which ends early once the text has `count` tokens.
fn sentence(rng: &mut StdRng, count: u64, text: &mut String) {
    let mut first = word(rng).chars();
    text.extend(first.next().map(|letter| letter.to_ascii_uppercase()));
    text.push_str(first.as_str());
    for _ in 0..rng.random_range(4..9) {
        if tokens(text) >= count {
            break;
        }
        text.push(' ');
        text.push_str(word(rng));
    }
    text.push('.');
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn prose_has_the_length_asked_for() {
        let mut rng = StdRng::seed_from_u64(1);
        for count in [1, 5, 40, 333] {
            let text = sentences(&mut rng, count);
            assert!((count..=count + 3).contains(&tokens(&text)), "{count}: {text}");
            assert!(text.ends_with('.') && text.starts_with(char::is_uppercase), "{text}");
        }
    }

    #[test]
    fn a_cut_keeps_characters_whole() {
        assert_eq!(cut("abcdefgh", 1), "abcd");
        assert_eq!(cut("abc\u{e9}", 1), "abc");
        assert_eq!(cut("ab", 9), "ab");
        assert_eq!(cut("ab", 0), "");
    }
}
