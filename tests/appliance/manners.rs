//! The manners of HTTP: methods, media types, encodings and connections, as RFC 9110 and RFC 9112 have them.

mod connections;
mod input;
mod media;
mod methods;

use serde_json::{Value, json};

use crate::support::{Answer, Appliance};

/// A server with somebody and something in it.
pub struct Site {
    pub appliance: Appliance,
    pub user: String,
    pub group: String,
    bearer: String,
}

impl Site {
    pub fn start() -> Site {
        // Bad tokens are not what this is about.
        let appliance = Appliance::with_config("[limits]\nbad_token_burst = 0\n");
        let made = |path: &str, body: Value| {
            let answer = appliance.post(path, body);
            assert_eq!(answer.status, 201, "{}", answer.body);
            format!("/scim/v2{path}/{}", answer.json()["id"].as_str().unwrap())
        };
        let user = made("/Users", json!({"userName": "ada@example.com", "title": "Countess"}));
        let group = made("/Groups", json!({"displayName": "Analysts"}));
        let bearer = format!("Bearer {}", appliance.token);
        Site { appliance, user, group, bearer }
    }

    /// A request with the token.
    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut all = vec![("Authorization", self.bearer.as_str())];
        all.extend(headers);
        self.appliance.send(method, target, &all, (!body.is_empty()).then_some(body.as_bytes()))
    }

    pub fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[], "")
    }
}

/// The headers that do not change from one answer to the next.
pub fn steady(answer: &Answer) -> Vec<(String, String)> {
    let mut headers: Vec<_> = answer.headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.clone())).collect();
    headers.retain(|(n, _)| !matches!(n.as_str(), "date" | "x-request-id"));
    headers.sort();
    headers
}
