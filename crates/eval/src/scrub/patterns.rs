//! What is found by an expression.

use std::ops::Range;

use regex::Regex;

use super::Secret;

/// An expression, whose first group is what is taken out; all of it where it has none.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) secret: Secret,
    regex: Regex,
    fit: Fit,
}

/// What of a match it is, given the text and where in it: none where more than its form is wrong.
type Fit = fn(&str, Range<usize>) -> Option<Range<usize>>;

impl Pattern {
    pub(super) const fn custom(regex: Regex) -> Self {
        Self { secret: Secret::Custom, regex, fit: whole }
    }

    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some(captures) = self.regex.captures_at(text, from) {
            let Some(all) = captures.get(0) else { break };
            // An expression of one's own may have groups for its own purposes.
            let group = captures.get(1).filter(|_| self.secret != Secret::Custom).unwrap_or(all);
            let fits = (self.fit)(text, group.range());
            let next = text.get(all.start()..).and_then(|rest| rest.chars().next());
            let step = all.start() + next.map_or(1, char::len_utf8);
            // What is none may have one within: a date before a number.
            let within = fits.is_none() && all.len() <= LOOKED_WITHIN;
            from = if within { step } else { all.end().max(step) };
            found.extend(fits);
            if from > text.len() {
                break;
            }
        }
        found
    }
}

/// The longest match, in bytes, that is looked through again where it is none.
const LOOKED_WITHIN: usize = 64;

const MEDIA: &str = r"(?i)data:[a-z]+/[a-z0-9.+-]+(?:;[a-z0-9=_.-]+)*;base64,[a-z0-9+/=_%-]+";
const PRIVATE_KEY: &str = concat!(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)",
    r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)"
);
/// Three parts of a signed token, or five of an encrypted one; a torn one has fewer.
const JWT: &str = r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}";
const BEARER: &str = r"(?i)\bbearer\s+([a-z0-9._~+/=-]{8,})";
const AUTHORIZATION: &str = concat!(
    r#"(?i)\bauthorization["']?\s*[:=]\s*["']?"#,
    r#"(?:(?:basic|bearer|token|digest|apikey)\s+)?([^\s"',;]{6,})"#
);
/// How keys of well-known services begin; `tl_` are Tieline's.
const API_KEY: &str = concat!(
    r"(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|gh[a-z]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
    r"|glpat-[A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}",
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_.-]{16,}",
    r"|GOCSPX-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}",
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{16,}",
    r"|dop_v1_[a-f0-9]{32,}|shp[a-z]{2}_[a-f0-9]{32}|tl_[A-Za-z0-9_-]{20,}",
    r"|AccountKey=([A-Za-z0-9+/=]{20,})"
);
/// A user, with a password or not, before the host of an address.
const URL_CREDENTIALS: &str = r#"(?i)\b[a-z][a-z0-9+.-]*://([^\s/"'<>?#]+)@"#;
/// What is called a secret and has a value that looks like one.
const ASSIGNED: &str = concat!(
    r"(?i)(?:api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|passw(?:or)?d|passwort",
    r"|passphrase|pwd|secret|token|signature|credential|[?&](?:sig|key|code))",
    r#"\\?["']?\s*[:=]\s*\\?["']?([^\s"'&\\]*[^\s"'&\\,;.)}\]])"#
);
/// The sign may be written in other ways: in addresses, in JSON, in East Asian type.
const EMAIL: &str = concat!(
    r"[\p{L}\p{N}._%+'-]*[\p{L}\p{N}_+-](?:@|%40|\\u0040|\u{ff20})",
    r"[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.(?:\p{L}{2,}|xn--[a-z0-9-]+)"
);
/// With the country's number.
const PHONE_ABROAD: &str =
    r"(?:\+|\b00)[ \u{a0}]?[1-9](?:[ \t().\-/\u{a0}\u{2009}\u{202f}\u{2011}]{0,3}\d){7,24}";
/// As it is dialled within a country, from 0 on.
const PHONE_AT_HOME: &str = r"(?:\(0[1-9]\d{0,4}\)|0[1-9])(?:[ ()./\-\u{a0}\u{2011}]{0,3}\d){3,24}";
/// As it is written in North America.
const PHONE_IN_GROUPS: &str =
    r"(?:\(\d{3}\)|\b\d{3})[ .\-\u{a0}\u{2011}]{1,2}\d{3}[ .\-\u{a0}\u{2011}]\d{4}\b";
/// After a word that says so.
const PHONE_TOLD: &str = concat!(
    r"(?i)(?:phone|\b(?:tel|mobile|cell|fax|handy|mobil|tél)\b|whatsapp|telefon",
    r"|teléfono|msisdn)[^\d\n+]{0,12}(\d[\d ().\-/]{4,18}\d)"
);

/// All that is known.
///
/// # Errors
/// An expression cannot be read.
pub(super) fn known() -> Result<Vec<Pattern>, (&'static str, regex::Error)> {
    let table: [(Secret, &'static str, Fit); 13] = [
        (Secret::Media, MEDIA, whole),
        (Secret::PrivateKey, PRIVATE_KEY, whole),
        (Secret::Token, JWT, whole),
        (Secret::Token, BEARER, is_random),
        (Secret::Token, AUTHORIZATION, is_random),
        (Secret::ApiKey, API_KEY, is_key),
        (Secret::Credentials, URL_CREDENTIALS, whole),
        (Secret::Credentials, ASSIGNED, is_random),
        (Secret::Email, EMAIL, whole),
        (Secret::Phone, PHONE_ABROAD, is_abroad),
        (Secret::Phone, PHONE_AT_HOME, is_phone),
        (Secret::Phone, PHONE_IN_GROUPS, is_phone),
        (Secret::Phone, PHONE_TOLD, whole),
    ];
    let compiled = table.into_iter().map(|(secret, expression, fit)| {
        let regex = Regex::new(expression).map_err(|error| (expression, error))?;
        Ok(Pattern { secret, regex, fit })
    });
    compiled.collect()
}

#[expect(clippy::unnecessary_wraps, reason = "others may say no")]
const fn whole(_: &str, range: Range<usize>) -> Option<Range<usize>> {
    Some(range)
}

/// The longest word that is no key for its length alone.
const WORD_MAX: usize = 24;
/// The shortest secret that has a digit in it.
const SECRET_MIN: usize = 6;
/// The digits of a telephone number with its country's: ITU-T E.164.
const PHONE_MAX: usize = 15;
/// The fewest that are one.
const PHONE_MIN: usize = 8;

/// No word of a sentence: it has a digit, or is longer than words are.
fn is_random(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let found = text.get(range.clone())?;
    let has_digit = found.bytes().any(|byte| byte.is_ascii_digit());
    let random = found.len() > WORD_MAX || (has_digit && found.len() >= SECRET_MIN);
    (random && !is_placeholder(found)).then_some(range)
}

/// `<token-1>`: it was taken out before.
fn is_placeholder(found: &str) -> bool {
    let inside = found.strip_prefix('<').and_then(|found| found.strip_suffix('>'));
    let parts = inside.and_then(|inside| inside.rsplit_once('-'));
    parts.is_some_and(|(word, number)| {
        word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The key of an API that does not go on a word: `task-…` is none that begins with `sk-`.
fn is_key(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let begins = before(text, &range).is_none_or(|before| !before.is_ascii_alphanumeric());
    is_random(text, range).filter(|_| begins)
}

/// A number with its country's: the plus is no sign between two numbers.
fn is_abroad(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let sum = before(text, &range).is_some_and(|before| before.is_ascii_digit());
    shortened(text, range).filter(|_| !sum)
}

/// Digits that are no part of a longer number, and no date.
fn is_phone(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let goes_on =
        |char: char| char.is_alphanumeric() || matches!(char, '-' | '/' | '.' | '_' | '#');
    if before(text, &range).is_some_and(goes_on) || begins_with_a_date(text.get(range.clone())?) {
        return None;
    }
    shortened(text, range)
}

/// As many groups of digits as one number can have.
fn shortened(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let mut found = text.get(range.clone())?;
    // What the expression is too short for is part of the last group.
    let rest = text.get(range.end..).unwrap_or_default();
    let more = rest.bytes().take_while(u8::is_ascii_digit).count();
    found = text.get(range.start..range.end + more).unwrap_or(found);
    let digits = |found: &str| found.bytes().filter(u8::is_ascii_digit).count();
    while digits(found) > PHONE_MAX {
        let group = found.trim_end_matches(|char: char| char.is_ascii_digit());
        found = group.trim_end_matches(|char: char| !char.is_ascii_digit());
    }
    (digits(found) >= PHONE_MIN).then_some(range.start..range.start + found.len())
}

fn before(text: &str, range: &Range<usize>) -> Option<char> {
    text.get(..range.start)?.chars().next_back()
}

/// `05.12.2026`, `05/12/2026` or `05-12-2026`.
fn begins_with_a_date(found: &str) -> bool {
    let form = *b"00.00.0000";
    let fits = |(byte, form): (u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => matches!(byte, b'.' | b'/' | b'-'),
    };
    found.len() >= form.len() && found.bytes().zip(form).all(fits)
}
