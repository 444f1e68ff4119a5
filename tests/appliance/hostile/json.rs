//! Bodies that are nested too deeply, and bodies that are hardly JSON.

use super::{Case, Site, Want};

const USER: &str = r#""schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]"#;
const DEPTHS: [usize; 7] = [63, 64, 65, 129, 1_000, 100_000, 1_000_000];

/// Nesting around every bound that a parser could have, up to what overflows a stack.
pub fn depth(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    let mine = format!("/scim/v2/Users/{}", site.user);
    let group = format!("/scim/v2/Groups/{}", site.group);
    for n in DEPTHS {
        let arrays = format!("{}{}", "[".repeat(n), "]".repeat(n));
        let objects = if n < 200_000 { format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n)) } else { "{\"".repeat(n) };
        // A depth that is allowed is an unknown attribute, which is passed over.
        let want = if n > 64 { Want::One(&[400]) } else { Want::Any };
        let mut add = |what: &str, want, method: &str, target: &str, body: String| {
            cases.push(site.case(format!("{what} {n} deep"), want, method, target, body.as_bytes()));
        };
        add("arrays", Want::One(&[400]), "POST", "/scim/v2/Users", arrays.clone());
        add("open arrays", Want::One(&[400]), "POST", "/scim/v2/Users", "[".repeat(n));
        add("objects", Want::One(&[400]), "POST", "/scim/v2/Groups", objects.clone());
        add("open objects", Want::One(&[400]), "POST", "/scim/v2/Groups", "{\"a\":".repeat(n.min(400_000)));
        add("mixed", Want::One(&[400]), "PUT", &mine, "[{\"a\":".repeat(n.min(300_000)));
        let title = format!(r#"{{{USER},"userName":"deep{n}@example.com","x":{arrays}}}"#);
        add("an attribute", want, "POST", "/scim/v2/Users", title);
        let value = format!(r#"{{"Operations":[{{"op":"add","path":"title","value":{arrays}}}]}}"#);
        add("the value of an operation", Want::One(&[400]), "PATCH", &mine, value);
        let value = format!(r#"{{"Operations":[{{"op":"replace","value":{objects}}}]}}"#);
        add("a value without path", want, "PATCH", &mine, value);
        let members = format!(r#"{{"Operations":[{{"op":"add","path":"members","value":{arrays}}}]}}"#);
        add("members", want, "PATCH", &group, members);
        let search = format!(r#"{{"filter":{arrays}}}"#);
        add("a search", Want::Refused, "POST", "/scim/v2/.search", search);
    }
    cases
}

/// What a lenient parser lets through and a strict one has to survive.
pub fn text(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |what: &str, want, body: &[u8]| {
        cases.push(site.case(what, want, "POST", "/scim/v2/Users", body));
    };
    let named = |inside: &str, rest: &str| format!(r#"{{{USER},"userName":"{inside}"{rest}}}"#).into_bytes();
    let joined = |a: &[u8], b: &[u8], c: &[u8]| [a, b, c].concat();

    add("a byte order mark", Want::One(&[201, 400]), &joined(b"\xef\xbb\xbf", &named("bom@example.com", ""), b""));
    add("two byte order marks", Want::One(&[400]), &joined(b"\xef\xbb\xbf\xef\xbb\xbf", &named("bom2", ""), b""));
    add("a byte order mark at the end", Want::One(&[400]), &joined(b"", &named("bom3", ""), b"\xef\xbb\xbf"));
    let wide: Vec<u8> = "\u{feff}{\"userName\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    add("UTF-16", Want::One(&[400]), &wide);
    for (what, bytes) in [
        ("a stray byte", &b"\xff"[..]),
        ("a stray continuation", b"\x80"),
        ("a cut sequence", b"\xc3"),
        ("a broken sequence", b"\xc3\x28"),
        ("an overlong slash", b"\xc0\xaf"),
        ("an overlong NUL", b"\xe0\x80\x80"),
        ("a surrogate in UTF-8", b"\xed\xa0\x80"),
        ("beyond Unicode", b"\xf4\x90\x80\x80"),
        ("a NUL byte", b"\0"),
        ("a bare newline", b"\n"),
        ("a bare escape", b"\x1b"),
    ] {
        let (head, tail) = (format!(r#"{{{USER},"userName":"a"#), r#"b"}"#);
        add(&format!("{what} in userName"), Want::One(&[400]), &joined(head.as_bytes(), bytes, tail.as_bytes()));
        let head = format!(r#"{{{USER},"userName":"ok@example.com","title":"a"#);
        add(&format!("{what} in title"), Want::One(&[400]), &joined(head.as_bytes(), bytes, tail.as_bytes()));
    }
    for escape in [
        r"\ud800",
        r"\udc00",
        r"\udc00\ud800",
        r"\ud800x",
        r"\ud800\u0041",
        r"\u12",
        r"\uzzzz",
        r"\x41",
        r"\'",
        r"\u0000",
        r"\",
    ] {
        add(&format!("the escape {escape} in userName"), Want::One(&[400]), &named(&format!("a{escape}b"), ""));
        let key = format!(r#"{{{USER},"userName":"k@example.com","k{escape}":1}}"#);
        add(&format!("the escape {escape} in a name"), Want::One(&[400]), key.as_bytes());
    }
    for body in [
        " ",
        "\t\r\n",
        "null",
        "true",
        "1",
        "-",
        "\"x\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{\"",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1}{}",
        "{\"a\":1} x",
        "{\"a\":1}//",
        "/**/{}",
        "{1:2}",
        "{null:1}",
        "[1,2",
        "{\"a\":undefined}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":-Infinity}",
        "{\"a\":+1}",
        "{\"a\":01}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":0x10}",
        "{\"a\":1e}",
        "{\"a\":--1}",
        "{\"a\":tru}",
        "{\"a\":\"",
        "{\"a\":1e999}",
        "{\"a\":-1e999}",
        "<user/>",
        "userName=x",
        "{}",
        "{\"\":1}",
        "{\"a\":\"b\"\"c\"}",
        "\u{feff}",
        "%7B%7D",
    ] {
        add(&format!("the body {body:?}"), Want::One(&[400]), body.as_bytes());
    }
    for rest in [
        r#","userName":"second@example.com""#,
        r#","title":"a","title":"b""#,
        r#","name":{"givenName":"a","givenName":"b"}"#,
        r#","emails":[{"value":"a@x.io","value":"b@x.io"}]"#,
        r#","active":true,"active":false"#,
        r#","schemas":[]"#,
    ] {
        add(&format!("a name twice: {rest}"), Want::One(&[400]), &named("twice@example.com", rest));
    }
    add("userName in two letter cases", Want::Any, &named("cases1@example.com", r#","USERNAME":"cases2@example.com""#));
    let many: String = (0..5000).map(|i| format!(",\"x{i}\":{i}")).collect();
    add("5000 unknown names", Want::Any, &named("many@example.com", &many));
    add("a name of 70 kB", Want::Any, &named("longname@example.com", &format!(",\"{}\":1", "n".repeat(70_000))));
    for number in [
        "1e999",
        "-1e999",
        "-0",
        "-0.0",
        "1e-999",
        "18446744073709551616",
        "9223372036854775808",
        "0.1e1",
        "1E400",
        "1e309",
    ] {
        for place in ["title", "active", "unknown"] {
            let rest = format!(",\"{place}\":{number}");
            add(&format!("{place} is {number}"), Want::Any, &named(&format!("n{number}{place}@example.com"), &rest));
        }
    }
    let long = format!(",\"unknown\":1{}", "0".repeat(400));
    add("a number of 401 digits", Want::Any, &named("digits@example.com", &long));
    add(
        "a number of 1 MB",
        Want::Any,
        &named("digits2@example.com", &format!(",\"active\":{}", "9".repeat(1_000_000))),
    );
    cases
}
