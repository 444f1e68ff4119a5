//! Recent requests: what is kept of them and what is not, and who can see it.

use serde_json::{Value, json};

use super::browser::{tags, text};
use super::{House, id_of};
use crate::support::Answer;
use crate::support::http::Connection;
use crate::wire::{Client, PATIENCE, exchange, plain};

fn api(house: &House) -> impl Fn(&str) -> Answer + use<> {
    let token = house.place.done(&["token", "create", "--name", "api", "--scope", "api:read"]).trim().to_owned();
    let (bearer, port) = (format!("Bearer {token}"), house.port());
    move |query: &str| {
        let bytes = plain(
            "GET",
            &format!("/api/v1/requests{query}"),
            &[("Authorization", &bearer), ("User-Agent", "script")],
            b"",
        );
        exchange(port, &bytes, PATIENCE).unwrap()
    }
}

fn requests(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["requests"].as_array().unwrap().clone()
}

/// Sends with a client of this name, and gives the answer.
fn as_client(client: &Client, name: &str, method: &str, path: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {}", client.token);
    let headers = [("Authorization", bearer.as_str()), ("User-Agent", name), ("Content-Type", "application/scim+json")];
    exchange(client.port, &plain(method, &format!("/scim/v2{path}"), &headers, body.as_bytes()), PATIENCE).unwrap()
}

/// Ids, names, filters and bodies of requests are the business of the one who sent them.
#[test]
fn nothing_of_what_was_asked_for_is_kept_but_its_kind() {
    let mut house = House::new();
    let client = house.provider();
    let ask = |method: &str, path: &str, body: &str| as_client(&client, "Okta SCIM Client 1.0.0", method, path, body);
    ask("GET", "/Users/canary-id-1", "");
    ask("DELETE", "/Groups/canary-id-2", "");
    ask("GET", "/Users?filter=userName%20eq%20%22canary-filter-1%22&count=10", "");
    ask("GET", "/Users?filter=canary-filter-2", "");
    ask("GET", "/Users?filter=noSuchAttribute%20eq%20%22x%22", "");
    ask("GET", "/Users?filter=userName%20canaryop%20%22x%22", "");
    ask("GET", "/Users?canary-name=canary-value&attributes=canaryAttribute&sortBy=noSuchSort", "");
    ask("GET", "/Users?cursor=canary-cursor&count=canary-count", "");
    ask("GET", "/canary-path/x", "");
    ask("GET", "/ResourceTypes/canary-type", "");
    ask("GET", "/Schemas/urn:canary-schema", "");
    ask("POST", "/Users", "{\"canary-body\":");
    ask("POST", "/Users", "{\"userName\": 5, \"canary-field\": \"canary-text\"}");
    ask("POST", "/Users", "{\"userName\": \"canary-user@x.io\", \"emails\": \"canary-mail\"}");
    ask("POST", "/Users", "{\"canary-key\": 1, \"canary-key\": 2}");
    ask(
        "POST",
        "/Users",
        "{\"userName\": \"a\", \"active\": \"canary-boolean\", \"meta\": {\"created\": \"canary-time\"}}",
    );
    ask("POST", "/Users/.search", "{\"filter\": \"noSuchSearch eq 1\"}");
    ask("POST", "/Bulk", "{\"Operations\":[{\"method\":\"canary-bulk\"}]}");
    ask("CANARY-METHOD", "/Users", "");
    let made = json!({"userName": "taken@x.io"}).to_string();
    let id = id_of(&ask("POST", "/Users", &made));
    assert_eq!(ask("POST", "/Users", &made).status, 409);
    ask(
        "PATCH",
        &format!("/Users/{id}"),
        "{\"Operations\":[{\"op\":\"replace\",\"path\":\"canary path[x eq 1]\",\"value\":\"canary-patch\"}]}",
    );
    ask("PATCH", &format!("/Users/{id}"), "{\"Operations\":[{\"op\":\"canary-op\",\"path\":\"title\"}]}");
    let ask_api = api(&house);
    let body = ask_api("?limit=1000").body;
    let page = house.ada().page("/requests");
    house.stop();
    let file = house.file();
    let mut statement = file
        .prepare("select method || ' ' || path || ' ' || coalesce(detail, '') || ' ' || client from exchange")
        .unwrap();
    let rows: Vec<String> = statement.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 23, "{rows:#?}");
    for (what, texts) in [("file", rows.join("\n")), ("JSON", body), ("page", page)] {
        for line in texts.lines() {
            let folded = line.to_lowercase();
            // The method is the client's word, as in every log; what it asks with is not.
            let folded = folded.replace("canary-method", "");
            assert!(
                !folded.contains("canary") && !folded.contains("taken@x.io") && !folded.contains(&id),
                "{what}: {line}"
            );
        }
    }
    assert!(rows.iter().any(|r| r.starts_with("GET /Users/{id} ")));
    assert!(rows.iter().any(|r| r.starts_with("GET /Users?filter=userName eq …&count=10")), "{rows:#?}");
}

#[test]
fn strangers_push_nothing_out_and_a_thousand_are_kept_over_a_restart() {
    let mut house = House::with("[limits]\nbad_token_burst = 0\n");
    let client = house.provider();
    assert_eq!(as_client(&client, "the first one", "GET", "/Users", "").status, 200);
    let forged = scim_appliance::secret::Token::generate().unwrap().reveal().to_owned();
    let mut strangers = Connection::open(house.port()).unwrap();
    for i in 0..1500 {
        let bearer = format!("Bearer {}", if i % 2 == 0 { forged.as_str() } else { "x" });
        let path =
            ["/scim/v2/Users", "/scim/v2/Users/%", "/scim/v2/x?access_token=1", "/scim/v2/Bulk", "/api/v1/requests"]
                [i % 5];
        let answer =
            strangers.send("GET", path, &[("Authorization", &bearer), ("User-Agent", "stranger")], None).unwrap();
        assert_eq!(answer.status, 401, "{path}");
    }
    // Other methods and bodies of theirs, too.
    for (method, body) in [("POST", &b"{"[..]), ("BREW", b""), ("PATCH", b"x"), ("DELETE", b"")] {
        let bearer = format!("Bearer {forged}");
        let answer = strangers
            .send(method, "/scim/v2/Users", &[("Authorization", &bearer), ("User-Agent", "stranger")], Some(body))
            .unwrap();
        assert_eq!(answer.status, 401);
    }
    let ask = api(&house);
    assert_eq!(requests(&ask("?client=the+first+one")).len(), 1);
    assert_eq!(requests(&ask("?token=none&limit=1100")).len(), 100);
    let mut own = Connection::open(house.port()).unwrap();
    let bearer = format!("Bearer {}", client.token);
    for i in 0..1000 {
        let name = format!("client {i}");
        let answer = own
            .send("GET", "/scim/v2/ServiceProviderConfig", &[("Authorization", &bearer), ("User-Agent", &name)], None)
            .unwrap();
        assert_eq!(answer.status, 200);
    }
    let before = ask("?limit=1100&client=client").json();
    let kept = before["requests"].as_array().unwrap();
    assert_eq!(kept.len(), 1000);
    assert_eq!(kept[0]["client"], json!("client 999"), "the latest first");
    assert_eq!(requests(&ask("?client=the+first+one")).len(), 0, "a thousand later ones");
    house.stop();
    assert_eq!(house.number("select count(*) from exchange where token is not null"), 1000);
    assert_eq!(house.number("select count(*) from exchange where token is null"), 100);
    house.start();
    let mut ada = house.ada();
    let page = text(&ada.page("/requests?client=client+999"));
    assert!(page.contains("client 999") && page.contains("1 to 1 of 1"), "{page}");
    assert!(text(&ada.page("/")).contains("100 requests or more without a good token"));
}

#[test]
fn requests_are_filtered_and_read_as_json() {
    let house = House::new();
    let client = house.provider();
    let id = id_of(&as_client(&client, "Okta SCIM Client 1.0.0", "POST", "/Users", "{\"userName\":\"a\"}"));
    as_client(&client, "Okta SCIM Client 1.0.0", "POST", "/Users", "{\"userName\":\"a\"}");
    as_client(&client, "Azure-AD <b>", "GET", "/Groups", "");
    as_client(&client, "Azure-AD <b>", "DELETE", &format!("/Users/{id}"), "");
    as_client(&Client { token: "x".into(), ..client.clone() }, "scanner", "GET", "/Users", "");
    let ask = api(&house);
    let mine = client.token.split('_').nth(1).unwrap().to_owned();
    for (query, count) in [
        ("?client=okta", 2),
        ("?client=AZURE", 2),
        ("?client=127.0.0", 5),
        ("?method=post", 2),
        ("?method=POST&status=409", 1),
        ("?status=4xx&client=okta", 1),
        ("?status=refused&client=okta", 1),
        ("?status=answered&client=okta", 1),
        ("?status=401&client=scanner", 1),
        ("?token=none", 1),
        (&format!("?token={mine}"), 4),
        ("?client=nobody", 0),
        ("?limit=2&client=a", 2),
    ] {
        assert_eq!(requests(&ask(query)).len(), count, "{query}");
    }
    for limit in ["0", "-1", "x", "1101", ""] {
        assert_eq!(ask(&format!("?limit={limit}")).status, 400, "{limit}");
    }
    for wrong in ["?status=%3Cscript%3E", "?status=999", "?status=ok", "?method=a%20b", "?nothing=1", "?q=x"] {
        assert_eq!(ask(wrong).status, 400, "{wrong}");
    }
    let one = &requests(&ask("?status=409"))[0];
    for key in ["time", "request", "client", "address", "token", "method", "path", "status", "detail", "milliseconds"] {
        assert!(!one[key].is_null(), "{key}: {one}");
    }
    assert_eq!(
        (one["path"].as_str(), one["status"].as_u64(), one["token"].as_str()),
        (Some("/Users"), Some(409), Some(mine.as_str()))
    );
    let mut ada = house.ada();
    let page = ada.page("/requests?client=azure&method=DELETE");
    let told = text(&page);
    assert!(
        told.contains("Azure-AD <b>")
            && told.contains("204 No Content")
            && told.contains("/Users/{id}")
            && told.contains("1 to 1 of 1"),
        "{told}"
    );
    assert!(!tags(&page).iter().any(|t| t.name == "b"));
    assert!(
        tags(&page).iter().any(|t| t.get("value") == Some("azure") && t.get("name") == Some("client")),
        "the filter is kept"
    );
    let empty = text(&ada.page("/requests?client=nobody"));
    assert!(empty.contains("No request matches") && empty.contains("Clear the filter"));
    let odd = ada.page("/requests?status=%22%3E%3Cscript%3E&token=%3Cb%3E&offset=-5&method=%3Ci%3E");
    assert!(!odd.contains("<script>") && text(&odd).contains("No request matches"));
    // The id leads to the line of the log.
    let request = one["request"].as_str().unwrap();
    crate::served::logged(|| house.server().log(), &[request]);
}
