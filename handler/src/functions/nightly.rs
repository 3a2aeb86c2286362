//! Runs every night at three.

use stockade::input::Tick;
use stockade::{Error, Function, on};

use crate::state::AppState;

pub fn function() -> Function<AppState> {
    Function::new("nightly", on::timer("0 0 3 * * *"), nightly)
}

async fn nightly(tick: Tick) -> Result<(), Error> {
    tracing::info!(past_due = tick.is_past_due(), "the day was closed");
    Ok(())
}
