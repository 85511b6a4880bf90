use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::time::Timestamp;
use crate::view::RunSummary;

/// What is read, written again; or what is wrong, with the place marked.
fn check(text: &str, expected: Expect) {
    let told = match RunQuery::read(text) {
        Ok(query) => {
            let written = query.to_string();
            assert_eq!(
                RunQuery::read(&written).as_ref(),
                Ok(&query),
                "written as {written}"
            );
            written
        }
        Err(bad) => {
            assert!(bad.from < bad.until, "{bad:?}");
            format!(
                "{text}\n{}{} {}",
                " ".repeat(bad.from),
                "^".repeat(bad.until - bad.from),
                bad.message
            )
        }
    };
    expected.assert_eq(&told);
}

#[test]
fn queries_are_read_and_written() {
    check("", expect![""]);
    check(
        "state:failed,cancelled  flow:etl-*,b dur:>5m since:24h\tlabel:k=v -state:succeeded words",
        expect!["state:failed,cancelled flow:etl-*,b dur:>5m since:1d label:k=v -state:succeeded words"],
    );
    check(
        "state:open -state:ended",
        expect!["state:queued,running,paused,ending -state:succeeded,failed,cancelled"],
    );
    check(
        "dur:5m wait:<=300ms dur:<1h30m",
        expect!["dur:>=5m wait:<=300ms dur:<1h30m"],
    );
    check(
        "since:2026-01-31 until:2026-01-31T12:00:00+01:00 ended-since:1h ended-until:30m",
        expect!["since:2026-01-31T00:00:00Z until:2026-01-31T11:00:00Z ended-since:1h ended-until:30m"],
    );
    check(
        r#""two words" "a:b" trigger:"schedule night" label:"my key"="a b",c label:env -is:retried"#,
        expect![[
            r#""two words" "a:b" trigger:"schedule night" label:"my key"="a b",c label:env -is:retried"#
        ]],
    );
    check(
        r#""say \"so\" \\" is:asking,late,stuck"#,
        expect![[r#""say \"so\" \\" is:asking,late,stuck"#]],
    );
    check("error:timeout ümlaut", expect!["error:timeout ümlaut"]);
}

#[test]
fn errors_say_where() {
    check(
        "flow:a stat:failed",
        expect![[r#"
        flow:a stat:failed
               ^^^^ there is no key `stat`; there are state, is, flow, label, dur, wait, since, until, ended-since, ended-until, trigger, error. To look for it as a text, put it in quotes"#]],
    );
    check(
        "üü state:failed,done",
        expect![[r#"
        üü state:failed,done
                        ^^^^ `done` is no state of a run; there are queued, running, paused, ending, succeeded, failed, cancelled, and open and ended for several of them"#]],
    );
    check(
        "is:failed",
        expect![[r#"
        is:failed
           ^^^^^^ a run is never `failed`; `is` knows asking, late, stuck, retried. For states write state:…"#]],
    );
    check(
        "dur:>5",
        expect![[r#"
        dur:>5
            ^^ `>5` is no length of time; write it like >5m, <=300ms or >1h30m"#]],
    );
    check(
        "since:yesterday",
        expect![[r#"
        since:yesterday
              ^^^^^^^^^ `yesterday` is no moment; write how long ago, as 24h, a day, as 2026-01-31, or 2026-01-31T12:00:00Z"#]],
    );
    check(
        "since:1h,2h",
        expect![[r#"
        since:1h,2h
                 ^^ `since` takes one value"#]],
    );
    check(
        "a state: b",
        expect![[r#"
        a state: b
                ^ here a value is missing"#]],
    );
    check(
        "flow:a,",
        expect![[r#"
        flow:a,
               ^ here a value is missing"#]],
    );
    check(
        "a \"b c",
        expect![[r#"
        a "b c
          ^^^^ these quotes have no end"#]],
    );
    check(
        "a - b",
        expect![[r#"
        a - b
          ^ a `-` turns around the term behind it, and there is none"#]],
    );
    check(
        "label:=v",
        expect![[r#"
        label:=v
              ^ a label is written as name=value, or name=one,two"#]],
    );
    let many = "a ".repeat(QUERY_TERMS_MAX + 1);
    let bad = RunQuery::read(&many).expect_err("too many");
    assert_eq!(
        bad.to_string(),
        "there are too many terms; at most 40 are read (at character 81)"
    );
    assert!(RunQuery::read(&"a".repeat(QUERY_BYTES_MAX + 1)).is_err());
}

fn run(patch: serde_json::Value) -> RunSummary {
    let mut run = json!({
        "id": "run_01k9w3zq5r8v2m4x6c7d9e0f1g", "flow": "etl-orders", "flow_name": "Orders", "version": 1,
        "state": "running", "trigger": "schedule night", "created_at": "2026-01-31T12:00:00Z",
        "started_at": "2026-01-31T12:00:10Z", "counts": {"running": 1}
    });
    if let (Some(run), Some(patch)) = (run.as_object_mut(), patch.as_object()) {
        run.extend(patch.clone());
    }
    serde_json::from_value(run).expect("is a run")
}

/// Now is two minutes after the run was created; its flow usually takes 20 s at most.
fn admits(query: &str, run: &RunSummary) -> bool {
    let now: Timestamp = "2026-01-31T12:02:00Z".parse().expect("a time");
    let p95_ms = |flow: &str| (flow == "etl-orders").then_some(20_000);
    RunQuery::read(query)
        .unwrap_or_else(|bad| panic!("{query}: {bad}"))
        .admits(run, Facts { now, p95_ms: &p95_ms })
}

#[test]
fn runs_are_judged() {
    let open = run(json!({"labels": {"env": "prod"}}));
    let failed = run(json!({
        "state": "failed", "finished_at": "2026-01-31T12:00:15Z", "counts": {"failed": 1},
        "error": {"kind": "timeout", "message": "Took too LONG"}
    }));
    let queued = run(json!({"started_at": null, "state": "queued", "counts": {}}));
    let asking = run(json!({"n_asking": 1, "counts": {"waiting": 1}}));
    let retried = run(
        json!({"state": "failed", "retried_by": "run_01k9w3zq5r8v2m4x6c7d9e0f1h", "finished_at": "2026-01-31T12:00:15Z"}),
    );
    let all = [
        ("open", &open),
        ("failed", &failed),
        ("queued", &queued),
        ("asking", &asking),
        ("retried", &retried),
    ];
    let which = |query: &str| -> String {
        let fitting = all.iter().filter(|(_, run)| admits(query, run));
        fitting.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
    };
    let cases = [
        ("", "open failed queued asking retried"),
        ("state:failed", "failed retried"),
        ("state:failed -is:retried", "failed"),
        ("-state:failed,queued", "open asking"),
        ("is:late", "open"),
        ("is:late flow:etl-* label:env=pr*", "open"),
        ("label:env", "open"),
        ("-label:env state:open", "queued asking"),
        ("is:stuck", "queued"),
        ("is:asking", "asking"),
        ("is:asking,stuck", "queued asking"),
        ("dur:>1m", "open asking"),
        ("dur:<=5s", "failed retried"),
        ("wait:>1m", "queued"),
        ("since:1m", ""),
        ("since:2m until:2026-01-31T12:00:01Z state:queued", "queued"),
        ("ended-since:2m", "failed retried"),
        ("ended-until:2m", ""),
        ("error:time*", "failed"),
        ("\"too long\"", "failed"),
        ("ORDERS trigger:schedule* state:queued", "queued"),
        ("run_01k9w3 flow:etl-orders state:queued", "queued"),
        ("flow:etl", ""),
    ];
    for (query, expected) in cases {
        assert_eq!(which(query), expected, "{query}");
    }
}

/// What an index may be asked for leaves out no run that is looked for.
#[test]
fn indexes_are_asked_for_enough() {
    let told = |query: &str| {
        let query = RunQuery::read(query).expect("is right");
        let now = "2026-01-31T12:02:00Z".parse().expect("a time");
        let states = query.states().map(|states| {
            states
                .iter()
                .map(|state| state.key())
                .collect::<Vec<_>>()
                .join(",")
        });
        format!(
            "{states:?} {:?} {:?} {:?}",
            query.flow(),
            query.label(),
            query.created(now)
        )
    };
    assert_eq!(
        told("state:failed flow:a label:k=v since:1h since:2h until:2026-01-31"),
        "Some(\"failed\") Some(\"a\") Some((\"k\", \"v\")) (Some(2026-01-31T11:02:00Z), Some(2026-01-31T00:00:00Z))"
    );
    assert_eq!(
        told("flow:a*,b -flow:c label:k=v,w -label:x=y -since:1h is:retried"),
        "None None None (None, None)"
    );
    assert_eq!(
        told("is:late -state:running,ending"),
        "Some(\"queued,paused\") None None (None, None)"
    );
}

#[test]
fn patterns() {
    let like = |pattern: &str, text: &str| Pattern(pattern.to_owned()).is_like(text);
    for (pattern, text, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("a*a", "a", false),
        ("a*b*c", "axbyc", true),
        ("a*b*c", "axcyb", false),
        ("**", "", true),
        ("*ab*ab", "abxab", true),
        ("*ab*ab", "xab", false),
    ] {
        assert_eq!(like(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn words_are_completed() {
    let told = |marked: &str| {
        let caret = marked.chars().position(|char| char == '|').expect("a caret");
        let found = complete(&marked.replace('|', ""), caret, ["etl-orders", "hello"]);
        found
            .into_iter()
            .map(|one| format!("{} -> {}\n", one.word, one.query))
            .collect::<String>()
    };
    assert_eq!(told("fl| x"), "flow: -> flow: x\n");
    assert_eq!(
        told("a -state:failed,ca|"),
        "cancelled -> a -state:failed,cancelled\n"
    );
    assert_eq!(told("flow:h|"), "hello -> flow:hello\n");
    assert_eq!(told("is:late|"), "", "it is whole");
    assert_eq!(told("nothing|"), "");
    assert_eq!(told("|").lines().count(), 12);
}
