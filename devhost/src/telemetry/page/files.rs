//! The files that the page consists of.

/// Path, media type and content of each. They name each other by these paths, relative to the page.
pub(crate) const FILES: [(&str, &str, &str); 9] = [
    ("/", HTML, include_str!("index.html")),
    ("/page.css", CSS, include_str!("page.css")),
    ("/page.js", SCRIPT, include_str!("page.js")),
    ("/dom.js", SCRIPT, include_str!("dom.js")),
    ("/lines.js", SCRIPT, include_str!("lines.js")),
    ("/list.js", SCRIPT, include_str!("list.js")),
    ("/place.js", SCRIPT, include_str!("place.js")),
    ("/server.js", SCRIPT, include_str!("server.js")),
    ("/trace.js", SCRIPT, include_str!("trace.js")),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
