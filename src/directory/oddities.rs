//! What an administrator should look at in a person or group (decision P7): characters that nobody sees, letters that look
//! like others, and an externalId that somebody else has too. Nothing of it is refused: it is the identity provider's to say.

use super::overview::entry;
use crate::scim::catalog::ResourceType;
use crate::scim::json::{Json, Object};
use crate::store::{Reader, Row, StoreError};

/// Others with the same externalId who are named, at most.
const NAMED: u64 = 5;

/// One of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oddity {
    /// This attribute has characters that take no room, or turn others around: their code points, each once.
    Unseen(&'static str, Vec<char>),
    /// A word of this attribute has letters of more than one alphabet, of those that look alike.
    Mixed(&'static str),
    /// These have the same externalId: ids and names.
    SameExternalId(Vec<(String, String)>),
}

/// Characters that take no room or change the direction: two names with them look the same.
pub fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The alphabets whose letters are taken for one another.
fn alphabet(c: char) -> Option<u8> {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => Some(0),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(1),
        '\u{400}'..='\u{52f}' => Some(2),
        _ => None,
    }
}

/// Has a word letters of two of them?
fn is_mixed(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let mut all = word.chars().filter_map(alphabet);
        all.next().is_some_and(|first| all.any(|other| other != first))
    })
}

/// What is odd about the names of a document.
fn of_names(document: &Object) -> Vec<Oddity> {
    let mut all = Vec::new();
    for name in ["userName", "displayName", "externalId"] {
        let Some(text) = document.get(name).and_then(Json::as_str) else { continue };
        let mut unseen: Vec<char> = text.chars().filter(|c| is_unseen(*c)).collect();
        unseen.sort_unstable();
        unseen.dedup();
        if !unseen.is_empty() {
            all.push(Oddity::Unseen(name, unseen));
        }
        if is_mixed(text) {
            all.push(Oddity::Mixed(name));
        }
    }
    all
}

/// What is odd about somebody, or a group.
pub fn oddities(reader: &Reader<'_>, of: &ResourceType, row: &Row) -> Result<Vec<Oddity>, StoreError> {
    let document = row.document()?;
    let mut all = of_names(&document);
    let external_id = document.get("externalId").and_then(Json::as_str).filter(|e| !e.is_empty());
    if let Some(external_id) = external_id {
        let mut others = Vec::new();
        for other in reader.rows(&reader.keys_of_external_id(of, external_id, NAMED + 1)?)? {
            if other.pk != row.pk && (others.len() as u64) < NAMED {
                others.push((other.id.clone(), entry(&other)?.name));
            }
        }
        if !others.is_empty() {
            all.push(Oddity::SameExternalId(others));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_what_they_look_like_are_marked() {
        let odd = |name: &str| {
            let mut document = Object::new();
            document.push("userName", name);
            of_names(&document)
        };
        for plain in [
            "ada@example.com",
            "Jos\u{e9} \u{d1}",
            "\u{438}\u{432}\u{430}\u{43d} ada",
            "\u{3b1}\u{3b2}-ab",
            "\u{674e}\u{5c0f}a",
            "",
        ] {
            assert_eq!(odd(plain), [], "{plain}");
        }
        assert_eq!(odd("ki\u{200b}m\u{200b}\u{202e}"), [Oddity::Unseen("userName", vec!['\u{200b}', '\u{202e}'])]);
        // A Cyrillic a, and a Greek omicron.
        assert_eq!(odd("\u{430}da@example.com"), [Oddity::Mixed("userName")]);
        assert_eq!(odd("b\u{3bf}b"), [Oddity::Mixed("userName")]);
    }
}
