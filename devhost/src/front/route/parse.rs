//! Reads a template.

use super::{Constraint, Parameter, Part, TemplateError};

pub(super) fn segments(text: &str) -> Result<Vec<Vec<Part>>, TemplateError> {
    if text.starts_with(['/', '~']) {
        return Err(TemplateError::Start);
    }
    let text = text.strip_suffix('/').unwrap_or(text);
    let mut segments = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for segment in split_outside_braces(text, '/') {
        if segment.is_empty() && !text.is_empty() {
            return Err(TemplateError::EmptySegment);
        }
        if !segment.is_empty() {
            segments.push(parts(segment, &mut names)?);
        }
    }
    let last = segments.len().saturating_sub(1);
    for (index, segment) in segments.iter().enumerate() {
        let catches_all = segment
            .iter()
            .any(|part| matches!(part, Part::Parameter(one) if one.catch_all));
        if catches_all && (index != last || segment.len() != 1) {
            return Err(TemplateError::CatchAll);
        }
    }
    Ok(segments)
}

fn parts(segment: &str, names: &mut Vec<String>) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = segment;
    while let Some(character) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("{{") {
            literal.push('{');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("}}") {
            literal.push('}');
            rest = after;
        } else if character == '{' {
            let end = closing_brace(rest).ok_or(TemplateError::Braces)?;
            push_literal(&mut parts, &mut literal);
            if matches!(parts.last(), Some(Part::Parameter(_))) {
                return Err(TemplateError::Adjacent);
            }
            let parameter = parameter(&rest[1..end])?;
            if names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&parameter.name))
            {
                return Err(TemplateError::Name(parameter.name));
            }
            names.push(parameter.name.clone());
            parts.push(Part::Parameter(parameter));
            rest = &rest[end + 1..];
        } else if character == '}' {
            return Err(TemplateError::Braces);
        } else {
            literal.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    push_literal(&mut parts, &mut literal);
    check_optional(&parts)?;
    Ok(parts)
}

fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal)));
    }
}

fn check_optional(parts: &[Part]) -> Result<(), TemplateError> {
    for (index, part) in parts.iter().enumerate() {
        let Part::Parameter(parameter) = part else {
            continue;
        };
        if !parameter.optional || parts.len() == 1 {
            continue;
        }
        let follows_dot = matches!(index.checked_sub(1).map(|before| &parts[before]), Some(Part::Literal(dot)) if dot == ".");
        if index + 1 != parts.len() || !follows_dot {
            return Err(TemplateError::Optional);
        }
    }
    Ok(())
}

/// `*name`, `name?`, `name=default`, `name:constraint:constraint(…)`.
fn parameter(text: &str) -> Result<Parameter, TemplateError> {
    let unstarred = text.trim_start_matches('*');
    let catch_all = unstarred.len() < text.len();
    let (unstarred, optional) = match unstarred.strip_suffix('?') {
        Some(rest) => (rest, true),
        None => (unstarred, false),
    };
    let name_end = unstarred.find([':', '=']).unwrap_or(unstarred.len());
    let (name, rest) = unstarred.split_at(name_end);
    if name.is_empty() || name.contains(['/', '{', '}', '?', '*']) {
        return Err(TemplateError::Name(name.to_owned()));
    }
    let pieces = split_outside_parentheses(rest);
    let mut constraints = Vec::new();
    let mut default = None;
    for piece in pieces {
        match piece.strip_prefix('=') {
            Some(value) => default = Some(value.to_owned()),
            None => constraints.push(Constraint::parse(piece)?),
        }
    }
    Ok(Parameter {
        name: name.to_owned(),
        catch_all,
        optional,
        default,
        constraints,
    })
}

/// `:int:range(1,5)=7` as `int`, `range(1,5)`, `=7`.
fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut depth = 0_usize;
    let mut start = None;
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ':' | '=' if depth == 0 => {
                pieces.extend(start.map(|start| &text[start..index]));
                if character == '=' {
                    pieces.push(&text[index..]);
                    return pieces;
                }
                start = Some(index + 1);
            }
            _ => {}
        }
    }
    pieces.extend(start.map(|start| &text[start..]));
    pieces
}

/// The end of the parameter that begins the text; doubled braces inside a constraint are literal.
fn closing_brace(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut index = 1;
    while index < bytes.len() {
        match bytes[index] {
            brace @ (b'{' | b'}') if bytes.get(index + 1) == Some(&brace) => index += 2,
            b'}' => return Some(index),
            b'{' => return None,
            _ => index += 1,
        }
    }
    None
}

fn split_outside_braces(text: &str, at: char) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(move |character| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == at && depth == 0
    })
    .collect()
}
