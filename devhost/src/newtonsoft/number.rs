//! Numbers: how their text is read, and how .NET 8 prints a double.

use super::Token;

/// The longest run of digits that Newtonsoft reads as an integer beyond 64 bits.
const MAX_INTEGER_CHARS: usize = 380;

/// The token for a number's text, if Newtonsoft accepts it.
pub(super) fn token(text: &str) -> Option<Token> {
    let rest = text.strip_prefix('0').unwrap_or_default();
    if !rest.is_empty() && !rest.starts_with(['.', 'e', 'E']) {
        return other_base(rest).map(|n| Token::Integer(n.to_string()));
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return integer(text, digits);
    }
    float(text).map(Token::Float)
}

/// What follows a leading zero: `x1F` is hexadecimal, `17` is octal.
fn other_base(rest: &str) -> Option<i64> {
    let (digits, radix) = match rest.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (rest, 8),
    };
    // Both bases wrap into the sign bit instead of overflowing.
    let unsigned = !digits.starts_with(['+', '-']);
    (unsigned.then(|| u64::from_str_radix(digits, radix).ok())?).map(u64::cast_signed)
}

fn integer(text: &str, digits: &str) -> Option<Token> {
    if text.len() > MAX_INTEGER_CHARS {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let sign = if text.starts_with('-') { "-" } else { "" };
    Some(Token::Integer(match digits {
        "" => "0".to_owned(),
        digits => format!("{sign}{digits}"),
    }))
}

/// `double.TryParse` with the invariant culture; out of range is infinite.
fn float(text: &str) -> Option<f64> {
    let plausible = text
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    plausible.then(|| text.parse().ok())?
}

/// What `ToString()` gives for a double.
pub(super) fn dotnet(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    shortest(value)
}

/// What Newtonsoft writes for a double: always recognisable as one.
pub(super) fn json(value: f64) -> String {
    if value.is_nan() {
        return "\"NaN\"".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        }
        .to_owned();
    }
    let text = shortest(value);
    if text.contains(['.', 'E']) {
        text
    } else {
        text + ".0"
    }
}

/// The shortest digits that read back the same. .NET turns to an exponent when the number has more
/// places before the point than it has digits (but never below 15), or more than four zeros after it.
fn shortest(value: f64) -> String {
    let scientific = format!("{:e}", value.abs());
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("`{:e}` writes an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` writes a decimal exponent");
    let digits = mantissa.replace('.', "");
    let places = i32::try_from(digits.len()).expect("a double has at most 17 digits");
    let sign = if value.is_sign_negative() { "-" } else { "" };

    if exponent >= places.max(15) || exponent < -4 {
        let (mark, size) = if exponent < 0 {
            ('-', -exponent)
        } else {
            ('+', exponent)
        };
        return format!("{sign}{mantissa}E{mark}{size:02}");
    }
    format!("{sign}{}", value.abs())
}
