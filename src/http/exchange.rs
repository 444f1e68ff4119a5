//! One request on its way: who asks, and how its reads and writes reach the directory.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};

use super::doors::{Doors, Stranger};
use super::media::acceptable;
use super::problem::Problem;
use super::wire::{BodyLimits, Room, read};
use crate::directory::{Ask, Caller, Directory, Reach, Reader, Refusal, StoreError};
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::{Dialect, RuleSet};
use crate::scim::fault::{Fault, Kind};
use crate::scim::json::Json;
use crate::scim::list::Query;
use crate::scim::version::Conditions;
use crate::secret::Token;

/// What a request about one resource is about.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its type.
    pub of: Arc<ResourceType>,
    /// Its id.
    pub id: String,
    /// What the answer is to show.
    pub wish: Query,
    /// Which version of it is meant.
    pub conditions: Conditions,
}

/// One request, as far as every verb needs it.
pub struct Exchange {
    /// The directory.
    pub directory: Directory,
    /// The token it shows.
    pub token: Token,
    /// How far it reaches.
    pub reach: Reach,
    /// Its id, as the log shows it.
    pub id: String,
    /// Where it comes from.
    pub address: IpAddr,
    /// Its User-Agent.
    pub client: String,
    /// Bounds on its body.
    pub limits: BodyLimits,
    /// Where it is, until the request is answered.
    pub room: Room,
    /// Where bad tokens are counted.
    pub doors: Arc<Doors>,
}

impl Exchange {
    fn admit(&self, reader: &Reader<'_>) -> Result<Caller, Refusal> {
        let now = reader.now();
        let caller = Caller::admit(reader, &self.token, &self.id, self.reach, now)?;
        // Last uses are shown to the second.
        let second = now - now.rem_euclid(1_000_000);
        self.directory.store.note(|u| u.token(&caller.token, second, self.address, &self.client));
        Ok(caller)
    }

    /// A request for a type, without conditions.
    pub fn ask<'a>(
        &'a self,
        caller: &'a Caller,
        of: &'a ResourceType,
        wish: &'a Query,
        dialect: &'a Dialect,
    ) -> Ask<'a> {
        Ask { site: &self.directory.site, caller, of, wish, conditions: &Conditions::NONE, dialect, shows: true }
    }

    /// A request about one resource.
    pub fn about<'a>(&'a self, caller: &'a Caller, target: &'a Target, dialect: &'a Dialect) -> Ask<'a> {
        let Target { of, wish, conditions, .. } = target;
        Ask { site: &self.directory.site, caller, of, wish, conditions, dialect, shows: true }
    }

    /// Lets the caller in, for what needs nothing from the store.
    pub async fn let_in(self: &Arc<Self>) -> Result<(), Problem> {
        self.look(|_, _, _| Ok(())).await
    }

    /// Writes down that some members are nobody.
    pub fn passed_over(&self, members: &[String]) {
        if !members.is_empty() {
            let first: Vec<&String> = members.iter().take(10).collect();
            let count = members.len();
            tracing::warn!(request = self.id, count, ?first, "members that nobody is were passed over");
        }
    }

    /// Writes down that somebody was to have a role that there is not.
    pub fn unheard(&self, roles: &[String]) {
        if let Some(first) = roles.first() {
            let role: String = first.chars().take(100).collect();
            let count = roles.len();
            tracing::warn!(
                request = self.id,
                count,
                ?role,
                "a role that nobody knows, or that is only given here: the default role holds"
            );
        }
    }

    /// Counts the dialect rules that were needed.
    pub fn note(&self, dialect: &Dialect) {
        self.note_used(dialect.used());
    }

    /// The same of the rules that a write has used: known when it has run for the last time.
    pub fn note_used(&self, used: RuleSet) {
        if !used.is_empty() {
            tracing::debug!(request = self.id, rules = ?used.names().collect::<Vec<_>>(), "dialect rules were needed");
            let now = self.directory.store.clock().now();
            self.directory.store.note(|u| u.rules(used.names(), now));
        }
    }

    /// Lets the caller in and reads, on this thread; on a reader thread when the file is locked at this instant.
    pub async fn look<T, F>(self: &Arc<Self>, read: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Fn(&Exchange, &Reader<'_>, &Caller) -> Result<T, Refusal> + Send + 'static,
    {
        match self.directory.store.inline(|reader| read(self, reader, &self.admit(reader)?)) {
            Err(Refusal::Broken(StoreError::Busy)) => self.look_elsewhere(read).await,
            outcome => outcome.map_err(|r| self.refused(r)),
        }
    }

    /// Lets the caller in and reads, on a reader thread.
    pub async fn look_elsewhere<T, F>(self: &Arc<Self>, read: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Fn(&Exchange, &Reader<'_>, &Caller) -> Result<T, Refusal> + Send + 'static,
    {
        let this = self.clone();
        let pending = self.directory.store.read(move |reader| read(&this, reader, &this.admit(reader)?));
        pending.await.map_err(|r| self.refused(r))
    }

    /// A refusal as the client hears it; the log hears more.
    pub fn refused(&self, refusal: Refusal) -> Problem {
        match &refusal {
            Refusal::Unauthenticated(_) => {
                let stranger =
                    Stranger { doors: &self.doors, request: &self.id, address: self.address, client: &self.client };
                return stranger.refusal(refusal, &self.token);
            }
            Refusal::Broken(error @ (StoreError::Overloaded | StoreError::Busy | StoreError::Closed)) => {
                tracing::warn!(request = self.id, %error, "the store is busy");
            }
            Refusal::Broken(error) => {
                tracing::error!(request = self.id, %error, "the store could not do what it was asked")
            }
            _ => {}
        }
        refusal.into()
    }

    /// Reads the body as JSON, after the caller was let in to write.
    pub async fn body(
        self: &Arc<Self>,
        writes: bool,
        headers: &HeaderMap,
        body: &mut Incoming,
    ) -> Result<(Caller, Json, usize), Problem> {
        let caller = self.look(move |_, reader, caller| {
            if writes {
                caller.may_write(reader)?;
            }
            Ok(caller.clone())
        });
        let caller = caller.await?;
        acceptable(headers)?;
        let bytes: Bytes = read(body, headers, self.limits, &self.room).await?;
        let json = aside(bytes.len(), || Json::request(&bytes)).map_err(Refusal::from)?;
        Ok((caller, json, bytes.len()))
    }

    /// Reads the query of the URL. A faulty one must not tell a stranger that there is a server behind it.
    pub async fn wish(self: &Arc<Self>, query: &str) -> Result<Query, Problem> {
        match self.read_wish(query) {
            Ok(wish) => Ok(wish),
            Err(problem) => {
                self.let_in().await?;
                Err(problem)
            }
        }
    }

    /// Reads the conditions of a request; faulty ones as a faulty query.
    pub async fn conditions(self: &Arc<Self>, headers: &HeaderMap) -> Result<Conditions, Problem> {
        let given = |name: HeaderName| {
            let lines: Vec<_> = headers.get_all(&name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
            (!lines.is_empty()).then(|| lines.join(", "))
        };
        let (matches, differs) = (given(IF_MATCH), given(IF_NONE_MATCH));
        match Conditions::read(matches.as_deref(), differs.as_deref()) {
            Ok(conditions) => Ok(conditions),
            Err(fault) => {
                self.let_in().await?;
                Err(Refusal::from(fault).into())
            }
        }
    }

    fn read_wish(&self, query: &str) -> Result<Query, Problem> {
        let undecodable = percent_encoding::percent_decode_str(query).decode_utf8().is_err();
        if undecodable {
            return Err(Refusal::from(Fault::new(Kind::InvalidValue, "", "the query of the URL is not UTF-8")).into());
        }
        let dialect = self.directory.dialect();
        let settled = dialect.settle_query(query);
        let query = settled.as_deref().unwrap_or(query);
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let wish = Query::from_pairs(pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref())), &dialect);
        self.note(&dialect);
        Ok(wish.map_err(Refusal::from)?)
    }
}

/// Computes on what a body of this size holds; a large one does not keep other requests of the thread waiting.
pub fn aside<T>(size: usize, compute: impl FnOnce() -> T) -> T {
    const LARGE: usize = 256 << 10;
    if size > LARGE { tokio::task::block_in_place(compute) } else { compute() }
}
