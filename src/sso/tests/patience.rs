//! Who waits for whom, and how long, when a provider is slow or down.

use std::time::Instant;

use super::*;

const METADATA: &str = "/.well-known/openid-configuration";
const MINUTE: u64 = 60;

fn hangs() -> Page {
    Page { pause: Duration::from_secs(60), ..Page::new(200, "{}") }
}

/// A while later, as far as what is known is concerned.
fn later(scene: &Scene, seconds: u64) {
    scene.sso.known.later(seconds);
}

async fn heard(scene: &Scene, times: usize) {
    let began = Instant::now();
    while scene.fake.heard(METADATA).len() < times {
        assert!(began.elapsed() < Duration::from_secs(5), "nobody asked");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_is_old_is_read_again_and_nobody_waits_for_it() {
    let scene = Scene::new("ES256").await;
    scene.begin(Fresh::No).await;
    later(&scene, 44 * MINUTE);
    scene.begin(Fresh::No).await;
    assert_eq!(scene.fake.heard(METADATA).len(), 1);
    scene.fake.put(METADATA, hangs());
    later(&scene, 46 * MINUTE);
    let began = Instant::now();
    for _ in 0..20 {
        scene.begin(Fresh::No).await;
        assert!(scene.sso.is_known(&scene.provider));
    }
    heard(&scene, 2).await;
    scene.begin(Fresh::No).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(scene.fake.heard(METADATA).len(), 2, "one asks");
}

#[tokio::test]
async fn a_provider_that_is_down_for_a_while_keeps_nobody_out_for_an_hour() {
    let scene = Scene::new("ES256").await;
    scene.begin(Fresh::No).await;
    scene.fake.put(METADATA, Page::new(503, ""));
    later(&scene, 59 * MINUTE);
    scene.begin(Fresh::No).await;
    heard(&scene, 2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    for _ in 0..5 {
        scene.begin(Fresh::No).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(scene.fake.heard(METADATA).len(), 2, "it is left alone for half a minute");
    // And the hour is over when it is over: what was withdrawn is trusted no longer.
    later(&scene, 60 * MINUTE);
    let why = scene.sso.begin(&scene.provider, Fresh::No, NOW).await.unwrap_err();
    assert!(why.to_string().contains("status 503"), "{why}");
}

#[tokio::test]
async fn what_was_read_behind_the_back_is_what_counts_from_then_on() {
    let scene = Scene::new("ES256").await;
    scene.begin(Fresh::No).await;
    scene.fake.says(|m| {
        m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
        m["authorization_endpoint"] = json!("https://new.example/authorize");
    });
    later(&scene, 46 * MINUTE);
    let began = Instant::now();
    while !scene.begin(Fresh::No).await.url.starts_with("https://new.example/") {
        assert!(began.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn somebody_with_an_unknown_key_holds_up_nobody_else() {
    let scene = Scene::new("ES256").await;
    let begun = scene.begin(Fresh::No).await;
    scene.fake.put(METADATA, hangs());
    let header = json!({"alg": "ES256", "kid": "two"}).to_string();
    let unknown = token(&scene.key, "ES256", &header, &scene.claims(&begun).to_string());
    let good = scene.signed(&scene.claims(&begun));
    scene.fake.gives(&unknown);
    let (sso, provider, theirs) = (scene.sso.clone(), scene.provider.clone(), begun.clone());
    let stuck =
        tokio::spawn(
            async move { sso.finish(&provider, &theirs, ("the-code", None), Needs::All, NOW).await.map(|_| ()) },
        );
    heard(&scene, 2).await;
    let began = Instant::now();
    assert!(scene.sso.is_known(&scene.provider));
    let another = scene.begin(Fresh::No).await;
    assert_ne!(another.state, begun.state);
    scene.finish(&begun, &good).await.unwrap();
    assert!(scene.sso.sign_out_url(&scene.provider, "", "https://x").await.is_some());
    assert!(began.elapsed() < Duration::from_secs(2) && !stuck.is_finished(), "{:?}", began.elapsed());
    stuck.abort();
}

#[tokio::test]
async fn whoever_signs_out_waits_two_seconds_and_no_longer() {
    let scene = Scene::new("ES256").await;
    let out = async |longest: f64| {
        let began = Instant::now();
        let url = scene.sso.sign_out_url(&scene.provider, "", "https://x").await;
        assert!(began.elapsed().as_secs_f64() < longest, "{:?}", began.elapsed());
        url.is_some()
    };
    let metadata = scene.fake.page(METADATA);
    scene.fake.put(METADATA, hangs());
    assert!(!out(5.0).await, "nothing is known");
    scene.fake.put(METADATA, metadata);
    scene.begin(Fresh::No).await;
    scene.fake.put(METADATA, hangs());
    assert!(out(1.5).await);
    // Where to sign out is good enough when it is old.
    later(&scene, 120 * MINUTE);
    assert!(out(5.0).await);
}

#[tokio::test]
async fn userinfo_is_asked_when_it_is_needed_and_not_for_long() {
    let scene = Scene::new("ES256").await;
    scene.fake.says(|m| {
        m["userinfo_endpoint"] = format!("{}/userinfo", scene.fake.issuer).into();
        m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
    });
    scene.fake.put("/userinfo", Page::new(200, json!({"sub": "somebody", "name": "Ada", "email_verified": false})));
    let with = async |needs: Needs<'_>, more: Value| {
        let begun = scene.begin(Fresh::No).await;
        let mut claims = scene.claims(&begun);
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        scene.fake.gives(&scene.signed(&claims));
        let asked = scene.fake.heard("/userinfo").len();
        let claims = scene.sso.finish(&scene.provider, &begun, ("the-code", None), needs, NOW).await.unwrap();
        (claims, scene.fake.heard("/userinfo").len() - asked)
    };
    let verified = json!({"email_verified": true});
    for (needs, more, asked) in [
        (Needs::These(&[]), json!({}), 0),
        (Needs::These(&["sub"]), json!({}), 0),
        (Needs::These(&["sub", "groups"]), json!({}), 0),
        (Needs::These(&["sub", "name"]), json!({}), 1),
        (Needs::These(&["nonsense"]), json!({}), 1),
        (Needs::These(&["groups"]), json!({"groups": null}), 1),
        // An address needs the word that goes with it, whatever its claim is called.
        (Needs::These(&["sub", "email"]), json!({}), 1),
        (Needs::These(&["sub", "email"]), verified.clone(), 0),
        (Needs::These(&["upn"]), json!({"upn": "a@x.io"}), 1),
        (Needs::These(&["upn"]), json!({"upn": "a@x.io", "email_verified": true, "email": null}), 1),
        (Needs::These(&["upn"]), json!({"upn": "ada"}), 0),
        (Needs::All, verified, 1),
    ] {
        let (claims, times) = with(needs, more.clone()).await;
        assert_eq!((times, claims.partial), (asked, false), "{needs:?} {more}");
    }
    assert_eq!(with(Needs::These(&["email"]), json!({})).await.0.all["email_verified"], json!(false));
    // It does not matter what it would say of what nobody asks.
    scene.fake.put("/userinfo", hangs());
    let began = Instant::now();
    assert!(!with(Needs::These(&["sub"]), json!({})).await.0.partial);
    assert!(began.elapsed() < Duration::from_secs(3));
    let (claims, _) = with(Needs::These(&["sub", "name"]), json!({})).await;
    assert!((5..9).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!((claims.may_lack("name"), claims.may_lack("sub")), (Some("name"), None));
    assert_eq!(claims.may_lack("email"), Some("email_verified"));
    // An address that is not called is as good as one that does not answer; none is none.
    for (at, partial) in
        [(json!("http://10.0.0.1/me"), true), (json!("x#y"), true), (json!(7), true), (json!(""), false)]
    {
        scene.fake.says(|m| {
            m["userinfo_endpoint"] = at.clone();
            m["id_token_signing_alg_values_supported"] = json!(["ES256"]);
        });
        scene.sso.look(&scene.provider).await.unwrap();
        assert_eq!(with(Needs::These(&["sub", "name"]), json!({})).await.0.partial, partial, "{at}");
        assert!(!with(Needs::These(&["sub"]), json!({})).await.0.partial, "{at}");
    }
}
