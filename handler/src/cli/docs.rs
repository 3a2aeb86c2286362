//! `cargo fn docs`: the pages that are made from the code.

use serde_json::json;

use crate::settings::Process;

use super::failed::Failed;
use super::kept::{Compared, Intent, Kept};
use super::places::Places;
use super::screen::{Screen, Tone};

mod audit;
mod outcomes;
mod settings;

/// Runs the command.
pub(super) fn run(screen: &Screen, intent: Intent) -> Result<(), Failed> {
    let places = Places::find(&Process)?;
    let page = |name: &str, text: String| {
        let path = places.page(name);
        let shown = places.shown(&path);
        Kept::new(path, shown, text).compare()
    };
    let pages = [
        page("settings.md", settings::page())?,
        page("triggers.md", outcomes::page()?)?,
        page("audit.md", audit::page())?,
    ];
    if intent == Intent::Write {
        pages.iter().try_for_each(Compared::write)?;
    }
    if screen.wants_json() {
        let pages = pages
            .iter()
            .map(|page| json!({"page": page.shown(), "inStep": page.is_in_step()}));
        screen.document(&json!({ "pages": pages.collect::<Vec<_>>() }));
    } else {
        for page in &pages {
            tell(screen, page, intent);
        }
    }
    let stale = pages.iter().filter(|page| !page.is_in_step());
    let stale: Vec<_> = stale.map(Compared::shown).collect();
    if intent == Intent::Check && !stale.is_empty() {
        return Err(Failed::work(
            format!("Out of step with the code: {}.", stale.join(", ")),
            "cargo fn docs  (then commit the pages)",
        ));
    }
    Ok(())
}

fn tell(screen: &Screen, page: &Compared, intent: Intent) {
    let shown = page.shown();
    match (page.is_in_step(), intent) {
        (true, _) => {
            let ok = screen.paint(Tone::Good, "ok:");
            screen.text(&format!("{ok} {shown} is in step with the code."));
        }
        (false, Intent::Write) => screen.text(&format!("{shown} is new: review and commit it.")),
        (false, Intent::Check) => screen.text(&page.difference(screen)),
    }
}

/// What stands at the head of each page.
const MADE: &str = "<!-- Made by `cargo fn docs` from the code. Do not edit. -->\n";
