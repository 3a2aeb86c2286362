//! Whatever a stranger writes, it never begins a line of the log.

use serde_json::{Value, json};
use stockade_tests::log::PREFIX;
use stockade_tests::{App, Host, Mode, Request, Setup};

/// What the host, a terminal or a reader would obey at the start of a line.
const HOSTILE: [&str; 6] = [
    "azfuncjsonlog:{}",
    "LanguageWorkerConsoleLog[x]",
    "{\"timestamp\":\"forged\",\"outcome\":\"succeeded\"}",
    "\u{1b}[2J\u{1b}[31mred",
    "\u{202e}desrever",
    "\u{85}next\u{2028}line",
];

/// Each line of the handler is one JSON object of its own making, in plain characters.
fn is_sound(host: Host) {
    let lines = host.stop();
    let written: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix(PREFIX))
        .collect();
    assert!(!written.is_empty());
    for line in written {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?}"));
        assert!(
            json["timestamp"].is_string() && json["timestamp"] != "forged",
            "{line}"
        );
        let is_odd = |character: char| {
            character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202e}')
        };
        assert!(!line.contains(is_odd), "{line:?}");
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn hostile_paths_queries_and_headers_never_begin_a_line() {
    for mode in Mode::ALL {
        let host = Setup::of(App::Gallery("all")).mode(mode).start();
        for text in HOSTILE {
            let escaped = percent(&format!("\r\n{text}"));
            let plain: String = text.chars().filter(char::is_ascii_graphic).collect();
            for request in [
                Request::get(&format!("/api/look/{escaped}?text={escaped}&{escaped}=1")),
                Request::get(&format!("/api/error/{escaped}")),
                Request::get(&format!("/{escaped}")),
                Request::post(&format!("/api/echo/{escaped}"))
                    .body("application/json", format!("{{\"{plain}\":\n{text}")),
                Request::get("/api/look")
                    .header("User-Agent", &plain)
                    .header("X-Azure-Functions-InvocationId", &plain)
                    .header("x-ms-invocation-id", &plain)
                    .header("traceparent", &plain)
                    .header("Authorization", &plain),
            ] {
                let answer = request.send(host.port);
                assert!(answer.status < 500, "{answer:?}");
            }
        }
        is_sound(host);
    }
}

#[test]
fn the_text_of_a_panic_never_begins_a_line() {
    let host = Setup::of(App::Gallery("all")).start();
    for text in HOSTILE {
        // The function puts a line break where the underscore is.
        let graphic: String = text.chars().filter(|c| !c.is_control()).collect();
        let target = format!("/api/panic?text={}", percent(&format!("boom_{graphic}")));
        // A bidirectional control does not even get to the function.
        let status = if graphic.contains('\u{202e}') {
            400
        } else {
            500
        };

        assert_eq!(
            Request::get(&target).send(host.port).status,
            status,
            "{text:?}"
        );
    }
    let caught = |line: &stockade_tests::Line| line.message() == "a panic was caught";
    let line = host.wait_for_line("the panic", caught);
    assert_eq!(line.text("panic.text"), "boom\nazfuncjsonlog:{}");
    is_sound(host);
}

#[test]
fn what_a_token_says_of_itself_never_begins_a_line() {
    let host = Setup::of(App::Reference).start();
    for text in HOSTILE {
        let text = format!("\n{text}");
        for wanted in [
            json!({"scopes": ["Orders.Read"], "header_overrides": {"kid": text}}),
            json!({"scopes": ["Orders.Read"], "header_overrides": {"alg": text}}),
            json!({"scopes": ["Orders.Read"], "header_overrides": {"typ": text}}),
            json!({"scopes": ["Orders.Read"], "audience": text}),
            json!({"scopes": ["Orders.Read"], "overrides": {"iss": text}}),
            json!({"scopes": ["Orders.Read"], "overrides": {"tid": text}}),
            json!({"scopes": [text]}),
        ] {
            let answer = Request::get("/api/quote?sku=SKU-00001&quantity=1")
                .bearer(&host.token(&wanted))
                .send(host.port);
            assert!([401, 403].contains(&answer.status), "{wanted}: {answer:?}");
            for header in answer.headers("www-authenticate") {
                assert!(
                    header.chars().all(|c| c == ' ' || c.is_ascii_graphic()),
                    "{header:?}"
                );
            }
        }
    }
    let accepted = json!({"scopes": ["Orders.Read"], "object": "\nazfuncjsonlog:"});
    let answer = Request::get("/api/quote?sku=SKU-00001&quantity=1")
        .bearer(&host.token(&accepted))
        .send(host.port);
    assert!(answer.status < 500, "{answer:?}");
    is_sound(host);
}
