use super::*;

fn source<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn url(text: &str) -> Url {
    text.parse().expect("an address")
}

const SKEW: &str = "STOCKADE__AUTH__CLOCK_SKEW_SECONDS";

#[test]
fn a_number_is_read_and_one_out_of_range_is_a_problem() {
    let mut problems = Problems::new();

    assert_eq!(
        problems.number(&source([(SKEW, " 300 ")]), SKEW, 0..=300),
        Some(300)
    );
    assert!(problems.is_empty());

    assert_eq!(
        problems.number(&source([(SKEW, "301")]), SKEW, 0..=300),
        None
    );
    assert_eq!(
        problems.to_string(),
        format!("{SKEW}: has to lie between 0 and 300\n")
    );
}

#[test]
fn a_value_never_appears_in_its_problem() {
    let mut problems = Problems::new();

    assert_eq!(
        problems.parse::<u64>(&source([(SKEW, "hunter2")]), SKEW),
        None
    );

    assert_eq!(
        problems.to_string(),
        format!("{SKEW}: cannot be read; expected: a whole number of seconds\n")
    );
}

#[test]
fn a_setting_that_is_left_out_is_fine_and_an_empty_one_is_a_problem() {
    let mut problems = Problems::new();

    assert_eq!(problems.list(&source([]), "LIST"), None);
    assert!(problems.is_empty());

    assert_eq!(problems.list(&source([("LIST", " ")]), "LIST"), None);
    assert_eq!(problems.iter().count(), 1);
}

#[test]
fn a_list_is_trimmed_and_has_no_empty_items() {
    let mut problems = Problems::new();

    let items = problems.list(&source([("LIST", "a, b ,c")]), "LIST");
    assert_eq!(items, Some(vec!["a".into(), "b".into(), "c".into()]));
    assert!(problems.is_empty());

    assert_eq!(problems.list(&source([("LIST", "a,,b")]), "LIST"), None);
    assert_eq!(problems.iter().count(), 1);
}

#[test]
fn a_misspelt_name_is_a_problem_that_says_what_was_meant() {
    let mut problems = Problems::new();

    unknown_names(
        &source([
            ("STOCKADE__AUTH__TENANT", "x"),
            ("Stockade__Auth__Audiences", "x"),
            ("STOCKADE__AUTH__CLIENTS", "x"),
            ("STOCKADE__FROBNICATE", "x"),
            ("PATH", "x"),
            ("ÄÖÜÄÖÜ", "x"),
        ]),
        TABLE,
        &mut problems,
    );

    assert_eq!(
        problems.to_string(),
        "STOCKADE__AUTH__TENANT: is not a setting; did you mean STOCKADE__AUTH__TENANTS?\n\
         STOCKADE__FROBNICATE: is not a setting\n\
         Stockade__Auth__Audiences: is not a setting; did you mean STOCKADE__AUTH__AUDIENCES?\n"
    );
}

#[test]
fn each_setting_is_in_the_table_once_with_our_prefix() {
    let mut names: Vec<_> = TABLE.iter().map(|setting| setting.name).collect();
    names.sort_unstable();
    names.dedup();

    assert_eq!(names.len(), TABLE.len());
    assert!(names.iter().all(|name| name.starts_with(PREFIX)));
}

#[test]
fn a_weakening_needs_development_no_platform_and_this_machine() {
    let development = source([("AZURE_FUNCTIONS_ENVIRONMENT", "Development")]);
    let loopback = url("http://127.0.0.1:7072");
    assert_eq!(insecure_allowed(&development, &loopback), Ok(()));

    assert!(insecure_allowed(&source([]), &loopback).is_err());
    let production = source([("AZURE_FUNCTIONS_ENVIRONMENT", "Production")]);
    assert!(insecure_allowed(&production, &loopback).is_err());
    for platform in DEPLOYED {
        let mut deployed = development.clone();
        deployed.insert(platform.to_owned(), String::new());
        assert!(
            insecure_allowed(&deployed, &loopback).is_err(),
            "{platform}"
        );
    }
    assert!(insecure_allowed(&development, &url("http://10.0.0.1")).is_err());
}

#[test]
fn loopback_is_told_from_names_that_only_look_like_it() {
    for here in [
        "http://127.0.0.1",
        "http://127.9.9.9:1",
        "http://[::1]:1",
        "http://localhost",
        "https://vault.localhost:8443",
        "http://2130706433",
    ] {
        assert!(is_loopback(&url(here)), "{here}");
    }
    for elsewhere in [
        "http://127.0.0.1@example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://notlocalhost",
        "http://0.0.0.0",
        "http://[::2]",
        "file:///etc",
    ] {
        assert!(!is_loopback(&url(elsewhere)), "{elsewhere}");
    }
}

#[test]
fn the_environment_is_that_of_this_process() {
    let name = "CARGO_MANIFEST_DIR";

    assert_eq!(
        Process.get(name).as_deref(),
        Some(env!("CARGO_MANIFEST_DIR"))
    );
    assert!(Process.names().iter().any(|other| other == name));
    assert_eq!(Process.get("STOCKADE__NOT_SET"), None);
}

mod references {
    use super::*;
    use crate::secrets::{Declaration, Need};

    crate::secret! {
        /// A secret.
        Key: "erp-key"
    }

    const TO_KEY: &str = "@Microsoft.KeyVault(VaultName=v;SecretName=erp-key)";
    const ELSEWHERE: &str = "@Microsoft.KeyVault(VaultName=v;SecretName=other)";

    fn told(name: &str, value: &str) -> Vec<String> {
        let source = source([(name, value)]);
        let named = BTreeSet::from(["ORDERS_QUEUE".to_owned()]);
        let declared = [Declaration::of::<Key>(Need::Required)];
        let mut problems = Problems::new();
        unresolved_references(&source, &named, &declared, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_reference_that_nobody_resolved_is_a_problem_of_each_setting_that_is_read() {
        for name in [
            "STOCKADE__AUTH__AUDIENCES",
            "STOCKADE__ANYTHING",
            "ORDERS_QUEUE",
        ] {
            let told = told(name, ELSEWHERE);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with(name), "{told:?}");
            assert!(told[0].contains("has not resolved"), "{told:?}");
            assert!(!told[0].contains("other"), "{told:?}");
        }
        assert!(told("SOMEBODY_ELSES", ELSEWHERE).is_empty());
        assert!(told("ORDERS_QUEUE", "orders").is_empty());
    }

    #[test]
    fn a_reference_to_a_declared_secret_is_told_apart() {
        let told = told("ORDERS_QUEUE", TO_KEY);

        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("`erp-key`, which the app reads by itself"),
            "{told:?}"
        );
        assert!(
            told[0].contains("remove the reference and rely"),
            "{told:?}"
        );
    }
}
