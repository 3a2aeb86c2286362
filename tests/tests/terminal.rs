//! What devhost shows of invocations in a terminal.

use serde_json::json;
use stockade_tests::process::poll;
use stockade_tests::{App, Host, Request, Setup};

/// As wide as a terminal is, if nobody has made it wider.
const COLUMNS: usize = 80;
const ESCAPE: char = '\u{1b}';

/// Calls functions, waits for the trees of what went well and of what did not, and gives their lines as they
/// were shown.
fn trees(host: &Host) -> Vec<String> {
    let token = host.token_with(&["Orders.Read", "Orders.Write"]);
    let quote = |quantity: &str| format!("/api/quote?sku=SKU-00001&quantity={quantity}");
    let good = Request::get(&quote("1")).bearer(&token);
    let rejected = Request::get(&quote("none")).bearer(&token);
    // There is no storage account.
    let upload = json!({"name": "a.png", "contentType": "image/png", "length": 5});
    let failed = Request::post("/api/uploads").bearer(&token).json(&upload);
    for (request, status) in [
        (good, 200),
        (Request::get(&quote("1")), 401),
        (rejected, 400),
        (failed, 503),
    ] {
        assert_eq!(request.send(host.port).status, status);
    }

    poll("the trees", || {
        let lines = host.output();
        let trees: Vec<_> = lines
            .iter()
            .map(|line| line.trim_end_matches('\r').to_owned())
            .filter(|line| is_of_tree(line))
            .collect();
        let ends = [
            "  succeeded (200)  trace ",
            "  denied: missing_token (401)  trace ",
            "  rejected: invalid_input (400)  trace ",
            "  failed: retry (503)  trace ",
        ];
        let is_shown = |end: &&str| trees.iter().any(|line| line.contains(end));
        ends.iter().all(is_shown).then_some(trees)
    })
}

fn is_of_tree(line: &str) -> bool {
    line.contains("  trace ") || without_colours(line).starts_with(['├', '└', '│'])
}

/// The text without what begins and ends a colour.
fn without_colours(line: &str) -> String {
    let mut parts = line.split(ESCAPE);
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text));
    rest.fold(first, |text, part| text + part)
}

#[test]
fn trees_fit_and_bad_ends_have_a_colour() {
    let host = Setup::of(App::Reference).start_in_terminal();

    let trees = trees(&host);

    assert!(trees.len() >= 8, "{trees:?}");
    for line in &trees {
        let text = without_colours(line);
        assert!(text.chars().count() <= COLUMNS, "{line:?}");
        assert!(!text.contains(char::is_control), "{line:?}");
        let is_bad = ["denied", "rejected", "failed"]
            .iter()
            .any(|end| text.contains(end));
        assert_eq!(line.starts_with(ESCAPE), is_bad, "{line:?}");
        assert_eq!(line.ends_with("\u{1b}[0m"), is_bad, "{line:?}");
    }
}

#[test]
fn whoever_wants_no_colours_gets_none() {
    let host = Setup::of(App::Reference)
        .setting("NO_COLOR", "1")
        .start_in_terminal();

    let trees = trees(&host);

    assert!(trees.len() >= 8, "{trees:?}");
    let lines = host.stop();
    let escape = lines.iter().find(|line| line.contains(ESCAPE));
    assert_eq!(escape, None);
}
