//! Forms: which of them are believed (item 16), and what they say when something is wrong with them.

use super::browser::{Browser, OWN, encoded, tags, text};
use super::second_factor::{code, enrolled};
use super::{Fields, House, OTHER, PASSWORD};
use crate::wire::{PATIENCE, exchange, plain};

type FieldsOf<'a> = &'a [(&'a str, &'a str)];

/// Every form there is, with fields that would be good.
struct Route {
    path: String,
    fields: Vec<(&'static str, String)>,
    /// The secret of a code among them, and how many steps from now it is.
    secret: Option<(String, i64)>,
}

fn routes(house: &House, browser: &mut Browser, secret: &str) -> Vec<Route> {
    let token = house.text("select id from token where revoked is null order by id limit 1");
    let grace = house.number("select id from admin where name = 'grace'");
    let person = house.place.done(&["person", "create", "p@x.io"]).trim().to_owned();
    let group = house.place.done(&["group", "create", "Office"]).trim().to_owned();
    let (person, group) = (format!("/people/{person}"), format!("/groups/{group}"));
    let edit = browser.page(&format!("{person}/edit"));
    let version = super::browser::hidden(&edit, "version").unwrap();
    let page = browser.page("/account/second-factor");
    let sealed = super::browser::hidden(&page, "sealed").unwrap();
    let offered = super::second_factor::secret(&page);
    let route = |path: &str, fields: &[(&'static str, &str)]| Route {
        path: path.to_owned(),
        fields: fields.iter().map(|(n, v)| (*n, (*v).to_owned())).collect(),
        secret: match path {
            "/sign-in/code" => Some((secret.to_owned(), 1)),
            "/account/second-factor" => Some((offered.clone(), 0)),
            _ => None,
        },
    };
    vec![
        route("/sign-in", &[("name", "grace"), ("password", OTHER)]),
        route("/sign-in/code", &[("code", &code(secret, 1))]),
        route("/provisioning/on", &[("acknowledge", "yes")]),
        route("/provisioning/pause", &[]),
        route("/provisioning/read-only", &[]),
        route("/provisioning/off", &[]),
        route("/tokens/new", &[("name", "more"), ("scope", "scim:read"), ("expires", "30d")]),
        route(&format!("/tokens/{token}/revoke"), &[]),
        route("/admins", &[("name", "eve"), ("new-password", OTHER)]),
        route(&format!("/admins/{grace}/remove"), &[]),
        route("/people/new", &[("user-name", "new@x.io")]),
        route(&format!("{person}/edit"), &[("user-name", "p@x.io"), ("title", "Countess"), ("version", &version)]),
        route(&format!("{person}/deactivate"), &[]),
        route(&format!("{person}/reactivate"), &[]),
        route("/groups/new", &[("name", "Crew")]),
        route(&format!("{group}/edit"), &[("name", "Berlin"), ("was", "Office")]),
        route(&format!("{group}/members"), &[("people", "p@x.io")]),
        route(&format!("{group}/members/remove"), &[("member", person.trim_start_matches("/people/"))]),
        route(&format!("{person}/delete"), &[]),
        route(&format!("{group}/delete"), &[]),
        route("/account/sessions/end", &[("id", "others")]),
        route("/account/recovery-codes", &[]),
        route("/account/second-factor", &[("sealed", &sealed), ("code", &code(&offered, 0))]),
        route("/account/second-factor/remove", &[]),
        route("/account/password", &[("password", PASSWORD), ("new-password", OTHER)]),
        route("/sign-out", &[]),
    ]
}

#[test]
fn no_form_changes_anything_unless_a_page_of_this_session_has_sent_it() {
    let house = House::new();
    house.place.provisioned();
    assert!(house.spoken(&["admin", "create", "grace"], OTHER).status.success());
    let mut ada = house.ada();
    let (secret, _) = enrolled(&mut ada);
    let mut other = house.signed_in("grace", OTHER);
    other.page("/account");
    // Grace has a browser more, so that there is a session to end; ada waits for her second factor in another one.
    let mut half = house.browser();
    assert_eq!(half.sign_in("ada", PASSWORD).header("location"), Some("/sign-in/code?to=/"));
    half.page("/sign-in/code");
    let routes = routes(&house, &mut ada, &secret);
    ada.page("/account");
    let mut visitor = house.browser();
    visitor.page("/sign-in");
    let own = |path: &str, ada: &Browser| match path {
        "/sign-in" => visitor.clone(),
        "/sign-in/code" => half.clone(),
        _ => ada.clone(),
    };
    let before = house.contents();
    for route in &routes {
        let browser = own(&route.path, &ada);
        let fields = |csrf: &str| {
            let mut all: Vec<(&str, &str)> = route.fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
            all.push(("csrf", csrf));
            encoded(&all)
        };
        let good = fields(&browser.csrf);
        let form = OWN[1];
        let json = serde_json::to_string(
            &route
                .fields
                .iter()
                .cloned()
                .chain([("csrf", browser.csrf.clone())])
                .collect::<std::collections::BTreeMap<_, _>>(),
        )
        .unwrap();
        let (most, last) = browser.csrf.split_at(browser.csrf.len() - 1);
        let flipped = format!("{most}{}", if last == "0" { "1" } else { "0" });
        let attempts: Vec<(&str, String, Fields)> = vec![
            ("no value", fields("").replace("csrf=", "x="), OWN.to_vec()),
            ("an empty value", fields(""), OWN.to_vec()),
            ("another session's value", fields(&other.csrf), OWN.to_vec()),
            ("a value that is a little different", fields(&flipped), OWN.to_vec()),
            ("a foreign Origin", good.clone(), vec![("Origin", "https://evil.example"), form]),
            ("another port", good.clone(), vec![("Origin", "http://127.0.0.1:81"), form]),
            ("no origin at all", good.clone(), vec![form]),
            ("the origin null", good.clone(), vec![("Origin", "null"), form]),
            (
                "the origin null of another site",
                good.clone(),
                vec![("Origin", "null"), ("Sec-Fetch-Site", "cross-site"), form],
            ),
            ("two origins", good.clone(), vec![OWN[0], ("Origin", "https://evil.example"), form]),
            ("Sec-Fetch-Site cross-site", good.clone(), vec![("Sec-Fetch-Site", "cross-site"), form]),
            ("cross-site with our Origin", good.clone(), vec![OWN[0], ("Sec-Fetch-Site", "cross-site"), form]),
            ("a neighbour", good.clone(), vec![("Sec-Fetch-Site", "same-site"), form]),
            ("the address bar", good.clone(), vec![("Sec-Fetch-Site", "none"), form]),
            ("text/plain", good.clone(), vec![OWN[0], ("Content-Type", "text/plain")]),
            ("multipart", good.clone(), vec![OWN[0], ("Content-Type", "multipart/form-data; boundary=x")]),
            ("no type", good.clone(), vec![OWN[0]]),
            ("JSON", json.clone(), vec![OWN[0], ("Content-Type", "application/json")]),
            ("JSON as text", json, vec![OWN[0], ("Content-Type", "text/plain")]),
        ];
        for (what, body, headers) in attempts {
            let answer = browser.clone().send("POST", &route.path, &headers, Some(&body));
            assert_eq!(answer.status, 403, "{} with {what}", route.path);
            assert!(text(&answer.body).contains("Nothing was changed"), "{} with {what}", route.path);
            assert!(super::browser::set(&answer).is_empty(), "{} with {what}", route.path);
        }
        // In the URL, and by other methods, nothing is changed either.
        for method in ["GET", "HEAD"] {
            let answer = browser.clone().send(method, &format!("{}?{good}", route.path), &OWN, None);
            assert!(matches!(answer.status, 200 | 303 | 404), "{method} {}: {}", route.path, answer.status);
        }
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = browser.clone().send(method, &route.path, &OWN, Some(&good));
            assert!(matches!(answer.status, 401 | 404 | 405), "{method} {}: {}", route.path, answer.status);
        }
        // Without the cookie the value is worth nothing.
        let mut stranger = house.browser();
        assert!(matches!(stranger.send("POST", &route.path, &OWN, Some(&good)).status, 303 | 403));
        assert_eq!(house.contents(), before, "{}", route.path);
    }
    // The same forms do change something when they are sent as they should be.
    for route in &routes {
        let before = house.contents();
        let mut browser = own(&route.path, &ada);
        if !route.path.starts_with("/sign-in") {
            browser = ada.clone();
            browser.page("/account");
        }
        // A code of the time before may be over.
        let now = route.secret.as_ref().map(|(secret, steps)| code(secret, *steps)).unwrap_or_default();
        let current = |(name, value)| if name == "code" { (name, now.as_str()) } else { (name, value) };
        let fields: Vec<(&str, &str)> = route.fields.iter().map(|(n, v)| current((*n, v.as_str()))).collect();
        let answer = browser.post(&route.path, &fields);
        assert!(matches!(answer.status, 200 | 303), "{}: {} {}", route.path, answer.status, text(&answer.body));
        let changed = house.contents() != before;
        assert!(changed, "{} changes nothing", route.path);
        if !route.path.starts_with("/sign-in") {
            ada = browser;
        }
    }
}

/// Browsers give forms of a page that says `no-referrer` the origin `null`; then they say otherwise where the form is from.
#[test]
fn what_browsers_say_about_our_own_forms_is_believed() {
    let house = House::new();
    for headers in [
        vec![OWN[0]],
        vec![("Sec-Fetch-Site", "same-origin")],
        vec![("Origin", "null"), ("Sec-Fetch-Site", "same-origin")],
        vec![OWN[0], ("Sec-Fetch-Site", "same-origin")],
    ] {
        let mut browser = house.browser();
        browser.page("/sign-in");
        let body = encoded(&[("name", "ada"), ("password", PASSWORD), ("csrf", &browser.csrf)]);
        let all: Fields = headers.iter().copied().chain([OWN[1]]).collect();
        assert_eq!(browser.send("POST", "/sign-in", &all, Some(&body)).status, 303, "{headers:?}");
        assert!(browser.is_in());
    }
}

#[test]
fn nobody_sets_a_server_up_through_the_browser_of_somebody_else() {
    let house = House::empty("").started();
    let claim = house.server().printed("claim code ").split(' ').next().unwrap().to_owned();
    let mut browser = house.browser();
    browser.page("/setup");
    let fields = [("claim", claim.as_str()), ("name", "ada"), ("password", PASSWORD), ("csrf", browser.csrf.as_str())];
    let good = encoded(&fields);
    for (headers, body) in [
        (vec![OWN[1]], good.clone()),
        (vec![("Origin", "https://evil.example"), OWN[1]], good.clone()),
        (vec![("Sec-Fetch-Site", "cross-site"), OWN[1]], good.clone()),
        (vec![OWN[0], ("Content-Type", "text/plain")], good.clone()),
        (OWN.to_vec(), encoded(&fields[..3])),
    ] {
        assert_eq!(browser.clone().send("POST", "/setup", &headers, Some(&body)).status, 403);
    }
    assert_eq!(house.browser().send("POST", "/setup", &OWN, Some(&good)).status, 403, "without the cookie");
    assert_eq!(browser.send("GET", &format!("/setup?{good}"), &OWN, None).status, 200);
    assert_eq!(house.number("select count(*) from admin"), 0);
    assert_eq!(browser.send("POST", "/setup", &OWN, Some(&good)).status, 303);
}

/// Item 17: a token opens no page, a cookie no API.
#[test]
fn pages_know_no_tokens_and_tokens_know_no_cookies() {
    let house = House::new();
    let provider = house.provider();
    let api = house.place.done(&["token", "create", "--name", "api", "--scope", "api:read"]).trim().to_owned();
    let read = house.place.done(&["token", "create", "--name", "read", "--scope", "scim:read"]).trim().to_owned();
    let ada = house.ada();
    let cookie = ada.headers().into_iter().find(|(n, _)| n == "Cookie").unwrap().1;
    let ask = |path: &str, headers: &[(&str, &str)]| {
        exchange(house.port(), &plain("GET", path, headers, b""), PATIENCE).unwrap().status
    };
    for token in [&api, &read, &provider.token] {
        let bearer = format!("Bearer {token}");
        for page in ["/", "/people", "/tokens/new", "/account"] {
            assert_eq!(ask(page, &[("Authorization", &bearer)]), 303, "{page}");
        }
        assert_eq!(ask("/account", &[("Authorization", &bearer), ("Cookie", &cookie)]), 200);
    }
    for path in ["/scim/v2/Users", "/api/v1/requests"] {
        assert_eq!(ask(path, &[("Cookie", &cookie)]), 401, "{path}");
        assert_eq!(ask(path, &[("Cookie", &cookie), ("Origin", "http://127.0.0.1")]), 401, "{path}");
    }
    for (token, scim, api) in [(&api, 403, 200), (&read, 200, 403), (&provider.token, 200, 403)] {
        let bearer = format!("Bearer {token}");
        for headers in [
            vec![("Authorization", bearer.as_str())],
            vec![("Authorization", bearer.as_str()), ("Cookie", "scim-appliance=x")],
        ] {
            assert_eq!(ask("/scim/v2/Users", &headers), scim);
            assert_eq!(ask("/api/v1/requests", &headers), api);
        }
    }
}

/// What was typed is kept, but for secrets; the sentence stands beside its field and is tied to it.
#[test]
fn a_form_with_mistakes_keeps_what_was_typed_and_says_what_is_wrong() {
    let house = House::new();
    house.place.provisioned();
    let mut ada = house.ada();
    let secret = "Zq7-never-shown-again";
    let long = "x".repeat(101);
    let cases: &[(&str, &str, FieldsOf, &[&str])] = &[
        ("/admins", "/admins", &[("name", ""), ("new-password", secret)], &["name"]),
        ("/admins", "/admins", &[("name", "<b>\"eve\"</b>"), ("new-password", "short")], &["new-password"]),
        ("/admins", "/admins", &[("name", "ADA"), ("new-password", secret)], &["name"]),
        ("/admins", "/admins", &[("name", &long), ("new-password", "password1234")], &["name", "new-password"]),
        ("/tokens/new", "/tokens/new", &[("name", ""), ("scope", "scim"), ("expires", "30d")], &["name"]),
        ("/tokens/new", "/tokens/new", &[("name", "kept"), ("scope", "everything"), ("expires", "30d")], &["scope"]),
        ("/tokens/new", "/tokens/new", &[("name", "kept"), ("scope", "scim"), ("expires", "9y")], &["expires"]),
        (
            "/tokens/new",
            "/tokens/new",
            &[("name", "kept"), ("rotate", "nothing"), ("scope", "scim"), ("expires", "30d")],
            &["name"],
        ),
        ("/account", "/account/password", &[("password", ""), ("new-password", secret)], &["password"]),
        ("/account", "/account/password", &[("password", "wrong one here"), ("new-password", secret)], &["password"]),
        ("/account", "/account/password", &[("password", PASSWORD), ("new-password", "ada")], &["new-password"]),
    ];
    let before = house.contents();
    for (page, action, fields, wrong) in cases {
        let answer = ada.fill(page, action, fields);
        assert!(matches!(answer.status, 422 | 409), "{action} {fields:?}: {}", answer.status);
        let tags = tags(&answer.body);
        for field in *wrong {
            let id = format!("{field}-error");
            let said = tags.iter().any(|t| t.get("id") == Some(&id));
            assert!(said, "{action}: nothing is said beside {field}: {}", text(&answer.body));
            let tied = tags.iter().any(|t| t.get("aria-describedby").is_some_and(|d| d.split(' ').any(|d| d == id)));
            assert!(tied, "{action}: {field} is not tied to its sentence");
            assert!(
                tags.iter().any(|t| t.get("href") == Some(&format!("#{field}"))),
                "{action}: {field} is not in the summary"
            );
        }
        for (name, value) in *fields {
            let field = tags.iter().find(|t| t.name == "input" && t.get("name") == Some(name));
            if name.contains("password") {
                assert!(value.len() < 12 || !answer.body.contains(value), "{action}: {name} is shown");
                assert_eq!(field.and_then(|f| f.get("value")), None, "{action}");
            } else if *name == "name" {
                assert_eq!(field.and_then(|f| f.get("value")), Some(*value), "{action}");
            }
        }
        assert!(answer.body.contains("<title>Error: "), "{action}");
    }
    assert_eq!(house.contents(), before);
    // The same before anybody is signed in.
    let mut visitor = house.browser();
    let answer =
        visitor.fill("/sign-in?to=/people", "/sign-in", &[("name", "<i>ada"), ("password", ""), ("to", "/people")]);
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("Enter your password.") && answer.body.contains("value=\"/people\""));
    assert!(tags(&answer.body).iter().any(|t| t.get("value") == Some("<i>ada")));
    let answer = visitor.post("/sign-in", &[("name", "ada"), ("password", secret)]);
    assert!(answer.status == 403 && !answer.body.contains(secret));
}

/// The page says that it did not work, and under which name the log has it; it tells nothing else.
#[test]
fn a_failure_of_the_store_is_a_page_with_the_id_of_the_request() {
    let mut house = House::new();
    house.place.provisioned();
    let mut ada = house.ada();
    // A table that is gone: every look at it fails.
    house.execute("alter table token rename to token_gone");
    let answer = ada.get("/provisioning");
    house.execute("alter table token_gone rename to token");
    assert_eq!(answer.status, 500, "{}", text(&answer.body));
    is_discreet(&house, &answer, &ada);
    // A disk that takes nothing more: what is sent is not done, and what is there can be looked at.
    house.stop();
    let kib = std::fs::metadata(house.place.database()).unwrap().len() / 1024;
    house.start_with_small_files(kib.max(64));
    ada.port = house.port();
    let mut failed = None;
    for i in 0..2000 {
        ada.page("/tokens/new");
        let answer = ada.post(
            "/tokens/new",
            &[("name", &format!("{i}{}", "x".repeat(90))), ("scope", "scim:read"), ("expires", "30d")],
        );
        if answer.status != 200 {
            failed = Some(answer);
            break;
        }
    }
    let answer = failed.unwrap();
    assert!(matches!(answer.status, 500 | 503 | 507), "{}", answer.status);
    is_discreet(&house, &answer, &ada);
    assert_eq!(ada.get("/provisioning").status, 200);
}

fn is_discreet(house: &House, answer: &crate::support::Answer, ada: &Browser) {
    let id = answer.header("x-request-id").unwrap();
    assert!(answer.body.contains(&format!("<code id=\"request-id\">{id}</code>")), "{}", answer.body);
    let told = text(&answer.body).to_lowercase();
    for inside in ["sqlite", "no such table", "select", ".rs", "panick", "token_gone", "scim-appliance.db", "disk i/o"]
    {
        assert!(!told.contains(inside), "{inside}: {told}");
    }
    assert!(!answer.body.contains(&ada.session()));
    crate::served::logged(|| house.server().log(), &[id]);
}
