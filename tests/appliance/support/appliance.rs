//! The built binary as a process of the test's own, in a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::http::{Answer, Connection, request};

/// How long a start or an end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const LISTENING: &str = "Listening on http";

/// A server that listens, and the folder with its config and database.
pub struct Appliance {
    pub port: u16,
    /// The token that the requests carry; empty when none was made.
    pub token: String,
    child: Child,
    reading: Vec<JoinHandle<()>>,
    log: Arc<Mutex<String>>,
    folder: TempDir,
}

impl Appliance {
    /// Serves a new database, with a token and provisioning on.
    pub fn start() -> Appliance {
        Appliance::with_config("")
    }

    /// The same with more in the config: keys, then tables; not `[listen]` and `[log]`.
    pub fn with_config(extra: &str) -> Appliance {
        Appliance::with_whole_config(&whole(extra))
    }

    /// The same with this config and nothing else in it.
    pub fn with_whole_config(text: &str) -> Appliance {
        let mut appliance = Appliance::new(text);
        let made = appliance.command(&["token", "create", "--name", "tests"]);
        assert!(made.status.success(), "no token: {made:?}");
        appliance.token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        let on = appliance.command(&["provisioning", "on", "--acknowledge-no-sso"]);
        assert!(on.status.success(), "provisioning is not on: {on:?}");
        appliance
    }

    /// Serves a new database as it is: no token, provisioning off.
    pub fn unprovisioned(extra: &str) -> Appliance {
        Appliance::new(&whole(extra))
    }

    fn new(config: &str) -> Appliance {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        let log = Arc::default();
        let (child, port, reading) = serve(folder.path(), &log);
        Appliance { port, token: String::new(), child, reading, log, folder }
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The base URL.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}/scim/v2", self.port)
    }

    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    pub fn config_path(&self) -> PathBuf {
        self.dir().join("config.toml")
    }

    /// The database, where the config does not put it elsewhere.
    pub fn database_path(&self) -> PathBuf {
        self.dir().join("scim-appliance.db")
    }

    /// What the server has written to stderr since the first start, without what is still on its way.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The same, once a line of it has all these words.
    pub fn logged(&self, words: &[&str]) -> String {
        crate::served::logged(|| self.log(), words)
    }

    /// Runs a command with the same config to its end.
    pub fn command(&self, arguments: &[&str]) -> Output {
        binary(self.dir()).args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, Some(body))
    }

    pub fn put(&self, path: &str, body: Value) -> Answer {
        self.ask("PUT", path, Some(body))
    }

    pub fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask("PATCH", path, Some(body))
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, None)
    }

    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("Authorization", bearer.as_str())];
        let body = body.map(|b| b.to_string());
        if body.is_some() {
            headers.push(("Content-Type", "application/scim+json"));
        }
        self.send(method, &format!("/scim/v2{path}"), &headers, body.as_deref().map(str::as_bytes))
    }

    /// Sends a request with no headers but these, Host, Connection and Content-Length. The path counts from the root.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.raw(&request(method, path, "close", headers, body))
    }

    /// Sends bytes as they are over a connection of their own.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let answer = Connection::open(self.port).and_then(|mut c| c.raw(bytes));
        let beginning = || String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned();
        answer.unwrap_or_else(|e| panic!("no answer ({e}) to:\n{}\nThe server said:\n{}", beginning(), self.log()))
    }

    /// Asks the server to end, and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        if self.child.try_wait().unwrap().is_none() {
            kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        }
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(since.elapsed() < PATIENCE, "the server does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        };
        self.reading.drain(..).for_each(|r| r.join().unwrap());
        status
    }

    /// Ends the server without a word, as a power cut does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reading.drain(..).for_each(|r| r.join().unwrap());
    }

    /// Serves the same folder again, with another port. Ends the server first if it still runs.
    pub fn restart(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.terminate();
        }
        (self.child, self.port, self.reading) = serve(self.folder.path(), &self.log);
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn whole(extra: &str) -> String {
    format!("{extra}\n[listen]\naddress = \"127.0.0.1:0\"\n[log]\nlevel = \"debug\"\n")
}

fn binary(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scim-appliance"));
    command.current_dir(folder).arg("--config").arg(folder.join("config.toml"));
    command
}

/// Starts the server and waits until it says where it listens.
fn serve(folder: &Path, log: &Arc<Mutex<String>>) -> (Child, u16, Vec<JoinHandle<()>>) {
    let mut command = binary(folder);
    command.arg("serve").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (stdout, stderr, kept) = (child.stdout.take().unwrap(), child.stderr.take().unwrap(), log.clone());
    let errors = std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            kept.lock().unwrap().push_str(&(line + "\n"));
        }
    });
    let (say, said) = mpsc::channel();
    let output = std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody listens any more once the port is known; what is printed has to be taken all the same.
            let _ = say.send(line);
        }
    });
    let until = Instant::now() + PATIENCE;
    loop {
        match said.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(port) =
                    line.strip_prefix(LISTENING).and_then(|a| a.rsplit_once(':')).and_then(|(_, p)| p.parse().ok())
                {
                    return (child, port, vec![errors, output]);
                }
            }
            Err(why) => {
                let _ = child.kill();
                let status = child.wait().unwrap();
                let _ = errors.join();
                panic!("the server does not listen ({why}, {status}):\n{}", log.lock().unwrap());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Everything that the other tests trust in, once.
    #[test]
    fn a_server_starts_answers_ends_and_starts_again() {
        let mut appliance = Appliance::start();
        assert!(appliance.base().ends_with(&format!(":{}/scim/v2", appliance.port)));
        assert!(appliance.config_path().is_file() && appliance.database_path().is_file());
        let made = appliance.post("/Users", json!({"userName": "ada@example.com", "title": "first"}));
        assert_eq!(made.status, 201, "{}", made.body);
        let path = format!("/Users/{}", made.json()["id"].as_str().unwrap());
        let operations = json!([{"op": "replace", "path": "title", "value": "second"}]);
        assert_eq!(appliance.patch(&path, json!({"Operations": operations})).json()["title"], json!("second"));
        let put = appliance.put(&path, json!({"userName": "ada@example.com", "title": "third"}));
        assert_eq!(put.json()["title"], json!("third"));
        assert_eq!(appliance.terminate().code(), Some(0), "{}", appliance.log());

        appliance.restart();
        assert_eq!(appliance.get(&path).json()["title"], json!("third"));
        appliance.kill();
        appliance.restart();
        let mut connection = Connection::open(appliance.port).unwrap();
        let bearer = format!("Bearer {}", appliance.token);
        for _ in 0..2 {
            let target = format!("/scim/v2{path}");
            let answer = connection.send("GET", &target, &[("Authorization", &bearer)], None).unwrap();
            assert_eq!(answer.json()["title"], json!("third"));
        }
        assert_eq!(appliance.delete(&path).status, 204);
        assert_eq!(appliance.get(&path).status, 404);
        assert_eq!(appliance.send("GET", "/healthz", &[], None).status, 200);
    }

    #[test]
    fn a_new_database_lets_nobody_in() {
        let appliance = Appliance::unprovisioned("");
        assert_eq!(appliance.token, "");
        assert_eq!(appliance.get("/Users").status, 401);
        let made = appliance.command(&["token", "create", "--name", "early"]);
        let bearer = format!("Bearer {}", String::from_utf8(made.stdout).unwrap().trim());
        assert_eq!(appliance.send("GET", "/scim/v2/Users", &[("Authorization", &bearer)], None).status, 403);
    }
}
