use http::HeaderValue;
use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::input::Json;
use crate::output::{self, Enqueue};
use crate::{App, BinaryReply, Function, Mode, Reply, access, on};

#[derive(Deserialize, Validate, JsonSchema)]
struct Note {
    #[validate(length(min = 1))]
    text: String,
}

struct Notes;

impl output::Queue for Notes {
    const NAME: &'static str = "notes";
    type Message = String;
}

#[test]
fn what_types_cannot_refuse_is_a_problem() {
    async fn none() -> Reply<()> {
        Reply::ok(())
    }
    async fn event() {}
    async fn body(Json(_): Json<Note>) -> Reply<()> {
        Reply::ok(())
    }
    async fn twice() -> (Reply<()>, Enqueue<Notes>, Enqueue<Notes>) {
        (Reply::ok(()), Enqueue::many([]), Enqueue::many([]))
    }
    struct Braces;
    impl output::Queue for Braces {
        const NAME: &'static str = "orders-{rand-guid}";
        type Message = u8;
    }
    async fn braces() -> (Reply<()>, Enqueue<Braces>) {
        (Reply::ok(()), Enqueue::many([]))
    }
    let anyone = || access::anonymous("a test");
    type Build = Box<dyn Fn(App<()>) -> App<()>>;
    let one =
        |function: fn() -> Function<()>| -> Build { Box::new(move |app| app.function(function())) };
    let rows: [(&str, Build); 15] = [
        ("no functions", Box::new(|app| app)),
        (
            "begins with a letter",
            one(|| Function::new("1st", on::queue("q"), event)),
        ),
        (
            "to itself",
            one(|| Function::new("admin", on::queue("q"), event)),
        ),
        (
            "is taken",
            Box::new(|app| {
                app.function(Function::new("it", on::queue("a"), event))
                    .function(Function::new("IT", on::queue("b"), event))
            }),
        ),
        (
            "reads a body",
            one(|| Function::new("it", on::get("it", access::anonymous("a test")), body)),
        ),
        (
            "two outputs write",
            one(|| Function::new("it", on::get("it", access::anonymous("a test")), twice)),
        ),
        (
            "braces",
            one(|| Function::new("it", on::get("it", access::anonymous("a test")), braces)),
        ),
        (
            "braces",
            one(|| Function::new("it", on::queue("orders-{name}"), event)),
        ),
        (
            "six fields",
            one(|| Function::new("it", on::timer("0 3 * * *"), event)),
        ),
        (
            "no rule",
            one(|| Function::new("it", on::get("it", access::any_of([])), none)),
        ),
        (
            "name of a scope",
            one(|| Function::new("it", on::get("it", access::scope("Read all")), none)),
        ),
        (
            "`c100` is no authentication context",
            one(|| {
                let inner = access::scope("Read").with_authentication_context("c100");
                let rule = access::any_of([inner.with_authentication_context("c1")]);
                Function::new("it", on::get("it", rule), none)
            }),
        ),
        (
            "name of a scope",
            one(|| {
                let rule = access::scope("Read all").with_authentication_context("c1");
                Function::new("it", on::get("it", rule), none)
            }),
        ),
        (
            "no reason",
            one(|| Function::new("it", on::get("it", access::anonymous(" ")), none)),
        ),
        (
            "the same requests",
            Box::new(move |app| {
                app.function(Function::new("a", on::get("it/{x}", anyone()), none))
                    .function(Function::new("b", on::get("IT/{y}", anyone()), none))
            }),
        ),
    ];
    for (expected, build) in rows {
        let problems = build(App::new("one")).problems();
        assert!(
            problems.iter().any(|text| text.contains(expected)),
            "{expected}: {problems:?}"
        );
    }
}

#[test]
fn a_route_that_reaches_an_event_function_names_both() {
    async fn catch_all() -> Reply<()> {
        Reply::ok(())
    }
    async fn nightly() {}
    let app = App::<()>::new("two")
        .function(Function::new(
            "pages",
            on::get("{*path}", access::anonymous("a test")),
            catch_all,
        ))
        .function(Function::new("nightly", on::timer("0 0 3 * * *"), nightly));

    assert!(app.problems().is_empty(), "{:?}", app.problems());
    let problems = app.problems_under(Mode::Proxying, "");
    assert!(
        problems[0].contains("`pages`") && problems[0].contains("`nightly`"),
        "{problems:?}"
    );
}

#[test]
#[should_panic(expected = "would not start")]
fn an_app_with_problems_cannot_be_tested() {
    let _ = App::<()>::new("empty").with_state(());
}

#[test]
fn bytes_through_the_envelope_are_refused_at_the_start() {
    async fn bytes() -> BinaryReply {
        BinaryReply::ok(HeaderValue::from_static("image/png"), vec![1])
    }
    let trigger = || on::get("it", access::anonymous("a test"));

    let app = App::<()>::new("one").function(Function::new("it", trigger(), bytes));
    assert!(app.problems().is_empty());

    let narrowed = app.http(Mode::Envelope);
    assert!(
        narrowed.problems()[0].contains("bytes"),
        "{:?}",
        narrowed.problems()
    );
}

#[test]
fn a_log_field_that_means_a_secret_is_a_problem() {
    let app = |names| {
        App::<()>::new("app")
            .function(Function::new("event", on::queue("q"), async || {}))
            .log_fields(names)
            .problems()
    };

    assert_eq!(app(&["order.items", "attempt"]), [""; 0]);
    let told = app(&["order.items", "access_token", "Order"]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("log field `access_token`"), "{told:?}");
    assert!(told[1].starts_with("log field `Order`"), "{told:?}");
}
