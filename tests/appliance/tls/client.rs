//! A client that speaks TLS: it takes any certificate, or only those of one issuer.

use std::io::{Result, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};

use crate::http2::Peer;
use crate::support::Answer;
use crate::support::http::{Connection, request};
use crate::wire::PATIENCE;

/// How to connect.
pub struct Client {
    port: u16,
    name: &'static str,
    versions: Vec<&'static SupportedProtocolVersion>,
    alpn: Vec<&'static str>,
    trusted: Option<Vec<u8>>,
}

/// A connection after its handshake.
pub struct Secured(StreamOwned<ClientConnection, TcpStream>);

impl Client {
    pub fn new(port: u16) -> Client {
        Client { port, name: "scim.test", versions: rustls::ALL_VERSIONS.to_vec(), alpn: Vec::new(), trusted: None }
    }

    pub fn name(mut self, name: &'static str) -> Client {
        self.name = name;
        self
    }

    pub fn version(mut self, version: &'static SupportedProtocolVersion) -> Client {
        self.versions = vec![version];
        self
    }

    pub fn alpn(mut self, names: &[&'static str]) -> Client {
        self.alpn = names.to_vec();
        self
    }

    /// Takes nothing but what this certificate vouches for.
    pub fn trusting(mut self, der: &[u8]) -> Client {
        self.trusted = Some(der.to_vec());
        self
    }

    fn config(&self) -> Arc<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(&self.versions).unwrap();
        let builder = match &self.trusted {
            Some(der) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from(der.clone())).unwrap();
                builder.with_root_certificates(roots)
            }
            None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anything(provider))),
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = self.alpn.iter().map(|a| a.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    fn server_name(&self) -> ServerName<'static> {
        ServerName::try_from(self.name).unwrap()
    }

    /// Connects and shakes hands.
    pub fn connect(&self) -> Result<Secured> {
        let socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let connection = ClientConnection::new(self.config(), self.server_name()).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        stream.flush()?;
        Ok(Secured(stream))
    }

    /// One request on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.connect().unwrap().raw(&request(method, path, "close", headers, None)).unwrap()
    }

    /// Speaks HTTP/2.
    pub async fn peer(&self, token: &str) -> Peer {
        let socket = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(self.config());
        let stream = connector.connect(self.server_name(), socket).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Peer::over(stream, token).await
    }
}

impl Secured {
    /// The certificate that the server has shown.
    pub fn shown(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }

    /// What was agreed upon.
    pub fn agreed(&self) -> (Option<rustls::ProtocolVersion>, Option<String>) {
        let alpn = self.0.conn.alpn_protocol().map(|a| String::from_utf8(a.to_vec()).unwrap());
        (self.0.conn.protocol_version(), alpn)
    }

    /// The connection, to ask for more than one thing.
    pub fn http(self) -> Connection<StreamOwned<ClientConnection, TcpStream>> {
        Connection::over(self.0)
    }

    pub fn raw(self, bytes: &[u8]) -> Result<Answer> {
        self.http().raw(bytes)
    }

    /// Sends bytes and reads until the server says that it has said everything; an end without that is an error.
    pub fn all(mut self, bytes: &[u8]) -> Result<String> {
        use std::io::Read;
        self.0.write_all(bytes)?;
        self.0.flush()?;
        let mut read = String::new();
        self.0.read_to_string(&mut read)?;
        Ok(read)
    }
}

/// Takes every certificate, as long as the server has its key.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
