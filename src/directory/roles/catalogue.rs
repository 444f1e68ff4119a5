//! The roles that there are (decision P8): what the configuration writes as `[[role]]` and `[roles]`, checked.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::super::me::OWN;
use crate::scim::catalog::{Catalog, USER_SCHEMA};
use crate::scim::declare::{Misdeclared, Step};
use crate::scim::dialect::{Dialect, RuleSet};
use crate::scim::name::fold;
use crate::scim::path::{AttrPath, Place};
use crate::scim::schema::Type;

/// Roles, at most.
const MAX_ROLES: usize = 100;
/// Other names of a role, at most.
const MAX_ALIASES: usize = 100;
/// Characters of a name.
const MAX_NAME: usize = 128;

/// The roles of Hyperproof's SCIM feature, which hold where the configuration has none: value, label, and whether it is
/// for those who administer. The last one is the default.
const BUILT_IN: [(&str, &str, bool); 4] = [
    ("ORGANIZATION_ADMINISTRATOR", "Admin", true),
    ("COMPLIANCE_MANAGER", "Compliance manager", false),
    ("USER", "User", false),
    ("LIMITED_ACCESS_USER", "Limited access user", false),
];

/// What the configuration says of roles.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Written {
    /// `[[role]]`
    #[serde(default, rename = "role")]
    roles: Vec<WrittenRole>,
    /// `[roles]`
    #[serde(default, rename = "roles")]
    asserted: WrittenAsserted,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRole {
    value: String,
    label: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    settings_admin: bool,
    #[serde(default)]
    assignable: Assignable,
}

/// Who may say that somebody has a role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Assignable {
    /// The identity provider too.
    #[default]
    Anywhere,
    /// Administrators here: for single people, and by rules for groups.
    Local,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenAsserted {
    attribute: Option<String>,
    unknown: Unknown,
}

/// What becomes of a request that names a role which is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unknown {
    /// It is carried out; the person has the default role, and the log says so.
    #[default]
    Default,
    /// It is refused: 400 `invalidValue`.
    Refuse,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// What it is in answers and in the store.
    pub value: String,
    /// Its name for people.
    pub label: String,
    /// What else identity providers call it.
    pub aliases: Vec<String>,
    /// Who has it may open the settings page by single sign-on.
    pub settings_admin: bool,
    /// It is given here, by an override or a rule, and never by what an identity provider says.
    pub only_here: bool,
}

/// Where an identity provider says somebody's role, when not in `roles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) extension: Option<String>,
    pub(super) attribute: String,
    pub(super) sub: Option<String>,
}

/// The roles that there are, in the order of the configuration.
#[derive(Debug, Clone)]
pub struct Catalogue {
    roles: Vec<Arc<Role>>,
    default: Arc<Role>,
    names: HashMap<String, Arc<Role>>,
    home: Option<Home>,
    refuses_unknown: bool,
}

impl Catalogue {
    /// The roles of a configuration that says nothing of them.
    pub fn built_in() -> Catalogue {
        let role = |(value, label, settings_admin): (&str, &str, bool)| {
            let (value, label) = (value.to_owned(), label.to_owned());
            Arc::new(Role { value, label, aliases: Vec::new(), settings_admin, only_here: false })
        };
        let roles = BUILT_IN.map(role);
        let [.., default] = &roles;
        Catalogue::named(roles.to_vec(), default.clone())
    }

    fn named(roles: Vec<Arc<Role>>, default: Arc<Role>) -> Catalogue {
        let names = roles.iter().flat_map(|r| r.names().map(|n| (key(n), r.clone()))).collect();
        Catalogue { roles, default, names, home: None, refuses_unknown: false }
    }

    /// Checks what the configuration says.
    ///
    /// Errors: the place and a sentence for an empty name, one that two roles have, none or more than one default, and an
    /// attribute that users do not have.
    pub fn of(written: &Written, catalog: &Catalog) -> Result<Catalogue, Misdeclared> {
        let mut catalogue = match written.roles.is_empty() {
            true => Catalogue::built_in(),
            false => declared(&written.roles)?,
        };
        catalogue.refuses_unknown = written.asserted.unknown == Unknown::Refuse;
        catalogue.home = match &written.asserted.attribute {
            Some(path) => Some(home(path, catalog).map_err(|why| at(&[("roles", None), ("attribute", None)], why))?),
            None => None,
        };
        Ok(catalogue)
    }

    /// All of them, in the order of the configuration.
    pub fn all(&self) -> &[Arc<Role>] {
        &self.roles
    }

    /// The role of everybody for whom nothing else says one.
    pub fn default_role(&self) -> &Arc<Role> {
        &self.default
    }

    /// The role with this value, label or alias, in any letter case.
    pub fn find(&self, name: &str) -> Option<&Arc<Role>> {
        self.names.get(&key(name))
    }

    /// The same, if an identity provider may give it.
    pub fn find_assertable(&self, name: &str) -> Option<&Arc<Role>> {
        self.find(name).filter(|role| !role.only_here)
    }

    pub(super) fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    pub(super) fn refuses_unknown(&self) -> bool {
        self.refuses_unknown
    }

    /// Their values as words of a sentence.
    pub fn words(&self) -> String {
        words(self.roles.iter())
    }

    /// The values of those that an identity provider may give.
    pub(super) fn assertable_words(&self) -> String {
        words(self.roles.iter().filter(|role| !role.only_here))
    }
}

impl Role {
    fn names(&self) -> impl Iterator<Item = &str> {
        [&self.value, &self.label].into_iter().chain(&self.aliases).map(String::as_str)
    }
}

impl Home {
    /// As clients write it.
    pub(super) fn text(&self) -> String {
        let urn = self.extension.as_ref().map(|e| format!("{e}:")).unwrap_or_default();
        let sub = self.sub.as_ref().map(|s| format!(".{s}")).unwrap_or_default();
        format!("{urn}{}{sub}", self.attribute)
    }
}

fn words<'r>(roles: impl Iterator<Item = &'r Arc<Role>>) -> String {
    roles.map(|r| r.value.as_str()).collect::<Vec<_>>().join(", ")
}

/// Names are the same in any letter case; what stands around them does not count.
fn key(name: &str) -> String {
    fold(name.trim())
}

fn at(place: &[Step], why: impl Into<String>) -> Misdeclared {
    Misdeclared { at: place.to_vec(), why: why.into() }
}

fn declared(written: &[WrittenRole]) -> Result<Catalogue, Misdeclared> {
    if written.len() > MAX_ROLES {
        let why = format!("there are {} roles; at most {MAX_ROLES} are possible", written.len());
        return Err(at(&[("role", Some(MAX_ROLES))], why));
    }
    let mut roles: Vec<Arc<Role>> = Vec::new();
    let mut default: Option<Arc<Role>> = None;
    for (i, one) in written.iter().enumerate() {
        let here = |name: &'static str, why: String| at(&[("role", Some(i)), (name, None)], why);
        let role = Arc::new(Role {
            value: one.value.trim().to_owned(),
            label: one.label.as_ref().unwrap_or(&one.value).trim().to_owned(),
            aliases: one.aliases.iter().map(|a| a.trim().to_owned()).collect(),
            settings_admin: one.settings_admin,
            only_here: one.assignable == Assignable::Local,
        });
        if role.aliases.len() > MAX_ALIASES {
            return Err(here("aliases", format!("a role has at most {MAX_ALIASES} aliases")));
        }
        for (n, name) in role.names().enumerate() {
            let place = ["value", "label"].get(n).copied().unwrap_or("aliases");
            if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
                return Err(here(place, format!("a name of a role is text of 1 to {MAX_NAME} characters")));
            }
            if let Some(other) = roles.iter().find(|r| r.names().any(|other| key(other) == key(name))) {
                return Err(here(place, format!("{name:?} is a name of the role {:?} already", other.value)));
            }
        }
        if one.default {
            if role.only_here {
                let why = "the default is what everybody has, also by the word of the identity provider: it cannot be \"local\"";
                return Err(here("assignable", why.to_owned()));
            }
            if let Some(first) = &default {
                let why = format!("{:?} is the default already; there is one default", first.value);
                return Err(here("default", why));
            }
            default = Some(role.clone());
        }
        roles.push(role);
    }
    let none = || at(&[("role", Some(0))], "no role is the default; give one of them default = true");
    Ok(Catalogue::named(roles, default.ok_or_else(none)?))
}

/// An attribute of users that holds text.
fn home(path: &str, catalog: &Catalog) -> Result<Home, String> {
    let user = catalog.resource_types.iter().find(|t| t.schema.id == USER_SCHEMA);
    // As it is written: what clients may get wrong is not for the configuration.
    let dialect = Dialect::new(RuleSet::default());
    let found = user.and_then(|of| AttrPath::parse(path).ok()?.bind(of, &dialect));
    let Some(Place::Attribute(bound)) = found else { return Err(format!("users have no attribute {path:?}")) };
    let bound = bound.to_value();
    if bound.leaf().kind != Type::String {
        return Err(format!("{path:?} holds no text"));
    }
    if bound.attribute.is_secret() || bound.leaf().is_secret() || bound.attribute.is_read_only() {
        return Err(format!("{path:?} cannot be both written and shown"));
    }
    if bound.attribute.multi_valued && bound.sub.is_some_and(|s| s.name != "value") {
        return Err(format!("{path:?} is a part of the elements of a list; name the list"));
    }
    if bound.extension.is_none() && OWN.contains(&bound.attribute.name.as_str()) {
        return Err(format!("{path:?} is for people to change about themselves, by /Me"));
    }
    Ok(Home {
        extension: bound.extension.map(|e| e.id.clone()),
        attribute: bound.attribute.name.clone(),
        sub: bound.sub.map(|s| s.name.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Catalogue, String> {
        let written: Written = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let declared = r#"{"schema":[{"id":"urn:example:x:1.0:User","extends":["User"],"attribute":[
            {"name":"appRole"},{"name":"level","type":"integer"},{"name":"pin","mutability":"writeOnly","returned":"never"}]}]}"#;
        let catalog = Catalog::built_in().unwrap().with(&serde_json::from_str(declared).unwrap()).unwrap();
        Catalogue::of(&written, &catalog).map_err(|e| format!("{:?} {}", e.at, e.why))
    }

    #[test]
    fn without_roles_there_are_four() {
        let all = read("{}").unwrap();
        let values: Vec<&str> = all.all().iter().map(|r| r.value.as_str()).collect();
        assert_eq!(values, ["ORGANIZATION_ADMINISTRATOR", "COMPLIANCE_MANAGER", "USER", "LIMITED_ACCESS_USER"]);
        assert_eq!(all.default_role().label, "Limited access user");
        for name in ["admin", " ADMIN ", "organization_administrator"] {
            assert_eq!(all.find(name).unwrap().label, "Admin", "{name}");
        }
        assert!(all.find("").is_none() && all.find("nobody").is_none());
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, word) in [
            (r#"{"role":[{"value":"A"}]}"#, "no role is the default"),
            (r#"{"role":[{"value":"A","default":true},{"value":"B","default":true}]}"#, "(\"default\", None)] \"A\""),
            (r#"{"role":[{"value":"A","default":true},{"value":"a"}]}"#, "(\"role\", Some(1)), (\"value\", None)"),
            (
                r#"{"role":[{"value":"A","default":true,"aliases":["Straße"]},{"value":"B","label":"STRASSE"}]}"#,
                "label",
            ),
            (r#"{"role":[{"value":"A","default":true},{"value":"B","aliases":["x"," a "]}]}"#, "aliases"),
            (r#"{"role":[{"value":" ","default":true}]}"#, "1 to 128"),
            (r#"{"role":[{"value":"A","label":"","default":true}]}"#, "label"),
            (r#"{"role":[{"value":"A","defualt":true}]}"#, "defualt"),
            (r#"{"role":[{"value":"A","default":true,"assignable":"local"}]}"#, "cannot be \"local\""),
            (r#"{"role":[{"value":"A","default":true,"assignable":"nowhere"}]}"#, "anywhere"),
            (r#"{"roles":{"attribute":"urn:example:x:1.0:User:nothing"}}"#, "no attribute"),
            (r#"{"roles":{"attribute":"urn:example:x:1.0:User:level"}}"#, "no text"),
            (r#"{"roles":{"attribute":"urn:example:x:1.0:User:pin"}}"#, "written and shown"),
            (r#"{"roles":{"attribute":"urn:scim-appliance:schemas:1.0:User:role"}}"#, "written and shown"),
            (r#"{"roles":{"attribute":"entitlements.type"}}"#, "name the list"),
            (r#"{"roles":{"attribute":"title"}}"#, "about themselves"),
            (r#"{"roles":{"unknown":"ignore"}}"#, "refuse"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(word), "{text} gives {error}");
        }
        // One role may be called the same twice.
        read(r#"{"role":[{"value":"USER","label":"User","aliases":["user"],"default":true}]}"#).unwrap();
        let found = read(r#"{"roles":{"attribute":"URN:EXAMPLE:X:1.0:user:approle"}}"#).unwrap();
        assert_eq!(found.home().unwrap().text(), "urn:example:x:1.0:User:appRole");
        assert_eq!(
            read(r#"{"roles":{"attribute":"entitlements"}}"#).unwrap().home().unwrap().text(),
            "entitlements.value"
        );
    }
}
