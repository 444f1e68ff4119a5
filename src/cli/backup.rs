//! `backup` and `restore`.

use std::path::Path;

use anyhow::Result;

use super::{is_there, read_config, say};
use crate::clock::Clock;
use crate::store::{backup as store, key_of, put_key};

pub fn backup(config: &Path, file: &Path, with_key: bool) -> Result<()> {
    let config = read_config(config)?.config;
    is_there(&config)?;
    let made = store::backup(&config.store.path, file)?;
    let size = made.metadata().map_or(0, |m| m.len());
    if with_key {
        put_key(&made, &key_of(&config.store.path)?)?;
        say(format!("The key is in {}.key; whoever has both can sign for this appliance.", made.display()))?;
    }
    say(format!("Backed up to {} ({} KiB), and checked.", made.display(), size / 1024))
}

pub fn restore(config: &Path, file: &Path, with_key: bool) -> Result<()> {
    let config = read_config(config)?.config;
    // Before anything is different.
    let key = if with_key { Some(key_of(file)?) } else { None };
    let kept = store::restore(&config.store.path, file, &Clock::System)?;
    if let Some(key) = key {
        put_key(&config.store.path, &key)?;
    }
    say(format!("Restored {} from {}.", config.store.path.display(), file.display()))?;
    match kept {
        Some(kept) => say(format!("The database of before is kept as {}.", kept.display())),
        None => Ok(()),
    }
}
