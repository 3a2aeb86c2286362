//! What doctor found, for people and for tools.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::failed::Failed;
use super::super::screen::{Screen, Tone};
use super::super::table::Table;

/// Everything that was found, in the order of a start.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) app: &'static str,
    pub(super) checks: Vec<Check>,
}

/// One check: what it found, and what to do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Check {
    check: &'static str,
    /// Of a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    result: Outcome,
    /// One word for tools.
    state: &'static str,
    found: String,
    next: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
    #[serde(skip)]
    ends: Ends,
}

/// What a check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Ok,
    /// The app starts, but not as it should, or not for long.
    Warning,
    Problem,
    /// What came before stands in the way.
    Skipped,
}

/// How the command ends because of a check; the last of these goes before the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ends {
    Well,
    Found,
    ServiceAway,
    SettingsWrong,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Skipped => "skipped",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Ok => Tone::Good,
            Self::Warning => Tone::Doubtful,
            Self::Problem => Tone::Bad,
            Self::Skipped => Tone::Quiet,
        }
    }
}

impl Ends {
    fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Found => 1,
            Self::SettingsWrong => 2,
            Self::ServiceAway => 3,
        }
    }
}

impl Check {
    fn new(check: &'static str, result: Outcome, state: &'static str, found: String) -> Self {
        Self {
            check,
            name: None,
            result,
            state,
            found,
            next: None,
            more: Map::new(),
            ends: match result {
                Outcome::Ok | Outcome::Skipped => Ends::Well,
                Outcome::Warning | Outcome::Problem => Ends::Found,
            },
        }
    }

    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Outcome::Ok, "ok", found.into())
    }

    pub(super) fn warning(
        check: &'static str,
        state: &'static str,
        found: impl Into<String>,
    ) -> Self {
        Self::new(check, Outcome::Warning, state, found.into())
    }

    pub(super) fn problem(
        check: &'static str,
        state: &'static str,
        found: impl Into<String>,
    ) -> Self {
        Self::new(check, Outcome::Problem, state, found.into())
    }

    pub(super) fn skipped(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Outcome::Skipped, "skipped", found.into())
    }

    pub(super) fn state(self, state: &'static str) -> Self {
        Self { state, ..self }
    }

    pub(super) fn named(self, name: &'static str) -> Self {
        Self {
            name: Some(name),
            ..self
        }
    }

    pub(super) fn next(self, next: impl Into<String>) -> Self {
        Self {
            next: Some(next.into()),
            ..self
        }
    }

    pub(super) fn ending(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }

    /// Adds a member for tools.
    pub(super) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.more.insert(member.to_owned(), value.into());
        self
    }

    fn title(&self) -> &'static str {
        self.name.unwrap_or(self.check)
    }

    #[cfg(test)]
    pub(super) fn seen(&self) -> (Outcome, &'static str, Ends) {
        (self.result, self.state, self.ends)
    }

    #[cfg(test)]
    pub(super) fn document(&self) -> Value {
        serde_json::to_value(self).expect("a check has string keys only")
    }
}

impl Report {
    /// Prints it, as a table or as the one document.
    pub(super) fn print(&self, screen: &Screen) {
        if screen.wants_json() {
            screen.document(&json!({
                "app": self.app,
                "ok": self.ends() == Ends::Well,
                "exitCode": self.ends().code(),
                "checks": self.checks,
            }));
        } else {
            screen.text(&self.text(screen));
        }
    }

    /// How the command ends.
    ///
    /// # Errors
    ///
    /// Something was found.
    pub(super) fn outcome(&self) -> Result<(), Failed> {
        let ends = self.ends();
        let Some(worst) = self.checks.iter().find(|check| check.ends == ends) else {
            return Ok(());
        };
        let bad = self.checks.iter().filter(|check| check.ends != Ends::Well);
        let titles: Vec<_> = bad.map(Check::title).collect();
        let what = format!("something is the matter with: {}.", titles.join(", "));
        let next = worst.next.as_deref().unwrap_or("cargo fn doctor --help");
        Err(match ends {
            Ends::Well => return Ok(()),
            Ends::Found => Failed::work(what, next),
            Ends::SettingsWrong => Failed::usage(what, next),
            Ends::ServiceAway => Failed::missing(what, next),
        })
    }

    fn ends(&self) -> Ends {
        let ends = self.checks.iter().map(|check| check.ends);
        ends.max().unwrap_or(Ends::Well)
    }

    fn text(&self, screen: &Screen) -> String {
        let mut table = Table::new(["CHECK", "RESULT", "WHAT WAS FOUND"]);
        for check in &self.checks {
            let mut found = check.found.clone();
            if let Some(next) = &check.next {
                found += &format!("\nNext: {next}");
            }
            table.row([
                check.title().to_owned(),
                check.result.word().to_owned(),
                found,
            ]);
            table.tone(1, check.result.tone());
        }
        let verdict = if self.ends() == Ends::Well {
            "nothing stands in the way of its start"
        } else {
            "something stands in its way, or soon will"
        };
        let app = screen.paint(Tone::Strong, self.app);
        format!("{app}: {verdict}\n\n{}", table.text(screen))
    }
}

#[cfg(test)]
mod tests {
    use clap::ColorChoice;

    use super::*;

    fn report(checks: Vec<Check>) -> Report {
        Report {
            app: "orders",
            checks,
        }
    }

    #[test]
    fn wrong_settings_go_before_a_service_that_is_away_and_that_before_the_rest() {
        let found = || Check::problem("secret", "missing", "no").next("create it");
        let away = || Check::problem("vault", "unreachable", "no").ending(Ends::ServiceAway);
        let wrong = || Check::problem("settings", "wrong", "no").ending(Ends::SettingsWrong);
        let warned = || Check::warning("secret", "expiring", "soon");
        let code = |checks| report(checks).outcome().err().map(|failed| failed.code());

        assert_eq!(code(vec![Check::ok("app", "fine")]), None);
        assert_eq!(code(vec![Check::skipped("vault", "not asked")]), None);
        assert_eq!(code(vec![warned()]), Some(1));
        assert_eq!(code(vec![found(), away()]), Some(3));
        assert_eq!(code(vec![wrong(), away(), found()]), Some(2));
        let failed = report(vec![Check::ok("app", "fine"), found()]).outcome();
        assert_eq!(failed.expect_err("found").next(), "create it");
    }

    #[test]
    fn a_long_finding_keeps_to_the_screen() {
        let screen = Screen::new(ColorChoice::Never, false);
        let check = Check::problem("secret", "missing", "a word ".repeat(40))
            .named("a-secret-with-quite-a-long-name-that-has-to-be-cut")
            .next("do this ".repeat(20));

        let text = report(vec![check]).text(&screen);

        for line in text.lines() {
            assert!(line.chars().count() <= screen.width(), "{line}");
        }
        assert!(text.contains("Next: do this"), "{text}");
    }
}
