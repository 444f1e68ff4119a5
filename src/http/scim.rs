//! One function for each verb of SCIM: decode, ask the directory, encode.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode};

use super::problem::{Problem, no_method, no_route, not_offered};
use super::route::Route;
use super::wire::{Answer, BodyLimits, acceptable, read};
use crate::directory::{self, Ask, Caller, Directory, Prepared, Reader, Refusal, Reply, StoreError, Weight};
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::Dialect;
use crate::scim::discovery;
use crate::scim::fault::{Fault, Kind};
use crate::scim::json::{Json, Object};
use crate::scim::list::{Query, list_response};
use crate::scim::patch::Patch;
use crate::scim::resource::{Purpose, check};
use crate::secret::Token;

/// Member ids of one request beyond which its write gets a transaction of its own.
const HEAVY_MEMBERS: usize = 1000;

/// One request, as far as every verb needs it.
pub struct Exchange {
    /// The directory.
    pub directory: Directory,
    /// The token it shows.
    pub token: Token,
    /// Its id, as the log shows it.
    pub id: String,
    /// Where it comes from.
    pub address: IpAddr,
    /// Its User-Agent.
    pub client: String,
    /// Bounds on its body.
    pub limits: BodyLimits,
}

type Outcome = Result<Answer, Problem>;

impl Exchange {
    fn admit(&self, reader: &Reader<'_>) -> Result<Caller, Refusal> {
        let now = reader.now();
        let caller = Caller::admit(reader, &self.token, &self.id, now)?;
        // Last uses are shown to the second.
        let second = now - now.rem_euclid(1_000_000);
        self.directory.store.note(|u| u.token(&caller.token, second, self.address, &self.client));
        Ok(caller)
    }

    fn ask<'a>(&'a self, caller: &'a Caller, of: &'a ResourceType, wish: &'a Query, dialect: &'a Dialect) -> Ask<'a> {
        Ask { site: &self.directory.site, caller, of, wish, dialect }
    }

    /// Lets the caller in, for what needs nothing from the store.
    async fn let_in(self: &Arc<Self>) -> Result<(), Problem> {
        self.look(|_, _, _| Ok(())).await
    }

    fn note(&self, dialect: &Dialect) {
        let used = dialect.used();
        if !used.is_empty() {
            tracing::debug!(request = self.id, rules = ?used.names().collect::<Vec<_>>(), "dialect rules were needed");
            let now = self.directory.store.clock().now();
            self.directory.store.note(|u| u.rules(used.names(), now));
        }
    }

    /// Lets the caller in and reads, on this thread; on a reader thread when the file is locked at this instant.
    async fn look<T, F>(self: &Arc<Self>, read: F) -> Result<T, Problem>
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
    async fn look_elsewhere<T, F>(self: &Arc<Self>, read: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Fn(&Exchange, &Reader<'_>, &Caller) -> Result<T, Refusal> + Send + 'static,
    {
        let this = self.clone();
        let pending = self.directory.store.read(move |reader| read(&this, reader, &this.admit(reader)?));
        pending.await.map_err(|r| self.refused(r))
    }

    fn refused(&self, refusal: Refusal) -> Problem {
        match &refusal {
            Refusal::Unauthenticated(cause) => {
                tracing::warn!(request = self.id, token = self.token.id(), ?cause, address = %self.address, client = ?self.client, "a token was refused");
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
    async fn body(
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
        let bytes: Bytes = read(body, headers, self.limits).await?;
        let json = aside(bytes.len(), || Json::parse(&bytes)).map_err(Refusal::from)?;
        Ok((caller, json, bytes.len()))
    }

    fn wish(&self, query: &str) -> Result<Query, Problem> {
        let undecodable = percent_encoding::percent_decode_str(query).decode_utf8().is_err();
        if undecodable {
            return Err(Refusal::from(Fault::new(Kind::InvalidValue, "", "the query of the URL is not UTF-8")).into());
        }
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let dialect = self.directory.dialect();
        let wish = Query::from_pairs(pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref())), &dialect);
        self.note(&dialect);
        Ok(wish.map_err(Refusal::from)?)
    }
}

/// Answers a request to the SCIM endpoint, or to a path that is none: without a good token all look the same.
pub async fn answer(
    exchange: &Arc<Exchange>,
    method: &Method,
    route: Option<Route>,
    query: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Outcome {
    let Some(route) = route else {
        exchange.let_in().await?;
        return Err(no_route());
    };
    if !route.methods().contains(method) {
        exchange.let_in().await?;
        return Err(no_method(route.methods()));
    }
    if *method == Method::OPTIONS {
        exchange.let_in().await?;
        let allowed = route.methods().iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        return Ok(Answer::empty(StatusCode::NO_CONTENT).with(header::ALLOW, &allowed));
    }
    match (route, method.as_str()) {
        (Route::Resource(of, id), "GET" | "HEAD") => get(exchange, of, id, query).await,
        (Route::Resource(of, id), "PUT") => put(exchange, of, id, query, headers, body).await,
        (Route::Resource(of, id), "PATCH") => patch(exchange, of, id, query, headers, body).await,
        (Route::Resource(of, id), _) => delete(exchange, of, id).await,
        (Route::Collection(of), "POST") => post(exchange, of, query, headers, body).await,
        (Route::Collection(of), _) => {
            let wish = wish_of_somebody(exchange, query).await?;
            list(exchange, of, wish).await
        }
        (Route::Search(of), _) => {
            let wish = search(exchange, headers, body).await?;
            list(exchange, of, wish).await
        }
        (Route::SearchAll, _) => {
            let wish = search(exchange, headers, body).await?;
            list_all(exchange, wish).await
        }
        (Route::Root, _) => {
            let wish = wish_of_somebody(exchange, query).await?;
            list_all(exchange, wish).await
        }
        (Route::ServiceProviderConfig, _) => {
            exchange.let_in().await?;
            let config = discovery::service_provider_config(&exchange.directory.site.base, exchange.directory.limits());
            Ok(Answer::json(StatusCode::OK, Json::Object(config).text()))
        }
        (Route::ResourceTypes(id), _) => {
            let all = discovery::resource_types(exchange.directory.catalog(), &exchange.directory.site.base);
            discover(exchange, all, id, "ResourceType", query).await
        }
        (Route::Schemas(id), _) => {
            let all = discovery::schemas(exchange.directory.catalog(), &exchange.directory.site.base);
            discover(exchange, all, id, "Schema", query).await
        }
        (Route::NotOffered(what), _) => {
            exchange.let_in().await?;
            Err(not_offered(what))
        }
        // Probes are answered before anybody has to show a token.
        (Route::Health | Route::Ready, _) => Err(no_route()),
    }
}

/// A faulty query must not tell a stranger that there is a server behind it.
async fn wish_of_somebody(exchange: &Arc<Exchange>, query: &str) -> Result<Query, Problem> {
    match exchange.wish(query) {
        Ok(wish) => Ok(wish),
        Err(problem) => {
            exchange.let_in().await?;
            Err(problem)
        }
    }
}

async fn get(exchange: &Arc<Exchange>, of: Arc<ResourceType>, id: String, query: &str) -> Outcome {
    let wish = if query.is_empty() { Query::default() } else { wish_of_somebody(exchange, query).await? };
    let fetch = |quick: bool| {
        let (of, id, wish) = (of.clone(), id.clone(), wish.clone());
        move |x: &Exchange, reader: &Reader<'_>, _: &Caller| {
            let dialect = x.directory.dialect();
            let body = directory::fetch(reader, &x.directory.site, &of, &id, &wish, &dialect, quick);
            x.note(&dialect);
            body
        }
    };
    let body = match exchange.look(fetch(true)).await? {
        Some(body) => body,
        None => exchange.look_elsewhere(fetch(false)).await?.unwrap_or_default(),
    };
    Ok(Answer::json(StatusCode::OK, body))
}

async fn list(exchange: &Arc<Exchange>, of: Arc<ResourceType>, wish: Query) -> Outcome {
    let wish = Arc::new(wish);
    let list = |quick: bool| {
        let (of, wish) = (of.clone(), wish.clone());
        move |x: &Exchange, reader: &Reader<'_>, caller: &Caller| {
            let dialect = x.directory.dialect();
            let body = directory::list(reader, &x.directory.walks, x.ask(caller, &of, &wish, &dialect), quick);
            x.note(&dialect);
            body
        }
    };
    let quick = match wish.filter {
        Some(_) => exchange.look(list(true)).await?,
        None => None,
    };
    let body = match quick {
        Some(body) => body,
        None => exchange.look_elsewhere(list(false)).await?.unwrap_or_default(),
    };
    Ok(Answer::json(StatusCode::OK, body))
}

async fn list_all(exchange: &Arc<Exchange>, wish: Query) -> Outcome {
    let body = exchange.look_elsewhere(move |x, reader, caller| {
        let dialect = x.directory.dialect();
        let types = &x.directory.catalog().resource_types;
        let body = directory::list_all(reader, &x.directory.site, &x.directory.walks, caller, types, &wish, &dialect);
        x.note(&dialect);
        body
    });
    Ok(Answer::json(StatusCode::OK, body.await?))
}

async fn search(exchange: &Arc<Exchange>, headers: &HeaderMap, body: &mut Incoming) -> Result<Query, Problem> {
    let (_, json, _) = exchange.body(false, headers, body).await?;
    let dialect = exchange.directory.dialect();
    let wish = Query::from_body(json, &dialect);
    exchange.note(&dialect);
    Ok(wish.map_err(Refusal::from)?)
}

async fn post(
    exchange: &Arc<Exchange>,
    of: Arc<ResourceType>,
    query: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Outcome {
    let wish = wish_of_somebody(exchange, query).await?;
    let (caller, json, size) = exchange.body(true, headers, body).await?;
    let dialect = exchange.directory.dialect();
    let checked = aside(size, || check(json, &of, Purpose::New, &dialect)).map_err(Refusal::from)?;
    let members = checked.members().unwrap_or_default().to_vec();
    let new = Prepared::of(checked.into_document(), &of);
    exchange.note(&dialect);
    let this = exchange.clone();
    let written = exchange.directory.store.write(weight(members.len()), move |writer| {
        let dialect = this.directory.dialect();
        directory::create(writer, this.ask(&caller, &of, &wish, &dialect), &new, &members)
    });
    let reply = written.await.map_err(|r| exchange.refused(r))?;
    let location = reply.location.clone();
    Ok(shown(exchange, StatusCode::CREATED, reply).with(header::LOCATION, &location))
}

async fn put(
    exchange: &Arc<Exchange>,
    of: Arc<ResourceType>,
    id: String,
    query: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Outcome {
    let wish = wish_of_somebody(exchange, query).await?;
    let (caller, json, size) = exchange.body(true, headers, body).await?;
    let dialect = exchange.directory.dialect();
    let purpose = if exchange.directory.site.put_merges { Purpose::Partial } else { Purpose::Whole };
    let checked = aside(size, || check(json, &of, purpose, &dialect)).map_err(Refusal::from)?;
    exchange.note(&dialect);
    let this = exchange.clone();
    let weight = weight(checked.members().map_or(0, <[String]>::len));
    let written = exchange.directory.store.write(weight, move |writer| {
        let dialect = this.directory.dialect();
        directory::replace(writer, this.ask(&caller, &of, &wish, &dialect), &id, checked)
    });
    let reply = written.await.map_err(|r| exchange.refused(r))?;
    Ok(shown(exchange, StatusCode::OK, reply))
}

async fn patch(
    exchange: &Arc<Exchange>,
    of: Arc<ResourceType>,
    id: String,
    query: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Outcome {
    let wish = wish_of_somebody(exchange, query).await?;
    let (caller, json, size) = exchange.body(true, headers, body).await?;
    let dialect = exchange.directory.dialect();
    let patch = aside(size, || Patch::parse(json, &of, &dialect)).map_err(Refusal::from)?;
    exchange.note(&dialect);
    let this = exchange.clone();
    // A removal by value has become one operation for each value.
    let weight = weight(patch.operations.iter().map(|o| o.value.elements().len().max(1)).sum());
    let written = exchange.directory.store.write(weight, move |writer| {
        let dialect = this.directory.dialect();
        let reply = directory::patch(writer, this.ask(&caller, &of, &wish, &dialect), &id, patch);
        this.note(&dialect);
        reply
    });
    let reply = written.await.map_err(|r| exchange.refused(r))?;
    Ok(shown(exchange, StatusCode::OK, reply))
}

async fn delete(exchange: &Arc<Exchange>, of: Arc<ResourceType>, id: String) -> Outcome {
    let looked = {
        let (of, id) = (of.clone(), id.clone());
        exchange.look(move |_, reader, caller| {
            caller.may_write(reader)?;
            let members = reader.find(&of, &id)?.map_or(0, |row| row.members);
            Ok((caller.clone(), weight(usize::try_from(members).unwrap_or(usize::MAX))))
        })
    };
    let (caller, weight) = looked.await?;
    let written = exchange.directory.store.write(weight, move |writer| directory::remove(writer, &caller, &of, &id));
    written.await.map_err(|r| exchange.refused(r))?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// All of them as a list, or the one with an id. A filter here is forbidden (RFC 7644 §4).
async fn discover(exchange: &Arc<Exchange>, all: Vec<Object>, id: Option<String>, what: &str, query: &str) -> Outcome {
    exchange.let_in().await?;
    let Some(id) = id else {
        if form_urlencoded::parse(query.as_bytes()).any(|(n, v)| n.eq_ignore_ascii_case("filter") && !v.is_empty()) {
            return Err(Problem::plain(StatusCode::FORBIDDEN, "Discovery cannot be filtered."));
        }
        let texts: Vec<String> = all.into_iter().map(|o| Json::Object(o).text()).collect();
        return Ok(Answer::json(StatusCode::OK, list_response(texts.len() as u64, 1, &texts)));
    };
    let found =
        all.into_iter().find(|o| o.get("id").and_then(Json::as_str).is_some_and(|i| i.eq_ignore_ascii_case(&id)));
    match found {
        Some(found) => Ok(Answer::json(StatusCode::OK, Json::Object(found).text())),
        None => Err(Refusal::NotFound(what.to_owned(), id).into()),
    }
}

/// Computes on what a body of this size holds; a large one does not keep other requests of the thread waiting.
fn aside<T>(size: usize, compute: impl FnOnce() -> T) -> T {
    const LARGE: usize = 256 << 10;
    if size > LARGE { tokio::task::block_in_place(compute) } else { compute() }
}

fn weight(members: usize) -> Weight {
    if members > HEAVY_MEMBERS { Weight::Heavy } else { Weight::Light }
}

fn shown(exchange: &Exchange, status: StatusCode, reply: Reply) -> Answer {
    if !reply.unknown_members.is_empty() {
        let first: Vec<&String> = reply.unknown_members.iter().take(10).collect();
        tracing::warn!(
            request = exchange.id,
            count = reply.unknown_members.len(),
            ?first,
            "members that nobody is were passed over"
        );
    }
    match reply.body {
        Some(body) => Answer::json(status, body),
        None => Answer::empty(StatusCode::NO_CONTENT),
    }
}
