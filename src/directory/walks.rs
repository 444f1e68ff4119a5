//! Where clients are in their walks through pages.
//!
//! A client asks for startIndex 1, 101, 201. When somebody is deleted between two pages, everybody behind moves up by
//! one, and the client would never see the one who moved over the edge. So for five minutes the end of each page is
//! remembered, and the page that begins where it ended goes on from there.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// How long a page's end is remembered, in milliseconds.
const KEPT: i64 = 5 * 60 * 1000;
/// Page ends, at most.
const WALKS: usize = 2048;
/// Lists of keys, at most, and keys in all of them.
const ORDERS: usize = 64;
const KEYS: usize = 2_000_000;

/// Who walks through what, and where the next page begins.
type Walk = (String, String, u64);

/// The keys of all that a query finds, in its order.
pub type Order = Arc<Vec<i64>>;

/// Where the next page goes on.
#[derive(Debug, Clone)]
pub enum Place {
    /// After this key, in the order of creation.
    After(i64),
    /// At this position of a list.
    In(Order, usize),
}

/// Page ends and lists of keys, bounded in number.
#[derive(Debug, Default)]
pub struct Walks {
    ends: Mutex<Recent<Walk, (Place, i64)>>,
    orders: Mutex<Recent<String, (i64, Order)>>,
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
        ends.shrink(|n, _| n <= WALKS);
    }

    /// The list of keys of a query, if nothing was written since it was made.
    pub fn order(&self, query: &str, change: i64) -> Option<Order> {
        let orders = self.orders.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        orders.get(query).filter(|(at, _)| *at == change).map(|(_, keys)| keys.clone())
    }

    /// Remembers the list of keys of a query.
    pub fn remember_order(&self, query: String, change: i64, keys: Order) {
        let mut orders = self.orders.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        orders.put(query, (change, keys));
        orders.shrink(|n, held| n <= ORDERS && held.map(|(_, k)| k.len()).sum::<usize>() <= KEYS);
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

    fn put(&mut self, key: K, value: V) {
        if self.map.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
    }

    fn shrink(&mut self, fits: impl Fn(usize, std::collections::hash_map::Values<'_, K, V>) -> bool) {
        while !fits(self.map.len(), self.map.values()) {
            match self.order.pop_front() {
                Some(oldest) => self.map.remove(&oldest),
                None => break,
            };
        }
    }
}
