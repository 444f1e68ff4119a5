//! What is told to be written over is what the bodies of Okta and Entra write over, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The fates that the API tells, by path.
fn told(desk: &Desk, id: &str) -> BTreeMap<String, String> {
    let token = desk.house.place.done(&["token", "create", "--name", "api", "--scope", "api:read"]).trim().to_owned();
    let answer = ask(desk, &token, id);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    let all = body["overwrites"].as_array().unwrap();
    // The command says the same.
    let command = desk.house.place.done(&["person", "overwrites", id, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&command).unwrap(), body);
    let pair = |o: &Value| (o["path"].as_str().unwrap().to_owned(), o["fate"].as_str().unwrap().to_owned());
    all.iter().map(pair).collect()
}

fn ask(desk: &Desk, token: &str, id: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let path = format!("/api/v1/people/{id}/overwrites");
    let bytes = crate::wire::plain("GET", &path, &[("Authorization", &bearer)], b"");
    crate::wire::exchange(desk.house.port(), &bytes, crate::wire::PATIENCE).unwrap()
}

/// What an administrator can see of a person, place by place.
fn places(user: &Value) -> BTreeMap<String, Value> {
    let mut places = BTreeMap::new();
    for (name, value) in user.as_object().unwrap() {
        match (name.as_str(), value) {
            ("schemas" | "id" | "meta" | "groups", _) => {}
            (_, Value::Object(parts)) => {
                let glue = if name.contains(':') { ':' } else { '.' };
                places.extend(parts.iter().map(|(part, value)| (format!("{name}{glue}{part}"), value.clone())));
            }
            ("emails" | "phoneNumbers", Value::Array(all)) => {
                for one in all {
                    places.insert(format!("{name}[type eq {}]", one["type"]), one.clone());
                }
            }
            _ => {
                places.insert(name.clone(), value.clone());
            }
        }
    }
    places
}

/// Where two differ.
fn moved(before: &Value, after: &Value) -> BTreeSet<String> {
    let (before, after) = (places(before), places(after));
    before.keys().chain(after.keys()).filter(|p| before.get(*p) != after.get(*p)).cloned().collect()
}

/// Okta's app from the wizard, as in tests/dialects/okta/wizard-app.http.
fn okta() -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", URN], "userName": "ada@x.io", "name": {"givenName": "Ada", "familyName": "L"},
        "emails": [{"primary": true, "value": "ada@x.io", "type": "work"}], "displayName": "Ada L", "locale": "en-US", "externalId": "00uADA",
        "groups": [], "password": "Rnd-9x!placeholder", "active": true, "nickName": "Countess", URN: {"department": "R&D", "employeeNumber": "7"}})
}

/// Changes of every kind on the page.
fn edit(desk: &mut Desk, id: &str) {
    let fields = [
        ("given-name", "Augusta"),
        ("email", "augusta@x.io"),
        ("title", "Analyst"),
        ("display-name", ""),
        ("department", "Maths"),
        ("phone", "1"),
    ];
    let answer = desk.save(&format!("/people/{id}/edit"), &fields);
    desk.done(&answer, &format!("/people/{id}"));
}

#[test]
fn a_put_of_okta_writes_over_what_was_told() {
    for (config, goes) in [("", "goes"), ("[scim]\nput = \"merge\"\n", "stays")] {
        let mut desk = Desk::with(config);
        let id = id_of(&desk.client.post("/Users", &okta()).unwrap());
        assert!(told(&desk, &id).is_empty());
        edit(&mut desk, &id);
        desk.ada.fill(&format!("/people/{id}/deactivate"), &format!("/people/{id}/deactivate"), &[]);
        let told = told(&desk, &id);
        let expected = [
            ("active", "returns"),
            ("displayName", "returns"),
            ("emails[type eq \"work\"]", "returns"),
            ("name.givenName", "returns"),
            ("phoneNumbers[type eq \"work\"]", goes),
            ("title", goes),
            (&format!("{URN}:department"), "returns"),
        ];
        assert_eq!(told, expected.map(|(p, f)| (p.to_owned(), f.to_owned())).into());
        let page = desk.ada.page(&format!("/people/{id}"));
        let words = text(&page);
        assert!(page.contains("href=\"#edited\"") && words.contains("Sent last") && words.contains("Ada L"), "{words}");
        assert!(words.contains("augusta@x.io") && words.contains("names it"), "{words}");
        let before = desk.user(&id);
        assert_eq!(desk.client.put(&format!("/Users/{id}"), &okta()).unwrap().status, 200);
        let after = desk.user(&id);
        let lost: BTreeSet<String> = told.iter().filter(|(_, f)| *f != "stays").map(|(p, _)| p.clone()).collect();
        assert_eq!(moved(&before, &after), lost, "{config}");
        let left: Vec<String> = self::told(&desk, &id).into_keys().collect();
        let stays: Vec<String> = told.into_iter().filter(|(_, f)| f == "stays").map(|(p, _)| p).collect();
        assert_eq!(left, stays, "what was written over is no longer told");
    }
}

/// Entra sends what has changed there, one operation for each attribute, as in tests/dialects/entra/default.http.
#[test]
fn a_patch_of_entra_writes_over_what_it_names() {
    let mut desk = Desk::new();
    let made = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", URN], "externalId": "0a21-Ada", "userName": "ada@x.io", "active": true,
        "emails": [{"primary": true, "type": "work", "value": "ada@x.io"}], "meta": {"resourceType": "User"}, "displayName": "Ada L",
        "name": {"formatted": "Ada L", "familyName": "L", "givenName": "Ada"}, "roles": []});
    let id = id_of(&desk.client.post("/Users", &made).unwrap());
    edit(&mut desk, &id);
    let first = told(&desk, &id);
    let before = desk.user(&id);
    let operations = json!([
        {"op": "Replace", "path": "displayName", "value": "Ada King"},
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "king@x.io"},
        {"op": "Add", "path": format!("{URN}:department"), "value": "Engines"},
    ]);
    assert_eq!(desk.client.patch(&format!("/Users/{id}"), &operations).unwrap().status, 200);
    let after = desk.user(&id);
    let lost = moved(&before, &after);
    assert_eq!(lost.len(), 3, "{lost:?}");
    assert!(lost.iter().all(|path| first.contains_key(path)), "{lost:?} {first:?}");
    let left: BTreeMap<String, String> = first.into_iter().filter(|(path, _)| !lost.contains(path)).collect();
    assert_eq!(told(&desk, &id), left, "the rest stays, and is told as before");
    assert_eq!(
        (left.get("title"), left.get("name.givenName")),
        (Some(&"goes".to_owned()), Some(&"returns".to_owned()))
    );
}

#[test]
fn the_answer_is_for_those_who_may_read_and_of_people_who_are_there() {
    let mut desk = Desk::new();
    let id = desk.made("/people/new", vec![("user-name", "ada@x.io")]);
    let api = desk.house.place.done(&["token", "create", "--name", "api", "--scope", "api:read"]).trim().to_owned();
    let handover =
        desk.house.place.done(&["token", "create", "--name", "h", "--scope", "api:handover"]).trim().to_owned();
    assert_eq!(ask(&desk, &api, &id).json(), json!({"id": id, "overwrites": []}));
    for (token, who, status) in
        [(&api, "nobody", 404), (&api, "a%2Fb", 404), (&handover, id.as_str(), 403), (&desk.client.token, &id, 403)]
    {
        assert_eq!(ask(&desk, token, who).status, status, "{who}");
    }
    assert!(desk.house.place.done(&["person", "overwrites", "ada@x.io"]).contains("Nothing"));
    // A person of our own whom a provider links: what was said here is at stake from then on.
    desk.client.patch(&format!("/Users/{id}"), &json!([{"op": "replace", "path": "title", "value": "T"}])).unwrap();
    assert!(desk.house.place.done(&["person", "overwrites", "ada@x.io"]).contains("userName"));
}

/// B5 and O12: what is changed on a page is in the import walk of Okta, and in what its agent asks for.
#[test]
fn an_edit_on_a_page_is_in_the_imports_of_okta() {
    let mut desk = Desk::new();
    let ids: Vec<String> = (0..130).map(|i| desk.person(&format!("p{i}@x.io"))).collect();
    let last = ids.iter().map(|id| desk.user(id)["meta"]["lastModified"].as_str().unwrap().to_owned()).max().unwrap();
    let local = desk.made("/people/new", vec![("user-name", "local@x.io"), ("given-name", "Local")]);
    let answer = desk.save(&format!("/people/{}/edit", ids[7]), &[("title", "Changed here")]);
    desk.done(&answer, &format!("/people/{}", ids[7]));
    desk.ada.fill(&format!("/people/{}/deactivate", ids[9]), &format!("/people/{}/deactivate", ids[9]), &[]);
    let walk = |query: &str| {
        let (mut start, mut all) = (1, Vec::new());
        loop {
            let page = desk.get(&format!("/Users?{query}startIndex={start}&count=100"));
            let found = page["Resources"].as_array().cloned().unwrap_or_default();
            start += found.len();
            all.extend(found);
            if start as u64 > page["totalResults"].as_u64().unwrap() {
                return all;
            }
        }
    };
    let all = walk("");
    assert_eq!(all.len(), 131);
    let one = |id: &str| all.iter().find(|p| p["id"] == json!(id)).unwrap();
    assert_eq!(one(&ids[7])["title"], json!("Changed here"));
    assert_eq!((&one(&local)["name"]["givenName"], &one(&ids[9])["active"]), (&json!("Local"), &json!(false)));
    let since = walk(&format!("filter=meta.lastModified%20gt%20%22{last}%22&"));
    let found: BTreeSet<&str> = since.iter().map(|p| p["id"].as_str().unwrap()).collect();
    assert_eq!(found, BTreeSet::from([local.as_str(), &ids[7], &ids[9]]));
}

/// However much an identity provider sends after it, what was changed here is told until it is written over.
#[test]
fn an_edit_is_told_after_very_many_changes() {
    let desk = Desk::new();
    let id = desk.person("ada@x.io");
    let patch = |path: &str, value: Value| {
        let body = json!([{"op": "replace", "path": path, "value": value}]);
        assert_eq!(desk.client.patch(&format!("/Users/{id}"), &body).unwrap().status, 200);
    };
    patch("title", json!("There"));
    desk.house.place.done(&["person", "edit", &id, "--set", "title=Here"]);
    for i in 0..600 {
        patch("nickName", json!(format!("n{i}")));
    }
    assert_eq!(told(&desk, &id), BTreeMap::from([("title".to_owned(), "returns".to_owned())]));
}

/// A long record is read change by change: it does not stand in memory as a whole, on no page.
#[test]
fn a_long_record_does_not_make_the_server_large() {
    let mut desk = Desk::new();
    let id = desk.person("ada@x.io");
    let patch = |desk: &Desk, byte: char| {
        let photos: Vec<Value> =
            (0..60).map(|i| json!({"value": byte.to_string().repeat(20_000), "type": format!("t{i}")})).collect();
        let body = json!([{"op": "replace", "path": "photos", "value": photos}]);
        assert_eq!(desk.client.patch(&format!("/Users/{id}"), &body).unwrap().status, 200);
    };
    desk.house.place.done(&["person", "edit", &id, "--set", "title=Here"]);
    for i in 0..24 {
        patch(&desk, if i % 2 == 0 { 'a' } else { 'b' });
    }
    // Small again, so that the pages themselves are.
    let none = json!([{"op": "remove", "path": "photos"}]);
    assert_eq!(desk.client.patch(&format!("/Users/{id}"), &none).unwrap().status, 200);
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", desk.house.server().pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = resident();
    let page = desk.ada.page(&format!("/people/{id}"));
    assert!(page.contains("Changed more than a history can show"), "{page}");
    assert_eq!(told(&desk, &id), BTreeMap::from([("title".to_owned(), "goes".to_owned())]));
    let after = resident();
    assert!(after < before + 30_000, "{before} KiB became {after} KiB; the record has 58 MB");
}
