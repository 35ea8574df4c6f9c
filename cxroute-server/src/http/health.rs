//! `/healthz`: the process lives. `/readyz`: it should be given calls, and if not, why.

use std::sync::Arc;

use http::{Method, StatusCode};
use warp::reject::Rejection;
use warp::reply::Response;
use warp::{Filter, path};

use super::app::App;
use super::refusal::Refusal;
use super::reply::typed;

/// `GET /healthz`.
pub(super) fn healthz() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync {
    path("healthz")
        .and(path::end())
        .and(asked_for())
        .map(|| typed(StatusCode::OK, "application/json", br#"{"status":"ok"}"#.as_slice().into()))
}

/// `GET /readyz`.
pub(super) fn readyz(
    app: &Arc<App>,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + use<> {
    let app = Arc::clone(app);
    path("readyz").and(path::end()).and(asked_for()).map(move || ready(&app))
}

fn ready(app: &App) -> Response {
    let report = app.readiness.report();
    let status = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let ready = if report.is_ready() { "ready" } else { "not_ready" };
    let body = serde_json::json!({ "status": ready, "parts": report });
    typed(status, "application/json", body.to_string().into())
}

/// GET or HEAD.
pub(super) fn asked_for() -> impl Filter<Extract = (), Error = Rejection> + Copy + Send + Sync {
    warp::method()
        .and_then(|method: Method| async move {
            match method {
                Method::GET | Method::HEAD => Ok(()),
                _ => Err(Rejection::from(Refusal::Method("GET, HEAD"))),
            }
        })
        .untuple_one()
}
