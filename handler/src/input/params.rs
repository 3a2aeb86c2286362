//! What a route captured of a path.

/// The captured parts, still escaped, under the names of the route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(&'static str, Box<str>)>);

impl Params {
    pub(crate) fn new(captured: Vec<(&'static str, &str)>) -> Self {
        let owned = captured
            .into_iter()
            .map(|(name, value)| (name, value.into()));
        Self(owned.collect())
    }

    pub(super) fn captured(&self) -> Vec<(&'static str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect()
    }
}
