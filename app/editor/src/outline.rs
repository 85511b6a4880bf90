//! The flow as a tree: its tasks in an order in which they could run, groups and the other sections as branches. Rows are given one by one,
//! so that only those in sight need be drawn.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::model::Section;
use crate::scene::Scene;

/// What others stand below.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Branch {
    /// A group, by its id.
    Group(String),
    /// What runs when the tasks have ended, or when the run has failed.
    Section(Section),
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    /// A branch, and how many tasks it has.
    Branch(Branch, usize),
    /// A task, by the number of its card.
    Task(usize),
}

/// A row with its place among its like, as screen readers say it: from 1, of so many.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Placed {
    /// What it shows.
    pub row: Row,
    /// 1, or 2 below a branch.
    pub level: u8,
    /// The how-manieth below its branch, or of all that is below none.
    pub position: usize,
    /// Of how many.
    pub n_siblings: usize,
}

/// All rows; of the branches in `closed` only their heads. A branch stands where its first task would.
#[must_use]
pub fn rows(scene: &Scene, closed: &[Branch]) -> Vec<Placed> {
    let mut top: Vec<(Option<Branch>, Vec<usize>)> = Vec::new();
    let mut places: FxHashMap<Branch, usize> = FxHashMap::default();
    for card in order(scene) {
        let branch = branch_of(scene, card);
        let place = match &branch {
            Some(branch) => *places.entry(branch.clone()).or_insert(top.len()),
            None => top.len(),
        };
        match top.get_mut(place) {
            Some((_, cards)) => cards.push(card),
            None => top.push((branch, vec![card])),
        }
    }
    // What runs at the end stands at the end.
    top.sort_by_key(|(branch, _)| match branch {
        Some(Branch::Section(section)) => 1 + *section as usize,
        _ => 0,
    });
    let n_top = top.len();
    let mut rows = Vec::with_capacity(scene.cards.len());
    for (position, (branch, cards)) in (1..).zip(top) {
        let place = |row, level, position, n_siblings| Placed {
            row,
            level,
            position,
            n_siblings,
        };
        let Some(branch) = branch else {
            rows.extend(
                cards
                    .into_iter()
                    .map(|card| place(Row::Task(card), 1, position, n_top)),
            );
            continue;
        };
        let (n, is_open) = (cards.len(), !closed.contains(&branch));
        rows.push(place(Row::Branch(branch, n), 1, position, n_top));
        if is_open {
            let cards = (1..).zip(cards);
            rows.extend(cards.map(|(position, card)| place(Row::Task(card), 2, position, n)));
        }
    }
    rows
}

/// What a task stands below, if it is no task of its own.
fn branch_of(scene: &Scene, card: usize) -> Option<Branch> {
    let card = scene.cards.get(card)?;
    match card.section {
        Section::Tasks => {
            let group = scene.groups.get(card.group?)?;
            Some(Branch::Group(group.group.id.clone()))
        }
        section => Some(Branch::Section(section)),
    }
}

/// Upstreams first, otherwise as written; in a circle, in the order of the document.
fn order(scene: &Scene) -> Vec<usize> {
    let mut open: Vec<usize> = scene.cards.iter().map(|card| card.into.len()).collect();
    let free = |(card, n): (usize, &usize)| (*n == 0).then_some(Reverse(card));
    let mut ready: BinaryHeap<Reverse<usize>> = open.iter().enumerate().filter_map(free).collect();
    let mut seen = vec![false; open.len()];
    let mut order = Vec::with_capacity(open.len());
    while let Some(Reverse(card)) = ready.pop() {
        seen[card] = true;
        order.push(card);
        for &track in &scene.cards[card].out {
            let to = scene.tracks[track].to;
            open[to] = open[to].saturating_sub(1);
            if open[to] == 0 && !seen[to] {
                ready.push(Reverse(to));
            }
        }
    }
    order.extend((0..seen.len()).filter(|card| !seen[*card]));
    order
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;
    use crate::drawn::Drawn;
    use crate::scene::Places;
    use crate::testing::model;

    fn check(text: &str, groups: serde_json::Value, closed: &[Branch], expected: Expect) {
        let scene = Scene::new(&model(text), &Places::default())
            .with_drawn(&Drawn::of_document(&json!({"groups": groups})));
        let told: String = rows(&scene, closed)
            .into_iter()
            .map(|placed| {
                let what = match placed.row {
                    Row::Task(card) => scene.cards[card].id.clone(),
                    Row::Branch(branch, n) => format!("{branch:?} of {n}"),
                };
                format!(
                    "{} {what} ({} of {})\n",
                    placed.level, placed.position, placed.n_siblings
                )
            })
            .collect();
        expected.assert_eq(&told);
    }

    #[test]
    fn upstreams_stand_before_what_they_lead_to() {
        check(
            "z -> b; a -> b; b -> c",
            json!({}),
            &[],
            expect![[r#"
                1 z (1 of 4)
                1 a (2 of 4)
                1 b (3 of 4)
                1 c (4 of 4)
            "#]],
        );
    }

    #[test]
    fn groups_and_sections_are_branches() {
        let text = "fetch -> clean -> load; fetch -> log; finally: tidy; failure: tell -> page";
        let groups = json!({"prep": {"title": "Prepare", "tasks": ["clean", "load"]}});
        check(
            text,
            groups,
            &[],
            expect![[r#"
                1 fetch (1 of 5)
                1 Group("prep") of 2 (2 of 5)
                2 clean (1 of 2)
                2 load (2 of 2)
                1 log (3 of 5)
                1 Section(Finally) of 1 (4 of 5)
                2 tidy (1 of 1)
                1 Section(OnFailure) of 2 (5 of 5)
                2 tell (1 of 2)
                2 page (2 of 2)
            "#]],
        );
    }

    #[test]
    fn a_closed_branch_is_its_head() {
        let closed = [
            Branch::Group("prep".to_owned()),
            Branch::Section(Section::Finally),
        ];
        let groups = json!({"prep": {"title": "Prepare", "tasks": ["clean", "load"]}});
        check(
            "fetch -> clean -> load; finally: tidy",
            groups,
            &closed,
            expect![[r#"
                1 fetch (1 of 3)
                1 Group("prep") of 2 (2 of 3)
                1 Section(Finally) of 1 (3 of 3)
            "#]],
        );
    }

    #[test]
    fn a_circle_is_listed_as_it_is_written() {
        check(
            "start -> a -> b -> c -> a; end",
            json!({}),
            &[],
            expect![[r#"
                1 start (1 of 5)
                1 end (2 of 5)
                1 a (3 of 5)
                1 b (4 of 5)
                1 c (5 of 5)
            "#]],
        );
    }
}
