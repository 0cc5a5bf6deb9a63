//! Where the fields of a JSON object stand, found without building it.
//!
//! Source of the grammar: RFC 8259. Most of a long prompt is the inside of strings, which is looked
//! through with vector instructions. Nesting costs a byte of heap a level, no stack.

use std::ops::Range;

use memchr::memchr2;

/// Calls `see` with each key, quotes and escapes as they stand, and its value, of the one object
/// that `text` holds. None where `text` is anything else.
pub(crate) fn fields<'a>(text: &'a str, mut see: impl FnMut(&'a str, &'a str)) -> Option<()> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    scan.space();
    scan.object(|key, value| {
        see(text.get(key)?, text.get(value)?);
        Some(())
    })?;
    scan.space();
    scan.peek().is_none().then_some(())
}

/// The same for the object that `bytes` begin with, whatever follows it.
pub(crate) fn members<'a>(bytes: &'a [u8], mut see: impl FnMut(&'a [u8], &'a [u8])) -> Option<()> {
    Scan { bytes, at: 0 }.object(|key, value| {
        see(bytes.get(key)?, bytes.get(value)?);
        Some(())
    })
}

/// The elements of the array that `bytes` begin with, each looked for when it is asked for.
pub(crate) fn elements(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut scan = Scan { bytes, at: 0 };
    let mut more = scan.take(b'[');
    std::iter::from_fn(move || {
        more.take()?;
        scan.space();
        let start = scan.at;
        scan.value()?;
        let element = bytes.get(start..scan.at);
        scan.space();
        more = scan.take(b',');
        element
    })
}

/// A position in a text. Every method that meets what the grammar forbids gives none.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn colon(&mut self) -> Option<()> {
        self.space();
        self.take(b':')
    }

    /// An object; calls `see` with where each key and its value stand.
    fn object(
        &mut self,
        mut see: impl FnMut(Range<usize>, Range<usize>) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        self.space();
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let start = self.at;
            self.string()?;
            let key = start..self.at;
            self.colon()?;
            self.space();
            let start = self.at;
            self.value()?;
            see(key, start..self.at)?;
            self.space();
            if self.take(b'}').is_some() {
                return Some(());
            }
            self.take(b',')?;
            self.space();
        }
    }

    fn value(&mut self) -> Option<()> {
        // What closes each open array and object, outermost first.
        let mut open = Vec::new();
        loop {
            self.space();
            match self.peek()? {
                b'{' => {
                    self.at += 1;
                    self.space();
                    if self.take(b'}').is_none() {
                        open.push(b'}');
                        self.string()?;
                        self.colon()?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.space();
                    if self.take(b']').is_none() {
                        open.push(b']');
                        continue;
                    }
                }
                b'"' => self.string()?,
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                _ => self.number()?,
            }
            loop {
                let Some(close) = open.last().copied() else {
                    return Some(());
                };
                self.space();
                if self.take(close).is_some() {
                    open.pop();
                    continue;
                }
                self.take(b',')?;
                if close == b'}' {
                    self.space();
                    self.string()?;
                    self.colon()?;
                }
                break;
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let plain = rest.get(..memchr2(b'"', b'\\', rest)?)?;
            // Without an early exit, which would keep the compiler from using vectors.
            if plain.iter().fold(false, |control, byte| control | (*byte < b' ')) {
                return None;
            }
            self.at += plain.len();
            if self.take(b'"').is_some() {
                return Some(());
            }
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Option<()> {
        self.take(b'\\')?;
        let length = match self.peek()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
            b'u' => {
                let digits = self.bytes.get(self.at + 1..self.at + 5)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(5)?
            }
            _ => return None,
        };
        self.at += length;
        Some(())
    }

    fn literal(&mut self, word: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let _sign = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn scanned(text: &str) -> Option<Vec<(&str, &str)>> {
        let mut found = Vec::new();
        fields(text, |key, value| found.push((key, value)))?;
        Some(found)
    }

    /// Whether serde_json takes the text for an object.
    fn is_object(text: &str) -> bool {
        let raw: Result<&RawValue, _> = serde_json::from_str(text);
        raw.is_ok() && text.trim_start().starts_with('{')
    }

    #[test]
    fn fields_stand_where_they_are() {
        let text = " {\"a\\\"b\" : [1, {\"x\":\"}\"}] ,\"c\":-1.5e+3,\"d\":{}}\n";
        assert_eq!(
            scanned(text).unwrap(),
            [("\"a\\\"b\"", "[1, {\"x\":\"}\"}]"), ("\"c\"", "-1.5e+3"), ("\"d\"", "{}")]
        );
        assert_eq!(scanned("{ }").unwrap(), []);
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(scanned(&deep).is_some());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in [
            "",
            "[]",
            "{",
            "{}}",
            "{} x",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\":1 \"b\":2}",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":-}",
            "{\"a\":1e}",
            "{\"a\":+1}",
            "{\"a\":.5}",
            "{\"a\":tru}",
            "{\"a\":[1,]}",
            "{\"a\":[}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12g4\"}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"",
        ] {
            assert_eq!(scanned(text), None, "{text}");
            assert!(!is_object(text), "{text}");
        }
    }

    /// Text of the pieces that JSON is made of, in any order: mostly not JSON, often nearly.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u00e9", "0", "12", "-", ".", "e",
            "true", "null", " ", "\n", "\u{1}", "é", "\"b\":1", "{}", "[]",
        ]);
        prop::collection::vec(piece, 0..14).prop_map(|pieces| format!("{{{}}}", pieces.concat()))
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn elements_are_found_one_by_one() {
        let found = |text: &str| -> Vec<String> {
            let all = elements(text.as_bytes()).map(|one| String::from_utf8_lossy(one).into());
            all.collect()
        };
        assert_eq!(found(r#"[ 1 , {"a":[2]},"]" ] x"#), ["1", r#"{"a":[2]}"#, r#""]""#]);
        assert_eq!(found("[]"), [""; 0]);
        assert_eq!(found("[1, oops, 2]"), ["1"]);
        assert_eq!(found("{}"), [""; 0]);
    }

    proptest! {
        #[test]
        fn it_takes_what_serde_json_takes(text in pieces()) {
            prop_assert_eq!(scanned(&text).is_some(), is_object(&text), "{}", text);
        }

        #[test]
        fn it_finds_what_serde_json_finds(
            map in prop::collection::btree_map(any::<String>(), json(), 0..6),
            pretty in any::<bool>(),
        ) {
            let text = if pretty {
                serde_json::to_string_pretty(&map)
            } else {
                serde_json::to_string(&map)
            };
            let text = text.unwrap();
            let mut found = BTreeMap::new();
            for (key, value) in scanned(&text).unwrap() {
                let key: String = serde_json::from_str(key).unwrap();
                let value: serde_json::Value = serde_json::from_str(value).unwrap();
                found.insert(key, value);
            }
            let whole: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(found, whole);
        }
    }
}
