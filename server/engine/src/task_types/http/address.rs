//! Which addresses may be spoken to, and a client that speaks to no others.
//!
//! A name is resolved here, every address it has is checked, and the connection is made to those very addresses: a name
//! that resolves differently a moment later changes nothing. Addresses written into a URL are checked before the request.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flow::run::event::TaskError;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::RootCertStore;

use super::{HttpOptions, input_error};

/// Beyond this a server is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A response that pauses longer has been forgotten. How long all may take is the task's `timeout` to say.
const READ_TIMEOUT: Duration = Duration::from_secs(300);

/// An address that is not spoken to.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} is {what}; requests to it are refused", .host.as_ref().map_or_else(|| address.to_string(), |host| format!("{host} ({address})")))]
pub(super) struct Refused {
    /// The name that led there.
    host: Option<String>,
    address: IpAddr,
    what: &'static str,
}

/// A name that has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name `{host}` cannot be resolved: {error}")]
pub(super) struct Unresolved {
    host: String,
    error: std::io::Error,
}

/// Makes requests to permitted addresses. Made when it is first needed: reading the system's certificates takes a moment.
pub(crate) struct Client {
    options: HttpOptions,
    client: OnceLock<Result<reqwest::Client, String>>,
}

impl Client {
    pub(crate) fn new(options: HttpOptions) -> Self {
        Self {
            options,
            client: OnceLock::new(),
        }
    }

    pub(crate) fn get(&self) -> Result<&reqwest::Client, TaskError> {
        let made = self.client.get_or_init(|| make(&self.options));
        made.as_ref()
            .map_err(|error| TaskError::new("tls", format!("no HTTP client could be made: {error}")))
    }

    /// Checks what can be checked before a name is resolved: the scheme, and an address in place of a name.
    pub(crate) fn check(&self, url: &Url) -> Result<(), TaskError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(input_error(format!(
                "`{}:` is not spoken; write http:// or https://",
                url.scheme()
            )));
        }
        let Some(host) = url.host_str() else {
            return Err(input_error("the URL has no host"));
        };
        let literal = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        if let Ok(address) = literal {
            check(None, address, &self.options).map_err(|refused| refused.task_error())?;
        }
        Ok(())
    }
}

impl Refused {
    pub(super) fn task_error(&self) -> TaskError {
        TaskError::new("refused_address", self.to_string()).permanent()
    }
}

fn make(options: &HttpOptions) -> Result<reqwest::Client, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        // A container without certificates of its own.
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Resolver {
            options: options.clone(),
        })
        // A proxy would connect to addresses nobody checked.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .user_agent(concat!("pointwork/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| error.to_string())
}

/// The addresses of a host, each of them one that may be spoken to.
///
/// # Errors
/// Of kind `refused_address`, for good, if one may not; `connect` if the name cannot be resolved.
pub(crate) async fn permitted(
    host: &str,
    port: u16,
    options: &HttpOptions,
) -> Result<Vec<SocketAddr>, TaskError> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| {
        let host = host.to_owned();
        TaskError::new("connect", Unresolved { host, error }.to_string())
    })?;
    let addresses: Vec<SocketAddr> = found.collect();
    let name = host.parse::<IpAddr>().is_err().then_some(host);
    for address in &addresses {
        check(name, address.ip(), options).map_err(|refused| refused.task_error())?;
    }
    Ok(addresses)
}

#[derive(Clone)]
struct Resolver {
    options: HttpOptions,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let options = self.options.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0))
                .await
                .map_err(|error| Unresolved {
                    host: host.clone(),
                    error,
                })?;
            let addresses: Vec<SocketAddr> = found.collect();
            // One bad address among good ones is how a check is got around.
            for address in &addresses {
                check(Some(&host), address.ip(), &options)?;
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn check(host: Option<&str>, address: IpAddr, options: &HttpOptions) -> Result<(), Refused> {
    match refusal(address, options.deny_private) {
        Some(what) => Err(Refused {
            host: host.map(str::to_owned),
            address,
            what,
        }),
        None => Ok(()),
    }
}

/// What an address is, if it is not spoken to.
pub(super) fn refusal(address: IpAddr, deny_private: bool) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => refusal_v4(v4, deny_private),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => refusal_v4(v4, deny_private),
            None => refusal_v6(v6, deny_private),
        },
    }
}

fn refusal_v4(address: Ipv4Addr, deny_private: bool) -> Option<&'static str> {
    let octets = address.octets();
    match octets {
        [0, ..] => Some("an unspecified address"),
        [169, 254, ..] => Some("a link-local address"),
        [224..=239, ..] => Some("a multicast address"),
        [240..=255, ..] => Some("a broadcast or reserved address"),
        // Alibaba's and Oracle's; the others' are link-local.
        [100, 100, 100, 200] | [192, 0, 0, 192] => Some("a cloud metadata service"),
        _ if !deny_private => None,
        [127, ..] => Some("this machine"),
        [10, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [100, 64..=127, ..]
        | [192, 0, 0, _]
        | [198, 18..=19, ..] => Some("in a private network"),
        _ => None,
    }
}

fn refusal_v6(address: Ipv6Addr, deny_private: bool) -> Option<&'static str> {
    const AWS_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    const GOOGLE_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);
    let first = address.segments()[0];
    if address.is_unspecified() {
        Some("an unspecified address")
    } else if address == AWS_METADATA || address == GOOGLE_METADATA {
        Some("a cloud metadata service")
    } else if first & 0xffc0 == 0xfe80 {
        Some("a link-local address")
    } else if address.is_multicast() {
        Some("a multicast address")
    } else if deny_private && address.is_loopback() {
        Some("this machine")
    } else if deny_private && (first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0) {
        Some("in a private network")
    } else {
        None
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, translated (NAT64) or tunnelled (6to4).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        // `::` and `::1` are not IPv4 in disguise.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}
