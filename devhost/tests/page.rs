//! What the page's files hold: nothing from elsewhere, and no way for a text to become markup.

#[path = "../src/telemetry/page/files.rs"]
mod files;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use files::FILES;
use regex_lite::Regex;

/// Whatever makes markup or code of a text, or goes round the policy for content.
const SINKS: [&str; 14] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "setHTML",
    "document.write",
    "createContextualFragment",
    "DOMParser",
    "srcdoc",
    "eval(",
    "new Function",
    "javascript:",
    "import(",
    "localStorage",
    "style=",
];

/// The files of a media type, with their paths.
fn of_kind(wanted: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = FILES
        .into_iter()
        .filter(move |(_, kind, _)| kind.starts_with(wanted));
    files.map(|(path, _, content)| (path, content))
}

#[test]
fn no_text_becomes_markup_or_code() {
    for (path, _, content) in FILES {
        for sink in SINKS {
            assert!(!content.contains(sink), "{sink} in {path}");
        }
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let address =
        Regex::new(r#"(?i)\b(?:https?|wss?|data|blob):|["'(]//|@import|url\("#).expect("a pattern");
    for (path, _, content) in FILES {
        let found = address.find(content).map(|found| found.as_str());
        assert_eq!(found, None, "in {path}");
    }
}

#[test]
fn the_markup_has_no_script_style_or_handler_of_its_own() {
    let own = Regex::new(r"(?i)<script(?: type=\S+)?>|<style|\son[a-z]+\s*=|\sstyle\s*=")
        .expect("a pattern");
    for (path, content) in of_kind("text/html") {
        let found = own.find(content).map(|found| found.as_str());
        assert_eq!(found, None, "in {path}");
    }
}

#[test]
fn each_file_that_is_named_is_there_and_each_that_is_there_is_named() {
    let reference =
        Regex::new(r#"(?:(?:src|href)="|from "\./)([a-z]+\.[a-z]+)""#).expect("a pattern");
    let named: BTreeSet<String> = FILES
        .into_iter()
        .flat_map(|(_, _, content)| reference.captures_iter(content))
        .map(|found| format!("/{}", &found[1]))
        .collect();

    let served = FILES.into_iter().map(|(path, ..)| path.to_owned());
    let served: BTreeSet<String> = served.filter(|path| path != "/").collect();
    assert_eq!(named, served);
}

#[test]
fn each_file_of_the_folder_is_served() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/telemetry/page");
    let there = fs::read_dir(folder).expect("the folder").map(|entry| {
        let name = entry.expect("an entry").file_name();
        name.into_string().expect("UTF-8")
    });
    let there: BTreeSet<String> = there.filter(|name| !name.ends_with(".rs")).collect();

    let served = FILES.into_iter().map(|(path, ..)| match path {
        "/" => "index.html".to_owned(),
        path => path.trim_start_matches('/').to_owned(),
    });
    assert_eq!(there, served.collect());
}

#[test]
fn each_element_that_a_script_asks_for_by_its_id_is_in_the_page() {
    let asked = Regex::new(r#"byId\("([a-z-]+)"\)"#).expect("a pattern");
    let page = FILES[0].2;
    for (path, content) in of_kind("text/javascript") {
        for id in asked.captures_iter(content) {
            assert!(
                page.contains(&format!(r#"id="{}""#, &id[1])),
                "{} in {path}",
                &id[1]
            );
        }
    }
}
