//! The metrics on a port of their own, in plain HTTP: who may read them need not reach the webhook.

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Service;
use super::connections::few;
use crate::metrics::MEDIA_TYPE;

/// Answers `/metrics` for as long as the program runs.
///
/// # Errors
/// Whatever the system says of the listener.
pub async fn serve_metrics(service: Arc<Service>, listener: TcpListener) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let router = Router::new().route("/metrics", get(metrics)).with_state(service);
    few(listener)?.serve(router.into_make_service()).await
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    // Layouts are opened to tell when they end.
    let text = tokio::task::spawn_blocking(move || service.metrics().text()).await;
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], text.unwrap_or_default()).into_response()
}
