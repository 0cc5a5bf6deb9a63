//! SHA-256 of bytes, of JSON values and of many rows.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::canonical::canonical;

/// A SHA-256 digest. It is written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// A text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 lower-case hexadecimal digits of a SHA-256 digest")]
pub struct NotADigest;

impl Digest {
    /// The digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of a JSON value, however it was written: that of its [`canonical`] form.
    #[must_use]
    pub fn of_json(value: &Value) -> Self {
        Self::of(canonical(value).as_bytes())
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(NotADigest);
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self(bytes))
    }
}

const fn nibble(digit: u8) -> Result<u8, NotADigest> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(NotADigest),
    }
}

impl TryFrom<String> for Digest {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, NotADigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// What stands for the rows of a run: with them anybody can check that they are the ones that were
/// judged, and one row can be shown to be among them without the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsProof {
    /// How many there are.
    pub count: usize,
    /// The root of the Merkle tree over them (RFC 6962, section 2.1).
    pub root: Digest,
}

impl RowsProof {
    /// Of rows in this order, each as its bytes in the file without the end of its line.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let rows = rows.into_iter().map(|row| Digest::of_parts(&[&[0], row]));
        let leaves: Vec<Digest> = rows.collect();
        Self { count: leaves.len(), root: root(&leaves) }
    }

    /// Of a file with one row a line. A last line without an end was never whole, and does not
    /// count; neither do empty lines.
    #[must_use]
    pub fn of_lines(file: &[u8]) -> Self {
        let whole = file.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
        let lines = file.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
        Self::of(lines.filter(|line| !line.trim_ascii().is_empty()))
    }
}

/// The left half is the largest full tree that leaves something for the right one.
fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(&[]),
        [leaf] => *leaf,
        _ => {
            let full = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(full);
            Digest::of_parts(&[&[1], &root(left).0, &root(right).0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows and roots that Certificate Transparency's own implementations are tested with.
    #[test]
    fn roots_are_those_of_rfc_6962() {
        let rows: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        for (count, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
            (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
            (6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
            (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            let proof = RowsProof::of(rows.iter().take(count).copied());
            assert_eq!((proof.count, proof.root.to_string().as_str()), (count, root));
        }
    }

    #[test]
    fn a_torn_line_is_no_row() {
        let proof = RowsProof::of([&b"one"[..], b"two"]);
        for file in ["one\ntwo\n", "one\n\ntwo\n", "one\ntwo\n{\"torn"] {
            assert_eq!(RowsProof::of_lines(file.as_bytes()), proof, "{file:?}");
        }
        for file in ["", "torn", "\n"] {
            assert_eq!(RowsProof::of_lines(file.as_bytes()).count, 0, "{file:?}");
        }
    }

    #[test]
    fn digests_are_read_as_they_are_written() {
        let digest = Digest::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((digest.to_string().as_str(), text.parse()), (text, Ok(digest)));
        for bad in ["", "ba78", &text.to_uppercase(), &format!("{text}00"), &format!("{text}0")] {
            assert_eq!(bad.parse::<Digest>(), Err(NotADigest), "{bad}");
        }
    }
}
