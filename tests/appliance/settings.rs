//! The settings page as browsers and their enemies see it: who gets in, what changes anything, and what is shown.

// A slice of a page that is wrong fails the test that took it.
#![allow(clippy::string_slice)]

mod activity;
pub mod browser;
mod claim;
mod commands;
mod editing;
mod forms;
mod headers;
mod idle;
mod late;
mod leaving;
mod oddities;
mod passwords;
mod people;
mod provisioned;
mod provisioning;
mod roles;
mod second_factor;
mod sessions;
mod tokens;
mod tries;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use serde_json::Value;

use crate::served::{Place, Served, binary};
use crate::wire::Client;
use browser::Browser;

/// A good password, and another one.
pub const PASSWORD: &str = "tangerine-lamp-overhead";
pub const OTHER: &str = "my cat eats blue cheese";
pub const MINUTE: i64 = 60_000_000;

/// Names and values of a form.
pub type Fields<'a> = Vec<(&'a str, &'a str)>;

/// A server with an administrator, `ada`, behind a proxy: every browser has an address of its own.
pub struct House {
    pub place: Place,
    server: Option<Served>,
}

/// How single sign-on is set up where a test needs no more of it than that, as it stands in the file.
pub const SET_UP: &str = r#"{"kind":"okta","issuer":"https://example.okta.com","client_id":"x","secret":null,"scopes":[],"rules":[],"allow_email":false,"break_glass":false,"tested":{"at":0,"by":"admin:ada","good":true,"result":""}}"#;

impl House {
    pub fn new() -> House {
        House::with("")
    }

    /// With more in the config: tables.
    pub fn with(config: &str) -> House {
        let house = House::empty(config);
        assert!(house.spoken(&["admin", "create", "ada"], PASSWORD).status.success());
        house.started()
    }

    /// Without an administrator, and not started.
    pub fn empty(config: &str) -> House {
        let proxy = "behind_proxy = true\ntrusted_proxies = [\"127.0.0.1\"]\n";
        House { place: Place::new(&format!("{proxy}{config}")), server: None }
    }

    pub fn started(mut self) -> House {
        self.start();
        self
    }

    pub fn start(&mut self) {
        self.server = Some(Served::start(&self.place.config()));
    }

    /// Starts with no file growing beyond so many KiB: writes fail as on a full disk.
    pub fn start_with_small_files(&mut self, kib: u64) {
        self.server = Some(Served::start_with_small_files(&self.place.config(), kib));
    }

    /// Ends the server, so that nothing of it is in memory any longer.
    pub fn stop(&mut self) {
        assert_eq!(self.server.take().unwrap().terminate(), Some(0));
    }

    /// Pulls the plug.
    pub fn killed(&mut self) {
        self.server.take().unwrap().kill();
    }

    /// Stops, changes the file, and starts again.
    pub fn meanwhile(&mut self, what: &str) {
        self.stop();
        self.file().execute_batch(what).unwrap();
        self.start();
    }

    pub fn server(&self) -> &Served {
        self.server.as_ref().unwrap()
    }

    pub fn port(&self) -> u16 {
        self.server().port
    }

    /// A browser that was never here, with an address that nobody else has.
    pub fn browser(&self) -> Browser {
        Browser::new(self.port())
    }

    /// A browser in which ada has signed in.
    pub fn ada(&self) -> Browser {
        self.signed_in("ada", PASSWORD)
    }

    pub fn signed_in(&self, name: &str, password: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.sign_in(name, password);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", answer.body);
        browser
    }

    /// The file, beside the server.
    pub fn file(&self) -> Connection {
        let file = Connection::open(self.place.database()).unwrap();
        file.busy_timeout(crate::wire::PATIENCE).unwrap();
        file
    }

    pub fn execute(&self, sql: &str) {
        self.file().execute_batch(sql).unwrap();
    }

    /// One text of the file.
    pub fn text(&self, sql: &str) -> String {
        self.file().query_row(sql, [], |r| r.get(0)).unwrap()
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.file().query_row(sql, [], |r| r.get(0)).unwrap()
    }

    /// Runs a command that reads a line from stdin.
    pub fn spoken(&self, arguments: &[&str], line: &str) -> Output {
        let mut command = Command::new(binary());
        command.arg("--config").arg(self.place.config()).args(arguments).arg("--password-stdin");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that refuses before it reads has closed its end.
        let _ = writeln!(child.stdin.take().unwrap(), "{line}");
        child.wait_with_output().unwrap()
    }

    /// A client of SCIM with a new token, and provisioning on.
    pub fn provider(&self) -> Client {
        Client { port: self.port(), token: self.place.provisioned() }
    }

    /// Everything that a form could have changed.
    pub fn contents(&self) -> Vec<String> {
        let file = self.file();
        let mut all = Vec::new();
        for sql in [
            "select name, value from setting where name <> 'claim' order by name",
            "select id, revoked, name from token order by id",
            "select id, name, password, hex(totp), totp_step, recovery, changed from admin order by id",
            "select hex(digest), admin, complete, authenticated, expires from session order by digest",
            "select coalesce(max(n), 0) from change",
        ] {
            let mut statement = file.prepare(sql).unwrap();
            let columns = statement.column_count();
            let rows = statement.query_map([], |row| {
                (0..columns).map(|i| row.get::<_, rusqlite::types::Value>(i)).collect::<Result<Vec<_>, _>>()
            });
            all.extend(rows.unwrap().map(|r| format!("{:?}", r.unwrap())));
        }
        all
    }

    /// Who did what, the oldest first.
    pub fn audit(&self) -> Vec<(String, String)> {
        let file = self.file();
        let mut statement = file.prepare("select actor, op from change order by n").unwrap();
        statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    /// Is this nowhere in the files of the database?
    pub fn is_nowhere(&self, canaries: &[&str]) {
        for entry in std::fs::read_dir(self.place.path()).unwrap() {
            let path = entry.unwrap().path();
            if !path.file_name().unwrap().to_string_lossy().starts_with("scim-appliance.db") {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            for canary in canaries {
                assert!(!canary.is_empty());
                let found = bytes.windows(canary.len()).any(|w| w == canary.as_bytes());
                assert!(!found, "{canary} is in {}", path.display());
            }
        }
    }
}

/// A command that failed with one sentence.
pub fn sentence(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let last = text.trim_end().lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("error: ") && !text.contains("panicked"), "{text}");
    last
}

/// Does what it is given in so many threads at once.
pub fn at_once<T: Send>(threads: usize, what: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(threads);
    std::thread::scope(|scope| {
        let run = |i| {
            let (barrier, what) = (&barrier, &what);
            scope.spawn(move || {
                barrier.wait();
                what(i)
            })
        };
        let all: Vec<_> = (0..threads).map(run).collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

pub fn id_of(made: &crate::support::Answer) -> String {
    assert_eq!(made.status, 201, "{}", made.body);
    let id: Value = made.json()["id"].clone();
    id.as_str().unwrap().to_owned()
}
