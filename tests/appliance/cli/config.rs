//! The config file: what is wrong with it is said in one sentence, with the file and the line.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use super::sentence;
use crate::served::{Place, Served, run};

/// Asserts that both `check-config` and `serve` refuse a config, and gives what they say.
fn refused(config: &str) -> String {
    let place = Place::new("");
    std::fs::write(place.config(), config).unwrap();
    let checked = sentence(&place.command(&["check-config"]));
    let served = sentence(&place.command(&["serve"]));
    assert_eq!(checked, served, "{config}");
    assert!(checked.contains("config.toml"), "{config}: {checked}");
    checked
}

#[test]
fn certificate_authorities_that_cannot_be_used_are_refused_with_their_line() {
    let said = refused("[outbound]\nca_file = \"/nowhere/ca.pem\"\n");
    assert!(names_line(&said, 2) && said.contains("/nowhere/ca.pem") && said.contains("cannot be read"), "{said}");
}

/// True when the sentence names the line, as `line 3` or as `config.toml:3`.
fn names_line(sentence: &str, line: usize) -> bool {
    let after = |mark: &str| {
        let rest = sentence.split_once(mark).map_or("", |(_, rest)| rest);
        rest.chars().take_while(char::is_ascii_digit).collect::<String>() == line.to_string()
    };
    after("line ") || after("config.toml:") || after("config.toml, line ")
}

#[test]
fn the_example_works_as_it_is() {
    let place = Place::new("");
    let printed = run(place.path(), &["example-config"]);
    assert_eq!(printed.status.code(), Some(0));
    let shipped = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml")).unwrap();
    assert!(printed.stdout == shipped, "example-config prints something else than config.example.toml");
    std::fs::write(place.config(), &printed.stdout).unwrap();
    // The default file is config.toml in the current folder.
    let checked = run(place.path(), &["check-config"]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stderr));
    let text = String::from_utf8(printed.stdout).unwrap().replace("127.0.0.1:8080", "127.0.0.1:0");
    std::fs::write(place.config(), text).unwrap();
    assert_eq!(Served::start(&place.config()).terminate(), Some(0));
}

#[test]
fn an_empty_config_is_a_good_one() {
    let place = Place::new("");
    std::fs::write(place.config(), "").unwrap();
    assert_eq!(place.command(&["check-config"]).status.code(), Some(0));
}

#[test]
fn unknown_keys_and_tables_are_refused_with_their_line_and_the_keys_that_there_are() {
    let said = refused("public_url = \"http://127.0.0.1:1\"\n\n[listen]\naddres = \"127.0.0.1:0\"\n");
    assert!(names_line(&said, 4) && said.contains("addres") && said.contains("behind_proxy"), "{said}");
    let said = refused("[listne]\naddress = \"127.0.0.1:0\"\n");
    assert!(names_line(&said, 1) && said.contains("listne"), "{said}");
    let said = refused("# a comment\nport = 8080\n");
    assert!(names_line(&said, 2) && said.contains("port"), "{said}");
}

#[test]
fn wrong_types_are_refused_with_their_line() {
    for (line, config) in [
        (2, "[listen]\naddress = 8080\n"),
        (3, "[listen]\naddress = \"127.0.0.1:0\"\nbehind_proxy = \"no\"\n"),
        (2, "[store]\nreaders = \"two\"\n"),
        (2, "[store]\nmax_size_mib = -1\n"),
        (2, "[scim]\npage_size = 1.5\n"),
        (3, "\n[scim]\ndisabled_dialect_rules = \"op-case\"\n"),
        (2, "[limits]\nbody_bytes = true\n"),
        (1, "public_url = 5\n"),
        (1, "listen = \"127.0.0.1:0\"\n"),
    ] {
        let said = refused(config);
        assert!(names_line(&said, line), "{config}: {said}");
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for config in [
        "[listen]\naddress = \"nonsense\"\n",
        "[listen]\naddress = \"127.0.0.1\"\n",
        "[listen]\naddress = \"127.0.0.1:99999\"\n",
        "public_url = \"not a url\"\n",
        "public_url = \"ftp://example.com\"\n",
        "[store]\npath = \"\"\n",
        "[store]\nreaders = 0\n",
        "[scim]\npage_size = 0\n",
        "[scim]\npage_size = 200\nmax_page_size = 100\n",
        "[scim]\nput = \"overwrite\"\n",
        "[scim]\ndisabled_dialect_rules = [\"no-such-rule\"]\n",
        "[tokens]\nmax_live = 0\n",
        "[tokens]\nmax_live = 6\n",
        "[limits]\nconnections = 0\n",
        "[limits]\nqueue = 0\n",
        "[log]\nlevel = \"loud\"\n",
        "[log]\nformat = \"xml\"\n",
    ] {
        refused(config);
    }
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    let said = refused("[listen]\naddress = \"127.0.0.1:0\n");
    assert!(names_line(&said, 2), "{said}");
    let said = refused("[listen]\naddress = \"127.0.0.1:0\"\naddress = \"127.0.0.1:1\"\n");
    assert!(names_line(&said, 3) || names_line(&said, 2), "{said}");
    refused("{\"listen\": {}}");
    let place = Place::new("");
    std::fs::write(place.config(), b"public_url = \"\xff\xfe\"\n").unwrap();
    assert!(sentence(&place.command(&["check-config"])).contains("config.toml"));
}

#[test]
fn a_config_that_is_not_there_or_cannot_be_read_says_so() {
    let place = Place::new("");
    for arguments in [
        &["--config", "missing.toml", "check-config"][..],
        &["--config", "missing.toml"],
        &["--config", "missing.toml", "token", "list"],
    ] {
        let said = sentence(&run(place.path(), arguments));
        assert!(said.contains("missing.toml"), "{said}");
        // The way out belongs to the sentence.
        assert!(said.contains("example-config"), "{said}");
    }
    std::fs::remove_file(place.config()).unwrap();
    assert!(sentence(&run(place.path(), &["check-config"])).contains("config.toml"));
    std::fs::create_dir(place.config()).unwrap();
    assert!(sentence(&run(place.path(), &["check-config"])).contains("config.toml"));
    std::fs::remove_dir(place.config()).unwrap();
    std::fs::write(place.config(), "").unwrap();
    std::fs::set_permissions(place.config(), std::fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads it all the same.
    if std::fs::read(place.config()).is_err() {
        assert!(sentence(&run(place.path(), &["check-config"])).contains("config.toml"));
    }
}

#[test]
fn a_database_that_cannot_be_there_says_so() {
    let place = Place::new("[store]\npath = \"no/such/folder/x.db\"\n");
    for command in [&["serve"][..], &["token", "list"], &["provisioning", "on", "--acknowledge-no-sso"]] {
        let said = sentence(&place.command(command));
        assert!(said.contains("no/such/folder"), "{said}");
    }
    let place = Place::new("");
    std::fs::create_dir(place.database()).unwrap();
    assert!(sentence(&place.command(&["serve"])).contains("scim-appliance.db"));
    let place = Place::new("");
    std::fs::write(
        place.database(),
        "This is a letter and no database, though it is long enough to be taken for one.".repeat(40),
    )
    .unwrap();
    assert!(sentence(&place.command(&["serve"])).contains("scim-appliance.db"));
}

#[test]
fn an_address_that_is_taken_says_so() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new("");
    std::fs::write(place.config(), format!("[listen]\naddress = \"{address}\"\n")).unwrap();
    for command in ["serve", "check-config"] {
        let said = sentence(&place.command(&[command]));
        assert!(said.contains(&address), "{said}");
    }
    let config = format!("[listen]\naddress = \"127.0.0.1:0\"\n[listen.settings]\naddress = \"{address}\"\n");
    std::fs::write(place.config(), config).unwrap();
    for command in ["serve", "check-config"] {
        let said = sentence(&place.command(&[command]));
        assert!(said.contains(&address), "{said}");
    }
}

#[test]
fn a_second_server_on_the_same_database_is_refused() {
    let place = Place::new("");
    let server = Served::start(&place.config());
    let said = sentence(&place.command(&["serve"]));
    assert!(said.contains("scim-appliance.db"), "{said}");
    assert_eq!(server.terminate(), Some(0));
}

/// Only the config is checked here: no test listens in the clear where other machines could reach it.
#[test]
fn plain_http_beyond_loopback_needs_a_proxy_in_front() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let plain = format!("[listen]\naddress = \"{address}\"\n[tls]\nmode = \"off\"\n");
        let said = refused(&plain);
        for way_out in ["remove tls.mode = \"off\"", "listen.trusted_proxies", "listen.behind_proxy = true"] {
            assert!(said.contains(way_out), "{said}");
        }
        let said = refused(&plain.replace("[tls]", "behind_proxy = true\n[tls]"));
        assert!(said.contains("needs listen.trusted_proxies"), "{said}");
        let place = Place::new("");
        let proxied = plain.replace("[tls]", "behind_proxy = true\ntrusted_proxies = [\"10.0.0.0/8\"]\n[tls]");
        std::fs::write(place.config(), proxied).unwrap();
        match address.starts_with("192.0.2.1") {
            // An address for documentation: no machine has it, so nobody can listen there.
            true => assert!(sentence(&place.command(&["check-config"])).contains(address)),
            false => assert_eq!(place.command(&["check-config"]).status.code(), Some(0), "{address}"),
        }
    }
    for address in ["127.0.0.1:0", "127.8.9.10:0", "[::1]:0"] {
        let place = Place::new("");
        std::fs::write(place.config(), format!("[listen]\naddress = \"{address}\"\n")).unwrap();
        assert_eq!(place.command(&["check-config"]).status.code(), Some(0), "{address}");
    }
}
