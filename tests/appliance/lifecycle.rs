//! What happens when people leave, come back and are succeeded (sections D and E of the model's rules), from outside.

mod archived;
mod departed;
mod guard;
mod handover;
mod idle;
mod leaving;
mod local;
mod random;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::invariants;
use crate::settings::{House, id_of};
use crate::wire::Client;

/// In microseconds.
const DAY: i64 = 24 * 3600 * 1_000_000;

/// A server with an administrator and an identity provider that is let in.
struct Desk {
    house: House,
    client: Client,
}

impl Desk {
    fn new() -> Desk {
        Desk::with("")
    }

    /// With more in the config: tables.
    fn with(config: &str) -> Desk {
        let house = House::with(config);
        let client = house.provider();
        Desk { house, client }
    }

    /// Starts the server again after somebody has written to the file.
    fn meanwhile(&mut self, what: &str) {
        self.house.meanwhile(what);
        self.client.port = self.house.port();
    }

    fn done(&self, arguments: &[&str]) -> String {
        self.house.place.done(arguments).trim().to_owned()
    }

    fn listed(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.done(&[arguments, &["--json"]].concat());
        serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().clone()
    }

    /// The sentence with which a command failed.
    fn refused(&self, arguments: &[&str]) -> String {
        crate::settings::sentence(&self.house.place.command(arguments))
    }

    fn person(&self, name: &str) -> String {
        self.person_with(name, json!({}))
    }

    fn person_with(&self, name: &str, more: Value) -> String {
        let mut body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        id_of(&self.client.post("/Users", &body).unwrap())
    }

    fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|m| json!({"value": m})).collect();
        id_of(&self.client.post("/Groups", &json!({"displayName": name, "members": members})).unwrap())
    }

    fn activate(&self, id: &str, active: bool) {
        let operations = json!([{"op": "replace", "path": "active", "value": active}]);
        assert_eq!(self.client.patch(&format!("/Users/{id}"), &operations).unwrap().status, 200);
    }

    fn delete(&self, path: &str) {
        assert_eq!(self.client.delete(path).unwrap().status, 204);
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.client.get(path).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    fn status(&self, path: &str) -> u16 {
        self.client.get(path).unwrap().status
    }

    /// The ids of the members of a group, sorted.
    fn members(&self, group: &str) -> Vec<String> {
        let group = self.get(&format!("/Groups/{group}"));
        let all = group["members"].as_array().cloned().unwrap_or_default();
        let mut ids: Vec<String> = all.iter().map(|m| m["value"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }

    /// The names of the groups of a person, sorted.
    fn groups_of(&self, id: &str) -> Vec<String> {
        let person = self.get(&format!("/Users/{id}"));
        let all = person["groups"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<String> = all.iter().map(|g| g["display"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// The userNames of those who have something to hand over.
    fn open(&self) -> Vec<String> {
        let all = self.listed(&["handover", "list"]);
        all.iter().map(|i| i["userName"].as_str().unwrap().to_owned()).collect()
    }

    /// The text of a page of the settings page.
    fn page(&self, path: &str) -> String {
        crate::settings::browser::text(&self.house.ada().page(path))
    }

    /// Waits until something is so: the writer's housekeeping comes every two seconds.
    fn until(&self, what: &str, is: impl Fn() -> bool) {
        let since = Instant::now();
        while !is() {
            assert!(since.elapsed() < Duration::from_secs(30), "never: {what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn check(&self) {
        invariants::check(&self.house.place.database());
    }
}

fn sorted<const N: usize>(ids: [&str; N]) -> Vec<String> {
    let mut ids = ids.map(str::to_owned).to_vec();
    ids.sort();
    ids
}
