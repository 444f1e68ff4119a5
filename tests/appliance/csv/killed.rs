//! The plug is pulled in the middle: nothing of the import is there.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::{House, many, people, place_of, until, uploaded, written};
use crate::invariants;
use crate::served::binary;

#[test]
fn an_import_that_is_killed_leaves_nothing_behind() {
    let mut house = House::new();
    let rows = 4000;
    for (round, wait) in [5, 40, 150, 400].into_iter().enumerate() {
        let mut ada = house.ada();
        let at = place_of(&uploaded(&mut ada, many(&format!("r{round}"), rows)));
        until(&mut ada, &at, "Import 4,000 people");
        std::thread::scope(|scope| {
            let mut tab = ada.clone();
            let at = at.clone();
            scope.spawn(move || {
                let own = tab.headers();
                let mut headers: Vec<(&str, &str)> = own.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                headers.extend(crate::settings::browser::OWN);
                let body = crate::settings::browser::encoded(&[("csrf", &tab.csrf)]);
                let bytes = crate::support::http::request("POST", &at, "close", &headers, Some(body.as_bytes()));
                // Whoever is killed answers nobody.
                let _ = crate::support::http::Connection::open(tab.port).and_then(|mut c| c.raw(&bytes));
                tab.csrf.clear();
            });
            std::thread::sleep(Duration::from_millis(wait));
            house.killed();
        });
        house.start();
        let there = people(&house);
        assert_eq!(there % rows as i64, 0, "round {round}: {there} people");
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
