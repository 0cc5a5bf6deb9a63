//! `tieline eval keygen`: the key that attestations are signed with.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use rand::{TryRngCore as _, rngs::OsRng};
use serde_json::json;
use tieline_gate::attest::SigningKey;

use crate::{
    failure::Failure,
    print::{self, Format, FormatOption},
};

/// Only its owner may read a private key.
const PRIVATE: u32 = 0o600;

/// Make a key that signs attestations
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The private key goes to --out, which only you can read; keep it where evals run, and away from
gateways. Only the public key goes to stdout: it is what attestations are checked with.

Examples:
  tieline eval keygen --out eval.key > eval.pub")]
pub(super) struct Keygen {
    /// Where to put the private key; an existing file is never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    format: FormatOption,
}

impl Keygen {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut seed = [0; 32];
        let drawn = OsRng.try_fill_bytes(&mut seed).map_err(io::Error::other);
        drawn.map_err(Failure::os("draw random numbers"))?;
        let refused = |error| Failure::os("make a key")(io::Error::other(error));
        let key = SigningKey::from_seed(&seed).map_err(refused)?;
        self.write(key.to_pem().map_err(refused)?.expose())?;
        let (public, id) = (key.public().to_pem(), key.public().id());
        if self.format.format == Format::Json {
            return print::json(&json!({ "key": self.out, "public_key": public, "id": id }));
        }
        print::remark(&format!(
            "wrote the private key to {}; the public key below has id {id}",
            self.out.display()
        ));
        print::line(public.trim_end())
    }

    fn write(&self, pem: &str) -> Result<(), Failure> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&self.out);
        let written = opened.and_then(|mut file| {
            file.write_all(pem.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::Usage {
                message: format!("{} exists", self.out.display()),
                hint: "name another file; what the key there signed needs it".to_owned(),
            },
            _ => Failure::os(format!("write {}", self.out.display()))(error),
        })
    }
}
