//! What is wrong with a row, and what a preview shows, in words.

use super::super::columns::Target;
use super::super::row::Edit;
use crate::directory::Refusal;
use crate::scim::fault::{Fault, quoted};

/// Characters that a preview shows of a value.
const SHOWN: usize = 120;

/// The column that a fault is about.
pub(super) fn column_of<'n>(fault: &Fault, edits: &[(&Target<'_>, &'n str, Edit)]) -> Option<&'n str> {
    // `operation 2: …`: the operations are the edits, in their order.
    let number = fault
        .at
        .strip_prefix("operation ")
        .and_then(|at| at.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>().ok());
    let by_number = number.and_then(|n| edits.get(n.checked_sub(1)?));
    let names = |target: &Target<'_>| {
        let attribute = target.path.attribute.name.as_str();
        let mut parts = fault.at.split([':', '.', ' ', '[']);
        parts.any(|part| part == attribute)
    };
    by_number.or_else(|| edits.iter().find(|(target, _, _)| names(target))).map(|(_, name, _)| *name)
}

/// A refusal in a sentence.
pub(super) fn sentence(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Fault(fault) => full(&fault.to_string()),
        Refusal::Denied(why) | Refusal::Conflict(why) => full(why),
        Refusal::Taken(_, attribute, value, _) => {
            format!("Somebody else has the {attribute} {} already.", quoted(value))
        }
        Refusal::NotFound(_, id) => format!("There is nobody with the id {} any more.", quoted(id)),
        other => format!("{other:?}"),
    }
}

/// With a capital letter and a full stop.
pub(super) fn full(why: &str) -> String {
    let mut characters = why.chars();
    let first: String = characters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let end = if why.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

/// Not longer than anybody reads.
pub(super) fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// In the place of a secret.
pub(super) fn hidden(text: &str) -> String {
    if text.is_empty() { String::new() } else { "(not shown)".to_owned() }
}

/// Bytes as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
