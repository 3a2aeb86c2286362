use super::*;

fn set(vault: &Vault, name: &str, form: Value) -> String {
    let secret = NewSecret::from_local(form).expect("a secret");
    vault.set(name, secret).expect("a name")
}

#[tokio::test]
async fn a_secret_is_told_with_its_id_and_attributes() {
    let vault = vault();
    let form = json!({"value": "first", "exp": 2_000_000_000, "contentType": "text/plain"});
    let version = set(&vault, "Erp-Key", form);

    let got = get_secret(&vault, "erp-key").await;

    assert_eq!(got.status, 200);
    let bundle = got.json();
    assert_eq!(bundle["value"], "first");
    assert_eq!(bundle["contentType"], "text/plain");
    assert_eq!(
        bundle["id"],
        format!("https://mine.vault.localhost:7073/secrets/Erp-Key/{version}")
    );
    let attributes = &bundle["attributes"];
    assert_eq!(attributes["enabled"], true);
    assert_eq!(attributes["exp"], 2_000_000_000);
    assert_eq!(attributes.get("nbf"), None);
    assert_eq!(attributes["created"], attributes["updated"]);
    assert!(
        attributes["created"]
            .as_i64()
            .is_some_and(|at| at > 1_700_000_000)
    );
    assert!(version.len() == 32 && version.bytes().all(|b| b.is_ascii_hexdigit()));
}

#[tokio::test]
async fn who_has_no_token_is_challenged_as_by_a_real_vault() {
    let vault = vault();
    set(&vault, "erp-key", json!("first"));
    let path = "/secrets/erp-key?api-version=7.6";

    let got = send(&vault, Method::GET, path, "", None).await.unwrap();

    assert_eq!(got.codes(), (401, json!("Unauthorized"), Value::Null));
    assert_eq!(
        got.headers[header::WWW_AUTHENTICATE],
        format!(
            r#"Bearer authorization="http://127.0.0.1:7072/{}", resource="https://vault.localhost""#,
            crate::tenant::TENANT
        )
    );
    assert!(!String::from_utf8_lossy(&got.body).contains("first"));
}

#[tokio::test]
async fn only_a_token_of_the_tenant_for_the_vault_opens_it() {
    let vault = vault();
    set(&vault, "erp-key", json!("first"));
    let v2 = TokenRequest {
        version: Version::V2,
        ..for_vault()
    };
    for (name, right) in [("v1", for_vault()), ("v2", v2)] {
        let got = get_with(&vault, "/secrets/erp-key?api-version=7.6", &right).await;
        assert_eq!(got.status, 200, "{name}");
    }

    let mut wrong = vec![
        ("another audience", "AKV10022", for_vault()),
        ("another tenant", "AKV10032", for_vault()),
        ("a foreign key", "signature", for_vault()),
        ("over", "not valid now", for_vault()),
        ("not begun", "not valid now", for_vault()),
        ("no audience", "malformed", for_vault()),
        ("no key id", "malformed", for_vault()),
    ];
    wrong[0].2.audience = "https://management.azure.com/".to_owned();
    wrong[1].2.tenant = "3d9e5f60-84c1-4b27-a6f3-07d2c95e18ab".to_owned();
    wrong[2].2.signed_by = SignedBy::Foreign;
    wrong[3]
        .2
        .overrides
        .insert("exp".to_owned(), json!(1_700_000_000));
    wrong[4]
        .2
        .overrides
        .insert("nbf".to_owned(), json!(4_000_000_000_u64));
    wrong[5].2.overrides.insert("aud".to_owned(), Value::Null);
    wrong[6]
        .2
        .header_overrides
        .insert("kid".to_owned(), Value::Null);
    for (name, word, token) in wrong {
        let got = get_with(&vault, "/secrets/erp-key?api-version=7.6", &token).await;

        assert_eq!(got.status, 401, "{name}");
        let message = got.json()["error"]["message"].to_string();
        assert!(message.contains(word), "{name}: {message}");
        assert!(got.headers.contains_key(header::WWW_AUTHENTICATE), "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_the_words_of_a_real_vault() {
    let vault = vault();
    let old = set(&vault, "rotated", json!("old"));
    set(&vault, "rotated", json!({"value": "new", "enabled": false}));
    set(&vault, "denied", json!("nobody's"));
    vault.deny("Denied", true);

    for (path, codes) in [
        ("missing", (404, json!("SecretNotFound"), Value::Null)),
        (
            "rotated",
            (403, json!("Forbidden"), json!("SecretDisabled")),
        ),
        (
            "rotated/00000000000000000000000000000000",
            (404, json!("SecretNotFound"), Value::Null),
        ),
        (
            "denied",
            (403, json!("Forbidden"), json!("ForbiddenByRbac")),
        ),
        (
            "denied/versions",
            (403, json!("Forbidden"), json!("ForbiddenByRbac")),
        ),
        ("under_score", (400, json!("BadParameter"), Value::Null)),
    ] {
        assert_eq!(get_secret(&vault, path).await.codes(), codes, "{path}");
    }
    let unversioned = get(&vault, "/secrets/rotated").await;
    assert_eq!(
        unversioned.codes(),
        (400, json!("BadParameter"), Value::Null)
    );
    let elsewhere = get(&vault, "/storage/rotated?api-version=7.6").await;
    assert_eq!(elsewhere.codes(), (404, json!("NotFound"), Value::Null));

    let old = get_secret(&vault, &format!("rotated/{old}")).await;
    assert_eq!((old.status, &old.json()["value"]), (200, &json!("old")));
    vault
        .change(Collection::Secrets, "rotated", None, Change::Enable)
        .unwrap();
    assert_eq!(get_secret(&vault, "rotated").await.json()["value"], "new");
    vault.deny("denied", false);
    assert_eq!(get_secret(&vault, "denied").await.status, 200);
}

#[tokio::test]
async fn a_secret_that_is_over_is_still_told_with_its_date() {
    let vault = vault();
    set(&vault, "erp-key", json!("first"));
    vault
        .change(Collection::Secrets, "erp-key", None, Change::Expire)
        .unwrap();

    let got = get_secret(&vault, "erp-key").await;

    assert_eq!((got.status, &got.json()["value"]), (200, &json!("first")));
    let attributes = &got.json()["attributes"];
    assert_eq!(attributes["exp"], attributes["updated"]);
}

#[tokio::test]
async fn rotation_adds_a_version_with_the_same_attributes() {
    let vault = vault();
    let first = set(
        &vault,
        "erp-key",
        json!({"value": "first", "contentType": "x"}),
    );

    vault.rotate("erp-key").unwrap();

    let latest = get_secret(&vault, "erp-key").await.json();
    assert_ne!(latest["value"], "first");
    assert_eq!(latest["contentType"], "x");
    let old = get_secret(&vault, &format!("erp-key/{first}")).await.json();
    assert_eq!(old["value"], "first");
    let versions = get_secret(&vault, "erp-key/versions").await.json();
    let mut told: Vec<_> = [&latest, &old].map(|bundle| bundle["id"].clone()).to_vec();
    told.sort_by_key(ToString::to_string);
    let listed = versions["value"].as_array().unwrap();
    let listed: Vec<_> = listed.iter().map(|item| item["id"].clone()).collect();
    assert_eq!(listed, told);
}

#[tokio::test]
async fn a_client_can_set_a_secret() {
    let vault = vault();
    let put = async |name: &str, body: Value| {
        let token = format!("bearer {}", TENANT.mint(&for_vault()));
        let path = format!("/secrets/{name}?api-version=7.6");
        let body = body.to_string();
        let got = send(&vault, Method::PUT, &path, &body, Some(token)).await;
        got.unwrap()
    };
    let attributes = json!({"enabled": true, "nbf": 1_700_000_000});
    let body = json!({"value": "set", "attributes": attributes, "tags": {"team": "a"}});

    let set = put("erp-key", body).await;

    assert_eq!(set.status, 200);
    let got = get_secret(&vault, "erp-key").await.json();
    assert_eq!(got, set.json());
    assert_eq!(
        (&got["value"], &got["tags"]["team"]),
        (&json!("set"), &json!("a"))
    );
    assert_eq!(got["attributes"]["nbf"], 1_700_000_000);
    for (name, body) in [
        ("no value", json!({})),
        ("too long", json!({"value": "x".repeat(25 * 1024 + 1)})),
    ] {
        let refused = put("erp-key", body).await;
        assert_eq!(
            refused.codes(),
            (400, json!("BadParameter"), Value::Null),
            "{name}"
        );
    }
    assert_eq!(get_secret(&vault, "erp-key").await.json(), got);
}

#[tokio::test]
async fn lists_come_in_pages_without_values() {
    let vault = vault();
    for number in 0..30 {
        set(&vault, &format!("key-{number:02}"), json!("never listed"));
    }
    let mut path = "/secrets?api-version=7.6&maxresults=20".to_owned();
    let mut names = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let got = get(&vault, &path).await;
        assert!(!String::from_utf8_lossy(&got.body).contains("never listed"));
        let page = got.json();
        let items = page["value"].as_array().unwrap();
        sizes.push(items.len());
        names.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["nextLink"].as_str() else {
            break;
        };
        let (_, next) = next.split_once(":7073").expect("the vault's own address");
        path = next.to_owned();
    }

    assert_eq!(sizes, [20, 10]);
    let expected =
        (0..30).map(|number| format!("https://mine.vault.localhost:7073/secrets/key-{number:02}"));
    assert_eq!(names, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn requests_are_counted_by_operation_and_name() {
    let vault = vault();
    set(&vault, "erp-key", json!("first"));
    get_secret(&vault, "ERP-key").await;
    get_secret(&vault, "erp-key").await;
    send(
        &vault,
        Method::GET,
        "/secrets/erp-key?api-version=7.6",
        "",
        None,
    )
    .await;
    get_secret(&vault, "not_a_name").await;
    get_secret(&vault, "erp-key/versions").await;

    let report = vault.report();

    let line = |operation: &str, name: &str, statuses: Value| {
        let requests: u64 = statuses
            .as_object()
            .unwrap()
            .values()
            .filter_map(Value::as_u64)
            .sum();
        json!({"operation": operation, "name": name, "requests": requests, "statuses": statuses})
    };
    assert_eq!(
        report["requests"],
        json!([
            line("get", "", json!({"400": 1})),
            line("get", "erp-key", json!({"200": 2, "401": 1})),
            line("versions", "erp-key", json!({"200": 1})),
        ])
    );
    assert_eq!(report["uri"], "https://devhost.vault.localhost:7073/");
}

#[test]
fn neither_debug_output_nor_the_inventory_tells_a_value() {
    let vault = vault();
    set(&vault, "erp-key", json!("a value to keep"));

    let secret = NewSecret::text("a value to keep");
    for told in [
        format!("{vault:?}"),
        format!("{secret:?}"),
        vault.inventory().to_string(),
        vault.report().to_string(),
    ] {
        assert!(!told.contains("a value to keep"), "{told}");
    }
}
