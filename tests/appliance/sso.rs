//! Single sign-on from outside: an identity provider of the tests' own, a browser that does as browsers do, and the file.

mod begun;
mod commands;
mod ends;
mod gate;
mod provider;
mod set_up;
mod settings;
mod sign_in;
mod sign_out;
mod userinfo;
mod warned;

use serde_json::{Value, json};

use crate::settings::browser::{Browser, hidden, text};
use crate::settings::{House, id_of};
use crate::support::Answer;
use crate::wire::Client;
use provider::{Provider, SECRET};

const CONFIG: &str = "[outbound]\nallow = [\"127.0.0.1\"]\nallow_http = true\n";
/// What the names of the cookies begin with that a browser has on its way.
const FLOW: &str = "scim-appliance-sso-";

/// A server, an administrator with a password, and an identity provider.
pub struct Desk {
    pub house: House,
    pub provider: Provider,
    pub client: Client,
}

impl Desk {
    /// Nothing is set up yet.
    pub fn new() -> Desk {
        Desk::with("")
    }

    /// With more in the config: tables.
    pub fn with(config: &str) -> Desk {
        let house = House::with(&format!("{CONFIG}{config}"));
        let token = house.place.done(&["token", "create", "--name", "test"]).trim().to_owned();
        let client = Client { port: house.port(), token };
        Desk { house, provider: Provider::start(), client }
    }

    /// Set up, tested and on; and provisioning too.
    pub fn on() -> Desk {
        Desk::on_with("")
    }

    /// The same with more in the config.
    pub fn on_with(config: &str) -> Desk {
        let desk = Desk::with(config);
        let mut ada = desk.house.ada();
        assert_eq!(desk.save(&mut ada, &[]).status, 303);
        desk.house.place.done(&["provisioning", "on", "--acknowledge-no-sso"]);
        desk.person("tester@x.io", "tester");
        assert!(text(&desk.test(&mut ada, json!({"sub": "tester"}))).contains("The test was good"));
        assert_eq!(ada.fill("/sso/on", "/sso/on", &[]).status, 303);
        desk
    }

    /// Tests what was changed, and switches it on again.
    pub fn on_again(&self, browser: &mut Browser) {
        assert!(text(&self.test(browser, json!({"sub": "tester"}))).contains("The test was good"));
        assert_eq!(browser.fill("/sso/on", "/sso/on", &[]).status, 303);
    }

    /// Sends the form, with these fields in place of the usual ones.
    pub fn save(&self, browser: &mut Browser, other: &[(&str, &str)]) -> Answer {
        let issuer = self.provider.issuer();
        let seen = field(&browser.page("/sso"), "seen");
        let mut fields = vec![
            ("seen", seen.as_str()),
            ("kind", "okta"),
            ("issuer", issuer.as_str()),
            ("client-id", "appliance"),
            ("secret", SECRET),
            ("scopes", "openid profile email"),
            ("match", "sub externalId\npreferred_username userName\nemail emails.value"),
        ];
        fields.retain(|(name, _)| other.iter().all(|(n, _)| n != name));
        fields.extend(other.iter().filter(|(_, value)| !value.is_empty()));
        browser.post("/sso", &fields)
    }

    /// A person, as the identity provider makes one.
    pub fn person(&self, name: &str, external: &str) -> String {
        let body = json!({"userName": name, "externalId": external, "emails": [{"value": name, "type": "work"}]});
        id_of(&self.client.post("/Users", &body).unwrap())
    }

    /// Gives somebody the role that opens the settings page.
    pub fn promote(&self, name: &str) {
        self.house.place.done(&["role", "set", name, "ORGANIZATION_ADMINISTRATOR"]);
    }

    /// Goes to the identity provider, which says this of the person, and gives where it sends the browser back to.
    pub fn there(&self, browser: &mut Browser, begin: &str, claims: Value) -> String {
        let answer = browser.get(begin);
        assert_eq!(answer.status, 303, "{begin}: {}", text(&answer.body));
        self.provider.signs_in(answer.header("location").unwrap(), claims)
    }

    /// Comes back from there.
    pub fn back(&self, browser: &mut Browser, callback: &str) -> Answer {
        across(browser, callback)
    }

    /// Signs somebody in of whom the identity provider says this.
    pub fn sign_in(&self, browser: &mut Browser, claims: Value) -> Answer {
        let callback = self.there(browser, "/sign-in/sso", claims);
        self.back(browser, &callback)
    }

    /// A browser in which somebody has signed in.
    pub fn signed_in(&self, subject: &str) -> Browser {
        let mut browser = self.house.browser();
        let answer = self.sign_in(&mut browser, json!({"sub": subject}));
        assert_eq!(answer.status, 200, "{}", text(&answer.body));
        browser
    }

    /// A test by an administrator, and what it shows.
    pub fn test(&self, browser: &mut Browser, claims: Value) -> String {
        let callback = self.there(browser, "/sso/test", claims);
        let answer = self.back(browser, &callback);
        assert_eq!((answer.status, onward(&answer).as_deref()), (200, Some("/sso/tested")), "{}", text(&answer.body));
        browser.page("/sso/tested")
    }
}

/// A request that another site has caused: cookies that are strictly ours stay at home.
pub fn across(browser: &mut Browser, path: &str) -> Answer {
    let mut abroad = browser.clone();
    abroad.cookies.retain(|name, _| name.starts_with(FLOW));
    let answer = abroad.get(path);
    browser.keep(&answer);
    answer
}

/// Where a page leads on to by itself.
pub fn onward(answer: &Answer) -> Option<String> {
    let tags = crate::settings::browser::tags(&answer.body);
    let meta = tags.iter().find(|t| t.name == "meta" && t.get("http-equiv") == Some("refresh"))?;
    meta.get("content")?.strip_prefix("0; url=").map(str::to_owned)
}

/// Is somebody signed in by single sign-on here?
pub fn is_in(browser: &mut Browser) -> bool {
    let answer = browser.get("/me");
    assert!(answer.status == 200 || answer.status == 303, "{}", answer.status);
    answer.status == 200
}

/// The value of a field that the page carries.
pub fn field(page: &str, name: &str) -> String {
    hidden(page, name).unwrap_or_default()
}
