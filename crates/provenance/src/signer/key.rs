//! The key that is made on first use, and its two certificates.
//!
//! The decision that shapes it: C2PA refuses a certificate that signs itself, so there are two: an
//! authority that signs once and whose key is thrown away, and the one that signs manifests (C2PA
//! Technical Specification 2.2, 14.5: `digitalSignature`, an extended key usage from its list,
//! authority key identifier). The private key is created with mode 0600 before anything is written
//! into it. The certificates say nothing about who the user is.
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod,
    KeyUsagePurpose, SerialNumber,
};
use sha2::{Digest as _, Sha256};

use crate::ProvenanceError;

/// File names in the folder.
const KEY_FILE: &str = "signing-key.pem";
const CERTIFICATES_FILE: &str = "signing-certificates.pem";
/// Years for which the certificates hold. There is no time stamp in a manifest made offline, so a
/// signature ends with its certificate.
const YEARS: i32 = 20;

/// A key and its certificates in PEM.
pub(super) struct Pair {
    pub(super) private_key: String,
    pub(super) certificates: String,
}

/// Reads the key, or makes it.
pub(super) fn open_or_create(folder: &Path) -> Result<Pair, ProvenanceError> {
    let (key, certificates) = (folder.join(KEY_FILE), folder.join(CERTIFICATES_FILE));
    if !key.exists() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).map_err(ProvenanceError::io(folder))?;
        let pair = create(folder)?;
        // The certificates first: whoever sees the key sees them too. Links fail where another
        // process was faster, and its pair is used.
        write_once(&certificates, &pair.certificates, 0o644)?;
        write_once(&key, &pair.private_key, 0o600)?;
    }
    let mode = fs::metadata(&key).map_err(ProvenanceError::io(&key))?.permissions().mode();
    if mode & 0o077 != 0 {
        let reason = format!(
            "the private key can be read by others (mode {:o}); set it to 600 and make a new one",
            mode & 0o777
        );
        return Err(ProvenanceError::Key { path: key, reason });
    }
    Ok(Pair {
        private_key: fs::read_to_string(&key).map_err(ProvenanceError::io(&key))?,
        certificates: fs::read_to_string(&certificates).map_err(ProvenanceError::io(&certificates))?,
    })
}

/// Writes a file that is not there yet, whole or not at all.
fn write_once(path: &Path, text: &str, mode: u32) -> Result<(), ProvenanceError> {
    let partial = path.with_extension(format!("{}.part", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&partial);
        ProvenanceError::Io { path: path.to_owned(), source: error }
    })
}

/// An Ed25519 key as the certificate builder wants it.
struct Key {
    secret: ed25519_dalek::SigningKey,
    public: [u8; 32],
}

impl Key {
    fn new() -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let secret = ed25519_dalek::SigningKey::from_bytes(&seed);
        Ok(Self { public: secret.verifying_key().to_bytes(), secret })
    }

    fn identifier(&self) -> Vec<u8> {
        Sha256::digest(self.public).iter().take(20).copied().collect()
    }
}

impl rcgen::PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.secret.sign(message).to_vec())
    }
}

/// What both certificates share.
fn parameters(name: &str, key: &Key) -> Result<CertificateParams, ProvenanceError> {
    let unusable = |reason: String| ProvenanceError::Key { path: name.into(), reason };
    let mut parameters = CertificateParams::new(Vec::<String>::new()).map_err(|e| unusable(e.to_string()))?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    // C2PA readers show the organisation as the signer's name.
    subject.push(DnType::OrganizationName, "Assay, key of this installation");
    parameters.distinguished_name = subject;
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|e| unusable(e.to_string()))?;
    serial[0] &= 0x7F;
    parameters.serial_number = Some(SerialNumber::from_slice(&serial));
    parameters.key_identifier_method = KeyIdMethod::PreSpecified(key.identifier());
    let year = i32::from(jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year());
    parameters.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(year + YEARS, 1, 1);
    Ok(parameters)
}

fn create(folder: &Path) -> Result<Pair, ProvenanceError> {
    let unusable = |reason: String| ProvenanceError::Key { path: folder.to_owned(), reason };
    let [authority, own] = [Key::new(), Key::new()].map(|key| key.map_err(|e| unusable(e.to_string())));
    let (authority, own) = (authority?, own?);
    let mut top = parameters("Assay signing authority of this installation", &authority)?;
    top.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    top.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let mut signer = parameters("Assay", &own)?;
    signer.is_ca = IsCa::ExplicitNoCa;
    signer.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    signer.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
    signer.use_authority_key_identifier_extension = true;
    let refused = |error: rcgen::Error| unusable(format!("the certificates cannot be made: {error}"));
    let top_certificate = top.self_signed(&authority).map_err(refused)?;
    let certificate = signer.signed_by(&own, &Issuer::from_params(&top, &authority)).map_err(refused)?;
    let private = own.secret.to_pkcs8_pem(LineEnding::LF).map_err(|e| unusable(e.to_string()))?;
    Ok(Pair {
        private_key: private.to_string(),
        certificates: format!("{}{}", certificate.pem(), top_certificate.pem()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("deep/assay");
        let first = open_or_create(&place).unwrap();
        let second = open_or_create(&place).unwrap();
        assert_eq!((first.private_key, first.certificates), (second.private_key, second.certificates));
        let mode = fs::metadata(place.join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&place).unwrap().count(), 2);
        fs::set_permissions(place.join(KEY_FILE), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(open_or_create(&place).is_err());
    }

    #[test]
    fn the_chain_is_accepted_for_signing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(crate::Signer::own(Some(folder.path())).is_ok());
    }
}
