//! Files that nobody should have sent.

use super::{House, agreed, form, imported, people, place_of, sent, uploaded};
use crate::settings::browser::{tags, text};

#[test]
fn bounds_hold_by_command_and_by_page() {
    let house = House::with("[limits]\ncsv_bytes = 4096\ncsv_rows = 5\n");
    let mut ada = house.ada();
    let line = format!("userName\n{}\n", "x".repeat(5000));
    let (_, good, errors) = imported(&house.place, &line, &[]);
    assert!(!good && errors.contains("limits.csv_bytes"), "{errors}");
    let rows = "userName\n1\n2\n3\n4\n5\n6\n";
    let (_, good, errors) = imported(&house.place, rows, &[]);
    assert!(!good && errors.contains("6 rows"), "{errors}");
    assert_eq!(uploaded(&mut ada, rows).status, 422);
    assert_eq!(uploaded(&mut ada, &line).status, 422);
    // What no bound would hold is not even read.
    assert_eq!(uploaded(&mut ada, "x".repeat(200_000)).status, 413);
    // A second mark made the reader see other rows than those that were counted.
    let hidden = format!("\u{feff}\u{feff}\"\n\",userName\n{},\"", ",x\n".repeat(50));
    let (_, good, errors) = imported(&house.place, &hidden, &[]);
    assert!(!good && errors.contains("byte order mark"), "{errors}");
    assert_eq!(uploaded(&mut ada, &hidden).status, 422);
    assert_eq!(people(&house), 0);
}

#[test]
fn broken_files_are_refused_with_a_sentence_and_their_line() {
    let house = House::new();
    let mut ada = house.ada();
    let columns = format!("userName{}\nx\n", ",nickName".repeat(10_000));
    let wide: Vec<u8> = "userName\nx\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (file, says) in [
        (b"".to_vec(), "Choose a file that is not empty"),
        (b"\n\n".to_vec(), "The file is empty"),
        (wide, "CSV UTF-8"),
        (b"userName\nJos\xe9\n".to_vec(), "Line 2: The file is not in UTF-8"),
        (b"userName\nx\0y\n".to_vec(), "Line 2: There is a NUL character"),
        (b"userName,title\nx,\"y\nz,1\n".to_vec(), "Line 2: The quote that begins here is never closed"),
        (b"userName,title\nx,\"y\"z\n".to_vec(), "Line 2: A cell goes on behind its closing quote"),
        (columns.into_bytes(), "10001 columns"),
        (b"userName,<script>alert(1)</script>\nx,1\n".to_vec(), "There is no attribute '<script>alert(1)</script>'"),
        (b"userName,emails\nx,1\n".to_vec(), "such as emails.work"),
    ] {
        let answer = uploaded(&mut ada, &file);
        let seen = text(&answer.body);
        assert!(answer.status == 422 && seen.contains(says), "{says}: {} {seen}", answer.status);
        assert!(answer.body.contains("<title>Error: import people"), "{says}");
        assert!(!answer.body.contains("<script>alert"), "{says}");
    }
    assert_eq!(people(&house), 0);
}

#[test]
fn what_stands_in_cells_is_text() {
    let house = House::new();
    let mut ada = house.ada();
    let file = "\u{feff}userName;title\r\"<img src=x onerror=alert(1)>\";\"=cmd|' /C calc'!A0\"\rb;'=1\rc;\u{202e}x\r";
    let at = place_of(&uploaded(&mut ada, file));
    let page = ada.page(&at);
    assert!(tags(&page).iter().all(|t| t.get("onerror").is_none()) && !page.contains("<b>people"), "{page}");
    assert!(
        text(&page).contains("<img src=x onerror=alert(1)>") && text(&page).contains("<b>people</b>.csv"),
        "{page}"
    );
    assert_eq!(agreed(&mut ada, &at).status, 303);
    assert_eq!(people(&house), 3);
    assert_eq!(house.text("select json_extract(doc, '$.title') from resource where name_key = 'b'"), "=1");
    // Ragged rows: what is missing says nothing, and what is too much is refused.
    let at = place_of(&uploaded(&mut ada, "userName,title\nd\ne,1,2\n"));
    let page = text(&ada.page(&at));
    assert!(page.contains("1 error in the file") && page.contains("The row has 3 cells, and the header 2."), "{page}");
    assert_eq!(ada.post(&at, &[]).status, 303);
    assert_eq!(people(&house), 3, "what has errors is not imported, whatever is posted");
}

#[test]
fn only_a_form_of_our_own_page_is_read() {
    let house = House::new();
    let mut ada = house.ada();
    ada.page("/people/import");
    let csrf = ada.csrf.clone();
    let good = form(&csrf, b"userName\nx\n");
    let kind = format!("multipart/form-data; boundary={}", super::BOUNDARY);
    let own = [("Origin", "http://127.0.0.1"), ("Content-Type", kind.as_str())];
    for (status, headers, body) in [
        (403, vec![own[1]], good.clone()),
        (403, vec![("Origin", "http://evil.example"), own[1]], good.clone()),
        (403, vec![own[0], own[1], ("Sec-Fetch-Site", "cross-site")], good.clone()),
        (403, vec![("Origin", "http://evil.example"), ("Content-Type", "text/csv")], good.clone()),
        (403, own.to_vec(), form("", b"userName\nx\n")),
        (403, own.to_vec(), form(&"0".repeat(64), b"userName\nx\n")),
        // From a page of ours, and broken on its way: nothing that signing in again would mend.
        (400, vec![own[0], ("Content-Type", "text/csv")], good.clone()),
        (400, vec![own[0], ("Content-Type", "multipart/form-data")], good.clone()),
        (400, vec![own[0], ("Content-Type", "application/x-www-form-urlencoded")], format!("csrf={csrf}").into_bytes()),
        (400, own.to_vec(), b"--nothing".to_vec()),
        (400, own.to_vec(), good[..good.len() / 2].to_vec()),
    ] {
        let answer = sent(&mut ada, &headers, &body);
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.body);
        assert_eq!(status == 400, answer.body.contains("did not arrive as browsers send it"), "{}", answer.body);
    }
    // Nobody who is not signed in sends a file anywhere.
    let mut nobody = house.browser();
    let answer = sent(&mut nobody, &own, &good);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in?to=/people/import")));
    let answer = nobody.get("/people/export.csv");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")));
    assert_eq!(sent(&mut ada, &own, &good).status, 303);
    assert_eq!(people(&house), 0);
}

/// The schema of docs/roles.md has a `role` of its own, and two schemas may share a name.
#[test]
fn attributes_that_are_called_like_others_stop_nobody() {
    let schema = |id: &str, names: &[&str]| {
        let all: String = names.iter().map(|n| format!("[[schema.attribute]]\nname = \"{n}\"\n")).collect();
        format!("[[schema]]\nid = \"{id}\"\nextends = [\"User\"]\n{all}")
    };
    let own = "urn:example:scim:hyperproof:1.0:User";
    let config = format!(
        "[roles]\nattribute = \"{own}:role\"\n{}{}",
        schema(own, &["role", "badge", "source"]),
        schema("urn:example:b:1.0:User", &["badge"])
    );
    let house = House::with(&config);
    let mut ada = house.ada();
    let given = format!("userName,{own}:role,{own}:badge,{own}:source\nbob,USER,7,x\n");
    let (told, good, errors) = imported(&house.place, given, &[]);
    assert!(good && told["created"] == 1, "{errors}");
    let refused = uploaded(&mut ada, "userName,tittle\nbob,y\n");
    assert_eq!(refused.status, 422);
    assert!(text(&refused.body).contains("There is no attribute 'tittle'"), "{}", refused.body);
    let answer = ada.get("/people/export.csv");
    assert!(answer.status == 200 && answer.body.contains(&format!("{own}:role,")), "{}", answer.body);
    let (told, good, errors) = imported(&house.place, &answer.body, &[]);
    assert!(good && told["unchanged"] == 1, "{told} {errors}");
    assert!(answer.body.contains(&format!("{own}:source")), "{}", answer.body);
}
