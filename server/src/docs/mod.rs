//! The API's description, and two pages that show it. All of it comes from this server: nothing is loaded from elsewhere.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Content, InfoBuilder, License, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::api;
use crate::problem::ProblemDetails;
use crate::state::ServerState;

/// Where the description is.
const ADDRESS: &str = "/api/v1/openapi.json";

/// What the two pages may load: their own scripts and styles, which write styles and images into the page.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src 'self' blob:; \
                      object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The groups of calls, in their order.
const TAGS: [(&str, &str); 9] = [
    ("flows", "Documents and their versions."),
    ("runs", "Starting flows, and what became of it."),
    ("tasks", "The parts of a run: input, output, logs."),
    ("schedules", "Flows that start by the clock."),
    ("queues", "What may be made at once, and how fast."),
    ("workers", "Attempts made in other processes, in any language."),
    ("streams", "What happens, as it happens."),
    ("system", "The server itself."),
    (
        "predecessors",
        "Calls and documents of earlier programs, which keep working.",
    ),
];

const REDOC: &str = include_str!("redoc.html");

/// The description of the API, as it is committed in `openapi.json`.
#[must_use]
pub fn description() -> OpenApi {
    described(api::router().into_openapi())
}

/// The description and the pages.
pub(crate) fn router(api: OpenApi) -> Router<ServerState> {
    let swagger = SwaggerUi::new("/docs")
        .url(ADDRESS, described(api))
        .config(Config::default().try_it_out_enabled(true));
    Router::new()
        .merge(swagger)
        .route("/redoc", get(|| async { Html(REDOC) }))
        .layer(middleware::from_fn(with_policy))
}

async fn with_policy(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        HeaderName::from_static("x-robots-tag"),
        HeaderValue::from_static("noindex"),
    );
    response
}

/// Adds what holds for all calls: title and licence, and the shape of errors.
fn described(mut api: OpenApi) -> OpenApi {
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    api.info = InfoBuilder::new()
        .title("Pointwork")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A self-hosted workflow engine: flows, runs, and what happens in them, live.",
        ))
        .license(Some(license))
        .build();
    api.tags = Some(
        TAGS.map(|(name, what)| TagBuilder::new().name(name).description(Some(what)).build())
            .into(),
    );
    let (name, schema) = (
        <ProblemDetails as utoipa::ToSchema>::name(),
        <ProblemDetails as utoipa::PartialSchema>::schema(),
    );
    api.components
        .get_or_insert_default()
        .schemas
        .insert(name.into_owned(), schema);
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                as_problem(response);
            }
        }
        let error = ResponseBuilder::new()
            .description("What went wrong, as a problem document.")
            .content("application/problem+json", problem());
        operation
            .responses
            .responses
            .insert("default".to_owned(), error.build().into());
    }
    api
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

fn problem() -> Content {
    Content::new(Some(Ref::from_schema_name(
        <ProblemDetails as utoipa::ToSchema>::name(),
    )))
}

/// Errors have a media type of their own.
fn as_problem(response: &mut utoipa::openapi::Response) {
    let is_problem =
        |content: &RefOr<Content>| matches!(content, RefOr::T(content) if content.schema == problem().schema);
    if response.content.get("application/json").is_some_and(is_problem) {
        response.content.clear();
        response
            .content
            .insert("application/problem+json".to_owned(), problem().into());
    }
}
