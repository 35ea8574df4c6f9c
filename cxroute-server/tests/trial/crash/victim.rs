//! The server that is killed: when, what else is wrong at that moment, and how it comes back.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::time::sleep;

use crate::dice::Dice;
use crate::process::{PATIENT, Running, assert_calm, free_address};
use crate::records::STORE;

/// A server on one address and one store, over many lives.
pub(crate) struct Victim {
    folder: PathBuf,
    address: SocketAddr,
    dice: Dice,
    server: Option<Running>,
}

impl Victim {
    pub(crate) fn start(folder: &Path, seed: u64) -> Self {
        let (folder, address) = (folder.to_owned(), free_address());
        let mut victim = Self { folder, address, dice: Dice::new(seed ^ 0xdead), server: None };
        victim.server = Some(victim.launch());
        victim
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// Lets it live for a moment, kills it, and waits until it answers again. In one life of three the store is away
    /// at the end, so that what is acknowledged waits in the spool; one start of four is killed as well.
    pub(crate) async fn kill_and_restart(&mut self, kill: usize) {
        let millis = 50 + self.dice.below(850) as u64;
        let store_is_away = self.dice.one_in(3);
        println!("kill {kill} after {millis} ms, store away: {store_is_away}");
        sleep(Duration::from_millis(millis)).await;
        let lock = match store_is_away {
            true => Some(lock(&self.folder).await),
            false => None,
        };
        if lock.is_some() {
            sleep(Duration::from_millis(100 + self.dice.below(500) as u64)).await;
        }
        self.end();
        if let Some(lock) = lock {
            lock.close().await.unwrap();
        }
        if self.dice.one_in(4) {
            let starting = self.launch_only();
            let micros = self.dice.below(60_000) as u64;
            println!("killed at its start, too, after {micros} us");
            sleep(Duration::from_micros(micros)).await;
            assert_calm(&starting.kill());
        }
        self.server = Some(self.launch());
    }

    /// Kills it.
    pub(crate) fn end(&mut self) {
        if let Some(server) = self.server.take() {
            assert_calm(&server.kill());
        }
    }

    fn launch(&self) -> Running {
        let server = self.launch_only();
        assert_eq!(server.address(), self.address);
        server
    }

    fn launch_only(&self) -> Running {
        Running::launch(&self.folder, self.address, &PATIENT)
    }
}

/// Takes the database's write lock until it is closed: to the server, the store is away.
async fn lock(folder: &Path) -> SqliteConnection {
    let options =
        SqliteConnectOptions::new().filename(folder.join(STORE)).busy_timeout(Duration::from_secs(10));
    let mut connection = options.connect().await.unwrap();
    connection.execute("BEGIN IMMEDIATE").await.unwrap();
    connection
}
