//! A signing program of the user's own, by c2patool's protocol.
//!
//! The decision that shapes it: the bytes to be signed go to its standard input, the raw signature
//! comes back on its standard output, and what it signs with is described by a small JSON file. So
//! a key in a hardware module or a service is used without its secret ever being here. It runs with
//! the user's own rights; it is the user's own program.
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::ProvenanceError;

/// Signatures are some hundred bytes.
const MAX_SIGNATURE: usize = 64 << 10;

/// What a signing program signs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerInfo {
    /// `es256`, `es384`, `es512`, `ps256`, `ps384`, `ps512` or `ed25519`.
    pub alg: String,
    /// File with the certificates in PEM, the signing one first, the root left out.
    pub sign_cert: PathBuf,
}

impl SignerInfo {
    /// Reads the description; a relative certificate path is relative to it.
    ///
    /// # Errors
    /// [`ProvenanceError::Io`] or [`ProvenanceError::Key`].
    pub fn read(path: &Path) -> Result<Self, ProvenanceError> {
        let text = std::fs::read_to_string(path).map_err(ProvenanceError::io(path))?;
        let unusable = |e: serde_json::Error| ProvenanceError::Key { path: path.to_owned(), reason: e.to_string() };
        let mut info: Self = serde_json::from_str(&text).map_err(unusable)?;
        if let Some(folder) = path.parent().filter(|_| info.sign_cert.is_relative()) {
            info.sign_cert = folder.join(&info.sign_cert);
        }
        Ok(info)
    }
}

pub(super) struct Program {
    program: PathBuf,
    alg: c2pa::SigningAlg,
    certificates: Vec<Vec<u8>>,
}

impl Program {
    pub(super) fn new(program: &Path, info: &SignerInfo) -> Result<Self, ProvenanceError> {
        let unusable = |reason: String| ProvenanceError::Key { path: info.sign_cert.clone(), reason };
        let alg = info.alg.parse().map_err(|_| unusable(format!("unknown signature algorithm {}", info.alg)))?;
        let text = std::fs::read(&info.sign_cert).map_err(ProvenanceError::io(&info.sign_cert))?;
        let certificates = pem_blocks(&text).ok_or_else(|| unusable("it holds no certificates in PEM".into()))?;
        Ok(Self { program: program.to_owned(), alg, certificates })
    }

    fn run(&self, data: &[u8]) -> Result<Vec<u8>, String> {
        let said = |error: std::io::Error| format!("{}: {error}", self.program.display());
        let mut command = Command::new(&self.program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().map_err(said)?;
        let mut input = child.stdin.take();
        let output = std::thread::scope(|scope| {
            // Written beside the reading: a program that answers before it has read everything
            // would otherwise block both.
            scope.spawn(|| input.take().map(|mut pipe| pipe.write_all(data)));
            child.wait_with_output()
        });
        let output = output.map_err(said)?;
        match output.stdout.len() {
            _ if !output.status.success() => Err(format!("{} ended with {}", self.program.display(), output.status)),
            0 => Err(format!("{} gave no signature", self.program.display())),
            length if length > MAX_SIGNATURE => Err(format!("{} gave {length} bytes", self.program.display())),
            _ => Ok(output.stdout),
        }
    }
}

impl c2pa::Signer for Program {
    fn sign(&self, data: &[u8]) -> c2pa::Result<Vec<u8>> {
        self.run(data).map_err(|reason| c2pa::Error::OtherError(reason.into()))
    }

    fn alg(&self) -> c2pa::SigningAlg {
        self.alg
    }

    fn certs(&self) -> c2pa::Result<Vec<Vec<u8>>> {
        Ok(self.certificates.clone())
    }

    fn reserve_size(&self) -> usize {
        10_000 + self.certificates.iter().map(Vec::len).sum::<usize>()
    }
}

/// The DER content of every certificate block; `None` when there is none or one is broken.
fn pem_blocks(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    const TAG: &str = "CERTIFICATE";
    let text = std::str::from_utf8(text).ok()?;
    let blocks = pem::parse_many(text).ok()?.into_iter().filter(|block| block.tag() == TAG);
    let found: Vec<Vec<u8>> = blocks.map(pem::Pem::into_contents).collect();
    // The crate passes over a block without an end.
    let begun = text.matches("-----BEGIN CERTIFICATE-----").count();
    (begun > 0 && found.len() == begun).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_chains_are_taken_apart() {
        let text = b"# mine\n-----BEGIN CERTIFICATE-----\nAQID\nBA==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nBQ==\n-----END CERTIFICATE-----\n";
        assert_eq!(pem_blocks(text), Some(vec![vec![1, 2, 3, 4], vec![5]]));
        assert_eq!(pem_blocks(b"-----BEGIN CERTIFICATE-----\nAQID"), None);
        let cut = [&text[..], b"-----BEGIN CERTIFICATE-----\nAQID"].concat();
        assert_eq!(pem_blocks(&cut), None, "a chain is whole or refused");
        assert_eq!(pem_blocks(b"nothing"), None);
    }

    #[test]
    fn what_the_program_says_is_the_signature_and_its_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let script = |name: &str, text: &str| {
            use std::os::unix::fs::PermissionsExt as _;
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            Program { program: path, alg: c2pa::SigningAlg::Es256, certificates: Vec::new() }
        };
        assert_eq!(script("rev", "#!/bin/sh\nexec rev").run(b"abc").unwrap().trim_ascii(), b"cba");
        assert!(script("fail", "#!/bin/sh\nexit 3").run(b"abc").unwrap_err().contains("exit status: 3"));
        assert!(script("silent", "#!/bin/sh\ncat > /dev/null").run(b"abc").unwrap_err().contains("no signature"));
    }
}
