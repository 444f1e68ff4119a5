//! Filters that are deep, long, broken, or aimed at the database behind them.

use serde_json::json;

use super::{Case, Site, Want};

const BAD: Want = Want::One(&[400]);

pub fn cases(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, want, filter) in shapes().into_iter().chain(depths()) {
        cases.push(site.get(what, want, &format!("/scim/v2/Users?filter={}", encoded(&filter))));
    }
    for (what, want, filter) in monsters() {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
        cases.push(site.case(what, want, "POST", "/scim/v2/Users/.search", body.to_string().as_bytes()));
    }
    for (what, raw) in [
        ("a NUL", "userName%20eq%20%22a%00b%22"),
        ("no UTF-8", "userName%20eq%20%22%ff%22"),
        ("an overlong dot", "userName%20eq%20%22%c0%ae%22"),
        ("a surrogate", "userName%20eq%20%22%ed%a0%80%22"),
        ("a lone percent sign", "userName%20eq%20%22%22%"),
        ("a percent sign with no digits", "userName%20eq%20%22%zz%22"),
        ("half a percent sign", "userName%20eq%20%22%4"),
        ("only percent signs", "%%%%%%"),
        ("double encoding", "userName%2520eq%2520%2522a%2522"),
        ("plus signs", "userName+eq+%22a+b%2B%22"),
        ("nothing", ""),
        ("a blank", "%20"),
        ("no blanks", "userNameeq%22a%22"),
        ("an ampersand", "userName%20eq%20%22a&b%22"),
        ("blanks as they are", "userName eq 1"),
        ("a semicolon", "userName%20eq%20%22a;b%22;x=1"),
        ("a line break", "userName%20eq%0d%0a%22a%22"),
        ("a full-width quote", "userName%20eq%20%EF%BC%82a%EF%BC%82"),
        ("a no-break space", "userName%C2%A0eq%C2%A0%22a%22"),
    ] {
        cases.push(site.get(format!("{what} in the query"), Want::Any, &format!("/scim/v2/Users?filter={raw}")));
        cases.push(site.get(
            format!("{what} in the query for groups"),
            Want::Any,
            &format!("/scim/v2/Groups?filter={raw}"),
        ));
    }
    cases
}

/// Filters of ordinary length: broken ones are 400, harmless ones find nothing.
fn shapes() -> Vec<(String, Want, String)> {
    let bad = [
        "(",
        ")",
        "()",
        "not",
        "not()",
        "not userName pr",
        "and",
        "or",
        "userName",
        "userName eq",
        "eq \"a\"",
        "userName \"a\"",
        "userName eq \"a",
        "userName eq a\"",
        "userName eq 'a'",
        "userName eq \"a\" and",
        "userName eq \"a\" or or title pr",
        "userName eq \"a\" title pr",
        "userName eq \"a\" xor title pr",
        "userName = \"a\"",
        "userName == \"a\"",
        "userName like \"a\"",
        "userName pr pr",
        "(userName pr",
        "userName pr)",
        "((userName pr)",
        "emails[type eq \"work\"",
        "emails[",
        "emails]",
        "emails[]",
        "emails[type]",
        "emails[type eq]",
        "[type eq \"work\"]",
        "emails[type eq \"work\"]]",
        "emails[type eq \"work\"]value pr",
        "emails[type eq \"work\"].",
        "emails[type eq \"work\"].x eq 1",
        "emails[emails[type pr]]",
        "emails[type eq \"a\"][value pr]",
        "userName[value eq \"a\"]",
        "active[value pr]",
        "a.b.c.d eq 1",
        "name.givenName.x eq \"a\"",
        "name..givenName pr",
        ".userName pr",
        "userName. pr",
        "urn: pr",
        "urn:x:y pr",
        "urn:ietf:params:scim:schemas:core:2.0:User: pr",
        "urn:ietf:params:scim:schemas:core:2.0:User:nothing pr",
        "urn:ietf:params:scim:schemas:core:2.0:Nobody:userName pr",
        "nothing pr",
        "nothing eq \"a\"",
        "password pr",
        "password eq \"a\"",
        "password sw \"a\"",
        "__proto__ pr",
        "rowid eq 1",
        "1 eq 1",
        "\"a\" eq \"a\"",
        "active gt true",
        "active co true",
        "active eq 1",
        "active eq \"perhaps\"",
        "userName eq 1",
        "userName eq true",
        "userName gt null",
        "userName eq \"\\ud800\"",
        "userName eq \"\\u0000\"",
        "userName eq \"\\x\"",
        "userName eq \"a\\\"",
        "userName eq [1]",
        "userName eq {}",
        "meta.created gt \"yesterday\"",
        "meta.created gt \"\"",
        "meta.created gt 5",
        "meta.created gt \"2026-13-45T99:99:99Z\"",
        "meta eq \"a\"",
        "name eq \"a\"",
        "x509Certificates.value gt \"a\"",
        "userName eq \"a\"; drop table resource",
        "userName eq \"a\" -- ",
        "userName eq \"a\" /* */",
        "userName eq \"a\" union select 1",
        "😀 eq \"a\"",
        "user\u{200b}Name eq \"a\"",
        "userName\0eq\0\"a\"",
        "userNаme eq \"cyrillic\"",
        "$where eq \"1\"",
        "userName eq \"a\",title pr",
    ];
    let empty = [
        "userName eq \"' OR '1'='1\"",
        "userName eq \"\\\" or userName pr or userName eq \\\"\"",
        "userName co \"%%%%%\"",
        "userName sw \"_____%\"",
        "userName co \"*?[a-z]\"",
        "userName co \"(a+)+$\"",
        "userName ew \"\\\\\"",
        "externalId eq \"1\" and id eq \"1\"",
        "id eq \"1\"",
        "id eq \"0\"",
        "id co \"%\"",
        "title eq \"\\u202e\"",
        "userName eq \"\\ud83d\\ude00\"",
        "meta.created lt \"0001-01-01T00:00:00Z\"",
        "meta.created gt \"9999-12-30T00:00:00Z\"",
        "externalId eq jyoung",
        "title co \"\u{10ffff}\"",
        "userName gt \"\u{10ffff}\"",
        "emails[type eq \"work\"].value eq \"nobody\"",
        "groups.value eq \"../../x\"",
        "profileUrl eq \"javascript:alert(1)\"",
    ];
    let bad = bad.into_iter().map(|f| (format!("the filter {f:?}"), BAD, f.to_owned()));
    bad.chain(empty.into_iter().map(|f| (format!("the filter {f:?}"), Want::One(&[200]), f.to_owned()))).collect()
}

/// Around and above every bound, as far as a request line may reach.
fn depths() -> Vec<(String, Want, String)> {
    let mut filters = Vec::new();
    for n in [31, 32, 33, 64, 128, 500, 1500] {
        // The longest may be too long for a URL before they are too deep for a filter.
        let bad = if n > 1000 { Want::One(&[400, 414, 431]) } else { BAD };
        let want = if n > 32 { bad } else { Want::Any };
        let mut add = |what: &str, filter: String| filters.push((format!("{what} {n} deep"), want, filter));
        add("parentheses", format!("{}userName pr{}", "(".repeat(n), ")".repeat(n)));
        add("not", format!("{}userName pr{}", "not(".repeat(n), ")".repeat(n)));
        add("brackets", format!("{}type pr{}", "emails[".repeat(n), "]".repeat(n)));
        filters.push((format!("{n} open parentheses"), bad, "(".repeat(n)));
        filters.push((format!("{n} open not"), bad, "not (".repeat(n)));
        filters.push((format!("{n} open brackets"), bad, "emails[".repeat(n)));
        filters.push((format!("{n} closing parentheses"), bad, format!("userName pr{}", ")".repeat(n))));
    }
    for n in [100, 128, 400] {
        let want = if n > 128 { BAD } else { Want::One(&[200]) };
        filters.push((format!("{n} terms with or"), want, vec!["title pr"; n].join(" or ")));
        filters.push((format!("{n} terms with and"), want, vec!["title pr"; n].join(" and ")));
        filters.push((format!("{n} names in a path"), BAD, format!("{} pr", vec!["a"; n].join("."))));
    }
    filters
}

/// Too long for a request line, and sent in the body of a search.
fn monsters() -> Vec<(String, Want, String)> {
    let mut filters = Vec::new();
    for n in [5_000, 60_000, 1_000_000] {
        let mut add = |what: &str, filter: String| filters.push((format!("{n} {what}"), BAD, filter));
        add("parentheses", "(".repeat(n));
        add("brackets", "[".repeat(n));
        add("quotes", "\"".repeat(n / 2));
        add("backslashes", format!("userName eq \"{}", "\\".repeat(n / 2)));
        add("letters", "a".repeat(n));
        add("blanks", format!("userName{}pr", " ".repeat(n)));
        add("letters of text", format!("userName eq \"{}\"", "a".repeat(n)));
        add("not", "not(".repeat(n / 4));
        add("terms", vec!["title pr"; n / 20].join(" or "));
        add("dots", format!("a{} pr", ".".repeat(n)));
        add("colons", format!("urn{}a pr", ":".repeat(n)));
        add("digits", format!("active eq {}", "1".repeat(n)));
    }
    filters
}

pub fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
