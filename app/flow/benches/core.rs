//! The pure core by itself: checking a document, deciding a run, folding its log, placing its graph. `cargo bench -p flow`

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flow::layout::{Edge, Graph, Node, Options, layout};
use flow::parse::{Format, parse};
use flow::run::RunState;
use flow::simulate::{Scenario, Simulation};
use flow::validate::{TypeCatalog, check};
use flow::{FlowDoc, Plan};
use serde_json::{Value, json};

/// The types that the flows here use; arguments are not looked at.
struct Types(Value);

impl TypeCatalog for Types {
    fn input_schema(&self, task_type: &str) -> Option<&Value> {
        matches!(task_type, "transform" | "work").then_some(&self.0)
    }

    fn known(&self) -> Vec<&str> {
        vec!["transform", "work"]
    }
}

/// Tasks of a type one after another, each with an expression on the one before.
fn chain(n: usize, task_type: &str) -> String {
    let mut yaml = format!("flow: chain\ntasks:\n  t0: {{ type: {task_type}, with: {{ value: 1 }} }}\n");
    for n in 1..n {
        let before = n - 1;
        // A `String` takes all that is written.
        let _ = writeln!(
            yaml,
            "  t{n}: {{ type: {task_type}, needs: [t{before}], with: {{ value: \"{{{{ tasks.t{before}.output }}}}\" }} }}"
        );
    }
    yaml
}

fn doc(yaml: &str) -> Arc<FlowDoc> {
    let draft = parse(yaml.as_bytes(), Format::Yaml).unwrap_or_else(|problems| panic!("{problems:?}"));
    Arc::new(draft.doc)
}

fn scenario() -> Scenario {
    Scenario {
        inputs: json!({}),
        ..Scenario::default()
    }
}

fn documents(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("check");
    for n in [10, 100, 1_000] {
        let yaml = chain(n, "transform");
        let types = Types(json!({}));
        group.throughput(Throughput::Elements(n as u64));
        group.bench_with_input(BenchmarkId::from_parameter(n), &yaml, |bench, yaml| {
            bench.iter(|| check(black_box(yaml.as_bytes()), Format::Yaml, &types));
        });
    }
    group.finish();
}

fn runs(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("decide");
    for (name, n, task_type) in [
        ("light", 40, "transform"),
        ("light", 400, "transform"),
        ("attempts", 40, "work"),
    ] {
        let doc = doc(&chain(n, task_type));
        group.throughput(Throughput::Elements(n as u64));
        group.bench_with_input(BenchmarkId::new(name, n), &doc, |bench, doc| {
            bench.iter(|| {
                let mut simulation = Simulation::start(Arc::clone(doc), scenario());
                simulation.run();
                simulation.log().len()
            });
        });
    }
    group.finish();

    let mut group = bench.benchmark_group("apply");
    for n in [40, 400] {
        let doc = doc(&chain(n, "work"));
        let mut simulation = Simulation::start(Arc::clone(&doc), scenario());
        simulation.run();
        let plan = Arc::new(Plan::new(doc));
        group.throughput(Throughput::Elements(simulation.log().len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(n), simulation.log(), |bench, log| {
            bench.iter(|| RunState::replay(Arc::clone(&plan), black_box(log)));
        });
    }
    group.finish();
}

/// A graph in layers of ten in which each card has an edge to three of the next layer.
fn layered(n: usize) -> Graph {
    let card = Node {
        width: 192.0,
        height: 64.0,
        ..Node::default()
    };
    let to = |from: usize| [10, 11, 13].map(|step| from + step);
    let edges = (0..n).flat_map(|from| to(from).map(|to| Edge { from, to, port: 0 }));
    Graph {
        nodes: vec![card; n],
        edges: edges.filter(|edge| edge.to < n).collect(),
    }
}

fn one_after_another(n: usize) -> Graph {
    let mut graph = layered(n);
    graph.edges = (1..n)
        .map(|to| Edge {
            from: to - 1,
            to,
            port: 0,
        })
        .collect();
    graph
}

fn graphs(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("layout");
    group.sample_size(10);
    for (name, graph) in [
        ("layers of 1,000", layered(1_000)),
        ("layers of 10,000", layered(10_000)),
        ("chain of 500", one_after_another(500)),
    ] {
        group.bench_function(name, |bench| {
            bench.iter(|| layout(black_box(&graph), &Options::default()))
        });
    }
    group.finish();
}

criterion_group!(benches, documents, runs, graphs);
criterion_main!(benches);
