//! What a step of a conversation expects of an answer, one line each:
//!
//! ```text
//! $.userName == "Ada@x.io"          any JSON value; != for another one
//! $.emails[type=work].value exists  not absent, null or empty; the one element whose type is work
//! $ == {{ada}} but $.title, $.name  all else is as it was in a value with a name; these differ. `meta.lastModified` and
//!                                   `meta.version` move with every change and are not compared
//! $.members absent                  absent, null or empty, which are the same (RFC 7643 section 2.5); also `empty`
//! $.members size 2
//! $.members[*].value contains "u1"  one of them; a part of a text; an element with at least these attributes
//! $.members[*].value lacks "u1"     none of them, though there are others
//! $.totalResults is number          string, number, boolean, array, object
//! $["urn:x:User"].department == "R&D"
//! header Location contains "/Users/"
//! body empty
//! time < 600                        milliseconds
//! id := $.id                        gives a value a name, for {{id}} further down
//! name := "text"
//! ```

use serde_json::Value;

use super::http::Answer;

/// A path into JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Path(Vec<Segment>);

#[derive(Debug, Clone, PartialEq)]
enum Segment {
    Key(String),
    Index(usize),
    /// Every element.
    Each,
    /// The one element in which this attribute has this value.
    Where(String, String),
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq)]
enum Subject {
    Json(Path),
    Header(String),
    Body,
    Time,
    Text(String),
}

/// What is expected of it.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    Exists,
    Absent,
    Equal(Value),
    /// All but what these paths lead to.
    EqualBut(Value, Vec<Path>),
    Other(Value),
    Contains(Value),
    Lacks(Value),
    Size(usize),
    Is(String),
    Below(f64),
    /// Nothing: the value gets a name.
    Name(String),
}

/// One line of expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    subject: Subject,
    test: Test,
}

impl Path {
    /// Reads a path that begins with `$` and gives what stands behind it.
    pub fn parse(text: &str) -> Result<(Path, &str), String> {
        let mut rest = text.strip_prefix('$').ok_or("a path begins with $")?;
        let mut segments = Vec::new();
        loop {
            if let Some(behind) = rest.strip_prefix("[\"") {
                let (key, behind) = behind.split_once("\"]").ok_or("a \"] is missing")?;
                segments.push(Segment::Key(key.to_owned()));
                rest = behind;
            } else if let Some(behind) = rest.strip_prefix('[') {
                let (inside, behind) = behind.split_once(']').ok_or("a ] is missing")?;
                segments.push(match (inside, inside.split_once('=')) {
                    ("*", _) => Segment::Each,
                    (_, Some((name, value))) => Segment::Where(name.to_owned(), value.to_owned()),
                    (index, None) => Segment::Index(index.parse().map_err(|_| format!("[{index}] is no index"))?),
                });
                rest = behind;
            } else if let Some(behind) = rest.strip_prefix('.') {
                let end =
                    behind.find(|c: char| !c.is_ascii_alphanumeric() && !"$_-".contains(c)).unwrap_or(behind.len());
                let (key, behind) = behind.split_at(end);
                if key.is_empty() {
                    return Err("a name is missing behind the dot".into());
                }
                segments.push(Segment::Key(key.to_owned()));
                rest = behind;
            } else {
                return Ok((Path(segments), rest));
            }
        }
    }

    /// What the path leads to. Behind `[*]` it is an array of all that is found.
    fn find(&self, value: &Value) -> Result<Option<Value>, String> {
        let mut found = vec![value];
        let mut many = false;
        for segment in &self.0 {
            found = match segment {
                Segment::Key(key) => found.iter().filter_map(|v| v.get(key)).collect(),
                Segment::Index(index) => found.iter().filter_map(|v| v.get(index)).collect(),
                Segment::Each => {
                    many = true;
                    found.iter().filter_map(|v| v.as_array()).flatten().collect()
                }
                Segment::Where(name, wanted) => {
                    let is = |v: &&Value| match v.get(name) {
                        Some(Value::String(text)) => text == wanted,
                        Some(other) => other.to_string().as_str() == wanted,
                        None => false,
                    };
                    let passed: Vec<_> = found.iter().filter_map(|v| v.as_array()).flatten().filter(is).collect();
                    if passed.len() > 1 && !many {
                        return Err(format!("{} elements have {name}={wanted}", passed.len()));
                    }
                    passed
                }
            };
        }
        Ok(match many {
            true => Some(Value::Array(found.into_iter().cloned().collect())),
            false => found.first().map(|v| (*v).clone()),
        })
    }

    /// Puts a value where the path leads, or takes away what is there. Objects on the way are made.
    pub fn put(&self, into: &mut Value, value: Option<Value>) -> Result<(), String> {
        let Some((last, way)) = self.0.split_last() else {
            return Err("the whole body cannot be set".into());
        };
        let mut at = into;
        for segment in way {
            at = match segment {
                Segment::Key(key) if at.is_object() || at.is_null() => &mut at[key],
                Segment::Index(index) => at.get_mut(index).ok_or("there is no such element")?,
                _ => return Err("only names and indexes can be set".into()),
            };
        }
        match (last, value) {
            (Segment::Key(key), Some(value)) if at.is_object() || at.is_null() => at[key] = value,
            (Segment::Key(key), None) => {
                at.as_object_mut().and_then(|o| o.remove(key)).ok_or(format!("there is no {key} to drop"))?;
            }
            (Segment::Index(index), Some(value)) => *at.get_mut(index).ok_or("there is no such element")? = value,
            _ => return Err("only names and indexes can be set, only names dropped".into()),
        }
        Ok(())
    }
}

impl Check {
    /// Reads a line. A form that is not listed above is an error.
    pub fn parse(line: &str) -> Result<Check, String> {
        if let Some((name, source)) = line.split_once(" := ") {
            let known = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
            let (subject, rest) = subject(source)?;
            return match known && rest.is_empty() {
                true => Ok(Check { subject, test: Test::Name(name.to_owned()) }),
                false => Err("NAME := $.path, header NAME or \"text\" is expected".into()),
            };
        }
        let (subject, rest) = subject(line)?;
        let (verb, argument) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
        let json = || serde_json::from_str::<Value>(argument).map_err(|e| format!("{argument} is no JSON: {e}"));
        let test = match (verb, argument) {
            ("exists", "") => Test::Exists,
            ("absent" | "empty", "") => Test::Absent,
            ("==", _) => match argument.rsplit_once(" but $") {
                Some((value, paths)) => equal_but(value, &format!("${paths}"))?,
                None => Test::Equal(json()?),
            },
            ("!=", _) => Test::Other(json()?),
            ("contains", _) => Test::Contains(json()?),
            ("lacks", _) => Test::Lacks(json()?),
            ("size", _) => Test::Size(argument.parse().map_err(|_| format!("{argument} is no size"))?),
            ("is", "string" | "number" | "boolean" | "array" | "object") => Test::Is(argument.to_owned()),
            ("<", _) => Test::Below(argument.parse().map_err(|_| format!("{argument} is no number"))?),
            _ => return Err(format!("\"{}\" is no form of expectation", rest.trim_start())),
        };
        if matches!(subject, Subject::Text(_)) {
            return Err("a text is only good for a name".into());
        }
        Ok(Check { subject, test })
    }

    /// Looks at an answer that took so many milliseconds. Gives the name and the value of a `:=`.
    pub fn look(&self, answer: &Answer, milliseconds: u64) -> Result<Option<(String, Value)>, String> {
        let found = match &self.subject {
            Subject::Json(path) => {
                let body = serde_json::from_str(&answer.body).map_err(|_| "the body is no JSON")?;
                path.find(&body)?
            }
            Subject::Header(name) => answer.header(name).map(Value::from),
            Subject::Body => Some(Value::from(answer.body.as_str())),
            Subject::Time => Some(Value::from(milliseconds)),
            Subject::Text(text) => Some(Value::from(text.as_str())),
        };
        match (&self.test, found) {
            (Test::Absent, found) if found.as_ref().is_none_or(is_empty) => Ok(None),
            (_, None) => Err("it is absent".into()),
            (Test::Name(_), Some(value)) if is_empty(&value) => Err("it is empty".into()),
            (Test::Name(name), Some(value)) => Ok(Some((name.clone(), value))),
            (test, Some(value)) if test.passes(&value) => Ok(None),
            (_, Some(value)) => Err(format!("it is {value}")),
        }
    }
}

impl Test {
    fn passes(&self, value: &Value) -> bool {
        match self {
            Test::Exists => !is_empty(value),
            Test::Absent | Test::Name(_) => false,
            Test::Equal(wanted) => value == wanted,
            Test::EqualBut(wanted, paths) => equals_but(value, wanted, paths),
            Test::Other(wanted) => value != wanted,
            Test::Contains(wanted) => contains(value, wanted),
            Test::Lacks(wanted) => !is_empty(value) && !contains(value, wanted),
            Test::Size(size) => value.as_array().is_some_and(|a| a.len() == *size),
            Test::Is(kind) => match kind.as_str() {
                "string" => value.is_string(),
                "number" => value.is_number(),
                "boolean" => value.is_boolean(),
                "array" => value.is_array(),
                _ => value.is_object(),
            },
            Test::Below(limit) => value.as_f64().is_some_and(|n| n < *limit),
        }
    }
}

fn subject(text: &str) -> Result<(Subject, &str), String> {
    if text.starts_with('$') {
        return Path::parse(text).map(|(path, rest)| (Subject::Json(path), rest));
    }
    if text.starts_with('"') {
        return Ok((Subject::Text(serde_json::from_str(text).map_err(|e| e.to_string())?), ""));
    }
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "header" => {
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            Ok((Subject::Header(name.to_owned()), rest))
        }
        "body" => Ok((Subject::Body, rest)),
        "time" => Ok((Subject::Time, rest)),
        _ => Err(format!("\"{word}\" is neither a $path nor header, body, time")),
    }
}

fn equal_but(value: &str, paths: &str) -> Result<Test, String> {
    let value = serde_json::from_str(value).map_err(|e| format!("{value} is no JSON: {e}"))?;
    let path = |text: &str| match Path::parse(text)? {
        (path, "") => Ok(path),
        (_, rest) => Err(format!("\"{rest}\" is no part of a path")),
    };
    Ok(Test::EqualBut(value, paths.split(", ").map(path).collect::<Result<_, _>>()?))
}

fn equals_but(value: &Value, wanted: &Value, paths: &[Path]) -> bool {
    let (mut value, mut wanted) = (value.clone(), wanted.clone());
    let differ = |path: &Path| path.find(&value) != path.find(&wanted);
    if !paths.iter().all(differ) {
        return false;
    }
    let moves = ["$.meta.lastModified", "$.meta.version"].map(|p| Path::parse(p).unwrap().0);
    for path in paths.iter().chain(&moves) {
        // One of the two may lack it.
        let _ = (path.put(&mut value, None), path.put(&mut wanted, None));
    }
    value == wanted
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn contains(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Array(elements), _) => elements.iter().any(|e| has(e, wanted)),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

/// Equal, or an object with at least these members.
fn has(element: &Value, wanted: &Value) -> bool {
    match (element, wanted) {
        (Value::Object(element), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| element.get(name) == Some(value))
        }
        _ => element == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn looked(line: &str) -> Result<Option<(String, Value)>, String> {
        let body = json!({"id": "u1", "n": 2, "off": false, "none": null, "list": [], "text": "Ada L",
            "emails": [{"type": "work", "value": "a", "primary": true}, {"type": "home", "value": "b"}, {"type": "home", "value": "c"}],
            "urn:x:2.0:User": {"department": "R&D"}});
        let headers = vec![("Location".to_owned(), "http://h/Users/u1".to_owned())];
        let answer = Answer { status: 200, headers, body: body.to_string() };
        Check::parse(line).unwrap_or_else(|e| panic!("{line}: {e}")).look(&answer, 20)
    }

    #[test]
    fn every_form_can_pass_and_can_fail() {
        for (passes, fails) in [
            ("$.id exists", "$.list exists"),
            ("$.off exists", "$.none exists"),
            ("$.nothing absent", "$.off absent"),
            ("$.none absent", "$.id absent"),
            ("$.list empty", "$.emails empty"),
            ("$.n == 2", "$.n == \"2\""),
            ("$.off == false", "$.nothing == null"),
            ("$.off != true", "$.off != false"),
            (
                "$.emails[1] == {\"type\":\"home\",\"value\":\"x\"} but $.value",
                "$.emails[1] == {\"value\":\"x\"} but $.value",
            ),
            (
                "$.emails[1] == {\"value\":\"b\"} but $.type",
                "$.emails[1] == {\"type\":\"home\",\"value\":\"b\"} but $.type",
            ),
            ("$.id != \"u2\"", "$.nothing != 1"),
            ("$.text contains \"L\"", "$.text contains \"l\""),
            ("$.emails[*].value contains \"c\"", "$.emails[*].value contains \"d\""),
            (
                "$.emails contains {\"value\":\"a\",\"type\":\"work\"}",
                "$.emails contains {\"value\":\"a\",\"type\":\"home\"}",
            ),
            ("$.emails[*].value lacks \"d\"", "$.emails[*].value lacks \"a\""),
            ("$.text lacks \"x\"", "$.list lacks \"x\""),
            ("$.emails[*].primary size 1", "$.emails size 2"),
            ("$.emails[type=work].value == \"a\"", "$.emails[type=home].value == \"b\""),
            ("$.emails[primary=true].value exists", "$.emails[primary=false].value exists"),
            ("$.emails[2].value == \"c\"", "$.emails[3].value exists"),
            ("$[\"urn:x:2.0:User\"].department == \"R&D\"", "$[\"urn:x:2.0:User\"].division exists"),
            ("$.n is number", "$.text is number"),
            ("$.emails is array", "$.emails is object"),
            ("header location contains \"/Users/\"", "header Location == \"/Users/u1\""),
            ("header ETag absent", "header ETag exists"),
            ("body contains \"Ada\"", "body empty"),
            ("time < 21", "time < 20"),
        ] {
            assert_eq!(looked(passes), Ok(None), "{passes}");
            assert!(looked(fails).is_err(), "{fails}");
        }
    }

    #[test]
    fn names_are_given() {
        assert_eq!(looked("who := $.id"), Ok(Some(("who".into(), json!("u1")))));
        assert_eq!(looked("where := header Location"), Ok(Some(("where".into(), json!("http://h/Users/u1")))));
        assert_eq!(looked("what := \"a b\""), Ok(Some(("what".into(), json!("a b")))));
        assert!(looked("who := $.nothing").is_err() && looked("who := $.list").is_err());
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in [
            "",
            "id exists",
            "$.id",
            "$.id is",
            "$.id is text",
            "$.id exist",
            "$.id exists now",
            "$.id == u1",
            "$.id = \"u1\"",
            "$.a size x",
            "$.a == 1 but $.b c",
            "$.a == x but $.b",
            "$.[0] exists",
            "$.a[x] exists",
            "$.a[0 exists",
            "header",
            "header Location",
            "body",
            "status == 200",
            "\"a\" == \"a\"",
            "a b := $.id",
            ":= $.id",
            "id := ",
            "id := $.id exists",
            "id := id",
            "time < soon",
        ] {
            assert!(Check::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn places_are_set_and_dropped() {
        let mut body = json!({"a": {"b": 1}, "c": [1, 2], "d": 4});
        let mut put = |path: &str, value| Path::parse(path).unwrap().0.put(&mut body, value);
        put("$.a.b", Some(json!(2))).unwrap();
        put("$.c[1]", Some(json!(3))).unwrap();
        put("$.e.f", Some(json!(5))).unwrap();
        put("$.d", None).unwrap();
        assert!(
            put("$.d", None).is_err() && put("$", Some(json!(1))).is_err() && put("$.c[7]", Some(json!(1))).is_err()
        );
        assert!(put("$.c.x", Some(json!(1))).is_err() && put("$.c[*]", Some(json!(1))).is_err());
        assert_eq!(body, json!({"a": {"b": 2}, "c": [1, 3], "e": {"f": 5}}));
    }
}
