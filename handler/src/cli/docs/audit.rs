//! docs/audit.md: every audit event, and what to ask of them.

use std::fmt::Write as _;

use crate::telemetry::Fields;
use crate::telemetry::audit::{FIELDS, Field, TYPES, Type, example};
use crate::test::{Log, dispatch_to};

use super::MADE;

/// The page.
pub(super) fn page() -> String {
    let mut page = format!("{MADE}\n# Audit trail\n\n{INTRODUCTION}\n## Events\n\n{EVENTS_HEAD}");
    for of_type in &TYPES {
        let Type {
            name,
            level,
            meaning,
            question,
            ..
        } = of_type;
        let _ = writeln!(page, "| `{name}` | `{level}` | {question} | {meaning} |");
    }
    let _ = write!(page, "\n## Fields\n\n{FIELDS_INTRODUCTION}\n{FIELDS_HEAD}");
    for field in &FIELDS {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            field.name,
            field.meaning,
            events_with(field)
        );
    }
    page += "\n## Examples\n\nOne line of each event. The line of `auth.denied` names no caller, since \
             none is known.\n";
    for of_type in &TYPES {
        let _ = write!(page, "\n```json\n{}\n```\n", line(of_type));
    }
    let _ = write!(page, "\n## Questions\n\n{QUESTIONS_INTRODUCTION}");
    for Question { title, query } in &QUESTIONS {
        let _ = write!(page, "\n### {title}\n\n```kusto\n{query}\n```\n");
    }
    page + "\n" + LIMITS
}

/// The events that may have a field.
fn events_with(field: &Field) -> String {
    if field.always {
        return "all".to_owned();
    }
    let names = TYPES
        .iter()
        .filter(|of_type| of_type.fields.contains(&field.name))
        .map(|of_type| format!("`{}`", of_type.name));
    names.collect::<Vec<_>>().join(", ")
}

/// The line of an event, as the app itself writes it; what differs each time is made the same.
fn line(of_type: &Type) -> String {
    let log = Log::default();
    tracing::dispatcher::with_default(&dispatch_to(log.clone(), Fields::declared(&[])), || {
        example(of_type.event);
    });
    let mut line = log.whole().trim_end().to_owned();
    for (before, same) in [
        ("\"timestamp\":\"", "2026-01-31T12:00:00.000Z"),
        ("\"audit.id\":\"", "5e2a7c1e-8d0b-4f6a-9c3d-1b2a3c4d5e6f"),
    ] {
        if let Some(at) = line.find(before) {
            let start = at + before.len();
            line.replace_range(start..start + same.len(), same);
        }
    }
    line
}

/// What a security team asks, and how.
struct Question {
    title: &'static str,
    query: &'static str,
}

const QUESTIONS: [Question; 15] = [
    Question {
        title: "Who was refused, by which rule, and from where?",
        query: r#"traces
| where timestamp > ago(1d)
| where message in ("auth.denied", "access.refused")
| extend d = customDimensions
| summarize refusals = sum(toint(d["count"])), first = min(timestamp), last = max(timestamp)
    by event = message, rule = tostring(d["rule"]), name = tostring(d["function.name"]),
       tenant = tostring(d["principal.tenant_id"]), object = tostring(d["principal.object_id"]),
       address = tostring(d["client.address"])
| order by refusals desc"#,
    },
    Question {
        title: "Who brings tokens of a key that nobody publishes, of a foreign issuer or tenant?",
        query: r#"traces
| where timestamp > ago(7d)
| where message == "auth.denied"
| extend d = customDimensions, rule = tostring(customDimensions["rule"])
| where rule in ("unknown_key", "unusable_key", "signature", "algorithm", "issuer", "tenant")
| summarize tokens = sum(toint(d["count"])) by rule, address = tostring(d["client.address"]), bin(timestamp, 1h)
| order by timestamp desc, tokens desc"#,
    },
    Question {
        title: "Which caller comes from many addresses?",
        query: r#"traces
| where timestamp > ago(1d)
| where message == "auth.succeeded"
| extend d = customDimensions, address = tostring(customDimensions["client.address"])
| where isnotempty(address)
| summarize addresses = dcount(address), calls = sum(toint(d["count"])), some = make_set(address, 20)
    by tenant = tostring(d["principal.tenant_id"]), object = tostring(d["principal.object_id"]), bin(timestamp, 1h)
| where addresses > 3
| order by addresses desc"#,
    },
    Question {
        title: "When did refusals rise above what is usual?",
        query: r#"traces
| where timestamp > ago(7d)
| where message in ("auth.denied", "access.refused")
| make-series refusals = sum(toint(customDimensions["count"])) default = 0 on timestamp step 10m
    by rule = tostring(customDimensions["rule"])
| extend (anomalies, score, usual) = series_decompose_anomalies(refusals, 3)
| mv-expand timestamp to typeof(datetime), refusals to typeof(long), anomalies to typeof(int)
| where anomalies > 0
| project timestamp, rule, refusals"#,
    },
    Question {
        title: "Who probes the validation?",
        query: r#"traces
| where timestamp > ago(1d)
| where message == "input.rejected"
| extend d = customDimensions
| summarize rejections = sum(toint(d["count"])), functions = dcount(tostring(d["function.name"])),
    rules = make_set(tostring(d["rule"]))
    by object = tostring(d["principal.object_id"]), address = tostring(d["client.address"]), bin(timestamp, 10m)
| where rejections > 20
| order by rejections desc"#,
    },
    Question {
        title: "What is in quarantine, and why?",
        query: r#"traces
| where timestamp > ago(7d)
| where message == "event.quarantined"
| extend d = customDimensions
| summarize events = sum(toint(d["count"])), last = max(timestamp), one = take_any(tostring(d["invocation.id"]))
    by name = tostring(d["function.name"]), rule = tostring(d["rule"])"#,
    },
    Question {
        title: "Which secrets were read, failed or ended?",
        query: r#"traces
| where timestamp > ago(7d)
| where message in ("secret.read", "secret.failed", "secret.ended")
| extend d = customDimensions
| project timestamp, message, secret = tostring(d["secret"]), version = tostring(d["version"]),
    reason = tostring(d["reason"]), error = tostring(d["error"]), cloud_RoleInstance
| order by timestamp desc"#,
    },
    Question {
        title: "Which tenants changed their signing keys, and where are none to be had?",
        query: r#"traces
| where timestamp > ago(30d)
| where message in ("keys.changed", "keys.failed")
| extend d = customDimensions
| project timestamp, message, tenant = tostring(d["tenant"]), keys = tostring(d["key.ids"]),
    reason = tostring(d["reason"]), error = tostring(d["error"]), cloud_RoleInstance
| order by timestamp desc"#,
    },
    Question {
        title: "Where does a weakened configuration run?",
        query: r#"traces
| where timestamp > ago(30d)
| where message == "configuration.weak"
| extend d = customDimensions
| summarize starts = sum(toint(d["count"])), last = max(timestamp)
    by cloud_RoleName, setting = tostring(d["setting"]), reason = tostring(d["reason"])"#,
    },
    Question {
        title: "When did the app start and stop, with which version, and why?",
        query: r#"traces
| where timestamp > ago(7d)
| where message in ("app.started", "app.stopped")
| extend d = customDimensions
| project timestamp, message, app = tostring(d["app"]), version = tostring(d["stockade.version"]),
    host = tostring(d["host.version"]), http = tostring(d["http"]), reason = tostring(d["reason"]), cloud_RoleInstance
| order by timestamp desc"#,
    },
    Question {
        title: "Which instances were killed? They started twice without a stop between",
        query: r#"traces
| where timestamp > ago(7d)
| where message in ("app.started", "app.stopped")
| order by cloud_RoleInstance asc, timestamp asc
| where message == "app.started" and prev(message) == "app.started"
    and cloud_RoleInstance == prev(cloud_RoleInstance)
| project timestamp, cloud_RoleInstance, app = tostring(customDimensions["app"])"#,
    },
    Question {
        title: "What did one principal do?",
        query: r#"traces
| where timestamp > ago(30d)
| where isnotempty(customDimensions["audit.id"])
| extend d = customDimensions
| where tostring(d["principal.object_id"]) == "<object id>" and tostring(d["principal.tenant_id"]) == "<tenant id>"
| project timestamp, message, name = tostring(d["function.name"]), rule = tostring(d["rule"]),
    times = toint(d["count"]), client = tostring(d["principal.client_id"]), address = tostring(d["client.address"])
| order by timestamp asc"#,
    },
    Question {
        title: "What came from one address?",
        query: r#"traces
| where timestamp > ago(30d)
| where isnotempty(customDimensions["audit.id"])
| extend d = customDimensions
| where tostring(d["client.address"]) == "<address>"
| project timestamp, message, name = tostring(d["function.name"]), rule = tostring(d["rule"]),
    times = toint(d["count"]), tenant = tostring(d["principal.tenant_id"]), object = tostring(d["principal.object_id"])
| order by timestamp asc"#,
    },
    Question {
        title: "What happened in one invocation?",
        query: r#"traces
| where timestamp > ago(30d)
| where tostring(customDimensions["invocation.id"]) == "<the GUID after urn:uuid:>"
| project timestamp, message, operation_Id, customDimensions
| order by timestamp asc"#,
    },
    Question {
        title: "Is the trail whole? Each event has an id of its own",
        query: r#"traces
| where timestamp > ago(1d)
| where isnotempty(customDimensions["audit.id"])
| extend d = customDimensions
| summarize records = count(), events = dcount(tostring(d["audit.id"])), told = sum(toint(d["count"]))
    by schema = tostring(d["audit.version"]), message, cloud_RoleInstance"#,
    },
];

const INTRODUCTION: &str = "\
Attacks, failures and changes are put on record as audit events: one JSON line each on standard output,
and a record of the same fields wherever telemetry is exported to. They are never sampled.

Of alike events (same event, rule, function, caller and address) the first is told at once; those that
follow within a minute are told as one, with their number in `count`. The room for kinds is bounded:
beyond 1,024 of them new addresses are left out, beyond 2,048 new callers, too, and never a count.

Callers are named by ids alone, and only by ids that have the form of one; no name, no text of a claim,
no header and nothing of a payload has a field. What is put on record where is decided in
[telemetry/audit.rs](../handler/src/telemetry/audit.rs).
";

const EVENTS_HEAD: &str = "\
| event | level | answers | what has happened |
| --- | --- | --- | --- |
";

const FIELDS_INTRODUCTION: &str = "\
`message` is the event's name. An event has of its fields those that are known. A change of the meaning
of a field changes `audit.version`.
";

const FIELDS_HEAD: &str = "| field | what it is | of |\n| --- | --- | --- |\n";

const QUESTIONS_INTRODUCTION: &str = "\
These are for Application Insights, with the table `traces`. In a Log Analytics workspace the same
table is `AppTraces`: read `TimeGenerated` for `timestamp`, `Message` for `message`, `Properties` for
`customDimensions`, `OperationId` for `operation_Id`, `AppRoleName` and `AppRoleInstance` for
`cloud_RoleName` and `cloud_RoleInstance`. Fields become custom dimensions under their own names. Add up
`count` and do not count records, or joined events count as one.
";

const LIMITS: &str = "\
## What it does not tell

- **Addresses that nobody vouches for.** App Service appends the address that connected to it as the last
  entry of `X-Forwarded-For`, and what stands before it is the client's own. With proxies of yours in front
  set `STOCKADE__TELEMETRY__TRUSTED_PROXIES`; with one too few the address is a proxy's, with one too many
  it is the client's to choose. A host that proxies requests writes its own peer over the header, so in that
  mode there is no address.
- **Which invocations were joined.** Only the first of its kind names its invocation. Each invocation has
  its line in the log ([logging.md](logging.md)).
- **What a killed process had counted.** Up to a minute of joined events is lost with a process that is
  killed; the first of each kind is not.
- **Each call of an anonymous function.** There is no caller to name; the line of the invocation tells of it.
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tracing::Level;

    use super::*;

    /// The texts in quotes that follow `before` in a query.
    fn quoted_after<'a>(query: &'a str, before: &str) -> Vec<&'a str> {
        let rest = query.split(before).skip(1);
        rest.filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn each_query_names_only_fields_and_events_that_exist() {
        let fields: BTreeSet<_> = FIELDS.iter().map(|field| field.name).collect();
        let events: BTreeSet<_> = TYPES.iter().map(|of_type| of_type.name).collect();
        for Question { title, query } in &QUESTIONS {
            let mut named = quoted_after(query, "d[\"");
            named.extend(quoted_after(query, "customDimensions[\""));
            let known = |name: &&str| !fields.contains(name);
            assert_eq!(named.iter().copied().find(known), None, "{title}");
            assert!(!named.is_empty(), "{title}");
            let mut told = quoted_after(query, "message == \"");
            for list in query.split("message in (").skip(1) {
                let list = list.split(')').next().unwrap_or_default();
                told.extend(list.split('"').skip(1).step_by(2));
            }
            let unknown = |name: &&str| !events.contains(name);
            assert_eq!(told.iter().copied().find(unknown), None, "{title}");
        }
    }

    #[test]
    fn each_event_is_asked_for_by_some_query() {
        for of_type in &TYPES {
            let asked = QUESTIONS
                .iter()
                .any(|question| question.query.contains(&format!("\"{}\"", of_type.name)));
            assert!(asked, "{}", of_type.name);
        }
    }

    #[test]
    fn each_rule_that_a_query_names_is_one_of_the_denials() {
        let denials = include_str!("../../auth/denial.rs");
        let lists = QUESTIONS
            .iter()
            .flat_map(|question| question.query.split("rule in (").skip(1));
        let rules: Vec<_> = lists
            .filter_map(|list| list.split(')').next())
            .flat_map(|list| list.split('"').skip(1).step_by(2))
            .collect();

        assert!(rules.len() > 3, "{rules:?}");
        for rule in rules {
            assert!(denials.contains(&format!("=> \"{rule}\"")), "{rule}");
        }
    }

    #[test]
    fn each_example_has_exactly_the_fields_of_its_type() {
        for of_type in &TYPES {
            let line: serde_json::Value = serde_json::from_str(&line(of_type)).expect("JSON");
            let line = line.as_object().expect("an object");
            let level = of_type.level.as_str();
            assert_eq!(line["message"], of_type.name);
            assert_eq!(line["level"], level, "{}", of_type.name);
            let always = FIELDS.iter().filter(|field| field.always);
            let own = of_type.fields.iter().copied();
            let mut expected: BTreeSet<_> = own.chain(always.map(|field| field.name)).collect();
            expected.extend(["timestamp", "level", "message"]);
            if of_type.name == "auth.denied" {
                expected.retain(|name| !name.starts_with("principal."));
            }
            let found: BTreeSet<_> = line.keys().map(String::as_str).collect();
            assert_eq!(found, expected, "{}", of_type.name);
            assert!([Level::INFO, Level::WARN].contains(&of_type.level));
        }
    }
}
