//! HTTP/2 with prior knowledge on the port of HTTP/1 (RFC 9113 §3.3): the same answers, and every promise that holds for
//! HTTP/1.

mod frames;
mod limits;

use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use hyper::{Request, Version};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::hostile::is_scim_error;
use crate::support::{Answer, Appliance};
use crate::wire::PATIENCE;

/// A connection of a client that has read the RFC.
pub struct Peer {
    pub send: SendRequest<Bytes>,
    pub ended: JoinHandle<Result<(), h2::Error>>,
    bearer: String,
}

impl Peer {
    pub async fn open(appliance: &Appliance) -> Peer {
        let socket = TcpStream::connect(("127.0.0.1", appliance.port)).await.unwrap();
        Peer::over(socket, &appliance.token).await
    }

    pub async fn over(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, token: &str) -> Peer {
        let (send, connection) = h2::client::handshake(socket).await.unwrap();
        Peer { send, ended: tokio::spawn(connection), bearer: format!("Bearer {token}") }
    }

    /// Sends a request with the token, unless the headers hold another one.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Answer, h2::Error> {
        self.send = self.send.clone().ready().await?;
        let mut request = Request::builder().method(method).uri(format!("http://127.0.0.1{path}"));
        request = request.version(Version::HTTP_2);
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", &self.bearer);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let (answer, mut sending) = self.send.send_request(request, body.is_none())?;
        if let Some(body) = body {
            sending.send_data(body, true)?;
        }
        let (head, mut body) = answer.await?.into_parts();
        let mut read = Vec::new();
        while let Some(data) = body.data().await {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            read.extend_from_slice(&data);
        }
        let text = |v: &hyper::header::HeaderValue| v.to_str().unwrap().to_owned();
        let headers = head.headers.iter().map(|(n, v)| (n.to_string(), text(v))).collect();
        Ok(Answer { status: head.status.as_u16(), headers, body: String::from_utf8(read).unwrap() })
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], None).await.unwrap()
    }
}

/// Runs a test that speaks HTTP/2.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(2 * PATIENCE, test).await.unwrap() });
}

fn user(name: &str) -> Bytes {
    let schema = "urn:ietf:params:scim:schemas:core:2.0:User";
    Bytes::from(json!({"schemas": [schema], "userName": name}).to_string())
}

#[test]
fn the_whole_life_of_a_user_on_one_connection() {
    let appliance = Appliance::start();
    run(async {
        let mut peer = Peer::open(&appliance).await;
        let typed = [("content-type", "application/scim+json")];
        let made = peer.ask("POST", "/scim/v2/Users", &typed, Some(user("ada@example.com"))).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.body);
        let path = format!("/scim/v2/Users/{}", made.json()["id"].as_str().unwrap());
        assert!(made.header("location").unwrap().ends_with(&path));
        let operations = json!([{"op": "replace", "path": "title", "value": "Countess"}]);
        let patch = Bytes::from(json!({"Operations": operations}).to_string());
        let patched = peer.ask("PATCH", &path, &typed, Some(patch)).await.unwrap();
        assert_eq!((patched.status, &patched.json()["title"]), (200, &json!("Countess")));
        let found = peer.get("/scim/v2/Users?filter=userName%20eq%20%22ADA@example.com%22").await;
        assert_eq!((found.status, &found.json()["totalResults"]), (200, &json!(1)));
        assert_eq!(peer.ask("DELETE", &path, &[], None).await.unwrap().status, 204);
        assert_eq!(peer.get(&path).await.status, 404);
    });
}

/// Apart from its date and its id an answer does not depend on the version of HTTP.
#[test]
fn both_versions_give_the_same_answers() {
    let appliance = Appliance::start();
    let made = appliance.post("/Users", json!({"userName": "same@example.com"})).json();
    let path = format!("/scim/v2/Users/{}", made["id"].as_str().unwrap());
    let bearer = format!("Bearer {}", appliance.token);
    run(async {
        let mut peer = Peer::open(&appliance).await;
        for (method, target, authorization) in [
            ("GET", path.as_str(), bearer.as_str()),
            ("HEAD", &path, &bearer),
            ("OPTIONS", &path, &bearer),
            ("GET", "/scim/v2/Users", &bearer),
            ("GET", "/scim/v2/ServiceProviderConfig", &bearer),
            ("GET", "/scim/v2/Users/nobody", &bearer),
            ("DELETE", "/scim/v2/Users", &bearer),
            ("GET", "/scim/v2/Users?count=x", &bearer),
            ("GET", "/scim/v2/Users", "Bearer x"),
            ("HEAD", "/scim/v2/Users", "Bearer x"),
            ("TRACE", "/scim/v2/Users", &bearer),
            ("BREW", "/scim/v2/Users", &bearer),
            ("GET", "/healthz", "none"),
        ] {
            let headers = [("authorization", authorization)];
            let two = peer.ask(method, target, &headers, None).await.unwrap();
            let one = appliance.send(method, target, &headers, None);
            let comparable = |answer: &Answer| {
                let mut headers = answer.headers.clone();
                headers.retain(|(n, _)| !matches!(n.as_str(), "date" | "x-request-id" | "connection"));
                headers.sort();
                (answer.status, headers, answer.body.clone())
            };
            assert_eq!(comparable(&one), comparable(&two), "{method} {target}");
            if two.status >= 400 && method != "HEAD" {
                is_scim_error(&two).unwrap();
            }
        }
    });
}

#[test]
fn a_hundred_requests_at_a_time_share_a_connection() {
    let appliance = Appliance::start();
    run(async {
        let mut peer = Peer::open(&appliance).await;
        assert_eq!(peer.get("/scim/v2/Users").await.status, 200);
        assert_eq!(peer.send.current_max_send_streams(), 100);
        let asking: Vec<_> = (0..100)
            .map(|i| {
                let mut peer = Peer {
                    send: peer.send.clone(),
                    ended: tokio::spawn(async { Ok(()) }),
                    bearer: peer.bearer.clone(),
                };
                tokio::spawn(async move {
                    let body = user(&format!("many{i}@example.com"));
                    peer.ask("POST", "/scim/v2/Users", &[], Some(body)).await.unwrap().status
                })
            })
            .collect();
        for asked in asking {
            assert_eq!(asked.await.unwrap(), 201);
        }
        assert_eq!(peer.get("/scim/v2/Users?count=0").await.json()["totalResults"], json!(100));
    });
}

/// A long answer comes in portions, as the client makes room for it, and whole.
#[test]
fn a_long_answer_is_whole() {
    let appliance = Appliance::start();
    let title = "x".repeat(30_000);
    for i in 0..40 {
        let made = appliance.post("/Users", json!({"userName": format!("long{i}@example.com"), "title": title}));
        assert_eq!(made.status, 201);
    }
    let one = appliance.get("/Users?count=40");
    run(async {
        let mut peer = Peer::open(&appliance).await;
        let two = peer.get("/scim/v2/Users?count=40").await;
        assert!(two.body.len() > 1_200_000 && two.body == one.body);
        assert_eq!(two.header("content-length"), Some(two.body.len().to_string().as_str()));
    });
}

/// Whoever has nothing to do leaves at once; whoever waits for an answer gets it; then the server ends.
#[test]
fn a_stop_says_goodbye_and_finishes_what_is_under_way() {
    let mut appliance = Appliance::start();
    let pid = appliance.pid();
    run(async {
        let mut idle = Peer::open(&appliance).await;
        assert_eq!(idle.get("/scim/v2/Users").await.status, 200);
        let mut busy = Peer::open(&appliance).await;
        assert_eq!(busy.get("/scim/v2/Users").await.status, 200);
        let request =
            Request::post("http://127.0.0.1/scim/v2/Users").header("authorization", &busy.bearer).body(()).unwrap();
        let (answer, mut sending) = busy.send.send_request(request, false).unwrap();
        let body = user("last@example.com");
        sending.send_data(body.slice(..10), false).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        // A GOAWAY without an error: the connection ends well.
        idle.ended.await.unwrap().unwrap();
        sending.send_data(body.slice(10..), true).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status().as_u16(), 201);
        let mut rest = answer.into_body();
        let data = rest.data().await.unwrap().unwrap();
        let made: Value = serde_json::from_slice(&data).unwrap();
        assert_eq!(made["userName"], json!("last@example.com"));
        drop((rest, sending, busy.send));
        busy.ended.await.unwrap().unwrap();
    });
    assert_eq!(appliance.terminate().code(), Some(0), "{}", appliance.log());
}
