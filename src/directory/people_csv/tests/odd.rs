//! Files and directories that nobody thought of.

use super::*;

fn group(house: &House, name: &str) -> String {
    let mut document = Object::new();
    document.push("displayName", name);
    house.made(Kind::Group, document).unwrap()
}

fn exported(house: &House, is_partial: bool) -> Result<(String, Option<String>), Exported> {
    let site = house.site.clone();
    let read = house.store.read(move |reader| {
        let (mut bytes, progress, is_over) = (Vec::new(), &AtomicU64::new(0), &AtomicBool::new(false));
        let done = export(reader, &site, &mut bytes, Manner { mark: false, is_partial, progress, is_over })?;
        Ok::<_, Exported>((bytes, done.left_out))
    });
    read.wait().map(|(bytes, left_out)| (String::from_utf8(bytes).unwrap(), left_out))
}

/// A group may be exchanged for another one of the same name between the look and the import.
#[test]
fn groups_are_joined_by_what_they_are_and_not_by_their_name() {
    let house = House::new();
    house.make(Kind::Person, r#"{"userName":"ada"}"#).unwrap();
    let crew = group(&house, "Crew");
    let text = "userName,groups\nada,crew\n";
    let seen = house.preview(text);
    assert_eq!(seen.shown[0].changes[0].2, "Crew", "by its own name");
    assert_eq!((seen.joins, seen.roles), (1, 0));
    house
        .write(move |writer, who| {
            act(writer, who, Kind::Group, |writer, ask| crate::directory::local::delete(writer, ask, &crew))
        })
        .unwrap();
    group(&house, "Crew");
    assert!(matches!(house.import(text, &seen.digest), Err(Refusal::Conflict(why)) if why == MOVED));
    group(&house, " Admins");
    let plan = house.preview("userName,groups\nada,Crew; Admins\n");
    assert_eq!(plan.shown[0].changes[0].2, "Crew; ' Admins'", "the blank is a part of the name");
    group(&house, "Admins");
    let plan = house.imported("userName,groups\nada,Crew;Admins ; Admins\n");
    assert_eq!(plan.shown[0].changes[0].2, "Crew; Admins; ' Admins'");
}

#[test]
fn types_compare_without_case_and_one_element_is_primary() {
    let house = House::new();
    house.make(Kind::Person, r#"{"userName":"ada"}"#).unwrap();
    let twice = "userName,emails.work,\"emails[type eq \"\"WORK\"\"].value\"\nada,a@x,b@x\n";
    let file = File { bytes: twice.as_bytes(), bounds: WIDE, progress: &AtomicU64::new(0) };
    let catalog = Catalog::built_in().unwrap();
    let refused = inspect(file.bytes, file.bounds, catalog.resource_type("User").unwrap()).unwrap_err();
    assert!(refused.why.contains("The columns 2 and 3 are about the same"), "{refused}");
    let apart = "userName,\"emails[type eq \"\"WORK\"\"].value\",emails.work.display\nnew,a@x,A\n";
    house.imported(apart);
    assert!(house.export().contains("new"), "one element, and not two");
    for who in ["ada", "newer"] {
        let text =
            format!("userName,emails.work,emails.work.primary,emails.home,emails.home.primary\n{who},w@x,true,h@x,1\n");
        assert_eq!(
            house.why(&text),
            ["Line 2, emails.home.primary: 'emails.work.primary' says true already, and only one can be primary."]
        );
        house.imported(&text.replace(",1\n", ",false\n"));
    }
    // The one that is there is given up for another, and so it stays.
    house.imported("userName,emails.home.primary\nada,true\n");
}

/// A cell that the export writes is longer than the value, and that of the groups is as long as it has to be.
#[test]
fn long_cells_are_read_again() {
    let house = House::new();
    let title = "=".repeat(crate::scim::json::MAX_STRING);
    let id = house.make(Kind::Person, &format!(r#"{{"userName":"long","title":"{title}"}}"#)).unwrap();
    for i in 0..1100 {
        let group = group(&house, &format!("Group {i} {}", "\\\\;".repeat(30)));
        let who = id.clone();
        house
            .write(move |writer, (_, caller)| {
                crate::directory::lifecycle::join(writer, caller, &group, &who, crate::store::Source::Provider)
            })
            .unwrap();
    }
    let plan = house.preview(&house.export());
    assert_eq!((plan.errors.as_slice(), plan.unchanged), (&[][..], 1));
    let plan = house.preview(&format!("userName,title\nlong,{title}=\n"));
    assert_eq!(plan.errors[0].to_string(), "Line 2, title: The value has more than 65536 bytes.");
}

#[test]
fn what_has_no_room_is_said_and_what_has_one_value_comes_first() {
    let house = House::new();
    let emails: Vec<String> = (0..600).map(|i| format!(r#"{{"value":"{i}@x","type":"zz{i}"}}"#)).collect();
    house.make(Kind::Person, &format!(r#"{{"userName":"flood","emails":[{}]}}"#, emails.join(","))).unwrap();
    house
        .make(
            Kind::Person,
            r#"{"userName":"later","nickName":"Nick","phoneNumbers":[{"value":"1","type":"mobile"}],
            "urn:example:scim:schemas:extension:hr:1.0:User":{"badge":"B"}}"#,
        )
        .unwrap();
    assert!(matches!(exported(&house, false), Err(Exported::TooWide(name)) if name.contains("zz")));
    let (text, left_out) = exported(&house, true).unwrap();
    assert!(left_out.unwrap().contains("emails[type eq \"zz"));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let header = reader.records().next().unwrap().unwrap();
    assert_eq!(header.len(), MOST_COLUMNS);
    for name in ["nickName", "phoneNumbers.mobile", "badge", "groups", "role", "lastModified"] {
        assert!(header.iter().any(|n| n == name), "{name}");
    }
    let plan = house.preview(&text);
    assert_eq!((plan.errors.as_slice(), plan.unchanged), (&[][..], 2));
}

#[test]
fn everybody_can_be_seen_and_in_full() {
    let house = House::new();
    let long = "x".repeat(500);
    let rows: String = (0..250).map(|i| format!("p{i},{long},USER\n")).collect();
    let text = format!("userName,title,role\n{rows}");
    let names = |plan: &Plan| plan.shown.iter().map(|shown| shown.name.clone()).collect::<Vec<_>>();
    let all = house.seen(&text, View { from: 0, count: usize::MAX, is_full: true });
    assert_eq!((all.shown.len(), all.roles, all.shown[249].changes[0].2.len()), (250, 250, 500));
    let mut met = Vec::new();
    for from in [0, 100, 200, 300] {
        let plan = house.seen(&text, View { from, ..View::first(100) });
        assert_eq!(plan.digest, all.digest);
        assert!(plan.shown.iter().all(|shown| shown.changes[0].2.chars().count() == 121));
        met.extend(names(&plan));
    }
    assert_eq!(met, names(&all));
}

/// Nobody who does not wait keeps a thread busy.
#[test]
fn an_export_that_nobody_waits_for_ends() {
    let house = House::new();
    house.make(Kind::Person, r#"{"userName":"ada"}"#).unwrap();
    let site = house.site.clone();
    let read = house.store.read(move |reader| {
        let (progress, is_over) = (&AtomicU64::new(0), &AtomicBool::new(true));
        export(reader, &site, std::io::sink(), Manner { mark: false, is_partial: false, progress, is_over })
    });
    assert!(matches!(read.wait(), Err(Exported::Over)));
}
