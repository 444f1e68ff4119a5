//! Providers that do as others do not, and may.

use super::*;

#[tokio::test]
async fn what_is_not_needed_keeps_nobody_from_setting_up() {
    let scene = Scene::new("ES256").await;
    for (name, value) in [
        ("end_session_endpoint", json!("")),
        ("end_session_endpoint", json!("https://a.example/out#top")),
        ("end_session_endpoint", json!("ftp://a.example/out")),
        ("end_session_endpoint", json!(7)),
        ("end_session_endpoint", json!("x")),
        ("userinfo_endpoint", json!("")),
        ("userinfo_endpoint", json!(7)),
        ("userinfo_endpoint", json!("https://a.example/me#x")),
        ("claims_supported", json!("sub email")),
        ("scopes_supported", json!(["openid", null, 7, "email"])),
        ("scopes_supported", json!({})),
    ] {
        scene.fake.says(|m| {
            m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
            m[name] = value.clone();
        });
        let look = scene.sso.look(&scene.provider).await.unwrap_or_else(|why| panic!("{name} {value}: {why}"));
        match name {
            "end_session_endpoint" => assert_eq!(look.end_session_endpoint, None, "{value}"),
            "userinfo_endpoint" => assert_eq!(look.userinfo_endpoint, None, "{value}"),
            _ => assert!(look.claims.is_empty() && [0, 2].contains(&look.scopes.len()), "{look:?}"),
        }
    }
}

#[tokio::test]
async fn keys_are_written_in_more_than_one_way() {
    for algorithm in ["RS256", "PS384"] {
        let scene = Scene::new(algorithm).await;
        let mut key = scene.key.jwk("one", algorithm);
        let modulus = BASE64_URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
        let padded = |number: &[u8]| BASE64_URL_SAFE_NO_PAD.encode([&[0, 0][..], number].concat());
        key["n"] = padded(&modulus).into();
        key["e"] = padded(&[1, 0, 1]).into();
        scene.fake.shows(&[key]);
        assert_eq!(scene.sso.look(&scene.provider).await.unwrap().keys, 1);
        scene.with(Fresh::No, |_| {}).await.unwrap();
    }
    // A token that names its key, and a key without a name; the one of that name is there beside it.
    let scene = Scene::new("ES256").await;
    let mut nameless = scene.key.jwk("one", "ES256");
    nameless.as_object_mut().unwrap().remove("kid");
    let other = SigningKey::new("ES256").jwk("one", "ES256");
    for keys in [vec![nameless.clone()], vec![other.clone(), nameless]] {
        scene.fake.shows(&keys);
        scene.sso.look(&scene.provider).await.unwrap();
        scene.with(Fresh::No, |_| {}).await.unwrap();
    }
    scene.fake.shows(&[other]);
    scene.sso.look(&scene.provider).await.unwrap();
    assert!(scene.with(Fresh::No, |_| {}).await.is_err());
}

#[tokio::test]
async fn the_two_names_of_one_algorithm_are_one() {
    for (named, of_key, of_token) in [
        ("Ed25519", "Ed25519", "Ed25519"),
        ("Ed25519", "EdDSA", "EdDSA"),
        ("EdDSA", "Ed25519", "EdDSA"),
        ("EdDSA", "EdDSA", "Ed25519"),
    ] {
        let mut scene = Scene::new("EdDSA").await;
        scene.fake.says(|m| m["id_token_signing_alg_values_supported"] = json!([named]));
        scene.fake.shows(&[scene.key.jwk("one", of_key)]);
        assert_eq!(scene.sso.look(&scene.provider).await.unwrap().keys, 1, "{named} {of_key}");
        let begun = scene.begin(Fresh::No).await;
        let header = json!({"alg": of_token, "kid": "one"}).to_string();
        let id_token = token(&scene.key, "EdDSA", &header, &scene.claims(&begun).to_string());
        scene.finish(&begun, &id_token).await.unwrap();
        scene.algorithm = "ES256";
        assert!(scene.finish(&begun, &scene.signed(&scene.claims(&begun))).await.is_err());
    }
}

#[tokio::test]
async fn a_time_that_nobody_asked_for_may_be_odd() {
    let scene = Scene::new("ES256").await;
    for odd in [json!("now"), json!("1795700000"), json!([1])] {
        assert_eq!(scene.with(Fresh::No, |c| c["auth_time"] = odd.clone()).await.unwrap().auth_time, None);
        for fresh in [Fresh::Login, Fresh::Within(600)] {
            let why = scene.with(fresh, |c| c["auth_time"] = odd.clone()).await.unwrap_err();
            assert_eq!(why, SsoError::BadClaim("auth_time"));
        }
    }
}

#[tokio::test]
async fn a_key_of_an_application_alone_is_spoken_of_where_there_is_such_a_thing() {
    for (issuer, said) in [("https://login.microsoftonline.com/x/v2.0", true), ("https://example.okta.com", false)] {
        let why = SsoError::UnknownKey(metadata::hint_of_key(issuer)).to_string();
        assert_eq!(why.contains("/discovery/keys?appid="), said, "{why}");
    }
}

/// Where both ways of proving who we are have a name, the application at the provider is set to one of them.
#[tokio::test]
async fn the_way_of_proving_is_found_by_trying_once() {
    let scene = Scene::new("ES256").await;
    let sign_in = async |header: bool, both: bool| {
        let begun = scene.begin(Fresh::No).await;
        scene.fake.gives(&scene.signed(&scene.claims(&begun)));
        scene.fake.wants_header(Some(header));
        let asked = scene.fake.heard("/token").len();
        let finished = scene.sso.finish(&scene.provider, &begun, ("the-code", None), Needs::All, NOW).await;
        let tried = scene.fake.heard("/token").split_off(asked);
        for one in &tried {
            let in_form = !value(&pairs(&one.body), "client_secret").is_empty();
            assert!(in_form != one.headers.contains_key("authorization"), "in one place alone");
        }
        let why = finished.map(|_| ()).map_err(|why| why.to_string());
        if let Err(why) = &why {
            silent(why, &begun);
        }
        assert_eq!(why.is_ok(), both || header);
        (tried.len(), why.err().unwrap_or_default())
    };
    let says = async |methods: Value| {
        scene.fake.says(|m| {
            m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
            m["token_endpoint_auth_methods_supported"] = methods;
        });
        scene.sso.look(&scene.provider).await.unwrap();
    };
    says(json!(["client_secret_basic"])).await;
    assert_eq!(sign_in(true, false).await.0, 1);
    let (times, why) = sign_in(false, false).await;
    assert!(times == 1 && why.contains("sent in the header (client_secret_basic)"), "{why}");
    says(json!(["client_secret_post", "client_secret_basic"])).await;
    assert_eq!(sign_in(true, true).await.0, 1);
    assert_eq!(sign_in(false, true).await.0, 2);
    // From then on it is known, until it changes again.
    assert_eq!(sign_in(false, true).await.0, 1);
    assert_eq!(sign_in(true, true).await.0, 2);
    // What is no question of who we are is asked once.
    let begun = scene.begin(Fresh::No).await;
    scene.fake.wants_header(None);
    for (page, times) in [
        (Page::new(401, json!({"error": "invalid_client", "error_description": "AADSTS7000215: wrong"})), 2),
        (Page::new(401, "no"), 2),
        (Page::new(400, json!({"error": "invalid_grant"})), 1),
        (Page::new(400, json!({"error": "unauthorized_client"})), 1),
        (Page::new(503, ""), 1),
    ] {
        scene.fake.put("/token", page);
        let asked = scene.fake.heard("/token").len();
        let finished = scene.sso.finish(&scene.provider, &begun, ("the-code", None), Needs::All, NOW).await;
        let why = finished.unwrap_err().to_string();
        assert_eq!(scene.fake.heard("/token").len() - asked, times, "{why}");
        assert_eq!(why.contains("(client_secret_basic)") && why.contains("(client_secret_post)"), times == 2, "{why}");
    }
}

#[tokio::test]
async fn why_a_code_is_refused_is_what_the_provider_says() {
    let scene = Scene::new("ES256").await;
    let begun = scene.begin(Fresh::No).await;
    let described = "AADSTS53003: Access has been blocked by Conditional Access policies.\r\nTrace ID: 1 the-code ";
    let more = json!({"error": "invalid_grant", "error_description": described.to_owned() + &"x".repeat(2000)});
    scene.fake.put("/token", Page::new(400, more));
    let why = scene.sso.finish(&scene.provider, &begun, ("the-code", None), Needs::All, NOW).await.unwrap_err();
    silent(&format!("{why} {why:?}"), &begun);
    let why = why.to_string();
    assert!(why.contains("(invalid_grant: AADSTS53003: Access has been blocked by Conditional"), "{why}");
    assert!(why.contains("a policy there refuses") && why.len() < 700 && !why.contains(['\r', '\n']), "{why}");
}

#[test]
fn at_googles_issuer_only_an_organization_vouches_for_addresses_and_nobody_for_names() {
    let left = |issuer: &str, more: Value| {
        let mut all = json!({
            "sub": "1", "aud": "us", "name": "boss@x.io", "given_name": "Boss", "profile": "p", "email": "ada@x.io",
            "email_verified": true,
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let all = all.as_object().unwrap().clone();
        let (subject, id_token) = (String::new(), String::new());
        let mut claims = Claims { issuer: issuer.into(), subject, all, auth_time: None, id_token, partial: false };
        claims.of_one_organization();
        let mut names: Vec<String> = claims.all.into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.join(" ")
    };
    for (more, expected) in [
        (json!({"hd": "x.io"}), "aud email email_verified hd sub"),
        (json!({"hd": "x.io", "email_verified": "true"}), "aud email email_verified hd sub"),
        (json!({}), "aud email_verified sub"),
        (json!({"hd": " "}), "aud email_verified hd sub"),
        (json!({"hd": null}), "aud email_verified hd sub"),
        (json!({"hd": ["x.io"]}), "aud email_verified hd sub"),
        (json!({"hd": "x.io", "email_verified": false}), "aud email_verified hd sub"),
        (json!({"hd": "x.io", "email_verified": null}), "aud email_verified hd sub"),
    ] {
        assert_eq!(left("https://accounts.google.com", more.clone()), expected, "{more}");
    }
    for other in ["https://accounts.google.com.example", "https://example.okta.com", "https://x/accounts.google.com"] {
        assert!(left(other, json!({})).contains("email email_verified given_name name profile sub"), "{other}");
    }
}
