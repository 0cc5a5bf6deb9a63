//! What templates make of a case.

use serde_json::json;

use super::*;

fn case() -> Case {
    let fields = json!({
        "name": "Ana", "texts": ["a\"b", "zero\u{200b}width"], "cell": "[\"x\", 1]", "id": 7,
        "deep": { "a": [1, 2] }, "item": "field",
    });
    Case { id: "c1".to_owned(), fields: fields.as_object().cloned().unwrap(), ..Case::default() }
}

#[test]
fn a_lone_expression_stays_what_it_is() {
    let scope = Scope::of_case(&case());
    for (source, wanted) in [
        ("{{ texts }}", json!(["a\"b", "zero\u{200b}width"])),
        (" {{ deep.a }} ", json!([1, 2])),
        ("{{ cell }}", json!(["x", 1])),
        ("{{ name }}", json!("Ana")),
        ("{{ id }}", json!("7")),
        ("[\"{{ name }}\", {{ id }}]", json!(["Ana", 7])),
        ("[plain]", json!("[plain]")),
        ("{{ name }} and {{ item.item }}", json!("Ana and field")),
    ] {
        assert_eq!(Template::new(source).unwrap().value(&scope), Ok(wanted), "{source}");
    }
}

#[test]
fn what_is_missing_or_endless_is_told() {
    let scope = Scope::of_case(&case());
    for (source, wanted) in [
        ("{{ nme }}", "case `c1` has no `nme`, which the template asks for"),
        ("{{ name }}{{ deep.b.c }}", "case `c1` has no `deep.b.c`, which the template asks for"),
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "the template cannot be filled in for case `c1`: engine ran out of fuel",
        ),
    ] {
        let error = Template::new(source).unwrap().render(&scope).unwrap_err();
        assert_eq!(error.to_string(), wanted, "{source}");
    }
    let error = Template::new("a\n{{ b").unwrap_err().to_string();
    assert!(error.ends_with("in line 2 of the template"), "{error}");
}

#[test]
fn nothing_is_escaped_and_plain_texts_are_taken_as_they_are() {
    let scope = Scope::of_case(&case());
    let render = |source: &str| Template::new(source).unwrap().render(&scope).unwrap();
    assert_eq!(render("<b>{{ '<i>' }}</b>"), "<b><i></b>");
    assert_eq!(render("{ a } % }} \\n"), "{ a } % }} \\n");
}
