//! The routes of an app, together.

use http::Method;

use super::{Params, RouteTemplate, is_literal, next};

/// All routes under one prefix, in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct RouteTable<K> {
    prefix: Vec<String>,
    routes: Vec<Route<K>>,
}

/// A template, the methods that it takes (none listed: all) and what is behind it.
#[derive(Debug)]
struct Route<K> {
    methods: Vec<Method>,
    template: RouteTemplate,
    key: K,
}

/// What a method and a path lead to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup<'t, 'p, K> {
    /// This function, with what its template captured.
    Function { key: &'t K, params: Params<'p> },
    /// Something is at this path for these methods: 405 with `Allow` (RFC 9110 §15.5.6).
    MethodNotAllowed { allow: Vec<&'t Method> },
    /// Nothing is at this path.
    NotFound,
}

impl<K> RouteTable<K> {
    /// Puts the routes in order. `prefix` is host.json's `routePrefix`, with or without slashes
    /// around it.
    pub(crate) fn new(
        prefix: &str,
        routes: impl IntoIterator<Item = (Vec<Method>, RouteTemplate, K)>,
    ) -> Self {
        let mut routes: Vec<_> = routes
            .into_iter()
            .map(|(methods, template, key)| Route {
                methods,
                template,
                key,
            })
            .collect();
        routes.sort_by_cached_key(|route| route.template.precedence());
        Self {
            prefix: segments(prefix),
            routes,
        }
    }

    /// Finds the function for a request; the path is the raw one, without query.
    ///
    /// A route that does not take the method gives way to a later one that does, as in the host,
    /// where the method is a constraint of the route.
    pub(crate) fn find<'p>(&self, method: &Method, path: &'p str) -> Lookup<'_, 'p, K> {
        let mut allow = Vec::new();
        let Some(path) = strip(&self.prefix, path) else {
            return Lookup::NotFound;
        };
        for route in &self.routes {
            let Some(params) = route.template.matches(path) else {
                continue;
            };
            if route.takes(method) {
                return Lookup::Function {
                    key: &route.key,
                    params,
                };
            }
            for method in &route.methods {
                if !allow.contains(&method) {
                    allow.push(method);
                }
            }
        }
        if allow.is_empty() {
            Lookup::NotFound
        } else {
            Lookup::MethodNotAllowed { allow }
        }
    }

    /// The pairs of routes that could both claim a request, with nothing to put one first.
    pub(crate) fn ambiguities(&self) -> Vec<(&K, &K)> {
        let mut pairs = Vec::new();
        for (index, route) in self.routes.iter().enumerate() {
            let clashes = |other: &&Route<K>| route.clashes_with(other);
            let rest = self.routes[index + 1..].iter().filter(clashes);
            pairs.extend(rest.map(|other| (&route.key, &other.key)));
        }
        pairs
    }
}

impl<K> Route<K> {
    fn takes(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.contains(method)
    }

    fn clashes_with(&self, other: &Self) -> bool {
        let shared = self.methods.is_empty()
            || other.methods.is_empty()
            || self.methods.iter().any(|method| other.takes(method));
        shared
            && self.template.precedence() == other.template.precedence()
            && self.template.meets(&other.template)
    }
}

/// Whether a route under this prefix could match `/<function>`, the path at which the host calls an
/// event function.
///
/// An outside caller could then invoke it with a payload of its own choice (seen on host 4.1037 with
/// an empty prefix and a catch-all), so no app starts with such a route.
pub(crate) fn overlaps(prefix: &str, route: &RouteTemplate, function: &str) -> bool {
    let path = format!("/{function}");
    strip(&segments(prefix), &path).is_some_and(|path| route.matches(path).is_some())
}

fn segments(prefix: &str) -> Vec<String> {
    let parts = prefix.split('/').filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// What follows the prefix, with its slash.
fn strip<'p>(prefix: &[String], path: &'p str) -> Option<&'p str> {
    let mut rest = path;
    for literal in prefix {
        let mut inside = rest.strip_prefix('/')?;
        if !is_literal(next(&mut inside), literal) {
            return None;
        }
        // Back to the slash, so that what follows looks like a path again.
        rest = match rest.len() - inside.len() {
            _ if inside.is_empty() => "/",
            at => &rest[at - 1..],
        };
    }
    Some(rest)
}
