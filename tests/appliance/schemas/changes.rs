//! Stored data outlives declarations: whatever changes in the config between two starts, the server starts, nothing that was
//! stored is lost, and what is found agrees with what is shown.

use super::*;

const TEAM: &str = "urn:example:scim:team:1.0:User";

/// An extension with one attribute.
fn team(attribute: &str) -> String {
    format!("[[schema]]\nid = \"{TEAM}\"\nextends = [\"User\"]\nattribute = [{{ name = \"team\", {attribute} }}]\n")
}

fn in_team(name: &str, team: Value) -> Value {
    json!({"schemas": [USER, TEAM], "userName": name, TEAM: {"team": team}})
}

/// Rows of the index, read beside the server.
fn rows(appliance: &Appliance) -> i64 {
    let database = rusqlite::Connection::open(appliance.database_path()).unwrap();
    database.query_row("select count(*) from value", [], |r| r.get(0)).unwrap()
}

#[test]
fn an_extension_that_goes_is_kept_out_of_sight_and_comes_back() {
    let declared = team("type = \"string\"");
    let mut appliance = Appliance::with_config(&declared);
    let ada = made(&appliance, "/Users", in_team("ada", json!("red")));
    let before = seen(&appliance, &ada);
    redeclare(&mut appliance, "");
    let without = seen(&appliance, &ada);
    assert!(without.get(TEAM).is_none() && without["schemas"] == json!([USER]), "{without}");
    let listed = seen(&appliance, "/Users");
    assert!(!listed.to_string().contains("red") && !listed.to_string().contains(TEAM), "{listed}");
    refused(&appliance.get(&format!("/Users?filter={TEAM}:team%20pr")), 400, "invalidFilter");
    assert_eq!(appliance.get(&format!("/Schemas/{TEAM}")).status, 404);
    // Writes do not touch what they cannot see: neither PUT nor PATCH, nor a client that sends the extension all the same.
    assert_eq!(patched(&appliance, &ada, "replace", "title", json!("Dr")).status, 200);
    let put = appliance.put(&ada, in_team("ada", json!("green")));
    assert!(put.status == 200 && put.json().get(TEAM).is_none(), "{}", put.body);
    redeclare(&mut appliance, &declared);
    let after = seen(&appliance, &ada);
    assert_eq!((&after[TEAM], &after["schemas"]), (&before[TEAM], &before["schemas"]));
    assert_eq!(found(&appliance, "/Users", &format!("{TEAM}:team eq \"red\"")), ["ada"]);
    // A PUT that leaves it out now takes it away, as ever.
    assert!(appliance.put(&ada, json!({"schemas": [USER], "userName": "ada"})).json().get(TEAM).is_none());
}

#[test]
fn an_attribute_or_part_that_goes_is_kept_out_of_sight() {
    let mut appliance = people();
    let hr =
        json!({"level": 1, "code": "c", "desk": {"floor": 1, "room": "r"}, "shifts": [{"value": "a", "type": "day"}]});
    let ada = made(&appliance, "/Users", user("ada", hr.clone()));
    let fewer = "[[schema]]\nid = \"urn:example:scim:hr:1.0:User\"\nextends = [\"User\"]\n[[schema.attribute]]\nname = \"level\"\ntype = \"integer\"\n\
        [[schema.attribute]]\nname = \"desk\"\ntype = \"complex\"\nsub_attribute = [{ name = \"room\" }]\n\
        [[schema.attribute]]\nname = \"shifts\"\ntype = \"complex\"\nmulti_valued = true\nsub_attribute = [{ name = \"value\" }]\n";
    redeclare(&mut appliance, fewer);
    let shown = seen(&appliance, &ada);
    assert_eq!(shown[HR], json!({"level": 1, "desk": {"room": "r"}, "shifts": [{"value": "a"}]}));
    assert_eq!(appliance.put(&ada, shown).status, 200);
    assert_eq!(patched(&appliance, &ada, "replace", &format!("{HR}:desk.room"), json!("r2")).status, 200);
    redeclare(&mut appliance, PEOPLE);
    let shown = seen(&appliance, &ada)[HR].clone();
    assert_eq!((&shown["code"], &shown["desk"]), (&json!("c"), &json!({"floor": 1, "room": "r2"})), "{shown}");
}

#[test]
fn a_resource_type_that_goes_takes_its_endpoint_along_and_no_data() {
    let mut appliance = devices();
    let path = made(&appliance, "/Devices", device("S1"));
    redeclare(&mut appliance, "");
    assert_eq!(appliance.get(&path).status, 404);
    assert_eq!(appliance.get("/Devices").status, 404);
    assert_eq!(seen(&appliance, "/")["totalResults"], json!(0));
    redeclare(&mut appliance, &DEVICES.replace("/Devices", "/Things"));
    let moved = path.replace("/Devices", "/Things");
    let shown = seen(&appliance, &moved);
    assert_eq!(shown["meta"]["location"], json!(format!("{}{moved}", appliance.base())));
    assert_eq!(seen(&appliance, "/Things")["totalResults"], json!(1));
    refused(&appliance.post("/Things", device("s1")), 409, "uniqueness");
}

#[test]
fn an_index_comes_and_goes() {
    let mut appliance = Appliance::with_config(&team("type = \"string\""));
    for (name, color) in [("a", "red"), ("b", "Red"), ("c", "green")] {
        made(&appliance, "/Users", in_team(name, json!(color)));
    }
    let filter = format!("{TEAM}:team eq \"RED\"");
    assert_eq!((found(&appliance, "/Users", &filter).join(""), rows(&appliance)), ("ab".into(), 0));
    redeclare(&mut appliance, &team("indexed = true"));
    appliance.logged(&["the indexes are new"]);
    assert_eq!((found(&appliance, "/Users", &filter).join(""), rows(&appliance)), ("ab".into(), 3));
    made(&appliance, "/Users", in_team("d", json!("rED")));
    assert_eq!((found(&appliance, "/Users", &filter).join(""), rows(&appliance)), ("abd".into(), 4));
    redeclare(&mut appliance, &team("indexed = true, case_exact = true"));
    assert_eq!(found(&appliance, "/Users", &filter).join(""), "");
    assert_eq!(found(&appliance, "/Users", &format!("{TEAM}:team eq \"rED\"")).join(""), "d");
    redeclare(&mut appliance, &team("type = \"string\""));
    assert_eq!((found(&appliance, "/Users", &filter).join(""), rows(&appliance)), ("abd".into(), 0));
    // The same declarations once more: nothing is done again.
    appliance.terminate();
    let told = appliance.log().matches("the indexes are new").count();
    redeclare(&mut appliance, &team("type = \"string\""));
    appliance.terminate();
    assert_eq!(appliance.log().matches("the indexes are new").count(), told);
}

#[test]
fn values_that_were_given_twice_before_they_had_to_be_unique_stay_and_are_told() {
    let mut appliance = Appliance::with_config(&team("type = \"string\""));
    let a = made(&appliance, "/Users", in_team("a", json!("red")));
    let b = made(&appliance, "/Users", in_team("b", json!("RED")));
    redeclare(&mut appliance, &team("uniqueness = \"server\""));
    let log = appliance.logged(&["WARN", "unique now"]);
    let warning = log.lines().find(|l| l.contains("unique now")).unwrap();
    let ids = [a.rsplit('/').next().unwrap(), b.rsplit('/').next().unwrap()];
    assert!(warning.contains("team") && ids.iter().all(|id| warning.contains(id)), "{warning}");
    assert!(!warning.to_lowercase().contains("red"), "values are people's: {warning}");
    // Both are as they were and can be changed; nobody else gets the value, and who gives it up does not get it back.
    assert_eq!(patched(&appliance, &a, "replace", "title", json!("Dr")).status, 200);
    assert_eq!(appliance.put(&b, in_team("b", json!("RED"))).status, 200);
    refused(&appliance.post("/Users", in_team("c", json!("Red"))), 409, "uniqueness");
    assert_eq!(appliance.put(&b, in_team("b", json!("blue"))).status, 200);
    refused(&appliance.put(&b, in_team("b", json!("red"))), 409, "uniqueness");
    // Letter case begins to matter: the two are no longer the same.
    redeclare(&mut appliance, &team("uniqueness = \"server\", case_exact = true"));
    assert_eq!(appliance.put(&b, in_team("b", json!("RED"))).status, 200);
    refused(&appliance.put(&b, in_team("b", json!("red"))), 409, "uniqueness");
}

#[test]
fn what_does_not_fit_its_type_any_more_is_kept_out_of_sight() {
    let mut appliance = Appliance::with_config(&team("indexed = true"));
    let ada = made(&appliance, "/Users", in_team("ada", json!("7")));
    redeclare(&mut appliance, &team("type = \"integer\", indexed = true"));
    let shown = seen(&appliance, &ada);
    assert!(shown.get(TEAM).is_none() && shown["schemas"] == json!([USER]), "{shown}");
    assert_eq!(found(&appliance, "/Users", &format!("{TEAM}:team eq 7")).len(), 0);
    assert_eq!(found(&appliance, "/Users", &format!("{TEAM}:team pr")).len(), 0);
    assert_eq!(patched(&appliance, &ada, "replace", "title", json!("Dr")).status, 200);
    redeclare(&mut appliance, &team("multi_valued = true, indexed = true"));
    assert!(seen(&appliance, &ada).get(TEAM).is_none());
    assert_eq!(found(&appliance, "/Users", &format!("{TEAM}:team eq \"7\"")).len(), 0);
    redeclare(&mut appliance, &team("type = \"string\""));
    assert_eq!(seen(&appliance, &ada)[TEAM], json!({"team": "7"}));
    // Written anew it is what it is now; one value becomes the first of several.
    redeclare(&mut appliance, &team("multi_valued = true"));
    let added = patched(&appliance, &ada, "add", &format!("{TEAM}:team"), json!(["8"]));
    assert_eq!(added.json()[TEAM], json!({"team": ["7", "8"]}), "{}", added.body);
    redeclare(&mut appliance, &team("type = \"boolean\""));
    assert_eq!(
        patched(&appliance, &ada, "add", &format!("{TEAM}:team"), json!(true)).json()[TEAM],
        json!({"team": true})
    );
}

#[test]
fn what_is_required_from_now_on_stands_in_no_other_change_s_way() {
    let mut appliance = Appliance::with_config("");
    let ada = made(&appliance, "/Users", json!({"schemas": [USER], "userName": "ada"}));
    let required = format!(
        "[[schema]]\nid = \"{TEAM}\"\nextends = [\"User\"]\nrequired = true\nattribute = [{{ name = \"team\", required = true }}]\n"
    );
    redeclare(&mut appliance, &required);
    assert_eq!(patched(&appliance, &ada, "replace", "active", json!(false)).status, 200, "a deactivation is not lost");
    refused(&appliance.put(&ada, json!({"schemas": [USER], "userName": "ada"})), 400, "invalidValue");
    assert_eq!(appliance.put(&ada, in_team("ada", json!("red"))).status, 200);
    refused(&patched(&appliance, &ada, "remove", TEAM, Value::Null), 400, "mutability");
    refused(&patched(&appliance, &ada, "remove", &format!("{TEAM}:team"), Value::Null), 400, "mutability");
}

#[test]
fn other_characteristics_change_what_is_shown() {
    let mut appliance = Appliance::with_config(&team("type = \"string\""));
    let ada = made(&appliance, "/Users", in_team("ada", json!("red")));
    let hidden = |appliance: &Appliance| seen(appliance, &ada).get(TEAM).is_none();
    redeclare(&mut appliance, &team("returned = \"never\""));
    assert!(hidden(&appliance));
    redeclare(&mut appliance, &team("returned = \"request\""));
    assert!(hidden(&appliance));
    assert_eq!(seen(&appliance, &format!("{ada}?attributes={TEAM}:team"))[TEAM], json!({"team": "red"}));
    redeclare(&mut appliance, &team("mutability = \"readOnly\""));
    let put = appliance.put(&ada, in_team("ada", json!("blue")));
    assert_eq!(put.json()[TEAM], json!({"team": "red"}), "nobody writes it any more: {}", put.body);
}

/// A command may have read a config that the running server has not; and the server goes on by its own.
#[test]
fn a_command_with_other_declarations_leaves_the_running_server_alone() {
    let appliance = Appliance::with_config(&team("uniqueness = \"server\""));
    made(&appliance, "/Users", in_team("ada", json!("red")));
    let config = std::fs::read_to_string(appliance.config_path()).unwrap();
    for other in ["", &team("type = \"integer\", indexed = true"), PEOPLE, DEVICES] {
        let (_, rest) = config.split_once("[listen]").unwrap();
        std::fs::write(appliance.config_path(), format!("{other}\n[listen]{rest}")).unwrap();
        for command in [&["token", "list"][..], &["provisioning", "status"], &["check-config"]] {
            let output = appliance.command(command);
            assert!(output.status.success(), "{output:?}");
        }
        refused(&appliance.post("/Users", in_team("bob", json!("RED"))), 409, "uniqueness");
        assert_eq!(found(&appliance, "/Users", &format!("{TEAM}:team eq \"red\"")), ["ada"]);
    }
}

/// What is shown of a resource is something else under other declarations, so its entity tag is another one.
#[test]
fn versions_of_before_do_not_pass_for_what_is_shown_now() {
    let mut appliance = Appliance::with_config(&team("type = \"string\""));
    let ada = made(&appliance, "/Users", in_team("ada", json!("red")));
    let version = |appliance: &Appliance| seen(appliance, &ada)["meta"]["version"].clone();
    let before = version(&appliance);
    appliance.restart();
    assert_eq!(version(&appliance), before);
    redeclare(&mut appliance, "");
    assert_ne!(version(&appliance), before);
}

#[test]
fn the_order_of_declarations_is_that_of_answers_and_no_change() {
    let of = |parts: &str| {
        format!(
            "[[schema]]\nid = \"{TEAM}\"\nextends = [\"User\"]\nattribute = [{{ name = \"team\", type = \"complex\", mutability = \"immutable\", sub_attribute = [{parts}] }}]\n"
        )
    };
    let mut appliance = Appliance::with_config(&of("{ name = \"a\" }, { name = \"b\" }"));
    let ada = made(&appliance, "/Users", in_team("ada", json!({"a": "1", "b": "2"})));
    redeclare(&mut appliance, &of("{ name = \"b\" }, { name = \"a\" }"));
    let put = appliance.put(&ada, in_team("ada", json!({"a": "1", "b": "2"})));
    assert_eq!(put.status, 200, "{}", put.body);
    refused(&appliance.put(&ada, in_team("ada", json!({"a": "2", "b": "2"}))), 400, "mutability");
}
