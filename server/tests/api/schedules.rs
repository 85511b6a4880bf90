//! Schedules over REST.

use expect_test::expect;

use crate::support::Site;

const NIGHTLY: &str = "
flow: nightly
inputs: { day: { type: date } }
tasks: { a: { type: noop } }
schedules:
  night: { cron: '30 2 * * *', timezone: Europe/Berlin, inputs: { day: '{{ trigger.at[:10] }}' } }
";

#[tokio::test]
async fn schedules_are_listed_held_and_filled() {
    let site = Site::start().await;
    site.save(NIGHTLY).await;
    let listed = async || {
        let list = site.send("GET /api/v1/schedules?flow=nightly").await.json();
        let night = &list["items"][0];
        let has_next = night["next"]["local"]
            .as_str()
            .is_some_and(|at| at.contains("T02:30:00+0"));
        format!(
            "{} {} {} {has_next}",
            night["name"], night["cron"], night["is_paused"]
        )
    };
    assert_eq!(listed().await, "\"night\" \"30 2 * * *\" false true");
    let hold = site
        .send("POST /api/v1/flows/nightly/schedules/night/pause\ncontent-type: application/json\n\n{\"reason\":\"stocktaking\"}")
        .await;
    assert_eq!(hold.status, 204);
    assert_eq!(listed().await, "\"night\" \"30 2 * * *\" true false");
    let list = site.send("GET /api/v1/schedules?flow=nightly").await.json();
    assert_eq!(list["items"][0]["pause_reason"], "stocktaking");
    let go_on = site
        .send("POST /api/v1/flows/nightly/schedules/night/resume")
        .await;
    assert_eq!(go_on.status, 204);
    let list = site.send("GET /api/v1/schedules?flow=nightly").await.json();
    assert!(
        list["items"][0].get("pause_reason").is_none(),
        "it is held no more"
    );
    let next = site
        .send("GET /api/v1/flows/nightly/schedules/night?limit=3")
        .await
        .json();
    assert_eq!(next["items"].as_array().expect("a list").len(), 3);
    let backfill = |dry: bool| {
        format!(
            "POST /api/v1/flows/nightly/schedules/night/backfill\ncontent-type: application/json\n\n{{\"from\":\"2026-10-24T00:30:00Z\",\"until\":\"2026-10-26T12:00:00Z\",\"dry_run\":{dry}}}"
        )
    };
    site.check(
        &backfill(true),
        expect![[r#"
        200
        content-type: application/json
        {
          "items": [
            {
              "at": "TIME",
              "local": "2026-10-24T02:30:00+02:00"
            },
            {
              "at": "TIME",
              "local": "2026-10-25T02:30:00+02:00",
              "oddity": "first"
            },
            {
              "at": "TIME",
              "local": "2026-10-26T02:30:00+01:00"
            }
          ]
        }
    "#]],
    )
    .await;
    site.check(
        &backfill(false),
        expect![[r#"
        200
        content-type: application/json
        {
          "items": [
            {
              "at": "TIME",
              "local": "2026-10-24T02:30:00+02:00",
              "run": "run_1"
            },
            {
              "at": "TIME",
              "local": "2026-10-25T02:30:00+02:00",
              "oddity": "first",
              "run": "run_2"
            },
            {
              "at": "TIME",
              "local": "2026-10-26T02:30:00+01:00",
              "run": "run_3"
            }
          ]
        }
    "#]],
    )
    .await;
    let runs = site.send("GET /api/v1/runs?flow=nightly").await.json();
    let triggers: Vec<&str> = runs["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|run| run["trigger"].as_str())
        .collect();
    assert_eq!(triggers, ["schedule night"; 3]);
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_told() {
    let site = Site::start().await;
    let json = "content-type: application/json";
    for (request, expected) in [
        (
            format!("POST /api/v1/schedules/preview?limit=1\n{json}\n\n{{\"cron\":\"0 0 31 2 *\"}}"),
            expect![[r#"
                422
                content-type: application/problem+json
                {
                  "type": "about:blank",
                  "title": "Unprocessable Entity",
                  "status": 422,
                  "code": "invalid",
                  "detail": "`0 0 31 2 *` is never due.",
                  "problems": [
                    {
                      "severity": "error",
                      "code": "bad_schedule",
                      "message": "`0 0 31 2 *` is never due"
                    }
                  ]
                }
            "#]],
        ),
        (
            "POST /api/v1/flows/validate\ncontent-type: application/yaml\n\nflow: a\ntasks: { b: { type: noop } }\nschedules:\n  c: { cron: '0 25 * * *' }\n  d: { cron: '@daily', timezone: Mars/North }\n".to_owned(),
            expect![[r#"
                200
                content-type: application/json
                {
                  "valid": false,
                  "problems": [
                    {
                      "severity": "error",
                      "code": "bad_schedule",
                      "message": "`0 25 * * *` is no cron pattern: Component error: Number out of bounds.",
                      "field": "schedules.c.cron",
                      "line": 4,
                      "column": 14
                    },
                    {
                      "severity": "error",
                      "code": "bad_schedule",
                      "message": "there is no time zone `Mars/North`; write it like Europe/Berlin or UTC",
                      "field": "schedules.d.timezone",
                      "line": 5,
                      "column": 34
                    }
                  ]
                }
            "#]],
        ),
        ("GET /api/v1/flows/nightly/schedules/night".to_owned(), expect![[r#"
            404
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Not Found",
              "status": 404,
              "code": "unknown_schedule",
              "detail": "Flow nightly has no schedule night."
            }
        "#]]),
        ("GET /api/v1/schedules?flow=nightly".to_owned(), expect![[r#"
            404
            content-type: application/problem+json
            {
              "type": "about:blank",
              "title": "Not Found",
              "status": 404,
              "code": "unknown_flow",
              "detail": "There is no flow nightly."
            }
        "#]]),
    ] {
        site.check(&request, expected).await;
    }
}

#[tokio::test]
async fn a_schedule_is_made_to_start_a_run_now() {
    let site = Site::start().await;
    site.save(NIGHTLY).await;
    site.send("POST /api/v1/flows/nightly/schedules/night/pause")
        .await;
    let started = site.send("POST /api/v1/flows/nightly/schedules/night/run").await;
    assert_eq!(started.status, 202);
    let run = started.json()["run_id"].as_str().expect("an id").to_owned();
    let run = site.send(&format!("GET /api/v1/runs/{run}")).await.json();
    let today = run["created_at"].as_str().expect("a time")[..10].to_owned();
    assert_eq!(run["inputs"]["day"], *today, "as if it were due now");
    assert_eq!(run["trigger"], "schedule night, by hand");
    let list = site.send("GET /api/v1/schedules?flow=nightly").await.json();
    assert_eq!(list["items"][0]["is_paused"], true);
    assert_eq!(list["items"][0].get("last_run"), None, "it was not due");
    site.check(
        "POST /api/v1/flows/nightly/schedules/day/run",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_schedule",
          "detail": "Flow nightly has no schedule day."
        }
    "#]],
    )
    .await;

    let days = site.send("GET /api/v1/stats/days?flow=nightly").await.json();
    let days = days["items"].as_array().expect("a list").clone();
    let midnight = format!("{today}T00:00:00Z");
    let counted = days.iter().find(|day| day["at"] == *midnight);
    assert_eq!(counted.map(|day| &day["n_created"]), Some(&1.into()));
    assert!((50..=56).contains(&days.len()), "{} days", days.len());
    site.check(
        "GET /api/v1/stats/days?flow=none",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_flow",
          "detail": "There is no flow none."
        }
    "#]],
    )
    .await;
}
