//! Everything that can be done to a flow in the editor.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use flow::layout::Point;

use crate::model::{Edge, Section};

/// One thing a person wants done to the flow. Ids are the tasks' ids in the document.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new task.
    Add(NewTask),
    /// Tasks go, with every edge to and from them; with `heal` what was upstream of one is joined to what was downstream.
    Remove {
        /// Which.
        tasks: Vec<String>,
        /// Whether the gap is closed.
        heal: bool,
    },
    /// A task gets another id; edges and expressions that name it follow.
    Rename {
        /// Its id until now.
        task: String,
        /// Its id from now on.
        to: String,
    },
    /// A task does something else; arguments that the other type knows too stay.
    Retype {
        /// Which.
        task: String,
        /// The type from now on.
        task_type: String,
        /// Names of arguments the type knows; others are dropped.
        known: Vec<String>,
    },
    /// A new edge.
    Connect(Edge),
    /// An edge goes: that with these ends, outcomes and expression, for two tasks may have several.
    Disconnect(Edge),
    /// An edge stands for another: one of its ends, or its outcomes, have changed.
    Reconnect {
        /// The edge that goes.
        old: Edge,
        /// What stands in its place.
        new: Edge,
    },
    /// A new task in the middle of an edge: the edge leads to it, and from it on to where it led.
    InsertOn {
        /// The edge.
        edge: Edge,
        /// The task; its own `upstream` is not used.
        task: NewTask,
    },
    /// A field anywhere in the document gets a value; `None` removes it.
    Set {
        /// Where: names of fields, and numbers of list items as texts.
        path: Vec<String>,
        /// What.
        value: Option<Value>,
    },
    /// Two entries of a mapping that follow each other change places, with their comments.
    Swap {
        /// The mapping.
        path: Vec<String>,
        /// The number of the first of the two.
        at: usize,
    },
    /// Boxes stand elsewhere; `None` leaves the place to the layout.
    Move(Vec<(String, Option<Point>)>),
    /// Typing: pieces of the text are replaced.
    Type(Vec<Patch>),
    /// Several changes as one step.
    All(Vec<Change>),
}

/// A task that is not there yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewTask {
    /// Its id.
    pub id: String,
    /// The map it stands in.
    pub section: Section,
    /// Its fields as in the document; at least `type`.
    pub fields: Map<String, Value>,
    /// Where its box stands, if someone has said so.
    pub at: Option<Point>,
    /// The edges into it; `to` is the task itself.
    pub upstream: Vec<Edge>,
}

/// A piece of the text that is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// Byte at which it begins.
    pub start: usize,
    /// Byte after its last.
    pub end: usize,
    /// What stands there afterwards.
    pub text: String,
}
