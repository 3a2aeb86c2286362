//! `{token}` expressions in blob paths and queue names.

use crate::encode::{Metadata, Value};
use crate::newtonsoft::{Date, DateKind, Token};

/// Why a path has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// A token that the trigger data does not have.
    #[error("no value for {{{0}}}")]
    Unresolved(String),
    /// A curly bracket without its partner.
    #[error("unbalanced curly brackets")]
    Unbalanced,
}

/// Fills in `{name}` and `{name.member}` from the trigger's data, `{rand-guid}` and `{datetime}`
/// from nowhere, unless the data has those names too: a caller can choose them (host 4.1037).
///
/// Names match without regard to case. Values are put in as they are, `..` included.
///
/// # Errors
///
/// [`PathError`] names the token that has no value.
pub fn resolve(template: &str, metadata: &Metadata) -> Result<String, PathError> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(open) = rest.find(['{', '}']) {
        out.push_str(&rest[..open]);
        let inner = rest[open..]
            .strip_prefix('{')
            .ok_or(PathError::Unbalanced)?;
        let close = inner.find('}').ok_or(PathError::Unbalanced)?;
        out.push_str(&token(&inner[..close], metadata)?);
        rest = &inner[close + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn token(name: &str, metadata: &Metadata) -> Result<String, PathError> {
    let mut steps = name.split('.');
    let first = steps.next().unwrap_or_default();
    let unresolved = || PathError::Unresolved(name.to_owned());
    let Some(value) = metadata.get(first) else {
        return match name.to_ascii_lowercase().as_str() {
            "rand-guid" => Ok(uuid::Uuid::new_v4().to_string()),
            "datetime" => Ok(Date::now(DateKind::Utc).to_iso()),
            _ => Err(unresolved()),
        };
    };
    let mut steps = steps.peekable();
    if steps.peek().is_none() {
        return value.dotnet_string().ok_or_else(unresolved);
    }
    let Value::Object(object) = value else {
        return Err(unresolved());
    };
    let member = steps
        .try_fold(object, |object, step| object.property(step))
        .ok_or_else(unresolved)?;
    match member {
        Token::Null | Token::Object(_) | Token::Array(_) => Err(unresolved()),
        scalar => Ok(scalar.to_dotnet_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        let mut metadata = Metadata::default();
        metadata.insert("name", Value::Text("../a".to_owned()));
        metadata.insert(
            "sys",
            Value::Object(Token::object([("RandGuid", Token::text("g"))])),
        );
        metadata
    }

    #[test]
    fn tokens_are_filled_in_without_regard_to_case() {
        assert_eq!(
            resolve("docs/{NAME}-{sys.randguid}.txt", &metadata()).unwrap(),
            "docs/../a-g.txt"
        );
    }

    #[test]
    fn a_guid_is_random_unless_the_trigger_data_has_one() {
        let mut metadata = metadata();
        let random = resolve("{rand-guid}", &metadata).unwrap();
        metadata.insert("Rand-Guid", Value::Text("qqq".to_owned()));

        assert_eq!(random.len(), 36);
        assert_eq!(resolve("{rand-guid}", &metadata).unwrap(), "qqq");
    }

    #[test]
    fn a_token_without_a_value_is_named() {
        assert_eq!(
            resolve("{missing}", &metadata()),
            Err(PathError::Unresolved("missing".to_owned()))
        );
        assert_eq!(
            resolve("{sys}", &metadata()),
            Err(PathError::Unresolved("sys".to_owned()))
        );
        assert_eq!(resolve("a}b", &metadata()), Err(PathError::Unbalanced));
        assert_eq!(resolve("{a", &metadata()), Err(PathError::Unbalanced));
    }
}
