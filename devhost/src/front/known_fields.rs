//! Header names that .NET knows: how it spells them and how it joins their lines.

/// The request headers Kestrel keeps in fields of their own (.NET 8, `HttpRequestHeaders`). However
/// a client spells these, the handler sees this spelling.
const REQUEST: [&str; 53] = [
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Allow",
    "Alt-Used",
    "Authorization",
    "baggage",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-MD5",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Correlation-Context",
    "Date",
    "Expect",
    "Expires",
    "From",
    "Grpc-Accept-Encoding",
    "Grpc-Encoding",
    "Grpc-Timeout",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Last-Modified",
    "Max-Forwards",
    "Origin",
    "Pragma",
    "Proxy-Authorization",
    "Range",
    "Referer",
    "Request-Id",
    "TE",
    "traceparent",
    "tracestate",
    "Transfer-Encoding",
    "Translate",
    "Upgrade",
    "Upgrade-Insecure-Requests",
    "User-Agent",
    "Via",
    "Warning",
];
/// Headers that `HttpClient` keeps with the content and not with the request.
const CONTENT: [&str; 11] = [
    "Allow",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-MD5",
    "Content-Range",
    "Content-Type",
    "Expires",
    "Last-Modified",
];

/// The spelling under which a header reaches the handler.
pub(super) fn spelling(name: &str) -> &str {
    let known = REQUEST
        .iter()
        .find(|known| known.eq_ignore_ascii_case(name));
    known.copied().unwrap_or(name)
}

pub(super) fn is_content(name: &str) -> bool {
    CONTENT.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What `HttpClient` writes between the values of a repeated header.
pub(super) fn separator(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "cookie" => "; ",
        "user-agent" | "server" => " ",
        _ => ", ",
    }
}
