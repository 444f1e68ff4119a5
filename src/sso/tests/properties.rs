//! Whatever comes, nothing but the one good token is taken, and nothing falls over.

use std::sync::OnceLock;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::json;

use crate::outbound::Policy;

use super::*;
use crate::sso::claims::check;
use crate::sso::exchange::Tokens;
use crate::sso::keys::Keys;
use crate::sso::metadata::Metadata;

struct Desk {
    key: SigningKey,
    metadata: Metadata,
    keys: Keys,
    provider: Provider,
    begun: Begun,
    good: String,
}

fn desk() -> &'static Desk {
    static DESK: OnceLock<Desk> = OnceLock::new();
    DESK.get_or_init(|| {
        let key = SigningKey::new("ES256");
        let outbound = Outbound::new(Policy::default()).unwrap();
        let _ = Sso::new(outbound.clone());
        let issuer = "https://idp.example";
        let written = json!({
            "issuer": issuer, "authorization_endpoint": issuer, "token_endpoint": issuer, "jwks_uri": issuer,
            "id_token_signing_alg_values_supported": ["ES256", "RS256", "none", "HS256"],
        });
        let metadata = Metadata::read(written.to_string().as_bytes(), issuer, &outbound).unwrap();
        let keys = Keys::read(json!({"keys": [key.jwk("one", "")]}).to_string().as_bytes()).unwrap();
        let provider = Provider {
            issuer: issuer.into(),
            client_id: "us".into(),
            client_secret: None,
            scopes: Vec::new(),
            redirect: String::new(),
        };
        let begun = Begun {
            url: String::new(),
            state: String::new(),
            nonce: "n".into(),
            verifier: String::new(),
            issuer: issuer.into(),
            max_age: None,
            at: NOW,
        };
        let claims = json!({"iss": issuer, "sub": "s", "aud": "us", "exp": SECONDS + 9, "iat": SECONDS, "nonce": "n"});
        let good = token(&key, "ES256", r#"{"alg":"ES256","kid":"one"}"#, &claims.to_string());
        Desk { key, metadata, keys, provider, begun, good }
    })
}

fn judged(id_token: &str) -> Result<Claims, SsoError> {
    let desk = desk();
    let tokens = Tokens { id_token: id_token.to_owned(), access_token: Some("a".into()) };
    check(&tokens, &desk.metadata, &desk.keys, &desk.provider, &desk.begun, NOW)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("us")),
        Just(json!("https://idp.example")),
        Just(json!("n")),
        Just(json!(SECONDS)),
        Just(json!(u64::MAX)),
        Just(json!(i64::MIN)),
        Just(json!(1e308)),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,3}", inner, 0..3).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn one_changed_character_is_noticed(at: prop::sample::Index, to in "[A-Za-z0-9_.=-]") {
        let good = &desk().good;
        prop_assert!(judged(good).is_ok());
        let (before, after) = good.split_at(at.index(good.len()));
        let (changed, rest) = after.split_at(1);
        prop_assert!(changed == to || judged(&[before, &to, rest].concat()).is_err());
        prop_assert!(judged(&[before, rest].concat()).is_err());
        prop_assert!(judged(&[before, &to, after].concat()).is_err());
    }

    #[test]
    fn rubbish_is_refused(text in ".{0,200}", parts in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..6)) {
        prop_assert!(judged(&text).is_err());
        prop_assert!(judged(&parts.join(".")).is_err());
    }

    /// Claims of every kind, well signed: they are taken only when each one is what it has to be.
    #[test]
    fn signed_rubbish_is_refused_too(
        changes in prop::collection::btree_map(
            prop::sample::select(vec!["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "auth_time", "at_hash"]), any_json(), 1..4),
    ) {
        let mut claims =
            json!({"iss": "https://idp.example", "sub": "s", "aud": "us", "exp": SECONDS + 9, "iat": SECONDS, "nonce": "n"});
        for (name, value) in &changes {
            claims[*name] = value.clone();
        }
        let signed = token(&desk().key, "ES256", r#"{"alg":"ES256","kid":"one"}"#, &claims.to_string());
        if let Ok(taken) = judged(&signed) {
            prop_assert_eq!(&claims["iss"], "https://idp.example");
            prop_assert!(claims["aud"] == "us" || claims["aud"].as_array().is_some_and(|a| a.contains(&json!("us"))));
            prop_assert_eq!(&claims["nonce"], "n");
            prop_assert!(claims["exp"].as_f64().unwrap() > (SECONDS - 60) as f64);
            prop_assert!(claims["iat"].as_f64().unwrap() <= (SECONDS + 60) as f64);
            prop_assert!(claims["nbf"].as_f64().is_none_or(|t| t <= (SECONDS + 60) as f64));
            prop_assert!(claims["azp"].is_null() || claims["azp"] == "us");
            prop_assert_eq!(&claims["sub"], &json!(taken.subject));
            prop_assert!(claims["at_hash"].is_null());
        }
    }

    #[test]
    fn headers_of_every_kind_are_refused(header in any_json(), algorithm in "[A-Z]{2}(256|384|512)|none|EdDSA") {
        let mut header = header;
        if let Some(members) = header.as_object_mut() {
            members.insert("alg".into(), algorithm.clone().into());
        }
        let payload = desk().good.split('.').nth(1).unwrap();
        let message = format!("{}.{payload}", BASE64_URL_SAFE_NO_PAD.encode(header.to_string()));
        for signed in ["", "AAAA", desk().good.rsplit('.').next().unwrap()] {
            let id_token = format!("{message}.{signed}");
            prop_assert!(judged(&id_token).is_err());
        }
    }

    #[test]
    fn metadata_and_keys_of_every_kind_are_read_or_refused(value in any_json(), bytes: Vec<u8>) {
        let outbound = Outbound::new(Policy::default()).unwrap();
        for text in [value.to_string().into_bytes(), json!({"keys": value}).to_string().into_bytes(), bytes] {
            let _ = Keys::read(&text);
            prop_assert!(Metadata::read(&text, "https://idp.example", &outbound).is_err());
        }
    }

    /// What goes into a URL comes out of it again.
    #[test]
    fn a_query_is_added_and_nothing_is_lost(own in "(\\?([a-z]=[a-z]&?){0,2})?", name in "[A-Z]{1,4}", value in ".{0,20}") {
        let url = with_query(&format!("https://idp.example/a{own}"), &[(&name, &value)]);
        let query = url.split_once('?').unwrap().1;
        let read = pairs(query);
        prop_assert_eq!(read.last().unwrap(), &(name, value));
        prop_assert_eq!(read.len() - 1, pairs(own.trim_start_matches('?')).len());
        prop_assert!(url.is_ascii());
    }
}
