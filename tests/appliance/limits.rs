//! How often, how much at a time, and how much of the log: bounds that hold for everybody together.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::hostile::{is_scim_error, user};
use crate::support::http::Connection;
use crate::support::{Answer, Appliance};
use crate::wire::{PATIENCE, exchange, plain};

const INFO: &str = "[listen]\naddress = \"127.0.0.1:0\"\n";

/// Many requests with one value of Authorization over one connection.
struct Guesser(Connection);

impl Guesser {
    fn at(appliance: &Appliance) -> Guesser {
        Guesser(Connection::open(appliance.port).unwrap())
    }

    fn tries(&mut self, authorization: &str) -> Answer {
        self.0.send("GET", "/scim/v2/Users", &[("Authorization", authorization)], None).unwrap()
    }
}

/// 429 with the seconds to wait.
fn seconds(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 429, "{}", answer.body);
    is_scim_error(answer).unwrap();
    let seconds = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
    seconds
}

/// Of the right form, and of this public id if there is one; but no token of ours.
fn forged(id: &str) -> String {
    let body = format!("{id}_{}", "x".repeat(43));
    let mut sum = u64::from(crc32fast::hash(body.as_bytes()));
    let digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".as_bytes();
    let mut checksum = [0; 6];
    for place in checksum.iter_mut().rev() {
        *place = digits[usize::try_from(sum % 62).unwrap()];
        sum /= 62;
    }
    format!("scimapp_{body}{}", std::str::from_utf8(&checksum).unwrap())
}

fn public_id(token: &str) -> &str {
    token.split('_').nth(1).unwrap()
}

#[test]
fn bad_tokens_are_limited_and_good_ones_from_the_same_address_go_through() {
    let appliance = Appliance::start();
    let good = format!("Bearer {}", appliance.token);
    let revoked = String::from_utf8(appliance.command(&["token", "create", "--name", "old"]).stdout).unwrap();
    let revoked = revoked.trim();
    assert!(appliance.command(&["token", "revoke", public_id(revoked)]).status.success());
    let bad = [
        "Bearer nonsense".to_owned(),
        format!("Bearer {}", forged("AAAAAAAA")),
        format!("Bearer {}", forged(public_id(&appliance.token))),
        format!("Bearer {revoked}"),
        "Basic YTpi".to_owned(),
    ];
    let mut guesser = Guesser::at(&appliance);
    let statuses: Vec<u16> = (0..60).map(|i| guesser.tries(&bad[i % bad.len()]).status).collect();
    assert!(statuses[..20].iter().all(|s| *s == 401), "{statuses:?}");
    // A slow machine gives some of the burst back in the meantime.
    assert!(statuses[20..].iter().filter(|s| **s == 429).count() >= 20, "{statuses:?}");
    for bad in &bad {
        let mut answers: Vec<Answer> = (0..3).map(|_| guesser.tries(bad)).collect();
        answers.retain(|a| a.status == 429);
        assert!(answers.len() >= 2, "{bad}");
        // Which of them it was cannot be told from outside.
        assert_eq!(answers[0].body, answers[1].body);
        assert!(seconds(&answers[0]) <= 2);
        assert_eq!(guesser.tries(&good).status, 200, "a good token after {bad}");
    }
    // Whoever shows nothing is asked for a token, however often: that is how some clients begin.
    for _ in 0..30 {
        assert_eq!(appliance.send("GET", "/scim/v2/Users", &[], None).status, 401);
    }
    // A token that is made under siege is known within a second or two.
    let new = appliance.command(&["token", "create", "--name", "new"]);
    assert!(new.status.success(), "{new:?}");
    let new = format!("Bearer {}", String::from_utf8(new.stdout).unwrap().trim());
    let made = Instant::now();
    while guesser.tries(&new).status != 200 {
        assert!(made.elapsed() < Duration::from_secs(10), "the new token is never let in");
        guesser.tries(&bad[0]);
    }
    // Time heals, and a revoked token stays out under siege too.
    assert!(appliance.command(&["token", "revoke", public_id(new.trim_start_matches("Bearer "))]).status.success());
    (0..30).for_each(|_| drop(guesser.tries(&bad[0])));
    assert_ne!(guesser.tries(&new).status, 200);
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(guesser.tries(&bad[0]).status, 401);
}

#[test]
fn the_limit_on_bad_tokens_is_configured_and_can_be_off() {
    let few = Appliance::with_config("[limits]\nbad_token_burst = 3\nbad_tokens_per_second = 1000\n");
    let none = Appliance::with_config("[limits]\nbad_token_burst = 0\n");
    let mut guesser = Guesser::at(&few);
    (0..3).for_each(|_| assert_eq!(guesser.tries("Bearer x").status, 401));
    std::thread::sleep(Duration::from_millis(20));
    (0..3).for_each(|_| assert_eq!(guesser.tries("Bearer x").status, 401, "they come back fast"));
    let mut guesser = Guesser::at(&none);
    (0..200).for_each(|_| assert_eq!(guesser.tries("Bearer x").status, 401));
}

/// Over HTTP/2 the same address has the same limit.
#[test]
fn one_limit_holds_for_both_versions_of_http() {
    let appliance = Appliance::start();
    let mut guesser = Guesser::at(&appliance);
    (0..40).for_each(|_| drop(guesser.tries("Bearer x")));
    crate::http2::run(async {
        let mut peer = crate::http2::Peer::open(&appliance).await;
        let headers = [("authorization", "Bearer y")];
        let mut statuses = Vec::new();
        for _ in 0..5 {
            statuses.push(peer.ask("GET", "/scim/v2/Users", &headers, None).await.unwrap().status);
        }
        assert!(statuses.contains(&429), "{statuses:?}");
        assert_eq!(peer.get("/scim/v2/Users").await.status, 200);
    });
}

/// As fast as it can for a while: what an identity provider does at the first assignment.
#[test]
fn a_burst_of_an_identity_provider_is_not_limited() {
    let appliance = Appliance::start();
    let good = format!("Bearer {}", appliance.token);
    let mut connection = Guesser::at(&appliance);
    // 50 a second for a minute, in less than a minute.
    for i in 0..3000 {
        assert_eq!(connection.tries(&good).status, 200, "request {i}");
    }
}

#[test]
fn good_tokens_are_limited_one_by_one_if_the_owner_says_so() {
    let appliance = Appliance::with_config("[limits]\nrequests_per_second = 50\n[tokens]\nmax_live = 3\n");
    let good = format!("Bearer {}", appliance.token);
    let other = appliance.command(&["token", "create", "--name", "other"]);
    let other = format!("Bearer {}", String::from_utf8(other.stdout).unwrap().trim());
    let mut connection = Guesser::at(&appliance);
    let begun = Instant::now();
    let mut passed = 0;
    let limited = loop {
        let answer = connection.tries(&good);
        match answer.status {
            200 => passed += 1,
            _ => break answer,
        }
        assert!(begun.elapsed() < PATIENCE, "{passed} requests passed");
    };
    assert!(passed >= 500, "{passed} passed at once");
    assert_eq!(seconds(&limited), 1);
    let write = exchange(
        appliance.port,
        &plain("POST", "/scim/v2/Users", &[("Authorization", &good)], user("limited").to_string().as_bytes()),
        PATIENCE,
    );
    // A write may find a place that time has made free; if not, nothing of it is there.
    assert!(matches!(write.unwrap().status, 201 | 429));
    assert_eq!(connection.tries(&other).status, 200, "another token");
    assert_eq!(connection.tries("Bearer x").status, 401, "no token");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(connection.tries(&good).status, 200, "time heals");
}

/// Whoever has no token cannot fill the disk with lines about himself.
#[test]
fn the_log_of_refused_strangers_is_bounded() {
    let mut appliance = Appliance::with_whole_config(INFO);
    let before = appliance.log().lines().count();
    let forged = format!("Bearer {}", forged("BBBBBBBB"));
    let mut guesser = Guesser::at(&appliance);
    for _ in 0..700 {
        guesser.tries("Bearer x");
        guesser.tries(&forged);
        guesser.0.send("GET", "/scim/v2/Users", &[], None).unwrap();
        guesser.0.send("DELETE", "/healthz", &[], None).unwrap();
        let _ = exchange(appliance.port, b"nonsense\r\n\r\n", PATIENCE);
    }
    assert_eq!(appliance.terminate().code(), Some(0));
    let log = appliance.log();
    let lines = log.lines().count() - before;
    assert!(lines < 300, "3500 requests of strangers left {lines} lines");
    assert!(log.contains("cause=") && log.contains("address=127.0.0.1"), "the first ones are told about: {log}");
    let left_out: usize = log.lines().filter_map(|l| l.split("unwritten=").nth(1)?.trim().parse::<usize>().ok()).sum();
    assert!(left_out > 1000, "and the rest is counted: {log}");
}

#[test]
fn a_token_in_the_url_is_refused_and_no_line_of_the_log_holds_it() {
    let mut appliance = Appliance::start();
    let token = appliance.token.clone();
    let good = format!("Bearer {token}");
    for target in [
        format!("/scim/v2/Users?access_token={token}"),
        format!("/scim/v2/Users?token={token}"),
        format!("/scim/v2/Users?x={token}&count=1"),
        "/scim/v2/Users?access_token=anything".into(),
        format!("/healthz/{token}"),
        format!("/scim/v2/Users/{token}"),
        format!("/{token}"),
    ] {
        let without = appliance.send("GET", &target, &[("User-Agent", &token)], None);
        assert_eq!(without.status, 401, "{target}");
        let with = appliance.send("GET", &target, &[("Authorization", &good), ("User-Agent", &token)], None);
        assert_eq!(with.status, if target.contains('?') { 400 } else { 404 }, "{target}");
        is_scim_error(&with).unwrap();
        let post = appliance.send("POST", &target, &[("Authorization", &good)], Some(b"{}"));
        assert!(matches!(post.status, 400 | 404 | 405), "{target}: {}", post.status);
    }
    let listed = appliance.command(&["token", "list", "--json"]);
    appliance.terminate();
    let secret = token.rsplit('_').next().unwrap();
    assert!(!appliance.log().contains(secret), "{}", appliance.log());
    assert!(!String::from_utf8(listed.stdout).unwrap().contains(secret));
}

/// The bodies of all requests together have a bound; what is refused changes nothing, and room is given back.
#[test]
fn bodies_in_flight_share_a_bound() {
    let appliance = Appliance::with_config("[limits]\nbody_bytes = 1048576\nbodies_bytes = 1048576\n");
    let head = |length: usize| {
        format!(
            "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {length}\r\n\r\n",
            appliance.token
        )
    };
    let spread = |name: &str, size: usize| {
        let mut body = user(name).to_string();
        body.push_str(&" ".repeat(size - body.len()));
        body
    };
    let send = |body: &str| {
        let bearer = format!("Bearer {}", appliance.token);
        let request = plain("POST", "/scim/v2/Users", &[("Authorization", &bearer)], body.as_bytes());
        exchange(appliance.port, &request, PATIENCE).unwrap()
    };
    let large = spread("large", 600_000);
    let begun = Instant::now();
    let (holder, refused) = loop {
        let mut holder = TcpStream::connect(("127.0.0.1", appliance.port)).unwrap();
        holder.write_all(head(1_048_576).as_bytes()).unwrap();
        holder.write_all(&vec![b' '; 900_000]).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        // Of two that grow at the same time both may be refused; who stays so does not share with anybody.
        let (first, second) = (send(&large), send(&large));
        if (first.status, second.status) == (503, 503) {
            break (holder, second);
        }
        assert!(begun.elapsed() < PATIENCE, "there is always room: {} {}", first.status, second.status);
    };
    is_scim_error(&refused).unwrap();
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(send(&spread("small", 2_000)).status, 201, "there is room for a small one");
    assert_eq!(send(&spread("refused", 600_000)).status, 503);
    let found = appliance.get("/Users?filter=userName+eq+\"hostile-refused@example.com\"").json();
    assert_eq!(found["totalResults"], json!(0));
    drop(holder);
    let begun = Instant::now();
    while send(&spread("after", 600_000)).status != 201 {
        assert!(begun.elapsed() < Duration::from_secs(10), "room is not given back");
    }
    // Many one after the other need no more room than one.
    for i in 0..20 {
        assert_eq!(send(&spread(&format!("again{i}"), 600_000)).status, 201);
    }
}

/// A body without an end is counted while it comes in, and what is too much is not kept.
#[test]
fn an_endless_body_is_cut_off() {
    let appliance = Appliance::with_config("[limits]\nbody_bytes = 65536\n");
    let mut stream = TcpStream::connect(("127.0.0.1", appliance.port)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        appliance.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 65_536], b"\r\n"].concat();
    let begun = Instant::now();
    let mut sent = 0;
    while stream.write_all(&chunk).is_ok() {
        sent += 65_536;
        assert!(begun.elapsed() < PATIENCE && sent < 1 << 30, "{sent} bytes were taken");
    }
    assert_eq!(appliance.get("/Users").status, 200);
}

/// A client can ask for much with little and take none of it: what waits is bounded over all connections. What was changed
/// is never answered as refused.
#[test]
fn answers_in_flight_share_a_bound() {
    let appliance = Appliance::with_config("[limits]\nanswers_bytes = 20971520\n");
    let numbers: Vec<serde_json::Value> =
        (0..100).map(|i| json!({"value": format!("{i}{}", "5".repeat(60_000))})).collect();
    let mut paths = Vec::new();
    for i in 0..3 {
        let made = appliance.post("/Users", json!({"userName": format!("u{i}"), "phoneNumbers": numbers}));
        assert_eq!(made.status, 201);
        paths.push(format!("/Users/{}", made.json()["id"].as_str().unwrap()));
    }
    // More than the buffers of a connection hold.
    assert!(appliance.get("/Users").body.len() > 18_000_000);
    let request =
        format!("GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", appliance.token);
    let mut deaf = TcpStream::connect(("127.0.0.1", appliance.port)).unwrap();
    deaf.write_all(request.as_bytes()).unwrap();
    let begun = Instant::now();
    let refused = loop {
        let refused = appliance.get(&paths[0]);
        if refused.status == 503 {
            break refused;
        }
        assert!(begun.elapsed() < PATIENCE, "there is always room");
    };
    is_scim_error(&refused).unwrap();
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(appliance.post("/Users/.search", json!({"count": 3})).status, 503);
    let patch = |title: &str| {
        let operation = json!({"op": "replace", "path": "title", "value": title});
        appliance.patch(&paths[0], json!({"Operations": [operation]}))
    };
    let patched = patch("Dr");
    assert_eq!((patched.status, patched.body.as_str()), (204, ""));
    assert!(patched.header("etag").is_some() && patched.header("content-type").is_none());
    assert_eq!(
        appliance.get(&format!("{}?attributes=title", paths[0])).json()["title"],
        json!("Dr"),
        "small ones pass"
    );
    assert_eq!(appliance.post("/Users", json!({"userName": "u9", "phoneNumbers": numbers})).status, 201);
    drop(deaf);
    let begun = Instant::now();
    while appliance.get(&paths[0]).status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "room is not given back");
    }
    assert_eq!(patch("Prof").status, 200);
}
