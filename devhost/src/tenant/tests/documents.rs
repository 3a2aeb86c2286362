use super::*;

#[tokio::test]
async fn metadata_leads_to_keys_that_verify_a_token() {
    let metadata = get(
        &SHARED,
        &format!("/{TENANT}/v2.0/.well-known/openid-configuration"),
    )
    .await;
    let keys = metadata["jwks_uri"]
        .as_str()
        .unwrap()
        .strip_prefix(ORIGIN)
        .unwrap();
    let token = SHARED.mint(&TokenRequest {
        scopes: vec!["Orders.Read".into()],
        ..TokenRequest::default()
    });

    let claims = verify(&SHARED, &token, keys, metadata["issuer"].as_str().unwrap())
        .await
        .unwrap();

    assert_eq!(metadata["issuer"], v2_issuer());
    assert_eq!(claims["scp"], "Orders.Read");
}

#[tokio::test]
async fn v1_metadata_has_the_clouds_issuer_and_keys_without_one() {
    let metadata = get(
        &SHARED,
        &format!("/{TENANT}/.well-known/openid-configuration"),
    )
    .await;
    let keys = metadata["jwks_uri"]
        .as_str()
        .unwrap()
        .strip_prefix(ORIGIN)
        .unwrap();
    let token = SHARED.mint(&TokenRequest {
        version: Version::V1,
        ..TokenRequest::default()
    });

    let claims = verify(
        &SHARED,
        &token,
        keys,
        &format!("https://sts.windows.net/{TENANT}/"),
    )
    .await
    .unwrap();

    assert_eq!(claims["ver"], "1.0");
    assert_eq!(claims["appid"], CLIENT);
    assert!(get(&SHARED, keys).await["keys"][0].get("issuer").is_none());
    assert_eq!(
        get(&SHARED, &v2_keys()).await["keys"][0]["issuer"],
        v2_issuer()
    );
}

#[tokio::test]
async fn documents_for_all_tenants_have_a_template_for_the_issuer() {
    for shared in ["common", "organizations", "consumers"] {
        let metadata = get(
            &SHARED,
            &format!("/{shared}/v2.0/.well-known/openid-configuration"),
        )
        .await;
        assert_eq!(metadata["issuer"], format!("{ORIGIN}/{{tenantid}}/v2.0"));
    }
}

#[tokio::test]
async fn an_unknown_tenant_or_path_is_not_found() {
    for path in [
        "/example.com/v2.0/.well-known/openid-configuration",
        "/7C3B2F4E-0D5A-4E8C-9B61-2F90C1A7D384/discovery/keys",
        "/",
        "/stand-in/x",
        "/stand-in/token",
    ] {
        assert_eq!(send(&SHARED, Method::GET, path, "").await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn an_application_with_its_own_keys_finds_them_by_its_id() {
    let path = format!("/{TENANT}/v2.0/.well-known/openid-configuration?appid=a%26b&x=1");

    let metadata = get(&SHARED, &path).await;

    assert_eq!(
        metadata["jwks_uri"],
        format!("{ORIGIN}/{TENANT}/discovery/v2.0/keys?appid=a%26b")
    );
}

#[tokio::test]
async fn the_key_of_an_application_is_published_to_those_who_ask_for_it() {
    let token = SHARED.mint(&TokenRequest {
        signed_by: SignedBy::Application,
        ..TokenRequest::default()
    });
    let verified = async |query: &str| {
        let keys = format!("{}{query}", v2_keys());
        verify(&SHARED, &token, &keys, &v2_issuer()).await
    };

    assert!(verified(&format!("?appid={AUDIENCE}")).await.is_ok());
    for other in [
        "",
        "?appid=",
        &format!("?appid={CLIENT}"),
        &format!("?app={AUDIENCE}"),
    ] {
        assert_eq!(
            verified(other).await,
            Err("no such key".to_owned()),
            "{other}"
        );
    }
}

#[tokio::test]
async fn a_key_is_named_by_the_hash_of_a_certificate_that_holds_it() {
    let keys = get(&SHARED, &v2_keys()).await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);

    for key in keys["keys"].as_array().unwrap() {
        let certificate = STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
        let hash =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate);
        assert_eq!(key["kid"], URL_SAFE_NO_PAD.encode(hash));
        assert_eq!(key["kid"].as_str().unwrap().len(), 27);
        assert_eq!(key["x5t"], key["kid"]);
        assert!(key.get("alg").is_none());

        // Outer header of 4 bytes, then the signed part, whose own header has 4 bytes too.
        let length = usize::from(certificate[6]) << 8 | usize::from(certificate[7]);
        let (signed, signature) = (
            &certificate[4..8 + length],
            &certificate[certificate.len() - 256..],
        );
        let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
        assert_eq!(modulus.len(), 256);
        assert!(signed.windows(256).any(|window| window == modulus));
        let spki = signed
            .windows(4)
            .rposition(|w| w == [0x30, 0x82, 0x01, 0x22])
            .unwrap();
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &signed[spki..]).unwrap();
        public.verify_sig(signed, signature).unwrap();
    }
}

#[test]
fn debugging_a_tenant_shows_no_key() {
    let shown = format!("{:?}", *SHARED);

    assert!(shown.contains("kid") && !shown.contains("pair"));
}

#[tokio::test]
async fn it_is_served_over_http() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tenant = SHARED.clone();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper::service::service_fn(|request| {
            let tenant = tenant.clone();
            async move { Ok::<_, std::convert::Infallible>(tenant.serve(request).await) }
        });
        hyper::server::conn::http1::Builder::new()
            .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
            .await
    });

    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n",
        v2_keys()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(answer.contains(&v2_issuer()));
    server.await.unwrap().unwrap();
}
