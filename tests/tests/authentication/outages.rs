//! A login host that answers badly: an app without keys says so and recovers by itself, and an app
//! with keys goes on with them.

use std::sync::Mutex;

use stockade_tests::process::poll;
use stockade_tests::tenant::{Part, Reply, Version, now, path};
use stockade_tests::{Handler, Mode, Tenant};

use super::call::{Way, ask};
use super::faults::{Fault, faults};
use super::table::expected;
use super::world::{OURS, SPARE, entries, setup, token_of};

/// A login host, and another that would serve the same if it were asked.
struct Scene {
    tenant: Tenant,
    elsewhere: Tenant,
}

impl Scene {
    fn new() -> Self {
        let (tenant, elsewhere) = (Tenant::start(), Tenant::start());
        for host in [&tenant, &elsewhere] {
            host.publish(Version::V2, OURS, &entries(&tenant, &["ours"]));
        }
        Self { tenant, elsewhere }
    }

    /// The handler alone, for one tenant.
    fn start(&self, settings: &[(&str, &str)]) -> Handler {
        let one = [("STOCKADE__AUTH__TENANTS", OURS)];
        let all: Vec<_> = one.iter().chain(settings).copied().collect();
        let setup = setup(&self.tenant, &all);
        setup.mode(Mode::Forwarding).start_handler()
    }

    fn good(&self) -> String {
        token_of(&self.tenant).make()
    }

    fn expired(&self) -> String {
        token_of(&self.tenant).claim("exp", now() - 60).make()
    }

    fn with_unknown_key(&self) -> String {
        let token = token_of(&self.tenant).head("kid", "hostile-name");
        token.make()
    }

    fn asked_for_metadata(&self) -> usize {
        self.tenant.count(&path(Version::V2, OURS, Part::Metadata))
    }

    /// Puts a fault in the place of what it is a fault of.
    fn break_by(&self, fault: &Fault) {
        let place = path(Version::V2, OURS, fault.part);
        let good = self.tenant.reply(&place).expect("it is published");
        let Reply::Document(good) = good else {
            panic!("{}: broken already", fault.name);
        };
        // Where a redirect within the login host would lead.
        self.tenant.answer(COPY, Reply::Document(good.clone()));
        let reply = (fault.reply)(&self.tenant, &self.elsewhere, &good);
        assert_ne!(reply, Reply::Document(good), "{} is no fault", fault.name);
        self.tenant.answer(&place, reply);
    }

    fn mend(&self) {
        self.tenant
            .publish(Version::V2, OURS, &entries(&self.tenant, &["ours"]));
    }

    /// Nobody was led away from the login host's own documents.
    fn nobody_was_led_astray(&self, fault: &Fault) {
        assert_eq!(
            self.elsewhere.requests(),
            Vec::<String>::new(),
            "{}",
            fault.name
        );
        assert_eq!(self.tenant.count(COPY), 0, "{}", fault.name);
    }
}

/// Where [`faults`] redirect to within the login host.
pub(crate) const COPY: &str = "/copy";

const WAYS: [Way; 2] = [Way::Forwarded, Way::Envelope];

/// A 503 that says when to come back, and no challenge: the token may be good.
fn is_later(handler: &Handler, token: &str, name: &str) {
    for way in WAYS {
        let got = ask(handler.port, way, token);
        assert_eq!(got.status, 503, "{name} ({way:?}): {got:?}");
        let seconds: Option<u64> = got.header("retry-after").and_then(|text| text.parse().ok());
        assert!(
            seconds.is_some_and(|seconds| seconds > 0),
            "{name} ({way:?}): {got:?}"
        );
        assert_eq!(got.header("www-authenticate"), None, "{name} ({way:?})");
        let (problem, id) = got.problem().expect("a problem document");
        assert_eq!(problem["status"], 503, "{name} ({way:?})");
        let line = handler.wait_for_line("the refusal", |line| {
            line.invocation_id() == id && line.outcome().is_some()
        });
        assert_eq!(line.text("rule"), "keys_unavailable", "{name} ({way:?})");
    }
}

fn is_accepted(handler: &Handler, token: &str, name: &str) {
    for way in WAYS {
        let got = ask(handler.port, way, token);
        assert!(got.is_accepted(), "{name} ({way:?}): {got:?}");
    }
}

fn is_refused(handler: &Handler, token: &str, rule: &str, name: &str) {
    for way in WAYS {
        let got = ask(handler.port, way, token);
        let (status, challenge) = expected(rule, got.function);
        assert_eq!(got.status, status, "{name} ({way:?}): {got:?}");
        let told = got.header("www-authenticate");
        assert_eq!(told, Some(&*challenge), "{name} ({way:?})");
        let (_, id) = got.problem().expect("a problem document");
        let line = handler.wait_for_line("the refusal", |line| {
            line.invocation_id() == id && line.outcome().is_some()
        });
        assert_eq!(line.text("rule"), rule, "{name} ({way:?})");
    }
}

fn recovers(handler: &Handler, token: &str, name: &str) {
    poll(&format!("{name} to be over"), || {
        ask(handler.port, Way::Forwarded, token)
            .is_accepted()
            .then_some(())
    });
    is_accepted(handler, token, name);
}

#[test]
fn an_app_that_starts_without_its_tenant_says_so_and_recovers_by_itself() {
    let tenant = Tenant::closed();
    let elsewhere = Tenant::closed();
    tenant.publish(Version::V2, OURS, &entries(&tenant, &["ours"]));
    let scene = Scene { tenant, elsewhere };
    let handler = scene.start(&[]);
    let name = "a connection that is refused";

    is_later(&handler, &scene.good(), name);
    is_refused(&handler, &scene.expired(), "expired", name);
    assert_eq!(scene.tenant.requests(), Vec::<String>::new());

    scene.tenant.open();
    recovers(&handler, &scene.good(), name);
    is_refused(&handler, &scene.expired(), "expired", name);
}

#[test]
fn whatever_a_login_host_answers_at_the_start_is_no_key_until_it_is_a_good_one() {
    let all = faults();
    let work = Mutex::new(all.iter());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = work.lock().expect("no thread fails with it").next();
                    let Some(fault) = next else { return };
                    starts_with(fault);
                }
            });
        }
    });
}

/// Most of them only wait.
const AT_ONCE: usize = 8;

fn starts_with(fault: &Fault) {
    let scene = Scene::new();
    scene.break_by(fault);
    let handler = scene.start(&[]);

    is_later(&handler, &scene.good(), &fault.name);
    is_refused(&handler, &scene.expired(), "expired", &fault.name);
    assert!(scene.asked_for_metadata() > 0, "{}", fault.name);
    scene.nobody_was_led_astray(fault);

    scene.mend();
    recovers(&handler, &scene.good(), &fault.name);
}

#[test]
fn whatever_a_login_host_answers_later_the_known_keys_go_on_serving() {
    let scene = Scene::new();
    // Every unknown name causes a fetch here, so each fault is met.
    let handler = scene.start(&[("STOCKADE__AUTH__KEYS_COOLDOWN_SECONDS", "0")]);
    let good = scene.good();
    is_accepted(&handler, &good, "no fault");

    for fault in faults() {
        scene.break_by(&fault);
        let before = scene.asked_for_metadata();
        let got = ask(handler.port, Way::Forwarded, &scene.with_unknown_key());
        assert_eq!(got.status, 401, "{}: {got:?}", fault.name);
        assert!(
            scene.asked_for_metadata() > before,
            "{} was not met",
            fault.name
        );
        is_accepted(&handler, &good, &fault.name);
        is_accepted(&handler, &scene.good(), &fault.name);
        scene.nobody_was_led_astray(&fault);
        scene.mend();
    }
    scene.tenant.answer_everything(Reply::Reset);
    is_refused(
        &handler,
        &scene.with_unknown_key(),
        "unknown_key",
        "an outage",
    );
    is_accepted(&handler, &scene.good(), "an outage");
    scene.tenant.recover();

    let new = token_of(&scene.tenant)
        .head("kid", "spare")
        .signed_with(&SPARE)
        .make();
    is_refused(&handler, &new, "unknown_key", "before it is published");
    let both = entries(&scene.tenant, &["ours", "spare"]);
    scene.tenant.publish(Version::V2, OURS, &both);
    is_accepted(&handler, &new, "after all that");
    is_accepted(&handler, &good, "after all that");
}
