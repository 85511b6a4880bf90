//! Whatever is asked, in whatever order: memory and SQLite give the same answers.

use std::fmt::Write as _;
use std::time::Duration;

use flow::view::RunStatus;
use proptest::prelude::*;

use super::memory::MemoryStore;
use super::retention::{Retention, Rule, Rules};
use super::sqlite::SqliteStore;
use super::suite::{Draft, at, id, run, version};
use super::{NewSchedule, RunFilter, ScheduleMark, ShardEpochs, Store};

const FLOWS: [&str; 3] = ["orders", "invoices", "mails"];
/// How long each run takes.
const LASTED: [i64; 8] = [0, 20, 20, 33, 999, 5_000, 3_600_000, 7_200_000];
const KEYS: [&str; 2] = ["k", "l"];

#[derive(Clone, Debug)]
enum Verb {
    Commit(Vec<Draft>),
    CommitOld(Draft),
    TakeShards,
    SaveFlow {
        flow: usize,
        document: &'static str,
        expected: Option<u32>,
    },
    ArchiveFlow(usize),
    MarkSchedule(usize, i64),
    PauseSchedule(usize, bool, i64),
    Flow(usize, Option<u32>),
    Flows {
        text: Option<&'static str>,
        limit: usize,
    },
    Events {
        n: i64,
        after: u64,
        limit: usize,
    },
    Runs(RunFilter, usize),
    Look(i64),
    Delete(Vec<i64>),
    Expire {
        hours: i64,
        age: Option<u64>,
        runs: Option<u64>,
        limit: usize,
    },
}

fn state() -> impl Strategy<Value = RunStatus> {
    proptest::sample::select(RunStatus::ALL.to_vec())
}

/// Numbers are few, so that decisions meet the same runs, and often fit. A run stays with its flow, and ends once: its state follows
/// from its last event's number.
fn draft() -> impl Strategy<Value = Draft> {
    let key = proptest::option::weighted(0.3, (0..KEYS.len(), 0..3_u64));
    let first = prop_oneof![2 => Just(1), 3 => 2..7_u64];
    (0..8_i64, first, 1..4_u64, key).prop_map(|(n, first, n_events, key)| {
        let state = match (first + n_events - 1, n % 3) {
            (1, _) => RunStatus::Queued,
            (2 | 3, _) => RunStatus::Running,
            (4, _) => RunStatus::Paused,
            (5, _) => RunStatus::Ending,
            (_, 0) => RunStatus::Succeeded,
            (_, 1) => RunStatus::Failed,
            _ => RunStatus::Cancelled,
        };
        let flow = FLOWS[usize::try_from(n).unwrap_or(0) / 3];
        let draft = run(n)
            .of(flow)
            .events(first, n_events)
            .state(state)
            .lasted(LASTED[usize::try_from(n).unwrap_or(0)]);
        let draft = match key {
            Some((key, hash)) => draft.key(KEYS[key], hash),
            None => draft,
        };
        let (last, from) = ((first + n_events - 1), n * 5 % 8);
        match (first + hash_of(n)) % 5 {
            0 => draft.sends(last, "hello").sends(last + 100, "again"),
            1 => draft.takes(from, last),
            2 => draft
                .takes(from, last)
                .takes(from, last + 100)
                .sends(last, "thanks"),
            _ => draft,
        }
    })
}

fn hash_of(n: i64) -> u64 {
    n.cast_unsigned() * 7
}

fn filter() -> impl Strategy<Value = RunFilter> {
    let flow = proptest::option::of(proptest::sample::select(FLOWS.to_vec()));
    let text = proptest::option::weighted(0.2, proptest::sample::select(vec!["the ", "mail", "%", "run_"]));
    let bound = || proptest::option::weighted(0.3, 0..9_i64);
    (
        flow,
        proptest::collection::vec(state(), 0..3),
        bound(),
        bound(),
        text,
    )
        .prop_map(|(flow, states, since, until, text)| RunFilter {
            flow: flow.map(str::to_owned),
            states,
            labels: Vec::new(),
            since: since.map(at),
            until: until.map(at),
            text: text.map(str::to_owned),
            ..RunFilter::default()
        })
}

fn verb() -> impl Strategy<Value = Verb> {
    let flow = || 0..FLOWS.len();
    let document = proptest::sample::select(vec!["{}", "{1}", "{22}"]);
    prop_oneof![
        8 => proptest::collection::vec(draft(), 0..6).prop_map(Verb::Commit),
        1 => draft().prop_map(Verb::CommitOld),
        1 => Just(Verb::TakeShards),
        3 => (flow(), document, proptest::option::of(0..4_u32))
            .prop_map(|(flow, document, expected)| Verb::SaveFlow { flow, document, expected }),
        1 => flow().prop_map(Verb::ArchiveFlow),
        2 => (flow(), 0..9_i64).prop_map(|(flow, second)| Verb::MarkSchedule(flow, second)),
        1 => (flow(), any::<bool>(), 0..9_i64).prop_map(|(flow, hold, second)| Verb::PauseSchedule(flow, hold, second)),
        2 => (flow(), proptest::option::of(0..4_u32)).prop_map(|(flow, version)| Verb::Flow(flow, version)),
        2 => (proptest::option::of(proptest::sample::select(vec!["o", "MAIL", "for"])), 1..4_usize)
            .prop_map(|(text, limit)| Verb::Flows { text, limit }),
        2 => (0..8_i64, 0..9_u64, 0..5_usize).prop_map(|(n, after, limit)| Verb::Events { n, after, limit }),
        4 => (filter(), 1..4_usize).prop_map(|(filter, limit)| Verb::Runs(filter, limit)),
        3 => (0..8_i64).prop_map(Verb::Look),
        1 => proptest::collection::vec(0..8_i64, 1..4).prop_map(Verb::Delete),
        2 => (0..9_i64, proptest::option::of(0..6_u64), proptest::option::of(0..3_u64), 1..5_usize)
            .prop_map(|(hours, age, runs, limit)| Verb::Expire { hours, age, runs, limit }),
    ]
}

/// One store's answers, as text.
async fn answers(store: &dyn Store, verbs: &[Verb]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let mut epochs = ShardEpochs::default();
    for verb in verbs {
        writeln!(text, "{verb:?}")?;
        match verb {
            Verb::Commit(drafts) => {
                writeln!(
                    text,
                    "  {:?}",
                    store
                        .commit(&epochs, drafts.iter().map(Draft::decision).collect())
                        .await
                )?;
            }
            Verb::CommitOld(draft) => {
                writeln!(
                    text,
                    "  {:?}",
                    store
                        .commit(&ShardEpochs(vec![99; 256].into()), vec![draft.decision()])
                        .await
                )?;
            }
            Verb::TakeShards => {
                epochs = store.take_shards().await.unwrap_or_default();
                writeln!(text, "  {:?}", epochs.0.first())?;
            }
            Verb::SaveFlow {
                flow,
                document,
                expected,
            } => {
                let mut new = version(FLOWS[*flow], document, *expected);
                // The document without anything has no schedule; the others differ in it.
                if document.len() > 2 {
                    new.schedules = vec![NewSchedule {
                        name: "clock".to_owned(),
                        spec: (*document).to_owned(),
                    }];
                }
                writeln!(text, "  {:?}", store.save_flow(new).await)?;
            }
            Verb::MarkSchedule(flow, second) => {
                let mark = ScheduleMark {
                    considered_at: at(*second),
                    last: Some((at(*second), id(*second))).filter(|_| *second % 2 == 0),
                    last_error: None,
                    n_left_out: 1,
                };
                writeln!(
                    text,
                    "  {:?}",
                    store.mark_schedule(FLOWS[*flow], "clock", mark).await
                )?;
                writeln!(text, "  {:?}", store.schedules(None).await)?;
            }
            Verb::PauseSchedule(flow, hold, second) => {
                let held = store
                    .pause_schedule(FLOWS[*flow], "clock", *hold, Some("why"), at(*second))
                    .await;
                writeln!(text, "  {held:?} {:?}", store.schedules(Some(FLOWS[*flow])).await)?;
            }
            Verb::ArchiveFlow(flow) => writeln!(text, "  {:?}", store.archive_flow(FLOWS[*flow]).await)?,
            Verb::Flow(flow, version) => {
                writeln!(text, "  {:?}", store.flow(FLOWS[*flow], *version).await)?;
                writeln!(text, "  {:?}", store.flow_versions(FLOWS[*flow]).await)?;
            }
            Verb::Flows { text: wanted, limit } => {
                writeln!(text, "  {:?}", store.count_flows().await)?;
                let mut cursor = None;
                loop {
                    let page = store.flows(*wanted, cursor.as_deref(), *limit).await;
                    writeln!(text, "  {page:?}")?;
                    cursor = page.ok().and_then(|page| page.next_cursor);
                    if cursor.is_none() {
                        break;
                    }
                }
            }
            Verb::Events { n, after, limit } => {
                writeln!(text, "  {:?}", store.events(id(*n), *after, *limit).await)?
            }
            Verb::Runs(filter, limit) => {
                let mut cursor = None;
                loop {
                    let page = store.runs(filter, cursor.as_deref(), *limit).await;
                    writeln!(text, "  {page:?}")?;
                    cursor = page.ok().and_then(|page| page.next_cursor);
                    if cursor.is_none() {
                        break;
                    }
                }
            }
            Verb::Delete(runs) => {
                let runs = runs.iter().map(|n| id(*n)).collect();
                writeln!(text, "  {:?}", store.delete_runs(runs).await)?;
            }
            Verb::Expire {
                hours,
                age,
                runs,
                limit,
            } => {
                let rule = Rule {
                    age: age.map(|hours| Duration::from_secs(hours * 3600)),
                    runs: *runs,
                };
                let usual = Rules {
                    succeeded: rule,
                    failed: rule,
                    cancelled: Rule { age: None, ..rule },
                };
                let policy = Retention {
                    usual,
                    ..Retention::off()
                };
                let found = store.expired(&policy, at(hours * 3_600_000), *limit).await;
                writeln!(text, "  {found:?}")?;
                writeln!(text, "  {:?}", store.delete_runs(found.unwrap_or_default()).await)?;
                // How much a step does is each store's own affair; in the end all is gone.
                while let Ok(swept) = store.sweep(2).await {
                    drop(store.forget_runs(swept.emptied).await);
                    if swept.is_done {
                        break;
                    }
                }
            }
            Verb::Look(n) => {
                writeln!(text, "  {:?}", store.run(id(*n)).await)?;
                writeln!(text, "  {:?}", store.unfinished().await)?;
                writeln!(text, "  {:?}", store.outbox(None, 99).await)?;
                writeln!(text, "  {:?}", store.run_by_key(FLOWS[0], KEYS[0]).await)?;
                writeln!(
                    text,
                    "  {:?} {:?}",
                    store.stats(Some(FLOWS[1])).await,
                    store.stats(None).await
                )?;
            }
        }
    }
    Ok(text)
}

proptest! {
    // Each case opens a folder and waits for the disk at every commit.
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_sqlite_answer_alike(verbs in proptest::collection::vec(verb(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let dir = tempfile::tempdir().expect("a temporary folder can be made");
            let sqlite = SqliteStore::open(dir.path()).expect("it opens");
            let memory = MemoryStore::new();
            let (ours, theirs) = (answers(&memory, &verbs).await, answers(&sqlite, &verbs).await);
            assert_eq!(ours.expect("text"), theirs.expect("text"));
        });
    }
}
