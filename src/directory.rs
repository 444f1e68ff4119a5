//! The use-cases: what a request does to the directory. Synchronous functions over a [`Reader`] or a [`Writer`]: no
//! `.await` can stand between BEGIN and COMMIT, and a client that hangs up cannot cancel half a write.

pub mod admins;
mod bulk;
mod caller;
mod create;
pub mod cursor;
mod fetch;
pub mod guard;
pub mod handover;
pub mod idle;
pub mod lifecycle;
mod list;
pub mod local;
mod me;
pub mod oddities;
pub mod overview;
pub mod overwrites;
mod patch;
pub mod people_csv;
pub mod profile;
pub mod provisioning;
mod refusal;
mod remove;
mod replace;
pub mod restore;
pub mod roles;
mod show;
pub mod sso;
mod tokens;
mod walks;
pub mod who;

use std::sync::Arc;

pub use bulk::{Batch, Done, Outcome, bulk, prepare_bulk};
pub use caller::{Caller, Reach, Scope};
pub use create::{RETURNS, create};
pub use fetch::{Fetched, fetch};
pub use list::{Memory, list, list_all};
pub use me::{leave, me};
pub use patch::patch;
pub use refusal::{Refusal, Unauthenticated};
pub use remove::remove;
pub use replace::replace;
pub use tokens::{Lifetime, NewToken, create_token, revoke_token};
pub use walks::Walks;

pub use crate::store::{
    Activity, AdminRow, ChangeRow, Exchange as Exchanged, Guard, Milestone, Owner, RefusedSignIn, SessionRow, Tally,
    TokenRow, TokenStatus,
};
pub use crate::store::{Pending, Prepared, Reader, Store, StoreError, Weight, Writer};

use crate::scim::catalog::{Catalog, ResourceType};
use crate::scim::dialect::{Dialect, RuleSet};
use crate::scim::discovery::Limits;
use crate::scim::json::{Json, Object};
use crate::scim::list::Query;
use crate::scim::project::withhold_secrets;
use crate::scim::version::Conditions;
use crate::secret::Key;

/// What the configuration says about the SCIM surface.
#[derive(Debug, Clone)]
pub struct Site {
    /// The URL of the SCIM endpoint without a slash at its end: what `meta.location` and `$ref` begin with.
    pub base: String,
    /// Results of a page when the client names no count.
    pub page_size: u64,
    /// Results of a page, at most.
    pub max_page_size: u64,
    /// PUT keeps what the request does not name.
    pub put_merges: bool,
    /// Bytes of a request body, at most.
    pub max_payload: u64,
    /// Operations of a Bulk request, at most.
    pub max_operations: usize,
    /// Seconds for which a cursor is good.
    pub cursor_timeout: i64,
    /// The dialect rules that are on.
    pub rules: RuleSet,
    /// The roles that there are.
    pub roles: Arc<roles::Catalogue>,
}

/// The directory as the outer rings hold it: cheap to clone.
#[derive(Clone)]
pub struct Directory {
    /// The file.
    pub store: Store,
    /// The configuration.
    pub site: Arc<Site>,
    /// Where clients are in their walks through pages.
    pub walks: Arc<Walks>,
    /// What cursors are signed with.
    pub key: Arc<Key>,
    /// What the overview knows of automatic deactivation.
    pub idle: Arc<idle::Memo>,
}

impl Directory {
    /// The directory on a store.
    pub fn new(store: Store, site: Site, key: Key) -> Directory {
        Directory { store, site: Arc::new(site), walks: Arc::default(), key: Arc::new(key), idle: Arc::default() }
    }

    /// The schemas and resource types.
    pub fn catalog(&self) -> &Arc<Catalog> {
        self.store.catalog()
    }

    /// What is known of walks.
    pub fn memory(&self) -> Memory<'_> {
        Memory { walks: &self.walks, key: &self.key }
    }

    /// The dialect of one request.
    pub fn dialect(&self) -> Dialect {
        Dialect::new(self.site.rules)
    }

    /// The limits that discovery tells.
    pub fn limits(&self) -> Limits {
        Limits {
            max_results: self.site.max_page_size,
            max_payload: self.site.max_payload,
            max_operations: self.site.max_operations as u64,
            page_size: self.site.page_size,
            cursor_timeout: self.site.cursor_timeout.unsigned_abs(),
        }
    }
}

/// A request for resources of one type, as every use-case is told of it.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The configuration.
    pub site: &'a Site,
    /// Who asks.
    pub caller: &'a Caller,
    /// For which type.
    pub of: &'a ResourceType,
    /// What the answer is to show.
    pub wish: &'a Query,
    /// Which version of the resource it is about.
    pub conditions: &'a Conditions,
    /// Which mistakes are overlooked.
    pub dialect: &'a Dialect,
    /// The answer may show the resource; otherwise nothing is written for it.
    pub shows: bool,
}

/// What a write answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The URL of the resource.
    pub location: String,
    /// Its version as it is now: an entity tag.
    pub version: String,
    /// The resource as JSON text; none when there is nothing to show (204).
    pub body: Option<String>,
    /// Member ids that nobody has; they were passed over.
    pub unknown_members: Vec<String>,
    /// A role that nobody knows, as the request wrote it; the person has the default one.
    pub unknown_role: Option<String>,
}

/// What requests named that there is not, without being refused for it.
#[derive(Debug, Default)]
pub struct Overlooked {
    /// Ids of members.
    pub members: Vec<String>,
    /// Roles.
    pub roles: Vec<String>,
}

/// The attributes in which two documents differ, as JSON texts without secrets: (as they were, as they became).
fn difference(before: &Object, after: &Object, of: &ResourceType) -> (Option<String>, Option<String>) {
    let changed = |one: &Object, other: &Object| -> Option<String> {
        let mut parts: Object =
            one.iter().filter(|(n, v)| other.get(n) != Some(v)).map(|(n, v)| (n.to_owned(), v.clone())).collect();
        withhold_secrets(&mut parts, of);
        (!parts.is_empty()).then(|| Json::Object(parts).text())
    };
    (changed(before, after), changed(after, before))
}
