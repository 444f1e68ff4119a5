//! The text of a request: names filled in, the last answer sent back.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use serde_json::Value;

use super::conversation::Line;
use super::expect::Path;

/// What is known by name.
pub type Names = HashMap<String, String>;

/// The last answer, changed by lines of `@set` and `@drop`.
pub fn echo(last: &str, edits: &[Line], names: &Names) -> Result<String, String> {
    let mut body: Value = serde_json::from_str(last).map_err(|_| "the last answer is no JSON to echo")?;
    for (at, line) in edits {
        let line = fill(line, names)?;
        let edit = match (line.strip_prefix("@set "), line.strip_prefix("@drop ")) {
            (Some(set), _) => Path::parse(set).and_then(|(path, rest)| {
                let value = rest.strip_prefix(" = ").ok_or("a = is missing")?;
                path.put(&mut body, Some(serde_json::from_str(value).map_err(|e| e.to_string())?))
            }),
            (_, Some(path)) => Path::parse(path).and_then(|(path, _)| path.put(&mut body, None)),
            _ => Err("@set or @drop is expected".into()),
        };
        edit.map_err(|why| format!("{at}: {why}"))?;
    }
    Ok(body.to_string())
}

/// Puts the values of names in the place of `{{name}}`.
pub fn fill(text: &str, names: &Names) -> Result<String, String> {
    let known = |name: &str| names.get(name).cloned().ok_or(format!("nothing is called {name}"));
    fill_with(text, |name| match name.split_once(' ') {
        Some(("$upper", name)) => known(name).map(|v| v.to_uppercase()),
        Some(("$json", name)) => known(name).map(|v| Value::from(v).to_string()),
        _ if name == "$random" => Ok(format!("{:016x}", RandomState::new().build_hasher().finish())),
        _ => known(name),
    })
}

/// The same with values from elsewhere.
pub fn fill_with(text: &str, value: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("{{") {
        let (name, tail) = tail.split_once("}}").ok_or("a }} is missing")?;
        filled.push_str(head);
        filled.push_str(&value(name)?);
        rest = tail;
    }
    Ok(filled + rest)
}

/// A target as clients send it: no blanks, nothing beyond ASCII. All else stays as it was written.
pub fn encoded(target: &str) -> String {
    let byte = |b: u8| {
        if b > b' ' && b < 0x7f { char::from(b).to_string() } else { format!("%{b:02X}") }
    };
    target.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::from([("who".to_owned(), "Ada".to_owned())])
    }

    #[test]
    fn an_echo_is_changed_line_by_line() {
        let edits = |lines: &[&str]| -> Vec<Line> { lines.iter().map(|l| (1, (*l).to_owned())).collect() };
        let echoed = |lines: &[&str]| echo("{\"a\":1,\"b\":{\"c\":2}}", &edits(lines), &names());
        assert_eq!(echoed(&[]).unwrap(), "{\"a\":1,\"b\":{\"c\":2}}");
        assert_eq!(echoed(&["@set $.b.c = \"{{who}}\"", "@drop $.a"]).unwrap(), "{\"b\":{\"c\":\"Ada\"}}");
        for bad in ["@set $.a 1", "@set a = 1", "@set $.a = x", "@drop $.d", "set $.a = 1", "@set $.a = \"{{whom}}\""] {
            assert!(echoed(&[bad]).is_err(), "{bad}");
        }
        assert!(echo("", &[], &names()).is_err());
    }

    #[test]
    fn names_are_filled_in() {
        assert_eq!(fill("a{{who}}b{{$upper who}}c{{$json who}}", &names()).unwrap(), "aAdabADAc\"Ada\"");
        assert_ne!(fill("{{$random}}", &names()).unwrap(), fill("{{$random}}", &names()).unwrap());
        assert!(fill("{{whom}}", &names()).is_err() && fill("{{who", &names()).is_err());
        assert_eq!(encoded("/a b?c=\"%2B+é"), "/a%20b?c=\"%2B+%C3%A9");
    }
}
