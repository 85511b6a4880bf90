//! Readers of all kinds, without a network between.

use std::time::Duration;

use engine::{Engine, SaveFlow, StartRun};
use flow::parse::Format;

use super::Source;
use super::run::RunEvents;

/// A run of 6,000 tasks that begins with a wait.
async fn wide_run(engine: &Engine) -> flow::RunId {
    let tasks: String = (0..6_000)
        .map(|n| format!("  t{n}: {{ type: noop, needs: [gate] }}\n"))
        .collect();
    let source = format!("flow: wide\ntasks:\n  gate: {{ type: delay, with: {{ for: 200ms }} }}\n{tasks}")
        .into_bytes();
    let save = SaveFlow {
        source,
        format: Format::Yaml,
        id: None,
        expected: None,
        actor: "test".to_owned(),
    };
    engine.save_flow(save).await.expect("a flow without problems");
    engine.start_run(StartRun::of("wide")).await.expect("it starts")
}

#[tokio::test]
async fn a_slow_reader_is_moved_to_a_snapshot() {
    let dir = tempfile::tempdir().expect("a folder");
    let engine = Engine::builder()
        .in_memory()
        .data_dir(dir.path())
        .start()
        .await
        .expect("it starts");
    let run = wide_run(&engine).await;
    let mut reader = RunEvents::open(&engine, run, 0)
        .await
        .expect("there is such a run");
    let names = |frames: Option<Vec<super::Frame>>| -> Vec<&'static str> {
        frames
            .unwrap_or_default()
            .iter()
            .map(|frame| frame.event)
            .collect()
    };
    assert_eq!(names(reader.next().await), ["hello"]);
    // It does not read while the run goes to its end: nothing is kept for it meanwhile.
    engine
        .wait(run, Duration::from_secs(60))
        .await
        .expect("it is there")
        .expect("it ends");
    assert_eq!(names(reader.next().await), ["reset"]);
    assert_eq!(names(reader.next().await), ["end"]);
    assert_eq!(reader.next().await, None);
    engine.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_reader_that_keeps_up_gets_everything() {
    let dir = tempfile::tempdir().expect("a folder");
    let engine = Engine::builder()
        .in_memory()
        .data_dir(dir.path())
        .start()
        .await
        .expect("it starts");
    let run = wide_run(&engine).await;
    let mut reader = RunEvents::open(&engine, run, 0)
        .await
        .expect("there is such a run");
    let mut position = 0;
    while let Some(frames) = reader.next().await {
        let bytes: usize = frames.iter().map(|frame| frame.data.len()).sum();
        // One event more than a flush may hold at most; a reset has a thousand tasks.
        assert!(
            frames.len() == 1 || bytes < super::FLUSH_BYTES + 10_000,
            "{bytes}"
        );
        for frame in frames {
            match (
                frame.event,
                frame.id.as_deref().and_then(|id| id.parse::<u64>().ok()),
            ) {
                ("event", Some(seq)) => {
                    assert_eq!(seq, position + 1);
                    position = seq;
                }
                // Events come faster than they may be sent: that is told, not hidden.
                ("reset", Some(seq)) => position = seq,
                _ => {}
            }
        }
    }
    let row = engine.run_row(run).await.expect("it is there");
    assert_eq!(position, row.last_seq);
    engine.shutdown(Duration::ZERO).await;
}
