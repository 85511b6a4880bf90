//! Who may be connected to whom, and why not. What must be known of everybody is worked out once, when a gesture begins; each answer
//! then costs nothing. The rules are those of `flow::validate`, told before the mistake instead of after it.

use crate::model::{Edge, Section};
use crate::scene::Scene;

/// The end of a new edge that is fixed; the other one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    /// It leaves this card.
    From(usize),
    /// It enters this card.
    To(usize),
}

impl Fixed {
    const fn card(self) -> usize {
        match self {
            Self::From(card) | Self::To(card) => card,
        }
    }

    /// The card it leaves and the one it enters.
    #[must_use]
    pub const fn ends(self, other: usize) -> (usize, usize) {
        match self {
            Self::From(card) => (card, other),
            Self::To(card) => (other, card),
        }
    }
}

/// What would come of connecting two cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A new edge.
    New,
    /// The edge there is gets one more outcome.
    Widens(usize),
    /// The two are connected on this outcome already.
    Connected,
    /// A card cannot wait for itself.
    Itself,
    /// The tasks would wait for each other.
    Cycle,
    /// Tasks of different sections do not mix.
    Sections,
}

impl Verdict {
    /// Whether the edge may be drawn.
    #[must_use]
    pub const fn is_legal(self) -> bool {
        matches!(self, Self::New | Self::Widens(_))
    }
}

/// The answers for one gesture.
#[derive(Clone, Debug)]
pub struct Legal {
    fixed: Fixed,
    /// What the edge says.
    edge: Edge,
    /// The edge that is led elsewhere: it is as if it were not there.
    without: Option<usize>,
    /// One bit for each card: whether connecting it would close a circle.
    closes: Vec<u64>,
}

impl Legal {
    /// Works out what an edge with the outcomes and expression of `like` may be connected to.
    #[must_use]
    pub fn new(scene: &Scene, fixed: Fixed, like: &Edge, without: Option<usize>) -> Self {
        let mut legal = Self {
            fixed,
            edge: like.clone(),
            without,
            closes: vec![0; scene.cards.len().div_ceil(64)],
        };
        // Behind a card that is fixed as the target stands everything it leads to; before a source, everything that leads to it.
        let mut open = vec![fixed.card()];
        while let Some(card) = open.pop() {
            let word = &mut legal.closes[card / 64];
            let bit = 1 << (card % 64);
            if *word & bit == 0 {
                *word |= bit;
                open.extend(legal.steps(scene, card));
            }
        }
        legal
    }

    /// The cards one step away from the fixed end, against the new edge.
    fn steps<'s>(&'s self, scene: &'s Scene, card: usize) -> impl Iterator<Item = usize> + 's {
        let tracks = match self.fixed {
            Fixed::From(_) => &scene.cards[card].into,
            Fixed::To(_) => &scene.cards[card].out,
        };
        let open = tracks.iter().filter(|ix| Some(**ix) != self.without);
        open.map(move |ix| match self.fixed {
            Fixed::From(_) => scene.tracks[*ix].from,
            Fixed::To(_) => scene.tracks[*ix].to,
        })
    }

    /// What would come of connecting a card.
    #[must_use]
    pub fn verdict(&self, scene: &Scene, card: usize) -> Verdict {
        let fixed = self.fixed.card();
        if card == fixed {
            return Verdict::Itself;
        }
        if scene.cards[card].section != scene.cards[fixed].section {
            return Verdict::Sections;
        }
        if self.closes[card / 64] >> (card % 64) & 1 == 1 {
            return Verdict::Cycle;
        }
        let (from, to) = self.fixed.ends(card);
        let there = scene.cards[from]
            .out
            .iter()
            .copied()
            .find(|ix| scene.tracks[*ix].to == to && Some(*ix) != self.without);
        match there {
            None => Verdict::New,
            Some(track) => match widened(&scene.tracks[track].edge, &self.edge) {
                // An edge that is led elsewhere takes no other one's place.
                Some(_) if self.without.is_none() => Verdict::Widens(track),
                _ => Verdict::Connected,
            },
        }
    }

    /// Why a card cannot be connected, in one line; none if it can.
    #[must_use]
    pub fn reason(&self, scene: &Scene, card: usize) -> Option<String> {
        Some(match self.verdict(scene, card) {
            Verdict::New | Verdict::Widens(_) => return None,
            Verdict::Itself => "a task cannot wait for itself".to_owned(),
            Verdict::Connected => "already connected".to_owned(),
            Verdict::Cycle => {
                let names: Vec<&str> = self
                    .cycle(scene, card)
                    .into_iter()
                    .map(|ix| scene.cards[ix].id.as_str())
                    .collect();
                format!("would make a cycle: {}", shown(&names))
            }
            Verdict::Sections => {
                let (from, to) = self.fixed.ends(card);
                sections(scene.cards[from].section, scene.cards[to].section).to_owned()
            }
        })
    }

    /// The circle that connecting a card would close, from the source on and back to it; empty if it would close none.
    #[must_use]
    pub fn cycle(&self, scene: &Scene, card: usize) -> Vec<usize> {
        let fixed = self.fixed.card();
        if card == fixed || self.closes[card / 64] >> (card % 64) & 1 == 0 {
            return Vec::new();
        }
        // A shortest way from the fixed card to the other one, against the new edge.
        let mut before = vec![usize::MAX; scene.cards.len()];
        let mut queue = std::collections::VecDeque::from([fixed]);
        while let Some(at) = queue.pop_front() {
            for next in self.steps(scene, at).filter(|next| *next != fixed) {
                if before[next] == usize::MAX {
                    before[next] = at;
                    queue.push_back(next);
                }
            }
            if before[card] != usize::MAX {
                break;
            }
        }
        let mut way = vec![card];
        let mut at = card;
        while at != fixed {
            at = before[at];
            if at == usize::MAX {
                return Vec::new();
            }
            way.push(at);
        }
        // `way` leads from the other card to the fixed one: downstream if that is the source, upstream if it is the target.
        match self.fixed {
            Fixed::From(_) => way.insert(0, fixed),
            Fixed::To(_) => {
                way.reverse();
                way.insert(0, card);
            }
        }
        way
    }

    /// The cards that can be connected.
    #[must_use]
    pub fn targets(&self, scene: &Scene) -> Vec<usize> {
        (0..scene.cards.len())
            .filter(|card| self.verdict(scene, *card).is_legal())
            .collect()
    }

    /// The edge that connecting a card makes, or what the edge there becomes.
    #[must_use]
    pub fn edge(&self, scene: &Scene, card: usize) -> Edge {
        let (from, to) = self.fixed.ends(card);
        let made = Edge {
            from: scene.cards[from].id.clone(),
            to: scene.cards[to].id.clone(),
            ..self.edge.clone()
        };
        match self.verdict(scene, card) {
            Verdict::Widens(track) => Edge {
                on: widened(&scene.tracks[track].edge, &self.edge).unwrap_or(made.on),
                ..scene.tracks[track].edge.clone()
            },
            _ => made,
        }
    }
}

/// The outcomes of an edge with those of another one; none if it has them already, or if the two cannot be one.
fn widened(there: &Edge, more: &Edge) -> Option<Vec<String>> {
    if there.when != more.when {
        return None;
    }
    let words = |edge: &Edge| match edge.on.is_empty() {
        true => vec!["succeeded".to_owned()],
        false => edge.on.clone(),
    };
    let (mut on, more) = (words(there), words(more));
    if on.iter().any(|word| word == "always") || more.iter().all(|word| on.contains(word)) {
        return None;
    }
    if more.iter().any(|word| word == "always") {
        return Some(vec!["always".to_owned()]);
    }
    on.extend(more);
    let mut seen = Vec::with_capacity(on.len());
    on.retain(|word| {
        let is_new = !seen.contains(word);
        seen.push(word.clone());
        is_new
    });
    Some(on)
}

/// Why tasks of two sections cannot be connected.
fn sections(from: Section, to: Section) -> &'static str {
    match (from, to) {
        (Section::Tasks, Section::Finally) => "`finally` runs when all tasks have ended; it needs no edge",
        (Section::Tasks, Section::OnFailure) => "`on_failure` runs when the run has failed; it needs no edge",
        (_, Section::Tasks) => "that runs only when all tasks have ended",
        _ => "tasks of `finally` and of `on_failure` do not wait for each other",
    }
}

/// `a → b → a`, with the middle left out of a long one.
fn shown(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    if names.len() <= SHOWN {
        return names.join(" → ");
    }
    let (head, tail) = (&names[..SHOWN / 2], &names[names.len() - SHOWN / 2..]);
    format!(
        "{} → … {} more … → {}",
        head.join(" → "),
        names.len() - SHOWN,
        tail.join(" → ")
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use flow::FlowDoc;
    use flow::validate::{TypeCatalog, validate};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::geometry::Port;
    use crate::model::{Model, Node};
    use crate::scene::Places;
    use crate::testing::model;

    fn check(text: &str, fixed: &str, port: &Port, expected: Expect) {
        let scene = Scene::new(&model(text), &Places::default());
        let number = |id: &str| scene.number(id).expect("is a card");
        let fixed = match fixed.strip_prefix('>') {
            Some(to) => Fixed::To(number(to)),
            None => Fixed::From(number(fixed)),
        };
        let legal = Legal::new(&scene, fixed, &port.edge("", ""), None);
        let mut out = String::new();
        for card in 0..scene.cards.len() {
            let said = legal.reason(&scene, card).unwrap_or_else(|| {
                let edge = legal.edge(&scene, card);
                format!("ok: {} -> {} on {:?}", edge.from, edge.to, edge.on)
            });
            out.push_str(&format!("{}: {said}\n", scene.cards[card].id));
        }
        expected.assert_eq(&out);
    }

    const FLOW: &str = "load -> check -> store; check -failed-> mail; other; finally: clean; failure: page";

    #[test]
    fn why_not_is_said() {
        check(
            FLOW,
            "check",
            &Port::Succeeded,
            expect![[r#"
            load: would make a cycle: check → load → check
            check: a task cannot wait for itself
            store: already connected
            mail: ok: check -> mail on ["failed", "succeeded"]
            other: ok: check -> other on []
            clean: `finally` runs when all tasks have ended; it needs no edge
            page: `on_failure` runs when the run has failed; it needs no edge
        "#]],
        );
        check(
            FLOW,
            ">load",
            &Port::Always,
            expect![[r#"
            load: a task cannot wait for itself
            check: would make a cycle: check → load → check
            store: would make a cycle: store → load → check → store
            mail: would make a cycle: mail → load → check → mail
            other: ok: other -> load on ["always"]
            clean: that runs only when all tasks have ended
            page: that runs only when all tasks have ended
        "#]],
        );
        check(
            FLOW,
            "page",
            &Port::Failed,
            expect![[r#"
            load: that runs only when all tasks have ended
            check: that runs only when all tasks have ended
            store: that runs only when all tasks have ended
            mail: that runs only when all tasks have ended
            other: that runs only when all tasks have ended
            clean: tasks of `finally` and of `on_failure` do not wait for each other
            page: a task cannot wait for itself
        "#]],
        );
    }

    #[test]
    fn an_edge_that_is_led_elsewhere_is_not_in_its_own_way() {
        let scene = Scene::new(&model("a -> b -> c"), &Places::default());
        let edge = scene.tracks[0].edge.clone();
        // a -> b, its beginning taken off: c may lead to b no sooner than b no longer leads to c.
        let legal = Legal::new(&scene, Fixed::To(1), &edge, Some(0));
        assert_eq!(legal.verdict(&scene, 0), Verdict::New);
        assert_eq!(legal.verdict(&scene, 2), Verdict::Cycle);
        let legal = Legal::new(&scene, Fixed::From(0), &edge, Some(0));
        assert_eq!(legal.targets(&scene), [1, 2]);
    }

    /// Types whose arguments may be anything.
    struct Any(Value);

    impl TypeCatalog for Any {
        fn input_schema(&self, _task_type: &str) -> Option<&Value> {
            Some(&self.0)
        }

        fn known(&self) -> Vec<&str> {
            vec!["noop"]
        }
    }

    fn document(model: &Model) -> FlowDoc {
        let mut doc = json!({"flow": "f", "tasks": {}, "finally": {}});
        for Node { id, section, .. } in &model.nodes {
            let needs: Vec<Value> = model
                .edges
                .iter()
                .filter(|edge| edge.to == *id)
                .map(|edge| match edge.on.is_empty() {
                    true => json!(edge.from),
                    false => json!({"task": edge.from, "on": edge.on}),
                })
                .collect();
            let section = if *section == Section::Tasks {
                "tasks"
            } else {
                "finally"
            };
            doc[section][id] = json!({"type": "noop", "needs": needs});
        }
        serde_json::from_value(doc).expect("is a document")
    }

    fn codes(model: &Model) -> Vec<String> {
        let problems = validate(&document(model), &Any(json!(true)));
        let edges = ["cycle", "self_edge", "other_group", "duplicate_edge"];
        problems
            .into_iter()
            .map(|problem| problem.code)
            .filter(|code| edges.contains(&code.as_str()))
            .collect()
    }

    proptest! {
        /// Whatever is drawn is valid, and whatever is refused would not have been.
        #[test]
        fn agrees_with_validation(
            n in 2..9_usize, pairs in prop::collection::vec((0..9_usize, 0..9_usize, any::<bool>()), 0..16),
            ends in (0..9_usize, 0..9_usize), fails: bool, to: bool,
        ) {
            let mut model = Model::default();
            for ix in 0..n {
                let section = if ix >= 6 { Section::Finally } else { Section::Tasks };
                model.nodes.push(Node { id: format!("t{ix}"), section, task_type: "noop".to_owned(), ..Node::default() });
            }
            let same = |one: usize, other: usize| (one >= 6) == (other >= 6);
            for (one, other, fails) in pairs {
                let (from, to) = (one.min(other), one.max(other));
                let port = if fails { Port::Failed } else { Port::Succeeded };
                let edge = port.edge(&format!("t{from}"), &format!("t{to}"));
                let is_new = !model.edges.iter().any(|there| there.from == edge.from && there.to == edge.to);
                if from < to && to < n && same(from, to) && is_new {
                    model.edges.push(edge);
                }
            }
            prop_assert!(codes(&model).is_empty());
            let scene = Scene::new(&model, &Places::default());
            let (fixed, other) = (ends.0 % n, ends.1 % n);
            let port = if fails { Port::Failed } else { Port::Succeeded };
            let fixed = if to { Fixed::To(fixed) } else { Fixed::From(fixed) };
            let legal = Legal::new(&scene, fixed, &port.edge("", ""), None);
            let verdict = legal.verdict(&scene, other);
            let mut after = model.clone();
            if let Verdict::Widens(track) = verdict {
                after.edges[track] = legal.edge(&scene, other);
            } else {
                after.edges.push(legal.edge(&scene, other));
            }
            let codes = codes(&after);
            match verdict {
                Verdict::New | Verdict::Widens(_) => prop_assert!(codes.is_empty(), "{codes:?}"),
                Verdict::Itself => prop_assert_eq!(codes, ["self_edge"]),
                Verdict::Cycle => prop_assert_eq!(codes, ["cycle"]),
                Verdict::Sections => prop_assert_eq!(codes, ["other_group"]),
                // It may stand in the edge there together with another outcome.
                Verdict::Connected => prop_assert!(codes.is_empty() || codes == ["duplicate_edge"]),
            }
            prop_assert_eq!(verdict.is_legal(), legal.reason(&scene, other).is_none());
            let way = legal.cycle(&scene, other);
            prop_assert_eq!(way.is_empty(), verdict != Verdict::Cycle);
            if let (Some(first), Some(last)) = (way.first(), way.last()) {
                prop_assert_eq!(first, last);
                // All but its first step are there: that one is the new edge.
                for step in way.windows(2).skip(1) {
                    prop_assert!(scene.cards[step[0]].out.iter().any(|ix| scene.tracks[*ix].to == step[1]));
                }
            }
        }
    }
}
