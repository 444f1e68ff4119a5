//! Requests that no page of ours makes.

use super::browser::{OWN, text};
use super::{House, PASSWORD};

#[test]
fn what_is_larger_than_a_form_is_refused_and_nothing_breaks() {
    let house = House::new();
    let mut ada = house.ada();
    ada.page("/admins");
    // Who is not signed in has nothing long to say.
    let mut stranger = house.browser();
    stranger.page("/sign-in");
    for size in [64 << 10, 100_000] {
        let body = format!("csrf={}&name={}", stranger.csrf, "x".repeat(size));
        assert_eq!(stranger.send("POST", "/sign-in", &OWN, Some(&body)).status, 413, "{size}");
    }
    for size in [2 << 20, 5_000_000] {
        let body = format!("csrf={}&name={}", ada.csrf, "x".repeat(size));
        let answer = ada.send("POST", "/admins", &OWN, Some(&body));
        assert_eq!(answer.status, 413, "{size}");
        assert!(text(&answer.body).contains("larger"), "{}", text(&answer.body));
    }
    // At the limit it is read, and found wanting.
    let body = format!("csrf={}&name=", ada.csrf);
    let body = format!("{body}{}", "x".repeat((2 << 20) - body.len()));
    assert_eq!(ada.send("POST", "/admins", &OWN, Some(&body)).status, 422);
    for body in ["", "&&&&", "%", "=&=&=", "csrf", "csrf=&csrf=", "\0", "name=%ff%fe&csrf=%00"] {
        assert_eq!(ada.send("POST", "/admins", &OWN, Some(body)).status, 403, "{body:?}");
    }
    let compressed = [OWN[0], OWN[1], ("Content-Encoding", "gzip")];
    let answer = ada.send("POST", "/admins", &compressed, Some("x"));
    assert!(matches!(answer.status, 403 | 415), "{}", answer.status);
    assert!(ada.is_in());
}

#[test]
fn head_says_what_get_would_and_changes_nothing() {
    let house = House::new();
    let mut ada = house.ada();
    for path in [
        "/",
        "/people",
        "/groups",
        "/requests",
        "/admins",
        "/account",
        "/tokens/new",
        "/provisioning",
        "/sign-in",
        "/nothing/at/all",
    ] {
        let get = ada.get(path);
        let head = ada.send("HEAD", path, &[], None);
        assert_eq!(head.body, "");
        if path == "/nothing/at/all" {
            // Only browsers that look for a page are shown one that says that there is none.
            assert!(matches!(head.status, 401 | 404));
            continue;
        }
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert!(head.header("content-length").unwrap().parse::<usize>().unwrap() > 500, "{path}");
    }
}

#[test]
fn paths_written_otherwise_open_nothing() {
    let house = House::new();
    house.place.provisioned();
    let mut stranger = house.browser();
    for path in [
        "/%70eople",
        "//people",
        "/people/",
        "/PEOPLE",
        "/people;x",
        "/./people",
        "/sign-in/../people",
        "/people%2f",
        "/%2e%2e/people",
        "/people%00",
        "/tokens%2Fnew",
        "/static/../people",
        "/\\people",
        "/people/%2e%2e/admins",
    ] {
        let answer = stranger.get(path);
        assert!(matches!(answer.status, 303 | 400 | 401 | 404), "{path}: {}", answer.status);
        if answer.status == 303 {
            let to = answer.header("location").unwrap();
            assert!(to == "/sign-in" || to.starts_with("/sign-in?to=/"), "{path}: {to}");
        }
    }
    let mut ada = house.ada();
    for path in ["/%70eople", "//people", "/PEOPLE", "/people%2f", "/%2e%2e/people", "/people/%2e%2e/admins"] {
        let answer = ada.get(path);
        assert!(matches!(answer.status, 400 | 401 | 404), "{path}: {}", answer.status);
    }
}

#[test]
fn a_client_that_says_too_much_about_itself_is_cut_short() {
    let house = House::new();
    let mut browser = house.browser();
    browser.page("/sign-in");
    let long = "B".repeat(5000);
    let mut headers: Vec<(String, String)> = browser.headers().into_iter().filter(|(n, _)| n != "User-Agent").collect();
    headers.push(("User-Agent".into(), long));
    headers.extend(OWN.map(|(n, v)| (n.to_owned(), v.to_owned())));
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let body = super::browser::encoded(&[("csrf", &browser.csrf), ("name", "ada"), ("password", PASSWORD)]);
    let bytes = crate::wire::plain("POST", "/sign-in", &headers, body.as_bytes());
    let answer = crate::wire::exchange(house.port(), &bytes, crate::wire::PATIENCE).unwrap();
    assert_eq!(answer.status, 303);
    assert_eq!(house.number("select length(client) from session"), 200);
    // As many headers as there may be, and long URLs (item 54).
    let many: Vec<(String, String)> = (0..200).map(|i| (format!("X-{i}"), "x".repeat(200))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(house.browser().send("GET", "/sign-in", &many, None).status, 431);
    assert_eq!(house.browser().get(&format!("/people?q={}", "x".repeat(9000))).status, 414);
    assert_eq!(house.browser().get(&format!("/sign-in?to={}", "x".repeat(4000))).status, 200);
}

/// On its own address the page is there, and only there; SCIM's has nothing of it.
#[test]
fn the_address_of_scim_has_no_page() {
    let mut house = House::empty("[listen.settings]\naddress = \"127.0.0.1:0\"\n");
    assert!(house.spoken(&["admin", "create", "ada"], PASSWORD).status.success());
    house.start();
    let settings: u16 =
        house.server().printed("Settings page: ").trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    let mut browser = house.browser();
    for path in ["/", "/sign-in", "/setup", "/static/app.css", "/api/v1/requests", "/people"] {
        assert_eq!(browser.get(path).status, 401, "{path}");
    }
    assert_eq!(browser.send("POST", "/sign-in", &OWN, Some("name=ada")).status, 401);
    let mut there = super::browser::Browser { port: settings, ..house.browser() };
    assert_eq!(there.sign_in("ada", PASSWORD).status, 303);
    assert!(there.is_in());
}

/// In the clear the page says so; that is for this machine alone.
#[test]
fn in_the_clear_the_page_says_that_it_is_not_encrypted() {
    let house = House::new();
    assert!(text(&house.browser().page("/sign-in")).contains("not encrypted"));
    let mut behind = house.browser();
    let answer = behind.send("GET", "/sign-in", &[("X-Forwarded-Proto", "https")], None);
    assert!(!text(&answer.body).contains("not encrypted"));
    assert!(answer.header("set-cookie").unwrap().starts_with("__Host-scim-appliance-visit="));
}
