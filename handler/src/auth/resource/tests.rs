use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::testing::{AUDIENCE, TestTenant, tenant_id};
use super::*;
use crate::auth::protected_resource;
use crate::{App, Function, Reply, access, on};

const TENANTS: &str = "STOCKADE__AUTH__TENANTS";

/// The identifier, or what is wrong with the setting.
fn read(text: &str, others: &[(&str, &str)]) -> Result<String, Vec<String>> {
    let mut source: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in others.iter().chain(&[(SETTING, text)]) {
        source.insert((*name).to_owned(), (*value).to_owned());
    }
    let mut problems = Problems::new();
    let id = ResourceId::read(&source, &mut problems);
    assert!(problems.iter().all(|problem| problem.name() == SETTING));
    match (id, problems.is_empty()) {
        (Some(id), true) => Ok(id.metadata_address()),
        (None, false) => Err(problems.iter().map(ToString::to_string).collect()),
        other => panic!("{text}: {other:?} {problems}"),
    }
}

#[test]
fn the_metadata_is_below_the_identifier() {
    for (id, address) in [
        (
            "https://orders.example/api",
            "https://orders.example/api/.well-known/oauth-protected-resource",
        ),
        (
            "https://orders.example/api/",
            "https://orders.example/api/.well-known/oauth-protected-resource",
        ),
        (
            "https://orders.example",
            "https://orders.example/.well-known/oauth-protected-resource",
        ),
        (
            "https://orders.example/",
            "https://orders.example/.well-known/oauth-protected-resource",
        ),
        (
            "https://orders.example:8443/a/b",
            "https://orders.example:8443/a/b/.well-known/oauth-protected-resource",
        ),
        (
            "https://xn--bcher-kva.example",
            "https://xn--bcher-kva.example/.well-known/oauth-protected-resource",
        ),
        (
            " https://orders.example/api\n",
            "https://orders.example/api/.well-known/oauth-protected-resource",
        ),
    ] {
        assert_eq!(read(id, &[]).as_deref(), Ok(address), "{id}");
    }
}

#[test]
fn an_identifier_has_one_spelling_and_nothing_in_it_to_break_out_of_a_header() {
    for id in [
        "orders",
        "/api",
        "orders.example/api",
        "api://orders",
        "urn:orders",
        "ftp://orders.example/",
        "https://",
        "https:orders.example",
        "https:///orders.example",
        "https://orders.example/api?x=1",
        "https://orders.example/api?",
        "https://orders.example/api#x",
        "https://orders.example/api#",
        "https://user@orders.example/api",
        "https://user:secret@orders.example/api",
        "https://ORDERS.example/api",
        "HTTPS://orders.example/api",
        "https://orders.example:443/api",
        "https://orders.example/a/../api",
        "https://orders.example/./api",
        "https://orders.example/a\"b",
        "https://orders\"x.example/api",
        "https://orders.example/\", error=\"x",
        "https://orders.example/a\\b",
        "https://orders.example/a\r\nX-Injected: 1",
        "https://orders.example/a\nb",
        "https://orders.example/a\tb",
        "https://orders.example/a b",
        "https://orders.example/\u{e9}",
        "https://b\u{fc}cher.example/",
        "https://orders.example/a\u{0}b",
    ] {
        assert!(read(id, &[]).is_err(), "{id:?}");
    }
}

#[test]
fn http_is_for_this_machine_in_development_alone() {
    let development = ("AZURE_FUNCTIONS_ENVIRONMENT", "Development");
    let here = "http://127.0.0.1:7071/api";

    assert!(read(here, &[development]).is_ok());
    for refused in [
        read(here, &[]),
        read(here, &[("AZURE_FUNCTIONS_ENVIRONMENT", "Production")]),
        read(here, &[development, ("WEBSITE_INSTANCE_ID", "1")]),
        read("http://orders.example/api", &[development]),
        read("http://127.0.0.1.example/api", &[development]),
    ] {
        assert!(refused.is_err(), "{refused:?}");
    }
}

proptest! {
    #[test]
    fn an_identifier_that_is_accepted_can_stand_between_quotes(
        text in "https://[a-z0-9.:@?#]{1,12}(/\\PC{0,16})?[ \\t\\r\\n]?[\"\\\\]?",
    ) {
        if exact(&text).is_some() {
            let sound = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
            prop_assert!(text.bytes().all(sound), "{text:?}");
        }
    }
}

fn app() -> App<()> {
    let function =
        |name, access| Function::new(name, on::get(name, access), async || Reply::ok(()));
    App::new("orders")
        .function(function("b", access::scope("Write")))
        .function(function(
            "a",
            access::any_of([
                access::scope("Read"),
                access::role("Read.All"),
                access::scope("Write").with_authentication_context("c1"),
            ]),
        ))
        .function(Function::new(
            "open",
            on::get("open", access::anonymous("a test")),
            async || Reply::ok(()),
        ))
        .function(protected_resource())
}

fn metadata(app: &App<()>, settings: &[(&str, &str)]) -> Value {
    let id = [(SETTING, "https://orders.example/api")];
    let settings: Vec<_> = id.iter().chain(settings).copied().collect();
    let metadata = app.resource_metadata(&TestTenant::new().settings(&settings));
    serde_json::to_value(metadata.expect("the setting is there")).expect("JSON")
}

#[test]
fn the_metadata_says_whose_tokens_with_which_scopes_are_taken() {
    assert_eq!(
        metadata(&app(), &[]),
        json!({
            "resource": "https://orders.example/api",
            "authorization_servers": [
                format!("https://login.microsoftonline.com/{}/v2.0", tenant_id()),
            ],
            "scopes_supported": [format!("{AUDIENCE}/Read"), format!("{AUDIENCE}/Write")],
            "bearer_methods_supported": ["header"],
            "resource_name": "orders",
        })
    );
}

#[test]
fn every_listed_tenant_is_an_authorization_server_and_any_is_that_of_organisations() {
    let (one, other) = (tenant_id(), "dddddddd-0000-4000-8000-000000000004");
    let servers =
        |settings: &[(&str, &str)]| metadata(&app(), settings)["authorization_servers"].clone();

    assert_eq!(
        servers(&[(TENANTS, &format!("{one},{other}"))]),
        json!([
            format!("https://login.microsoftonline.com/{one}/v2.0"),
            format!("https://login.microsoftonline.com/{other}/v2.0"),
        ])
    );
    assert_eq!(
        servers(&[(TENANTS, "any"), ("STOCKADE__AUTH__CLOUD", "china")]),
        json!(["https://login.partner.microsoftonline.cn/organizations/v2.0"])
    );
}

#[test]
fn lists_without_an_element_are_left_out() {
    let roles_only = App::new("orders").function(Function::new(
        "it",
        on::get("it", access::role("All")),
        async || Reply::ok(()),
    ));

    assert!(metadata(&roles_only, &[]).get("scopes_supported").is_none());
}

#[test]
fn an_app_serves_its_metadata_with_the_function_or_with_one_of_its_own_at_its_place() {
    let own = |trigger| {
        App::<()>::new("own").function(Function::new("own", trigger, async || Reply::ok(())))
    };
    let open = || access::anonymous("a test");

    assert!(app().serves_resource_metadata());
    assert!(own(on::get(ROUTE, open())).serves_resource_metadata());
    assert!(!own(on::post(ROUTE, open())).serves_resource_metadata());
    assert!(!own(on::get("metadata", open())).serves_resource_metadata());
    assert_eq!(app().problems(), Vec::<String>::new());
}

#[tokio::test]
async fn without_the_setting_there_is_no_metadata() {
    let outcome = app().with_state(()).call("protected-resource").await;

    assert_eq!(outcome.status(), 404);
    let unset = app().resource_metadata(&TestTenant::new().settings(&[]));
    assert!(unset.is_none());
}
