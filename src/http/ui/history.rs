//! What happened to somebody, change by change.

use super::attributes::plain;
use super::state::{counted, who_words};
use super::views::Exact;
use crate::directory::{ChangeRow, RETURNS, TokenRow};
use crate::scim::json::{Json, Object};
use crate::scim::soft_delete::name_before;

/// A change of one attribute, or of something else.
#[derive(Debug, Clone)]
pub struct Changed {
    /// When.
    pub at: Exact,
    /// Who, in words.
    pub who: String,
    /// Which attribute; nothing: see `text`.
    pub attribute: String,
    /// As it was.
    pub before: String,
    /// As it became.
    pub after: String,
    /// What happened, if it was no attribute.
    pub text: String,
    /// The request.
    pub request: String,
}

/// Recorded writes as lines: one for each attribute that changed.
pub fn changes(rows: &[ChangeRow], tokens: &[TokenRow]) -> Vec<Changed> {
    rows.iter().flat_map(|row| lines(row, tokens)).collect()
}

fn lines(row: &ChangeRow, tokens: &[TokenRow]) -> Vec<Changed> {
    let line = |attribute: String, before: String, after: String, text: String| Changed {
        at: Exact(row.at),
        who: who_words(&row.actor, tokens),
        attribute,
        before,
        after,
        text,
        request: row.request.clone().unwrap_or_default(),
    };
    let said = |text: String| line(String::new(), String::new(), String::new(), text);
    let mut lines = Vec::new();
    match row.op.as_str() {
        "create" => match leaves(row.after.as_deref()).into_iter().find(|(name, _)| name == RETURNS) {
            Some((_, before)) => lines.push(said(format!("Created: was here before as {before}"))),
            None => lines.push(said("Created".to_owned())),
        },
        "delete" => lines.push(said("Deleted".to_owned())),
        "restore" => lines.push(said("Restored".to_owned())),
        "inactive" => {
            let reason = leaves(row.after.as_deref()).into_iter().find(|(name, _)| name == "reason");
            lines.push(said(format!("Reason: {}", reason.map(|(_, why)| why).unwrap_or_default())));
        }
        "inactive.exempt" => lines.push(said("Exempt from automatic deactivation".to_owned())),
        "inactive.unexempt" => lines.push(said("Exempt from automatic deactivation no longer".to_owned())),
        "sso.sign-out" => lines.push(said("Signed out everywhere".to_owned())),
        "sign-in" => lines.push(said("Signed in".to_owned())),
        "purge" => lines.push(said("Purged".to_owned())),
        _ if row.cut => lines.push(said("Changed more than a history can show".to_owned())),
        _ => {
            let (before, after) = (leaves(row.before.as_deref()), leaves(row.after.as_deref()));
            lines.extend(transition(&before, &after).map(&said));
            match row.op.as_str() {
                "handover.give" => lines.push(said("Handed over".to_owned())),
                "leave" => lines.push(said("Removed the own account".to_owned())),
                "handover.dismiss" => lines.push(said("Hand-over dismissed".to_owned())),
                _ => {}
            }
            for (name, was) in &before {
                let now = after.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v);
                if was != now {
                    lines.push(line(name.clone(), was.clone(), now.to_owned(), String::new()));
                }
            }
            for (name, now) in after.iter().filter(|(n, _)| before.iter().all(|(b, _)| b != n)) {
                lines.push(line(name.clone(), String::new(), now.clone(), String::new()));
            }
        }
    }
    if row.added + row.removed > 0 {
        let mut parts = Vec::new();
        if row.added > 0 {
            parts.push(format!("{} came", counted(row.added, "member", "members")));
        }
        if row.removed > 0 {
            parts.push(format!("{} left", counted(row.removed, "member", "members")));
        }
        lines.push(said(parts.join(", ")));
    }
    if lines.is_empty() {
        lines.push(said(row.op.clone()));
    }
    lines
}

/// What it means that somebody is active no longer, or again.
fn transition(before: &[(String, String)], after: &[(String, String)]) -> Option<String> {
    let value = |of: &[(String, String)], name: &str| of.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let (was, is) = (value(before, "active"), value(after, "active"));
    if was == is {
        return None;
    }
    if is.as_deref() != Some("false") {
        return (was.as_deref() == Some("false")).then(|| "Active again".to_owned());
    }
    let name = value(after, "userName");
    Some(match name.as_deref().and_then(|name| name_before(name, false)) {
        Some(name) => format!("Deactivated: soft deletion of {name} in Microsoft Entra ID"),
        None => "Deactivated".to_owned(),
    })
}

/// Names and values of a recorded document: the parts of complex values and extensions one by one.
fn leaves(text: Option<&str>) -> Vec<(String, String)> {
    fn walk(prefix: &str, object: &Object, leaves: &mut Vec<(String, String)>) {
        for (name, value) in object.iter() {
            // An extension is called by the last words of its URN: its attributes say enough.
            let name = if name.contains(':') { "" } else { name };
            let path = if prefix.is_empty() || name.is_empty() {
                format!("{prefix}{name}")
            } else {
                format!("{prefix}.{name}")
            };
            match value {
                Json::Object(inner) => walk(&path, inner, leaves),
                value => leaves.push((path, plain(value))),
            }
        }
    }
    let mut found = Vec::new();
    if let Some(Ok(Json::Object(object))) = text.map(|t| Json::parse(t.as_bytes())) {
        walk("", &object, &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_that_changed_has_its_line() {
        let row = ChangeRow {
            n: 1,
            at: 0,
            actor: "token:abc".to_owned(),
            request: Some("r-1".to_owned()),
            op: "patch".to_owned(),
            before: Some(
                r#"{"title":"A","name":{"givenName":"Ada","familyName":"L"},"urn:x:y":{"department":"D"}}"#.to_owned(),
            ),
            after: Some(
                r#"{"name":{"givenName":"Eve","familyName":"L"},"urn:x:y":{"department":"E"},"active":false}"#
                    .to_owned(),
            ),
            added: 2,
            removed: 1,
            cut: false,
        };
        let lines: Vec<_> =
            changes(&[row], &[]).into_iter().map(|c| (c.attribute, c.before, c.after, c.text)).collect();
        let expected = [
            ("", "", "", "Deactivated"),
            ("title", "A", "", ""),
            ("name.givenName", "Ada", "Eve", ""),
            ("department", "D", "E", ""),
            ("active", "", "false", ""),
            ("", "", "", "2 members came, 1 member left"),
        ];
        assert_eq!(lines, expected.map(|(a, b, c, d)| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned())));
    }
}
