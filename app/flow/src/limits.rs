//! Every limit has a name, and its reason beside it.

/// Shards a deployment's runs are spread over. Fixed by the first migration: a run's shard must never change.
pub const SHARDS: u16 = 256;

/// Bytes of a flow or task id: it stands in paths, file names and every event.
pub const ID_BYTES_MAX: usize = 64;

/// Bytes of a flow document. A flow at the task limit with generous arguments stays below it.
pub const DOCUMENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Nesting of a document or of a JSON body: deeper ones are attacks or accidents.
pub const DEPTH_MAX: usize = 64;

/// Tasks of one flow. More items belong into one task's loop, not into the drawing.
pub const TASKS_MAX: usize = 10_000;

/// Edges of one flow.
pub const EDGES_MAX: usize = 50_000;

/// Inputs of a run, as JSON.
pub const INPUTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Values above this go to the blob store by reference, so that events stay small.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;

/// The largest output of one task.
pub const OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The largest text one rendering may make.
pub const RENDER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Light tasks one decision evaluates before it yields, so no run holds a shard.
pub const LIGHT_TASKS_PER_DECISION_MAX: usize = 1_000;

/// Bytes of output one decision evaluates before it yields.
pub const LIGHT_BYTES_PER_DECISION_MAX: usize = 1024 * 1024;

/// Characters of a signal's name: it stands in addresses.
pub const SIGNAL_NAME_CHARS_MAX: usize = 200;

/// Signals one run takes, each of another name.
pub const SIGNALS_MAX: usize = 10_000;

/// How deep runs may start runs: a flow that starts itself must not do so for ever.
pub const SUBFLOW_DEPTH_MAX: u32 = 16;

/// The shortest time between two looks of a `wait` at its condition.
pub const WAIT_POLL_MIN_MS: u64 = 1_000;

/// The time between them unless it says otherwise.
pub const WAIT_POLL_MS: u64 = 60_000;

/// Items of one `for_each`. Each costs some events; more belong into several runs.
pub const ITEMS_MAX: usize = 100_000;

/// Items of a `for_each` at work at once, unless it says otherwise: enough to hide waiting, kind to what is called.
pub const PARALLEL_ITEMS: u32 = 16;

/// `max_parallel` of a `for_each`: each item at work has its whole state in memory.
pub const PARALLEL_ITEMS_MAX: u32 = 10_000;

/// Iterations of one `loop`, unless it says otherwise: a condition that never holds shall be noticed.
pub const ITERATIONS: u32 = 100;

/// `max_iterations` of a `loop`.
pub const ITERATIONS_MAX: u32 = 100_000;

/// Failed items of one `for_each` whose errors a run keeps at hand; the others' stand in its log.
pub const ITEM_ERRORS_KEPT_MAX: usize = 100;

/// Attempts that may be lost with their server before a task fails: a task that kills its server must not do so for ever.
pub const LOST_ATTEMPTS_MAX: u32 = 3;

/// How far `priority` goes either way: with a point a minute, what is least urgent overtakes what is most urgent within hours.
pub const PRIORITY_MAX: i32 = 100;

/// Bytes of a `queue_key`: limits hold a count for each.
pub const QUEUE_KEY_BYTES_MAX: usize = 256;

/// How long a kept result of a task may hold.
pub const CACHE_TTL_MAX: std::time::Duration = std::time::Duration::from_secs(366 * 24 * 3600);

/// `max_attempts` of a retry.
pub const ATTEMPTS_MAX: u32 = 1_000;

/// Events of one run.
pub const EVENTS_PER_RUN_MAX: u64 = 2_000_000;

/// Task runs listed in one answer.
pub const TASK_RUNS_LISTED_MAX: usize = 1_000;

/// Log kept of one attempt: the first and the last half of it.
pub const LOG_BYTES_PER_ATTEMPT_MAX: usize = 16 * 1024 * 1024;

/// The longest pause before another attempt that the failed one may ask for.
pub const RETRY_AFTER_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// How long a process has between SIGTERM and SIGKILL.
pub const TERMINATION_GRACE_MS: u64 = 10_000;

/// How long after an attempt's own timeout the engine stops waiting for the worker to report it.
pub const TIMEOUT_BACKSTOP_MS: u64 = 30_000;

/// How long the ending of a run may take, unless the flow says otherwise.
pub const ENDING_TIMEOUT_MS: u64 = 10 * 60 * 1000;

/// Steps of the template engine one expression may take: a loop over some ten thousand items fits, an endless one does not.
pub const EXPRESSION_STEPS_MAX: u64 = 500_000;

/// Bytes that the expressions of one field may touch and make in between, items of lists counted as
/// [`EXPRESSION_ITEM_BYTES`] each. Several passes over the largest output fit; it bounds memory as well as time.
pub const EXPRESSION_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// What one item of a list counts for in [`EXPRESSION_BYTES_MAX`]: about what holding it costs.
pub const EXPRESSION_ITEM_BYTES: u64 = 64;

/// Words and signs between one pair of braces: a longer expression belongs into a task of its own.
pub const EXPRESSION_TOKENS_MAX: usize = 2_000;

/// Nesting of one expression: brackets, filters and operators inside each other. Deeper ones would need a deeper stack.
pub const EXPRESSION_DEPTH_MAX: usize = 64;

/// `{% … %}` tags in one text.
pub const TEMPLATE_TAGS_MAX: usize = 200;

/// Names one text may set by `set`, `with` and `for`. Each can wrap the one before, and a value nested some thousand levels deep
/// could not even be dropped.
pub const TEMPLATE_NAMES_MAX: usize = 32;

/// Numbers one `range()` may give.
pub const RANGE_MAX: u64 = 100_000;

/// Runs of one flow and key that a limit lets be at work at once.
pub const CONCURRENCY_MAX: u32 = 10_000;

/// Characters of the key that runs share a limit by.
pub const CONCURRENCY_KEY_CHARS_MAX: usize = 500;

/// Starts by other flows' ends that one flow may name.
pub const FOLLOWS_PER_FLOW_MAX: usize = 50;

/// How far runs may start runs by their ends: flows that follow each other must not do so for ever.
pub const FOLLOWING_DEPTH_MAX: u32 = 16;

/// Schedules of one flow.
pub const SCHEDULES_PER_FLOW_MAX: usize = 50;

/// Webhooks of one flow.
pub const WEBHOOKS_PER_FLOW_MAX: usize = 50;

/// Bytes of a webhook's body, unless it says otherwise.
pub const WEBHOOK_BYTES: u64 = 1024 * 1024;

/// How long a webhook waits for the output of its run, unless it says otherwise.
pub const WEBHOOK_WAIT_MS: u64 = 30_000;

/// How long it may wait at most: proxies cut what is silent for longer.
pub const WEBHOOK_WAIT_MAX_MS: u64 = 300_000;

/// How far the time of a signature may be from now, unless the webhook says otherwise.
pub const WEBHOOK_TOLERANCE_MS: u64 = 5 * 60 * 1000;

/// Rules of `notify` of one flow.
pub const NOTIFY_RULES_PER_FLOW_MAX: usize = 20;

/// The shortest `late` and `silence` of a rule.
pub const NOTIFY_MIN_MS: u64 = 1_000;

/// The longest.
pub const NOTIFY_MAX_MS: u64 = 366 * 24 * 3600 * 1000;

/// The longest jitter of a schedule.
pub const JITTER_MAX: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Notes on the canvas of one flow: they are drawn and saved with it, not a place to write books.
pub const NOTES_MAX: usize = 500;

/// Characters of one note.
pub const NOTE_CHARS_MAX: usize = 20_000;

/// Groups of one flow.
pub const GROUPS_MAX: usize = 500;
