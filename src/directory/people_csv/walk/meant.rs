//! Whom a row means, and which groups and role; and that it means nobody whom another row means.

use super::super::cell::{Said, names, said};
use super::super::columns::{Meaning, Target};
use super::super::row::Edit;
use super::super::text::Row as Line;
use super::{Given, Group, Walk, Who};
use crate::directory::Refusal;
use crate::directory::create::taken;
use crate::directory::lifecycle::meant;
use crate::scim::catalog::ResourceType;
use crate::scim::fault::quoted;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::store::{Prepared, Reader, StoreError};

use std::collections::{HashMap, HashSet};

impl<'f> Walk<'_, '_, 'f> {
    /// Who is meant: by the id if there is one, or else by the userName.
    pub(super) fn who(&self, line: &Line<'_>) -> Result<Result<Who, (Option<&'f str>, String)>, StoreError> {
        let reader = self.hands.reader();
        let cell = |wanted: &dyn Fn(&Meaning<'_>) -> bool| {
            let at = self.columns.iter().position(|c| wanted(&c.meaning))?;
            Some((self.columns.get(at)?.name.as_str(), line.cell(at)))
        };
        let id = cell(&|m| matches!(m, Meaning::Id));
        if let Some((column, id)) = id
            && !id.is_empty()
        {
            // Whoever is meant by an id is not to be made a second time when it is mistyped.
            return Ok(match reader.find(self.of, id)? {
                Some(row) => Ok(Who::Known(row, false)),
                None => Err((
                    Some(column),
                    format!("Nobody has the id {}. For somebody who is new the cell stays empty.", quoted(id)),
                )),
            });
        }
        let name = cell(&|m| matches!(m, Meaning::Attribute(target) if target.is_name()));
        Ok(match name.map(|(column, cell)| (column, said(cell))) {
            Some((_, Said::Text(name))) => match reader.key_by_name(self.of, &fold(&name))? {
                Some(key) => match reader.rows(&[key])?.pop() {
                    Some(row) => Ok(Who::Known(row, true)),
                    None => Ok(Who::New(name.into_owned())),
                },
                None => Ok(Who::New(name.into_owned())),
            },
            Some((column, _)) => Err((Some(column), "It is empty, so nobody is meant.".to_owned())),
            None => {
                let column = id.map(|(column, _)| column);
                Err((column, "It is empty, and there is no userName to say who is meant.".to_owned()))
            }
        })
    }

    /// Notes who had a row, and refuses whoever has a second one.
    pub(super) fn once(
        &mut self,
        line: u64,
        who: &Who,
        before: &Object,
        edits: &[(&'f Target<'f>, &'f str, Edit)],
    ) -> Result<(), (Option<&'f str>, String)> {
        let present = match who {
            Who::Known(..) => before.get("userName").and_then(Json::as_str).unwrap_or_default(),
            Who::New(name) => name,
        };
        if let Some(first) = self.names.insert(fold(present), line) {
            let why = format!("{} is in line {first} already. Everybody has one row.", quoted(present));
            return Err((None, why));
        }
        let renamed = edits.iter().find(|(target, _, _)| target.is_name() && matches!(who, Who::Known(..)));
        if let Some((_, column, edit)) = renamed.filter(|(_, _, edit)| fold(&edit.after) != fold(present))
            && let Some(first) = self.names.insert(fold(&edit.after), line)
        {
            return Err((Some(column), format!("{} is in line {first} already.", quoted(&edit.after))));
        }
        Ok(())
    }

    /// The groups of a cell that somebody is not in yet.
    pub(super) fn joins(&mut self, said: Said<'_>, who: &Who) -> Result<Result<Vec<Group>, String>, StoreError> {
        let text = match said {
            Said::Nothing => return Ok(Ok(Vec::new())),
            Said::Clear => return Ok(Err("A file adds people to groups, and takes nobody out.".to_owned())),
            Said::Text(text) => text,
        };
        let (mut joins, mut met): (Vec<Group>, HashSet<i64>) = (Vec::new(), HashSet::new());
        for name in names(&text) {
            let Some(group) = self.group(&name)? else {
                return Ok(Err(format!("There is no group {}.", quoted(name.trim()))));
            };
            let is_in = match who {
                Who::Known(row, _) => self.hands.reader().member_since(group.key, row.pk)?.is_some(),
                Who::New(_) => false,
            };
            if !is_in && met.insert(group.key) {
                joins.push(group);
            }
        }
        Ok(Ok(joins))
    }

    /// A group by its name as it stands there, or without blanks around it, or by its id.
    fn group(&mut self, name: &str) -> Result<Option<Group>, StoreError> {
        if let Some(known) = self.groups.get(name) {
            return Ok(known.clone());
        }
        let Some(of) = self.group_type.clone() else { return Ok(None) };
        let reader = self.hands.reader();
        let row = match meant(reader, &of, name)? {
            Some(row) => Some(row),
            None => meant(reader, &of, name.trim())?,
        };
        let found = match row {
            Some(row) => {
                let document = row.document()?;
                let name = document.get("displayName").and_then(Json::as_str).unwrap_or_default().to_owned();
                Some(Group { key: row.pk, id: row.id, name })
            }
            None => None,
        };
        self.groups.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    /// The role that was given to somebody, and the one that is given now, if that is another.
    pub(super) fn role(&self, said: Said<'_>, who: &Who) -> Result<Result<Option<Given>, String>, StoreError> {
        let before = match who {
            Who::Known(row, _) => self.hands.reader().role_override(&row.id)?.map(|given| given.role),
            Who::New(_) => None,
        };
        let roles = &self.site.roles;
        let after = match said {
            Said::Nothing => return Ok(Ok(None)),
            Said::Clear => None,
            Said::Text(text) if before.as_deref() == Some(&*text) => return Ok(Ok(None)),
            Said::Text(text) => match roles.find(&text) {
                Some(role) => Some(role.value.clone()),
                None => return Ok(Err(format!("{} is no role; there are {}.", quoted(&text), roles.words()))),
            },
        };
        Ok(Ok((before != after).then_some((before, after))))
    }
}

/// Refuses values that nobody may share and somebody else has, in the directory or in an earlier row.
pub(super) fn claim(
    reader: &Reader<'_>,
    of: &ResourceType,
    (line, pk): (u64, i64),
    new: &Prepared,
    claims: &mut HashMap<(i64, String), u64>,
) -> Result<(), Refusal> {
    let claimed = reader.claimed(of, pk, new).map_err(|e| taken(e, of, &new.document))?;
    for key in claimed {
        if let Some(first) = claims.get(&key) {
            let path = of.lookups.iter().find(|l| l.number == key.0).map(|l| l.path().text()).unwrap_or_default();
            return Err(Refusal::Conflict(format!("Line {first} has the same {path}, which nobody may share.")));
        }
        claims.insert(key, line);
    }
    Ok(())
}
