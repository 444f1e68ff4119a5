//! All people as a file: what it says is what an import of it reads, and no cell of it is a formula to a spreadsheet.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use csv::{QuoteStyle, Terminator, WriterBuilder};

use super::cell::{joined, marked};
use super::columns::{GROUPS, ID, ROLE, TOLD, Target, singles, suggested};
use super::row::{Parted, found, text_of};
use super::text::MOST_COLUMNS;
use crate::clock::date_time;
use crate::directory::Refusal;
use crate::directory::lifecycle::{is_active, people};
use crate::directory::roles::effective;
use crate::directory::{Reader, Site};
use crate::scim::catalog::ResourceType;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::scim::path::BoundPath;
use crate::scim::schema::{Attribute, Schema};
use crate::scim::stored::conceal;
use crate::store::{Row, StoreError};

/// Columns that are there although nobody has a value, under the names of the header.
const ALWAYS: [&str; 8] =
    ["userName", "active", "displayName", "name.givenName", "name.familyName", "emails.work", "title", "department"];

/// Why a file was not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum Exported {
    /// The directory cannot be read.
    #[error("{0}")]
    Unread(StoreError),
    /// The file cannot be written.
    #[error("{0}")]
    Unwritten(io::Error),
    /// There are more columns than a file has, and part of it was not asked for: the first that is left out.
    #[error("there are more than {MOST_COLUMNS} columns; {0} would be left out")]
    TooWide(String),
    /// Nobody waits for it any more.
    #[error("nobody waits for it any more")]
    Over,
}

/// How a file is written.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'m> {
    /// Begin with a byte order mark, for programs that need one to see UTF-8.
    pub mark: bool,
    /// Leave columns out rather than write nothing, when there are too many.
    pub is_partial: bool,
    /// People who were gone through so far.
    pub progress: &'m AtomicU64,
    /// Set by whoever does not wait any more.
    pub is_over: &'m AtomicBool,
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// How many people.
    pub people: u64,
    /// The first column that had no place.
    pub left_out: Option<String>,
}

impl From<StoreError> for Exported {
    fn from(error: StoreError) -> Exported {
        Exported::Unread(error)
    }
}

impl From<csv::Error> for Exported {
    fn from(error: csv::Error) -> Exported {
        // As it was: whether the other end of a pipe is gone is seen by its kind.
        Exported::Unwritten(match error.into_kind() {
            csv::ErrorKind::Io(error) => error,
            other => io::Error::other(format!("{other:?}")),
        })
    }
}

/// Writes everybody who is here.
pub fn export(
    reader: &Reader<'_>,
    site: &Site,
    mut out: impl io::Write,
    manner: Manner<'_>,
) -> Result<Written, Exported> {
    let of = people(reader).map_err(|refusal| match refusal {
        Refusal::Broken(error) => error,
        other => StoreError::Corrupt(format!("{other:?}")),
    })?;
    let (targets, left_out) = used(reader, &of, manner.is_over)?;
    if let Some(name) = left_out.clone().filter(|_| !manner.is_partial) {
        return Err(Exported::TooWide(name));
    }
    if manner.mark {
        out.write_all("\u{feff}".as_bytes()).map_err(Exported::Unwritten)?;
    }
    let mut file =
        WriterBuilder::new().terminator(Terminator::CRLF).quote_style(QuoteStyle::Necessary).from_writer(out);
    let names = targets.iter().map(|t| t.name(&of));
    let told = TOLD.map(|(name, _)| name.to_owned());
    let header = [ID.to_owned()].into_iter().chain(names).chain([GROUPS, ROLE].map(str::to_owned)).chain(told);
    for name in header {
        file.write_field(marked(&name).as_bytes())?;
    }
    file.write_record(None::<&[u8]>)?;
    let (mut count, mut failed) = (0, None);
    reader.scan(&of, |row| {
        if manner.is_over.load(Ordering::Relaxed) {
            return Ok(false);
        }
        manner.progress.fetch_add(1, Ordering::Relaxed);
        count += 1;
        let written = cells(reader, site, (&of, &targets), &row)?
            .iter()
            .try_for_each(|cell| file.write_field(marked(cell).as_bytes()));
        failed = written.and_then(|()| file.write_record(None::<&[u8]>)).err();
        Ok(failed.is_none())
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None if manner.is_over.load(Ordering::Relaxed) => Err(Exported::Over),
        None => file.flush().map_err(Exported::Unwritten).map(|()| Written { people: count, left_out }),
    }
}

/// A document as definitions of today have it.
fn document(row: &Row, of: &ResourceType) -> Result<Object, StoreError> {
    let mut document = row.document()?;
    if !row.plain {
        conceal(&mut document, of);
    }
    Ok(document)
}

fn cells(
    reader: &Reader<'_>,
    site: &Site,
    (of, targets): (&ResourceType, &[Target<'_>]),
    row: &Row,
) -> Result<Vec<String>, StoreError> {
    let document = document(row, of)?;
    let parted = Parted::of(&document, of);
    let direct = reader.groups_of(row.pk)?;
    let graph = reader.graph()?;
    let mut cells = vec![row.id.clone()];
    for target in targets {
        let text = match target.path.is("active") {
            true => is_active(&document).to_string(),
            false => parted.found(target).value().map(text_of).unwrap_or_default(),
        };
        cells.push(text);
    }
    cells.push(joined(direct.iter().filter_map(|pk| graph.node(*pk)).map(|node| node.display.as_str())));
    cells.push(reader.role_override(&row.id)?.map(|given| given.role).unwrap_or_default());
    cells.push(effective(reader, site, row, &direct)?.role.value.clone());
    cells.push(match reader.origin(&row.id)? {
        Some(actor) if actor.starts_with("token:") => "identity provider".to_owned(),
        Some(_) => "here".to_owned(),
        None => String::new(),
    });
    cells.extend([date_time(row.created), date_time(row.modified)]);
    Ok(cells)
}

/// What is asked about with a column: those that always are, and those that somebody has a value of. When there are too
/// many: those of one value, then those of types that a schema suggests, then those of other types, whoever had one first;
/// and the name of one that is left out.
fn used<'c>(
    reader: &Reader<'_>,
    of: &'c ResourceType,
    is_over: &AtomicBool,
) -> Result<(Vec<Target<'c>>, Option<String>), Exported> {
    let shown = |a: &Attribute| !a.is_secret() && !a.is_read_only();
    let is_shown = |t: &Target<'_>| shown(t.path.attribute) && shown(t.leaf());
    let always = |t: &Target<'_>| ALWAYS.contains(&t.name(of).as_str());
    let (mut all, mut rest): (Vec<Target<'c>>, Vec<Target<'c>>) =
        singles(of).into_iter().filter(is_shown).partition(always);
    let lists = lists(of);
    let mut kinds = Kinds::default();
    for list in &lists {
        let Some(work) = list.kinds.first() else { continue };
        if let Some(target) = list.target(0, work).filter(always) {
            kinds.seen.insert((list.number, list.folded(work), 0));
            all.push(target);
        }
    }
    reader.scan(of, |row| {
        let document = document(&row, of)?;
        let (new, old) = std::mem::take(&mut rest).into_iter().partition(|t| found(t, &document).value().is_some());
        rest = old;
        all.extend::<Vec<_>>(new);
        for list in &lists {
            list.look(&document, &mut kinds);
        }
        Ok(!is_over.load(Ordering::Relaxed))
    })?;
    if is_over.load(Ordering::Relaxed) {
        return Err(Exported::Over);
    }
    all.extend(kinds.suggested.into_iter().chain(kinds.others));
    let left_out = all.get(ROOM).or(kinds.left_out.as_ref()).map(|t| t.name(of));
    all.truncate(ROOM);
    // In the order of the schemas, whoever was first to have a value; what is always there in front.
    let order: HashMap<String, usize> = singles(of).iter().enumerate().map(|(i, t)| (t.text(), i)).collect();
    all.sort_by_cached_key(|t| {
        let (name, text) = (t.name(of), t.text());
        let front = ALWAYS.iter().position(|always| *always == name).unwrap_or(ALWAYS.len());
        (front, order.get(&text).copied().unwrap_or(order.len()), text)
    });
    Ok((all, left_out))
}

/// Columns of attributes, at most: beside the id, the groups and the role, and what is told.
const ROOM: usize = MOST_COLUMNS - TOLD.len() - 3;

/// The types of values that somebody has.
#[derive(Default)]
struct Kinds<'c> {
    /// The attribute, the folded type, the part.
    seen: HashSet<(usize, String, usize)>,
    /// Those that a schema suggests: they are not many, whatever stands in the directory.
    suggested: Vec<Target<'c>>,
    /// Those that somebody made up.
    others: Vec<Target<'c>>,
    /// One that there is no room for whatever else there is.
    left_out: Option<Target<'c>>,
}

/// An attribute of several values that are told apart by their type.
struct List<'c> {
    number: usize,
    extension: Option<&'c Schema>,
    attribute: &'c Attribute,
    parts: Vec<&'c Attribute>,
    kinds: Vec<String>,
    exact: bool,
}

fn lists(of: &ResourceType) -> Vec<List<'_>> {
    let own = of.schema.attributes.iter().map(|a| (None, a));
    let extensions = of.extensions.iter().flat_map(|(e, _)| e.attributes.iter().map(move |a| (Some(e.as_ref()), a)));
    let shown = |a: &Attribute| !a.is_secret() && !a.is_read_only();
    own.chain(extensions)
        .enumerate()
        .filter_map(|(number, (extension, attribute))| {
            let kind = attribute.sub("type").filter(|_| attribute.multi_valued && shown(attribute))?;
            let mut parts: Vec<&Attribute> =
                attribute.sub_attributes.iter().filter(|s| shown(s) && !s.multi_valued && s.name != "type").collect();
            parts.sort_by_key(|s| s.name != "value");
            let home = extension.unwrap_or(&of.schema);
            Some(List {
                number,
                extension,
                attribute,
                parts,
                kinds: suggested(home, attribute),
                exact: kind.case_exact,
            })
        })
        .collect()
}

impl<'c> List<'c> {
    fn target(&self, part: usize, kind: &str) -> Option<Target<'c>> {
        let sub = Some(*self.parts.get(part)?);
        let path = BoundPath { extension: self.extension, attribute: self.attribute, sub };
        Some(Target { path, kind: Some(kind.to_owned()) })
    }

    fn folded(&self, kind: &str) -> String {
        if self.exact { kind.to_owned() } else { fold(kind) }
    }

    /// Notes the types that a document has, and the parts of which there are values.
    fn look(&self, document: &Object, kinds: &mut Kinds<'c>) {
        let home = match self.extension {
            Some(e) => document.get(&e.id).and_then(Json::as_object),
            None => Some(document),
        };
        let elements = home.and_then(|h| h.get(&self.attribute.name)).map(Json::elements).unwrap_or_default();
        for element in elements.iter().filter_map(Json::as_object) {
            let Some(kind) = element.get("type").and_then(Json::as_str) else { continue };
            let key = self.folded(kind);
            let known = self.kinds.iter().find(|k| self.folded(k) == key);
            // What has no room is not noted either: there may be as many types as values.
            if known.is_none() && kinds.others.len() >= ROOM {
                let is_new = |i: &usize| !kinds.seen.contains(&(self.number, key.clone(), *i));
                let value = |i: &usize| self.parts.get(*i).is_some_and(|part| element.get(&part.name).is_some());
                let out = (0..self.parts.len()).find(|i| value(i) && is_new(i)).and_then(|i| self.target(i, kind));
                kinds.left_out = kinds.left_out.take().or(out);
                continue;
            }
            for (i, part) in self.parts.iter().enumerate() {
                if element.get(&part.name).is_some() && kinds.seen.insert((self.number, key.clone(), i)) {
                    match known {
                        Some(known) => kinds.suggested.extend(self.target(i, known)),
                        None => kinds.others.extend(self.target(i, kind)),
                    }
                }
            }
        }
    }
}
