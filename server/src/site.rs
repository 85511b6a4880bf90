//! The web app's door: the files of the built site, and the pages.
//!
//! A release binary carries the site inside; a debug build reads `target/site` at each request, so a
//! changed style is one reload away. Without a built site the pages are served bare.

use any_spawner::Executor;
use app::shell::{SiteAssets, shell};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use flow::payload::hex;
use leptos::prelude::provide_context;
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::io::Read;

/// The largest files are taken along only as they are sent, compressed. Whoever cannot read that gets them decompressed.
#[derive(RustEmbed)]
#[folder = "../target/site"]
#[exclude = "pkg/*.css"]
#[exclude = "pkg/*.js"]
#[exclude = "pkg/*.wasm"]
#[exclude = "vendor/*.js"]
struct Site;

/// Names under `pkg/` carry a hash of the content: what is there never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Everything else keeps its name when it changes, so it is kept for a while and then asked after.
const AN_HOUR: &str = "public, max-age=3600";

/// Files and pages, for every address that no other route has. `provide` puts into the context of each page
/// what the app asks the server for.
pub(crate) fn router<S>(provide: impl Fn() + Clone + Send + Sync + 'static) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    // Leptos spawns on whichever runtime it is told of. A second router of the same process tells it again,
    // which is an error without consequence.
    let _ = Executor::init_tokio();
    let page = leptos_axum::render_app_async_with_context(
        move || {
            if let Some(assets) = assets() {
                provide_context(assets);
            }
            provide();
        },
        shell,
    );
    Router::new().fallback(get(move |request: Request| {
        let file = file(request.uri().path(), request.headers(), stored);
        async move {
            match file {
                Some(response) => response,
                None => page(request).await,
            }
        }
    }))
}

/// The names of the hashed files, if the site was built.
pub(crate) fn assets() -> Option<SiteAssets> {
    serde_json::from_slice(&Site::get("manifest.json")?.data).ok()
}

/// A file of the site, with a tag that changes with its content.
struct Stored {
    data: Cow<'static, [u8]>,
    tag: String,
}

fn stored(name: &str) -> Option<Stored> {
    let file = Site::get(name)?;
    let tag = hex(&file.metadata.sha256_hash()[..8]);
    Some(Stored { data: file.data, tag })
}

/// The answer to a request for a file. `None` if the address is no file's, so that it may be a page's.
fn file(path: &str, headers: &HeaderMap, stored: impl Fn(&str) -> Option<Stored>) -> Option<Response> {
    let name = path.strip_prefix('/')?;
    // The debug build looks on disk: nothing hidden, and nothing outside of the site's folder.
    if name
        .split('/')
        .any(|part| part.is_empty() || part.starts_with('.'))
    {
        return None;
    }
    let encoded = [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(coding, _)| accepts(headers, coding))
        .find_map(|(coding, ending)| Some((Some(coding), stored(&format!("{name}.{ending}"))?)));
    let plain = || Some((None, stored(name).or_else(|| decompressed(name, &stored))?));
    let Some((coding, Stored { data, tag })) = encoded.or_else(plain) else {
        // A page left open over an update may ask for parts that are gone; it must not get a page for them.
        return name
            .starts_with("pkg/")
            .then(|| StatusCode::NOT_FOUND.into_response());
    };

    let tag = format!("\"{tag}\"");
    let mut response = Response::builder()
        .header(
            header::CACHE_CONTROL,
            if name.starts_with("pkg/") {
                FOR_EVER
            } else {
                AN_HOUR
            },
        )
        .header(header::ETAG, &tag)
        .header(header::VARY, "accept-encoding")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if has_already(headers, &tag) {
        return response.status(StatusCode::NOT_MODIFIED).body(Body::empty()).ok();
    }
    if let Some(coding) = coding {
        response = response.header(header::CONTENT_ENCODING, coding);
    }
    response
        .header(header::CONTENT_TYPE, content_type(name))
        .body(Body::from(data))
        .ok()
}

/// The file, if it is there only compressed.
fn decompressed(name: &str, stored: impl Fn(&str) -> Option<Stored>) -> Option<Stored> {
    let Stored { data, tag } = stored(&format!("{name}.gz"))?;
    let mut plain = Vec::new();
    GzDecoder::new(&*data).read_to_end(&mut plain).ok()?;
    Some(Stored {
        data: plain.into(),
        // Another content than the compressed one has.
        tag: format!("{tag}-plain"),
    })
}

/// Does the request accept this coding by name? A weight of zero means that it does not.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    list(headers, header::ACCEPT_ENCODING).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight
            .trim()
            .strip_prefix("q=")
            .map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case(coding) && weight.is_ok_and(|weight| weight > 0.0)
    })
}

/// Does the client hold the content that this tag stands for?
fn has_already(headers: &HeaderMap, tag: &str) -> bool {
    list(headers, header::IF_NONE_MATCH)
        .any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}

/// The items of a header that is a list separated by commas.
fn list(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(str::trim)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;
    use expect_test::{Expect, expect};
    use std::io::Write;

    /// A site of three files, the first with both encodings, the last only compressed; the content of each is its name.
    fn small_site(name: &str) -> Option<Stored> {
        if name == "pkg/app-2.css.gz" {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder
                .write_all(b"pkg/app-2.css")
                .expect("memory can be written");
            return Some(Stored {
                data: encoder.finish().expect("memory can be written").into(),
                tag: format!("tag of {name}"),
            });
        }
        [
            "pkg/app-1.js",
            "pkg/app-1.js.br",
            "pkg/app-1.js.gz",
            "logo.svg",
            ".stamp",
        ]
        .contains(&name)
        .then(|| Stored {
            data: name.as_bytes().to_vec().into(),
            tag: format!("tag of {name}"),
        })
    }

    /// `request` is a path and headers, one a line.
    async fn check(request: &str, expected: Expect) {
        let mut lines = request.lines().map(str::trim);
        let path = lines.next().unwrap_or_default();
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name: HeaderName = name.parse().expect("a header's name");
            headers.append(name, value.parse().expect("a header's value"));
        }
        let actual = match file(path, &headers, small_site) {
            None => "a page\n".to_owned(),
            Some(response) => {
                let (parts, body) = response.into_parts();
                let head: String = parts
                    .headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or("?")))
                    .collect();
                let body = axum::body::to_bytes(body, 1000).await.expect("a small body");
                format!("{}\n{head}{}\n", parts.status, String::from_utf8_lossy(&body))
            }
        };
        expected.assert_eq(&actual);
    }

    #[tokio::test]
    async fn the_smallest_accepted_encoding_is_sent() {
        check(
            "/pkg/app-1.js\naccept-encoding: gzip, deflate, br;q=0.5",
            expect![[r#"
                200 OK
                cache-control: public, max-age=31536000, immutable
                etag: "tag of pkg/app-1.js.br"
                vary: accept-encoding
                x-content-type-options: nosniff
                content-encoding: br
                content-type: text/javascript; charset=utf-8
                pkg/app-1.js.br
            "#]],
        )
        .await;
        check(
            "/pkg/app-1.js\naccept-encoding: gzip\naccept-encoding: br;q=0",
            expect![[r#"
                200 OK
                cache-control: public, max-age=31536000, immutable
                etag: "tag of pkg/app-1.js.gz"
                vary: accept-encoding
                x-content-type-options: nosniff
                content-encoding: gzip
                content-type: text/javascript; charset=utf-8
                pkg/app-1.js.gz
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn a_file_without_encodings_is_sent_as_it_is() {
        check(
            "/logo.svg\naccept-encoding: br",
            expect![[r#"
                200 OK
                cache-control: public, max-age=3600
                etag: "tag of logo.svg"
                vary: accept-encoding
                x-content-type-options: nosniff
                content-type: image/svg+xml
                logo.svg
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn what_is_there_only_compressed_is_decompressed_for_those_who_want_that() {
        check(
            "/pkg/app-2.css\naccept-encoding: br",
            expect![[r#"
            200 OK
            cache-control: public, max-age=31536000, immutable
            etag: "tag of pkg/app-2.css.gz-plain"
            vary: accept-encoding
            x-content-type-options: nosniff
            content-type: text/css; charset=utf-8
            pkg/app-2.css
        "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn what_the_client_has_is_not_sent_again() {
        check(
            "/logo.svg\nif-none-match: \"other\", W/\"tag of logo.svg\"",
            expect![[r#"
                304 Not Modified
                cache-control: public, max-age=3600
                etag: "tag of logo.svg"
                vary: accept-encoding
                x-content-type-options: nosniff

            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn a_missing_part_is_no_page_and_hidden_files_are_not_there() {
        check("/pkg/app-0.js", expect!["404 Not Found\n\n"]).await;
        for path in [
            "/",
            "/runs/1",
            "/.stamp",
            "//logo.svg",
            "/../logo.svg",
            "/./logo.svg",
        ] {
            check(path, expect!["a page\n"]).await;
        }
    }
}
