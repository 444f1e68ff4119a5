//! Filters, each with the people whom it finds. The letters are those of the population.

use std::collections::BTreeSet;

use serde_json::json;

use super::population::Population;
use super::{encoded, resources};
use crate::hostile::is_scim_error;

const ALL: &str = "A B G L M N P S";

/// A filter on users and whom it finds. `{A}` is the id of A.
const USERS: &[(&str, &str)] = &[
    // eq: without case unless the attribute says so, by Unicode and not by ASCII, and never trimmed.
    (r#"userName eq "grace@example.com""#, "G"),
    (r#"userName eq "GRACE@Example.COM""#, "G"),
    (r#"USERNAME EQ "grace@example.com""#, "G"),
    (r#"userName eq "grace""#, ""),
    (r#"userName eq " grace@example.com""#, ""),
    (r#"userName eq "grace@example.com ""#, ""),
    (r#"userName eq """#, ""),
    ("userName eq \"a\u{30a}ngstro\u{308}m@EXAMPLE.com\"", "N"),
    ("userName eq \"\u{212b}NGSTR\u{d6}M@example.com\"", "N"),
    (r#"userName eq "\u00e5NGSTR\u00f6m@example.com""#, "N"),
    (r#"userName eq "angstrom@example.com""#, ""),
    ("userName eq \"STRA\u{df}E@example.com\"", "S"),
    (r#"displayName eq "STRASSE""#, "S"),
    ("displayName eq \"stra\u{1e9e}e\"", "S"),
    ("displayName eq \"σίσυφος\"", "M"),
    ("displayName eq \"Σίσυφοσ\"", "M"),
    (r#"externalId eq "EXT-1""#, "A"),
    (r#"externalId eq "ext-1""#, "G"),
    (r#"externalId eq "Ext-1""#, ""),
    (r#"id eq "{A}""#, "A"),
    (r#"id eq "{engineers}""#, ""),
    (r#"profileUrl eq "https://example.com/Ada""#, "A"),
    (r#"profileUrl eq "https://example.com/ada""#, ""),
    (r#"x509Certificates.value eq "AQID""#, "A"),
    (r#"x509Certificates.value eq "aqid""#, ""),
    (r#"title eq "ENGINEER""#, "A G"),
    ("active eq true", "A B G M N S"),
    ("active eq false", "L P"),
    (r#"active eq "True""#, "A B G M N S"),
    ("active eq False", "L P"),
    (r#"meta.resourceType eq "User""#, ALL),
    (r#"meta.resourceType eq "Group""#, ""),
    // ne: also true of what has no value.
    (r#"userName ne "GRACE@example.com""#, "A B L M N P S"),
    (r#"title ne "engineer""#, "B L M N P S"),
    ("active ne true", "L P"),
    ("active ne false", "A B G M N S"),
    (r#"emails.type ne "work""#, "A B L M N P S"),
    // null is the same as absent (RFC 7643 §2.5).
    ("title eq null", "B M N"),
    ("title ne null", "A G L P S"),
    ("emails eq null", "B M N P"),
    ("nickName ne null", "G"),
    // pr
    ("title pr", "A G L P S"),
    ("not (title pr)", "B M N"),
    ("nickName PR", "G"),
    ("emails pr", "A G L S"),
    ("not (emails pr)", "B M N P"),
    ("name pr", "A G L"),
    ("name.familyName pr", "A G L"),
    ("x509Certificates pr", "A"),
    ("id pr and meta.created pr and schemas pr", ALL),
    // co, sw and ew know no patterns.
    (r#"userName co "LOVE""#, "A"),
    (r#"userName co "@example.com""#, ALL),
    (r#"userName co "%""#, "P"),
    (r#"userName co "_""#, "P"),
    (r#"userName co "0%_s""#, "P"),
    (r#"userName co "%sure""#, ""),
    (r#"userName co "g_ace""#, ""),
    (r#"displayName co "ss""#, "S"),
    ("displayName co \"\u{df}\"", "S"),
    (r#"displayName co "\"off\"""#, "P"),
    (r#"displayName co "\\""#, "P"),
    (r#"emails.value co "HOME""#, "A L"),
    (r#"emails co "home""#, "A L"),
    (r#"userName sw "a""#, "A L"),
    ("userName sw \"a\u{30a}\"", "N"),
    (r#"name.familyName sw "l""#, "A"),
    (r#"displayName sw "GRA""#, "G"),
    (r#"userName ew ".COM""#, ALL),
    (r#"emails.value ew ".example""#, "A L"),
    (r#"displayName ew "ing""#, "L"),
    (r#"externalId sw "EXT""#, "A L"),
    // Order: folded text by code point, times by the point in time.
    (r#"userName gt "m""#, "M N S"),
    (r#"userName gt "M""#, "M N S"),
    (r#"userName lt "b""#, "A L P"),
    (r#"userName ge "grace@example.com""#, "G M N S"),
    (r#"userName le "alan@example.com""#, "A L P"),
    (r#"title gt "manager""#, "S"),
    (r#"title lt "f""#, "A G P"),
    (r#"meta.created gt "2000-01-01T00:00:00Z""#, ALL),
    (r#"meta.created lt "2000-01-01T00:00:00Z""#, ""),
    (r#"meta.created ge "2000-01-01T00:00:00.000+14:00""#, ALL),
    (r#"meta.lastModified le "2999-12-31T23:59:59.999-12:00""#, ALL),
    (r#"meta.lastModified gt "2999-12-31T23:59:59-12:00""#, ""),
    // and before or, not before both.
    (r#"title eq "engineer" and userType eq "Employee""#, "A G"),
    (r#"userType eq "Contractor" or title eq "engineer" and nickName pr"#, "G L"),
    (r#"nickName pr and title eq "engineer" or userType eq "Contractor""#, "G L"),
    (r#"(userType eq "Contractor" or title eq "engineer") and nickName pr"#, "G"),
    ("title pr and not (active eq false)", "A G S"),
    (r#"not (active eq true) and title eq "manager""#, "L"),
    ("not (active eq true and title pr)", "B L M N P"),
    ("not (active eq true or title pr)", ""),
    ("not (not (title pr))", "A G L P S"),
    ("NOT(title PR)", "B M N"),
    (r#"userName sw "a" AND active EQ true OR nickName PR"#, "A G"),
    (r#"title eq "x" or title eq "y" or nickName pr"#, "G"),
    ("active eq true and title pr and emails pr and userType pr", "A G"),
    (r#"  (  ( title   pr )  )  and ( active eq  false )  "#, "L P"),
    // Value paths: all of the filter holds for one and the same element.
    (r#"emails[type eq "work"]"#, "A G L"),
    (r#"EMAILS[TYPE eq "WORK"]"#, "A G L"),
    (r#"emails[type eq "home" and primary eq true]"#, "L"),
    (r#"emails[type eq "work" and primary eq true]"#, "A"),
    (r#"emails.type eq "home" and emails.primary eq true"#, "A L"),
    (r#"emails[type eq "work" and value co "alan"]"#, "L"),
    (r#"emails[not (type eq "work")]"#, "A L S"),
    (r#"emails[type eq "home" or type eq "other"]"#, "A L S"),
    (r#"not (emails[type eq "home"])"#, "B G M N P S"),
    (r#"emails[value pr]"#, "A G L S"),
    ("emails[primary pr]", "A L"),
    (r#"emails[type eq "work" and not (primary eq true)]"#, "G L"),
    (r#"emails[type eq "work"] and active eq false"#, "L"),
    (r#"addresses[country eq "gb" and locality sw "lon"]"#, "A"),
    (r#"addresses[country eq "FR" and locality eq "London"]"#, ""),
    // What Entra writes for them.
    (r#"emails[type eq "work"].value eq "ADA@example.com""#, "A"),
    (r#"emails[type eq "home"].value eq "ada@example.com""#, ""),
    (r#"emails[primary eq "True"].value ew "example""#, "L"),
    (r#"roles[primary eq true].value eq "admin""#, "A"),
    ("externalId eq EXT-2", "L"),
    // Sub-attributes, and complex attributes that stand for their value.
    (r#"name.givenName eq "ada""#, "A"),
    (r#"Name.GivenName eq "ADA""#, "A"),
    (r#"addresses.locality eq "paris""#, "A"),
    ("emails.primary eq true", "A L"),
    (r#"phoneNumbers.value sw "+44""#, "A"),
    (r#"roles eq "ADMIN""#, "A"),
    (r#"emails eq "grace@example.com""#, "G"),
    // Names in full.
    (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "grace@example.com""#, "G"),
    (r#"URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER:USERNAME eq "grace@example.com""#, "G"),
    (r#"urn:ietf:params:scim:schemas:core:2.0:User:name.familyName eq "hopper""#, "G"),
    (r#"urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq "other"]"#, "S"),
    (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "r&d""#, "A L"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department pr", "A G L"),
    (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber gt "10""#, "G L"),
    (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber le "10""#, "A"),
    (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "Boss-1""#, "A"),
    (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "boss-1""#, ""),
    (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "Boss-1""#, "A"),
    (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department eq "navy""#, "G"),
    (r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#, "A G L"),
    // Groups, also through groups.
    (r#"groups.value eq "{engineers}""#, "A G"),
    (r#"groups.value eq "{everyone}""#, "A G L"),
    (r#"groups eq "{everyone}" and active eq false"#, "L"),
    (r#"groups.display eq "engineers""#, "A G"),
    (r#"groups[value eq "{everyone}" and type eq "direct"]"#, "L"),
    (r#"groups.type eq "indirect""#, "A G"),
    ("groups pr", "A G L"),
    ("not (groups pr)", "B M N P S"),
    (r#"id eq "{A}" and groups eq "{engineers}""#, "A"),
];

/// The same for groups.
const GROUPS: &[(&str, &str)] = &[
    (r#"displayName eq "ENGINEERS""#, "engineers"),
    (r#"displayName sw "e""#, "engineers everyone"),
    (r#"externalId eq "G-1""#, "engineers"),
    (r#"externalId eq "g-1""#, ""),
    (r#"members.value eq "{A}""#, "engineers"),
    (r#"members eq "{A}""#, "engineers"),
    (r#"members[value eq "{L}"]"#, "everyone"),
    (r#"members[value eq "{engineers}" and type eq "Group"]"#, "everyone"),
    (r#"members.type eq "User""#, "engineers everyone"),
    (r#"members[display eq "ada lovelace"]"#, "engineers"),
    ("members pr", "engineers everyone"),
    ("not (members pr)", "nobody"),
    (r#"id eq "{engineers}" and members eq "{L}""#, ""),
    (r#"id eq "{everyone}" and members eq "{L}""#, "everyone"),
    (r#"urn:ietf:params:scim:schemas:core:2.0:Group:displayName eq "nobody""#, "nobody"),
];

/// And for both at once.
const BOTH: &[(&str, &str)] = &[
    (r#"meta.resourceType eq "Group""#, "engineers everyone nobody"),
    (r#"displayName eq "strasse" or displayName eq "nobody""#, "S nobody"),
    (r#"externalId eq "G-1" or externalId eq "EXT-1""#, "A engineers"),
    (r#"userName eq "grace@example.com""#, "G"),
    (r#"id eq "{everyone}""#, "everyone"),
];

#[test]
fn every_filter_finds_whom_it_should() {
    assert!(USERS.len() >= 80);
    let population = Population::new();
    let mut wrong = Vec::new();
    for (endpoint, table) in [("/Users", USERS), ("/Groups", GROUPS), ("", BOTH)] {
        for (filter, expected) in table {
            let filter = population.filled(filter);
            let expected: BTreeSet<&str> = expected.split_whitespace().collect();
            let asked = population.client.get(&format!("{endpoint}?filter={}", encoded(&filter))).unwrap();
            let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
            let searched = population.client.post(&format!("{endpoint}/.search"), &search).unwrap();
            for (how, reply) in [("GET", asked), ("POST", searched)] {
                let list = reply.json();
                let found: BTreeSet<&str> =
                    list["Resources"].as_array().into_iter().flatten().map(|r| population.name(r)).collect();
                if reply.status != 200 || found != expected || list["totalResults"] != json!(expected.len()) {
                    wrong.push(format!(
                        "{how} {endpoint} {filter}: {expected:?} expected, {} {found:?} of {}",
                        reply.status, list["totalResults"]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} filters are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// A point in time is the same whatever offset it is written with, and the operators divide the people between them.
#[test]
fn times_compare_as_points_in_time() {
    let population = Population::new();
    let grace = population.client.get(&format!("/Users/{}", population.ids["G"])).unwrap().json();
    let text = grace["meta"]["created"].as_str().unwrap().to_owned();
    let time: jiff::Timestamp = text.parse().unwrap();
    let elsewhere = time.display_with_offset(jiff::tz::offset(5)).to_string();
    assert!(elsewhere.contains("+05"), "{elsewhere}");
    let find = |op: &str, time: &str| -> BTreeSet<String> {
        let found = resources(
            &population.client,
            &format!("/Users?filter={}", encoded(&format!("meta.created {op} \"{time}\""))),
        );
        found.iter().map(|r| population.name(r).to_owned()).collect()
    };
    let everybody: BTreeSet<String> = ALL.split_whitespace().map(str::to_owned).collect();
    for time in [&text, &elsewhere] {
        let (before, at, after) = (find("lt", time), find("eq", time), find("gt", time));
        assert!(at.contains("G"), "{time}");
        assert_eq!(find("ge", time), &at | &after);
        assert_eq!(find("le", time), &at | &before);
        assert_eq!(&(&before | &at) | &after, everybody);
        assert!(before.is_disjoint(&at) && before.is_disjoint(&after) && at.is_disjoint(&after));
        assert_eq!(find("ne", time), &before | &after);
    }
}

/// What a filter cannot mean is said, and never becomes everybody or nobody.
#[test]
fn what_a_filter_cannot_mean_is_refused() {
    let population = Population::new();
    for filter in [
        r#"nothing eq "x""#,
        r#"userName eq "x" or nothing pr"#,
        r#"password eq "x""#,
        "password pr",
        "active gt true",
        r#"active sw "t""#,
        r#"name eq "Ada""#,
        "userName eq 5",
        r#"meta.created gt "yesterday""#,
        r#"emails[nothing eq "x"]"#,
        r#"members eq "x""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:Group:displayName eq "x""#,
        "userName",
    ] {
        let reply = population.client.get(&format!("/Users?filter={}", encoded(filter))).unwrap();
        assert_eq!(reply.status, 400, "{filter}: {}", reply.body);
        assert_eq!(reply.json()["scimType"], json!("invalidFilter"), "{filter}");
        is_scim_error(&reply).unwrap();
    }
}
