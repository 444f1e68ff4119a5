//! A form as it came in: what was typed, and what is wrong with it.

use bytes::Bytes;

use crate::secret::same_digest;

/// Bytes of a form, at most.
pub const MOST: u64 = 64 << 10;
/// The same of somebody who is signed in.
pub const MOST_SIGNED: u64 = 2 << 20;

/// What was typed into the fields of a form, and the sentence beside each that is wrong. What was typed is kept, but for
/// passwords and codes, which no page shows.
#[derive(Debug, Clone, Default)]
pub struct Form {
    fields: Vec<(String, String)>,
    errors: Vec<(&'static str, String)>,
}

impl Form {
    /// The fields of a body that is `application/x-www-form-urlencoded`.
    pub fn read(body: &Bytes) -> Form {
        Form::of(form_urlencoded::parse(body).map(|(n, v)| (n.into_owned(), v.into_owned())))
    }

    /// A form with these in it.
    pub fn of(fields: impl Iterator<Item = (String, String)>) -> Form {
        Form { fields: fields.collect(), errors: Vec::new() }
    }

    /// What was typed into a field; nothing when there is no such field.
    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// All that was typed into the fields of a name, in the order of the form.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.fields.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Was a box ticked?
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(n, _)| n == name)
    }

    /// Puts a value into a field.
    pub fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(n, _)| n != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    /// Says what is wrong with a field; only the first thing counts.
    pub fn refuse(&mut self, name: &'static str, why: impl Into<String>) {
        if self.error(name).is_none() {
            self.errors.push((name, why.into()));
        }
    }

    /// What is wrong with a field.
    pub fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|(n, _)| *n == name).map(|(_, why)| why.as_str())
    }

    /// What is wrong, in the order in which it was found: the field, and the sentence.
    pub fn errors(&self) -> &[(&'static str, String)] {
        &self.errors
    }

    /// Is nothing wrong?
    pub fn is_good(&self) -> bool {
        self.errors.is_empty()
    }

    /// Is there nothing in it but what proves where it comes from, and who sends it?
    pub fn is_empty(&self) -> bool {
        self.fields.iter().all(|(n, _)| n == "csrf" || n.starts_with("confirm-"))
    }

    /// Bytes of all that was typed.
    pub fn length(&self) -> usize {
        self.fields.iter().map(|(n, v)| n.len() + v.len()).sum()
    }

    /// Does the form carry this value of the session that it was made for?
    pub fn is_from(&self, csrf: &str) -> bool {
        !csrf.is_empty() && same_digest(self.get("csrf").as_bytes(), csrf.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_errors_are_kept() {
        let mut form = Form::read(&Bytes::from_static(b"name=Ada+L%C3%BC&box=&csrf=abc&name=second"));
        assert_eq!(
            (form.get("name"), form.get("none"), form.has("box"), form.has("none")),
            ("Ada Lü", "", true, false)
        );
        assert!(form.is_from("abc") && !form.is_from("abd") && !form.is_from("") && !Form::default().is_from(""));
        assert!(form.is_good());
        form.refuse("name", "first");
        form.refuse("name", "second");
        assert_eq!(form.error("name"), Some("first"));
        assert!(!form.is_good() && form.error("box").is_none() && form.errors().len() == 1);
    }
}
