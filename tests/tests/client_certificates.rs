//! Client certificates, as they reach the app from a front end that hands them on in
//! `X-ARR-ClientCert`. devhost passes the header through as the host does, so what a client writes
//! into it here stands for what App Service would.

use std::sync::{LazyLock, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use serde_json::json;
use stockade_tests::running::free_port;
use stockade_tests::{Answer, App, Host, Mode, Request, Setup};

const HEADER: &str = "X-ARR-ClientCert";

/// The certificates of this run.
struct Certificates {
    root: CertifiedIssuer<'static, KeyPair>,
    namesake: CertifiedIssuer<'static, KeyPair>,
    /// The base64 of one that is pinned.
    pinned: String,
    thumbprint: String,
}

static CERTIFICATES: LazyLock<Certificates> = LazyLock::new(|| {
    let pinned = client(|_| ()).self_signed(&key()).expect("a certificate");
    let thumbprint = sha256(pinned.der());
    Certificates {
        root: authority(),
        namesake: authority(),
        pinned: STANDARD.encode(pinned.der()),
        thumbprint,
    }
});

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let params = client(|params| {
        params
            .distinguished_name
            .push(DnType::CommonName, "Authority of this run");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages.clear();
    });
    CertifiedIssuer::self_signed(params, key()).expect("a root")
}

fn client(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    params
}

/// The base64 of a certificate that the listed authority issued.
fn issued(change: impl FnOnce(&mut CertificateParams)) -> String {
    issued_by(&CERTIFICATES.root, change)
}

fn issued_by(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    change: impl FnOnce(&mut CertificateParams),
) -> String {
    let certificate = client(change).signed_by(&key(), issuer);
    STANDARD.encode(certificate.expect("a certificate").der())
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let bytes = digest.as_ref().iter();
    bytes
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(":")
}

fn setup(mode: Mode) -> Setup {
    Setup::of(App::Gallery("recorded"))
        .mode(mode)
        .setting("STOCKADE__AUTH__CLIENT_CERTIFICATES", "app-service")
        .setting(
            "STOCKADE__AUTH__CLIENT_CERTIFICATE_THUMBPRINTS",
            &CERTIFICATES.thumbprint,
        )
        .setting(
            "STOCKADE__AUTH__CLIENT_CERTIFICATE_AUTHORITIES",
            "authorities.pem",
        )
        .file("authorities.pem", &CERTIFICATES.root.pem())
}

/// A host for each mode whose app asks for certificates.
fn host(mode: Mode) -> &'static Host {
    static HOSTS: [OnceLock<Host>; 3] = [const { OnceLock::new() }; 3];
    let index = Mode::ALL.iter().position(|known| *known == mode);
    HOSTS[index.expect("all modes are in the list")].get_or_init(|| setup(mode).start())
}

fn orders() -> Request {
    Request::get("/api/orders/7")
}

/// Sends the request, and names the rule in the log if it was turned away.
fn outcome(host: &Host, request: &Request) -> (Answer, String) {
    let answer = request.send(host.port);
    if answer.status < 400 {
        return (answer, "accepted".to_owned());
    }
    let id = answer.invocation_id();
    let end = host.wait_for_line("the refusal", |line| {
        line.invocation_id() == id && line.outcome().is_some()
    });
    (answer, end.text("rule").to_owned())
}

#[test]
fn a_call_needs_its_token_and_one_accepted_certificate_in_every_mode() {
    let good = issued(|_| ());
    let armoured = format!("-----BEGIN CERTIFICATE-----{good}-----END CERTIFICATE-----");
    let url_encoded = good.replace('+', "%2B").replace('/', "%2F") + "%3D";
    let expired = issued(|params| params.not_after = date_time_ymd(2021, 1, 1));
    let not_yet_valid = issued(|params| params.not_before = date_time_ymd(2098, 1, 1));
    let for_servers = issued(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let authoritys = issued(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let of_the_namesake = issued_by(&CERTIFICATES.namesake, |_| ());
    let alone = client(|_| ()).self_signed(&key()).expect("a certificate");
    let alone = STANDARD.encode(alone.der());
    for mode in Mode::ALL {
        let host = host(mode);
        let token = host.token_with(&["Orders.Write"]);
        for (name, certificates, rule) in [
            ("of the authority", vec![&good], "accepted"),
            ("once more", vec![&good], "accepted"),
            ("pinned", vec![&CERTIFICATES.pinned], "accepted"),
            ("in PEM armour", vec![&armoured], "accepted"),
            ("none", vec![], "certificate_missing"),
            ("twice", vec![&good, &good], "certificate_malformed"),
            ("URL-encoded", vec![&url_encoded], "certificate_malformed"),
            (
                "cut",
                vec![&good[..100].to_owned()],
                "certificate_malformed",
            ),
            (
                "of a namesake",
                vec![&of_the_namesake],
                "certificate_untrusted",
            ),
            ("self-signed", vec![&alone], "certificate_untrusted"),
            ("expired", vec![&expired], "certificate_expired"),
            (
                "of tomorrow",
                vec![&not_yet_valid],
                "certificate_not_yet_valid",
            ),
            ("for servers", vec![&for_servers], "certificate_purpose"),
            ("an authority's", vec![&authoritys], "certificate_purpose"),
        ] {
            let request = certificates
                .iter()
                .fold(orders().bearer(&token), |request, it| {
                    request.header(HEADER, it)
                });

            let (answer, found) = outcome(host, &request);

            assert_eq!(found, rule, "{name} by {mode:?}: {answer:?}");
            if rule == "accepted" {
                assert_eq!(answer.json()["claimed"], false, "{name} by {mode:?}");
                continue;
            }
            assert_eq!(answer.status, 403, "{name} by {mode:?}");
            assert_eq!(answer.problem(), "forbidden", "{name} by {mode:?}");
            let told = answer.json()["detail"].clone();
            assert_eq!(told, host_told(host), "{name} by {mode:?}");
            assert_eq!(
                answer.header("www-authenticate"),
                None,
                "{name} by {mode:?}"
            );
        }
    }
}

/// What a caller without the permission is told.
fn host_told(host: &Host) -> serde_json::Value {
    let request = orders()
        .bearer(&host.token_with(&["Orders.Read"]))
        .header(HEADER, &CERTIFICATES.pinned);
    request.send(host.port).json()["detail"].clone()
}

#[test]
fn a_certificate_stands_in_for_no_token_and_comes_before_permissions() {
    let good = issued(|_| ());
    for mode in Mode::ALL {
        let host = host(mode);
        let foreign = host.token(&json!({"scopes": ["Orders.Write"], "signed_by": "foreign"}));
        let reader = host.token_with(&["Orders.Read"]);
        let with_certificate = orders().header(HEADER, &good);
        for (name, request, status, rule, challenge) in [
            (
                "no token",
                with_certificate.clone(),
                401,
                "missing_token",
                Some("Bearer"),
            ),
            (
                "a foreign token",
                with_certificate.clone().bearer(&foreign),
                401,
                "unknown_key",
                Some(r#"Bearer error="invalid_token""#),
            ),
            (
                "a token without the scope",
                with_certificate.bearer(&reader),
                403,
                "missing_permission",
                Some(r#"Bearer error="insufficient_scope", scope="Orders.Write""#),
            ),
            (
                "a token without the scope, and no certificate",
                orders().bearer(&reader),
                403,
                "certificate_missing",
                None,
            ),
            (
                "a foreign token, and no certificate",
                orders().bearer(&foreign),
                401,
                "unknown_key",
                Some(r#"Bearer error="invalid_token""#),
            ),
        ] {
            let (answer, found) = outcome(host, &request);

            assert_eq!(answer.status, status, "{name} by {mode:?}: {answer:?}");
            assert_eq!(found, rule, "{name} by {mode:?}");
            let told = answer.header("www-authenticate");
            assert_eq!(told, challenge, "{name} by {mode:?}");
        }
    }
}

#[test]
fn a_header_that_only_looks_like_the_front_ends_is_no_certificate() {
    let good = issued(|_| ());
    let host = host(Mode::Proxying);
    let token = host.token_with(&["Orders.Write"]);
    for name in ["X_ARR_ClientCert", "X-ARR-ClientCert-2", "X-Client-Cert"] {
        let (_, rule) = outcome(host, &orders().bearer(&token).header(name, &good));

        assert_eq!(rule, "certificate_missing", "{name}");
    }
}

#[test]
fn anonymous_functions_and_events_need_no_certificate() {
    let host = host(Mode::Proxying);

    for request in [
        Request::get("/api/ping"),
        Request::get("/api/ping").header(HEADER, "not a certificate"),
    ] {
        assert_eq!(request.send(host.port).text(), "up");
    }

    host.run("nightly", "");
    let end = host.wait_for_line("the tick", |line| line.ends("nightly"));
    assert_eq!(end.outcome(), Some("succeeded"));
}

#[test]
fn without_the_setting_the_header_changes_nothing_and_no_function_sees_it() {
    let good = issued(|_| ());
    for mode in Mode::ALL {
        let host = Setup::of(App::Gallery("recorded")).mode(mode).start();
        let token = host.token_with(&["Orders.Write"]);
        let plain = orders().bearer(&token).send(host.port);
        assert_eq!(plain.status, 200, "{plain:?}");
        assert_eq!(plain.json()["claimed"], false);

        for values in [vec![good.as_str()], vec!["not base64"], vec![&good, &good]] {
            let request = values.iter().fold(orders().bearer(&token), |request, it| {
                request.header(HEADER, it)
            });
            let answer = request.send(host.port);

            assert_eq!(answer.status, 200, "{mode:?}: {answer:?}");
            assert_eq!(answer.json(), plain.json(), "{mode:?}");
        }
        let answer = orders().header(HEADER, &good).send(host.port);
        assert_eq!(answer.status, 401, "{mode:?}: {answer:?}");
    }
}

#[test]
fn no_line_of_the_log_holds_a_certificate_and_the_start_says_who_is_believed() {
    let host = setup(Mode::Envelope).start();
    let token = host.token_with(&["Orders.Write"]);
    let (good, stranger) = (
        issued(|_| ()),
        issued_by(&CERTIFICATES.namesake, |params| {
            params
                .distinguished_name
                .push(DnType::CommonName, "Grace of this run");
        }),
    );

    assert_eq!(
        outcome(&host, &orders().bearer(&token).header(HEADER, &good)).1,
        "accepted"
    );
    let refused = outcome(&host, &orders().bearer(&token).header(HEADER, &stranger));

    assert_eq!(refused.1, "certificate_untrusted");
    host.wait_for_line("the warning", |line| {
        line.message() == "configuration.weak"
            && line.text("setting") == "STOCKADE__AUTH__CLIENT_CERTIFICATES"
    });
    for line in host.stop() {
        for secret in [&good[400..440], &stranger[400..440], "of this run"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

#[test]
fn where_nobody_checks_the_callers_key_the_app_does_not_start() {
    let ended = setup(Mode::Proxying)
        .setting("STOCKADE__AUTH__TENANTS", "any")
        .setting("STOCKADE__AUTH__AUDIENCES", "api://orders")
        .run_to_its_end(free_port());

    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let told = |line: &String| line.starts_with("STOCKADE__AUTH__CLIENT_CERTIFICATES: is refused");
    assert!(ended.lines.iter().any(told), "{ended:?}");
}
