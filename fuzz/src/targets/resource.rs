//! Resources on their way in.

use scim_appliance::scim::catalog::ResourceType;
use scim_appliance::scim::dialect::Dialect;
use scim_appliance::scim::json::{Json, Object};
use scim_appliance::scim::merge::replace;
use scim_appliance::scim::resource::{Purpose, check};

use super::{samples, strict};

/// What is checked is canonical: it is checked again without any rule and comes out as it is, from its text too. What a
/// PUT of it makes of others is the same. With no rule needed, it is what the RFC makes of it.
pub fn resource(input: &[u8]) {
    let Ok(body) = Json::parse(input) else { return };
    for of in &samples::catalog().resource_types {
        for purpose in [Purpose::New, Purpose::Whole, Purpose::Partial] {
            let dialect = Dialect::tolerant();
            let exact = check(body.clone(), of, purpose, &strict());
            let checked = check(body.clone(), of, purpose, &dialect);
            if dialect.used().is_empty() {
                assert_eq!(format!("{checked:?}"), format!("{exact:?}"), "no rule was needed");
            }
            for checked in [checked, exact].into_iter().flatten() {
                if purpose != Purpose::Partial {
                    stands(checked.document(), of);
                }
                for current in samples::documents(of) {
                    let replaced =
                        replace(current, checked.clone(), of, purpose == Purpose::Partial, &Dialect::tolerant());
                    replaced.into_iter().for_each(|document| stands(&document, of));
                }
            }
        }
    }
}

/// A document as it would be stored is what comes out when it is sent, and when its text is read.
pub fn stands(document: &Object, of: &ResourceType) {
    let text = document.text();
    assert_eq!(Json::parse(text.as_bytes()).as_ref(), Ok(&Json::Object(document.clone())), "{text}");
    match check(document.clone().into(), of, Purpose::Whole, &strict()) {
        Ok(checked) => {
            assert_eq!(checked.document(), document, "{text}");
            assert!(checked.ignored().is_empty() && checked.cleared().is_empty(), "{text}: {checked:?}");
        }
        Err(fault) => panic!("{text}\n{fault}"),
    }
}
