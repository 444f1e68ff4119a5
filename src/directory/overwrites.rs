//! What an identity provider will write over: attributes of a person whom it writes that were last changed here. Told from
//! the record of changes alone, since the person's document says nothing about who wrote what.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde_json::{Value, json};

use super::{Refusal, Scope, Site};
use crate::clock::date_time;
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::Rule;
use crate::scim::json::{Json, Object};
use crate::scim::merge::is_kept;
use crate::scim::schema::{Attribute, Mutability};
use crate::store::{ChangeRow, Reader, StoreError, TokenRow};

/// Changes of one person that are looked at, at most, and bytes of what they changed; what stood before them is taken for
/// the identity provider's.
pub(super) const MOST: u64 = 10_000;
pub(super) const MOST_BYTES: usize = 256 << 20;

/// What the next pushes do to what was changed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The identity provider has a value of its own, and sends it again.
    Returns,
    /// It has none: a PUT that does not name the attribute takes it away, and no PATCH does.
    Goes,
    /// It has none, and a PUT that does not name the attribute keeps it.
    Stays,
}

impl Fate {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Returns => "returns",
            Fate::Goes => "goes",
            Fate::Stays => "stays",
        }
    }
}

/// One attribute, or part of one, that was last changed here.
#[derive(Debug, Clone, PartialEq)]
pub struct Overwrite {
    /// Its path as PATCH has it.
    pub path: String,
    /// What people call it.
    pub label: String,
    /// Its value; none: it was taken away here.
    pub here: Option<Json>,
    /// The value that the identity provider sent last, as far as that is recorded.
    pub provider: Option<Json>,
    /// What becomes of it.
    pub fate: Fate,
    /// A PUT that does not name it leaves it as it is.
    pub kept: bool,
    /// When it was changed here, in microseconds since 1970.
    pub at: i64,
    /// By whom, as change rows say it.
    pub actor: String,
    /// By which request.
    pub request: Option<String>,
}

impl Overwrite {
    /// What will happen, in words.
    pub fn sentence(&self) -> &'static str {
        match (self.fate, self.kept) {
            (Fate::Returns, false) => {
                "Will be written over with the next push of the whole profile (PUT), or when it changes there."
            }
            (Fate::Returns, true) => "Will be written over with the next push that names it.",
            (Fate::Goes, _) => "Stays with PATCH; a push of the whole profile (PUT) takes it away.",
            (Fate::Stays, _) => "Stays until your identity provider sends one of its own.",
        }
    }
}

/// How this server reads a PUT.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// What a PUT does not name is kept, whatever it is.
    pub merges: bool,
    /// What clients leave out without meaning anything by it is kept.
    pub keeps_absent: bool,
}

impl Reading {
    /// As the configuration says.
    pub fn of(site: &Site) -> Reading {
        Reading { merges: site.put_merges, keeps_absent: site.rules.has(Rule::PutKeepsAbsent) }
    }
}

/// Was this done by an identity provider? What people change about themselves is done here.
pub fn is_provider(actor: &str, tokens: &[TokenRow]) -> bool {
    actor
        .strip_prefix("token:")
        .is_some_and(|id| tokens.iter().find(|t| t.id == id).is_none_or(|t| t.scope != Scope::Me.name()))
}

/// Does an identity provider write this person or group, as far as that is recorded?
pub fn is_provided(reader: &Reader<'_>, id: &str) -> Result<bool, StoreError> {
    let tokens = reader.tokens()?;
    Ok(reader.attribute_writers(id, MOST)?.iter().any(|actor| is_provider(actor, &tokens)))
}

/// What will become of the local edits of the person with this id. `None`: there is nobody with it.
pub fn overwrites(reader: &Reader<'_>, site: &Site, id: &str) -> Result<Option<Vec<Overwrite>>, Refusal> {
    let of = super::lifecycle::people(reader)?;
    let Some(row) = reader.find(&of, id)? else { return Ok(None) };
    // Most people were never changed here, or never by anybody else.
    let (tokens, writers) = (reader.tokens()?, reader.attribute_writers(id, MOST)?);
    let theirs = writers.iter().filter(|actor| is_provider(actor, &tokens)).count();
    if theirs == 0 || theirs == writers.len() {
        return Ok(Some(Vec::new()));
    }
    let mut told = Telling::of(row.document()?, &of);
    let mut bytes = 0;
    reader.each_attribute_change(id, MOST, |row| {
        bytes += size(&row);
        told.takes(&row, is_provider(&row.actor, &tokens));
        bytes < MOST_BYTES
    })?;
    Ok(Some(told.end(Reading::of(site))))
}

/// Bytes of what a change changed.
pub(super) fn size(row: &ChangeRow) -> usize {
    [&row.before, &row.after].into_iter().flatten().map(String::len).sum()
}

/// What becomes of local edits, told from a document and what has changed it, the latest first. Only two documents are
/// held, however long the record is.
struct Telling<'o> {
    of: &'o ResourceType,
    document: Object,
    /// The document as it was when the last row that was taken had been made, and what stood in it.
    now: Object,
    is: BTreeMap<String, Place>,
    known: BTreeMap<String, Known>,
    places: HashMap<String, Place>,
    /// PUTs of the provider that came later.
    puts: usize,
    /// Of each attribute that the provider has sent something of with a PUT: how many PUTs came after the last of these.
    sent: HashMap<String, usize>,
    provided: bool,
}

impl<'o> Telling<'o> {
    fn of(document: Object, of: &'o ResourceType) -> Telling<'o> {
        Telling {
            of,
            now: document.clone(),
            is: found(&document, of),
            document,
            known: BTreeMap::new(),
            places: HashMap::new(),
            puts: 0,
            sent: HashMap::new(),
            provided: false,
        }
    }

    /// Takes the change before the one that was taken last.
    fn takes(&mut self, row: &ChangeRow, is_provider: bool) {
        if row.op == "replace" && is_provider {
            self.puts += 1;
        }
        let earlier = before(&self.now, row);
        let was = found(&earlier, self.of);
        for (path, place) in was.iter().chain(&self.is) {
            let (then, after) = (was.get(path).map(|p| &p.value), self.is.get(path).map(|p| &p.value));
            if then == after {
                continue;
            }
            if !self.places.contains_key(path) {
                self.places.insert(path.clone(), place.clone());
            }
            let known = self.known.entry(path.clone()).or_default();
            if is_provider {
                known.provider.get_or_insert_with(|| after.cloned());
                if after.is_some() {
                    note_sent(&mut self.sent, place, known.puts..self.puts);
                }
                known.puts = self.puts;
            }
            known.last.get_or_insert_with(|| Last {
                at: row.at,
                actor: row.actor.clone(),
                request: row.request.clone(),
                is_provider,
                puts: self.puts,
            });
        }
        self.provided |= is_provider;
        (self.now, self.is) = (earlier, was);
    }

    fn end(mut self, reading: Reading) -> Vec<Overwrite> {
        if !self.provided {
            return Vec::new();
        }
        // Before the record begins; nothing, when it begins with the creation.
        for (path, place) in self.is {
            let known = self.known.entry(path).or_default();
            note_sent(&mut self.sent, &place, known.puts..self.puts);
            known.provider.get_or_insert(Some(place.value));
        }
        let current = found(&self.document, self.of);
        // Of a list that the provider sends something of, it sends all that it has.
        let sends: Vec<&str> = self
            .known
            .iter()
            .filter(|(_, k)| matches!(k.provider, Some(Some(_))))
            .filter_map(|(path, _)| self.places.get(path).or_else(|| current.get(path)))
            .filter(|place| place.is_list)
            .map(|place| place.root.as_str())
            .collect();
        let mut told = Vec::new();
        for (path, known) in &self.known {
            let (Some(last), Some(place)) = (&known.last, self.places.get(path)) else { continue };
            let here = current.get(path).map(|p| p.value.clone());
            let provider = known.provider.clone().flatten();
            let kept = place.stays
                || (place.is_kept && reading.keeps_absent)
                || (reading.merges && !sends.contains(&place.root.as_str()));
            // A PUT that has left it as it is has said the same, if it has said anything of that attribute.
            let was_sent = !reading.merges || self.sent.get(&place.root).is_some_and(|after| *after < last.puts);
            let is_agreed = last.puts > 0 && !kept && was_sent;
            if last.is_provider || here == provider || is_agreed {
                continue;
            }
            let fate = match (&provider, kept) {
                (Some(_), _) => Fate::Returns,
                (None, true) => Fate::Stays,
                (None, false) => Fate::Goes,
            };
            told.push(Overwrite {
                label: place.label.clone(),
                path: path.clone(),
                here,
                provider,
                fate,
                kept,
                at: last.at,
                actor: last.actor.clone(),
                request: last.request.clone(),
            });
        }
        told
    }
}

/// Something of an attribute stood in the profile of the provider when these PUTs came, counted from the last one on.
fn note_sent(sent: &mut HashMap<String, usize>, place: &Place, puts: Range<usize>) {
    if !puts.is_empty() {
        sent.entry(place.root.clone()).and_modify(|after| *after = puts.start.min(*after)).or_insert(puts.start);
    }
}

/// The document in front of a change.
pub(super) fn before(now: &Object, row: &ChangeRow) -> Object {
    let mut earlier = now.clone();
    if row.op == "create" {
        return Object::new();
    }
    let parts = |text: &Option<String>| match text.as_deref().map(|t| Json::parse(t.as_bytes())) {
        Some(Ok(Json::Object(parts))) => parts,
        _ => Object::new(),
    };
    for (name, _) in parts(&row.after) {
        earlier.retain(|n, _| n != name);
    }
    for (name, value) in parts(&row.before) {
        earlier.set(&name, value);
    }
    earlier
}

/// What is known of a place.
#[derive(Default)]
struct Known {
    /// What the identity provider made of it last: a value, or none.
    provider: Option<Option<Json>>,
    /// The latest change of it.
    last: Option<Last>,
    /// PUTs of the identity provider after its earliest change of it that is known.
    puts: usize,
}

/// The latest change of a place.
struct Last {
    at: i64,
    actor: String,
    request: Option<String>,
    is_provider: bool,
    /// PUTs of the provider since.
    puts: usize,
}

/// An attribute or a part of one, as somebody can change it alone.
#[derive(Debug, Clone)]
struct Place {
    value: Json,
    label: String,
    /// The name of the whole attribute.
    root: String,
    /// One kind of the values of a list.
    is_list: bool,
    /// See [`is_kept`].
    is_kept: bool,
    /// No PUT is without it.
    stays: bool,
}

/// What stands in a document, place by place: parts of complex attributes and of extensions, and of lists the values of
/// each type. What no client can write over is left out.
fn found(document: &Object, of: &ResourceType) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for (name, value) in document.iter() {
        if let (Some(extension), Json::Object(parts)) = (of.extension(name), value) {
            for (part, value) in parts.iter() {
                if let Some(attribute) = extension.attribute(part) {
                    add(&mut places, &format!("{name}:{part}"), part, value, attribute, false);
                }
            }
        } else if let Some(attribute) = of.attribute(name) {
            match value {
                Json::Object(parts) if !attribute.multi_valued => {
                    for (part, value) in parts.iter() {
                        if let (Some(sub), true) = (attribute.sub(part), is_written(attribute)) {
                            let path = format!("{name}.{part}");
                            add(&mut places, &path, &path, value, sub, false);
                        }
                    }
                }
                value => add(&mut places, name, name, value, attribute, is_kept(name, of)),
            }
        }
    }
    places
}

/// Can a client write over it?
fn is_written(attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::ReadWrite && !attribute.is_hidden()
}

fn add(
    places: &mut BTreeMap<String, Place>,
    path: &str,
    label: &str,
    value: &Json,
    attribute: &Attribute,
    is_kept: bool,
) {
    if attribute.name == "schemas" || !is_written(attribute) {
        return;
    }
    let place = |value: Json, label: String| Place {
        value,
        label,
        root: path.to_owned(),
        is_list: attribute.multi_valued,
        is_kept,
        stays: attribute.required,
    };
    // A list that a PUT keeps is kept as a whole.
    let (Json::Array(elements), false) = (value, is_kept) else {
        places.insert(path.to_owned(), place(value.clone(), label.to_owned()));
        return;
    };
    for element in elements {
        let kind = element.as_object().and_then(|e| e.get("type")).and_then(Json::as_str);
        let (path, label) = match kind {
            Some(kind) => (format!("{path}[type eq {}]", Json::from(kind).text()), format!("{label} ({kind})")),
            None => (path.to_owned(), label.to_owned()),
        };
        let there = places.entry(path).or_insert_with(|| place(Json::Array(Vec::new()), label));
        if let Json::Array(all) = &mut there.value {
            all.push(element.clone());
        }
    }
}

/// As JSON for scripts.
pub fn overwrites_json(id: &str, all: &[Overwrite]) -> Value {
    let one = |o: &Overwrite| {
        json!({
            "path": o.path,
            "here": o.here,
            "provider": o.provider,
            "fate": o.fate.name(),
            "sentence": o.sentence(),
            "origin": {"time": date_time(o.at), "actor": o.actor, "request": o.request},
        })
    };
    json!({ "id": id, "overwrites": all.iter().map(one).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests;
