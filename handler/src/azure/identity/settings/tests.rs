use std::collections::BTreeMap;

use super::*;

fn source(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// What is read where the process's environment says the same.
fn read(pairs: &[(&str, &str)]) -> Result<IdentitySettings, String> {
    let source = source(pairs);
    let mut problems = Problems::new();
    let settings = IdentitySettings::read_beside(&source, &source, &mut problems);
    assert_eq!(settings.is_none(), !problems.is_empty(), "{problems}");
    settings.ok_or_else(|| problems.to_string())
}

#[test]
fn an_endpoint_on_this_machine_or_link_local_is_taken() {
    for endpoint in [
        "http://127.0.0.1:41741/msi/token/",
        "http://localhost:42356/msi/token",
        "http://169.254.130.2:8081/msi/token",
        "http://[fe80::1]:8081/msi/token",
        "http://[::1]:8081/msi/token",
    ] {
        let settings = read(&[(ENDPOINT, endpoint), (HEADER, "h")]).expect(endpoint);

        let endpoint = endpoint.parse().expect("an address");
        let client_id = None;
        assert_eq!(
            settings,
            IdentitySettings::Platform {
                endpoint,
                client_id
            }
        );
    }
}

#[test]
fn an_endpoint_anywhere_else_is_refused() {
    for endpoint in [
        "https://127.0.0.1:41741/msi/token/",
        "http://10.0.0.4/msi/token",
        "http://168.63.129.16/msi/token",
        "http://169.255.0.1/msi/token",
        "http://[2001:db8::1]/msi/token",
        "http://169.254.130.2.example.com/",
        "http://localhost.example.com/",
        "http://127.0.0.1@example.com/",
        "http://user@127.0.0.1/",
        "http://127.0.0.1/#x",
        "file:///msi/token",
        "127.0.0.1",
        "",
    ] {
        let text = read(&[(ENDPOINT, endpoint), (HEADER, "h")]).expect_err(endpoint);
        assert!(text.starts_with(ENDPOINT), "{endpoint}: {text}");
    }
}

#[test]
fn both_variables_are_needed_and_their_values_are_not_told() {
    let endpoint = (ENDPOINT, "http://127.0.0.1:1/msi/token");

    assert!(
        read(&[endpoint])
            .expect_err("no header")
            .starts_with(HEADER)
    );
    let text = read(&[(HEADER, "hush")]).expect_err("no endpoint");
    assert!(text.starts_with(ENDPOINT) && !text.contains("hush"));
    for wrong in [" ", "a\nb", "a\0"] {
        let text = read(&[endpoint, (HEADER, wrong)]).expect_err(wrong);
        assert!(text.starts_with(HEADER), "{text}");
    }
}

#[test]
fn a_user_assigned_identity_is_named_by_a_guid() {
    let endpoint = (ENDPOINT, "http://127.0.0.1:1/msi/token");
    let with = |id| read(&[endpoint, (HEADER, "h"), (CLIENT_ID, id)]);

    let settings = with("EEEEEEEE-0000-4000-8000-000000000007").expect("an identity");
    let endpoint = endpoint.1.parse().expect("an address");
    let client_id = Guid::parse("eeeeeeee-0000-4000-8000-000000000007").ok();
    assert_eq!(
        settings,
        IdentitySettings::Platform {
            endpoint,
            client_id
        }
    );
    for wrong in ["orders", "", "eeeeeeee00004000800000000000007"] {
        assert!(with(wrong).expect_err(wrong).starts_with(CLIENT_ID));
    }
}

#[test]
fn settings_that_the_sdk_would_not_see_are_a_problem() {
    let ours = source(&[(ENDPOINT, "http://127.0.0.1:1/"), (HEADER, "h")]);
    let mut problems = Problems::new();

    let settings = IdentitySettings::read_beside(&source(&[]), &ours, &mut problems);

    assert_eq!(settings, None);
    let names: Vec<_> = problems
        .iter()
        .map(crate::settings::Problem::name)
        .collect();
    assert_eq!(names, [ENDPOINT, HEADER]);
}

#[cfg(not(feature = "dev"))]
#[test]
fn without_the_platforms_variables_there_is_no_identity() {
    let text = read(&[]).expect_err("no identity");
    assert!(text.starts_with(ENDPOINT), "{text}");
}

#[cfg(feature = "dev")]
#[test]
fn without_the_platforms_variables_a_developer_signs_in_with_the_azure_cli() {
    assert_eq!(read(&[]), Ok(IdentitySettings::AzureCli));
    let id = (CLIENT_ID, "eeeeeeee-0000-4000-8000-000000000007");
    assert!(read(&[id]).expect_err("none").starts_with(CLIENT_ID));
}
