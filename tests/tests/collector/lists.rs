//! Nothing leaves that is on no list.

use serde_json::json;

use crate::names;
use crate::rotel::What;
use crate::world::{GOOD, REFUSED, Seen};

/// Everything that a span may tell, beside what the app declares.
const SPAN_ATTRIBUTES: [&str; 14] = [
    "error.type",
    "faas.coldstart",
    "faas.invocation_id",
    "faas.name",
    "faas.trigger",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "messaging.operation.type",
    "messaging.system",
    "microsoft.sample_rate",
    "server.address",
    "stockade.outcome",
    "user.id",
];
#[test]
fn each_thing_names_the_app_and_nothing_is_told_that_is_on_no_list() {
    let seen = Seen::get();

    let allowed = names(&[&SPAN_ATTRIBUTES]);
    for told in &seen.told {
        assert_eq!(json!(told.resource), json!({"service.name": "Str(orders)"}));
        if told.what == What::Span {
            assert!(told.names().is_subset(&allowed), "{told:?}");
        }
    }
    let lines = seen.lines.join("\n");
    assert!(lines.contains(GOOD) && lines.contains(REFUSED));
    for secret in &seen.secrets {
        assert!(!lines.contains(secret), "{secret}");
    }
}
