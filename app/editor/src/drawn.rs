//! Notes and groups: drawn, and nothing to a run.

use flow::layout::Point;
use serde_json::{Map, Value, json};

use crate::change::Change;
use crate::changes::number;

/// Notes and groups of a flow, in the order of the document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    /// Notes.
    pub notes: Vec<Note>,
    /// Groups.
    pub groups: Vec<Group>,
}

/// A note on the canvas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Note {
    /// Its id.
    pub id: String,
    /// What it says, as Markdown.
    pub text: String,
    /// Its upper left corner, if it has a place.
    pub at: Option<Point>,
    /// Its width and height, if they are said.
    pub size: Option<Point>,
    /// Its colour, by name.
    pub colour: Option<String>,
}

/// Tasks drawn as one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Its title, or its id.
    pub title: String,
    /// The ids of its tasks.
    pub tasks: Vec<String>,
    /// Whether it is drawn as one box.
    pub is_collapsed: bool,
    /// Its colour, by name.
    pub colour: Option<String>,
}

impl Drawn {
    /// What a document has drawn.
    #[must_use]
    pub fn of_document(document: &Value) -> Self {
        let entries = |name: &str| {
            document
                .get(name)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
        };
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let point = |value: &Value, name: &str| {
            let pair = value.get(name)?;
            Some(Point {
                x: pair.get(0)?.as_f64()?,
                y: pair.get(1)?.as_f64()?,
            })
        };
        let notes = entries("notes").map(|(id, note)| Note {
            id: id.clone(),
            text: text(note, "text").unwrap_or_default(),
            at: point(note, "at"),
            size: point(note, "size"),
            colour: text(note, "colour"),
        });
        let groups = entries("groups").map(|(id, group)| Group {
            id: id.clone(),
            title: text(group, "title").unwrap_or_else(|| id.clone()),
            tasks: (group.get("tasks").and_then(Value::as_array).into_iter().flatten())
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            is_collapsed: group.get("collapsed").and_then(Value::as_bool).unwrap_or(false),
            colour: text(group, "colour"),
        });
        Self {
            notes: notes.collect(),
            groups: groups.collect(),
        }
    }

    /// The group a task stands in.
    #[must_use]
    pub fn group_of(&self, task: &str) -> Option<&Group> {
        self.groups
            .iter()
            .find(|group| group.tasks.iter().any(|member| member == task))
    }

    /// A note, new or changed.
    #[must_use]
    pub fn put_note(note: &Note) -> Change {
        let pair = |point: Point| json!([number(point.x), number(point.y)]);
        let mut fields = Map::new();
        fields.insert("text".to_owned(), json!(note.text));
        fields.extend(note.at.map(|at| ("at".to_owned(), pair(at))));
        fields.extend(note.size.map(|size| ("size".to_owned(), pair(size))));
        fields.extend(
            note.colour
                .as_ref()
                .map(|colour| ("colour".to_owned(), json!(colour))),
        );
        set(&["notes", &note.id], Some(Value::Object(fields)))
    }

    /// A note has this width and height.
    #[must_use]
    pub fn size_note(id: &str, size: Point) -> Change {
        set(
            &["notes", id, "size"],
            Some(json!([number(size.x), number(size.y)])),
        )
    }

    /// The colours there are, by name.
    pub const COLOURS: [&str; 6] = ["grey", "yellow", "green", "blue", "purple", "red"];

    /// A new note at a place.
    #[must_use]
    pub fn new_note(&self, at: Point) -> Note {
        Note {
            id: self.new_note_id(),
            at: Some(at),
            colour: Some("yellow".to_owned()),
            ..Note::default()
        }
    }

    /// A field of a note or group, such as its colour or title; no text takes it out.
    #[must_use]
    pub fn field(is_note: bool, id: &str, field: &str, text: &str) -> Change {
        let section = if is_note { "notes" } else { "groups" };
        let keep = !text.trim().is_empty() || (is_note && field == "text");
        set(&[section, id, field], keep.then(|| json!(text)))
    }

    /// The groups that some tasks stand in go; the tasks stay. None if there are none.
    #[must_use]
    pub fn ungroup_all(&self, tasks: &[String]) -> Option<Change> {
        let is_in = |group: &&Group| group.tasks.iter().any(|member| tasks.contains(member));
        let gone: Vec<Change> = self
            .groups
            .iter()
            .filter(is_in)
            .map(|group| Self::ungroup(&group.id))
            .collect();
        (!gone.is_empty()).then_some(Change::All(gone))
    }

    /// A note goes.
    #[must_use]
    pub fn remove_note(id: &str) -> Change {
        set(&["notes", id], None)
    }

    /// Groups tasks under a new id, taking them out of the groups they stand in.
    #[must_use]
    pub fn group(&self, tasks: &[String]) -> Change {
        let mut changes = self.without(tasks, None);
        let id = self.new_group_id();
        changes.push(set(&["groups", &id], Some(json!({ "tasks": tasks }))));
        Change::All(changes)
    }

    /// Tasks come into a group, out of those they stand in; or into none. None if they are there already.
    #[must_use]
    pub fn put_in(&self, tasks: &[String], group: Option<&str>) -> Option<Change> {
        let mut changes = self.without(tasks, group);
        if let Some(to) = self.groups.iter().find(|other| Some(other.id.as_str()) == group) {
            let new = tasks.iter().filter(|task| !to.tasks.contains(task));
            let members: Vec<&String> = to.tasks.iter().chain(new).collect();
            if members.len() > to.tasks.len() {
                changes.push(set(&["groups", &to.id, "tasks"], Some(json!(members))));
            }
        }
        (!changes.is_empty()).then_some(Change::All(changes))
    }

    /// The same as the name of a step.
    #[must_use]
    pub fn put_words(&self, tasks: &[String], group: Option<&str>) -> String {
        let what = match tasks {
            [task] => task.clone(),
            _ => format!("{} tasks", tasks.len()),
        };
        let to = self.groups.iter().find(|other| Some(other.id.as_str()) == group);
        match (to, tasks.iter().find_map(|task| self.group_of(task))) {
            (Some(to), _) => format!("Put {what} into {}", to.title),
            (None, Some(from)) => format!("Take {what} out of {}", from.title),
            (None, None) => format!("Take {what} out of its group"),
        }
    }

    /// Takes tasks out of the groups they stand in, but for one; a group without tasks goes.
    fn without(&self, tasks: &[String], but: Option<&str>) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for group in self.groups.iter().filter(|group| Some(group.id.as_str()) != but) {
            let (gone, left): (Vec<&String>, Vec<&String>) =
                group.tasks.iter().partition(|member| tasks.contains(member));
            if gone.is_empty() {
                continue;
            }
            changes.push(if left.is_empty() {
                set(&["groups", &group.id], None)
            } else {
                set(&["groups", &group.id, "tasks"], Some(json!(left)))
            });
        }
        changes
    }

    /// A group goes; its tasks stay.
    #[must_use]
    pub fn ungroup(id: &str) -> Change {
        set(&["groups", id], None)
    }

    /// Draws a group as one box, or opens it.
    #[must_use]
    pub fn collapse(id: &str, is_collapsed: bool) -> Change {
        set(
            &["groups", id, "collapsed"],
            is_collapsed.then_some(Value::Bool(true)),
        )
    }

    /// An id that no group has.
    #[must_use]
    pub fn new_group_id(&self) -> String {
        fresh("group", |id| self.groups.iter().any(|group| group.id == id))
    }

    /// An id that no note has.
    #[must_use]
    pub fn new_note_id(&self) -> String {
        fresh("note", |id| self.notes.iter().any(|note| note.id == id))
    }
}

/// `stem`, or `stem-2` and so on if that is taken.
pub(crate) fn fresh(stem: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(stem) {
        return stem.to_owned();
    }
    // `fetch-2` is followed by `fetch-3`, not by `fetch-2-2`.
    let stem = match stem.rsplit_once('-') {
        Some((head, number)) if !head.is_empty() && number.parse::<u32>().is_ok() => head,
        _ => stem,
    };
    let longest = flow::limits::ID_BYTES_MAX - 8;
    let stem = stem.get(..longest).unwrap_or(stem);
    (2_u64..)
        .map(|number| format!("{stem}-{number}"))
        .find(|id| !is_taken(id))
        .unwrap_or_else(|| stem.to_owned())
}

fn set(path: &[&str], value: Option<Value>) -> Change {
    Change::Set {
        path: path.iter().map(|step| (*step).to_owned()).collect(),
        value,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::testing::made;

    #[test]
    fn tasks_go_into_groups_and_out_of_them() {
        let text = "\
flow: f
tasks: { a: { type: noop }, b: { type: noop }, c: { type: noop } }
groups:
  one: { title: First, tasks: [a, b] }
  two: { tasks: [c] }
";
        let drawn = Drawn::of_document(&json!({
            "groups": { "one": { "title": "First", "tasks": ["a", "b"] }, "two": { "tasks": ["c"] } },
        }));
        let put = |tasks: &[&str], group: Option<&str>| {
            let tasks: Vec<String> = tasks.iter().map(|task| (*task).to_owned()).collect();
            let change = drawn.put_in(&tasks, group);
            let made = change.map_or_else(|| "nothing\n".to_owned(), |change| made(text, &change));
            // The first line is the name that the change has by itself.
            let lines = made.split_once('\n').map_or("", |(_, lines)| lines);
            format!("{}\n{lines}", drawn.put_words(&tasks, group))
        };
        let all = [
            put(&["c"], Some("one")),
            put(&["a"], Some("two")),
            put(&["a", "c"], Some("one")),
            put(&["a"], None),
            put(&["a", "b"], None),
            put(&["a"], Some("one")),
        ];
        expect![[r#"
            Put c into First
            -  one: { title: First, tasks: [a, b] }
            -  two: { tasks: [c] }
            +  one: { title: First, tasks: [a, b, c] }

            Put a into two
            -  one: { title: First, tasks: [a, b] }
            -  two: { tasks: [c] }
            +  one: { title: First, tasks: [b] }
            +  two: { tasks: [c, a] }

            Put 2 tasks into First
            -  one: { title: First, tasks: [a, b] }
            -  two: { tasks: [c] }
            +  one: { title: First, tasks: [a, b, c] }

            Take a out of First
            -  one: { title: First, tasks: [a, b] }
            +  one: { title: First, tasks: [b] }

            Take 2 tasks out of First
            -  one: { title: First, tasks: [a, b] }

            Put a into First
        "#]]
        .assert_eq(&all.join("\n"));
    }

    #[test]
    fn notes_and_groups_are_fields_like_others() {
        let text = "\
flow: f
tasks: { a: { type: noop }, b: { type: noop }, c: { type: noop } }
groups:
  # both
  group: { title: G, tasks: [a, b], collapsed: true }
";
        let drawn = Drawn::of_document(&serde_json::json!({
            "groups": { "group": { "title": "G", "tasks": ["a", "b"], "collapsed": true } },
        }));
        assert_eq!(drawn.group_of("b").map(|group| group.title.as_str()), Some("G"));
        let note = Note {
            id: drawn.new_note_id(),
            text: "first\nsecond".to_owned(),
            at: Some(Point { x: 1.0, y: 2.5 }),
            ..Note::default()
        };
        let all = |tasks: &[&str]| -> Vec<String> { tasks.iter().map(|task| (*task).to_owned()).collect() };
        let changes = [
            Drawn::put_note(&note),
            Drawn::remove_note("note"),
            drawn.group(&all(&["b", "c"])),
            drawn.group(&all(&["a", "b", "c"])),
            Drawn::ungroup("group"),
            Drawn::collapse("group", false),
            Drawn::field(false, "group", "colour", "blue"),
            Drawn::field(false, "group", "title", " "),
            drawn.ungroup_all(&all(&["b"])).expect("it stands in one"),
        ];
        let shown: Vec<String> = changes.iter().map(|change| made(text, change)).collect();
        expect![[r#"
            Change note note
            +notes:
            +  note:
            +    text: |-
            +      first
            +      second
            +    at: [1, 2.5]

            Remove note note

            Change group group and 1 more
            -  group: { title: G, tasks: [a, b], collapsed: true }
            +  group: { title: G, tasks: [a], collapsed: true }
            +  group-2:
            +    tasks: [b, c]

            Remove group group and 1 more
            -  # both
            -  group: { title: G, tasks: [a, b], collapsed: true }
            +  group-2:
            +    tasks: [a, b, c]

            Remove group group
            -groups:
            -  # both
            -  group: { title: G, tasks: [a, b], collapsed: true }

            Change group group
            -  group: { title: G, tasks: [a, b], collapsed: true }
            +  group: { title: G, tasks: [a, b] }

            Change group group
            -  group: { title: G, tasks: [a, b], collapsed: true }
            +  group: { title: G, tasks: [a, b], collapsed: true, colour: blue }

            Change group group
            -  group: { title: G, tasks: [a, b], collapsed: true }
            +  group: { tasks: [a, b], collapsed: true }

            Remove group group
            -groups:
            -  # both
            -  group: { title: G, tasks: [a, b], collapsed: true }
        "#]]
        .assert_eq(&shown.join("\n"));
    }
}
