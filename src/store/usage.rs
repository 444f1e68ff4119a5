//! What reads leave behind: last-used times of tokens and counts of dialect rules. Reads never write; the writer
//! thread stores this every few seconds. A crash, or a disk that stays full until the
//! server ends, may lose the last of it, and of nothing else.

use std::collections::HashMap;
use std::net::IpAddr;

use rusqlite::Connection;

use super::{StoreError, TokenRow};

/// Gathered in memory since the last time.
#[derive(Debug, Default)]
pub struct Usage {
    tokens: HashMap<String, LastUse>,
    rules: HashMap<&'static str, (i64, i64)>,
}

#[derive(Debug)]
struct LastUse {
    at: i64,
    address: IpAddr,
    client: String,
}

impl Usage {
    /// A token was used.
    pub fn token(&mut self, id: &str, at: i64, address: IpAddr, client: &str) {
        match self.tokens.get_mut(id) {
            // The client of a token hardly ever changes: do not allocate for each request.
            Some(last) if last.client == client => (last.at, last.address) = (at, address),
            _ => {
                self.tokens.insert(id.to_owned(), LastUse { at, address, client: client.to_owned() });
            }
        }
    }

    /// Says of tokens when they were last used.
    pub(super) fn show(&self, tokens: &mut [TokenRow]) {
        for token in tokens {
            if let Some(last) = self.tokens.get(&token.id).filter(|l| Some(l.at) > token.last_used) {
                token.last_used = Some(last.at);
                token.last_address = Some(last.address.to_string());
                token.last_client = Some(last.client.clone());
            }
        }
    }

    /// Takes back what could not be stored.
    pub(super) fn absorb(&mut self, earlier: Usage) {
        for (id, last) in earlier.tokens {
            self.tokens.entry(id).or_insert(last);
        }
        for (rule, (n, at)) in earlier.rules {
            let count = self.rules.entry(rule).or_insert((0, at));
            count.0 += n;
        }
    }

    /// Dialect rules were needed.
    pub fn rules(&mut self, names: impl Iterator<Item = &'static str>, at: i64) {
        for name in names {
            let count = self.rules.entry(name).or_default();
            *count = (count.0 + 1, at);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.rules.is_empty()
    }
}

pub(super) fn store(connection: &Connection, usage: &Usage) -> Result<(), StoreError> {
    for (id, last) in &usage.tokens {
        connection
            .prepare_cached("update token set last_used = ?2, last_address = ?3, last_client = ?4 where id = ?1")?
            .execute((id, last.at, last.address.to_string(), &last.client))?;
    }
    for (rule, (n, last)) in &usage.rules {
        connection
            .prepare_cached(
                "insert into dialect_count (rule, n, last) values (?1, ?2, ?3)
                 on conflict (rule) do update set n = n + excluded.n, last = excluded.last",
            )?
            .execute((rule, n, last))?;
    }
    Ok(())
}
