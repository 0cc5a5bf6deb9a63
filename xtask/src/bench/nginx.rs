//! nginx as a plain reverse proxy: the measure of what a hop has to cost.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    machine::first_line,
    plan::{Answers, Client},
    server::{Core, Server, pinned},
    stage::Provider,
};
use crate::{
    error::TaskError,
    run::works,
    workspace::{make_folder, write},
};

const HINT: &str = "apt-get install -y nginx-light";
const NAME: &str = "nginx";
/// How long it may take to open its ports.
const OPENING: Duration = Duration::from_secs(5);

/// Says how to get nginx if it is not there.
pub(super) fn find() -> Result<(), TaskError> {
    let there = works(Command::new(NAME).arg("-v"));
    if there { Ok(()) } else { Err(TaskError::NoProgram { program: NAME, hint: HINT }) }
}

/// What it says of itself.
pub(super) fn version() -> String {
    first_line(Command::new(NAME).arg("-v"))
}

/// A running nginx.
pub(super) struct Nginx {
    pub(super) server: Server,
    /// Where it listens for each kind of answers.
    addresses: Vec<(Answers, String)>,
}

impl Nginx {
    /// Starts it in front of the providers, one port for each kind of answers.
    pub(super) fn start(folder: &Path, providers: &[Provider]) -> Result<Self, TaskError> {
        let folder = folder.join(NAME);
        make_folder(&folder)?;
        let mut addresses = Vec::new();
        for answers in [Answers::Whole, Answers::Streams, Answers::OpenStreams] {
            addresses.push((answers, free_address()?));
        }
        write(&folder.join("nginx.conf"), configuration(&addresses, providers))?;
        let mut command = pinned(Core::Candidate, NAME.as_ref());
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        let server = Server::start(NAME, command)?;
        for (_, address) in &addresses {
            opened(address)?;
        }
        Ok(Self { server, addresses })
    }

    pub(super) fn address(&self, answers: Answers) -> &str {
        let found = self.addresses.iter().find(|(kind, _)| *kind == answers);
        found.map_or("", |(_, address)| address)
    }
}

/// An address that nothing listens on; nginx does not tell a port that it chose itself.
fn free_address() -> Result<String, TaskError> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address.map(|address| address.to_string()).map_err(|source| TaskError::Port { source })
}

fn opened(address: &str) -> Result<(), TaskError> {
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        if start.elapsed() > OPENING {
            return Err(TaskError::Closed { program: NAME, address: address.to_owned() });
        }
        std::thread::yield_now();
    }
    Ok(())
}

fn configuration(addresses: &[(Answers, String)], providers: &[Provider]) -> String {
    let upstreams: String = providers.iter().map(upstream).collect();
    let servers: String =
        addresses.iter().map(|(answers, address)| server(*answers, address, providers)).collect();
    format!(
        "daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  tcp_nodelay on;
  keepalive_timeout 600s;
  keepalive_requests 100000000;
  client_body_buffer_size 256k;
  client_max_body_size 64m;
  client_body_temp_path temp;
  proxy_temp_path temp;
  fastcgi_temp_path temp;
  uwsgi_temp_path temp;
  scgi_temp_path temp;
  proxy_http_version 1.1;
  proxy_set_header Connection \"\";
  proxy_read_timeout 600s;
{upstreams}{servers}}}
"
    )
}

fn upstream(provider: &Provider) -> String {
    format!(
        "  upstream {} {{ server {}; keepalive 512; keepalive_requests 100000000; }}\n",
        provider.name(),
        provider.address
    )
}

fn server(answers: Answers, address: &str, providers: &[Provider]) -> String {
    let buffering = if answers == Answers::Whole { "on" } else { "off" };
    let location = |client: Client| {
        let name = providers
            .iter()
            .find(|provider| provider.answers == answers && provider.speaks == client)
            .map(Provider::name)?;
        Some(format!("    location {} {{ proxy_pass http://{name}; }}\n", client.path()))
    };
    let locations: String =
        [Client::Chat, Client::Messages].into_iter().filter_map(location).collect();
    format!(
        "  server {{\n    listen {address};\n    proxy_buffering {buffering};\n{locations}  }}\n"
    )
}
