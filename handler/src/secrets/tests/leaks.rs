//! A known value of chance, and that nothing which is written holds a part of it.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use validator::Validate;

use super::*;
use crate::output::Reply;
use crate::{App, Error, Function, access, on};

/// 48 characters that are in nothing else, and every form in which they could be written.
struct Canary {
    text: String,
}

impl Canary {
    fn new() -> Self {
        let mut bytes = [0; 36];
        rand::fill(&mut bytes).unwrap();
        Self {
            text: URL_SAFE_NO_PAD.encode(bytes),
        }
    }

    /// The first place where 8 characters of it stand, plain, as base64 or as hex.
    fn found_in(&self, text: &str) -> Option<String> {
        let plain = self.text.as_bytes();
        let mut forms = vec![self.text.clone(), hex(plain)];
        // Base64 of what stands before and around it: three ways to be aligned.
        for skip in 0..3 {
            forms.push(STANDARD.encode(&plain[skip..]));
            forms.push(URL_SAFE_NO_PAD.encode(&plain[skip..]));
        }
        let lower = text.to_lowercase();
        forms.iter().find_map(|form| {
            let width = if form.len() == plain.len() * 2 { 16 } else { 8 };
            let windows = form.as_bytes().windows(width);
            let mut windows = windows.map(|window| std::str::from_utf8(window).unwrap());
            windows
                .find(|window| text.contains(*window) || lower.contains(&window.to_lowercase()))
                .map(str::to_owned)
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_part_of_the_canary_is_found_in_each_form() {
    let canary = Canary::new();
    let text = &canary.text;
    for leak in [
        format!("x{text}x"),
        format!("x{}x", &text[20..28]),
        format!("{:?}", text.as_str()),
        hex(text.as_bytes()),
        hex(&text.as_bytes()[10..18]).to_uppercase(),
        STANDARD.encode(text),
        STANDARD.encode(format!("Basic user:{text}")),
        URL_SAFE_NO_PAD.encode(&text[5..]),
    ] {
        assert!(canary.found_in(&leak).is_some(), "{leak}");
    }
    assert_eq!(
        canary.found_in("a secret was rotated erp-key 0123456789abcdef"),
        None
    );
}

#[derive(Debug, Deserialize, Validate)]
struct Access {
    #[validate(length(max = 60))]
    password: String,
}

crate::secret! {
    /// A document.
    Document: "erp-access" as Access
}

#[test]
fn nothing_that_can_be_printed_of_a_secret_holds_it() {
    let canary = Canary::new();
    let text = Secret::<Key>::for_tests(&canary.text);
    let document = format!(r#"{{"password":"{}"}}"#, canary.text);
    let document = Secret::<Document>::for_tests(&document);
    let fetched = Version::new(1, &canary.text).fetched();
    assert_eq!(document.expose_secret().password, canary.text);

    let printed = [
        format!("{text:?} {text:#?} {document:?} {document:#?}"),
        format!("{:?} {:?}", Some(&text), [&document]),
        format!("{fetched:?} {fetched:#?}"),
        format!("{} {}", text.version(), document.version()),
    ];

    assert!(printed[0].starts_with("Secret { .. }"), "{printed:?}");
    for printed in printed {
        assert_eq!(canary.found_in(&printed), None, "{printed}");
    }
}

#[test]
fn a_document_that_cannot_be_read_is_refused_in_words_that_hold_nothing_of_it() {
    let canary = Canary::new();
    let text = &canary.text;
    let declaration = Declaration::of::<Document>(Need::Required);
    for broken in [
        text.clone(),
        format!(r#""{text}""#),
        format!(r#"{{"{text}":1}}"#),
        format!(r#"{{"password":"a","{text}":1}}"#),
        format!(r#"{{"password":"{text}","password":"{text}"}}"#),
        format!(r#"{{"password":"{text}{text}"}}"#),
        format!(r#"{{"password":"{text}"}} {text}"#),
        format!(r#"{{"password":["{text}"]}}"#),
    ] {
        let read = declaration.read(broken.as_str().into(), ObjectVersion::for_tests(1));
        let why = read.unwrap_err();
        assert_eq!(canary.found_in(why), None, "{why}");
    }
}

async fn uses(key: Secret<Key>, access: Secret<Document>) -> Result<Reply<usize>, Error> {
    tracing::info!(?key, ?access, "in use");
    let length = key.expose_secret().len() + access.expose_secret().password.len();
    if length == 0 {
        return Err(Error::conflict("It is empty."));
    }
    Ok(Reply::ok(length))
}

async fn panics(key: Secret<Key>) -> Reply<()> {
    panic!("with {key:?}");
}

async fn fails(key: Secret<Key>) -> Result<Reply<()>, Error> {
    Err(Error::fatal(std::io::Error::other(format!("with {key:?}"))))
}

#[tokio::test(start_paused = true)]
async fn no_line_and_no_answer_of_a_run_holds_a_part_of_a_secret() {
    let canaries = [Canary::new(), Canary::new(), Canary::new()];
    let [first, second, third] = &canaries;
    let document = format!(r#"{{"password":"{}"}}"#, third.text);

    // A life in the vault: rotated, unreadable, away, throttled, disabled, expired, gone.
    let declared = [declared::<Key>(), declared::<Document>()].concat();
    let world = World::new(declared, |vault| {
        vault.put::<Key>(Version::new(1, &first.text));
        vault.put::<Document>(Version::new(1, &document));
    });
    world.secrets.prepare(Duration::from_secs(5)).await;
    let mut watch = world.secrets.watch::<Key>();
    world.vault.put::<Key>(Version::new(2, &second.text));
    world.vault.put::<Document>(Version::new(2, &third.text));
    let mut written = format!("{:?} {watch:?}", watch.rotated().await);
    after(400).await;
    for fault in [
        (|| VaultError::Unreachable("x")) as fn() -> VaultError,
        || VaultError::Throttled { retry_after: None },
        || VaultError::Forbidden,
    ] {
        world.vault.fails_with(fault);
        after(400).await;
    }
    world.vault.works();
    world
        .vault
        .put::<Key>(Version::new(2, &second.text).disabled());
    after(400).await;
    world
        .vault
        .put::<Key>(Version::new(3, &first.text).expires(1));
    after(400).await;
    world.vault.remove::<Key>();
    after(400).await;
    let lines = world.log.lines();
    assert!(lines.len() > 20, "{lines:#?}");
    written += &lines.join("\n");

    // An app that uses them, badly, too.
    let open = || access::anonymous("a test");
    let app = App::new("keys")
        .function(Function::new("uses", on::get("uses", open()), uses))
        .function(Function::new("panics", on::get("panics", open()), panics))
        .function(Function::new("fails", on::get("fails", open()), fails))
        .with_state(())
        .with_secret::<Key>(&first.text)
        .with_secret::<Document>(&document);
    for name in ["uses", "panics", "fails"] {
        let outcome = app.call(name).await;
        written += &format!("{outcome:?} {}", String::from_utf8_lossy(outcome.body()));
    }
    let lines = app.log();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    written += &format!("{lines:?}");

    for canary in &canaries {
        assert_eq!(canary.found_in(&written), None, "{written}");
    }
}
