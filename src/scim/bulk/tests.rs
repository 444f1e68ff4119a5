use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Bulk, Refused> {
    Bulk::parse(Json::parse(text.as_bytes()).unwrap(), 3, &Dialect::tolerant())
}

fn asked(data: &str, path: &str) -> Asked {
    let data = Json::parse(data.as_bytes()).unwrap();
    Asked { verb: Verb::Post, path: path.into(), version: None, data }
}

#[test]
fn what_is_wrong_with_one_operation_is_kept_with_it() {
    let bulk = parse(
        r#"{"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{}},{"method":"GET","path":"/Users"},7]}"#,
    );
    let bulk = bulk.unwrap();
    let wrong: Vec<bool> = bulk.operations.iter().map(|o| o.asked.is_err()).collect();
    assert_eq!(wrong, [false, true, true]);
    assert!(bulk.operations[0].creates() && bulk.fail_on_errors.is_none());
    for (text, word) in [
        ("7", "object"),
        ("{}", "Operations"),
        (r#"{"Operations":{}}"#, "array"),
        (r#"{"Operations":[],"failOnErrors":0}"#, "failOnErrors"),
        (r#"{"Operations":[],"failOnErrors":"1"}"#, "failOnErrors"),
        (
            r#"{"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{}},{"method":"POST","path":"/Users","bulkId":"a","data":{}}]}"#,
            "twice",
        ),
    ] {
        assert!(matches!(parse(text), Err(Refused::Fault(f)) if f.to_string().contains(word)), "{text}");
    }
    assert_eq!(parse(r#"{"Operations":[1,2,3,4]}"#), Err(Refused::TooMany(4)));
}

#[test]
fn references_are_found_where_they_can_stand() {
    let data = r#"{"displayName":"bulkId:n","members":[{"value":"bulkId:a"},{"$ref":"../Users/bulkId:b"},"bulkId:c"],
        "Operations":[{"path":"members[value eq \"bulkId:d\" or $ref eq \"/Users/bulkId:f\"]","value":["bulkId:e"]}]}"#;
    let mut one = asked(data, "/Groups/bulkId:g");
    let mut names = one.references();
    names.sort();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f", "g", "n"]);
    let ids: HashMap<String, String> =
        ["a", "b", "c", "d", "g"].iter().map(|n| (n.to_string(), format!("id-{n}"))).collect();
    // A display name refers to nothing: it stays what it is when nothing is called so.
    assert_eq!(one.resolve(&ids), ["f", "e"]);
    assert_eq!(one.path, "/Groups/id-g");
    let text = one.data.text();
    for part in
        ["\"bulkId:n\"", "{\"value\":\"id-a\"}", "\"../Users/id-b\"", "\"id-c\"", "\\\"id-d\\\" or", "[\"bulkId:e\"]"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn whoever_is_referred_to_is_drawn_forward_and_the_rest_stays_in_order() {
    assert_eq!(order(&[vec![], vec![], vec![]]), [[0], [1], [2]]);
    assert_eq!(order(&[vec![2], vec![], vec![]]), [[2], [0], [1]]);
    assert_eq!(order(&[vec![1], vec![2], vec![]]), [[2], [1], [0]]);
    assert_eq!(order(&[vec![1], vec![0], vec![0]]), [vec![0, 1], vec![2]]);
    assert_eq!(order(&[vec![0], vec![1, 1]]), [[0], [1]]);
    // Deep chains need no deep stack.
    let chain: Vec<Vec<usize>> = (0..100_000).map(|i| if i < 99_999 { vec![i + 1] } else { vec![] }).collect();
    assert_eq!(order(&chain).len(), 100_000);
}

proptest! {
    #[test]
    fn every_operation_comes_once_after_those_that_it_needs(
        edges in proptest::collection::vec(proptest::collection::vec(0usize..12, 0..4), 0..12),
    ) {
        let n = edges.len();
        let needs: Vec<Vec<usize>> = edges.iter().map(|e| e.iter().copied().filter(|i| *i < n).collect()).collect();
        let mut reaches = vec![vec![false; n]; n];
        for _ in 0..n {
            for i in 0..n {
                for j in needs[i].clone() {
                    reaches[i][j] = true;
                    let further = reaches[j].clone();
                    (0..n).filter(|k| further[*k]).for_each(|k| reaches[i][k] = true);
                }
            }
        }
        let groups = order(&needs);
        let mut all: Vec<usize> = groups.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
        // Whatever nobody refers to stands as it was written.
        let free = |i: &usize| !needs.iter().any(|need| need.contains(i));
        let stays: Vec<usize> = groups.concat().into_iter().filter(free).collect();
        prop_assert!(stays.is_sorted(), "{:?} of {:?}", groups, needs);
        let mut done = HashSet::new();
        for group in &groups {
            for (a, b) in group.iter().flat_map(|a| group.iter().map(move |b| (*a, *b))).filter(|(a, b)| a != b) {
                prop_assert!(reaches[a][b] && reaches[b][a]);
            }
            done.extend(group.iter().copied());
            prop_assert!(group.iter().all(|i| needs[*i].iter().all(|need| done.contains(need))));
        }
    }
}
