//! The plug is pulled in the middle: nothing of the import is there.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::{House, many, people, place_of, until, uploaded, written};
use crate::invariants;
use crate::served::binary;
use crate::settings::browser::{OWN, encoded, hidden};
use crate::support::http::{Connection, request};

/// How many rows a page says are done, while it does.
fn done(page: &str) -> Option<u64> {
    page.split("<progress").nth(1)?.split("value=\"").nth(1)?.split('"').next()?.parse().ok()
}

#[test]
fn an_import_that_is_killed_leaves_nothing_behind() {
    let mut house = House::new();
    for least in [1, 200, 1500] {
        let mut ada = house.ada();
        let at = place_of(&uploaded(&mut ada, many("p", 4000)));
        let page = until(&mut ada, &at, "Import 4,000 people");
        let plan = hidden(&page, "plan").unwrap();
        let mut watching = ada.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let own = ada.headers();
                let mut headers: Vec<(&str, &str)> = own.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                headers.extend(OWN);
                let body = encoded(&[("csrf", &ada.csrf), ("plan", &plan)]);
                let bytes = request("POST", &at, "close", &headers, Some(body.as_bytes()));
                // Whoever is killed answers nobody.
                let _ = Connection::open(ada.port).and_then(|mut c| c.raw(&bytes));
            });
            let end = std::time::Instant::now() + crate::wire::PATIENCE;
            while done(&watching.page(&at)).is_none_or(|rows| rows < least) {
                assert!(std::time::Instant::now() < end, "it was never in the middle");
            }
            house.killed();
        });
        house.start();
        assert_eq!(people(&house), 0, "after {least} rows and more");
    }
    invariants::check(&house.place.database());
}

#[test]
fn a_command_that_is_killed_leaves_nothing_behind() {
    let house = House::new();
    let file = written(&house.place, "many.csv", many("c", 4000));
    for wait in [100, 300, 600] {
        let mut command = Command::new(binary());
        command.arg("--config").arg(house.place.config()).args(["person", "import"]).arg(&file);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
        let there = people(&house);
        assert!(there == 0 || there == 4000, "{there}");
    }
    house.place.done(&["person", "import", "many.csv"]);
    assert_eq!(people(&house), 4000);
    invariants::check(&house.place.database());
}
