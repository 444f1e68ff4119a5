//! What known clients get wrong, rewritten into RFC form.
//!
//! One rule per mistake: it has a name, a switch and a count, and its comment names the product and shows what is sent
//! and what is meant. The rest of the core never hears of Okta or Entra. Rules that can be told from the JSON alone
//! are functions in this file; rules that need a schema or stand in a grammar ask [`Dialect::allows`] at the one place
//! where the RFC would say no.

mod scim1;

use std::cell::Cell;

use super::catalog::{ENTERPRISE_SCHEMA, ResourceType};
use super::fault::{Fault, Kind};
use super::json::{Json, Object};
use super::path::{AttrPath, PatchPath, Place};

/// The rules, in the order of their bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Rule {
    /// Entra: `{"op":"Replace"}` for `{"op":"replace"}`.
    OpCase,
    /// Entra with its flag: `{"op":"replace","value":{"name.givenName":"Ada"}}`, meant as one operation with that path
    /// for each key that is a path.
    PathKeys,
    /// Entra, JumpCloud: `{"op":"remove","path":"members","value":[{"value":"u1"}]}` for
    /// `{"op":"remove","path":"members[value eq \"u1\"]"}`.
    RemoveByValue,
    /// Entra: `"active":"False"` for `"active":false`; in filters `primary eq "True"` for `primary eq true`.
    TextBooleans,
    /// Entra: `"manager":"u9"` for `"manager":{"value":"u9"}`.
    BareComplexValue,
    /// Entra: `"manager":[{"value":"u9"}]` for `"manager":{"value":"u9"}`.
    ListForSingle,
    /// Several: `"emails":{"value":"a@x.io"}` for `"emails":[{"value":"a@x.io"}]`.
    SingleForList,
    /// Entra: `{"op":"replace","path":"title","value":""}` for `{"op":"remove","path":"title"}`.
    EmptyClears,
    /// Entra: `"roles":[{"value":"{\"value\":\"USER\",\"displayName\":\"User\"}"}]` for
    /// `"roles":[{"value":"USER","display":"User"}]`.
    RolesJsonText,
    /// Entra: `"department":"R&D"` beside `userName`, meant inside the enterprise extension; `manager eq "u9"` likewise.
    EnterpriseAtTop,
    /// Entra: `"urn:…:enterprise:2.0User"` for `"urn:…:enterprise:2.0:User"`.
    EnterpriseUrnTypo,
    /// Google: `{"urn:…:core:2.0:User":{"userName":"ada"}}` for `{"userName":"ada"}`.
    CoreUrnObject,
    /// Entra: `emails[type eq "work"].value eq "a@x.io"` for `emails[type eq "work" and value eq "a@x.io"]`.
    ValuePathSubFilter,
    /// Entra: `externalId eq jyoung` for `externalId eq "jyoung"`.
    UnquotedLiteral,
    /// Entra: `urn:…:2.0:User.department` for `urn:…:2.0:User:department`.
    UrnDot,
    /// Entra: a value path that matches nothing creates the element that its equality terms describe.
    CreateOnNoMatch,
    /// Okta, authentik: a PATCH value without path that repeats read-only attributes (`id`, `meta`): passed over.
    ReadOnlyEcho,
    /// Several: a PATCH with one operation whose path is unknown beside operations that apply: passed over.
    UnknownPathSkipped,
    /// authentik: `"members":null` in a PATCH value without path says nothing about members.
    NullMembers,
    /// Several: no `schemas` in the request, or one of them twice.
    MissingSchemas,
    /// Several: a POST of a Bulk request without `bulkId`, since nothing refers to it.
    MissingBulkId,
    /// Everybody: attributes, parts and schemas that are not defined here: passed over.
    UnknownAttributes,
    /// Several: an extension's object whose URI is not in `schemas`.
    UnlistedExtension,
    /// Several: members that nobody is, of people who have left: passed over.
    UnknownMembers,
    /// Okta, OneLogin, midPoint: a PUT without `active`, `roles`, `externalId` or `members` says nothing about them. The
    /// RFC lets a server clear them, which would reactivate or strip people.
    PutKeepsAbsent,
    /// Several: a `count` beyond `maxPageSize` with a cursor, meant as "as many as there may be".
    LargeCount,
    /// rauthy: `filter=userName%20eq%20"ada+x@x.io"` for `filter=userName%20eq%20"ada%2Bx@x.io"`.
    BarePlus,
    /// OneLogin, Okta's on-premises agent: the PATCH of SCIM 1.1,
    /// `{"schemas":["urn:scim:schemas:core:1.0"],"members":[{"value":"u1","operation":"delete"},{"value":"u2"}]}`, for
    /// `"Operations":[{"op":"remove","path":"members[value eq \"u1\"]"},{"op":"add","value":{"members":[{"value":"u2"}]}}]`.
    Scim1Patch,
    /// OneLogin: `"urn:scim:schemas:extension:enterprise:1.0":{"manager":{"managerId":"u9"}}` for
    /// `"urn:…:enterprise:2.0:User":{"manager":{"value":"u9"}}`; its other URN ends in 2.0.
    Scim1Enterprise,
    /// OneLogin: `"active":"1"` for `"active":true`, `"active":"0"` for `"active":false`.
    DigitBooleans,
}

/// Every rule with the name under which the configuration switches it off and the counts list it.
pub const RULES: [(&str, Rule); 30] = [
    ("op-case", Rule::OpCase),
    ("path-keys", Rule::PathKeys),
    ("remove-by-value", Rule::RemoveByValue),
    ("text-booleans", Rule::TextBooleans),
    ("bare-complex-value", Rule::BareComplexValue),
    ("list-for-single", Rule::ListForSingle),
    ("single-for-list", Rule::SingleForList),
    ("empty-clears", Rule::EmptyClears),
    ("roles-json-text", Rule::RolesJsonText),
    ("enterprise-at-top", Rule::EnterpriseAtTop),
    ("enterprise-urn-typo", Rule::EnterpriseUrnTypo),
    ("core-urn-object", Rule::CoreUrnObject),
    ("value-path-sub-filter", Rule::ValuePathSubFilter),
    ("unquoted-literal", Rule::UnquotedLiteral),
    ("urn-dot", Rule::UrnDot),
    ("create-on-no-match", Rule::CreateOnNoMatch),
    ("read-only-echo", Rule::ReadOnlyEcho),
    ("unknown-path-skipped", Rule::UnknownPathSkipped),
    ("null-members", Rule::NullMembers),
    ("missing-schemas", Rule::MissingSchemas),
    ("missing-bulk-id", Rule::MissingBulkId),
    ("unknown-attributes", Rule::UnknownAttributes),
    ("unlisted-extension", Rule::UnlistedExtension),
    ("unknown-members", Rule::UnknownMembers),
    ("put-keeps-absent", Rule::PutKeepsAbsent),
    ("large-count", Rule::LargeCount),
    ("bare-plus", Rule::BarePlus),
    ("scim1-patch", Rule::Scim1Patch),
    ("scim1-enterprise", Rule::Scim1Enterprise),
    ("digit-booleans", Rule::DigitBooleans),
];

/// A set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleSet(u32);

impl RuleSet {
    /// Every rule.
    pub fn all() -> RuleSet {
        RuleSet((1 << RULES.len()) - 1)
    }

    /// This set without a rule.
    pub fn without(self, rule: Rule) -> RuleSet {
        RuleSet(self.0 & !(1 << rule as u8))
    }

    /// This set with a rule.
    pub fn with(self, rule: Rule) -> RuleSet {
        RuleSet(self.0 | (1 << rule as u8))
    }

    /// True when the rule is in it.
    pub fn has(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u8) != 0
    }

    /// True without any rule.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of its rules.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        RULES.iter().filter(move |(_, r)| self.has(*r)).map(|(n, _)| *n)
    }
}

/// The rules that one request may use, and those that it did.
#[derive(Debug, Clone)]
pub struct Dialect {
    allowed: RuleSet,
    used: Cell<RuleSet>,
}

impl Dialect {
    /// With these rules.
    pub fn new(allowed: RuleSet) -> Dialect {
        Dialect { allowed, used: Cell::default() }
    }

    /// With every rule.
    pub fn tolerant() -> Dialect {
        Dialect::new(RuleSet::all())
    }

    /// May this mistake be overlooked? Asked only where it was made, so a yes is counted.
    pub fn allows(&self, rule: Rule) -> bool {
        let yes = self.allowed.has(rule);
        if yes {
            self.used.set(self.used.get().with(rule));
        }
        yes
    }

    /// The rules that the request needed.
    pub fn used(&self) -> RuleSet {
        self.used.get()
    }

    /// The query of a URL with its bare pluses encoded, where they cannot mean blanks: all of them stand inside quotes,
    /// and blanks are written as %20. Quotes may be encoded.
    pub fn settle_query(&self, query: &str) -> Option<String> {
        if !query.contains('+') || !query.contains("%20") {
            return None;
        }
        let mut is_quoted = false;
        for (at, c) in query.char_indices() {
            match c {
                '&' => is_quoted = false,
                '"' => is_quoted = !is_quoted,
                '%' if query.get(at..).is_some_and(|rest| rest.starts_with("%22")) => is_quoted = !is_quoted,
                '+' if !is_quoted => return None,
                _ => {}
            }
        }
        self.allows(Rule::BarePlus).then(|| query.replace('+', "%2B"))
    }

    /// Rewrites the body of a POST or PUT.
    pub fn settle_resource(&self, body: &mut Object, of: &ResourceType) {
        self.unfold_core_urn(body, of);
        self.mend_enterprise_urn(body, of);
        self.renew_enterprise(body, of);
        self.lower_enterprise(body, of);
        if let (true, Some(roles)) =
            (of.is_user(), body.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case("roles")).map(|(_, v)| v))
        {
            self.unpack_roles(roles);
        }
    }

    /// Rewrites the operations of a PATCH. Errors: [`Kind::InvalidValue`] for a removal whose value names nothing.
    pub fn settle_patch(&self, operations: Vec<Json>, of: &ResourceType) -> Result<Vec<Json>, Fault> {
        let mut settled = Vec::with_capacity(operations.len());
        for operation in operations {
            let Json::Object(mut operation) = operation else {
                settled.push(operation);
                continue;
            };
            self.lower_op(&mut operation);
            let pathless = path_of(&operation).is_empty();
            if let (true, Some(Json::Object(value))) = (pathless, value_of(&mut operation)) {
                self.settle_resource(value, of);
                if of.is_group() {
                    self.drop_null_members(value);
                }
            }
            // What a key has become is settled like every operation that came with its path.
            for mut operation in self.split_path_keys(operation, pathless, of) {
                let path = path_of(&operation).to_owned();
                if of.is_user()
                    && path.get(..5).is_some_and(|p| p.eq_ignore_ascii_case("roles"))
                    && let Some(value) = value_of(&mut operation)
                {
                    self.unpack_roles(value);
                }
                self.split_removal(operation, &path, of, &mut settled)?;
            }
        }
        Ok(settled)
    }

    fn lower_op(&self, operation: &mut Object) {
        for (name, value) in operation.iter_mut() {
            if let (true, Json::String(op)) = (name.eq_ignore_ascii_case("op"), value)
                && op.bytes().any(|b| b.is_ascii_uppercase())
                && self.allows(Rule::OpCase)
            {
                op.make_ascii_lowercase();
            }
        }
    }

    fn drop_null_members(&self, value: &mut Object) {
        while value.find("members") == Some(&Json::Null) && self.allows(Rule::NullMembers) {
            value.take("members");
        }
    }

    fn unfold_core_urn(&self, body: &mut Object, of: &ResourceType) {
        // What was inside may have another one inside.
        while matches!(body.find(&of.schema.id), Some(Json::Object(_))) && self.allows(Rule::CoreUrnObject) {
            let Some(Json::Object(inner)) = body.take(&of.schema.id) else { return };
            for (name, value) in inner {
                if body.find(&name).is_none() {
                    body.push(name, value);
                }
            }
        }
    }

    fn mend_enterprise_urn(&self, body: &mut Object, of: &ResourceType) {
        const TYPO: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0User";
        if of.extension(ENTERPRISE_SCHEMA).is_some()
            && body.find(TYPO).is_some()
            && body.find(ENTERPRISE_SCHEMA).is_none()
            && self.allows(Rule::EnterpriseUrnTypo)
            && let Some(value) = body.take(TYPO)
        {
            body.push(ENTERPRISE_SCHEMA, value);
        }
    }

    fn lower_enterprise(&self, body: &mut Object, of: &ResourceType) {
        let Some(enterprise) = of.extension(ENTERPRISE_SCHEMA) else { return };
        for attribute in &enterprise.attributes {
            if of.attribute(&attribute.name).is_some()
                || body.find(&attribute.name).is_none()
                || !self.allows(Rule::EnterpriseAtTop)
            {
                continue;
            }
            // One that stands twice in different letter case goes along as it is, to be refused as such.
            let values: Vec<Json> = std::iter::from_fn(|| body.take(&attribute.name)).collect();
            if body.find(ENTERPRISE_SCHEMA).is_none() {
                body.push(ENTERPRISE_SCHEMA, Object::new());
            }
            for (name, inner) in body.iter_mut() {
                if let (true, Json::Object(inner)) = (name.eq_ignore_ascii_case(ENTERPRISE_SCHEMA), inner)
                    && inner.find(&attribute.name).is_none()
                {
                    values.iter().for_each(|v| inner.push(attribute.name.clone(), v.clone()));
                }
            }
        }
    }

    fn unpack_roles(&self, roles: &mut Json) {
        match roles {
            Json::Array(elements) => elements.iter_mut().for_each(|e| self.unpack_role(e)),
            one => self.unpack_role(one),
        }
    }

    fn unpack_role(&self, role: &mut Json) {
        // What was unpacked may be packed itself; each time it gets shorter.
        while let Some(mut packed) = packed_role(role)
            && self.allows(Rule::RolesJsonText)
        {
            let value = packed.take("value").unwrap_or_default();
            let display = packed.take("displayName").or_else(|| packed.take("display"));
            match &mut *role {
                Json::Object(o) => {
                    o.take("value");
                    o.push("value", value);
                    if let (Some(display), None) = (display, o.find("display")) {
                        o.push("display", display);
                    }
                }
                // `roles[primary eq "True"].value`: the place takes the value alone.
                text => *text = value,
            }
        }
    }

    /// The operation without the keys that are paths, and one operation for each of those.
    fn split_path_keys(&self, mut operation: Object, pathless: bool, of: &ResourceType) -> Vec<Object> {
        // A key that leads nowhere stays where it is, to be passed over like every name that nobody knows.
        let is_path = |name: &str| {
            name.contains(['.', '[', ':'])
                && !name.eq_ignore_ascii_case(&of.schema.id)
                && of.extension(name).is_none()
                && PatchPath::parse(name, self).is_ok_and(|p| match p.attr.bind(of, self) {
                    Some(Place::Attribute(bound)) => !bound.attribute.is_read_only() && !bound.leaf().is_read_only(),
                    found => found.is_some(),
                })
        };
        let op = operation.find("op").cloned().unwrap_or_default();
        let Some(Json::Object(value)) = value_of(&mut operation) else { return vec![operation] };
        if !pathless || !value.iter().any(|(n, _)| is_path(n)) || !self.allows(Rule::PathKeys) {
            return vec![operation];
        }
        let (paths, plain): (Vec<_>, Vec<_>) = std::mem::take(value).into_iter().partition(|(n, _)| is_path(n));
        let mut split = Vec::with_capacity(paths.len() + 1);
        if !plain.is_empty() {
            *value = plain.into_iter().collect();
            split.push(operation);
        }
        for (path, value) in paths {
            let mut one = Object::new();
            one.push("op", op.clone());
            one.push("path", path);
            one.push("value", value);
            split.push(one);
        }
        split
    }

    /// A removal with a value. From a list of objects it means those elements and no others, never all of them: each
    /// becomes a removal by filter. From anything else the value says nothing, and goes.
    fn split_removal(
        &self,
        mut operation: Object,
        path: &str,
        of: &ResourceType,
        to: &mut Vec<Json>,
    ) -> Result<(), Fault> {
        let is_removal = operation.find("op").and_then(Json::as_str) == Some("remove");
        let place = AttrPath::parse(path).ok().filter(|_| is_removal).and_then(|p| p.bind(of, self));
        let (Some(Place::Attribute(bound)), Some(value)) = (place, operation.find("value").cloned()) else {
            to.push(operation.into());
            return Ok(());
        };
        if value == Json::Null {
            to.push(operation.into());
            return Ok(());
        }
        if !self.allows(Rule::RemoveByValue) {
            let why = "a removal has no value; a filter in the path says what to remove";
            return Err(Fault::new(Kind::InvalidValue, path, why));
        }
        if !(bound.leaf().is_complex() && bound.leaf().multi_valued) {
            while operation.take("value").is_some() {}
            to.push(operation.into());
            return Ok(());
        }
        for value in element_values(&value, path)? {
            let mut one = Object::new();
            one.push("op", "remove");
            one.push("path", format!("{path}[value eq {}]", Json::from(value).text()));
            to.push(one.into());
        }
        Ok(())
    }
}

/// The `value` of each listed element: an object that has one, or a `$ref` that ends in it, or the bare value.
pub fn element_values(list: &Json, place: &str) -> Result<Vec<String>, Fault> {
    let value = |(i, element): (usize, &Json)| {
        let found = match element {
            Json::Object(o) => match o.find("value") {
                Some(Json::String(value)) => Some(value.as_str()),
                Some(Json::Null) | None => o.find("$ref").and_then(Json::as_str).and_then(|r| r.rsplit('/').next()),
                Some(_) => None,
            },
            Json::String(value) => Some(value.as_str()),
            _ => None,
        };
        found.filter(|v| !v.is_empty()).map(str::to_owned).ok_or_else(|| {
            Fault::new(Kind::InvalidValue, format!("{place}, element {}", i + 1), "an object with a value is expected")
        })
    };
    list.elements().iter().enumerate().map(value).collect()
}

/// The object inside a role that is JSON text, if it is one with a value.
pub fn packed_role(role: &Json) -> Option<Object> {
    let text = match role {
        Json::String(text) => text.as_str(),
        Json::Object(o) => o.find("value")?.as_str()?,
        _ => return None,
    };
    if !text.trim_start().starts_with('{') {
        return None;
    }
    match Json::parse(text.as_bytes()) {
        Ok(Json::Object(packed)) if packed.find("value").is_some() => Some(packed),
        _ => None,
    }
}

/// The path of an operation; empty when it has none.
fn path_of(operation: &Object) -> &str {
    operation.find("path").and_then(Json::as_str).unwrap_or("")
}

fn value_of(operation: &mut Object) -> Option<&mut Json> {
    operation.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case("value")).map(|(_, v)| v)
}

#[cfg(test)]
mod tests;
