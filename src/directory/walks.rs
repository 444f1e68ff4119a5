//! Where clients are in their walks through pages.
//!
//! A client asks for startIndex 1, 101, 201. When somebody is deleted between two pages, everybody behind moves up by
//! one, and the client would never see the one who moved over the edge. So for five minutes the end of each page is
//! remembered, and the page that begins where it ended goes on from there.

use std::collections::hash_map::Values;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// How long a page's end is remembered, in microseconds.
const KEPT: i64 = 5 * 60 * 1_000_000;
/// Page ends, at most.
const WALKS: usize = 2048;
/// Lists of keys, at most, and keys in all of them.
const ORDERS: usize = 64;
const KEYS: usize = 2_000_000;

/// Who walks through what, and where the next page begins.
type Walk = (String, String, u64);

/// The keys of all that a query finds, in its order, as of a change.
#[derive(Debug)]
pub struct Order {
    /// The keys.
    pub keys: Vec<i64>,
    /// The number of the last change that it knows of.
    pub change: i64,
}

/// Where the next page goes on.
#[derive(Debug, Clone)]
pub enum Place {
    /// After this key, in the order of creation.
    After(i64),
    /// At this position of an order.
    In(Arc<Order>, usize),
}

/// Page ends and orders: bounded in number, in the keys that they hold, and in time.
#[derive(Debug, Default)]
pub struct Walks {
    ends: Mutex<Recent<Walk, (Place, i64)>>,
    orders: Mutex<Recent<String, Arc<Order>>>,
}

impl Walks {
    /// Where a page goes on that begins at `start`, if this client's last page ended there.
    pub fn resume(&self, token: &str, query: &str, start: u64, now: i64) -> Option<Place> {
        let ends = self.ends.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (place, at) = ends.get(&(token.to_owned(), query.to_owned(), start))?;
        (now - at < KEPT).then(|| place.clone())
    }

    /// Remembers where the page that begins at `start` goes on.
    pub fn remember(&self, token: &str, query: &str, start: u64, place: Place, now: i64) {
        let mut ends = self.ends.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ends.put((token.to_owned(), query.to_owned(), start), (place, now));
        let keys = |place: &Place| match place {
            Place::After(_) => 0,
            // Counted once for each page that holds it: rather too often than too seldom.
            Place::In(order, _) => order.keys.len(),
        };
        ends.shrink(|oldest, n, mut held| {
            let expired = oldest.is_some_and(|(_, at)| now - at >= KEPT);
            !expired
                && n <= WALKS
                && held.try_fold(0, |sum, (p, _)| Some(sum + keys(p)).filter(|s| *s <= KEYS)).is_some()
        });
    }

    /// The order of a query, if nothing was written since it was made.
    pub fn order(&self, query: &str, change: i64) -> Option<Arc<Order>> {
        let orders = self.orders.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        orders.get(query).filter(|order| order.change == change).cloned()
    }

    /// Remembers the order of a query.
    pub fn remember_order(&self, query: String, order: Arc<Order>) {
        let mut orders = self.orders.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        orders.put(query, order);
        orders.shrink(|_, n, held| n <= ORDERS && held.map(|o| o.keys.len()).sum::<usize>() <= KEYS);
    }
}

/// A map that forgets what was put in first.
#[derive(Debug)]
struct Recent<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Recent { map: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + std::hash::Hash, V> Recent<K, V> {
    fn get<Q: Eq + std::hash::Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.map.get(key)
    }

    /// Puts a value in; what was put in again counts as new.
    fn put(&mut self, key: K, value: V) {
        if self.map.insert(key.clone(), value).is_some() {
            self.order.retain(|k| *k != key);
        }
        self.order.push_back(key);
    }

    /// Forgets the oldest until the rest fits.
    fn shrink(&mut self, fits: impl Fn(Option<&V>, usize, Values<'_, K, V>) -> bool) {
        while let Some(oldest) = self.order.front() {
            if fits(self.map.get(oldest), self.map.len(), self.map.values()) {
                break;
            }
            if let Some(oldest) = self.order.pop_front() {
                self.map.remove(&oldest);
            }
        }
    }
}
