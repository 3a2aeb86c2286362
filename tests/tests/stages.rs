//! The stages of the pipeline cannot be dropped, swapped or got round.
//!
//! The stages are private, so no program outside can try. Each attempt here is an edit of `app.rs` in
//! a copy of the library, and the compiler has to refuse the copy; the copy without an edit compiles.

use std::fmt::Write as _;

use stockade_tests::scratch::{Scratch, read};

#[test]
fn no_stage_can_be_dropped_swapped_or_got_round() {
    let attempts = attempts();
    let names: Vec<_> = attempts.iter().map(|attempt| attempt.name).collect();
    let packages = [&["as_it_is"], &names[..]].concat();
    let scratch = Scratch::new(env!("CARGO_TARGET_TMPDIR"), "stages", &packages);
    let app = read("handler/src/app.rs");
    let manifest = library_only(&read("handler/Cargo.toml"));
    for package in &packages {
        scratch.copy("handler/src", format!("{package}/src"));
        let named = manifest.replace(r#"name = "stockade""#, &format!("name = {package:?}"));
        scratch.write(format!("{package}/Cargo.toml"), &named);
    }
    for attempt in &attempts {
        let edited = attempt.edit(&app);
        scratch.write(format!("{}/src/app.rs", attempt.name), &edited);
    }

    let errors = scratch.check();

    assert_eq!(errors.of("as_it_is"), [], "the copy itself has to compile");
    let mut wrong = String::new();
    for attempt in &attempts {
        let found = errors.of(attempt.name);
        let is_refused = found
            .iter()
            .any(|error| error.message == attempt.refusal || error.label == attempt.refusal);
        if !is_refused {
            let _ = writeln!(
                wrong,
                "{}: expected {:?}, found {found:#?}",
                attempt.name, attempt.refusal
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// An attempt to get round a stage.
struct Attempt {
    name: &'static str,
    /// Each text stands in `app.rs` exactly once, and is replaced.
    edits: Vec<(&'static str, &'static str)>,
    /// Stands behind everything else.
    addition: &'static str,
    /// The message of the error, or what stands at its arrow.
    refusal: &'static str,
}

impl Attempt {
    fn edit(&self, app: &str) -> String {
        let mut edited = app.to_owned();
        for (text, replacement) in &self.edits {
            assert_eq!(
                app.matches(text).count(),
                1,
                "{}: `{text}` stands in app.rs exactly once",
                self.name
            );
            edited = edited.replace(text, replacement);
        }
        edited + self.addition
    }
}

fn attempts() -> Vec<Attempt> {
    let edit = |name, edits: &[_], refusal| Attempt {
        name,
        edits: edits.to_vec(),
        addition: "",
        refusal,
    };
    let add = |name, addition, refusal| Attempt {
        name,
        edits: Vec::new(),
        addition,
        refusal,
    };
    vec![
        // Dropped.
        edit(
            "without_limits",
            &[(ADMIT, ""), ("decide(admitted)", "decide(invocation)")],
            "expected `Admitted`, found `Invocation`",
        ),
        edit(
            "without_policy",
            &[(DECIDE, ""), ("run(authorized)", "run(admitted)")],
            "expected `Authorized`, found `Admitted`",
        ),
        edit(
            "without_endpoint",
            &[
                (RUN, ""),
                ("pack(reply, outputs)", "pack(reply, authorized)"),
            ],
            "expected `Outputs`, found `Authorized`",
        ),
        edit(
            "without_packing",
            &[("self.wiring.pack(reply, outputs).await", "Ok(outputs)")],
            "expected `Packed`, found `Outputs`",
        ),
        edit(
            "without_an_opened_record",
            &[(".run(invocation, ", ".run(arrived, ")],
            "expected `Invocation`, found `Arrived`",
        ),
        edit(
            "without_a_closed_record",
            &[("record.close(outcome.unwrap_or", "(outcome.unwrap_or")],
            "expected `Recorded`, found `Result<Packed, Failure>`",
        ),
        edit(
            "without_any_record",
            &[(ANSWER, "crate::wire::empty(http::StatusCode::OK)")],
            "expected `Answered`, found `Response<Body>`",
        ),
        // Swapped.
        edit(
            "policy_before_limits",
            &[
                (
                    ADMIT,
                    "let authorized = self.policy.decide(invocation).await?;",
                ),
                (
                    DECIDE,
                    "let authorized = self.limits.admit(authorized).await?;",
                ),
            ],
            "expected `Admitted`, found `Invocation`",
        ),
        edit(
            "endpoint_before_policy",
            &[
                (DECIDE, "let outputs = self.endpoints.run(admitted).await?;"),
                (RUN, "let outputs = self.policy.decide(outputs).await?;"),
            ],
            "expected `Authorized`, found `Admitted`",
        ),
        // Made by hand.
        add(
            "arrived_by_hand",
            "fn forge(function: crate::wire::FunctionId, context: crate::function::Context, \
                 delivery: crate::wire::Delivery, form: crate::wire::ReplyAs) -> Arrived { \
                 Arrived { function, context, delivery, form } }",
            "fields `function`, `context`, `delivery` and `form` of struct `Arrived` are private",
        ),
        add(
            "function_id_by_hand",
            "fn forge() -> crate::wire::FunctionId { crate::wire::FunctionId(0) }",
            "cannot initialize a tuple struct which contains private fields",
        ),
        add(
            "invocation_by_hand",
            "fn forge(arrived: Arrived) -> Invocation { \
                 let (function, context, delivery, _) = arrived.into_parts(); \
                 Invocation { function, context, delivery } }",
            "fields `function`, `context` and `delivery` of struct `Invocation` are private",
        ),
        add(
            "admitted_by_hand",
            "fn forge(invocation: Invocation, permit: crate::limits::Permit) \
                 -> crate::limits::Admitted { crate::limits::Admitted { invocation, permit } }",
            "fields `invocation` and `permit` of struct `Admitted` are private",
        ),
        add(
            "authorized_by_hand",
            "fn forge(admitted: crate::limits::Admitted) -> crate::auth::Authorized { \
                 crate::auth::Authorized { admitted, identity: crate::auth::Identity::Host } }",
            "fields `admitted` and `identity` of struct `Authorized` are private",
        ),
        add(
            "arrival_by_hand",
            "fn forge(context: crate::function::Context, delivery: crate::wire::Delivery) \
                 -> crate::function::Arrival { \
                 let identity = crate::auth::Identity::Host; \
                 crate::function::Arrival { context, identity, delivery } }",
            "fields `context`, `identity` and `delivery` of struct `Arrival` are private",
        ),
        add(
            "packed_by_hand",
            "fn forge(response: Response<Body>) -> Packed { Packed { response, status: None } }",
            "fields `response` and `status` of struct `Packed` are private",
        ),
        add(
            "recorded_by_hand",
            "fn forge(context: crate::function::Context, reply: Reply, \
                 outcome: Result<Packed, Failure>) -> crate::telemetry::Recorded { \
                 crate::telemetry::Recorded { context, reply, outcome } }",
            "fields `context`, `reply` and `outcome` of struct `Recorded` are private",
        ),
        add(
            "answered_by_hand",
            "fn forge(response: Response<Body>) -> Answered { Answered(response) }",
            "cannot initialize a tuple struct which contains private fields",
        ),
        // Got round.
        add(
            "a_function_of_ones_own_choice",
            "async fn reach<S: Send + Sync + 'static>(function: &Function<S>, \
                 authorized: crate::auth::Authorized, \
                 around: crate::function::Surroundings<'_, S>) { \
                 let _ = function.run(authorized, around).await; }",
            "method `run` is private",
        ),
        add(
            "an_endpoint_without_its_guards",
            "fn reach<S: Send + Sync + 'static>(function: &Function<S>) { \
                 let _ = &function.endpoint; }",
            "field `endpoint` of struct `Function` is private",
        ),
    ]
}

const ADMIT: &str = "let admitted = self.limits.admit(invocation).await?;";
const DECIDE: &str = "let authorized = self.policy.decide(admitted).await?;";
const RUN: &str = "let outputs = self.endpoints.run(authorized).await?;";
const ANSWER: &str = "self.wiring
            .answer(record.close(outcome.unwrap_or(Err(Failure::DeadlineExceeded))))";

/// The manifest of a library, with no other target in it.
fn library_only(manifest: &str) -> String {
    let tables = manifest
        .split("\n\n")
        .filter(|table| !table.starts_with("[["));
    let lines = tables.flat_map(|table| [table, "\n\n"]);
    let text: String = lines.collect();
    text.replace("default-run", "# default-run")
}
