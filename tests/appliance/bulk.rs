//! Bulk requests (RFC 7644 §3.7) where a conversation cannot say it: limits, durability, a thousand operations.

use serde_json::{Value, json};

use crate::support::Appliance;

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

fn user(i: usize) -> Value {
    let data = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("user{i}")});
    json!({"method": "POST", "path": "/Users", "bulkId": format!("u{i}"), "data": data})
}

fn bulk(operations: &[Value]) -> Value {
    json!({"schemas": [REQUEST], "Operations": operations})
}

fn statuses(answer: &Value) -> Vec<&str> {
    answer["Operations"].as_array().unwrap().iter().map(|o| o["status"].as_str().unwrap()).collect()
}

#[test]
fn more_operations_than_advertised_are_refused_as_a_whole() {
    let appliance = Appliance::with_config("[limits]\nbulk_operations = 3\nbody_bytes = 4096\n");
    let told = appliance.get("/ServiceProviderConfig").json();
    assert_eq!(told["bulk"], json!({"supported": true, "maxOperations": 3, "maxPayloadSize": 4096}));
    let four: Vec<Value> = (0..4).map(user).collect();
    let answer = appliance.post("/Bulk", bulk(&four));
    assert_eq!((answer.status, answer.json()["status"].clone()), (413, json!("413")), "{}", answer.body);
    assert!(answer.json()["detail"].as_str().unwrap().contains("maxOperations (3)"), "{}", answer.body);
    let mut large = user(9);
    large["data"]["title"] = json!("x".repeat(5000));
    assert_eq!(appliance.post("/Bulk", bulk(&[large])).status, 413);
    assert_eq!(appliance.get("/Users").json()["totalResults"], json!(0));
    assert_eq!(statuses(&appliance.post("/Bulk", bulk(&four[..3])).json()), ["201"; 3]);
}

#[test]
fn a_thousand_operations_are_on_disk_when_they_are_answered() {
    let mut appliance = Appliance::start();
    let mut operations: Vec<Value> = (0..999).rev().map(user).collect();
    let members: Vec<Value> = (0..999).map(|i| json!({"value": format!("bulkId:u{i}")})).collect();
    let data =
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "All", "members": members});
    operations.insert(0, json!({"method": "POST", "path": "/Groups", "bulkId": "all", "data": data}));
    let answer = appliance.post("/Bulk", bulk(&operations));
    appliance.kill();
    assert_eq!(statuses(&answer.json()), ["201"; 1000]);
    appliance.restart();
    assert_eq!(appliance.get("/Users?count=0").json()["totalResults"], json!(999));
    let group = appliance.get("/Groups").json();
    assert_eq!(group["Resources"][0]["members"].as_array().unwrap().len(), 999);
    // Every operation is a change of its own, with a time of its own.
    let database = rusqlite::Connection::open(appliance.database_path()).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!(count("select count(*) from change where op = 'create'"), 1000);
    assert_eq!(count("select count(distinct at) from change where op = 'create'"), 1000);
    assert_eq!(count("select count(distinct request) from change where op = 'create'"), 1);
}

#[test]
fn whoever_may_only_read_writes_nothing_in_bulk_either() {
    let appliance = Appliance::start();
    let made = appliance.command(&["token", "create", "--name", "reader", "--scope", "scim:read"]);
    let bearer = format!("Bearer {}", String::from_utf8(made.stdout).unwrap().trim());
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/scim+json")];
    let body = bulk(&[user(1)]).to_string();
    let answer = appliance.send("POST", "/scim/v2/Bulk", &headers, Some(body.as_bytes()));
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(appliance.get("/Users").json()["totalResults"], json!(0));
}
