//! Why a command did not do what was asked, and what to type next.

/// A failure in two parts: what is the matter, and what to type.
#[derive(Debug)]
pub(super) struct Failed {
    code: u8,
    what: String,
    next: String,
}

impl Failed {
    /// A check found something, or the work failed.
    pub(super) fn work(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(1, what, next)
    }

    /// The command line or a setting is wrong.
    pub(super) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(2, what, next)
    }

    /// A tool or a service is not there.
    pub(super) fn missing(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(3, what, next)
    }

    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        self.code
    }

    /// What is the matter.
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    /// What to type.
    pub(super) fn next(&self) -> &str {
        &self.next
    }

    fn new(code: u8, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            next: next.into(),
        }
    }
}
