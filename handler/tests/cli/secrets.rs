//! No command tells what stands in `local.secrets.json` or in a setting of the app.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::json;

use super::support::{Project, Ran};

/// What no command may tell.
static VALUE: LazyLock<String> = LazyLock::new(|| {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
});

/// Whether eight characters of the value are there.
fn tells(text: &[u8]) -> bool {
    let mut parts = VALUE.as_bytes().windows(8);
    parts.any(|part| text.windows(8).any(|window| window == part))
}

/// What is written below a folder, beside the file that holds the value and the program itself.
fn written(folder: &Path, told: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            written(&path, told);
        } else if kind.is_file()
            && !["local.secrets.json", "handler"].contains(&&*entry.file_name().to_string_lossy())
            && tells(&fs::read(&path).unwrap())
        {
            told.push(path.display().to_string());
        }
    }
}

#[test]
fn no_command_tells_a_local_secret_or_the_value_of_a_setting() {
    let project = Project::new();
    let secrets = json!({ "erp-key": *VALUE });
    project.write("local.secrets.json", &secrets.to_string());
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["manifest"],
        &["manifest", "--check"],
        &["manifest", "--json"],
        &["sample", "create-order"],
        &["sample", "order-worker"],
        &["invoke", "create-order"],
        &["token"],
        &["doctor"],
        &["doctor", "--json"],
        &["docs"],
        &["completions", "bash"],
        &["no-such-command"],
    ] {
        let mut command = project.command(arguments);
        for name in [
            "STOCKADE__SECRETS__VAULT_URI",
            "STOCKADE__SECRETS__REFRESH_SECONDS",
            "STOCKADE__SECRETS__ERP_KEY",
            "IDENTITY_HEADER",
        ] {
            command.env(name, &*VALUE);
        }
        command.env("RUST_BACKTRACE", "1");

        let ran = Ran::of(&mut command);

        assert!(
            !tells(ran.output.as_bytes()) && !tells(ran.remarks.as_bytes()),
            "{arguments:?}: {ran:?}"
        );
    }
    let mut told = Vec::new();
    written(&project.path("."), &mut told);
    assert_eq!(told, Vec::<String>::new());
    assert!(project.path("target").is_dir(), "something was written");
    assert!(tells(project.read("local.secrets.json").as_bytes()));
}
