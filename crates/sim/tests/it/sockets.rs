//! Real ports.

use std::io::ErrorKind;

use tieline_sim::{FAULT_HEADER, Kind, ProviderSpec, Sim};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn ask(sim: &Sim, fault: &str) -> std::io::Result<String> {
    let address = sim.listen("p", "127.0.0.1:0".parse().unwrap()).await?;
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET /v1/models HTTP/1.1\r\nhost: p\r\nauthorization: Bearer k\r\nconnection: close\r\n\
         {FAULT_HEADER}: {fault}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn sim() -> Sim {
    Sim::new(1, vec![ProviderSpec::new("p", Kind::Openai)])
}

#[tokio::test]
async fn a_port_answers() {
    let answer = ask(&sim(), "empty").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn a_refusal_resets_the_connection() {
    let error = ask(&sim(), "refuse").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_unknown_provider_has_no_port() {
    let error = sim().listen("q", "127.0.0.1:0".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn dropping_the_last_handle_closes_ports_and_connections() {
    let sim = sim();
    let address = sim.listen("p", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A first answer shows that the connection is being served.
    stream.write_all(b"GET /v1/models HTTP/1.1\r\nhost: p\r\n\r\n").await.unwrap();
    stream.read_u8().await.unwrap();
    drop(sim.clone());
    drop(sim);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let refused = async || {
        loop {
            if let Err(error) = TcpStream::connect(address).await {
                return error.kind();
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(refused().await, ErrorKind::ConnectionRefused);
}
