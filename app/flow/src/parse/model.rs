//! The flow document's fields; the same as in [`crate::doc`].

use super::shape::Shape::{
    Any, AnyList, AnyMap, Bool, Duration, Integer, ListOf, MapOf, Number, Position, Struct, Text, TextOr,
    Texts, Whole, Word, WordOr,
};
use super::shape::{Field, Fields, Shape};

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        required: false,
        shape,
    }
}

const fn required(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        required: true,
        shape,
    }
}

pub(super) static FLOW: Fields = Fields {
    what: "a flow",
    fields: &[
        required("flow", Text),
        optional("name", Text),
        optional("description", Text),
        optional("labels", MapOf(&Text)),
        optional("inputs", MapOf(&Struct(&INPUT))),
        optional("timeout", Duration),
        optional("ending_timeout", Duration),
        optional("fail_fast", Bool),
        optional("priority", Integer),
        required("tasks", MapOf(&Struct(&TASK))),
        optional("finally", MapOf(&Struct(&TASK))),
        optional("on_failure", MapOf(&Struct(&TASK))),
        optional("outputs", AnyMap),
        optional("concurrency", Struct(&CONCURRENCY)),
        optional("after", MapOf(&Struct(&AFTER))),
        optional("schedules", MapOf(&Struct(&SCHEDULE))),
        optional("webhooks", MapOf(&Struct(&WEBHOOK))),
        optional("notify", MapOf(&Struct(&NOTIFY))),
        optional("layout", MapOf(&Position)),
        optional("notes", MapOf(&Struct(&NOTE))),
        optional("groups", MapOf(&Struct(&GROUP))),
        optional("pins", AnyMap),
    ],
};

const COLOURS: Shape = Word(&["grey", "yellow", "green", "blue", "purple", "red"]);

pub(super) static NOTE: Fields = Fields {
    what: "a note",
    fields: &[
        required("text", Text),
        optional("at", Position),
        optional("size", Position),
        optional("colour", COLOURS),
    ],
};

pub(super) static GROUP: Fields = Fields {
    what: "a group",
    fields: &[
        optional("title", Text),
        required("tasks", ListOf(&Text)),
        optional("collapsed", Bool),
        optional("colour", COLOURS),
    ],
};

pub(super) static CONCURRENCY: Fields = Fields {
    what: "a `concurrency`",
    fields: &[
        required("limit", Whole(u32::MAX as u64)),
        optional("key", Text),
        optional("strategy", Word(&["queue", "cancel_running", "skip"])),
    ],
};

pub(super) static AFTER: Fields = Fields {
    what: "a start after another flow's end",
    fields: &[
        required("flow", Text),
        optional("on", Texts),
        optional("inputs", AnyMap),
    ],
};

pub(super) static SCHEDULE: Fields = Fields {
    what: "a schedule",
    fields: &[
        required("cron", Text),
        optional("timezone", Text),
        optional("missing", Word(&["skip", "after"])),
        optional("doubled", Word(&["first", "second", "both"])),
        optional("missed", Word(&["skip", "one", "all"])),
        optional("overlap", Word(&["allow", "skip"])),
        optional("jitter", Duration),
        optional("inputs", AnyMap),
    ],
};

pub(super) static WEBHOOK: Fields = Fields {
    what: "a webhook",
    fields: &[
        optional("token", Text),
        optional("signature", Text),
        optional("header", Text),
        optional("timestamp_header", Text),
        optional("signed", Text),
        optional("tolerance", Duration),
        optional("inputs", AnyMap),
        optional("idempotency_key", Text),
        optional("respond", Word(&["run", "output"])),
        optional("wait", Duration),
        optional("max_body", Whole(u64::MAX)),
    ],
};

pub(super) static NOTIFY: Fields = Fields {
    what: "a rule of `notify`",
    fields: &[
        optional("failure", Bool),
        optional("late", Duration),
        optional("schedule", Text),
        optional("silence", Duration),
        optional("mail", Struct(&NOTIFY_MAIL)),
        optional("webhook", Struct(&NOTIFY_WEBHOOK)),
    ],
};

pub(super) static NOTIFY_MAIL: Fields = Fields {
    what: "a mail",
    fields: &[
        required("to", Text),
        optional("from", Text),
        required("smtp", Text),
    ],
};

pub(super) static NOTIFY_WEBHOOK: Fields = Fields {
    what: "a call",
    fields: &[required("url", Text), optional("secret", Text)],
};

pub(super) static INPUT: Fields = Fields {
    what: "an input",
    fields: &[
        optional(
            "type",
            Word(&[
                "string", "text", "integer", "number", "boolean", "date", "datetime", "duration", "object",
                "array", "any",
            ]),
        ),
        optional("title", Text),
        optional("description", Text),
        optional("required", Bool),
        optional("default", Any),
        optional("enum", AnyList),
        optional("minimum", Number),
        optional("maximum", Number),
        optional("min_length", Whole(u64::MAX)),
        optional("max_length", Whole(u64::MAX)),
    ],
};

pub(super) static TASK: Fields = Fields {
    what: "a task",
    fields: &[
        required("type", Text),
        optional("name", Text),
        optional("description", Text),
        optional("disabled", Bool),
        optional("labels", MapOf(&Text)),
        optional("needs", ListOf(&TextOr(&EDGE))),
        optional("join", Word(&["all", "any", "settled"])),
        optional("when", Text),
        optional("with", AnyMap),
        optional("retry", Struct(&RETRY)),
        optional("timeout", Duration),
        optional("start_timeout", Duration),
        optional("queue", Text),
        optional("queue_key", Text),
        optional("priority", Integer),
        optional("cache", Struct(&CACHE)),
        optional("for_each", Struct(&FOR_EACH)),
        optional("loop", Struct(&LOOP)),
        optional("undo", Struct(&UNDO)),
    ],
};

pub(super) static CACHE: Fields = Fields {
    what: "a `cache`",
    fields: &[optional("key", Any), required("ttl", Duration)],
};

pub(super) static FOR_EACH: Fields = Fields {
    what: "a `for_each`",
    fields: &[
        required("items", Any),
        optional("max_parallel", Whole(u32::MAX as u64)),
        optional("on_item_failure", WordOr(&["fail_fast", "continue"], &TOLERATE)),
    ],
};

pub(super) static TOLERATE: Fields = Fields {
    what: "`{tolerate: 10%}`",
    fields: &[required("tolerate", Text)],
};

pub(super) static LOOP: Fields = Fields {
    what: "a `loop`",
    fields: &[
        required("until", Text),
        optional("max_iterations", Whole(u32::MAX as u64)),
        optional("pause", Duration),
    ],
};

pub(super) static EDGE: Fields = Fields {
    what: "an edge",
    fields: &[
        required("task", Text),
        optional("on", Texts),
        optional("when", Text),
        optional("handles", Bool),
    ],
};

pub(super) static UNDO: Fields = Fields {
    what: "an undo",
    fields: &[
        required("type", Text),
        optional("with", AnyMap),
        optional("retry", Struct(&RETRY)),
        optional("timeout", Duration),
    ],
};

pub(super) static RETRY: Fields = Fields {
    what: "a retry",
    fields: &[
        optional("max_attempts", Whole(u32::MAX as u64)),
        optional("backoff", Word(&["fixed", "linear", "exponential"])),
        optional("first", Duration),
        optional("max", Duration),
        optional("jitter", Word(&["none", "equal", "full"])),
        optional("on_lost", Word(&["retry", "fail"])),
        optional("on", Texts),
        optional("exit_codes", ListOf(&Whole(u8::MAX as u64))),
    ],
};
