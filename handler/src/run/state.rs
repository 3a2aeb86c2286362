//! The app's state, built from its environment.

use std::time::Duration;

use super::PREPARATION;
use crate::app::Ready;
use crate::failure::Error;
use crate::secrets::Declaration;
use crate::settings::Environment;

/// Builds the app's state, again and again until it is there: a vault that is away now may be back
/// in a moment, and until then the app answers that it is not ready. It begins when the vault
/// has answered about the secrets that it needs, and tries again at once when a secret comes.
pub(super) async fn build<S, F>(ready: &Ready<S>, needed: &[Declaration], state: &F)
where
    S: Send + Sync + 'static,
    F: AsyncFn(&Environment) -> Result<S, Error>,
{
    const LONGEST: Duration = Duration::from_secs(30);

    let environment = Environment::new(ready.secrets().clone());
    ready.secrets().prepare_for(needed, PREPARATION).await;
    let mut pause = Duration::from_secs(1);
    loop {
        let mut changes = ready.secrets().changes();
        match state(&environment).await {
            Ok(built) => {
                // There is one builder, so nothing was set before.
                let _ = ready.state().set(built);
                return;
            }
            Err(error) => {
                tracing::error!(error = %error, "the app's state cannot be built; trying again");
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = changes.next() => {}
                }
                pause = (pause * 2).min(LONGEST);
            }
        }
    }
}

#[cfg(test)]
mod tests;
