//! docs/settings.md: every setting of the library.

use std::fmt::Write as _;

use crate::settings::{STANDARD, Setting, TABLE};

use super::MADE;

/// The page.
pub(super) fn page() -> String {
    let mut page = format!("{MADE}\n# Settings\n\n{INTRODUCTION}");
    let mut section = "";
    for setting in TABLE {
        let own = section_of(setting);
        if own != section {
            section = own;
            let _ = write!(page, "\n## {}\n\n{HEADING}", title(section));
        }
        page += &row(setting);
    }
    let _ = write!(
        page,
        "\n## Names that others read, too\n\n{SHARED}\n{HEADING}"
    );
    page.extend(STANDARD.iter().map(row));
    page
}

fn row(setting: &Setting) -> String {
    let default = match setting.default {
        "" => "none".to_owned(),
        text if text.contains(' ') => text.to_owned(),
        value => format!("`{value}`"),
    };
    format!(
        "| `{}` | {} | {default} | {} |\n",
        setting.name, setting.meaning, setting.unit
    )
}

/// The second part of the name.
fn section_of(setting: &Setting) -> &'static str {
    setting.name.split("__").nth(1).unwrap_or_default()
}

fn title(section: &str) -> String {
    let lower = section.to_ascii_lowercase();
    let mut letters = lower.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}

const INTRODUCTION: &str = "\
Application settings reach the app as environment variables. The app reads all of them when it
starts, prints every problem at once and stops with exit code 2; a name that begins with
`STOCKADE__` and does not stand here is a problem, too. An app with no function that asks for a
token needs no tenant and no audience.

A name with `INSECURE` in it weakens a check. It is believed only on a developer's machine: when
`AZURE_FUNCTIONS_ENVIRONMENT` is `Development`, nothing says that the app runs in Azure or in
Kubernetes, and the address that it names is on this machine.
";

const SHARED: &str = "\
Where telemetry goes is said by the names that the Functions host and OpenTelemetry's SDKs know. One
that is set to nothing counts as not set. Without a connection string and without an OTLP endpoint
nothing is exported.
";

const HEADING: &str = "| name | meaning | default | written as |\n| --- | --- | --- | --- |\n";
