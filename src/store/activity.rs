//! What was asked lately, and what has happened at all: the recent exchanges, requests by the hour, milestones, sign-ins
//! that were refused, and the last uses of sessions. Kept in memory and looked at there; the writer thread stores it every few seconds. Reads write
//! nothing, and a crash may lose the last seconds of it and of nothing else.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use rusqlite::Connection;

use super::StoreError;
use super::sign_ins::{RefusedSignIn, SignIns};

/// Exchanges that are kept.
pub const KEPT: usize = 1000;
/// Of those, the ones without a good token: a stranger cannot push out what the identity provider did.
const KEPT_OF_STRANGERS: usize = 100;
/// Hours that are kept of the tally.
const HOURS: i64 = 8 * 24;
const HOUR: i64 = 3600 * 1_000_000;

/// One exchange with an identity provider, without the values of the request and without bodies.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// Its number: later ones have greater numbers.
    pub n: i64,
    /// When it was answered, in microseconds since 1970.
    pub at: i64,
    /// How long it took.
    pub milliseconds: f64,
    /// The User-Agent.
    pub client: String,
    /// Where it came from.
    pub address: IpAddr,
    /// The public id of the token; none: there was no good one.
    pub token: Option<String>,
    /// The method.
    pub method: Cow<'static, str>,
    /// The path, without values.
    pub path: Cow<'static, str>,
    /// The status.
    pub status: u16,
    /// What was answered beside the status, for people.
    pub detail: Option<String>,
    /// The id of the request, as the log has it.
    pub request: String,
}

/// Something that has happened at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    /// When it was the first time, in microseconds since 1970.
    pub at: i64,
    /// By which client.
    pub client: String,
    /// With which token.
    pub token: String,
}

/// Requests of one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that were answered as asked.
    pub answered: u64,
    /// Those that were refused: status 400 and above.
    pub refused: u64,
}

/// Everything.
#[derive(Debug, Default)]
pub struct Activity {
    next: i64,
    known: VecDeque<Exchange>,
    strangers: VecDeque<Exchange>,
    /// Exchanges up to this number are stored.
    stored: i64,
    hours: BTreeMap<i64, Tally>,
    changed_hours: Vec<i64>,
    /// A handful: looking through them is quicker than hashing.
    milestones: Vec<(String, Milestone)>,
    new_milestones: Vec<String>,
    sign_ins: SignIns,
    seen: HashMap<Vec<u8>, i64>,
    ended: HashSet<Vec<u8>>,
}

impl Activity {
    pub(super) fn load(connection: &Connection) -> Result<Activity, StoreError> {
        let mut activity = Activity { sign_ins: SignIns::load(connection)?, ..Activity::default() };
        let mut statement = connection.prepare(
            "select n, at, milliseconds, client, address, token, method, path, status, detail, request from exchange order by n",
        )?;
        let rows = statement.query_map([], |r| {
            Ok(Exchange {
                n: r.get(0)?,
                at: r.get(1)?,
                milliseconds: r.get(2)?,
                client: r.get(3)?,
                address: r.get::<_, String>(4)?.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                token: r.get(5)?,
                method: Cow::Owned(r.get(6)?),
                path: Cow::Owned(r.get(7)?),
                status: r.get(8)?,
                detail: r.get(9)?,
                request: r.get(10)?,
            })
        })?;
        for row in rows {
            let row = row?;
            (activity.next, activity.stored) = (row.n, row.n);
            activity.keep(row);
        }
        let mut statement = connection.prepare("select hour, answered, refused from tally")?;
        let count =
            |r: &rusqlite::Row<'_>, i| Ok::<_, rusqlite::Error>(u64::try_from(r.get::<_, i64>(i)?).unwrap_or(0));
        let rows = statement.query_map([], |r| {
            Ok::<_, rusqlite::Error>((r.get(0)?, Tally { answered: count(r, 1)?, refused: count(r, 2)? }))
        })?;
        activity.hours = rows.collect::<Result<_, _>>()?;
        let mut statement = connection.prepare("select name, at, client, token from milestone")?;
        let rows = statement
            .query_map([], |r| Ok((r.get(0)?, Milestone { at: r.get(1)?, client: r.get(2)?, token: r.get(3)? })))?;
        activity.milestones = rows.collect::<Result<_, _>>()?;
        Ok(activity)
    }

    fn keep(&mut self, exchange: Exchange) {
        let (list, most) = match exchange.token {
            Some(_) => (&mut self.known, KEPT),
            None => (&mut self.strangers, KEPT_OF_STRANGERS),
        };
        if list.len() >= most {
            list.pop_front();
        }
        list.push_back(exchange);
    }

    /// An exchange has taken place; its number is given here.
    pub fn exchanged(&mut self, mut exchange: Exchange) {
        self.next += 1;
        exchange.n = self.next;
        if exchange.token.is_some() {
            let hour = exchange.at.div_euclid(HOUR);
            let tally = self.hours.entry(hour).or_default();
            match exchange.status {
                400.. => tally.refused += 1,
                _ => tally.answered += 1,
            }
            if !self.changed_hours.contains(&hour) {
                self.changed_hours.push(hour);
            }
        }
        self.keep(exchange);
    }

    /// Something has happened; only the first time counts.
    pub fn reached(&mut self, name: &str, at: i64, client: &str, token: &str) {
        if self.milestone(name).is_some() {
            return;
        }
        let milestone = Milestone { at, client: client.to_owned(), token: token.to_owned() };
        self.milestones.push((name.to_owned(), milestone));
        self.new_milestones.push(name.to_owned());
    }

    /// Somebody was not let in of whom the identity provider has said who it is.
    pub fn sign_in_refused(&mut self, refused: RefusedSignIn) {
        self.sign_ins.refuse(refused);
    }

    /// A sign-in came to nothing before anybody knew whose it is.
    pub fn sign_in_failed(&mut self, failed: RefusedSignIn) {
        self.sign_ins.fail(failed);
    }

    /// A browser came back without a good answer, and nobody but the browser says so.
    pub fn sign_in_came_back(&mut self, one: RefusedSignIn) {
        self.sign_ins.came_back(one);
    }

    /// Sign-ins that were refused, the last one first.
    pub fn refused_sign_ins(&self) -> Vec<RefusedSignIn> {
        self.sign_ins.all()
    }

    /// A session was used.
    pub fn used(&mut self, digest: &[u8], at: i64) {
        match self.seen.get_mut(digest) {
            Some(seen) => *seen = at,
            None => drop(self.seen.insert(digest.to_owned(), at)),
        }
    }

    /// A session has ended, and that could not be stored.
    pub fn ended(&mut self, digest: &[u8]) {
        self.ended.insert(digest.to_owned());
    }

    pub(super) fn is_ended(&self, digest: &[u8]) -> bool {
        self.ended.contains(digest)
    }

    pub(super) fn seen(&self, digest: &[u8]) -> Option<i64> {
        self.seen.get(digest).copied()
    }

    /// The exchanges, the latest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let mut all: Vec<Exchange> = self.known.iter().chain(&self.strangers).cloned().collect();
        all.sort_by_key(|e| std::cmp::Reverse(e.n));
        all
    }

    /// The latest exchange with a good token.
    pub fn latest(&self) -> Option<&Exchange> {
        self.known.back()
    }

    /// How many exchanges without a good token are among the kept ones, since a time.
    pub fn strangers_since(&self, since: i64) -> usize {
        self.strangers.iter().filter(|e| e.at >= since).count()
    }

    /// The tallies of all hours since a time, by the hour since 1970.
    pub fn hours_since(&self, since: i64) -> Vec<(i64, Tally)> {
        self.hours.range(since.div_euclid(HOUR)..).map(|(hour, tally)| (*hour, *tally)).collect()
    }

    /// What has happened, if it has.
    pub fn milestone(&self, name: &str) -> Option<&Milestone> {
        self.milestones.iter().find(|(n, _)| n == name).map(|(_, m)| m)
    }

    fn is_stored(&self) -> bool {
        self.stored == self.next
            && self.changed_hours.is_empty()
            && self.new_milestones.is_empty()
            && self.sign_ins.is_stored()
            && self.seen.is_empty()
            && self.ended.is_empty()
    }

    /// What is to be stored now.
    pub(super) fn due(&self) -> Option<Due> {
        if self.is_stored() {
            return None;
        }
        let new = |list: &VecDeque<Exchange>| list.iter().filter(|e| e.n > self.stored).cloned().collect::<Vec<_>>();
        let first = |list: &VecDeque<Exchange>| list.front().map_or(0, |e| e.n);
        let milestone = |n: &String| self.milestone(n).map(|m| (n.clone(), m.clone()));
        Some(Due {
            upto: self.next,
            exchanges: [new(&self.known), new(&self.strangers)].concat(),
            floors: (first(&self.known), first(&self.strangers)),
            hours: self.changed_hours.iter().map(|h| (*h, self.hours.get(h).copied().unwrap_or_default())).collect(),
            milestones: self.new_milestones.iter().filter_map(milestone).collect(),
            sign_ins: (!self.sign_ins.is_stored()).then(|| self.sign_ins.clone()),
            seen: self.seen.iter().map(|(d, at)| (d.clone(), *at)).collect(),
            ended: self.ended.clone(),
        })
    }

    /// What was due is stored.
    pub(super) fn settled(&mut self, due: &Due) {
        self.stored = self.stored.max(due.upto);
        // What has changed since then is due again.
        self.changed_hours.retain(|h| due.hours.iter().all(|(d, t)| d != h || self.hours.get(h) != Some(t)));
        self.new_milestones.retain(|n| due.milestones.iter().all(|(d, _)| d != n));
        if let Some(then) = &due.sign_ins {
            self.sign_ins.settled(then);
        }
        self.seen.retain(|d, at| due.seen.iter().all(|(s, when)| s != d || when != at));
        self.ended.retain(|d| !due.ended.contains(d));
        let last = self.hours.last_key_value().map_or(0, |(h, _)| *h);
        self.hours = self.hours.split_off(&(last - HOURS));
    }
}

/// What is to be stored.
pub(super) struct Due {
    upto: i64,
    exchanges: Vec<Exchange>,
    floors: (i64, i64),
    hours: Vec<(i64, Tally)>,
    milestones: Vec<(String, Milestone)>,
    sign_ins: Option<SignIns>,
    seen: Vec<(Vec<u8>, i64)>,
    ended: HashSet<Vec<u8>>,
}

pub(super) fn store(connection: &Connection, due: &Due, now: i64) -> Result<(), StoreError> {
    for e in &due.exchanges {
        connection
            .prepare_cached(
                "insert or replace into exchange (n, at, milliseconds, client, address, token, method, path, status, detail, request)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute((
                e.n,
                e.at,
                e.milliseconds,
                &e.client,
                e.address.to_string(),
                &e.token,
                &e.method,
                &e.path,
                e.status,
                &e.detail,
                &e.request,
            ))?;
    }
    if !due.exchanges.is_empty() {
        let (known, strangers) = due.floors;
        connection
            .prepare_cached("delete from exchange where (token is not null and n < ?1) or (token is null and n < ?2)")?
            .execute((known, strangers))?;
    }
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    for (hour, tally) in &due.hours {
        connection
            .prepare_cached("insert or replace into tally (hour, answered, refused) values (?1, ?2, ?3)")?
            .execute((hour, signed(tally.answered), signed(tally.refused)))?;
    }
    if !due.hours.is_empty() {
        connection.prepare_cached("delete from tally where hour < ?1")?.execute([now.div_euclid(HOUR) - HOURS])?;
    }
    for (name, m) in &due.milestones {
        connection
            .prepare_cached("insert or ignore into milestone (name, at, client, token) values (?1, ?2, ?3, ?4)")?
            .execute((name, m.at, &m.client, &m.token))?;
    }
    if let Some(sign_ins) = &due.sign_ins {
        sign_ins.store(connection)?;
    }
    for (digest, at) in &due.seen {
        connection
            .prepare_cached("update session set seen = max(seen, ?2) where digest = ?1")?
            .execute((digest, at))?;
    }
    for digest in &due.ended {
        connection.prepare_cached("delete from session where digest = ?1")?.execute([digest])?;
    }
    connection.prepare_cached("delete from session where expires <= ?1")?.execute([now])?;
    Ok(())
}
