//! Attestations: what a gate has shown of a deployment, signed, so that whoever holds the public
//! key can check it without the run, the network or the one who made it.
//!
//! [`Statement`] says it in the words of in-toto, [`Envelope`] carries it with its signatures,
//! [`verify`] lets through what was signed by a trusted key, passed, and is in its time.
//! `docs/reference/attestations.md` tells the format field by field.

mod canonical;
mod digest;
mod envelope;
mod evidence;
mod identity;
mod key;
mod statement;
mod verify;

pub use canonical::canonical;
pub use digest::{Digest, NotADigest, RowsProof};
pub use envelope::{Envelope, PAYLOAD_TYPE, Signature, Unsigned, pae};
pub use evidence::{Evidence, Findings, Test};
pub use identity::DeploymentIdentity;
pub use key::{BadKey, KeyId, PublicKey, SigningKey};
pub use statement::{
    Descriptor, DigestSet, Outcome, PREDICATE_TYPE, Predicate, STATEMENT_TYPE, Statement,
};
pub use verify::{Attestation, ENVELOPE_BYTES_MAX, Refusal, SIGNATURES_MAX, SKEW_MS, read, verify};
