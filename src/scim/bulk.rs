//! Many operations in one request (RFC 7644 §3.7): reading them, finding out which of them refer to which, and in what
//! order they can be carried out.

use std::collections::HashMap;

use super::dialect::{Dialect, Rule};
use super::fault::{Fault, Kind, quoted};
use super::json::{Json, Object};
use super::resource::schemas_fit;

/// The schema of the request.
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The schema of the answer.
pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// In front of the transient identifier of a resource that the same request creates.
const REFERENCE: &str = "bulkId:";

/// A Bulk request as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Bulk {
    /// Errors after which no further operation is begun.
    pub fail_on_errors: Option<u64>,
    /// Its operations in order.
    pub operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The method as it was written; for the answer.
    pub method: String,
    /// The transient identifier of what a POST creates.
    pub bulk_id: Option<String>,
    /// The path as it was written, relative to the base URL; for the answer.
    pub path: Option<String>,
    /// What it asks for, or why that cannot be read.
    pub asked: Result<Asked, Fault>,
}

/// What an operation asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The method.
    pub verb: Verb,
    /// The path as it was written, relative to the base URL.
    pub path: String,
    /// The version that it wants to meet.
    pub version: Option<String>,
    /// The body; null for DELETE.
    pub data: Json,
}

/// The methods of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Create.
    Post,
    /// Replace.
    Put,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

/// Why a Bulk request is not carried out at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It cannot be read.
    Fault(Fault),
    /// It has more operations than the server takes; how many.
    TooMany(usize),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Refused {
        Refused::Fault(fault)
    }
}

impl Bulk {
    /// Reads the body of a request to `/Bulk`. What is wrong with one operation is kept with it: the others go on.
    ///
    /// Errors: [`Refused::TooMany`] for more than `most` operations; [`Kind::InvalidSyntax`] without `Operations`;
    /// [`Kind::InvalidValue`] for a `failOnErrors` that is no number from 1 on, and for a `bulkId` that stands twice.
    pub fn parse(body: Json, most: usize, dialect: &Dialect) -> Result<Bulk, Refused> {
        let Json::Object(mut body) = body else {
            let why = format!("a JSON object is expected, not {}", body.what());
            return Err(Fault::new(Kind::InvalidSyntax, "", why).into());
        };
        schemas_fit(&body, BULK_REQUEST, dialect)?;
        let written = match body.take("Operations") {
            Some(Json::Array(operations)) => operations,
            _ => {
                let why = "a Bulk request needs an array of operations under this name";
                return Err(Fault::new(Kind::InvalidSyntax, "Operations", why).into());
            }
        };
        if written.len() > most {
            return Err(Refused::TooMany(written.len()));
        }
        let fail_on_errors = match body.take("failOnErrors") {
            None | Some(Json::Null) => None,
            Some(Json::Number(n)) if n.as_u64().is_some_and(|n| n > 0) => n.as_u64(),
            Some(other) => {
                let why = format!("a whole number from 1 on is expected, not {}", quoted(&other.text()));
                return Err(Fault::new(Kind::InvalidValue, "failOnErrors", why).into());
            }
        };
        let operations: Vec<Operation> = written.into_iter().map(|o| operation(o, dialect)).collect();
        let mut seen = std::collections::HashSet::new();
        for (i, operation) in operations.iter().enumerate().filter(|(_, o)| o.creates()) {
            if let Some(id) = operation.bulk_id.as_deref().filter(|id| !seen.insert(*id)) {
                let why = format!("the bulkId {} stands twice, and a reference could mean either", quoted(id));
                return Err(Fault::new(Kind::InvalidValue, format!("operation {}", i + 1), why).into());
            }
        }
        Ok(Bulk { fail_on_errors, operations })
    }
}

impl Operation {
    /// Is it a POST?
    pub fn creates(&self) -> bool {
        self.asked.as_ref().is_ok_and(|a| a.verb == Verb::Post)
    }
}

fn operation(written: Json, dialect: &Dialect) -> Operation {
    let Json::Object(mut written) = written else {
        let why = format!("an operation is an object, not {}", written.what());
        let asked = Err(Fault::new(Kind::InvalidSyntax, "", why));
        return Operation { method: String::new(), bulk_id: None, path: None, asked };
    };
    let method = written.find("method").and_then(Json::as_str).unwrap_or("").to_owned();
    let bulk_id = written.find("bulkId").and_then(Json::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
    let path = written.find("path").and_then(Json::as_str).map(str::to_owned);
    let asked = read(&mut written, &method, bulk_id.is_some(), dialect);
    Operation { method, bulk_id, path, asked }
}

fn read(written: &mut Object, method: &str, has_bulk_id: bool, dialect: &Dialect) -> Result<Asked, Fault> {
    let verb = match method {
        "POST" => Verb::Post,
        "PUT" => Verb::Put,
        "PATCH" => Verb::Patch,
        "DELETE" => Verb::Delete,
        other => {
            let why = format!("POST, PUT, PATCH or DELETE is expected, not {}", quoted(other));
            return Err(Fault::new(Kind::InvalidSyntax, "method", why));
        }
    };
    let text = |written: &mut Object, name: &str| match written.take(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => Err(Fault::new(Kind::InvalidSyntax, name, format!("text is expected, not {}", other.what()))),
    };
    text(written, "bulkId")?;
    if verb == Verb::Post && !has_bulk_id && !dialect.allows(Rule::MissingBulkId) {
        return Err(Fault::new(Kind::InvalidSyntax, "bulkId", "a POST needs one"));
    }
    let path = text(written, "path")?.ok_or_else(|| Fault::new(Kind::InvalidSyntax, "path", "it is missing"))?;
    let version = text(written, "version")?;
    let data = written.take("data").unwrap_or_default();
    if verb != Verb::Delete && data == Json::Null {
        return Err(Fault::new(Kind::InvalidSyntax, "data", "it is missing"));
    }
    Ok(Asked { verb, path, version, data })
}

impl Asked {
    /// The bulkIds that it refers to: in its path, in the values of its body, and in filters of its PATCH paths.
    pub fn references(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        let mut note = |name: &str| {
            names.push(name.to_owned());
            None
        };
        in_path(&self.path, &mut note);
        each_text(&mut self.data, "", &mut |key, text| rewritten(key, text, &mut note));
        names
    }

    /// Puts ids in the place of references. Gives the references that have no id; what only looks like one, in an
    /// attribute that refers to nothing, stays what it is.
    pub fn resolve(&mut self, ids: &HashMap<String, String>) -> Vec<String> {
        let mut unresolved = Vec::new();
        let mut look_up = |name: &str| {
            let id = ids.get(name).cloned();
            if id.is_none() {
                unresolved.push(name.to_owned());
            }
            id
        };
        if let Some(path) = in_path(&self.path, &mut look_up) {
            self.path = path;
        }
        each_text(&mut self.data, "", &mut |key, text| {
            let refers = matches!(key, "value" | "$ref" | "path") || whole(text).is_some_and(|n| ids.contains_key(n));
            if refers { rewritten(key, text, &mut look_up) } else { None }
        });
        unresolved
    }
}

fn whole(text: &str) -> Option<&str> {
    text.strip_prefix(REFERENCE).filter(|name| !name.is_empty())
}

/// `/Users/bulkId:a`.
fn in_path(path: &str, look_up: &mut impl FnMut(&str) -> Option<String>) -> Option<String> {
    let (head, last) = path.trim_end_matches('/').rsplit_once('/')?;
    Some(format!("{head}/{}", look_up(whole(last)?)?))
}

/// A text with the references in it replaced, if it has any: `bulkId:a` alone, a URL that ends in it, and
/// `members[value eq "bulkId:a"]` in the path of a PATCH operation.
fn rewritten(key: &str, text: &str, look_up: &mut impl FnMut(&str) -> Option<String>) -> Option<String> {
    if let Some(name) = whole(text) {
        return look_up(name);
    }
    if key == "$ref" {
        return in_path(text, look_up);
    }
    if key != "path" || !text.contains(REFERENCE) {
        return None;
    }
    let (mut changed, mut out, mut rest) = (false, String::new(), text);
    while let Some((head, tail)) = rest.split_once(REFERENCE) {
        let (name, tail) = tail.split_once('"')?;
        out.push_str(head);
        // The whole of a text in quotes, or the last segment of a URL there.
        let id = if head.ends_with(['"', '/']) { look_up(name) } else { None };
        changed |= id.is_some();
        match id {
            Some(id) => out.push_str(&id),
            None => out.push_str(&format!("{REFERENCE}{name}")),
        }
        out.push('"');
        rest = tail;
    }
    out.push_str(rest);
    changed.then_some(out)
}

/// Visits every text of a tree with the name that it stands under.
fn each_text(value: &mut Json, key: &str, visit: &mut impl FnMut(&str, &str) -> Option<String>) {
    match value {
        Json::String(text) => {
            if let Some(new) = visit(key, text) {
                *text = new;
            }
        }
        Json::Array(list) => list.iter_mut().for_each(|v| each_text(v, key, visit)),
        Json::Object(object) => object.iter_mut().for_each(|(name, v)| each_text(v, name, visit)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// The order in which operations are carried out: as they were written, but a POST is drawn forward to before the first
/// operation that refers to it, and what it refers to before it. Nothing else moves, so that what comes later for a
/// resource stays later (§3.7: "the same stateful result"). A group of more than one refers to itself in a circle
/// (§3.7.1).
///
/// `needs` names for each operation those that it refers to. The work is linear in both.
pub fn order(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let circle = circles(needs);
    let count = circle.iter().copied().max().map_or(0, |n| n + 1);
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (i, c) in circle.iter().enumerate() {
        if let Some(group) = groups.get_mut(*c) {
            group.push(i);
        }
    }
    let wanted = |c: usize| groups.get(c).into_iter().flatten().filter_map(|i| needs.get(*i)).flatten();
    let (mut seen, mut ordered) = (vec![false; count], Vec::with_capacity(count));
    for first in &circle {
        // Circles that are begun, and what is left of what they need.
        let mut path = vec![];
        if seen.get_mut(*first).is_some_and(|s| !std::mem::replace(s, true)) {
            path.push((*first, wanted(*first)));
        }
        while let Some((c, mut left)) = path.pop() {
            match left.find_map(|need| circle.get(*need).filter(|n| seen.get(**n) == Some(&false))) {
                Some(next) => {
                    if let Some(seen) = seen.get_mut(*next) {
                        *seen = true;
                    }
                    path.push((c, left));
                    path.push((*next, wanted(*next)));
                }
                None => ordered.push(c),
            }
        }
    }
    ordered.into_iter().filter_map(|c| groups.get(c).cloned()).collect()
}

/// For each operation the number of its circle: Tarjan's strongly connected components, without recursion.
fn circles(needs: &[Vec<usize>]) -> Vec<usize> {
    #[derive(Clone, Copy, Default)]
    struct Mark {
        seen: usize,
        low: usize,
        circle: Option<usize>,
    }
    let mut marks = vec![Mark::default(); needs.len()];
    let (mut clock, mut count, mut stack) = (0, 0, Vec::new());
    for root in 0..needs.len() {
        if marks.get(root).is_some_and(|m| m.seen > 0) {
            continue;
        }
        // Where we stand, and which of the neighbours there is looked at next.
        let mut path = vec![(root, 0)];
        while let Some((node, mut step)) = path.pop() {
            let Some(mut mark) = marks.get(node).copied() else { continue };
            if mark.seen == 0 {
                clock += 1;
                (mark.seen, mark.low) = (clock, clock);
                stack.push(node);
            }
            let mut deeper = None;
            while let Some(other) = needs.get(node).and_then(|n| n.get(step)) {
                match marks.get(*other) {
                    Some(m) if m.seen == 0 && *other != node => {
                        deeper = Some(*other);
                        break;
                    }
                    Some(m) if m.circle.is_none() && m.seen > 0 => mark.low = mark.low.min(m.low),
                    _ => {}
                }
                step += 1;
            }
            if let Some(place) = marks.get_mut(node) {
                *place = mark;
            }
            if let Some(other) = deeper {
                path.push((node, step));
                path.push((other, 0));
            } else if mark.low == mark.seen {
                while let Some(member) = stack.pop() {
                    if let Some(place) = marks.get_mut(member) {
                        place.circle = Some(count);
                    }
                    if member == node {
                        break;
                    }
                }
                count += 1;
            }
        }
    }
    marks.into_iter().map(|m| m.circle.unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests;
