//! Making a connection: resolve, connect, TLS, each within the connect timeout.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use http::Uri;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{Io, Network};

/// How connections to a provider are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// The time that resolving, connecting and TLS may take together.
    pub connect_timeout: Duration,
    /// A PEM file of certificate authorities to trust beside the system's.
    pub extra_ca: Option<PathBuf>,
}

impl Default for Dial {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(2), extra_ca: None }
    }
}

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRule {
    /// Any: providers that the operator configured.
    Any,
    /// Public ones only: addresses that a caller's request names.
    Public,
}

/// Makes connections for the HTTP client.
#[derive(Clone)]
pub(crate) struct Connector {
    network: Network,
    tls: TlsConnector,
    timeout: Duration,
    rule: AddressRule,
}

impl Connector {
    /// A connector to any address.
    ///
    /// # Errors
    /// When the file of extra authorities cannot be read or holds no certificate.
    pub(crate) fn new(network: Network, dial: &Dial) -> io::Result<Self> {
        let config = ClientConfig::builder()
            .with_root_certificates(roots(&network, dial.extra_ca.as_ref())?)
            .with_no_client_auth();
        Ok(Self {
            network,
            tls: TlsConnector::from(Arc::new(config)),
            timeout: dial.connect_timeout,
            rule: AddressRule::Any,
        })
    }

    /// The same, for addresses that this rule allows.
    pub(crate) fn of(self, rule: AddressRule) -> Self {
        Self { rule, ..self }
    }

    /// Connects to the host of an address.
    ///
    /// # Errors
    /// Whatever stands in the way, `TimedOut` where it takes too long.
    pub(crate) async fn connect(&self, uri: &Uri) -> io::Result<Io> {
        match tokio::time::timeout(self.timeout, self.dial(uri)).await {
            Ok(done) => done,
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no connection within {} ms", self.timeout.as_millis()),
            )),
        }
    }

    async fn dial(&self, uri: &Uri) -> io::Result<Io> {
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
        let host = uri.host().ok_or_else(|| bad("the address has no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        if let Network::Memory(memory) = &self.network {
            return memory.connect(&format!("{host}:{port}")).await.map(Io::Memory);
        }
        let tcp = self.tcp(host, port).await?;
        if !https {
            return Ok(Io::Tcp(tcp));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| bad("not a TLS host name"))?;
        Ok(Io::Tls(Box::new(self.tls.connect(name, tcp).await?)))
    }

    async fn tcp(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
        // One address that swallows everything must leave time for the others.
        let share = self.timeout / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        for address in addresses {
            if self.rule == AddressRule::Public && !is_public(address) {
                last = io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the host's address is not public",
                );
                continue;
            }
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Events are small and must go out at once.
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }
}

/// The system's certificate authorities (Mozilla's where the system has none) and the extra ones.
/// Checking them takes longer than all else at a start; pipes within the process need none.
fn roots(network: &Network, extra: Option<&PathBuf>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if matches!(network, Network::Tcp) {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    if let Some(path) = extra {
        let bad = |error: String| io::Error::other(format!("{}: {error}", path.display()));
        let certificates = CertificateDer::pem_file_iter(path).map_err(|e| bad(e.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|e| bad(e.to_string()))?;
            roots.add(certificate).map_err(|e| bad(e.to_string()))?;
        }
    }
    Ok(roots)
}

/// Whether an address is on the public internet (IANA special-purpose registries).
fn is_public(address: SocketAddr) -> bool {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_broadcast()
                || ip.is_documentation()
                || ip.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(ip) => {
            // Only global unicast 2000::/3, less documentation, Teredo and 6to4 (which embed v4).
            let [first, second, ..] = ip.segments();
            first & 0xe000 == 0x2000
                && first != 0x2002
                && !(first == 0x2001 && (second == 0 || second == 0xdb8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for ip in ["8.8.8.8", "1.1.1.1", "2606:4700::1111"] {
            assert!(is_public(SocketAddr::new(ip.parse().unwrap(), 443)), "{ip}");
        }
        for ip in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "2002:7f00:1::",
            "2001:db8::1",
            "64:ff9b::7f00:1",
        ] {
            assert!(!is_public(SocketAddr::new(ip.parse().unwrap(), 443)), "{ip}");
        }
    }
}
