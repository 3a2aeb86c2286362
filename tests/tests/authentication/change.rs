//! The good call, and changes of one thing in its token.

use serde_json::{Value, json};

use super::call::Call;
use super::table::Pair;
use super::world::{token, two_tenants};

/// A call that every function here accepts.
pub(crate) fn good() -> Call {
    Call::with(two_tenants, token())
}

/// A member of the header set.
pub(crate) fn head(name: &'static str, value: impl Into<Value>) -> impl Fn(Call) -> Call {
    let value = value.into();
    move |call| call.token(|token| token.head(name, value.clone()))
}

/// A member of the header left out.
pub(crate) fn head_without(name: &'static str) -> impl Fn(Call) -> Call {
    move |call| call.token(|token| token.head_without(name))
}

/// One member more in the header, whether it is there or not.
pub(crate) fn head_also(member: &'static str) -> impl Fn(Call) -> Call {
    move |call| call.token(|token| token.head_also(member))
}

/// The header in other bytes.
pub(crate) fn head_bytes(
    rewrite: impl Fn(String) -> Vec<u8> + Clone + 'static,
) -> impl Fn(Call) -> Call {
    move |call| call.token(|token| token.head_bytes(rewrite.clone()))
}

/// A claim set.
pub(crate) fn claim(name: &'static str, value: impl Into<Value>) -> impl Fn(Call) -> Call {
    let value = value.into();
    move |call| call.token(|token| token.claim(name, value.clone()))
}

/// A claim left out.
pub(crate) fn without(name: &'static str) -> impl Fn(Call) -> Call {
    move |call| call.token(|token| token.without(name))
}

/// One claim more, whether it is there or not.
pub(crate) fn also(member: &'static str) -> impl Fn(Call) -> Call {
    move |call| call.token(|token| token.also(member))
}

/// The payload in other bytes.
pub(crate) fn payload_bytes(
    rewrite: impl Fn(String) -> Vec<u8> + Clone + 'static,
) -> impl Fn(Call) -> Call {
    move |call| call.token(|token| token.payload_bytes(rewrite.clone()))
}

/// A member whose value is nested so deeply.
pub(crate) fn nested(levels: usize) -> String {
    format!(r#""x":{}{}"#, "[".repeat(levels), "]".repeat(levels))
}

/// Beside a pair whose header and payload are JSON objects, all that is no object or is more than one.
/// `part` says which of the two is rewritten.
pub(crate) fn but_nothing_else<C>(pair: Pair, part: impl Fn(Rewrite) -> C) -> Pair
where
    C: Fn(Call) -> Call + 'static,
{
    let rows: [(&str, Rewrite); 14] = [
        ("a list around it", |text| format!("[{text}]").into_bytes()),
        ("a byte order mark before it", |text| {
            format!("\u{feff}{text}").into_bytes()
        }),
        ("something after it", |text| format!("{text}x").into_bytes()),
        ("a zero byte after it", |text| {
            format!("{text}\0").into_bytes()
        }),
        ("another after it", |text| {
            format!("{text}{{}}").into_bytes()
        }),
        ("a comment before it", |text| {
            format!("/**/{text}").into_bytes()
        }),
        ("a comment after it", |text| {
            format!("{text}//").into_bytes()
        }),
        ("one that is cut off", |text| {
            text.as_bytes()[..text.len() - 1].to_vec()
        }),
        ("a text", |text| json!(text).to_string().into_bytes()),
        ("null", |_| b"null".to_vec()),
        ("no JSON", |_| b"Orders.Write".to_vec()),
        ("a token in it", |_| token().make().into_bytes()),
        ("UTF-16, low bytes first", |text| {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }),
        ("UTF-16, high bytes first", |text| {
            text.encode_utf16().flat_map(u16::to_be_bytes).collect()
        }),
    ];
    rows.into_iter().fold(pair, |pair, (name, rewrite)| {
        pair.but_not(name, "malformed_token", part(rewrite))
    })
}

/// A change to the text of a header or payload.
pub(crate) type Rewrite = fn(String) -> Vec<u8>;
