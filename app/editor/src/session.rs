//! A flow under someone's hands: its text with the way back, cards with their places, what is selected, and what tasks can do.

use flow::parse::Format;
use flow::parse::pieces::Outline;
use flow::problem::{Problem, Severity};
use flow::validate::TypeCatalog;
use flow::view::TaskTypeView;
use serde_json::Value;

use crate::change::Change;
use crate::changes::Reader;
use crate::drawn::Drawn;
use crate::editor::{Editor, Turned};
use crate::form::{Form, form};
use crate::model::Model;
use crate::refusal::Refusal;
use crate::scene::{Places, Scene};
use crate::select::Selection;
use crate::text::draft::Again;
use crate::text::{Sight, Step, patch};

/// A flow under someone's hands.
#[derive(Clone, Debug)]
pub struct Session {
    editor: Editor,
    /// What was last saved.
    pub saved: String,
    /// The version that was, 0 if none.
    pub version: u32,
    /// The flow's id, once it is saved.
    pub flow: Option<String>,
    /// Cards and edges with their places, of the last text that could be read.
    pub scene: Scene,
    /// What is selected.
    pub selection: Selection,
    /// What tasks can do.
    pub types: Vec<TaskTypeView>,
    /// JSON Schema of a task.
    pub task_schema: Value,
}

/// What a session begins with.
#[derive(Clone, Debug, Default)]
pub struct Begin {
    /// The flow's id; none for one that is not there yet.
    pub flow: Option<String>,
    /// The version that is edited; 0 for a new flow.
    pub version: u32,
    /// The document as its author wrote it.
    pub text: String,
    /// What tasks can do.
    pub types: Vec<TaskTypeView>,
    /// JSON Schema of a task, apart from what its type says.
    pub task_schema: Value,
}

impl Session {
    /// Begins.
    #[must_use]
    pub fn new(begin: Begin) -> Self {
        let mut session = Self::light(begin);
        session.read_with(flow::expr::task_uses, Outline::patched);
        session
    }

    /// The same without what reads expressions, as [`Editor::light`].
    #[must_use]
    pub fn light(begin: Begin) -> Self {
        let format = Format::guess(begin.text.as_bytes());
        let saved = begin.flow.as_ref().map(|_| begin.text.clone());
        let editor = Editor::light(begin.text, format);
        Self {
            scene: Scene::new(editor.model(), &Places::default()).with_drawn(editor.drawn()),
            editor,
            saved: saved.unwrap_or_default(),
            version: begin.version,
            flow: begin.flow,
            selection: Selection::default(),
            types: begin.types,
            task_schema: begin.task_schema,
        }
    }

    /// Brings what reads expressions, and what reads a text again in part.
    pub fn read_with(&mut self, reader: Reader, again: Again) {
        self.editor.read_with(reader, again);
    }

    /// The document.
    #[must_use]
    pub fn text(&self) -> &str {
        self.editor.source().text()
    }

    /// The document as a value, of the last text that could be read.
    #[must_use]
    pub fn value(&self) -> &Value {
        self.editor.document()
    }

    /// The flow as boxes and arrows, of the same text.
    #[must_use]
    pub const fn model(&self) -> &Model {
        self.editor.model()
    }

    /// Notes and groups, of the same text.
    #[must_use]
    pub const fn drawn(&self) -> &Drawn {
        self.editor.drawn()
    }

    /// Why the text cannot be read: then what is drawn is older than it.
    #[must_use]
    pub const fn broken(&self) -> Option<&Refusal> {
        self.editor.broken()
    }

    /// The text with its history.
    #[must_use]
    pub const fn editor(&self) -> &Editor {
        &self.editor
    }

    /// The id in the document, if it is another than that of the flow as it was saved: published, it is a flow of its own.
    #[must_use]
    pub fn new_id(&self) -> Option<&str> {
        let id = self.value().get("flow")?.as_str()?;
        self.flow.as_ref().filter(|saved| *saved != id).map(|_| id)
    }

    /// Whether there is something that is not saved.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.text() != self.saved
    }

    /// What the next undo and the next redo would do.
    #[must_use]
    pub fn ways(&self) -> (Option<&str>, Option<&str>) {
        let history = self.editor.history();
        (history.done().next(), history.undone().next())
    }

    /// Carries a change out, at a moment in milliseconds of any clock.
    ///
    /// # Errors
    /// Why it cannot be; nothing is changed then.
    pub fn change(&mut self, change: &Change, at_ms: u64) -> Result<Step, Refusal> {
        self.make(change, |editor| editor.apply(change, at_ms))
    }

    /// The same under a name of its own, and with what is selected afterwards.
    ///
    /// # Errors
    /// Why it cannot be; nothing is changed then.
    pub fn change_as(
        &mut self,
        label: &str,
        change: &Change,
        selected: Option<Selection>,
        at_ms: u64,
    ) -> Result<Step, Refusal> {
        let step = self.make(change, |editor| editor.apply_as(label, change, at_ms))?;
        if let Some(selected) = selected.filter(|_| !step.is_empty()) {
            self.selection = selected.kept(&self.scene, None);
            self.editor.sighted(Sight::default(), self.sight());
        }
        Ok(step)
    }

    /// The whole text is another one, as typed.
    ///
    /// # Errors
    /// None: a text takes whatever is typed into it.
    pub fn typed(&mut self, text: &str, at_ms: u64) -> Result<Step, Refusal> {
        self.change(&Change::Type(patch::between(self.text(), text)), at_ms)
    }

    fn make(
        &mut self,
        change: &Change,
        act: impl FnOnce(&mut Editor) -> Result<Step, Refusal>,
    ) -> Result<Step, Refusal> {
        let before = self.sight();
        let step = act(&mut self.editor)?;
        if step.is_empty() {
            return Ok(step);
        }
        let mut places = self.scene.places();
        let mut marks = Marks::default();
        marks.follow(change, &mut places);
        self.see(&places, &marks);
        self.editor.sighted(before, self.sight());
        Ok(step)
    }

    /// What is seen and does not stand in the text.
    fn sight(&self) -> Sight {
        let loose = self.scene.cards.iter().filter(|card| !card.is_placed);
        Sight {
            places: loose.map(|card| (card.id.clone(), card.rect.corner())).collect(),
            selection: self.selection.clone(),
        }
    }

    fn see(&mut self, places: &Places, marks: &Marks) {
        if self.editor.broken().is_some() {
            return;
        }
        self.settle(places);
        let renamed = marks
            .renamed
            .as_ref()
            .map(|(from, to)| (from.as_str(), to.as_str()));
        let selection = match &marks.chosen {
            Some(chosen) => chosen.clone(),
            None => std::mem::take(&mut self.selection),
        };
        self.selection = selection.kept(&self.scene, renamed);
    }

    /// The next change is a step of its own, whatever it is.
    pub fn seal(&mut self) {
        self.editor.seal();
    }

    /// Goes one step back (`true`) or forth, and answers what was undone or done again.
    pub fn step(&mut self, is_back: bool) -> Option<Turned> {
        let turned = if is_back {
            self.editor.undo()
        } else {
            self.editor.redo()
        }?;
        let (places, chosen) = match &turned.sight {
            Some(sight) => (sight.places.clone(), Some(sight.selection.clone())),
            None => (self.scene.places(), None),
        };
        let marks = Marks {
            chosen,
            ..Marks::default()
        };
        self.see(&places, &marks);
        Some(turned)
    }

    /// The scene as the document says: what was shown for the time of a gesture is forgotten.
    pub fn settle(&mut self, before: &Places) {
        self.scene = Scene::new(self.editor.model(), before).with_drawn(self.editor.drawn());
    }

    /// Everything that is wrong with the document.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        self.editor.problems(&Catalog(&self.types))
    }

    /// What tasks can do, as the checks of a document ask for it.
    #[must_use]
    pub fn catalog(&self) -> Catalog<'_> {
        Catalog(&self.types)
    }

    /// A task as it stands in the document, with the section it stands in.
    #[must_use]
    pub fn task(&self, id: &str) -> Option<(&'static str, &Value)> {
        let card = self.scene.card(id)?;
        let section = card.section.key();
        Some((section, self.value().get(section)?.get(id)?))
    }

    /// The form of the flow around its tasks. Fields `apart` are left out before it is made: thousands of tasks would be thousands of
    /// fields, and nobody sees them.
    #[must_use]
    pub fn flow_form(&self, apart: &[&str]) -> Form {
        // Without a schema anything may stand in it.
        let mut schema = self
            .task_schema
            .get("x-flow")
            .cloned()
            .unwrap_or(Value::Bool(true));
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|name, _| !apart.contains(&name.as_str()));
        }
        if let (Some(schema), Some(defs)) = (schema.as_object_mut(), self.task_schema.get("$defs")) {
            schema.insert("$defs".to_owned(), defs.clone());
        }
        let fields = self.value().as_object().into_iter().flatten();
        let seen = fields.filter(|(name, _)| !apart.contains(&name.as_str()));
        let value = seen.map(|(name, value)| (name.clone(), value.clone())).collect();
        form(&schema, Some(&Value::Object(value)), &[])
    }

    /// What is known of a task type.
    #[must_use]
    pub fn type_of(&self, key: &str) -> Option<&TaskTypeView> {
        self.types.iter().find(|task_type| task_type.key == key)
    }
}

/// What a change means for what is seen.
#[derive(Default)]
struct Marks {
    renamed: Option<(String, String)>,
    /// What is selected afterwards.
    chosen: Option<Selection>,
}

impl Marks {
    fn follow(&mut self, change: &Change, places: &mut Places) {
        match change {
            Change::Move(moves) => {
                let is_free = moves.iter().all(|(_, at)| at.is_none());
                for (task, at) in moves {
                    match at {
                        Some(at) => places.insert(task.clone(), *at),
                        None => places.remove(task),
                    };
                }
                // All are left to the layout: it begins anew.
                if is_free {
                    places.clear();
                }
            }
            Change::Rename { task, to } => {
                if let Some(at) = places.remove(task) {
                    places.insert(to.clone(), at);
                }
                self.renamed = Some((task.clone(), to.clone()));
            }
            Change::Add(task) | Change::InsertOn { task, .. } if self.chosen.is_none() => {
                self.chosen = Some(Selection::one(&task.id));
            }
            Change::Reconnect { new, .. } if self.chosen.is_none() => {
                self.chosen = Some(Selection::of_edge(new));
            }
            Change::All(all) => all.iter().for_each(|change| self.follow(change, places)),
            _ => {}
        }
    }
}

/// How many errors and how many warnings there are.
#[must_use]
pub fn counts(problems: &[Problem]) -> (usize, usize) {
    let n_errors = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count();
    (n_errors, problems.len() - n_errors)
}

/// Task types as the checks of a document ask for them.
#[derive(Clone, Copy, Debug)]
pub struct Catalog<'t>(pub &'t [TaskTypeView]);

impl TypeCatalog for Catalog<'_> {
    fn input_schema(&self, task_type: &str) -> Option<&Value> {
        let found = self.0.iter().find(|known| known.key == task_type);
        found.map(|known| &known.input_schema)
    }

    fn queues(&self, task_type: &str) -> Option<Vec<&str>> {
        let found = self
            .0
            .iter()
            .find(|known| known.key == task_type && !known.is_local);
        found.map(|known| known.queues.iter().map(String::as_str).collect())
    }

    fn known(&self) -> Vec<&str> {
        self.0.iter().map(|known| known.key.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::adding::{self, Template};
    use crate::geometry::{Port, pt};
    use crate::testing::{edge, move_to, rename};

    fn session() -> Session {
        let text = "flow: f\ntasks:\n  a: { type: log, with: { message: hi } }\n  b: { type: log, needs: [a], with: { message: ho } }\n";
        let task_type = json!({"key": "log", "title": "Log", "summary": "", "icon": "", "category": "data", "output_schema": {},
            "input_schema": {"type": "object", "additionalProperties": false, "required": ["message"], "properties": {"message": {}}}});
        Session::new(Begin {
            flow: Some("f".to_owned()),
            version: 3,
            text: text.to_owned(),
            types: vec![serde_json::from_value(task_type).expect("is a type")],
            task_schema: json!({}),
        })
    }

    fn corner(session: &Session, id: &str) -> crate::geometry::Point {
        session.scene.card(id).expect("is there").rect.corner()
    }

    #[test]
    fn a_document_with_another_id_is_another_flow() {
        let mut session = session();
        assert_eq!(session.new_id(), None);
        let set = |id: &str| Change::Set {
            path: vec!["flow".to_owned()],
            value: Some(json!(id)),
        };
        session.change(&set("g"), 0).expect("is set");
        assert_eq!(session.new_id(), Some("g"));
        session.flow = None;
        assert_eq!(session.new_id(), None, "it was never saved");
    }

    #[test]
    fn the_form_of_the_flow_leaves_its_tasks_out() {
        let mut session = session();
        session.task_schema = json!({
            "x-flow": {
                "required": ["tasks"],
                "properties": { "tasks": { "type": "object" }, "timeout": { "$ref": "#/$defs/Span" } },
            },
            "$defs": { "Span": { "type": "string", "title": "How long" } },
        });
        session
            .typed("flow: f\nmood: good\ntasks: {}\n", 0)
            .expect("it is text");
        let form = session.flow_form(&["flow", "tasks"]);
        let fields: Vec<_> = form
            .fields
            .iter()
            .map(|field| (field.path.join("."), field.title.clone()))
            .collect();
        assert_eq!(fields, [("timeout".to_owned(), "How long".to_owned())]);
        let unknown: Vec<_> = form.unknown.iter().map(|field| field.path.join(".")).collect();
        assert_eq!(unknown, ["mood"]);
    }

    #[test]
    fn steps_lead_back_and_forth() {
        let mut session = session();
        let first = session.text().to_owned();
        assert!(!session.is_dirty() && session.problems().is_empty());
        let change = adding::add(
            &session.scene,
            &Template::of("log"),
            None,
            Some((1, &Port::Failed)),
        );
        session.change(&change, 0).expect("is new");
        assert_eq!(session.ways().0, Some("Add log"));
        assert_eq!(session.selection.primary(), Some("log"));
        // What stood without a place in the document stays where it was seen.
        assert!(session.scene.cards.iter().all(|card| card.is_placed));
        session.change(&rename("log", "late"), 1).expect("is free");
        assert_eq!(session.selection.primary(), Some("late"));
        assert_eq!(session.ways(), (Some("Rename log → late"), None));
        session.step(true);
        assert_eq!(session.selection.primary(), Some("log"));
        assert_eq!(session.step(true).expect("is a step").label, "Add log");
        assert_eq!(session.text(), first);
        assert!(session.selection.is_empty());
        assert_eq!(session.ways(), (None, Some("Add log")));
        session.step(false);
        assert!(session.scene.card("log").is_some() && session.is_dirty());
        assert_eq!(session.selection.primary(), Some("log"));
    }

    #[test]
    fn what_has_no_place_of_its_own_goes_back_to_where_it_was_seen() {
        let mut session = session();
        let before = corner(&session, "b");
        session.change(&move_to("b", 800.0, 80.0), 0).expect("is moved");
        session
            .change(&move_to("b", 808.0, 80.0), 100)
            .expect("is moved on");
        session.step(true);
        assert_eq!(corner(&session, "b"), before);
        session.step(false);
        assert_eq!(corner(&session, "b"), pt(808.0, 80.0));
        assert_eq!(session.ways().1, None, "the two moves are one step");
    }

    #[test]
    fn a_burst_of_typing_is_one_step() {
        let mut session = session();
        let set = |text: &str| Change::Set {
            path: ["tasks", "a", "with", "message"].map(str::to_owned).to_vec(),
            value: Some(json!(text)),
        };
        for (at, text) in ["h", "he", "hey"].into_iter().enumerate() {
            session.change(&set(text), at as u64 * 200).expect("is a field");
        }
        session.change(&set("hey!"), 5000).expect("is a field");
        session.step(true);
        assert_eq!(session.task("a").expect("is there").1["with"]["message"], "hey");
        session.step(true);
        assert_eq!(session.ways().0, None);
        session.change(&set("ho"), 6000).expect("is a field");
        session.seal();
        session.change(&set("hoho"), 6001).expect("is a field");
        session.step(true);
        assert_eq!(session.ways().0, Some("Change with.message of a"));
    }

    #[test]
    fn a_text_that_cannot_be_read_leaves_the_last_drawing() {
        let mut session = session();
        session.typed("flow: f\ntasks: [", 0).expect("is always possible");
        assert_eq!(session.scene.cards.len(), 2);
        assert!(session.broken().is_some() && !session.problems().is_empty());
        assert!(session.change(&move_to("a", 8.0, 8.0), 1).is_err());
        session.step(true);
        assert!(session.broken().is_none());
        session.change(&move_to("a", 8.0, 8.0), 2).expect("is read again");
        session
            .change(&Change::Move(vec![("a".to_owned(), None)]), 3)
            .expect("is tidied");
        assert_eq!(session.ways().0, Some("Tidy"));
        assert_eq!(session.scene.cards[0].rect.corner(), pt(0.0, 0.0));
    }

    /// A change drawn from a number: of many kinds, about tasks that may or may not be there.
    fn drawn(seed: u64, session: &Session) -> Change {
        let ids: Vec<&str> = session.scene.cards.iter().map(|card| card.id.as_str()).collect();
        let one = ids
            .get(seed as usize % 7 % ids.len().max(1))
            .map_or("a", |id| *id);
        let two = ids
            .get(seed as usize / 7 % ids.len().max(1))
            .map_or("b", |id| *id);
        let n = seed / 64;
        match seed / 512 % 14 {
            0 | 1 => adding::add(
                &session.scene,
                &Template::of("log"),
                None,
                session.scene.number(one).map(|card| (card, &Port::Failed)),
            ),
            2 => rename(one, &format!("t{}", n % 9)),
            3 => Change::Remove {
                tasks: vec![one.to_owned()],
                heal: n.is_multiple_of(2),
            },
            4 => Change::Connect(edge(&format!("{one} -> {two}"))),
            5 => Change::Connect(edge(&format!("{one} -failed-> {two}"))),
            6 => Change::Disconnect(edge(&format!("{one} -> {two}"))),
            7 => move_to(one, (n % 50) as f64 * 8.0, 16.0),
            8 => Change::Set {
                path: ["tasks", one, "with", "message"].map(str::to_owned).to_vec(),
                value: (!n.is_multiple_of(3)).then(|| json!(format!("n {n} \u{fc}"))),
            },
            9 => session.drawn().group(&[one.to_owned(), two.to_owned()]),
            10 => session
                .drawn()
                .groups
                .first()
                .map_or(Change::All(Vec::new()), |group| {
                    Drawn::collapse(&group.id, !group.is_collapsed)
                }),
            11 => Drawn::put_note(&session.drawn().new_note(pt((n % 90) as f64, 0.0))),
            12 => {
                let text = session.text();
                let at = crate::text::offset::line_start(text, n as usize % text.lines().count().max(1));
                Change::Type(vec![crate::change::Patch::insert(at, "# said\n")])
            }
            _ => crate::clipboard::duplicate(session.value(), &[one.to_owned()], &session.catalog())
                .map_or(Change::All(Vec::new()), |pasted| pasted.change),
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, cases: 8, ..proptest::prelude::ProptestConfig::default() })]

        #[test]
        fn a_long_session_leads_back_to_its_beginning_and_forth_again(
            seeds in proptest::collection::vec(proptest::prelude::any::<u32>(), 60..90),
            turns in proptest::collection::vec(proptest::prelude::any::<bool>(), 0..40),
        ) {
            let mut session = session();
            let seen = |session: &Session| {
                let places: std::collections::BTreeMap<String, (f64, f64)> = session
                    .scene
                    .cards
                    .iter()
                    .map(|card| (card.id.clone(), (card.rect.x, card.rect.y)))
                    .collect();
                (session.text().to_owned(), places, session.selection.clone())
            };
            let first = seen(&session);
            let mut states = vec![first.clone()];
            for (at, seed) in seeds.iter().enumerate() {
                let change = drawn(u64::from(*seed), &session);
                let n_before = session.editor().history().done().count();
                // Far apart, so that each is a step of its own.
                let made = session.change(&change, at as u64 * 5_000);
                let n_after = session.editor().history().done().count();
                match made {
                    Ok(step) if !step.is_empty() => {
                        proptest::prop_assert_eq!(n_after, n_before + 1);
                        states.push(seen(&session));
                    }
                    _ => proptest::prop_assert_eq!(n_after, n_before),
                }
                proptest::prop_assert!(session.broken().is_none(), "a change never breaks the text");
            }
            let mut at = states.len() - 1;
            for is_back in turns {
                let turned = session.step(is_back);
                at = match (is_back, turned.is_some()) {
                    (true, true) => at - 1,
                    (false, true) => at + 1,
                    _ => at,
                };
                proptest::prop_assert_eq!(&seen(&session).0, &states[at].0);
            }
            while session.step(true).is_some() {}
            proptest::prop_assert_eq!(&seen(&session), &first);
            while session.step(false).is_some() {}
            proptest::prop_assert_eq!(&seen(&session), states.last().expect("has a first"));
        }
    }

    #[test]
    fn an_edge_stays_selected_when_it_changes() {
        let mut session = session();
        let twin = Change::Connect(edge("a -failed-> b"));
        session.change(&twin, 0).expect("is new");
        session.selection = Selection::of_edge(&edge("a -failed-> b"));
        let change = Change::Reconnect {
            old: edge("a -failed-> b"),
            new: edge("a -skipped-> b"),
        };
        session.change(&change, 1).expect("is there");
        assert_eq!(session.selection.edge(), Some(&edge("a -skipped-> b")));
        session.step(true);
        assert_eq!(session.selection.edge(), Some(&edge("a -failed-> b")));
    }
}
