use super::*;
use crate::app::retry::Strategy;
use tempfile::TempDir;

const HOST: &str = r#"{
    // The host reads comments.
    "version": "2.0",
    "customHandler": {"description": {"defaultExecutablePath": "handler"}},
}"#;

const HTTP: &str = r#"{"bindings": [
    {"type": "httpTrigger", "name": "req", "methods": ["get"], "route": "orders/{id:int?}"},
    {"type": "http", "direction": "out", "name": "res"}
]}"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn read(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<App, AppError> {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    App::read(folder(files).path(), environment)
}

fn problems(files: &[(&str, &str)]) -> String {
    match read(files, &[]) {
        Err(error) => error.to_string(),
        Ok(_) => "none".to_owned(),
    }
}

#[test]
fn an_app_is_read_with_the_defaults_of_the_host() {
    let app = read(&[("host.json", HOST), ("orders/function.json", HTTP)], &[]).unwrap();

    assert_eq!(app.host.function_timeout, Some(Duration::from_secs(1800)));
    assert_eq!(app.host.initialization_timeout, Duration::from_secs(30));
    assert_eq!(app.host.mode, HttpMode::Envelope);
    assert_eq!(app.host.queues, queue::Settings::default());
    let http = app.functions[0].http.as_ref().unwrap();
    assert_eq!(http.auth, AuthLevel::Function);
    assert_eq!(http.methods.as_deref(), Some(["GET".to_owned()].as_slice()));
    assert_eq!(http.route.text(), "api/orders/{id:int?}");
}

#[test]
fn settings_override_host_json_in_any_case() {
    let app = read(
        &[("host.json", HOST), ("orders/function.json", HTTP)],
        &[
            (
                "AzureFunctionsJobHost__customHandler__enableProxyingHttpRequest",
                "true",
            ),
            ("AZUREFUNCTIONSJOBHOST__FUNCTIONTIMEOUT", "00:01:30"),
            ("AzureFunctionsJobHost__extensions__http__routePrefix", ""),
        ],
    )
    .unwrap();

    assert_eq!(app.host.mode, HttpMode::Proxying);
    assert_eq!(app.host.function_timeout, Some(Duration::from_secs(90)));
    let http = app.functions[0].http.as_ref().unwrap();
    assert_eq!(http.route.text(), "orders/{id:int?}");
}

#[test]
fn only_one_http_input_and_one_http_output_go_directly() {
    let with_queue = HTTP.replace(
        r#"{"type": "http","#,
        r#"{"type": "queue", "direction": "out", "name": "q", "queueName": "q"}, {"type": "http","#,
    );
    let forwarding = [(
        "AzureFunctionsJobHost__customHandler__enableForwardingHttpRequest",
        "true",
    )];
    let files = [
        ("host.json", HOST),
        ("a/function.json", HTTP),
        ("b/function.json", with_queue.as_str()),
    ];
    let app = read(&files, &forwarding).unwrap();

    assert_eq!(app.mode_of(&app.functions[0]), HttpMode::Forwarding);
    assert_eq!(app.mode_of(&app.functions[1]), HttpMode::Envelope);
}

#[test]
fn local_settings_fill_in_what_the_environment_does_not_set() {
    let local = r#"{"IsEncrypted": false, "Values": {"A": "file", "B": "file"}}"#;
    let app = read(
        &[("host.json", HOST), ("local.settings.json", local)],
        &[("A", "environment")],
    )
    .unwrap();

    assert_eq!(app.settings.get("A"), Some("environment"));
    assert_eq!(app.settings.get("B"), Some("file"));
}

#[test]
fn a_name_without_a_value_stands_for_itself_and_is_told() {
    let settings = Settings::new([("QUEUE".to_owned(), "orders".to_owned())].into());

    assert_eq!(settings.expand("%QUEUE%-%NEXT_QUEUE%"), "orders-next-queue");
    assert_eq!(settings.expand("100% of %QUEUE%"), "100% of orders");
    assert_eq!(settings.expand_or_empty("a%NEXT_QUEUE%b"), "ab");
    assert_eq!(
        settings.assumed(),
        [("NEXT_QUEUE".to_owned(), "next-queue".to_owned())]
    );
}

#[test]
fn arguments_are_joined_and_split_again_as_the_host_does() {
    let host = r#"{"customHandler": {"description": {
        "defaultExecutablePath": "run", "arguments": ["-x", "a b", "\"c d\"", "%UNSET%"],
        "defaultWorkerPath": "my worker", "workerArguments": ["-y"]
    }}}"#;
    let app = read(&[("host.json", host)], &[]).unwrap();

    assert_eq!(
        app.host.description.arguments,
        ["-x", "a", "b", "c d", "my worker", "-y"]
    );
}

#[test]
fn a_relative_program_is_a_file_of_the_worker_folder_or_a_name_for_path() {
    let host = HOST.replace(r#""handler"}"#, r#""handler", "workerDirectory": "bin"}"#);
    let there = folder(&[("host.json", &host), ("bin/handler", "")]);
    let app = App::read(there.path(), BTreeMap::new()).unwrap();

    assert_eq!(
        app.host.description.program(&app.root),
        app.root.join("bin/handler")
    );
    let elsewhere = Path::new("/");
    assert_eq!(
        app.host.description.program(elsewhere),
        Path::new("handler")
    );
}

#[test]
fn retry_policies_are_for_triggers_that_take_them() {
    let timer =
        r#"{"bindings": [{"type": "timerTrigger", "name": "t", "schedule": "0 0 3 * * *"}]}"#;
    let host = HOST.replace(
        r#""version""#,
        r#""retry": {"strategy": "exponentialBackoff", "maxRetryCount": -1, "minimumInterval": "00:00:05", "maximumInterval": "00:01:00"}, "version""#,
    );
    let app = read(
        &[
            ("host.json", &host),
            ("orders/function.json", HTTP),
            ("tick/function.json", timer),
        ],
        &[],
    )
    .unwrap();

    let retry = app.function("TICK").unwrap().retry.clone().unwrap();
    let seconds: Vec<u64> = (1..=6)
        .map(|failed| retry.delay(failed).as_secs())
        .collect();
    assert_eq!(seconds, [5, 10, 20, 40, 60, 60]);
    assert_eq!(retry.max_retry_count, None);
    assert!(matches!(
        retry.strategy,
        Strategy::ExponentialBackoff { .. }
    ));
    assert_eq!(app.function("orders").unwrap().retry, None);
}

#[test]
fn a_handler_profile_makes_one_function_of_everything() {
    let host = HOST.replace(
        r#""version""#,
        r#""configurationProfile": "mcp-custom-handler", "version""#,
    );
    let app = read(&[("host.json", &host)], &[]).unwrap();

    assert_eq!(app.host.mode, HttpMode::Proxying);
    assert_eq!(app.functions[0].name, "http-handler1");
    assert_eq!(
        app.functions[0].http.as_ref().unwrap().route.text(),
        "{*route}"
    );
    assert!(
        problems(&[("host.json", &host), ("orders/function.json", HTTP)])
            .contains("one or the other")
    );
}

#[test]
fn every_problem_names_its_file() {
    for (function, words) in [
        ("{", "orders/function.json"),
        ("{}", "there is no \"bindings\" array"),
        (r#"{"bindings": []}"#, "no binding is a trigger"),
        (
            r#"{"bindings": [{"type": "httpTrigger"}]}"#,
            "the httpTrigger binding has no name",
        ),
        (r#"{"bindings": [{"name": "x"}]}"#, "a binding has no type"),
        (
            r#"{"bindings": [{"type": "aTrigger", "name": "x"}, {"type": "bTrigger", "name": "y"}]}"#,
            "2 bindings are triggers",
        ),
        (
            r#"{"bindings": [{"type": "aTrigger", "name": "x"}, {"type": "b", "name": "x"}]}"#,
            "two bindings are named x",
        ),
        (
            r#"{"bindings": [{"type": "aTrigger", "name": "x", "direction": "inout"}]}"#,
            "direction \"inout\"",
        ),
        (
            r#"{"bindings": [{"type": "httpTrigger", "name": "x", "authLevel": "root"}]}"#,
            "authLevel is \"root\"",
        ),
        (
            r#"{"bindings": [{"type": "httpTrigger", "name": "x", "route": "a/{b"}]}"#,
            "a brace is not closed",
        ),
        (
            r#"{"bindings": [{"type": "timerTrigger", "name": "x"}], "retry": {"strategy": "fixedDelay", "maxRetryCount": 1}}"#,
            "retry.delayInterval",
        ),
    ] {
        let found = problems(&[("host.json", HOST), ("orders/function.json", function)]);

        assert!(found.contains(words), "{function}: {found}");
        assert!(
            found.contains("orders/function.json"),
            "{function}: {found}"
        );
    }
}

#[test]
fn time_spans_are_read_as_dotnet_spells_them() {
    for (text, seconds) in [
        ("00:05:00", Some(300.0)),
        ("1.00:00:30", Some(86_430.0)),
        ("00:00:00.5", Some(0.5)),
        ("2", Some(172_800.0)),
        ("00:61:00", None),
        ("soon", None),
    ] {
        assert_eq!(
            span::parse(text).map(|span| span.as_secs_f64()),
            seconds,
            "{text}"
        );
    }
}

#[test]
fn what_devhost_sets_is_told_apart_from_what_the_app_has_set() {
    let own = BTreeMap::from([("OWN".to_owned(), "app".to_owned())]);
    let mut settings = Settings::new(own);

    settings.set_default("OWN", "devhost");
    settings.set_default("FILLED", "in");
    settings.set("FORCED", "on");

    assert_eq!(settings.get("OWN"), Some("app"));
    let given = [("FILLED", "in"), ("FORCED", "on")];
    assert_eq!(
        settings.given(),
        given
            .map(|(name, value)| (name.into(), value.into()))
            .into()
    );
}
