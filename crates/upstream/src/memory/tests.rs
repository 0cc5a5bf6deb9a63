//! Faults of the way to a host, as whoever sends over it meets them.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tieline_types::{Class, Fault, Phase, Replay, Scope};
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::{Dial, Network, Parts, connect::Connector, pool::Pool};

const HOST: &str = "provider.test:443";
/// How long the host thinks before it answers.
const THOUGHT: Duration = Duration::from_secs(1);

/// A host that answers, and a pool of connections to it.
fn house() -> (MemoryNetwork, Pool) {
    let network = MemoryNetwork::default();
    let mut arrivals = network.listen(HOST);
    tokio::spawn(async move {
        while let Some(io) = arrivals.recv().await {
            let service = service_fn(|request: Request<Incoming>| async {
                request.into_body().collect().await?;
                sleep(THOUGHT).await;
                Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from_static(b"well"))))
            });
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(io), service));
        }
    });
    let dial = Dial::default();
    let connector = Connector::new(Network::Memory(network.clone()), &dial).unwrap();
    (network, Pool::new(connector, true))
}

async fn ask(pool: &Pool) -> Result<Bytes, Fault> {
    let request = Request::post(format!("https://{HOST}/v1")).body(Parts::from([])).unwrap();
    let answer = pool.send(request).await?;
    crate::collect(answer.into_body(), 1024).await
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_the_way_is_told_as_a_network_tells_it() {
    let never_left = (Replay::NotSent, Phase::Connect);
    for (fault, words, (replay, phase), took) in [
        (LineFault::NoAddress, "failed to look up", never_left, Duration::ZERO),
        (LineFault::Refused, "connection refused", never_left, Duration::ZERO),
        (LineFault::BlackHole, "within 2000 ms", never_left, Duration::from_secs(2)),
        (LineFault::BadCertificate, "invalid peer certificate", never_left, Duration::ZERO),
        (
            LineFault::Reset,
            "connection reset",
            (Replay::MaybeExecuted, Phase::Headers),
            Duration::ZERO,
        ),
    ] {
        let (network, pool) = house();
        network.strike(HOST, Some(fault));
        let begun = Instant::now();
        let failed = ask(&pool).await.unwrap_err();
        let near = begun.elapsed().saturating_sub(took) < Duration::from_millis(5);
        assert!(near && begun.elapsed() >= took, "{fault:?}: {:?}", begun.elapsed());
        assert_eq!((failed.class, failed.scope), (Class::Transport, Scope::Provider), "{fault:?}");
        assert_eq!((failed.replay, failed.phase), (replay, phase), "{fault:?}");
        assert!(failed.message.contains(words), "{fault:?}: {failed}");

        network.strike(HOST, None);
        assert_eq!(ask(&pool).await.unwrap(), "well", "{fault:?} is over");
    }
}

#[tokio::test(start_paused = true)]
async fn open_connections_feel_what_real_ones_feel() {
    for (fault, fails) in [
        (LineFault::NoAddress, false),
        (LineFault::Refused, false),
        (LineFault::BadCertificate, false),
        (LineFault::Reset, true),
    ] {
        let (network, pool) = house();
        let half = THOUGHT / 2;
        let under_way = tokio::spawn({
            let pool = pool.clone();
            async move { ask(&pool).await }
        });
        sleep(half).await;
        network.strike(HOST, Some(fault));
        assert_eq!(under_way.await.unwrap().is_err(), fails, "{fault:?}: under way");
        assert_eq!(ask(&pool).await.is_err(), fails, "{fault:?}: a kept connection");
    }
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_holds_bytes_back_until_it_is_over() {
    let (network, pool) = house();
    assert_eq!(ask(&pool).await.unwrap(), "well");
    network.strike(HOST, Some(LineFault::BlackHole));
    let kept = ask(&pool);
    tokio::pin!(kept);
    assert!(timeout(Duration::from_secs(600), kept.as_mut()).await.is_err());
    network.strike(HOST, None);
    assert_eq!(timeout(THOUGHT * 2, kept).await.unwrap().unwrap(), "well");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_at_a_black_hole_connects_when_it_is_over() {
    let (network, _pool) = house();
    network.strike(HOST, Some(LineFault::BlackHole));
    let waiting = tokio::spawn({
        let network = network.clone();
        async move { network.connect(HOST).await.map(drop) }
    });
    sleep(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished());
    network.strike(HOST, None);
    assert!(waiting.await.unwrap().is_ok());
    let unknown = network.connect("nobody.test:443").await.unwrap_err();
    assert_eq!(unknown.kind(), io::ErrorKind::ConnectionRefused);
}
