//! What a hand waits for on large flows: until one is open, for a change, for undo, for the checks. `cargo bench -p editor`

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use editor::change::Change;
use editor::session::{Begin, Session};
use flow::layout::Point;
use flow::view::TaskTypeView;
use serde_json::json;

/// Rows of 50 tasks, each after the one before and every second also after the one above: three edges for two tasks.
fn mesh(n: usize) -> String {
    let mut yaml = "flow: mesh\ntasks:\n".to_owned();
    for at in 0..n {
        let mut needs = Vec::new();
        if at % 50 != 0 {
            needs.push(format!("t{}", at - 1));
        }
        if at >= 50 && at % 2 == 0 {
            needs.push(format!("t{}", at - 50));
        }
        // A `String` takes all that is written.
        let _ = writeln!(
            yaml,
            "  t{at}: {{ type: noop, needs: [{}] }} # a word",
            needs.join(", ")
        );
    }
    yaml
}

fn begin(n: usize) -> Begin {
    let noop = json!({"key": "noop", "title": "Nothing", "summary": "", "icon": "", "category": "control", "input_schema": {}, "output_schema": {}});
    Begin {
        text: mesh(n),
        types: serde_json::from_value::<TaskTypeView>(noop).into_iter().collect(),
        ..Begin::default()
    }
}

fn sessions(bench: &mut Criterion) {
    for n in [100, 1_000, 2_000] {
        let mut group = bench.benchmark_group("session");
        group.sample_size(20).throughput(Throughput::Elements(n as u64));
        let begun = begin(n);
        group.bench_with_input(BenchmarkId::new("open", n), &begun, |bench, begun| {
            bench.iter(|| Session::new(black_box(begun.clone())));
        });
        let mut session = Session::new(begun);
        let mut x = 0.0;
        group.bench_function(BenchmarkId::new("move", n), |bench| {
            bench.iter(|| {
                x += 10.0;
                let change = Change::Move(vec![("t7".to_owned(), Some(Point { x, y: 40.0 }))]);
                session.change(&change, 0).expect("it moves")
            });
        });
        group.bench_function(BenchmarkId::new("undo and redo", n), |bench| {
            bench.iter(|| (session.step(true).is_some(), session.step(false).is_some()));
        });
        group.bench_function(BenchmarkId::new("form of the flow", n), |bench| {
            bench.iter(|| session.flow_form(&["tasks"]));
        });
        group.bench_function(BenchmarkId::new("check", n), |bench| {
            bench.iter(|| session.problems())
        });
        group.finish();
    }
}

criterion_group!(benches, sessions);
criterion_main!(benches);
