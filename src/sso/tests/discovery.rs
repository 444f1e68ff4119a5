//! Providers that are not what they should be, or not there.

use std::time::Instant;

use serde_json::{Value, json};

use super::*;

async fn looked(scene: &Scene, change: impl FnOnce(&mut Value)) -> Result<Look, String> {
    scene.fake.says(|m| {
        m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
        change(m);
    });
    scene.sso.look(&scene.provider).await.map_err(|e| e.to_string())
}

#[tokio::test]
async fn metadata_is_whole_and_that_of_the_issuer() {
    let scene = Scene::new("ES256").await;
    let look = looked(&scene, |m| m["userinfo_endpoint"] = json!("https://elsewhere.example/me")).await.unwrap();
    assert_eq!(look.issuer, scene.fake.issuer);
    assert_eq!(look.userinfo_endpoint.as_deref(), Some("https://elsewhere.example/me"));
    assert_eq!((look.scopes.len(), look.keys), (2, 1));
    for (name, value, word) in [
        ("issuer", json!("https://evil.example"), "its issuer is https://evil.example"),
        ("issuer", json!(scene.fake.issuer.replace("127.0.0.1", "localhost")), "its issuer is"),
        ("issuer", json!(format!("{}//", scene.fake.issuer)), "its issuer is"),
        ("issuer", json!(scene.fake.issuer.to_uppercase()), "its issuer is"),
        ("issuer", json!(format!("{}/{{tenantid}}/v2.0", scene.fake.issuer)), "many tenants"),
        ("issuer", json!([scene.fake.issuer]), "its issuer is not a text"),
        ("issuer", json!(null), "lacks issuer"),
        ("issuer", json!(format!("https://{}", "a".repeat(9000))), "aaa…, and not"),
        ("authorization_endpoint", json!(null), "lacks authorization_endpoint"),
        ("authorization_endpoint", json!("javascript:alert(1)"), "its authorization_endpoint is not called"),
        ("authorization_endpoint", json!("/authorize"), "its authorization_endpoint is not called"),
        ("authorization_endpoint", json!("https://a.example/#x"), "has a fragment"),
        ("authorization_endpoint", json!("https://a.example/\r\nset-cookie: x"), "is not a text"),
        ("token_endpoint", json!(null), "lacks token_endpoint"),
        ("token_endpoint", json!("https://user:password@a.example/"), "user name"),
        ("jwks_uri", json!(null), "lacks jwks_uri"),
        ("jwks_uri", json!("file:///etc/passwd"), "its jwks_uri is not called"),
        ("jwks_uri", json!("https://10.0.0.1/keys"), "10.0.0.1, which is a private address"),
        ("jwks_uri", json!(format!("{}/none", scene.fake.issuer)), "status 404"),
        ("response_types_supported", json!(["id_token"]), "authorization code flow"),
        ("response_types_supported", json!("code"), "not a list"),
        ("code_challenge_methods_supported", json!(["plain"]), "PKCE with S256"),
        ("id_token_signing_alg_values_supported", json!(null), "lacks id_token_signing_alg"),
        (
            "id_token_signing_alg_values_supported",
            json!(["none", "HS256", "ES512"]),
            "none, HS256, ES512, none of which",
        ),
        ("id_token_signing_alg_values_supported", json!(["RS256", 1]), "not a list of texts"),
        ("id_token_signing_alg_values_supported", json!(["RS256"]), "none of them is for RS256"),
    ] {
        let said = looked(&scene, |m| m[name] = value.clone()).await.unwrap_err();
        assert!(said.contains(word) && !said.contains("password"), "{name} {value}: {said}");
    }
    for (name, value) in [
        ("code_challenge_methods_supported", json!(["plain", "S256"])),
        ("response_types_supported", json!(null)),
        ("unknown_member", json!({"x": [1]})),
    ] {
        looked(&scene, |m| m[name] = value).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_metadata_or_no_key_set_is_refused() {
    let scene = Scene::new("ES256").await;
    let metadata = "/.well-known/openid-configuration";
    let look = async || scene.sso.look(&scene.provider).await.unwrap_err().to_string();
    for (page, word) in [
        (Page::new(404, "{}"), "status 404"),
        (Page::new(302, ""), "redirect"),
        (Page::new(500, ""), "status 500"),
        (Page::new(200, "<html>"), "it is not JSON"),
        (Page::new(200, "[]"), "not a JSON object"),
        (Page::new(200, format!(r#"{{"issuer":"https://evil.example","issuer":"{}"}}"#, scene.fake.issuer)), "twice"),
        (Page::new(200, json!({"x": "x".repeat(70_000)})), "more than 65536 bytes"),
    ] {
        scene.fake.put(metadata, page);
        let said = look().await;
        assert!(said.contains(word), "{word}: {said}");
    }
    scene.fake.says(|m| m["id_token_signing_alg_values_supported"] = json!(["ES256", "RS256"]));
    let key = scene.key.jwk("one", "ES256");
    let weak = json!({"kty": "RSA", "n": BASE64_URL_SAFE_NO_PAD.encode([255; 128]), "e": "AQAB"});
    for (page, word) in [
        (Page::new(200, "<html>"), "not JSON"),
        (Page::new(200, "{}"), "no list of keys"),
        (Page::new(200, r#"{"keys":{}}"#), "no list of keys"),
        (Page::new(200, r#"{"keys":[{"kid":"a","kid":"b"}]}"#), "twice"),
        (Page::new(200, json!({"keys": vec![key; 101]})), "more than 100"),
        (Page::new(200, json!({"keys": [{"x": "x".repeat(300_000)}]})), "more than 262144 bytes"),
        (Page::new(200, json!({"keys": [weak]})), "none of them is for ES256, RS256"),
        (Page::new(401, "{}"), "status 401"),
        (Page::new(301, ""), "redirect"),
    ] {
        scene.fake.put("/keys", page);
        let said = look().await;
        assert!(said.contains(word), "{word}: {said}");
    }
    for path in ["/keys", metadata] {
        scene.fake.put(path, Page { pause: Duration::from_secs(60), ..Page::new(200, "{}") });
        let said = impatient().look(&scene.provider).await.unwrap_err().to_string();
        assert!(said.contains("took too long"), "{said}");
    }
}

#[tokio::test]
async fn an_issuer_may_be_typed_with_a_slash_or_without() {
    let scene = Scene::new("ES256").await;
    for theirs in ["", "/"] {
        let issuer = format!("{}{theirs}", scene.fake.issuer);
        scene.fake.says(|m| {
            m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
            m["issuer"] = issuer.as_str().into();
        });
        for typed in ["", "/", "/.well-known/openid-configuration", " "] {
            let provider = Provider { issuer: format!("{}{typed}", scene.fake.issuer), ..scene.provider.clone() };
            let sso = sso();
            assert_eq!(sso.look(&provider).await.unwrap().issuer, issuer);
            // From there on it is what the provider says, to the letter.
            let begun = sso.begin(&provider, Fresh::No, NOW).await.unwrap();
            assert_eq!(begun.issuer, issuer);
            let mut claims = scene.claims(&begun);
            for (iss, fine) in
                [(scene.fake.issuer.clone(), theirs.is_empty()), (format!("{}/", scene.fake.issuer), theirs == "/")]
            {
                claims["iss"] = iss.into();
                scene.fake.gives(&scene.signed(&claims));
                assert_eq!(sso.finish(&provider, &begun, ("the-code", None), Needs::All, NOW).await.is_ok(), fine);
            }
        }
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_one_is_refused_with_what_to_do() {
    let scene = Scene::new("ES256").await;
    for (issuer, word) in [
        ("", "cannot be read"),
        ("idp.example.com", "https://"),
        ("ftp://idp.example.com", "https://"),
        ("https://user:password@idp.example.com", "user name"),
        ("https://idp.example.com/?a=b", "no query"),
        ("https://idp.example.com/#a", "no query"),
        ("https://login.microsoftonline.com/common/v2.0", "TENANT-ID/v2.0"),
        ("https://login.microsoftonline.com/Consumers/v2.0", "TENANT-ID/v2.0"),
        ("https://LOGIN.microsoftonline.com/9188040D-6c67-4c5b-b112-36a304b66dad/v2.0", "TENANT-ID/v2.0"),
        ("https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/", "TENANT-ID/v2.0"),
        ("https://LOGIN.microsoftonline.com/organizations/v2.0/", "TENANT-ID/v2.0"),
        ("https://login.microsoftonline.us/consumers/v2.0", "TENANT-ID/v2.0"),
        ("https://dev-1-admin.okta.com", "no -admin"),
        ("https://169.254.169.254", "link-local"),
        ("http://10.0.0.1", "plain http"),
    ] {
        let provider = Provider { issuer: issuer.into(), ..scene.provider.clone() };
        let said = scene.sso.begin(&provider, Fresh::No, NOW).await.unwrap_err().to_string();
        assert!(said.contains(word) && !said.contains("password"), "{issuer}: {said}");
    }
    for (issuer, word) in [
        ("https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f", "v2.0"),
        ("https://example.okta.com/oauth2/default", "custom authorization servers"),
        ("https://example.com", ""),
    ] {
        let found = "https://sts.windows.net/x/";
        let text = json!({ "issuer": found }).to_string();
        let outbound = Outbound::new(Policy::default()).unwrap();
        let said = Metadata::read(text.as_bytes(), issuer, &outbound).unwrap_err().to_string();
        assert!(said.contains(found) && said.contains(word), "{said}");
    }
    let said = SsoError::NoAuthenticationTime(metadata::hint_of_auth_time("https://login.microsoftonline.com/x/v2.0"));
    assert!(said.to_string().contains("Token configuration"));
}

#[tokio::test]
async fn a_provider_that_is_down_holds_nobody_up_for_long() {
    let scene = Scene::new("ES256").await;
    let nothing = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = Provider { issuer: format!("http://{nothing}"), ..scene.provider.clone() };
    let why = scene.sso.begin(&gone, Fresh::No, NOW).await.unwrap_err();
    assert!(why.to_string().contains("nothing listens there"), "{why}");
    assert!(std::error::Error::source(&why).is_none(), "it would be said twice");
    // Twenty who come at once wait as long as one, and ask as often.
    let slow = Scene { sso: impatient(), ..Scene::new("ES256").await };
    slow.fake.put("/.well-known/openid-configuration", Page { pause: Duration::from_secs(9), ..Page::new(200, "{}") });
    let began = Instant::now();
    let all: Vec<_> = (0..20)
        .map(|_| {
            let (sso, provider) = (slow.sso.clone(), slow.provider.clone());
            tokio::spawn(async move { sso.begin(&provider, Fresh::No, NOW).await.map(|b| b.url) })
        })
        .collect();
    for one in all {
        assert!(matches!(one.await.unwrap(), Err(SsoError::Unreachable(_))));
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(slow.fake.heard("/.well-known/openid-configuration").len(), 1);
    // A failure is forgotten soon.
    slow.fake.says(|m| m["id_token_signing_alg_values_supported"] = json!(["ES256"]));
    assert!(slow.sso.begin(&slow.provider, Fresh::No, NOW).await.is_err());
    slow.sso.known.later(3600);
    slow.sso.begin(&slow.provider, Fresh::No, NOW).await.unwrap();
}

#[tokio::test]
async fn what_was_read_is_kept_and_twenty_read_it_once() {
    let scene = Scene::new("ES256").await;
    let all: Vec<_> = (0..20)
        .map(|_| {
            let (sso, provider) = (scene.sso.clone(), scene.provider.clone());
            tokio::spawn(async move { sso.begin(&provider, Fresh::No, NOW).await.unwrap().state })
        })
        .collect();
    let mut states = std::collections::BTreeSet::new();
    for one in all {
        states.insert(one.await.unwrap());
    }
    assert_eq!((states.len(), scene.fake.heard("/.well-known/openid-configuration").len()), (20, 1));
    // As long as it is good, the provider may be down.
    scene.fake.put("/.well-known/openid-configuration", Page::new(503, ""));
    scene.begin(Fresh::No).await;
    assert!(scene.sso.look(&scene.provider).await.is_err());
    scene.begin(Fresh::No).await;
    scene.sso.known.later(3600);
    assert!(scene.sso.begin(&scene.provider, Fresh::No, NOW).await.is_err());
}
