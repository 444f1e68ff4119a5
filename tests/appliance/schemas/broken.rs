//! Broken declarations: `check-config` and `serve` refuse them with the line and a sentence.

use std::process::{Command, Stdio};

/// A schema that could be used; line 5 is where more attributes can follow.
const GOOD: &str =
    "[[schema]]\nid = \"urn:example:a:1.0:User\"\nextends = [\"User\"]\n[[schema.attribute]]\nname = \"first\"\n";

/// The same for the base of a resource type, up to line 4.
const BASE: &str = "[[schema]]\nid = \"urn:example:b:1.0:Thing\"\n[[schema.attribute]]\nname = \"label\"\n";

fn refusal(text: &str, command: &str) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, format!("{text}\n[listen]\naddress = \"127.0.0.1:0\"\n")).unwrap();
    let mut binary = Command::new(env!("CARGO_BIN_EXE_scim-appliance"));
    let output = binary.arg("--config").arg(&config).arg(command).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}\n{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let (_, said) = said.split_once("config.toml, ").unwrap_or_else(|| panic!("{text}\n{said}"));
    assert!(!folder.path().join("scim-appliance.db").exists(), "nothing is made");
    said.trim_end().to_owned()
}

/// The text is refused at the line, in words.
fn refused(text: &str, line: usize, words: &[&str]) {
    let said = refusal(text, "check-config");
    let (at, why) = said.split_once(": ").unwrap();
    assert_eq!(at, format!("line {line}"), "{text}\n{said}");
    for word in words {
        assert!(why.contains(word), "{word:?} is not in {said:?}, for\n{text}");
    }
}

#[test]
fn the_good_ones_are_good() {
    let thing = format!(
        "{BASE}[[resource_type]]\nname = \"Thing\"\nendpoint = \"/Things\"\nschema = \"urn:example:b:1.0:Thing\"\n"
    );
    for text in [GOOD.to_owned(), thing.clone(), format!("{GOOD}{thing}")] {
        let folder = tempfile::TempDir::new().unwrap();
        let config = folder.path().join("config.toml");
        std::fs::write(&config, format!("{text}\n[listen]\naddress = \"127.0.0.1:0\"\n")).unwrap();
        let mut binary = Command::new(env!("CARGO_BIN_EXE_scim-appliance"));
        let output = binary.arg("--config").arg(&config).arg("check-config").output().unwrap();
        assert!(output.status.success(), "{text}\n{output:?}");
    }
}

#[test]
fn serving_says_the_same() {
    let text = GOOD.replace("first", "1st");
    assert_eq!(refusal(&text, "check-config"), refusal(&text, "serve"));
}

#[test]
fn broken_schemas() {
    let id = |id: &str| GOOD.replace("urn:example:a:1.0:User", id);
    let long = format!("urn:example:{}", "x".repeat(300));
    for bad in [
        "example",
        "urn:x",
        "urn:x:y",
        "urn:example:",
        "urn:example:a b",
        "urn:example:a/b",
        "urn::a",
        "http://a/b",
        "urn:example:a::b",
        "urn:example:a.",
        "urn:example:1..0:b",
        &long,
    ] {
        refused(&id(bad), 2, &["no URN"]);
    }
    refused(&id("urn:ietf:params:scim:schemas:core:2.0:user"), 2, &["defined by this server"]);
    refused(&id("urn:ietf:params:scim:schemas:core:2.0:ResourceType"), 2, &["defined by this server"]);
    refused(&id("urn:ietf:params:scim:api:messages:2.0:Mine"), 2, &["messages"]);
    refused(&id("urn:ietf:params:scim:schemas:core:2.0:User:more"), 2, &["begin alike"]);
    refused(&format!("{GOOD}{}", id("URN:example:A:1.0:user")), 7, &["declared twice"]);
    refused(&format!("{GOOD}{}", id("urn:example:a")), 7, &["begin alike"]);
    refused("[[schema]]\nextends = [\"User\"]\n", 1, &["missing field `id`"]);
    refused("[[schema]]\nid = \"urn:example:a\"\nextends = [\"User\"]\n", 2, &["no attribute"]);
    refused("[[schema]]\nid = \"urn:example:a\"\nextends = \"User\"\n", 3, &["sequence"]);
    refused("schema = 7\n", 1, &["sequence"]);
    refused("[schema]\nid = \"urn:example:a\"\n", 1, &["sequence"]);
    refused(&GOOD.replace("extends", "extend"), 3, &["`extend`", "`extends`"]);
    refused(&GOOD.replace("[\"User\"]", "[\"Person\"]"), 3, &["\"Person\"", "\"User\" or \"Group\""]);
    refused(&GOOD.replace("[\"User\"]", "[\"User\", \"User\"]"), 3, &["twice"]);
    refused(
        &GOOD.replace("extends = [\"User\"]", "description = \"x\""),
        2,
        &["belongs to no resource type", "extends"],
    );
    refused(&GOOD.replace("extends = [\"User\"]", "required = true"), 3, &["extends is missing"]);
    refused(&GOOD.replace("extends", "name = \"\"\nextends"), 3, &["1 to 128"]);
    refused(&GOOD.replace("extends", &format!("description = \"{}\"\nextends", "x".repeat(5000))), 3, &["4096"]);
    let many = "[[schema.attribute]]\nname = \"a\"\n".repeat(251);
    refused(&format!("{GOOD}{many}"), 4, &["252 attributes", "250"]);
    let schemas: String = (0..101).map(|i| id(&format!("urn:example:n{i}"))).collect();
    refused(&schemas, 1, &["101 schemas", "100"]);
    let unique: String = (0..64).map(|i| format!("[[schema.attribute]]\nname = \"a{i}\"\nindexed = true\n")).collect();
    refused(&format!("{GOOD}uniqueness = \"server\"\n{unique}"), 1, &["64", "indexed or unique"]);
}

#[test]
fn broken_names_of_attributes() {
    for bad in ["", "1st", "a b", "a.b", "a:b", "é", "$a", "$ref", "-a", "_a", &"x".repeat(129)] {
        refused(&GOOD.replace("first", bad), 5, &["no name of an attribute"]);
    }
    for common in ["id", "ID", "externalId", "meta", "Schemas"] {
        refused(&GOOD.replace("first", common), 5, &["every resource has"]);
    }
    refused(&format!("{GOOD}[[schema.attribute]]\nname = \"FIRST\"\n"), 7, &["\"first\"", "letter case"]);
    let part =
        |name: &str| format!("{GOOD}type = \"complex\"\n[[schema.attribute.sub_attribute]]\nname = \"{name}\"\n");
    refused(&part("$other"), 8, &["no name of an attribute"]);
    refused(&format!("{}[[schema.attribute.sub_attribute]]\nname = \"A\"\n", part("a")), 10, &["letter case"]);
    refused(&format!("{GOOD}[[schema.attribute]]\ntype = \"string\"\n"), 6, &["missing field `name`"]);
}

#[test]
fn broken_words() {
    for (key, word, expected) in [
        ("type", "text", "\"string\""),
        ("type", "DateTime", "\"dateTime\""),
        ("mutability", "readonly", "\"readOnly\""),
        ("returned", "sometimes", "\"request\""),
        ("uniqueness", "local", "\"global\""),
    ] {
        refused(&format!("{GOOD}{key} = \"{word}\"\n"), 6, &[key, word, expected]);
    }
    refused(&format!("{GOOD}multi_valued = \"yes\"\n"), 6, &["boolean"]);
    refused(&format!("{GOOD}multiValued = true\n"), 6, &["`multiValued`", "`multi_valued`"]);
}

#[test]
fn contradictions() {
    for (lines, line, words) in [
        ("type = \"complex\"", 6, &["no sub-attribute"][..]),
        ("[[schema.attribute.sub_attribute]]\nname = \"a\"", 5, &["type = \"complex\""]),
        ("type = \"string\"\nsub_attribute = [{ name = \"a\" }]", 6, &["type = \"complex\""]),
        (
            "type = \"complex\"\n[[schema.attribute.sub_attribute]]\nname = \"a\"\ntype = \"complex\"",
            9,
            &["no sub-attributes of their own"],
        ),
        (
            "type = \"complex\"\nsub_attribute = [{ name = \"a\", sub_attribute = [{ name = \"b\" }] }]",
            7,
            &["no sub-attributes of their own"],
        ),
        ("required = true\nmutability = \"readOnly\"", 6, &["readOnly", "required"]),
        ("mutability = \"readOnly\"\nreturned = \"never\"", 7, &["nobody"]),
        ("mutability = \"writeOnly\"\nreturned = \"default\"", 7, &["writeOnly", "\"never\""]),
        ("mutability = \"writeOnly\"\nreturned = \"always\"", 7, &["writeOnly"]),
        ("multi_valued = true\nuniqueness = \"server\"", 7, &["multi-valued"]),
        ("type = \"boolean\"\nuniqueness = \"server\"", 7, &["cannot be unique"]),
        ("type = \"binary\"\nuniqueness = \"global\"", 7, &["cannot be unique"]),
        ("type = \"dateTime\"\nuniqueness = \"server\"", 7, &["cannot be unique"]),
        ("type = \"complex\"\nuniqueness = \"server\"\nsub_attribute = [{ name = \"a\" }]", 7, &["cannot be unique"]),
        (
            "type = \"complex\"\nmulti_valued = true\n[[schema.attribute.sub_attribute]]\nname = \"a\"\nuniqueness = \"server\"",
            10,
            &["multi-valued"],
        ),
        ("type = \"complex\"\nindexed = true\nsub_attribute = [{ name = \"a\" }]", 7, &["sub-attributes can be"]),
        ("type = \"binary\"\nindexed = true", 7, &["not indexed"]),
        ("returned = \"never\"\nindexed = true", 7, &["never shown"]),
        ("mutability = \"writeOnly\"\nindexed = true", 7, &["never shown"]),
        ("type = \"integer\"\ncase_exact = true", 7, &["about text"]),
        ("type = \"binary\"\ncase_exact = false", 7, &["cannot be false"]),
        ("type = \"reference\"\nreference_types = [\"uri\"]\ncase_exact = false", 8, &["cannot be false"]),
        ("type = \"reference\"", 6, &["reference_types"]),
        ("type = \"reference\"\nreference_types = []", 6, &["reference_types"]),
        ("type = \"reference\"\nreference_types = [\"user\"]", 7, &["\"user\"", "no resource type"]),
        ("reference_types = [\"User\"]", 6, &["only an attribute of type reference"]),
        ("type = \"integer\"\ncanonical_values = [\"1\"]", 7, &["type string"]),
        ("canonical_values = [\"a\", \"a\"]", 6, &["twice"]),
        ("canonical_values = [\"\"]", 6, &["empty"]),
        ("canonical_values = [1]", 6, &["string"]),
    ] {
        refused(&format!("{GOOD}{lines}\n"), line, words);
    }
}

#[test]
fn broken_resource_types() {
    let of = |lines: &str| format!("{BASE}[[resource_type]]\n{lines}\n");
    let whole = |name: &str, endpoint: &str| {
        of(&format!("name = \"{name}\"\nendpoint = \"{endpoint}\"\nschema = \"urn:example:b:1.0:Thing\""))
    };
    for bad in ["", "1", "a b", "é", "a.b", "<a>", "a\\\"b"] {
        refused(&whole(bad, "/Things"), 6, &["no name of a resource type"]);
    }
    for taken in ["User", "group", "Schema", "ResourceType", "ServiceProviderConfig"] {
        refused(&whole(taken, "/Things"), 6, &["there is a resource type"]);
    }
    for taken in [
        "/Users",
        "/users",
        "/Groups",
        "/Schemas",
        "/ResourceTypes",
        "/ServiceProviderConfig",
        "/Bulk",
        "/Me",
        "/.search",
    ] {
        refused(&whole("Thing", taken), 7, &["is taken"]);
    }
    for bad in ["", "/", "Things", "/a/b", "/Things/", "//Things", "/a b", "/%41", "/.x", "/é", "/a?b"] {
        refused(&whole("Thing", bad), 7, &["no endpoint", "/Roles"]);
    }
    let again = "[[resource_type]]\nname = \"Other\"\nendpoint = \"/things\"\nschema = \"urn:example:b:1.0:Thing\"\n";
    refused(&format!("{}{again}", whole("Thing", "/Things")), 11, &["/Things", "is taken"]);
    refused(
        &format!("{}{}", whole("Thing", "/Things"), again.replace("Other", "THING").replace("/things", "/b")),
        10,
        &["Thing already"],
    );
    refused(&of("name = \"Thing\"\nendpoint = \"/Things\""), 5, &["missing field `schema`"]);
    refused(
        &of("name = \"Thing\"\nendpoint = \"/Things\"\nschema = \"urn:example:c\""),
        8,
        &["urn:example:c", "urn:example:b:1.0:Thing"],
    );
    refused(
        &of("name = \"T\"\nendpoint = \"/T\"\nschema = \"urn:ietf:params:scim:schemas:core:2.0:User\""),
        8,
        &["defined by this server"],
    );
    let extended =
        |schema: &str| format!("{}[[resource_type.extension]]\nschema = \"{schema}\"\n", whole("Thing", "/Things"));
    refused(&extended("urn:example:c"), 10, &["urn:example:c"]);
    refused(&extended("urn:example:b:1.0:Thing"), 10, &["base schema"]);
    let extension =
        "[[schema]]\nid = \"urn:example:e:1.0:Thing\"\nextends = [\"Thing\"]\nattribute = [{ name = \"a\" }]\n";
    refused(&format!("{extension}{}", extended("urn:example:e:1.0:Thing")), 14, &["already"]);
    let both = whole("Thing", "/Things")
        .replace("id = \"urn:example:b:1.0:Thing\"", "id = \"urn:example:b:1.0:Thing\"\nextends = [\"Thing\"]");
    refused(&both, 3, &["base schema of Thing"]);
    refused(
        &of("name = \"Thing\"\nendpoint = \"/Things\"\nschemas = [\"x\"]\nschema = \"urn:example:b:1.0:Thing\""),
        8,
        &["`schemas`", "`schema`"],
    );
}
