//! Keys from their creation to their end.

use crate::support::Folder;

#[test]
fn a_key_is_created_listed_and_revoked() {
    let folder = Folder::new();
    let (code, key, remark) = folder.run("key create web --feature f --expires 90d --db t.db");
    assert_eq!(code, 0);
    assert!(key.starts_with("tl_") && key.lines().count() == 1, "only the key: {key}");
    assert!(remark.contains("created `web`"), "{remark}");

    let created = folder.json("key create app --default-feature g --feature g --db t.db");
    assert_eq!(created["features"], serde_json::json!(["g"]));
    let id = created["id"].as_str().unwrap();
    assert!(created["key"].as_str().unwrap().contains(id));

    let states = |folder: &Folder| -> Vec<(String, String)> {
        let list = folder.json("key list --db t.db");
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let keys = list["keys"].as_array().unwrap();
        keys.iter().map(|key| (text(&key["name"]), text(&key["state"]))).collect()
    };
    let is = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    assert_eq!(states(&folder), [is("web", "valid"), is("app", "valid")]);
    assert_eq!(folder.json(&format!("key revoke {id} --db t.db"))["state"], "revoked");
    assert_eq!(states(&folder), [is("web", "valid"), is("app", "revoked")]);

    let (_, table, _) = folder.run("key list --db t.db");
    assert!(!table.contains("tl_"), "a list shows no key: {table}");
}

#[test]
fn keys_expire() {
    let folder = Folder::new();
    let created = folder.json("key create brief --expires 0s --db t.db");
    assert_eq!(created["state"], "expired");
}

#[test]
fn what_cannot_be_is_refused_with_a_hint() {
    let folder = Folder::new();
    for (line, hint) in [
        ("key revoke nobody --db t.db", "`tieline key list`"),
        ("key create x --feature f --default-feature g --db t.db", "--feature as well"),
    ] {
        let (code, out, err) = folder.run(line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        assert!(err.contains(hint), "{line}: {err}");
    }
}
