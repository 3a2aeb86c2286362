//! Which function a request on the port is for.

use http::Method;

use super::envelope::Shape;
use super::{Foreign, Mode, ReplyAs};
use crate::function::Entry;
use crate::input::Params;
use crate::on::Route;
use crate::routes::{Lookup, RouteTable};

/// A function of this app. Only [`Routes`] makes one, so an id always belongs to a function, and
/// stages that look things up by it cannot be handed another function's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FunctionId(usize);

impl FunctionId {
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// What a method and a path lead to.
pub(crate) enum Target {
    /// `GET /`, the host's readiness probe.
    Root,
    /// The path of an invocation.
    Invocation(FunctionId),
    /// The route of a function that the host forwards or proxies to.
    Direct(FunctionId, Params),
}

/// All paths of the app.
#[derive(Debug)]
pub(crate) struct Routes {
    functions: Vec<Known>,
    /// The routes of direct functions: what the host forwards.
    direct: RouteTable<FunctionId>,
}

#[derive(Debug)]
struct Known {
    name: &'static str,
    shape: Shape,
    direct: bool,
    /// The route with its prefix, to take parameters from a URL that the host has matched already.
    route: Option<RouteTable<()>>,
}

impl Routes {
    /// The routes of `functions`, in the order in which their ids count.
    pub(crate) fn new<'a>(
        functions: impl IntoIterator<Item = &'a Entry>,
        prefix: &str,
        mode: Mode,
    ) -> Self {
        let mut direct = Vec::new();
        let mut known = Vec::new();
        for entry in functions {
            let route = entry.trigger.route.as_ref();
            if let Some(Route { methods, template }) = route
                && mode.is_direct(entry)
            {
                let id = FunctionId(known.len());
                direct.push((methods.clone(), template.clone(), id));
            }
            known.push(Known {
                name: entry.name,
                shape: Shape::of(entry),
                direct: mode.is_direct(entry),
                route: route.map(|route| {
                    RouteTable::new(prefix, [(Vec::new(), route.template.clone(), ())])
                }),
            });
        }
        Self {
            functions: known,
            direct: RouteTable::new(prefix, direct),
        }
    }

    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Target, Foreign> {
        // The host keeps methods apart, so a route that does not take this one is not meant.
        if let Lookup::Function { key, params } = self.direct.find(method, path) {
            return Ok(Target::Direct(*key, Params::new(params)));
        }
        match (method, path) {
            (&Method::GET, "/") => Ok(Target::Root),
            (&Method::POST, _) => self.invocation(path).ok_or(Foreign::NoFunction),
            _ => Err(Foreign::NoFunction),
        }
    }

    /// The function whose invocations come to `path`. Names are ASCII letters, digits, `-` and `_`,
    /// so an escaped spelling is never the host's own.
    fn invocation(&self, path: &str) -> Option<Target> {
        let id = self.by_name(path.strip_prefix('/')?)?;
        let direct = self.functions[id.index()].direct;
        (!direct).then_some(Target::Invocation(id))
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<FunctionId> {
        let index = self.functions.iter().position(|known| known.name == name)?;
        Some(FunctionId(index))
    }

    pub(crate) fn name(&self, id: FunctionId) -> &'static str {
        self.functions[id.index()].name
    }

    pub(crate) fn shape(&self, id: FunctionId) -> &Shape {
        &self.functions[id.index()].shape
    }

    /// The form in which the host expects the function's answers.
    pub(crate) fn form(&self, id: FunctionId) -> ReplyAs {
        let known = &self.functions[id.index()];
        if known.direct {
            ReplyAs::Direct
        } else {
            known.shape.reply_as()
        }
    }

    /// The route parameters of a request that was matched to `id`.
    pub(crate) fn params(&self, id: FunctionId, path: &str) -> Option<Params> {
        let route = self.functions[id.index()].route.as_ref()?;
        match route.find(&Method::GET, path) {
            Lookup::Function { params, .. } => Some(Params::new(params)),
            Lookup::MethodNotAllowed { .. } | Lookup::NotFound => None,
        }
    }
}
