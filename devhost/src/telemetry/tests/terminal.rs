use std::time::Duration;

use tokio::time::Instant;

use crate::log::Severity;
use crate::telemetry::show::Line;

use super::*;

async fn lines(telemetry: &Telemetry) -> Vec<Line> {
    tokio::time::advance(Duration::from_secs(2)).await;
    telemetry.lock().next_lines(Instant::now(), "the page")
}

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_invocation_is_drawn_with_what_it_did_and_what_was_wrong() {
    let telemetry = telemetry();
    let outputs = Span {
        span_id: bytes_of("00f067aa0ba902b8"),
        name: "outputs".to_owned(),
        start_time_unix_nano: BEGAN + 2_456_789,
        end_time_unix_nano: BEGAN + 2_500_000,
        ..child_span()
    };
    let inner = Span {
        span_id: bytes_of("00f067aa0ba902b9"),
        parent_span_id: bytes_of(CHILD),
        name: "keys".to_owned(),
        ..child_span()
    };
    export(&telemetry, vec![outputs, inner, child_span(), root_span()]).await;
    let info = || {
        let mut info = message("all is well", &json!({}));
        info["data"]["baseData"]["severityLevel"] = 1.into();
        info
    };
    track(&telemetry, &json!([message("slow", &json!({})), info()])).await;

    let lines = lines(&telemetry).await;

    assert_eq!(
        texts(&lines),
        [
            "create-order  2.5 ms  denied: missing_token  trace 0af7651916cd43dd8448eb211c80…",
            "├─ WARN slow",
            "├─ authentication  1.0 ms",
            "│  └─ keys  1.0 ms",
            "└─ outputs  43 µs",
        ]
    );
    assert_eq!(lines[0].severity, Severity::Warning);
    assert_eq!(lines[2].severity, Severity::Information);
}

#[tokio::test(start_paused = true)]
async fn an_invocation_is_shown_once_and_only_when_it_is_quiet() {
    let telemetry = telemetry();
    export(&telemetry, vec![root_span()]).await;
    let at_once = telemetry.lock().next_lines(Instant::now(), "the page");
    assert_eq!(at_once, []);

    assert_eq!(lines(&telemetry).await.len(), 1);
    track(&telemetry, &json!([request()])).await;
    assert_eq!(lines(&telemetry).await, []);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_are_told_by_their_number_and_bad_ends_come_first() {
    let telemetry = telemetry();
    let numbered = |number: u64| Span {
        trace_id: bytes_of(&format!("{:032x}", number + 1)),
        name: format!("function-{number}"),
        attributes: match number {
            7 => vec![attribute("stockade.outcome", "failed")],
            _ => Vec::new(),
        },
        ..root_span()
    };
    export(&telemetry, (0..3000).map(numbered).collect()).await;

    let lines = lines(&telemetry).await;

    // The oldest of those that wait are given up for newer ones, the seventh among them.
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[5].text, "… and 2995 more; see the page");

    let telemetry = self::telemetry();
    export(&telemetry, (0..10).map(numbered).collect()).await;
    let lines = self::lines(&telemetry).await;
    assert!(
        lines[0].text.starts_with("function-7  2.5 ms  failed"),
        "{lines:?}"
    );
    assert_eq!(lines[5].text, "… and 5 more; see the page");
}

#[tokio::test(start_paused = true)]
async fn no_text_moves_the_cursor_or_is_wider_than_the_terminal() {
    let nasty = "\u{1b}[2J\r\n\u{202e}\u{85}\u{7f}\u{2028}";
    for name in [
        "x".repeat(500),
        "語".repeat(300),
        nasty.repeat(50),
        String::new(),
    ] {
        let telemetry = telemetry();
        let named = |span: Span| Span {
            name: name.clone(),
            attributes: vec![
                attribute("stockade.outcome", &name),
                attribute("error.type", &name),
            ],
            ..span
        };
        export(&telemetry, vec![named(root_span()), named(child_span())]).await;
        track(&telemetry, &json!([message(&name, &json!({}))])).await;

        let lines = lines(&telemetry).await;

        assert!(lines.len() >= 3, "{lines:?}");
        for Line { text, .. } in lines {
            assert!(!text.chars().any(char::is_control), "{text:?}");
            assert!(!text.contains(['\u{202e}', '\u{2028}']), "{text:?}");
            let wide = text.chars().filter(|c| *c == '語').count();
            assert!(text.chars().count() + wide <= 80, "{text:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_trace_of_any_shape_is_drawn_within_a_bound() {
    let telemetry = telemetry();
    let chain = (0..200_u64).map(|number| Span {
        span_id: (number + 2).to_be_bytes().to_vec(),
        parent_span_id: (number + 1).to_be_bytes().to_vec(),
        ..child_span()
    });
    let wide = (300..500_u64).map(|number| Span {
        span_id: number.to_be_bytes().to_vec(),
        parent_span_id: 1_u64.to_be_bytes().to_vec(),
        ..child_span()
    });
    let root = Span {
        span_id: 1_u64.to_be_bytes().to_vec(),
        // Its own child.
        parent_span_id: 1_u64.to_be_bytes().to_vec(),
        ..root_span()
    };
    export(&telemetry, chain.chain(wide).chain([root]).collect()).await;

    let lines = lines(&telemetry).await;

    assert_eq!(lines.len(), 41);
    assert!(lines[40].text.starts_with("… and "), "{}", lines[40].text);
}
