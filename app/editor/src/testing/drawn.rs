//! Flows in one line, for tests: `a -> b -> c; a -failed-> d; e@8,16; finally: f; switch s(big, small) -big-> g`.

use crate::change::{Change, NewTask};
use crate::geometry::{Point, pt};
use crate::model::{Edge, Model, Node, Section};

/// Reads such a line. Tasks that are only named as targets are made too, unless they are called `gone`.
pub(crate) fn model(text: &str) -> Model {
    let mut model = Model::default();
    let mut section = Section::Tasks;
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let part = match part.split_once(':') {
            Some((word, rest)) => {
                section = match word {
                    "finally" => Section::Finally,
                    "failure" => Section::OnFailure,
                    _ => Section::Tasks,
                };
                rest.trim()
            }
            None => part,
        };
        chain(&mut model, section, part);
    }
    model
}

fn chain(model: &mut Model, section: Section, text: &str) {
    let mut before: Option<(String, String)> = None;
    for piece in text
        .split("> ")
        .flat_map(|piece| piece.split("->"))
        .map(str::trim)
    {
        // What stands before an arrow: the task, and after its last ` -` the outcomes.
        let (task, on) = match piece.rsplit_once(" -") {
            Some((task, on)) => (task.trim(), on.trim_end_matches('-').trim()),
            None => (piece, ""),
        };
        if task.is_empty() {
            continue;
        }
        let id = node(model, section, task);
        if let Some((from, on)) = before.replace((id.clone(), on.to_owned())) {
            let (on, when) = match on.split_once('?') {
                Some((on, when)) => (on.to_owned(), Some(when.to_owned())),
                None => (on, None),
            };
            model.edges.push(Edge {
                from,
                to: id,
                on: on
                    .split('|')
                    .filter(|word| !word.is_empty())
                    .map(str::to_owned)
                    .collect(),
                when,
            });
        }
    }
}

fn node(model: &mut Model, section: Section, text: &str) -> String {
    let (text, at) = match text.split_once('@') {
        Some((text, place)) => {
            let (x, y) = place.split_once(',').expect("a place is x,y");
            (
                text,
                Some(pt(x.trim().parse().expect("x"), y.trim().parse().expect("y"))),
            )
        }
        None => (text, None),
    };
    let (text, cases) = match text.split_once('(') {
        Some((text, cases)) => {
            let cases = cases
                .trim_end_matches(')')
                .split(',')
                .map(|case| case.trim().to_owned());
            (text, cases.collect())
        }
        None => (text, Vec::new()),
    };
    let (task_type, id) = text
        .trim()
        .split_once(' ')
        .unwrap_or_else(|| ("noop", text.trim()));
    let is_there = model.nodes.iter().any(|node| node.id == id);
    if !is_there && id != "gone" {
        model.nodes.push(Node {
            id: id.to_owned(),
            title: id.to_owned(),
            task_type: task_type.to_owned(),
            section,
            at,
            cases,
            is_each: false,
            is_off: false,
        });
    }
    id.to_owned()
}

/// A change in words.
pub(crate) fn say(change: &Change) -> String {
    let at = |at: &Option<Point>| at.map_or("free".to_owned(), |at| format!("{},{}", at.x, at.y));
    let task = |task: &NewTask| {
        let with = task
            .fields
            .get("with")
            .map_or(String::new(), |with| format!(" with {with}"));
        let task_type = task.fields["type"].as_str().unwrap_or_default();
        let section = if task.section == Section::Tasks {
            String::new()
        } else {
            format!(" in {:?}", task.section)
        };
        (
            format!("{task_type} {} at {}{section}", task.id, at(&task.at)),
            with,
        )
    };
    match change {
        Change::Add(new) => {
            let (name, with) = task(new);
            let edges: String = new
                .upstream
                .iter()
                .map(|edge| format!("  {}\n", arrow(edge)))
                .collect();
            format!("add {name}{with}\n{edges}")
        }
        Change::InsertOn { edge, task: new } => {
            format!("insert {} on {} -> {}\n", task(new).0, edge.from, edge.to)
        }
        Change::Connect(edge) => format!("connect {}\n", arrow(edge)),
        Change::Reconnect { old, new } => format!("reconnect {} -> {}: {}\n", old.from, old.to, arrow(new)),
        Change::Move(moves) => {
            let moves: Vec<String> = moves.iter().map(|(id, to)| format!("{id} {}", at(to))).collect();
            format!("move {}\n", moves.join("; "))
        }
        Change::All(all) => all.iter().map(say).collect(),
        Change::Set { path, value } => {
            format!(
                "set {} = {}\n",
                path.join("."),
                value
                    .as_ref()
                    .map_or_else(|| "nothing".to_owned(), ToString::to_string)
            )
        }
        other => format!("{other:?}\n"),
    }
}

fn arrow(edge: &Edge) -> String {
    let when = edge
        .when
        .as_ref()
        .map_or(String::new(), |when| format!("?{when}"));
    match edge.on.is_empty() && when.is_empty() {
        true => format!("{} -> {}", edge.from, edge.to),
        false => format!("{} -{}{when}-> {}", edge.from, edge.on.join("|"), edge.to),
    }
}
