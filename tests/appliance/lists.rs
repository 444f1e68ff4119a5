//! Lists: who is in them, in which order, on which page, and which attributes are shown.

mod cursors;
mod filters;
mod paging;
mod population;
mod projection;
mod sorting;

use serde_json::Value;

use crate::wire::Client;

/// The resources of a list answer, which has to be one.
fn resources(client: &Client, path: &str) -> Vec<Value> {
    let reply = client.get(path).unwrap();
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    let list = reply.json();
    let found = list["Resources"].as_array().unwrap_or_else(|| panic!("{path}: no Resources in {list}")).clone();
    assert_eq!(list["itemsPerPage"], serde_json::json!(found.len()), "{path}");
    found
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
