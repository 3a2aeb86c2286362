//! Which function a request is for: the route templates of Azure Functions (ASP.NET Core).
//!
//! The host routes before it calls; in forwarding and proxying the original path is all that
//! arrives, so the same decision is made again here, by the same rules. A path that two functions
//! could claim equally, or that is the address of an event function, is found at start-up.

mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::table::{Lookup, RouteTable, overlaps};

/// A route such as `orders/{id}/lines/{line?}` or `files/{*path}`.
///
/// Literals ignore case. Constraints (`{id:int}`) and defaults are refused, since the type of a
/// [`Path`](crate::input) argument says the same and answers with the place; so are segments that
/// mix text and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteTemplate {
    text: &'static str,
    segments: Vec<Segment>,
}

/// What a template captured: names, and the parts of the path as they were sent.
pub(crate) type Params<'p> = Vec<(&'static str, &'p str)>;

/// Why a route is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RouteError {
    #[error("a route does not start with `/` or `~`")]
    LeadingSlash,
    #[error("a segment of the route is empty")]
    EmptySegment,
    #[error("`{0}` is no literal: letters, digits and -._~!$&'()+,;=:@ are")]
    Literal(&'static str),
    #[error("`{0}` mixes text and parameters; a segment is one or the other")]
    MixedSegment(&'static str),
    #[error(
        "`{0}` has a constraint; the type of a `Path` argument says it, and answers with the place"
    )]
    Constraint(&'static str),
    #[error("`{0}` has a default; make it optional and let the type of a `Path` argument say it")]
    Default(&'static str),
    #[error("`{0}` has no name of letters, digits, `_` and `-`")]
    Name(&'static str),
    #[error("the parameter `{0}` is there twice")]
    RepeatedName(&'static str),
    #[error("`{0}` has to be the last segment")]
    NotLast(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segment {
    Literal(&'static str),
    Parameter(&'static str),
    Optional(&'static str),
    CatchAll(&'static str),
}

impl RouteTemplate {
    /// Reads a template. The empty one is the root.
    ///
    /// # Errors
    ///
    /// [`RouteError`] quotes the segment and says what to write.
    pub(crate) fn parse(text: &'static str) -> Result<Self, RouteError> {
        if text.starts_with(['/', '~']) {
            return Err(RouteError::LeadingSlash);
        }
        let segments = match text {
            "" => Vec::new(),
            text => text
                .split('/')
                .map(Segment::parse)
                .collect::<Result<_, _>>()?,
        };
        check_order(text, &segments)?;
        check_names(&segments)?;
        Ok(Self { text, segments })
    }

    /// As it was written, which is what function.json gets.
    pub(crate) fn as_str(&self) -> &'static str {
        self.text
    }

    /// The names of its parameters.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.segments.iter().filter_map(|segment| segment.name())
    }

    /// What the template captures of a path that starts with `/`, if it matches the whole of it.
    ///
    /// One `/` at the end makes no difference, except to a catch-all, which keeps it.
    pub(crate) fn matches<'p>(&self, path: &'p str) -> Option<Params<'p>> {
        let mut rest = path.strip_prefix('/')?;
        let mut params = Params::new();
        for segment in &self.segments {
            if let (Segment::Optional(_) | Segment::CatchAll(_), "") = (segment, rest) {
                return Some(params);
            }
            match segment {
                Segment::CatchAll(name) => {
                    params.push((name, rest));
                    return Some(params);
                }
                Segment::Literal(literal) => {
                    if !is_literal(next(&mut rest), literal) {
                        return None;
                    }
                }
                Segment::Parameter(name) | Segment::Optional(name) => match next(&mut rest) {
                    "" => return None,
                    captured => params.push((name, captured)),
                },
            }
        }
        rest.is_empty().then_some(params)
    }

    /// Whether there is a path that both match.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        meet(&self.segments, &other.segments)
    }

    /// Lower goes first (ASP.NET Core, `RoutePrecedence.ComputeInbound`): segment by segment, a
    /// literal before a parameter before a catch-all.
    fn precedence(&self) -> impl Ord + use<> {
        let digit = |segment: &Segment| match segment {
            Segment::Literal(_) => 1_u8,
            Segment::Parameter(_) | Segment::Optional(_) => 3,
            Segment::CatchAll(_) => 5,
        };
        self.segments.iter().map(digit).collect::<Vec<_>>()
    }
}

impl Segment {
    fn parse(text: &'static str) -> Result<Self, RouteError> {
        if text.is_empty() {
            return Err(RouteError::EmptySegment);
        }
        if !text.contains(['{', '}']) {
            return Self::literal(text);
        }
        let inside = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .filter(|inside| !inside.contains(['{', '}']))
            .ok_or(RouteError::MixedSegment(text))?;
        if inside.contains(':') {
            return Err(RouteError::Constraint(text));
        }
        if inside.contains('=') {
            return Err(RouteError::Default(text));
        }
        let catch_all = inside
            .strip_prefix("**")
            .or_else(|| inside.strip_prefix('*'));
        let (segment, name): (fn(_) -> _, _) = match (catch_all, inside.strip_suffix('?')) {
            (Some(name), _) => (Self::CatchAll, name),
            (None, Some(name)) => (Self::Optional, name),
            (None, None) => (Self::Parameter, inside),
        };
        let name_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || !name.bytes().all(name_byte) {
            return Err(RouteError::Name(text));
        }
        Ok(segment(name))
    }

    /// RFC 3986 §3.3 without escapes and without `*`, which ASP.NET Core has a use for.
    fn literal(text: &'static str) -> Result<Self, RouteError> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(&byte);
        if text.bytes().all(sound) && !matches!(text, "." | "..") {
            Ok(Self::Literal(text))
        } else {
            Err(RouteError::Literal(text))
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::Optional(name) | Self::CatchAll(name) => Some(name),
        }
    }
}

fn check_order(text: &'static str, segments: &[Segment]) -> Result<(), RouteError> {
    let last = segments.len().saturating_sub(1);
    let misplaced = segments[..last]
        .iter()
        .position(|segment| matches!(segment, Segment::Optional(_) | Segment::CatchAll(_)));
    match misplaced.and_then(|index| text.split('/').nth(index)) {
        Some(segment) => Err(RouteError::NotLast(segment)),
        None => Ok(()),
    }
}

fn check_names(segments: &[Segment]) -> Result<(), RouteError> {
    let names: Vec<_> = segments
        .iter()
        .filter_map(|segment| segment.name())
        .collect();
    for (index, name) in names.iter().enumerate() {
        // Route values ignore case (ASP.NET Core, `RouteValueDictionary`).
        if names[..index]
            .iter()
            .any(|other| other.eq_ignore_ascii_case(name))
        {
            return Err(RouteError::RepeatedName(name));
        }
    }
    Ok(())
}

/// Takes the next segment off a path; the empty one if there is none.
fn next<'p>(rest: &mut &'p str) -> &'p str {
    let (segment, after) = rest.split_once('/').unwrap_or((rest, ""));
    *rest = after;
    segment
}

/// Whether a segment of a path says the literal, in any case and escaped or not: the host decodes
/// before it routes (`/%6eightly` reached `/nightly`, seen on host 4.1037).
fn is_literal(segment: &str, literal: &str) -> bool {
    let mut rest = segment.as_bytes();
    for expected in literal.bytes() {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => return false,
            },
            [byte, after @ ..] => (*byte, after),
            [] => return false,
        };
        if !byte.eq_ignore_ascii_case(&expected) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

fn meet(left: &[Segment], right: &[Segment]) -> bool {
    use Segment::{CatchAll, Literal, Optional};
    match (left, right) {
        ([], []) => true,
        ([CatchAll(_), ..], _) | (_, [CatchAll(_), ..]) => true,
        ([], [Optional(_), ..]) | ([Optional(_), ..], []) => true,
        ([], _) | (_, []) => false,
        ([Literal(a), ..], [Literal(b), ..]) if !a.eq_ignore_ascii_case(b) => false,
        ([_, left @ ..], [_, right @ ..]) => meet(left, right),
    }
}
