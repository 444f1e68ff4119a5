mod proxy;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// What a server does with a connection, besides reading one request.
#[derive(Clone, Copy)]
enum Does {
    /// Says this, and closes.
    Says(&'static str),
    /// Says this, and then the other for ever, with a pause between.
    Drips(&'static str, &'static str, Duration),
    /// Says nothing.
    Nothing,
}

async fn speak(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, does: Does, heard: Arc<Mutex<String>>) {
    let mut request = vec![0; 65536];
    let length = stream.read(&mut request).await.unwrap_or(0);
    heard.lock().unwrap().push_str(&String::from_utf8_lossy(&request[..length]));
    match does {
        Does::Says(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Does::Drips(first, then, pause) => {
            let mut ok = stream.write_all(first.as_bytes()).await.is_ok();
            let then = if pause.is_zero() { then.repeat(64) } else { then.to_owned() };
            while ok {
                tokio::time::sleep(pause).await;
                ok = stream.write_all(then.as_bytes()).await.is_ok() && stream.flush().await.is_ok();
            }
        }
        Does::Nothing => tokio::time::sleep(Duration::from_secs(60)).await,
    }
}

struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<String>>,
    connections: Arc<AtomicUsize>,
}

async fn server(does: Does, tls: Option<TlsAcceptor>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(String::new()));
    let connections = Arc::new(AtomicUsize::new(0));
    let (said, counted) = (heard.clone(), connections.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let (tls, heard) = (tls.clone(), said.clone());
            tokio::spawn(async move {
                match tls {
                    None => speak(stream, does, heard).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            speak(stream, does, heard).await;
                        }
                    }
                }
            });
        }
    });
    Server { address, heard, connections }
}

fn here() -> Policy {
    Policy { allow: vec!["127.0.0.0/8".parse().unwrap()], ca_file: None, allow_http: true, proxy: None }
}

fn client(policy: Policy) -> Outbound {
    Outbound::new(policy).unwrap()
}

async fn get(client: &Outbound, url: &str) -> Result<Response<Bytes>, OutboundError> {
    client.send(Request::get(url).body(Bytes::new()).unwrap()).await
}

async fn asked(does: Does) -> Result<Response<Bytes>, OutboundError> {
    let server = server(does, None).await;
    get(&client(here()).impatient(), &format!("http://{}/secret-path?token=secret", server.address)).await
}

fn sentence(answer: Result<Response<Bytes>, OutboundError>) -> String {
    let error = answer.map(|a| a.status()).unwrap_err();
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("secret"), "{shown}");
    }
    error.to_string()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn an_answer_is_read_whole_and_the_request_is_ours() {
    let server = server(Does::Says(OK), None).await;
    let request = Request::post(format!("http://{}/a?b=c", server.address))
        .header("accept-encoding", "gzip")
        .header("host", "elsewhere.example")
        .header("transfer-encoding", "chunked")
        .header("content-length", "7")
        .header("authorization", "Basic x")
        .body(Bytes::from_static(b"body"))
        .unwrap();
    let answer = client(here()).send(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, &b"{}"[..]));
    let heard = server.heard.lock().unwrap().to_ascii_lowercase();
    assert!(heard.starts_with("post /a?b=c http/1.1\r\n") && heard.ends_with("\r\n\r\nbody"), "{heard}");
    for line in [
        format!("host: {}", server.address),
        "content-length: 4".into(),
        "connection: close".into(),
        "accept-encoding: identity".into(),
        "authorization: basic x".into(),
        format!("user-agent: scim-appliance/{}", env!("CARGO_PKG_VERSION")),
    ] {
        assert_eq!(heard.matches(&format!("\r\n{line}\r\n")).count(), 1, "{line} in {heard}");
    }
    assert!(!heard.contains("gzip") && !heard.contains("elsewhere") && !heard.contains("chunked"), "{heard}");
}

#[tokio::test]
async fn an_answer_that_ends_with_the_connection_or_in_chunks_is_read_too() {
    for text in [
        "HTTP/1.1 400 Bad\r\n\r\nuntil the end",
        "HTTP/1.1 400 Bad\r\ntransfer-encoding: chunked\r\n\r\n5\r\nuntil\r\n8\r\n the end\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad\r\ncontent-encoding: identity\r\n\r\nuntil the end",
    ] {
        let answer = asked(Does::Says(text)).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (400, &b"until the end"[..]));
    }
}

#[tokio::test]
async fn what_a_hostile_server_says_is_an_error_in_time() {
    let pause = Duration::from_millis(20);
    for (does, word) in [
        (Does::Nothing, "took too long"),
        (Does::Drips("HTTP/1.1 200 OK\r\n", "a: b\r\n", pause), "took too long"),
        (Does::Drips("HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n", "x", pause), "took too long"),
        (Does::Drips("HTTP/1.1 200 OK\r\n\r\n", "x", pause), "took too long"),
        (Does::Drips("HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n", pause), "took too long"),
        (Does::Drips("HTTP/1.1 200 OK\r\n\r\n", BLOCK, Duration::ZERO), "more than 65536 bytes"),
        (
            Does::Drips("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", CHUNK, Duration::ZERO),
            "more than 65536 bytes",
        ),
        (Does::Says("HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n"), "more than 65536 bytes"),
        (Does::Drips("HTTP/1.1 200 OK\r\na: ", BLOCK, Duration::ZERO), "headers"),
        (Does::Drips("HTTP/1.1 200 OK\r\n", "a: b\r\n", Duration::ZERO), "headers"),
        (Does::Says("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort"), "hung up"),
        (Does::Says(""), "hung up"),
        (Does::Says("SSH-2.0-OpenSSH_9.2\r\n"), "is it an HTTP server"),
        (Does::Says("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\nx"), "compressed"),
        (Does::Says("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), "HTTP"),
        (
            Does::Says("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/secret\r\n\r\n"),
            "redirect (status 302 to 169.254.169.254)",
        ),
        (Does::Says("HTTP/1.1 307 Moved\r\nlocation: /secret\r\n\r\n"), "redirect (status 307)"),
        (Does::Says("HTTP/1.1 304 Not Modified\r\n\r\n"), "redirect (status 304)"),
    ] {
        let began = Instant::now();
        let said = sentence(asked(does).await);
        assert!(said.contains(word) && said.starts_with("127.0.0.1:"), "{word:?}: {said}");
        assert!(began.elapsed() < Duration::from_secs(5), "{word}");
    }
}

const BLOCK: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
const CHUNK: &str = "20\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";

#[tokio::test]
async fn only_urls_that_are_meant_are_called() {
    let https = Outbound::new(Policy::default()).unwrap();
    for (url, word) in [
        ("http://idp.example/", "https://"),
        ("ftp://idp.example/", "https://"),
        ("/only/a/path", "not complete"),
        ("idp.example", "not complete"),
        ("https://user:secret@idp.example/", "user name"),
        ("https://secret@idp.example/", "user name"),
        ("https://idp.example:0/", "port"),
        ("https://idp.example:99999/", "port"),
        ("https://idp.example:/", "port"),
        ("https:// idp.example/", "cannot be read"),
        (&format!("https://{}/", "a".repeat(300)), "too long"),
        ("https:///path", "cannot be read"),
        ("", "cannot be read"),
    ] {
        let said = https.check(url).unwrap_err().to_string();
        assert!(said.contains(word) && !said.contains("secret"), "{url:?} gives {said:?}");
    }
    for url in ["https://idp.example", "https://IDP.example:8443/a?b", "https://[2001:db8::1]:1/", "https://10.0.0.1/"]
    {
        https.check(url).unwrap();
    }
    assert!(client(here()).check("http://idp.example/").is_ok());
}

#[tokio::test]
async fn addresses_are_judged_however_they_are_written() {
    let client = client(Policy { allow_http: true, ..Policy::default() });
    for url in [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://0.0.0.0/",
        "https://0/",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/",
        "https://10.0.0.1/",
        "https://[fe80::1]/",
        "https://192.168.0.1:8443/",
        "https://100.64.0.1/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://localhost/",
        "https://LOCALHOST./",
        "http://127.0.0.1/",
        "http://1.1.1.1/",
        "https://1.1.1.1:25/",
        "https://1.1.1.1:22/",
    ] {
        let said = sentence(get(&client, url).await);
        assert!(said.contains("is not reached") || said.contains("has no address"), "{url}: {said}");
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_its_good_addresses_alone_are_connected_to() {
    let server = server(Does::Says(OK), None).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let rebinding = move |_: &str| -> Vec<IpAddr> {
        // The second answer would lead elsewhere.
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => vec!["169.254.169.254".parse().unwrap(), "10.9.9.9".parse().unwrap(), "127.0.0.1".parse().unwrap()],
            _ => vec!["127.0.0.2".parse().unwrap()],
        }
    };
    let client = Outbound { names: Names::Told(Arc::new(rebinding)), ..client(here()) };
    let url = format!("http://idp.example:{}/", server.address.port());
    assert_eq!(get(&client, &url).await.unwrap().status().as_u16(), 200);
    assert_eq!((asked.load(Ordering::SeqCst), server.connections.load(Ordering::SeqCst)), (1, 1));
    assert!(server.heard.lock().unwrap().contains(&format!("host: idp.example:{}\r\n", server.address.port())));

    let bad = |_: &str| vec!["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
    let client = Outbound { names: Names::Told(Arc::new(bad)), ..client };
    let said = sentence(get(&client, "https://idp.example/").await);
    assert!(said.contains("idp.example is at 10.0.0.1, which is a private address"), "{said}");
    let none = |_: &str| Vec::new();
    let client = Outbound { names: Names::Told(Arc::new(none)), ..client };
    assert!(sentence(get(&client, "https://idp.example/").await).contains("has no address"));
}

#[tokio::test]
async fn an_address_that_is_dead_or_silent_does_not_hold_up_the_next() {
    let server = server(Does::Says(OK), None).await;
    // Nothing listens on the first.
    let two = |_: &str| vec!["127.0.0.9".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    let client = Outbound { names: Names::Told(Arc::new(two)), ..client(here()) };
    assert!(get(&client, &format!("http://idp.example:{}/", server.address.port())).await.is_ok());
    let said = sentence(get(&client, "http://idp.example:1/").await);
    assert!(said.contains("cannot be reached: nothing listens there"), "{said}");

    // Somebody listens on the first, takes nobody in and has no room for more: the system answers no knock.
    let silent: SocketAddr = format!("127.0.0.9:{}", server.address.port()).parse().unwrap();
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &silent).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let knock = || std::net::TcpStream::connect_timeout(&silent, Duration::from_millis(50));
    let waiting: Vec<_> = (0..8).map(|_| knock()).collect();
    assert!(waiting.iter().any(Result::is_err), "it has room for more");
    let url = format!("http://idp.example:{}/", server.address.port());
    // The next has its turn soon.
    let three = |_: &str| ["127.0.0.9", "127.0.0.8", "127.0.0.1"].map(|a| a.parse().unwrap()).to_vec();
    let client = Outbound { names: Names::Told(Arc::new(three)), ..client };
    let began = Instant::now();
    assert!(get(&client, &url).await.is_ok());
    assert!(began.elapsed() < Duration::from_millis(1400), "{:?}", began.elapsed());
    let alone = |_: &str| vec!["127.0.0.9".parse().unwrap()];
    let client = Outbound { names: Names::Told(Arc::new(alone)), ..client }.impatient();
    let said = sentence(get(&client, &format!("http://idp.example:{}/", server.address.port())).await);
    assert!(said.contains("cannot be reached: it does not answer"), "{said}");
}

/// An authority, and a server's certificate of it.
fn certificate(change: impl FnOnce(&mut CertificateParams)) -> (String, TlsAcceptor) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "Authority");
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["idp.example".to_owned()]).unwrap();
    change(&mut params);
    let signed = params.signed_by(&key, &Issuer::from_params(&authority, &authority_key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    (pem, TlsAcceptor::from(Arc::new(config)))
}

async fn over_tls(host: &str, known: bool, change: impl FnOnce(&mut CertificateParams)) -> Result<u16, String> {
    let (pem, acceptor) = certificate(change);
    let server = server(Does::Says(OK), Some(acceptor)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let told = |_: &str| vec!["127.0.0.1".parse().unwrap()];
    let policy = Policy { ca_file: known.then_some(file), allow_http: false, ..here() };
    let client = Outbound { names: Names::Told(Arc::new(told)), ..client(policy) };
    let answer = get(&client, &format!("https://{host}:{}/", server.address.port())).await;
    answer.map(|a| a.status().as_u16()).map_err(|e| e.to_string())
}

#[tokio::test]
async fn certificates_are_verified() {
    assert_eq!(over_tls("idp.example", true, |_| {}).await, Ok(200));
    let refused = async |word: &str, host: &str, known: bool, change: fn(&mut CertificateParams)| {
        let said = over_tls(host, known, change).await.unwrap_err();
        assert!(said.contains("cannot be trusted") && said.contains(word), "{word}: {said}");
    };
    refused("outbound.ca_file", "idp.example", false, |_| {}).await;
    refused("another name", "other.example", true, |_| {}).await;
    refused("another name", "127.0.0.1", true, |_| {}).await;
    refused("has expired", "idp.example", true, |p| p.not_after = rcgen::date_time_ymd(2020, 1, 1)).await;
    refused("not valid yet", "idp.example", true, |p| p.not_before = rcgen::date_time_ymd(3000, 1, 1)).await;
}

#[tokio::test]
async fn what_does_not_speak_tls_is_not_spoken_to() {
    let told = |_: &str| vec!["127.0.0.1".parse().unwrap()];
    for does in [Does::Says(OK), Does::Says("")] {
        let server = server(does, None).await;
        let client = Outbound { names: Names::Told(Arc::new(told)), ..client(here()) };
        let said = sentence(get(&client, &format!("https://idp.example:{}/secret", server.address.port())).await);
        assert!(said.contains("does not speak TLS"), "{said}");
        assert!(!server.heard.lock().unwrap().contains("secret"));
    }
    let silent = server(Does::Nothing, None).await;
    let client = Outbound { names: Names::Told(Arc::new(told)), ..client(here()) }.impatient();
    let began = Instant::now();
    assert!(
        sentence(get(&client, &format!("https://idp.example:{}/", silent.address.port())).await)
            .contains("took too long")
    );
    assert!(began.elapsed() < Duration::from_millis(800));
}

#[test]
fn authorities_have_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let tried = |text: Option<&str>| {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        Outbound::new(Policy { ca_file: Some(file.clone()), ..Policy::default() })
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    assert!(tried(None).unwrap_err().contains("cannot be read"));
    assert!(tried(Some("")).unwrap_err().contains("no certificate"));
    assert!(tried(Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")).unwrap_err().contains("PEM"));
    assert!(tried(Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).is_err());
    assert!(tried(Some(&certificate(|_| {}).0)).is_ok());
}

/// Another test once more, in a process whose environment names a proxy for everything.
#[test]
fn nobody_in_the_environment_is_asked() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "outbound::tests::an_answer_is_read_whole_and_the_request_is_ours"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        again.env(name, &url);
    }
    let ended = again.env_remove("no_proxy").env_remove("NO_PROXY").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "the proxy was asked");
}
