//! The guard, and forms that no page of ours has sent.

use super::super::browser::{OWN, encoded, hidden, text};
use super::super::{MINUTE, PASSWORD};
use super::{Office, is_to, rows};

#[test]
fn the_guard_ends_for_those_who_were_looked_at() {
    let mut office = Office::with("[guard]\npercent = 0\ncount = 3\n");
    let none = office.ada.page("/guard");
    assert!(text(&none).contains("The guard does not hold") && !none.contains("name=\"seen\""), "{none}");
    let ids: Vec<String> = (0..32).map(|i| office.person(&format!("p{i:02}@x.io"))).collect();
    ids[..30].iter().for_each(|id| office.activate(id, false));
    office.delete(&format!("/Users/{}", ids[0]));
    let overview = office.ada.page("/");
    assert!(overview.contains("href=\"/guard\"") && text(&overview).contains("30 people were deactivated or deleted"));
    let page = office.ada.page("/guard");
    let list = rows(&page);
    assert!(
        list.len() == 25 && list[0].starts_with("p29@x.io Deactivated") && text(&page).contains("1 to 25 of 30"),
        "{list:?}"
    );
    assert!(rows(&office.ada.page("/guard?offset=25"))[4].starts_with("p00@x.io Deleted"));
    is_to(&office.ada.get("/guard?offset=30"), "/guard");
    let seen = hidden(&page, "seen").unwrap();
    // Somebody else leaves meanwhile, and one comes back: nobody has looked at the one who left.
    office.activate(&ids[1], true);
    office.activate(&ids[30], false);
    let answer = office.ada.post("/guard", &[("seen", &seen)]);
    assert!(
        answer.status == 409 && text(&answer.body).contains("More people have left since you looked"),
        "{}",
        answer.body
    );
    assert_eq!(office.ada.post("/guard", &[]).status, 409, "who says nothing has seen nobody");
    assert_eq!(office.ada.post("/guard", &[("seen", "x")]).status, 409);
    let seen = hidden(&answer.body, "seen").unwrap();
    // It is a while since the sign-in: the password is asked for.
    office.house.execute(&format!("update session set authenticated = authenticated - {MINUTE} * 6"));
    let asked = office.ada.post("/guard", &[("seen", &seen)]);
    assert!(asked.status == 403 && asked.body.contains("confirm-password") && rows(&asked.body).len() == 25);
    assert_eq!(office.ada.post("/guard", &[("seen", &seen), ("confirm-password", "wrong wrong")]).status, 403);
    assert!(office.ada.page("/guard").contains("name=\"seen\""), "it holds");
    is_to(&office.ada.post("/guard", &[("seen", &seen), ("confirm-password", PASSWORD)]), "/");
    assert!(!office.ada.page("/").contains("href=\"/guard\""));
    let row = office
        .house
        .text("select actor || ' ' || after || ' ' || (request <> '') from change where op = 'guard.release'");
    assert_eq!(row, "admin:ada {\"left\":30} 1");
    // Sent twice: it has ended, as was wished.
    let again = office.ada.post("/guard", &[("seen", &seen)]);
    is_to(&again, "/");
    assert_eq!(office.house.number("select count(*) from change where op = 'guard.release'"), 1);
}

#[test]
fn no_form_about_leaving_is_believed_without_its_page() {
    let mut office = Office::with("[guard]\npercent = 0\ncount = 2\n");
    let [gone, off] = ["gone@x.io", "off@x.io"].map(|n| office.person(n));
    let group = office.group("Old", &[]);
    office.delete(&format!("/Users/{gone}"));
    office.delete(&format!("/Groups/{group}"));
    office.activate(&off, false);
    office.ada.page("/account");
    let forms = [
        (office.handover_of(&off), vec![("decision", "dismiss")]),
        (format!("/people/{gone}/restore"), Vec::new()),
        (format!("/groups/{group}/restore"), Vec::new()),
        ("/guard".to_owned(), vec![("seen", "9")]),
    ];
    let mut other = office.house.ada();
    other.page("/account");
    let before = office.house.contents();
    let check = |what: &str| assert_eq!(office.house.contents(), before, "{what}");
    for (path, fields) in &forms {
        let good = [&[("csrf", office.ada.csrf.as_str())], fields.as_slice()].concat();
        let tries = [
            (encoded(fields), OWN.to_vec()),
            (encoded(&[&[("csrf", other.csrf.as_str())], fields.as_slice()].concat()), OWN.to_vec()),
            (encoded(&good), vec![("Origin", "https://evil.example"), OWN[1]]),
            (encoded(&good), vec![OWN[1]]),
            (encoded(&good), vec![OWN[0], ("Content-Type", "text/plain")]),
        ];
        for (body, headers) in tries {
            let answer = office.ada.clone().send("POST", path, &headers, Some(&body));
            assert!(answer.status == 403 && answer.body.contains("This form has expired"), "{path}: {}", answer.status);
        }
        let query = format!("{path}?{}", encoded(&good));
        assert!(matches!(office.ada.clone().get(&query).status, 200), "a GET changes nothing");
        // Nobody is signed in, or no longer.
        let stranger = office.house.browser().send("POST", path, &OWN, Some(&encoded(&good)));
        is_to(&stranger, "/sign-in");
    }
    check("nothing was believed");
    let stale = office.ada.clone();
    office.ada.page("/account");
    is_to(&office.ada.post("/sign-out", &[]), "/sign-in");
    for (path, fields) in &forms {
        is_to(&stale.clone().post(path, fields), "/sign-in");
    }
    for page in ["/handovers", "/people/departed", "/groups/archived", "/guard"] {
        let asked = encoded(&[("to", page)]).replace("%2F", "/");
        is_to(&office.house.browser().get(page), &format!("/sign-in?{asked}"));
    }
    for (path, _) in &forms[..3] {
        is_to(&office.house.browser().get(path), "/sign-in");
    }
    assert_eq!(
        office.house.number("select count(*) from change where actor = 'admin:ada' and op <> 'admin.sign-in'"),
        0
    );
}
