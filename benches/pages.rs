//! How long the pages take that an administrator looks at, with many people in the directory, side by side with `/healthz`.
//!
//! `cargo bench --bench pages`, or `PEOPLE=1000000 cargo bench --bench pages`. Compare the rows of one run with each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

const TIMES: usize = 101;
const BATCH: usize = 1000;
const PASSWORD: &str = "tangerine-lamp-overhead";

/// A server in a folder of its own.
struct Served {
    child: Child,
    port: u16,
    claim: String,
    token: String,
    _folder: tempfile::TempDir,
}

impl Served {
    fn start() -> Served {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        std::fs::write(&config, "[listen]\naddress = \"127.0.0.1:0\"\n[log]\nlevel = \"warn\"\n").unwrap();
        let run = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_scim-appliance"));
            command.arg("--config").arg(&config).args(arguments);
            command
        };
        let made = run(&["token", "create", "--name", "bench"]).stderr(Stdio::null()).output().unwrap();
        let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        assert!(run(&["provisioning", "on", "--acknowledge-no-sso"]).output().unwrap().status.success());
        let mut child = run(&["serve"]).stdout(Stdio::piped()).spawn().unwrap();
        let (mut port, mut claim) = (0, String::new());
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
            if let Some(address) = line.strip_prefix("Listening on ") {
                port = address.rsplit(':').next().unwrap().parse().unwrap();
            }
            if let Some((_, rest)) = line.split_once("claim code ") {
                claim = rest.split(' ').next().unwrap().to_owned();
                break;
            }
        }
        Served { child, port, claim, token, _folder: folder }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection that is kept, and the cookies that came over it.
struct Browser {
    stream: BufReader<TcpStream>,
    cookies: Vec<(String, String)>,
    port: u16,
}

impl Browser {
    fn open(port: u16) -> Browser {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Browser { stream: BufReader::new(stream), cookies: Vec::new(), port }
    }

    fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let cookies: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.port,
            cookies.join("; "),
            body.len()
        );
        self.stream.get_mut().write_all((head + body).as_bytes()).unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest.get(..3).unwrap().parse().unwrap();
            }
            if let Some((name, value)) = line.split_once(": ") {
                match name {
                    "content-length" => length = value.parse().unwrap(),
                    "set-cookie" => {
                        let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
                        self.cookies.retain(|(n, _)| n != name);
                        self.cookies.push((name.to_owned(), value.to_owned()));
                    }
                    _ => {}
                }
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    fn claim(&mut self, code: &str) {
        let (_, page) = self.ask("GET", "/setup", "", "");
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let form = format!("csrf={csrf}&claim={code}&name=Grace&password={PASSWORD}");
        let headers = format!(
            "Origin: http://127.0.0.1:{}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n",
            self.port
        );
        assert_eq!(self.ask("POST", "/setup", &headers, &form).0, 303);
    }
}

fn fill(server: &Served, people: usize) {
    let mut client = Browser::open(server.port);
    let headers = format!("Authorization: Bearer {}\r\nContent-Type: application/scim+json\r\n", server.token);
    for from in (0..people).step_by(BATCH) {
        let operation = |i: usize| {
            let name = ["Ada", "Alan", "Grace", "Edsger", "Barbara"][i % 5];
            json!({"method": "POST", "path": "/Users", "bulkId": i.to_string(), "data": {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": format!("{}.{i:06}@example.com", name.to_lowercase()),
                "displayName": format!("{name} Number{i}"),
                "name": {"givenName": name, "familyName": format!("Number{i}")},
                "emails": [{"value": format!("{}.{i:06}@example.com", name.to_lowercase()), "primary": true}],
                "active": !i.is_multiple_of(20),
            }})
        };
        let all: Vec<_> = (from..people.min(from + BATCH)).map(operation).collect();
        let message =
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": all}).to_string();
        let (status, body) = client.ask("POST", "/scim/v2/Bulk", &headers, &message);
        assert!(status == 200 && !body.contains("\"status\":\"4"), "{status}");
    }
}

fn main() {
    let people = std::env::var("PEOPLE").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let server = Served::start();
    fill(&server, people);
    let mut browser = Browser::open(server.port);
    browser.claim(&server.claim);
    println!("{people} people, medians of {TIMES}");
    for path in [
        "/healthz",
        "/",
        "/people",
        "/people?offset=50000",
        "/people?q=number999",
        "/people?q=ada",
        "/people?q=nobody",
        "/people?status=deactivated",
        "/provisioning",
        "/requests",
    ] {
        let mut times: Vec<Duration> = (0..TIMES)
            .map(|_| {
                let start = Instant::now();
                assert_eq!(browser.ask("GET", path, "", "").0, 200, "{path}");
                start.elapsed()
            })
            .collect();
        times.sort();
        println!("{path:30} {:8.2} ms", times[TIMES / 2].as_secs_f64() * 1000.0);
    }
}
