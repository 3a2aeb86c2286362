//! The settings, and when a vault is opened at all.

use super::*;
use crate::settings::Problems;

fn read(
    declared: &[Declaration],
    settings: &[(&str, &str)],
) -> (Option<SecretSettings>, Vec<String>) {
    let source: BTreeMap<String, String> = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut problems = Problems::new();
    let read = SecretSettings::read(&source, declared, &mut problems);
    let problems = problems.iter().map(ToString::to_string).collect();
    (read, problems)
}

fn opened(declared: Vec<Declaration>) -> Vec<Declaration> {
    let open = |_: &dyn crate::settings::Source, _: &mut Problems| -> Option<Arc<dyn Vault>> {
        Some(Arc::new(FakeVault::default()))
    };
    let with = |mut one: Declaration| {
        one.open = open;
        one
    };
    declared.into_iter().map(with).collect()
}

#[test]
fn a_vault_is_opened_only_where_a_secret_is_declared() {
    let (none, problems) = read(
        &[],
        &[("STOCKADE__SECRETS__VAULT_URI", "https://v.example")],
    );
    assert!(none.is_none() && problems.is_empty(), "{problems:?}");

    let (some, problems) = read(&opened(declared::<Key>()), &[]);
    let some = some.unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(some.refresh, Duration::from_secs(300));
    assert_eq!(some.last_good, Duration::from_secs(24 * 60 * 60));
}

#[test]
fn optional_secrets_alone_need_no_vault() {
    let optional = opened(vec![Declaration::of::<Key>(Need::Optional)]);

    assert!(read(&optional, &[]).0.is_none());
    let uri = ("STOCKADE__SECRETS__VAULT_URI", "https://v.example");
    assert!(read(&optional, &[uri]).0.is_some());
}

#[test]
fn a_required_secret_needs_a_vault_except_on_a_developers_machine() {
    let required = declared::<Key>();
    let development = ("AZURE_FUNCTIONS_ENVIRONMENT", "Development");

    for settings in [&[][..], &[development, ("WEBSITE_SKU", "FlexConsumption")]] {
        let (none, problems) = read(&required, settings);
        assert!(none.is_none());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("STOCKADE__SECRETS__VAULT_URI"));
    }
    let (none, problems) = read(&required, &[development]);
    assert!(none.is_none() && problems.is_empty(), "{problems:?}");
}

#[test]
fn the_times_have_bounds_and_are_checked_against_each_other() {
    for (settings, problem) in [
        (
            vec![("STOCKADE__SECRETS__REFRESH_SECONDS", "0")],
            "has to lie between",
        ),
        (
            vec![("STOCKADE__SECRETS__REFRESH_SECONDS", "86401")],
            "has to lie between",
        ),
        (
            vec![("STOCKADE__SECRETS__REFRESH_SECONDS", "soon")],
            "cannot be read",
        ),
        (
            vec![("STOCKADE__SECRETS__LAST_GOOD_SECONDS", "604801")],
            "has to lie between",
        ),
        (
            vec![("STOCKADE__SECRETS__LAST_GOOD_SECONDS", "299")],
            "at least as long",
        ),
        (
            vec![
                ("STOCKADE__SECRETS__REFRESH_SECONDS", "1"),
                ("STOCKADE__SECRETS__LAST_GOOD_SECONDS", "1"),
            ],
            "",
        ),
        (vec![("STOCKADE__SECRETS__REFRESH_SECONDS", "86400")], ""),
        (vec![("STOCKADE__SECRETS__LAST_GOOD_SECONDS", "300")], ""),
    ] {
        let (_, problems) = read(&[], &settings);
        assert_eq!(
            problems.is_empty(),
            problem.is_empty(),
            "{settings:?}: {problems:?}"
        );
        assert!(
            problems.iter().all(|text| text.contains(problem)),
            "{problems:?}"
        );
    }
}
