//! Going out by a proxy.

use super::super::proxy::judge;
use super::*;

/// A proxy that answers so, and leads to the server if that is a yes.
async fn proxy(says: &'static str, to: SocketAddr) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, connections) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
    let (said, counted) = (heard.clone(), connections.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            said.lock().unwrap().push_str(&String::from_utf8_lossy(&head));
            let _ = stream.write_all(says.as_bytes()).await;
            if says.contains(" 200 ") {
                let mut there = TcpStream::connect(to).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut there).await;
            }
        }
    });
    Server { address, heard, connections }
}

struct Scene {
    server: Server,
    proxy: Server,
    client: Outbound,
    _folder: tempfile::TempDir,
}

/// The world knows `idp.example`, which only the proxy can look up; here only the proxy has an address.
async fn scene(says: &'static str, allow: &[&str]) -> Scene {
    let (pem, acceptor) = certificate(|_| {});
    let server = server(Does::Says(OK), Some(acceptor)).await;
    let proxy = proxy(says, server.address).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let told = |host: &str| match host {
        "proxy.example" | "near.example" => vec!["127.0.0.1".parse().unwrap()],
        _ => vec![],
    };
    let by = Proxy { host: "proxy.example".into(), port: proxy.address.port() };
    let allow = allow.iter().map(|a| a.parse().unwrap()).collect();
    let policy = Policy { allow, ca_file: Some(file), allow_http: true, proxy: Some(by) };
    let client = Outbound { names: Names::Told(Arc::new(told)), ..client(policy) };
    Scene { server, proxy, client, _folder: folder }
}

#[tokio::test]
async fn what_goes_by_the_proxy_is_not_for_it_to_read() {
    let scene = scene("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n", &[]).await;
    let request = Request::get("https://idp.example/secret?secret").header("authorization", "secret");
    let answer = scene.client.send(request.body(Bytes::new()).unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, &b"{}"[..]));
    let told = scene.proxy.heard.lock().unwrap().clone();
    assert!(told.starts_with("CONNECT idp.example:443 HTTP/1.1\r\nHost: idp.example:443\r\n"), "{told}");
    assert!(!told.contains("secret"), "{told}");
    assert!(scene.server.heard.lock().unwrap().starts_with("GET /secret?secret HTTP/1.1\r\n"));
    // Whoever stands behind it has to be who it should be.
    let said = sentence(get(&scene.client, "https://other.example/").await);
    assert!(said.contains("certificate is for another name"), "{said}");
}

#[tokio::test]
async fn what_is_near_is_gone_to_without_it() {
    let scene = scene("HTTP/1.1 403 No\r\n\r\n", &["127.0.0.1/32"]).await;
    let http = server(Does::Says(OK), None).await;
    for host in ["127.0.0.1", "near.example"] {
        assert!(get(&scene.client, &format!("http://{host}:{}/", http.address.port())).await.is_ok(), "{host}");
    }
    assert_eq!(scene.proxy.connections.load(Ordering::SeqCst), 0);
    assert!(sentence(get(&scene.client, "https://idp.example/").await).contains("status 403"));
    assert_eq!(scene.proxy.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_proxy_that_does_not_lead_on_is_named() {
    for (says, word) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "it answers with status 403"),
        ("HTTP/1.0 502 Bad gateway\r\n\r\n", "it answers with status 502"),
        ("HTTP/1.1 407 Who\r\nproxy-authenticate: Basic\r\n\r\n", "wants a name and a password"),
        ("HTTP/1.1 2000 OK\r\n\r\n", "does not answer as a proxy does"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not answer as a proxy does"),
    ] {
        let scene = scene(says, &[]).await;
        let said = sentence(get(&scene.client, "https://idp.example/secret").await);
        let begins = format!("the proxy proxy.example:{} does not lead to idp.example: ", scene.proxy.address.port());
        assert!(said.starts_with(&begins) && said.contains(word), "{said}");
    }
    let scene = scene("", &[]).await;
    for (host, port, word) in [("proxy.example", 1, "nothing listens there"), ("none.example", 3128, "")] {
        let proxy = Some(Proxy { host: host.into(), port });
        let policy = Arc::new(Policy { proxy, ..Policy::default() });
        let client = Outbound { policy, ..scene.client.clone() };
        let said = sentence(get(&client, "https://idp.example/").await);
        assert!(said.contains(&format!("the proxy {host}:{port} does not lead to")) && said.contains(word), "{said}");
    }
    for does in [
        Does::Nothing,
        Does::Says(""),
        Does::Drips("HTTP/1.1 200 OK\r\n", "a: b\r\n", Duration::ZERO),
        Does::Drips("HTTP/1.1 200 OK\r\n", "a", Duration::from_millis(20)),
    ] {
        let odd = server(does, None).await;
        let proxy = Some(Proxy { host: "proxy.example".into(), port: odd.address.port() });
        let policy = Arc::new(Policy { proxy, ..Policy::default() });
        let client = Outbound { policy, ..scene.client.clone() }.impatient();
        let began = Instant::now();
        let said = sentence(get(&client, "https://idp.example/").await);
        assert!(said.starts_with("the proxy proxy.example:"), "{said}");
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn what_nobody_should_call_no_proxy_is_asked_for() {
    let policy = Policy { allow_http: true, ..Policy::default() };
    let judged =
        |url: &str| judge(&Target::of(&url.parse().unwrap(), &policy).unwrap(), &policy).map_err(|e| e.to_string());
    for (url, word) in [
        ("https://127.0.0.1/", "loopback"),
        ("https://169.254.169.254/", "link-local"),
        ("https://[::1]/", "is not reached"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://10.0.0.1:8443/", "private"),
        ("https://127.1/", "not written as"),
        ("https://2130706433/", "not written as"),
        ("https://0x7f000001/", "not written as"),
        ("https://127.0.0.0x1/", "not written as"),
        ("https://127.0.0.1./", "not written as"),
        ("https://localhost/", "network of its own"),
        ("https://LOCALHOST./", "network of its own"),
        ("https://a.localhost/", "network of its own"),
        ("https://metadata.google.internal/", "network of its own"),
        ("https://printer.local/", "network of its own"),
        ("https://intranet/", "network of its own"),
        ("https://idp.example:25/", "port of another service"),
        ("https://1.1.1.1:22/", "port of another service"),
        ("http://idp.example/", "https://"),
        ("http://1.1.1.1/", "https://"),
    ] {
        let said = judged(url).unwrap_err();
        assert!(said.contains(word), "{url}: {said}");
    }
    for url in ["https://idp.example/", "https://IDP.example.:8443/", "https://1.1.1.1/", "https://[2606:4700::1111]/"]
    {
        judged(url).unwrap();
    }
}
