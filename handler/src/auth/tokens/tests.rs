use super::super::testing::{TestClock, TestTenant, TestToken};
use super::*;

mod callers;
mod claims;
mod forgeries;
mod keys;
mod memory;
mod properties;

struct Harness {
    tenant: TestTenant,
    clock: Arc<TestClock>,
    tokens: Tokens,
}

impl Harness {
    fn new(changes: &[(&str, &str)]) -> Self {
        let tenant = TestTenant::new();
        let clock = Arc::new(TestClock::new());
        let settings = tenant.settings(changes);
        let tokens = Tokens::with_fetch(&settings, clock.clone(), Arc::new(tenant.clone()));
        Self {
            tenant,
            clock,
            tokens,
        }
    }

    fn token(&self) -> TestToken {
        self.tenant.token()
    }

    async fn accept(&self, token: &TestToken) -> Principal {
        let verified = self.tokens.verify(&token.sign()).await;
        verified.expect("the token is good")
    }

    /// The rule that a token breaks.
    async fn outcome(&self, token: &TestToken) -> &'static str {
        self.outcome_of(&token.sign()).await
    }

    async fn outcome_of(&self, token: &str) -> &'static str {
        let verified = self.tokens.verify(token).await;
        verified.map_or_else(|denial| denial.rule(), |_| "accepted")
    }
}

const OTHER_GUID: &str = "dddddddd-0000-4000-8000-000000000004";
