//! What comes too late, is too much, or meets a full disk.

use super::browser::{Browser, text};
use super::{House, OTHER, PASSWORD};

const THIRD: &str = "a lamp that nobody has seen";

/// Keeps the hashing busy: tries for names that nobody has, each from an address of its own.
fn crowd(house: &House, tries: usize) -> Vec<std::thread::JoinHandle<u16>> {
    let one = |i: usize| {
        let mut browser = house.browser();
        std::thread::spawn(move || browser.sign_in(&format!("nobody{i}"), OTHER).status)
    };
    (0..tries).map(one).collect()
}

/// Waits until all of them have heard that it was nothing.
fn dispersed(crowd: Vec<std::thread::JoinHandle<u16>>) {
    let statuses: Vec<u16> = crowd.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(statuses.iter().all(|s| matches!(s, 403 | 429)), "{statuses:?}");
}

/// A reset is the last word: a form that was sent before it and waited for its turn does nothing after it.
#[test]
fn a_form_that_waited_does_nothing_after_a_reset() {
    let house = House::new();
    for _ in 0..3 {
        let mut thief = house.ada();
        thief.page("/account");
        let crowd = crowd(&house, 40);
        let late = std::thread::spawn(move || {
            thief.post("/account/password", &[("password", PASSWORD), ("new-password", THIRD)]).status
        });
        assert!(house.spoken(&["admin", "reset", "ada"], OTHER).status.success());
        let status = late.join().unwrap();
        dispersed(crowd);
        assert!(matches!(status, 200 | 303 | 403), "{status}");
        assert!(
            house.signed_in("ada", OTHER).is_in(),
            "the password of the reset is the one, whatever came late: {status}"
        );
        assert!(house.spoken(&["admin", "reset", "ada"], PASSWORD).status.success());
    }
}

/// Each hash takes 19 MiB; strangers make the server use what two at a time need, and no more.
#[test]
fn strangers_do_not_make_the_server_large() {
    let house = House::new();
    let megabytes = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", house.server().pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    let before = megabytes();
    for _ in 0..3 {
        dispersed(crowd(&house, 24));
    }
    let after = megabytes();
    assert!(after < before + 100, "{before} MB became {after} MB");
}

/// A server whose disk is full starts, and goes on reading.
#[test]
fn a_start_writes_nothing_where_there_is_nothing_to_write() {
    let mut house = House::new();
    house.ada();
    house.stop();
    let [file, log] =
        ["", "-wal"].map(|end| std::path::PathBuf::from(format!("{}{end}", house.place.database().display())));
    let before = std::fs::read(&file).unwrap();
    house.start();
    house.killed();
    assert!(std::fs::read(&file).unwrap() == before, "the file is another one");
    assert_eq!(std::fs::metadata(&log).map_or(0, |m| m.len()), 0, "something was written");
}

/// Signing out works where nothing can be written any longer.
#[test]
fn whoever_wants_out_is_let_out_on_a_full_disk() {
    let mut house = House::new();
    let mut ada = house.ada();
    house.stop();
    let kib = std::fs::metadata(house.place.database()).unwrap().len() / 1024;
    house.start_with_small_files(kib.max(64));
    ada.port = house.port();
    let is_full = (0..2000).any(|i| {
        ada.page("/tokens/new");
        let name = format!("{i}{}", "x".repeat(90));
        ada.post("/tokens/new", &[("name", &name), ("scope", "scim:read"), ("expires", "30d")]).status != 200
    });
    assert!(is_full);
    let old: Browser = ada.clone();
    let answer = ada.post("/sign-out", &[]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")), "{}", text(&answer.body));
    assert!(!old.clone().is_in(), "the old cookie opens nothing");
}
