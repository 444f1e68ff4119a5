//! An identity provider on loopback: as much of OpenID Connect as a sign-in needs, and every lie that a test wants to be
//! told. People do not sign in at it; the test says who they are.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Map, Value, json};

pub const SECRET: &str = "s3cret-of-the-tests~.x";

/// What a code stands for.
struct Code {
    claims: Map<String, Value>,
    challenge: String,
    redirect: String,
}

struct Inner {
    issuer: String,
    key: EcdsaKeyPair,
    codes: Mutex<HashMap<String, Code>>,
    /// Requests so far: method and path.
    asked: Mutex<Vec<String>>,
    /// It answers nothing any more.
    down: AtomicBool,
    /// What userinfo answers, if there is any.
    userinfo: Mutex<Option<(u16, Value)>>,
    /// What the token endpoint answers whatever it is asked.
    refusal: Mutex<Option<(u16, Value)>>,
    /// The milliseconds that a code takes.
    takes: AtomicU64,
}

pub struct Provider(Arc<Inner>);

pub fn seconds() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

impl Provider {
    pub fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        let inner = Arc::new(Inner {
            issuer,
            key,
            codes: Mutex::default(),
            asked: Mutex::default(),
            down: AtomicBool::new(false),
            userinfo: Mutex::default(),
            refusal: Mutex::default(),
            takes: AtomicU64::new(0),
        });
        let serving = inner.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let inner = serving.clone();
                std::thread::spawn(move || inner.answer(stream));
            }
        });
        Provider(inner)
    }

    pub fn issuer(&self) -> String {
        self.0.issuer.clone()
    }

    /// From now on it hangs up.
    pub fn goes_down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    /// From now on it has userinfo, which answers so.
    pub fn has_userinfo(&self, status: u16, body: Value) {
        *self.0.userinfo.lock().unwrap() = Some((status, body));
    }

    /// From now on its token endpoint answers so.
    pub fn refuses_codes(&self, status: u16, body: Value) {
        *self.0.refusal.lock().unwrap() = Some((status, body));
    }

    /// From now on a code takes so many milliseconds.
    pub fn takes(&self, milliseconds: u64) {
        self.0.takes.store(milliseconds, Ordering::SeqCst);
    }

    /// How often something was asked whose line holds these words.
    pub fn asked(&self, words: &str) -> usize {
        self.0.asked.lock().unwrap().iter().filter(|l| l.contains(words)).count()
    }

    /// Somebody has signed in here: what a browser that came with this address is sent back to. The claims of the ID token
    /// are right unless these say otherwise; null leaves one out.
    pub fn signs_in(&self, address: &str, claims: Value) -> String {
        let query = self.query(address);
        let mut all = Map::new();
        for (name, value) in [
            ("iss", json!(self.0.issuer)),
            ("aud", json!(query["client_id"])),
            ("nonce", json!(query["nonce"])),
            ("iat", json!(seconds())),
            ("exp", json!(seconds() + 300)),
        ] {
            all.insert(name.to_owned(), value);
        }
        if query.contains_key("max_age") {
            all.insert("auth_time".to_owned(), json!(seconds()));
        }
        for (name, value) in claims.as_object().unwrap() {
            match value.is_null() {
                true => all.remove(name),
                false => all.insert(name.clone(), value.clone()),
            };
        }
        let code = scim_appliance::secret::random_text(20).unwrap();
        let of =
            Code { claims: all, challenge: query["code_challenge"].clone(), redirect: query["redirect_uri"].clone() };
        self.0.codes.lock().unwrap().insert(code.clone(), of);
        let more = form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", &query["state"])
            .finish();
        format!("{}?{more}", callback_path(&query))
    }

    /// The same when the provider refuses.
    pub fn refuses(&self, address: &str, error: &str, description: &str) -> String {
        let query = self.query(address);
        let more = form_urlencoded::Serializer::new(String::new())
            .append_pair("error", error)
            .append_pair("error_description", description)
            .append_pair("state", &query["state"])
            .finish();
        format!("{}?{more}", callback_path(&query))
    }

    /// What the browser was sent with, which is what it should be.
    pub fn query(&self, address: &str) -> HashMap<String, String> {
        let (to, query) = address.split_once('?').unwrap();
        assert_eq!(to, format!("{}/authorize", self.0.issuer));
        let query: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!((query["response_type"].as_str(), query["code_challenge_method"].as_str()), ("code", "S256"));
        assert!(
            query["scope"].split(' ').any(|s| s == "openid")
                && query["state"].len() >= 40
                && query["nonce"].len() >= 40
        );
        query
    }
}

fn callback_path(query: &HashMap<String, String>) -> String {
    let redirect = &query["redirect_uri"];
    let path = redirect.strip_prefix("http://127.0.0.1:").unwrap();
    format!("/{}", path.split_once('/').unwrap().1)
}

impl Inner {
    fn answer(&self, stream: TcpStream) -> Option<()> {
        if self.down.load(Ordering::SeqCst) {
            return None;
        }
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        self.asked.lock().unwrap().push(line.trim().to_owned());
        let (mut length, mut authorization) = (0, String::new());
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok()?,
                "authorization" => authorization = value.trim().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (status, body) = match line.split(' ').nth(1)?.split('?').next()? {
            "/.well-known/openid-configuration" => (200, self.metadata()),
            "/keys" => (200, self.keys()),
            "/token" => {
                std::thread::sleep(Duration::from_millis(self.takes.load(Ordering::SeqCst)));
                match self.refusal.lock().unwrap().clone() {
                    Some(refusal) => refusal,
                    None => self.token(&body, &authorization),
                }
            }
            "/me" => self.userinfo.lock().unwrap().clone()?,
            _ => (404, json!({})),
        };
        let body = body.to_string();
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .ok()
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}/{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "jwks_uri": at("keys"),
            "end_session_endpoint": at("end"),
            "userinfo_endpoint": self.userinfo.lock().unwrap().as_ref().map(|_| at("me")),
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
        })
    }

    fn keys(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| BASE64_URL_SAFE_NO_PAD.encode(&point[range]);
        json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": part(1..33), "y": part(33..65)}]})
    }

    fn token(&self, body: &[u8], authorization: &str) -> (u16, Value) {
        let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let wanted = BASE64_STANDARD.encode(format!("appliance:{}", encoded(SECRET)));
        if authorization != format!("Basic {wanted}") {
            return (401, json!({"error": "invalid_client"}));
        }
        // A code is good once.
        let Some(code) = self.codes.lock().unwrap().remove(form.get("code").map_or("", String::as_str)) else {
            return (400, json!({"error": "invalid_grant"}));
        };
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(scim_appliance::secret::digest_of(&form["code_verifier"]));
        if challenge != code.challenge || form["redirect_uri"] != code.redirect {
            return (400, json!({"error": "invalid_grant"}));
        }
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "1"})), part(&Value::Object(code.claims)));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        let token = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref()));
        (200, json!({"token_type": "Bearer", "access_token": "opaque", "id_token": token}))
    }
}
