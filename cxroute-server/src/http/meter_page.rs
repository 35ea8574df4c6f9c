//! `/metrics`: everything that is counted, in Prometheus's text format.

use std::sync::Arc;

use http::StatusCode;
use warp::reject::Rejection;
use warp::reply::Response;
use warp::{Filter, path};

use super::app::App;
use super::health::asked_for;
use super::reply::typed;

/// `GET /metrics`.
pub(super) fn metrics(
    app: &Arc<App>,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + use<> {
    let app = Arc::clone(app);
    path("metrics").and(path::end()).and(asked_for()).map(move || {
        typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", app.meters.render().into())
    })
}
