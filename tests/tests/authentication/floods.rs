//! Many strangers at once: what they can cause at the login host is bounded, and those with good
//! tokens notice nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use stockade_tests::process::poll;
use stockade_tests::tenant::{Part, Version, now, path};
use stockade_tests::{Handler, Mode, Tenant};

use super::call::{Got, Way, ask};
use super::header::HOSTILE_NAMES;
use super::world::{CLIENT, OURS, SPARE, STRANGER, entries, setup, token_of};

fn tenant_with(kids: &[&str]) -> Tenant {
    let tenant = Tenant::start();
    tenant.publish(Version::V2, OURS, &entries(&tenant, kids));
    tenant
}

/// The handler alone, for these tenants and with this cool-down in seconds.
fn start(tenant: &Tenant, tenants: &str, cooldown: &str) -> Handler {
    let settings = [
        ("STOCKADE__AUTH__TENANTS", tenants),
        ("STOCKADE__AUTH__KEYS_COOLDOWN_SECONDS", cooldown),
    ];
    let setup = setup(tenant, &settings);
    setup.mode(Mode::Forwarding).start_handler()
}

fn metadata() -> String {
    path(Version::V2, OURS, Part::Metadata)
}

/// Sends each token once, from several threads and in both ways, and gives the answers in order.
fn send_all(port: u16, tokens: &[String]) -> Vec<Got> {
    const THREADS: usize = 4;
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::with_capacity(tokens.len()));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let way = [Way::Forwarded, Way::Envelope][thread % 2];
            let (next, answers) = (&next, &answers);
            scope.spawn(move || {
                while let Some((at, token)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    tokens.get(at).map(|token| (at, token))
                } {
                    let got = ask(port, way, token);
                    answers
                        .lock()
                        .expect("no thread fails with it")
                        .push((at, got));
                }
            });
        }
    });
    let mut answers = answers.into_inner().expect("all threads have ended");
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, got)| got).collect()
}

/// Sends forged tokens, and after every fifth a good one, which has to be accepted. Gives what the forged
/// ones got.
fn flood(port: u16, forged: impl Iterator<Item = String>, good: &str) -> Vec<Got> {
    let tokens: Vec<_> = (0..)
        .zip(forged)
        .flat_map(|(at, forged)| [Some(forged), (at % 5 == 0).then(|| good.to_owned())])
        .flatten()
        .collect();
    let answers = send_all(port, &tokens);
    assert_eq!(answers.len(), tokens.len());
    let (good, forged): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .zip(&tokens)
        .partition(|(_, token)| *token == good);
    for (got, _) in good {
        assert!(got.is_accepted(), "{got:?}");
    }
    forged.into_iter().map(|(got, _)| got).collect()
}

#[test]
fn a_thousand_unknown_names_cause_one_fetch_and_good_tokens_are_answered() {
    let tenant = tenant_with(&["ours"]);
    let handler = start(&tenant, OURS, "3600");
    let good = token_of(&tenant).make();
    assert!(ask(handler.port, Way::Forwarded, &good).is_accepted());
    assert_eq!(tenant.count(&metadata()), 1);
    let forged = (0..1000).map(|number| {
        let token = token_of(&tenant).head("kid", format!("flood-{number}"));
        token.signed_by(|_| vec![7; 256]).make()
    });

    let refused = flood(handler.port, forged, &good);

    assert_eq!(refused.len(), 1000);
    assert!(refused.iter().all(|got| got.status == 401), "{refused:?}");
    // One for the start, one for the flood.
    let both = [metadata(), path(Version::V2, OURS, Part::Keys)];
    assert_eq!(tenant.requests(), [both.clone(), both].concat());
}

#[test]
fn a_cooldown_ends_and_the_next_unknown_name_causes_one_fetch_more() {
    let tenant = tenant_with(&["ours"]);
    let handler = start(&tenant, OURS, "1");
    let unknown = token_of(&tenant).head("kid", "nobodys").make();

    for fetches in 2..4 {
        poll("another fetch", || {
            let got = ask(handler.port, Way::Forwarded, &unknown);
            assert_eq!(got.status, 401, "{got:?}");
            (tenant.count(&metadata()) >= fetches).then_some(())
        });
    }
}

#[test]
fn only_a_token_that_claims_to_be_ours_and_alive_causes_a_fetch() {
    let tenant = tenant_with(&["ours"]);
    let handler = start(&tenant, OURS, "0");
    let unknown = || token_of(&tenant).head("kid", "nobodys");
    let before = tenant.requests().len();
    let others = [
        unknown().claim("exp", now() - 60),
        unknown().claim("nbf", now() + 3600),
        unknown().claim("iat", now() + 3600),
        unknown().claim("aud", CLIENT),
        unknown().claim("tid", STRANGER),
        unknown().claim("iss", "https://attacker.example/v2.0"),
        unknown().claim("ver", "1.0"),
        unknown()
            .claim("tid", STRANGER)
            .claim("iss", tenant.issuer(Version::V2, STRANGER)),
        unknown().without("azp"),
        unknown().head("alg", "none"),
        unknown().head("typ", "at+jwt"),
        unknown().head("jku", "https://attacker.example/keys"),
        unknown().also(r#""aud":"x""#),
        unknown().spelled(|token| token + "="),
    ];
    for token in &others {
        for way in [Way::Forwarded, Way::Envelope] {
            let got = ask(handler.port, way, &token.make());
            assert_eq!(got.status, 401, "{token:?}: {got:?}");
        }
    }
    assert_eq!(tenant.requests().len(), before);

    ask(handler.port, Way::Forwarded, &unknown().make());

    assert_eq!(tenant.requests().len(), before + 2, "metadata and keys");
}

#[test]
fn whatever_a_key_is_called_the_same_two_documents_are_asked_for() {
    let tenant = tenant_with(&["ours"]);
    let handler = start(&tenant, OURS, "0");
    let before = tenant.requests();
    for name in HOSTILE_NAMES {
        let token = token_of(&tenant).head("kid", *name).make();
        let fetches = tenant.count(&metadata());
        for way in [Way::Forwarded, Way::Envelope] {
            let got = ask(handler.port, way, &token);
            assert_eq!(got.status, 401, "{name}: {got:?}");
        }
        assert_eq!(
            tenant.count(&metadata()),
            fetches + 2,
            "{name} is looked for"
        );
    }

    let known = [metadata(), path(Version::V2, OURS, Part::Keys)];
    let since = &tenant.requests()[before.len()..];
    assert_eq!(since.len(), HOSTILE_NAMES.len() * 4);
    for target in since {
        assert!(known.contains(target), "{target}");
    }
}

#[test]
fn keys_are_rotated_under_load_and_no_good_token_is_refused() {
    const CALLS: usize = 200;
    let tenant = tenant_with(&["ours"]);
    let handler = start(&tenant, OURS, "1");
    let port = handler.port;
    let old = token_of(&tenant).make();
    let new = token_of(&tenant)
        .head("kid", "spare")
        .signed_with(&SPARE)
        .make();
    let current = Mutex::new(old.clone());
    let sent = AtomicUsize::new(0);
    let unknown = token_of(&tenant).head("kid", "nobodys").make();

    std::thread::scope(|scope| {
        for way in [Way::Forwarded, Way::Envelope, Way::Forwarded, Way::Envelope] {
            let (current, sent) = (&current, &sent);
            scope.spawn(move || {
                for _ in 0..CALLS {
                    let token = current.lock().expect("no thread fails with it").clone();
                    let got = ask(port, way, &token);
                    assert!(got.is_accepted(), "{way:?}: {got:?}");
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let wait_for = |count: usize| {
            poll("calls to be made", || {
                (sent.load(Ordering::Relaxed) >= count).then_some(())
            });
        };

        wait_for(CALLS);
        tenant.publish(Version::V2, OURS, &entries(&tenant, &["ours", "spare"]));
        let token = new.clone();
        *current.lock().expect("no thread fails with it") = token;
        wait_for(2 * CALLS);
        // The old key is still published, so its tokens count.
        assert!(ask(port, Way::Forwarded, &old).is_accepted());
        assert_eq!(
            tenant.count(&metadata()),
            2,
            "one fetch brought the new key"
        );

        tenant.publish(Version::V2, OURS, &entries(&tenant, &["spare"]));
        poll("the old key to be withdrawn", || {
            ask(port, Way::Forwarded, &unknown);
            (!ask(port, Way::Forwarded, &old).is_accepted()).then_some(())
        });
    });

    // It was remembered, and ends with its key all the same.
    for way in [Way::Forwarded, Way::Envelope] {
        let got = ask(port, way, &old);
        assert_eq!(got.status, 401, "{got:?}");
        assert!(ask(port, way, &new).is_accepted());
    }
}

#[test]
fn two_thousand_tenants_out_of_nowhere_cause_a_bounded_number_of_fetches() {
    let tenant = tenant_with(&["ours"]);
    let handler = start(&tenant, "any", "3600");
    let good = token_of(&tenant).make();
    assert!(ask(handler.port, Way::Forwarded, &good).is_accepted());
    let forged = (0..2000).map(|number| {
        let id = format!("d4f80000-1111-4222-8333-{number:012x}");
        let token = token_of(&tenant).claim("tid", id.clone());
        let token = token.claim("iss", tenant.issuer(Version::V2, &id));
        token.signed_by(|_| vec![7; 256]).make()
    });

    let refused = flood(handler.port, forged, &good);

    assert_eq!(refused.len(), 2000);
    for got in refused {
        // A tenant that is not asked for now may exist, so its token may be good.
        assert!(matches!(got.status, 401 | 503), "{got:?}");
    }
    let strangers = tenant
        .requests()
        .into_iter()
        .filter(|target| !target.contains(OURS));
    // 300 new tenants are asked for in a minute, of which a test may see two.
    let fetches = strangers.count();
    assert!((1..=600).contains(&fetches), "{fetches}");
    assert_eq!(tenant.count(&metadata()), 1);
}
