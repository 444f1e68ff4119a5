//! What a read works with: one connection, one snapshot.

use std::cell::RefCell;
use std::sync::Arc;

use rusqlite::Connection;

use super::{Control, Graph, Shared, StoreError};
use crate::scim::catalog::{Catalog, ResourceType};

/// A snapshot of the file: all statements of one answer see the same state.
pub struct Reader<'c> {
    connection: &'c Connection,
    shared: &'c Arc<Shared>,
    /// False inside a write: what is not committed must not reach what others share.
    publishes: bool,
    /// The graph, once somebody has asked for it.
    graph: RefCell<Option<Arc<Graph>>>,
}

/// Runs a read inside one transaction.
pub(super) fn snapshot<T, E: From<StoreError>>(
    connection: &Connection,
    shared: &Arc<Shared>,
    read: impl FnOnce(&Reader<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let step = |sql: &str| -> Result<(), StoreError> {
        connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    };
    step("begin")?;
    let result =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(&Reader::new(connection, shared, true))));
    // A snapshot that stays open would keep the write-ahead log from being reset.
    step("commit")?;
    result.unwrap_or_else(|_| Err(StoreError::Panicked.into()))
}

impl<'c> Reader<'c> {
    pub(super) fn new(connection: &'c Connection, shared: &'c Arc<Shared>, publishes: bool) -> Reader<'c> {
        Reader { connection, shared, publishes, graph: RefCell::new(None) }
    }

    pub(super) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// The time, in microseconds since 1970.
    pub fn now(&self) -> i64 {
        self.shared.now()
    }

    /// The catalog that the file is held to.
    pub fn catalog(&self) -> &'c Catalog {
        &self.shared.catalog
    }

    /// The tag of the file: another one after each restore.
    pub fn file_tag(&self) -> &'c str {
        &self.shared.file_tag
    }

    /// The code under which a resource type stands in the file.
    pub fn code(&self, of: &ResourceType) -> i64 {
        // Every type of the catalog was registered when the file was opened.
        self.shared.types.get(&of.name).copied().unwrap_or(-1)
    }

    /// The resource type behind a code.
    pub fn resource_type(&self, code: i64) -> Option<&'c Arc<ResourceType>> {
        let name = self.shared.types.iter().find(|(_, c)| **c == code)?.0;
        self.shared.catalog.resource_type(name)
    }

    /// The generations of tokens and settings, and of the group graph.
    pub(super) fn generations(&self) -> Result<(i64, i64), StoreError> {
        let mut statement = self.connection.prepare_cached("select control, graph from generation where id = 1")?;
        Ok(statement.query_row([], |r| Ok((r.get(0)?, r.get(1)?)))?)
    }

    /// Tokens and settings, as this snapshot has them.
    pub fn control(&self) -> Result<Arc<Control>, StoreError> {
        let (generation, _) = self.generations()?;
        let held = self.shared.control.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if held.generation == generation {
            return Ok(held);
        }
        let fresh = Arc::new(Control::load(self.connection, generation)?);
        if self.publishes {
            self.shared.publish_control(&fresh);
        }
        Ok(fresh)
    }

    /// The groups, their names and how they are nested, as this snapshot has them.
    pub fn graph(&self) -> Result<Arc<Graph>, StoreError> {
        let mine = self.graph.borrow().clone();
        // A snapshot does not change; a write may have changed its own.
        if let Some(mine) = mine.clone().filter(|_| self.publishes) {
            return Ok(mine);
        }
        let (_, generation) = self.generations()?;
        let held = self.shared.graph.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let known = mine.into_iter().chain([held]).find(|g| g.generation() == generation);
        let graph = match known {
            Some(known) => known,
            None => Arc::new(Graph::load(self.connection, generation, &self.shared.types)?),
        };
        if self.publishes {
            self.shared.publish_graph(&graph);
        }
        *self.graph.borrow_mut() = Some(graph.clone());
        Ok(graph)
    }

    /// Rows that this connection has written so far: what a test counts instead of time.
    #[cfg(test)]
    pub(crate) fn rows_written(&self) -> u64 {
        self.connection.total_changes()
    }

    /// Forgets what was looked up inside a job that is undone.
    pub(super) fn forget(&self) {
        *self.graph.borrow_mut() = None;
    }

    /// What a write has looked up is good for everybody once it is committed.
    pub(super) fn publish(&self) {
        if let Some(graph) = self.graph.borrow().as_ref() {
            self.shared.publish_graph(graph);
        }
    }

    pub(super) fn shared(&self) -> &'c Arc<Shared> {
        self.shared
    }
}
