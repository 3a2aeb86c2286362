use super::*;

fn faulty(kind: FaultKind) -> Vault {
    let vault = vault();
    vault.set("erp-key", NewSecret::text("first")).unwrap();
    vault.set_fault(Fault {
        bytes: 100_000,
        status: 418,
        ..Fault::new(kind)
    });
    vault
}

#[tokio::test]
async fn each_fault_spoils_the_answer_in_its_way_and_ends() {
    for (kind, status, is_json) in [
        (FaultKind::Status, 418, false),
        (FaultKind::Throttled, 429, true),
        (FaultKind::Garbage, 200, false),
        (FaultKind::Truncated, 200, false),
        (FaultKind::Huge, 200, true),
        (FaultKind::ForeignResource, 401, true),
        (FaultKind::ForeignAuthority, 401, true),
    ] {
        let vault = faulty(kind);

        let got = get_secret(&vault, "erp-key").await;

        assert_eq!(got.status, status, "{kind:?}");
        let parsed = serde_json::from_slice::<Value>(&got.body);
        assert_eq!(parsed.is_ok(), is_json, "{kind:?}");
        let is_huge = got.body.len() > 100_000;
        assert_eq!(is_huge, kind == FaultKind::Huge, "{kind:?}");
        vault.set_fault(Fault::new(FaultKind::None));
        let right = get_secret(&vault, "erp-key").await;
        assert_eq!(
            (right.status, &right.json()["value"]),
            (200, &json!("first"))
        );
    }
}

#[tokio::test]
async fn a_throttled_client_is_told_when_to_come_again() {
    let vault = faulty(FaultKind::Throttled);
    vault.set_fault(Fault {
        seconds: 7,
        ..Fault::new(FaultKind::Throttled)
    });

    let got = get_secret(&vault, "erp-key").await;

    assert_eq!(got.headers[header::RETRY_AFTER], "7");
    assert_eq!(got.codes(), (429, json!("Throttled"), Value::Null));
}

#[tokio::test]
async fn a_wrong_challenge_names_one_thing_that_is_not_ours() {
    for (kind, wrong, right) in [
        (
            FaultKind::ForeignResource,
            r#"resource="https://vault.foreign.example""#,
            "127.0.0.1:7072",
        ),
        (
            FaultKind::ForeignAuthority,
            "https://login.foreign.example/",
            RESOURCE,
        ),
    ] {
        let got = get_secret(&faulty(kind), "erp-key").await;

        let challenge = got.headers[header::WWW_AUTHENTICATE].to_str().unwrap();
        assert!(
            challenge.contains(wrong) && challenge.contains(right),
            "{challenge}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_the_right_one_in_the_end() {
    let vault = faulty(FaultKind::Slow);
    let started = tokio::time::Instant::now();

    let got = get_secret(&vault, "erp-key").await;

    assert_eq!(started.elapsed().as_secs(), 30);
    assert_eq!(got.json()["value"], "first");
}

#[tokio::test]
async fn a_counted_fault_ends_by_itself_and_one_without_an_answer_is_counted_too() {
    let vault = faulty(FaultKind::None);
    vault.set_fault(Fault {
        times: Some(2),
        ..Fault::new(FaultKind::Down)
    });
    let token = || Some(format!("Bearer {}", TENANT.mint(&for_vault())));
    let path = "/secrets/erp-key?api-version=7.6";

    let mut answered = Vec::new();
    for _ in 0..3 {
        answered.push(send(&vault, Method::GET, path, "", token()).await.is_some());
    }

    assert_eq!(answered, [false, false, true]);
    let requests = &vault.report()["requests"][0];
    assert_eq!(
        (&requests["requests"], &requests["statuses"]),
        (&json!(3), &json!({"200": 1}))
    );
    assert_eq!(vault.report()["fault"], Value::Null);
}

#[test]
fn the_port_is_shut_while_the_vault_is_down_for_no_counted_time() {
    let vault = vault();
    let shut = vault.faults().shut();
    let down = || Fault::new(FaultKind::Down);
    let counted = Fault {
        times: Some(1),
        ..down()
    };

    for (fault, expected) in [
        (down(), true),
        (counted, false),
        (down(), true),
        (Fault::new(FaultKind::None), false),
    ] {
        vault.set_fault(fault.clone());
        assert_eq!(*shut.borrow(), expected, "{fault:?}");
    }
}

#[test]
fn a_fault_is_read_with_its_usual_values_and_refused_when_misspelt() {
    let read = |text: &str| serde_json::from_str::<Fault<FaultKind>>(text);

    assert_eq!(
        read(r#"{"kind": "foreign-resource"}"#).unwrap(),
        Fault::new(FaultKind::ForeignResource)
    );
    assert_eq!(read("{}").unwrap(), Fault::new(FaultKind::None));
    assert!(read(r#"{"kind": "slwo"}"#).is_err());
    assert!(read(r#"{"kind": "slow", "second": 1}"#).is_err());
}

#[tokio::test]
async fn an_answer_can_be_about_another_secret_or_key() {
    let vault = faulty(FaultKind::OtherName);
    vault.set_key("signer", NewKey::default()).expect("a name");

    let secret = get_secret(&vault, "erp-key").await.json();
    let key = get(&vault, "/keys/signer/?api-version=7.6").await.json();

    for (id, name) in [(&secret["id"], "erp-key"), (&key["key"]["kid"], "signer")] {
        let id = id.as_str().expect("an id");
        assert!(id.contains(&format!("/{name}-of-another/")), "{id}");
    }
    assert_eq!(secret["value"], "first");
}

#[tokio::test]
async fn a_fault_that_names_an_address_names_the_one_that_it_is_told_to() {
    let told = |kind| Fault {
        to: Some("https://other.example".to_owned()),
        ..Fault::new(kind)
    };
    for (kind, header, wanted) in [
        (
            FaultKind::ForeignResource,
            header::WWW_AUTHENTICATE,
            r#"resource="https://other.example""#,
        ),
        (
            FaultKind::ForeignAuthority,
            header::WWW_AUTHENTICATE,
            r#"authorization="https://other.example""#,
        ),
        (
            FaultKind::Redirect,
            header::LOCATION,
            "https://other.example/secrets/erp-key/?api-version=7.6",
        ),
    ] {
        let vault = faulty(kind);
        vault.set_fault(told(kind));

        let got = get_secret(&vault, "erp-key").await;

        let value = got.headers[header].to_str().unwrap();
        assert!(value.contains(wanted), "{kind:?}: {value}");
    }
}

#[tokio::test]
async fn the_history_tells_requests_one_by_one_and_which_were_under_way_at_once() {
    let vault = faulty(FaultKind::None);
    let path = "/secrets/erp-key?api-version=7.6";

    get_secret(&vault, "erp-key").await;
    vault.set_fault(Fault::new(FaultKind::Throttled));
    let ask = || send(&vault, Method::GET, path, "", None);
    tokio::join!(ask(), ask());

    let report = vault.report();
    let history = report["history"].as_array().unwrap();
    let [first, second, third] = &history[..] else {
        panic!("{history:?}");
    };
    assert_eq!(
        (&first["status"], &first["authorization"], &first["fault"]),
        (&json!(200), &json!(true), &json!("none"))
    );
    assert_eq!(
        (&second["status"], &second["authorization"], &third["fault"]),
        (&json!(429), &json!(false), &json!("throttled"))
    );
    assert_eq!(first["host"], "mine.vault.localhost:7073");
    assert_eq!((&first["began"], &first["ended"]), (&json!(1), &json!(2)));
    assert!(second["ended"].as_u64() > second["began"].as_u64());
}

#[tokio::test]
async fn the_history_remembers_the_latest_thousand_requests() {
    let vault = faulty(FaultKind::Throttled);
    for _ in 0..1005 {
        get_secret(&vault, "erp-key").await;
    }

    let report = vault.report();
    let history = report["history"].as_array().unwrap();
    assert_eq!(history.len(), 1000);
    assert_eq!(history[0]["began"], 11);
}
