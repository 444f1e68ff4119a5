//! `sortBy` and `sortOrder` (RFC 7644 §3.4.2.3).

use serde_json::json;

use super::population::Population;
use super::resources;
use crate::hostile::is_scim_error;

/// What is sorted by, and the order ascending. Behind the bar stand those without a value: last ascending, first
/// descending, among themselves in the order in which they were made.
const ORDERS: &[(&str, &str)] = &[
    ("userName", "P A L B G M S N"),
    ("USERNAME", "P A L B G M S N"),
    ("urn:ietf:params:scim:schemas:core:2.0:User:userName", "P A L B G M S N"),
    ("displayName", "P A L G S N M | B"),
    ("externalId", "A L G | N S M P B"),
    ("name.familyName", "G A L | N S M P B"),
    ("name.givenName", "A L G | N S M P B"),
    ("nickName", "G | A L N S M P B"),
    // The primary value of a list, else its first.
    ("emails.value", "A L G S | N M P B"),
    ("emails", "A L G S | N M P B"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "A L G | N S M P B"),
    ("meta.created", "A G L N S M P B"),
    ("meta.lastModified", "A G L N S M P B"),
];

#[test]
fn every_kind_of_attribute_sorts() {
    let population = Population::new();
    let mut wrong = Vec::new();
    for (by, expected) in ORDERS {
        let (with, without) = expected.split_once('|').unwrap_or((expected, ""));
        let with: Vec<&str> = with.split_whitespace().collect();
        let without: Vec<&str> = without.split_whitespace().collect();
        let order = |order: &str| -> Vec<String> {
            let found = resources(&population.client, &format!("/Users?sortBy={by}{order}"));
            found.iter().map(|r| population.name(r).to_owned()).collect()
        };
        let ascending: Vec<&str> = with.iter().chain(&without).copied().collect();
        for spelt in ["", "&sortOrder=ascending", "&sortOrder=Ascending"] {
            if order(spelt) != ascending {
                wrong.push(format!("{by}{spelt}: {ascending:?} expected, {:?}", order(spelt)));
            }
        }
        let descending = order("&sortOrder=descending");
        // How equals stand among themselves is the server's; what differs has a place.
        let backwards: Vec<&str> = with.iter().rev().copied().collect();
        let (first, rest) = descending.split_at(without.len());
        let mut first: Vec<&str> = first.iter().map(String::as_str).collect();
        let mut missing = without.clone();
        first.sort_unstable();
        missing.sort_unstable();
        if first != missing || rest != backwards {
            wrong.push(format!("{by} descending: {descending:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn equal_values_keep_the_order_in_which_they_were_made() {
    let population = Population::new();
    let found = resources(&population.client, "/Users?sortBy=title");
    let names: Vec<&str> = found.iter().map(|r| population.name(r)).collect();
    // "Engineer" and "engineer" are equal.
    assert_eq!(names, ["P", "A", "G", "L", "S", "N", "M", "B"]);
    let active = resources(&population.client, "/Users?sortBy=active");
    let names: Vec<&str> = active.iter().map(|r| population.name(r)).collect();
    assert_eq!(names, ["L", "P", "A", "G", "N", "S", "M", "B"]);
    let searched =
        population.client.post("/Users/.search", &json!({"sortBy": "title", "sortOrder": "ascending"})).unwrap().json();
    let searched: Vec<&str> = searched["Resources"].as_array().unwrap().iter().map(|r| population.name(r)).collect();
    assert_eq!(searched, ["P", "A", "G", "L", "S", "N", "M", "B"]);
}

#[test]
fn a_filtered_and_paged_list_is_sorted_as_a_whole() {
    let population = Population::new();
    let found = resources(
        &population.client,
        "/Users?filter=title+pr&sortBy=userName&sortOrder=descending&startIndex=2&count=3",
    );
    let names: Vec<&str> = found.iter().map(|r| population.name(r)).collect();
    assert_eq!(names, ["G", "L", "A"]);
}

#[test]
fn an_order_that_is_none_is_refused() {
    let population = Population::new();
    for query in [
        "sortBy=nothing",
        "sortBy=name.nothing",
        "sortBy=password",
        "sortBy=userName&sortOrder=sideways",
        "sortBy=a.b.c",
    ] {
        let reply = population.client.get(&format!("/Users?{query}")).unwrap();
        assert_eq!(reply.status, 400, "{query}: {}", reply.body);
        is_scim_error(&reply).unwrap();
    }
}
