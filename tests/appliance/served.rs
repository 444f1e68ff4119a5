//! The built binary as a process of the test's own: started through a shell, stopped by a signal, read to its end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// What a server wrote to stderr, once a line of it has all these words: the line arrives a little later than the answer.
pub fn logged(log: impl Fn() -> String, words: &[&str]) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let text = log();
        if text.lines().any(|l| words.iter().all(|w| l.contains(w))) {
            return text;
        }
        assert!(Instant::now() < until, "no line has {words:?}:\n{text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How long a start or an end may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_scim-appliance")
}

/// Runs a command to its end in a folder.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

/// A server that listens.
pub struct Served {
    child: Child,
    pub port: u16,
    log: Arc<Mutex<String>>,
    printed: Arc<Mutex<String>>,
    reading: Vec<JoinHandle<()>>,
}

impl Served {
    /// Starts `serve` with a config file and waits until it listens.
    pub fn start(config: &Path) -> Served {
        let mut command = Command::new(binary());
        command.arg("--config").arg(config).arg("serve");
        Served::spawn(command)
    }

    /// The same with no file of it growing beyond so many KiB: writes fail as on a broken disk.
    pub fn start_with_small_files(config: &Path, kib: u64) -> Served {
        let mut command = Command::new("bash");
        // Without the trap the first write beyond the limit would end the process instead of failing.
        let script = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";
        command.args(["-c", script, "bash", &kib.to_string(), binary(), "--config"]).arg(config).arg("serve");
        Served::spawn(command)
    }

    fn spawn(mut command: Command) -> Served {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, kept) = (child.stderr.take().unwrap(), log.clone());
        let errors = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let printed = Arc::new(Mutex::new(String::new()));
        let mut port = None;
        let mut line = String::new();
        while port.is_none() && stdout.read_line(&mut line).unwrap() > 0 {
            printed.lock().unwrap().push_str(&line);
            let address = line.trim_end().strip_prefix("Listening on http");
            port = address.and_then(|a| a.rsplit_once(':')).and_then(|(_, port)| port.parse().ok());
            line.clear();
        }
        let Some(port) = port else {
            let status = child.wait().unwrap();
            let _ = errors.join();
            panic!("the server did not start ({status}): {}", log.lock().unwrap());
        };
        // Whatever it prints later must not fill the pipe.
        let kept = printed.clone();
        let rest = std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Served { child, port, log, printed, reading: vec![errors, rest] }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end that somebody else has brought about.
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the server does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it printed to stdout behind these words, once it has.
    pub fn printed(&self, words: &str) -> String {
        let printed = logged(|| self.printed.lock().unwrap().clone(), &[words]);
        printed.lines().find_map(|l| l.split_once(words)).unwrap().1.trim().to_owned()
    }

    /// What it wrote to stderr so far, without what is still on its way.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Ends it politely and gives its exit code.
    pub fn terminate(self) -> Option<i32> {
        self.ended().0
    }

    /// The same, with all that it wrote to stderr.
    pub fn ended(mut self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        let code = self.wait().code();
        self.reading.drain(..).for_each(|r| r.join().unwrap());
        (code, self.log())
    }

    /// Ends it as a power cut would, as far as a process can tell.
    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for thread in self.reading.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A folder with a config file, for servers and commands that are started one after the other.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// With this text behind the address to listen on.
    pub fn new(config: &str) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        std::fs::write(place.config(), format!("[listen]\naddress = \"127.0.0.1:0\"\n{config}")).unwrap();
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("config.toml")
    }

    pub fn database(&self) -> PathBuf {
        self.path().join("scim-appliance.db")
    }

    /// Runs a command with the config file.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let config = self.config();
        let all: Vec<&str> =
            ["--config", config.to_str().unwrap()].into_iter().chain(arguments.iter().copied()).collect();
        run(self.path(), &all)
    }

    /// Runs a command that has to succeed, and gives what it printed.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes a token and switches provisioning on.
    pub fn provisioned(&self) -> String {
        let token = self.done(&["token", "create", "--name", "test"]).trim().to_owned();
        self.done(&["provisioning", "on", "--acknowledge-no-sso"]);
        token
    }
}
