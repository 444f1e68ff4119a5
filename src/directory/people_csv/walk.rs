//! The walk through the rows: who is meant, what changes, and whether it can. A reader looks, a writer does it; nothing else
//! differs, so a preview is what an import comes to.

mod hands;
mod meant;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

pub use self::hands::Hands;
use self::words::{hex, hidden, sentence, short};
use super::cell::{Said, said};
use super::columns::{Column, GROUPS, Meaning, ROLE, Target};
use super::row::{Edit, Parted, place, value_of};
use super::text::Row as Line;
use super::{MOST_ERRORS, Plan, RowError, Shown, View};
use crate::directory::lifecycle::{groups, is_active, join};
use crate::directory::local::dialect;
use crate::directory::roles::{By, set_override};
use crate::directory::{Caller, Refusal, Site};
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::Dialect;
use crate::scim::fault::quoted;
use crate::scim::json::{Json, Object};
use crate::scim::path::BoundPath;
use crate::scim::stored::conceal;
use crate::secret::digest_of;
use crate::store::{Row, Source, StoreError};

/// Bytes of one value, at most: those of a string of SCIM. In a cell it is longer, when it is marked.
const LONGEST: usize = crate::scim::json::MAX_STRING;

fn is_too_long(cell: &str) -> bool {
    cell.len() > LONGEST && matches!(said(cell), Said::Text(text) if text.len() > LONGEST)
}

/// The attribute of which a cell says that this element is the primary one.
fn primary(column: &Column<'_>, cell: &str) -> Option<String> {
    let Meaning::Attribute(target) = &column.meaning else { return None };
    let Said::Text(text) = said(cell) else { return None };
    let is_so = target.is_primary() && value_of(target.leaf(), &text) == Ok(Json::Bool(true));
    is_so.then(|| BoundPath { sub: None, ..target.path }.text())
}

/// A walk.
pub struct Walk<'a, 'c, 'f> {
    hands: Hands<'a, 'c>,
    site: &'f Site,
    caller: &'f Caller,
    of: &'f ResourceType,
    columns: &'f [Column<'f>],
    dialect: Dialect,
    group_type: Option<Arc<ResourceType>>,
    /// The folded names of those who had their row, as they were and as they become: their lines.
    names: HashMap<String, u64>,
    /// The same of other values that nobody shares.
    claims: HashMap<(i64, String), u64>,
    /// Groups by what a cell calls them.
    groups: HashMap<String, Option<Group>>,
    plan: Plan,
    view: View,
    digest: Vec<u8>,
}

/// Whom a row is about.
enum Who {
    /// Somebody who is here, and whether the userName says so: then it says nothing else.
    Known(Row, bool),
    /// Somebody who is called so.
    New(String),
}

/// A group that somebody joins.
#[derive(Clone)]
struct Group {
    key: i64,
    id: String,
    /// What it is called, whatever the cell calls it.
    name: String,
}

/// The role that was given to somebody here, and the one that is given now.
type Given = (Option<String>, Option<String>);

/// A column, whether its values are secret, what was, and what becomes.
type Change = (String, bool, String, String);

/// What a row asks for.
struct Asked<'f> {
    who: Who,
    before: Object,
    edits: Vec<(&'f Target<'f>, &'f str, Edit)>,
    /// Groups to join.
    joins: Vec<Group>,
    /// The role that is given, or none, in the place of another.
    role: Option<Given>,
}

/// Why a row cannot be taken.
enum Bad {
    /// Something is wrong with it.
    Row(Vec<RowError>),
    /// The store cannot.
    Broken(StoreError),
}

impl From<StoreError> for Bad {
    fn from(error: StoreError) -> Bad {
        Bad::Broken(error)
    }
}

impl<'a, 'c, 'f> Walk<'a, 'c, 'f> {
    /// A walk that has not begun.
    pub fn new(
        hands: Hands<'a, 'c>,
        (site, caller): (&'f Site, &'f Caller),
        of: &'f ResourceType,
        columns: &'f [Column<'f>],
        view: View,
    ) -> Walk<'a, 'c, 'f> {
        let group_type = groups(hands.reader()).ok();
        Walk {
            hands,
            site,
            caller,
            of,
            columns,
            dialect: dialect(),
            group_type,
            names: HashMap::new(),
            claims: HashMap::new(),
            groups: HashMap::new(),
            plan: Plan::default(),
            view,
            digest: Vec::new(),
        }
    }

    /// What it came to.
    pub fn end(mut self) -> Plan {
        self.plan.digest = hex(&self.digest);
        self.plan
    }

    /// Goes through one row.
    ///
    /// Errors: those of the store; and when it is to be done, what is wrong with the row.
    pub fn row(&mut self, line: &Line<'_>) -> Result<(), Refusal> {
        if line.is_blank() {
            return Ok(());
        }
        self.plan.rows += 1;
        let done = self.asked(line).and_then(|asked| self.done(line.line, asked));
        match (done, &self.hands) {
            (Ok(()), _) => Ok(()),
            (Err(Bad::Broken(error)), _) => Err(error.into()),
            (Err(Bad::Row(errors)), Hands::Write(_)) => {
                let first = errors.first().map(RowError::to_string).unwrap_or_default();
                Err(Refusal::Conflict(format!("{first} Nothing was imported.")))
            }
            (Err(Bad::Row(errors)), Hands::Look(_)) => {
                self.plan.error_count += errors.len() as u64;
                let room = MOST_ERRORS.saturating_sub(self.plan.errors.len());
                self.plan.errors.extend(errors.into_iter().take(room));
                Ok(())
            }
        }
    }

    /// Reads a row, and finds who and what it means.
    fn asked(&mut self, line: &Line<'_>) -> Result<Asked<'f>, Bad> {
        let columns = self.columns;
        let wrong =
            |column: Option<&str>, why: String| RowError { line: line.line, column: column.map(str::to_owned), why };
        if line.goes_on_behind(columns.len()) {
            let why = format!("The row has {} cells, and the header {}.", line.cells, columns.len());
            return Err(Bad::Row(vec![wrong(None, why)]));
        }
        let who = self.who(line)?.map_err(|(column, why)| Bad::Row(vec![wrong(column, why)]))?;
        let mut before = Object::new();
        if let Who::Known(row, _) = &who {
            before = row.document()?;
            if !row.plain {
                conceal(&mut before, self.of);
            }
        }
        let parted = Parted::of(&before, self.of);
        let mut errors = Vec::new();
        let mut primaries: Vec<(String, &str)> = Vec::new();
        let (mut edits, mut joins, mut role) = (Vec::new(), Vec::new(), None);
        for (i, column) in columns.iter().enumerate() {
            let cell = line.cell(i);
            let name = Some(column.name.as_str());
            if let Some(list) = primary(column, cell) {
                match primaries.iter().find(|(other, _)| *other == list) {
                    Some((_, first)) => {
                        let why = format!("{} says true already, and only one can be primary.", quoted(first));
                        errors.push(wrong(name, why));
                    }
                    None => primaries.push((list, column.name.as_str())),
                }
            }
            match &column.meaning {
                Meaning::Attribute(_) if is_too_long(cell) => {
                    errors.push(wrong(name, format!("The value has more than {LONGEST} bytes.")));
                }
                // Letter case does not count, so it is not taken for a wish.
                Meaning::Attribute(target) if target.is_name() && matches!(who, Who::Known(_, true)) => {}
                Meaning::Attribute(target) => match Edit::of(target, said(cell), &parted) {
                    Ok(edit) => edits.extend(edit.map(|edit| (target, column.name.as_str(), edit))),
                    Err(why) => errors.push(wrong(name, why)),
                },
                Meaning::Groups => match self.joins(said(cell), &who)? {
                    Ok(found) => joins = found,
                    Err(why) => errors.push(wrong(name, why)),
                },
                Meaning::Role => match self.role(said(cell), &who)? {
                    Ok(found) => role = found,
                    Err(why) => errors.push(wrong(name, why)),
                },
                Meaning::Nameless if !cell.is_empty() => {
                    errors.push(wrong(None, format!("The cell {} stands in a column without a name.", quoted(cell))));
                }
                Meaning::Id | Meaning::Unread(_) | Meaning::Nameless => {}
            }
        }
        if let Err((column, why)) = self.once(line.line, &who, &before, &edits) {
            errors.push(wrong(column, why));
        }
        match errors.is_empty() {
            true => Ok(Asked { who, before, edits, joins, role }),
            false => Err(Bad::Row(errors)),
        }
    }

    /// Does what a row asks for, or looks whether it could be done.
    fn done(&mut self, line: u64, asked: Asked<'f>) -> Result<(), Bad> {
        let Asked { who, before, edits, joins, role } = asked;
        let bad = |walk: &Self, refusal: Refusal| walk.refused(line, refusal, &edits);
        let mut returns = false;
        let (id, is_changed) = match &who {
            Who::New(_) => {
                let (mut document, mut places) = (Object::new(), HashMap::new());
                for (target, _, edit) in &edits {
                    if let Some(value) = edit.value.clone() {
                        place(&mut document, &mut places, target, value);
                    }
                }
                let made = self.made(line, document);
                let (id, departed) = made.map_err(|refusal| bad(self, refusal))?;
                returns = departed;
                (id, true)
            }
            Who::Known(row, _) if edits.is_empty() => (row.id.clone(), false),
            Who::Known(row, _) => {
                let operations = edits.iter().map(|(target, _, edit)| edit.operation(target)).collect();
                let changed = self.changed(line, row, operations);
                (row.id.clone(), changed.map_err(|refusal| bad(self, refusal))?)
            }
        };
        if let Hands::Write(writer) = &mut self.hands {
            let refused = |refusal| match refusal {
                Refusal::Broken(error) => Bad::Broken(error),
                other => Bad::Row(vec![RowError { line, column: None, why: sentence(&other) }]),
            };
            for group in &joins {
                join(writer, self.caller, &group.id, &id, Source::Local).map_err(refused)?;
            }
            if let Some((_, role)) = &role {
                let Caller { actor, request, .. } = self.caller;
                let by = By { actor, request: Some(request.as_str()).filter(|request| !request.is_empty()) };
                let given = set_override(writer, &self.site.roles, &id, role.as_deref(), by);
                given.map_err(refused)?;
            }
        }
        if !is_changed && joins.is_empty() && role.is_none() {
            self.plan.unchanged += 1;
            return Ok(());
        }
        let is_new = matches!(who, Who::New(_));
        match is_new {
            true => self.plan.creates += 1,
            false => self.plan.updates += 1,
        }
        let leaves = |(t, _, e): &(&Target<'_>, &str, Edit)| t.path.is("active") && e.value == Some(Json::Bool(false));
        if !is_new && is_changed && is_active(&before) && edits.iter().any(leaves) {
            self.plan.deactivates += 1;
        }
        self.plan.joins += u64::from(!joins.is_empty());
        self.plan.roles += u64::from(role.is_some());
        let name = match &who {
            Who::New(name) => name.clone(),
            Who::Known(..) => {
                let renamed = edits.iter().find(|(target, _, _)| target.is_name()).map(|(_, _, e)| e.after.clone());
                renamed.or_else(|| Some(before.get("userName")?.as_str()?.to_owned())).unwrap_or_default()
            }
        };
        let mut changes: Vec<Change> = Vec::new();
        if is_changed {
            let secret = |t: &Target<'_>| t.leaf().is_secret() || t.path.attribute.is_secret();
            let told = edits.into_iter().map(|(t, n, e)| (n.to_owned(), secret(t), e.before, e.after));
            changes.extend(told);
        }
        if !joins.is_empty() {
            // A name with blanks around it is another name.
            let shown = |group: &Group| match group.name.trim() == group.name {
                true => group.name.clone(),
                false => quoted(&group.name),
            };
            let joined = joins.iter().map(shown).collect::<Vec<_>>().join("; ");
            changes.push((GROUPS.to_owned(), false, String::new(), joined));
        }
        if let Some((before, after)) = role {
            changes.push((ROLE.to_owned(), false, before.unwrap_or_default(), after.unwrap_or_default()));
        }
        self.tell(line, (!is_new).then_some(&*id), (&changes, &joins));
        if self.is_seen(1) {
            let is_full = self.view.is_full;
            let shown = |(column, secret, before, after): Change| match secret {
                true => (column, hidden(&before), hidden(&after)),
                false if is_full => (column, before, after),
                false => (column, short(&before), short(&after)),
            };
            // What somebody new is called stands beside it.
            let told = changes.into_iter().filter(|(column, ..)| !is_new || !column.eq_ignore_ascii_case("userName"));
            let changes = told.map(shown).collect();
            self.plan.shown.push(Shown { line, name, is_new, returns, changes });
        }
        Ok(())
    }

    /// Does somebody look at this one? The next one is the one who was counted so many fewer.
    fn is_seen(&self, counted: u64) -> bool {
        let before = self.plan.touched().saturating_sub(counted);
        before >= self.view.from && self.plan.shown.len() < self.view.count
    }

    /// Takes what is done into the digest.
    fn tell(&mut self, line: u64, id: Option<&str>, (changes, joins): (&[Change], &[Group])) {
        let mut text = hex(&self.digest);
        text.push_str(&format!("\n{line}\n{}", id.unwrap_or_default()));
        for (column, _, before, after) in changes {
            // With their lengths, so that no two lists of changes read the same.
            for part in [column, before, after] {
                text.push_str(&format!("\n{}:{part}", part.len()));
            }
        }
        // A name may be that of another group by the time that somebody joins it.
        for group in joins {
            text.push_str(&format!("\n{}", group.id));
        }
        self.digest = digest_of(&text);
    }
}
