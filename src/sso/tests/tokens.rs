//! ID tokens that lie, and keys that change.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn what_an_id_token_says_has_to_be_true() {
    let scene = Scene::new("ES256").await;
    let us = "the client";
    for (name, value, why) in [
        ("iss", json!("https://evil.example"), "comes from the issuer https://evil.example"),
        ("iss", json!(format!("{}/", scene.fake.issuer)), "comes from the issuer"),
        ("iss", json!([scene.fake.issuer]), "claim iss"),
        ("iss", json!("gone"), "claim iss"),
        ("aud", json!("another client"), "another client"),
        ("aud", json!("the client "), "another client"),
        ("aud", json!([]), "another client"),
        ("aud", json!(["a", "b"]), "another client"),
        ("aud", json!([us, "b"]), "(azp)"),
        ("aud", json!([us, 1]), "claim aud"),
        ("aud", json!({"x": us}), "claim aud"),
        ("aud", json!("gone"), "claim aud"),
        ("azp", json!("another client"), "(azp)"),
        ("azp", json!([us]), "claim azp"),
        ("exp", json!(SECONDS - 61), "has expired"),
        ("exp", json!(SECONDS - 60), "has expired"),
        ("exp", json!(0), "has expired"),
        ("exp", json!(-1e300), "claim exp"),
        ("exp", json!("1999999999"), "claim exp"),
        ("exp", json!(i64::MAX), "claim exp"),
        ("exp", json!("gone"), "claim exp"),
        ("iat", json!(SECONDS + 61), "in the future (iat)"),
        ("iat", json!("gone"), "claim iat"),
        ("iat", json!(true), "claim iat"),
        ("nbf", json!(SECONDS + 61), "in the future (nbf)"),
        ("nbf", json!("x"), "claim nbf"),
        ("nonce", json!("another"), "(nonce)"),
        ("nonce", json!(""), "(nonce)"),
        ("nonce", json!(1), "claim nonce"),
        ("nonce", json!("gone"), "(nonce)"),
        ("auth_time", json!(SECONDS + 61), "in the future (auth_time)"),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"), "(at_hash)"),
        ("at_hash", json!(""), "(at_hash)"),
        ("at_hash", json!(1), "claim at_hash"),
        ("sub", json!("gone"), "claim sub"),
        ("sub", json!(""), "claim sub"),
        ("sub", json!("  "), "claim sub"),
        ("sub", json!(42), "claim sub"),
        ("sub", json!("a\nb"), "claim sub"),
        ("sub", json!("x".repeat(256)), "claim sub"),
    ] {
        let said = scene.with(Fresh::No, |c| c[name] = value.clone()).await.unwrap_err().to_string();
        assert!(said.contains(why), "{name} {value}: {said}");
    }
    for (name, value) in [
        ("aud", json!([us])),
        ("aud", json!([us, us])),
        ("azp", json!(us)),
        ("exp", json!(SECONDS - 59)),
        ("exp", json!(SECONDS as f64 + 0.5)),
        ("iat", json!(SECONDS + 60)),
        ("iat", json!(0)),
        ("nbf", json!(SECONDS + 60)),
        ("auth_time", json!(SECONDS + 60)),
        ("at_hash", json!(BASE64_URL_SAFE_NO_PAD.encode(half("access-secret")))),
        ("sub", json!("x".repeat(255))),
        ("sub", json!("auth0|5f7c8ec7c33c6c004bbafe82")),
    ] {
        let claims =
            scene.with(Fresh::No, |c| c[name] = value.clone()).await.unwrap_or_else(|e| panic!("{name} {value}: {e}"));
        assert_eq!(claims.all[name], value);
    }
    let several = |c: &mut Value| {
        c["aud"] = json!(["b", us]);
        c["azp"] = us.into();
    };
    scene.with(Fresh::No, several).await.unwrap();
    scene.with(Fresh::No, |c| c["exp"] = (SECONDS - 59).into()).await.unwrap();
}

fn half(text: &str) -> Vec<u8> {
    secret::signature::Scheme::Es256.half_digest(text)
}

#[tokio::test]
async fn a_fresh_authentication_is_fresh() {
    let scene = Scene::new("ES256").await;
    let at = |fresh, seconds: i64| scene.with(fresh, move |c| c["auth_time"] = (SECONDS + seconds).into());
    let begun = scene.begin(Fresh::Login).await;
    // Whoever asks for an age of nothing may be asked for the password for ever.
    assert!(begun.url.contains("max_age=300&prompt=login") && begun.max_age == Some(0));
    assert!(scene.begin(Fresh::Within(600)).await.url.ends_with("max_age=600"));
    assert_eq!(scene.with(Fresh::Login, |_| {}).await.unwrap_err(), SsoError::NoAuthenticationTime(""));
    assert_eq!(scene.with(Fresh::Within(9), |_| {}).await.unwrap_err(), SsoError::NoAuthenticationTime(""));
    assert_eq!(at(Fresh::Login, -61).await.unwrap_err(), SsoError::TooOldAuthentication);
    assert_eq!(at(Fresh::Within(600), -661).await.unwrap_err(), SsoError::TooOldAuthentication);
    assert_eq!(at(Fresh::Login, -59).await.unwrap().auth_time, Some(NOW - 59_000_000));
    assert_eq!(at(Fresh::Within(600), -659).await.unwrap().auth_time, Some(NOW - 659_000_000));
    at(Fresh::Within(u64::MAX), -1_000_000).await.unwrap();
    // Whoever takes ten minutes from there to here is as fresh as before.
    let begun = scene.begin(Fresh::Login).await;
    let mut claims = scene.claims(&begun);
    claims["auth_time"] = SECONDS.into();
    claims["exp"] = (SECONDS + 3600).into();
    scene.fake.gives(&scene.signed(&claims));
    let later = NOW + 600_000_000;
    scene.sso.finish(&scene.provider, &begun, ("the-code", None), Needs::All, later).await.unwrap();
}

#[tokio::test]
async fn a_signature_is_made_as_the_metadata_says_by_a_key_of_the_provider() {
    let scene = Scene::new("RS256").await;
    let begun = scene.begin(Fresh::No).await;
    let claims = scene.claims(&begun).to_string();
    let other = SigningKey::new("ES256");
    let with = |header: Value, algorithm: &str| token(&scene.key, algorithm, &header.to_string(), &claims);
    let plain =
        |header: &str| format!("{}.{}.", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(&claims));
    let good = scene.signed(&scene.claims(&begun));
    let (message, signed) = good.rsplit_once('.').unwrap();
    let payload = message.split_once('.').unwrap().1;
    let refused = "not accepted here";
    for (id_token, why) in [
        // The metadata names none and HS256; they are not accepted all the same.
        (plain(r#"{"alg":"none"}"#), refused),
        (plain(r#"{"alg":"None","kid":"one"}"#), refused),
        (plain(r#"{"alg":"RS256","kid":"one"}"#), "signature"),
        (plain(r#"{"kid":"one"}"#), refused),
        (plain(r#"{"alg":["RS256"],"kid":"one"}"#), refused),
        (plain(r#"{"alg":"none","alg":"RS256"}"#), "twice"),
        (plain("[]"), "not a JSON object"),
        (plain("x"), "not JSON"),
        (with(json!({"alg": "HS256", "kid": "one"}), "HS256"), refused),
        (with(json!({"alg": "RS384", "kid": "one"}), "RS384"), refused),
        (with(json!({"alg": "PS256", "kid": "one"}), "PS256"), refused),
        (with(json!({"alg": "rs256", "kid": "one"}), "RS256"), refused),
        (with(json!({"alg": "RSA-OAEP\r\n2026 INFO", "kid": "one"}), "RS256"), refused),
        (with(json!({"alg": "RS256", "kid": "one"}), "RS512"), "signature"),
        (with(json!({"alg": "RS256", "kid": "two"}), "RS256"), "does not show"),
        (with(json!({"alg": "RS256", "kid": 1}), "RS256"), "no text"),
        (with(json!({"alg": "RS256", "kid": "one", "crit": ["exp"], "exp": 1}), "RS256"), "(crit)"),
        (with(json!({"alg": "RS256", "kid": "one", "crit": []}), "RS256"), "(crit)"),
        (with(json!({"alg": "RS256", "kid": "one", "typ": "at+jwt"}), "RS256"), "(typ)"),
        (with(json!({"alg": "RS256", "kid": "one", "typ": "logout+jwt"}), "RS256"), "(typ)"),
        // A key that comes with the token is nobody's key.
        (token(&other, "ES256", &json!({"alg": "ES256", "jwk": other.jwk("", "ES256")}).to_string(), &claims), refused),
        (
            token(
                &other,
                "ES256",
                &json!({"alg": "RS256", "kid": "one", "jwk": other.jwk("", "")}).to_string(),
                &claims,
            ),
            "signature",
        ),
        (format!("{message}.{signed}."), "three parts"),
        (format!("{message}.{signed}="), "signature"),
        (format!("{message}. {signed}"), "signature"),
        (format!("{message}.{}", signed.split_at(4).1), "signature"),
        (format!("{message}!.{signed}"), "signature"),
        (format!("!{message}.{signed}"), "base64"),
        (format!("eyJhbGciOiJSUzI1NiJ9.{payload}.{signed}"), "signature"),
        (token(&scene.key, "RS256", &scene.header().to_string(), "[]"), "not a JSON object"),
        (
            token(&scene.key, "RS256", &scene.header().to_string(), &claims.replacen('{', r#"{"sub":"admin","#, 1)),
            "twice",
        ),
        (
            token(&scene.key, "RS256", &scene.header().to_string(), &claims.replace("[\"x\"", "[{\"a\":1,\"a\":2}")),
            "twice",
        ),
        (String::new(), "three parts"),
    ] {
        let said = scene.finish(&begun, &id_token).await.unwrap_err().to_string();
        assert!(said.contains(why) && !said.contains(['\r', '\n']), "{why:?}: {said}");
    }
    for header in [
        json!({"alg": "RS256"}),
        json!({"alg": "RS256", "kid": "one", "typ": "jwt", "x5t": "x", "jku": "https://evil.example"}),
    ] {
        scene.finish(&begun, &with(header, "RS256")).await.unwrap();
    }
}

#[tokio::test]
async fn keys_are_for_what_they_say() {
    let scene = Scene::new("ES256").await;
    let begun = scene.begin(Fresh::No).await;
    let good = scene.signed(&scene.claims(&begun));
    let key = scene.key.jwk("one", "ES256");
    let but = |name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        vec![key]
    };
    let (rsa, ed) = (SigningKey::new("RS256").jwk("one", ""), SigningKey::new("EdDSA").jwk("one", ""));
    let second = SigningKey::new("ES256").jwk("one", "ES256");
    for (keys, fine) in [
        (vec![key.clone()], true),
        (vec![json!(1), json!({}), json!({"kty": "new", "kid": "one"}), rsa.clone(), ed, key.clone()], true),
        // Two keys of one id: the one that fits verifies.
        (vec![second.clone(), key.clone()], true),
        (but("alg", json!(null)), true),
        (but("key_ops", json!(["verify"])), true),
        (but("x5c", json!(["MII"])), true),
        (vec![], false),
        (vec![second], false),
        (vec![rsa], false),
        (but("use", json!("enc")), false),
        (but("use", json!("other")), false),
        (but("key_ops", json!(["encrypt"])), false),
        (but("alg", json!("ES384")), false),
        (but("alg", json!("ECDH-ES")), false),
        (but("kid", json!("two")), false),
        (but("kid", json!(1)), false),
        (but("crv", json!("P-384")), false),
        (but("crv", json!("Ed25519")), false),
        (but("kty", json!("OKP")), false),
        (but("x", json!("")), false),
        (but("x", json!("!")), false),
        // 1024 bits.
        (vec![json!({"kty": "RSA", "n": BASE64_URL_SAFE_NO_PAD.encode([255; 128]), "e": "AQAB", "kid": "one"})], false),
        (vec![json!({"kty": "oct", "k": "AAAA", "kid": "one"})], false),
    ] {
        scene.fake.shows(&keys);
        let known = Sso { known: Arc::default(), ..scene.sso.clone() };
        scene.fake.gives(&good);
        let finished = known.finish(&scene.provider, &begun, ("the-code", None), Needs::All, NOW).await;
        assert_eq!(finished.is_ok(), fine, "{keys:?} {:?}", finished.err());
    }
}

#[tokio::test]
async fn keys_are_read_again_when_they_have_changed_and_not_all_the_time() {
    let mut scene = Scene::new("ES256").await;
    let asked = |scene: &Scene| scene.fake.heard("/keys").len();
    scene.with(Fresh::No, |_| {}).await.unwrap();
    scene.with(Fresh::No, |_| {}).await.unwrap();
    assert_eq!(asked(&scene), 1, "they are kept");

    let before = std::mem::replace(&mut scene.key, SigningKey::new("ES256"));
    let rotated = |scene: &Scene, begun: &Begun| {
        let header = json!({"alg": "ES256", "kid": "two"}).to_string();
        token(&scene.key, "ES256", &header, &scene.claims(begun).to_string())
    };
    scene.fake.shows(&[before.jwk("one", "ES256"), scene.key.jwk("two", "ES256")]);
    let begun = scene.begin(Fresh::No).await;
    scene.finish(&begun, &rotated(&scene, &begun)).await.unwrap();
    assert_eq!(asked(&scene), 2, "an unknown key is asked for at once");

    // From now on nobody makes us ask for a minute.
    let header = json!({"alg": "ES256", "kid": "three"}).to_string();
    let forged = token(&scene.key, "ES256", &header, &scene.claims(&begun).to_string());
    for _ in 0..5 {
        assert_eq!(scene.finish(&begun, &forged).await.unwrap_err(), SsoError::UnknownKey(""));
    }
    assert_eq!(asked(&scene), 2);
    // The same id for another key is noticed by the signature.
    let after = std::mem::replace(&mut scene.key, SigningKey::new("ES256"));
    scene.fake.shows(&[scene.key.jwk("two", "ES256")]);
    assert_eq!(scene.finish(&begun, &rotated(&scene, &begun)).await.unwrap_err(), SsoError::BadSignature);
    scene.sso.known.later(3600);
    scene.finish(&begun, &rotated(&scene, &begun)).await.unwrap();
    // What was withdrawn is good no longer than the hour.
    scene.key = after;
    assert!(scene.finish(&begun, &rotated(&scene, &begun)).await.is_err());
}

#[tokio::test]
async fn those_who_wait_for_new_keys_learn_what_the_first_has_learned() {
    let mut scene = Scene::new("ES256").await;
    scene.with(Fresh::No, |_| {}).await.unwrap();
    scene.key = SigningKey::new("ES256");
    let header = json!({"alg": "ES256", "kid": "two"}).to_string();
    let begun = scene.begin(Fresh::No).await;
    let id_token = token(&scene.key, "ES256", &header, &scene.claims(&begun).to_string());
    scene.fake.put(
        "/keys",
        Page { pause: Duration::from_millis(200), ..Page::new(200, json!({"keys": [scene.key.jwk("two", "ES256")]})) },
    );
    scene.fake.put("/token", Page::new(200, json!({"id_token": id_token})));
    let finishes: Vec<_> = (0..8)
        .map(|_| {
            let (sso, provider, begun) = (scene.sso.clone(), scene.provider.clone(), begun.clone());
            tokio::spawn(async move {
                sso.finish(&provider, &begun, ("the-code", None), Needs::All, NOW).await.map(|c| c.subject)
            })
        })
        .collect();
    for finish in finishes {
        assert_eq!(finish.await.unwrap(), Ok("somebody".into()));
    }
    assert_eq!(scene.fake.heard("/keys").len(), 2);
}
