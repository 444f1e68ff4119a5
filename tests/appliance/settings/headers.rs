//! What stands on every answer, whatever it is; and that no page needs more than it allows.

use std::path::Path;

use super::browser::tags;
use super::{House, PASSWORD};
use crate::support::Answer;
use crate::tls::client::Client;
use crate::wire::{PATIENCE, exchange, plain};

const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const DATA: &str = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Items 1, 2, 4, 6 and 8 for one answer.
fn is_guarded(what: &str, answer: &Answer) {
    let header = |name: &str| answer.header(name).unwrap_or_else(|| panic!("{what} has no {name}: {answer:?}"));
    let kind =
        if answer.body.is_empty() { answer.header("content-type").unwrap_or("none") } else { header("content-type") };
    let policy = header("content-security-policy");
    assert_eq!(policy, if kind.starts_with("text/html") { PAGE } else { DATA }, "{what}");
    assert!(!policy.contains("unsafe"), "{what}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("referrer-policy"), "no-referrer", "{what}");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{what}");
    assert!(kind == "none" || kind.ends_with("; charset=utf-8"), "{what}: {kind}");
    if kind.starts_with("text/html") {
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{what}");
        let permissions = header("permissions-policy");
        assert!(permissions.split(", ").all(|p| p.ends_with("=()")), "{what}: {permissions}");
    } else if !answer.body.is_empty() && answer.status >= 400 {
        // Data that is opened in a browser is no page.
        assert!(kind.starts_with("application/scim+json") || kind.starts_with("application/json"), "{what}: {kind}");
    }
    for (name, value) in &answer.headers {
        assert!(!name.to_lowercase().starts_with("access-control"), "{what}: {name}");
        assert!(!matches!(name.to_lowercase().as_str(), "server" | "x-powered-by" | "via"), "{what}: {name}: {value}");
    }
    let id = header("x-request-id");
    assert!(!id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{what}: {id}");
    if answer.header("cache-control") != Some("public, max-age=31536000, immutable") {
        assert_eq!(header("cache-control"), "no-store", "{what}");
    }
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    let house = House::new();
    let provider = house.provider();
    let api = house.place.done(&["token", "create", "--name", "api", "--scope", "api:read"]).trim().to_owned();
    let mut browser = house.browser();
    let mut seen = Vec::new();
    let mut look = |what: String, answer: Answer, status: u16| {
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        is_guarded(&what, &answer);
        seen.push(status);
    };
    look("/".into(), browser.get("/"), 303);
    look("/sign-in".into(), browser.get("/sign-in"), 200);
    look("HEAD".into(), browser.send("HEAD", "/sign-in", &[], None), 200);
    look("wrong".into(), browser.post("/sign-in", &[("name", "ada"), ("password", "x")]), 403);
    look("empty".into(), browser.post("/sign-in", &[]), 422);
    look("foreign".into(), browser.send("POST", "/sign-in", &[("Origin", "http://evil.example")], Some("")), 403);
    look("in".into(), browser.sign_in("ada", PASSWORD), 303);
    for page in [
        "/",
        "/provisioning",
        "/people",
        "/groups",
        "/requests",
        "/handovers",
        "/handovers?status=settled",
        "/people/departed",
        "/groups/archived",
        "/guard",
        "/admins",
        "/account",
        "/tokens/new",
        "/account/second-factor",
        "/provisioning/off",
    ] {
        look(page.into(), browser.get(page), 200);
        look(format!("HEAD {page}"), browser.send("HEAD", page, &[], None), 200);
    }
    for page in ["/people/x", "/setup", "/nothing", "/tokens/x/revoke", "/help"] {
        look(page.into(), browser.get(page), 404);
    }
    let large = format!("csrf={}", "x".repeat(3_000_000));
    let own = super::browser::OWN;
    look("large".into(), browser.send("POST", "/account/password", &own, Some(&large)), 413);
    look("css".into(), browser.get(&asset(&browser.clone().page("/"), "stylesheet")), 200);
    look("old css".into(), browser.get("/static/app.000000000000.css"), 404);
    look("POST css".into(), browser.send("POST", &asset(&browser.clone().page("/"), "stylesheet"), &[], Some("")), 405);
    let bearer = |token: &str| format!("Bearer {token}");
    let (scim, api) = (bearer(&provider.token), bearer(&api));
    let ask = |method: &str, path: &str, token: &str| {
        let headers = [("Authorization", token), ("Accept", "text/html")];
        exchange(house.port(), &plain(method, path, &headers, b""), PATIENCE).unwrap()
    };
    for (method, path, token, status) in [
        ("GET", "/scim/v2/Users", scim.as_str(), 200),
        ("GET", "/scim/v2/Users", "Bearer x", 401),
        ("GET", "/scim/v2/Users/x", &scim, 404),
        ("GET", "/scim/v2/Users?filter=x", &scim, 400),
        ("OPTIONS", "/scim/v2/Users", &scim, 204),
        ("BREW", "/scim/v2/Users", &scim, 501),
        ("DELETE", "/scim/v2/Users", &scim, 405),
        ("GET", "/api/v1/requests", &api, 200),
        ("GET", "/api/v1/requests", &scim, 403),
        ("GET", "/api/v1/requests", "", 401),
        ("GET", "/api/v1/x", &api, 404),
        ("POST", "/api/v1/requests", &api, 405),
        ("GET", "/healthz", "", 200),
        ("GET", "/readyz", "", 200),
    ] {
        look(format!("{method} {path}"), ask(method, path, token), status);
    }
    // What never becomes a request.
    for bytes in
        [&b"nonsense\r\n\r\n"[..], b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"]
    {
        look("raw".into(), exchange(house.port(), bytes, PATIENCE).unwrap(), 400);
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(100_000));
    look("long".into(), exchange(house.port(), long.as_bytes(), PATIENCE).unwrap(), 431);
    house.place.done(&["provisioning", "pause"]);
    look("paused".into(), ask("GET", "/scim/v2/Users", &scim), 503);
    for class in [2, 3, 4, 5] {
        assert!(seen.iter().any(|s| s / 100 == class), "no answer {class}xx was looked at");
    }
}

fn asset(page: &str, rel: &str) -> String {
    let tags = tags(page);
    tags.iter().find(|t| t.get("rel") == Some(rel)).and_then(|t| t.get("href")).unwrap().to_owned()
}

/// Items 3 and 9 of pages, over TLS: nobody who is not signed in learns what runs here.
#[test]
fn before_signing_in_nothing_tells_what_runs_here() {
    let house = House::new();
    let version = env!("CARGO_PKG_VERSION");
    let mut browser = house.browser();
    for path in ["/sign-in", "/setup", "/nothing", "/sign-in/code", "/people"] {
        let answer = browser.get(path);
        assert!(!answer.body.contains(version) && !answer.body.contains("hyper"), "{path}");
        assert!(answer.headers.iter().all(|(_, v)| !v.contains(version)), "{path}");
    }
    let failed = browser.send("POST", "/sign-in", &[], Some("x"));
    assert_eq!(failed.status, 403);
    assert!(!failed.body.contains(version) && !failed.body.contains("ada"));
    assert!(house.ada().page("/").contains(version), "who is signed in may know");
}

#[test]
fn assets_are_kept_for_ever_under_names_that_change_with_them() {
    let house = House::new();
    let page = house.browser().page("/sign-in");
    let mut size = page.len();
    let mut browser = house.browser();
    let mut found = 0;
    for tag in tags(&page) {
        let Some(path) = tag.get("href").or_else(|| tag.get("src")).filter(|p| p.starts_with("/static/")) else {
            continue;
        };
        found += 1;
        let answer = browser.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
        assert!(super::browser::set(&answer).is_empty());
        size += answer.body.len();
        let (stem, ending) = path.rsplit_once('.').unwrap();
        let (name, mark) = stem.rsplit_once('.').unwrap();
        assert_eq!(mark.len(), 12);
        // The name of before, the name without a mark, and ways around.
        for other in [
            format!("{name}.{}.{ending}", "0".repeat(12)),
            format!("{name}.{ending}"),
            format!("{path}/"),
            format!("{path}.map"),
            format!("/static/../static/{name}"),
        ] {
            let answer = browser.get(&other);
            let below = other.matches('/').count() > 2;
            assert_eq!(answer.status, if below { 401 } else { 404 }, "{other}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{other}");
        }
        assert_eq!(
            browser.send("HEAD", path, &[], None).header("content-length"),
            Some(answer.body.len().to_string().as_str())
        );
    }
    assert!(found >= 3, "{page}");
    assert!(size < 150 << 10, "{size} bytes");
    let scripts: Vec<_> = tags(&page).into_iter().filter(|t| t.name == "script").collect();
    assert!(scripts.len() == 1 && scripts[0].get("src").is_some());
}

/// The policy forbids what is inline; no template may need it, and nothing is loaded from elsewhere.
#[test]
fn no_template_needs_what_the_policy_forbids() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/templates");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        count += 1;
        let lower = text.to_lowercase();
        assert!(!lower.contains("<style") && !lower.contains("javascript:"), "{}", path.display());
        assert!(!lower.contains("|safe") || path.ends_with("second-factor.html"), "{}", path.display());
        for (i, _) in lower.match_indices("<script") {
            assert!(lower[i..].starts_with("<script src="), "{}", path.display());
        }
        for piece in lower.split(|c: char| c.is_whitespace()) {
            let name = piece.split('=').next().unwrap();
            let inline = piece.contains("=\"") && (name == "style" || (name.starts_with("on") && name.len() > 3));
            assert!(!inline, "{}: {piece}", path.display());
        }
        for far in [
            "src=\"http",
            "src=\"//",
            "<link rel=\"stylesheet\" href=\"http",
            "@import",
            "<iframe",
            "<object",
            "<embed",
            "<base",
        ] {
            assert!(!lower.contains(far), "{}: {far}", path.display());
        }
    }
    assert!(count > 15);
    let css = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/static/app.css");
    let css = std::fs::read_to_string(css).unwrap();
    assert!(!css.contains("http://") && !css.contains("https://") && !css.contains("@import"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/static/app.js");
    let script = std::fs::read_to_string(script).unwrap();
    for sink in ["innerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "outerHTML =", ".style"]
    {
        assert!(!script.contains(sink), "{sink}");
    }
}

/// Browsers choose HTTP/2 where they can: then the server is named in the target and not in `Host`.
#[test]
fn forms_are_sent_over_tls_in_both_versions_of_http() {
    let site = crate::tls::Site::given(&crate::tls::made(), "");
    let house = House { place: site.place, server: None };
    assert!(house.spoken(&["admin", "create", "ada"], PASSWORD).status.success());
    let house = house.started();
    let mut browser = house.browser();
    let talk = |browser: &mut super::browser::Browser, h2: bool, method: &str, path: &str, body: &str| -> Answer {
        let mut own = browser.headers();
        let origin = if h2 { "https://127.0.0.1" } else { "https://scim.test" };
        if method == "POST" {
            own.push(("Origin".into(), origin.into()));
            own.push(("Content-Type".into(), super::browser::OWN[1].1.into()));
        }
        let headers: Vec<(&str, &str)> = own.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = match h2 {
            false => {
                let mut text = format!(
                    "{method} {path} HTTP/1.1\r\nHost: scim.test\r\nConnection: close\r\nContent-Length: {}\r\n",
                    body.len()
                );
                headers.iter().for_each(|(n, v)| text.push_str(&format!("{n}: {v}\r\n")));
                Client::new(house.port()).connect().unwrap().raw(format!("{text}\r\n{body}").as_bytes()).unwrap()
            }
            true => {
                let mut got = None;
                crate::http2::run(async {
                    let mut peer = Client::new(house.port()).alpn(&["h2"]).peer("").await;
                    got = Some(peer.ask(method, path, &headers, Some(body.to_owned().into())).await.unwrap());
                });
                got.unwrap()
            }
        };
        browser.keep(&answer);
        answer
    };
    for h2 in [false, true] {
        let page = talk(&mut browser, h2, "GET", "/sign-in", "");
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("not encrypted"), "the banner of plain HTTP");
        let body = super::browser::encoded(&[("csrf", &browser.csrf), ("name", "ada"), ("password", PASSWORD)]);
        let answer = talk(&mut browser, h2, "POST", "/sign-in", &body);
        assert_eq!(answer.status, 303, "h2 {h2}: {}", super::browser::text(&answer.body));
        is_guarded("sign-in", &answer);
        let cookies: Vec<&str> =
            answer.headers.iter().filter(|(n, _)| n == "set-cookie").map(|(_, v)| v.as_str()).collect();
        assert_eq!(cookies.len(), 2, "{cookies:?}");
        for cookie in cookies {
            assert!(
                cookie.starts_with("__Host-") && cookie.contains("; Path=/; HttpOnly; SameSite=Strict; Secure"),
                "{cookie}"
            );
            assert!(!cookie.to_lowercase().contains("domain"));
        }
        assert!(answer.header("strict-transport-security").is_some());
        assert_eq!(talk(&mut browser, h2, "GET", "/account", "").status, 200);
        // The name without the prefix, which a neighbour could have set, is nothing here.
        let mut plain = house.browser();
        plain.cookies.insert("scim-appliance".into(), browser.cookies["__Host-scim-appliance"].clone());
        assert_eq!(talk(&mut plain, h2, "GET", "/account", "").status, 303);
        assert_eq!(talk(&mut browser, h2, "POST", "/sign-out", "csrf=x").status, 403);
    }
}

/// The length of a compressed page tells of what is in it, to whoever can cause it again and again with words of their own.
#[test]
fn pages_are_compressed_for_nobody_elses_page() {
    let house = House::new();
    let mut ada = house.ada();
    let asset = {
        let page = ada.page("/");
        page.split("href=\"/static/app.")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .map(|name| format!("/static/app.{name}"))
            .unwrap()
    };
    for (path, site, takes, expected) in [
        ("/people?q=x", Some("same-origin"), Some("gzip, br"), true),
        ("/people?q=x", Some("none"), Some("gzip"), true),
        ("/people?q=x", Some("cross-site"), Some("gzip"), false),
        ("/people?q=x", Some("same-site"), Some("gzip"), false),
        ("/people?q=x", None, Some("gzip"), false),
        ("/people?q=x", Some("same-origin"), None, false),
        ("/people?q=x", Some("same-origin"), Some("gzip;q=0"), false),
        (asset.as_str(), Some("cross-site"), Some("gzip"), true),
        (asset.as_str(), None, None, false),
    ] {
        let headers: Vec<(&str, &str)> = [("Sec-Fetch-Site", site), ("Accept-Encoding", takes)]
            .into_iter()
            .filter_map(|(n, v)| Some((n, v?)))
            .collect();
        let answer = ada.send("HEAD", path, &headers, None);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-encoding") == Some("gzip"), expected, "{path} {site:?} {takes:?}");
    }
}
