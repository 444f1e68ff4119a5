//! What a reader only looks at and a writer does: somebody is made, or changed.

use super::super::RowError;
use super::super::columns::Target;
use super::super::row::Edit;
use super::meant::claim;
use super::words::{column_of, full, sentence};
use super::{Bad, Walk};
use crate::clock::fresh_id;
use crate::directory::local::{Kind, act, change, make};
use crate::directory::roles::unheard;
use crate::directory::{Reader, Refusal, Writer};
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::scim::patch::{Patch, PatchPlan, Step};
use crate::scim::resource::{Purpose, check};
use crate::store::{Prepared, Row};

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

impl Walk<'_, '_, '_> {
    /// Makes somebody, or looks whether that could be done. Gives the id, and whether the same person was here before.
    pub(super) fn made(&mut self, line: u64, document: Object) -> Result<(String, bool), Refusal> {
        let (id, is_shown) = (fresh_id(), self.is_seen(0));
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
                Ok((id, is_shown && reader.departed_like(self.of, &new)?.is_some()))
            }
        }
    }

    /// Changes somebody, or looks whether that could be done. Says whether anything is different then.
    pub(super) fn changed(&mut self, line: u64, row: &Row, operations: Vec<Json>) -> Result<bool, Refusal> {
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
    pub(super) fn refused(&self, line: u64, refusal: Refusal, edits: &[(&Target<'_>, &str, Edit)]) -> Bad {
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
