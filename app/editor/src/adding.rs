//! New tasks: their ids, where they stand, what they begin with, and how they come between others.

use flow::layout::{GRID, Point};
use serde_json::{Map, Value, json};

use crate::arrange::kept;
use crate::change::{Change, NewTask};
use crate::geometry::{CARD_HEIGHT, CARD_WIDTH, Port, Rect, pt, snapped};
use crate::legal::{Fixed, Legal};
use crate::model::{Edge, Section};
use crate::scene::{Card, Scene};

/// Free space to the right of a card before the next one.
const GAP_X: f64 = 72.0;
/// What is put on an edge and stands no higher or lower than this is meant to stand in its line.
const LEVEL: f64 = 24.0;
/// Free space below everything, with the title of the frame that a task there will stand in.
const FRAME_GAP: f64 = 88.0;
/// Free space between cards that stand below each other.
const GAP_Y: f64 = 32.0;

/// What is to be made: a type and what its tasks begin with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// The type's key.
    pub task_type: String,
    /// What `with` begins with.
    pub with: Map<String, Value>,
}

impl Template {
    /// A task of a type, with the arguments without which it would do nothing sensible.
    #[must_use]
    pub fn of(task_type: &str) -> Self {
        let with = match task_type {
            "delay" => json!({"for": "10s"}),
            "log" => json!({"message": ""}),
            "http.request" => json!({"url": "https://"}),
            "shell" => json!({"command": ""}),
            "switch" => json!({"cases": {"yes": "{{ true }}"}, "default": "no"}),
            "transform" => json!({"value": null}),
            "subflow" => json!({"flow": ""}),
            _ => json!({}),
        };
        Self {
            task_type: task_type.to_owned(),
            with: with.as_object().cloned().unwrap_or_default(),
        }
    }

    /// The task, with an id that is free.
    #[must_use]
    pub fn task(&self, scene: &Scene, section: Section, at: Option<Point>) -> NewTask {
        let mut fields = Map::new();
        fields.insert("type".to_owned(), Value::String(self.task_type.clone()));
        if !self.with.is_empty() {
            fields.insert("with".to_owned(), Value::Object(self.with.clone()));
        }
        NewTask {
            id: free_id(scene, &self.task_type),
            section,
            fields,
            at,
            upstream: Vec::new(),
        }
    }
}

/// An id that no task has, made from a type or a name: `http_request`, `http_request_2`.
#[must_use]
pub fn free_id(scene: &Scene, name: &str) -> String {
    let mut base = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            base.push(c.to_ascii_lowercase());
        } else if !base.is_empty() && !base.ends_with('_') {
            base.push('_');
        }
        if base.len() >= flow::limits::ID_BYTES_MAX - 8 {
            break;
        }
    }
    let base = base.trim_end_matches('_');
    let base = if base.is_empty() { "task" } else { base };
    if scene.number(base).is_none() {
        return base.to_owned();
    }
    // Among one more number than there are cards one is free.
    let free = (2..=scene.cards.len() + 2)
        .map(|n| format!("{base}_{n}"))
        .find(|id| scene.number(id).is_none());
    free.unwrap_or_else(|| base.to_owned())
}

/// The nearest free place for a card at or below a point.
#[must_use]
pub fn free_place(scene: &Scene, at: Point) -> Point {
    free_room(scene, at, CARD_WIDTH, CARD_HEIGHT)
}

/// The same for something of this width and height.
#[must_use]
pub fn free_room(scene: &Scene, at: Point, width: f64, height: f64) -> Point {
    let mut at = snapped(at);
    loop {
        let card = Rect::at(at, width, height).grown(GRID);
        let below = scene
            .cards_in(card)
            .into_iter()
            .map(|ix| scene.cards[ix].rect.bottom())
            .reduce(f64::max);
        match below {
            // Every step passes a card for good, so this ends.
            Some(bottom) => at.y = ((bottom + GAP_Y) / GRID).ceil() * GRID,
            None => return at,
        }
    }
}

/// A new task, at a place or the next free one beside what it is connected to.
#[must_use]
pub fn add(scene: &Scene, template: &Template, at: Option<Point>, from: Option<(usize, &Port)>) -> Change {
    let section = from.map_or(Section::Tasks, |(card, _)| scene.cards[card].section);
    add_in(scene, template, at, from, section)
}

/// A place for a new task that runs at this time: beside those that do, or below everything else, with room for their frame.
#[must_use]
pub fn place_in(scene: &Scene, section: Section) -> Point {
    let own = scene.cards.iter().filter(|card| card.section == section);
    if let Some(last) = own
        .map(|card| card.rect)
        .max_by(|one, other| one.right().total_cmp(&other.right()))
    {
        return free_place(scene, pt(last.right() + GAP_X, last.y));
    }
    let bounds = scene.bounds().unwrap_or_default();
    let room = if section == Section::Tasks {
        GAP_Y
    } else {
        FRAME_GAP
    };
    let y = if scene.cards.is_empty() {
        0.0
    } else {
        bounds.bottom() + room
    };
    free_place(scene, pt(bounds.x, y))
}

/// The same in a section of its own choice, if it is not connected to anything.
#[must_use]
pub fn add_in(
    scene: &Scene,
    template: &Template,
    at: Option<Point>,
    from: Option<(usize, &Port)>,
    section: Section,
) -> Change {
    let section = from.map_or(section, |(card, _)| scene.cards[card].section);
    let place = match (at, from) {
        (Some(at), _) => snapped(at),
        (None, Some((card, _))) => {
            let rect = scene.cards[card].rect;
            free_place(scene, pt(rect.right() + GAP_X, rect.y))
        }
        (None, None) if section != Section::Tasks => place_in(scene, section),
        (None, None) => {
            let bounds = scene.bounds().unwrap_or_default();
            free_place(
                scene,
                pt(
                    bounds.x,
                    if scene.cards.is_empty() {
                        0.0
                    } else {
                        bounds.bottom() + GAP_Y
                    },
                ),
            )
        }
    };
    let mut task = template.task(scene, section, Some(place));
    if let Some((card, port)) = from {
        task.upstream.push(port.edge(&scene.cards[card].id, &task.id));
    }
    with_places(scene, Change::Add(task))
}

/// A new task at a place that leads to a card.
#[must_use]
pub fn lead(scene: &Scene, template: &Template, at: Point, to: usize) -> Change {
    let to = &scene.cards[to];
    let task = template.task(scene, to.section, Some(snapped(at)));
    let mut edge = Port::Succeeded.edge(&task.id, &to.id);
    // A switch ends with one of its cases.
    let cases = template.with.get("cases").and_then(Value::as_object);
    edge.on
        .extend(cases.and_then(|cases| cases.keys().next()).cloned());
    let mut all = vec![Change::Add(task), Change::Connect(edge)];
    let places = kept(scene, &[]);
    if !places.is_empty() {
        all.push(Change::Move(places));
    }
    Change::All(all)
}

/// A change that puts something at a place of its own, and with it the places of all that have none yet: else those would be laid
/// out around it the next time.
fn with_places(scene: &Scene, change: Change) -> Change {
    let places = kept(scene, &[]);
    if places.is_empty() {
        return change;
    }
    Change::All(vec![change, Change::Move(places)])
}

/// A new task in the middle of an edge; what stands behind it makes room.
#[must_use]
pub fn insert_on(scene: &Scene, track: usize, template: &Template, at: Option<Point>) -> Change {
    let edge = &scene.tracks[track];
    let (from, to) = (&scene.cards[edge.from], &scene.cards[edge.to]);
    let usual = pt(from.rect.right() + GAP_X, f64::midpoint(from.rect.y, to.rect.y));
    let place = behind(from.rect, snapped(at.unwrap_or(usual)));
    let task = template.task(scene, from.section, Some(place));
    let insert = Change::InsertOn {
        edge: edge.edge.clone(),
        task,
    };
    let mut moves = make_room(scene, edge.to, Rect::at(place, CARD_WIDTH, CARD_HEIGHT));
    moves.extend(kept(scene, &moves));
    match moves.is_empty() {
        true => insert,
        false => Change::All(vec![insert, Change::Move(moves)]),
    }
}

/// A place for a card behind another one: as it is, or so far to the right that it does not stand on it, and level with it if it nearly is.
fn behind(card: Rect, at: Point) -> Point {
    let is_level = (at.y - card.y).abs() <= LEVEL && card.h == CARD_HEIGHT;
    let at = if is_level { pt(at.x, card.y) } else { at };
    let new = Rect::at(at, CARD_WIDTH, CARD_HEIGHT);
    let is_clear = !new.grown(GAP_X / 2.0).touches(card);
    let x = ((card.right() + GAP_X) / GRID).ceil() * GRID;
    if is_clear || at.x >= x { at } else { pt(x, at.y) }
}

/// A card that is there already in the middle of an edge.
#[must_use]
pub fn put_on(scene: &Scene, track: usize, card: usize, at: Point) -> Change {
    let old = scene.tracks[track].edge.clone();
    let id = scene.cards[card].id.clone();
    let at = behind(scene.cards[scene.tracks[track].from].rect, at);
    let mut moves = vec![(id.clone(), Some(at))];
    let rect = scene.cards[card].rect;
    let room = make_room(scene, scene.tracks[track].to, Rect::at(at, rect.w, rect.h));
    moves.extend(room.into_iter().filter(|(other, _)| *other != id));
    moves.extend(kept(scene, &moves));
    let first = Edge {
        to: id.clone(),
        ..old.clone()
    };
    let second = Port::Succeeded.edge(&id, &old.to);
    Change::All(vec![
        Change::Reconnect { old, new: first },
        Change::Connect(second),
        Change::Move(moves),
    ])
}

/// Whether a card can be put on an edge: nobody is connected with it yet, and it is of the edge's section.
#[must_use]
pub fn can_put_on(scene: &Scene, track: usize, card: usize) -> bool {
    let edge = &scene.tracks[track];
    let own = &scene.cards[card];
    own.is_loose() && edge.from != card && edge.to != card && scene.cards[edge.from].section == own.section
}

/// Moves a card and what stands behind it to the right, if a new one would stand too close before it.
fn make_room(scene: &Scene, card: usize, new: Rect) -> Vec<(String, Option<Point>)> {
    let needed = new.right() + GAP_X - scene.cards[card].rect.x;
    // A card that is led back to stands to the left: nothing has to move for it.
    if needed <= 0.0 || needed > CARD_WIDTH + 2.0 * GAP_X {
        return Vec::new();
    }
    let by = (needed / GRID).ceil() * GRID;
    let mut open = vec![card];
    let mut seen = vec![false; scene.cards.len()];
    let left = scene.cards[card].rect.x;
    let mut moves = Vec::new();
    while let Some(card) = open.pop() {
        if std::mem::replace(&mut seen[card], true) || scene.cards[card].rect.x < left {
            continue;
        }
        let rect = scene.cards[card].rect;
        moves.push((scene.cards[card].id.clone(), Some(pt(rect.x + by, rect.y))));
        open.extend(scene.cards[card].out.iter().map(|ix| scene.tracks[*ix].to));
    }
    moves
}

/// Connects two cards, or widens the edge there is; none if it may not be.
#[must_use]
pub fn connect(scene: &Scene, from: usize, port: &Port, to: usize) -> Option<Change> {
    let legal = Legal::new(scene, Fixed::From(from), &port.edge("", ""), None);
    connect_by(scene, &legal, to)
}

/// The same, by answers there are already.
#[must_use]
pub fn connect_by(scene: &Scene, legal: &Legal, card: usize) -> Option<Change> {
    use crate::legal::Verdict;
    let edge = legal.edge(scene, card);
    match legal.verdict(scene, card) {
        Verdict::New => Some(Change::Connect(edge)),
        Verdict::Widens(track) => Some(Change::Reconnect {
            old: scene.tracks[track].edge.clone(),
            new: edge,
        }),
        _ => None,
    }
}

/// Switches tasks off, or on again if they all are off, with what that is called; none without tasks.
#[must_use]
pub fn switch(scene: &Scene, tasks: &[String]) -> Option<(String, Change)> {
    let cards: Vec<&Card> = tasks.iter().filter_map(|id| scene.card(id)).collect();
    let turns_off = cards.iter().any(|card| !card.is_off);
    let set = |card: &Card| Change::Set {
        path: [card.section.key(), &card.id, "disabled"]
            .map(str::to_owned)
            .to_vec(),
        value: turns_off.then_some(Value::Bool(true)),
    };
    let to_change = cards.iter().filter(|card| card.is_off != turns_off);
    let changed = to_change.map(|card| set(card)).collect();
    let what = match &cards[..] {
        [] => return None,
        [card] => card.id.clone(),
        cards => format!("{} tasks", cards.len()),
    };
    let word = if turns_off { "off" } else { "on" };
    Some((format!("Switch {word} {what}"), Change::All(changed)))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::model::Model;
    use crate::scene::Places;
    use crate::testing::{made, model, say};
    use crate::text::Source;

    fn check(text: &str, act: impl Fn(&Scene) -> Change, expected: Expect) {
        let scene = Scene::new(&model(text), &Places::default());
        expected.assert_eq(&say(&act(&scene)));
    }

    #[test]
    fn a_new_task_stands_beside_what_it_is_connected_to() {
        check(
            "a@0,0 -> b@288,0",
            |scene| add(scene, &Template::of("log"), None, Some((0, &Port::Failed))),
            expect![[r#"
            add log log at 288,96 with {"message":""}
              a -failed-> log
        "#]],
        );
        check(
            "a",
            |scene| add(scene, &Template::of("a"), Some(pt(3.0, 5.0)), None),
            expect![[r#"
            add a a_2 at 0,8
            move a 0,0
        "#]],
        );
        check(
            "",
            |scene| add(scene, &Template::of("∑"), None, None),
            expect![[r#"
            add ∑ task at 0,0
        "#]],
        );
    }

    #[test]
    fn what_comes_between_gets_room() {
        check(
            "a@0,0 -big-> b@288,0 -> c@576,0; d@576,100",
            |scene| insert_on(scene, 0, &Template::of("noop"), None),
            expect![[r#"
            insert noop noop at 288,0 on a -> b
            move b 576,0; c 864,0
        "#]],
        );
        check(
            "a@0,0 -> b@900,0",
            |scene| insert_on(scene, 0, &Template::of("noop"), Some(pt(400.0, 8.0))),
            expect![[r#"
                insert noop noop at 400,0 on a -> b
            "#]],
        );
        check(
            "a@0,0 -failed-> b@400,0; c@0,200",
            |scene| put_on(scene, 0, 2, pt(250.0, 0.0)),
            expect![[r#"
                reconnect a -> b: a -failed-> c
                connect c -> b
                move c 288,0; b 576,0
            "#]],
        );
    }

    #[test]
    fn two_cards_are_connected_once() {
        let scene = Scene::new(&model("a -> b; c"), &Places::default());
        let said = |port: Port, to| {
            connect(&scene, 0, &port, to).map_or_else(|| "no".to_owned(), |change| say(&change))
        };
        assert_eq!(said(Port::Succeeded, 2), "connect a -> c\n");
        assert_eq!(said(Port::Succeeded, 1), "no");
        assert_eq!(
            said(Port::Failed, 1),
            "reconnect a -> b: a -succeeded|failed-> b\n"
        );
        assert_eq!(said(Port::Always, 1), "reconnect a -> b: a -always-> b\n");
    }

    #[test]
    fn tasks_are_switched_off_and_on() {
        let text = "flow: f\ntasks:\n  a: { type: log } # mine\n  b:\n    type: noop\n    disabled: true\nfinally:\n  c:\n    type: noop\n    needs: []\n";
        let check = |tasks: &[&str], expected: Expect| {
            let scene = Scene::new(
                &Model::of(&Source::guess(text)).expect("is read"),
                &Places::default(),
            );
            let tasks: Vec<String> = tasks.iter().map(|id| (*id).to_owned()).collect();
            let told =
                switch(&scene, &tasks).map(|(label, change)| format!("{label}\n{}", made(text, &change)));
            expected.assert_eq(&told.unwrap_or_default());
        };
        check(
            &["a"],
            expect![[r#"
            Switch off a
            Change disabled of a
            -  a: { type: log } # mine
            +  a: { type: log, disabled: true } # mine
        "#]],
        );
        check(
            &["b"],
            expect![[r#"
            Switch on b
            Remove disabled of b
            -    disabled: true
        "#]],
        );
        check(
            &["a", "b", "c"],
            expect![[r#"
            Switch off 3 tasks
            Change disabled of a and 1 more
            -  a: { type: log } # mine
            +  a: { type: log, disabled: true } # mine
            +    disabled: true
        "#]],
        );
        check(&["gone"], expect![[""]]);
    }
}
