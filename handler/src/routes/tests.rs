use http::Method;
use proptest::prelude::*;

use super::table::overlaps;
use super::*;

fn template(text: &'static str) -> RouteTemplate {
    RouteTemplate::parse(text).expect(text)
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn table(prefix: &str, routes: &[(&'static str, &'static str)]) -> RouteTable<&'static str> {
    let routes = routes.iter().map(|&(methods, text)| {
        let methods = methods
            .split_whitespace()
            .map(|method| method.parse().expect("a method"));
        (methods.collect(), template(text), text)
    });
    RouteTable::new(prefix, routes)
}

#[track_caller]
fn assert_found(table: &RouteTable<&'static str>, method: &Method, path: &str, expected: &str) {
    match table.find(method, path) {
        Lookup::Function { key, .. } => assert_eq!(*key, expected, "{path}"),
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn a_template_matches_whole_paths_and_captures_as_sent() {
    for (text, path, expected) in [
        ("orders", "/orders", Some(vec![])),
        ("orders", "/Orders/", Some(vec![])),
        ("orders", "/%6frders", Some(vec![])),
        ("orders", "/orders/1", None),
        ("orders", "/order", None),
        ("orders", "/orderss", None),
        ("orders", "/orders//", None),
        ("orders", "//orders", None),
        ("orders", "orders", None),
        ("orders", "/orders%2F", None),
        ("", "/", Some(vec![])),
        ("", "/x", None),
        ("orders/{id}", "/orders/a%20b", Some(vec![("id", "a%20b")])),
        ("orders/{id}", "/orders/a%2Fb", Some(vec![("id", "a%2Fb")])),
        ("orders/{id}", "/orders/", None),
        ("orders/{id}", "/orders", None),
        ("orders/{id}/lines", "/orders//lines", None),
        ("orders/{id?}", "/orders", Some(vec![])),
        ("orders/{id?}", "/orders/", Some(vec![])),
        ("orders/{id?}", "/orders/7", Some(vec![("id", "7")])),
        ("orders/{id?}", "/orders/7/8", None),
        ("{a}/{b}", "/1/2", Some(vec![("a", "1"), ("b", "2")])),
        ("files/{*path}", "/files", Some(vec![])),
        (
            "files/{*path}",
            "/files/a/b%2F/",
            Some(vec![("path", "a/b%2F/")]),
        ),
        ("files/{**path}", "/files/a", Some(vec![("path", "a")])),
        ("{*path}", "/", Some(vec![])),
    ] {
        assert_eq!(template(text).matches(path), expected, "{text} {path}");
    }
}

#[test]
fn what_is_no_template_is_refused_with_the_reason() {
    for (text, error) in [
        ("/orders", RouteError::LeadingSlash),
        ("~/orders", RouteError::LeadingSlash),
        ("a//b", RouteError::EmptySegment),
        ("a/", RouteError::EmptySegment),
        ("a b", RouteError::Literal("a b")),
        ("a%20b", RouteError::Literal("a%20b")),
        ("a/..", RouteError::Literal("..")),
        ("a*", RouteError::Literal("a*")),
        ("a?b", RouteError::Literal("a?b")),
        ("ä", RouteError::Literal("ä")),
        ("v{n}", RouteError::MixedSegment("v{n}")),
        ("{a}-{b}", RouteError::MixedSegment("{a}-{b}")),
        ("{{a}}", RouteError::MixedSegment("{{a}}")),
        ("{a", RouteError::MixedSegment("{a")),
        ("a/{id:int}", RouteError::Constraint("{id:int}")),
        ("{id=1}", RouteError::Default("{id=1}")),
        ("{}", RouteError::Name("{}")),
        ("{*}", RouteError::Name("{*}")),
        ("{?}", RouteError::Name("{?}")),
        ("{a b}", RouteError::Name("{a b}")),
        ("{*a?}", RouteError::Name("{*a?}")),
        ("{id}/{ID}", RouteError::RepeatedName("ID")),
        ("{id?}/a", RouteError::NotLast("{id?}")),
        ("{*rest}/a", RouteError::NotLast("{*rest}")),
    ] {
        assert_eq!(RouteTemplate::parse(text), Err(error), "{text}");
    }
}

#[test]
fn a_literal_goes_before_a_parameter_before_a_catch_all() {
    let table = table(
        "api",
        &[
            ("GET", "{*rest}"),
            ("GET", "{a}/{b}"),
            ("GET", "{a}/lines"),
            ("GET", "orders/{id?}"),
            ("GET", "orders/mine"),
            ("GET", "orders/{id}/{*rest}"),
        ],
    );

    for (path, expected) in [
        ("/api/orders/mine", "orders/mine"),
        ("/API/Orders/Mine", "orders/mine"),
        ("/api/orders/lines", "orders/{id?}"),
        ("/api/orders", "orders/{id?}"),
        ("/api/orders/1/2/3", "orders/{id}/{*rest}"),
        ("/api/x/lines", "{a}/lines"),
        ("/api/x/y", "{a}/{b}"),
        ("/api/x", "{*rest}"),
        ("/api/", "{*rest}"),
        ("/api", "{*rest}"),
    ] {
        assert_found(&table, &Method::GET, path, expected);
    }
}

#[test]
fn a_path_outside_the_prefix_leads_nowhere() {
    let table = table("/api/v1/", &[("GET", "{*rest}")]);

    for path in [
        "/",
        "/orders",
        "/api",
        "/api/v2/x",
        "/apis/v1/x",
        "/api//v1/x",
        "",
    ] {
        assert_eq!(table.find(&Method::GET, path), Lookup::NotFound, "{path}");
    }
    assert_found(&table, &Method::GET, "/api/v1/x", "{*rest}");
    assert_found(&table, &Method::GET, "/api/v1", "{*rest}");
}

#[test]
fn a_method_that_no_route_takes_is_answered_with_those_that_are() {
    let table = table(
        "",
        &[("GET", "orders/{id}"), ("DELETE GET", "orders/{*rest}")],
    );

    let Lookup::MethodNotAllowed { allow } = table.find(&Method::POST, "/orders/1") else {
        panic!("the path is known");
    };

    assert_eq!(allow, [&Method::GET, &Method::DELETE]);
    assert_eq!(table.find(&Method::POST, "/other"), Lookup::NotFound);
}

#[test]
fn a_route_without_the_method_gives_way_to_one_that_has_it() {
    let table = table(
        "",
        &[
            ("GET", "orders/mine"),
            ("POST", "orders/{id}"),
            ("", "{*rest}"),
        ],
    );

    assert_found(&table, &Method::GET, "/orders/mine", "orders/mine");
    assert_found(&table, &Method::POST, "/orders/mine", "orders/{id}");
    assert_found(&table, &Method::PUT, "/orders/mine", "{*rest}");
}

#[test]
fn routes_that_claim_one_request_equally_are_found() {
    for (left, right, ambiguous) in [
        (("GET", "orders"), ("GET", "Orders"), true),
        (("GET", "orders"), ("POST", "orders"), false),
        (("", "orders"), ("POST", "orders"), true),
        (("GET", "orders/{id}"), ("GET", "orders/{number}"), true),
        (("GET", "orders/{id}"), ("GET", "orders/{id?}"), true),
        (("GET", "orders/{id}"), ("GET", "quotes/{id}"), false),
        (("GET", "orders/{id}"), ("GET", "orders/mine"), false),
        (("GET", "{a}/x"), ("GET", "y/{b}"), false),
        (("GET", "{*a}"), ("GET", "{**b}"), true),
        (("GET", "a/{*a}"), ("GET", "b/{*b}"), false),
    ] {
        let table = table("", &[left, right]);

        assert_eq!(
            !table.ambiguities().is_empty(),
            ambiguous,
            "{left:?} {right:?}"
        );
    }
}

#[test]
fn a_route_that_could_reach_an_event_function_is_found() {
    for (prefix, route, reaches) in [
        ("", "{*path}", true),
        ("", "{name}", true),
        ("", "{name?}", true),
        ("", "Nightly", true),
        ("", "nightly/{*rest}", true),
        ("", "nightly/{x?}", true),
        ("nightly", "{*rest}", true),
        ("Nightly", "", true),
        ("", "orders", false),
        ("", "nightly/{x}", false),
        ("", "{a}/{b}", false),
        ("api", "{*path}", false),
        ("api", "nightly", false),
    ] {
        assert_eq!(
            overlaps(prefix, &template(route), "nightly"),
            reaches,
            "{prefix} {route}"
        );
    }
}

fn any_template() -> impl Strategy<Value = RouteTemplate> {
    let middle = prop::sample::select(vec!["a", "b", "A", "{}"]);
    let last = prop::sample::select(vec!["", "a", "{}", "{?}", "{*}"]);
    (prop::collection::vec(middle, 0..3), last).prop_map(|(mut segments, last)| {
        segments.extend((!last.is_empty()).then_some(last));
        let named = segments
            .iter()
            .enumerate()
            .map(|(index, segment)| match *segment {
                "{}" => format!("{{p{index}}}"),
                "{?}" => format!("{{p{index}?}}"),
                "{*}" => format!("{{*p{index}}}"),
                literal => literal.to_owned(),
            });
        template(leaked(named.collect::<Vec<_>>().join("/")))
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-c{}*?:=/~.% ]{0,12}", path in "[/a-c%2F]{0,12}") {
        if let Ok(route) = RouteTemplate::parse(leaked(text)) {
            let _ = route.matches(&path);
        }
    }

    #[test]
    fn what_is_put_into_the_parameters_comes_out(route in any_template(), value in "[a-z%0-9]{1,8}") {
        let filled = route.as_str().split('/').map(|segment| match segment.starts_with('{') {
            true => value.as_str(),
            false => segment,
        });
        let path = format!("/{}", filled.collect::<Vec<_>>().join("/"));

        let params = route.matches(&path).expect("the template's own path");

        let expected: Vec<_> = route.parameters().map(|name| (name, value.as_str())).collect();
        prop_assert_eq!(params, expected);
    }

    #[test]
    fn two_routes_that_match_one_path_meet(
        left in any_template(),
        right in any_template(),
        path in "(/[ab]){0,4}",
    ) {
        if left.matches(&path).is_some() && right.matches(&path).is_some() {
            prop_assert!(left.meets(&right) && right.meets(&left));
        }
    }

    #[test]
    fn without_ambiguities_the_order_of_registration_does_not_matter(
        routes in prop::collection::vec(any_template(), 0..6),
        path in "(/[abc]){0,4}",
    ) {
        let table = |routes: Vec<RouteTemplate>| {
            let routes = routes.into_iter().map(|route| (vec![], route.clone(), route.as_str()));
            RouteTable::new("", routes)
        };
        let forwards = table(routes.clone());
        let backwards = table(routes.into_iter().rev().collect());

        if forwards.ambiguities().is_empty() {
            let forwards = forwards.find(&Method::GET, &path);
            prop_assert_eq!(forwards, backwards.find(&Method::GET, &path));
        }
    }
}
