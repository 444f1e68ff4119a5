//! A JSON tree that keeps the order of names, refuses what is ambiguous, and is bounded in depth and length.
//!
//! `serde_json::Value` sorts names and lets the last of two equal names win; here a name that stands twice in one
//! object is an error, since the two halves of a system could otherwise read different requests (RFC 8259 §4).

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Number;

use super::fault::{Fault, Kind};

/// Objects and arrays inside each other, at most. Below serde_json's own limit of 128.
pub const MAX_DEPTH: usize = 64;
/// Values of one text, at most: a member of a group has four or five.
pub const MAX_VALUES: usize = 1_000_000;
/// Names of one object, at most.
pub const MAX_NAMES: usize = 1000;
/// Bytes of one string, at most.
pub const MAX_STRING: usize = 64 * 1024;

/// Any JSON value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Json {
    /// `null`: in SCIM the same as an attribute that is not there (RFC 7643 §2.5).
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

/// The names and values of a JSON object, in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object(Vec<(String, Json)>);

impl Json {
    /// Reads a JSON text in UTF-8. A byte order mark at its start is passed over (RFC 8259 §8.1 allows that).
    ///
    /// Errors: [`Kind::InvalidSyntax`] for what is not JSON, for a name that stands twice in an object, nesting deeper
    /// than [`MAX_DEPTH`], and strings that are longer than [`MAX_STRING`] or hold a NUL.
    pub fn parse(text: &[u8]) -> Result<Json, Fault> {
        Json::read(text, false)
    }

    /// Reads the body of a request: the same, and a name that stands twice in one object in different letter case is an
    /// error too. Names are found in any letter case (RFC 7643 §2.1), so one of the two would be passed over.
    pub fn request(text: &[u8]) -> Result<Json, Fault> {
        Json::read(text, true)
    }

    fn read(text: &[u8], any_case: bool) -> Result<Json, Fault> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let syntax = |why: String| Fault::new(Kind::InvalidSyntax, "", why);
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err(syntax("the request needs a JSON body, and has none".into()));
        }
        let text = std::str::from_utf8(text).map_err(|e| syntax(format!("the body is not UTF-8: {e}")))?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let bounds = Bounds { values: Cell::new(MAX_VALUES), any_case };
        let tree = Seed(0, &bounds)
            .deserialize(&mut reader)
            .map_err(|e| syntax(format!("the body is not acceptable JSON: {e}")))?;
        reader.end().map_err(|e| syntax(format!("the body is not acceptable JSON: {e}")))?;
        Ok(tree)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(s) => Some(s),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Json::Object(o) => Some(o),
            _ => None,
        }
    }

    /// The elements of an array; a single value stands for itself; null has none.
    pub fn elements(&self) -> &[Json] {
        match self {
            Json::Array(a) => a,
            Json::Null => &[],
            one => std::slice::from_ref(one),
        }
    }

    /// True for what RFC 7643 §2.5 calls unassigned: null and the empty array.
    pub fn is_unassigned(&self) -> bool {
        match self {
            Json::Null => true,
            Json::Array(a) => a.is_empty(),
            _ => false,
        }
    }

    /// What kind of value it is, in words for a message.
    pub fn what(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }

    /// The compact JSON text.
    pub fn text(&self) -> String {
        // Strings, numbers and string keys cannot fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl From<&str> for Json {
    fn from(s: &str) -> Json {
        Json::String(s.to_owned())
    }
}

impl From<String> for Json {
    fn from(s: String) -> Json {
        Json::String(s)
    }
}

impl From<bool> for Json {
    fn from(b: bool) -> Json {
        Json::Bool(b)
    }
}

impl From<Object> for Json {
    fn from(o: Object) -> Json {
        Json::Object(o)
    }
}

impl From<u64> for Json {
    fn from(n: u64) -> Json {
        Json::Number(n.into())
    }
}

impl Object {
    /// An empty object.
    pub fn new() -> Object {
        Object(Vec::new())
    }

    /// The value under exactly this name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The value under exactly this name, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        self.0.iter_mut().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The value under this name in any letter case (attribute names: RFC 7643 §2.1).
    pub fn find(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    /// Takes out the value under this name in any letter case.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        let place = self.0.iter().position(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(self.0.remove(place).1)
    }

    /// Puts a value under a name: in the place of the one that is there, or at the end.
    pub fn set(&mut self, name: &str, value: impl Into<Json>) {
        match self.get_mut(name) {
            Some(there) => *there = value.into(),
            None => self.push(name, value),
        }
    }

    /// Appends a name that is known not to be there yet.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Json>) {
        self.0.push((name.into(), value.into()));
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v))
    }

    /// Names and values in order, the values to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Json)> {
        self.0.iter_mut().map(|(n, v)| (n.as_str(), v))
    }

    /// Keeps what the test says.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Json) -> bool) {
        self.0.retain_mut(|(n, v)| keep(n, v));
    }

    /// The compact JSON text.
    pub fn text(&self) -> String {
        // Strings, numbers and string keys cannot fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A name that stands twice, if one does. A key that is a path with a filter in it is no name: the letter case of
    /// the values in there may matter.
    fn repeated(&self, any_case: bool) -> Option<&str> {
        let key = |name: &str| match any_case && !name.contains('[') {
            true => name.to_ascii_lowercase(),
            false => name.to_owned(),
        };
        // A member of a group has two names, and there are many of them.
        const FEW: usize = 8;
        if let Some(names) = Some(&self.0).filter(|names| names.len() <= FEW) {
            let is_same = |a: &str, b: &str| a == b || (any_case && a.eq_ignore_ascii_case(b) && !a.contains('['));
            let twice = |i: usize, name: &str| names.iter().take(i).any(|(n, _)| is_same(n, name));
            return names.iter().enumerate().find(|(i, (n, _))| twice(*i, n)).map(|(_, (n, _))| n.as_str());
        }
        let mut names: Vec<(String, &str)> = self.0.iter().map(|(n, _)| (key(n), n.as_str())).collect();
        names.sort_unstable();
        names.windows(2).find_map(|pair| match pair {
            [a, b] if a.0 == b.0 => Some(b.1),
            _ => None,
        })
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the names in the order that `rank` gives them; equal ranks keep theirs.
    pub fn sort_by_rank(&mut self, rank: impl Fn(&str) -> usize) {
        self.0.sort_by_key(|(n, _)| rank(n));
    }
}

impl IntoIterator for Object {
    type Item = (String, Json);
    type IntoIter = std::vec::IntoIter<(String, Json)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, Json)> for Object {
    fn from_iter<T: IntoIterator<Item = (String, Json)>>(pairs: T) -> Object {
        Object(pairs.into_iter().collect())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => to.serialize_unit(),
            Json::Bool(b) => to.serialize_bool(*b),
            Json::Number(n) => n.serialize(to),
            Json::String(s) => to.serialize_str(s),
            Json::Array(a) => {
                let mut seq = to.serialize_seq(Some(a.len()))?;
                for e in a {
                    seq.serialize_element(e)?;
                }
                seq.end()
            }
            Json::Object(o) => o.serialize(to),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (n, v) in &self.0 {
            map.serialize_entry(n, v)?;
        }
        map.end()
    }
}

/// What holds for a whole text.
struct Bounds {
    /// Values that it may still hold.
    values: Cell<usize>,
    /// Names are the same in any letter case.
    any_case: bool,
}

/// Reads one value at a depth, and counts it against what a whole text may hold.
struct Seed<'b>(usize, &'b Bounds);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        match self.1.values.get().checked_sub(1) {
            Some(left) => self.1.values.set(left),
            None => return Err(de::Error::custom(format_args!("it holds more than {MAX_VALUES} values"))),
        }
        from.deserialize_any(self)
    }
}

fn bounded<E: de::Error>(s: &str) -> Result<(), E> {
    if s.len() > MAX_STRING {
        return Err(E::custom(format_args!("a string is longer than {MAX_STRING} bytes")));
    }
    if s.contains('\0') {
        return Err(E::custom("a string holds the character NUL"));
    }
    Ok(())
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Json, E> {
        Ok(Json::Bool(b))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Json, E> {
        Ok(Json::Number(n.into()))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Json, E> {
        Ok(Json::Number(n.into()))
    }
    fn visit_f64<E: de::Error>(self, n: f64) -> Result<Json, E> {
        Number::from_f64(n).map(Json::Number).ok_or_else(|| E::custom("a number is out of range"))
    }
    fn visit_str<E: de::Error>(self, s: &str) -> Result<Json, E> {
        bounded(s)?;
        Ok(Json::String(s.to_owned()))
    }
    fn visit_string<E: de::Error>(self, s: String) -> Result<Json, E> {
        bounded(&s)?;
        Ok(Json::String(s))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(e) = from.next_element_seed(Seed(inner, self.1))? {
            array.push(e);
        }
        Ok(Json::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut object = Object::new();
        while let Some(name) = from.next_key::<String>()? {
            bounded(&name)?;
            if object.len() >= MAX_NAMES {
                return Err(de::Error::custom(format_args!("an object has more than {MAX_NAMES} names")));
            }
            let value = from.next_value_seed(Seed(inner, self.1))?;
            object.push(name, value);
        }
        match object.repeated(self.1.any_case) {
            Some(name) => Err(de::Error::custom(format_args!("the name {name:?} stands twice in one object"))),
            None => Ok(Json::Object(object)),
        }
    }
}

impl Seed<'_> {
    fn deeper<E: de::Error>(&self) -> Result<usize, E> {
        if self.0 >= MAX_DEPTH {
            return Err(E::custom(format_args!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_values_survive() {
        let text = r#"{"b":[1,-2,3.5,"x",null,true],"a":{"z":{},"y":""}}"#;
        assert_eq!(Json::parse(text.as_bytes()).unwrap().text(), text);
    }

    #[test]
    fn a_number_that_was_read_once_stays_as_it_is() {
        // The nearest double; one that is read loosely moves at every reading.
        let once = Json::parse(b"[420000000000500400000000000]").unwrap().text();
        assert_eq!(once, "[4.200000000005004e+26]");
        assert_eq!(Json::parse(once.as_bytes()).unwrap().text(), once);
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        assert!(Json::parse(br#"{"a":1,"a":2}"#).unwrap_err().why.contains("twice"));
    }

    #[test]
    fn a_request_has_each_name_once_in_whatever_letters() {
        let many = |last: &str| {
            let names: Vec<String> = (0..20).map(|i| format!("\"n{i}\":1")).collect();
            format!("{{{},{last}:2}}", names.join(","))
        };
        for twice in [r#"{"a":[{"op":1,"OP":2}]}"#.to_owned(), many("\"N7\"")] {
            assert!(Json::request(twice.as_bytes()).unwrap_err().why.contains("twice"), "{twice}");
            assert!(Json::parse(twice.as_bytes()).is_ok(), "what was stored under other definitions stays readable");
        }
        for once in [many("\"m\""), r#"{"x[value eq \"a\"].y":1,"x[value eq \"A\"].y":2}"#.to_owned()] {
            assert!(Json::request(once.as_bytes()).is_ok(), "{once}");
        }
        assert!(Json::request(many("\"n7\"").as_bytes()).is_err());
    }

    #[test]
    fn depth_is_bounded_at_the_limit() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(Json::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(Json::parse(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(Json::parse("[".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn nul_lone_surrogates_and_huge_numbers_are_refused_and_a_byte_order_mark_is_not() {
        for bad in [&br#""a\u0000b""#[..], br#""\ud800""#, b"1e999", b"\"\xff\"", b"", b" ", b"{} x"] {
            assert_eq!(Json::parse(bad).unwrap_err().kind, Kind::InvalidSyntax, "{bad:?}");
        }
        assert!(Json::parse(b"\xef\xbb\xbf{}").is_ok());
    }
}
