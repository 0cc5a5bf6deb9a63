//! Addresses of the Internet Protocol.

use std::{net::Ipv6Addr, ops::Range};

/// All addresses in a text, of both versions.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    for token in text.split_inclusive(|char: char| !is_part(char)) {
        let word = token.trim_end_matches(|char: char| !is_part(char));
        in_word(word, from, &mut found);
        from += token.len();
    }
    found
}

/// What a word is made of that is an address. With a letter that no address has it is none.
fn is_part(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '.' | ':' | '_')
}

/// The addresses in a word that begins at `from`: `10.0.0.1:80`, `from:fe80::1`.
fn in_word(word: &str, from: usize, found: &mut Vec<Range<usize>>) {
    let after_name = word.find(':').map_or(0, |at| at + 1);
    for start in [0, after_name] {
        let rest = word.get(start..).unwrap_or_default();
        let ends = [rest, rest.trim_end_matches('.'), rest.trim_end_matches(['.', ':'])];
        if let Some(address) = ends.into_iter().find(|word| is_v6(word)) {
            found.push(from + start..from + start + address.len());
            return;
        }
    }
    let mut start = from;
    for part in word.split(':') {
        let begin = part.len() - part.trim_start_matches('.').len();
        let address = part.trim_matches('.');
        if is_v4(address) {
            found.push(start + begin..start + begin + address.len());
        }
        start += part.len() + 1;
    }
}

/// Four numbers to 255; zeros may stand before them.
fn is_v4(word: &str) -> bool {
    let mut parts = word.split('.');
    let number = |part: &str| {
        (1..=3).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u8>().is_ok()
    };
    word.bytes().filter(|byte| *byte == b'.').count() == 3 && parts.all(number)
}

/// An address with a digit in it: `a::b` is also what some languages call names.
fn is_v6(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit()) && word.parse::<Ipv6Addr>().is_ok()
}
