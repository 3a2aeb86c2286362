//! Everything that can be wrong with what a login host answers.

use serde_json::{Value, json};
use stockade_tests::Tenant;
use stockade_tests::tenant::{Numbers, Part, Reply, Version, jwk, path};

use super::outages::COPY;
use super::world::{KEY, OURS, SISTER, STRANGERS};

/// One thing that is wrong with one document.
pub(crate) struct Fault {
    pub(crate) name: String,
    pub(crate) part: Part,
    /// Made from the login host, another that has the same documents, and the good document.
    pub(crate) reply: Answer,
}

type Answer = Box<dyn Fn(&Tenant, &Tenant, &str) -> Reply + Send + Sync>;

fn fault(
    part: Part,
    name: &str,
    reply: impl Fn(&Tenant, &Tenant, &str) -> Reply + Send + Sync + 'static,
) -> Fault {
    Fault {
        name: format!("{part:?}: {name}"),
        part,
        reply: Box::new(reply),
    }
}

/// A document in place of the good one.
fn written(part: Part, name: &str, write: fn(&str) -> String) -> Fault {
    fault(part, name, move |_, _, good| Reply::Document(write(good)))
}

/// The good document with a member set.
fn with(
    part: Part,
    name: &str,
    member: &'static str,
    value: fn(&Tenant, &Tenant) -> Value,
) -> Fault {
    fault(part, name, move |tenant, elsewhere, good| {
        let mut document: Value = serde_json::from_str(good).expect("the good one is JSON");
        document[member] = value(tenant, elsewhere);
        Reply::Document(document.to_string())
    })
}

/// All of them.
pub(crate) fn faults() -> Vec<Fault> {
    let of_each = [Part::Metadata, Part::Keys].into_iter().flat_map(of_either);
    of_each.chain(of_metadata()).chain(of_keys()).collect()
}

fn of_either(part: Part) -> Vec<Fault> {
    let status = |status: u16| {
        let name = format!("the status {status}");
        fault(part, &name, move |_, _, _| Reply::Status(status))
    };
    vec![
        fault(part, "a connection that is reset", |_, _, _| Reply::Reset),
        fault(part, "silence", |_, _, _| Reply::Silence),
        fault(part, "a byte at a time", |_, _, good| {
            Reply::Trickle(good.to_owned())
        }),
        status(204),
        status(400),
        status(404),
        status(429),
        status(500),
        status(503),
        fault(part, "a redirect to itself", |tenant, _, _| {
            Reply::Redirect(format!("{}{COPY}", tenant.origin()))
        }),
        fault(part, "a redirect by path", |_, _, _| {
            Reply::Redirect(COPY.to_owned())
        }),
        fault(
            part,
            "a redirect to another host",
            move |_, elsewhere, _| {
                let place = path(Version::V2, OURS, part);
                Reply::Redirect(format!("{}{place}", elsewhere.origin()))
            },
        ),
        fault(part, "64 megabytes with a length", |_, _, _| Reply::Huge {
            has_length: true,
        }),
        fault(part, "64 megabytes without a length", |_, _, _| {
            Reply::Huge { has_length: false }
        }),
        written(part, "more than a megabyte around it", |good| {
            " ".repeat(1 << 20) + good
        }),
        written(part, "nothing", |_| String::new()),
        written(part, "a page", |_| {
            "<html><body>Sign in</body></html>".to_owned()
        }),
        written(part, "null", |_| "null".to_owned()),
        written(part, "an empty object", |_| "{}".to_owned()),
        written(part, "a list", |good| format!("[{good}]")),
        written(part, "its first half", |good| {
            good[..good.len() / 2].to_owned()
        }),
        written(part, "something after it", |good| format!("{good}x")),
        written(part, "a byte order mark before it", |good| {
            format!("\u{feff}{good}")
        }),
        written(part, "a member twice", |good| {
            good.replacen('{', r#"{"x":1,"x":2,"#, 1)
        }),
        written(part, "a member that decides twice", |good| {
            let last = good.rfind('}').expect("an object");
            let (issuer, keys) = (r#""issuer":"https://attacker.example""#, r#""keys":[]"#);
            format!("{},{issuer},{issuer},{keys},{keys}}}", &good[..last])
        }),
        written(part, "nested without end", |good| {
            let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
            good.replacen('{', &format!(r#"{{"x":{deep},"#), 1)
        }),
    ]
}

fn of_metadata() -> Vec<Fault> {
    let issuer = |name: &str, value: fn(&Tenant, &Tenant) -> Value| {
        with(Part::Metadata, name, "issuer", value)
    };
    let keys = |name: &str, value: fn(&Tenant, &Tenant) -> Value| {
        with(Part::Metadata, name, "jwks_uri", value)
    };
    let own = |tenant: &Tenant| path_of(tenant, "http");
    vec![
        issuer("the issuer of another tenant", |tenant, _| {
            json!(tenant.issuer(Version::V2, SISTER))
        }),
        issuer("the issuer as a template", |tenant, _| {
            json!(tenant.issuer(Version::V2, "{tenantid}"))
        }),
        issuer("the issuer of v1", |tenant, _| {
            json!(tenant.issuer(Version::V1, OURS))
        }),
        issuer("the issuer of another host", |_, elsewhere| {
            json!(elsewhere.issuer(Version::V2, OURS))
        }),
        issuer("the issuer with a slash", |tenant, _| {
            json!(format!("{}/", tenant.issuer(Version::V2, OURS)))
        }),
        issuer("an issuer that is a list", |tenant, _| {
            json!([tenant.issuer(Version::V2, OURS)])
        }),
        issuer("no issuer", |_, _| Value::Null),
        keys("keys on another host", |_, elsewhere| {
            json!(path_of(elsewhere, "http"))
        }),
        keys("keys by https", |tenant, _| json!(path_of(tenant, "https"))),
        keys("keys on the host by name", move |tenant, _| {
            json!(path_of(tenant, "http").replace("127.0.0.1", "localhost"))
        }),
        keys("keys behind a user", move |tenant, _| {
            json!(path_of(tenant, "http").replacen("http://", "http://user@", 1))
        }),
        keys("keys by a path", |_, _| {
            json!(path(Version::V2, OURS, Part::Keys))
        }),
        keys("keys in a file", |_, _| json!("file:///etc/hosts")),
        keys("keys in the address itself", |_, _| {
            json!("data:application/json,{\"keys\":[]}")
        }),
        keys("keys nowhere", |_, _| Value::Null),
        fault(
            Part::Metadata,
            "keys in several places",
            move |tenant, _, good| {
                let mut document: Value = serde_json::from_str(good).expect("the good one is JSON");
                document["jwks_uri"] = json!([own(tenant)]);
                Reply::Document(document.to_string())
            },
        ),
    ]
}

fn path_of(tenant: &Tenant, scheme: &str) -> String {
    let keys = path(Version::V2, OURS, Part::Keys);
    tenant.origin().replacen("http", scheme, 1) + &keys
}

fn of_keys() -> Vec<Fault> {
    let set =
        |name: &str, value: fn(&Tenant, &Tenant) -> Value| with(Part::Keys, name, "keys", value);
    vec![
        set("no key", |_, _| json!([])),
        set("an object of keys", |_, _| json!({})),
        set("null", |_, _| Value::Null),
        set("keys of another tenant", |tenant, _| {
            let issuer = tenant.issuer(Version::V2, SISTER);
            json!([jwk("ours", STRANGERS.numbers(), &issuer)])
        }),
        set("keys of nobody", |tenant, _| {
            let mut key = jwk("ours", KEY.numbers(), &tenant.issuer(Version::V2, OURS));
            key["issuer"] = Value::Null;
            json!([key])
        }),
        set("keys for encryption", |tenant, _| {
            let mut key = jwk("ours", KEY.numbers(), &tenant.issuer(Version::V2, OURS));
            key["use"] = json!("enc");
            json!([key])
        }),
        set("keys that are too short", |tenant, _| {
            let issuer = tenant.issuer(Version::V2, OURS);
            json!([jwk("ours", &Numbers::generate(512, 65537), &issuer)])
        }),
        set(
            "keys that are none",
            |_, _| json!([null, 7, "ours", [], {}]),
        ),
    ]
}
