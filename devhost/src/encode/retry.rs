//! `RetryContext`: which attempt this is, and what became of the one before.

use super::Value;
use crate::newtonsoft::Token;

/// The attempt before this one.
#[derive(Debug, Clone)]
pub struct Failed<'a> {
    /// The function's name.
    pub function: &'a str,
    /// The invocation's id, the same for every attempt.
    pub invocation_id: &'a str,
    /// Why it failed.
    pub cause: Cause<'a>,
}

/// What made an attempt fail.
#[derive(Debug, Clone)]
pub enum Cause<'a> {
    /// The handler answered with this status, which was not 2xx.
    Status {
        /// The status code.
        code: u16,
        /// Its reason phrase.
        reason: &'a str,
    },
    /// Anything else, in words.
    Other(&'a str),
}

/// The object a function with a retry policy gets on every attempt, the first included
/// (host 4.1037, `SetRetryContext`). `max_retries` is -1 when there is no end to them.
pub fn retry_context(retries: u32, max_retries: i32, failed: Option<&Failed<'_>>) -> Value {
    Value::Object(Token::object([
        ("RetryCount", Token::from(i64::from(retries))),
        ("MaxRetryCount", Token::from(i64::from(max_retries))),
        ("Exception", failed.map_or(Token::Null, exception)),
        ("Instance", Token::Null),
        ("State", Token::object::<String>([])),
    ]))
}

/// The exception as .NET serialises it. The stack traces are cut to their first frame.
fn exception(failed: &Failed<'_>) -> Token {
    let Failed {
        function,
        invocation_id,
        cause,
    } = failed;
    let trace =
        "   at Microsoft.Azure.WebJobs.Host.Executors.FunctionExecutor.ExecuteWithLoggingAsync";
    Token::object([
        ("InstanceId", Token::text(*invocation_id)),
        (
            "MethodName",
            Token::text(format!("Host.Functions.{function}")),
        ),
        ("Handled", Token::Bool(false)),
        (
            "ClassName",
            Token::text("Microsoft.Azure.WebJobs.Host.FunctionInvocationException"),
        ),
        (
            "Message",
            Token::text(format!(
                "Exception while executing function: Functions.{function}"
            )),
        ),
        ("Data", Token::Null),
        ("InnerException", inner(cause)),
        ("HelpURL", Token::Null),
        ("StackTraceString", Token::text(trace)),
        ("RemoteStackTraceString", Token::Null),
        ("RemoteStackIndex", Token::from(0)),
        ("ExceptionMethod", Token::Null),
        ("HResult", Token::from(-2_146_233_088)),
        ("Source", Token::text("System.Private.CoreLib")),
        ("WatsonBuckets", Token::Null),
    ])
}

fn inner(cause: &Cause<'_>) -> Token {
    match cause {
        Cause::Status { code, reason } => Token::object([
            ("HttpRequestError", Token::from(0)),
            ("StatusCode", Token::from(i64::from(*code))),
            (
                "Message",
                Token::text(format!(
                    "Response status code does not indicate success: {code} ({reason})."
                )),
            ),
            ("Data", Token::object::<String>([])),
            ("InnerException", Token::Null),
            ("HelpLink", Token::Null),
            ("Source", Token::text("System.Net.Http")),
            ("HResult", Token::from(-2_146_233_088)),
            (
                "StackTrace",
                Token::text("   at System.Net.Http.HttpResponseMessage.EnsureSuccessStatusCode()"),
            ),
        ]),
        Cause::Other(message) => Token::object([
            ("ClassName", Token::text("System.InvalidOperationException")),
            ("Message", Token::text(*message)),
            ("Data", Token::Null),
            ("InnerException", Token::Null),
            ("HelpURL", Token::Null),
            ("StackTraceString", Token::Null),
            ("RemoteStackTraceString", Token::Null),
            ("RemoteStackIndex", Token::from(0)),
            ("ExceptionMethod", Token::Null),
            ("HResult", Token::from(-2_146_233_079)),
            ("Source", Token::Null),
            ("WatsonBuckets", Token::Null),
        ]),
    }
}
