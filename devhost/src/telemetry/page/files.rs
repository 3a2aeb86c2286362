//! The files that the page consists of.

/// A file as a browser asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct File {
    /// The path at the origin.
    pub(super) path: &'static str,
    /// The media type.
    pub(super) kind: &'static str,
    /// What is in it.
    pub(super) content: &'static str,
}

/// All of them. They name each other by these paths, relative to the page.
pub(super) const FILES: [File; 9] = [
    file("/", HTML, include_str!("index.html")),
    file("/page.css", CSS, include_str!("page.css")),
    file("/page.js", SCRIPT, include_str!("page.js")),
    file("/dom.js", SCRIPT, include_str!("dom.js")),
    file("/lines.js", SCRIPT, include_str!("lines.js")),
    file("/list.js", SCRIPT, include_str!("list.js")),
    file("/place.js", SCRIPT, include_str!("place.js")),
    file("/server.js", SCRIPT, include_str!("server.js")),
    file("/trace.js", SCRIPT, include_str!("trace.js")),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const fn file(path: &'static str, kind: &'static str, content: &'static str) -> File {
    File {
        path,
        kind,
        content,
    }
}
