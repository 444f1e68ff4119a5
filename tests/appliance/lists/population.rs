//! A handful of people and groups in whom every kind of attribute occurs, is missing, or occurs twice.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::Appliance;
use crate::wire::Client;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The people, each under one letter, and the groups, each under its name.
pub struct Population {
    _appliance: Appliance,
    pub client: Client,
    pub ids: BTreeMap<String, String>,
}

impl Population {
    pub fn new() -> Population {
        let appliance = Appliance::start();
        let client = Client { port: appliance.port, token: appliance.token.clone() };
        let mut ids = BTreeMap::new();
        for (letter, person) in people() {
            ids.insert(letter.to_owned(), create(&client, "/Users", &person));
        }
        let engineers = json!({"displayName": "Engineers", "externalId": "G-1", "members": [{"value": ids["A"]}, {"value": ids["G"]}]});
        ids.insert("engineers".into(), create(&client, "/Groups", &engineers));
        let everyone =
            json!({"displayName": "Everyone", "members": [{"value": ids["engineers"]}, {"value": ids["L"]}]});
        ids.insert("everyone".into(), create(&client, "/Groups", &everyone));
        ids.insert("nobody".into(), create(&client, "/Groups", &json!({"displayName": "Nobody"})));
        Population { _appliance: appliance, client, ids }
    }

    /// The letter or name of a resource.
    pub fn name(&self, resource: &Value) -> &str {
        let id = resource["id"].as_str().unwrap();
        self.ids.iter().find(|(_, i)| *i == id).map(|(name, _)| name.as_str()).unwrap()
    }

    /// A text in which `{A}` stands for the id of A.
    pub fn filled(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }
}

fn create(client: &Client, path: &str, body: &Value) -> String {
    let reply = client.post(path, body).unwrap();
    assert_eq!(reply.status, 201, "{body}: {}", reply.body);
    // Nobody is made in the same millisecond as anybody else, so that times have an order.
    let made = SystemTime::now();
    while made.elapsed().unwrap_or_default() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
    reply.json()["id"].as_str().unwrap().to_owned()
}

fn people() -> [(&'static str, Value); 8] {
    [
        (
            "A",
            json!({
                "schemas": [USER, ENTERPRISE], "userName": "Ada.Lovelace@example.com", "externalId": "EXT-1", "active": true,
                "name": {"formatted": "Ada Lovelace", "givenName": "Ada", "familyName": "Lovelace"}, "displayName": "Ada Lovelace",
                "profileUrl": "https://example.com/Ada", "title": "Engineer", "userType": "Employee", "preferredLanguage": "en-GB",
                "emails": [{"value": "ada@example.com", "type": "work", "primary": true}, {"value": "ada@home.example", "type": "home"}],
                "phoneNumbers": [{"value": "+44-1", "type": "work"}], "roles": [{"value": "ADMIN", "primary": true}],
                "addresses": [{"type": "work", "locality": "London", "country": "GB"}, {"type": "home", "locality": "Paris", "country": "FR"}],
                "x509Certificates": [{"value": "AQID"}],
                (ENTERPRISE): {"employeeNumber": "10", "department": "R&D", "costCenter": "4130", "manager": {"value": "Boss-1"}}
            }),
        ),
        (
            "G",
            json!({
                "schemas": [USER, ENTERPRISE], "userName": "grace@example.com", "externalId": "ext-1", "active": true,
                "name": {"givenName": "Grace", "familyName": "Hopper"}, "displayName": "Grace Hopper", "nickName": "Amazing",
                "title": "engineer", "userType": "Employee", "emails": [{"value": "grace@example.com", "type": "work"}],
                (ENTERPRISE): {"employeeNumber": "9", "department": "Navy"}
            }),
        ),
        (
            "L",
            json!({
                "schemas": [USER, ENTERPRISE], "userName": "alan@example.com", "externalId": "EXT-2", "active": false,
                "name": {"givenName": "Alan", "familyName": "Turing"}, "displayName": "Alan Turing", "title": "Manager",
                "userType": "Contractor",
                "emails": [{"value": "alan@example.com", "type": "work", "primary": false}, {"value": "alan@home.example", "type": "home", "primary": true}],
                (ENTERPRISE): {"employeeNumber": "11", "department": "R&D"}
            }),
        ),
        (
            "N",
            json!({"schemas": [USER], "userName": "\u{c5}ngstr\u{f6}m@example.com", "displayName": "\u{c5}NGSTR\u{d6}M", "active": true}),
        ),
        (
            "S",
            json!({"schemas": [USER], "userName": "strasse@example.com", "displayName": "Stra\u{df}e", "title": "Zusteller", "active": true,
                "emails": [{"value": "strasse@example.com", "type": "other"}]}),
        ),
        ("M", json!({"schemas": [USER], "userName": "sigma@example.com", "displayName": "ΣΊΣΥΦΟΣ", "active": true})),
        (
            "P",
            json!({"schemas": [USER], "userName": "100%_sure@example.com", "displayName": "50% \"off\" \\ now", "title": "%", "active": false}),
        ),
        ("B", json!({"schemas": [USER], "userName": "bare@example.com", "active": true})),
    ]
}
