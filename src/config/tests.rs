use super::*;

fn read(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("/etc/x.toml")).map_err(|e| e.to_string())
}

#[test]
fn the_example_is_the_default() {
    let (example, empty) = (read(EXAMPLE).unwrap(), read("").unwrap());
    assert_eq!(format!("{example:?}"), format!("{empty:?}"));
    assert_eq!(example.store.path, Path::new("/etc/scim-appliance.db"));
}

#[test]
fn mistakes_are_told_with_their_line() {
    for (text, line, word) in [
        ("\n[listen]\nadress = \"x\"\n", 3, "address"),
        ("[listen]\naddress = 8080\n", 2, "string"),
        ("[listen]\naddress = \"localhost\"\n", 2, "IP address"),
        ("[listen]\naddress = \"0.0.0.0:80\"\n[tls]\nmode = \"off\"\n", 2, "trusted_proxies"),
        ("[listen.settings]\naddress = \"0.0.0.0:80\"\n[tls]\nmode = \"off\"\n", 2, "remove tls.mode"),
        ("[listen]\nbehind_proxy = true\n", 2, "needs listen.trusted_proxies"),
        ("[listen]\nbehind_proxy = true\ntrusted_proxies = []\n", 2, "needs listen.trusted_proxies"),
        ("[listen]\n\ntrusted_proxies = [\"10.0.0.0/8\"]\n", 3, "behind_proxy = true"),
        ("[listen]\nbehind_proxy = true\ntrusted_proxies = [\"proxy\"]\n", 3, "10.1.0.0/16"),
        ("[listen]\nbehind_proxy = true\ntrusted_proxies = [\"10.0.0.0/33\"]\n", 3, "10.1.0.0/16"),
        ("[listen]\nbehind_proxy = true\ntrusted_proxies = [\"::1\",\n\"::/0\"]\n", 4, "everybody"),
        ("[listen]\n[listen.settings]\naddress = \"127.0.0.1:8080\"\n", 3, "is listen.address"),
        ("[listen]\n[listen.settings]\naddress = \"x\"\n", 3, "listen.settings.address"),
        ("[listen.settings]\nport = 1\n", 2, "address"),
        ("[tls]\ncertificate = \"x\"\n", 2, "both, or neither"),
        ("[tls]\n\nkey = \"x\"\n", 3, "both, or neither"),
        ("[tls]\ncertificate = \"\"\nkey = \"x\"\n", 2, "PEM"),
        ("[tls]\ncertificate = \"x\"\nkey = \"y\"\nmode = \"off\"\n", 4, "remove one"),
        ("[tls]\nmode = \"on\"\n", 2, "auto"),
        ("public_url = \"scim.example.com\"\n", 1, "https://"),
        ("[tokens]\n\nmax_live = 6\n", 3, "from 1 to 5"),
        ("[log]\nlevel = \"loud\"\n", 2, "warn"),
        ("[limits]\nheader_bytes = 10\n", 1, "header_bytes"),
        ("[limits]\nbodies_bytes = 8388607\n", 1, "bodies_bytes"),
        ("[limits]\ncsv_bytes = 1023\n", 1, "csv_bytes"),
        ("[limits]\ncsv_rows = 0\n", 1, "csv_rows"),
        ("[limits]\nanswers_bytes = 1048575\n", 1, "answers_bytes"),
        ("[limits]\nbad_tokens_per_second = 0\n", 1, "bad_tokens_per_second"),
        ("[limits]\nrequests_per_second = 49\n", 1, "requests_per_second"),
        ("[scim]\npage_size = 50\nmax_page_size = 10\n", 2, "from 1 to 10"),
        ("[sso]\nprecondition = \"none\"\n", 2, "acknowledge"),
        ("[sso]\nissuer = \"https://idp.example.com\"\n", 2, "precondition"),
        ("[outbound]\nsocks = \"x\"\n", 2, "ca_file"),
        ("[outbound]\nproxy = \"x\"\n", 2, "outbound.proxy is the URL"),
        ("[outbound]\nproxy = \"http://proxy.example\"\n", 2, "outbound.proxy is the URL"),
        ("[outbound]\nproxy = \"https://proxy.example:3128\"\n", 2, "outbound.proxy is the URL"),
        ("[outbound]\nproxy = \"http://u:p@proxy.example:3128\"\n", 2, "outbound.proxy is the URL"),
        ("[outbound]\nproxy = \"http://proxy.example:3128/x\"\n", 2, "outbound.proxy is the URL"),
        ("[outbound]\nproxy = \"http://proxy.example:0\"\n", 2, "outbound.proxy is the URL"),
        ("[outbound]\nproxy = \"http://::1:3128\"\n", 2, "outbound.proxy is the URL"),
        ("[outbound]\nallow = [\"10.0.0.0/8\",\n\"idp.internal\"]\n", 3, "outbound.allow holds addresses"),
        ("[outbound]\nallow = [\"0.0.0.0/0\"]\n", 2, "go everywhere"),
        ("[outbound]\nallow = [\"::/0\"]\n", 2, "go everywhere"),
        ("[outbound]\nca_file = \"\"\n", 2, "path of a PEM file"),
        ("[outbound]\n\nallow_http = true\n", 3, "without outbound.allow"),
        ("x = \n", 1, ""),
    ] {
        let error = read(text).unwrap_err();
        assert!(
            error.starts_with(&format!("/etc/x.toml, line {line}: ")) && error.contains(word),
            "{text:?} gives {error:?}"
        );
    }
}

/// What is spoken on the listeners: `https` or `http`, a star behind it where only proxies may come in.
fn spoken(text: &str) -> String {
    let config = read(text).unwrap();
    let listeners = [Some(config.listen.main), config.listen.settings];
    let of = |l: &Listener| format!("{}{}", l.scheme(), if l.only_for_proxies() { "*" } else { "" });
    let spoken: Vec<String> = listeners.iter().flatten().map(of).collect();
    assert_eq!(config.tls.is_some(), spoken.iter().any(|s| s == "https"), "{text}");
    assert!(config.public_url.starts_with(&format!("{}://", config.listen.main.scheme())), "{text}");
    spoken.join(" ")
}

#[test]
fn tokens_cross_the_network_in_the_clear_only_where_a_proxy_stands() {
    let proxy = "behind_proxy = true\ntrusted_proxies = [\"10.0.0.5\"]\n";
    let settings = |address: &str| format!("[listen.settings]\naddress = \"{address}:1\"\n");
    let (here, out) = ("[listen]\naddress = \"127.0.0.1:0\"\n", "[listen]\naddress = \"0.0.0.0:0\"\n");
    let given = "[tls]\ncertificate = \"x\"\nkey = \"y\"\n";
    let off = "[tls]\nmode = \"off\"\n";
    for (spoken_there, text) in [
        ("http", String::new()),
        ("http", here.to_owned()),
        ("http", here.to_owned() + off),
        ("http", here.to_owned() + proxy),
        ("http", "[listen]\naddress = \"[::ffff:127.0.0.1]:0\"\n".to_owned()),
        ("https", here.to_owned() + given),
        ("https", out.to_owned()),
        ("https", "[listen]\naddress = \"[::]:0\"\n".to_owned()),
        ("https", out.to_owned() + given),
        ("http*", out.to_owned() + proxy),
        ("http*", out.to_owned() + proxy + off),
        // The owner has given it to be used.
        ("https", out.to_owned() + proxy + given),
        ("http https", here.to_owned() + &settings("0.0.0.0")),
        ("https http", out.to_owned() + &settings("127.0.0.1")),
        ("http* https", out.to_owned() + proxy + &settings("0.0.0.0")),
        ("http* http*", out.to_owned() + proxy + &settings("0.0.0.0") + off),
        ("https https", here.to_owned() + &settings("127.0.0.1") + given),
    ] {
        assert_eq!(spoken(&text), spoken_there, "{text}");
    }
}

#[test]
fn paths_of_the_certificate_count_from_the_folder_of_the_file() {
    let tls = |text: &str| read(text).unwrap().tls.unwrap();
    let given = tls("[tls]\ncertificate = \"a/x.pem\"\nkey = \"/etc/ssl/y.pem\"\n");
    assert_eq!(given.certificate, Path::new("/etc/a/x.pem"));
    assert_eq!((given.key.as_path(), given.own), (Path::new("/etc/ssl/y.pem"), None));
    let own = tls("[listen]\naddress = \"[::]:0\"\n[store]\npath = \"/var/lib/d.db\"\n");
    assert_eq!(own.certificate, Path::new("/var/lib/d.db.tls.crt"));
    assert_eq!(own.key, Path::new("/var/lib/d.db.tls.key"));
}

#[test]
fn our_own_certificate_is_for_every_name_that_clients_may_use() {
    let names = |text: &str| read(text).unwrap().tls.unwrap().own.unwrap();
    let local = ["localhost", "127.0.0.1", "::1"];
    assert_eq!(names("[listen]\naddress = \"0.0.0.0:0\"\n"), local);
    let text = "public_url = \"https://SCIM.example.com:8443/\"\n[listen]\naddress = \"192.0.2.1:8443\"\n";
    assert_eq!(names(text), [&["scim.example.com", "192.0.2.1"], &local[..]].concat());
    let text = "public_url = \"https://[2001:DB8::0:1]:8443\"\n[listen.settings]\naddress = \"[2001:db8::2]:1\"\n";
    assert_eq!(names(text), ["2001:db8::1", "127.0.0.1", "2001:db8::2", "localhost", "::1"]);
}

#[test]
fn proxies_are_addresses_and_networks() {
    let text = "[listen]\nbehind_proxy = true\ntrusted_proxies = [\"10.1.2.3/8\", \"192.0.2.1\", \"fd00::/8\", \"::ffff:192.0.2.2\"]\n";
    let proxies: Vec<String> = read(text).unwrap().listen.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8", "192.0.2.2/32"]);
}

#[test]
fn the_way_out_is_as_wide_as_it_is_made() {
    let text = "[sso]\nprecondition = \"required\"\n[outbound]\nallow = [\"10.1.2.3/8\", \"::1\"]\nca_file = \"/a/b.pem\"\nallow_http = true\n";
    let config = read(text).unwrap();
    let allow: Vec<String> = config.outbound.allow.iter().map(ToString::to_string).collect();
    assert_eq!((allow.join(" ").as_str(), config.outbound.allow_http), ("10.0.0.0/8 ::1/128", true));
    assert_eq!(config.outbound.ca_file.as_deref(), Some(Path::new("/a/b.pem")));
    assert_eq!(config.sso.precondition, Precondition::Required);
    for (url, host) in [
        ("http://proxy.example:3128", "proxy.example"),
        ("http://10.0.0.1:3128/", "10.0.0.1"),
        ("http://[fd00::1]:3128", "fd00::1"),
    ] {
        let config = read(&format!("[outbound]\nproxy = \"{url}\"\n")).unwrap();
        assert_eq!(config.outbound.proxy, Some((host.to_owned(), 3128)));
    }
    let config = read("").unwrap();
    assert!(config.outbound.proxy.is_none());
    assert!(config.outbound.allow.is_empty() && config.outbound.ca_file.is_none() && !config.outbound.allow_http);
    assert_eq!(config.sso.precondition, Precondition::Acknowledge);
}
