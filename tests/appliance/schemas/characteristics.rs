//! The characteristics of RFC 7643 section 7, one by one, on an extension of people.

use super::*;

#[test]
fn the_extension_is_discovered_with_all_its_characteristics() {
    let appliance = people();
    let schema = seen(&appliance, &format!("/Schemas/{HR}"));
    assert_eq!(schema["name"], json!("HR"));
    assert_eq!(schema["description"], json!("What the human resources department knows."));
    assert_eq!(schema["meta"]["resourceType"], json!("Schema"));
    let attribute = |name: &str| {
        let all = schema["attributes"].as_array().unwrap();
        all.iter().find(|a| a["name"] == json!(name)).unwrap_or_else(|| panic!("{name}: {schema}")).clone()
    };
    assert_eq!(
        attribute("badge"),
        json!({"name": "badge", "type": "string", "multiValued": false, "description": "On the card.", "required": false,
            "caseExact": true, "mutability": "readWrite", "returned": "default", "uniqueness": "server"})
    );
    assert_eq!(attribute("site")["referenceTypes"], json!(["external", "Group"]));
    assert_eq!(attribute("site")["caseExact"], json!(true), "references are case exact");
    assert_eq!(attribute("kind")["canonicalValues"], json!(["staff", "guest"]));
    assert_eq!(attribute("pin")["returned"], json!("never"), "what is writeOnly is never returned");
    assert_eq!(
        (&attribute("hired")["mutability"], &attribute("tags")["multiValued"]),
        (&json!("immutable"), &json!(true))
    );
    let parts = attribute("shifts")["subAttributes"].clone();
    assert_eq!(parts[0]["required"], json!(true));
    assert_eq!(parts[3]["name"], json!("$ref"));
    assert!(parts[0].get("indexed").is_none(), "an index is no characteristic: {parts}");
    let list = seen(&appliance, "/Schemas");
    let ids: Vec<&str> = list["Resources"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), ids[0], ids[3]), (8, USER, HR));
    let of = seen(&appliance, "/ResourceTypes/User");
    assert_eq!(of["schemaExtensions"][1], json!({"schema": HR, "required": false}));
    assert_eq!(of["schemaExtensions"].as_array().unwrap().len(), 2);
}

#[test]
fn values_are_of_the_type_that_was_declared() {
    let appliance = people();
    let good = json!({"badge": "B1", "level": 3, "score": 2.5, "since": "2020-05-01T08:00:00Z", "remote": true, "photo": "aGk=",
        "site": "https://x.io/a", "hired": "yes", "code": "c", "tags": ["a", "b"], "kind": "other than suggested",
        "desk": {"floor": 2, "room": "2.01", "key": "k"}, "shifts": [{"value": "early", "type": "day", "primary": true}]});
    let path = made(&appliance, "/Users", user("ada", good.clone()));
    let ada = seen(&appliance, &path);
    assert_eq!(ada[HR], good);
    assert_eq!(ada["schemas"], json!([USER, HR]));
    for (i, bad) in [
        json!({"level": "3"}),
        json!({"level": 1.5}),
        json!({"score": "x"}),
        json!({"since": "yesterday"}),
        json!({"since": "2024-06-01T10"}),
        json!({"since": "20240601T100000Z"}),
        json!({"since": "2024-06-01T10:00:00Z[UTC]"}),
        json!({"since": "2024-06-01T10:00:00+25:00"}),
        json!({"remote": 1}),
        json!({"photo": "no base64!"}),
        json!({"site": 7}),
        json!({"badge": ["a", "b"]}),
        json!({"tags": [1]}),
        json!({"desk": {"room": "2.01"}}),
        json!({"desk": {"floor": "two"}}),
        json!({"shifts": [{"type": "day"}]}),
        json!({"shifts": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
        json!("text"),
    ]
    .into_iter()
    .enumerate()
    {
        refused(&appliance.post("/Users", user(&format!("bad{i}"), bad.clone())), 400, "invalidValue");
        refused(&appliance.put(&path, user("ada", bad)), 400, "invalidValue");
    }
    for (path_of, value) in [("level", json!("3")), ("desk.floor", json!("x")), ("since", json!("no"))] {
        refused(&patched(&appliance, &path, "replace", &format!("{HR}:{path_of}"), value), 400, "invalidValue");
    }
    let odd = made(
        &appliance,
        "/Users",
        json!({"schemas": [USER, HR], "userName": "odd", HR: {"level": -0.0, "since": "2023-12-31T24:00:00Z"}}),
    );
    assert_eq!(seen(&appliance, &odd)[HR], json!({"level": 0, "since": "2023-12-31T24:00:00Z"}));
    assert_eq!(found(&appliance, "/Users", &format!("{HR}:since eq \"2024-01-01T00:00:00Z\"")), ["odd"]);
    // What nobody declared is passed over, as it is in the core schema.
    let bob = made(&appliance, "/Users", user("bob", json!({"shoeSize": 38, "level": 1})));
    assert_eq!(seen(&appliance, &bob)[HR], json!({"level": 1}));
    assert_eq!(seen(&appliance, &path)[HR], good, "what is refused changes nothing");
}

#[test]
fn names_count_in_any_letter_case_and_are_shown_as_declared() {
    let appliance = people();
    let path = made(
        &appliance,
        "/Users",
        json!({"schemas": [USER, HR.to_uppercase()], "userName": "ada", HR.to_uppercase(): {"BADGE": "b", "Desk": {"FLOOR": 1}}}),
    );
    assert_eq!(seen(&appliance, &path)[HR], json!({"badge": "b", "desk": {"floor": 1}}));
    let badge = patched(&appliance, &path, "replace", &format!("{}:bADGE", HR.to_uppercase()), json!("c"));
    assert_eq!(badge.json()[HR]["badge"], json!("c"), "{}", badge.body);
    assert_eq!(found(&appliance, "/Users", &format!("{}:DESK.Floor eq 1", HR.to_uppercase())), ["ada"]);
}

#[test]
fn immutable_values_are_set_once() {
    let appliance = people();
    let path = made(&appliance, "/Users", user("ada", json!({"level": 1, "desk": {"floor": 1}})));
    let hired = format!("{HR}:hired");
    assert_eq!(patched(&appliance, &path, "add", &hired, json!("2020")).status, 200, "it had none");
    assert_eq!(patched(&appliance, &path, "replace", &hired, json!("2020")).status, 200, "the same again");
    refused(&patched(&appliance, &path, "replace", &hired, json!("2021")), 400, "mutability");
    refused(&patched(&appliance, &path, "remove", &hired, Value::Null), 400, "mutability");
    refused(&patched(&appliance, &path, "remove", HR, Value::Null), 400, "mutability");
    refused(&appliance.put(&path, user("ada", json!({"hired": "2021"}))), 400, "mutability");
    // RFC 7644 section 3.5.1: what a PUT leaves out of what is immutable stays.
    let put = appliance.put(&path, user("ada", json!({"hired": "2020", "level": 2})));
    assert_eq!(put.json()[HR], json!({"level": 2, "hired": "2020"}), "{}", put.body);
    let put = appliance.put(&path, json!({"schemas": [USER], "userName": "ada"}));
    assert_eq!(put.json()[HR], json!({"hired": "2020"}), "{}", put.body);
}

#[test]
fn immutable_parts_are_set_once() {
    let appliance = people();
    let path = made(
        &appliance,
        "/Users",
        user("ada", json!({"desk": {"floor": 1, "key": "k1"}, "shifts": [{"value": "a", "type": "day"}]})),
    );
    refused(&patched(&appliance, &path, "replace", &format!("{HR}:desk.key"), json!("k2")), 400, "mutability");
    refused(&patched(&appliance, &path, "remove", &format!("{HR}:desk"), Value::Null), 400, "mutability");
    assert_eq!(patched(&appliance, &path, "replace", &format!("{HR}:desk.floor"), json!(2)).status, 200);
    let of_a = format!("{HR}:shifts[value eq \"a\"]");
    refused(&patched(&appliance, &path, "replace", &format!("{of_a}.type"), json!("night")), 400, "mutability");
    refused(&patched(&appliance, &path, "replace", &of_a, json!({"value": "a", "type": "night"})), 400, "mutability");
    assert_eq!(patched(&appliance, &path, "replace", &format!("{of_a}.primary"), json!(true)).status, 200);
    // The value as a whole can go, and another can come.
    assert_eq!(patched(&appliance, &path, "remove", &of_a, Value::Null).status, 200);
    let added = patched(&appliance, &path, "add", &format!("{HR}:shifts"), json!([{"value": "a", "type": "night"}]));
    assert_eq!(
        added.json()[HR],
        json!({"desk": {"floor": 2, "key": "k1"}, "shifts": [{"value": "a", "type": "night"}]})
    );
}

#[test]
fn required_parts_do_not_go() {
    let appliance = people();
    let path =
        made(&appliance, "/Users", user("ada", json!({"desk": {"floor": 1, "room": "r"}, "shifts": [{"value": "a"}]})));
    let before = seen(&appliance, &path);
    refused(&patched(&appliance, &path, "remove", &format!("{HR}:desk.floor"), Value::Null), 400, "mutability");
    refused(
        &patched(&appliance, &path, "remove", &format!("{HR}:shifts[value eq \"a\"].value"), Value::Null),
        400,
        "mutability",
    );
    let made_up = format!("{HR}:shifts[type eq \"day\"].primary");
    refused(&patched(&appliance, &path, "replace", &made_up, json!(true)), 400, "invalidValue");
    assert_eq!(seen(&appliance, &path), before);
    assert_eq!(patched(&appliance, &path, "remove", &format!("{HR}:desk"), Value::Null).status, 200);
}

#[test]
fn read_only_values_are_the_server_s() {
    let appliance = people();
    let path = made(&appliance, "/Users", user("ada", json!({"rank": "chief", "level": 1})));
    assert_eq!(seen(&appliance, &path)[HR], json!({"level": 1}));
    refused(&patched(&appliance, &path, "replace", &format!("{HR}:rank"), json!("chief")), 400, "mutability");
}

#[test]
fn what_is_never_returned_is_nowhere_to_be_seen() {
    let mut appliance = people();
    let secret =
        json!({"pin": "pin-4711", "secret": "secret-4711", "level": 1, "desk": {"floor": 1, "alarm": "alarm-4711"}});
    let created = appliance.post("/Users", user("ada", secret));
    assert_eq!((created.status, created.body.contains("4711")), (201, false), "{}", created.body);
    let path = format!("/Users/{}", created.json()["id"].as_str().unwrap());
    for query in ["", "?attributes=userName,pin", &format!("?attributes={HR}:pin,{HR}:secret,{HR}:desk.alarm,{HR}")] {
        let answer = appliance.get(&format!("{path}{query}"));
        assert!(answer.status == 200 && !answer.body.contains("4711"), "{query}: {}", answer.body);
    }
    assert_eq!(seen(&appliance, &path)[HR], json!({"level": 1, "desk": {"floor": 1}}));
    for filter in ["pin eq \"pin-4711\"", "secret sw \"s\"", "desk.alarm pr", "desk[alarm eq \"x\"]"] {
        let encoded: String = format!("{HR}:{filter}").bytes().map(|b| format!("%{b:02X}")).collect();
        refused(&appliance.get(&format!("/Users?filter={encoded}")), 400, "invalidFilter");
    }
    refused(&appliance.get(&format!("/Users?sortBy={HR}:pin")), 400, "invalidValue");
    let patch = patched(&appliance, &path, "replace", &format!("{HR}:pin"), json!("pin-4711-2"));
    assert!(patch.status == 200 && !patch.body.contains("4711"), "{}", patch.body);
    // It is stored, and it is not in the record of changes.
    appliance.terminate();
    let database = rusqlite::Connection::open(appliance.database_path()).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!(count("select count(*) from resource where doc like '%pin-4711-2%'"), 1);
    assert_eq!(count("select count(*) from change where coalesce(before, '') || coalesce(after, '') like '%4711%'"), 0);
    assert!(!appliance.log().contains("4711"));
}

#[test]
fn projection_follows_returned() {
    let appliance = people();
    let path = made(
        &appliance,
        "/Users",
        user("ada", json!({"note": "n", "code": "c", "level": 1, "desk": {"floor": 1, "room": "r"}})),
    );
    let hr = |query: &str| seen(&appliance, &format!("{path}{query}"))[HR].clone();
    assert_eq!(hr(""), json!({"level": 1, "code": "c", "desk": {"floor": 1, "room": "r"}}));
    assert_eq!(hr("?attributes=userName"), json!({"code": "c"}), "always");
    assert_eq!(hr(&format!("?attributes={HR}:note")), json!({"note": "n", "code": "c"}), "request");
    assert_eq!(hr(&format!("?attributes={HR}:desk.room")), json!({"code": "c", "desk": {"room": "r"}}));
    assert_eq!(
        hr(&format!("?excludedAttributes={HR}:level,{HR}:code,{HR}:desk.floor")),
        json!({"code": "c", "desk": {"room": "r"}})
    );
    assert_eq!(hr(&format!("?excludedAttributes={HR}")), json!({"code": "c"}));
    assert_eq!(hr(&format!("?attributes={HR}")), json!({"level": 1, "code": "c", "desk": {"floor": 1, "room": "r"}}));
}

#[test]
fn every_type_is_filtered_and_sorted() {
    let appliance = people();
    for (name, hr) in [
        (
            "a",
            json!({"badge": "Ab", "nick": "N1", "level": -2, "score": 0.5, "since": "2020-01-01T00:00:00Z", "remote": true, "tags": ["x", "Y"]}),
        ),
        (
            "b",
            json!({"badge": "aB", "nick": "n2", "level": 10, "score": 10.25, "since": "2020-01-01T01:00:00+02:00", "remote": false, "tags": ["y"]}),
        ),
        (
            "c",
            json!({"badge": "b", "level": 9, "score": 10, "since": "2021-06-01T00:00:00.5Z", "shifts": [{"value": "Early", "type": "day"}, {"value": "late"}]}),
        ),
        ("d", json!({"desk": {"floor": 3}})),
    ] {
        made(&appliance, "/Users", user(name, hr));
    }
    for (filter, names) in [
        ("badge eq \"Ab\"", "a"),
        ("badge eq \"ab\"", ""),
        ("badge sw \"a\"", "b"),
        ("nick eq \"n1\"", "a"),
        ("nick sw \"N\"", "a b"),
        ("badge pr", "a b c"),
        ("badge ne \"Ab\"", "b c d"),
        ("level eq -2", "a"),
        ("level gt -2", "b c"),
        ("level ge 9", "b c"),
        ("level lt 9", "a"),
        ("level le 9.0", "a c"),
        ("score gt 10", "b"),
        ("score eq 10.0", "c"),
        ("since eq \"2019-12-31T23:00:00Z\"", "b"),
        ("since lt \"2020-01-01T00:00:00Z\"", "b"),
        ("since ge \"2020-01-01T00:00:00Z\"", "a c"),
        ("since sw \"2021\"", "c"),
        ("remote eq true", "a"),
        ("remote eq false", "b"),
        ("tags eq \"Y\"", "a b"),
        ("tags co \"x\"", "a"),
        ("desk.floor ge 3", "d"),
        ("shifts.value eq \"EARLY\"", "c"),
        ("shifts[value eq \"early\" and type eq \"day\"]", "c"),
        ("shifts[value eq \"late\" and type eq \"day\"]", ""),
        ("shifts[value eq \"late\"]", "c"),
    ] {
        let filter = format!("{HR}:{filter}");
        assert_eq!(found(&appliance, "/Users", &filter).join(" "), names, "{filter}");
        let both = format!("{filter} and userName sw \"{}\"", names.get(..1).unwrap_or("a"));
        assert_eq!(found(&appliance, "/Users", &both).join(" "), names.get(..1).unwrap_or(""), "{both}");
    }
    let either = format!("{HR}:level eq 9 or {HR}:badge eq \"Ab\"");
    assert_eq!(found(&appliance, "/Users", &either), ["a", "c"]);
    let order = |query: &str| {
        let list = seen(&appliance, &format!("/Users?sortBy={HR}:{query}"));
        list["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["userName"].as_str().unwrap().to_owned())
            .collect::<String>()
    };
    assert_eq!(order("level"), "acbd");
    assert_eq!(order("level&sortOrder=descending"), "dbca");
    assert_eq!(order("since"), "bacd");
    assert_eq!(order("badge"), "abcd");
    for wrong in ["level eq \"x\"", "level co 1", "nothing eq 1", "remote gt true", "desk eq \"x\"", "photo gt \"a\""] {
        let encoded: String = format!("{HR}:{wrong}").bytes().map(|b| format!("%{b:02X}")).collect();
        refused(&appliance.get(&format!("/Users?filter={encoded}")), 400, "invalidFilter");
    }
}

#[test]
fn every_form_of_patch_reaches_the_extension() {
    let appliance = people();
    let path = made(&appliance, "/Users", user("ada", json!({"level": 1})));
    let whole = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
        {"op": "replace", "value": {HR: {"badge": "b", "tags": ["a"]}}},
        {"op": "add", "path": HR, "value": {"tags": ["b"], "desk": {"floor": 1}}},
        {"op": "replace", "value": {format!("{HR}:level"): 5}},
        {"op": "add", "path": format!("{HR}:shifts[type eq \"day\"].value"), "value": "early"},
        {"op": "remove", "path": format!("{HR}:badge")},
    ]});
    let answer = appliance.patch(&path, whole);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        seen(&appliance, &path)[HR],
        json!({"level": 5, "tags": ["a", "b"], "desk": {"floor": 1}, "shifts": [{"value": "early", "type": "day"}]})
    );
    let gone = patched(&appliance, &path, "remove", HR, Value::Null).json();
    assert_eq!((gone.get(HR), &gone["schemas"]), (None, &json!([USER])));
}

/// Whole numbers have 64 bits, of which a double tells 53.
#[test]
fn large_numbers_are_compared_digit_by_digit() {
    const FIRST: u64 = (1 << 53) - 1;
    for config in [PEOPLE.to_owned(), PEOPLE.replace("type = \"integer\", indexed = true", "type = \"integer\"")] {
        let appliance = Appliance::with_config(&config);
        for (i, name) in ["c", "a", "e", "b", "d"].into_iter().enumerate() {
            let level = FIRST + u64::from(name.as_bytes()[0] - b'a');
            made(&appliance, "/Users", user(name, json!({"level": level, "number": u64::MAX - i as u64})));
        }
        let level = |op: &str, n: u64| found(&appliance, "/Users", &format!("{HR}:level {op} {n}")).join("");
        for (n, eq, gt, ge, lt, le) in [
            (FIRST, "a", "bcde", "abcde", "", "a"),
            (FIRST + 1, "b", "cde", "bcde", "a", "ab"),
            (FIRST + 2, "c", "de", "cde", "ab", "abc"),
            (FIRST + 3, "d", "e", "de", "abc", "abcd"),
            (FIRST + 4, "e", "", "e", "abcd", "abcde"),
        ] {
            let by = |op: &str| level(op, n);
            assert_eq!((by("eq").as_str(), by("gt").as_str(), by("ge").as_str()), (eq, gt, ge), "{n}");
            assert_eq!((by("lt").as_str(), by("le").as_str()), (lt, le), "{n}");
        }
        assert_eq!(found(&appliance, "/Users", &format!("{HR}:number eq {}", u64::MAX - 1)), ["a"]);
        refused(&appliance.post("/Users", user("f", json!({"number": u64::MAX - 1}))), 409, "uniqueness");
        for (order, expected) in [("ascending", "abcde"), ("descending", "edcba")] {
            let (mut names, mut cursor) = (String::new(), String::new());
            loop {
                let page =
                    seen(&appliance, &format!("/Users?sortBy={HR}:level&sortOrder={order}&count=2&cursor={cursor}"));
                names.extend(page["Resources"].as_array().unwrap().iter().map(|r| r["userName"].as_str().unwrap()));
                match page["nextCursor"].as_str() {
                    Some(next) => cursor = next.to_owned(),
                    None => break,
                }
            }
            assert_eq!(names, expected);
        }
    }
}
