//! What nobody can see or change is not lost by writing back what was read (RFC 7644 section 3.5.1), and not forged either.

use super::*;

const XX: &str = "urn:xx:ext:hr";

/// An extension with something hidden, something fixed and something required at every depth.
const HIDDEN: &str = r#"
[[schema]]
id = "urn:xx:ext:hr"
extends = ["User"]
attribute = [
  { name = "badge", required = true, uniqueness = "server" },
  { name = "secret", mutability = "writeOnly" },
  { name = "nev", returned = "never" },
  { name = "req", returned = "request" },
  { name = "serial", mutability = "immutable" },
  { name = "level", type = "integer" },
  { name = "cards", type = "complex", multi_valued = true, sub_attribute = [
    { name = "value" },
    { name = "type" },
    { name = "lvl", type = "integer" },
    { name = "rd", mutability = "readOnly" },
    { name = "serial", mutability = "immutable" },
    { name = "pin", mutability = "writeOnly" },
    { name = "rq", returned = "request" },
  ] },
  { name = "desk", type = "complex", sub_attribute = [
    { name = "floor", type = "integer", required = true },
    { name = "building" },
    { name = "pin", mutability = "writeOnly" },
  ] },
  { name = "keys", type = "complex", multi_valued = true, sub_attribute = [
    { name = "value", required = true },
    { name = "type" },
    { name = "code", mutability = "writeOnly", required = true },
  ] },
]
"#;

fn xx(name: &str, xx: Value) -> Value {
    json!({"schemas": [USER, XX], "userName": name, XX: xx})
}

/// The document of somebody, read beside the server.
fn stored(appliance: &Appliance, path: &str) -> Value {
    let database = rusqlite::Connection::open(appliance.database_path()).unwrap();
    let id = path.rsplit('/').next().unwrap();
    let doc: String = database.query_row("select doc from resource where id = ?1", [id], |r| r.get(0)).unwrap();
    serde_json::from_str(&doc).unwrap()
}

fn put(appliance: &Appliance, path: &str, body: Value) -> Value {
    let answer = appliance.put(path, body.clone());
    assert_eq!(answer.status, 200, "{body}: {}", answer.body);
    answer.json()
}

fn hr() -> Value {
    json!({"badge": "b1", "secret": "s", "nev": "n", "req": "r", "serial": "S1", "level": 1,
        "cards": [{"value": "1", "type": "x", "serial": "C1", "pin": "1111", "rq": "q1"}, {"pin": "0000"},
            {"value": "2", "pin": "2222"}, {"type": "only", "pin": "3333"}],
        "desk": {"floor": 1, "building": "A", "pin": "4444"},
        "keys": [{"value": "k", "code": "5555"}]})
}

#[test]
fn a_put_of_what_was_read_loses_nothing_and_changes_nothing() {
    for config in [
        HIDDEN.to_owned(),
        format!("{HIDDEN}\n[scim]\nput = \"merge\"\n"),
        format!("{HIDDEN}\n[scim]\nmode = \"strict\"\n"),
    ] {
        let appliance = Appliance::with_config(&config);
        let ada = made(&appliance, "/Users", xx("ada", hr()));
        let before = stored(&appliance, &ada);
        let shown = seen(&appliance, &ada);
        assert!(!shown.to_string().contains("2222"), "{shown}");
        assert_eq!(put(&appliance, &ada, shown.clone()), shown);
        assert_eq!(stored(&appliance, &ada), before);
        // The same by PATCH, list by list.
        let cards = patched(&appliance, &ada, "replace", &format!("{XX}:cards"), shown[XX]["cards"].clone());
        assert_eq!((cards.status, cards.json()), (200, shown.clone()), "{}", cards.body);
        assert_eq!(stored(&appliance, &ada), before);
    }
}

#[test]
fn what_is_hidden_goes_when_it_is_cleared_or_with_the_value_that_it_is_part_of() {
    let appliance = Appliance::with_config(HIDDEN);
    let ada = made(&appliance, "/Users", xx("ada", hr()));
    let body = xx(
        "ada",
        json!({"badge": "b1", "secret": null, "nev": null, "serial": "S1",
        "cards": [{"value": "1", "type": "x", "pin": null}, {"Value": "3"}], "keys": [{"value": "k"}]}),
    );
    put(&appliance, &ada, body);
    let after = stored(&appliance, &ada)[XX].clone();
    assert_eq!(
        after,
        json!({"badge": "b1", "req": "r", "serial": "S1",
        "cards": [{"value": "1", "type": "x", "serial": "C1", "rq": "q1"}, {"pin": "0000"}, {"value": "3"}], "keys": [{"value": "k", "code": "5555"}]})
    );
    // A new value is held to what is required of it.
    let unknown = json!({"badge": "b1", "keys": [{"value": "other"}]});
    refused(&appliance.put(&ada, xx("ada", unknown)), 400, "invalidValue");
    refused(
        &appliance.post("/Users", xx("bob", json!({"badge": "b2", "keys": [{"value": "k"}]}))),
        400,
        "invalidValue",
    );
    // What one did not see one did not take away; what one saw goes with all of it.
    let grace = made(&appliance, "/Users", xx("grace", json!({"badge": "b3", "cards": [{"pin": "1"}], "secret": "s"})));
    put(&appliance, &grace, xx("grace", json!({"badge": "b3"})));
    assert_eq!(stored(&appliance, &grace)[XX], json!({"badge": "b3", "secret": "s", "cards": [{"pin": "1"}]}));
    put(&appliance, &grace, json!({"schemas": [USER], "userName": "grace", XX: null}));
    assert_eq!(stored(&appliance, &grace).get(XX), None);
}

#[test]
fn a_required_value_that_nobody_sees_need_not_be_repeated() {
    let declared = HIDDEN.replace(
        "mutability = \"writeOnly\" },\n  { name = \"nev\"",
        "mutability = \"writeOnly\", required = true },\n  { name = \"nev\"",
    );
    let appliance = Appliance::with_config(&declared);
    refused(&appliance.post("/Users", xx("ada", json!({"badge": "b1"}))), 400, "invalidValue");
    let ada = made(&appliance, "/Users", xx("ada", json!({"badge": "b1", "secret": "s"})));
    let shown = seen(&appliance, &ada);
    assert_eq!(put(&appliance, &ada, shown.clone()), shown);
    assert_eq!(stored(&appliance, &ada)[XX]["secret"], json!("s"));
    refused(&appliance.put(&ada, xx("ada", json!({"badge": "b1", "secret": null}))), 400, "invalidValue");
}

/// RFC 7644 section 3.5.1 on immutable attributes: "the input value(s) MUST match".
#[test]
fn what_is_fixed_in_an_element_stays_when_the_list_is_replaced() {
    let appliance = Appliance::with_config(HIDDEN);
    let cards = |serial: Value| json!([{"value": "1", "type": "x", "serial": serial}]);
    let ada = made(&appliance, "/Users", xx("ada", json!({"badge": "b1", "cards": cards(json!("C1"))})));
    let path = format!("{XX}:cards");
    refused(&patched(&appliance, &ada, "replace", &path, cards(json!("C2"))), 400, "mutability");
    refused(&appliance.put(&ada, xx("ada", json!({"badge": "b1", "cards": cards(json!("C2"))}))), 400, "mutability");
    assert_eq!(patched(&appliance, &ada, "replace", &path, cards(json!(null))).status, 200);
    assert_eq!(stored(&appliance, &ada)[XX]["cards"], cards(json!("C1")));
    // The value as a whole can go, and another can come.
    assert_eq!(patched(&appliance, &ada, "replace", &path, json!([{"value": "2", "serial": "C2"}])).status, 200);
}

/// Somebody who has an extension that cannot go altogether can still be deactivated by a PUT that does not name it.
#[test]
fn what_a_put_leaves_of_an_extension_does_not_stand_in_its_way() {
    let mut appliance = Appliance::with_config(HIDDEN);
    let plain = |active: bool| json!({"schemas": [USER], "userName": "ada", "active": active});
    let ada = made(&appliance, "/Users", xx("ada", json!({"badge": "b1", "serial": "S1", "level": 1})));
    let shown = put(&appliance, &ada, plain(false));
    assert_eq!(shown["active"], json!(false));
    // What is required stays with what is fixed, so that what is left can be written back.
    assert_eq!(shown[XX], json!({"badge": "b1", "serial": "S1"}));
    assert_eq!(put(&appliance, &ada, shown.clone()), shown);
    refused(&appliance.put(&ada, xx("ada", json!({"serial": "S1"}))), 400, "invalidValue");

    let fewer = "[[schema]]\nid = \"urn:xx:ext:hr\"\nextends = [\"User\"]\n[[schema.attribute]]\nname = \"badge\"\nrequired = true\n";
    redeclare(&mut appliance, fewer);
    let shown = put(&appliance, &ada, plain(true));
    assert_eq!(shown.get(XX), None, "{shown}");
    assert_eq!(put(&appliance, &ada, plain(false))["active"], json!(false));
    assert_eq!(stored(&appliance, &ada)[XX], json!({"serial": "S1"}));
}

#[test]
fn a_merging_put_keeps_the_parts_of_what_an_extension_holds() {
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let appliance = Appliance::with_config(&format!("{HIDDEN}\n[scim]\nput = \"merge\"\n"));
    let mut body = xx("ada", json!({"badge": "b1", "desk": {"floor": 1, "building": "A", "pin": "4444"}}));
    body[ENTERPRISE] = json!({"manager": {"value": "u1", "$ref": "https://x.io/u1"}});
    let ada = made(&appliance, "/Users", body);
    let body = json!({"schemas": [USER, XX, ENTERPRISE], "userName": "ada", XX: {"desk": {"building": "Z"}}, ENTERPRISE: {"manager": {"value": "u2"}}});
    let shown = put(&appliance, &ada, body);
    assert_eq!(shown[XX], json!({"badge": "b1", "desk": {"floor": 1, "building": "Z"}}));
    assert_eq!(shown[ENTERPRISE], json!({"manager": {"value": "u2", "$ref": "https://x.io/u1"}}));
    assert_eq!(stored(&appliance, &ada)[XX]["desk"]["pin"], json!("4444"));
    // What is required is still required.
    refused(&appliance.put(&ada, xx("ada", json!({"desk": {"floor": null}}))), 400, "invalidValue");
    let shown = put(&appliance, &ada, xx("ada", json!({"desk": {"building": null, "pin": null}})));
    assert_eq!(shown[XX]["desk"], json!({"floor": 1}));
    assert_eq!(stored(&appliance, &ada)[XX]["desk"], json!({"floor": 1}));
    let bob = made(&appliance, "/Users", xx("bob", json!({"badge": "b2"})));
    refused(&appliance.put(&bob, xx("bob", json!({"desk": {"building": "Z"}}))), 400, "invalidValue");
}

/// RFC 7643 section 2.2: what is read-only is the server's, by whichever way it is named.
#[test]
fn a_filter_creates_nothing_that_is_read_only() {
    let appliance = Appliance::with_config(HIDDEN);
    let ada = made(&appliance, "/Users", xx("ada", json!({"badge": "b1", "cards": [{"value": "1"}]})));
    let before = stored(&appliance, &ada);
    let forged = format!("{XX}:cards[value eq \"x\" and rd eq \"forged\"]");
    refused(&patched(&appliance, &ada, "replace", &format!("{forged}.type"), json!("t")), 400, "noTarget");
    refused(&patched(&appliance, &ada, "add", &forged, json!({"type": "t"})), 400, "noTarget");
    refused(&patched(&appliance, &ada, "replace", &forged, json!({"type": "t"})), 400, "noTarget");
    assert_eq!(stored(&appliance, &ada), before);
    // And what is there of it stays as it is.
    let database = rusqlite::Connection::open(appliance.database_path()).unwrap();
    database
        .execute("update resource set doc = replace(doc, '{\"value\":\"1\"', '{\"value\":\"1\",\"rd\":\"Own\"')", [])
        .unwrap();
    let own = format!("{XX}:cards[rd eq \"own\"]");
    for value in [json!({"value": "1", "type": "t"}), json!({"value": "2"}), json!({"value": "2", "rd": "x"})] {
        assert_eq!(patched(&appliance, &ada, "replace", &own, value).status, 200);
        assert_eq!(stored(&appliance, &ada)[XX]["cards"][0]["rd"], json!("Own"));
    }
}

/// RFC 7644 section 3.5.2.3: a complex value is changed part by part; whether the whole is complete is seen at the end.
#[test]
fn parts_of_a_complex_value_are_patched_without_what_is_required_of_the_whole() {
    let appliance = Appliance::with_config(HIDDEN);
    let body = json!({"badge": "b1", "desk": {"floor": 1, "building": "A"}, "keys": [{"value": "1", "code": "c"}]});
    let ada = made(&appliance, "/Users", xx("ada", body));
    for (op, building) in [("replace", "C"), ("add", "D")] {
        let desk = patched(&appliance, &ada, op, &format!("{XX}:desk"), json!({"building": building}));
        assert_eq!(desk.json()[XX]["desk"], json!({"floor": 1, "building": building}), "{}", desk.body);
        let key = patched(&appliance, &ada, op, &format!("{XX}:keys[value eq \"1\"]"), json!({"type": building}));
        assert_eq!(key.json()[XX]["keys"], json!([{"value": "1", "type": building}]), "{}", key.body);
    }
    assert_eq!(stored(&appliance, &ada)[XX]["keys"], json!([{"value": "1", "type": "D", "code": "c"}]));
    // What is incomplete in the end is refused.
    refused(
        &patched(&appliance, &ada, "add", &format!("{XX}:keys[type eq \"new\"]"), json!({"code": "c"})),
        400,
        "invalidValue",
    );
    refused(&patched(&appliance, &ada, "add", &format!("{XX}:keys"), json!([{"value": "2"}])), 400, "invalidValue");
    let bob = made(&appliance, "/Users", xx("bob", json!({"badge": "b2"})));
    refused(&patched(&appliance, &bob, "add", &format!("{XX}:desk"), json!({"building": "C"})), 400, "invalidValue");
}

#[test]
fn a_blank_value_is_none_where_it_is_required_and_unique() {
    let appliance = Appliance::with_config(HIDDEN);
    for blank in ["", " "] {
        refused(&appliance.post("/Users", xx("ada", json!({"badge": blank}))), 400, "invalidValue");
    }
    let ada = made(&appliance, "/Users", xx("ada", json!({"badge": "b1"})));
    refused(&patched(&appliance, &ada, "replace", &format!("{XX}:badge"), json!("")), 400, "invalidValue");
    refused(&appliance.put(&ada, xx("ada", json!({"badge": " "}))), 400, "invalidValue");
}

/// RFC 7643 section 6: `required` of a schema extension says whether a resource can be without it.
#[test]
fn an_extension_that_is_not_required_can_be_removed_with_what_is_required_in_it() {
    let appliance = Appliance::with_config(HIDDEN);
    let ada = made(&appliance, "/Users", xx("ada", json!({"badge": "b1", "secret": "s"})));
    refused(&patched(&appliance, &ada, "remove", &format!("{XX}:badge"), Value::Null), 400, "mutability");
    let removed = patched(&appliance, &ada, "remove", XX, Value::Null);
    assert_eq!((removed.status, removed.json()["schemas"].clone()), (200, json!([USER])), "{}", removed.body);
    assert_eq!(stored(&appliance, &ada).get(XX), None);
    let bob = made(&appliance, "/Users", xx("bob", json!({"badge": "b1", "serial": "S"})));
    refused(&patched(&appliance, &bob, "remove", XX, Value::Null), 400, "mutability");
    assert_eq!(patched(&appliance, &ada, "replace", XX, json!({"badge": "b2"})).status, 200);
    let replaced = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": XX, "value": null}]});
    assert_eq!(appliance.patch(&ada, replaced).json().get(XX), None);
}

/// Every filter of equality terms describes a value, whatever their types.
#[test]
fn a_filter_creates_values_of_every_type() {
    let declared = HIDDEN.replace("{ name = \"lvl\"", "{ name = \"since\", type = \"dateTime\" },\n{ name = \"lvl\"");
    let appliance = Appliance::with_config(&declared);
    for (name, condition, card) in [
        ("a", "lvl eq 9", json!({"value": "v", "lvl": 9})),
        ("b", "lvl eq 9 and type eq \"t\"", json!({"value": "v", "type": "t", "lvl": 9})),
        ("c", "since eq \"2024-01-01T00:00:00Z\"", json!({"value": "v", "since": "2024-01-01T00:00:00Z"})),
        ("d", "type eq \"t\" and lvl eq null", json!({"value": "v", "type": "t"})),
    ] {
        let path = made(&appliance, "/Users", xx(name, json!({"badge": name})));
        let at = format!("{XX}:cards[{condition}].value");
        for _ in 0..2 {
            let answer = patched(&appliance, &path, "add", &at, json!("v"));
            assert_eq!(answer.json()[XX]["cards"], json!([card]), "{condition}: {}", answer.body);
        }
    }
    let path = made(&appliance, "/Users", xx("e", json!({"badge": "e"})));
    let unfit = patched(&appliance, &path, "add", &format!("{XX}:cards[lvl eq 9.5].value"), json!("v"));
    refused(&unfit, 400, "invalidValue");
}
