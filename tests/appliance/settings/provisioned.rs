//! What an identity provider sends is text, wherever it is shown (item 7).

use serde_json::json;

use super::browser::{tags, text, unescaped};
use super::{House, id_of};
use crate::wire::{PATIENCE, exchange, plain};

const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The tags of a page, each with the names of its attributes.
type Shape = Vec<(String, Vec<String>)>;

/// The same people, groups, clients and requests with another text in every place; then the tags of every page.
fn shape(payload: &str) -> Vec<(String, Shape)> {
    let house = House::new();
    let client = house.provider();
    let part = |what: &str| format!("{payload}{what}");
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", URN],
        "userName": part("user"), "externalId": part("ext"), "displayName": part("display"), "nickName": part("nick"),
        "title": part("title"), "userType": part("type"), "preferredLanguage": part("lang"), "locale": part("locale"), "timezone": part("zone"),
        "profileUrl": part("url"),
        "name": {"formatted": part("f"), "familyName": part("fam"), "givenName": part("g"), "middleName": part("m"), "honorificPrefix": part("p"), "honorificSuffix": part("s")},
        "emails": [{"value": part("mail"), "type": part("t"), "display": part("d"), "primary": true}],
        "phoneNumbers": [{"value": part("tel"), "type": part("t")}],
        "ims": [{"value": part("im"), "type": part("t")}],
        "photos": [{"value": part("photo"), "type": "photo"}],
        "addresses": [{"formatted": part("a"), "streetAddress": part("b"), "locality": part("c"), "region": part("r"), "postalCode": part("z"), "country": part("l"), "type": part("t")}],
        "entitlements": [{"value": part("e"), "display": part("d"), "type": part("t")}],
        "roles": [{"value": part("r"), "display": part("d"), "type": part("t")}],
        "x509Certificates": [{"value": "AAAA", "display": part("d"), "type": part("t")}],
        URN: {"employeeNumber": part("n"), "costCenter": part("c"), "organization": part("o"), "division": part("v"), "department": part("p"), "manager": {"value": part("boss")}},
    });
    let made = client.post("/Users", &user).unwrap();
    let id = id_of(&made);
    let change = json!([{"op": "replace", "value": {"title": part("title2"), "displayName": part("display2")}}]);
    assert_eq!(client.patch(&format!("/Users/{id}"), &change).unwrap().status, 200);
    let group = id_of(&client.post("/Groups", &json!({"displayName": part("group"), "externalId": part("gx"), "members": [{"value": id, "display": part("m")}]})).unwrap());
    let outer =
        id_of(&client.post("/Groups", &json!({"displayName": part("outer"), "members": [{"value": group}]})).unwrap());
    // Somebody who is gone, and has something to hand over; a group that is archived; and who took over.
    let mut gone = user.clone();
    (gone["userName"], gone["externalId"]) = (part("gone").into(), part("gone-ext").into());
    let gone = id_of(&client.post("/Users", &gone).unwrap());
    let archived = id_of(
        &client.post("/Groups", &json!({"displayName": part("archived"), "members": [{"value": gone}]})).unwrap(),
    );
    for path in [format!("/Groups/{archived}"), format!("/Users/{gone}")] {
        assert_eq!(client.delete(&path).unwrap().status, 204);
    }
    for active in [false, true] {
        let change = json!([{"op": "replace", "path": "active", "value": active}]);
        assert_eq!(client.patch(&format!("/Users/{id}"), &change).unwrap().status, 200);
    }
    // Clients and requests.
    let header: String = payload.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).take(150).collect();
    for token in [client.token.as_str(), "x"] {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str()), ("User-Agent", header.as_str())];
        let encoded = super::browser::encoded(&[("filter", payload), (payload, payload)]);
        for (method, path) in [("GET", format!("/scim/v2/Users?{encoded}")), ("GET", "/scim/v2/Users".to_owned())] {
            exchange(house.port(), &plain(method, &path, &headers, b""), PATIENCE).unwrap();
        }
    }
    // Whoever is an administrator has a name and a browser as well; so has a token.
    let short: String = payload.chars().filter(|c| !c.is_control()).take(50).collect::<String>().trim().to_owned();
    // Nobody can be called by characters that turn others around or that nobody sees.
    let unseen = |c: &char| matches!(*c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert_eq!(
        house.spoken(&["admin", "create", &short], super::OTHER).status.success(),
        !short.chars().any(|c| unseen(&c)),
        "{short}"
    );
    let name: String = short.chars().filter(|c| !unseen(c)).collect();
    house.spoken(&["admin", "create", &name], super::OTHER);
    assert!(house.place.command(&["token", "create", "--scope", "scim:read", "--name", &short]).status.success());
    let mut ada = house.signed_in(&name, super::OTHER);
    let mut twin = ada.clone();
    twin.cookies.remove(super::browser::SESSION);
    twin.page("/sign-in");
    let fields = [("csrf", twin.csrf.as_str()), ("name", name.as_str()), ("password", super::OTHER)];
    let body = super::browser::encoded(&fields);
    let own = super::browser::OWN;
    let mut odd = twin.headers();
    odd.retain(|(n, _)| n != "User-Agent");
    odd.push(("User-Agent".into(), header.clone()));
    odd.extend(own.map(|(n, v)| (n.to_owned(), v.to_owned())));
    let headers: Vec<(&str, &str)> = odd.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(
        exchange(house.port(), &plain("POST", "/sign-in", &headers, body.as_bytes()), PATIENCE).unwrap().status,
        303
    );
    let query = super::browser::encoded(&[
        ("q", payload),
        ("client", payload),
        ("status", payload),
        ("idp", payload),
        ("to", payload),
        ("token", payload),
        ("method", payload),
    ]);
    // What somebody types who hands over is text as well: what is kept, and what is shown once more.
    let left = id_of(&client.post("/Users", &json!({"userName": part("left"), "displayName": payload})).unwrap());
    let leave = json!([{"op": "replace", "path": "active", "value": false}]);
    assert_eq!(client.patch(&format!("/Users/{left}"), &leave).unwrap().status, 200);
    let of =
        |person: &str| house.text(&format!("select '/handovers/' || max(id) from handover where person = '{person}'"));
    let (open, settled) = (of(&gone), of(&left));
    let note: String = payload.chars().filter(|c| !c.is_control()).collect();
    assert_eq!(ada.fill(&settled, &settled, &[("note", &note), ("decision", "dismiss")]).status, 303);
    let typed = [("successor", payload), ("note", payload), ("decision", "give")];
    let refused = ada.fill(&open, &open, &typed);
    assert_eq!(refused.status, 422, "{}", refused.body);
    let pages = [
        "/".to_owned(),
        "/provisioning".to_owned(),
        "/people".to_owned(),
        format!("/people?{query}"),
        "/people?q=display2".to_owned(),
        format!("/people/{id}"),
        "/groups".to_owned(),
        format!("/groups?{query}"),
        format!("/groups/{group}"),
        format!("/groups/{outer}"),
        format!("/people/{gone}"),
        format!("/groups/{archived}"),
        "/handovers".to_owned(),
        "/handovers?status=settled".to_owned(),
        format!("{open}?{query}"),
        open.clone(),
        settled,
        "/people/departed".to_owned(),
        "/groups/archived".to_owned(),
        format!("/people/{gone}/restore"),
        format!("/groups/{archived}/restore"),
        "/guard".to_owned(),
        "/requests".to_owned(),
        format!("/requests?{query}"),
        "/admins".to_owned(),
        "/account".to_owned(),
        format!("/provisioning?{query}"),
        format!("/tokens/new?{query}"),
        format!("/sign-in?{query}"),
        format!("/nothing/{}", payload.bytes().take(500).map(|b| format!("%{b:02x}")).collect::<String>()),
    ];
    let mut answers = vec![("refused".to_owned(), refused)];
    // The name is another's by now.
    let twin_of_archived = json!({"displayName": part("archived")});
    id_of(&client.post("/Groups", &twin_of_archived).unwrap());
    for path in pages {
        let answer = ada.get(&path);
        assert!(matches!(answer.status, 200 | 404), "{path}: {}", answer.status);
        answers.push((path, answer));
    }
    let mut shapes = Vec::new();
    for (path, answer) in answers {
        let tags = tags(&answer.body);
        for tag in &tags {
            for (name, value) in &tag.attributes {
                if matches!(name.as_str(), "href" | "src" | "action" | "formaction" | "xlink:href") {
                    let ours = value.starts_with('/') && !value.starts_with("//") || value.starts_with('#');
                    let web = value.starts_with("http://") || value.starts_with("https://");
                    assert!(ours || (web && tag.get("rel") == Some("noopener noreferrer")), "{path}: {tag:?}");
                }
                assert!(!name.starts_with("on") && name != "style" && name != "srcdoc", "{path}: {tag:?}");
            }
        }
        if path == format!("/people/{id}") {
            let told = text(&answer.body);
            let shown: String = payload.chars().take(40).collect();
            // Times and blanks aside, what was sent stands there to the letter.
            assert!(unescaped(&answer.body).contains(&shown) && told.contains("display2"), "{path}: {payload}");
        }
        let kind = path
            .split(['?', '%'])
            .next()
            .unwrap()
            .replace(&id, "ID")
            .replace(&group, "GROUP")
            .replace(&outer, "OUTER")
            .replace(&gone, "GONE")
            .replace(&archived, "ARCHIVED");
        let shape = tags.into_iter().map(|t| (t.name, t.attributes.into_iter().map(|(n, _)| n).collect())).collect();
        shapes.push((kind, shape));
    }
    shapes
}

#[test]
fn what_was_provisioned_adds_no_element_and_no_attribute_to_any_page() {
    let plain = shape("harmless");
    // Of characters that nobody sees the page says that they are there, of these as of any.
    let unseen = shape("harm\u{202e}less\u{200b}");
    for payload in [
        "<img src=x onerror=alert(1)>",
        "\"><script>alert(1)</script>",
        "' onmouseover='alert(1)' x='",
        "javascript:alert(1)//",
        "</title></textarea></td><svg/onload=alert(1)>",
        "{{ 7*7 }}{% raw %}&lt;b&gt;&#60;i&#62;",
        "\u{202e}gnp.exe\u{200b}<b>",
        "data:text/html,<script>alert(1)</script>",
    ] {
        let hostile = shape(payload);
        let plain = if payload.contains('\u{200b}') { &unseen } else { &plain };
        for ((path, expected), (_, found)) in plain.iter().zip(&hostile) {
            let differs = expected.iter().zip(found).find(|(a, b)| a != b);
            assert!(
                expected == found,
                "{path} with {payload}: {} and {} tags, {differs:?}",
                expected.len(),
                found.len()
            );
        }
    }
}

/// A name of ten thousand letters is cut where it is shown, and the pages stay of a size.
#[test]
fn a_very_long_name_is_shown_as_text_too() {
    let house = House::new();
    let client = house.provider();
    let long = "<b>".repeat(3400);
    let user = json!({"userName": format!("u{long}"), "displayName": long, "profileUrl": format!("https://x.io/{}", "y".repeat(5000))});
    let id = id_of(&client.post("/Users", &user).unwrap());
    let mut ada = house.ada();
    for path in ["/people".to_owned(), format!("/people/{id}")] {
        let page = ada.page(&path);
        assert!(!tags(&page).iter().any(|t| t.name == "b"), "{path}");
        assert!(!tags(&page).iter().any(|t| t.get("href").is_some_and(|h| h.len() > 3000)), "{path}");
    }
}
