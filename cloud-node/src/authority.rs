//! `cloud-node ca`: makes the private CA, issues and revokes certificates.

use base::{NodeName, Role};
use clap::Subcommand;
use std::io::Write;
use std::path::PathBuf;
use transport::ca::Authority;

/// What to do with the CA.
#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Make a new CA: ca.pem, ca.key and crl.pem.
    Init {
        /// The folder to make it in; keep it where no node runs.
        #[arg(long, default_value = "pki")]
        dir: PathBuf,
    },
    /// Issue a certificate and key: NAME.pem, NAME.key and a copy of ca.pem.
    Issue {
        /// What the node may be: device, gateway or cloud.
        #[arg(long)]
        role: Role,
        /// The node's name, as other nodes' configurations spell it.
        #[arg(long, value_parser = NodeName::new)]
        name: NodeName,
        /// The folder to write them to.
        #[arg(long)]
        out: PathBuf,
        /// The CA's folder.
        #[arg(long, default_value = "pki")]
        dir: PathBuf,
    },
    /// Revoke every certificate of a name, by writing it to crl.pem. Nodes read that at their start.
    Revoke {
        /// The node's name.
        #[arg(long, value_parser = NodeName::new)]
        name: NodeName,
        /// The CA's folder.
        #[arg(long, default_value = "pki")]
        dir: PathBuf,
    },
}

impl CaCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut out = std::io::stdout();
        match self {
            Self::Init { dir } => {
                let authority = Authority::create(&dir)?;
                writeln!(out, "{}", authority.certificate_path().display())?;
                writeln!(out, "{}", authority.crl_path().display())?;
            }
            Self::Issue { role, name, out: folder, dir } => {
                let issued = Authority::open(&dir)?.issue(role, &name, &folder)?;
                writeln!(out, "{}", issued.certificate.display())?;
                writeln!(out, "{}", issued.key.display())?;
                writeln!(out, "{}", issued.ca.display())?;
            }
            Self::Revoke { name, dir } => {
                let authority = Authority::open(&dir)?;
                let revoked = authority.revoke(&name)?;
                let list = authority.crl_path();
                writeln!(out, "revoked {revoked} certificates in {}", list.display())?;
            }
        }
        Ok(())
    }
}
