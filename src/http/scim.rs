//! One function for each verb of SCIM: decode, ask the directory, encode.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode};

use super::bulk;
use super::exchange::{Exchange, Target, aside};
use super::problem::{Problem, no_method, no_route};
use super::route::Route;
use super::wire::Answer;
use crate::clock::fresh_id;
use crate::directory::{self, Caller, Fetched, Prepared, Reader, Refusal, Reply, Weight};
use crate::scim::catalog::ResourceType;
use crate::scim::discovery;
use crate::scim::json::{Json, Object};
use crate::scim::list::{Position, Query, list_response};
use crate::scim::patch::Patch;
use crate::scim::resource::{Purpose, check};

/// Member ids of one request beyond which its write gets a transaction of its own.
const HEAVY_MEMBERS: usize = 1000;

type Outcome = Result<Answer, Problem>;

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
        return Ok(Answer::methods(route.methods()));
    }
    match (route, method.as_str()) {
        (Route::Resource(of, id), _) => {
            let wish = if query.is_empty() { Query::default() } else { exchange.wish(query).await? };
            let conditions = exchange.conditions(headers).await?;
            resource(exchange, method, Target { of, id, wish, conditions }, headers, body).await
        }
        (Route::Collection(of), "POST") => post(exchange, of, query, headers, body).await,
        (Route::Collection(of), _) => {
            let wish = exchange.wish(query).await?;
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
        (Route::Bulk, _) => bulk::bulk(exchange, headers, body).await,
        (Route::Root, _) => {
            let wish = exchange.wish(query).await?;
            list_all(exchange, wish).await
        }
        (Route::ServiceProviderConfig, _) => {
            exchange.let_in().await?;
            unfiltered(query)?;
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
        (Route::Me, _) => me(exchange, method, query, headers, body).await,
        // Probes are answered before anybody has to show a token.
        (Route::Health | Route::Ready | Route::Server, _) => Err(no_route()),
    }
}

/// What a method does to one resource.
async fn resource(
    exchange: &Arc<Exchange>,
    method: &Method,
    target: Target,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Outcome {
    match method.as_str() {
        "GET" | "HEAD" => get(exchange, target).await,
        "PUT" => put(exchange, target, headers, body).await,
        "PATCH" => patch(exchange, target, headers, body).await,
        _ => delete(exchange, target).await,
    }
}

/// The user whom the token is bound to (§3.11). Every answer says where that user is for others.
async fn me(
    exchange: &Arc<Exchange>,
    method: &Method,
    query: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Outcome {
    let (of, id, kept_out) = exchange.look(|_, reader, caller| directory::me(reader, caller)).await?;
    let location = format!("{}{}/{id}", exchange.directory.site.base, of.endpoint);
    let outcome = async {
        if let Some(refusal) = kept_out {
            return Err(refusal.into());
        }
        let wish = exchange.wish(query).await?;
        let conditions = exchange.conditions(headers).await?;
        if *method == Method::POST {
            return Err(
                Refusal::Conflict("The user of this token is there already; PUT or PATCH it.".to_owned()).into()
            );
        }
        let target = Target { of, id, wish, conditions };
        if *method == Method::DELETE {
            return leave(exchange, target).await;
        }
        resource(exchange, method, target, headers, body).await
    };
    match outcome.await {
        Ok(answer) => Ok(answer.with(header::LOCATION, &location)),
        Err(problem) => Err(problem.with(header::LOCATION, location)),
    }
}

async fn get(exchange: &Arc<Exchange>, target: Target) -> Outcome {
    let target = Arc::new(target);
    let fetch = |quick: bool| {
        let target = target.clone();
        move |x: &Exchange, reader: &Reader<'_>, caller: &Caller| {
            let dialect = x.directory.dialect();
            let fetched = directory::fetch(reader, x.about(caller, &target, &dialect), &target.id, quick);
            x.note(&dialect);
            fetched
        }
    };
    let fetched = match exchange.look(fetch(true)).await? {
        Some(fetched) => Some(fetched),
        None => exchange.look_elsewhere(fetch(false)).await?,
    };
    let Some(Fetched { version, body }) = fetched else { return Err(no_route()) };
    let answer = match body {
        Some(body) => Answer::json(StatusCode::OK, body),
        None => Answer::empty(StatusCode::NOT_MODIFIED),
    };
    Ok(answer.with(header::ETAG, &version))
}

async fn list(exchange: &Arc<Exchange>, of: Arc<ResourceType>, wish: Query) -> Outcome {
    let wish = Arc::new(wish);
    let list = |quick: bool| {
        let (of, wish) = (of.clone(), wish.clone());
        move |x: &Exchange, reader: &Reader<'_>, caller: &Caller| {
            let dialect = x.directory.dialect();
            let body = directory::list(reader, x.directory.memory(), x.ask(caller, &of, &wish, &dialect), quick);
            x.note(&dialect);
            body
        }
    };
    let quick = match wish.filter {
        Some(_) if wish.cursor.is_none() => exchange.look(list(true)).await?,
        _ => None,
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
        let body = directory::list_all(reader, x.directory.memory(), &x.directory.site, caller, types, &wish, &dialect);
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
    let wish = exchange.wish(query).await?;
    let (caller, json, size) = exchange.body(true, headers, body).await?;
    let dialect = exchange.directory.dialect();
    let checked = aside(size, || check(json, &of, Purpose::New, &dialect)).map_err(Refusal::from)?;
    let members = checked.members().unwrap_or_default().to_vec();
    let new = Prepared::of(checked.into_document(), &of);
    exchange.note(&dialect);
    let this = exchange.clone();
    let written = exchange.directory.store.write_together(weight(members.len()), move |writer| {
        let dialect = this.directory.dialect();
        let reply = directory::create(writer, this.ask(&caller, &of, &wish, &dialect), fresh_id(), &new, &members);
        Ok((reply?, dialect.used()))
    });
    let (reply, used) = written.await.map_err(|r| exchange.refused(r))?;
    exchange.note_used(used);
    let location = reply.location.clone();
    Ok(shown(exchange, StatusCode::CREATED, reply).with(header::LOCATION, &location))
}

async fn put(exchange: &Arc<Exchange>, target: Target, headers: &HeaderMap, body: &mut Incoming) -> Outcome {
    let (caller, json, size) = exchange.body(true, headers, body).await?;
    let dialect = exchange.directory.dialect();
    let purpose = if exchange.directory.site.put_merges { Purpose::Partial } else { Purpose::Whole };
    let checked = aside(size, || check(json, &target.of, purpose, &dialect)).map_err(Refusal::from)?;
    exchange.note(&dialect);
    let this = exchange.clone();
    let weight = weight(checked.members().map_or(0, <[String]>::len));
    let written = exchange.directory.store.write_together(weight, move |writer| {
        let dialect = this.directory.dialect();
        let reply = directory::replace(writer, this.about(&caller, &target, &dialect), &target.id, checked.clone());
        Ok((reply?, dialect.used()))
    });
    let (reply, used) = written.await.map_err(|r| exchange.refused(r))?;
    exchange.note_used(used);
    Ok(shown(exchange, StatusCode::OK, reply))
}

async fn patch(exchange: &Arc<Exchange>, target: Target, headers: &HeaderMap, body: &mut Incoming) -> Outcome {
    let (caller, json, size) = exchange.body(true, headers, body).await?;
    let dialect = exchange.directory.dialect();
    let patch = aside(size, || Patch::parse(json, &target.of, &dialect)).map_err(Refusal::from)?;
    exchange.note(&dialect);
    let this = exchange.clone();
    let weight = weight(patch.values());
    let written = exchange.directory.store.write_together(weight, move |writer| {
        let dialect = this.directory.dialect();
        let reply = directory::patch(writer, this.about(&caller, &target, &dialect), &target.id, patch.clone());
        Ok((reply?, dialect.used()))
    });
    let (reply, used) = written.await.map_err(|r| exchange.refused(r))?;
    exchange.note_used(used);
    Ok(shown(exchange, StatusCode::OK, reply))
}

async fn delete(exchange: &Arc<Exchange>, target: Target) -> Outcome {
    let target = Arc::new(target);
    let looked = {
        let target = target.clone();
        exchange.look(move |_, reader, caller| {
            caller.may_write(reader)?;
            let members = reader.find(&target.of, &target.id)?.map_or(0, |row| row.members);
            Ok((caller.clone(), weight(usize::try_from(members).unwrap_or(usize::MAX))))
        })
    };
    let (caller, weight) = looked.await?;
    let this = exchange.clone();
    let written = exchange.directory.store.write_together(weight, move |writer| {
        let dialect = this.directory.dialect();
        directory::remove(writer, this.about(&caller, &target, &dialect), &target.id)
    });
    written.await.map_err(|r| exchange.refused(r))?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Whoever asks removes his or her own account.
async fn leave(exchange: &Arc<Exchange>, target: Target) -> Outcome {
    let caller = exchange
        .look(|_, reader, caller| {
            caller.may_write(reader)?;
            Ok(caller.clone())
        })
        .await?;
    let this = exchange.clone();
    let written = exchange.directory.store.write_together(Weight::Light, move |writer| {
        let dialect = this.directory.dialect();
        directory::leave(writer, this.about(&caller, &target, &dialect), &target.id)
    });
    written.await.map_err(|r| exchange.refused(r))?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// All of them as a list, or the one with an id.
async fn discover(exchange: &Arc<Exchange>, all: Vec<Object>, id: Option<String>, what: &str, query: &str) -> Outcome {
    exchange.let_in().await?;
    unfiltered(query)?;
    let Some(id) = id else {
        let texts: Vec<String> = all.into_iter().map(|o| Json::Object(o).text()).collect();
        return Ok(Answer::json(StatusCode::OK, list_response(texts.len() as u64, &Position::Index(1), &texts)));
    };
    let found =
        all.into_iter().find(|o| o.get("id").and_then(Json::as_str).is_some_and(|i| i.eq_ignore_ascii_case(&id)));
    match found {
        Some(found) => Ok(Answer::json(StatusCode::OK, Json::Object(found).text())),
        None => Err(Refusal::NotFound(what.to_owned(), id).into()),
    }
}

/// "If a "filter" is provided, the service provider SHOULD respond with HTTP status code 403" (RFC 7644 §4), for
/// whichever of them.
fn unfiltered(query: &str) -> Result<(), Problem> {
    match form_urlencoded::parse(query.as_bytes()).any(|(n, v)| n.eq_ignore_ascii_case("filter") && !v.is_empty()) {
        true => Err(Problem::plain(StatusCode::FORBIDDEN, "Discovery cannot be filtered.")),
        false => Ok(()),
    }
}

fn weight(members: usize) -> Weight {
    if members > HEAVY_MEMBERS { Weight::Heavy } else { Weight::Light }
}

fn shown(exchange: &Exchange, status: StatusCode, reply: Reply) -> Answer {
    exchange.passed_over(&reply.unknown_members);
    exchange.unheard(reply.unknown_role.as_slice());
    let answer = match reply.body {
        Some(body) => Answer::json(status, body),
        None => Answer::empty(StatusCode::NO_CONTENT),
    };
    answer.with(header::ETAG, &reply.version)
}
