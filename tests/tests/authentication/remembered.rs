//! Tokens that were accepted before: nothing about them is taken for granted but the signature.

use stockade_tests::Mode;
use stockade_tests::process::poll;
use stockade_tests::tenant::now;

use super::call::{Call, Way, ask};
use super::change::{claim, good};
use super::table::{accepting, check};
use super::world::{OURS, setup, tenant, token_of, two_tenants};

/// A call with a token that is made already.
fn with(token: &str) -> Call {
    let token = token.to_owned();
    good().token(|draft| draft.spelled(move |_| token.clone()))
}

/// A token, once it was accepted so often that it is remembered.
fn remembered(call: &Call, way: Way) -> String {
    let token = call.send(way).token;
    for _ in 0..3 {
        let got = with(&token).send(way);
        assert!(got.is_accepted(), "{got:?}");
    }
    token
}

#[test]
fn a_token_that_was_accepted_is_remembered_to_the_last_bit() {
    for way in Way::ALL {
        let token = remembered(&good(), way);
        // 256 bytes leave four bits in the last character, so it is one of four.
        for (from_the_end, characters) in [(1, "AQ"), (2, "AB"), (100, "AB")] {
            let mut changed = token.clone().into_bytes();
            let at = changed.len() - from_the_end;
            let mut others = characters.bytes().filter(|other| *other != changed[at]);
            changed[at] = others.next().expect("there are two");
            let changed = String::from_utf8(changed).expect("it is ASCII");
            let token = token.clone();
            check(
                two_tenants(),
                &[
                    accepting("a remembered token", move || with(&token)).but_not(
                        "with one character changed",
                        "signature",
                        move |_| with(&changed),
                    ),
                ],
            );
        }
    }
}

#[test]
fn what_a_remembered_token_allows_is_asked_each_time() {
    let reads = remembered(
        &claim("scp", "Orders.Read")(good()).reading(),
        Way::Forwarded,
    );
    let writes = claim("scp", "Orders.Write");
    check(
        two_tenants(),
        &[accepting("a token that writes", move || writes(good()))
            .but_not(
                "one that was remembered for reading",
                "missing_permission",
                move |_| with(&reads),
            )
            .only(&[Way::Envelope])],
    );
}

#[test]
fn a_remembered_token_ends_with_its_time() {
    let settings = [
        ("STOCKADE__AUTH__TENANTS", OURS),
        ("STOCKADE__AUTH__CLOCK_SKEW_SECONDS", "0"),
    ];
    let setup = setup(tenant(), &settings).mode(Mode::Forwarding);
    let handler = setup.start_handler();
    let longer = token_of(tenant()).make();
    let token = token_of(tenant()).claim("exp", now() + 12).make();
    for _ in 0..3 {
        let got = ask(handler.port, Way::Forwarded, &token);
        assert!(got.is_accepted(), "{got:?}");
    }

    let refused = poll("the end of the token", || {
        let got = ask(handler.port, Way::Forwarded, &token);
        (!got.is_accepted()).then_some(got)
    });

    assert_eq!(refused.status, 401, "{refused:?}");
    let (_, id) = refused.problem().expect("a problem document");
    let line = handler.wait_for_line("the refusal", |line| {
        line.invocation_id() == id && line.outcome().is_some()
    });
    assert_eq!(line.text("rule"), "expired");
    assert!(ask(handler.port, Way::Forwarded, &longer).is_accepted());
}
