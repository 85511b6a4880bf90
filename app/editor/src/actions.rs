//! Everything that can be asked of the editor by name, once: keys, menus, the list of commands and the sheet of shortcuts are all made
//! from this registry.

use crate::fuzzy;
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
    KeepShown,
    Problems,
    QuickAdd,
    AddAtEnd,
    AddOnFailure,
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
    Toggle,
    Connect,
    ConnectFrom,
    NextEdge,
    EdgeBefore,
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
    Steps,
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
    EditPin,
    LastRun,
    Before,
    Simulate,
    BackTest,
    History,
    Discard,
    Restore,
    CodeView,
    Import,
    Templates,
    Export,
    ExportJson,
    Back,
    Forward,
    CopyLink,
    OpenFlow,
    GoToNamed,
    Retype,
    WheelZooms,
    Settings,
    RunPanel,
    GoHome,
    GoFlows,
    GoRuns,
    GoDue,
    Note,
    Group,
    PutInGroup,
    TakeOut,
    Ungroup,
    Collapse,
    Extract,
    Convert,
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
    /// With a selected edge, or a task that may have some.
    Edges,
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
            Self::Edges => selection.edge().is_some() || selection.primary().is_some(),
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
    use When::{Always, Edge, Edges, Group, Meant, Selected, Tasks};
    &[
        action(C::Commands, "commands", "Commands, tasks and flows", A::General, &["Ctrl+K"], Always),
        action(C::Shortcuts, "shortcuts", "Keyboard shortcuts", A::General, &["?"], Always),
        action(C::Settings, "settings", "Settings", A::General, &["Ctrl+,"], Always),
        action(C::GoHome, "go-home", "Go home", A::General, &["G D"], Always),
        action(C::GoFlows, "go-flows", "Go to flows", A::General, &["G F"], Always),
        action(C::GoRuns, "go-runs", "Go to runs", A::General, &["G R"], Always),
        action(C::GoDue, "go-due", "Go to what is due next", A::General, &["G S"], Always),
        action(C::Close, "close", "Close or deselect", A::General, &["Escape"], Always),
        action(C::ZoomIn, "zoom-in", "Zoom in", A::View, &["+", "="], Always),
        action(C::ZoomOut, "zoom-out", "Zoom out", A::View, &["-"], Always),
        action(C::ActualSize, "actual-size", "Actual size", A::View, &["0", "3"], Always),
        action(C::FitAll, "fit-all", "Fit all", A::View, &["1"], Always),
        action(C::FitSelection, "fit-selection", "Fit selection", A::View, &["2", "."], Selected),
        action(C::Minimap, "minimap", "Show or hide the map", A::View, &["M"], Always),
        action(C::Outline, "outline", "Show or hide the list of tasks", A::View, &["L"], Always),
        action(C::Inspector, "inspector", "Show or hide the inspector", A::View, &["Ctrl+\\"], Always),
        action(C::KeepShown, "keep-shown", "Keep the inspector on this task, or let it follow", A::View, &[], Always),
        action(C::Problems, "problems", "Show or hide problems", A::View, &["Ctrl+Shift+M"], Always),
        action(C::RunPanel, "run-panel", "Show or hide the run", A::View, &["`"], Always),
        action(C::WheelZooms, "wheel-zooms", "Wheel zooms, or moves the canvas", A::View, &[], Always),
        action(C::QuickAdd, "quick-add", "Add a task", A::Add, &["A"], Always),
        action(C::InsertOnEdge, "insert", "Insert a task on the edge", A::Add, &["I"], Edge),
        action(C::AddAtEnd, "add-at-end", "Add a task that runs at the end…", A::Add, &[], Always),
        action(C::AddOnFailure, "add-on-failure", "Add a task that runs on failure…", A::Add, &[], Always),
        action(C::Note, "note", "Add a note", A::Add, &["Shift+S"], Always),
        action(C::Upstream, "select-upstream", "Select upstream too", A::Move, &["Shift+ArrowLeft", "Alt+S U"], Selected),
        action(C::Downstream, "select-downstream", "Select downstream too", A::Move, &["Shift+ArrowRight", "Alt+S D"], Selected),
        action(C::SelectAll, "select-all", "Select all", A::Move, &["Ctrl+A"], Always),
        action(C::Invert, "invert", "Invert the selection", A::Move, &["Ctrl+Shift+A"], Always),
        action(C::NextEdge, "next-edge", "Next edge of the task", A::Move, &["E"], Edges),
        action(C::EdgeBefore, "previous-edge", "Previous edge of the task", A::Move, &["Shift+E"], Edges),
        action(C::Find, "find", "Find a task", A::Move, &["Ctrl+F", "/"], Always),
        action(C::FindNext, "find-next", "Next match", A::Move, &["F"], Always),
        action(C::FindBefore, "find-before", "Previous match", A::Move, &["Shift+F"], Always),
        action(C::Back, "go-back", "Back to the previous place", A::Move, &["Ctrl+Shift+ArrowLeft"], Always),
        action(C::Forward, "go-forward", "Forward to the next place", A::Move, &["Ctrl+Shift+ArrowRight"], Always),
        action(C::GoToNamed, "go-to-named", "Go to the task at the cursor", A::Move, &["Ctrl+."], Always),
        action(C::NextProblem, "next-problem", "Next problem", A::Move, &["F8"], Always),
        action(C::Open, "open", "Open in the inspector", A::Edit, &["Enter"], Selected),
        action(C::Rename, "rename", "Rename", A::Edit, &["F2"], Selected),
        action(C::Toggle, "toggle", "Switch off or on", A::Edit, &["D"], Meant),
        action(C::Retype, "retype", "Change type…", A::Edit, &[], Tasks(1)),
        action(C::OpenFlow, "open-flow", "Open its flow", A::Edit, &[], Tasks(1)),
        action(C::Connect, "connect", "Connect to…", A::Edit, &["C"], Tasks(1)),
        action(C::ConnectFrom, "connect-from", "Connect from…", A::Edit, &["Shift+C"], Tasks(1)),
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
        action(C::CopyLink, "copy-link", "Copy link to this task", A::Clipboard, &[], Tasks(1)),
        action(C::Undo, "undo", "Undo", A::History, &["Ctrl+Z"], Always),
        action(C::Redo, "redo", "Redo", A::History, &["Ctrl+Shift+Z", "Ctrl+Y"], Always),
        action(C::Steps, "steps", "Undo or redo several steps…", A::History, &["Ctrl+Alt+Z"], Always),
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
        action(C::PutInGroup, "put-in-group", "Put into a group…", A::Arrange, &[], Tasks(1)),
        action(C::TakeOut, "take-out", "Take out of the group", A::Arrange, &[], Tasks(1)),
        action(C::Ungroup, "ungroup", "Ungroup", A::Arrange, &["Ctrl+Shift+G"], Selected),
        action(C::Extract, "extract", "Make a flow of these…", A::Arrange, &[], Meant),
        action(C::Collapse, "collapse", "Collapse or expand", A::Arrange, &["Shift+G"], Group),
        action(C::Save, "save", "Publish…", A::Flow, &["Ctrl+S"], Always),
        action(C::Run, "run", "Run the flow", A::Flow, &["Ctrl+Enter"], Always),
        action(C::RunHere, "run-here", "Run to here", A::Flow, &["Ctrl+Shift+Enter"], Tasks(1)),
        action(C::RunTask, "run-task", "Run this task alone", A::Flow, &["Shift+Enter"], Tasks(1)),
        action(C::StopRun, "stop-run", "Stop the run", A::Flow, &["Ctrl+Alt+Enter"], Always),
        action(C::Pin, "pin", "Pin or unpin the output", A::Flow, &["P"], Tasks(1)),
        action(C::EditPin, "edit-pin", "Edit the pinned output", A::Flow, &[], Tasks(1)),
        action(C::LastRun, "last-run", "Show or hide the last run of the task", A::Flow, &[], Tasks(1)),
        action(C::Before, "before", "Show or hide values from before", A::Flow, &["V"], Tasks(1)),
        action(C::Simulate, "simulate", "Simulate", A::Flow, &[], Always),
        action(C::BackTest, "back-test", "Back-test on old runs", A::Flow, &[], Always),
        action(C::History, "history", "Versions and what changed", A::Flow, &[], Always),
        action(C::Discard, "discard", "Discard the draft", A::Flow, &[], Always),
        action(C::Restore, "restore", "Restore the discarded draft", A::Flow, &[], Always),
        action(C::CodeView, "code", "Show or hide the document", A::Flow, &["Ctrl+Shift+E"], Always),
        action(C::Convert, "convert", "Write the document as YAML or JSON", A::Flow, &[], Always),
        action(C::Import, "import", "Import…", A::Flow, &["Ctrl+I"], Always),
        action(C::Templates, "templates", "Templates…", A::Flow, &[], Always),
        action(C::Export, "export", "Download as YAML", A::Flow, &["Ctrl+E"], Always),
        action(C::ExportJson, "export-json", "Download as JSON", A::Flow, &[], Always),
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

/// The actions whose label has the letters of a text, the best first; only those that apply.
#[must_use]
pub fn search(text: &str, selection: &Selection) -> Vec<&'static Action> {
    let there = ACTIONS.iter().filter(|action| action.when.holds(selection));
    fuzzy::best(there.collect(), text, |action| {
        vec![action.label.to_owned(), action.id.replace('-', " ")]
    })
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
            "select-all invert tidy close steps"
        );
        assert_eq!(
            labels("task add", &Selection::default()),
            "quick-add add-at-end add-on-failure"
        );
        assert_eq!(labels("delete", &Selection::one("a")), "delete delete-heal");
        assert_eq!(
            labels("insert", &Selection::of_edge(&crate::testing::edge("a -> b"))),
            "insert keep-shown"
        );
    }
}
