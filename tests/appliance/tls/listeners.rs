//! Several listeners: what is served on which, what the start says of them, and who is told to stay with TLS.

use rustix::process::Signal;

use super::client::Client;
use super::{Site, made};
use crate::support::Answer;
use crate::wire::{PATIENCE, exchange, plain};

const HSTS: &str = "strict-transport-security";

/// Asks in the clear.
fn ask(port: u16, path: &str, headers: &[(&str, &str)]) -> Answer {
    exchange(port, &plain("GET", path, headers, b""), PATIENCE).unwrap()
}

fn port(url: &str) -> u16 {
    // A new database has a claim code behind the address.
    let host = url.split('/').next().unwrap();
    host.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn the_settings_page_has_an_address_of_its_own_when_it_is_given_one() {
    let site = Site::with("[listen.settings]\naddress = \"127.0.0.1:0\"\n");
    let token = site.place.provisioned();
    let server = site.start();
    let settings = port(&server.printed("Settings page: http://"));
    assert_ne!(settings, server.port);
    let bearer = format!("Bearer {token}");
    let good = [("Authorization", bearer.as_str())];
    assert_eq!(ask(server.port, "/scim/v2/Users", &good).status, 200);
    // Nothing of SCIM is there, and nothing is to be learnt about tokens.
    for headers in [&good[..], &[], &[("Authorization", "Bearer x")]] {
        for path in ["/scim/v2/Users", "/scim/v2", "/scim/v2/ServiceProviderConfig", "/nothing", "*"] {
            let answer = ask(settings, path, headers);
            assert_eq!(answer.status, 404, "{path}: {}", answer.body);
            crate::hostile::is_scim_error(&answer).unwrap();
        }
    }
    for port in [server.port, settings] {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(ask(port, path, &[]).status, 200);
        }
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn each_listener_speaks_what_its_address_asks_for() {
    let site = Site::with("[listen.settings]\naddress = \"0.0.0.0:0\"\n");
    let server = site.start();
    let settings = port(&server.printed("Settings page: https://"));
    assert!(server.printed("Listening on ").starts_with("http://127.0.0.1:"));
    assert!(server.printed("SCIM endpoint: ").starts_with("http://127.0.0.1:"));
    assert_eq!(ask(server.port, "/healthz", &[]).status, 200);
    assert_eq!(Client::new(settings).name("localhost").send("GET", "/healthz", &[]).status, 200);
    assert_eq!(ask(settings, "/healthz", &[]).status, 400);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn the_start_says_where_it_is_and_under_which_scheme() {
    let site = Site::given(&made(), "");
    let server = site.start();
    let url = format!("https://127.0.0.1:{}", server.port);
    assert_eq!(server.printed("Listening on "), url);
    assert_eq!(server.printed("SCIM endpoint: "), format!("{url}/scim/v2"));
    let page = server.printed("Settings page: ");
    assert!(page.starts_with(&format!("{url}/setup with the claim code ")), "{page}");
    assert_eq!(server.terminate(), Some(0));
}

/// One year, on every answer, where browsers can hold fast to it; never where the next start may need plain HTTP.
#[test]
fn clients_are_told_to_stay_with_tls_where_a_certificate_was_given() {
    let site = Site::given(&made(), "");
    let token = site.place.provisioned();
    let server = site.start();
    let bearer = format!("Bearer {token}");
    let client = Client::new(server.port);
    for (path, headers, status) in [
        ("/healthz", &[][..], 200),
        ("/scim/v2/Users", &[("Authorization", bearer.as_str())], 200),
        ("/scim/v2/Users/x", &[("Authorization", &bearer)], 404),
        ("/scim/v2/Users", &[], 401),
        ("/nothing", &[("Authorization", "Bearer x")], 401),
    ] {
        let answer = client.send("GET", path, headers);
        assert_eq!((answer.status, answer.header(HSTS)), (status, Some("max-age=31536000")), "{path}");
    }
    crate::http2::run(async {
        let mut peer = Client::new(server.port).alpn(&["h2"]).peer(&token).await;
        assert_eq!(peer.get("/scim/v2/Users").await.header(HSTS), Some("max-age=31536000"));
    });
    assert_eq!(server.terminate(), Some(0));

    let site = Site::own();
    let server = site.start();
    assert_eq!(Client::new(server.port).send("GET", "/healthz", &[]).header(HSTS), None, "our own");
    let site = Site::with("");
    let server = site.start();
    for headers in [&[][..], &[("X-Forwarded-Proto", "https")]] {
        assert_eq!(ask(server.port, "/healthz", headers).header(HSTS), None, "plain");
    }
}

/// Requests that are under way on any listener come to their end; connections that ask nothing do not keep the server.
#[test]
fn a_stop_ends_every_listener() {
    let site = Site::given(&made(), "[listen.settings]\naddress = \"127.0.0.1:0\"\n");
    let mut server = site.start();
    let settings = port(&server.printed("Settings page: https://"));
    let mut idle = Vec::new();
    for port in [server.port, settings] {
        let mut used = Client::new(port).connect().unwrap().http();
        assert_eq!(used.send("GET", "/healthz", &[], None).unwrap().status, 200);
        idle.push(used);
        idle.push(Client::new(port).connect().unwrap().http());
    }
    let half = std::net::TcpStream::connect(("127.0.0.1", settings)).unwrap();
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(!server.log().contains("still under way"), "{}", server.log());
    drop((idle, half));
}
