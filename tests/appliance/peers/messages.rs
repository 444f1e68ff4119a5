//! What the peer's types write is accepted, and what the server answers is read by them, passes their checks, and says
//! what was sent.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use scim_v2::models::enterprise_user::{EnterpriseUser, Manager};
use scim_v2::models::errors::{ScimHttpError, ScimType};
use scim_v2::models::group::{Group, Member, MemberType};
use scim_v2::models::others::{ListResponse, OperationTarget, PatchOp, PatchOperation, Resource};
use scim_v2::models::resource_types::ResourceType;
use scim_v2::models::scim_schema::{Schema, get_schemas};
use scim_v2::models::service_provider_config::ServiceProviderConfig;
use scim_v2::models::user::{Address, Email, Entitlement, Im, Name, PhoneNumber, Photo, Role, User, X509Certificate};
use scim_v2::{Asserted, Context, Valid, Validate, schema_urns};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::{Answer, Appliance};

/// A message as the peer writes it.
pub fn sent<T: Serialize>(message: &T) -> Value {
    serde_json::to_value(message).unwrap()
}

/// What an answer says, in a type of the peer that finds nothing wrong with it.
fn read<T: DeserializeOwned + Validate>(answer: &Answer) -> T {
    assert!(matches!(answer.status, 200 | 201), "{} {}", answer.status, answer.body);
    let found: T = serde_json::from_str(&answer.body).unwrap_or_else(|e| panic!("{e}: {}", answer.body));
    let valid = Valid::new(found, Context::Response).unwrap_or_else(|e| panic!("{e}: {}", answer.body));
    valid.into_inner()
}

/// A person as the client wrote it: without what the server adds.
fn plain(mut user: User) -> User {
    (user.id, user.meta, user.groups) = (None, None, Vec::new());
    if let Asserted::Set(enterprise) = &mut user.enterprise_user
        && let Asserted::Set(manager) = &mut enterprise.manager
    {
        manager.display_name = None;
    }
    user
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "Ada",
            "a@x.io",
            " two  words ",
            "\"quoted\" \\",
            "STRASSE ß İ",
            "日本語 🙂",
            "<b>&amp;"
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,12}",
    ]
}

fn given<T: std::fmt::Debug + Clone>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Asserted<T>> {
    proptest::option::of(of).prop_map(|o| o.map_or(Asserted::Absent, Asserted::Set))
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(text())
}

/// value, display, type, primary
type Element = (Option<String>, Option<String>, Option<String>, Option<bool>);

/// The elements of a multi-valued attribute, at most one of them the primary one.
fn elements() -> impl Strategy<Value = Vec<Element>> {
    let one = (text().prop_map(Some), maybe(), maybe());
    (proptest::collection::vec(one, 1..4), proptest::option::of(0usize..4)).prop_map(|(list, primary)| {
        let preferred = |i| primary.map(|p| p == i);
        list.into_iter().enumerate().map(|(i, (value, display, kind))| (value, display, kind, preferred(i))).collect()
    })
}

macro_rules! list_of {
    ($type:ident) => {
        given(elements().prop_map(|list| {
            list.into_iter()
                .map(|(value, display, r#type, primary)| $type { value, display, r#type, primary })
                .collect::<Vec<_>>()
        }))
    };
}

fn addresses() -> impl Strategy<Value = Asserted<Vec<Address>>> {
    let one =
        (maybe(), maybe(), maybe(), maybe(), text()).prop_map(|(formatted, locality, region, postal_code, kind)| {
            Address {
                formatted,
                locality,
                region,
                postal_code,
                r#type: Some(kind),
                country: Some("GB".into()),
                ..Address::default()
            }
        });
    given(proptest::collection::vec(one, 1..3))
}

/// A person without a name.
pub fn person() -> impl Strategy<Value = User> {
    let name = (given(text()), given(text()), given(text()), text()).prop_map(|(a, b, c, d)| Name {
        formatted: a,
        family_name: b,
        given_name: c,
        middle_name: Asserted::Set(d),
        ..Name::default()
    });
    let manager = text().prop_map(|id| Manager { value: Asserted::Set(id), ..Manager::default() });
    let enterprise = (text(), given(text()), given(manager)).prop_map(|(department, cost_center, manager)| {
        EnterpriseUser { department: Asserted::Set(department), cost_center, manager, ..EnterpriseUser::default() }
    });
    let certificates = given(proptest::collection::vec("([A-Za-z0-9+/]{4}){1,4}", 1..3).prop_map(|values| {
        values.into_iter().map(|v| X509Certificate { value: Some(v), ..X509Certificate::default() }).collect::<Vec<_>>()
    }));
    let texts = (given(text()), given(text()), given(text()), given(text()), given(text()));
    let lists = (list_of!(Email), list_of!(PhoneNumber), list_of!(Im), list_of!(Role), list_of!(Entitlement));
    let more = (list_of!(Photo), addresses(), certificates);
    (given(name), texts, given(any::<bool>()), lists, more, given(enterprise)).prop_map(
        |(name, (display_name, title, nick_name, locale, external_id), active, lists, more, enterprise_user)| {
            let mut schemas = vec![schema_urns::USER.to_owned()];
            schemas.extend(enterprise_user.is_set().then(|| schema_urns::ENTERPRISE_USER.to_owned()));
            let (emails, phone_numbers, ims, roles, entitlements) = lists;
            let (photos, addresses, x509_certificates) = more;
            User {
                schemas,
                external_id,
                name,
                display_name,
                title,
                nick_name,
                locale,
                active,
                emails,
                phone_numbers,
                ims,
                roles,
                entitlements,
                photos,
                addresses,
                x509_certificates,
                enterprise_user,
                ..User::default()
            }
        },
    )
}

#[test]
fn people_come_back_as_they_were_sent() {
    let appliance = Appliance::start();
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let made = std::cell::Cell::new(0);
    let outcome = runner.run(&(person(), person()), |(mut first, mut second)| {
        made.set(made.get() + 1);
        first.user_name = format!("person{}@x.io", made.get());
        second.user_name = first.user_name.clone();
        first.validate_as(Context::CreateRequest).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let created: User = read(&appliance.post("/Users", sent(&first)));
        // Whoever is created without a word about it is active (RFC 7644 §3.3 lets the server assign values).
        if first.active.is_absent() {
            first.active = Asserted::Set(true);
        }
        let path = format!("/Users/{}", created.id.clone().unwrap());
        prop_assert_eq!(plain(created.clone()), first);
        prop_assert_eq!(&read::<User>(&appliance.get(&path)), &created);

        // Those keep their value when a PUT does not name them.
        let replaced: User = read(&appliance.put(&path, sent(&second)));
        for (kept, sent) in [(&created.external_id, &mut second.external_id)] {
            if sent.is_absent() {
                *sent = kept.clone();
            }
        }
        if second.active.is_absent() {
            second.active = created.active.clone();
        }
        if second.roles.is_absent() {
            second.roles = created.roles.clone();
        }
        prop_assert_eq!(plain(replaced), second);
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));

    let page: ListResponse<User> = read(&appliance.get("/Users?count=7&startIndex=3"));
    assert_eq!((page.resources.len(), page.start_index, page.items_per_page), (7, Some(3), Some(7)));
    assert!(page.total_results >= 40);
    let none: ListResponse<User> = read(&appliance.get("/Users?filter=userName%20eq%20%22nobody%22"));
    assert_eq!((none.resources.len(), none.total_results), (0, 0));
}

fn person_named(appliance: &Appliance, name: &str) -> User {
    let user: User =
        User { user_name: name.to_owned(), display_name: Asserted::Set(name.to_owned()), ..User::default() };
    read(&appliance.post("/Users", sent(&user)))
}

fn patch(operations: Vec<PatchOperation>) -> Value {
    let message = PatchOp { schemas: vec![schema_urns::PATCH_OP.to_owned()], operations };
    message.validate().unwrap();
    sent(&message)
}

fn at(path: &str, value: Value) -> OperationTarget {
    OperationTarget::WithPath { path: path.parse().unwrap(), value: Some(value) }
}

#[test]
fn groups_and_their_members_come_back_as_they_were_sent() {
    let appliance = Appliance::start();
    let people: Vec<User> = ["ada", "grace", "alan"].iter().map(|n| person_named(&appliance, n)).collect();
    let id = |i: usize| people[i].id.clone().unwrap();
    let member = |id: String| Member { value: Some(id), r#type: Some(MemberType::User), ..Member::default() };
    let group = Group {
        schemas: vec![schema_urns::GROUP.to_owned()],
        id: None,
        external_id: Asserted::Set("g-1".to_owned()),
        display_name: "Analysts".to_owned(),
        members: Asserted::Set(vec![member(id(0)), member(id(1))]),
        meta: None,
    };
    group.validate_as(Context::CreateRequest).unwrap();
    let made: Group = read(&appliance.post("/Groups", sent(&group)));
    let path = format!("/Groups/{}", made.id.clone().unwrap());
    let members = |group: &Group| -> Vec<(Option<String>, Option<String>, Option<MemberType>)> {
        group.members.as_slice().iter().map(|m| (m.value.clone(), m.display.clone(), m.r#type.clone())).collect()
    };
    let shown = |i: usize, name: &str| (Some(id(i)), Some(name.to_owned()), Some(MemberType::User));
    assert_eq!(members(&made), [shown(0, "ada"), shown(1, "grace")]);
    assert_eq!((made.display_name.as_str(), made.external_id.as_deref()), ("Analysts", Some("g-1")));

    let changed: Group = read(&appliance.patch(
        &path,
        patch(vec![
            PatchOperation::Add(at("members", serde_json::json!([{"value": id(2)}]))),
            PatchOperation::Remove { path: format!("members[value eq \"{}\"]", id(0)).parse().unwrap(), value: None },
            PatchOperation::Replace(at("displayName", "Mathematicians".into())),
        ]),
    ));
    assert_eq!(members(&changed), [shown(1, "grace"), shown(2, "alan")]);
    assert_eq!(changed.display_name, "Mathematicians");

    let alan: User = read(&appliance.get(&format!("/Users/{}", id(2))));
    assert_eq!(alan.groups.len(), 1);
    assert_eq!(
        (alan.groups[0].value.as_deref(), alan.groups[0].display.as_deref()),
        (made.id.as_deref(), Some("Mathematicians"))
    );

    let everything: ListResponse<Resource<String>> = read(&appliance.get("/"));
    assert_eq!((everything.total_results, everything.resources.len()), (4, 4));
    let groups = everything.resources.iter().filter(|r| matches!(r, Resource::Group(_)));
    assert_eq!(groups.count(), 1);
}

#[test]
fn what_the_peer_patches_is_patched() {
    let appliance = Appliance::start();
    let ada = person_named(&appliance, "ada");
    let path = format!("/Users/{}", ada.id.clone().unwrap());
    let department = format!("{}:department", schema_urns::ENTERPRISE_USER);
    let changed: User = read(&appliance.patch(
        &path,
        patch(vec![
                PatchOperation::Add(at(
                    "emails",
                    serde_json::json!([{"value": "a@x.io", "type": "work", "primary": true}]),
                )),
                PatchOperation::Replace(at("emails[type eq \"work\"].display", "Work".into())),
                PatchOperation::Add(at(&department, "Engines".into())),
                PatchOperation::Replace(OperationTarget::WithoutPath {
                    value: sent(&serde_json::json!({"title": "Countess", "name": {"givenName": "Ada"}}))
                        .as_object()
                        .unwrap()
                        .clone(),
                }),
                PatchOperation::Remove { path: "displayName".parse().unwrap(), value: None },
            ]),
    ));
    let wanted = User {
        schemas: vec![schema_urns::USER.to_owned(), schema_urns::ENTERPRISE_USER.to_owned()],
        user_name: "ada".to_owned(),
        title: Asserted::Set("Countess".to_owned()),
        active: Asserted::Set(true),
        name: Asserted::Set(Name { given_name: Asserted::Set("Ada".to_owned()), ..Name::default() }),
        emails: Asserted::Set(vec![Email {
            value: Some("a@x.io".to_owned()),
            display: Some("Work".to_owned()),
            r#type: Some("work".to_owned()),
            primary: Some(true),
        }]),
        enterprise_user: Asserted::Set(EnterpriseUser {
            department: Asserted::Set("Engines".to_owned()),
            ..EnterpriseUser::default()
        }),
        ..User::default()
    };
    assert_eq!(plain(changed), wanted);
    // null clears, as does the empty list (RFC 7643 §2.5).
    let cleared: User = User {
        user_name: "ada".to_owned(),
        title: Asserted::Nulled,
        emails: Asserted::Set(Vec::new()),
        roles: Asserted::Nulled,
        ..User::default()
    };
    let cleared: User = read(&appliance.put(&path, sent(&cleared)));
    let bare: User = User { user_name: "ada".to_owned(), active: Asserted::Set(true), ..User::default() };
    assert_eq!(plain(cleared), bare);
}

#[test]
fn errors_and_discovery_are_read() {
    let appliance = Appliance::start();
    person_named(&appliance, "ada");
    let error = |answer: Answer| -> (String, Option<ScimType>) {
        let error: ScimHttpError = serde_json::from_str(&answer.body).unwrap();
        error.validate().unwrap();
        assert_eq!(error.status, answer.status.to_string());
        assert!(error.detail.is_some_and(|d| !d.is_empty()));
        (error.status, error.scim_type)
    };
    let twice = sent(&User { user_name: "ADA".to_owned(), ..User::<String>::default() });
    assert_eq!(error(appliance.post("/Users", twice)), ("409".into(), Some(ScimType::Uniqueness)));
    let nameless = serde_json::json!({"schemas": [schema_urns::USER]});
    assert_eq!(error(appliance.post("/Users", nameless)), ("400".into(), Some(ScimType::InvalidValue)));
    assert_eq!(error(appliance.get("/Users?filter=x")), ("400".into(), Some(ScimType::InvalidFilter)));
    assert_eq!(error(appliance.get("/Users/nobody")), ("404".into(), None));

    let config: ServiceProviderConfig = serde_json::from_str(&appliance.get("/ServiceProviderConfig").body).unwrap();
    config.validate().unwrap();
    assert!(config.patch.supported && config.filter.supported);
    let served: ListResponse<Schema> = read(&appliance.get("/Schemas"));
    for theirs in get_schemas(vec!["user", "group", "enterprise_user"]).unwrap() {
        let ours = served.resources.iter().find(|s| s.id == theirs.id).expect("a schema of the RFC is served");
        agree(&sent(&theirs.attributes), &sent(&ours.attributes));
    }
    let types: ListResponse<ResourceType> = read(&appliance.get("/ResourceTypes"));
    assert_eq!(types.resources.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["User", "Group"]);
}

/// Every attribute that RFC 7643 §8.7 defines is served with its type, and so are its parts.
fn agree(theirs: &Value, ours: &Value) {
    for wanted in theirs.as_array().into_iter().flatten() {
        let name = &wanted["name"];
        let found = ours.as_array().and_then(|all| all.iter().find(|a| a["name"] == *name));
        let found = found.unwrap_or_else(|| panic!("{name} is missing"));
        for characteristic in ["type", "multiValued", "mutability", "returned"] {
            assert_eq!(found[characteristic], wanted[characteristic], "{characteristic} of {name}");
        }
        agree(&wanted["subAttributes"], &found["subAttributes"]);
    }
}
