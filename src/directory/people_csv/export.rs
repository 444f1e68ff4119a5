//! All people as a file: what it says is what an import of it reads, and no cell of it is a formula to a spreadsheet.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{QuoteStyle, Terminator, WriterBuilder};

use super::cell::{joined, marked};
use super::columns::{GROUPS, ID, ROLE, TOLD, Target, singles, suggested};
use super::row::{found, text_of};
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
}

impl From<StoreError> for Exported {
    fn from(error: StoreError) -> Exported {
        Exported::Unread(error)
    }
}

impl From<csv::Error> for Exported {
    fn from(error: csv::Error) -> Exported {
        Exported::Unwritten(error.into())
    }
}

/// Writes everybody who is here, with a byte order mark for programs that need one to see UTF-8. Gives how many that are.
pub fn export(
    reader: &Reader<'_>,
    site: &Site,
    mut out: impl io::Write,
    (mark, progress): (bool, &AtomicU64),
) -> Result<u64, Exported> {
    let of = people(reader).map_err(|refusal| match refusal {
        Refusal::Broken(error) => error,
        other => StoreError::Corrupt(format!("{other:?}")),
    })?;
    let targets = used(reader, &of)?;
    if mark {
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
        progress.fetch_add(1, Ordering::Relaxed);
        count += 1;
        let written = cells(reader, site, (&of, &targets), &row)?
            .iter()
            .try_for_each(|cell| file.write_field(marked(cell).as_bytes()));
        failed = written.and_then(|()| file.write_record(None::<&[u8]>)).err();
        Ok(failed.is_none())
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => file.flush().map_err(Exported::Unwritten).map(|()| count),
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
    let direct = reader.groups_of(row.pk)?;
    let graph = reader.graph()?;
    let mut cells = vec![row.id.clone()];
    for target in targets {
        let text = match target.path.is("active") {
            true => is_active(&document).to_string(),
            false => found(target, &document).value().map(text_of).unwrap_or_default(),
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

/// What is asked about with a column: those that always are, and those that somebody has a value of.
fn used<'c>(reader: &Reader<'_>, of: &'c ResourceType) -> Result<Vec<Target<'c>>, StoreError> {
    let shown = |a: &Attribute| !a.is_secret() && !a.is_read_only();
    let is_shown = |t: &Target<'_>| shown(t.path.attribute) && shown(t.leaf());
    let always = |t: &Target<'_>| ALWAYS.contains(&t.name(of).as_str());
    let (mut there, mut rest): (Vec<Target<'c>>, Vec<Target<'c>>) =
        singles(of).into_iter().filter(is_shown).partition(always);
    let lists = lists(of);
    let mut kinds: Vec<Target<'c>> = Vec::new();
    let mut seen: HashSet<(usize, String, usize)> = HashSet::new();
    for list in &lists {
        let Some(work) = list.kinds.first() else { continue };
        let target = list.target(0, work).filter(always);
        if let Some(target) = target {
            seen.insert((list.number, fold(work), 0));
            kinds.push(target);
        }
    }
    reader.scan(of, |row| {
        let document = document(&row, of)?;
        let (new, old) = std::mem::take(&mut rest).into_iter().partition(|t| found(t, &document).value().is_some());
        rest = old;
        there.extend::<Vec<_>>(new);
        for list in &lists {
            list.look(&document, &mut seen, &mut kinds);
        }
        Ok(there.len() + kinds.len() < MOST_COLUMNS)
    })?;
    // In the order of the schemas, whoever was first to have a value; what is always there in front.
    let order: Vec<String> = singles(of).iter().map(Target::text).collect();
    let mut all: Vec<Target<'c>> = there.into_iter().chain(kinds).collect();
    all.sort_by_cached_key(|t| {
        let (name, text) = (t.name(of), t.text());
        let front = ALWAYS.iter().position(|always| *always == name).unwrap_or(ALWAYS.len());
        (front, order.iter().position(|other| *other == text).unwrap_or(order.len()), text)
    });
    all.truncate(MOST_COLUMNS - TOLD.len() - 3);
    Ok(all)
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

    /// Notes the types that a document has, and the parts of which there are values.
    fn look(&self, document: &Object, seen: &mut HashSet<(usize, String, usize)>, kinds: &mut Vec<Target<'c>>) {
        let home = match self.extension {
            Some(e) => document.get(&e.id).and_then(Json::as_object),
            None => Some(document),
        };
        let elements = home.and_then(|h| h.get(&self.attribute.name)).map(Json::elements).unwrap_or_default();
        for element in elements.iter().filter_map(Json::as_object) {
            let Some(kind) = element.get("type").and_then(Json::as_str) else { continue };
            let key = if self.exact { kind.to_owned() } else { fold(kind) };
            for (i, part) in self.parts.iter().enumerate() {
                let is_new = element.get(&part.name).is_some() && seen.insert((self.number, key.clone(), i));
                if is_new && kinds.len() < MOST_COLUMNS {
                    let known = self.kinds.iter().find(|k| if self.exact { *k == kind } else { fold(k) == key });
                    kinds.extend(self.target(i, known.map_or(kind, String::as_str)));
                }
            }
        }
    }
}
