//! A tenant's state: loaded when this server comes late, built anew from the store when Redis has lost it, written now and
//! then.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cxroute_core::port::LiveError;
use cxroute_core::strategy::PlaneImage;
use tokio::time::Instant;

use super::{RESTORING, Tenant, away, way};
use crate::copy::Copy;
use crate::script::{Desk, Founded, Loaded, Replace};
use crate::wire::VERSION;

/// Loading the state of a busy tenant may take this long; its calls do not wait for it longer than they said.
const LOADING: Duration = Duration::from_secs(2);

impl Tenant {
    pub(super) async fn have_copy(&mut self) -> Result<(), LiveError> {
        match self.copy {
            Some(_) => Ok(()),
            None => self.load().await,
        }
    }

    /// Loads the state that there is.
    pub(super) async fn load(&mut self) -> Result<(), LiveError> {
        self.copy = None;
        let desk = Desk { patience: LOADING, ..way(&self.link, &self.keys, &self.options) };
        match desk.load(VERSION).await {
            Ok(Loaded::State { now, epoch, number, id, state }) => {
                self.clock = Some((Instant::now(), now));
                match Copy::read(epoch, number, id, &state) {
                    Ok(copy) => self.copy = Some(copy),
                    Err(why) => {
                        tracing::error!(keys = %self.keys.snapshot(), %why, "the state cannot be read");
                        return Err(LiveError::Lost);
                    }
                }
                Ok(())
            }
            Ok(Loaded::Lost) => Err(LiveError::Lost),
            Ok(Loaded::Newer(version)) => Err(away(&newer(&version))),
            Err(trouble) => Err(self.fails(&trouble)),
        }
    }

    /// Builds the plane from the store's image: if there is none, or if the one there is missed something.
    pub(super) async fn restore(&mut self, image: PlaneImage) -> Result<(), LiveError> {
        let replace = match self.is_to_be_founded() {
            true => Replace::Yes,
            false => Replace::No,
        };
        if replace == Replace::No && self.copy.is_some() && self.append(Vec::new()).await.is_ok() {
            return Ok(());
        }
        let epoch = format!("{:016x}", getrandom::u64().map_err(|error| away(&error.to_string()))?);
        let (state, mut fresh) = Copy::founding(epoch, image);
        let desk = Desk { patience: RESTORING, ..way(&self.link, &self.keys, &self.options) };
        let version = VERSION;
        match desk.found(&fresh.epoch, replace, version, &state).await {
            Ok(Founded::Yes { now, number }) => {
                tracing::info!(keys = %self.keys.plane(), epoch = %fresh.epoch, "the execution plane was built from the store");
                self.clock = Some((Instant::now(), now));
                fresh.number = number;
                self.copy = Some(fresh);
                if replace == Replace::Yes {
                    self.replaced = Some(Instant::now());
                }
            }
            Ok(Founded::There) => self.copy = None,
            Ok(Founded::Newer(version)) => return Err(away(&newer(&version))),
            Err(trouble) => return Err(self.fails(&trouble)),
        }
        self.standing.missed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Writes the state as it is now, in the background.
    pub(super) fn shorten(&self) {
        let Some(copy) = &self.copy else { return };
        if self.shortening.swap(true, Ordering::Relaxed) {
            return;
        }
        let (link, keys, options) = (Arc::clone(&self.link), Arc::clone(&self.keys), self.options);
        let (copy, shortening) = (copy.clone(), Arc::clone(&self.shortening));
        tokio::spawn(async move {
            let encoded = tokio::task::spawn_blocking(move || (copy.state(), copy)).await;
            if let Ok((state, copy)) = encoded {
                let desk = Desk { patience: RESTORING, ..way(&link, &keys, &options) };
                let writer = format!("{}-{}", copy.epoch, copy.number);
                let done = desk.shorten(&writer, &copy.epoch, copy.number, &copy.id, &state).await;
                if let Err(trouble) = done {
                    tracing::warn!(keys = %keys.snapshot(), ?trouble, "a state could not be written");
                }
            }
            shortening.store(false, Ordering::Relaxed);
        });
    }
}

fn newer(version: &str) -> String {
    format!("the plane in Redis is of version {version}, this server's is {}", VERSION)
}
