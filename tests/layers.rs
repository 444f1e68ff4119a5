//! The arrows of the architecture, held by a test: which ring may name which, and which other crates.
//!
//! The rules are the two tables below. What a file names is read from its source: comments and strings do not count,
//! `use` trees are expanded, and `super` is followed. The checker is itself tested on small texts, so that it can fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "layers/names.rs"]
mod names;
#[path = "layers/tokens.rs"]
mod tokens;

use std::path::{Path, PathBuf};

use tokens::{Placed, Token};

/// The name under which `main.rs` knows the library.
const LIBRARY: &str = "scim_appliance";

/// Each ring with the rings that it may name; every ring may name itself. `None`: all of them.
const ARROWS: &[(&str, Option<&[&str]>)] = &[
    ("scim", Some(&[])),
    ("secret", Some(&[])),
    ("clock", Some(&[])),
    ("config", Some(&["secret"])),
    ("store", Some(&["scim", "secret", "clock"])),
    ("directory", Some(&["store", "scim", "secret", "clock"])),
    ("outbound", Some(&[])),
    ("sso", Some(&["outbound", "secret", "clock"])),
    ("deliver", Some(&["directory", "outbound", "secret", "clock"])),
    ("tls", Some(&["config"])),
    ("telemetry", Some(&["config"])),
    ("http", Some(&["directory", "sso", "scim", "secret", "clock", "telemetry"])),
    ("cli", None),
    ("main", None),
    ("lib", None),
];

/// All that the pure core may name from outside.
const CORE: &[&str] =
    // include_dir embeds the definitions of schemas at compile time and does nothing at run time.
    &[
        "std",
        "core",
        "alloc",
        "serde",
        "serde_json",
        "caseless",
        "unicode_normalization",
        "jiff",
        "base64",
        "thiserror",
        "include_dir",
    ];

/// Parts of the standard library that reach for the world; the core is deaf and blind.
const WORLD: &[&str] = &["env", "fs", "io", "net", "os", "process", "thread", "time"];

/// Crates that only some rings may name.
const RESERVED: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    // Its server is that of `http`; `outbound` is its client, whose requests `sso` makes.
    ("hyper", &["http", "outbound", "sso"]),
    ("ring", &["secret", "tls"]),
    ("argon2", &["secret"]),
    ("subtle", &["secret"]),
    ("askama", &["http"]),
    ("qrcode", &["http"]),
    ("rpassword", &["cli"]),
    ("csv", &["directory"]),
    ("flate2", &["http"]),
    ("multer", &["http"]),
    ("indicatif", &["cli"]),
    ("rustls", &["tls", "outbound"]),
    ("webpki_roots", &["outbound"]),
    ("jsonwebtoken", &["sso"]),
    // Certificates of our own; the tests of `outbound` need some too.
    ("rcgen", &["tls", "outbound"]),
    ("x509_cert", &["tls"]),
    // The handshake happens where connections are accepted; what it shows is decided in `tls`.
    ("tokio_rustls", &["tls", "http", "outbound"]),
    ("clap", &["cli", "main"]),
    ("anyhow", &["cli", "main"]),
    ("toml", &["config"]),
];

/// Words that stand for something which has one home.
const WORDS: &[(&str, &[&str])] = &[("StatusCode", &["http"])];

/// Rings that are synchronous: no `.await` can stand between BEGIN and COMMIT.
const SYNCHRONOUS: &[&str] = &["scim", "directory"];

#[test]
fn every_arrow_of_the_sources_is_allowed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = dependencies(&std::fs::read_to_string(root.join("Cargo.toml")).unwrap());
    assert!(crates.iter().any(|c| c == "rusqlite"), "no dependencies were read from Cargo.toml");
    let source = root.join("src");
    let mut wrong = Vec::new();
    let mut rings = std::collections::BTreeSet::new();
    for file in sources(&source) {
        let module = module(file.strip_prefix(&source).unwrap());
        let text = std::fs::read_to_string(&file).unwrap();
        let shown = file.strip_prefix(root).unwrap().display().to_string();
        wrong.extend(faults(&text, &module, &crates).into_iter().map(|(line, why)| format!("{shown}:{line}: {why}")));
        rings.insert(module[0].clone());
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    for ring in ["scim", "store", "directory", "http", "cli", "secret", "config", "tls", "outbound", "sso"] {
        assert!(rings.contains(ring), "nothing was read of {ring}");
    }
}

/// What is wrong with one file: lines and reasons.
fn faults(text: &str, module: &[String], crates: &[String]) -> Vec<(usize, String)> {
    let ring = module[0].as_str();
    let tokens = tokens::tokens(text);
    let mut wrong = Vec::new();
    let Some((_, arrows)) = ARROWS.iter().find(|(name, _)| *name == ring) else {
        return vec![(1, format!("the map does not know the module {ring}"))];
    };
    let file = if matches!(ring, "main" | "lib") { &[] } else { module };
    for named in names::paths(&tokens) {
        let why = match names::resolve(&named, file, LIBRARY) {
            Some(target) => arrow(ring, *arrows, &target),
            None => foreign(ring, &named.path, crates),
        };
        wrong.extend(why.map(|why| (named.line, why)));
    }
    for (at, placed) in tokens.iter().enumerate() {
        wrong.extend(word(ring, &tokens, at).map(|why| (placed.line, why)));
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

fn arrow(ring: &str, arrows: Option<&[&str]>, target: &[String]) -> Option<String> {
    let target = target.first().map_or("*", String::as_str);
    let known = ARROWS.iter().any(|(name, _)| *name == target);
    match arrows {
        _ if target == ring || ring == "lib" => None,
        _ if !known => Some(format!("{ring} names {target} at the root of the crate, which is no module of the map")),
        Some(allowed) if !allowed.contains(&target) => Some(format!("{ring} must not name {target}")),
        _ => None,
    }
}

fn foreign(ring: &str, path: &[String], crates: &[String]) -> Option<String> {
    let first = path.first()?.as_str();
    if ring == "scim" && matches!(first, "std" | "core") {
        let part = path.get(1)?;
        return WORLD.contains(&part.as_str()).then(|| format!("scim is pure, and must not name {first}::{part}"));
    }
    if ring == "scim" && path.last().is_some_and(|last| last == "now") {
        return Some("scim has no clock: the time is an argument".into());
    }
    if !crates.iter().any(|c| c == first) {
        return None;
    }
    if ring == "scim" && !CORE.contains(&first) {
        return Some(format!("scim must not name the crate {first}"));
    }
    let homes = RESERVED.iter().find(|(name, _)| *name == first).map(|(_, homes)| *homes)?;
    (!homes.contains(&ring)).then(|| format!("only {} may name the crate {first}", homes.join(" and ")))
}

fn word(ring: &str, tokens: &[Placed], at: usize) -> Option<String> {
    let Token::Word(word) = &tokens[at].token else { return None };
    let next = |mark| tokens.get(at + 1).is_some_and(|p| p.token == Token::Mark(mark));
    let homes = WORDS.iter().find(|(name, _)| name == word).map(|(_, homes)| *homes);
    match word.as_str() {
        "async" | "await" if SYNCHRONOUS.contains(&ring) => Some(format!("{ring} is synchronous: no {word}")),
        "include" if next('!') => Some("include! hides source from this test".into()),
        "path" if next('=') && at >= 1 && tokens[at - 1].token == Token::Mark('[') => {
            Some("#[path] hides from this test where a module is".into())
        }
        _ => homes.filter(|h| !h.contains(&ring)).map(|h| format!("{word} belongs to {}", h.join(" and "))),
    }
}

/// The module of a file, from its path below `src`.
fn module(file: &Path) -> Vec<String> {
    let mut path: Vec<String> =
        file.with_extension("").components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    if path.len() > 1 && path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The crates of `[dependencies]`, under the names that sources use.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.split("\n[").find(|s| s.starts_with("dependencies]")).unwrap_or_default();
    section
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().trim_end_matches(".workspace").replace('-', "_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(module: &str, text: &str) -> Vec<String> {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        let crates = ["std", "hyper", "ring", "rusqlite", "serde", "tracing", "anyhow"].map(str::to_owned);
        faults(text, &module, &crates).into_iter().map(|(line, why)| format!("{line}: {why}")).collect()
    }

    fn refused(module: &str, text: &str) -> bool {
        !found(module, text).is_empty()
    }

    #[test]
    fn arrows_outwards_are_refused_however_they_are_written() {
        assert_eq!(found("scim::patch", "\nuse crate::store::Store;"), ["2: scim must not name store"]);
        for text in [
            "use crate::{scim::x, http::y};",
            "fn f() -> crate::http::Y { }",
            "use super::super::http;",
            "use super::{Pool, super::http::z};",
            "mod tests { use super::super::super::cli::run; }",
            "use crate as all;",
            "use crate::*;",
            "use scim_appliance::http;",
            "use crate::elsewhere::X;",
            "m!($crate::http::x);",
        ] {
            assert!(refused("store::members", text), "{text}");
        }
        assert!(refused("sideways", "fn f() {}"));
    }

    #[test]
    fn arrows_inwards_and_sideways_are_allowed() {
        for text in [
            "use crate::scim::{filter::Filter, name};",
            "use super::members; use self::x; use super::*;",
            "mod tests { use super::*; use super::super::changes; }",
            "// use crate::http::X;\n/* crate::http */ const A: &str = \"crate::http::x\"; const B: &str = r#\"use hyper;\"#;",
            "pub(crate) fn f() {} pub(in crate::store) fn g() {}",
            "let http = http::local(); x.hyper::<u8>();",
        ] {
            assert_eq!(found("store::members", text), [""; 0], "{text}");
        }
        assert!(!refused("cli::serve", "use crate::{config, http, store}; use anyhow::Context;"));
        assert!(!refused("main", "fn main() { scim_appliance::cli::run() }"));
        assert!(!refused("lib", "pub mod scim; mod store;"));
    }

    #[test]
    fn other_crates_stay_in_their_ring() {
        assert!(refused("http::server", "use rusqlite::Connection;"));
        assert!(refused("store::tokens", "let d = ring::digest::digest(a, b);"));
        assert!(refused("store::tokens", "use ::hyper;"));
        assert!(refused("directory::patch", "use {std::fmt, hyper::body};"));
        assert!(refused("directory::patch", "extern crate hyper as quiet;"));
        assert!(refused("http::server", "fn f() -> anyhow::Result<()> { }"));
        assert!(!refused("store::tokens", "use rusqlite::{params, Connection};"));
        assert!(!refused("secret", "use ring::digest;"));
        assert!(!refused("http::wire", "use hyper::body::Body; let a = StatusCode::OK;"));
        assert!(refused("directory::refusal", "pub fn status(&self) -> StatusCode { }"));
    }

    #[test]
    fn the_core_is_pure_and_use_cases_are_synchronous() {
        for text in [
            "use tracing::warn;",
            "use std::{fmt, time::Instant};",
            "std::fs::read(p)",
            "let t = jiff::Timestamp::now();",
            "async fn f() {}",
            "include!(\"x.rs\");",
            "#[path = \"../store.rs\"] mod s;",
        ] {
            assert!(refused("scim::eval", text), "{text}");
        }
        for text in
            ["use std::{fmt, borrow::Cow};", "use serde::Serialize;", "let now = 1; f(now)", "include_str!(\"x\")"]
        {
            assert!(!refused("scim::eval", text), "{text}");
        }
        assert!(refused("directory::list", "x.await"));
        assert!(!refused("http::scim", "async fn f() { x.await }"));
    }

    #[test]
    fn modules_and_dependencies_are_read() {
        assert_eq!(module(Path::new("scim/filter/parse.rs")), ["scim", "filter", "parse"]);
        assert_eq!(module(Path::new("http/mod.rs")), ["http"]);
        assert_eq!(module(Path::new("secret.rs")), ["secret"]);
        let manifest = "[package]\nname = \"x\"\n\n[dependencies]\na-b = \"1\"\nc = { version = \"2\" }\n\n[dev-dependencies]\nd = \"1\"\n";
        assert_eq!(dependencies(manifest), ["a_b", "c"]);
    }
}
