//! The walk through the rows: who is meant, what changes, and whether it can. A reader looks, a writer does it; nothing else
//! differs, so a preview is what an import comes to.

mod meant;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use self::meant::claim;
use self::words::{column_of, full, hex, hidden, sentence, short};
use super::cell::said;
use super::columns::{Column, GROUPS, Meaning, ROLE, Target};
use super::row::{Edit, place};
use super::text::Row as Line;
use super::{MOST_ERRORS, Plan, RowError, Shown};
use crate::clock::fresh_id;
use crate::directory::lifecycle::{groups, is_active, join};
use crate::directory::local::{Kind, act, change, dialect, make};
use crate::directory::roles::{By, set_override, unheard};
use crate::directory::{Caller, Reader, Refusal, Site, Writer};
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::Dialect;
use crate::scim::fault::quoted;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::scim::patch::{Patch, PatchPlan, Step};
use crate::scim::resource::{Purpose, check};
use crate::scim::stored::conceal;
use crate::secret::digest_of;
use crate::store::{Prepared, Row, Source, StoreError};

/// Bytes of one cell, at most: those of a string of SCIM.
const LONGEST: usize = crate::scim::json::MAX_STRING;

/// Who goes through the rows.
pub enum Hands<'a, 'c> {
    /// Somebody who looks.
    Look(&'a Reader<'c>),
    /// Somebody who does it.
    Write(&'a mut Writer<'c>),
}

impl<'c> Hands<'_, 'c> {
    /// What both can.
    pub fn reader(&self) -> &Reader<'c> {
        match self {
            Hands::Look(reader) => reader,
            Hands::Write(writer) => writer,
        }
    }
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
    /// Groups by what a cell calls them: key and id.
    groups: HashMap<String, Option<(i64, String)>>,
    plan: Plan,
    shown: usize,
    digest: Vec<u8>,
}

/// Whom a row is about.
enum Who {
    /// Somebody who is here, and whether the userName says so: then it says nothing else.
    Known(Row, bool),
    /// Somebody who is called so.
    New(String),
}

/// The role that was given to somebody here, and the one that is given now.
type Given = (Option<String>, Option<String>);

/// What a row asks for.
struct Asked<'f> {
    who: Who,
    before: Object,
    edits: Vec<(&'f Target<'f>, &'f str, Edit)>,
    /// Groups to join: id and name.
    joins: Vec<(String, String)>,
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
        shown: usize,
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
            shown,
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
        let mut errors = Vec::new();
        let (mut edits, mut joins, mut role) = (Vec::new(), Vec::new(), None);
        for (i, column) in columns.iter().enumerate() {
            let cell = line.cell(i);
            let name = Some(column.name.as_str());
            if cell.len() > LONGEST {
                errors.push(wrong(name, format!("The cell has more than {LONGEST} bytes.")));
                continue;
            }
            match &column.meaning {
                // Letter case does not count, so it is not taken for a wish.
                Meaning::Attribute(target) if target.is_name() && matches!(who, Who::Known(_, true)) => {}
                Meaning::Attribute(target) => match Edit::of(target, said(cell), &before) {
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
                let mut document = Object::new();
                for (target, _, edit) in &edits {
                    if let Some(value) = edit.value.clone() {
                        place(&mut document, target, value);
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
            for (group, _) in &joins {
                join(writer, self.caller, group, &id, Source::Local).map_err(refused)?;
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
        let name = match &who {
            Who::New(name) => name.clone(),
            Who::Known(..) => {
                let renamed = edits.iter().find(|(target, _, _)| target.is_name()).map(|(_, _, e)| e.after.clone());
                renamed.or_else(|| Some(before.get("userName")?.as_str()?.to_owned())).unwrap_or_default()
            }
        };
        let mut changes: Vec<(String, bool, String, String)> = Vec::new();
        if is_changed {
            let secret = |t: &Target<'_>| t.leaf().is_secret() || t.path.attribute.is_secret();
            let told = edits.into_iter().map(|(t, n, e)| (n.to_owned(), secret(t), e.before, e.after));
            changes.extend(told);
        }
        if !joins.is_empty() {
            let joined = joins.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join("; ");
            changes.push((GROUPS.to_owned(), false, String::new(), joined));
        }
        if let Some((before, after)) = role {
            changes.push((ROLE.to_owned(), false, before.unwrap_or_default(), after.unwrap_or_default()));
        }
        self.tell(line, (!is_new).then_some(&*id), &changes);
        if self.plan.shown.len() < self.shown {
            let shown = |(column, secret, before, after): (String, bool, String, String)| match secret {
                true => (column, hidden(&before), hidden(&after)),
                false => (column, short(&before), short(&after)),
            };
            // What somebody new is called stands beside it.
            let told = changes.into_iter().filter(|(column, ..)| !is_new || !column.eq_ignore_ascii_case("userName"));
            let changes = told.map(shown).collect();
            self.plan.shown.push(Shown { line, name, is_new, returns, changes });
        }
        Ok(())
    }

    /// Takes what is done into the digest.
    fn tell(&mut self, line: u64, id: Option<&str>, changes: &[(String, bool, String, String)]) {
        let mut text = hex(&self.digest);
        text.push_str(&format!("\n{line}\n{}", id.unwrap_or_default()));
        for (column, _, before, after) in changes {
            // With their lengths, so that no two lists of changes read the same.
            for part in [column, before, after] {
                text.push_str(&format!("\n{}:{part}", part.len()));
            }
        }
        self.digest = digest_of(&text);
    }

    /// Makes somebody, or looks whether that could be done. Gives the id, and whether the same person was here before.
    fn made(&mut self, line: u64, document: Object) -> Result<(String, bool), Refusal> {
        let id = fresh_id();
        match &mut self.hands {
            Hands::Write(writer) => {
                let new = id.clone();
                act(writer, (self.site, self.caller), Kind::Person, |writer, ask| make(writer, ask, new, document))?;
                Ok((id, false))
            }
            Hands::Look(reader) => {
                let checked = check(document.into(), self.of, Purpose::New, &self.dialect)?;
                let new = Prepared::of(checked.into_document(), self.of);
                unheard(self.site, self.of, None, &new.document)?;
                claim(reader, self.of, (line, 0), &new, &mut self.claims)?;
                let is_shown = self.plan.shown.len() < self.shown;
                Ok((id, is_shown && reader.departed_like(self.of, &new)?.is_some()))
            }
        }
    }

    /// Changes somebody, or looks whether that could be done. Says whether anything is different then.
    fn changed(&mut self, line: u64, row: &Row, operations: Vec<Json>) -> Result<bool, Refusal> {
        match &mut self.hands {
            Hands::Write(writer) => {
                let caller = (self.site, self.caller);
                act(writer, caller, Kind::Person, |writer, ask| change(writer, ask, &row.id, operations))
            }
            Hands::Look(reader) => {
                let before = row.document()?;
                let mut after = before.clone();
                let mut body = Object::new();
                body.push("Operations", Json::Array(operations));
                let plan = Patch::parse(body.into(), self.of, &self.dialect)?.plan(self.of, &self.dialect)?;
                for step in &plan.steps {
                    if let Step::Document(step) = step {
                        step.apply(&mut after, &self.dialect)?;
                    }
                }
                PatchPlan::finish(&before, &mut after, self.of)?;
                if before == after {
                    return Ok(false);
                }
                unheard(self.site, self.of, Some(&before), &after)?;
                let new = Prepared::of(after, self.of);
                let name = new.document.get("userName").and_then(Json::as_str).unwrap_or_default();
                if reader.key_by_name(self.of, &fold(name))?.is_some_and(|pk| pk != row.pk) {
                    let (of, name) = (self.of.name.clone(), name.to_owned());
                    return Err(Refusal::Taken(of, "userName".to_owned(), name, false));
                }
                claim(reader, self.of, (line, row.pk), &new, &mut self.claims)?;
                Ok(true)
            }
        }
    }

    /// What a refusal says of a row.
    fn refused(&self, line: u64, refusal: Refusal, edits: &[(&Target<'_>, &str, Edit)]) -> Bad {
        let column = match &refusal {
            Refusal::Broken(error) => return Bad::Broken(error.clone()),
            Refusal::Fault(fault) => column_of(fault, edits),
            Refusal::Taken(_, path, _, _) => {
                edits.iter().find(|(target, _, _)| target.path.text() == *path).map(|(_, name, _)| *name)
            }
            _ => None,
        };
        let why = match (&refusal, column) {
            (Refusal::Fault(fault), Some(_)) => full(&fault.why),
            _ => sentence(&refusal),
        };
        Bad::Row(vec![RowError { line, column: column.map(str::to_owned), why }])
    }
}
