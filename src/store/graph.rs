//! The groups of the directory and how they are nested, held in memory for one generation: joining nested groups in
//! SQL for each user would cost many times the look-up of the user.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::StoreError;

/// Groups inside groups are followed this far; a cycle is harmless and ends earlier.
const MAX_DEPTH: usize = 32;

/// One group.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its displayName.
    pub display: String,
    /// The groups that it is a direct member of, by key.
    parents: Vec<i64>,
}

/// All groups, by key.
#[derive(Debug, Default)]
pub struct Graph {
    generation: i64,
    nodes: HashMap<i64, Node>,
    nested: bool,
}

impl Graph {
    pub(super) fn generation(&self) -> i64 {
        self.generation
    }

    pub(super) fn load(
        connection: &Connection,
        generation: i64,
        types: &HashMap<String, i64>,
    ) -> Result<Graph, StoreError> {
        let group = types.get("Group").copied().unwrap_or(-1);
        let mut nodes = HashMap::new();
        let mut statement = connection
            .prepare_cached("select pk, id, label from resource indexed by resource_by_type where type = ?1")?;
        let mut rows = statement.query([group])?;
        while let Some(row) = rows.next()? {
            nodes.insert(
                row.get(0)?,
                Node {
                    id: row.get(1)?,
                    display: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                    parents: Vec::new(),
                },
            );
        }
        let mut statement = connection.prepare_cached(
            "select member_pk, group_pk from member indexed by member_group where member_type = ?1 and member_type <> 1 order by 1, 2",
        )?;
        let mut rows = statement.query([group])?;
        let mut nested = false;
        while let Some(row) = rows.next()? {
            nested = true;
            let (member, parent): (i64, i64) = (row.get(0)?, row.get(1)?);
            if let Some(node) = nodes.get_mut(&member) {
                node.parents.push(parent);
            }
        }
        Ok(Graph { generation, nodes, nested })
    }

    /// The group with this key.
    pub fn node(&self, pk: i64) -> Option<&Node> {
        self.nodes.get(&pk)
    }

    /// The groups that a direct membership leads to, with whether each is direct. In the order in which they are met.
    pub fn closure(&self, direct: &[i64]) -> Vec<(&Node, bool)> {
        let mut found: Vec<(&Node, bool)> = direct.iter().filter_map(|pk| Some((self.nodes.get(pk)?, true))).collect();
        if !self.nested {
            return found;
        }
        let mut seen: HashSet<i64> = direct.iter().copied().collect();
        let mut edge = direct.to_vec();
        for _ in 0..MAX_DEPTH {
            let parents = edge.iter().filter_map(|pk| self.nodes.get(pk)).flat_map(|n| n.parents.iter().copied());
            edge = parents.filter(|pk| seen.insert(*pk)).collect();
            if edge.is_empty() {
                break;
            }
            found.extend(edge.iter().filter_map(|pk| Some((self.nodes.get(pk)?, false))));
        }
        found
    }

    /// A group and all those inside it, at any depth.
    pub fn within(&self, pk: i64) -> Vec<i64> {
        let mut inside: HashMap<i64, Vec<i64>> = HashMap::new();
        for (child, node) in &self.nodes {
            for parent in &node.parents {
                inside.entry(*parent).or_default().push(*child);
            }
        }
        let (mut found, mut seen, mut next) = (Vec::new(), HashSet::from([pk]), vec![pk]);
        while let Some(group) = next.pop() {
            found.push(group);
            next.extend(inside.get(&group).into_iter().flatten().filter(|child| seen.insert(**child)));
        }
        found
    }

    /// The shortest way from the groups that somebody is a direct member of to the group with this id: a direct one first,
    /// that group last. Empty when there is none.
    pub fn chain(&self, direct: &[i64], id: &str) -> Vec<(i64, &Node)> {
        let mut seen: HashSet<i64> = direct.iter().copied().collect();
        let mut ways: Vec<Vec<i64>> = direct.iter().map(|pk| vec![*pk]).collect();
        for _ in 0..=MAX_DEPTH {
            let mut longer = Vec::new();
            for way in ways {
                let Some(node) = way.last().and_then(|pk| self.nodes.get(pk)) else { continue };
                if node.id == id {
                    return way.iter().filter_map(|pk| Some((*pk, self.nodes.get(pk)?))).collect();
                }
                let next = node.parents.iter().filter(|pk| seen.insert(**pk));
                longer.extend(next.map(|pk| [way.as_slice(), &[*pk]].concat()));
            }
            ways = longer;
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(i64, &[i64])]) -> Graph {
        let nodes = edges.iter().map(|(pk, parents)| {
            (*pk, Node { id: format!("g{pk}"), display: String::new(), parents: parents.to_vec() })
        });
        Graph { generation: 1, nodes: nodes.collect(), nested: true }
    }

    #[test]
    fn a_cycle_ends_and_each_group_is_named_once() {
        let graph = graph(&[(1, &[2]), (2, &[3]), (3, &[1, 2])]);
        let found: Vec<_> = graph.closure(&[1]).iter().map(|(n, d)| (n.id.clone(), *d)).collect();
        assert_eq!(found, [("g1".into(), true), ("g2".into(), false), ("g3".into(), false)]);
    }

    #[test]
    fn the_way_to_a_group_is_the_shortest() {
        let graph = graph(&[(1, &[2, 3]), (2, &[3]), (3, &[1, 4]), (4, &[]), (5, &[])]);
        let chain = |direct: &[i64], id: &str| graph.chain(direct, id).iter().map(|(pk, _)| *pk).collect::<Vec<_>>();
        assert_eq!(chain(&[1], "g4"), [1, 3, 4]);
        assert_eq!(chain(&[1, 3], "g4"), [3, 4]);
        assert_eq!(chain(&[4], "g4"), [4]);
        assert!(chain(&[1], "g5").is_empty() && chain(&[], "g1").is_empty());
    }

    #[test]
    fn groups_inside_a_group_are_found_once() {
        let graph = graph(&[(1, &[2]), (2, &[3]), (3, &[1]), (4, &[3]), (5, &[])]);
        let within = |pk| {
            let mut found = graph.within(pk);
            found.sort_unstable();
            found
        };
        assert_eq!(within(3), [1, 2, 3, 4]);
        assert_eq!(within(4), [4]);
        assert_eq!(within(5), [5]);
    }

    #[test]
    fn a_direct_group_stays_direct_when_it_is_also_a_parent() {
        let graph = graph(&[(1, &[2]), (2, &[])]);
        let found: Vec<_> = graph.closure(&[1, 2]).iter().map(|(n, d)| (n.id.clone(), *d)).collect();
        assert_eq!(found, [("g1".into(), true), ("g2".into(), true)]);
    }
}
