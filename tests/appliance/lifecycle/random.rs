//! Whatever comes in whatever order, counts and memberships stay what they should be.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::Desk;

/// People and groups that there may be.
const PEOPLE: usize = 5;
const GROUPS: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Step {
    Create(usize),
    Activate(usize, bool),
    Delete(usize),
    Restore(usize),
    Join(usize, usize),
    Leave(usize, usize),
    Archive(usize),
    Unarchive(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, group) = (0..PEOPLE, 0..GROUPS);
    prop_oneof![
        2 => who.clone().prop_map(Step::Create),
        3 => (who.clone(), any::<bool>()).prop_map(|(p, a)| Step::Activate(p, a)),
        2 => who.clone().prop_map(Step::Delete),
        2 => who.clone().prop_map(Step::Restore),
        3 => (who.clone(), group.clone()).prop_map(|(p, g)| Step::Join(p, g)),
        1 => (who, group.clone()).prop_map(|(p, g)| Step::Leave(p, g)),
        1 => group.clone().prop_map(Step::Archive),
        1 => group.prop_map(Step::Unarchive),
    ]
}

/// What should be there.
#[derive(Default)]
struct Model {
    /// The live person of each name: id, active, groups.
    people: BTreeMap<usize, (String, bool)>,
    /// The last one of each name that was deleted: id, active, groups.
    departed: BTreeMap<usize, (String, bool, BTreeSet<String>)>,
    groups: BTreeMap<usize, String>,
    archived: BTreeMap<usize, (String, BTreeSet<String>)>,
    /// Group and person, by their ids.
    members: BTreeSet<(String, String)>,
}

fn run(desk: &Desk, name: &dyn Fn(&str, usize) -> String, steps: &[Step]) {
    let mut model = Model::default();
    for g in 0..GROUPS {
        model.groups.insert(g, desk.group(&name("group", g), &[]));
    }
    for step in steps {
        match *step {
            Step::Create(p) if !model.people.contains_key(&p) => {
                model.people.insert(p, (desk.person(&name("person", p)), true));
            }
            Step::Activate(p, active) => {
                if let Some((id, is)) = model.people.get_mut(&p) {
                    desk.activate(id, active);
                    *is = active;
                }
            }
            Step::Delete(p) => {
                if let Some((id, active)) = model.people.remove(&p) {
                    desk.delete(&format!("/Users/{id}"));
                    let groups = model.members.iter().filter(|(_, m)| *m == id).map(|(g, _)| g.clone()).collect();
                    model.members.retain(|(_, m)| *m != id);
                    model.departed.insert(p, (id, active, groups));
                }
            }
            Step::Restore(p) => {
                let Some((id, active, groups)) = model.departed.get(&p).cloned() else { continue };
                if model.people.contains_key(&p) {
                    desk.refused(&["person", "restore", &id]);
                    continue;
                }
                desk.done(&["person", "restore", &id]);
                model.departed.remove(&p);
                let live = groups.into_iter().filter(|g| model.groups.values().any(|l| l == g));
                model.members.extend(live.map(|g| (g, id.clone())).collect::<Vec<_>>());
                model.people.insert(p, (id, active));
            }
            Step::Join(p, g) | Step::Leave(p, g) => {
                let (Some((id, _)), Some(group)) = (model.people.get(&p), model.groups.get(&g)) else { continue };
                let comes = matches!(step, Step::Join(..));
                let operation = match comes {
                    true => json!([{"op": "add", "path": "members", "value": [{"value": id}]}]),
                    false => json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]),
                };
                assert!(desk.client.patch(&format!("/Groups/{group}"), &operation).unwrap().status < 300);
                let pair = (group.clone(), id.clone());
                if comes {
                    model.members.insert(pair)
                } else {
                    model.members.remove(&pair)
                };
            }
            Step::Archive(g) => {
                if let Some(id) = model.groups.remove(&g) {
                    desk.delete(&format!("/Groups/{id}"));
                    let members = model.members.iter().filter(|(of, _)| *of == id).map(|(_, m)| m.clone()).collect();
                    model.members.retain(|(of, _)| *of != id);
                    model.archived.insert(g, (id, members));
                }
            }
            Step::Unarchive(g) => {
                if let Some((id, members)) = model.archived.remove(&g) {
                    desk.done(&["group", "restore", &id]);
                    let live = members.into_iter().filter(|m| model.people.values().any(|(l, _)| l == m));
                    model.members.extend(live.map(|m| (id.clone(), m)).collect::<Vec<_>>());
                    model.groups.insert(g, id);
                }
            }
            Step::Create(_) => {}
        }
        desk.check();
    }
    for (id, active) in model.people.values() {
        assert_eq!(desk.get(&format!("/Users/{id}"))["active"], json!(active));
    }
    for id in model.groups.values() {
        let expected: Vec<String> = model.members.iter().filter(|(g, _)| g == id).map(|(_, m)| m.clone()).collect();
        assert_eq!(desk.members(id), expected);
    }
    let gone: Vec<String> = model.people.values().filter(|(_, active)| !active).map(|(id, _)| id.clone()).collect();
    for id in gone {
        let open = format!("select count(*) from handover where person = '{id}' and status = 'open'");
        assert_eq!(desk.house.number(&open), 1, "{id} has something to hand over");
    }
}

#[test]
fn counts_and_memberships_stay_consistent() {
    let desk = Desk::with("[guard]\npercent = 0\ncount = 0\n");
    let config = Config { cases: 12, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let round = std::cell::Cell::new(0);
    let steps = proptest::collection::vec(step(), 1..30);
    let ran = TestRunner::new(config).run(&steps, |steps| {
        round.set(round.get() + 1);
        let number = round.get();
        run(&desk, &|kind, i| format!("{kind}-{i}-of-{number}"), &steps);
        Ok(())
    });
    ran.unwrap();
    let live = desk.house.number("select count(*) from resource where type = 1");
    assert_eq!(desk.get("/Users?count=0")["totalResults"], json!(live));
}
