//! Who gets in, against a few people; and against a plain search through everybody, which must agree.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use super::*;
use crate::clock::Clock;
use crate::directory::local::{self, act, operation};
use crate::directory::roles::{By, Catalogue, set_override};
use crate::directory::{Caller, Site, remove};
use crate::scim::catalog::Catalog;
use crate::scim::dialect::RuleSet;
use crate::scim::json::{Json, Object};
use crate::store::{Options, Store, Threads, Weight};

struct House {
    store: Store,
    _threads: Threads,
    _folder: tempfile::TempDir,
    site: Arc<Site>,
}

/// Somebody: id, userName, externalId, addresses.
type Somebody<'a> = (&'static str, &'static str, Option<&'static str>, &'a [&'static str]);

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Arc::new(Catalog::built_in().unwrap());
        let (store, threads) = Store::open(&Options::at(folder.path().join("x.db")), catalog, Clock::System).unwrap();
        let site = Arc::new(Site {
            base: "http://x/scim/v2".to_owned(),
            page_size: 100,
            max_page_size: 1000,
            put_merges: false,
            max_payload: 1 << 20,
            max_operations: 1000,
            cursor_timeout: 60,
            rules: RuleSet::all(),
            roles: Arc::new(Catalogue::built_in()),
        });
        House { store, _threads: threads, _folder: folder, site }
    }

    fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Writer<'_>, &Site) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let site = self.site.clone();
        self.store.write(Weight::Light, move |writer| write(writer, &site)).wait()
    }

    fn add(&self, somebody: Somebody<'static>, by: &'static str) {
        self.write(move |writer, site| add(writer, site, somebody, by)).unwrap();
    }

    fn met(&self, settings: &Settings, claims: Value) -> Met {
        let (settings, site) = (settings.clone(), self.site.clone());
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        self.store.read(move |reader| meet(reader, &site, &settings, &claims)).wait().unwrap()
    }
}

/// Makes somebody here, or as an identity provider does.
fn add(
    writer: &mut Writer<'_>,
    site: &Site,
    (id, name, external, emails): Somebody<'_>,
    by: &str,
) -> Result<(), Refusal> {
    let mut document = Object::new();
    document.push("userName", name);
    if let Some(external) = external {
        document.push("externalId", external);
    }
    let element = |value: &&str| {
        let mut email = Object::new();
        email.push("value", *value);
        Json::from(email)
    };
    document.push("emails", Json::Array(emails.iter().map(element).collect()));
    let caller = Caller::local(by, "");
    act(writer, (site, &caller), local::Kind::Person, |w, ask| local::make(w, ask, id.to_owned(), document))
}

fn settings(rules: &str) -> Settings {
    Settings { rules: Rule::read(rules).unwrap(), ..Settings::default() }
}

fn said(met: Met) -> String {
    match met {
        Met::In(person, rule) => {
            format!("{} by {}{}", person.id, rule.claim, if person.settings_admin { ", manages" } else { "" })
        }
        Met::Out(refused) => format!("{:?} {}", refused.why, refused.name.unwrap_or_default()).trim_end().to_owned(),
    }
}

#[test]
fn rules_are_read_and_written() {
    let text = "sub externalId\nemail emails.value";
    assert_eq!(Rule::write(&Rule::read(" sub   EXTERNALID \n\nemail\temails.value").unwrap()), text);
    for wrong in [
        "",
        "sub",
        "sub externalId userName",
        "sub displayName",
        "s\u{fc}b userName",
        "a userName\n".repeat(9).as_str(),
    ] {
        assert!(Rule::read(wrong).is_err(), "{wrong:?}");
    }
    for kind in Kind::ALL {
        assert!(Rule::read(kind.rules()).is_ok() && Kind::named(kind.name()) == Some(kind));
    }
}

#[test]
fn what_is_typed_is_looked_at() {
    let fields =
        |issuer, id, scopes, secret| faults(issuer, id, scopes, secret).into_iter().map(|(f, _)| f).collect::<Vec<_>>();
    assert_eq!(fields("https://x.okta.com/oauth2/default", "0oa1", "openid profile", "s3c-r~t"), [""; 0]);
    for issuer in [
        "",
        "x.okta.com",
        "ftp://x",
        "https://",
        "https://a@b",
        "https://x?y",
        "https://x#y",
        "https://x/ü",
        "https://x y",
    ] {
        assert_eq!(fields(issuer, "0oa1", "", ""), ["issuer"], "{issuer}");
    }
    assert_eq!(fields("https://x", "", "a\"b", "a b"), ["client-id", "scopes", "secret"]);
    assert_eq!(fields("https://x", "a\u{0}b", "", ""), ["client-id"]);
}

#[test]
fn who_gets_in_and_who_does_not() {
    let house = House::new();
    house.add(("ada", "ada@x.io", Some("00u1"), &["Ada@Mail.io"]), "token:okta");
    house.add(("eve", "eve@x.io", None, &["eve@mail.io", "both@mail.io"]), "admin:grace");
    house.add(("bob", "Straße@x.io", Some("00u2"), &["both@mail.io"]), "token:okta");
    house.add(("kim", "kim", None, &[]), "command:person create");
    house.add(("may", "may@x.io", None, &["may@mail.io"]), "token:okta");
    house.add(("off", "off@x.io", None, &[]), "token:okta");
    house.add(("out", "out@x.io", Some("00u3"), &[]), "token:okta");
    house.add(("gone", "gone@x.io", Some("00u4"), &[]), "token:okta");
    house
        .write(|writer, site| {
            let caller = Caller::local("test", "");
            let off = vec![operation("replace", "active", Some(false.into()))];
            for id in ["out", "off"] {
                let off = off.clone();
                act(writer, (site, &caller), local::Kind::Person, |w, ask| local::change(w, ask, id, off))?;
            }
            act(writer, (site, &caller), local::Kind::Person, |w, ask| remove(w, ask, "gone"))?;
            set_override(writer, &site.roles, "ada@x.io", Some("ORGANIZATION_ADMINISTRATOR"), By::command("test"))
        })
        .unwrap();
    let usual = settings("sub externalId\npreferred_username userName\nemail emails.value");
    let allows = Settings { allow_email: true, ..usual.clone() };
    for (claims, expected, allowed) in [
        (json!({"sub": "00u1"}), "ada by sub, manages", None),
        // An externalId counts to the letter, names do not.
        (json!({"sub": "00U1"}), "Unknown", None),
        (json!({"sub": "new", "preferred_username": "MAY@X.IO"}), "may by preferred_username", None),
        (json!({"sub": "00u2", "preferred_username": "ada@x.io"}), "bob by sub", None),
        // Whoever has got a name, or an address, is not who had it.
        (json!({"sub": "new", "preferred_username": "ada@x.io"}), "OtherId ada@x.io", None),
        (json!({"sub": "new", "email": "ada@mail.io"}), "OtherId ada@x.io", None),
        // Whom no identity provider has made is known by a name or an address alone only if that is allowed, whatever the
        // claim is called.
        (
            json!({"sub": "new", "preferred_username": "eve@x.io"}),
            "NameAlone eve@x.io",
            Some("eve by preferred_username"),
        ),
        (json!({"sub": "new", "preferred_username": "kim"}), "NameAlone kim", Some("kim by preferred_username")),
        (json!({"sub": "new", "email": "eve@mail.io"}), "NameAlone eve@x.io", Some("eve by email")),
        (json!({"sub": "new", "preferred_username": "may@x.io"}), "may by preferred_username", None),
        (json!({"sub": "new", "email": "may@mail.io"}), "may by email", None),
        // An externalId that is not confirmed is none.
        (json!({"email": "ada@mail.io"}), "OtherId ada@x.io", None),
        (json!({"sub": 1, "preferred_username": "ada@x.io"}), "OtherId ada@x.io", None),
        (json!({"email": "both@mail.io"}), "Ambiguous", None),
        (json!({"sub": "00u4", "preferred_username": "may@x.io"}), "Departed", None),
        (json!({"sub": "00u4", "preferred_username": "ada@x.io"}), "Departed", None),
        (json!({"sub": "00u4", "email": "both@mail.io"}), "Ambiguous", None),
        (json!({"email": "may@mail.io", "email_verified": true}), "may by email", None),
        (json!({"email": "may@mail.io", "email_verified": "true"}), "may by email", None),
        (json!({"email": "may@mail.io", "email_verified": false}), "NoClaim", None),
        (json!({"email": "may@mail.io", "email_verified": "false"}), "NoClaim", None),
        (json!({"email": "may@mail.io", "email_verified": 0}), "NoClaim", None),
        (json!({"email": "may@mail.io", "email_verified": null}), "NoClaim", None),
        (json!({"email": "may@mail.io", "email_verified": "yes"}), "NoClaim", None),
        (json!({"email": "may@mail.io", "email_verified": [true]}), "NoClaim", None),
        (json!({"sub": "new", "preferred_username": "may@x.io", "email_verified": false}), "Unknown", None),
        (
            json!({"sub": "new", "preferred_username": "kim", "email_verified": false}),
            "NameAlone kim",
            Some("kim by preferred_username"),
        ),
        (json!({"sub": "00u3"}), "Deactivated out@x.io", None),
        (json!({"preferred_username": "off@x.io"}), "Deactivated off@x.io", None),
        (json!({"sub": "00u4"}), "Departed", None),
        (json!({"preferred_username": "GONE@x.io"}), "Departed", None),
        (json!({"sub": "nobody"}), "Unknown", None),
        (json!({}), "NoClaim", None),
        (json!({"sub": "", "preferred_username": null, "email": ["ada@mail.io"]}), "NoClaim", None),
        (json!({"sub": {"a": 1}, "name": "ada@x.io"}), "NoClaim", None),
        (json!({"preferred_username": "ada@x.io\" or userName pr or userName eq \""}), "Unknown", None),
        (json!({"preferred_username": "ada@x.io\u{0}"}), "Unknown", None),
        (json!({"preferred_username": "x".repeat(2000)}), "NoClaim", None),
    ] {
        assert_eq!(said(house.met(&usual, claims.clone())), expected, "{claims}");
        assert_eq!(
            said(house.met(&allows, claims.clone())),
            allowed.unwrap_or(expected),
            "{claims}, addresses allowed"
        );
    }
}

/// The directory keeps names apart by folding; who somebody is goes by the letters.
#[test]
fn letter_case_is_all_that_does_not_count() {
    let house = House::new();
    house.add(("steve", "steve.boss@x.io", None, &["steve.boss@mail.io"]), "token:okta");
    house.add(("kate", "kate\u{e9}@x.io", None, &["kat\u{dc}@mail.io"]), "token:okta");
    house.add(("jurg", "Stra\u{df}e@x.io", None, &["\u{df}@mail.io"]), "token:okta");
    let rules = settings("preferred_username userName\nemail emails.value");
    for (name, expected) in [
        ("STEVE.BOSS@X.IO", "steve by"),
        ("\u{17f}teve.boss@x.io", "Unknown"),
        ("steve.bo\u{df}@x.io", "Unknown"),
        ("steve.boss\u{200b}@x.io", "Unknown"),
        ("KATE\u{c9}@x.io", "kate by"),
        ("\u{212a}ATE\u{c9}@x.io", "Unknown"),
        ("STRA\u{df}E@x.io", "jurg by"),
        ("STRA\u{1e9e}E@x.io", "jurg by"),
        ("strasse@x.io", "Unknown"),
    ] {
        let met = said(house.met(&rules, json!({"preferred_username": name})));
        assert!(met.starts_with(expected), "{name}: {met}");
    }
    for (address, expected) in [
        ("Steve.Boss@Mail.io", "steve by"),
        ("steve.bo\u{df}@mail.io", "Unknown"),
        ("steve.boss@ma\u{131}l.io", "Unknown"),
        ("KAT\u{fc}@mail.io", "kate by"),
        ("\u{212a}at\u{fc}@mail.io", "Unknown"),
        ("ss@mail.io", "Unknown"),
    ] {
        let met = said(house.met(&rules, json!({"email": address, "email_verified": true})));
        assert!(met.starts_with(expected), "{address}: {met}");
    }
}

/// The one who left does not get in as the next one with the name, however that one came.
#[test]
fn a_name_that_has_passed_on_is_not_the_old_holders() {
    let rules = settings("sub externalId\npreferred_username userName");
    let allows = Settings { allow_email: true, ..rules.clone() };
    for by in ["token:okta", "command:person create"] {
        let house = House::new();
        house.add(("old", "kim@x.io", Some("e1"), &[]), "token:okta");
        house
            .write(|writer, site| {
                let caller = Caller::local("test", "");
                act(writer, (site, &caller), local::Kind::Person, |w, ask| remove(w, ask, "old"))
            })
            .unwrap();
        assert_eq!(said(house.met(&rules, json!({"sub": "e1"}))), "Departed");
        house.add(("new", "kim@x.io", None, &[]), by);
        for settings in [&rules, &allows] {
            for claims in [json!({"sub": "e1"}), json!({"sub": "e1", "preferred_username": "KIM@x.io"})] {
                assert_eq!(said(house.met(settings, claims.clone())), "Departed", "{claims} {by}");
            }
        }
        assert_eq!(
            said(house.met(&allows, json!({"sub": "e2", "preferred_username": "kim@x.io"}))),
            "new by preferred_username"
        );
        // Who came back by the same externalId is that one.
        house.add(("again", "kim2@x.io", Some("e1"), &[]), by);
        assert_eq!(said(house.met(&rules, json!({"sub": "e1", "preferred_username": "kim@x.io"}))), "again by sub");
    }
}

#[test]
fn a_test_counts_for_what_was_tested_and_changes_end_sessions() {
    let house = House::new();
    let first = Settings { issuer: "https://x".to_owned(), client_id: "a".to_owned(), ..settings("sub externalId") };
    let good = Tested { at: 1, by: "admin:ada".to_owned(), good: true, result: String::new() };
    house
        .write(move |writer, _| {
            assert!(matches!(switch_on(writer, "test"), Err(Refusal::Conflict(_))), "nothing is set up");
            save(writer, first.clone(), "test")?;
            assert!(matches!(switch_on(writer, "test"), Err(Refusal::Conflict(_))), "nothing is tested");
            let other = Settings { client_id: "b".to_owned(), ..first.clone() };
            assert!(!note_test(writer, &other, good.clone())?, "something else was tested");
            assert!(note_test(writer, &first, Tested { good: false, ..good.clone() })?);
            assert!(matches!(switch_on(writer, "test"), Err(Refusal::Conflict(_))), "the test was not good");
            assert!(note_test(writer, &first, good.clone())?);
            assert!(switch_on(writer, "test")? && !switch_on(writer, "test")?);
            // What the test does not go by leaves it as it was.
            save(writer, Settings { break_glass: true, tested: None, ..first.clone() }, "test")?;
            assert!(state(writer)?.settings.unwrap().is_tested());
            for changed in [
                Settings { secret: Some("00".to_owned()), ..first.clone() },
                Settings { scopes: vec!["email".to_owned()], ..first.clone() },
                Settings { issuer: "https://y".to_owned(), ..first.clone() },
                Settings { allow_email: true, ..first.clone() },
                Settings { client_id: "b".to_owned(), ..first.clone() },
                Settings { rules: Rule::read("oid externalId").unwrap(), ..first.clone() },
            ] {
                save(writer, first.clone(), "test")?;
                note_test(writer, &first, good.clone())?;
                switch_on(writer, "test")?;
                assert!(state(writer)?.is_on());
                save(writer, Settings { tested: Some(good.clone()), ..changed }, "test")?;
                let now = state(writer)?;
                assert!(!now.is_on() && !now.is_ready(), "nobody signs in by what was not tested");
                assert!(!now.settings.unwrap().is_tested(), "a test is nothing that is saved");
            }
            save(writer, first.clone(), "test")?;
            note_test(writer, &first, good.clone())?;
            switch_on(writer, "test")?;
            note_test(writer, &first, Tested { good: false, ..good.clone() })?;
            assert!(state(writer)?.is_on() && !state(writer)?.is_ready(), "on, and the last test was not good");
            assert!(switch_off(writer, "test")? && !switch_off(writer, "test")?);
            writer.set_setting("sso", "{broken")?;
            let broken = State { unreadable: true, ..State::default() };
            assert_eq!(state(writer)?, broken, "what cannot be read keeps people out");
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_secret_is_sealed_for_its_provider_and_client() {
    let key = Key::generate().unwrap();
    let mut there = Settings { issuer: "https://x/".to_owned(), client_id: "a".to_owned(), ..Settings::default() };
    assert_eq!(open_secret(&key, &there), None);
    there.secret = Some(seal_secret(&key, &there, "s3cret").unwrap());
    let opened = |settings: &Settings| open_secret(&key, settings);
    assert_eq!(opened(&there).as_deref(), Some("s3cret"));
    assert!(opened(&Settings { issuer: "https://x".to_owned(), ..there.clone() }).is_some(), "the provider's spelling");
    for (issuer, client_id) in [("https://y/", "a"), ("https://x/", "b"), ("https://x/\na", ""), ("https://x", "/ a")] {
        let moved = Settings { issuer: issuer.to_owned(), client_id: client_id.to_owned(), ..there.clone() };
        assert_eq!(opened(&moved), None, "{issuer} {client_id}");
    }
    let old = HEXLOWER.encode(&key.seal("single sign-on client secret", b"s3cret").unwrap());
    assert_eq!(opened(&Settings { secret: Some(old), ..there }), None, "it has to be entered again");
}

const NAMES: [&str; 4] = ["ann", "ANN", "b@a", "straße"];
const VALUES: [&str; 6] = ["ann", "ANN", "b@a", "STRASSE", "1", "2"];
const IDS: [&str; 4] = ["p0", "p1", "p2", "p3"];

/// Somebody of the property: externalId, addresses, whether an identity provider has made the person.
type Made = (Option<usize>, Vec<usize>, bool);

fn plainly_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase() && one.is_ascii() == other.is_ascii()
}

/// The same question answered by going through everybody, word for word as the documentation has it.
fn plainly(people: &[(usize, Made)], settings: &Settings, claims: &Map<String, Value>) -> String {
    let value = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let mut asked = false;
    for rule in &settings.rules {
        let Some(wanted) = value(&rule.claim) else { continue };
        let unverified = claims.get("email_verified") == Some(&Value::Bool(false));
        if (rule.claim == "email" || wanted.contains('@')) && unverified {
            continue;
        }
        asked = true;
        let fits = |(name, (external, emails, _)): &&(usize, Made)| match rule.attribute {
            Attribute::UserName => plainly_same(NAMES[*name], wanted),
            Attribute::ExternalId => external.is_some_and(|e| VALUES[e] == wanted),
            Attribute::Email => emails.iter().any(|e| plainly_same(VALUES[*e], wanted)),
        };
        let found: Vec<_> = people.iter().filter(fits).collect();
        match found.as_slice() {
            [] => {}
            [(name, (external, _, provided))] => {
                let by_id = |r: &&Rule| r.attribute == Attribute::ExternalId;
                let counts = |r: &&Rule, v: &str| {
                    (r.claim != "email" && !v.contains('@'))
                        || claims.get("email_verified") != Some(&Value::Bool(false))
                };
                let confirmed = external.is_none_or(|e| {
                    let ids = settings.rules.iter().filter(by_id);
                    ids.clone().count() == 0
                        || ids.clone().any(|r| value(&r.claim).is_some_and(|v| v == VALUES[e] && counts(&r, v)))
                });
                if rule.attribute != Attribute::ExternalId && !confirmed {
                    return format!("OtherId {}", NAMES[*name]);
                }
                let weak = rule.claim == "email" || rule.attribute != Attribute::ExternalId;
                if weak && !settings.allow_email && !provided && external.is_none() {
                    return format!("NameAlone {}", NAMES[*name]);
                }
                return format!("{} by {}", IDS[*name], rule.claim);
            }
            _ => return "Ambiguous".to_owned(),
        }
    }
    if asked { "Unknown" } else { "NoClaim" }.to_owned()
}

#[test]
fn the_indexes_and_a_search_through_everybody_find_the_same() {
    let person = || (proptest::option::of(0..6usize), proptest::collection::vec(0..6usize, 1..4), any::<bool>());
    let rule = || (0..3usize, 0..3usize);
    let claim = || proptest::option::weighted(0.8, 0..6usize);
    let cases = (
        proptest::collection::btree_map(prop_oneof![Just(0usize), Just(2), Just(3)], person(), 2..4),
        proptest::collection::vec(rule(), 1..4),
        (claim(), claim(), claim(), proptest::option::weighted(0.3, any::<bool>()), proptest::bool::weighted(0.3)),
    );
    let house = House::new();
    let outcomes = std::cell::RefCell::new(std::collections::BTreeMap::<String, u32>::new());
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    runner
        .run(&cases, |(people, rules, (sub, email, name, verified, allow_email))| {
            let names = ["sub", "email", "preferred_username"];
            let rules = rules.iter().map(|(c, a)| Rule { claim: names[*c].to_owned(), attribute: Attribute::ALL[*a] });
            let settings = Settings { rules: rules.collect(), allow_email, ..Settings::default() };
            let mut claims = Map::new();
            for (claim, value) in names.iter().zip([sub, email, name]) {
                if let Some(value) = value {
                    claims.insert((*claim).to_owned(), VALUES[value].into());
                }
            }
            if let Some(verified) = verified {
                claims.insert("email_verified".to_owned(), verified.into());
            }
            let all: Vec<(usize, Made)> = people.into_iter().collect();
            let expected = plainly(&all, &settings, &claims);
            let (made, asked, said_of) = (all.clone(), settings.clone(), claims.clone());
            // Nothing of a case is left for the next one: the job refuses, and so undoes what it has made.
            let undone = house.write(move |writer, site| {
                for (at, (external, emails, provided)) in &made {
                    let emails: Vec<&'static str> = emails.iter().map(|e| VALUES[*e]).collect();
                    let by = if *provided { "token:okta" } else { "command:person create" };
                    add(writer, site, (IDS[*at], NAMES[*at], external.map(|e| VALUES[e]), &emails), by)?;
                }
                Err::<(), _>(Refusal::Conflict(said(meet(writer, site, &asked, &said_of)?)))
            });
            let Err(Refusal::Conflict(met)) = undone else { panic!("{undone:?}") };
            let kind = if met.contains(" by ") { "in" } else { met.split(' ').next().unwrap_or_default() };
            *outcomes.borrow_mut().entry(kind.to_owned()).or_default() += 1;
            prop_assert_eq!(met, expected, "{:?} {:?} {:?}", all, settings.rules, claims);
            Ok(())
        })
        .unwrap();
    for kind in ["in", "Unknown", "Ambiguous", "OtherId", "NameAlone", "NoClaim"] {
        assert!(outcomes.borrow().contains_key(kind), "{kind} never came: {:?}", outcomes.borrow());
    }
}
