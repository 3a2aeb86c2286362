use super::*;

fn read(text: &str) -> (Vault, Result<(), Vec<String>>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("local.secrets.json"), text).unwrap();
    let vault = vault();
    let read = read_local_secrets(folder.path(), &vault);
    (vault, read)
}

#[tokio::test]
async fn secrets_come_as_texts_or_with_attributes() {
    let (vault, read) = read(
        r#"{"erp-key": "first", "Old-Key": {"value": "old", "enabled": false, "contentType": "x"}}"#,
    );

    assert_eq!(read, Ok(()));
    assert_eq!(get_secret(&vault, "erp-key").await.json()["value"], "first");
    let old = get_secret(&vault, "old-key").await.codes();
    assert_eq!(old, (403, json!("Forbidden"), json!("SecretDisabled")));
}

#[tokio::test]
async fn a_version_that_an_app_pins_can_be_given_its_id() {
    let id = "0123456789abcdef0123456789abcdef";
    let (vault, read) = read(&format!(r#"{{"k": {{"value": "v", "version": "{id}"}}}}"#));

    assert_eq!(read, Ok(()));
    let got = get(&vault, &format!("/secrets/k/{id}?api-version=7.6")).await;
    assert_eq!(got.json()["value"], "v");
}

#[test]
fn no_file_is_no_problem() {
    let folder = tempfile::tempdir().unwrap();

    assert_eq!(read_local_secrets(folder.path(), &vault()), Ok(()));
}

#[test]
fn problems_name_the_secret_and_never_its_value() {
    for (text, word) in [
        (r#"{"erp-key": "a value to keep""#, "line 1 column"),
        (r#"["a value to keep"]"#, "no JSON object"),
        (r#"{"erp_key": "a value to keep"}"#, "erp_key"),
        (
            r#"{"erp-key": {"value": "v", "exp": "a value to keep"}}"#,
            "erp-key",
        ),
        (
            r#"{"erp-key": {"value": "v", "a value to keep": 1}}"#,
            "erp-key",
        ),
        (
            r#"{"erp-key": {"value": "a value to keep", "version": "1"}}"#,
            "32 lower-case hex digits",
        ),
        (r#"{"erp-key": 5, "b": "a value to keep"}"#, "erp-key"),
        (r#"{"erp-key": "a value to keep", "ERP-key": "v"}"#, "twice"),
    ] {
        let problems = read(text).1.expect_err(text).join("\n");

        assert!(problems.contains(word), "{text}: {problems}");
        assert!(
            problems.contains("local.secrets.json"),
            "{text}: {problems}"
        );
        assert!(!problems.contains("value to keep"), "{text}: {problems}");
    }
}
