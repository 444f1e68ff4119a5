//! Passwords: which are taken, how they are stored, and what an answer tells about names (items 19 to 21).

use std::time::Instant;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};

use super::browser::{set, text};
use super::{House, OTHER, PASSWORD};

#[test]
fn a_password_is_long_and_not_the_first_that_comes_to_mind() {
    let house = House::new();
    let mut ada = house.ada();
    let most: String = ('a'..='z').cycle().zip(('0'..='9').cycle()).flat_map(|(a, b)| [a, b]).take(128).collect();
    let longer = format!("{most}x");
    for (i, (password, good)) in [
        ("elevenchars", false),
        (longer.as_str(), false),
        ("password1234", false),
        ("Welcome2026!!", false),
        ("qwertyuiop12", false),
        ("scim-appliance-1", false),
        ("aaaaaaaaaaaa", false),
        ("person3-person3", false),
        ("kurzer Satz!", true),
        (most.as_str(), true),
        ("ещё один длинный пароль", true),
        ("    spaces  at both ends   ", true),
        ("no rules about kinds", true),
    ]
    .into_iter()
    .enumerate()
    {
        let name = if password.starts_with("person") { "person3".to_owned() } else { format!("admin{i}") };
        let answer = ada.fill("/admins", "/admins", &[("name", &name), ("new-password", password)]);
        assert_eq!(answer.status, if good { 303 } else { 422 }, "{password}: {}", text(&answer.body));
        let by_command = house.spoken(&["admin", "create", &format!("{name}b")], password);
        assert_eq!(by_command.status.success(), good || password.starts_with("person"), "{password}");
        if good {
            assert_eq!(house.browser().sign_in(&name, password).status, 303, "{password}");
            // Compared exactly and to the last character.
            let cut: String = password.chars().take(password.chars().count() - 1).collect();
            for near in [cut, format!("{password} "), password.to_uppercase() + "x"] {
                assert_eq!(house.browser().sign_in(&name, &near).status, 403, "{near}");
            }
        }
    }
    // Pasted or filled in by a program, and the field says what it is for.
    let page = ada.page("/admins");
    assert!(page.contains("autocomplete=\"new-password\"") && !page.contains("onpaste"));
    assert!(house.browser().page("/sign-in").contains("autocomplete=\"current-password\""));
}

#[test]
fn passwords_are_stored_as_argon2id_and_brought_up_to_date_at_sign_in() {
    let house = House::new();
    let stored = house.text("select password from admin");
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    // As a version with other parameters left it.
    let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
    let hash: argon2::password_hash::phc::PasswordHash = old.hash_password(PASSWORD.as_bytes()).unwrap();
    house.execute(&format!("update admin set password = '{hash}'"));
    assert_eq!(house.browser().sign_in("ada", OTHER).status, 403);
    assert_eq!(house.text("select password from admin"), hash.to_string(), "a wrong password changes nothing");
    let mut ada = house.ada();
    let new = house.text("select password from admin");
    assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && new != stored);
    assert!(ada.is_in() && house.ada().is_in());
    assert_eq!(house.text("select password from admin"), new, "once");
    house.is_nowhere(&[PASSWORD]);
}

/// The page with what differs of itself taken out: the name that was typed, and what the form carries.
fn told(house: &House, name: &str) -> (u16, String, Vec<String>) {
    let mut browser = house.browser();
    let answer = browser.sign_in(name, OTHER);
    let body = answer.body.replace(&browser.csrf, "CSRF").replace(&format!("value=\"{name}\""), "value=\"NAME\"");
    assert!(set(&answer).is_empty(), "{name}");
    (answer.status, body, answer.headers.iter().map(|(n, _)| n.clone()).collect())
}

#[test]
fn a_name_that_nobody_has_and_a_wrong_password_are_answered_alike() {
    let house = House::new();
    let (nobody, wrong) = (told(&house, "eve"), told(&house, "ada"));
    assert_eq!(nobody.0, 403);
    assert_eq!(nobody, wrong);
    assert!(text(&nobody.1).contains("The name or the password is wrong."));
    // The locks that follow are alike as well.
    for name in ["eve", "ada"] {
        let statuses: Vec<u16> = (0..12).map(|_| told(&house, name).0).collect();
        assert!(statuses[..4] == [403; 4] && statuses.contains(&429), "{name}: {statuses:?}");
    }
    assert!(!house.server().log().contains("eve"));
}

/// Both hash. Measured again and again until the middle times are of one order, which without the hashing they never are.
#[test]
fn a_name_that_nobody_has_takes_as_long_as_a_wrong_password() {
    let house = House::new();
    let mut i = 0;
    let mut once = |exists: bool| {
        i += 1;
        let name = if exists { "ada".to_owned() } else { format!("nobody{i}") };
        let mut browser = house.browser();
        browser.page("/sign-in");
        if exists {
            // Otherwise the lock would answer.
            house.execute("update admin set changed = changed + 1");
        }
        let since = Instant::now();
        assert_eq!(browser.post("/sign-in", &[("name", &name), ("password", OTHER)]).status, 403);
        since.elapsed().as_secs_f64()
    };
    let middle = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let mut seen = Vec::new();
    for _ in 0..8 {
        let (mut there, mut not) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            there.push(once(true));
            not.push(once(false));
        }
        let ratio = middle(there) / middle(not);
        if (0.5..2.0).contains(&ratio) {
            return;
        }
        seen.push(ratio);
    }
    panic!("the time tells which names there are: {seen:?}");
}

/// The field that holds a name is never a way to another page.
#[test]
fn after_signing_in_one_is_on_a_page_of_ours() {
    let house = House::new();
    for (to, location) in [
        ("/people", "/people"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/people/../x", "/"),
        ("/sign-out", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ] {
        let mut browser = house.browser();
        let page = browser.page(&format!("/sign-in?{}", super::browser::encoded(&[("to", to)])));
        assert!(page.contains(&format!("name=\"to\" value=\"{location}\"")), "{to}");
        let answer = browser.post("/sign-in", &[("name", "ada"), ("password", PASSWORD), ("to", to)]);
        assert_eq!((answer.status, answer.header("location")), (303, Some(location)), "{to}");
    }
}
