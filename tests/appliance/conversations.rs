//! The conversations below `tests/dialects`, each with a server of its own: what the clients of identity providers send, step
//! by step, and what they have to hear.

use std::path::{Path, PathBuf};

use crate::support::conversation;

/// A folder for each vendor, and one for what holds for all.
const FOLDERS: [&str; 14] = [
    "authentik",
    "cyberark",
    "entra",
    "jumpcloud",
    "midpoint",
    "okta",
    "okta-governance",
    "okta-onprem",
    "onelogin",
    "pingfederate",
    "rauthy",
    "sailpoint",
    "shared",
    "strict",
];

fn dialects() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects")
}

/// The names of what is in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn have_all(folder: &str) {
    let files = names(&dialects().join(folder));
    assert!(!files.is_empty(), "there is no conversation in {folder}");
    let mut wrong = Vec::new();
    for file in &files {
        assert!(file.ends_with(".http"), "{folder}/{file} is no conversation");
        wrong.extend(conversation::have(&dialects().join(folder).join(file)).err());
    }
    assert!(wrong.is_empty(), "{} of {} conversations went wrong.\n{}", wrong.len(), files.len(), wrong.join("\n\n"));
}

#[test]
fn no_folder_is_left_out() {
    assert_eq!(names(&dialects()), FOLDERS);
}

#[test]
fn authentik() {
    have_all("authentik");
}

#[test]
fn cyberark() {
    have_all("cyberark");
}

#[test]
fn entra() {
    have_all("entra");
}

#[test]
fn jumpcloud() {
    have_all("jumpcloud");
}

#[test]
fn midpoint() {
    have_all("midpoint");
}

#[test]
fn okta() {
    have_all("okta");
}

#[test]
fn okta_governance() {
    have_all("okta-governance");
}

#[test]
fn okta_onprem() {
    have_all("okta-onprem");
}

#[test]
fn onelogin() {
    have_all("onelogin");
}

#[test]
fn pingfederate() {
    have_all("pingfederate");
}

#[test]
fn rauthy() {
    have_all("rauthy");
}

#[test]
fn sailpoint() {
    have_all("sailpoint");
}

#[test]
fn shared() {
    have_all("shared");
}

#[test]
fn strict() {
    have_all("strict");
}
