//! Names of columns, and what they lead to.

use super::super::text::Bounds;
use super::*;
use crate::scim::catalog::Catalog;

const WIDE: Bounds = Bounds { bytes: 1 << 20, rows: 1000 };

fn found(header: &str) -> Result<Vec<String>, String> {
    let catalog = Catalog::built_in().unwrap();
    let table = Table::read(header.as_bytes(), WIDE).unwrap();
    let columns = columns(&table, catalog.resource_type("User").unwrap()).map_err(|e| e.to_string())?;
    Ok(columns
        .iter()
        .map(|c| match &c.meaning {
            Meaning::Attribute(target) => target.text(),
            other => format!("{other:?}"),
        })
        .collect())
}

#[test]
fn names_are_paths_and_short_words() {
    let header = "USERNAME;name.givenname;email;emails.Home;phoneNumbers.mobile;addresses.work.locality;department;manager;active;emails[type eq \"x;y\"].display;urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter;externalId;groups;role;id;meta.created;effectiveRole;password;";
    let header = header.replace("emails[type eq \"x;y\"].display", "\"emails[type eq \"\"x;y\"\"].display\"");
    let enterprise = ENTERPRISE_SCHEMA;
    assert_eq!(
        found(&header).unwrap(),
        [
            "userName",
            "name.givenName",
            "emails[type eq \"work\"].value",
            "emails[type eq \"home\"].value",
            "phoneNumbers[type eq \"mobile\"].value",
            "addresses[type eq \"work\"].locality",
            &format!("{enterprise}:department"),
            &format!("{enterprise}:manager.value"),
            "active",
            "emails[type eq \"x;y\"].display",
            &format!("{enterprise}:costCenter"),
            "externalId",
            "Groups",
            "Role",
            "Id",
            "Unread(\"it is read-only\")",
            "Unread(\"it is worked out\")",
            "Unread(\"passwords are kept nowhere here\")",
            "Nameless",
        ]
    );
}

#[test]
fn names_that_mean_nothing_or_too_much_are_refused() {
    for (header, says) in [
        (
            "userName,shoeSize",
            "Line 1: Column 2: There is no attribute 'shoeSize'. Known are externalId, userName, name.formatted",
        ),
        ("userName,<script>", "There is no attribute '<script>'"),
        ("userName,emails", "'emails' has several values; name one of them by its type, such as emails.work"),
        ("userName,emails.value", "'emails.value' has several values"),
        ("userName,emails.wrok", "There is no attribute 'emails.wrok'"),
        ("userName,roles.work", "A type that no schema suggests is named roles[type eq \"work\"].value."),
        ("userName,name", "'name' has parts; name one of them, such as name.formatted"),
        ("userName,email,\"emails[type eq \"\"work\"\"].value\"", "The columns 2 and 3 are about the same"),
        ("userName,USERNAME", "The columns 1 and 2 are about the same"),
        ("userName,groups,Groups", "The columns 2 and 3 are about the same"),
        ("userName,\"emails[value eq \"\"x\"\"].value\"", "only type eq"),
        ("userName,\"name[type eq \"\"x\"\"].givenName\"", "has no values of several types"),
        ("title,department", "No column is called userName"),
        ("userName,schemas", "has several values, which no cell can hold"),
        ("userName,urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "is a schema"),
    ] {
        let refused = found(header).unwrap_err();
        assert!(refused.contains(says), "{header}: {refused}");
    }
}

#[test]
fn every_target_has_a_name_that_leads_to_it() {
    let catalog = Catalog::built_in().unwrap();
    let of = catalog.resource_type("User").unwrap();
    let all = singles(of);
    assert!(all.len() > 20, "{all:?}");
    for one in all {
        leads(&one, of);
    }
    let department = target("department", of).unwrap();
    assert_eq!(department.name(of), "department");
}

/// A file that has the name is about the same.
fn leads(one: &Target<'_>, of: &ResourceType) {
    let name = one.name(of);
    match meaning(&name, of) {
        Ok(Meaning::Attribute(found)) => assert_eq!(found.text(), one.text(), "{name}"),
        other => panic!("{name}: {other:?}"),
    }
}

/// Two schemas that share a name, and one with every name that means something else in a file.
#[test]
fn names_that_are_shared_or_taken_are_written_in_full() {
    let schema = |id: &str, names: &str| {
        let all: Vec<String> = names.split(' ').map(|name| format!(r#"{{"name": "{name}"}}"#)).collect();
        format!(r#"{{"id": "urn:example:{id}:1.0:User", "extends": ["User"], "attribute": [{}]}}"#, all.join(","))
    };
    let taken = "badge department title groups role effectiveRole source created lastModified email phone";
    let declared = format!(r#"{{"schema": [{}, {}]}}"#, schema("a", taken), schema("b", "badge own"));
    let catalog = Catalog::built_in().unwrap().with(&serde_json::from_str(&declared).unwrap()).unwrap();
    let of = catalog.resource_type("User").unwrap();
    let all = singles(of);
    for one in &all {
        leads(one, of);
    }
    let names: Vec<String> = all.iter().map(|one| one.name(of)).collect();
    for name in taken.split(' ') {
        assert!(names.contains(&format!("urn:example:a:1.0:User:{name}")), "{name}: {names:?}");
    }
    assert!(names.contains(&"own".to_owned()) && names.contains(&"urn:example:b:1.0:User:badge".to_owned()));
    let refused = meaning("tittle", of).unwrap_err();
    assert!(refused.contains("There is no attribute 'tittle'") && refused.contains("a:1.0:User:role"), "{refused}");
    let refused = meaning("badge", of).unwrap_err();
    assert!(refused.contains("urn:example:b:1.0:User:badge"), "{refused}");
}

#[test]
fn a_hint_is_a_name_that_is_taken() {
    let catalog = Catalog::built_in().unwrap();
    let of = catalog.resource_type("User").unwrap();
    for name in ["emails", "phoneNumbers", "ims", "photos", "addresses", "roles", "entitlements", "x509Certificates"] {
        let refused = meaning(name, of).unwrap_err();
        let hint = refused.split("such as ").nth(1).unwrap().trim_end_matches('.');
        assert!(matches!(meaning(hint, of), Ok(Meaning::Attribute(_))), "{name}: {refused}");
    }
}
