//! `serve --demo`: a tenant to look at, and a trickle of calls for it, so that a newcomer sees calls being routed.

use std::net::SocketAddr;

use anyhow::Context as _;
use cxroute_core::authority::Operator;

use crate::config_file::{Applier, Form, Mode};
use crate::simulate::{self, SimulateOptions};
use crate::store_url::Opened;

/// The demo tenant's configuration file.
const TENANT: &str = include_str!("demo.yaml");
/// The demo tenant's domain.
const DOMAIN: &str = "demo.cloudonix.net";
/// The demo tenant's webhook key.
const KEY: &str = "demo-key";

/// Sets the demo tenant up; what somebody changed about it is set back.
pub(crate) async fn set_up(opened: &Opened, operator: &Operator) -> anyhow::Result<()> {
    let form = Form::parse(TENANT).context("the demo tenant")?;
    let applier = Applier { store: opened.store.as_ref(), keyring: &opened.keyring, operator };
    applier.apply(&form, Mode::Commit, crate::now()).await.context("the demo tenant")?;
    Ok(())
}

/// Plays a call every few seconds against the server at `address`, for as long as it runs.
pub(crate) async fn trickle(address: SocketAddr) {
    let outcome = match options(address) {
        Ok(options) => simulate::run_until(options, std::future::pending()).await.map_err(Into::into),
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        tracing::warn!(error = format!("{error:#}"), "the demo's calls have ended");
    }
}

fn options(address: SocketAddr) -> anyhow::Result<SimulateOptions> {
    let url = format!("http://{address}").parse().map_err(anyhow::Error::msg)?;
    let mut options = SimulateOptions::new(DOMAIN, url);
    options.key = Some(KEY.to_owned().into());
    options.calls = 0;
    options.rate = "0.5".parse().map_err(anyhow::Error::msg)?;
    options.speed = "1".parse().map_err(anyhow::Error::msg)?;
    options.talk_seconds = 12.0;
    for number in ["+12125550100", "+12125550100", "+1212555####", "+442079460###"] {
        options.to.push(number.parse().map_err(anyhow::Error::msg)?);
    }
    Ok(options)
}
