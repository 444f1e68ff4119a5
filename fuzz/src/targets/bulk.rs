//! Bulk requests: what refers to what, and in which order.

use std::collections::HashMap;

use scim_appliance::scim::bulk::{Bulk, order};
use scim_appliance::scim::dialect::Dialect;
use scim_appliance::scim::json::Json;

/// Every operation has its turn once, after those that it refers to unless they refer to it as well; with an id for each
/// reference none is left over, and without ids nothing changes.
pub fn bulk(input: &[u8]) {
    let Ok(body) = Json::parse(input) else { return };
    let Ok(mut bulk) = Bulk::parse(body, 1000, &Dialect::tolerant()) else { return };
    let made: HashMap<String, usize> = bulk
        .operations
        .iter()
        .enumerate()
        .filter(|(_, o)| o.creates())
        .filter_map(|(i, o)| Some((o.bulk_id.clone()?, i)))
        .collect();
    let mut needs = Vec::with_capacity(bulk.operations.len());
    for operation in &mut bulk.operations {
        let Ok(asked) = &mut operation.asked else {
            needs.push(Vec::new());
            continue;
        };
        let written = asked.clone();
        let names = asked.references();
        assert_eq!(*asked, written, "looking for references changes nothing");
        let mut nobody = asked.clone();
        let missing = nobody.resolve(&HashMap::new());
        assert_eq!(nobody, written, "without ids nothing is put in");
        assert!(missing.iter().all(|m| names.contains(m)), "{missing:?} are not among {names:?}");
        let ids: HashMap<_, _> = names.iter().map(|n| (n.clone(), "2819c223".to_owned())).collect();
        let mut resolved = written.clone();
        assert!(resolved.resolve(&ids).is_empty(), "an id for each of {names:?} is not enough");
        assert_eq!(resolved.verb, written.verb);
        needs.push(names.iter().filter_map(|n| made.get(n).copied()).collect::<Vec<_>>());
    }
    in_order(&needs);
}

fn in_order(needs: &[Vec<usize>]) {
    let groups = order(needs);
    let mut turn = vec![None; needs.len()];
    for (i, group) in groups.iter().enumerate() {
        for operation in group {
            assert_eq!(turn[*operation].replace(i), None, "operation {operation} has two turns");
        }
    }
    for (operation, needed) in needs.iter().enumerate() {
        let own = turn[operation].expect("every operation has a turn");
        for other in needed {
            assert!(turn[*other].expect("every operation has a turn") <= own, "{operation} goes before {other}");
        }
    }
}
