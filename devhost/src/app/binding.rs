//! One binding of a function.json.

use super::Settings;
use crate::newtonsoft::Token;
use crate::outputs::DataType;

/// Which way a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

/// A trigger, an input or an output.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) kind: String,
    pub(crate) direction: Direction,
    pub(crate) name: String,
    /// The whole object, for what only one kind of binding knows.
    pub(crate) properties: Token,
}

impl Binding {
    pub(crate) fn read(properties: &Token, at: &str, problems: &mut Vec<String>) -> Option<Self> {
        let text = |name: &str| properties.property(name).and_then(Token::as_str);
        let Some(kind) = text("type") else {
            problems.push(format!("{at}: a binding has no type"));
            return None;
        };
        let Some(name) = text("name").filter(|name| !name.is_empty()) else {
            problems.push(format!("{at}: the {kind} binding has no name"));
            return None;
        };
        let direction = match text("direction").map(str::to_lowercase).as_deref() {
            None | Some("in") => Direction::In,
            Some("out") => Direction::Out,
            Some(other) => {
                problems.push(format!("{at}: the binding {name} has direction {other:?}; a custom handler knows \"in\" and \"out\""));
                return None;
            }
        };
        Some(Self {
            kind: kind.to_owned(),
            direction,
            name: name.to_owned(),
            properties: properties.clone(),
        })
    }

    pub(crate) fn is_trigger(&self) -> bool {
        self.kind.to_lowercase().ends_with("trigger")
    }

    pub(crate) fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// A property as function.json has it.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.properties.property(name).and_then(Token::as_str)
    }

    pub(crate) fn data_type(&self) -> DataType {
        self.raw("dataType")
            .and_then(DataType::parse)
            .unwrap_or_default()
    }

    /// Looks up every `%NAME%`, so that the settings know which have no value.
    pub(crate) fn expand_all(&self, settings: &Settings) {
        if let Token::Object(members) = &self.properties {
            for text in members.iter().filter_map(|(_, value)| value.as_str()) {
                settings.expand(text);
            }
        }
    }

    /// A property with its `%NAME%` replaced.
    pub(crate) fn text(&self, name: &str, settings: &Settings) -> Option<String> {
        self.raw(name).map(|text| settings.expand(text))
    }
}
