mod discovery;
mod patience;
mod peculiar;
mod properties;
mod provider;
mod tokens;

use std::time::Duration;

use serde_json::json;

use crate::outbound::Policy;
use crate::secret::signature::signing::SigningKey;

use super::*;
use provider::{Fake, Page, token};

const NOW: i64 = 1_795_700_000_000_000;
const SECONDS: i64 = NOW / 1_000_000;
const SECRET: &str = "client-secret & ü";

fn sso() -> Sso {
    let allow = vec!["127.0.0.1/32".parse().unwrap()];
    Sso::new(Outbound::new(Policy { allow, ca_file: None, allow_http: true, proxy: None }).unwrap())
}

/// One that gives up before anybody does who waits for a test.
fn impatient() -> Sso {
    let sso = sso();
    Sso { outbound: sso.outbound.impatient(), ..sso }
}

fn described(fake: &Fake) -> Provider {
    Provider {
        issuer: fake.issuer.clone(),
        client_id: "the client".into(),
        client_secret: Some(SECRET.into()),
        scopes: vec!["email".into(), "openid profile".into(), "email".into()],
        redirect: "https://scim.example.com/sign-in/sso/callback".into(),
    }
}

/// Nothing that is secret is said.
fn silent(said: &str, begun: &Begun) {
    for secret in [SECRET, "client-secret", "access-secret", "the-code", &begun.verifier, &begun.nonce, &begun.state] {
        assert!(!said.contains(secret), "{said}");
    }
}

/// A provider with a key, and what signs in there.
struct Scene {
    fake: Fake,
    key: SigningKey,
    algorithm: &'static str,
    sso: Sso,
    provider: Provider,
}

impl Scene {
    async fn new(algorithm: &'static str) -> Scene {
        let key = SigningKey::new(algorithm);
        let fake = Fake::start(&key, algorithm).await;
        let provider = described(&fake);
        Scene { fake, key, algorithm, sso: sso(), provider }
    }

    async fn begin(&self, fresh: Fresh) -> Begun {
        self.sso.begin(&self.provider, fresh, NOW).await.unwrap()
    }

    fn claims(&self, begun: &Begun) -> Value {
        json!({
            "iss": self.fake.issuer, "sub": "somebody", "aud": self.provider.client_id, "exp": SECONDS + 300, "iat": SECONDS,
            "nonce": begun.nonce, "email": "a@example.com", "phone_number": 49123, "address": "Street 1", "groups": ["x", "y"],
        })
    }

    fn header(&self) -> Value {
        json!({"alg": self.algorithm, "kid": "one", "typ": "JWT"})
    }

    fn signed(&self, claims: &Value) -> String {
        token(&self.key, self.algorithm, &self.header().to_string(), &claims.to_string())
    }

    async fn finish(&self, begun: &Begun, id_token: &str) -> Result<Claims, SsoError> {
        self.fake.gives(id_token);
        let finished = self.sso.finish(&self.provider, begun, ("the-code", None), Needs::All, NOW).await;
        if let Err(why) = &finished {
            silent(&format!("{why} {why:?}"), begun);
        }
        finished
    }

    /// A whole sign-in, with changed claims.
    async fn with(&self, fresh: Fresh, change: impl FnOnce(&mut Value)) -> Result<Claims, SsoError> {
        let begun = self.begin(fresh).await;
        let mut claims = self.claims(&begun);
        change(&mut claims);
        if let Some(members) = claims.as_object_mut() {
            members.retain(|_, value| *value != json!("gone"));
        }
        self.finish(&begun, &self.signed(&claims)).await
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn value(pairs: &[(String, String)], name: &str) -> String {
    let found: Vec<&String> = pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| v).collect();
    assert!(found.len() <= 1, "{name} twice");
    found.first().map_or(String::new(), |v| v.to_string())
}

#[tokio::test]
async fn somebody_signs_in_with_every_algorithm() {
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"] {
        let scene = Scene::new(algorithm).await;
        let claims = scene.with(Fresh::No, |c| c["email"] = "b@example.com".into()).await.unwrap();
        assert_eq!((claims.issuer.as_str(), claims.subject.as_str()), (scene.fake.issuer.as_str(), "somebody"));
        assert_eq!((&claims.all["email"], &claims.all["address"]), (&json!("b@example.com"), &json!("Street 1")));
        assert_eq!(claims.auth_time, None);
        assert!(scene.sso.is_known(&scene.provider) && !sso().is_known(&scene.provider));
        let look = scene.sso.look(&scene.provider).await.unwrap();
        assert_eq!((look.algorithms, look.keys, look.names_itself), (vec![algorithm.to_owned()], 1, false));
    }
}

#[tokio::test]
async fn the_browser_and_the_code_are_sent_with_everything_that_protects_them() {
    let scene = Scene::new("ES256").await;
    let begun = scene.begin(Fresh::No).await;
    let other = scene.begin(Fresh::No).await;
    assert!(begun.state != other.state && begun.nonce != other.nonce && begun.verifier != other.verifier);
    let (place, query) = begun.url.split_once('?').unwrap();
    let query = pairs(query);
    assert_eq!(place, format!("{}/authorize", scene.fake.issuer));
    for (name, expected) in [
        ("response_type", "code"),
        ("client_id", "the client"),
        ("redirect_uri", "https://scim.example.com/sign-in/sso/callback"),
        ("scope", "openid email profile"),
        ("state", &begun.state),
        ("nonce", &begun.nonce),
        ("code_challenge_method", "S256"),
        ("code_challenge", &BASE64_URL_SAFE_NO_PAD.encode(secret::digest_of(&begun.verifier))),
        ("max_age", ""),
        ("prompt", ""),
    ] {
        assert_eq!(value(&query, name), expected, "{name}");
    }
    assert!(!begun.url.contains(&begun.verifier));
    for random in [&begun.state, &begun.nonce, &begun.verifier] {
        assert!(random.len() == 43 && random.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
    scene.finish(&begun, &scene.signed(&scene.claims(&begun))).await.unwrap();
    let heard = scene.fake.heard("/token").remove(0);
    let form = pairs(&heard.body);
    assert_eq!(value(&form, "grant_type") + &value(&form, "code"), "authorization_codethe-code");
    assert_eq!(value(&form, "redirect_uri"), scene.provider.redirect);
    assert_eq!(value(&form, "code_verifier"), begun.verifier);
    assert_eq!(value(&form, "client_id") + &value(&form, "client_secret"), "", "they are in the header");
    // RFC 6749, 2.3.1: `the+client:client-secret+%26+%C3%BC`
    assert_eq!(heard.headers["authorization"], "Basic dGhlK2NsaWVudDpjbGllbnQtc2VjcmV0KyUyNislQzMlQkM=");
}

#[tokio::test]
async fn a_client_proves_itself_as_the_provider_wants() {
    let scene = Scene::new("ES256").await;
    for (methods, secret, header, in_form) in [
        (json!(["private_key_jwt", "client_secret_post"]), Some(SECRET), false, true),
        (json!(["client_secret_post", "client_secret_basic"]), Some(SECRET), true, false),
        (json!(null), Some(SECRET), true, false),
        (json!(["none"]), None, false, false),
        (json!(null), None, false, false),
        (json!(null), Some(""), false, false),
    ] {
        scene.fake.says(|m| {
            m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
            m["token_endpoint_auth_methods_supported"] = methods;
        });
        let sso = sso();
        let provider = Provider { client_secret: secret.map(str::to_owned), ..scene.provider.clone() };
        let begun = sso.begin(&provider, Fresh::No, NOW).await.unwrap();
        scene.fake.gives(&scene.signed(&scene.claims(&begun)));
        sso.finish(&provider, &begun, ("the-code", None), Needs::All, NOW).await.unwrap();
        let heard = scene.fake.heard("/token").pop().unwrap();
        let form = pairs(&heard.body);
        assert_eq!(heard.headers.contains_key("authorization"), header);
        assert_eq!(value(&form, "client_secret") == SECRET, in_form);
        assert_eq!(value(&form, "client_id") == "the client", !header);
        assert_eq!(value(&form, "code_verifier"), begun.verifier);
    }
    scene.fake.says(|m| {
        m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
        m["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt", "tls_client_auth"]);
    });
    let why = scene.sso.look(&scene.provider).await.unwrap_err();
    assert_eq!(why, SsoError::NoClientAuthentication("private_key_jwt, tls_client_auth".into()));
}

#[tokio::test]
async fn a_code_is_good_once_and_refusals_are_told_apart() {
    let scene = Scene::new("ES256").await;
    let begun = scene.begin(Fresh::No).await;
    scene.finish(&begun, &scene.signed(&scene.claims(&begun))).await.unwrap();
    let again = scene.sso.finish(&scene.provider, &begun, ("the-code", None), Needs::All, NOW).await;
    assert_eq!(again.unwrap_err(), SsoError::CodeRefused("invalid_grant".into()));
    let described = "the-code of client-secret & ü\r\n2026 INFO admin ok, verifier ".to_owned() + &begun.verifier;
    for (status, body, word) in [
        (400, json!({"error": "invalid_grant", "error_description": described}), "begin again"),
        (401, json!({"error": "invalid_client", "error_description": described}), "compare both"),
        (400, json!({"error": "unauthorized_client"}), "compare both"),
        (401, json!("no"), "compare both"),
        (400, json!({"error": "invalid_scope", "error_description": described}), "invalid_scope: … of …  2026 INFO"),
        (
            400,
            json!({"error": "invalid_request", "error_description": "client-secret+%26+%C3%BC"}),
            "invalid_request: …",
        ),
        (
            400,
            json!({"error": "x", "error_description": "Basic dGhlK2NsaWVudDpjbGllbnQtc2VjcmV0KyUyNislQzMlQkM= is bad"}),
            "x: Basic … is bad",
        ),
        (400, json!({"error": "dGhlIGNsaWVudDpjbGllbnQtc2VjcmV0ICYgw7w", "error_description": "no"}), ": …: no"),
        (400, json!({"error": "x", "error_description": "client-secret%20%26%20%c3%bc is bad"}), "x: … is bad"),
        (400, json!({"error": "x", "error_description": "client-secret+%26+%c3%bc is bad"}), "x: … is bad"),
        (400, json!({"error": "x", "error_description": "client-secret%2B%2526%2B%25C3%25BC is bad"}), "x: … is bad"),
        (400, json!({"error": 7}), "status 400"),
        (503, json!(null), "status 503"),
        (302, json!(null), "redirect"),
        (201, json!({}), "status 201"),
        (200, json!([]), "not a JSON object"),
        (200, json!({}), "no ID token"),
        (200, json!({"id_token": 1}), "no ID token"),
        (200, json!({"id_token": "x", "token_type": "mac"}), "no bearer token"),
        (200, json!({"id_token": "x", "token_type": "Bearer"}), "three parts"),
        (200, json!({"id_token": "a.b.c.d.e"}), "encrypted"),
        (200, json!({"id_token": format!("a.{}.c", "b".repeat(1 << 20))}), "does not answer as it should"),
        (200, json!({"id_token": format!("a.{}.c", "b".repeat(200_000))}), "cannot be read"),
    ] {
        scene.fake.put("/token", Page::new(status, &body));
        let why = scene.sso.finish(&scene.provider, &begun, ("the-code", None), Needs::All, NOW).await.unwrap_err();
        silent(&format!("{why} {why:?}"), &begun);
        assert!(why.to_string().contains(word), "{status} {body} gives {why}");
    }
    scene.fake.put("/token", Page::new(200, r#"{"id_token":"a.b.c","id_token":"d.e.f"}"#));
    let why = scene.sso.finish(&scene.provider, &begun, ("the-code", None), Needs::All, NOW).await.unwrap_err();
    assert!(why.to_string().contains("twice"), "{why}");
    let asked = scene.fake.heard("/token").len();
    for code in [String::new(), "x".repeat(10_000)] {
        let why = scene.sso.finish(&scene.provider, &begun, (&code, None), Needs::All, NOW).await.unwrap_err();
        assert!(matches!(why, SsoError::CodeRefused(_)), "{why}");
    }
    let late = scene.sso.finish(&scene.provider, &begun, ("the-code", None), Needs::All, NOW + LASTS + 1).await;
    assert_eq!((late.unwrap_err(), scene.fake.heard("/token").len()), (SsoError::Stale, asked));
}

#[tokio::test]
async fn providers_are_not_mixed_up() {
    for announced in [true, false] {
        let scene = Scene::new("ES256").await;
        scene.fake.says(|m| {
            m["authorization_response_iss_parameter_supported"] = announced.into();
            m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
        });
        let begun = scene.begin(Fresh::No).await;
        scene.fake.gives(&scene.signed(&scene.claims(&begun)));
        let finish = async |iss| {
            scene.sso.finish(&scene.provider, &begun, ("the-code", iss), Needs::All, NOW).await.map(|c| c.subject)
        };
        let other = "https://evil.example/\n2026 INFO";
        assert_eq!(finish(Some(other)).await, Err(SsoError::MixUp("https://evil.example/ 2026 INFO".into())));
        let slash = format!("{}/", scene.fake.issuer);
        assert_eq!(finish(Some(&slash)).await, Err(SsoError::MixUp(slash.clone())));
        if announced {
            assert_eq!(finish(None).await, Err(SsoError::Anonymous));
        }
        assert_eq!(scene.fake.heard("/token").len(), 0, "no code was sent to anybody");
        assert_eq!(finish(Some(&scene.fake.issuer)).await, Ok("somebody".into()));
        // Another provider was set up while somebody was signing in.
        let begun = Begun { issuer: "https://before.example".into(), ..begun.clone() };
        let why = scene.sso.finish(&scene.provider, &begun, ("the-code", None), Needs::All, NOW).await.unwrap_err();
        assert!(matches!(why, SsoError::OtherIssuer { .. }), "{why}");
    }
}

#[tokio::test]
async fn userinfo_fills_up_and_speaks_of_the_same_person() {
    let mut scene = Scene::new("ES256").await;
    scene.fake.says(|m| {
        m["userinfo_endpoint"] = format!("{}/userinfo", scene.fake.issuer).into();
        m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
    });
    let says = async |page: Page| {
        scene.fake.put("/userinfo", page);
        scene.with(Fresh::No, |_| {}).await
    };
    let more = json!({
        "sub": "somebody", "email": "evil@example.com", "name": "A", "auth_time": 1, "nonce": "x", "aud": "y", "amr": ["mfa"],
    });
    let claims = says(Page::new(200, &more)).await.unwrap();
    assert_eq!((&claims.all["email"], &claims.all["name"]), (&json!("a@example.com"), &json!("A")));
    assert_eq!((claims.auth_time, claims.all.get("auth_time"), claims.all.get("amr")), (None, None, None));
    assert_eq!(claims.all["aud"], "the client");
    assert_eq!(scene.fake.heard("/userinfo")[0].headers["authorization"], "Bearer access-secret");
    for body in [json!({"sub": "else", "name": "B"}), json!({"name": "B"}), json!({"sub": ["somebody"]})] {
        assert_eq!(says(Page::new(200, body)).await.unwrap_err(), SsoError::OtherSubject);
    }
    let twice = Page::new(200, r#"{"sub":"somebody","sub":"else"}"#);
    assert!(says(twice).await.unwrap_err().to_string().contains("twice"));
    let signed = Page { kind: "application/jwt; charset=utf-8", ..Page::new(200, "a.b.c") };
    assert!(says(signed).await.unwrap_err().to_string().contains("signed or encrypted"));
    // Without it, what is signed is enough.
    for page in [
        Page::new(401, "{}"),
        Page::new(500, ""),
        Page::new(302, ""),
        Page::new(200, json!({"sub": "somebody", "x": "x".repeat(300_000)})),
    ] {
        let claims = says(page).await.unwrap();
        assert_eq!((claims.subject.as_str(), claims.all.get("name")), ("somebody", None));
        // Who has to know what is missing is told.
        assert!(claims.partial && claims.may_lack("name").is_some() && claims.may_lack("groups").is_none());
    }
    // Each word on an address is about the one that it stands beside.
    let verified = async |id: Value, info: Value| {
        let mut more = json!({"sub": "somebody"});
        more.as_object_mut().unwrap().extend(info.as_object().unwrap().clone());
        scene.fake.put("/userinfo", Page::new(200, &more));
        let signed = scene.with(Fresh::No, |c| {
            c["email"] = "gone".into();
            c.as_object_mut().unwrap().extend(id.as_object().unwrap().clone());
        });
        let claims = signed.await.unwrap();
        assert!(!claims.partial);
        (claims.all.get("email").cloned().unwrap_or_default(), claims.all.get("email_verified").cloned())
    };
    for (id, info, address, word) in [
        (json!({"email": "a"}), json!({"email": "b", "email_verified": true}), "a", Some(json!(false))),
        (json!({"email": "a"}), json!({"email_verified": true}), "a", Some(json!(false))),
        (json!({"email": "a"}), json!({"email": "a", "email_verified": true}), "a", Some(json!(true))),
        (json!({"email": "a"}), json!({"email": "a", "email_verified": false}), "a", Some(json!(false))),
        (json!({"email": "a"}), json!({"email": "b"}), "a", None),
        (json!({"email_verified": true}), json!({"email": "b"}), "b", Some(json!(false))),
        (json!({"email_verified": true}), json!({"email": "b", "email_verified": false}), "b", Some(json!(false))),
        (json!({"email_verified": true}), json!({"email": "b", "email_verified": true}), "b", Some(json!(true))),
        (json!({"email_verified": false}), json!({"email": "b", "email_verified": true}), "b", Some(json!(false))),
        (json!({}), json!({"email": "b", "email_verified": true}), "b", Some(json!(true))),
    ] {
        assert_eq!(verified(id.clone(), info.clone()).await, (json!(address), word), "{id} {info}");
    }
    // A large one is read.
    let groups: Vec<String> = (0..2000).map(|i| format!("a group with a long name {i}")).collect();
    let claims = says(Page::new(200, json!({"sub": "somebody", "roles": groups}))).await.unwrap();
    assert_eq!(claims.all["roles"].as_array().unwrap().len(), 2000);
    scene.fake.put("/userinfo", Page { pause: Duration::from_secs(60), ..Page::new(200, &more) });
    scene.sso = impatient();
    assert_eq!(scene.with(Fresh::No, |_| {}).await.unwrap().all.get("name"), None);
}

#[tokio::test]
async fn one_can_sign_out_there_too() {
    let scene = Scene::new("ES256").await;
    let url =
        scene.sso.sign_out_url(&scene.provider, "the.id.token", "https://scim.example.com/sign-in").await.unwrap();
    let (place, query) = url.split_once('?').unwrap();
    assert_eq!(place, format!("{}/out", scene.fake.issuer));
    let query = pairs(query);
    for (name, expected) in [
        ("tenant", "1"),
        ("id_token_hint", "the.id.token"),
        ("client_id", "the client"),
        ("post_logout_redirect_uri", "https://scim.example.com/sign-in"),
    ] {
        assert_eq!(value(&query, name), expected);
    }
    let url = scene.sso.sign_out_url(&scene.provider, &"x".repeat(7000), "https://x").await.unwrap();
    assert!(url.len() < 1000);
    scene.fake.says(|m| {
        m["end_session_endpoint"] = Value::Null;
        m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
    });
    assert!(
        scene.sso.sign_out_url(&scene.provider, "", "https://x").await.is_some(),
        "what was read is good for an hour"
    );
    assert_eq!(scene.sso.look(&scene.provider).await.unwrap().end_session_endpoint, None);
    assert_eq!(scene.sso.sign_out_url(&scene.provider, "", "https://x").await, None);
}

#[tokio::test]
async fn nobody_speaks_of_secrets() {
    let scene = Scene::new("ES256").await;
    let begun = scene.begin(Fresh::Login).await;
    let mut claims = scene.claims(&begun);
    claims["auth_time"] = SECONDS.into();
    let claims = scene.finish(&begun, &scene.signed(&claims)).await.unwrap();
    let said = format!("{:?} {begun:?} {claims:?}", scene.provider);
    silent(&said, &begun);
    assert!(!said.contains(&claims.id_token) && !said.contains("a@example.com"), "{said}");
    assert!(said.contains("the client") && said.contains("somebody"));
}
