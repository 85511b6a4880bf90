//! Runs that take results from another run.

use expect_test::{Expect, expect};
use serde_json::{Map, Value};

use super::script::{Script, doc};
use super::world::{World, compile};
use crate::run::fork::{ForkPlan, Forking, OldChildren};
use crate::run::{Fork, ForkedFrom, Reused};

/// Starts a run of `flow` that takes what it can from an old one.
pub(super) fn fork(
    old: World,
    flow: crate::FlowDoc,
    (inputs, vars): (&Value, &Map<String, Value>),
    from: Option<&str>,
    given: &[(&str, Value)],
) -> Result<(ForkPlan, World), String> {
    let (plan, program) = compile(flow.clone());
    let marked: Vec<(&str, &Value)> = given.iter().map(|(task, output)| (*task, output)).collect();
    Forking::check_given(&plan, &marked, from).map_err(|bad| bad.to_string())?;
    let given: Vec<Reused> = given
        .iter()
        .map(|(task, output)| Reused {
            given_by: Some("mia".into()),
            ..Reused::given(&plan, task, output, output.clone().into())
        })
        .collect();
    let old_inputs = old.state.inputs().inline().cloned().unwrap_or_default();
    let mut children = OldChildren::default();
    old.log.iter().for_each(|event| children.read(event));
    let forking = Forking {
        old: &old.state,
        old_inputs: &old_inputs,
        children: &children,
        plan: &plan,
        program: &program,
        inputs,
        vars,
        given: &given,
    };
    let found = forking.plan(from).map_err(|bad| bad.to_string())?;
    let (reused, children) = (found.reused.clone(), found.children.clone());
    let from = ForkedFrom {
        run: old.state.id(),
        task: from.map(Into::into),
    };
    let world = World::start_new(flow, inputs.clone(), old.blobs, |new| {
        new.vars = vars.clone();
        new.fork = Some(Box::new(Fork {
            from: Some(from),
            reused,
            children,
        }));
    });
    Ok((found, world))
}

/// A fork's inputs, where it starts and what happens to it.
type New<'n> = (&'n str, Option<&'n str>, &'n str);

/// Runs a flow and then a fork of that run; tells what is taken over, what runs and what became of it.
fn told(flow: &str, script: &str, new_flow: &str, (inputs, from, new_script): New<'_>) -> String {
    let old = Script::run(flow, script).world;
    let inputs: Value = serde_json::from_str(inputs).expect("inputs");
    let mut steps = new_script
        .split(';')
        .map(str::trim)
        .filter(|step| !step.is_empty())
        .peekable();
    let vars = super::script::vars(&mut steps);
    // `mark task output` stands before all that happens.
    let mut given = Vec::new();
    while let Some(step) = steps.next_if(|step| step.starts_with("mark ")) {
        let (task, output) = step[5..].split_once(' ').expect("a task and its output");
        given.push((task, serde_json::from_str(output).expect("JSON")));
    }
    let (found, world) = match fork(old, doc(new_flow), (&inputs, &vars), from, &given) {
        Ok(forked) => forked,
        Err(bad) => return bad,
    };
    let reused: Vec<&str> = found.reused.iter().map(|reused| &*reused.path).collect();
    let mut told = format!("reused: {}\n", reused.join(" "));
    for run in &found.runs {
        let items = match run.n_items_reused {
            0 => String::new(),
            n => format!(", but for {n} items"),
        };
        told.push_str(&format!("{} runs: {}{items}\n", run.path, run.why));
    }
    for child in &found.children {
        let from = child
            .from
            .as_ref()
            .map_or_else(String::new, |from| format!(" from {from}"));
        told.push_str(&format!(
            "{} takes up its run of {} {}{from}\n",
            child.path, child.flow, child.version
        ));
    }
    told + &Script::run_in(world, steps).out
}

#[expect(clippy::needless_pass_by_value, reason = "the macro makes a value")]
fn check(flow: &str, script: &str, new_flow: &str, new: New<'_>, expected: Expect) {
    expected.assert_eq(&told(flow, script, new_flow, new));
}

const FLOW: &str = "
inputs: { day: {}, other: {} }
tasks:
  fetch: { type: work, with: { day: '{{ inputs.day }}' } }
  size: { type: switch, needs: [fetch], with: { cases: { big: '{{ tasks.fetch.output > 3 }}' }, default: small } }
  big: { type: work, needs: [{ task: size, on: big }] }
  small: { type: work, needs: [{ task: size, on: small }] }
  meet: { type: work, needs: [big, small], join: any }
  free: { type: work, with: { x: '{{ inputs.other }}' } }
outputs: { got: '{{ tasks.meet.output }}' }
";

const UNDONE: &str = "
tasks:
  book: { type: work, undo: { type: work } }
  look: { type: work }
  pay: { type: work, needs: [book, look] }
finally: { tidy: { type: noop } }
";

const FAILED: &str = r#"inputs {"day": 1, "other": 2}; fetch ok 5; big ok 6; free ok; meet fails"#;

#[test]
fn what_had_not_succeeded_is_tried_again() {
    check(
        FLOW,
        FAILED,
        FLOW,
        (r#"{"day": 1, "other": 2}"#, None, "show; restart; meet ok 7; log"),
        expect![[r#"
            reused: fetch free size big
            meet runs: it had not succeeded, it was failed
            fetch  succeeded  taken over from the run it was made from
            size   succeeded  taken over from the run it was made from  took big
            big    succeeded  taken over from the run it was made from
            small  skipped    upstream size took the case big
            meet   ready      1 attempt
            free   succeeded  taken over from the run it was made from
            run    running
            1 run_created {"inputs":{"value":{"day":1,"other":2}},"forked_from":{"run":"run_01kdvdna000000000000000007"}}
            2 run_started {}
            3 task_reused {"task":"fetch","output":{"value":5},"exit_code":0}
            4 task_reused {"task":"free","output":{"value":null}}
            5 task_reused {"task":"size","output":{"value":"big"},"case":"big"}
            6 task_reused {"task":"big","output":{"value":6},"exit_code":0}
            7 task_succeeded {"task":"fetch","output":{"value":5},"exit_code":0}
            8 task_succeeded {"task":"free","output":{"value":null}}
            9 task_succeeded {"task":"size","output":{"value":"big"},"case":"big"}
            10 task_succeeded {"task":"big","output":{"value":6},"exit_code":0}
            11 task_skipped {"task":"small","reason":{"kind":"upstream","task":"size"}}
            12 task_scheduled {"task":"meet","attempt":1,"input":{"value":{}}}
            13 attempt_started {"task":"meet","attempt":1,"worker":"w1"}
            14 task_succeeded {"task":"meet","output":{"value":7},"exit_code":0}
            15 run_finished {"outcome":"succeeded","outputs":{"value":{"got":7}}}
            fetch  succeeded  taken over from the run it was made from
            size   succeeded  taken over from the run it was made from  took big
            big    succeeded  taken over from the run it was made from
            small  skipped    upstream size took the case big
            meet   succeeded  1 attempt
            free   succeeded  taken over from the run it was made from
            run    succeeded  {"got":7}
        "#]],
    );
}

#[test]
fn a_run_starts_again_from_a_task() {
    check(
        FLOW,
        FAILED,
        FLOW,
        (r#"{"day": 1, "other": 2}"#, Some("size"), "big ok 8; meet fails"),
        expect![[r#"
            reused: fetch free
            size runs: the new run starts here
            big runs: it comes after size, which runs
            small runs: it comes after size, which runs
            meet runs: it comes after big, which runs
            fetch  succeeded  taken over from the run it was made from
            size   succeeded  took big
            big    succeeded  1 attempt
            small  skipped    upstream size took the case big
            meet   failed     1 attempt  failed: it broke
            free   succeeded  taken over from the run it was made from
            run    failed  meet failed: it broke
        "#]],
    );
    check(
        FLOW,
        FAILED,
        FLOW,
        (r#"{"day": 1, "other": 2}"#, Some("nobody"), ""),
        expect!["the flow version has no task `nobody` to start from"],
    );
    check(
        FLOW,
        FAILED,
        FLOW,
        (r#"{"day": 1, "other": 2}"#, Some("fetch.undo"), ""),
        expect!["the flow version has no task `fetch.undo` to start from"],
    );
}

#[test]
fn what_refers_to_a_changed_input_runs() {
    check(
        FLOW,
        FAILED,
        FLOW,
        (r#"{"day": 1, "other": 3}"#, None, "free ok; meet ok"),
        expect![[r#"
            reused: fetch size big
            free runs: the input other has changed
            meet runs: it had not succeeded, it was failed
            fetch  succeeded  taken over from the run it was made from
            size   succeeded  taken over from the run it was made from  took big
            big    succeeded  taken over from the run it was made from
            small  skipped    upstream size took the case big
            meet   succeeded  1 attempt
            free   succeeded  1 attempt
            run    succeeded  {"got":null}
        "#]],
    );
    check(
        FLOW,
        FAILED,
        FLOW,
        (
            r#"{"day": 2, "other": 2}"#,
            None,
            "fetch ok 1; small ok; meet ok 3",
        ),
        expect![[r#"
            reused: free
            fetch runs: the input day has changed
            size runs: it comes after fetch, which runs
            big runs: it comes after size, which runs
            small runs: it comes after size, which runs
            meet runs: it comes after big, which runs
            fetch  succeeded  1 attempt
            size   succeeded  took small
            big    skipped    upstream size took the case small
            small  succeeded  1 attempt
            meet   succeeded  1 attempt
            free   succeeded  taken over from the run it was made from
            run    succeeded  {"got":3}
        "#]],
    );
}

#[test]
fn what_was_changed_or_is_new_runs() {
    let flow = FLOW
        .replace(
            "needs: [{ task: size, on: big }] }",
            "timeout: 5m, needs: [{ task: size, on: big }] }\n  extra: { type: noop, needs: [big] }",
        )
        .replace("x: '{{ inputs.other }}'", "x: 3");
    check(
        FLOW,
        FAILED,
        &flow,
        (r#"{"day": 1, "other": 2}"#, None, "free ok; meet ok"),
        expect![[r#"
            reused: fetch size big
            free runs: its definition has changed
            extra runs: it is new
            meet runs: it had not succeeded, it was failed
            fetch  succeeded  taken over from the run it was made from
            size   succeeded  taken over from the run it was made from  took big
            big    succeeded  taken over from the run it was made from
            extra  succeeded
            small  skipped    upstream size took the case big
            meet   succeeded  1 attempt
            free   succeeded  1 attempt
            run    succeeded  {"got":null}
        "#]],
    );
}

#[test]
fn only_what_the_new_run_did_itself_is_undone() {
    check(
        UNDONE,
        "book ok; look ok; force cancel",
        UNDONE,
        ("null", None, "pay fails"),
        expect![[r#"
            reused: book look
            pay runs: it had not succeeded, it was cancelled
            tidy runs: it runs at the end, whatever happens
            book       succeeded  taken over from the run it was made from
            look       succeeded  taken over from the run it was made from
            pay        failed     1 attempt  failed: it broke
            tidy       succeeded
            book.undo  skipped    what book did, an earlier run had done: only own work is taken back
            run        failed  pay failed: it broke
        "#]],
    );
}

const ITEMS: &str = "
tasks:
  each: { type: work, for_each: { items: [a, b, c, d], max_parallel: 2, on_item_failure: continue }, with: { x: '{{ item }}' } }
  after: { type: noop, needs: [each] }
outputs: { all: '{{ tasks.each.output }}' }
";

#[test]
fn items_that_succeeded_keep_their_results() {
    check(
        ITEMS,
        "each[0] ok 0; each[1] fails; each[2] ok 2; each[3] fails",
        ITEMS,
        ("{}", None, "show; restart; each[3] ok 3; each[1] ok 1; log"),
        expect![[r#"
            reused: each[0] each[2]
            each runs: it had not succeeded, it was failed, but for 2 items
            after runs: it comes after each, which runs
            each     running
            each[0]  succeeded
            each[1]  ready      1 attempt
            each[2]  succeeded
            each[3]  ready      1 attempt
            after    blocked    waits for each
            run      running
            1 run_created {"inputs":{"value":{}},"forked_from":{"run":"run_01kdvdna000000000000000007"}}
            2 run_started {}
            3 task_reused {"task":"each[0]","output":{"value":0}}
            4 task_reused {"task":"each[2]","output":{"value":2}}
            5 items_listed {"task":"each","n":4,"items":[{"first":0,"items":{"value":["a","b","c","d"]}}]}
            6 task_scheduled {"task":"each[1]","attempt":1,"input":{"value":{"x":"b"}}}
            7 task_scheduled {"task":"each[3]","attempt":1,"input":{"value":{"x":"d"}}}
            8 attempt_started {"task":"each[3]","attempt":1,"worker":"w1"}
            9 task_succeeded {"task":"each[3]","output":{"value":3},"exit_code":0}
            10 attempt_started {"task":"each[1]","attempt":1,"worker":"w1"}
            11 task_succeeded {"task":"each[1]","output":{"value":1},"exit_code":0}
            12 task_succeeded {"task":"each","output":{"value":[0,1,2,3]}}
            13 task_succeeded {"task":"after","output":{"value":null}}
            14 run_finished {"outcome":"succeeded","outputs":{"value":{"all":[0,1,2,3]}}}
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            each[2]  succeeded
            each[3]  succeeded
            after    succeeded
            run      succeeded  {"all":[0,1,2,3]}
        "#]],
    );
}

#[test]
fn one_item_runs_again() {
    check(
        ITEMS,
        "each[0] ok 0; each[1] ok 1; each[2] ok 2; each[3] ok 3",
        ITEMS,
        ("{}", Some("each[2]"), "each[2] ok 22"),
        expect![[r#"
            reused: each[0] each[1] each[3]
            each runs: the new run starts here, but for 3 items
            after runs: it comes after each, which runs
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            each[2]  succeeded
            each[3]  succeeded
            after    succeeded
            run      succeeded  {"all":[0,1,22,3]}
        "#]],
    );
}

#[test]
fn a_variable_that_has_changed_is_one_reason_more() {
    let flow = "
tasks:
  a: { type: work, with: { x: '{{ vars.url }}' } }
  b: { type: work, with: { x: '{{ vars.other }}' } }
";
    check(
        flow,
        r#"vars {"url": "http://a", "other": 1}; a ok; b ok"#,
        flow,
        ("{}", None, r#"vars {"url": "http://b", "other": 1}; log"#),
        expect![[r#"
            reused: b
            a runs: the variable url has changed
            1 run_created {"inputs":{"value":{}},"vars":{"url":"http://b","other":1},"forked_from":{"run":"run_01kdvdna000000000000000007"}}
            2 run_started {}
            3 task_reused {"task":"b","output":{"value":null}}
            4 task_scheduled {"task":"a","attempt":1,"input":{"value":{"x":"http://b"}}}
            5 task_succeeded {"task":"b","output":{"value":null}}
            a    ready      1 attempt
            b    succeeded  taken over from the run it was made from
            run  running
        "#]],
    );
}

const BILLS: &str = "
inputs: { order: {} }
tasks:
  first: { type: work }
  bill: { type: subflow, needs: [first], retry: { max_attempts: 2, first: 1s, jitter: none }, with: { flow: bill-one, inputs: { order: '{{ inputs.order }}' } } }
  after: { type: subflow, needs: [bill], with: { flow: told } }
";

const BILL_FAILED: &str = r#"inputs {"order": 7}; first ok; child bill starts; child bill fails; wait 1s; child bill other starts; child bill other fails"#;

const BILL_DONE: &str = r#"inputs {"order": 7}; first ok; child bill starts; child bill ok 1; child after starts; child after ok 1"#;

#[test]
fn a_child_that_had_not_succeeded_is_taken_up() {
    check(
        BILLS,
        BILL_FAILED,
        BILLS,
        (
            r#"{"order": 7}"#,
            None,
            "restart; child bill starts; child bill fails; wait 1s; child bill other starts; child bill other ok 1; log",
        ),
        expect![[r#"
            reused: first
            bill runs: it had not succeeded, it was failed
            after runs: it comes after bill, which runs
            bill takes up its run of bill-one 4
            - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1, taking up run_0000000000000000000000002e
            - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1, taking up run_0000000000000000000000002e
            - bill starts bill-one 4 with {"order":7} in attempt 2, depth 1, taking up run_0000000000000000000000002e
            - after starts told newest with {} in attempt 1, depth 1
            1 run_created {"inputs":{"value":{"order":7}},"forked_from":{"run":"run_01kdvdna000000000000000007"}}
            2 run_started {}
            3 task_reused {"task":"first","output":{"value":null}}
            4 child_reused {"task":"bill","child":"run_0000000000000000000000002e"}
            5 task_succeeded {"task":"first","output":{"value":null}}
            6 child_requested {"task":"bill","attempt":1,"inputs":{"value":{"order":7}},"wait":true,"fork":{"run":"run_0000000000000000000000002e"}}
            7 child_started {"task":"bill","child":"run_0000000000000000000000002d"}
            8 attempt_failed {"task":"bill","attempt":1,"error":{"kind":"child_failed","message":"the run run_0000000000000000000000002d failed: it broke"},"retry_at":"2026-01-01T00:00:01Z"}
            9 child_requested {"task":"bill","attempt":2,"inputs":{"value":{"order":7}},"wait":true,"fork":{"run":"run_0000000000000000000000002e"}}
            10 child_started {"task":"bill","child":"run_0000000000000000000000002e"}
            11 task_succeeded {"task":"bill","output":{"value":1}}
            12 child_requested {"task":"after","attempt":1,"inputs":{"value":{}},"wait":true}
            first  succeeded  taken over from the run it was made from
            bill   succeeded  2 attempts
            after  waiting    1 attempt  waits for a run of the flow told to start
            run    running
        "#]],
    );
    // A changed input is a matter of the child's own fork, which sees what it is given.
    check(
        BILLS,
        BILL_FAILED,
        BILLS,
        (r#"{"order": 8}"#, None, ""),
        expect![[r#"
            reused: first
            bill runs: the input order has changed
            after runs: it comes after bill, which runs
            bill takes up its run of bill-one 4
            - bill starts bill-one 4 with {"order":8} in attempt 1, depth 1, taking up run_0000000000000000000000002e
            first  succeeded  taken over from the run it was made from
            bill   waiting    1 attempt  waits for a run of the flow bill-one to start
            after  blocked    waits for bill
            run    running
        "#]],
    );
    // Of another flow there is nothing to take.
    check(
        BILLS,
        BILL_FAILED,
        &BILLS.replace("flow: bill-one", "flow: bill-two"),
        (r#"{"order": 7}"#, None, ""),
        expect![[r#"
            reused: first
            bill runs: its definition has changed
            after runs: it comes after bill, which runs
            - bill starts bill-two newest with {"order":7} in attempt 1, depth 1
            first  succeeded  taken over from the run it was made from
            bill   waiting    1 attempt  waits for a run of the flow bill-two to start
            after  blocked    waits for bill
            run    running
        "#]],
    );
    // The task says which version.
    check(
        BILLS,
        BILL_FAILED,
        &BILLS.replace("flow: bill-one", "flow: bill-one, version: 9"),
        (r#"{"order": 7}"#, None, ""),
        expect![[r#"
            reused: first
            bill runs: its definition has changed
            after runs: it comes after bill, which runs
            bill takes up its run of bill-one 9
            - bill starts bill-one 9 with {"order":7} in attempt 1, depth 1, taking up run_0000000000000000000000002e
            first  succeeded  taken over from the run it was made from
            bill   waiting    1 attempt  waits for a run of the flow bill-one to start
            after  blocked    waits for bill
            run    running
        "#]],
    );
}

#[test]
fn a_run_starts_again_from_inside_a_child() {
    check(
        BILLS,
        BILL_DONE,
        BILLS,
        (
            r#"{"order": 7}"#,
            Some("bill/send[2]/post"),
            "child bill starts; child bill ok 1",
        ),
        expect![[r#"
            reused: first
            bill runs: the new run starts here
            after runs: it comes after bill, which runs
            bill takes up its run of bill-one 4 from send[2]/post
            - bill starts bill-one 4 with {"order":7} in attempt 1, depth 1, taking up run_0000000000000000000000002d from send[2]/post
            - after starts told newest with {} in attempt 1, depth 1
            first  succeeded  taken over from the run it was made from
            bill   succeeded  1 attempt
            after  waiting    1 attempt  waits for a run of the flow told to start
            run    running
        "#]],
    );
    // From the task itself, its child does all again.
    check(
        BILLS,
        BILL_DONE,
        BILLS,
        (r#"{"order": 7}"#, Some("bill"), ""),
        expect![[r#"
            reused: first
            bill runs: the new run starts here
            after runs: it comes after bill, which runs
            - bill starts bill-one newest with {"order":7} in attempt 1, depth 1
            first  succeeded  taken over from the run it was made from
            bill   waiting    1 attempt  waits for a run of the flow bill-one to start
            after  blocked    waits for bill
            run    running
        "#]],
    );
    let refused = [
        (
            "first/x",
            expect!["`first` starts no run of another flow, so there is no task inside it"],
        ),
        (
            "none/x",
            expect!["the flow version has no task `none` to start from"],
        ),
        (
            "bill/x",
            expect!["`bill` had no run there that it waited for; start from `bill` itself"],
        ),
    ];
    for (from, expected) in refused {
        let new = (r#"{"order": 7}"#, Some(from), "");
        check(BILLS, r#"inputs {"order": 7}; first fails"#, BILLS, new, expected);
    }
}

const EACH_BILL: &str = "
inputs: { orders: {} }
tasks:
  bills: { type: subflow, for_each: { items: '{{ inputs.orders }}', on_item_failure: continue }, with: { flow: bill-one, inputs: { order: '{{ item }}' } } }
  again: { type: subflow, loop: { until: '{{ last == 3 }}' }, with: { flow: look } }
";

const EACH_FAILED: &str = r#"inputs {"orders": [7, 8, 9]}; child bills[0] starts; child bills[1] starts; child bills[2] starts; child bills[0] ok 1; child bills[1] fails; child bills[2] ok 1; child again#1 starts; child again#1 ok 1; child again#2 starts; child again#2 fails"#;

#[test]
fn children_of_items_are_taken_up_each() {
    let orders = r#"{"orders": [7, 8, 9]}"#;
    check(
        EACH_BILL,
        EACH_FAILED,
        EACH_BILL,
        (orders, None, "restart; log"),
        expect![[r#"
            reused: bills[0] bills[2]
            bills runs: it had not succeeded, it was failed, but for 2 items
            again runs: it had not succeeded, it was failed
            bills[1] takes up its run of bill-one 4
            - bills[1] starts bill-one 4 with {"order":8} in attempt 1, depth 1, taking up run_0000000000000000000000002d
            - again#1 starts look newest with {} in attempt 1, depth 1
            - bills[1] starts bill-one 4 with {"order":8} in attempt 1, depth 1, taking up run_0000000000000000000000002d
            - again#1 starts look newest with {} in attempt 1, depth 1
            1 run_created {"inputs":{"value":{"orders":[7,8,9]}},"forked_from":{"run":"run_01kdvdna000000000000000007"}}
            2 run_started {}
            3 task_reused {"task":"bills[0]","output":{"value":1}}
            4 task_reused {"task":"bills[2]","output":{"value":1}}
            5 child_reused {"task":"bills[1]","child":"run_0000000000000000000000002d"}
            6 items_listed {"task":"bills","n":3,"items":[{"first":0,"items":{"value":[7,8,9]}}]}
            7 loop_begun {"task":"again"}
            8 child_requested {"task":"bills[1]","attempt":1,"inputs":{"value":{"order":8}},"wait":true,"fork":{"run":"run_0000000000000000000000002d"}}
            9 child_requested {"task":"again#1","attempt":1,"inputs":{"value":{}},"wait":true}
            bills     running
            bills[0]  succeeded
            bills[1]  waiting    1 attempt  waits for a run of the flow bill-one to start
            bills[2]  succeeded
            again     running
            again#1   waiting    1 attempt  waits for a run of the flow look to start
            run       running
        "#]],
    );
    check(
        EACH_BILL,
        EACH_FAILED,
        EACH_BILL,
        (orders, Some("bills[2]/post"), "show"),
        expect![[r#"
            reused: bills[0]
            bills runs: the new run starts here, but for 1 items
            again runs: it had not succeeded, it was failed
            bills[1] takes up its run of bill-one 4
            bills[2] takes up its run of bill-one 4 from post
            - bills[1] starts bill-one 4 with {"order":8} in attempt 1, depth 1, taking up run_0000000000000000000000002d
            - bills[2] starts bill-one 4 with {"order":9} in attempt 1, depth 1, taking up run_0000000000000000000000002d from post
            - again#1 starts look newest with {} in attempt 1, depth 1
            bills     running
            bills[0]  succeeded
            bills[1]  waiting    1 attempt  waits for a run of the flow bill-one to start
            bills[2]  waiting    1 attempt  waits for a run of the flow bill-one to start
            again     running
            again#1   waiting    1 attempt  waits for a run of the flow look to start
            run       running
            bills     running
            bills[0]  succeeded
            bills[1]  waiting    1 attempt  waits for a run of the flow bill-one to start
            bills[2]  waiting    1 attempt  waits for a run of the flow bill-one to start
            again     running
            again#1   waiting    1 attempt  waits for a run of the flow look to start
            run       running
        "#]],
    );
    check(
        EACH_BILL,
        EACH_FAILED,
        EACH_BILL,
        (orders, Some("bills/post"), ""),
        expect!["each item of `bills` has a run of its own; name one of them, as in `bills[0]/post`"],
    );
    // Items of another list are not the same items.
    check(
        EACH_BILL,
        EACH_FAILED,
        EACH_BILL,
        (r#"{"orders": [1, 2, 3]}"#, Some("bills[2]"), ""),
        expect![[r#"
            reused: 
            bills runs: the input orders has changed
            again runs: it had not succeeded, it was failed
            - bills[0] starts bill-one newest with {"order":1} in attempt 1, depth 1
            - bills[1] starts bill-one newest with {"order":2} in attempt 1, depth 1
            - bills[2] starts bill-one newest with {"order":3} in attempt 1, depth 1
            - again#1 starts look newest with {} in attempt 1, depth 1
            bills     running
            bills[0]  waiting    1 attempt  waits for a run of the flow bill-one to start
            bills[1]  waiting    1 attempt  waits for a run of the flow bill-one to start
            bills[2]  waiting    1 attempt  waits for a run of the flow bill-one to start
            again     running
            again#1   waiting    1 attempt  waits for a run of the flow look to start
            run       running
        "#]],
    );
    // An iteration stands for its whole loop.
    check(
        EACH_BILL,
        EACH_FAILED,
        EACH_BILL,
        (orders, Some("again#2/post"), ""),
        expect![[r#"
            reused: bills[0] bills[2]
            bills runs: it had not succeeded, it was failed, but for 2 items
            again runs: the new run starts here
            bills[1] takes up its run of bill-one 4
            - bills[1] starts bill-one 4 with {"order":8} in attempt 1, depth 1, taking up run_0000000000000000000000002d
            - again#1 starts look newest with {} in attempt 1, depth 1
            bills     running
            bills[0]  succeeded
            bills[1]  waiting    1 attempt  waits for a run of the flow bill-one to start
            bills[2]  succeeded
            again     running
            again#1   waiting    1 attempt  waits for a run of the flow look to start
            run       running
        "#]],
    );
}

/// What was taken back does not hold; nor does anybody know what a failed undo has left of it.
#[test]
fn what_was_undone_is_done_again() {
    let expected = "reused: look
book runs: it was taken back
pay runs: it comes after book, which runs
tidy runs: it runs at the end, whatever happens
book       ready      1 attempt
look       succeeded  taken over from the run it was made from
pay        blocked    waits for book
tidy       blocked    runs at the end, whatever happens
book.undo  blocked    takes back book if the run fails or is cancelled
run        running
";
    for undo in ["ok", "fails"] {
        let old = format!("book ok; look ok; pay fails; book.undo {undo}");
        assert_eq!(told(UNDONE, &old, UNDONE, ("null", None, "")), expected);
    }
}

#[test]
fn items_that_were_not_there_cannot_be_started_from() {
    let flow = "tasks: { a: { type: work, for_each: { items: [1, 2] } } }";
    check(
        flow,
        "a[0] ok; a[1] fails",
        flow,
        ("null", Some("a[2]"), ""),
        expect!["the task of `a[2]` had 2 items; start from one of them, or from the task"],
    );
}

/// Somebody wants it done again, not had from the cache.
#[test]
fn a_kept_result_does_not_serve_who_starts_there() {
    let flow =
        "tasks: { a: { type: work, cache: { ttl: 1h } }, b: { type: work, needs: [a], cache: { ttl: 1h } } }";
    check(
        flow,
        "a ok 1; b ok 2",
        flow,
        ("null", Some("a"), "show; a ok 3; show"),
        expect![[r#"
            reused: 
            a runs: the new run starts here
            b runs: it comes after a, which runs
            a    ready      1 attempt
            b    blocked    waits for a
            run  running
            - a keeps 3 for 3600 s as febe5448
            a    succeeded  1 attempt
            b    ready      1 attempt
            run  running
            a    succeeded  1 attempt
            b    ready      1 attempt
            run  running
        "#]],
    );
}

#[test]
fn a_task_marked_as_succeeded_gives_what_it_is_said_to_give() {
    check(
        FLOW,
        FAILED,
        FLOW,
        (
            r#"{"day": 1, "other": 2}"#,
            None,
            r#"mark meet {"by": "hand"}; log"#,
        ),
        expect![[r#"
            reused: fetch free size big meet
            1 run_created {"inputs":{"value":{"day":1,"other":2}},"forked_from":{"run":"run_01kdvdna000000000000000007"}}
            2 run_started {}
            3 task_reused {"task":"fetch","output":{"value":5},"exit_code":0}
            4 task_reused {"task":"free","output":{"value":null}}
            5 task_reused {"task":"size","output":{"value":"big"},"case":"big"}
            6 task_reused {"task":"big","output":{"value":6},"exit_code":0}
            7 task_reused {"task":"meet","output":{"value":{"by":"hand"}},"given_by":"mia"}
            8 task_succeeded {"task":"fetch","output":{"value":5},"exit_code":0}
            9 task_succeeded {"task":"free","output":{"value":null}}
            10 task_succeeded {"task":"size","output":{"value":"big"},"case":"big"}
            11 task_succeeded {"task":"big","output":{"value":6},"exit_code":0}
            12 task_skipped {"task":"small","reason":{"kind":"upstream","task":"size"}}
            13 task_succeeded {"task":"meet","output":{"value":{"by":"hand"}}}
            14 run_finished {"outcome":"succeeded","outputs":{"value":{"got":{"by":"hand"}}}}
            fetch  succeeded  taken over from the run it was made from
            size   succeeded  taken over from the run it was made from  took big
            big    succeeded  taken over from the run it was made from
            small  skipped    upstream size took the case big
            meet   succeeded  marked as succeeded by mia, who said what it gives
            free   succeeded  taken over from the run it was made from
            run    succeeded  {"got":{"by":"hand"}}
        "#]],
    );
    // What comes after it runs, but for what its case does not lead to.
    check(
        FLOW,
        FAILED,
        FLOW,
        (
            r#"{"day": 1, "other": 2}"#,
            None,
            r#"mark size "small"; restart; small ok 8; meet ok 9"#,
        ),
        expect![[r#"
            reused: fetch free size
            small runs: it comes after size, which is marked as succeeded
            meet runs: it comes after small, which runs
            fetch  succeeded  taken over from the run it was made from
            size   succeeded  marked as succeeded by mia, who said what it gives  took small
            big    skipped    upstream size took the case small
            small  succeeded  1 attempt
            meet   succeeded  1 attempt
            free   succeeded  taken over from the run it was made from
            run    succeeded  {"got":9}
        "#]],
    );
}

const CAUGHT: &str = "
tasks:
  load: { type: work }
  alarm: { type: work, needs: [{ task: load, on: failed }] }
  calm: { type: work, needs: [alarm] }
  either: { type: work, needs: [load, alarm], join: any }
";

#[test]
fn what_only_a_failure_leads_to_is_skipped() {
    check(
        CAUGHT,
        "load fails; alarm ok; calm ok; either fails",
        CAUGHT,
        ("{}", None, "mark load 5; either ok"),
        expect![[r#"
            reused: load
            either runs: it comes after load, which is marked as succeeded
            load    succeeded  marked as succeeded by mia, who said what it gives
            alarm   skipped    upstream load succeeded
            calm    skipped    upstream alarm was skipped
            either  succeeded  1 attempt
            run     succeeded
        "#]],
    );
}

#[test]
fn items_are_marked_as_succeeded() {
    let flow = "
tasks:
  each: { type: work, for_each: { items: [a, b, c], on_item_failure: continue } }
  after: { type: work, needs: [each], with: { got: '{{ tasks.each.output }}' } }
";
    check(
        flow,
        "each[0] ok 1; each[1] fails; each[2] fails",
        flow,
        ("{}", None, "mark each[1] 7; restart; each[2] ok 3; log"),
        expect![[r#"
            reused: each[0] each[1]
            each runs: it had not succeeded, it was failed, but for 1 items
            after runs: it comes after each, which runs
            1 run_created {"inputs":{"value":{}},"forked_from":{"run":"run_01kdvdna000000000000000007"}}
            2 run_started {}
            3 task_reused {"task":"each[0]","output":{"value":1}}
            4 task_reused {"task":"each[1]","output":{"value":7},"given_by":"mia"}
            5 items_listed {"task":"each","n":3,"items":[{"first":0,"items":{"value":["a","b","c"]}}]}
            6 task_scheduled {"task":"each[2]","attempt":1,"input":{"value":{}}}
            7 attempt_started {"task":"each[2]","attempt":1,"worker":"w1"}
            8 task_succeeded {"task":"each[2]","output":{"value":3},"exit_code":0}
            9 task_succeeded {"task":"each","output":{"value":[1,7,3]}}
            10 task_scheduled {"task":"after","attempt":1,"input":{"value":{"got":[1,7,3]}}}
            each     succeeded
            each[0]  succeeded
            each[1]  succeeded
            each[2]  succeeded
            after    ready      1 attempt
            run      running
        "#]],
    );
}

#[test]
fn what_cannot_be_marked_is_told() {
    let flow = "
tasks:
  size: { type: switch, with: { cases: { big: '{{ true }}' }, default: small } }
  again: { type: work, needs: [{ task: size, on: big }], loop: { until: '{{ false }}', max_iterations: 3 } }
finally: { tidy: { type: noop } }
";
    for (marks, expected) in [
        (
            "mark none 1",
            expect!["the flow version has no task `none` to mark as succeeded"],
        ),
        (
            "mark size 1",
            expect!["`size` is a switch, whose output is one of its cases: big, small"],
        ),
        (
            r#"mark size "tiny""#,
            expect!["`size` is a switch, whose output is one of its cases: big, small"],
        ),
        (
            "mark again#2 1",
            expect![
                "`again#2` is one round of a loop; mark the loop as succeeded, with what its last round would give"
            ],
        ),
        (
            "mark tidy 1",
            expect!["`tidy` belongs to the ending of a run; only main tasks are marked as succeeded"],
        ),
    ] {
        check(flow, "", flow, ("{}", None, marks), expected);
    }
    check(
        flow,
        "",
        flow,
        ("{}", Some("again"), "mark again 1"),
        expect!["the new run starts from `again`, so it cannot be marked as succeeded"],
    );
}
