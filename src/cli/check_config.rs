//! `check-config`: everything that `serve` would refuse, without serving.

use std::path::Path;

use anyhow::Result;

use super::{options, read_config, say};
use crate::store::check_place;

pub fn run(file: &Path) -> Result<()> {
    let (config, _) = read_config(file)?;
    check_place(&options(&config))?;
    say(format!("{} can be used.", file.display()))
}
