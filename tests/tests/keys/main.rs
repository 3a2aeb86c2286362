//! Keys that stay in the vault, and certificates with a key that does not, from outside: the app behind
//! devhost, whose vault publishes the public halves, and a partner who asks for a client certificate.

mod certificates;
mod partner;
mod uses;
mod vault;

use stockade_tests::{Answer, App, Host, Setup};

fn setup() -> Setup {
    Setup::of(App::Gallery("keyed"))
}

/// What the log says of an invocation that did not succeed.
fn error_of(host: &Host, answer: &Answer) -> String {
    let id = answer.invocation_id();
    let end = host.wait_for_line("the end", |line| {
        line.invocation_id() == id && line.outcome().is_some()
    });
    end.text("error").to_owned()
}
