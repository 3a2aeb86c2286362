//! The documents say nothing that the sources do not bear out: named tests exist, links lead
//! somewhere, lists are whole, and the README begins with what CI runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is a folder of the workspace")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every document: those of the root and those in docs/.
fn documents() -> Vec<PathBuf> {
    let files = [".", "docs"].into_iter().flat_map(|folder| {
        let entries = std::fs::read_dir(root().join(folder)).expect("the folder is there");
        entries.map(move |entry| Path::new(folder).join(entry.expect("readable").file_name()))
    });
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// The texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A row of the table of promises.
#[derive(Debug)]
struct Promise<'a> {
    id: &'a str,
    code: &'a str,
    tests: &'a str,
}

fn promises(text: &str) -> Vec<Promise<'_>> {
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<_> = line
            .split(" | ")
            .map(|cell| cell.trim_matches(['|', ' ']))
            .collect();
        let [id, _, _, code, tests] = cells[..] else {
            return None;
        };
        is_id(id).then_some(Promise { id, code, tests })
    });
    rows.collect()
}

/// `AUTH-1` and the like.
fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        AREAS.contains(&area) && number.parse::<u32>().is_ok_and(|number| number > 0)
    })
}

const AREAS: [&str; 16] = [
    "AUTH", "CERT", "WIRE", "INPUT", "OUT", "LIMIT", "LOG", "DATA", "START", "TYPE", "LAYER",
    "SECRET", "AZURE", "STORE", "TEL", "AUDIT",
];

/// The files in which the tests of a module of the library or of a suite stand.
fn files_of(module: &str) -> Vec<PathBuf> {
    let path = module.replace("::", "/");
    let parts = std::fs::read_dir(root().join(format!("handler/src/{path}/tests")));
    let parts = parts.into_iter().flatten();
    let parts = parts.map(|part| part.expect("readable").path());
    [
        format!("handler/src/{path}.rs"),
        format!("handler/src/{path}/tests.rs"),
        format!("tests/tests/{path}.rs"),
    ]
    .into_iter()
    .map(|file| root().join(file))
    .chain(parts)
    .filter(|file| file.is_file())
    .collect()
}

/// Whether `source` has a test function of this name.
fn has_test(source: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    source.match_indices(&head).any(|(at, _)| {
        let line = source[..at].rfind('\n').map_or(0, |end| end + 1);
        let above = source[..line].lines().rev();
        above
            .take_while(|line| line.trim_start().starts_with("#["))
            .any(|line| line.contains("#[test]") || line.contains("#[tokio::test"))
    })
}

/// What is wrong with a row, if something is.
fn faults_of(promise: &Promise<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let tests: Vec<_> = quoted(promise.tests).collect();
    if tests.is_empty() {
        faults.push(format!("{}: no test is named", promise.id));
    }
    for test in tests {
        let exists = test.rsplit_once("::").is_some_and(|(module, name)| {
            let files = files_of(module);
            files.iter().any(|file| has_test(&read(file), name))
        });
        if !exists {
            faults.push(format!("{}: there is no test {test}", promise.id));
        }
    }
    for module in quoted(promise.code) {
        let file = format!("handler/src/{}.rs", module.replace("::", "/"));
        if !root().join(&file).is_file() {
            faults.push(format!("{}: there is no module {module}", promise.id));
        }
    }
    faults
}

#[test]
fn each_promise_has_code_and_tests_that_exist() {
    let text = read("docs/security.md");
    let promises = promises(&text);

    let faults: Vec<_> = promises.iter().flat_map(faults_of).collect();

    assert_eq!(faults, Vec::<String>::new());
    for area in AREAS {
        let numbers = promises.iter().filter_map(|promise| {
            let (own, number) = promise.id.split_once('-')?;
            (own == area).then_some(number.to_owned())
        });
        let numbers: Vec<_> = numbers.collect();
        let expected: Vec<_> = (1..=numbers.len()).map(|n| n.to_string()).collect();
        assert!(!numbers.is_empty(), "{area} has no row");
        assert_eq!(numbers, expected, "{area} counts from 1");
    }
}

#[test]
fn a_promise_without_its_test_is_noticed() {
    let row = |tests| Promise {
        id: "AUTH-1",
        code: "`app`",
        tests,
    };
    let real = "`app::a_panic_fails_one_invocation`";

    assert_eq!(faults_of(&row(real)), Vec::<String>::new());
    // A name that is too short, a function that is no test, another module, no name at all.
    for tests in [
        "`app::a_panic_fails`",
        "`app::writer`",
        "`auth::token::a_panic_fails_one_invocation`",
        "a_panic_fails_one_invocation",
    ] {
        assert_eq!(faults_of(&row(tests)).len(), 1, "{tests}");
    }
    let lost = Promise {
        code: "`auth::elsewhere`",
        ..row(real)
    };
    assert_eq!(faults_of(&lost).len(), 1);
}

#[test]
fn each_row_that_is_referred_to_exists() {
    let security = read("docs/security.md");
    let known: BTreeSet<_> = promises(&security)
        .iter()
        .map(|promise| promise.id)
        .collect();
    let incidents = read("docs/incidents.md");
    let words = incidents.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));

    let named: BTreeSet<_> = words.filter(|word| is_id(word)).collect();

    assert!(named.len() > 20, "{named:?}");
    assert_eq!(
        named.difference(&known).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
}

/// The targets of the links in a text, code blocks left out.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose
        .flat_map(|part| part.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .collect()
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Why a link of a document leads nowhere, if it does.
fn dead(document: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") {
        return None;
    }
    let (path, wanted) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => root().join(document),
        _ => root().join(document).parent()?.join(path),
    };
    let found = target.exists()
        && (wanted.is_empty()
            || read(&target)
                .lines()
                .any(|line| line.starts_with('#') && anchor(line) == wanted));
    (!found).then(|| format!("{}: {link}", document.display()))
}

#[test]
fn no_link_is_dead() {
    let mut count = 0;
    let mut dead_links = Vec::new();
    for document in documents() {
        let text = read(&document);
        let links = links(&text);
        count += links.len();
        dead_links.extend(links.iter().filter_map(|link| dead(&document, link)));
    }

    assert_eq!(dead_links, Vec::<String>::new());
    assert!(count > 20, "{count} links were found");
}

#[test]
fn a_dead_link_is_noticed() {
    let document = Path::new("docs/security.md");

    for link in ["../README.md", "settings.md#auth", "#what-we-promise"] {
        assert_eq!(dead(document, link), None, "{link}");
    }
    for link in ["README.md", "settings.md#nothing", "../docs", "#nothing"] {
        let is_folder = link == "../docs";
        assert_eq!(dead(document, link).is_none(), is_folder, "{link}");
    }
    assert_eq!(
        links("[a](b.md) and\n```\n[c](d.md)\n```\n[e](f.md#g)"),
        ["b.md", "f.md#g"]
    );
}

/// The commands of the first block of shell commands, without their comments.
fn first_commands(text: &str) -> Vec<&str> {
    let block = text
        .split("```sh\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let lines = block.unwrap_or_default().lines();
    lines
        .map(|line| line.split("  #").next().unwrap_or_default().trim())
        .collect()
}

/// Whether a script runs the command, options apart that change nothing about what is run.
fn runs(script: &str, command: &str) -> bool {
    const NEUTRAL: [&str; 3] = ["--locked", "--no-fail-fast", "--quiet"];
    script.lines().any(|line| {
        let words = line
            .split_whitespace()
            .filter(|word| !NEUTRAL.contains(word));
        words.eq(command.split_whitespace()) || line.ends_with(&format!("= {command:?}"))
    })
}

#[test]
fn the_readme_begins_with_two_commands_that_ci_runs() {
    let readme = read("README.md");
    let ci = read(".ci/run");
    assert!(runs(&ci, ".ci/readme"), "CI runs the README");
    let scripts = [ci, read(".ci/readme")];

    let commands = first_commands(&readme);

    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        assert!(
            scripts.iter().any(|script| runs(script, command)),
            "{command}"
        );
    }
}

#[test]
fn a_command_that_ci_runs_only_in_part_is_noticed() {
    let command = "cargo test --workspace";

    assert!(runs("x\ncargo test --locked --workspace\n", command));
    assert!(!runs("cargo test --workspace --lib", command));
    assert!(!runs("cargo test", command));
    assert_eq!(first_commands("a\n```sh\nb c  # d\ne\n```\n"), ["b c", "e"]);
}

/// The texts in quotes in the bodies of all functions of this name.
fn texts_in(source: &str, function: &str) -> BTreeSet<String> {
    let head = format!("fn {function}(");
    let bodies = source.split(&head).skip(1);
    bodies
        .filter_map(|rest| rest.split("\n    }\n").next())
        .flat_map(|body| body.split('"').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// The names in backticks of the paragraph that begins with these words.
fn listed(text: &str, beginning: &str) -> BTreeSet<String> {
    let paragraph = text
        .split("\n\n")
        .find(|part| part.trim_start().starts_with(beginning));
    quoted(paragraph.unwrap_or_default())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_rules_of_access_and_of_input_are_listed_as_the_code_has_them() {
    let text = read("docs/logging.md");
    let access = texts_in(&read("handler/src/auth/denial.rs"), "rule");
    let rejection = read("handler/src/input/rejection.rs");
    let codes = rejection
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| is_code(text));
    let input: BTreeSet<_> = codes.map(str::to_owned).collect();

    assert!(access.len() > 20 && input.len() > 5, "{access:?} {input:?}");
    assert_eq!(listed(&text, "Rules of access:"), access);
    assert_eq!(listed(&text, "Rules of input:"), input);
}

#[test]
fn every_outcome_and_every_other_rule_is_explained() {
    let text = read("docs/logging.md");
    let explained: BTreeSet<_> = quoted(&text).map(str::to_owned).collect();
    let failure = read("handler/src/failure.rs");
    let telemetry = read("handler/src/telemetry.rs");
    let written = telemetry.split("outcome = \"").skip(1);

    let mut named = texts_in(&failure, "outcome");
    named.extend(texts_in(&failure, "rule"));
    named.extend(texts_in(&read("handler/src/wire.rs"), "rule"));
    named.extend(written.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));

    assert!(named.len() > 15, "{named:?}");
    let missing: Vec<_> = named.difference(&explained).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn every_field_that_is_explained_is_written() {
    let text = read("docs/logging.md");
    let sources = [
        "handler/src/telemetry.rs",
        "handler/src/telemetry/fields.rs",
        "handler/src/telemetry/lines.rs",
    ];
    let sources = sources.map(read).concat();
    let table = text.split("| field |").nth(1).unwrap_or_default();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));

    let fields: Vec<_> = rows.filter_map(|row| quoted(row).next()).collect();

    assert!(fields.len() > 10, "{fields:?}");
    for field in fields {
        assert!(sources.contains(field), "{field}");
    }
}
