//! Flows: create, read, save, archive, history, list, validate.

use expect_test::expect;

use crate::support::Site;

const HELLO: &str = "flow: hello
name: Hello
inputs:
  name: { type: string, default: world }
tasks:
  greet: { type: transform, with: { value: \"Hello, {{ inputs.name }}!\" } }
";

#[tokio::test]
async fn a_flow_is_created_read_saved_and_archived() {
    let site = Site::start().await;
    let yaml = "content-type: application/yaml";
    site.check(&format!("POST /api/v1/flows\n{yaml}\n\n{HELLO}"), expect![[""]]).await;
    site.check(&format!("POST /api/v1/flows\n{yaml}\n\n{HELLO}"), expect![[""]]).await;
    site.check("GET /api/v1/flows/hello", expect![[""]]).await;
    site.check("GET /api/v1/flows/hello\naccept: application/yaml", expect![[""]]).await;
    let again = HELLO.replace("Hello,", "Good day,");
    site.check(&format!("PUT /api/v1/flows/hello\n{yaml}\nif-match: \"1\"\n\n{again}"), expect![[""]]).await;
    site.check(&format!("PUT /api/v1/flows/hello\n{yaml}\nif-match: 1\n\n{HELLO}"), expect![[""]]).await;
    site.check(&format!("PUT /api/v1/flows/hello\n{yaml}\nif-none-match: *\n\n{HELLO}"), expect![[""]]).await;
    site.check(&format!("PUT /api/v1/flows/hello\n{yaml}\nif-match: three\n\n{HELLO}"), expect![[""]]).await;
    site.check(&format!("PUT /api/v1/flows/other\n{yaml}\n\n{HELLO}"), expect![[""]]).await;
    site.check(&format!("PUT /api/v1/flows/hello\n{yaml}\nif-match: *\n\n{again}"), expect![[""]]).await;
    site.check("GET /api/v1/flows/hello/versions", expect![[""]]).await;
    site.check("GET /api/v1/flows/hello?version=1\naccept: text/yaml", expect![[""]]).await;
    site.check("GET /api/v1/flows/hello?version=9", expect![[""]]).await;
    site.check("DELETE /api/v1/flows/hello", expect![[""]]).await;
    site.check("GET /api/v1/flows", expect![[""]]).await;
    site.check("POST /api/v1/flows/hello/runs", expect![[""]]).await;
    site.check(&format!("PUT /api/v1/flows/hello\n{yaml}\n\n{HELLO}"), expect![[""]]).await;
    site.check("DELETE /api/v1/flows/none", expect![[""]]).await;
}

#[tokio::test]
async fn a_new_flow_can_be_put() {
    let site = Site::start().await;
    site.check(&format!("PUT /api/v1/flows/hello\ncontent-type: text/yaml\n\n{HELLO}"), expect![[""]]).await;
    let json = r#"{"flow":"json","tasks":{"a":{"type":"noop"}}}"#;
    site.check(&format!("PUT /api/v1/flows/json\ncontent-type: application/json\nif-none-match: *\n\n{json}"), expect![[""]]).await;
    site.check("GET /api/v1/flows/json\naccept: application/yaml", expect![[""]]).await;
}

#[tokio::test]
async fn flows_are_listed_in_pages() {
    let site = Site::start().await;
    for id in ["a", "b", "c-needle"] {
        site.save(&format!("flow: {id}\ntasks: {{ t: {{ type: noop }} }}")).await;
    }
    let page = site.send("GET /api/v1/flows?limit=2").await.json();
    let ids = |page: &serde_json::Value| -> Vec<String> {
        page["items"].as_array().expect("items").iter().map(|flow| flow["id"].to_string()).collect()
    };
    assert_eq!(ids(&page), ["\"a\"", "\"b\""]);
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let page = site.send(&format!("GET /api/v1/flows?limit=2&cursor={cursor}")).await.json();
    assert_eq!(ids(&page), ["\"c-needle\""]);
    assert!(page.get("next_cursor").is_none());
    assert_eq!(ids(&site.send("GET /api/v1/flows?q=needle").await.json()), ["\"c-needle\""]);
    site.check("GET /api/v1/flows?limit=0", expect![[""]]).await;
    site.check("GET /api/v1/flows?cursor=%00&limit=2", expect![[""]]).await;
    site.check("GET /api/v1/flows?serch=x", expect![[""]]).await;
}

#[tokio::test]
async fn documents_are_checked_without_being_stored() {
    let site = Site::start().await;
    let bad = "flow: x\ntasks:\n  a: { type: nop, needs: [b] }\n  b: { type: noop, needs: [a, c] }\n";
    site.check(&format!("POST /api/v1/flows/validate\ncontent-type: application/yaml\n\n{bad}"), expect![[""]]).await;
    site.check(&format!("POST /api/v1/flows/validate\ncontent-type: application/yaml\n\n{HELLO}"), expect![[""]]).await;
    site.check("GET /api/v1/flows/x", expect![[""]]).await;
}

#[tokio::test]
async fn task_types_stats_and_health() {
    let site = Site::start().await;
    let types = site.send("GET /api/v1/task-types").await.json();
    let keys: Vec<&str> = types["items"].as_array().expect("items").iter().filter_map(|item| item["key"].as_str()).collect();
    expect![[""]].assert_eq(&keys.join(" "));
    site.check("GET /api/v1/stats", expect![[""]]).await;
    site.check("GET /api/v1/stats?flow=none", expect![[""]]).await;
    site.check("GET /ready", expect![[""]]).await;
    assert_eq!(site.send("GET /health").await.json()["status"], "healthy");
    let metrics = site.send("GET /metrics").await;
    let names: Vec<&str> = metrics.body.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    expect![[""]].assert_eq(&names.join("\n"));
}
