//! Everything that can be asked of the editor by name, once: keys, menus, the list of commands and the sheet of shortcuts are all made
//! from this registry.

use crate::select::Selection;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each one's label in the registry says what it does")]
pub enum Command {
    Commands,
    Shortcuts,
    Close,
    ZoomIn,
    ZoomOut,
    ActualSize,
    FitAll,
    FitSelection,
    Minimap,
    Outline,
    Inspector,
    Problems,
    QuickAdd,
    InsertOnEdge,
    Upstream,
    Downstream,
    SelectAll,
    Invert,
    Find,
    FindNext,
    FindBefore,
    NextProblem,
    Open,
    Rename,
    Connect,
    Delete,
    DeleteAndHeal,
    NudgeLeft,
    NudgeRight,
    NudgeUp,
    NudgeDown,
    PushLeft,
    PushRight,
    PushUp,
    PushDown,
    Copy,
    Cut,
    Paste,
    PasteWithLinks,
    Duplicate,
    Undo,
    Redo,
    Tidy,
    AlignLeft,
    AlignRight,
    AlignTop,
    AlignBottom,
    AlignCentre,
    AlignMiddle,
    DistributeAcross,
    DistributeDown,
    Save,
    Run,
    RunHere,
    RunTask,
    StopRun,
    Pin,
    Simulate,
    BackTest,
    History,
    Discard,
    CodeView,
    Import,
    Templates,
    Export,
    Note,
    Group,
    Ungroup,
    Collapse,
}

/// Where an action belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// All over the app.
    General,
    /// What is seen.
    View,
    /// New tasks.
    Add,
    /// The way from task to task.
    Move,
    /// Changes of tasks.
    Edit,
    /// Copies.
    Clipboard,
    /// Undo.
    History,
    /// Places.
    Arrange,
    /// The flow as a whole.
    Flow,
}

impl Area {
    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::General => "General",
            Self::View => "View",
            Self::Add => "Add",
            Self::Move => "Find and select",
            Self::Edit => "Edit",
            Self::Clipboard => "Clipboard",
            Self::History => "History",
            Self::Arrange => "Arrange",
            Self::Flow => "Flow",
        }
    }
}

/// When an action can be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// With so many selected tasks at least.
    Tasks(usize),
    /// With a selected edge.
    Edge,
    /// With selected tasks, or a group of them.
    Meant,
    /// With a selected group.
    Group,
    /// With something selected.
    Selected,
}

impl When {
    /// Whether it can be with this selection.
    #[must_use]
    pub fn holds(self, selection: &Selection) -> bool {
        match self {
            Self::Always => true,
            Self::Tasks(least) => selection.tasks().len() >= least,
            Self::Edge => selection.edge().is_some(),
            Self::Meant => selection.tasks().len() > 0 || selection.group().is_some(),
            Self::Group => selection.group().is_some(),
            Self::Selected => !selection.is_empty(),
        }
    }
}

/// An action.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// What it does.
    pub command: Command,
    /// Its name for ever: other keys are stored under it.
    pub id: &'static str,
    /// What it does, in words.
    pub label: &'static str,
    /// Where it belongs.
    pub area: Area,
    /// The keys it has unless others are chosen; two keys one after the other are parted by a blank.
    pub keys: &'static [&'static str],
    /// When it applies.
    pub when: When,
}

const fn action(
    command: Command,
    id: &'static str,
    label: &'static str,
    area: Area,
    keys: &'static [&'static str],
    when: When,
) -> Action {
    Action {
        command,
        id,
        label,
        area,
        keys,
        when,
    }
}

/// All actions, in the order in which they are listed.
#[rustfmt::skip]
pub const ACTIONS: &[Action] = {
    use Area as A;
    use Command as C;
    use When::{Always, Edge, Group, Meant, Selected, Tasks};
    &[
        action(C::Commands, "commands", "All commands", A::General, &["Ctrl+K"], Always),
        action(C::Shortcuts, "shortcuts", "Keyboard shortcuts", A::General, &["?"], Always),
        action(C::Close, "close", "Close or deselect", A::General, &["Escape"], Always),
        action(C::ZoomIn, "zoom-in", "Zoom in", A::View, &["+", "="], Always),
        action(C::ZoomOut, "zoom-out", "Zoom out", A::View, &["-"], Always),
        action(C::ActualSize, "actual-size", "Actual size", A::View, &["3"], Always),
        action(C::FitAll, "fit-all", "Fit all", A::View, &["1", "0"], Always),
        action(C::FitSelection, "fit-selection", "Fit selection", A::View, &["2", "."], Selected),
        action(C::Minimap, "minimap", "Show or hide the map", A::View, &["M"], Always),
        action(C::Outline, "outline", "Show or hide the list of tasks", A::View, &["L"], Always),
        action(C::Inspector, "inspector", "Show or hide the inspector", A::View, &["Ctrl+\\"], Always),
        action(C::Problems, "problems", "Show or hide problems", A::View, &["Ctrl+Shift+M"], Always),
        action(C::QuickAdd, "quick-add", "Add a task", A::Add, &["A"], Always),
        action(C::InsertOnEdge, "insert", "Insert a task on the edge", A::Add, &["I"], Edge),
        action(C::Note, "note", "Add a note", A::Add, &["Shift+S"], Always),
        action(C::Upstream, "select-upstream", "Select upstream too", A::Move, &["Shift+ArrowLeft", "Alt+S U"], Selected),
        action(C::Downstream, "select-downstream", "Select downstream too", A::Move, &["Shift+ArrowRight", "Alt+S D"], Selected),
        action(C::SelectAll, "select-all", "Select all", A::Move, &["Ctrl+A"], Always),
        action(C::Invert, "invert", "Invert the selection", A::Move, &["Ctrl+Shift+A"], Always),
        action(C::Find, "find", "Find a task", A::Move, &["Ctrl+F", "/"], Always),
        action(C::FindNext, "find-next", "Next match", A::Move, &["F"], Always),
        action(C::FindBefore, "find-before", "Match before", A::Move, &["Shift+F"], Always),
        action(C::NextProblem, "next-problem", "Next problem", A::Move, &["F8"], Always),
        action(C::Open, "open", "Open in the inspector", A::Edit, &["Enter"], Selected),
        action(C::Rename, "rename", "Rename", A::Edit, &["F2"], Selected),
        action(C::Connect, "connect", "Connect to…", A::Edit, &["C"], Tasks(1)),
        action(C::Delete, "delete", "Delete", A::Edit, &["Delete", "Backspace"], Selected),
        action(C::DeleteAndHeal, "delete-heal", "Delete and join what was around it", A::Edit, &["Ctrl+Delete", "Ctrl+Backspace"], Tasks(1)),
        action(C::NudgeLeft, "nudge-left", "Move left", A::Edit, &["Alt+ArrowLeft"], Tasks(1)),
        action(C::NudgeRight, "nudge-right", "Move right", A::Edit, &["Alt+ArrowRight"], Tasks(1)),
        action(C::NudgeUp, "nudge-up", "Move up", A::Edit, &["Alt+ArrowUp"], Tasks(1)),
        action(C::NudgeDown, "nudge-down", "Move down", A::Edit, &["Alt+ArrowDown"], Tasks(1)),
        action(C::PushLeft, "push-left", "Move far left", A::Edit, &["Alt+Shift+ArrowLeft"], Tasks(1)),
        action(C::PushRight, "push-right", "Move far right", A::Edit, &["Alt+Shift+ArrowRight"], Tasks(1)),
        action(C::PushUp, "push-up", "Move far up", A::Edit, &["Alt+Shift+ArrowUp"], Tasks(1)),
        action(C::PushDown, "push-down", "Move far down", A::Edit, &["Alt+Shift+ArrowDown"], Tasks(1)),
        action(C::Copy, "copy", "Copy", A::Clipboard, &["Ctrl+C"], Meant),
        action(C::Cut, "cut", "Cut", A::Clipboard, &["Ctrl+X"], Meant),
        action(C::Paste, "paste", "Paste", A::Clipboard, &["Ctrl+V"], Always),
        action(C::PasteWithLinks, "paste-links", "Paste with its incoming edges", A::Clipboard, &["Ctrl+Shift+V"], Always),
        action(C::Duplicate, "duplicate", "Duplicate", A::Clipboard, &["Ctrl+D"], Meant),
        action(C::Undo, "undo", "Undo", A::History, &["Ctrl+Z"], Always),
        action(C::Redo, "redo", "Redo", A::History, &["Ctrl+Shift+Z", "Ctrl+Y"], Always),
        action(C::Tidy, "tidy", "Tidy all, or the selected tasks", A::Arrange, &["Shift+Alt+T"], Always),
        action(C::AlignLeft, "align-left", "Align left", A::Arrange, &["Alt+A L"], Tasks(2)),
        action(C::AlignRight, "align-right", "Align right", A::Arrange, &["Alt+A R"], Tasks(2)),
        action(C::AlignTop, "align-top", "Align top", A::Arrange, &["Alt+A T"], Tasks(2)),
        action(C::AlignBottom, "align-bottom", "Align bottom", A::Arrange, &["Alt+A B"], Tasks(2)),
        action(C::AlignCentre, "align-centre", "Align centres", A::Arrange, &["Alt+A C"], Tasks(2)),
        action(C::AlignMiddle, "align-middle", "Align middles", A::Arrange, &["Alt+A M"], Tasks(2)),
        action(C::DistributeAcross, "distribute-across", "Distribute across", A::Arrange, &["Alt+A H"], Tasks(3)),
        action(C::DistributeDown, "distribute-down", "Distribute down", A::Arrange, &["Alt+A V"], Tasks(3)),
        action(C::Group, "group", "Group", A::Arrange, &["Ctrl+G"], Tasks(1)),
        action(C::Ungroup, "ungroup", "Ungroup", A::Arrange, &["Ctrl+Shift+G"], Selected),
        action(C::Collapse, "collapse", "Draw the group as one box, or open it", A::Arrange, &["Shift+G"], Group),
        action(C::Save, "save", "Publish…", A::Flow, &["Ctrl+S"], Always),
        action(C::Run, "run", "Run the flow", A::Flow, &["Ctrl+Enter"], Always),
        action(C::RunHere, "run-here", "Run to here", A::Flow, &["Ctrl+Shift+Enter"], Tasks(1)),
        action(C::RunTask, "run-task", "Run this task alone", A::Flow, &["Shift+Enter"], Tasks(1)),
        action(C::StopRun, "stop-run", "Stop the run", A::Flow, &["Ctrl+Alt+Enter"], Always),
        action(C::Pin, "pin", "Pin or unpin the output", A::Flow, &["P"], Tasks(1)),
        action(C::Simulate, "simulate", "Simulate", A::Flow, &[], Always),
        action(C::BackTest, "back-test", "Back-test on old runs", A::Flow, &[], Always),
        action(C::History, "history", "Versions and what changed", A::Flow, &[], Always),
        action(C::Discard, "discard", "Discard the draft", A::Flow, &[], Always),
        action(C::CodeView, "code", "Show or hide the document", A::Flow, &["Ctrl+Shift+E"], Always),
        action(C::Import, "import", "Import…", A::Flow, &["Ctrl+I"], Always),
        action(C::Templates, "templates", "Templates…", A::Flow, &[], Always),
        action(C::Export, "export", "Download the document", A::Flow, &["Ctrl+E"], Always),
    ]
};

/// The entry of a command.
#[must_use]
pub fn of(command: Command) -> &'static Action {
    ACTIONS
        .iter()
        .find(|action| action.command == command)
        .unwrap_or(&ACTIONS[0])
}

/// The actions whose label has all words of a text, those that begin with it first; only those that apply.
#[must_use]
pub fn search(text: &str, selection: &Selection) -> Vec<&'static Action> {
    let text = text.trim().to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut found: Vec<&Action> = ACTIONS
        .iter()
        .filter(|action| action.when.holds(selection))
        .filter(|action| {
            let label = action.label.to_lowercase();
            words.iter().all(|word| label.contains(word))
        })
        .collect();
    found.sort_by_key(|action| !action.label.to_lowercase().starts_with(&text));
    found
}

#[cfg(test)]
mod tests {
    use rustc_hash::FxHashSet;

    use super::*;

    #[test]
    fn nothing_stands_twice() {
        let mut ids = FxHashSet::default();
        let mut commands = FxHashSet::default();
        for action in ACTIONS {
            assert!(
                ids.insert(action.id) && commands.insert(action.command),
                "{} stands twice",
                action.id
            );
            assert_eq!(of(action.command).id, action.id);
        }
    }

    #[test]
    fn actions_are_found_by_words() {
        let labels = |text: &str, selection: &Selection| {
            search(text, selection)
                .iter()
                .map(|action| action.id)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            labels("sel", &Selection::default()),
            "select-all close invert tidy"
        );
        assert_eq!(labels("task add", &Selection::default()), "quick-add");
        assert_eq!(labels("delete", &Selection::one("a")), "delete delete-heal");
        assert_eq!(
            labels("insert", &Selection::of_edge(&crate::testing::edge("a -> b"))),
            "insert"
        );
    }
}
