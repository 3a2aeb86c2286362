//! Authentication contexts: what a user went through to get a token, by the ids `c1` to `c99` under
//! which a tenant's conditional access policies know it (Entra ID: claim `acrs`).

use super::json::Value;

/// A set of authentication contexts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Contexts(u128);

impl Contexts {
    /// The contexts of an `acrs` claim: a list of texts. What is anything else holds none.
    pub(super) fn claimed(value: &Value<'_>) -> Self {
        let Value::Array(items) = value else {
            return Self::default();
        };
        let mut contexts = Self::default();
        for item in items {
            match item {
                Value::Text(id) => contexts = contexts.with(id),
                _ => return Self::default(),
            }
        }
        contexts
    }

    /// These and one more, if there can be such a one.
    pub(super) fn with(self, id: &str) -> Self {
        Self(self.0 | bit(id))
    }

    pub(super) fn has(self, id: &str) -> bool {
        self.0 & bit(id) != 0
    }
}

/// Whether there can be a context of this id.
pub(super) fn is_context(id: &str) -> bool {
    bit(id) != 0
}

/// The place of an id in a set; none for what is no id.
fn bit(id: &str) -> u128 {
    let number = id.strip_prefix('c').filter(|digits| {
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        all_digits && !digits.starts_with('0')
    });
    match number.and_then(|digits| digits.parse::<u8>().ok()) {
        Some(number @ 1..=99) => 1 << number,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ids: &[&'static str]) -> Value<'static> {
        Value::Array(ids.iter().map(|id| Value::Text((*id).into())).collect())
    }

    #[test]
    fn a_set_has_what_it_was_given_and_nothing_else() {
        let contexts = Contexts::claimed(&texts(&["c1", "c99", "c25"]));

        for id in ["c1", "c25", "c99"] {
            assert!(contexts.has(id), "{id}");
        }
        for id in ["c2", "c9", "c10", "c24", "c26", "c98"] {
            assert!(!contexts.has(id), "{id}");
        }
    }

    #[test]
    fn ids_go_from_c1_to_c99_and_have_one_spelling() {
        let ids: Vec<_> = (1..=99).map(|number| format!("c{number}")).collect();
        assert!(ids.iter().all(|id| is_context(id)));

        for other in [
            "", "c", "1", "C1", "c0", "c01", "c100", "c128", "c256", "c257", "c-1", "c+1", " c1",
            "c1 ", "c1c2", "c1,c2", "urn:c1", "c\u{661}",
        ] {
            assert!(!is_context(other), "{other}");
            assert!(!Contexts::default().with(other).has(other), "{other}");
        }
    }

    #[test]
    fn a_claim_that_is_no_list_of_texts_holds_none() {
        let (good, list) = (texts(&["c1"]), |items| Value::Array(items));
        assert!(Contexts::claimed(&good).has("c1"));

        for (name, value) in [
            ("a text", Value::Text("c1".into())),
            ("null", Value::Null),
            ("an object", Value::Object(vec![("c1".into(), Value::Bool)])),
            ("a list in a list", list(vec![good.clone()])),
            (
                "a list beside it",
                list(vec![Value::Text("c1".into()), good]),
            ),
            (
                "a number beside it",
                list(vec![Value::Text("c1".into()), Value::Integer(1)]),
            ),
            ("several in one text", texts(&["c1 c2"])),
            ("nothing", list(Vec::new())),
        ] {
            assert!(!Contexts::claimed(&value).has("c1"), "{name}");
        }
    }
}
