use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::validate::tests::Types;

fn told(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{problem} [{}]\n", problem.code))
        .collect()
}

/// What a document becomes: the warnings and the flow as YAML, or what is wrong with it.
#[expect(clippy::needless_pass_by_value, reason = "the macros make values")]
fn check(document: Value, expected: Expect) {
    let text = serde_json::to_string(&document).expect("it is JSON");
    let actual = match translate(text.as_bytes(), &Types::new()) {
        Ok(translated) => {
            assert_eq!(
                validate(&translated.doc, &Types::new())
                    .iter()
                    .filter(|problem| problem.severity == Severity::Error)
                    .count(),
                0
            );
            format!(
                "{}{}",
                told(&translated.warnings),
                parse::to_yaml(&translated.doc)
            )
        }
        Err(problems) => {
            assert!(
                problems.iter().all(|problem| problem.line == Some(1)),
                "every problem has its place: {problems:?}"
            );
            problems
                .iter()
                .map(|problem| {
                    format!(
                        "{}\n",
                        Problem {
                            line: None,
                            ..problem.clone()
                        }
                    )
                })
                .collect()
        }
    };
    expected.assert_eq(&actual);
}

/// A flow of these tasks, all of one type, and conditions `[source, outcome, met, unmet]`.
fn flow(tasks: &[&str], conditions: &[[&str; 4]]) -> Value {
    let tasks: Vec<Value> = tasks
        .iter()
        .map(|name| json!({"name": name, "description": "", "task_type": "fetch_data"}))
        .collect();
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|[source, outcome, met, unmet]| {
            json!({"name": "c", "description": "", "source_task": source, "outcome": outcome, "target_task_success": met, "target_task_failure": unmet})
        })
        .collect();
    json!({"flow": {"id": "f", "name": "F", "start_task": tasks[0]["name"], "tasks": tasks, "conditions": conditions}})
}

#[test]
fn the_example_of_its_page() {
    check(
        json!({"flow": {
            "id": "data_processing_flow",
            "name": "Data Processing Pipeline",
            "start_task": "task1",
            "tasks": [
                {"name": "task1", "description": "Fetch data from external API", "task_type": "fetch_data",
                 "parameters": {"data_source": "https://api.example.com/{{data}}", "timeout": 30, "retry_count": 3, "failure_rate": 0.1, "color": "red"}},
                {"name": "task2", "description": "Process and transform data", "task_type": "process_data"},
                {"name": "task3", "description": "Store processed data", "task_type": "store_data"}
            ],
            "conditions": [
                {"name": "fetch_condition", "description": "Continue to processing if fetch succeeds", "source_task": "task1",
                 "outcome": "success", "target_task_success": "task2", "target_task_failure": "end"},
                {"name": "process_condition", "description": "", "source_task": "task2",
                 "outcome": "SUCCESS", "target_task_success": "task3", "target_task_failure": "end"}
            ]
        }}),
        expect![[r#"
            1:307: warning: `fetch_data` does not read the parameter `color`; it is left out (flow.tasks[0].parameters.color) [unknown_argument]
            flow: data_processing_flow
            name: Data Processing Pipeline
            labels:
              legacy.id: data_processing_flow
            tasks:
              task1:
                type: fetch_data
                name: task1
                description: Fetch data from external API
                with:
                  data_source: "{{ \"https://api.example.com/{{data}}\" }}"
                  timeout: 30
                  failure_rate: 0.1
                retry:
                  max_attempts: 4
                  backoff: fixed
                  first: 200ms
                  max: 200ms
                  jitter: none
                  on_lost: retry
              task2:
                type: process_data
                name: task2
                description: Process and transform data
                needs: [task1]
                with:
                  results:
                    task1: "{{ tasks[\"task1\"].output }}"
              task3:
                type: store_data
                name: task3
                description: Store processed data
                needs: [task2]
        "#]],
    );
}

#[test]
fn outcomes_may_be_turned_round() {
    check(
        flow(&["a", "b", "c"], &[["a", "failure", "b", "c"]]),
        expect![[r#"
        flow: f
        name: F
        labels:
          legacy.id: f
        tasks:
          a:
            type: fetch_data
            name: a
            description: ""
          b:
            type: fetch_data
            name: b
            description: ""
            needs: [{ task: a, on: failed }]
          c:
            type: fetch_data
            name: c
            description: ""
            needs: [a]
    "#]],
    );
    check(
        flow(&["a", "b"], &[["a", "Failure", "end", "b"]]),
        expect![[r#"
        flow: f
        name: F
        labels:
          legacy.id: f
        tasks:
          a:
            type: fetch_data
            name: a
            description: ""
          b:
            type: fetch_data
            name: b
            description: ""
            needs: [a]
    "#]],
    );
}

#[test]
fn both_ways_may_lead_to_one_task_and_ways_meet() {
    check(
        flow(
            &["a", "b", "c", "d"],
            &[
                ["a", "success", "b", "c"],
                ["b", "success", "d", "d"],
                ["c", "success", "d", "end"],
                ["d", "success", "end", "end"],
            ],
        ),
        expect![[r#"
            flow: f
            name: F
            labels:
              legacy.id: f
            tasks:
              a:
                type: fetch_data
                name: a
                description: ""
              b:
                type: fetch_data
                name: b
                description: ""
                needs: [a]
              c:
                type: fetch_data
                name: c
                description: ""
                needs: [{ task: a, on: failed }]
              d:
                type: fetch_data
                name: d
                description: ""
                needs: [{ task: b, on: [succeeded, failed] }, c]
                join: any
        "#]],
    );
}

#[test]
fn a_failed_task_as_its_own_target_is_tried_again() {
    check(
        flow(&["a", "b"], &[["a", "success", "b", "a"]]),
        expect![[r#"
        flow: f
        name: F
        labels:
          legacy.id: f
        tasks:
          a:
            type: fetch_data
            name: a
            description: ""
            retry:
              max_attempts: 3
              backoff: fixed
              first: 200ms
              max: 200ms
              jitter: none
              on_lost: retry
          b:
            type: fetch_data
            name: b
            description: ""
            needs: [a]
    "#]],
    );
}

#[test]
fn tasks_off_the_way_are_skipped() {
    check(
        flow(&["a", "b", "c"], &[["b", "success", "c", "a"]]),
        expect![[r#"
        1:111: warning: no condition leads from the start to `b`, so it is always skipped (flow.tasks[1]) [never_starts]
        1:166: warning: no condition leads from the start to `c`, so it is always skipped (flow.tasks[2]) [never_starts]
        flow: f
        name: F
        labels:
          legacy.id: f
        tasks:
          a:
            type: fetch_data
            name: a
            description: ""
          b:
            type: fetch_data
            name: b
            description: ""
            when: "false"
          c:
            type: fetch_data
            name: c
            description: ""
            when: "false"
    "#]],
    );
}

#[test]
fn names_become_ids_and_can_be_found_again() {
    let document = json!({"flow": {"id": "My Flow", "start_task": "Fetch It", "tasks": [
        {"name": "Fetch It", "task_type": "noop"}, {"name": "fetch it", "task_type": "noop"}, {"name": "fetch-it", "task_type": "noop"},
        {"name": "日本", "task_type": "noop"}
    ], "conditions": [{"source_task": "Fetch It", "outcome": "success", "target_task_success": "日本"}]}});
    check(
        document.clone(),
        expect![[r#"
        1:97: warning: no condition leads from the start to `fetch it`, so it is always skipped (flow.tasks[1]) [never_starts]
        1:136: warning: no condition leads from the start to `fetch-it`, so it is always skipped (flow.tasks[2]) [never_starts]
        flow: my-flow-d7eb83478f
        labels:
          legacy.id: My Flow
        tasks:
          fetch-it-2:
            type: noop
            name: Fetch It
          fetch-it-3:
            type: noop
            name: fetch it
            when: "false"
          fetch-it:
            type: noop
            name: fetch-it
            when: "false"
          task:
            type: noop
            name: "日本"
            needs: [fetch-it-2]
    "#]],
    );
    let translated = translate(document.to_string().as_bytes(), &Types::new()).expect("it is valid");
    assert_eq!(LegacyNames::of(&translated.doc), Some(translated.names.clone()));
    assert_eq!(translated.names.flow, "My Flow");
    for name in ["Fetch It", "fetch it", "fetch-it", "日本"] {
        let id = translated.names.id(name).expect(name);
        assert_eq!(translated.names.name(id), Some(name));
    }
    assert_ne!(flow_id("My Flow"), flow_id("my flow"));
    assert_eq!(flow_id("my-flow"), "my-flow");
    for odd in ["new", "summary", "validate", "", "日本", &"x".repeat(200)] {
        let id = flow_id(odd);
        assert!(
            crate::ids::is_slug(&id) && !crate::ids::RESERVED_FLOW_IDS.contains(&id.as_str()),
            "{odd}"
        );
    }
}

#[test]
fn everything_wrong_is_told_at_once() {
    check(
        flow(
            &["a", "b", "b", "end"],
            &[
                ["a", "success", "x", "end"],
                ["a", "success", "b", "end"],
                ["b", "maybe", "a", "a"],
                ["bb", "success", "end", "end"],
            ],
        ),
        expect![[r#"
            error: `b` is already the name of task 2 (counted from 1) (flow.tasks[2].name)
            error: `end` is the target that ends a flow; give the task another name (flow.tasks[3].name)
            error: there is no task `x` (flow.conditions[0].target_task_success)
            error: `a` has a condition already, number 1 (counted from 1); keep one of them (flow.conditions[1].source_task)
            error: the outcome is `success` or `failure`, not `maybe` (flow.conditions[2].outcome)
            error: there is no task `bb` (did you mean `b`?) (flow.conditions[3].source_task)
        "#]],
    );
    check(
        flow(
            &["a", "b", "c"],
            &[
                ["a", "success", "b", "end"],
                ["b", "success", "c", "a"],
                ["c", "success", "c", "b"],
            ],
        ),
        expect![[r#"
        error: this leads from `b` back to `a`, which has run by then; only a failed task may be its own target, as a retry (flow.conditions[1].target_task_failure)
        error: this leads from `c` back to `c`, which has run by then; only a failed task may be its own target, as a retry (flow.conditions[2].target_task_success)
        error: this leads from `c` back to `b`, which has run by then; only a failed task may be its own target, as a retry (flow.conditions[2].target_task_failure)
    "#]],
    );
    check(
        json!({"flow": {"id": "f", "start_task": "zz", "tasks": [
            {"name": "a", "task_type": "fetchdata"},
            {"name": "b", "task_type": "fetch_data", "parameters": {"failure_rate": 2, "retry_count": -1}},
            {"name": "c"}, 3
        ], "extra": 1}}),
        expect![[r#"
            error: there is no task `zz` (flow.start_task)
            error: there is no task type `fetchdata` (did you mean `fetch_data`?); the types are noop, fail, log, approval, signal, loop, switch, shell, http.request, fetch_data, process_data, store_data (flow.tasks[0].task_type)
            error: 2 is too large, the most is 1 (flow.tasks[1].parameters.failure_rate)
            error: `retry_count` is a whole number from 0 to 999 (flow.tasks[1].parameters.retry_count)
            error: a task needs `task_type` (flow.tasks[2].task_type)
            error: expected a task as a mapping of fields, found `3` (flow.tasks[3])
            warning: a flow has no field `extra`; its fields are id, name, description, start_task, tasks, conditions (flow.extra)
        "#]],
    );
    check(
        json!({"flow": {"id": "f", "tasks": []}}),
        expect![[r#"
        error: a flow needs `start_task` (flow.start_task)
        error: a flow needs at least one task (flow.tasks)
    "#]],
    );
    check(
        json!({"tasks": []}),
        expect![[r#"
        error: the document needs `flow` (flow)
        warning: the document has no field `tasks`; its fields are flow (tasks)
    "#]],
    );
    check(
        json!([1]),
        expect![[r#"
        error: expected the document as a mapping of fields, found a list
    "#]],
    );
}

#[test]
fn long_documents_are_translated() {
    let names: Vec<String> = (0..2_000).map(|n| format!("t{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let conditions: Vec<[&str; 4]> = names
        .windows(2)
        .map(|pair| [pair[0], "success", pair[1], "end"])
        .collect();
    let mut document = flow(&names, &conditions);
    document["flow"]["tasks"][1_999]["task_type"] = json!("process_data");
    let translated = translate(document.to_string().as_bytes(), &Types::new())
        .unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let results = translated.doc.tasks["t1999"].with["results"]
        .as_object()
        .expect("it is given results");
    assert_eq!(results.len(), RESULTS_MAX);
    assert!(results.contains_key("t1998"), "the nearest are given");
}

/// Texts with braces come out of the expressions as they went in, and results of skipped tasks are null.
#[test]
fn arguments_mean_what_they_meant() {
    let odd = "a {{b}} {% c %} {# d #} \"e\" \\ \n ü }}";
    let mut document = flow(&["a", "b"], &[["a", "success", "b", "end"]]);
    document["flow"]["tasks"][0]["parameters"] = json!({"data_source": odd});
    document["flow"]["tasks"][1]["task_type"] = json!("process_data");
    let doc = translate(document.to_string().as_bytes(), &Types::new())
        .unwrap_or_else(|problems| panic!("{}", told(&problems)))
        .doc;
    let (program, problems) = crate::expr::Program::compile(&doc);
    assert_eq!(problems, []);
    let mut scope = crate::expr::Scope::new(std::sync::Arc::default(), crate::expr::RunFacts::default());
    scope.task("a", crate::expr::TaskFacts::default());
    let render = |task: &str| {
        program
            .task(task)
            .expect(task)
            .with
            .render(&program, &scope)
            .expect(task)
    };
    assert_eq!(render("a")["data_source"], odd);
    assert_eq!(render("b"), json!({"results": {"a": null}}));
}
