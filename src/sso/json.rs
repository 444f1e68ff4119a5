//! JSON as it comes from a provider: an object, in which no name stands twice at any depth. Where one does, two readers may
//! see two different things, and one of them is us.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Errors: half a sentence, to stand behind what was read.
pub(super) fn object(text: &[u8]) -> Result<Map<String, Value>, &'static str> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err("is not a JSON object"),
        Err(e) if e.is_data() => Err("names something twice"),
        Err(_) => Err("is not JSON"),
    }
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Strict)? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict)?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_read_and_nothing_else_is() {
        let read = object(br#" {"a": [1, -2, 2.5, null, true, {"b": "\u00e9"}], "c": {}} "#).unwrap();
        assert_eq!(Value::Object(read), json!({"a": [1, -2, 2.5, null, true, {"b": "é"}], "c": {}}));
        for (text, why) in [
            (r#"{"a":1,"a":1}"#, "twice"),
            (r#"{"a":1,"\u0061":2}"#, "twice"),
            (r#"{"x":[{"y":{"b":1,"b":1}}]}"#, "twice"),
            ("[]", "not a JSON object"),
            ("\"x\"", "not a JSON object"),
            ("", "not JSON"),
            ("{} {}", "not JSON"),
            ("{\"a\":1,}", "not JSON"),
            ("{\"a\":NaN}", "not JSON"),
            ("<html>", "not JSON"),
        ] {
            assert!(object(text.as_bytes()).unwrap_err().contains(why), "{text}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(object(deep.as_bytes()).is_err());
    }

    proptest! {
        /// What names nothing twice is read as everybody reads it.
        #[test]
        fn it_agrees_with_the_plain_reader(names in prop::collection::btree_set(".{0,6}", 0..6), number: f64, whole: i64) {
            let members: Map<String, Value> =
                names.into_iter().map(|name| (name.clone(), json!([name, number, whole, {"x": name}]))).collect();
            let text = serde_json::to_vec(&members).unwrap();
            prop_assert_eq!(object(&text).unwrap(), serde_json::from_slice::<Map<String, Value>>(&text).unwrap());
        }
    }
}
