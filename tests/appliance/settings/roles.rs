//! The page of roles: rules that are drafted, looked at and saved; a role that is given to one person.

use serde_json::{Value, json};

use super::browser::Browser;
use super::{House, id_of};
use crate::wire::Client;

/// A directory with three people and three groups that the provider has sent.
struct Scene {
    house: House,
    client: Client,
    ids: [String; 3],
    groups: [String; 3],
}

fn scene() -> Scene {
    let house = House::new();
    let client = house.provider();
    let ids = ["ada@x.io", "grace@x.io", "alan@x.io"]
        .map(|name| id_of(&client.post("/Users", &json!({"userName": name})).unwrap()));
    let group = |name: &str, of: &[&String]| {
        let members: Vec<Value> = of.iter().map(|id| json!({"value": id})).collect();
        id_of(&client.post("/Groups", &json!({"displayName": name, "members": members})).unwrap())
    };
    let groups = [group("Auditors", &[&ids[0], &ids[1]]), group("Board", &[&ids[0]]), group("Crew", &[])];
    Scene { house, client, ids, groups }
}

impl Scene {
    fn role(&self, person: usize) -> String {
        let path = format!("/Users/{}?attributes=urn:scim-appliance:schemas:1.0:User:role", self.ids[person]);
        let body = self.client.get(&path).unwrap().json();
        body["urn:scim-appliance:schemas:1.0:User"]["role"]["value"].as_str().unwrap().to_owned()
    }

    fn rules(&self) -> Vec<(String, String, bool)> {
        let text = self.house.place.done(&["role", "list", "--json"]);
        let all: Value = serde_json::from_str(&text).unwrap();
        let rule = |r: &Value| {
            let text = |of: &Value| of.as_str().unwrap().to_owned();
            (text(&r["group"]), text(&r["role"]), r["nested"].as_bool().unwrap())
        };
        all["rules"].as_array().unwrap().iter().map(rule).collect()
    }
}

/// What the form of a page carries of the rules, and how they stood.
fn form_of(page: &str) -> (String, Vec<(String, String, bool)>) {
    let value = |tag: &str| tag.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let stood = value(page.split("name=\"stood\"").nth(1).unwrap());
    let rule = |part: &str| {
        let role = part.split("<select name=\"role\"").nth(1).unwrap().split("</select>").next().unwrap();
        let chosen = role.split("<option").find(|o| o.contains(" selected")).unwrap();
        let nested = part.split("name=\"nested\"").nth(1).unwrap().split('>').next().unwrap().contains("checked");
        (value(part), value(chosen), nested)
    };
    (stood, page.split("name=\"group\"").skip(1).map(rule).collect())
}

/// Presses a button of the form with these rules in it.
fn press(
    browser: &mut Browser,
    stood: &str,
    rules: &[(String, String, bool)],
    button: &str,
    more: &[(&str, &str)],
) -> crate::support::Answer {
    let mut fields = vec![("stood", stood)];
    for (group, role, nested) in rules {
        fields.extend([("group", group.as_str()), ("role", role.as_str())]);
        if *nested {
            fields.push(("nested", group));
        }
    }
    fields.push(("do", button));
    fields.extend(more);
    browser.post("/roles", &fields)
}

#[test]
fn rules_are_drafted_looked_at_and_saved() {
    let scene = scene();
    let [auditors, board, _] = &scene.groups;
    let mut ada = scene.house.ada();
    let page = ada.page("/roles");
    assert!(
        page.contains("There is no rule") && page.contains("Limited access user") && !page.contains("Save the rules")
    );
    let (stood, rules) = form_of(&page);
    assert!(rules.is_empty());
    let added =
        press(&mut ada, &stood, &rules, "add", &[("new-group", "auditors"), ("new-role", "COMPLIANCE_MANAGER")]);
    assert_eq!(added.status, 200, "{}", added.body);
    assert!(added.body.contains("2 people would have another role") && added.body.contains("Nothing is saved yet"));
    assert!(added.body.contains("ada@x.io") && added.body.contains("grace@x.io"), "{}", added.body);
    assert!(scene.rules().is_empty(), "nothing is saved");
    let (stood, rules) = form_of(&added.body);
    let second =
        press(&mut ada, &stood, &rules, "add", &[("new-group", board), ("new-role", "ORGANIZATION_ADMINISTRATOR")]);
    let (stood, rules) = form_of(&second.body);
    assert_eq!(rules.iter().map(|r| r.0.clone()).collect::<Vec<_>>(), [auditors.clone(), board.clone()]);
    // Ada is in both: the order decides.
    let tested = press(&mut ada, &stood, &rules, "test", &[("who", "ADA@x.io")]);
    assert!(tested.body.contains("would be <strong>Compliance manager</strong>"), "{}", tested.body);
    let up = press(&mut ada, &stood, &rules, &format!("up:{board}"), &[("who", "ADA@x.io")]);
    assert!(up.body.contains("would be <strong>Admin</strong>"), "the test goes along: {}", up.body);
    let (stood, rules) = form_of(&up.body);
    assert_eq!(rules[0].0, *board);
    let saved = press(&mut ada, &stood, &rules, "save", &[]);
    assert_eq!((saved.status, saved.header("location")), (303, Some("/roles")), "{}", saved.body);
    assert_eq!(
        [0, 1, 2].map(|p| scene.role(p)),
        ["ORGANIZATION_ADMINISTRATOR", "COMPLIANCE_MANAGER", "LIMITED_ACCESS_USER"]
    );
    let audit = scene.house.audit();
    let rules_made = audit.iter().filter(|(who, op)| who == "admin:ada" && op == "role.rule.add").count();
    assert_eq!(rules_made, 2);
    // Down again, and another role for one: who changes is said once more.
    let page = ada.page("/roles");
    assert!(!page.contains("Nothing is saved yet"), "what is stored is no draft");
    let (stood, mut rules) = form_of(&page);
    rules[1].1 = "USER".to_owned();
    let looked = press(&mut ada, &stood, &rules, "look", &[]);
    assert!(
        looked.body.contains("1 person would have another role") && looked.body.contains("grace@x.io"),
        "{}",
        looked.body
    );
    let removed = press(&mut ada, &stood, &rules, &format!("remove:{board}"), &[]);
    assert!(removed.body.contains("2 people would have"), "{}", removed.body);
    let (stood, rules) = form_of(&removed.body);
    assert_eq!(press(&mut ada, &stood, &rules, "save", &[]).status, 303);
    assert_eq!(scene.rules(), [(auditors.clone(), "USER".to_owned(), false)]);
    assert_eq!(scene.role(0), "USER");
    let ops: Vec<String> =
        scene.house.audit().into_iter().map(|(_, op)| op).filter(|op| op.starts_with("role.")).collect();
    assert_eq!(ops, ["role.rule.add", "role.rule.add", "role.rule.remove", "role.rule.edit"]);
    let why = scene.house.place.done(&["role", "why", "ada@x.io"]);
    assert!(why.contains("admin:ada") && why.contains("request "), "{why}");
}

/// Two tabs: the second one is told that the rules stand otherwise by now, keeps its draft, and can save it then.
#[test]
fn a_draft_on_rules_that_were_changed_since_is_not_saved() {
    let scene = scene();
    let [auditors, board, _] = &scene.groups;
    let mut ada = scene.house.ada();
    let (stood, _) = form_of(&ada.page("/roles"));
    scene.house.place.done(&["role", "rule", "add", "--group", "Board", "--role", "USER"]);
    let draft = [(auditors.clone(), "ORGANIZATION_ADMINISTRATOR".to_owned(), true)];
    let late = press(&mut ada, &stood, &draft, "save", &[]);
    assert_eq!(late.status, 409);
    assert!(
        late.body.contains("The rules were changed since this page was opened. Nothing was saved."),
        "{}",
        late.body
    );
    assert_eq!(scene.rules(), [(board.clone(), "USER".to_owned(), false)]);
    let (now, kept) = form_of(&late.body);
    assert_eq!(kept, draft);
    assert_eq!(press(&mut ada, &now, &kept, "save", &[]).status, 303);
    assert_eq!(scene.rules(), draft);
    // Sent twice, it says the same.
    assert_eq!(press(&mut ada, &now, &kept, "save", &[]).status, 409);
}

#[test]
fn what_cannot_be_a_rule_is_refused_with_a_sentence() {
    let scene = scene();
    let [auditors, _, crew] = &scene.groups;
    let mut ada = scene.house.ada();
    let (stood, none) = form_of(&ada.page("/roles"));
    for (group, sentence) in [
        ("", "Say for which group"),
        ("<b>", "There is no group &#34;&#60;b&#62;&#34;"),
        ("\u{7}", "There is no group"),
    ] {
        let answer = press(&mut ada, &stood, &none, "add", &[("new-group", group), ("new-role", "USER")]);
        assert_eq!(answer.status, 422, "{group:?}");
        assert!(answer.body.contains(sentence), "{group:?}: {}", answer.body);
    }
    let user = |group: &String| (group.clone(), "USER".to_owned(), false);
    let twice = press(&mut ada, &stood, &[user(auditors)], "add", &[("new-group", "AUDITORS"), ("new-role", "USER")]);
    assert!(twice.status == 422 && twice.body.contains("has a rule already"), "{}", twice.body);
    let unknown = press(&mut ada, &stood, &[], "test", &[("who", "nobody@x.io")]);
    assert!(
        unknown.status == 422 && unknown.body.contains("There is nobody with the userName or id"),
        "{}",
        unknown.body
    );
    for forged in [
        vec![user(auditors), user(auditors)],
        vec![user(&"no-such-group".to_owned())],
        vec![user(&"Auditors".to_owned())],
        vec![(auditors.clone(), "EMPEROR".to_owned(), false)],
        vec![(auditors.clone(), "user".to_owned(), false)],
    ] {
        for button in ["look", "save"] {
            let answer = press(&mut ada, &stood, &forged, button, &[]);
            assert_eq!(answer.status, 409, "{forged:?} {button}");
        }
    }
    // A group that is archived while somebody drafts.
    assert_eq!(scene.client.delete(&format!("/Groups/{crew}")).unwrap().status, 204);
    let gone = press(&mut ada, &stood, &[user(crew)], "save", &[]);
    assert!(gone.status == 409 && gone.body.contains("no group any more"), "{}", gone.body);
    assert!(scene.rules().is_empty());
    // Without the value of the session, and after its end.
    let before = scene.house.contents();
    let mut stranger = ada.clone();
    stranger.csrf = "0".repeat(64);
    assert_eq!(press(&mut stranger, &stood, &[user(auditors)], "save", &[]).status, 403);
    scene.house.execute("delete from session");
    let ended = press(&mut ada, &stood, &[user(auditors)], "save", &[]);
    assert_eq!((ended.status, ended.header("location")), (303, Some("/sign-in")));
    assert!(scene.rules().is_empty());
    assert!(before.iter().any(|row| row.contains("ada")));
}

/// A rule whose group is gone, or whose role the configuration has no longer, stays until somebody removes it.
#[test]
fn dead_rules_stay_and_can_be_removed() {
    let mut scene = scene();
    let [auditors, board, _] = scene.groups.clone();
    scene.house.place.done(&["role", "rule", "add", "--group", "Board", "--role", "USER"]);
    scene.house.place.done(&["role", "rule", "add", "--group", "Auditors", "--role", "USER", "--nested"]);
    assert_eq!(scene.client.delete(&format!("/Groups/{board}")).unwrap().status, 204);
    scene.house.meanwhile("update role_rule set role = 'OLD_ROLE' where position = 2");
    let mut ada = scene.house.ada();
    let page = ada.page("/roles");
    assert!(page.contains("Group is gone") && page.contains("OLD_ROLE (no such role)"), "{page}");
    let (stood, rules) = form_of(&page);
    assert_eq!(rules, [(board.clone(), "USER".to_owned(), false), (auditors.clone(), "OLD_ROLE".to_owned(), true)]);
    // They can be moved among each other as they are, and be removed.
    let up = press(&mut ada, &stood, &rules, &format!("up:{auditors}"), &[]);
    assert_eq!(up.status, 200, "{}", up.body);
    let (stood, rules) = form_of(&up.body);
    let removed = press(&mut ada, &stood, &rules, &format!("remove:{board}"), &[]);
    let (stood, rules) = form_of(&removed.body);
    assert_eq!(press(&mut ada, &stood, &rules, "save", &[]).status, 303);
    assert_eq!(scene.rules(), [(auditors, "OLD_ROLE".to_owned(), true)]);
}

#[test]
fn a_role_is_given_to_one_person_and_taken_back() {
    let scene = scene();
    let mut ada = scene.house.ada();
    let here = format!("/people/{}", scene.ids[2]);
    assert!(ada.page(&here).contains("Give a role here"));
    let given = ada.post(&format!("{here}/role"), &[("role", "COMPLIANCE_MANAGER")]);
    assert_eq!((given.status, given.header("location")), (303, Some(format!("{here}#role").as_str())));
    assert_eq!(scene.role(2), "COMPLIANCE_MANAGER");
    let page = ada.page(&here);
    assert!(page.contains("<option value=\"COMPLIANCE_MANAGER\" selected>"), "{page}");
    assert!(ada.page("/roles").contains("alan@x.io</a>: Compliance manager"));
    assert_eq!(ada.post(&format!("{here}/role"), &[("role", "EMPEROR")]).status, 403);
    assert_eq!(ada.post("/people/nobody/role", &[("role", "USER")]).status, 403);
    assert_eq!(ada.post(&format!("{here}/role"), &[("role", "")]).status, 303);
    assert_eq!(scene.role(2), "LIMITED_ACCESS_USER");
    assert!(scene.house.audit().contains(&("admin:ada".to_owned(), "role.override".to_owned())));
    let request = scene.house.text("select request from change where op = 'role.override' limit 1");
    assert!(!request.is_empty());
}

/// As many rules as there can be go through the form.
#[test]
fn a_thousand_rules_fit_into_the_form() {
    let scene = scene();
    let file = scene.house.file();
    file.execute_batch("begin").unwrap();
    let rules: Vec<(String, String, bool)> = (0..1000)
        .map(|i| (format!("0199d1c2-8f3e-7a60-9f51-{i:012}"), "ORGANIZATION_ADMINISTRATOR".to_owned(), true))
        .collect();
    for (position, (group, role, _)) in (1_i64..).zip(&rules) {
        file.execute(
            "insert into role_rule (group_id, position, role, nested, change) values (?1, ?2, ?3, 1, 1)",
            (group, position, role),
        )
        .unwrap();
    }
    file.execute_batch("update generation set control = control + 1; commit").unwrap();
    let mut ada = scene.house.ada();
    let (stood, stored) = form_of(&ada.page("/roles"));
    assert_eq!(stored.len(), 1000);
    let first = &rules[999].0;
    let mut moved = stored.clone();
    let last = moved.pop().unwrap();
    moved.insert(0, last);
    assert_eq!(press(&mut ada, &stood, &moved, "save", &[]).status, 303);
    assert_eq!(scene.rules()[0].0, *first);
    assert_eq!(scene.house.number("select count(*) from change where op like 'role.rule%'"), 1, "one rule was moved");
}

/// Somebody whose userName is the id of somebody else takes nothing that is meant for that one.
#[test]
fn whoever_is_called_like_an_id_does_not_take_its_place() {
    let scene = scene();
    let [victim, _, leaver] = &scene.ids;
    let mallory = id_of(&scene.client.post("/Users", &json!({"userName": victim.to_uppercase()})).unwrap());
    let twin = id_of(&scene.client.post("/Groups", &json!({"displayName": scene.groups[1]})).unwrap());
    let mut ada = scene.house.ada();
    ada.page("/roles");
    assert_eq!(ada.post(&format!("/people/{victim}/role"), &[("role", "ORGANIZATION_ADMINISTRATOR")]).status, 303);
    assert_eq!(scene.house.text("select user_id from role_override"), *victim);
    let draft = [(scene.groups[1].clone(), "USER".to_owned(), false)];
    let (stood, _) = form_of(&ada.page("/roles"));
    assert_eq!(press(&mut ada, &stood, &draft, "save", &[]).status, 303);
    assert_eq!(scene.rules(), draft);
    scene.house.place.done(&["person", "deactivate", leaver]);
    scene.house.place.done(&["handover", "give", leaver, "--to", victim]);
    assert_eq!(scene.house.text("select successor from handover"), *victim);
    scene.house.place.done(&["person", "deactivate", victim]);
    assert_eq!(scene.client.get(&format!("/Users/{victim}")).unwrap().json()["active"], json!(false));
    assert_eq!(scene.client.get(&format!("/Users/{mallory}")).unwrap().json()["active"], json!(true));
    scene.house.place.done(&["group", "delete", &scene.groups[1]]);
    assert_eq!(scene.client.get(&format!("/Groups/{twin}")).unwrap().status, 200);
}

/// What was given to somebody who was deleted would be in force again with a restore: that is said, and it can be taken back.
#[test]
fn a_role_of_somebody_who_is_gone_is_shown_and_can_be_taken_back() {
    let scene = scene();
    let gone = &scene.ids[2];
    let mut ada = scene.house.ada();
    ada.page("/roles");
    assert_eq!(ada.post(&format!("/people/{gone}/role"), &[("role", "ORGANIZATION_ADMINISTRATOR")]).status, 303);
    assert_eq!(scene.client.delete(&format!("/Users/{gone}")).unwrap().status, 204);
    assert!(ada.page("/roles").contains("alan@x.io</a>: Admin, deleted since"));
    let page = ada.page(&format!("/people/{gone}/restore"));
    assert!(page.contains("Admin, which was given here, is in force again"), "{page}");
    assert_eq!(
        ada.post(&format!("/people/{gone}/role"), &[("role", "USER")]).status,
        403,
        "nothing is given to who is gone"
    );
    scene.house.place.done(&["role", "set", gone, "--clear"]);
    assert!(!ada.page(&format!("/people/{gone}/restore")).contains("is in force again"));
    scene.house.place.done(&["person", "restore", gone]);
    assert_eq!(scene.role(2), "LIMITED_ACCESS_USER");
}

/// Of a draft only the rule is lost whose group is gone, and no form that is half there takes all rules away.
#[test]
fn a_draft_outlives_the_end_of_one_of_its_groups() {
    let scene = scene();
    let [auditors, board, _] = &scene.groups;
    let mut ada = scene.house.ada();
    let (stood, _) = form_of(&ada.page("/roles"));
    let draft: Vec<_> = [auditors, board].map(|g| (g.clone(), "USER".to_owned(), false)).to_vec();
    assert_eq!(scene.client.delete(&format!("/Groups/{board}")).unwrap().status, 204);
    for button in ["look", "save", &format!("up:{board}")] {
        let answer = press(&mut ada, &stood, &draft, button, &[]);
        assert_eq!(answer.status, 409, "{button}");
        assert_eq!(form_of(&answer.body).1, draft[..1], "{button}");
        assert!(answer.body.contains("no group any more for a rule"), "{button}: {}", answer.body);
    }
    assert_eq!(press(&mut ada, &stood, &draft[..1], "save", &[]).status, 303);
    let (stood, _) = form_of(&ada.page("/roles"));
    let half = ada.post("/roles", &[("stood", &stood), ("group", auditors), ("do", "save")]);
    assert_eq!(half.status, 403, "a group without its role is no form of ours");
    assert_eq!(scene.rules().len(), 1);
}
