//! Keys of one's own choice: how they are kept, and what choosing some means for actions that have them already.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::actions::{ACTIONS, Action};
use crate::keys::{Chord, Keymap, sequence, starts_with};

/// The keys that somebody has chosen, by the ids of actions; the others have those they came with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnKeys {
    keys: BTreeMap<String, Vec<String>>,
}

/// Why keys were not taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// They cannot be had by any action; a sentence says why.
    Never(String),
    /// These actions have them, or others that begin with them, or with which they begin.
    Taken(Vec<&'static str>),
}

impl OwnKeys {
    /// Reads what [`OwnKeys::write`] wrote, as far as it can be read: what is left out is told.
    #[must_use]
    pub fn read(text: &str) -> (Self, Vec<String>) {
        let Ok(Value::Object(entries)) = serde_json::from_str(text) else {
            let note =
                "The keys that were chosen before cannot be read, so all have the keys they came with.";
            return (Self::default(), vec![note.to_owned()]);
        };
        let (mut own, mut notes) = (Self::default(), Vec::new());
        for (id, keys) in entries {
            if ACTIONS.iter().all(|action| action.id != id) {
                notes.push(format!("Keys of “{id}” are ignored: there is no such action."));
                continue;
            }
            let texts = keys.as_array().into_iter().flatten().filter_map(Value::as_str);
            let (good, bad): (Vec<&str>, Vec<&str>) = texts.partition(|text| sequence(text).is_ok());
            notes.extend(
                bad.iter()
                    .map(|text| format!("“{text}” of “{id}” is ignored: it names no keys.")),
            );
            // If nothing of it can be read it was not meant to have no keys at all.
            if !good.is_empty() || bad.is_empty() {
                own.keys.insert(id, good.into_iter().map(str::to_owned).collect());
            }
        }
        (own, notes)
    }

    /// To be kept.
    #[must_use]
    pub fn write(&self) -> String {
        // A map of texts can always be written.
        serde_json::to_string(&self.keys).unwrap_or_default()
    }

    /// Whether nothing is chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether an action has other keys than it came with.
    #[must_use]
    pub fn is_changed(&self, action: &Action) -> bool {
        self.keys.contains_key(action.id)
    }

    /// What the keys do then; see [`Keymap::new`].
    #[must_use]
    pub fn keymap(&self, has_singles: bool) -> Keymap {
        Keymap::new(&self.keys, has_singles).0
    }

    /// An action has these keys and no others. If others have them, it is refused, unless it `replaces` theirs.
    ///
    /// # Errors
    /// Why they were not taken up; nothing has changed then.
    pub fn choose(&mut self, action: &Action, keys: &str, replaces: bool) -> Result<(), Refused> {
        let chords = sequence(keys).map_err(Refused::Never)?;
        if let Some(why) = chords.iter().find_map(never) {
            return Err(Refused::Never(why));
        }
        self.put(action, vec![keys.to_owned()], replaces)
    }

    /// An action has no keys.
    pub fn clear(&mut self, action: &Action) {
        self.keys.insert(action.id.to_owned(), Vec::new());
    }

    /// An action has the keys it came with. If others have them meanwhile, it is refused, unless it `replaces` theirs.
    ///
    /// # Errors
    /// Which actions have them; nothing has changed then.
    pub fn reset(&mut self, action: &Action, replaces: bool) -> Result<(), Refused> {
        let keys = action.keys.iter().map(|keys| (*keys).to_owned()).collect();
        self.put(action, keys, replaces)
    }

    /// All actions have the keys they came with.
    pub fn reset_all(&mut self) {
        self.keys.clear();
    }

    fn put(&mut self, action: &Action, keys: Vec<String>, replaces: bool) -> Result<(), Refused> {
        let chords: Vec<Vec<Chord>> = keys.iter().filter_map(|keys| sequence(keys).ok()).collect();
        let is_free = |text: &String| {
            sequence(text).is_ok_and(|other| {
                !chords
                    .iter()
                    .any(|own| starts_with(own, &other) || starts_with(&other, own))
            })
        };
        let others = ACTIONS.iter().filter(|other| other.id != action.id);
        let taken: Vec<(&Action, Vec<String>)> = others
            .filter_map(|other| {
                let (left, gone): (Vec<String>, Vec<String>) = self.of(other).into_iter().partition(is_free);
                (!gone.is_empty()).then_some((other, left))
            })
            .collect();
        if !taken.is_empty() && !replaces {
            return Err(Refused::Taken(
                taken.iter().map(|(other, _)| other.label).collect(),
            ));
        }
        for (other, left) in taken {
            self.keep(other, left);
        }
        self.keep(action, keys);
        Ok(())
    }

    /// What an action came with need not be kept.
    fn keep(&mut self, action: &Action, keys: Vec<String>) {
        if action.keys == keys {
            self.keys.remove(action.id);
        } else {
            self.keys.insert(action.id.to_owned(), keys);
        }
    }

    fn of(&self, action: &Action) -> Vec<String> {
        match self.keys.get(action.id) {
            Some(keys) => keys.clone(),
            None => action.keys.iter().map(|keys| (*keys).to_owned()).collect(),
        }
    }
}

/// Why no action can have a key: a browser or the canvas keeps it for itself.
fn never(chord: &Chord) -> Option<String> {
    let shown = chord.show(false);
    let is_plain = !chord.ctrl && !chord.alt;
    let why = match chord.key.as_str() {
        "Tab" => "goes from one part of the page to the next",
        " " => "moves the canvas while it is held, and presses buttons",
        "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown" if is_plain && !chord.shift => {
            "goes from task to task"
        }
        "N" | "T" | "W" if chord.ctrl => "belongs to the browser, which does not pass it on",
        "V" if chord.ctrl && !chord.alt => "pastes, as the browser has it",
        _ => return None,
    };
    Some(format!("{shown} {why}."))
}

/// Keys as they are pressed one after the other, to be chosen for an action: two at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    keys: Vec<Chord>,
}

impl Recorded {
    /// One more key; a third one begins anew. Keys that are only held down are none.
    pub fn press(&mut self, chord: Chord) {
        let held = [
            "Control", "Shift", "Alt", "Meta", "AltGraph", "CapsLock", "Fn", "Dead",
        ];
        if held.contains(&chord.key.as_str()) {
            return;
        }
        if self.keys.len() == 2 {
            self.keys.clear();
        }
        self.keys.push(chord);
    }

    /// Whether nothing was pressed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// As actions name them.
    #[must_use]
    pub fn text(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(Chord::write).collect();
        keys.join(" ")
    }

    /// As they are shown.
    #[must_use]
    pub fn show(&self, is_mac: bool) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| key.show(is_mac)).collect();
        keys.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn action(id: &str) -> &'static Action {
        let found = ACTIONS.iter().find(|action| action.id == id);
        found.expect("there is such an action")
    }

    /// Lines such as `undo: Ctrl+U`, `undo! Ctrl+U` (in place of others), `undo reset`, `undo clear`, `reset all`.
    fn check(kept: &str, lines: &[&str], expected: Expect) {
        let (mut own, notes) = OwnKeys::read(kept);
        let mut out: String = notes.iter().map(|note| format!("{note}\n")).collect();
        for line in lines {
            let done = if *line == "reset all" {
                own.reset_all();
                Ok(())
            } else if let Some(id) = line.strip_suffix(" reset!") {
                own.reset(action(id), true)
            } else if let Some(id) = line.strip_suffix(" reset") {
                own.reset(action(id), false)
            } else if let Some(id) = line.strip_suffix(" clear") {
                own.clear(action(id));
                Ok(())
            } else if let Some((id, keys)) = line.split_once("! ") {
                own.choose(action(id), keys, true)
            } else {
                let (id, keys) = line.split_once(": ").expect("is a line");
                own.choose(action(id), keys, false)
            };
            let said = match done {
                Ok(()) => "done".to_owned(),
                Err(Refused::Never(why)) => why,
                Err(Refused::Taken(by)) => format!("taken by {}", by.join(", ")),
            };
            out.push_str(&format!("{line} -> {said}\n"));
        }
        let written = own.write();
        assert_eq!(OwnKeys::read(&written), (own, Vec::new()), "it can be read again");
        out.push_str(&written);
        expected.assert_eq(&out);
    }

    #[test]
    fn keys_that_another_action_has_are_refused_unless_they_replace_them() {
        check(
            "{}",
            &[
                "find: Ctrl+J",
                "find: Ctrl+Y",
                "find! Ctrl+Y",
                "redo reset",
                "redo reset!",
                "tidy: Alt+A",
                "tidy: Ctrl+W",
                "tidy: Tab",
                "tidy: ArrowUp",
                "tidy: Ctrl+V",
                "tidy: Hyper+T",
                "undo clear",
                "tidy: Ctrl+Z",
            ],
            expect![[r#"
                find: Ctrl+J -> done
                find: Ctrl+Y -> taken by Redo
                find! Ctrl+Y -> done
                redo reset -> taken by Find a task
                redo reset! -> done
                tidy: Alt+A -> taken by Align left, Align right, Align top, Align bottom, Align centres, Align middles, Distribute across, Distribute down
                tidy: Ctrl+W -> Ctrl+W belongs to the browser, which does not pass it on.
                tidy: Tab -> Tab goes from one part of the page to the next.
                tidy: ArrowUp -> ↑ goes from task to task.
                tidy: Ctrl+V -> Ctrl+V pastes, as the browser has it.
                tidy: Hyper+T -> `Hyper` is no key to hold down: Ctrl, Alt and Shift are
                undo clear -> done
                tidy: Ctrl+Z -> done
                {"find":[],"tidy":["Ctrl+Z"],"undo":[]}"#]],
        );
        check(
            r#"{"find":["Ctrl+J"]}"#,
            &["find: Ctrl+F", "find reset", "tidy: Alt+T T", "reset all"],
            expect![[r#"
                find: Ctrl+F -> done
                find reset -> done
                tidy: Alt+T T -> done
                reset all -> done
                {}"#]],
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_told() {
        check(
            r#"{"fly":["F"],"find":["Hyper+O"],"undo":["Ctrl+U","Z Z Z"],"redo":[]}"#,
            &[],
            expect![[r#"
                Keys of “fly” are ignored: there is no such action.
                “Hyper+O” of “find” is ignored: it names no keys.
                “Z Z Z” of “undo” is ignored: it names no keys.
                {"redo":[],"undo":["Ctrl+U"]}"#]],
        );
        check(
            "[1",
            &[],
            expect![[r#"
                The keys that were chosen before cannot be read, so all have the keys they came with.
                {}"#]],
        );
    }

    #[test]
    fn keys_are_recorded_as_they_are_pressed() {
        let recorded = |presses: &[(&str, bool, bool, bool)]| {
            let mut recorded = Recorded::default();
            for (key, ctrl, alt, shift) in presses {
                recorded.press(Chord::of(key, *ctrl, *alt, *shift));
            }
            let text = recorded.text();
            assert!(text.is_empty() || sequence(&text).is_ok(), "{text}");
            format!("{text} | {}", recorded.show(true))
        };
        assert_eq!(recorded(&[]), " | ");
        assert_eq!(
            recorded(&[("Control", true, false, false), ("z", true, false, true)]),
            "Ctrl+Shift+Z | ⌘⇧Z"
        );
        assert_eq!(
            recorded(&[("a", false, true, false), ("+", false, false, true)]),
            "Alt+A + | ⌥A +"
        );
        assert_eq!(recorded(&[("+", true, false, false)]), "Ctrl++ | ⌘+");
        let three = [
            ("a", false, true, false),
            ("b", false, false, false),
            ("ArrowUp", false, true, false),
        ];
        assert_eq!(recorded(&three), "Alt+ArrowUp | ⌥↑");
    }
}
