//! What a token costs: the bare signature by the same backend, the whole check beside it, and the
//! check of a token that is remembered.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use divan::{AllocProfiler, Bencher, black_box};
use futures_util::FutureExt as _;
use stockade::auth::Tokens;
use stockade::auth::testing::{SigningKey, TestClock, TestTenant};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// The signature alone, with the key prepared: the floor of every check.
#[divan::bench]
fn bare_signature(bencher: Bencher<'_, '_>) {
    let token = TestTenant::new().token();
    let signed = token.signing_input();
    let key = SigningKey::first();
    let signature = key.sign(&signed);
    let components = RsaPublicKeyComponents {
        n: key.modulus(),
        e: &[1, 0, 1][..],
    };
    let prepared = components
        .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        .expect("a key");

    bencher.bench_local(|| prepared.verify_sig(black_box(signed.as_bytes()), &signature));
}

/// The whole check of a token that was never seen.
#[divan::bench]
fn verify_cold(bencher: Bencher<'_, '_>) {
    verify(bencher, "0", &TestTenant::new().token().sign());
}

/// The whole check of a token that is remembered.
#[divan::bench]
fn verify_cached(bencher: Bencher<'_, '_>) {
    verify(bencher, "4096", &TestTenant::new().token().sign());
}

/// The refusal of an expired token, which needs everything but the key and the signature.
#[divan::bench]
fn refuse_expired(bencher: Bencher<'_, '_>) {
    let token = TestTenant::new().token().claim("nbf", 0).claim("exp", 1);
    verify(bencher, "0", &token.sign());
}

fn verify(bencher: Bencher<'_, '_>, cache_entries: &str, token: &str) {
    let tenant = TestTenant::new();
    let settings = tenant.settings(&[("STOCKADE__AUTH__TOKEN_CACHE_ENTRIES", cache_entries)]);
    let tokens = Tokens::with_fetch(&settings, Arc::new(TestClock::new()), Arc::new(tenant));
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(tokens.prepare(Duration::from_secs(5)));

    // With its keys at hand a check never waits, so a poll is all it takes.
    bencher.bench_local(|| {
        let verified = tokens.verify(black_box(token)).now_or_never();
        verified
            .expect("the keys are there")
            .map_err(|denial| denial.rule())
    });
}
