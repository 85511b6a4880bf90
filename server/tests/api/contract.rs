//! The committed description of the API is what the handlers say.

use crate::support::Site;

#[tokio::test]
async fn the_description_is_the_committed_one() {
    let mut actual = serde_json::to_string_pretty(&server::description()).expect("JSON");
    actual.push('\n');
    expect_test::expect_file!["../../openapi.json"].assert_eq(&actual);
}

#[tokio::test]
async fn it_is_served_with_its_pages() {
    let site = Site::start().await;
    let served = site.send("GET /api/v1/openapi.json").await.json();
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(served, serde_json::to_value(server::description()).expect("JSON"));
    for path in ["/docs/", "/redoc"] {
        let page = site.send(&format!("GET {path}")).await;
        assert_eq!(page.status, 200);
        assert!(
            !page.body.contains("//cdn") && !page.body.contains("https://"),
            "{path} loads from elsewhere"
        );
    }
}
