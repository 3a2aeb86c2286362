//! What must not compile, and what the compiler has to say of it.
//!
//! Each file in `compile-fail/` is a program with one mistake. Its head names the text that is the
//! mistake and what mends it, and the errors that are expected first: their message and the text that
//! the arrow points at. The mended program has to compile, so a program is refused for its mistake
//! and for nothing else.
//!
//! `UPDATE=1 cargo test -p stockade-tests --test compile_fail` writes what the compiler says now into
//! the heads, as many errors as they list.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use stockade_tests::scratch::{Error, Scratch, workspace};

#[test]
fn each_mistake_is_refused_in_the_words_of_its_head_and_nothing_else_is() {
    let programs = programs();
    assert!(programs.len() >= 40, "the programs are gone");
    let scratch = Scratch::new(env!("CARGO_TARGET_TMPDIR"), "compile-fail", &["desk"]);
    scratch.write("desk/Cargo.toml", &manifest());
    scratch.copy("tests/compile-fail/desk", "desk/src");
    for program in &programs {
        scratch.write(format!("desk/examples/{}.rs", program.name), &program.code);
        scratch.write(
            format!("desk/examples/{}.rs", program.mended_name()),
            &program.mended,
        );
    }

    let errors = scratch.check();

    let mut wrong = String::new();
    for program in &programs {
        let mended = errors.of(&program.mended_name());
        if !mended.is_empty() {
            let _ = writeln!(wrong, "{}, mended, is refused: {mended:#?}", program.name);
        }
        let found = errors.of(&program.name);
        let told = found.iter().take(program.expected.len());
        let first: Vec<_> = told.map(Told::from).collect();
        if first == program.expected {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() && !first.is_empty() {
            program.rewrite(&first);
        } else {
            let _ = writeln!(
                wrong,
                "{}\n  expected {:#?}\n  found {first:#?}",
                program.name, program.expected
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A program with a mistake.
struct Program {
    path: PathBuf,
    name: String,
    head: Vec<String>,
    code: String,
    mended: String,
    expected: Vec<Told>,
}

/// What is compared of an error.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    message: String,
    arrow: String,
}

impl From<&Error> for Told {
    fn from(error: &Error) -> Self {
        Self {
            message: error.message.clone(),
            arrow: error.arrow.clone(),
        }
    }
}

impl Program {
    fn read(path: PathBuf) -> Self {
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a name")
            .to_owned();
        let text = fs::read_to_string(&path).expect("a program");
        let (head, code): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("//!"));
        let code = code.join("\n");
        let values = |key: &str| -> Vec<String> {
            let values = head.iter().filter_map(|line| line.strip_prefix(key));
            values.map(|value| value.trim().to_owned()).collect()
        };
        let quoted = |key: &str| -> Vec<String> {
            let unquote = |value: String| {
                let inner = value
                    .strip_prefix('`')
                    .and_then(|rest| rest.strip_suffix('`'));
                inner
                    .unwrap_or_else(|| panic!("{name}: `{key}` is not quoted"))
                    .to_owned()
            };
            values(key).into_iter().map(unquote).collect()
        };
        let ([mistake], [remedy]) = (&quoted(MISTAKE)[..], &quoted(MENDED)[..]) else {
            panic!("{name} names one mistake and what mends it");
        };
        assert_eq!(
            code.matches(mistake).count(),
            1,
            "{name}: the mistake is there exactly once"
        );
        let (messages, arrows) = (values(ERROR), quoted(ARROW));
        assert!(
            !messages.is_empty() && messages.len() == arrows.len(),
            "{name} names each error with its arrow"
        );
        let expected = messages.into_iter().zip(arrows);
        Self {
            mended: code.replace(mistake, remedy),
            expected: expected
                .map(|(message, arrow)| Told { message, arrow })
                .collect(),
            head: head.into_iter().map(str::to_owned).collect(),
            path,
            name,
            code,
        }
    }

    fn mended_name(&self) -> String {
        format!("{}_mended", self.name)
    }

    /// Puts these errors in the place of the expected ones.
    fn rewrite(&self, errors: &[Told]) {
        let kept = self
            .head
            .iter()
            .filter(|line| !line.starts_with(ERROR) && !line.starts_with(ARROW));
        let mut text = String::new();
        for line in kept {
            let _ = writeln!(text, "{line}");
        }
        for Told { message, arrow } in errors {
            let _ = writeln!(text, "{ERROR} {message}\n{ARROW} `{arrow}`");
        }
        let _ = writeln!(text, "{}", self.code);
        fs::write(&self.path, text).expect("the program can be written");
    }
}

const MISTAKE: &str = "//! mistake:";
const MENDED: &str = "//! mended:";
const ERROR: &str = "//! error:";
const ARROW: &str = "//! arrow:";

fn programs() -> Vec<Program> {
    let folder = workspace().join("tests/compile-fail");
    let files = fs::read_dir(folder).expect("the programs");
    let paths = files.map(|file| file.expect("a file").path());
    let is_program = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    paths.filter(is_program).map(Program::read).collect()
}

/// A package with the library and what a function's file imports beside it.
fn manifest() -> String {
    let library = workspace().join("handler");
    format!(
        r#"
[package]
name = "desk"
edition.workspace = true

[dependencies]
stockade.path = {library:?}
axum.workspace = true
schemars.workspace = true
serde.workspace = true
tracing.workspace = true
validator.workspace = true
"#
    )
}
