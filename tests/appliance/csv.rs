//! People as a CSV file: by command and by page, with files that nobody should have sent, and with the plug pulled.

// A slice of a page that is wrong fails the test that took it.
#![allow(clippy::string_slice)]

mod commands;
mod hostile;
mod killed;
mod pages;
mod places;

use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

use crate::served::Place;
use crate::settings::browser::{Browser, hidden};
use crate::settings::{House, PASSWORD};
use crate::support::Answer;
use crate::support::http::Connection;

/// Writes a file beside the config.
fn written(place: &Place, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = place.path().join(name);
    std::fs::File::create(&path).unwrap().write_all(text.as_ref()).unwrap();
    path
}

/// What `person import --json` says of a file, and whether it succeeded.
fn imported(place: &Place, text: impl AsRef<[u8]>, more: &[&str]) -> (Value, bool, String) {
    let file = written(place, "people.csv", text);
    let output = place.command(&[&["person", "import", file.to_str().unwrap(), "--json"], more].concat());
    let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (told, output.status.success(), String::from_utf8(output.stderr).unwrap())
}

const BOUNDARY: &str = "----the-boundary-of-the-tests";

/// A form with a file, as browsers send it.
fn form(csrf: &str, file: &[u8]) -> Vec<u8> {
    let field = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n");
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"<b>people</b>.csv\"\r\nContent-Type: text/csv\r\n\r\n"
    );
    [field.as_bytes(), head.as_bytes(), file, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

/// Sends a body to the page of the import.
fn sent(browser: &mut Browser, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let own = browser.headers();
    let mut all: Vec<(&str, &str)> = own.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    all.extend(headers);
    let bytes = crate::support::http::request("POST", "/people/import", "close", &all, Some(body));
    let answer = Connection::open(browser.port).and_then(|mut c| c.raw(&bytes)).unwrap_or_else(|e| panic!("{e}"));
    browser.keep(&answer);
    answer
}

/// Chooses a file on the page, and sends it.
fn uploaded(browser: &mut Browser, file: impl AsRef<[u8]>) -> Answer {
    browser.page("/people/import");
    let (body, kind) = (form(&browser.csrf, file.as_ref()), format!("multipart/form-data; boundary={BOUNDARY}"));
    sent(browser, &[("Origin", "http://127.0.0.1"), ("Content-Type", &kind)], &body)
}

/// The address of the page that a file leads to, once it was looked through.
fn place_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").unwrap().to_owned()
}

/// Imports what a page shows, as its button does.
fn agreed(browser: &mut Browser, path: &str) -> Answer {
    let page = browser.page(path);
    confirmed(browser, path, &page, &[])
}

/// The same with what somebody typed, whatever has become of the page meanwhile.
fn confirmed(browser: &mut Browser, path: &str, page: &str, more: &[(&str, &str)]) -> Answer {
    let plan = hidden(page, "plan").unwrap_or_default();
    browser.post(path, &[&[("plan", plan.as_str())], more].concat())
}

/// Waits until a page has a word.
fn until(browser: &mut Browser, path: &str, words: &str) -> String {
    let end = std::time::Instant::now() + crate::wire::PATIENCE;
    loop {
        let page = browser.page(path);
        if page.contains(words) {
            return page;
        }
        assert!(std::time::Instant::now() < end, "{words} is not in {page}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// How many people there are.
fn people(house: &House) -> i64 {
    house.number("select count(*) from resource where type = 1")
}

/// Many people who are new.
fn many(prefix: &str, count: usize) -> String {
    let mut text = "userName,name.givenName,name.familyName,email,department,title\n".to_owned();
    for i in 0..count {
        text.push_str(&format!(
            "{prefix}-{i}@example.com,Given{i},Family{i},{prefix}-{i}@mail.example,R&D {},Title\n",
            i % 50
        ));
    }
    text
}
