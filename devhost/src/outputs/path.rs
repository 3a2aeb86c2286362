//! `{token}` expressions in blob paths and queue names.

use uuid::Uuid;

use crate::encode::{Metadata, Value};
use crate::newtonsoft::date::Parts;
use crate::newtonsoft::{Date, DateKind, TICKS_PER_SECOND, Token};

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
        return built_in(name).ok_or_else(unresolved);
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

/// `{rand-guid}` and `{datetime}`, each with a format after a colon or without.
fn built_in(token: &str) -> Option<String> {
    let (name, format) = token.split_once(':').unwrap_or((token, ""));
    match (name.to_ascii_lowercase().as_str(), format) {
        ("rand-guid", "" | "D" | "d") => Some(Uuid::new_v4().hyphenated().to_string()),
        ("rand-guid", "N" | "n") => Some(Uuid::new_v4().simple().to_string()),
        ("rand-guid", "B" | "b") => Some(Uuid::new_v4().braced().to_string()),
        ("rand-guid", "P" | "p") => Some(format!("({})", Uuid::new_v4().hyphenated())),
        // Colons are left out of the default, because blob names travel in URLs.
        ("datetime", "") => Some(formatted(Date::now(DateKind::Utc), "yyyy-MM-ddTHH-mm-ssK")),
        ("datetime", format) => Some(formatted(Date::now(DateKind::Utc), format)),
        _ => None,
    }
}

/// The specifiers of .NET's custom date formats that make sense in a path; the rest stays as it is.
fn formatted(date: Date, format: &str) -> String {
    let Parts {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = date.parts();
    let fraction = date.ticks() % TICKS_PER_SECOND / 10_000;
    let specifiers = [
        ("yyyy", format!("{year:04}")),
        ("yy", format!("{:02}", year % 100)),
        ("MM", format!("{month:02}")),
        ("dd", format!("{day:02}")),
        ("HH", format!("{hour:02}")),
        ("mm", format!("{minute:02}")),
        ("ss", format!("{second:02}")),
        ("fff", format!("{fraction:03}")),
        ("K", "Z".to_owned()),
    ];
    let mut out = String::new();
    let mut rest = format;
    while let Some(next) = rest.chars().next() {
        let known = specifiers
            .iter()
            .find_map(|(s, text)| Some((rest.strip_prefix(s)?, text)));
        if let Some((after, text)) = known {
            out.push_str(text);
            rest = after;
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
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
    fn guids_and_dates_take_a_format() {
        let date = Date::parse("2026-03-14T09:26:51.1234567Z").unwrap();

        assert_eq!(
            formatted(date, "yyyy-MM-ddTHH-mm-ssK"),
            "2026-03-14T09-26-51Z"
        );
        assert_eq!(formatted(date, "yy/MM é fff"), "26/03 é 123");
        assert_eq!(resolve("{rand-guid:N}", &metadata()).unwrap().len(), 32);
        assert_eq!(resolve("{Rand-Guid:B}", &metadata()).unwrap().len(), 38);
        assert_eq!(resolve("{DateTime}", &metadata()).unwrap().len(), 20);
        assert!(resolve("{rand-guid:x}", &metadata()).is_err());
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
