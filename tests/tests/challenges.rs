//! What callers who are turned away are told, and that it leads them to a token that does: by the
//! metadata of the resource, by a claims challenge, or not at all.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stockade_tests::running::free_port;
use stockade_tests::{Answer, App, Host, Mode, Request, Setup};

const RESOURCE: &str = "STOCKADE__AUTH__RESOURCE";
const GROUPS: &str = "STOCKADE__AUTH__GROUPS";
const ORDERS: &str = "https://orders.example/api";

/// The tenant, the app and a client, as devhost knows them.
const TENANT: &str = "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384";
const AUDIENCE: &str = "e2a5d1b0-6f47-4c39-8a1e-5b7d90c3f612";
const CLIENT: &str = "19f8c6d3-a2b4-4d70-8e5f-c3619b07e4a8";
const CLERKS: &str = "eeeeeeee-0000-4000-8000-000000000005";
const OTHERS: &str = "eeeeeeee-0000-4000-8000-000000000006";

fn guarded() -> Setup {
    Setup::of(App::Gallery("guarded")).setting(RESOURCE, ORDERS)
}

/// A running app for each mode.
fn host(mode: Mode) -> &'static Host {
    static HOSTS: [OnceLock<Host>; 3] = [const { OnceLock::new() }; 3];
    let index = Mode::ALL.iter().position(|known| *known == mode);
    HOSTS[index.expect("all modes are in the list")].get_or_init(|| guarded().mode(mode).start())
}

fn challenge(answer: &Answer) -> &str {
    answer
        .header("www-authenticate")
        .unwrap_or_else(|| panic!("no challenge: {answer:?}"))
}

/// A parameter of a challenge, all of which are quoted.
fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let parameters = challenge.strip_prefix("Bearer ")?.split(", ");
    parameters.into_iter().find_map(|parameter| {
        let value = parameter.strip_prefix(name)?.strip_prefix("=\"")?;
        value.strip_suffix('"')
    })
}

#[test]
fn a_client_finds_its_way_from_the_challenge_to_the_metadata() {
    for mode in Mode::ALL {
        let host = host(mode);

        let stranger = Request::get("/api/whoami").send(host.port);
        assert_eq!(stranger.status, 401, "{mode:?}");
        let address = format!("{ORDERS}/.well-known/oauth-protected-resource");
        let expected = format!("Bearer resource_metadata=\"{address}\"");
        assert_eq!(challenge(&stranger), expected, "{mode:?}");

        let path = address.strip_prefix("https://orders.example");
        let metadata = Request::get(path.expect("it is below the origin")).send(host.port);
        assert_eq!(metadata.status, 200, "{mode:?}: {metadata:?}");
        assert_eq!(
            metadata.json(),
            json!({
                "resource": ORDERS,
                "authorization_servers": [format!("{}/{TENANT}/v2.0", host.tenant())],
                "scopes_supported": [
                    format!("{AUDIENCE}/Orders.Delete"),
                    format!("{AUDIENCE}/Orders.Read"),
                ],
                "bearer_methods_supported": ["header"],
                "resource_name": "guarded",
            }),
            "{mode:?}"
        );
        let kept = metadata.header("cache-control");
        assert_eq!(kept, Some("public, max-age=3600"), "{mode:?}");
        let written_as = metadata.header("content-type").unwrap_or_default();
        assert!(written_as.starts_with("application/json"), "{mode:?}");
    }
}

#[test]
fn every_refusal_names_the_metadata_and_no_request_decides_where_it_is() {
    let named = format!("resource_metadata=\"{ORDERS}/.well-known/oauth-protected-resource\"");
    for mode in Mode::ALL {
        let host = host(mode);
        let foreign = host.token(&json!({"scopes": ["Orders.Read"], "audience": "another"}));
        let powerless = host.token_with(&["Orders.Write"]);
        for (token, status) in [("rubbish", 401), (&foreign, 401), (&powerless, 403)] {
            let answer = Request::get("/api/whoami")
                .bearer(token)
                .header("Host", "evil.example")
                .header("X-Forwarded-Host", "evil.example")
                .header("X-Original-Host", "evil.example")
                .header("Forwarded", "host=evil.example")
                .send(host.port);

            assert_eq!(answer.status, status, "{mode:?}: {answer:?}");
            assert!(challenge(&answer).ends_with(&named), "{mode:?}: {answer:?}");
            assert!(
                !format!("{answer:?}").contains("evil"),
                "{mode:?}: {answer:?}"
            );
        }
    }
}

#[test]
fn the_metadata_does_not_depend_on_who_asks_or_how() {
    let path = "/api/.well-known/oauth-protected-resource";
    for mode in Mode::ALL {
        let host = host(mode);
        let plain = Request::get(path).send(host.port);

        let forged = Request::get(&format!("{path}?resource=https://evil.example"))
            .header("Host", "evil.example")
            .header("X-Forwarded-Host", "evil.example")
            .bearer("rubbish")
            .send(host.port);

        assert_eq!(forged.json(), plain.json(), "{mode:?}");
        assert_eq!(Request::post(path).send(host.port).status, 404, "{mode:?}");
    }
}

#[test]
fn an_app_that_is_no_resource_names_no_metadata_and_has_none() {
    let host = Setup::of(App::Gallery("guarded")).start();

    let stranger = Request::get("/api/whoami").send(host.port);
    assert_eq!(challenge(&stranger), "Bearer");
    let metadata = Request::get("/api/.well-known/oauth-protected-resource").send(host.port);
    assert_eq!(metadata.status, 404, "{metadata:?}");
    assert_eq!(metadata.problem(), "not_found");
}

#[test]
fn without_a_route_prefix_the_metadata_is_where_the_standard_looks_for_it() {
    let host = Setup::of(App::Gallery("guarded"))
        .host_json(&json!({"extensions": {"http": {"routePrefix": ""}}}))
        .setting(RESOURCE, "https://orders.example")
        .start();

    let metadata = Request::get("/.well-known/oauth-protected-resource").send(host.port);

    assert_eq!(metadata.status, 200, "{metadata:?}");
    assert_eq!(metadata.json()["resource"], "https://orders.example");
}

#[test]
fn a_resource_that_nothing_describes_or_that_is_none_stops_the_start() {
    let bare = Setup::of(App::Gallery("all")).setting(RESOURCE, ORDERS);
    let ended = bare.run_to_its_end(free_port());
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let says = |what: &str| ended.lines.iter().any(|line| line.contains(what));
    assert!(
        says(RESOURCE) && says(".function(stockade::auth::protected_resource())"),
        "{ended:?}"
    );

    for hostile in [
        "https://orders.example/\", error=\"canary",
        "https://orders.example/canary\r\nX-Injected: 1",
        "https://orders.example/canary\nX-Injected: 1",
        "https://canary@orders.example/api",
        "http://canary.example/api",
    ] {
        let setup = guarded()
            .setting(RESOURCE, hostile)
            .setting("STOCKADE__AUTH__TENANTS", TENANT)
            .setting("STOCKADE__AUTH__AUDIENCES", AUDIENCE);
        let ended = setup.run_to_its_end(free_port());
        assert_eq!(ended.status.code(), Some(2), "{hostile:?}: {ended:?}");
        let output = ended.lines.concat();
        assert!(
            output.contains(RESOURCE) && !output.contains("canary"),
            "{ended:?}"
        );
    }
}

fn delete(host: &Host, wanted: &Value) -> Answer {
    let token = host.token(wanted);
    Request::new("DELETE", "/api/orders/7")
        .bearer(&token)
        .send(host.port)
}

#[test]
fn a_user_who_has_to_sign_in_again_is_told_how_in_every_mode() {
    for mode in Mode::ALL {
        let host = host(mode);
        let token = |overrides: Value| json!({"scopes": ["Orders.Delete"], "overrides": overrides});

        let strong = delete(host, &token(json!({"acrs": ["c1"]})));
        assert_eq!((strong.status, &*strong.text()), (200, "7"), "{mode:?}");

        let weak = delete(host, &token(json!({"xms_cc": ["cp1"]})));
        assert_eq!(weak.status, 401, "{mode:?}: {weak:?}");
        assert_eq!(weak.problem(), "insufficient_claims", "{mode:?}");
        let told = challenge(&weak);
        assert_eq!(
            parameter(told, "error"),
            Some("insufficient_claims"),
            "{told}"
        );
        assert_eq!(parameter(told, "realm"), Some(TENANT), "{told}");
        let sign_in = format!("{}/{TENANT}/oauth2/v2.0/authorize", host.tenant());
        assert_eq!(
            parameter(told, "authorization_uri"),
            Some(&*sign_in),
            "{told}"
        );
        let request = STANDARD.decode(parameter(told, "claims").expect("claims"));
        let request: Value = serde_json::from_slice(&request.expect("base64")).expect("JSON");
        assert_eq!(
            request,
            json!({"access_token": {"acrs": {"essential": true, "value": "c1"}}})
        );

        // A client does what it is told: it has the user sign in, and comes back.
        let asked = request["access_token"]["acrs"]["value"].clone();
        let again = delete(host, &token(json!({"xms_cc": ["cp1"], "acrs": [asked]})));
        assert_eq!(again.status, 200, "{mode:?}: {again:?}");
    }
}

#[test]
fn a_client_that_understands_no_challenge_and_a_caller_without_the_permission_get_none() {
    for mode in Mode::ALL {
        let host = host(mode);
        let capable = json!({"xms_cc": ["cp1"]});

        let incapable = delete(host, &json!({"scopes": ["Orders.Delete"]}));
        assert_eq!(
            (incapable.status, &*incapable.problem()),
            (403, "forbidden"),
            "{mode:?}"
        );
        assert_eq!(parameter(challenge(&incapable), "claims"), None, "{mode:?}");

        let strangers = [
            json!({"scopes": ["Orders.Read"], "overrides": capable}),
            json!({"scopes": ["Orders.Read"], "overrides": {"acrs": ["c1"], "xms_cc": ["cp1"]}}),
            json!({"kind": "app", "roles": ["Orders.Read.All"], "overrides": capable}),
        ];
        for stranger in strangers {
            let answer = delete(host, &stranger);
            assert_eq!(answer.status, 403, "{mode:?}: {answer:?}");
            let told = challenge(&answer);
            assert_eq!(
                parameter(told, "scope"),
                Some("Orders.Delete"),
                "{mode:?}: {told}"
            );
            assert_eq!(
                parameter(told, "error"),
                Some("insufficient_scope"),
                "{mode:?}: {told}"
            );
        }

        // The other alternative of the rule asks for no context.
        let daemon = delete(
            host,
            &json!({"kind": "app", "roles": ["Orders.Delete.All"]}),
        );
        assert_eq!(daemon.status, 200, "{mode:?}: {daemon:?}");
    }
}

#[test]
fn a_context_is_a_text_in_a_list_and_nothing_else() {
    let host = host(Mode::Proxying);
    let status = |name: &str, value: Value| {
        let mut overrides = json!({"acrs": ["c1"], "xms_cc": ["cp1"]});
        overrides[name] = value;
        delete(
            host,
            &json!({"scopes": ["Orders.Delete"], "overrides": overrides}),
        )
        .status
    };

    assert_eq!(status("acrs", json!(["c2", "c1"])), 200);
    for acrs in [
        json!("c1"),
        json!(["C1"]),
        json!(["c01"]),
        json!(["c1 "]),
        json!(["c1 c2"]),
        json!([["c1"]]),
        json!([{"id": "c1"}]),
        json!({"c1": true}),
        json!(["c10", "c11"]),
        json!([]),
        json!(1),
        json!(false),
    ] {
        assert_eq!(status("acrs", acrs.clone()), 401, "{acrs}");
    }
    let without = |capable: Value| {
        let overrides = json!({"xms_cc": capable});
        delete(
            host,
            &json!({"scopes": ["Orders.Delete"], "overrides": overrides}),
        )
        .status
    };
    for capable in [json!(["cp1"]), json!("cp1"), json!(["cp2", "CP1"])] {
        assert_eq!(without(capable.clone()), 401, "{capable}");
    }
    for incapable in [
        json!(true),
        json!(1),
        json!({"cp1": 1}),
        json!([["cp1"]]),
        json!("cp1 cp2"),
    ] {
        assert_eq!(without(incapable.clone()), 403, "{incapable}");
    }
}

#[test]
fn an_app_with_a_claims_mapping_takes_what_is_signed_for_it_alone() {
    let status = |setup: Setup, signed_by: &str| {
        let host = setup.start();
        let token = host.token(&json!({"scopes": ["Orders.Read"], "signed_by": signed_by}));
        Request::get("/api/whoami")
            .bearer(&token)
            .send(host.port)
            .status
    };
    let with_its_keys = || guarded().setting("STOCKADE__AUTH__KEYS_APP_ID", AUDIENCE);

    assert_eq!(status(with_its_keys(), "application"), 200);
    assert_eq!(status(with_its_keys(), "foreign"), 401);
    assert_eq!(status(guarded(), "application"), 401);
    let anothers = guarded().setting("STOCKADE__AUTH__KEYS_APP_ID", CLIENT);
    assert_eq!(status(anothers, "application"), 401);
}

#[test]
fn who_is_on_every_list_gets_in_and_nobody_else_does_in_every_mode() {
    for mode in Mode::ALL {
        let host = guarded()
            .mode(mode)
            .setting("STOCKADE__AUTH__CLIENTS", CLIENT)
            .setting(GROUPS, CLERKS)
            .setting("STOCKADE__AUTH__MIN_CLIENT_CREDENTIAL", "secret")
            .start();
        let status = |client: &str, overrides: Value| {
            let wanted =
                json!({"scopes": ["Orders.Read"], "client": client, "overrides": overrides});
            let token = host.token(&wanted);
            let answer = Request::get("/api/whoami").bearer(&token).send(host.port);
            if answer.status == 403 {
                let told = challenge(&answer);
                assert_eq!(parameter(told, "scope"), None, "{mode:?}: {told}");
                assert_eq!(answer.problem(), "forbidden", "{mode:?}");
            }
            answer.status
        };

        let good = json!({"groups": [OTHERS, CLERKS], "azpacr": "1"});
        assert_eq!(status(CLIENT, good.clone()), 200, "{mode:?}");
        assert_eq!(status(OTHERS, good.clone()), 403, "{mode:?}");
        for (name, value) in [
            ("azpacr", json!("0")),
            ("azpacr", json!(null)),
            ("azpacr", json!(2)),
            ("groups", json!([OTHERS])),
            ("groups", json!(CLERKS)),
            ("groups", json!([[CLERKS]])),
            ("groups", json!(null)),
            ("hasgroups", json!(true)),
            ("_claim_names", json!({"groups": "src1"})),
        ] {
            let mut overrides = good.clone();
            overrides[name] = value.clone();
            assert_eq!(status(CLIENT, overrides), 403, "{mode:?}: {name} {value}");
        }
        let line = host.wait_for_line("a refusal that says what to do", |line| {
            line.ends("whoami") && line.text("rule") == "groups_elsewhere"
        });
        assert!(line.text("error").contains("ApplicationGroup"), "{line:?}");
    }
}
