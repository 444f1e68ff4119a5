//! A provider that does what it is told, for better or worse.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::secret::signature::signing::SigningKey;

/// What stands at a path.
#[derive(Clone)]
pub(in crate::sso) struct Page {
    pub(in crate::sso) status: u16,
    pub(in crate::sso) kind: &'static str,
    pub(in crate::sso) body: String,
    pub(in crate::sso) pause: Duration,
    /// Given once, `invalid_grant` after that.
    pub(in crate::sso) once: bool,
}

impl Page {
    pub(in crate::sso) fn new(status: u16, body: impl ToString) -> Page {
        Page { status, kind: "application/json", body: body.to_string(), pause: Duration::ZERO, once: false }
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(in crate::sso) struct Heard {
    pub(in crate::sso) path: String,
    /// In lower-case but for its values.
    pub(in crate::sso) headers: HashMap<String, String>,
    pub(in crate::sso) body: String,
}

#[derive(Clone)]
pub(in crate::sso) struct Fake {
    pub(in crate::sso) issuer: String,
    pages: Arc<Mutex<HashMap<String, Page>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
    /// Where it wants the client secret at `/token`: in the header, or in the form. None: it does not look.
    wants_header: Arc<Mutex<Option<bool>>>,
}

impl Fake {
    /// A provider with metadata and one key, of this algorithm and with the id `one`.
    pub(in crate::sso) async fn start(key: &SigningKey, algorithm: &str) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let fake = Fake { issuer, pages: Arc::default(), heard: Arc::default(), wants_header: Arc::default() };
        fake.says(|metadata| metadata["id_token_signing_alg_values_supported"] = json!(["none", "HS256", algorithm]));
        fake.shows(&[key.jwk("one", algorithm)]);
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, serving.clone()));
            }
        });
        fake
    }

    pub(in crate::sso) fn put(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    pub(in crate::sso) fn page(&self, path: &str) -> Page {
        self.pages.lock().unwrap()[path].clone()
    }

    pub(in crate::sso) fn wants_header(&self, wants: Option<bool>) {
        *self.wants_header.lock().unwrap() = wants;
    }

    /// Metadata as it should be, and then changed.
    pub(in crate::sso) fn says(&self, change: impl FnOnce(&mut Value)) {
        let issuer = &self.issuer;
        let mut metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "end_session_endpoint": format!("{issuer}/out?tenant=1"),
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "email"],
        });
        change(&mut metadata);
        if let Some(members) = metadata.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        self.put("/.well-known/openid-configuration", Page::new(200, metadata));
    }

    pub(in crate::sso) fn shows(&self, keys: &[Value]) {
        self.put("/keys", Page::new(200, json!({ "keys": keys })));
    }

    /// Gives this for the next code.
    pub(in crate::sso) fn gives(&self, id_token: &str) {
        let tokens = json!({"access_token": "access-secret", "token_type": "bearer", "id_token": id_token});
        self.put("/token", Page { once: true, ..Page::new(200, tokens) });
    }

    /// The requests of a path.
    pub(in crate::sso) fn heard(&self, path: &str) -> Vec<Heard> {
        self.heard.lock().unwrap().iter().filter(|h| h.path == path).cloned().collect()
    }
}

async fn answer(mut stream: TcpStream, fake: Fake) {
    let mut text = Vec::new();
    let (head, length) = loop {
        let mut block = [0; 8192];
        match stream.read(&mut block).await {
            Ok(read) if read > 0 => text.extend_from_slice(&block[..read]),
            _ => return,
        }
        let whole = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let lower = head.to_ascii_lowercase();
        let length = lower.split("content-length: ").nth(1).map_or(0, |l| l.lines().next().unwrap().parse().unwrap());
        if body.len() >= length {
            break (head.to_owned(), body.to_owned());
        }
    };
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let headers = head.lines().skip(1).filter_map(|l| l.split_once(": "));
    let headers: HashMap<String, String> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let wants = *fake.wants_header.lock().unwrap();
    let is_believed = path != "/token" || wants.is_none_or(|header| header == headers.contains_key("authorization"));
    fake.heard.lock().unwrap().push(Heard { path: path.clone(), headers, body: length });
    let page = if !is_believed {
        Page::new(401, json!({"error": "invalid_client"}))
    } else {
        let mut pages = fake.pages.lock().unwrap();
        let page = pages.get(&path).cloned().unwrap_or_else(|| Page::new(404, "not here"));
        if page.once {
            pages.insert(path, Page::new(400, json!({"error": "invalid_grant"})));
        }
        page
    };
    tokio::time::sleep(page.pause).await;
    let head =
        format!("HTTP/1.1 {} X\r\ncontent-type: {}\r\ncontent-length: {}\r\n", page.status, page.kind, page.body.len());
    let _ = stream.write_all(format!("{head}location: /elsewhere\r\n\r\n{}", page.body).as_bytes()).await;
}

/// An ID token of a header and claims, as text or as JSON.
pub(in crate::sso) fn token(key: &SigningKey, algorithm: &str, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let signed = key.sign(algorithm, &message);
    format!("{message}.{signed}")
}
