//! Where Tieline listens and records.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::Check;
use crate::{
    config::{LedgerSettings, Server, Tls},
    lenient::Field,
    problem::{Code, Problem},
    source::Span,
    wire,
};

const LISTEN: SocketAddr = SocketAddr::new(LOOPBACK, 8080);
const ADMIN: SocketAddr = SocketAddr::new(LOOPBACK, 8081);
const LOOPBACK: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const MAX_BODY_BYTES: u64 = 64 << 20;
const DRAIN: Duration = Duration::from_secs(30);
const LEDGER: &str = "tieline.db";
const MAX_WORKERS: u16 = 1024;

impl Check<'_> {
    /// The `server` section; absent keys have their defaults.
    pub(super) fn server(&mut self, field: &Field<wire::Server>) -> Server {
        let absent = wire::Server::default();
        let written = field.value.as_ref().unwrap_or(&absent);
        let listen = written.listen.value.map_or(LISTEN, |address| address.0);
        let admin = written.admin.value.map_or(Some(ADMIN), |admin| admin.0);
        if admin == Some(listen) && listen.port() != 0 {
            let at = written.admin.at.or(written.listen.at).unwrap_or_default();
            let message = format!("`listen` and `admin` are both `{listen}`");
            let problem = Problem::new(Code::InvalidValue, at, message);
            self.add(problem.with_found(listen.to_string()).with_help("use two ports"));
        }
        Server {
            listen,
            admin,
            tls: written.tls.placed().and_then(|(tls, at)| self.tls(tls, at)),
            max_body_bytes: self.max_body(&written.max_body),
            drain: written.drain.value.map_or(DRAIN, |drain| drain.0),
            workers: self.workers(&written.workers),
        }
    }

    fn tls(&mut self, written: &wire::Tls, at: Span) -> Option<Tls> {
        self.required(&written.cert, "cert", at);
        self.required(&written.key, "key", at);
        let cert = self.pem(&written.cert);
        let key = self.pem(&written.key);
        Some(Tls { cert: cert?, key: key? })
    }

    fn max_body(&mut self, field: &Field<wire::Size>) -> u64 {
        let Some((size, at)) = field.placed() else { return MAX_BODY_BYTES };
        if size.0 == 0 {
            self.add(Problem::new(Code::InvalidValue, at, "the size must be above zero"));
        }
        size.0
    }

    fn workers(&mut self, field: &Field<u16>) -> Option<usize> {
        let (workers, at) = field.placed()?;
        if !(1..=MAX_WORKERS).contains(workers) {
            let message = format!("`{workers}` is not a number from 1 to {MAX_WORKERS}");
            let problem = Problem::new(Code::InvalidValue, at, message);
            self.add(problem.with_found(workers.to_string()));
        }
        Some(usize::from(*workers))
    }

    /// The `ledger` section; absent keys have their defaults.
    pub(super) fn ledger(&mut self, field: &Field<wire::Ledger>) -> LedgerSettings {
        let absent = wire::Ledger::default();
        let written = field.value.as_ref().unwrap_or(&absent);
        let path = self.path(&written.path).unwrap_or_else(|| self.base.join(LEDGER));
        let spill = self.path(&written.spill).unwrap_or_else(|| {
            let mut spill = path.clone().into_os_string();
            spill.push(".spill");
            PathBuf::from(spill)
        });
        LedgerSettings { path, spill }
    }
}
