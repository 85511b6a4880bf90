//! The edges of a task as lists and keys know them: what it comes after, what it leads to, and the way from one edge to the next. Whoever
//! cannot take hold of a line on the canvas reaches every edge by these.

use serde_json::Value;

use crate::geometry::Port;
use crate::model::Edge;
use crate::scene::Scene;
use crate::select::Selection;

/// An edge as it is seen from one of its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// The edge.
    pub edge: Edge,
    /// The task at its other end.
    pub other: String,
    /// What that is called; none if there is no such task.
    pub title: Option<String>,
    /// What has to have happened, in words; none for the usual outcome.
    pub label: Option<String>,
    /// The port it leaves from, as styles name it.
    pub port: &'static str,
}

/// All edges of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Those that enter it, as they are written.
    pub before: Vec<Link>,
    /// Those that leave it, in the order of the document.
    pub after: Vec<Link>,
}

/// The edges of a task with these fields. An edge from a task that is not there is one of them: it has to be removable too.
#[must_use]
pub fn links(scene: &Scene, id: &str, task: &Value) -> Links {
    let link = |edge: &Edge, other: &str| {
        let port = Port::of(edge);
        Link {
            other: other.to_owned(),
            title: scene.card(other).map(|card| card.title.clone()),
            label: port.label(),
            port: port.key(),
            edge: edge.clone(),
        }
    };
    let needs = task.get("needs").and_then(Value::as_array);
    let before = needs.into_iter().flatten().filter_map(|need| Edge::of(need, id));
    let before = before.map(|edge| link(&edge, &edge.from)).collect();
    let after = scene.card(id).map_or(&[][..], |card| &card.out);
    let after = after.iter().map(|track| &scene.tracks[*track].edge);
    Links {
        before,
        after: after.map(|edge| link(edge, &edge.to)).collect(),
    }
}

/// What an edge from a card can be taken on, as one would choose it from a list: the usual outcome first.
#[must_use]
pub fn ways(scene: &Scene, card: usize) -> Vec<Port> {
    let Some(card) = scene.cards.get(card) else {
        return Vec::new();
    };
    // A switch ends with a case; its success says less.
    let has_success = card.ports.contains(&Port::Succeeded);
    let rank = |port: &Port| match port {
        Port::Succeeded if has_success => 0,
        Port::Case(_) => 1,
        Port::Succeeded => 1,
        Port::Failed => 2,
        Port::Always => 3,
        Port::Other(_) => 4,
        Port::When { .. } => 5,
    };
    let mut ways = card.ports.clone();
    if !has_success {
        ways.push(Port::Succeeded);
    }
    ways.sort_by_key(rank);
    ways
}

/// An edge among those one walks through with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The edge.
    pub edge: Edge,
    /// The how-manieth, from 1.
    pub position: usize,
    /// Of how many.
    pub n: usize,
}

impl Stop {
    /// In words, for those who do not see it.
    #[must_use]
    pub fn words(&self) -> String {
        let Edge { from, to, .. } = &self.edge;
        let label = Port::of(&self.edge).label();
        let label = label.map_or_else(String::new, |label| format!(" {label}"));
        format!(
            "Edge from {from} to {to}{label} selected, {} of {}",
            self.position, self.n
        )
    }
}

/// The edge one goes to from what is selected: of a task the first (`by` > 0) or last of its edges, those that leave it first; of an edge
/// the next or previous one among those of the same upstream, or among those into its downstream if it is the only one.
#[must_use]
pub fn step(scene: &Scene, selection: &Selection, by: isize) -> Option<Stop> {
    let (tracks, at): (Vec<usize>, Option<usize>) = match selection.edge() {
        Some(edge) => {
            let track = scene.track(edge)?;
            let (from, to) = (scene.tracks[track].from, scene.tracks[track].to);
            let out = &scene.cards[from].out;
            let around = match out.len() {
                1 => &scene.cards[to].into,
                _ => out,
            };
            let around = level(scene, around);
            let at = around.iter().position(|other| *other == track);
            (around, at)
        }
        None => {
            let card = &scene.cards[scene.number(selection.primary()?)?];
            let mut all = level(scene, &card.out);
            all.extend(level(scene, &card.into));
            (all, None)
        }
    };
    let n = tracks.len();
    if n == 0 {
        return None;
    }
    let next = match (at, by > 0) {
        (Some(at), _) => (at as isize + by).rem_euclid(n as isize) as usize,
        (None, true) => 0,
        (None, false) => n - 1,
    };
    Some(Stop {
        edge: scene.tracks[*tracks.get(next)?].edge.clone(),
        position: next + 1,
        n,
    })
}

/// Edges from top to bottom, as they are seen.
fn level(scene: &Scene, tracks: &[usize]) -> Vec<usize> {
    let height = |track: &usize| {
        let track = &scene.tracks[*track];
        let (from, to) = (&scene.cards[track.from], &scene.cards[track.to]);
        (from.port(track.port).y, to.rect.middle().y)
    };
    let mut tracks = tracks.to_vec();
    tracks.sort_by(|one, other| {
        let (one, other) = (height(one), height(other));
        one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1))
    });
    tracks
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;
    use crate::scene::Places;
    use crate::testing::model;

    const FLOW: &str = "a@0,0 -> b@300,0; a -failed-> c@300,200; a -always-> d@300,400; b -> d; e@0,600";

    fn scene() -> Scene {
        Scene::new(&model(FLOW), &Places::default())
    }

    #[test]
    fn a_task_has_the_edges_into_it_and_out_of_it() {
        let told = |links: &[Link]| {
            let told = links.iter().map(|link| {
                let title = link.title.as_deref().unwrap_or("?");
                format!("{} ({title}) {} {:?}\n", link.other, link.port, link.label)
            });
            told.collect::<String>()
        };
        let check = |id: &str, task: Value, expected: Expect| {
            let links = links(&scene(), id, &task);
            expected.assert_eq(&format!(
                "before:\n{}after:\n{}",
                told(&links.before),
                told(&links.after)
            ));
        };
        check(
            "a",
            json!({"type": "noop"}),
            expect![[r#"
                before:
                after:
                b (b) succeeded None
                c (c) failed Some("on failed")
                d (d) always Some("always")
            "#]],
        );
        check(
            "d",
            json!({"needs": [{"task": "a", "on": "always"}, "gone", {"task": "b", "when": "{{ inputs.go }}"}, 7]}),
            expect![[r#"
                before:
                a (a) always Some("always")
                gone (?) succeeded None
                b (b) when Some("if inputs.go")
                after:
            "#]],
        );
        check(
            "none",
            json!(null),
            expect![[r"
            before:
            after:
        "]],
        );
    }

    #[test]
    fn an_edge_can_be_taken_on_what_its_upstream_ends_with() {
        let of = |text: &str| {
            let scene = Scene::new(&model(text), &Places::default());
            let ways = ways(&scene, 0).into_iter();
            ways.map(|port| port.label().unwrap_or_else(|| "-".to_owned()))
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(of("a -> b"), "-, on failed, always");
        assert_eq!(of("a -big-> b; a -> c"), "-, big, on failed, always");
        assert!(ways(&Scene::default(), 0).is_empty());
    }

    #[test]
    fn keys_go_through_the_edges_of_a_task() {
        let scene = scene();
        let walk = |from: &str, keys: &str, expected: Expect| {
            let mut selection = Selection::one(from);
            let mut out = String::new();
            for key in keys.chars() {
                let Some(stop) = step(&scene, &selection, if key == 'e' { 1 } else { -1 }) else {
                    out.push_str("nowhere\n");
                    continue;
                };
                out.push_str(&format!("{}\n", stop.words()));
                selection = Selection::of_edge(&stop.edge);
            }
            expected.assert_eq(&out);
        };
        // From top to bottom as the ports stand, and round.
        walk(
            "a",
            "eeeeE",
            expect![[r#"
                Edge from a to d always selected, 1 of 3
                Edge from a to b selected, 2 of 3
                Edge from a to c on failed selected, 3 of 3
                Edge from a to d always selected, 1 of 3
                Edge from a to c on failed selected, 3 of 3
            "#]],
        );
        // One that is alone at its upstream goes among those into its downstream.
        walk(
            "b",
            "ee",
            expect![[r#"
                Edge from b to d selected, 1 of 2
                Edge from a to d always selected, 1 of 2
            "#]],
        );
        walk(
            "c",
            "E",
            expect![[r#"
            Edge from a to c on failed selected, 1 of 1
        "#]],
        );
        walk(
            "e",
            "e",
            expect![[r#"
            nowhere
        "#]],
        );
    }
}
