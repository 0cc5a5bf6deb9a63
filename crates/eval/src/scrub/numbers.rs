//! Numbers that have a checksum.

use std::ops::Range;

/// How many digits a payment card has: ISO/IEC 7812.
const CARD: std::ops::RangeInclusive<usize> = 13..=19;
/// How many letters and digits an account has: ISO 13616.
const IBAN: std::ops::RangeInclusive<usize> = 15..=34;
/// Countries, each with how long its accounts are: the registry of ISO 13616.
const COUNTRIES: &str = concat!(
    "AD24 AE22 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 ",
    "DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 ",
    "GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 ",
    "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 ",
    "PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 ",
    "SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 ",
);
/// The first digits of networks of payment cards.
const NETWORKS: [u8; 5] = [b'2', b'3', b'4', b'5', b'6'];

/// A letter or digit, and where it stands.
#[derive(Clone, Copy)]
struct Sign {
    at: usize,
    byte: u8,
    /// Nothing that could belong to it stands right before.
    first: bool,
    /// Nor right behind.
    last: bool,
}

/// Payment cards whose checksum is right.
pub(super) fn cards(text: &str) -> Vec<Range<usize>> {
    let separators = [' ', '-', '\u{a0}', '\u{202f}', '\u{2011}'];
    let mut found = Vec::new();
    for run in runs(text, &|byte| byte.is_ascii_digit(), &separators) {
        let is_card = |signs: &[Sign]| {
            signs.first().is_some_and(|first| NETWORKS.contains(&first.byte)) && luhn(signs)
        };
        collect(&run, CARD, &is_card, &mut found);
    }
    found
}

/// Accounts whose checksum is right.
pub(super) fn ibans(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for run in runs(text, &|byte| byte.is_ascii_alphanumeric(), &[' ', '\u{a0}', '\u{202f}']) {
        collect(&run, IBAN, &is_iban, &mut found);
    }
    found
}

/// Stretches of signs with at most one separator between two.
fn runs(text: &str, belongs: &dyn Fn(u8) -> bool, separators: &[char]) -> Vec<Vec<Sign>> {
    let mut runs: Vec<Vec<Sign>> = vec![Vec::new()];
    let (mut gap, mut before) = (0, None);
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let after = chars.peek().map(|(_, char)| *char);
        let byte = u8::try_from(char).ok().filter(|byte| byte.is_ascii() && belongs(*byte));
        match byte {
            None => gap += if separators.contains(&char) { 1 } else { 2 },
            Some(byte) => {
                if gap > 1 {
                    runs.push(Vec::new());
                }
                let sign = Sign { at, byte, first: !is_word(before), last: !is_word(after) };
                if let Some(run) = runs.last_mut() {
                    run.push(sign);
                }
                gap = 0;
            }
        }
        before = Some(char);
    }
    runs
}

fn is_word(char: Option<char>) -> bool {
    char.is_some_and(|char| char.is_alphanumeric() || char == '_')
}

/// The longest stretches that hold, from the left, which begin and end where words do.
fn collect(
    run: &[Sign],
    lengths: std::ops::RangeInclusive<usize>,
    holds: &dyn Fn(&[Sign]) -> bool,
    found: &mut Vec<Range<usize>>,
) {
    let mut from = 0;
    while let Some(rest) = run.get(from..).filter(|rest| rest.len() >= *lengths.start()) {
        let begins = rest.first().is_some_and(|sign| sign.first);
        let fits = lengths.clone().rev().filter(|_| begins).find(|length| {
            let signs = rest.get(..*length).unwrap_or_default();
            signs.last().is_some_and(|sign| sign.last) && holds(signs)
        });
        let signs = fits.and_then(|length| rest.get(..length)).unwrap_or_default();
        if let (Some(first), Some(last)) = (signs.first(), signs.last()) {
            found.push(first.at..last.at + 1);
        }
        from += signs.len().max(1);
    }
}

/// The checksum of cards. Zeros alone would have it as well.
fn luhn(signs: &[Sign]) -> bool {
    let sum: u32 = signs
        .iter()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(sign, weight)| {
            let product = u32::from(sign.byte - b'0') * weight;
            product / 10 + product % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// An account of a country, as long as it is there, with the checksum of ISO 7064.
fn is_iban(signs: &[Sign]) -> bool {
    let Some((head, rest)) = signs.split_at_checked(4) else { return false };
    if !head.iter().skip(2).all(|sign| sign.byte.is_ascii_digit()) {
        return false;
    }
    let country: String =
        head.iter().take(2).map(|sign| char::from(sign.byte).to_ascii_uppercase()).collect();
    let known = format!("{country}{}", signs.len());
    let is_known = COUNTRIES.split_whitespace().any(|entry| entry == known);
    is_known && rest.iter().chain(head).fold(0, checked) == 1
}

/// The remainder by 97, with one sign more.
fn checked(remainder: u32, sign: &Sign) -> u32 {
    match char::from(sign.byte).to_digit(36).unwrap_or_default() {
        digit @ 0..=9 => (remainder * 10 + digit) % 97,
        letter => (remainder * 100 + letter) % 97,
    }
}
