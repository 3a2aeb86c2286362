//! The good call, and changes of one thing in its token.

use serde_json::Value;

use super::call::Call;
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
