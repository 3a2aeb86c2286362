//! Route templates as ASP.NET Core reads and matches them (8.0, `TemplateParser`, `TemplateMatcher`).

mod constraint;
mod parse;
#[cfg(test)]
mod tests;

use constraint::Constraint;

/// A route such as `api/orders/{id:int?}`.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    text: String,
    segments: Vec<Vec<Part>>,
}

/// A piece of one segment.
#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Parameter(Parameter),
}

#[derive(Clone, Debug)]
struct Parameter {
    name: String,
    catch_all: bool,
    optional: bool,
    default: Option<String>,
    constraints: Vec<Constraint>,
}

/// Why a template cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("a route does not begin with / or ~")]
    Start,
    #[error("two slashes follow each other")]
    EmptySegment,
    #[error("a brace is not closed or not opened")]
    Braces,
    #[error(
        "a parameter's name is empty, repeated or has a character that names cannot have: {0:?}"
    )]
    Name(String),
    #[error("only the last segment can be a catch-all, and it stands alone")]
    CatchAll,
    #[error("an optional parameter comes last in its segment, after nothing or after a full stop")]
    Optional,
    #[error("two parameters stand side by side")]
    Adjacent,
    #[error("the constraint {0:?} is not one that ASP.NET Core knows")]
    Constraint(String),
}

/// The values of a matched route; an optional one that is absent has none.
pub(crate) type RouteValues = Vec<(String, Option<String>)>;

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let segments = parse::segments(text)?;
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    /// The template as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The values if the decoded path matches, constraints included.
    pub(crate) fn matches(&self, path: &str) -> Option<RouteValues> {
        let mut values = RouteValues::new();
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        for segment in &self.segments {
            if let [Part::Parameter(parameter)] = segment.as_slice()
                && parameter.catch_all
            {
                if rest.starts_with('/') {
                    return None;
                }
                let value = Some(rest)
                    .filter(|rest| !rest.is_empty())
                    .map(str::to_owned);
                values.push((
                    parameter.name.clone(),
                    value.or_else(|| parameter.default.clone()),
                ));
                rest = "";
                break;
            }
            let (piece, after) = rest.split_once('/').unwrap_or((rest, ""));
            if piece.is_empty() && !rest.is_empty() {
                return None;
            }
            match_segment(segment, piece, &mut values)?;
            rest = after;
        }
        (rest.is_empty() && self.satisfied(&values)).then_some(values)
    }

    fn satisfied(&self, values: &RouteValues) -> bool {
        self.segments.iter().flatten().all(|part| match part {
            Part::Literal(_) => true,
            Part::Parameter(parameter) => {
                let value = values
                    .iter()
                    .find(|(name, _)| *name == parameter.name)
                    .and_then(|(_, value)| value.as_deref());
                match value {
                    None if parameter.optional => true,
                    value => parameter
                        .constraints
                        .iter()
                        .all(|one| one.accepts(value.unwrap_or_default())),
                }
            }
        })
    }
}

fn match_segment(parts: &[Part], piece: &str, values: &mut RouteValues) -> Option<()> {
    if piece.is_empty() {
        // Past the end of the path: only what may be left out can follow.
        return parts.iter().try_for_each(|part| match part {
            Part::Parameter(parameter) if parameter.optional || parameter.default.is_some() => {
                values.push((parameter.name.clone(), parameter.default.clone()));
                Some(())
            }
            _ => None,
        });
    }
    match parts {
        [Part::Literal(literal)] => same(literal, piece).then_some(()),
        [Part::Parameter(parameter)] => {
            values.push((parameter.name.clone(), Some(piece.to_owned())));
            Some(())
        }
        [before @ .., Part::Literal(dot), Part::Parameter(last)] if last.optional => {
            match_parts(parts, piece, values).or_else(|| {
                debug_assert_eq!(dot, ".", "an optional parameter follows only a full stop");
                values.push((last.name.clone(), None));
                match_parts(before, piece, values)
            })
        }
        parts => match_parts(parts, piece, values),
    }
}

/// Matches literals and parameters from the right, each literal as far right as it is found.
fn match_parts(parts: &[Part], piece: &str, values: &mut RouteValues) -> Option<()> {
    let mut found = RouteValues::new();
    let mut end = piece.len();
    let mut waiting: Option<&Parameter> = None;
    for (index, part) in parts.iter().enumerate().rev() {
        match part {
            Part::Parameter(parameter) => waiting = Some(parameter),
            Part::Literal(literal) => {
                let start = last_index(&piece[..end], literal)?;
                let after = start + literal.len();
                match waiting.take() {
                    Some(_) if after == end => return None,
                    Some(parameter) => {
                        found.push((parameter.name.clone(), Some(piece[after..end].to_owned())));
                    }
                    None if after != end => return None,
                    None => {}
                }
                if index == 0 && start != 0 {
                    return None;
                }
                end = start;
            }
        }
    }
    if let Some(parameter) = waiting {
        if end == 0 {
            return None;
        }
        found.push((parameter.name.clone(), Some(piece[..end].to_owned())));
    }
    values.extend(found.into_iter().rev());
    Some(())
}

fn last_index(text: &str, literal: &str) -> Option<usize> {
    (0..=text.len().checked_sub(literal.len())?)
        .rev()
        .find(|start| {
            text.get(*start..*start + literal.len())
                .is_some_and(|found| same(found, literal))
        })
}

fn same(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}
