//! The rules of the dialect, one by one.

use scim_appliance::scim::catalog::ResourceType;
use scim_appliance::scim::dialect::{Dialect, RULES, RuleSet};
use scim_appliance::scim::json::Json;

use super::samples;

/// What a rule has rewritten it leaves alone, and what it left alone it does not count.
pub fn dialect(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input)
        && let Some(settled) = Dialect::tolerant().settle_query(text)
    {
        assert_eq!(Dialect::tolerant().settle_query(&settled), None, "{text} is settled twice");
    }
    let Ok(body) = Json::parse(input) else { return };
    let one = RULES.iter().map(|(_, rule)| RuleSet::default().with(*rule));
    for rules in one.chain([RuleSet::default(), RuleSet::all()]) {
        for of in &samples::catalog().resource_types {
            settle(&body, rules, of);
        }
    }
}

fn settle(body: &Json, rules: RuleSet, of: &ResourceType) {
    let names = || rules.names().collect::<Vec<_>>();
    if let Json::Object(written) = body {
        let dialect = Dialect::new(rules);
        let mut settled = written.clone();
        dialect.settle_resource(&mut settled, of);
        if dialect.used().is_empty() {
            assert_eq!(&settled, written, "{:?} were not used", names());
        }
        let once = settled.clone();
        dialect.settle_resource(&mut settled, of);
        assert_eq!(settled, once, "{:?} settle it twice", names());
        let (mut partial, dialect) = (written.clone(), Dialect::new(rules));
        dialect.settle_partial(&mut partial, of);
        let once = partial.clone();
        assert!(!dialect.used().is_empty() || partial == *written, "{:?} were not used", names());
        dialect.settle_partial(&mut partial, of);
        assert_eq!(partial, once, "{:?} settle a partial twice", names());
    }
    let operations = match body {
        Json::Array(operations) => operations.clone(),
        Json::Object(body) => match body.find("Operations") {
            Some(Json::Array(operations)) => operations.clone(),
            _ => return,
        },
        _ => return,
    };
    let dialect = Dialect::new(rules);
    let Ok(settled) = dialect.settle_patch(operations.clone(), of) else { return };
    if dialect.used().is_empty() {
        assert_eq!(settled, operations, "{:?} were not used", names());
    }
    assert_eq!(dialect.settle_patch(settled.clone(), of), Ok(settled), "{:?} settle it twice", names());
}
