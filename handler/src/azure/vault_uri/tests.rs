use std::collections::BTreeMap;

use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<VaultUri, String> {
    let source: BTreeMap<_, _> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut problems = Problems::new();
    let uri = VaultUri::read(&source, &mut problems);
    assert_eq!(uri.is_none(), !problems.is_empty(), "{problems}");
    uri.ok_or_else(|| problems.to_string())
}

#[test]
fn a_vault_of_the_cloud_is_taken_and_its_resource_is_the_clouds() {
    for (cloud, vault, resource, login) in [
        (
            "public",
            "https://orders.vault.azure.net",
            "https://vault.azure.net",
            "https://login.microsoftonline.com/t",
        ),
        (
            "usgov",
            "https://orders.vault.usgovcloudapi.net/",
            "https://vault.usgovcloudapi.net",
            "https://login.microsoftonline.us/t",
        ),
        (
            "china",
            "https://Orders-2.vault.azure.cn:443",
            "https://vault.azure.cn",
            "https://login.partner.microsoftonline.cn/t",
        ),
    ] {
        let uri = read(&[(CLOUD, cloud), (SETTING, vault)]).expect(cloud);

        assert_eq!(uri.resource(), resource);
        assert!(uri.signs_in_at(login), "{cloud}");
        assert!(!uri.signs_in_at(&login.replace("https", "http")), "{cloud}");
        assert!(!uri.signs_in_at("http://127.0.0.1:7072/t"), "{cloud}");
        assert!(uri.serves(&vault.parse().expect("an address")));
    }
}

#[test]
fn what_is_no_vault_of_the_cloud_is_refused() {
    for vault in [
        "http://orders.vault.azure.net",
        "https://vault.azure.net",
        "https://a.b.vault.azure.net",
        "https://ordersvault.azure.net",
        "https://orders.vault.azure.net.example.com",
        "https://orders.vault.azure.cn",
        "https://orders.managedhsm.azure.net",
        "https://orders.vault.azure.net:8443",
        "https://orders.vault.azure.net/secrets/x",
        "https://orders.vault.azure.net/?x",
        "https://orders.vault.azure.net/#x",
        "https://user@orders.vault.azure.net",
        "https://orders.vault.azure.net@example.com",
        "https://or_ders.vault.azure.net",
        "https://or.vault.azure.net",
        "https://orders.vault.azure.net.",
        "https://orders.vault.localhost:8443",
        "orders.vault.azure.net",
        "https://127.0.0.1",
        "",
    ] {
        let text = read(&[(SETTING, vault)]).expect_err(vault);

        assert!(text.starts_with(SETTING), "{vault}: {text}");
        assert!(vault.is_empty() || !text.contains(vault), "{vault}: {text}");
    }
    assert!(read(&[]).expect_err("none").contains("is not set"));
}

#[test]
fn a_vault_on_this_machine_is_taken_where_a_developer_says_so_and_nowhere_else() {
    let here = [
        (SETTING, "https://devhost.vault.localhost:8443/"),
        (INSECURE, "true"),
        ("AZURE_FUNCTIONS_ENVIRONMENT", "Development"),
    ];
    let uri = read(&here).expect("a vault for tests");
    assert_eq!(uri.resource(), "https://vault.localhost");
    assert!(uri.signs_in_at("http://127.0.0.1:7072/t"));
    assert!(!uri.signs_in_at("https://login.microsoftonline.com/t"));

    let deployed = [&here[..], &[("WEBSITE_INSTANCE_ID", "1")]].concat();
    assert!(read(&deployed).expect_err("deployed").starts_with(INSECURE));
    assert!(
        read(&here[..2])
            .expect_err("no developer")
            .starts_with(INSECURE)
    );
    for elsewhere in [
        "https://orders.vault.azure.net",
        "https://localhost:8443",
        "https://127.0.0.1:8443",
        "https://a.b.vault.localhost:8443",
        "http://devhost.vault.localhost:8443",
    ] {
        let mut there = here;
        there[0].1 = elsewhere;
        read(&there).expect_err(elsewhere);
    }
}

#[test]
fn only_the_same_origin_is_the_vault() {
    let uri = read(&[(SETTING, "https://orders.vault.azure.net")]).expect("a vault");
    let serves = |text: &str| uri.serves(&text.parse().expect("an address"));

    assert!(serves("https://orders.vault.azure.net/secrets/x?y"));
    for elsewhere in [
        "http://orders.vault.azure.net/",
        "https://orders.vault.azure.net:8443/",
        "https://other.vault.azure.net/",
        "https://user@orders.vault.azure.net/",
    ] {
        assert!(!serves(elsewhere), "{elsewhere}");
    }
}
