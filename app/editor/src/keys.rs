//! Which keys ask for which action: presses, sequences of two, keys of one's own.

use std::collections::BTreeMap;

use crate::actions::{ACTIONS, Action, Command, of};

/// One press of a key with those held down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chord {
    /// Control, or Command where that is its like.
    pub ctrl: bool,
    /// Alt.
    pub alt: bool,
    /// Shift; not told of signs, which need it on some keyboards and not on others.
    pub shift: bool,
    /// The key as the browser names it, letters in upper case.
    pub key: String,
}

impl Chord {
    /// A press as the browser tells it.
    #[must_use]
    pub fn of(key: &str, ctrl: bool, alt: bool, shift: bool) -> Self {
        let mut chars = key.chars();
        let sign = chars.next().filter(|_| chars.next().is_none());
        let is_sign = sign.is_some_and(|sign| !sign.is_alphabetic() && sign != ' ');
        Self {
            ctrl,
            alt,
            shift: shift && !is_sign,
            key: if sign.is_some() {
                key.to_uppercase()
            } else {
                key.to_owned()
            },
        }
    }

    /// Reads `Ctrl+Shift+Z`.
    ///
    /// # Errors
    /// A sentence, if it is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = text;
        // The last plus may be the key itself.
        while let Some((word, after)) = rest
            .split_once('+')
            .filter(|(word, after)| !word.is_empty() && !after.is_empty())
        {
            match word {
                "Ctrl" | "Cmd" => ctrl = true,
                "Alt" => alt = true,
                "Shift" => shift = true,
                other => {
                    return Err(format!(
                        "`{other}` is no key to hold down: Ctrl, Alt and Shift are"
                    ));
                }
            }
            rest = after;
        }
        match rest {
            "" | "Ctrl" | "Alt" | "Shift" | "Cmd" => Err(format!("`{text}` names no key")),
            key => Ok(Self::of(key, ctrl, alt, shift)),
        }
    }

    /// Whether it writes something where one writes: then it belongs to the field.
    #[must_use]
    pub fn is_typing(&self) -> bool {
        let edits = ["Backspace", "Delete", "Enter", "Home", "End", "Tab"];
        let is_sign = self.key.chars().count() == 1;
        let is_arrow = self.key.starts_with("Arrow");
        let native = self.ctrl
            && !self.alt
            && ["A", "C", "V", "X", "Z", "Y", "Backspace", "Delete"].contains(&self.key.as_str());
        native || is_arrow || (!self.ctrl && (is_sign || edits.contains(&self.key.as_str())))
    }

    /// Whether it is one letter or sign alone: these can be switched off.
    #[must_use]
    fn is_single(&self) -> bool {
        !self.ctrl && !self.alt && self.key.chars().count() == 1
    }

    /// As [`Chord::read`] reads it.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = String::new();
        let held = [(self.ctrl, "Ctrl+"), (self.alt, "Alt+"), (self.shift, "Shift+")];
        for (_, name) in held.into_iter().filter(|(is, _)| *is) {
            out.push_str(name);
        }
        out.push_str(&self.key);
        out
    }

    /// As it is shown: `Ctrl+Shift+Z`, or with the signs of a Mac.
    #[must_use]
    pub fn show(&self, is_mac: bool) -> String {
        let key = match self.key.as_str() {
            "ArrowLeft" => "←",
            "ArrowRight" => "→",
            "ArrowUp" => "↑",
            "ArrowDown" => "↓",
            "Escape" => "Esc",
            "Delete" => "Del",
            " " => "Space",
            other => other,
        };
        let mut out = String::new();
        let held = [
            (self.ctrl, "Ctrl+", "⌘"),
            (self.alt, "Alt+", "⌥"),
            (self.shift, "Shift+", "⇧"),
        ];
        for (_, other, mac) in held.into_iter().filter(|(is, _, _)| *is) {
            out.push_str(if is_mac { mac } else { other });
        }
        out.push_str(key);
        out
    }
}

/// So long the second key of two may be waited for, in milliseconds.
const SECOND_KEY_MS: f64 = 1500.0;

/// Which keys do what.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: Vec<(Vec<Chord>, Command)>,
    has_singles: bool,
    /// A first key, and when it was pressed.
    pending: Option<(Vec<Chord>, f64)>,
}

/// What a key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// It asks for this.
    Runs(Command),
    /// It is the first of two.
    Waits,
    /// Nothing.
    Nothing,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::new(&BTreeMap::new(), true).0
    }
}

impl Keymap {
    /// The keys of the registry, with others for the actions that `own` names; an empty list takes all of an action's keys away. Also gives
    /// what is wrong with `own`. Without `has_singles` letters and signs alone do nothing: who speaks to the computer types them by chance.
    #[must_use]
    pub fn new(own: &BTreeMap<String, Vec<String>>, has_singles: bool) -> (Self, Vec<String>) {
        let mut wrong = Vec::new();
        let mut bindings: Vec<(Vec<Chord>, Command)> = Vec::new();
        for name in own
            .keys()
            .filter(|name| ACTIONS.iter().all(|action| action.id != name.as_str()))
        {
            wrong.push(format!("there is no action `{name}`"));
        }
        // Chosen keys first: they win over those that another action came with.
        let (chosen, others): (Vec<&Action>, Vec<&Action>) =
            ACTIONS.iter().partition(|action| own.contains_key(action.id));
        for action in chosen.into_iter().chain(others) {
            let keys: Vec<&str> = match own.get(action.id) {
                Some(keys) => keys.iter().map(String::as_str).collect(),
                None => action.keys.to_vec(),
            };
            for text in keys {
                match sequence(text) {
                    Err(error) => wrong.push(format!("{}: {error}", action.id)),
                    Ok(keys) => match bindings
                        .iter()
                        .find(|(other, _)| starts_with(other, &keys) || starts_with(&keys, other))
                    {
                        Some((_, other)) if own.contains_key(action.id) => {
                            wrong.push(format!("{}: `{text}` is taken by {}", action.id, of(*other).id));
                        }
                        Some(_) => {}
                        None => bindings.push((keys, action.command)),
                    },
                }
            }
        }
        let keymap = Self {
            bindings,
            has_singles,
            pending: None,
        };
        (keymap, wrong)
    }

    /// A key is pressed at an instant.
    pub fn press(&mut self, chord: Chord, now: f64) -> Pressed {
        let before = self.pending.take().filter(|(_, at)| now - at <= SECOND_KEY_MS);
        let is_second = before.is_some();
        let mut keys = before.map(|(keys, _)| keys).unwrap_or_default();
        if chord.is_single() && !self.has_singles && !is_second {
            return Pressed::Nothing;
        }
        keys.push(chord);
        if let Some((_, command)) = self.bindings.iter().find(|(own, _)| *own == keys) {
            return Pressed::Runs(*command);
        }
        if self.bindings.iter().any(|(own, _)| starts_with(own, &keys)) {
            self.pending = Some((keys, now));
            return Pressed::Waits;
        }
        Pressed::Nothing
    }

    /// The keys of a command as they are shown, the first ones first.
    #[must_use]
    pub fn shown(&self, command: Command, is_mac: bool) -> Vec<String> {
        let own = self.bindings.iter().filter(|(_, other)| *other == command);
        own.filter(|(keys, _)| self.has_singles || !keys[0].is_single())
            .map(|(keys, _)| {
                keys.iter()
                    .map(|key| key.show(is_mac))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect()
    }
}

/// Reads one key or two, parted by a blank.
pub(crate) fn sequence(text: &str) -> Result<Vec<Chord>, String> {
    let keys: Vec<Chord> = text
        .split(' ')
        .filter(|key| !key.is_empty())
        .map(Chord::read)
        .collect::<Result<_, _>>()?;
    match keys.len() {
        0 => Err("no key is named".to_owned()),
        1 | 2 => Ok(keys),
        n => Err(format!("`{text}` has {n} keys; two are the most")),
    }
}

pub(crate) fn starts_with(keys: &[Chord], first: &[Chord]) -> bool {
    keys.len() >= first.len() && keys[..first.len()] == *first
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Presses keys, half a second apart.
    fn check(own: &[(&str, &[&str])], has_singles: bool, presses: &str, expected: Expect) {
        let own = own
            .iter()
            .map(|(id, keys)| {
                (
                    (*id).to_owned(),
                    keys.iter().map(|key| (*key).to_owned()).collect(),
                )
            })
            .collect();
        let (mut keymap, wrong) = Keymap::new(&own, has_singles);
        let mut out: String = wrong
            .into_iter()
            .map(|wrong| format!("wrong: {wrong}\n"))
            .collect();
        let mut now = 0.0;
        for press in presses.split(' ') {
            now += 500.0;
            if press == "wait" {
                now += 2000.0;
                continue;
            }
            let said = match keymap.press(Chord::read(press).expect("is a key"), now) {
                Pressed::Runs(command) => of(command).id,
                Pressed::Waits => "…",
                Pressed::Nothing => "-",
            };
            out.push_str(&format!("{press}: {said}\n"));
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn keys_ask_for_actions() {
        check(
            &[],
            true,
            "Ctrl+Shift+Z Ctrl+Z + ? A Alt+A L Alt+A wait L Alt+A X F G F ` Ctrl+, Ctrl+Shift+ArrowLeft",
            expect![[r#"
                Ctrl+Shift+Z: redo
                Ctrl+Z: undo
                +: zoom-in
                ?: shortcuts
                A: quick-add
                Alt+A: …
                L: align-left
                Alt+A: …
                L: outline
                Alt+A: …
                X: -
                F: find-next
                G: …
                F: go-flows
                `: run-panel
                Ctrl+,: settings
                Ctrl+Shift+ArrowLeft: go-back
            "#]],
        );
        check(
            &[],
            true,
            "1 0 2 3",
            expect![[r#"
                1: fit-all
                0: actual-size
                2: fit-selection
                3: actual-size
            "#]],
        );
    }

    #[test]
    fn letters_alone_can_be_switched_off() {
        check(
            &[],
            false,
            "A ? Alt+A L F8 Shift+F Ctrl+F",
            expect![[r#"
            A: -
            ?: -
            Alt+A: …
            L: align-left
            F8: next-problem
            Shift+F: -
            Ctrl+F: find
        "#]],
        );
    }

    #[test]
    fn other_keys_can_be_chosen() {
        check(
            &[
                ("undo", &["Ctrl+U", "Ctrl+K"]),
                ("redo", &["Ctrl+U"]),
                ("find", &[]),
                ("fly", &["F"]),
                ("open", &["Hyper+O"]),
            ],
            true,
            "Ctrl+U Ctrl+K Ctrl+Z Ctrl+F",
            expect![[r#"
                wrong: there is no action `fly`
                wrong: open: `Hyper` is no key to hold down: Ctrl, Alt and Shift are
                wrong: redo: `Ctrl+U` is taken by undo
                Ctrl+U: undo
                Ctrl+K: undo
                Ctrl+Z: -
                Ctrl+F: -
            "#]],
        );
    }

    #[test]
    fn no_two_actions_have_the_same_keys() {
        let (keymap, wrong) = Keymap::new(&BTreeMap::new(), true);
        assert!(wrong.is_empty(), "{wrong:?}");
        let n_keys: usize = ACTIONS.iter().map(|action| action.keys.len()).sum();
        assert_eq!(keymap.bindings.len(), n_keys, "two actions have the same keys");
        assert_eq!(keymap.shown(Command::Upstream, false), ["Shift+←", "Alt+S U"]);
        assert_eq!(keymap.shown(Command::Redo, true)[0], "⌘⇧Z");
    }

    #[test]
    fn fields_keep_what_is_typed() {
        let typing = |text: &str| Chord::read(text).expect("is a key").is_typing();
        assert_eq!(
            [
                "A",
                "?",
                "Backspace",
                "Ctrl+Z",
                "Ctrl+C",
                "ArrowLeft",
                "Shift+F",
                "Alt+A"
            ]
            .map(typing),
            [true; 8]
        );
        assert_eq!(
            ["Ctrl+S", "Ctrl+K", "Escape", "F8", "Ctrl+Enter"].map(typing),
            [false; 5]
        );
    }
}
