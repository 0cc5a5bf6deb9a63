//! One way to write a JSON value, so that equal values have equal digests.

use serde_json::{Map, Number, Value};

/// Writes a value as RFC 8785 does: no spaces, names sorted by their UTF-16 code units, numbers as
/// ECMAScript writes them. It differs where that standard would lose digits: an integer beyond 2^53
/// keeps all of them.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => write_object(fields, text),
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Number(number) => text.push_str(&written(number)),
        // What serde_json escapes in strings, and how, is what the standard does.
        Value::String(_) | Value::Bool(_) | Value::Null => text.push_str(&value.to_string()),
    }
}

fn write_object(fields: &Map<String, Value>, text: &mut String) {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    text.push('{');
    for (at, (name, value)) in fields.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write(&Value::from(name.as_str()), text);
        text.push(':');
        write(value, text);
    }
    text.push('}');
}

/// A number as ECMAScript writes it: plain from 1e-6 up to 1e21, with an exponent beyond.
fn written(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    match float.abs() {
        0.0 => "0".to_owned(),
        1e-6..1e21 => float.to_string(),
        1e21.. => format!("{float:e}").replace('e', "e+"),
        _ => format!("{float:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_written_alike() {
        for (text, wanted) in [
            (r#"{ "b": 1, "a": [true, null, "x"] }"#, r#"{"a":[true,null,"x"],"b":1}"#),
            // The standard's own example of order: U+1F600 is above U+FB33 but its units are not.
            (
                "{\"\u{fb33}\":1,\"\u{1f600}\":2,\"\u{20ac}\":3}",
                "{\"€\":3,\"😀\":2,\"\u{fb33}\":1}",
            ),
            (r#""\u000f\n\u0041\"\\\/\u007f""#, "\"\\u000f\\nA\\\"\\\\/\u{7f}\""),
            ("[1.0, -0.0, 0.7, 4.50, 2e-3, 1e-6]", "[1,0,0.7,4.5,0.002,0.000001]"),
            (
                "[1e-7, 1.5e-27, 1e20, 1e21, -3.2e30]",
                "[1e-7,1.5e-27,100000000000000000000,1e+21,-3.2e+30]",
            ),
            ("[9007199254740993, -5]", "[9007199254740993,-5]"),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(canonical(&value), wanted, "{text}");
        }
    }
}
