//! Makes and signs certificates and revocation lists, in memory.

use super::CaError;
use crate::peer::Peer;
use crate::tls;
use base::Role;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber, SignatureAlgorithm,
};
use rustls_pki_types::CertificateDer;
use std::fmt;
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

/// How long a node's certificate is valid.
pub const NODE_DAYS: u16 = 365;
/// How long the root certificate is valid.
pub const ROOT_DAYS: u16 = 3650;
/// How long a revocation list says it is good for. Nodes do not enforce it; other tools may.
const LIST_DAYS: u16 = 365;
/// How far a node's clock may be behind the CA's when it gets its first certificate.
const CLOCK_SKEW: Duration = Duration::hours(1);
/// Random bytes of a serial number: RFC 5280 allows 20, collisions ask for at least 8.
const SERIAL_LEN: usize = 16;

/// When a certificate is valid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validity {
    pub(crate) from: OffsetDateTime,
    pub(crate) until: OffsetDateTime,
}

impl Validity {
    /// From now, less the clock skew, for so many days.
    pub(super) fn days(days: u16) -> Self {
        let now = OffsetDateTime::now_utc();
        Self { from: now - CLOCK_SKEW, until: now + Duration::days(i64::from(days)) }
    }
}

/// One revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revoked {
    /// Its serial number, big endian.
    pub(super) serial: Vec<u8>,
    /// Since when.
    pub(super) since: OffsetDateTime,
}

/// A new certificate with its key.
pub(super) struct Issued {
    pub(super) certificate: rcgen::Certificate,
    pub(super) key: KeyPair,
    pub(super) serial: Vec<u8>,
}

/// The CA's key and certificate.
pub(super) struct Signer {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    /// When the root's own certificate ends.
    until: OffsetDateTime,
}

impl Signer {
    /// A new root of trust whose keys, and those of all that it issues, are of one kind; and its
    /// certificate in PEM.
    pub(super) fn generate(keys: &'static SignatureAlgorithm) -> Result<(Self, String), CaError> {
        let serial = random_serial();
        let mut params = CertificateParams::default();
        let validity = Validity::days(ROOT_DAYS);
        (params.not_before, params.not_after) = (validity.from, validity.until);
        // The serial in its name keeps two CAs apart in messages and in chain building.
        params.distinguished_name = common_name(&format!("causeway ca {}", hex(&serial[..4])));
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(keys).map_err(|e| make("the CA's key", e))?;
        let certificate = params.self_signed(&key).map_err(|e| make("the CA's certificate", e))?;
        let pem = certificate.pem();
        let issuer = Issuer::new(params, key);
        let until = validity.until;
        Ok((Self { issuer, certificate: certificate.into(), until }, pem))
    }

    /// The root of trust with this certificate and key; `None` where they are not a pair.
    pub(super) fn restore(
        certificate: CertificateDer<'static>,
        key: KeyPair,
    ) -> Result<Option<Self>, rcgen::Error> {
        let (_, parsed) = X509Certificate::from_der(&certificate)
            .map_err(|_| rcgen::Error::CouldNotParseCertificate)?;
        if key.public_key_raw() != &*parsed.public_key().subject_public_key.data {
            return Ok(None);
        }
        let until = parsed.validity().not_after.to_datetime();
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Some(Self { issuer, certificate, until }))
    }

    /// The root certificate.
    pub(super) const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The root's private key, PKCS #8 in PEM.
    pub(super) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A new key and a certificate for it, which ends with the root's at the latest.
    pub(super) fn issue(&self, peer: &Peer, validity: Validity) -> Result<Issued, CaError> {
        let serial = random_serial();
        let mut params = CertificateParams::default();
        (params.not_before, params.not_after) = (validity.from, validity.until.min(self.until));
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.distinguished_name = common_name(peer.name.as_str());
        let ascii = "node names and roles are ASCII";
        params.subject_alt_names = vec![
            SanType::DnsName(peer.name.as_str().try_into().expect(ascii)),
            SanType::URI(peer.uri().try_into().expect(ascii)),
        ];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = purposes(peer.role);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(self.issuer.key().algorithm());
        let key = key.map_err(|e| make("a node's key", e))?;
        let certificate =
            params.signed_by(&key, &self.issuer).map_err(|e| make("a node's certificate", e))?;
        Ok(Issued { certificate, key, serial: serial.to_vec() })
    }

    /// A signed list of all that is revoked. `number` grows with every list.
    pub(super) fn revocation_list(
        &self,
        revoked: &[Revoked],
        number: u64,
    ) -> Result<rcgen::CertificateRevocationList, CaError> {
        let Validity { from, until } = Validity::days(LIST_DAYS);
        let entry = |revoked: &Revoked| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&revoked.serial),
            revocation_time: revoked.since,
            reason_code: None,
            invalidity_date: None,
        };
        CertificateRevocationListParams {
            this_update: from,
            next_update: until,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .map_err(|e| make("the revocation list", e))
    }
}

/// Says nothing of the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("issuer", &self.issuer).finish()
    }
}

/// Lower-case hexadecimal, as serial numbers are written.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A device only dials. Gateways and clouds listen, and may dial the next tier.
fn purposes(role: Role) -> Vec<ExtendedKeyUsagePurpose> {
    match role {
        Role::Device => vec![ExtendedKeyUsagePurpose::ClientAuth],
        Role::Gateway | Role::Cloud => {
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
        }
    }
}

/// Positive and of full length, so that it is written in DER as it stands.
fn random_serial() -> [u8; SERIAL_LEN] {
    let mut serial = [0; SERIAL_LEN];
    tls::provider()
        .secure_random
        .fill(&mut serial)
        .expect("a system without randomness cannot run TLS at all");
    serial[0] = serial[0] & 0x3f | 0x40;
    serial
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn make(what: &'static str, source: rcgen::Error) -> CaError {
    CaError::Make { what, source }
}
