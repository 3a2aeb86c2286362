//! What holds for every text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::super::super::testing::TestTenant;
use super::Harness;

/// Runs a check on a runtime of its own, as property tests are not async.
fn outcome_of(token: &str) -> &'static str {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(Harness::new(&[]).outcome_of(token))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_a_token_by_chance(text in "\\PC{0,300}") {
        prop_assert_ne!(outcome_of(&text), "accepted");
    }

    #[test]
    fn a_good_token_with_one_character_changed_is_refused(
        at in any::<prop::sample::Index>(),
        replacement in prop::sample::select(b"ABCDwxyz0189-_.=+ ".to_vec()),
    ) {
        let mut token = TestTenant::new().token().sign().into_bytes();
        let at = at.index(token.len());
        prop_assume!(token[at] != replacement);
        token[at] = replacement;
        let token = String::from_utf8(token).expect("ASCII");

        prop_assert_ne!(outcome_of(&token), "accepted");
    }

    #[test]
    fn nothing_unsigned_is_accepted(
        claims in prop::collection::btree_map("(scp|roles|oid|iss|aud|x)", "[a-z]{0,8}", 0..4),
        signature in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let mut token = TestTenant::new().token();
        for (name, value) in claims {
            token = token.claim(&name, value);
        }
        let token = format!("{}.{}", token.signing_input(), URL_SAFE_NO_PAD.encode(signature));

        prop_assert_ne!(outcome_of(&token), "accepted");
    }
}
