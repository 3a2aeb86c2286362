//! Proxies that the environment names.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use serde_json::json;

use crate::world::{World, digest_of, setup};

#[test]
fn no_request_for_a_token_or_a_secret_goes_to_a_proxy_that_the_environment_names() {
    let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let lower = names.map(str::to_lowercase);
    let setup = names
        .into_iter()
        .chain(lower.iter().map(String::as_str))
        .fold(setup(), |setup, name| setup.setting(name, &address));

    let world = World::of(&setup);
    world.wait_for("/api/required", &digest_of(&world.values.required));
    world.put("required", &json!("the next"));
    world.wait_for("/api/required", &digest_of("the next"));

    assert!(world.tokens_asked_for() > 0);
    let came = proxy.accept();
    assert_eq!(came.unwrap_err().kind(), ErrorKind::WouldBlock);
}
