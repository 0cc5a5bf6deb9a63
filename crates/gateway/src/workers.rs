//! Threads: one single-threaded runtime a core, so that a request never changes cores.

use std::{io, net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};

use tieline_config::Server;
use tieline_ledger::Keys;
use tokio::{net::TcpListener, runtime::Builder, sync::oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    GatewayError, Tls, Worker,
    admin::{self, KEYS_POLL},
    drills::drills,
    gateway::Gateway,
    listen,
    probe::recover,
    release::tend_releases,
    sentinel::sentinels,
    shutdown::shutdown_dates,
    slos::slos,
};

/// The time that workers may take to end once their streams are over or cut.
const ENDING: Duration = Duration::from_secs(2);

/// A gateway that listens.
#[derive(Debug)]
pub struct Running {
    /// Where clients reach it.
    pub listen: SocketAddr,
    /// Where its operators reach it.
    pub admin: Option<SocketAddr>,
    gateway: Arc<Gateway>,
    stop: CancellationToken,
    stop_admin: CancellationToken,
    done: Vec<oneshot::Receiver<()>>,
    threads: Vec<JoinHandle<()>>,
    drain: Duration,
}

/// Starts workers and the admin listener on threads of their own. `keys` are looked up for changes
/// every second.
///
/// # Errors
/// When a listener cannot be bound, TLS cannot be set up, or the data port could be reached from
/// other machines while there are no API keys.
pub fn start(
    gateway: &Arc<Gateway>,
    server: &Server,
    keys: Option<Keys>,
) -> Result<Running, GatewayError> {
    if !server.listen.ip().is_loopback() && gateway.keys().is_empty() {
        return Err(GatewayError::Open { address: server.listen });
    }
    let tls = match &server.tls {
        Some(tls) => Some(Tls::read(&tls.cert, &tls.key)?),
        None => None,
    };
    let listener = listen::bind(server.listen)?;
    let address = |listener: &std::net::TcpListener, asked| listener.local_addr().unwrap_or(asked);
    let mut running = Running {
        listen: address(&listener, server.listen),
        admin: None,
        gateway: Arc::clone(gateway),
        stop: CancellationToken::new(),
        stop_admin: CancellationToken::new(),
        done: Vec::new(),
        threads: Vec::new(),
        drain: server.drain,
    };
    let admin = match server.admin {
        Some(asked) => {
            let listener = listen::bind(asked)?;
            running.admin = Some(address(&listener, asked));
            Some(listener)
        }
        None => None,
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for number in 0..server.workers.unwrap_or(cores).max(1) {
        let listener = listener.try_clone().map_err(GatewayError::Thread)?;
        running.spawn_worker(number, listener, tls.clone())?;
    }
    running.spawn_jobs()?;
    running.spawn_control(admin, keys)?;
    Ok(running)
}

impl Running {
    /// Stops accepting, lets open requests and streams finish within the configured time, and
    /// returns when all is over.
    pub async fn drain(self) {
        let Self { gateway, stop, stop_admin, done, threads, drain, .. } = self;
        gateway.drain();
        stop.cancel();
        let all = async {
            for done in done {
                // A worker that is gone is done.
                let _ = done.await;
            }
        };
        if tokio::time::timeout(drain, all).await.is_err() {
            tracing::warn!("open streams did not finish in time and are cut");
        }
        stop_admin.cancel();
        // Streams that are cut close their books when their worker's runtime ends, and no sooner.
        let ended = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        });
        if tokio::time::timeout(ENDING, ended).await.is_err() {
            tracing::warn!("a worker did not end; the records of its streams may be missing");
        }
    }

    fn spawn_worker(
        &mut self,
        number: usize,
        listener: std::net::TcpListener,
        tls: Option<Tls>,
    ) -> Result<(), GatewayError> {
        let worker = Worker::new(&self.gateway, self.stop.clone())?;
        let (done, over) = oneshot::channel();
        let stopped = self.stop_admin.clone();
        self.done.push(over);
        self.spawn(format!("worker-{number}"), async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => worker.accept(listener, tls).await,
                Err(error) => tracing::error!(%error, "a worker cannot listen"),
            }
            worker.connections.close();
            tokio::select! {
                () = worker.connections.wait() => {}
                () = stopped.cancelled() => {}
            }
            // Nobody waits any more where the drain has timed out.
            let _ = done.send(());
        })
    }

    /// Queued requests are run apart from those that somebody waits for.
    fn spawn_jobs(&mut self) -> Result<(), GatewayError> {
        let worker = Worker::new(&self.gateway, self.stop.clone())?;
        let (done, over) = oneshot::channel();
        let stopped = self.stop_admin.clone();
        self.done.push(over);
        self.spawn("jobs".to_owned(), async move {
            tokio::select! {
                () = worker.run_jobs() => {}
                () = stopped.cancelled() => {}
            }
            // Nobody waits any more where the drain has timed out.
            let _ = done.send(());
        })
    }

    fn spawn_control(
        &mut self,
        admin: Option<std::net::TcpListener>,
        keys: Option<Keys>,
    ) -> Result<(), GatewayError> {
        let gateway = Arc::clone(&self.gateway);
        let stop = self.stop_admin.clone();
        let prober = Worker::new(&self.gateway, stop.clone())?;
        self.spawn("control".to_owned(), async move {
            let watched = watch_keys(Arc::clone(&gateway), keys);
            let tended = tend_releases(Arc::clone(&gateway));
            let drilled = drills(Arc::clone(&gateway));
            let listening = async {
                match admin.map(TcpListener::from_std) {
                    Some(Ok(listener)) => admin::serve(gateway, listener, stop.clone()).await,
                    Some(Err(error)) => tracing::error!(%error, "the admin listener failed"),
                    None => stop.cancelled().await,
                }
            };
            tokio::select! {
                () = watched => {}
                () = listening => {}
                () = tended => {}
                () = recover(Arc::clone(&prober)) => {}
                () = sentinels(Arc::clone(&prober)) => {}
                () = slos(Arc::clone(&prober)) => {}
                () = drilled => {}
                () = shutdown_dates(prober) => {}
            }
        })
    }

    fn spawn(
        &mut self,
        name: String,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), GatewayError> {
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(GatewayError::Thread)?;
        let run = move || runtime.block_on(work);
        let spawned: io::Result<_> = std::thread::Builder::new().name(name).spawn(run);
        self.threads.push(spawned.map_err(GatewayError::Thread)?);
        Ok(())
    }
}

/// Puts changed keys in force. A database that cannot be read leaves the known keys as they are.
async fn watch_keys(gateway: Arc<Gateway>, keys: Option<Keys>) {
    let Some(keys) = keys else {
        return std::future::pending().await;
    };
    let mut ticks = tokio::time::interval(KEYS_POLL);
    loop {
        ticks.tick().await;
        match keys.changed() {
            Ok(false) => {}
            Ok(true) => match keys.snapshot() {
                Ok(ring) => gateway.set_keys(ring),
                Err(error) => tracing::warn!(%error, "cannot read the API keys"),
            },
            Err(error) => tracing::debug!(%error, "cannot look for changed API keys"),
        }
    }
}
