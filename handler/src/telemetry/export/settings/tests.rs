use std::collections::BTreeMap;

use super::*;

const KEY: &str = "InstrumentationKey=11111111-2222-3333-4444-555555555555";

/// What is wrong, the name that is told, and the settings.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

type Settings = BTreeMap<String, String>;

fn settings(rows: &[(&str, &str)]) -> Settings {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    rows.iter().map(own).collect()
}

fn read(rows: &[(&str, &str)]) -> (Option<TelemetrySettings>, Problems) {
    let mut problems = Problems::new();
    let read = TelemetrySettings::read("orders", &settings(rows), &mut problems);
    (read, problems)
}

fn accepted(rows: &[(&str, &str)]) -> TelemetrySettings {
    let (read, problems) = read(rows);
    assert!(problems.is_empty(), "{problems}");
    read.expect("an exporter")
}

/// Beside a connection string.
fn with(rows: &[(&str, &str)]) -> TelemetrySettings {
    let all = [&[(connection::CONNECTION_STRING, KEY)], rows].concat();
    accepted(&all)
}

#[test]
fn without_an_exporter_there_is_nothing() {
    for rows in [
        &[][..],
        &[(connection::CONNECTION_STRING, " ")],
        &[(OTLP_ENDPOINT, "")],
        &[(OTLP_PROTOCOL, "grpc")],
        &[(connection::CONNECTION_STRING, KEY), (DISABLED, "TRUE")],
    ] {
        let (read, problems) = read(rows);
        assert!(
            read.is_none() && problems.is_empty(),
            "{rows:?}: {problems}"
        );
    }
}

#[test]
fn defaults_are_what_the_docs_say() {
    let settings = with(&[]);

    let batches = Batches {
        every: Duration::from_secs(1),
        queue: 2048,
        size: 512,
    };
    assert_eq!((settings.spans, settings.logs), (batches, batches));
    assert_eq!(settings.metrics_every, Duration::from_secs(60));
    assert_eq!(
        settings.resource,
        [("service.name".to_owned(), "orders".to_owned())]
    );
    assert!(matches!(settings.sampler, Sampler::PerSecond(_)));
    assert!(settings.otlp.is_none());
    assert_eq!(settings.weakness(), Some(Weakness::NoIdentity));
}

#[test]
fn each_signal_has_its_address() {
    let rows = [
        (OTLP_ENDPOINT, "https://collector.example/azure/"),
        (OTLP_LOGS, "http://127.0.0.1:4318/own"),
    ];
    let otlp = accepted(&rows).otlp.expect("a collector");

    let text = |url: &Option<Url>| url.as_ref().map(ToString::to_string);
    assert_eq!(
        text(&otlp.traces).as_deref(),
        Some("https://collector.example/azure/v1/traces")
    );
    assert_eq!(
        text(&otlp.metrics).as_deref(),
        Some("https://collector.example/azure/v1/metrics")
    );
    assert_eq!(
        text(&otlp.logs).as_deref(),
        Some("http://127.0.0.1:4318/own")
    );

    let traces = [(OTLP_TRACES, "https://collector.example/t")];
    let otlp = accepted(&traces).otlp.expect("a collector");
    assert!(otlp.metrics.is_none() && otlp.logs.is_none());
}

#[test]
fn headers_are_decoded_and_hidden() {
    let rows = [
        (OTLP_ENDPOINT, "https://collector.example"),
        (OTLP_HEADERS, "x-key = a%20b%3D , tenant=t"),
    ];
    let otlp = accepted(&rows).otlp.expect("a collector");

    assert_eq!(otlp.headers["x-key"], "a b=");
    assert_eq!(otlp.headers["tenant"], "t");
    assert!(!format!("{otlp:?}").contains("a b="));
}

#[test]
fn the_service_has_the_first_name_that_is_there() {
    let name = |rows: &[(&str, &str)]| {
        let resource = with(rows).resource;
        let names: Vec<_> = resource
            .into_iter()
            .filter(|(name, _)| name == "service.name")
            .collect();
        assert_eq!(names.len(), 1, "{rows:?}");
        names[0].1.clone()
    };
    let site = ("WEBSITE_SITE_NAME", "site");
    let attribute = (RESOURCE_ATTRIBUTES, "service.name=attribute,team=a");
    let own = (SERVICE_NAME, "own");

    assert_eq!(name(&[site]), "site");
    assert_eq!(name(&[site, attribute]), "attribute");
    assert_eq!(name(&[site, attribute, own]), "own");
}

#[test]
fn samplers_are_known_by_their_standard_names() {
    let sampler = |name, argument: &'static str| {
        let argument = Some((SAMPLER_ARG, argument)).filter(|(_, text)| !text.is_empty());
        let rows: Vec<_> = [(SAMPLER, name)].into_iter().chain(argument).collect();
        format!("{:?}", with(&rows).sampler)
    };

    assert_eq!(sampler("always_on", ""), "Always");
    assert_eq!(sampler("parentbased_always_off", ""), "Never");
    assert_eq!(sampler("ParentBased_TraceIdRatio", "0.25"), "Share(0.25)");
    assert_eq!(sampler("traceidratio", ""), "Always");
    assert_eq!(sampler("microsoft.fixed_percentage", "0.1"), "Share(0.1)");
    assert!(sampler("microsoft.rate_limited", "2.5").contains("wanted: 3"));
    assert!(format!("{:?}", with(&[(SAMPLER_ARG, "7")]).sampler).contains("wanted: 7"));
}

#[test]
fn everything_wrong_is_told_at_once_and_no_value_of_it() {
    let collector = (OTLP_ENDPOINT, "https://collector.example");
    let rows: &[Row<'_>] = &[
        (
            "key",
            connection::CONNECTION_STRING,
            &[(connection::CONNECTION_STRING, "s3cret")],
        ),
        (
            "sign-in",
            connection::AUTHENTICATION_STRING,
            &[
                (connection::CONNECTION_STRING, KEY),
                (connection::AUTHENTICATION_STRING, "s3cret"),
            ],
        ),
        (
            "http",
            OTLP_ENDPOINT,
            &[(OTLP_ENDPOINT, "http://s3cret.example")],
        ),
        (
            "user",
            OTLP_ENDPOINT,
            &[(OTLP_ENDPOINT, "https://s3cret:s3cret@a.example")],
        ),
        ("no address", OTLP_TRACES, &[(OTLP_TRACES, "s3cret")]),
        ("grpc", OTLP_PROTOCOL, &[collector, (OTLP_PROTOCOL, "grpc")]),
        (
            "gzip",
            OTLP_COMPRESSION,
            &[collector, (OTLP_COMPRESSION, "gzip")],
        ),
        (
            "header",
            OTLP_HEADERS,
            &[collector, (OTLP_HEADERS, "s3cret")],
        ),
        (
            "header name",
            OTLP_HEADERS,
            &[collector, (OTLP_HEADERS, "s 3=cret")],
        ),
        (
            "header value",
            OTLP_HEADERS,
            &[collector, (OTLP_HEADERS, "a=%0as3cret")],
        ),
        (
            "half a byte",
            OTLP_HEADERS,
            &[collector, (OTLP_HEADERS, "a=s3cret%a")],
        ),
        (
            "temporality",
            OTLP_TEMPORALITY,
            &[collector, (OTLP_TEMPORALITY, "s3cret")],
        ),
        (
            "attributes",
            RESOURCE_ATTRIBUTES,
            &[collector, (RESOURCE_ATTRIBUTES, "s3cret")],
        ),
        ("sampler", SAMPLER, &[collector, (SAMPLER, "s3cret")]),
        (
            "share",
            SAMPLER_ARG,
            &[collector, (SAMPLER, "traceidratio"), (SAMPLER_ARG, "1.5")],
        ),
        ("rate", SAMPLER_ARG, &[collector, (SAMPLER_ARG, "s3cret")]),
        ("delay", SPANS.every, &[collector, (SPANS.every, "-1")]),
        ("queue", LOGS.queue, &[collector, (LOGS.queue, "0")]),
        (
            "batch",
            SPANS.size,
            &[collector, (SPANS.queue, "10"), (SPANS.size, "11")],
        ),
        (
            "interval",
            METRIC_INTERVAL,
            &[collector, (METRIC_INTERVAL, "1")],
        ),
    ];
    for (row, name, settings) in rows {
        let (_, problems) = read(settings);
        let names: Vec<_> = problems
            .iter()
            .map(crate::settings::Problem::name)
            .collect();
        assert_eq!(names, [*name], "{row}");
        assert!(
            !problems.to_string().contains("s3cret"),
            "{row}: {problems}"
        );
    }

    let (_, problems) = read(&[
        (connection::CONNECTION_STRING, "wrong"),
        collector,
        (SAMPLER, "wrong"),
        (LOGS.size, "wrong"),
    ]);
    assert_eq!(problems.iter().count(), 3);
}

#[test]
fn every_name_stands_in_the_docs() {
    let names = [
        connection::CONNECTION_STRING,
        connection::AUTHENTICATION_STRING,
        DISABLED,
        OTLP_ENDPOINT,
        OTLP_TRACES,
        OTLP_METRICS,
        OTLP_LOGS,
        OTLP_HEADERS,
        OTLP_PROTOCOL,
        OTLP_COMPRESSION,
        OTLP_TEMPORALITY,
        SERVICE_NAME,
        RESOURCE_ATTRIBUTES,
        SAMPLER,
        SAMPLER_ARG,
        METRIC_INTERVAL,
        SPANS.every,
        SPANS.queue,
        SPANS.size,
        LOGS.every,
        LOGS.queue,
        LOGS.size,
    ];
    for name in names {
        let listed = crate::settings::STANDARD.iter().any(|row| row.name == name);
        assert!(listed, "{name}");
    }
    assert_eq!(names.len(), crate::settings::STANDARD.len());
}
