//! Which fields of events and spans are written, on standard output and on export alike.
//!
//! A list of what may pass, not of what may not: a field that somebody adds to a log line tomorrow is
//! withheld until somebody has said that its values may be read by whoever reads the log.
//!
//! - `message` passes.
//! - The library's own names pass where the library says them: `secret` is the name of a secret
//!   there, and could be its value elsewhere.
//! - An app's names pass everywhere ([`App::log_fields`](crate::App::log_fields)).
//!
//! Of every other field the name is written, and [`WITHHELD`] in place of the value, so that its author
//! sees it at once.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::Metadata;
use tracing::field::Field;

use super::audit;

/// What is written in place of a value that may not be.
pub(crate) const WITHHELD: &str = "[withheld]";

/// The fields that may be written. A cheap clone.
#[derive(Debug, Clone)]
pub(crate) struct Fields(Arc<Declared>);

#[derive(Debug)]
struct Declared {
    /// Tells one list from another in what threads remember.
    id: usize,
    names: BTreeSet<&'static str>,
}

/// Which fields of one event or span may be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing(u64);

impl Fields {
    /// The library's own fields, and these.
    pub(crate) fn declared(names: &[&'static str]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        Self(Arc::new(Declared {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            names: names.iter().copied().collect(),
        }))
    }

    /// Which fields of this event or span may be written.
    ///
    /// The names of a callsite never change, so each thread looks them up once and remembers the
    /// answer by the callsite's address.
    pub(crate) fn passing(&self, of: &'static Metadata<'static>) -> Passing {
        let callsite = std::ptr::from_ref(of).addr();
        let id = self.0.id;
        REMEMBERED.with(|remembered| {
            // Metadata is longer than sixteen bytes, so no two share what is left of an address.
            let place = &remembered[(callsite >> 4) % REMEMBERED_COUNT];
            let known = place.get();
            if known.callsite == callsite && known.fields == id {
                return known.passing;
            }
            let passing = self.look_up(of);
            place.set(Remembered {
                callsite,
                fields: id,
                passing,
            });
            passing
        })
    }

    /// Whether the app declares a field of this name.
    pub(crate) fn declare(&self, name: &str) -> bool {
        self.0.names.contains(name)
    }

    fn look_up(&self, of: &Metadata<'_>) -> Passing {
        let ours = is_ours(of.target());
        let bits = of.fields().iter().filter(|field| {
            let name = field.name();
            name == "message"
                || self.0.names.contains(name)
                || ours && (OURS.contains(&name) || audit::has_field(name))
        });
        Passing(bits.fold(0, |bits, field| bits | Passing::bit(&field)))
    }
}

impl Passing {
    /// Whether the value of `field` may be written.
    pub(crate) fn lets(self, field: &Field) -> bool {
        self.0 & Self::bit(field) != 0
    }

    /// None for the 65th field, which no macro of `tracing` makes.
    fn bit(field: &Field) -> u64 {
        let index = u32::try_from(field.index()).unwrap_or(u32::MAX);
        1_u64.checked_shl(index).unwrap_or(0)
    }
}

#[derive(Clone, Copy)]
struct Remembered {
    callsite: usize,
    fields: usize,
    passing: Passing,
}

const REMEMBERED_COUNT: usize = 128;

thread_local! {
    static REMEMBERED: [Cell<Remembered>; REMEMBERED_COUNT] = const {
        [const {
            Cell::new(Remembered {
                callsite: 0,
                fields: 0,
                passing: Passing(0),
            })
        }; REMEMBERED_COUNT]
    };
}

/// Whether the library says it.
fn is_ours(target: &str) -> bool {
    let rest = target.strip_prefix("stockade");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What the library logs: ids, names that the code or the operator chose, rules, numbers, and errors
/// in words for the operator.
const OURS: &[&str] = &[
    "account",
    "app",
    "authority",
    "count",
    "declared",
    "dropped",
    "duration_ms",
    "error",
    "exporter",
    "failed",
    "function.name",
    "http",
    "invocation.id",
    "keys",
    "outcome",
    "panic.location",
    "panic.text",
    "panicked",
    "port",
    "principal.id",
    "read",
    "ready",
    "reason",
    "required",
    "rule",
    "scope",
    "secret",
    "signal",
    "status",
    "tenant",
    "trigger",
    "vault",
    "version",
];

/// What is wrong with the names that an app declares.
pub(crate) fn problems(names: &[&'static str]) -> Vec<String> {
    let mut problems = Vec::new();
    for name in names {
        if !is_well_formed(name) {
            problems.push(format!(
                "log field `{}`: a name is made of small letters, digits, `_` and `.`, begins with a letter, and has at most {LONGEST_NAME} characters",
                clean(name)
            ));
        } else if means_a_secret(name) {
            problems.push(format!(
                "log field `{name}`: a value of this name is taken for a secret, which no log may hold; log something else, or name it after what it is"
            ));
        }
    }
    problems
}

fn is_well_formed(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.split('.').all(|part| {
            part.starts_with(|first: char| first.is_ascii_lowercase())
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        })
}

const LONGEST_NAME: usize = 64;

fn means_a_secret(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "apikey",
        "authorization",
        "bearer",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "jwt",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "pwd",
        "sas",
        "secret",
        "secrets",
        "token",
        "tokens",
    ];
    /// `code` is the parameter that carries a function key, and an authorization code.
    const WHOLE: &[&str] = &["code", "connection_string", "key", "sig", "signature"];
    const KEYS: &[&str] = &[
        "access_key",
        "account_key",
        "api_key",
        "function_key",
        "host_key",
        "master_key",
        "private_key",
        "shared_key",
    ];
    let last = name.rsplit('.').next().unwrap_or(name);
    name.split(['.', '_']).any(|word| WORDS.contains(&word))
        || WHOLE.contains(&name)
        || KEYS.iter().any(|key| last.ends_with(key))
}

/// A text without what a terminal obeys or a reader misreads: control characters, line and paragraph
/// separators and bidirectional controls are written as Rust writes them, `\n` and `\u{202e}`.
///
/// JSON escapes them too, and whoever reads the JSON gets them back; this is for texts that are shown
/// from a table afterwards.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_unsafe) else {
        return Cow::Borrowed(text);
    };
    let mut cleaned = String::with_capacity(text.len() + 16);
    cleaned.push_str(&text[..first]);
    for character in text[first..].chars() {
        if is_unsafe(character) {
            let _ = match character {
                '\n' | '\r' | '\t' => write!(cleaned, "{}", character.escape_default()),
                other => write!(cleaned, "{}", other.escape_unicode()),
            };
        } else {
            cleaned.push(character);
        }
    }
    Cow::Owned(cleaned)
}

/// Control characters, line and paragraph separators, and the property Bidi_Control (Unicode Standard
/// Annex 9, §2).
pub(crate) fn is_unsafe(character: char) -> bool {
    matches!(
        character,
        '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_unsafe_character_is_made_visible_and_no_other_is_touched() {
        for character in '\0'..=char::MAX {
            let text = format!("a{character}b");

            let cleaned = clean(&text);

            assert!(!cleaned.chars().any(is_unsafe), "{cleaned:?}");
            assert_eq!(matches!(cleaned, Cow::Borrowed(_)), !is_unsafe(character));
            assert!(!character.is_control() || is_unsafe(character));
        }
        assert_eq!(clean("a\nb\u{1b}[2J\u{202e}"), r"a\nb\u{1b}[2J\u{202e}");
    }

    proptest! {
        #[test]
        fn what_is_clean_stays_as_it_is(text in "\\PC{0,40}") {
            let once = clean(&text).into_owned();

            prop_assert_eq!(clean(&once), &*once);
        }
    }

    #[test]
    fn a_name_that_means_a_secret_cannot_be_declared() {
        for name in [
            "authorization",
            "password",
            "order.token",
            "access_token",
            "code",
            "client_secret",
            "storage.account_key",
            "Order",
            "order-items",
            "order..items",
            ".order",
            "1st",
            "",
        ] {
            assert_eq!(problems(&[name]).len(), 1, "{name}");
        }
        for name in [
            "order.items",
            "dequeue_count",
            "error.code",
            "http.response.status_code",
            "partition_key",
            "attempt2",
        ] {
            assert_eq!(problems(&[name]), [""; 0], "{name}");
        }
    }
}
