use serde_json::json;

use super::*;

fn run(source: &str) -> Result<Json, ScriptError> {
    let context = json!({ "vars": { "name": "Ana", "limit": 3 } });
    Script::new(source)?.run(&json!("Hello Ana"), &context)
}

#[test]
fn expressions_declarations_and_bodies_give_their_value() {
    for (source, wanted) in [
        ("output.length > 3", json!(true)),
        ("output.includes(context.vars.name);", json!(true)),
        ("1 / 4", json!(0.25)),
        ("({ pass: true, score: 0.5 })", json!({ "pass": true, "score": 0.5 })),
        ("{ pass: true, score: 0.5 }", json!({ "pass": true, "score": 0.5 })),
        ("const n = output.length; n > context.vars.limit", json!(true)),
        ("const s = 'a;b'; s === 'a;b'", json!(true)),
        ("let n = 0; for (let i = 0; i < 3; i++) { n += i }; n", json!(3)),
        ("return output === 'Hello Ana'", json!(true)),
        ("if (output) { return 1 } return 0", json!(1)),
        ("const words = output.split(' ');\nreturn words.length === 2;\n", json!(true)),
        ("(async () => output.length)()", json!(9)),
        ("console.log(output);\nreturn true", json!(true)),
        ("new Function('return 7')()", json!(7)),
        ("/an\\u0061/i.test(output)", json!(true)),
    ] {
        assert_eq!(run(source), Ok(wanted), "{source}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (source, wanted) in [
        ("output.((", "the script does not parse: \"expecting field name\" in line 1"),
        (
            "const a = 1;\nreturn a +;",
            "the script does not parse: \"unexpected token in expression: ';'\" in line 2",
        ),
        ("const a = 1;\n\nreturn b;", "the script threw \"b is not defined\" in line 3"),
        ("JSON.parse(output).x", "the script threw \"unexpected token: 'Hello'\" in line 1"),
        ("throw 'no'", "the script threw \"no\""),
        ("(async () => { throw new Error('late') })()", "the script threw \"late\" in line 1"),
        ("const a = 1;\na;", "the script gave no value; a body of several lines needs `return`"),
        ("fetch('http://x')", "the script threw \"fetch is not defined\" in line 1"),
        ("require('fs')", "the script threw \"require is not defined\" in line 1"),
    ] {
        assert_eq!(
            run(source).map_err(|error| error.to_string()),
            Err(wanted.to_owned()),
            "{source}"
        );
    }
}

#[test]
fn no_script_goes_over_its_bounds() {
    let short = Duration::from_millis(30);
    for source in [
        "while (true) {}",
        "for (;;) { try { while (true) {} } catch (e) {} }",
        "(async () => { while (true) { await null } })()",
        "/(a+)+$/.test('a'.repeat(40) + 'b')",
    ] {
        let script = Script::new(source).expect(source);
        let began = now();
        let given = script.run_within(short, &json!(""), &json!({}));
        assert!(matches!(&given, Err(ScriptError::Stopped(_))), "{source}: {given:?}");
        assert!(now().duration_since(began) < Duration::from_secs(5), "{source}");
    }
    for source in [
        "const all = [];\nwhile (true) { all.push('x'.repeat(1 << 20) + all.length) }",
        "new ArrayBuffer(1 << 30)",
    ] {
        let given = run(source);
        assert!(given.is_err(), "{source}: {given:?}");
    }
    let deep = run("function f() { return f() + 1 }\nreturn f()");
    assert!(matches!(&deep, Err(ScriptError::Threw(what)) if what.contains("stack")), "{deep:?}");
}

#[test]
fn one_call_leaves_nothing_for_the_next() {
    let script = Script::new("globalThis.seen = (globalThis.seen || 0) + 1").expect("it parses");
    for _ in 0..3 {
        assert_eq!(script.run(&json!(""), &json!({})), Ok(json!(1)));
    }
}
