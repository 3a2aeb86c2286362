//! The patience of the proxy (host, `RetryProxyHandler`).

use std::time::Duration;

const MAX_ATTEMPTS: u32 = 10;
const FIRST_DELAY: Duration = Duration::from_millis(50);
const MAX_DELAY: Duration = Duration::from_millis(250);

/// Counts attempts, with 50, 100, 200 and then 250 ms between them: 1.85 s in all.
#[derive(Debug)]
pub(super) struct Attempts {
    left: u32,
    delay: Duration,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            left: MAX_ATTEMPTS - 1,
            delay: FIRST_DELAY,
        }
    }

    /// Waits before another attempt; `false` when there is none left.
    pub(super) async fn another(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        tokio::time::sleep(self.delay).await;
        self.left -= 1;
        self.delay = (self.delay * 2).min(MAX_DELAY);
        true
    }

    /// Waits through the attempts that can deliver nothing any more.
    pub(super) async fn wait_out(&mut self) {
        while self.another().await {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_attempts_take_less_than_two_seconds() {
        let started = tokio::time::Instant::now();
        let mut attempts = Attempts::new();
        let mut count = 1;

        while attempts.another().await {
            count += 1;
        }

        assert_eq!(count, 10);
        assert_eq!(started.elapsed().as_millis(), 1850);
    }
}
