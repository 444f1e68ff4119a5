//! Files against a directory: what is exported changes nothing, what is previewed is what is done, and what is wrong is said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::clock::{Clock, fresh_id};
use crate::directory::local::{Kind, act, make};
use crate::directory::roles::{By, Catalogue, set_override};
use crate::scim::catalog::Catalog;
use crate::scim::declare::Declarations;
use crate::scim::dialect::RuleSet;
use crate::scim::json::{Json, Object};
use crate::store::{Options, Store, Threads, Weight};

const WIDE: Bounds = Bounds { bytes: 1 << 24, rows: 100_000 };

/// Attributes of every data type, one that nobody shares, and one that nobody sees.
const DECLARED: &str = r#"{"schema": [{"id": "urn:example:scim:schemas:extension:hr:1.0:User", "extends": ["User"], "attribute": [
    {"name": "badge", "uniqueness": "server"}, {"name": "level", "type": "integer"}, {"name": "share", "type": "decimal"},
    {"name": "since", "type": "dateTime"}, {"name": "night", "type": "boolean"},
    {"name": "pin", "mutability": "writeOnly", "returned": "never"}, {"name": "tags", "multi_valued": true}
]}]}"#;

mod odd;

struct House {
    store: Store,
    _threads: Threads,
    _folder: tempfile::TempDir,
    site: Arc<Site>,
}

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let declared: Declarations = serde_json::from_str(DECLARED).unwrap();
        let catalog = Arc::new(Catalog::built_in().unwrap().with(&declared).unwrap());
        let (store, threads) = Store::open(&Options::at(folder.path().join("x.db")), catalog, Clock::System).unwrap();
        let site = Arc::new(Site {
            base: "http://x/scim/v2".to_owned(),
            page_size: 100,
            max_page_size: 1000,
            put_merges: false,
            max_payload: 1 << 20,
            max_operations: 1000,
            cursor_timeout: 60,
            rules: RuleSet::all(),
            roles: Arc::new(Catalogue::built_in()),
        });
        House { store, _threads: threads, _folder: folder, site }
    }

    fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Writer<'_>, (&Site, &Caller)) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let site = self.site.clone();
        let caller = Caller::local("command:test", "");
        self.store.write(Weight::Heavy, move |writer| write(writer, (&site, &caller))).wait()
    }

    fn make(&self, kind: Kind, json: &str) -> Result<String, Refusal> {
        let Json::Object(document) = Json::parse(json.as_bytes()).unwrap() else { panic!("{json}") };
        self.made(kind, document)
    }

    fn made(&self, kind: Kind, document: Object) -> Result<String, Refusal> {
        self.write(move |writer, who| {
            let id = fresh_id();
            act(writer, who, kind, |writer, ask| make(writer, ask, id.clone(), document))?;
            Ok(id)
        })
    }

    fn preview(&self, text: &str) -> Plan {
        self.seen(text, View::first(100))
    }

    fn seen(&self, text: &str, view: View) -> Plan {
        let (site, text) = (self.site.clone(), text.to_owned());
        let read = self.store.read(move |reader| {
            let file = File { bytes: text.as_bytes(), bounds: WIDE, progress: &AtomicU64::new(0) };
            preview(reader, &site, file, view)
        });
        read.wait().unwrap()
    }

    fn import(&self, text: &str, digest: &str) -> Result<Plan, Refusal> {
        let (text, digest) = (text.to_owned(), digest.to_owned());
        self.write(move |writer, who| {
            let file = File { bytes: text.as_bytes(), bounds: WIDE, progress: &AtomicU64::new(0) };
            import(writer, who, file, &digest)
        })
    }

    /// Looks, does it, and looks again: there is nothing left to do.
    fn imported(&self, text: &str) -> Plan {
        let seen = self.preview(text);
        assert_eq!(seen.errors, [], "{text}");
        let done = self.import(text, &seen.digest).unwrap();
        assert_eq!((done.creates, done.updates, done.unchanged), (seen.creates, seen.updates, seen.unchanged));
        let again = self.preview(text);
        assert_eq!((again.touched(), again.error_count, again.unchanged), (0, 0, again.rows), "{text}: {again:?}");
        seen
    }

    fn export(&self) -> String {
        let site = self.site.clone();
        let read = self.store.read(move |reader| {
            let mut bytes = Vec::new();
            let (progress, is_over) = (&AtomicU64::new(0), &AtomicBool::new(false));
            export(reader, &site, &mut bytes, Manner { mark: false, is_partial: false, progress, is_over })?;
            Ok::<_, Exported>(bytes)
        });
        String::from_utf8(read.wait().unwrap()).unwrap()
    }

    fn changes(&self) -> i64 {
        self.store.read(|reader| reader.last_change()).wait().unwrap()
    }

    fn why(&self, text: &str) -> Vec<String> {
        self.preview(text).errors.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn a_row_makes_changes_or_leaves_alone() {
    let house = House::new();
    house.make(Kind::Person, r#"{"userName":"Ada@x.io","title":"Countess","active":true,"emails":[{"value":"a@x.io","type":"work","primary":true}]}"#).unwrap();
    house.make(Kind::Person, r#"{"userName":"old@x.io","displayName":"Old"}"#).unwrap();
    house.make(Kind::Group, r#"{"displayName":"Crew"}"#).unwrap();
    house.make(Kind::Group, r#"{"displayName":"CORP\\Admins; all"}"#).unwrap();
    let text = "userName;title;email;active;department;groups;role;effectiveRole;level\n\
        ada@x.io;;b@x.io;FALSE;R&D;crew;USER;x;\n\
        new@x.io;'=Boss;n@x.io;;;Crew; CORP\\Admins\\; all;;;7\n\
        OLD@x.io;[clear];;true;;;[clear];;\n\
        ;;;;;;;;\n";
    // A name with a semicolon needs quotes in a file whose separator that is.
    let text = text.replace("Crew; CORP\\Admins\\; all", "\"Crew; CORP\\Admins\\; all\"");
    let plan = house.imported(&text);
    assert_eq!((plan.rows, plan.creates, plan.updates, plan.unchanged, plan.deactivates), (3, 1, 1, 1, 1));
    assert_eq!(plan.unread, [("effectiveRole".to_owned(), "it is worked out")]);
    let told = |i: usize| -> Vec<String> {
        plan.shown[i].changes.iter().map(|(c, before, after)| format!("{c}: {before} > {after}")).collect()
    };
    assert_eq!(
        told(0),
        ["email: a@x.io > b@x.io", "active: true > false", "department:  > R&D", "groups:  > Crew", "role:  > USER"]
    );
    assert_eq!(told(1), ["title:  > =Boss", "email:  > n@x.io", "level:  > 7", "groups:  > Crew; CORP\\Admins; all"]);
    assert!(plan.shown[1].is_new && !plan.shown[0].is_new && plan.shown[1].line == 3);
    let exported = house.export();
    assert!(exported.contains("'=Boss") && exported.contains("Crew;CORP\\\\Admins\\; all"), "{exported}");
    assert!(exported.contains("b@x.io") && !exported.contains(",a@x.io"), "{exported}");
    // Nobody who is not in the file is touched, and what is emptied goes.
    let plan = house.imported("userName,title,email\nada@x.io,[clear],[CLEAR]\n");
    assert_eq!((plan.updates, plan.shown[0].changes[1].2.as_str()), (1, ""));
    assert!(!house.export().contains("b@x.io"));
    // A row that is known by its id gets another name.
    let id = house.export().lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    let plan = house.imported(&format!("id,userName\n{id},countess@x.io\n"));
    assert_eq!(plan.shown[0].changes, [("userName".to_owned(), "Ada@x.io".to_owned(), "countess@x.io".to_owned())]);
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_column() {
    let house = House::new();
    let ada = house.make(Kind::Person, r#"{"userName":"ada","emails":[{"value":"1@x","type":"work"},{"value":"2@x","type":"work"}],"urn:example:scim:schemas:extension:hr:1.0:User":{"badge":"B1"}}"#).unwrap();
    house.make(Kind::Person, r#"{"userName":"eve"}"#).unwrap();
    let before = house.changes();
    let long = "x".repeat(70_000);
    for (text, says) in [
        ("userName,active\nnew,maybe\n", "Line 2, active: true or false is expected."),
        ("userName,active\nada,[clear]\n", "Line 2, active: It is true or false, and cannot be taken away."),
        ("userName,level\nada,1.5\n", "Line 2, level: A whole number is expected, not a number."),
        ("userName,level\nada,x\n", "Line 2, level: A number is expected."),
        ("userName,level\nnew,1.5\n", "Line 2, level: A whole number is expected, not a number."),
        ("userName,since\nada,yesterday\n", "Line 2, since: 'yesterday' is not a date and time."),
        ("userName,groups\nada,Nobody; Knows\n", "Line 2, groups: There is no group 'Nobody'."),
        ("userName,groups\nada,[clear]\n", "Line 2, groups: A file adds people to groups, and takes nobody out."),
        ("userName,role\nada,KING\n", "Line 2, role: 'KING' is no role; there are "),
        ("userName,email\nada,3@x\n", "Line 2, email: There are several of type work"),
        ("userName,title\n,x\n", "Line 2, userName: It is empty, so nobody is meant."),
        ("userName,title\n[clear],x\n", "Line 2, userName: It is empty, so nobody is meant."),
        ("userName\n\" \"\n", "Line 2, userName: A User needs it, and it is missing or blank."),
        ("id,title\nnone,x\n", "Line 2, id: Nobody has the id 'none'. For somebody who is new the cell stays empty."),
        ("id,title\n,x\n", "Line 2, id: It is empty, and there is no userName to say who is meant."),
        ("userName\nada\n\nADA\n", "Line 4: 'ada' is in line 2 already. Everybody has one row."),
        ("userName\nnew\nNew\n", "Line 3: 'New' is in line 2 already."),
        ("userName,title\nada,x,y\n", "Line 2: The row has 3 cells, and the header 2."),
        ("userName,\nada,y\n", "Line 2: The cell 'y' stands in a column without a name."),
        (
            "userName,badge\neve,b1\n",
            "Line 2, badge: Somebody else has the urn:example:scim:schemas:extension:hr:1.0:User:badge 'b1' already.",
        ),
        (
            "userName,badge\nnew,B2\neve,b2\n",
            "Line 3: Line 2 has the same urn:example:scim:schemas:extension:hr:1.0:User:badge",
        ),
    ] {
        let why = house.why(text);
        assert!(why.len() == 1 && why[0].starts_with(says), "{text}: {why:?}");
        assert!(matches!(house.import(text, ""), Err(Refusal::Conflict(_))), "{text}");
    }
    for (text, says) in [
        (format!("userName,title\nada,{long}\n"), "Line 2, title: The value has more than 65536 bytes."),
        (format!("id,userName\n{ada},eve\n"), "Line 2, userName: Somebody else has the userName 'eve' already."),
        (format!("id,userName\n{ada},b\n,ada\n"), "Line 3: 'ada' is in line 2 already."),
        (format!("id,userName\n{ada},b\n,B\n"), "Line 3: 'B' is in line 2 already."),
        (format!("id,userName\n,b\n{ada},B\n"), "Line 3, userName: 'B' is in line 2 already."),
        (format!("id,userName\n{ada},\n,ada\n"), "Line 3: 'ada' is in line 2 already."),
    ] {
        let why = house.why(&text);
        assert!(why.len() == 1 && why[0].starts_with(says), "{text:.100}: {why:?}");
    }
    // What is missing at the end of a row, or empty behind it, says nothing.
    assert_eq!(house.preview("userName,title,nickName\nada\neve,,,\n").unchanged, 2);
    let many = format!("userName,active\n{}", "x,y\n".repeat(1500));
    let plan = house.preview(&many);
    // Each is wrong, and all but the first are one too many.
    assert_eq!((plan.error_count, plan.errors.len()), (2999, MOST_ERRORS));
    assert_eq!(house.changes(), before);
}

#[test]
fn an_import_is_what_was_previewed_or_nothing() {
    let house = House::new();
    house.make(Kind::Person, r#"{"userName":"ada","title":"Countess"}"#).unwrap();
    let text = "userName,title\nnew,Boss\nada,Lady\n";
    let seen = house.preview(text);
    // What has nothing to do with it does not count.
    house.make(Kind::Person, r#"{"userName":"else"}"#).unwrap();
    house.imported("userName,nickName\nada,Addie\n");
    assert_eq!(house.preview(text).digest, seen.digest);
    house.imported("userName,title\nada,Madam\n");
    let before = house.changes();
    assert!(matches!(house.import(text, &seen.digest), Err(Refusal::Conflict(why)) if why == MOVED));
    assert_eq!(house.changes(), before);
    house.make(Kind::Person, r#"{"userName":"NEW"}"#).unwrap();
    assert_ne!(house.preview(text).digest, house.preview("userName,title\nnewer,Boss\nada,Lady\n").digest);
    house.imported(text);
}

#[test]
fn secrets_are_neither_shown_nor_exported() {
    let house = House::new();
    let plan = house.imported("userName,pin,password\nada,1234-canary,other-canary\n");
    let shown = format!("{:?}", plan.shown);
    assert!(!shown.contains("canary") && shown.contains("(not shown)"), "{shown}");
    assert_eq!(plan.unread, [("password".to_owned(), "passwords are kept nowhere here")]);
    assert!(!house.export().contains("canary"));
}

/// What strangers put into names: formulas, marks, separators, quotes, lines, and what looks like any of them.
const TEXT: &str = "([-=+@'\"\\[\\]clear,;\\\\\t\r\n ＝＠x<]|\\PC){1,8}";

type Cells = Vec<(usize, String)>;

fn person() -> impl Strategy<Value = (String, Cells, Cells)> {
    let cells = proptest::collection::vec((0..9usize, TEXT), 0..6);
    let emails = proptest::collection::vec((0..4usize, TEXT), 0..3);
    ("[-=+@'\"a,; ＝]{0,4}", cells, emails)
}

#[test]
fn an_export_changes_nothing_and_no_cell_of_it_is_a_formula() {
    let house = House::new();
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let number = std::cell::Cell::new(0);
    let strategy = (person(), TEXT, any::<Option<bool>>(), any::<i32>());
    let ran = runner.run(&strategy, |((prefix, cells, emails), group, active, level)| {
        number.set(number.get() + 1);
        let mut document = Object::new();
        document.push("userName", format!("{prefix}{}", number.get()));
        let (mut name, mut enterprise, mut hr) = (Object::new(), Object::new(), Object::new());
        for (at, text) in cells {
            match at {
                0..3 => document.set(["title", "displayName", "externalId"][at], text),
                3..5 => name.set(["givenName", "familyName"][at - 3], text),
                5..7 => enterprise.set(["department", "costCenter"][at - 5], text),
                7 => hr.set("badge", format!("{text}{}", number.get())),
                _ => hr.set("pin", text),
            }
        }
        hr.set("level", Json::Number(level.into()));
        document.push("name", name);
        document.push("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", enterprise);
        document.push("urn:example:scim:schemas:extension:hr:1.0:User", hr);
        let mut list = Vec::new();
        for (at, text) in emails {
            let mut email = Object::new();
            email.push("value", text.clone());
            if let Some(kind) = ["work", "Home", text.as_str()].get(at) {
                email.push("type", *kind);
            }
            list.push(email.into());
        }
        document.push("emails", Json::Array(list));
        if let Some(active) = active {
            document.push("active", active);
        }
        let id = house.made(Kind::Person, document).map_err(|e| TestCaseError::reject(format!("{e:?}")))?;
        let mut document = Object::new();
        document.push("displayName", group.as_str());
        if !group.contains(char::is_control)
            && let Ok(group) = house.made(Kind::Group, document)
        {
            let who = id.clone();
            house
                .write(move |writer, (_, caller)| {
                    crate::directory::lifecycle::join(writer, caller, &group, &who, crate::store::Source::Provider)
                })
                .unwrap();
        }
        if active == Some(false) {
            house
                .write(move |writer, (site, _)| {
                    set_override(writer, &site.roles, &id, Some("USER"), By::command("test"))
                })
                .unwrap();
        }
        let text = house.export();
        let plan = house.preview(&text);
        prop_assert_eq!((plan.touched(), plan.errors.len(), plan.unchanged), (0, 0, plan.rows), "{:?}\n{}", plan, text);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        for record in reader.records() {
            for cell in record.unwrap().iter() {
                let first = cell.chars().find(|c| *c != ' ' && *c != '"');
                let formula = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
                prop_assert!(!first.is_some_and(|c| formula.contains(&c)), "{:?}", cell);
            }
        }
        Ok(())
    });
    ran.unwrap();
    // Somewhere else it makes the same people, but for the ids and what the file cannot hold.
    let text = house.export();
    let other = House::new();
    let lines = text.lines().count();
    assert!(lines > 30);
    let names = {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let header: csv::StringRecord = reader.records().next().unwrap().unwrap();
        let groups = header.iter().position(|name| name == "groups").unwrap();
        let cells: Vec<String> = reader.records().map(|r| r.unwrap()[groups].to_owned()).collect();
        cells.iter().flat_map(|cell| cell::names(&cell::unmarked(cell))).collect::<Vec<_>>()
    };
    for name in names {
        let mut document = Object::new();
        document.push("displayName", name.as_str());
        other.made(Kind::Group, document).unwrap();
    }
    let why = other.why(&text);
    assert!(why[0].starts_with("Line 2, id: Nobody has the id"), "{}", why[0]);
    // Ids are those of one directory: its cells are emptied.
    let mut bare = csv::WriterBuilder::new().from_writer(Vec::new());
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    for (i, record) in reader.records().enumerate() {
        let record = record.unwrap();
        let id = if i == 0 { "id" } else { "" };
        bare.write_record([id].into_iter().chain(record.iter().skip(1))).unwrap();
    }
    let plan = other.imported(&String::from_utf8(bare.into_inner().unwrap()).unwrap());
    assert_eq!(plan.creates, plan.rows);
}
