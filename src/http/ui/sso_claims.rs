//! Which claims of somebody count when the identity provider could not be asked for all of them.

use serde_json::{Map, Value};

use crate::directory::sso::{Attribute, Rule};
use crate::sso::{Claims, SsoError};

/// The claims that somebody may be found by, and what is missing: where one could not be asked for, whoever is not known by
/// it could pass for somebody else by the next. So what stands before it counts, and nothing behind. A name or an address
/// counts only beside everything that is matched against externalId, which says whether it has passed on.
pub(super) fn certain(claims: Claims, rules: &[Rule]) -> (Map<String, Value>, Option<SsoError>) {
    let missing = |rule: &Rule| claims.may_lack(&rule.claim).map(str::to_owned);
    let Some((cut, what)) = rules.iter().enumerate().find_map(|(at, rule)| Some((at, missing(rule)?))) else {
        return (claims.all, None);
    };
    let by_id = |rule: &Rule| rule.attribute == Attribute::ExternalId;
    let ids_are_known = rules.iter().filter(|rule| by_id(rule)).all(|rule| missing(rule).is_none());
    let is_strong = |rule: &Rule| by_id(rule) && !rule.claim.eq_ignore_ascii_case("email");
    let counts = |(at, rule): (usize, &Rule)| at < cut && (ids_are_known || is_strong(rule));
    let mut all = claims.all.clone();
    for (at, rule) in rules.iter().enumerate() {
        if !counts((at, rule)) {
            all.remove(&rule.claim);
        }
    }
    (all, Some(SsoError::NoUserinfo(what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_asked_for_takes_along_what_stands_behind_it() {
        let counted = |rules: &str, all: &str, partial: bool| {
            let (issuer, subject, id_token) = (String::new(), String::new(), String::new());
            let all = serde_json::from_str(all).unwrap();
            let claims = Claims { issuer, subject, all, auth_time: None, id_token, partial };
            let (all, missing) = certain(claims, &Rule::read(rules).unwrap());
            let names: Vec<String> = all.into_iter().map(|(name, _)| name).collect();
            (names.join(" "), missing.map(|m| m.to_string()).unwrap_or_default().replace("the claim ", ""))
        };
        let rules = "oid externalId\nname userName";
        // Nothing is missing, or there is nobody to ask.
        for (all, partial) in
            [(r#"{"name": "ada"}"#, false), (r#"{"name": "ada", "oid": "1"}"#, true), (r#"{"mail": "a@x"}"#, false)]
        {
            assert_eq!(counted(rules, all, partial).1, "", "{all}");
        }
        for (rules, all, counts, what) in [
            (rules, r#"{"name": "ada"}"#, "", "oid,"),
            (rules, r#"{"name": "ada", "oid": null, "x": 1}"#, "x", "oid,"),
            (rules, r#"{"oid": "1"}"#, "oid", "name,"),
            ("sub externalId\nname userName\nmail emails.value", r#"{"sub": "1", "mail": "a"}"#, "sub", "name,"),
            // A name is nothing without the externalId that says whose it is now.
            ("name userName\noid externalId", r#"{"name": "ada"}"#, "", "oid,"),
            ("sub externalId\nname userName\noid externalId", r#"{"sub": "1", "name": "ada"}"#, "sub", "oid,"),
            // One claim in two places counts in neither if it does not in one.
            ("sub externalId\noid externalId\nsub userName", r#"{"sub": "1"}"#, "", "oid,"),
            // Whether an address is verified goes with it.
            ("sub externalId\nemail userName", r#"{"sub": "1", "email": "a@x"}"#, "sub", "email_verified,"),
            (
                "sub externalId\nupn userName",
                r#"{"sub": "1", "upn": "a@x", "email_verified": true}"#,
                "email_verified sub",
                "email,",
            ),
        ] {
            let (names, missing) = counted(rules, all, true);
            let mut names: Vec<&str> = names.split(' ').collect();
            names.sort_unstable();
            assert_eq!(
                (names.join(" ").as_str(), missing.starts_with(what)),
                (counts, true),
                "{rules} {all}: {missing}"
            );
        }
    }
}
