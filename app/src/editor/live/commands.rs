//! What can be asked of the desk by name or key: each command of the registry, carried out.

use editor::Refusal;
use editor::actions::{Command, of};
use editor::adding::{self, Template};
use editor::arrange::{self, Align, Spread};
use editor::boxes::{NOTE_HEIGHT, NOTE_WIDTH};
use editor::camera::STEP;
use editor::change::{Change, Patch};
use editor::drawn::Drawn;
use editor::geometry::{CARD_HEIGHT, CARD_WIDTH, Port, Rect, pt, snapped};
use editor::gesture::{Input, Pick};
use editor::model::Section;
use editor::scene::Scene;
use editor::select::Selection;
use flow::parse::Format;
use leptos::prelude::*;

use super::desk::{Ask, Desk, Drawer};

impl Desk {
    /// On a small screen the inspector lies over everything: what is asked for beside it comes out from below. Whether that was all.
    fn uncovers(self, command: Command) -> bool {
        use Command as C;
        let is_beside = matches!(
            command,
            C::CodeView
                | C::Problems
                | C::Run
                | C::RunHere
                | C::RunTask
                | C::RunPanel
                | C::Simulate
                | C::BackTest
        );
        if !is_beside || !self.inspector.get_untracked() || !super::is_narrow() {
            return false;
        }
        self.inspector.set(false);
        match command {
            C::CodeView => self.text.get_untracked(),
            C::Problems => self.drawer.get_untracked() == Drawer::Problems,
            _ => false,
        }
    }

    /// Carries out what was asked for by name or key.
    pub(super) fn run(self, command: Command) {
        if !of(command).when.holds(&self.selection.get_untracked()) {
            return;
        }
        if self.uncovers(command) {
            return;
        }
        if self.work_on(command) {
            return;
        }
        use Command as C;
        match command {
            C::Commands => self.ask(Ask::Command),
            // While it is open nothing else is in reach: what opens it need not close it.
            C::Shortcuts => self.sheet.set(true),
            C::Close => self.close(),
            C::ZoomIn => self.stage(|stage| stage.zoom(STEP)),
            C::ZoomOut => self.stage(|stage| stage.zoom(1.0 / STEP)),
            C::ActualSize => self.stage(|stage| stage.zoom(f64::NAN)),
            C::FitAll => {
                self.leave();
                self.stage(|stage| stage.fit(None));
            }
            C::FitSelection => self.fit_selection(),
            C::Minimap => {
                self.map.update(|is_open| *is_open = !*is_open);
                self.stage(|stage| {
                    stage.has_map.set(self.map.get_untracked());
                    stage.stale();
                });
            }
            C::Outline => self.outline.update(|is_open| *is_open = !*is_open),
            C::Inspector => self.inspector.update(|is_open| *is_open = !*is_open),
            C::Problems => self.toggle(Drawer::Problems),
            C::CodeView => self.text.update(|is_open| *is_open = !*is_open),
            C::QuickAdd => self.quick_add(),
            C::InsertOnEdge => self.insert(),
            C::Upstream | C::Downstream => {
                let along =
                    self.with(|session| session.selection.along(&session.scene, command == C::Downstream));
                self.select(along);
            }
            C::SelectAll => self.select(self.with(|session| Selection::all(&session.scene))),
            C::Invert => self.select(self.with(|session| session.selection.inverted(&session.scene))),
            C::Back => self.turn(true),
            C::Forward => self.turn(false),
            C::CopyLink => self.copy_link(),
            C::OpenFlow => self.open_flow(),
            C::GoToNamed => self.go_to_cursor(),
            C::WheelZooms => self.swap_wheel(!self.work().wheel_zooms.get_untracked()),
            C::Settings => self.sheet.set(true),
            C::GoHome => go("/"),
            C::GoFlows => go("/flows"),
            C::GoRuns => go("/runs"),
            C::GoDue => go("/#home-agenda"),
            C::Retype => {
                if let Some(id) = self.primary() {
                    self.ask(Ask::Retype(id));
                }
            }
            C::Find => self.ask(Ask::Find),
            C::FindNext => self.next_found(1),
            C::FindBefore => self.next_found(-1),
            C::NextProblem => self.next_problem(),
            C::Open | C::Rename => self.open_selected(),
            C::Copy => self.copy(false),
            C::Cut => self.copy(true),
            C::Paste => self.paste_asked(false),
            C::PasteWithLinks => self.paste_asked(true),
            C::Duplicate => self.duplicate(),
            C::Note => self.add_note(),
            C::Group => self.group(),
            C::PutInGroup => self.ask_for_group(),
            C::TakeOut => self.take_out(),
            C::AddAtEnd => self.add_apart(Section::Finally),
            C::AddOnFailure => self.add_apart(Section::OnFailure),
            C::Ungroup => self.ungroup(),
            C::Collapse => self.collapse(),
            C::Toggle => self.toggle_tasks(),
            C::Convert => self.convert(),
            C::Connect => {
                if let Some(id) = self.primary() {
                    self.ask(Ask::Target(id));
                }
            }
            C::ConnectFrom => {
                if let Some(id) = self.primary() {
                    self.ask(Ask::Source(id));
                }
            }
            C::NextEdge => self.step_edge(1),
            C::EdgeBefore => self.step_edge(-1),
            C::Delete => self.delete(false),
            C::DeleteAndHeal => self.delete(true),
            C::Undo => self.step(true),
            C::Redo => self.step(false),
            C::Steps => self.ask(Ask::Step),
            C::KeepShown => self.keep_shown(),
            other => self.arrange(other),
        }
    }

    fn arrange(self, command: Command) {
        use Command as C;
        let change = self.with(|session| {
            let (scene, cards) = (&session.scene, session.selection.cards(&session.scene));
            let nudge = |x: f64, y: f64| arrange::nudge(scene, &cards, pt(x, y));
            match command {
                C::NudgeLeft => nudge(-8.0, 0.0),
                C::NudgeRight => nudge(8.0, 0.0),
                C::NudgeUp => nudge(0.0, -8.0),
                C::NudgeDown => nudge(0.0, 8.0),
                C::PushLeft => nudge(-40.0, 0.0),
                C::PushRight => nudge(40.0, 0.0),
                C::PushUp => nudge(0.0, -40.0),
                C::PushDown => nudge(0.0, 40.0),
                C::Tidy if cards.len() > 1 => arrange::tidy(scene, &cards),
                C::Tidy => arrange::tidy_all(scene),
                C::AlignLeft => arrange::align(scene, &cards, Align::Left),
                C::AlignRight => arrange::align(scene, &cards, Align::Right),
                C::AlignTop => arrange::align(scene, &cards, Align::Top),
                C::AlignBottom => arrange::align(scene, &cards, Align::Bottom),
                C::AlignCentre => arrange::align(scene, &cards, Align::Centre),
                C::AlignMiddle => arrange::align(scene, &cards, Align::Middle),
                C::DistributeAcross => arrange::distribute(scene, &cards, Spread::Across),
                C::DistributeDown => arrange::distribute(scene, &cards, Spread::Down),
                _ => None,
            }
        });
        let is_step = matches!(
            command,
            C::NudgeLeft
                | C::NudgeRight
                | C::NudgeUp
                | C::NudgeDown
                | C::PushLeft
                | C::PushRight
                | C::PushUp
                | C::PushDown
        );
        match change {
            // Keys that repeat are one step together.
            Some(change) if is_step => self.change(&change),
            Some(change) => {
                let label = if command == C::Tidy {
                    "Tidy"
                } else {
                    of(command).label
                };
                let before = self.with(|session| session.scene.places());
                self.change_as(label, &change, None);
                if command == C::Tidy {
                    self.stage(|stage| stage.glide(before));
                }
            }
            None => self.tell("Nothing had to move.".to_owned()),
        }
    }

    /// What is open is closed; with nothing open, nothing is selected any more.
    fn close(self) {
        let is_open = self.asked.with_untracked(Option::is_some)
            || self.menu.with_untracked(Option::is_some)
            || self.sheet.get_untracked();
        self.close_floats();
        self.stage(|stage| {
            let is_busy = stage.is_busy();
            stage.give(Input::Escape);
            if !is_open && !is_busy && !self.selection.with_untracked(Selection::is_empty) {
                self.select(Selection::default());
            }
        });
        self.refused.set(None);
    }

    /// The inspector stays on the selected task, or follows the selection again.
    fn keep_shown(self) {
        let primary = self.primary();
        let (kept, said) = match (self.pinned.get_untracked(), primary) {
            (Some(_), _) => (None, "The inspector shows what is selected again.".to_owned()),
            (None, Some(id)) => {
                let said = format!("The inspector stays on {id}.");
                (Some(id), said)
            }
            (None, None) => (
                None,
                "Select the task first on which the inspector is to stay.".to_owned(),
            ),
        };
        self.pinned.set(kept);
        self.inspector.set(true);
        self.say(said);
    }

    fn toggle(self, drawer: Drawer) {
        self.drawer
            .update(|open| *open = if *open == drawer { Drawer::Shut } else { drawer });
    }

    fn fit_selection(self) {
        self.leave();
        let rect = self.with(|session| {
            let cards = session.selection.cards(&session.scene);
            Rect::around(cards.into_iter().map(|card| session.scene.cards[card].rect))
        });
        self.stage(|stage| stage.fit(rect));
    }

    fn quick_add(self) {
        self.stage(|stage| {
            let (w, h) = stage.size();
            let pointed = stage.last_seen();
            let at = pointed.unwrap_or_else(|| pt(w / 2.0, h / 3.0));
            let place = stage.camera().canvas(at);
            // Over a card it is about that card, not about the place.
            let is_free = self.with(|session| session.scene.card_at(place).is_none());
            let pointed = pointed.filter(|_| is_free);
            // Beside the selected task, if there is one: connected.
            let from = self.with(|session| {
                let card = session
                    .selection
                    .primary()
                    .and_then(|id| session.scene.number(id))?;
                Some((card, usual_port(&session.scene, card).clone()))
            });
            let place = match &from {
                _ if pointed.is_some() => {
                    let corner = pt(place.x - CARD_WIDTH / 2.0, place.y - CARD_HEIGHT / 2.0);
                    self.with(|session| adding::free_place(&session.scene, corner))
                }
                Some((card, _)) => self.with(|session| {
                    let rect = session.scene.cards[*card].rect;
                    adding::free_place(&session.scene, pt(rect.right() + 72.0, rect.y))
                }),
                None => self.with(|session| adding::free_place(&session.scene, place)),
            };
            self.ask(Ask::Type(Pick {
                at,
                place,
                section: from.as_ref().map_or(Section::Tasks, |(card, _)| {
                    self.with(|session| session.scene.cards[*card].section)
                }),
                from,
                into: None,
                on: None,
            }));
        });
    }

    /// Asks for a task that runs when the others have ended.
    fn add_apart(self, section: Section) {
        self.stage(|stage| {
            let (w, h) = stage.size();
            let pick = Pick {
                at: pt(w / 2.0 - 160.0, h / 3.0),
                place: pt(0.0, 0.0),
                from: None,
                into: None,
                on: None,
                section: Section::Tasks,
            };
            let pick = self.with(|session| pick.in_section(&session.scene, section));
            self.ask(Ask::Type(pick));
        });
    }

    /// A task of a type beside what is selected, connected to it.
    pub(super) fn add(self, task_type: &str) {
        let change = self.with(|session| {
            let scene = &session.scene;
            let card = session.selection.primary().and_then(|id| scene.number(id));
            let from = card.map(|card| (card, usual_port(scene, card)));
            adding::add(scene, &Template::of(task_type), None, from)
        });
        self.command(&change);
        self.show_primary();
    }

    fn insert(self) {
        let pick = self.with(|session| {
            let track = session.scene.track(session.selection.edge()?)?;
            let place = session.scene.tracks[track].wire.middle()?;
            Some((track, place))
        });
        if let Some((track, place)) = pick {
            self.stage(|stage| {
                let at = stage.camera().stage(place);
                self.ask(Ask::Type(Pick {
                    at,
                    place,
                    from: None,
                    into: None,
                    on: Some(track),
                    section: Section::Tasks,
                }));
            });
        }
    }

    fn delete(self, heal: bool) {
        let change = self.with(|session| {
            let selection = &session.selection;
            match (selection.edge(), selection.note(), selection.group()) {
                (Some(edge), _, _) => Change::Disconnect(edge.clone()),
                (_, Some(note), _) => Drawn::remove_note(note),
                (_, _, Some(group)) => Drawn::ungroup(group),
                _ => Change::Remove {
                    tasks: selection.ids(),
                    heal,
                },
            }
        });
        self.seal();
        self.command(&change);
    }

    /// A note where the pointer is, or in the middle of what is seen.
    fn add_note(self) {
        let mut place = pt(0.0, 0.0);
        self.stage(|stage| {
            let (w, h) = stage.size();
            let at = stage
                .last_seen()
                .unwrap_or_else(|| pt(w / 2.0 - 108.0, h / 2.0 - 60.0));
            place = snapped(stage.camera().canvas(at));
        });
        // It lies under cards: beside them it is seen.
        let place = self.with(|session| adding::free_room(&session.scene, place, NOTE_WIDTH, NOTE_HEIGHT));
        let note = self.with(|session| session.drawn().new_note(place));
        let chosen = Selection::of_note(&note.id);
        self.change_as("Add a note", &Drawn::put_note(&note), Some(chosen));
        self.open_selected();
    }

    /// The document in the other format.
    fn convert(self) {
        let to = self.with(|session| match session.editor().source().format() {
            Format::Yaml => Format::Json,
            Format::Json => Format::Yaml,
        });
        let written = self.with(|session| {
            let text = session.editor().source().written_as(to)?;
            let has_comments = to == Format::Json && session.text().contains('#');
            let end = session.text().len();
            Ok::<_, Refusal>((Patch { start: 0, end, text }, has_comments))
        });
        match written {
            Err(refusal) => self.refuse(refusal.to_string()),
            Ok((whole, has_comments)) => {
                let name = if to == Format::Json { "JSON" } else { "YAML" };
                self.change_as(&format!("Write as {name}"), &Change::Type(vec![whole]), None);
                if has_comments {
                    self.note(&[
                        "JSON has no comments: those of the document are gone. Undo brings them back."
                            .to_owned(),
                    ]);
                }
            }
        }
    }

    /// Switches the tasks that are meant off, or on again if they all are off.
    fn toggle_tasks(self) {
        let meant = self.meant();
        let change = self.with(|session| adding::switch(&session.scene, &meant));
        if let Some((label, change)) = change {
            self.change_as(&label, &change, None);
        }
    }

    fn ungroup(self) {
        let change = self.with(|session| match session.selection.group() {
            Some(group) => Some(Drawn::ungroup(group)),
            None => session.drawn().ungroup_all(&session.selection.ids()),
        });
        let chosen = Selection::of(self.meant());
        match change {
            Some(change) => self.change_as("Ungroup", &change, Some(chosen)),
            None => self.tell("What is selected stands in no group.".to_owned()),
        }
    }

    fn collapse(self) {
        let change = self.with(|session| {
            let group = session.scene.group(session.selection.group()?)?;
            let is_whole = group.group.is_collapsed;
            let label = if is_whole { "Expand" } else { "Collapse" };
            let label = format!("{label} group {}", group.group.title);
            Some((label, Drawn::collapse(&group.group.id, !is_whole)))
        });
        if let Some((label, change)) = change {
            self.change_as(&label, &change, None);
        }
    }
}

/// Leads to another page, as a link would.
fn go(to: &str) {
    // A page of this server always has an address the browser can read.
    let _ = window().location().set_href(to);
}

/// The port that edges leave from if none is named: that of success, of a switch that of its first case.
fn usual_port(scene: &Scene, card: usize) -> &Port {
    let ports = &scene.cards[card].ports;
    ports
        .iter()
        .find(|port| **port == Port::Succeeded)
        .unwrap_or(&ports[0])
}
