//! What is taken out of texts, and what stays. All secrets are made up.

use std::{borrow::Cow, sync::LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};
use tieline_eval::scrub::{ScrubError, Scrubber, Secret};

fn scrubber() -> &'static Scrubber {
    static SCRUBBER: LazyLock<Scrubber> = LazyLock::new(|| Scrubber::new(&[]).unwrap());
    &SCRUBBER
}

fn scrubbed(text: &str) -> String {
    scrubber().scope().text(text).into_owned()
}

/// A key of a service, put together here so that nobody takes this file for a leak.
fn key(prefix: &str, length: usize) -> String {
    let tail = "a1B2c3D4e5F6g7H8i9J0".chars().cycle().take(length);
    format!("{prefix}{}", tail.collect::<String>())
}

fn jwt() -> String {
    format!("{}.{}.{}", key("eyJ", 20), key("eyJ", 30), key("", 43))
}

fn planted() -> Vec<(Secret, String)> {
    let plain = [
        (Secret::Email, "ada.lovelace+news@mail.example.co.uk"),
        (Secret::Email, "jörg@müller.example"),
        (Secret::Email, "ada%40example.com"),
        (Secret::Email, "O'Brien@example.org"),
        (Secret::Phone, "+49 171 2345678"),
        (Secret::Phone, "+1 (555) 010-9999"),
        (Secret::Phone, "0049 30 901820"),
        (Secret::Phone, "030 / 901 820-12"),
        (Secret::Phone, "(0171) 2345678"),
        (Secret::Phone, "555-010-9999"),
        (Secret::Phone, "(555) 010-9999"),
        (Secret::Iban, "DE89370400440532013000"),
        (Secret::Iban, "DE89 3704 0044 0532 0130 00"),
        (Secret::Iban, "GB29 NWBK 6016 1331 9268 19"),
        (Secret::Iban, "fr14 2004 1010 0505 0001 3M02 606"),
        (Secret::Iban, "NO9386011117947"),
        (Secret::Card, "4111 1111 1111 1111"),
        (Secret::Card, "4111-1111-1111-1111"),
        (Secret::Card, "5555555555554444"),
        (Secret::Card, "3782 822463 10005"),
        (Secret::Ip, "203.0.113.77"),
        (Secret::Ip, "2001:db8::8a2e:370:7334"),
        (Secret::Ip, "2001:0db8:0000:0000:0000:8a2e:0370:7334"),
        (Secret::Ip, "::ffff:203.0.113.77"),
        (
            Secret::PrivateKey,
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        ),
        (Secret::Media, "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="),
    ];
    let keys = [("sk-proj-", 40), ("sk-ant-api03-", 40), ("sk_live_", 24), ("ghp_", 36)]
        .into_iter()
        .chain([("github_pat_", 40), ("glpat-", 20), ("xoxb-", 30), ("AIza", 35), ("hf_", 34)])
        .chain([("tl_", 40), ("npm_", 36), ("gsk_", 40)]);
    let keys = keys.map(|(prefix, length)| (Secret::ApiKey, key(prefix, length)));
    let aws = [(Secret::ApiKey, "AKIAIOSFODNN7EXAMPLE".to_owned()), (Secret::Token, jwt())];
    plain
        .map(|(secret, text)| (secret, text.to_owned()))
        .into_iter()
        .chain(keys)
        .chain(aws)
        .collect()
}

#[test]
fn what_has_a_form_is_found_wherever_it_stands() {
    for (secret, text) in planted() {
        let placeholder = format!("<{}-1>", secret.word());
        for (before, after) in [
            ("", ""),
            ("Mine is ", ", thanks."),
            ("(", ")"),
            ("\"", "\""),
            ("a\n", "\nb"),
            ("x=", " and 12"),
            ("see \\n", "\\n"),
            ("über ", "…"),
            ("12/26 or ", " 12/26"),
        ] {
            // The next digits may as well be part of it.
            if secret == Secret::Phone && after == " 12/26" {
                continue;
            }
            let told = scrubbed(&format!("{before}{text}{after}"));
            assert_eq!(told, format!("{before}{placeholder}{after}"), "{text}");
        }
    }
}

#[test]
fn what_is_called_a_secret_is_one() {
    for (text, left) in [
        ("postgres://ada:s3cret@db.example:5432/x", "postgres://<credentials-1>:5432/x"),
        ("https://tok3n@git.example/a.git", "https://<credentials-1>/a.git"),
        ("ftp://u:p@ss@host/x", "ftp://<credentials-1>@host/x"),
        ("Authorization: Bearer abc123def456", "Authorization: Bearer <token-1>"),
        ("authorization: Basic YWRhOnBhc3M=9", "authorization: Basic <token-1>"),
        ("bearer 0123456789abcdef", "bearer <token-1>"),
        ("password: hunter22", "password: <credentials-1>"),
        ("API_KEY='zz99zz99zz', next", "API_KEY='<credentials-1>', next"),
        ("/x?a=1&sig=ab12cd34&b=2", "/x?a=1&sig=<credentials-1>&b=2"),
        ("Tel. 901820", "Tel. <phone-1>"),
        ("05.12.2026 0171 2345679", "05.12.2026 <phone-1>"),
        ("(call 555-010-9999)", "(call <phone-1>)"),
        ("from 10.1.2.3:8080 to src:10.1.2.4.", "from <ip-1>:8080 to src:<ip-2>."),
    ] {
        assert_eq!(scrubbed(text), left);
    }
}

#[test]
fn what_is_no_secret_stays_byte_for_byte() {
    for text in [
        "On 2026-11-23 at 14:30:05 we paid 1,234.56 € for 12 pieces.",
        "2026-11-23T14:30:05.123Z, 05.12.2026 14:30, 05/12/2026 12:00-13:00",
        "Version 1.2.3 of gpt-5.5@azure-sweden, v1.2.3.4, actions/checkout@v4, 1.2.3.4.5",
        "Order ORD-123456, invoice 2026/000123, case #00042, SKU 4006381333931",
        "123e4567-e89b-12d3-a456-426614174000 and 9f86d081884c7d659a2feaa0c55ad015",
        "std::vector<a::b>, core::fmt, 12:30:45, aa:bb:cc:dd:ee:ff, ratio 3:4",
        "4111 1111 1111 1112 has a wrong checksum, and so has GB28 NWBK 6016 1331 9268 19.",
        "The bearer certificates, basic understanding, a secret: nobody knows. token: unknown",
        "task-oriented-programming-guide, \"max_tokens\": 4096, design: 123456",
        "0.123456789 and 3.14159265358979, 1e-10, 0x1f, 100000000, 5+1234567890",
        "{ \"a\" : [1, 2,  3],\n \"b\": \"c\" }",
        "see http://x.example/@ada?q=1#a and mailto: nobody",
        "日本語のテキスト、émigré, ﷽, 👍🏽 <email-1>",
        "",
    ] {
        assert!(matches!(scrubber().scope().text(text), Cow::Borrowed(_)), "{}", scrubbed(text));
    }
}

#[test]
fn the_same_has_the_same_placeholder_within_a_case() {
    let scrubber = scrubber();
    let mut scope = scrubber.scope();
    let content = concat!(
        r#"{"eve@example.com": {"password": "hunter22"}, "#,
        r#""x": "\u0061da\u0040example.com"}"#
    );
    let mut messages = json!([
        { "role": "user", "content": "ada@example.com or eve@example.com, 4111 1111 1111 1111" },
        { "role": "user", "content": [{ "type": "text", "text": "ADA@example.com" }] },
        { "role": "assistant", "tool_calls": [{ "function": {
            "name": "find",
            "arguments": "{\"card\": 4111111111111111, \"phone\": 4930901820, \"n\": 7}",
        } }] },
        { "role": "tool", "content": content },
    ]);
    scope.value(&mut messages);
    assert_eq!(messages[0]["content"], "<email-1> or <email-2>, <card-1>");
    assert_eq!(messages[1]["content"][0]["text"], "<email-1>");
    let arguments = messages[2]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    assert_eq!(arguments, json!({ "card": "<card-1>", "phone": "<phone-1>", "n": 7 }));
    let content: Value = serde_json::from_str(messages[3]["content"].as_str().unwrap()).unwrap();
    let password = json!({ "password": "<credentials-1>" });
    assert_eq!(content, json!({ "<email-2>": password, "x": "<email-1>" }));
    assert_eq!((scope.found()[&Secret::Email], scope.found()[&Secret::Card]), (5, 2));
    assert_eq!(scrubber.scope().text("eve@example.com"), "<email-1>", "a case knows no other");
}

#[test]
fn expressions_of_ones_own() {
    let scrubber = Scrubber::new(&[r"\bK-(\d+)\b".to_owned(), "(?i)acme".to_owned()]).unwrap();
    let told = scrubber.scope().text("K-77 at ACME, K-77").into_owned();
    assert_eq!(told, "<custom-1> at <custom-2>, <custom-1>");
    let anchored = Scrubber::new(&["^foo$".to_owned()]).unwrap();
    let mut value = json!({ "content": "foo", "other": "a foo" });
    anchored.scope().value(&mut value);
    assert_eq!(value, json!({ "content": "<custom-1>", "other": "a foo" }));
    let error = Scrubber::new(&["(".to_owned()]).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the expression `(`");
    let many = vec!["a".to_owned(); 65];
    assert!(matches!(Scrubber::new(&many), Err(ScrubError::TooMany)));
}

proptest! {
    #[test]
    fn no_planted_secret_survives(
        words in prop::collection::vec("[ a-zäß.,!?()\n]{0,12}", 4),
        picks in prop::collection::vec(0..planted().len(), 3),
    ) {
        let all = planted();
        let mut text = String::new();
        for (word, pick) in words.iter().zip(&picks) {
            text.push_str(&format!("{word} {} ", all[*pick].1));
        }
        text.push_str(&words[3]);
        let mut value = json!({ "content": text, "nested": json!([text]).to_string() });
        let scrubber = scrubber();
        let mut scope = scrubber.scope();
        scope.value(&mut value);
        let left = value.to_string();
        for pick in picks {
            prop_assert!(!left.contains(&all[pick].1), "{left}");
        }
    }

    #[test]
    fn plain_words_come_through(text in "[a-zA-Zäöü ,.!?;()\\[\\]{}\n\"'-]{0,200}") {
        prop_assert_eq!(scrubbed(&text), text);
    }

    #[test]
    fn any_text_is_taken(text in any::<String>()) {
        let once = scrubbed(&text);
        prop_assert_eq!(scrubbed(&once), once.clone(), "what is scrubbed has nothing left");
    }
}
