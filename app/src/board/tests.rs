use expect_test::{Expect, expect};
use flow::view::RunSummary;
use flow::view::board::{AgendaView, AttentionView, GridView, NeedView, PointView, WindowView};
use serde_json::{Value, json};

use super::*;

/// HTML as people see it: what stands in it, its links, a line for each element that begins a block.
fn seen(html: &str) -> String {
    let mut out = String::new();
    for piece in html.split('<').skip(1) {
        let Some((tag, text)) = piece.split_once('>') else {
            continue;
        };
        let attribute = |name: &str| {
            let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if matches!(
            name,
            "section" | "li" | "h2" | "h3" | "p" | "a" | "button" | "form"
        ) {
            out.push('\n');
        }
        if let Some(href) = attribute("href").filter(|_| name == "a") {
            out += &format!("[{href}] ");
        }
        if let Some(form) = attribute("data-act") {
            out += &format!("({form}) ");
        }
        out += text;
    }
    let lines = out.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it is compared and gone")]
fn check(html: String, expected: Expect) {
    expected.assert_eq(&seen(&html));
}

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("is one")
}

fn run(n: u8, state: &str) -> Value {
    json!({
        "id": format!("run_{n:026}"), "flow": "etl", "flow_name": "E & T <L>", "version": 1, "state": state, "trigger": "api",
        "created_at": "2026-01-31T12:00:00Z", "started_at": "2026-01-31T12:00:01Z", "counts": {}
    })
}

fn window() -> WindowView {
    of(json!({
        "window": "24h",
        "now": {"since": "2026-01-31T00:00:00Z", "until": "2026-02-01T00:00:00Z", "n_created": 1200, "n_succeeded": 970,
                "n_failed": 30, "n_cancelled": 2, "per_hour": 50.4, "duration_ms_p50": 900, "duration_ms_p95": 2000, "wait_ms_p95": 10},
        "before": {"since": "2026-01-30T00:00:00Z", "until": "2026-01-31T00:00:00Z", "n_created": 1000, "n_succeeded": 990,
                   "n_failed": 60, "n_cancelled": 0, "per_hour": 41.0, "duration_ms_p95": 2000},
        "points": [
            {"at": "2026-01-31T00:00:00Z", "n_created": 4, "n_succeeded": 2, "n_failed": 2},
            {"at": "2026-01-31T01:00:00Z", "n_created": 0, "n_succeeded": 0, "n_failed": 0},
            {"at": "2026-01-31T02:00:00Z", "n_created": 2, "n_succeeded": 1, "n_failed": 1}
        ]
    }))
}

#[test]
fn numbers_lead_to_what_they_count() {
    check(
        window_panel(&window(), &[], "etl"),
        expect![[r#"
            Numbers
            [/flows/etl?window=1h] 1h
            [/flows/etl?window=24h] 24h
            [/flows/etl?window=7d] 7d
            [/flows/etl?window=30d] 30d
            [/runs?q=flow%3Aetl%20since%3A2026-01-31T00%3A00%3A00Z] Runs1,200▲ 20 % more50 an hour
            [/runs?q=flow%3Aetl%20state%3Afailed%20since%3A2026-01-31T00%3A00%3A00Z] Failed30▼ 50 % less2 cancelled
            [/runs?q=flow%3Aetl%20state%3Asucceeded%20since%3A2026-01-31T00%3A00%3A00Z] Succeeded97 %▲ 2.7 points more970 of 1,000 that ended
            [/runs?q=flow%3Aetl%20state%3Asucceeded%20since%3A2026-01-31T00%3A00%3A00Z] 95 % take at most2.0 s= as beforehalf 900 ms, wait 10 ms
        "#]],
    );
}

#[test]
fn numbers_of_nothing_say_so() {
    let span = json!({"since": "2026-01-31T00:00:00Z", "until": "2026-02-01T00:00:00Z", "n_created": 0, "n_succeeded": 0,
        "n_failed": 0, "n_cancelled": 0, "per_hour": 0.0});
    let view: WindowView = of(json!({"window": "24h", "now": span, "before": span, "points": []}));
    let seen = seen(&window_panel(&view, &[], "etl"));
    let feet: Vec<&str> = seen
        .lines()
        .skip(5)
        .filter_map(|line| line.split("] ").nth(1))
        .collect();
    assert_eq!(
        feet,
        [
            "Runs00 an hour",
            "Failed00 cancelled",
            "Succeeded–none ended",
            "95 % take at most–none succeeded"
        ]
    );
}

#[test]
fn a_course_has_gaps_where_nothing_is_known() {
    let html = window_panel(&window(), &[], "etl");
    let paths: Vec<&str> = html
        .split("class=\"line\" d=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(
        paths,
        [
            "M0.0 2.0L60.0 26.0L120.0 14.0",
            "M0.0 2.0L60.0 26.0L120.0 14.0",
            "M0.0 2.0L4.0 2.0M116.0 2.0L120.0 2.0",
            ""
        ]
    );
}

fn need(query: &str, items: Value) -> NeedView {
    let n = items.as_array().map_or(0, Vec::len);
    of(json!({"query": query, "count": {"n": n, "is_whole": true}, "items": items}))
}

#[test]
fn what_needs_people_can_be_done_in_place() {
    let view = AttentionView {
        failed: need(
            "state:failed",
            json!([{"run": run(1, "failed"), "task": "a/b", "reason": "exit <1>", "since": "2026-01-31T12:00:00Z"}]),
        ),
        stuck: need(
            "is:stuck",
            json!([{"run": run(2, "running"), "reason": "no worker"}]),
        ),
        asking: need(
            "is:asking",
            json!([{"run": run(3, "running"), "task": "ask", "reason": "Go?"}]),
        ),
        late: need(
            "is:late",
            json!([{"run": run(4, "running"), "reason": "b is at work", "usual_ms": 5000}]),
        ),
    };
    check(
        needs::needs(&view),
        expect![[r#"
            [/runs?q=state%3Afailed] 1 run failed in the last 24 hours and was not retried
            [/runs/run_00000000000000000000000001?task=a%2Fb] E &amp; T &lt;L&gt;2026-01-31 12:00:00 UTCexit &lt;1&gt;
            (retry_run)
            Retry
            [/runs?q=is%3Astuck] 1 run is stuck
            [/runs/run_00000000000000000000000002] E &amp; T &lt;L&gt;no worker
            (cancel_run)
            Cancel
            [/runs?q=is%3Aasking] 1 run waits for an answer
            [/runs/run_00000000000000000000000003?task=ask] E &amp; T &lt;L&gt;Go?
            [/runs/run_00000000000000000000000003?task=ask] Answer
            [/runs?q=is%3Alate] 1 run takes much longer than usual
            [/runs/run_00000000000000000000000004] E &amp; T &lt;L&gt;b is at work; usually done in 5.0 s
            (cancel_run)
            Cancel
        "#]],
    );
    let none = || need("", json!([]));
    let calm = AttentionView {
        failed: none(),
        stuck: none(),
        asking: none(),
        late: none(),
    };
    check(
        needs::needs(&calm),
        expect![[r#"
        Nothing needs you: nothing failed in the last 24 hours, nothing is stuck or late, nobody is asked.
    "#]],
    );
}

#[test]
fn what_is_due_stands_on_lanes() {
    let due = |flow: &str, at: &str| json!({"flow": flow, "flow_name": format!("Flow <{flow}>"), "schedule": "s", "at": at, "local": at});
    let mut late = due("a", "2026-01-31T11:00:00Z");
    late["is_missed"] = true.into();
    late["error"] = "the inputs are <wrong>".into();
    let mut other = due("a", "2026-02-01T08:00:00Z");
    other["schedule"] = "morning".into();
    let view: AgendaView = of(json!({
        "since": "2026-01-31T12:00:00Z", "until": "2026-02-01T12:00:00Z", "is_whole": true,
        "items": [late, due("b", "2026-01-31T18:00:00Z"), due("a", "2026-02-01T00:00:00Z"), due("b", "2026-02-01T06:00:00Z"), other]
    }));
    let html = agenda::agenda(&view);
    assert!(
        html.contains("left:25.00%") && html.contains("left:75.00%"),
        "{html}"
    );
    check(
        html,
        expect![[r#"
        [/flows/a] Flow &lt;a&gt; was not started by its schedule s: the inputs are &lt;wrong&gt;
        [/flows/b] Flow &lt;b&gt;2026-01-31 18:00:00 UTC and 1 more
        [/flows/a] Flow &lt;a&gt; s2026-02-01 00:00:00 UTC
        [/flows/a] Flow &lt;a&gt; morning2026-02-01 08:00:00 UTC
    "#]],
    );
}

#[test]
fn grids_tell_of_each_task() {
    let dot = |n: u8, state: &str| json!({"id": format!("run_{n:026}"), "state": state, "created_at": "2026-01-31T12:00:00Z", "duration_ms": 5});
    let view: GridView = of(json!({
        "runs": [dot(2, "failed"), dot(1, "succeeded")], "n_tasks": 5000, "from": 100,
        "tasks": [{"id": "fetch", "name": "Fetch \"it\"", "states": "fs"}, {"id": "store", "name": "Store", "states": "k-"}]
    }));
    let html = grid(&view, "etl");
    assert!(
        html.contains("height:120000px") && html.contains("top:2400px"),
        "{html}"
    );
    assert!(
        html.contains("<i class=\"s\"></i><i class=\"f\"></i>"),
        "the oldest stands left: {html}"
    );
    assert!(html.contains("aria-label=\"1 failed, 1 succeeded\""), "{html}");
    check(
        grid_chunk(&view),
        expect![[r#"
        [/runs/run_00000000000000000000000002?task=fetch] Fetch &quot;it&quot;
        [/runs/run_00000000000000000000000002?task=store] Store
    "#]],
    );
}

#[test]
fn the_first_page_has_all_its_parts() {
    let runs: Vec<RunSummary> = of(json!([run(2, "running"), run(1, "succeeded")]));
    let none = || need("is:late", json!([]));
    let data = HomeData {
        now: "2026-01-31T12:00:05Z".parse().expect("a time"),
        window: window(),
        attention: AttentionView {
            failed: none(),
            stuck: none(),
            asking: none(),
            late: none(),
        },
        flows: of(json!([{
            "id": "etl", "name": "E & T <L>", "version": 1, "updated_at": "2026-01-31T12:00:00Z", "n_tasks": 2,
            "runs": {"failed": 3, "running": 1, "succeeded": 9}, "latest_runs": []
        }])),
        has_more_flows: true,
        agenda: of(
            json!({"since": "2026-01-31T12:00:00Z", "until": "2026-02-01T12:00:00Z", "is_whole": true, "items": []}),
        ),
        recent: runs,
    };
    check(
        home(&data),
        expect![[r#"
        What needs you
        Nothing needs you: nothing failed in the last 24 hours, nothing is stuck or late, nobody is asked.
        Numbers
        [/?window=1h] 1h
        [/?window=24h] 24h
        [/?window=7d] 7d
        [/?window=30d] 30d
        1,200 runs, 30 failed, 2 cancelled
        [/runs?q=since%3A2026-01-31T00%3A00%3A00Z] Runs1,200▲ 20 % more50 an hour
        [/runs?q=state%3Afailed%20since%3A2026-01-31T00%3A00%3A00Z] Failed30▼ 50 % less2 cancelled
        [/runs?q=state%3Asucceeded%20since%3A2026-01-31T00%3A00%3A00Z] Succeeded97 %▲ 2.7 points more970 of 1,000 that ended
        [/runs?q=state%3Asucceeded%20since%3A2026-01-31T00%3A00%3A00Z] 95 % take at most2.0 s= as beforehalf 900 ms, wait 10 ms
        Last 30 runs of each flow
        [/flows] All flows
        [/flows/etl] E &amp; T &lt;L&gt;no runs yet
        [/runs?q=state%3Afailed%20flow%3Aetl] 3 failed runs of E &amp; T &lt;L&gt;
        [/runs?q=state%3Arunning%20flow%3Aetl] 1 running run of E &amp; T &lt;L&gt;
        [/flows/etl#start] Start
        [/flows] All flows
        Due in the next 24 hours
        No schedule is due in the next 24 hours.
        Newest runs
        [/runs] All runs
        [/runs/run_00000000000000000000000002] runningE &amp; T &lt;L&gt;2026-01-31 12:00:00 UTC4.0 s
        [/runs/run_00000000000000000000000001] succeededE &amp; T &lt;L&gt;2026-01-31 12:00:00 UTC4.0 s
        As of 2026-01-31 12:00:05 UTC
    "#]],
    );
}

#[test]
fn days_lead_to_their_runs() {
    let days: Vec<PointView> = (0..9)
        .map(|n| {
            let at = Timestamp::from_millis((20_479 + n) * 24 * 3600 * 1000);
            let n = n as u64;
            of(json!({"at": at, "n_created": n * 30, "n_succeeded": n * 30, "n_failed": if n == 8 { 2 } else { n / 4 * 60 }}))
        })
        .collect();
    let html = calendar::calendar(&days, "etl");
    check(
        html.clone(),
        expect![[r#"
        Runs by day in UTC: the more, the fuller; red is the share that failed26 Jan2 FebMonno runs
        [/runs?q=flow%3Aetl%20since%3A2026-02-02%20until%3A2026-02-03] 210 runs, 60 failedTue
        [/runs?q=flow%3Aetl%20since%3A2026-01-27%20until%3A2026-01-28] 30 runs
        [/runs?q=flow%3Aetl%20since%3A2026-02-03%20until%3A2026-02-04] 240 runs, 2 failedWed
        [/runs?q=flow%3Aetl%20since%3A2026-01-28%20until%3A2026-01-29] 60 runsThu
        [/runs?q=flow%3Aetl%20since%3A2026-01-29%20until%3A2026-01-30] 90 runsFri
        [/runs?q=flow%3Aetl%20since%3A2026-01-30%20until%3A2026-01-31] 120 runs, 60 failedSat
        [/runs?q=flow%3Aetl%20since%3A2026-01-31%20until%3A2026-02-01] 150 runs, 60 failedSun
        [/runs?q=flow%3Aetl%20since%3A2026-02-01%20until%3A2026-02-02] 180 runs, 60 failed
    "#]],
    );
    let squares: Vec<_> = html
        .split("data-full=\"")
        .skip(1)
        .filter_map(|rest| rest.split(" title").next())
        .collect();
    expect![[r#"
        4" style="--failed-share:28%"
        1" style="--failed-share:0%"
        4" style="--failed-share:20%"
        1" style="--failed-share:0%"
        2" style="--failed-share:0%"
        2" style="--failed-share:50%"
        3" style="--failed-share:40%"
        3" style="--failed-share:33%""#]]
    .assert_eq(&squares.join("\n"));
    assert_eq!(calendar::calendar(&days[..1], "etl"), "");
}
