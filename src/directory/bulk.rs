//! Many operations in one request (RFC 7644 §3.7): each stands or falls alone, but for those that refer to each other in a
//! circle, which stand or fall together. They share one transaction, or a few when they take long: others who write, and
//! the commands of an administrator, get their turn in between.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::show::location;
use super::{Ask, Caller, Directory, Overlooked, Refusal, Reply, Site, create, patch, remove, replace};
use crate::clock::fresh_id;
use crate::scim::bulk::{Asked, Bulk, Verb, order};
use crate::scim::catalog::{Catalog, ResourceType};
use crate::scim::dialect::Dialect;
use crate::scim::fault::{Fault, Kind, quoted};
use crate::scim::json::{Json, Object};
use crate::scim::list::Query;
use crate::scim::patch::Patch;
use crate::scim::resource::{Checked, Purpose, check};
use crate::scim::version::Conditions;
use crate::store::{Prepared, Writer};

/// A Bulk request on its way: every reference is an id, every body was checked.
pub struct Batch {
    steps: Vec<Step>,
    /// The operations that are to come, in their order; those of one group together.
    groups: VecDeque<Vec<usize>>,
    most_errors: u64,
    failed: HashSet<usize>,
    outcomes: Vec<Option<Result<Done, Refusal>>>,
    /// The operations of the transaction that is open.
    open: Vec<usize>,
    overlooked: Overlooked,
}

struct Step {
    method: String,
    bulk_id: Option<String>,
    /// The URL of what it is about; for a POST only known when it has succeeded.
    location: Option<String>,
    /// The operations whose resources it refers to.
    needs: Vec<usize>,
    work: Option<Result<Work, Refusal>>,
}

struct Work {
    of: Arc<ResourceType>,
    id: String,
    conditions: Conditions,
    change: Change,
}

enum Change {
    Create(Box<Prepared>, Vec<String>),
    Replace(Box<Checked>),
    Patch(Patch),
    Remove,
}

/// What became of an operation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The method as it was written.
    pub method: String,
    /// The bulkId as it was written.
    pub bulk_id: Option<String>,
    /// The URL of the resource; none when it was to be created and was not.
    pub location: Option<String>,
    /// What was done, or why nothing was.
    pub result: Result<Done, Refusal>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A resource is there, of this version.
    Created(String),
    /// A resource was replaced or changed, and has this version.
    Changed(String),
    /// A resource is gone.
    Removed,
}

/// Gives ids to what is to be created, puts them in the place of references, and checks every body.
pub fn prepare_bulk(directory: &Directory, bulk: Bulk, dialect: &Dialect) -> Batch {
    let (site, catalog) = (&directory.site, directory.catalog());
    let (mut ids, mut makers, mut steps, mut asked) = (HashMap::new(), HashMap::new(), Vec::new(), Vec::new());
    for (i, operation) in bulk.operations.into_iter().enumerate() {
        let fresh = operation.creates().then(fresh_id);
        if let (Some(name), Some(id)) = (&operation.bulk_id, &fresh) {
            ids.insert(name.clone(), id.clone());
            makers.insert(name.clone(), i);
        }
        let (method, bulk_id) = (operation.method, operation.bulk_id);
        // Said of refused operations too; a POST has no place before it has succeeded.
        let place = operation.path.as_deref().and_then(|p| Place::find(p, site, catalog));
        let location = match place {
            Some(Place(of, Some(id))) => Some(location(site, &of, &id)),
            _ => None,
        };
        steps.push(Step { method, bulk_id, location, needs: Vec::new(), work: None });
        asked.push((operation.asked, fresh));
    }
    for (step, (asked, fresh)) in steps.iter_mut().zip(asked) {
        step.work = Some(asked.map_err(Refusal::Fault).and_then(|mut asked| {
            let mut needs: Vec<usize> = asked.references().iter().filter_map(|n| makers.get(n).copied()).collect();
            needs.sort_unstable();
            needs.dedup();
            step.needs = needs;
            let unresolved = asked.resolve(&ids);
            let place = Place::find(&asked.path, site, catalog);
            if let (Some(Place(of, Some(id))), true) = (&place, unresolved.is_empty()) {
                step.location = Some(location(site, of, id));
            }
            match unresolved.first() {
                Some(name) => {
                    let why = format!("No operation of this request creates bulkId:{name}. Nothing was changed.");
                    Err(Refusal::Conflict(why))
                }
                None => work(asked, place, fresh, site, dialect),
            }
        }));
    }
    let needs: Vec<Vec<usize>> = steps.iter().map(|s| s.needs.clone()).collect();
    Batch {
        outcomes: steps.iter().map(|_| None).collect(),
        steps,
        groups: order(&needs).into(),
        most_errors: bulk.fail_on_errors.unwrap_or(u64::MAX),
        failed: HashSet::new(),
        open: Vec::new(),
        overlooked: Overlooked::default(),
    }
}

/// A type, and the id behind it.
struct Place(Arc<ResourceType>, Option<String>);

impl Place {
    /// `/Users`, `/Users/ID`; the base URL in front is passed over.
    fn find(path: &str, site: &Site, catalog: &Catalog) -> Option<Place> {
        let behind_base = path.strip_prefix(site.base.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let path = behind_base.unwrap_or(path);
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let (endpoint, id) = path.split_once('/').map_or((path, None), |(e, id)| (e, Some(id)));
        let id = id.map(|id| (!id.is_empty() && !id.contains('/')).then(|| id.to_owned()));
        match id {
            Some(None) => None,
            id => Some(Place(catalog.at_endpoint(endpoint)?.clone(), id.flatten())),
        }
    }
}

fn work(
    asked: Asked,
    place: Option<Place>,
    fresh: Option<String>,
    site: &Site,
    dialect: &Dialect,
) -> Result<Work, Refusal> {
    let Asked { verb, path, version, data } = asked;
    let wrong = |why: &str| Refusal::Fault(Fault::new(Kind::InvalidSyntax, "path", format!("{} {why}", quoted(&path))));
    let Some(Place(of, id)) = place else { return Err(wrong("is no path of a resource, such as /Users or /Users/ID")) };
    let conditions = version.as_deref().map_or(Ok(Conditions::NONE), Conditions::on_version)?;
    let id = match (verb, id, fresh) {
        (Verb::Post, None, Some(fresh)) => fresh,
        (Verb::Post, _, _) => return Err(wrong("names one resource; a POST goes to all of them, such as /Users")),
        (_, Some(id), _) => id,
        (_, None, _) => return Err(wrong("names no resource; an id behind it is missing")),
    };
    let change = match verb {
        Verb::Post => {
            let checked = check(data, &of, Purpose::New, dialect)?;
            let members = checked.members().unwrap_or_default().to_vec();
            Change::Create(Box::new(Prepared::of(checked.into_document(), &of)), members)
        }
        Verb::Put => {
            let purpose = if site.put_merges { Purpose::Partial } else { Purpose::Whole };
            Change::Replace(Box::new(check(data, &of, purpose, dialect)?))
        }
        Verb::Patch => Change::Patch(Patch::parse(data, &of, dialect)?),
        Verb::Delete => Change::Remove,
    };
    Ok(Work { of, id, conditions, change })
}

impl Batch {
    /// What was done so far is on disk.
    pub fn committed(&mut self) {
        self.open.clear();
    }

    /// Nothing was done of what is refused with this, and nothing is begun any more.
    pub fn give_up(&mut self, refusal: &Refusal) {
        for i in self.open.drain(..) {
            if let Some(outcome) = self.outcomes.get_mut(i) {
                *outcome = None;
            }
        }
        self.groups.clear();
        let all = self.outcomes.iter_mut().filter(|o| o.is_none());
        all.for_each(|outcome| *outcome = Some(Err(refusal.clone())));
    }

    /// Was anything done, or refused for a reason of its own?
    pub fn is_begun(&self) -> bool {
        self.outcomes.iter().enumerate().any(|(i, o)| o.is_some() && !self.open.contains(&i))
    }

    /// What became of the operations, as they were written, and what was passed over. What was not begun has
    /// no outcome.
    pub fn told(&mut self) -> (Vec<Outcome>, Overlooked) {
        let told = self.steps.drain(..).zip(self.outcomes.drain(..)).filter_map(|(step, result)| {
            let result = result?;
            let Step { method, bulk_id, location, .. } = step;
            Some(Outcome { method, bulk_id, location, result })
        });
        (told.collect(), std::mem::take(&mut self.overlooked))
    }
}

/// Carries a batch on, for about this long. An operation that fails changes nothing, and those that refer to what it was
/// to create fail with it; all others go on, until there are as many errors as the request allows. True when it is over.
///
/// Errors: what keeps the caller out by now, and [`Refusal::Broken`] when the store cannot go on. Then nothing of this
/// transaction was done: see [`Batch::give_up`].
pub fn bulk(
    writer: &mut Writer<'_>,
    site: &Site,
    caller: &Caller,
    batch: &mut Batch,
    dialect: &Dialect,
    time: Duration,
) -> Result<bool, Refusal> {
    let since = Instant::now();
    batch.open.clear();
    caller.still_may_write(writer)?;
    while let Some(group) = batch.groups.pop_front() {
        if batch.failed.len() as u64 >= batch.most_errors {
            batch.groups.clear();
            break;
        }
        batch.open.extend(&group);
        let mut run = Run { site, caller, dialect, overlooked: &mut batch.overlooked };
        let results = run.group(writer, &group, &mut batch.steps, &batch.failed)?;
        for (i, result) in group.into_iter().zip(results) {
            if result.is_err() {
                batch.failed.insert(i);
            }
            if let Some(place) = batch.outcomes.get_mut(i) {
                *place = Some(result);
            }
        }
        if since.elapsed() >= time {
            break;
        }
    }
    Ok(batch.groups.is_empty())
}

struct Run<'a> {
    site: &'a Site,
    caller: &'a Caller,
    dialect: &'a Dialect,
    overlooked: &'a mut Overlooked,
}

impl Run<'_> {
    /// Carries out the operations of a group, and gives what became of each.
    fn group(
        &mut self,
        writer: &mut Writer<'_>,
        group: &[usize],
        steps: &mut [Step],
        failed: &HashSet<usize>,
    ) -> Result<Vec<Result<Done, Refusal>>, Refusal> {
        let mut works = Vec::with_capacity(group.len());
        let mut refused: Option<(usize, Refusal)> = None;
        for i in group {
            let Some(step) = steps.get_mut(*i) else { continue };
            let missing = step.needs.iter().find(|n| failed.contains(n)).copied();
            let work = match (step.work.take(), missing) {
                (Some(Ok(work)), None) => Ok(work),
                (Some(Err(refusal)), None) => Err(refusal),
                (_, missing) => Err(depends(missing.unwrap_or(*i))),
            };
            match work {
                Ok(work) => works.push((*i, work)),
                Err(refusal) => refused = Some(refused.unwrap_or((*i, refusal))),
            }
        }
        if refused.is_none() {
            match self.together(writer, works, steps, &mut refused)? {
                Ok(done) => return Ok(done.into_iter().map(Ok).collect()),
                Err(refusal) => refused = Some(refused.unwrap_or((0, refusal))),
            }
        }
        let (culprit, refusal) = refused.unwrap_or((0, depends(0)));
        let outcome = |i: &usize| Err(if *i == culprit { refusal.clone() } else { depends(culprit) });
        Ok(group.iter().map(outcome).collect())
    }

    /// All of them, or none; `culprit` is told who failed, and why.
    fn together(
        &mut self,
        writer: &mut Writer<'_>,
        works: Vec<(usize, Work)>,
        steps: &mut [Step],
        culprit: &mut Option<(usize, Refusal)>,
    ) -> Result<Result<Vec<Done>, Refusal>, Refusal> {
        let mut locations = Vec::new();
        let done = writer.attempt(|writer| {
            let circle: HashSet<String> = match works.len() {
                1 => HashSet::new(),
                _ => works.iter().map(|(_, w)| w.id.clone()).collect(),
            };
            let (mut done, mut late) = (Vec::new(), Vec::new());
            for (i, mut work) in works {
                // Members that are not there yet join when all of the circle are.
                if let Change::Create(_, members) = &mut work.change
                    && members.iter().any(|m| circle.contains(m))
                {
                    let (later, now) = std::mem::take(members).into_iter().partition(|m| circle.contains(m));
                    *members = now;
                    late.push((i, done.len(), work.of.clone(), work.id.clone(), later));
                }
                match writer.attempt(|writer| self.one(writer, work))? {
                    Ok((what, reply)) => {
                        locations.push((i, reply.map(|r| r.location)));
                        done.push(what);
                    }
                    Err(refusal) => return Err(culprit.insert((i, refusal)).1.clone()),
                }
            }
            for (i, at, of, id, members) in late {
                let change = Change::Patch(joining(members, &of)?);
                let work = Work { of, id, conditions: Conditions::NONE, change };
                match (writer.attempt(|writer| self.one(writer, work))?, done.get_mut(at)) {
                    (Ok((Done::Changed(version), _)), Some(done)) => *done = Done::Created(version),
                    (Ok(_), _) => {}
                    (Err(refusal), _) => return Err(culprit.insert((i, refusal)).1.clone()),
                }
            }
            Ok(done)
        })?;
        if done.is_ok() {
            for (i, location) in locations {
                if let (Some(step), Some(location)) = (steps.get_mut(i), location) {
                    step.location = Some(location);
                }
            }
        }
        Ok(done)
    }

    fn one(&mut self, writer: &mut Writer<'_>, work: Work) -> Result<(Done, Option<Reply>), Refusal> {
        let Work { of, id, conditions, change } = work;
        let Run { site, caller, dialect, .. } = *self;
        let wish = Query::default();
        let ask = Ask { site, caller, of: &of, wish: &wish, conditions: &conditions, dialect, shows: false };
        let (done, reply) = match change {
            Change::Create(new, members) => {
                let reply = create(writer, ask, id, &new, &members)?;
                (Done::Created(reply.version.clone()), Some(reply))
            }
            Change::Replace(new) => {
                let reply = replace(writer, ask, &id, *new)?;
                (Done::Changed(reply.version.clone()), Some(reply))
            }
            Change::Patch(changes) => {
                let reply = patch(writer, ask, &id, changes)?;
                (Done::Changed(reply.version.clone()), Some(reply))
            }
            Change::Remove => {
                remove(writer, ask, &id)?;
                (Done::Removed, None)
            }
        };
        if let Some(reply) = &reply {
            self.overlooked.members.extend_from_slice(&reply.unknown_members);
            self.overlooked.roles.extend(reply.unknown_role.clone());
        }
        Ok((done, reply))
    }
}

fn depends(on: usize) -> Refusal {
    Refusal::Conflict(format!(
        "It refers to what operation {} was to create, which failed. Nothing was changed.",
        on + 1
    ))
}

/// The PATCH that lets members join.
fn joining(members: Vec<String>, of: &ResourceType) -> Result<Patch, Fault> {
    let element = |id: String| {
        let mut element = Object::new();
        element.push("value", id);
        Json::Object(element)
    };
    let mut operation = Object::new();
    operation.push("op", "add");
    operation.push("path", "members");
    operation.push("value", Json::Array(members.into_iter().map(element).collect()));
    let mut body = Object::new();
    body.push("Operations", Json::Array(vec![operation.into()]));
    Patch::parse(body.into(), of, &Dialect::tolerant())
}
