//! Who gets in, and `docs/security.md`: what its table promises is held by tests that exist.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use scim_appliance::clock::Clock;
use scim_appliance::directory::{Caller, NewToken, Reach, Refusal, Scope, StoreError, Unauthenticated, create_token};
use scim_appliance::scim::catalog::Catalog;
use scim_appliance::secret::Token;
use scim_appliance::store::{Options, Store, Weight};

use crate::hostile::{authorization, is_scim_error};
use crate::support::Appliance;
use crate::wire::{PATIENCE, exchange, plain};

/// The items of the list that have to be in the table.
const ITEMS: [u32; 49] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 27, 28, 29, 30, 33, 34,
    35, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 51, 52, 53, 54, 55, 56,
];

/// The tests that a row names, each with its file.
fn named(row: &str) -> Vec<(String, String)> {
    let cell = row.trim().trim_end_matches('|').rsplit('|').next().unwrap();
    let mut file = String::new();
    let mut named = Vec::new();
    for word in cell.split('`').skip(1).step_by(2) {
        match word.ends_with(".rs") {
            true => file = word.to_owned(),
            false => named.push((file.clone(), word.to_owned())),
        }
    }
    named
}

/// Is there a test of this name in the text of a file?
fn holds(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let at = lines.iter().position(|l| l.strip_prefix("async ").unwrap_or(l).starts_with(&format!("fn {name}(")));
    at.is_some_and(|at| {
        let above = lines[..at].iter().rev().take_while(|l| l.starts_with('#') || l.starts_with("//"));
        above.into_iter().any(|l| ["#[test]", "#[tokio::test]"].contains(l))
    })
}

#[test]
fn every_test_that_the_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let number = |row: &str| row.strip_prefix("| ")?.split(' ').next()?.parse::<u32>().ok();
    let rows: Vec<(u32, &str)> = table.lines().filter_map(|l| Some((number(l)?, l))).collect();
    let mut wrong = Vec::new();
    for (number, row) in &rows {
        let named = named(row);
        if named.is_empty() {
            wrong.push(format!("item {number} names no test"));
        }
        for (file, name) in named {
            let text = std::fs::read_to_string(root.join(&file)).unwrap_or_default();
            if !holds(&text, &name) {
                wrong.push(format!("item {number}: {file} has no test {name}"));
            }
        }
    }
    wrong.extend(ITEMS.iter().filter(|i| !rows.iter().any(|(n, _)| n == *i)).map(|i| format!("item {i} is missing")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_check_of_the_table_can_fail() {
    let row = "| 1 | x | y | `a.rs`: `one`, `two`; `b.rs`: `three` |";
    let expected = [("a.rs", "one"), ("a.rs", "two"), ("b.rs", "three")];
    assert_eq!(named(row), expected.map(|(f, n)| (f.to_owned(), n.to_owned())));
    assert!(named("| 1 | x | y | none |").is_empty());
    let text = "/// A test.\n#[test]\nfn one() {}\n\nfn two() {}\n\n#[tokio::test]\nasync fn three() {}\n";
    assert!(
        holds(text, "one") && holds(text, "three") && !holds(text, "two") && !holds(text, "on") && !holds("", "one")
    );
}

/// Without a token every path is a question for it: however it is written, and whatever comes with it.
#[test]
fn no_way_of_writing_a_path_gets_past_the_question() {
    let appliance = Appliance::with_config("[limits]\nbad_token_burst = 0\n");
    let user = appliance.post("/Users", crate::hostile::user("path")).json();
    let site = crate::hostile::Site {
        port: appliance.port,
        token: appliance.token.clone(),
        user: user["id"].as_str().unwrap().to_owned(),
        group: String::new(),
    };
    let cases = authorization::paths(&site);
    assert!(cases.len() > 70);
    for case in cases {
        for token in [None, Some("Bearer x"), Some("Bearer null")] {
            let headers: Vec<_> = token.iter().map(|t| ("Authorization", *t)).collect();
            for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
                let reply = exchange(appliance.port, &plain(method, &case.what, &headers, b""), PATIENCE).unwrap();
                assert_eq!(reply.status, 401, "{method} {:?} with {token:?}", case.what);
                if method != "HEAD" {
                    is_scim_error(&reply).unwrap();
                }
            }
        }
    }
    assert_eq!(appliance.get(&format!("/Users/{}", site.user)).status, 200, "nothing was deleted");
}

/// Two headers, two schemes or two values are no token, even if one of them is good.
#[test]
fn two_credentials_are_none() {
    let appliance = Appliance::with_config("[limits]\nbad_token_burst = 0\n");
    let good = format!("Bearer {}", appliance.token);
    for other in ["Bearer x", "Basic YTpi", "", good.as_str(), appliance.token.as_str()] {
        for pair in [[good.as_str(), other], [other, good.as_str()]] {
            let headers = pair.map(|value| ("Authorization", value));
            let reply = appliance.send("GET", "/scim/v2/Users", &headers, None);
            assert_eq!(reply.status, 401, "{pair:?}");
            is_scim_error(&reply).unwrap();
            let joined = pair.join(", ");
            assert_eq!(appliance.send("GET", "/scim/v2/Users", &[("Authorization", &joined)], None).status, 401);
        }
    }
    for odd in ["Bearer a\0b", "Bearer \u{1}", "Bearer a\u{7f}b"] {
        let bytes = plain("GET", "/scim/v2/Users", &[("Authorization", odd)], b"");
        let reply = exchange(appliance.port, &bytes, PATIENCE).unwrap();
        assert!(matches!(reply.status, 400 | 401), "{odd:?}: {}", reply.status);
        is_scim_error(&reply).unwrap();
    }
}

#[test]
fn a_clock_that_goes_back_revives_no_token() {
    const DAY: i64 = 24 * 3600 * 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let at = Arc::new(AtomicI64::new(1000 * DAY));
    let catalog = Arc::new(Catalog::built_in().unwrap());
    let (store, threads) =
        Store::open(&Options::at(folder.path().join("x.db")), catalog, Clock::Fixed(at.clone())).unwrap();
    let token = Token::generate().unwrap();
    let new = NewToken {
        token: token.clone(),
        name: "clock".into(),
        scope: Scope::Scim,
        user: None,
        replaces: None,
        lifetime: Some(30 * DAY),
    };
    let written = store.write(Weight::Light, move |writer| create_token(writer, &new, 2, "tests"));
    written.wait().unwrap();
    let seen = |days: i64| {
        at.store(days * DAY, Ordering::Relaxed);
        store.inline(|reader| match Caller::admit(reader, &token, "x", Reach::All, reader.now()) {
            Err(Refusal::Unauthenticated(why)) => Ok::<_, StoreError>(Some(why)),
            _ => Ok(None),
        })
    };
    assert_eq!(seen(1029).unwrap(), None, "in its time");
    assert_eq!(seen(1031).unwrap(), Some(Unauthenticated::Expired));
    assert_eq!(seen(1001).unwrap(), Some(Unauthenticated::Expired), "the clock was set back");
    drop(store);
    threads.join();
}
