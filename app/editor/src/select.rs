//! What is selected: tasks, one of them the one that is looked at; or an edge, a note, a group.

use indexmap::IndexSet;

use crate::geometry::Rect;
use crate::model::Edge;
use crate::scene::Scene;

/// What is selected. By id, so that it survives every change of the document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    tasks: IndexSet<String>,
    /// What is selected instead of tasks.
    other: Option<Other>,
}

/// What can be selected besides tasks, one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Other {
    Edge(Edge),
    Note(String),
    Group(String),
}

impl Selection {
    /// One task.
    #[must_use]
    pub fn one(task: &str) -> Self {
        Self::of([task.to_owned()])
    }

    /// These tasks; the last of them is the one that is looked at.
    #[must_use]
    pub fn of(tasks: impl IntoIterator<Item = String>) -> Self {
        Self {
            tasks: tasks.into_iter().collect(),
            other: None,
        }
    }

    fn of_other(other: Other) -> Self {
        Self {
            tasks: IndexSet::new(),
            other: Some(other),
        }
    }

    /// An edge.
    #[must_use]
    pub fn of_edge(edge: &Edge) -> Self {
        Self::of_other(Other::Edge(edge.clone()))
    }

    /// A note.
    #[must_use]
    pub fn of_note(id: &str) -> Self {
        Self::of_other(Other::Note(id.to_owned()))
    }

    /// A group.
    #[must_use]
    pub fn of_group(id: &str) -> Self {
        Self::of_other(Other::Group(id.to_owned()))
    }

    /// The selected tasks, in the order in which they were.
    pub fn tasks(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tasks.iter().map(String::as_str)
    }

    /// The selected tasks as a list.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.tasks.iter().cloned().collect()
    }

    /// The task that is looked at: the last one selected.
    #[must_use]
    pub fn primary(&self) -> Option<&str> {
        self.tasks.last().map(String::as_str)
    }

    /// The selected edge.
    #[must_use]
    pub const fn edge(&self) -> Option<&Edge> {
        match &self.other {
            Some(Other::Edge(edge)) => Some(edge),
            _ => None,
        }
    }

    /// The selected note.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        match &self.other {
            Some(Other::Note(id)) => Some(id),
            _ => None,
        }
    }

    /// The selected group.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        match &self.other {
            Some(Other::Group(id)) => Some(id),
            _ => None,
        }
    }

    /// Whether a task is selected.
    #[must_use]
    pub fn has(&self, task: &str) -> bool {
        self.tasks.contains(task)
    }

    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.other.is_none()
    }

    /// With a task selected if it was not, and without it if it was.
    #[must_use]
    pub fn toggled(mut self, task: &str) -> Self {
        self.other = None;
        if !self.tasks.shift_remove(task) {
            self.tasks.insert(task.to_owned());
        }
        self
    }

    /// The numbers of the selected cards.
    #[must_use]
    pub fn cards(&self, scene: &Scene) -> Vec<usize> {
        self.tasks.iter().filter_map(|task| scene.number(task)).collect()
    }

    /// Only what is still there; a task that was renamed stays selected.
    #[must_use]
    pub fn kept(mut self, scene: &Scene, renamed: Option<(&str, &str)>) -> Self {
        let name = |id: String| match renamed {
            Some((from, to)) if id == from => to.to_owned(),
            _ => id,
        };
        self.tasks = self
            .tasks
            .into_iter()
            .map(name)
            .filter(|task| scene.number(task).is_some())
            .collect();
        self.other = self.other.and_then(|other| match other {
            Other::Edge(edge) => {
                let edge = Edge {
                    from: name(edge.from),
                    to: name(edge.to),
                    ..edge
                };
                let there = scene.track(&edge)?;
                Some(Other::Edge(scene.tracks[there].edge.clone()))
            }
            Other::Note(id) => scene.note(&id).is_some().then_some(Other::Note(id)),
            Other::Group(id) => scene.group(&id).is_some().then_some(Other::Group(id)),
        });
        self
    }

    /// All tasks.
    #[must_use]
    pub fn all(scene: &Scene) -> Self {
        Self::of(scene.cards.iter().map(|card| card.id.clone()))
    }

    /// Those that are not.
    #[must_use]
    pub fn inverted(&self, scene: &Scene) -> Self {
        let others = scene.cards.iter().filter(|card| !self.has(&card.id));
        Self::of(others.map(|card| card.id.clone()))
    }

    /// With everything downstream (`true`) or upstream of what is selected.
    #[must_use]
    pub fn along(&self, scene: &Scene, is_down: bool) -> Self {
        let mut open = self.cards(scene);
        let mut found = self.clone();
        found.other = None;
        if let Some(edge) = self.edge() {
            open.extend(scene.number(if is_down { &edge.to } else { &edge.from }));
        }
        let mut seen = vec![false; scene.cards.len()];
        let mut reached = Vec::new();
        while let Some(card) = open.pop() {
            if std::mem::replace(&mut seen[card], true) {
                continue;
            }
            reached.push(card);
            let card = &scene.cards[card];
            if is_down {
                open.extend(card.out.iter().map(|ix| scene.tracks[*ix].to));
            } else {
                open.extend(card.into.iter().map(|ix| scene.tracks[*ix].from));
            }
        }
        // In the order of the document; the one that was looked at stays so.
        reached.sort_unstable();
        let primary = self.primary().map(str::to_owned);
        found.tasks = reached
            .into_iter()
            .map(|card| scene.cards[card].id.clone())
            .collect();
        if let Some(primary) = primary {
            found.tasks.shift_remove(&primary);
            found.tasks.insert(primary);
        }
        found
    }

    /// What a marquee takes: everything it touches, or only what lies in it as a whole.
    #[must_use]
    pub fn within(scene: &Scene, marquee: Rect, whole: bool) -> Self {
        let touched = scene.cards_in(marquee).into_iter();
        let taken = touched.filter(|card| !whole || marquee.holds(scene.cards[*card].rect));
        Self::of(taken.map(|card| scene.cards[card].id.clone()))
    }

    /// With what another one has.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.other = None;
        self.tasks.extend(other.tasks);
        self
    }

    /// Without what another one has.
    #[must_use]
    pub fn without(mut self, other: &Self) -> Self {
        self.other = None;
        self.tasks.retain(|task| !other.has(task));
        self
    }

    /// In words, for those who do not see it.
    #[must_use]
    pub fn words(&self, scene: &Scene) -> String {
        match (self.tasks.len(), &self.other) {
            (0, None) => "Nothing selected".to_owned(),
            (0, Some(Other::Edge(edge))) => format!("Edge from {} to {} selected", edge.from, edge.to),
            (0, Some(Other::Note(_))) => "Note selected".to_owned(),
            (0, Some(Other::Group(id))) => format!("Group {id} selected"),
            (1, _) => {
                let id = self.primary().unwrap_or_default();
                let title = scene.card(id).map_or(id, |card| card.title.as_str());
                format!("{title} selected")
            }
            (n, _) => format!("{n} tasks selected"),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::geometry::pt;
    use crate::scene::Places;
    use crate::testing::{edge, model};

    /// Carries out what is said, such as `b; down`, and shows what is selected after each step.
    fn check(text: &str, steps: &str, expected: Expect) {
        let scene = Scene::new(&model(text), &Places::default());
        let mut now = Selection::default();
        let mut out = String::new();
        for step in steps.split(';').map(str::trim) {
            now = match step.split_once(' ') {
                None if step == "all" => Selection::all(&scene),
                None if step == "invert" => now.inverted(&scene),
                None if step == "down" => now.along(&scene, true),
                None if step == "up" => now.along(&scene, false),
                None => Selection::one(step),
                Some(("+", task)) => now.toggled(task),
                Some(("edge", ends)) => {
                    let (from, to) = ends.split_once(' ').expect("two ends");
                    Selection::of_edge(&edge(&format!("{from} -> {to}")))
                }
                Some((word @ ("touch" | "hold"), corners)) => {
                    let n: Vec<f64> = corners.split(' ').map(|n| n.parse().expect("a number")).collect();
                    Selection::within(
                        &scene,
                        Rect::between(pt(n[0], n[1]), pt(n[2], n[3])),
                        word == "hold",
                    )
                }
                Some(other) => panic!("what is {other:?}?"),
            };
            out.push_str(&format!(
                "{step}: {} ({})\n",
                now.ids().join(" "),
                now.words(&scene)
            ));
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn selections_grow_along_edges() {
        check(
            "a -> b -> c; b -> d; e",
            "b; down; + c; + c; b; up; invert; edge b d; down; all",
            expect![[r#"
            b: b (b selected)
            down: c d b (3 tasks selected)
            + c: d b (2 tasks selected)
            + c: d b c (3 tasks selected)
            b: b (b selected)
            up: a b (2 tasks selected)
            invert: c d e (3 tasks selected)
            edge b d:  (Edge from b to d selected)
            down: d (d selected)
            all: a b c d e (5 tasks selected)
        "#]],
        );
    }

    #[test]
    fn a_marquee_takes_what_it_touches_or_holds() {
        check(
            "a@0,0; b@300,0",
            "touch 200 10 310 20; hold -8 -8 310 90; hold 10 10 20 20",
            expect![[r#"
            touch 200 10 310 20: a b (2 tasks selected)
            hold -8 -8 310 90: a (a selected)
            hold 10 10 20 20:  (Nothing selected)
        "#]],
        );
    }

    #[test]
    fn what_is_gone_is_not_selected() {
        let scene = Scene::new(&model("a -> c"), &Places::default());
        let kept =
            Selection::of(["a".to_owned(), "b".to_owned(), "x".to_owned()]).kept(&scene, Some(("b", "c")));
        assert_eq!(kept.ids(), ["a", "c"]);
        assert_eq!(
            Selection::of_edge(&edge("a -failed-> b"))
                .kept(&scene, Some(("b", "c")))
                .edge(),
            Some(&edge("a -> c"))
        );
        assert!(Selection::of_edge(&edge("c -> a")).kept(&scene, None).is_empty());
    }
}
