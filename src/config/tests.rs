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
        ("[listen]\naddress = \"0.0.0.0:80\"\n", 2, "behind_proxy"),
        ("public_url = \"scim.example.com\"\n", 1, "https://"),
        ("[tokens]\n\nmax_live = 6\n", 3, "from 1 to 5"),
        ("[log]\nlevel = \"loud\"\n", 2, "warn"),
        ("[limits]\nheader_bytes = 10\n", 1, "header_bytes"),
        ("[limits]\nbodies_bytes = 8388607\n", 1, "bodies_bytes"),
        ("[limits]\nanswers_bytes = 1048575\n", 1, "answers_bytes"),
        ("[limits]\nbad_tokens_per_second = 0\n", 1, "bad_tokens_per_second"),
        ("[limits]\nrequests_per_second = 49\n", 1, "requests_per_second"),
        ("[scim]\npage_size = 50\nmax_page_size = 10\n", 2, "from 1 to 10"),
        ("x = \n", 1, ""),
    ] {
        let error = read(text).unwrap_err();
        assert!(
            error.starts_with(&format!("/etc/x.toml, line {line}: ")) && error.contains(word),
            "{text:?} gives {error:?}"
        );
    }
}
