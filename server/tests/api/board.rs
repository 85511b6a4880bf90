//! Runs by queries, saved views, statistics by time, commands to many runs, what needs people.

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::Site;

const FLOWS: [&str; 3] = [
    "flow: fine\ntasks: { a: { type: noop } }\n",
    "flow: broken\ntasks: { a: { type: fail, with: { message: no } } }\n",
    "flow: asks\ntasks: { a: { type: approval, with: { title: Go? } } }\n",
];

async fn site() -> Site {
    let site = Site::start().await;
    for flow in FLOWS {
        site.save(flow).await;
    }
    site
}

async fn post(site: &Site, path: &str, body: Value) -> crate::support::Answer {
    site.send(&format!("POST {path}\ncontent-type: application/json\n\n{body}"))
        .await
}

/// How many runs a query lists and counts: the same.
async fn found(site: &Site, query: &str) -> usize {
    let q: String = url(query);
    let listed = site
        .send(&format!("GET /api/v1/runs?limit=500&q={q}"))
        .await
        .json();
    let listed = listed["items"].as_array().expect("a list").len();
    let counted = site.send(&format!("GET /api/v1/runs/count?q={q}")).await.json();
    assert_eq!(counted, json!({"n": listed, "is_whole": true}), "{query}");
    listed
}

fn url(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Waits until a command is done, by asking for it again and again: it has no other end to be told of.
async fn done(site: &Site, id: &str) -> Value {
    for _ in 0..2_000 {
        let bulk = site.send(&format!("GET /api/v1/bulks/{id}")).await.json();
        if bulk["state"] == "done" {
            return bulk;
        }
        tokio::task::yield_now().await;
    }
    panic!("it does not end");
}

#[tokio::test]
async fn every_number_is_that_of_the_rows_it_counts() {
    let site = site().await;
    for _ in 0..3 {
        site.finish("fine").await;
    }
    let broken = site.finish("broken").await;
    site.finish("broken").await;
    let asking = site.begin("asks").await;
    // Its row says that it asks as soon as that is committed.
    while found(&site, "is:asking").await == 0 {}
    let window = site.send("GET /api/v1/stats?window=24h").await.json()["window"].clone();
    let since = format!("since:{}", window["now"]["since"].as_str().expect("a time"));
    for (field, states) in [
        ("n_created", ""),
        ("n_succeeded", "state:succeeded"),
        ("n_failed", "state:failed"),
        ("n_cancelled", "state:cancelled"),
    ] {
        let listed = found(&site, &format!("{states} {since}")).await;
        assert_eq!(window["now"][field], listed, "{field}");
    }
    let of_flow = site.send("GET /api/v1/stats?window=1h&flow=broken").await.json();
    assert_eq!(of_flow["window"]["now"]["n_failed"], 2);
    assert_eq!(of_flow["runs"]["failed"], 2, "the counts of now stand beside it");
    let points = of_flow["window"]["points"].as_array().expect("points");
    let in_points: u64 = points.iter().filter_map(|point| point["n_failed"].as_u64()).sum();
    assert_eq!((points.len(), in_points), (12, 2));

    let needs = site.send("GET /api/v1/attention").await.json();
    for kind in ["failed", "stuck", "asking", "late"] {
        let listed = found(&site, needs[kind]["query"].as_str().expect("a query")).await;
        assert_eq!(needs[kind]["count"]["n"], listed, "{kind}");
    }
    assert_eq!(needs["asking"]["items"][0]["run"]["id"], asking);
    assert_eq!(needs["asking"]["items"][0]["reason"], "Go?");
    assert_eq!(needs["failed"]["count"]["n"], 2);
    post(&site, &format!("/api/v1/runs/{broken}/retry"), json!({})).await;
    while found(&site, "is:retried").await == 0 {}
    assert_eq!(found(&site, "state:failed flow:broken is:retried").await, 1);
    let views = site.send("GET /api/v1/views").await.json();
    for view in views["items"].as_array().expect("views") {
        let listed = found(&site, view["query"].as_str().expect("a query")).await;
        assert_eq!(view["count"]["n"], listed, "{view}");
    }
}

#[tokio::test]
async fn queries_that_are_none_are_told_with_their_place() {
    let site = Site::start().await;
    site.check("GET /api/v1/runs?q=flow:a%20state:lost", expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "`lost` is no state of a run; there are queued, running, paused, ending, succeeded, failed, cancelled, and open and ended for several of them (q).",
          "problems": [
            {
              "severity": "error",
              "code": "bad_query",
              "message": "`lost` is no state of a run; there are queued, running, paused, ending, succeeded, failed, cancelled, and open and ended for several of them",
              "field": "q",
              "line": 1,
              "column": 14
            }
          ]
        }
    "#]])
        .await;
    site.check("GET /api/v1/stats?window=2h", expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_query",
          "detail": "The parameters are not right: unknown variant `2h`, expected one of `1h`, `24h`, `7d`, `30d` (`window`)."
        }
    "#]]).await;
}

#[tokio::test]
async fn views_are_saved_for_everybody() {
    let mut site = Site::start().await;
    let put = |name: &str, query: &str| {
        let body = json!({"query": query});
        format!(
            "PUT /api/v1/views/{}\ncontent-type: application/json\n\n{body}",
            url(name)
        )
    };
    assert_eq!(
        site.send(&put("My failures", "state:failed flow:etl-*"))
            .await
            .status,
        204
    );
    assert_eq!(
        site.send(&put("late", "is:late")).await.status,
        422,
        "one of Pointwork's own is called so"
    );
    site.check(&put("x", "nokey:1"), expect![[r#"
        422
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "code": "invalid",
          "detail": "There is no key `nokey`; there are state, is, flow, label, dur, wait, since, until, ended-since, ended-until, trigger, error. To look for it as a text, put it in quotes (q).",
          "problems": [
            {
              "severity": "error",
              "code": "bad_query",
              "message": "there is no key `nokey`; there are state, is, flow, label, dur, wait, since, until, ended-since, ended-until, trigger, error. To look for it as a text, put it in quotes",
              "field": "q",
              "line": 1,
              "column": 1
            }
          ]
        }
    "#]]).await;
    site.restart().await;
    let views = site.send("GET /api/v1/views").await.json();
    let own: Vec<&Value> = views["items"]
        .as_array()
        .expect("views")
        .iter()
        .filter(|view| view["is_system"] == false)
        .collect();
    assert_eq!(
        own,
        [
            &json!({"name": "My failures", "query": "state:failed flow:etl-*", "is_system": false, "count": {"n": 0, "is_whole": true}})
        ]
    );
    let remove = format!("DELETE /api/v1/views/{}", url("My failures"));
    assert_eq!(site.send(&remove).await.status, 204);
    assert_eq!(site.send(&remove).await.status, 404);
}

#[tokio::test]
async fn a_command_goes_to_the_runs_that_were_looked_at() {
    let site = site().await;
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(site.begin("asks").await);
    }
    while found(&site, "is:asking").await < 40 {}
    let prepared = post(
        &site,
        "/api/v1/bulks",
        json!({"command": "cancel", "query": "is:asking flow:asks", "reason": "not today"}),
    )
    .await;
    assert_eq!(prepared.status, 201);
    let bulk = prepared.json();
    assert_eq!(
        (&bulk["n_runs"], &bulk["confirm"], &bulk["state"]),
        (&json!(40), &json!("cancel 40"), &json!("frozen"))
    );
    let id = bulk["id"].as_str().expect("an id").to_owned();
    let later = site.begin("asks").await;
    while found(&site, "is:asking").await < 41 {}

    let begin = format!("/api/v1/bulks/{id}/begin");
    assert_eq!(
        post(&site, &begin, json!({})).await.status,
        422,
        "forty runs have to be confirmed"
    );
    assert_eq!(
        post(&site, &begin, json!({"confirm": "Cancel 40"})).await.status,
        202
    );
    let bulk = done(&site, &id).await;
    assert_eq!((&bulk["n_done"], &bulk["n_refused"]), (&json!(40), &json!(0)));
    while found(&site, "state:cancelled flow:asks").await < 40 {}
    let row = site.send(&format!("GET /api/v1/runs/{later}")).await.json();
    assert_eq!(row["state"], "running", "it began after the runs were chosen");
    let first = site.send(&format!("GET /api/v1/runs/{}", held[0])).await.json();
    assert_eq!(first["cancel_reason"], "not today");
    assert_eq!(
        post(&site, &begin, json!({"confirm": "cancel 40"})).await.status,
        409,
        "it begins once"
    );

    // What cannot be done is told for each run.
    let again = post(
        &site,
        "/api/v1/bulks",
        json!({"command": "pause", "runs": [held[1], later]}),
    )
    .await
    .json();
    assert_eq!(
        again["outlook"],
        json!({"n_able": 1, "n_unchanged": 0, "unable": [{"reason": "ended", "n": 1}]}),
        "what would come of it is counted before it begins"
    );
    let id = again["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        post(&site, &format!("/api/v1/bulks/{id}/begin"), json!({}))
            .await
            .status,
        202
    );
    let bulk = done(&site, &id).await;
    assert_eq!((&bulk["n_done"], &bulk["n_refused"]), (&json!(1), &json!(1)));
    assert_eq!(
        bulk["refusals"],
        json!([{"reason": "it is finished; nothing can change it any more", "n": 1}])
    );
    let runs = site.send(&format!("GET /api/v1/bulks/{id}/runs")).await.json();
    let refused = runs["items"]
        .as_array()
        .expect("runs")
        .iter()
        .find(|run| run["is_done"] == false);
    let reason = refused.and_then(|run| run["reason"].as_str()).unwrap_or_default();
    assert!(reason.contains("finished"), "{runs}");
}

#[tokio::test]
async fn a_command_needs_runs_and_a_known_word() {
    let site = site().await;
    for body in [
        json!({"command": "explode", "query": ""}),
        json!({"command": "cancel", "query": "flow:fine"}),
        json!({"command": "cancel"}),
    ] {
        let answer = post(&site, "/api/v1/bulks", body).await;
        assert!((400..500).contains(&answer.status), "{}", answer.body);
    }
    site.check(
        "GET /api/v1/bulks/bulk_1",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_bulk",
          "detail": "There is no command bulk_1; those that are done are forgotten after a week."
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn failed_runs_are_retried_once_each() {
    let site = site().await;
    for _ in 0..3 {
        site.finish("broken").await;
    }
    let body = json!({"command": "retry", "query": "state:failed -is:retried flow:broken"});
    let id = post(&site, "/api/v1/bulks", body.clone()).await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    post(&site, &format!("/api/v1/bulks/{id}/begin"), json!({})).await;
    done(&site, &id).await;
    let runs = site.send(&format!("GET /api/v1/bulks/{id}/runs")).await.json();
    let made = runs["items"]
        .as_array()
        .expect("runs")
        .iter()
        .filter(|run| run["made"].is_string());
    assert_eq!(made.count(), 3, "{runs}");
    while found(&site, "state:failed flow:broken").await < 6 {}
    assert_eq!(found(&site, "state:failed is:retried").await, 3);
}

#[tokio::test]
async fn a_grid_shows_the_tasks_of_the_last_runs() {
    let site = Site::start().await;
    site.save("flow: two\ntasks: { a: { type: noop }, b: { type: fail, needs: [a], with: { message: no } }, c: { type: noop, needs: [b] } }\n")
        .await;
    site.finish("two").await;
    site.finish("two").await;
    let grid = site.send("GET /api/v1/flows/two/grid?from=1").await.json();
    assert_eq!(grid["n_tasks"], 3);
    assert_eq!(grid["runs"].as_array().expect("runs").len(), 2);
    assert_eq!(
        grid["tasks"],
        json!([{"id": "b", "name": "b", "states": "ff"}, {"id": "c", "name": "c", "states": "kk"}])
    );
}

#[tokio::test]
async fn what_is_due_is_told_over_all_flows() {
    let site = Site::start().await;
    site.save("flow: hourly\nname: Each hour\ntasks: { a: { type: noop } }\nschedules: { h: { cron: '0 * * * *' }, held: { cron: '30 * * * *' } }\n")
        .await;
    site.send("POST /api/v1/flows/hourly/schedules/held/pause").await;
    let agenda = site.send("GET /api/v1/agenda?ahead=5h").await.json();
    let items = agenda["items"].as_array().expect("moments");
    assert_eq!(items.len(), 5, "{agenda}");
    assert!(
        items
            .iter()
            .all(|due| due["schedule"] == "h" && due["flow"] == "hourly" && due["flow_name"] == "Each hour"),
        "{agenda}"
    );
    let far = site.send("GET /api/v1/agenda?ahead=40d").await;
    assert_eq!(far.status, 400);
}
