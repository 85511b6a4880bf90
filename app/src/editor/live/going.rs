//! Going somewhere: along edges, to tasks, to what was found, and to what is wrong.

use editor::focus;
use editor::links;
use editor::select::Selection;
use flow::Problem;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::desk::{Ask, Desk};

impl Desk {
    /// Brings the task in sight that was selected first.
    pub(super) fn show_primary(self) {
        if let Some(id) = self.primary() {
            self.stage(|stage| stage.show(&id, false));
        }
    }

    /// To the next or previous edge of the task, or of the tasks that the selected edge joins.
    pub(super) fn step_edge(self, by: isize) {
        match self.with(|session| links::step(&session.scene, &session.selection, by)) {
            Some(stop) => {
                let words = stop.words();
                self.select(Selection::of_edge(&stop.edge));
                self.stage(|stage| stage.show(&stop.edge.to, false));
                self.say(words);
            }
            None => self.say("No edge leads to or from it.".to_owned()),
        }
    }

    /// The arrow keys. From an edge they lead to its tasks, and to the edges beside it.
    pub(super) fn go(self, way: focus::Way) {
        if let Some(edge) = self
            .selection
            .with_untracked(|selection| selection.edge().cloned())
        {
            let id = match way {
                focus::Way::Left => &edge.from,
                focus::Way::Right => &edge.to,
                focus::Way::Up => return self.step_edge(-1),
                focus::Way::Down => return self.step_edge(1),
            };
            self.select(Selection::one(id));
            self.stage(|stage| stage.show(id, false));
            return;
        }
        let next = self.with(|session| {
            let scene = &session.scene;
            let from = session.selection.group().and_then(|group| scene.group(group));
            let start = match session.selection.primary() {
                Some(id) => scene.number(id),
                None => from.and_then(|group| group.members.first().copied()),
            };
            let own = start.and_then(|card| scene.cards[card].group.filter(|_| scene.cards[card].is_hidden));
            let mut next = match start {
                Some(card) => focus::next(scene, card, way),
                None => focus::first(scene),
            };
            // Through a group that is drawn as one box in one step.
            let mut left = scene.cards.len();
            while let Some(card) = next
                && scene.cards[card].is_hidden
                && scene.cards[card].group == own
                && left > 0
            {
                left -= 1;
                next = focus::next(scene, card, way);
            }
            let card = &scene.cards[next?];
            let group = card.group.filter(|_| card.is_hidden);
            Some(group.map_or_else(
                || (Selection::one(&card.id), card.id.clone()),
                |group| {
                    (
                        Selection::of_group(&scene.groups[group].group.id),
                        card.id.clone(),
                    )
                },
            ))
        });
        if let Some((selection, id)) = next {
            self.select(selection);
            self.stage(|stage| stage.show(&id, false));
        }
    }

    /// Goes to a task: it is selected and in the middle of the stage.
    pub(super) fn jump(self, id: &str) {
        self.leave();
        self.select(Selection::one(id));
        self.stage(|stage| {
            stage.show(id, true);
            stage.pulse(id);
        });
    }

    /// Goes to a note or group.
    pub(super) fn jump_to_drawn(self, is_note: bool, id: &str) {
        let rect = self.with(|session| {
            let scene = &session.scene;
            match is_note {
                true => scene.note(id).map(|note| note.rect),
                false => scene.group(id).map(|group| group.rect),
            }
        });
        let Some(rect) = rect else { return };
        self.leave();
        self.select(match is_note {
            true => Selection::of_note(id),
            false => Selection::of_group(id),
        });
        self.stage(|stage| stage.look(stage.camera().centred(rect, stage.size())));
    }

    /// To the next or previous of what was found.
    pub(super) fn next_found(self, by: isize) {
        let id = self.kept.try_update_value(|kept| {
            let (ids, at) = &mut kept.found;
            if ids.is_empty() {
                return None;
            }
            *at = (*at as isize + by).rem_euclid(ids.len() as isize) as usize;
            ids.get(*at).cloned()
        });
        match id.flatten() {
            Some(id) => self.jump(&id),
            None => self.ask(Ask::Find),
        }
    }

    /// To the next thing that is wrong.
    pub(super) fn next_problem(self) {
        let problems = self.problems.get_untracked();
        if problems.is_empty() {
            return self.tell("There are no problems.".to_owned());
        }
        let next = self.kept.try_update_value(|kept| {
            let next = kept.problem.map_or(0, |at| (at + 1) % problems.len());
            kept.problem = Some(next);
            next
        });
        if let Some(problem) = next.and_then(|next| problems.get(next)) {
            self.say(problem.message.clone());
            self.to_problem(problem);
        }
    }

    /// Goes to what a problem is about: its task and field, else its line.
    pub(super) fn to_problem(self, problem: &Problem) {
        let steps = editor::find::steps(problem.field.as_deref().unwrap_or_default());
        let task = problem.task.clone();
        let task = task.filter(|task| self.with(|session| session.scene.card(task).is_some()));
        match (task, problem.line) {
            (Some(task), _) => self.jump(&task),
            (None, Some(line)) if steps.is_empty() || self.with(|session| session.broken().is_some()) => {
                self.text.set(true);
                return self.line.set(Some((line as usize).saturating_sub(1)));
            }
            _ => self.select(Selection::default()),
        }
        self.to_field_soon(steps);
    }

    /// Takes the focus to a field of the inspector, which stands there with the next turn of the page.
    pub(super) fn to_field_soon(self, steps: Vec<String>) {
        self.pinned.set(None);
        self.inspector.set(true);
        set_timeout(move || to_field(&steps), std::time::Duration::from_millis(60));
    }
}

/// Takes the focus to the field at a path, or to the nearest one around it.
fn to_field(steps: &[String]) {
    for n in (1..=steps.len()).rev() {
        let Some(field) = document().get_element_by_id(&format!("f-{}", steps[..n].join("-"))) else {
            continue;
        };
        let mut around = field.parent_element();
        while let Some(element) = around {
            if element.tag_name() == "DETAILS" {
                // An element takes any attribute with such a name.
                let _ = element.set_attribute("open", "");
            }
            around = element.parent_element();
        }
        field.scroll_into_view();
        if let Ok(field) = field.dyn_into::<web_sys::HtmlElement>() {
            let _ = field.focus();
        }
        return;
    }
}
